//! `entry_points.txt`: which programs a wheel has, and the files that start them.

use std::collections::BTreeMap;

use super::WheelProblem;
use super::path;
use super::scheme::{Launcher, Scheme};

/// The programs of a wheel by name, with what they call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EntryPoints {
    pub(super) console: BTreeMap<String, String>,
    pub(super) gui: BTreeMap<String, String>,
}

impl EntryPoints {
    /// Reads the file as Python's `importlib.metadata` does, which pip asks: an INI file of which only `=`
    /// separates, and in which `#` starts a comment only at the start of a line.
    pub(super) fn parse(text: &str) -> Result<Self, WheelProblem> {
        let mut entry_points = Self::default();
        let mut group = None;
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with('[') && line.ends_with(']') {
                group = match line.trim_matches(['[', ']']) {
                    "console_scripts" => Some(&mut entry_points.console),
                    "gui_scripts" => Some(&mut entry_points.gui),
                    _ => None,
                };
            } else if let Some(group) = &mut group {
                let (name, value) = line.split_once('=').ok_or_else(|| WheelProblem::EntryPoint {
                    name: line.to_owned(),
                    value: String::new(),
                    why: "it has no `=`",
                })?;
                group.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        Ok(entry_points)
    }

    /// Whether a file of `.data/scripts` is what setuptools once made of an entry point, and so superfluous.
    pub(super) fn shadow(&self, file_name: &str) -> bool {
        let suffix = |suffix: &str| {
            let start = file_name.len().checked_sub(suffix.len())?;
            let (stem, end) = file_name.split_at_checked(start)?;
            end.eq_ignore_ascii_case(suffix).then_some(stem)
        };
        let stem = suffix(".exe").or_else(|| suffix("-script.py")).or_else(|| suffix(".pya"));
        let name = stem.unwrap_or(file_name);
        self.console.contains_key(name) || self.gui.contains_key(name)
    }

    /// Name and text of each program's file. Names that are in both groups come twice, as pip writes them.
    pub(super) fn launchers(&self, scheme: &Scheme) -> Result<Vec<(String, String)>, WheelProblem> {
        let console = versioned(&self.console, scheme.python());
        console.iter().chain(&self.gui).map(|(name, value)| launcher(name, value, scheme)).collect()
    }
}

/// What pip does for its own wheel and setuptools', whose entry points are named after the version of the
/// Python that built them: `pip3.12` becomes the `pip3` and `pip3.13` of the Python that it is installed for.
fn versioned(console: &BTreeMap<String, String>, (major, minor): (u16, u16)) -> BTreeMap<String, String> {
    let mut console = console.clone();
    if let Some(pip) = console.remove("pip").filter(|value| !value.is_empty()) {
        console.retain(|name, _| {
            !name.strip_prefix("pip").is_some_and(|rest| rest.is_empty() || is_version(rest))
        });
        for name in ["pip".to_owned(), format!("pip{major}"), format!("pip{major}.{minor}")] {
            console.insert(name, pip.clone());
        }
    }
    if let Some(easy_install) = console.remove("easy_install").filter(|value| !value.is_empty()) {
        let is_versioned =
            |rest: &str| rest.is_empty() || rest.strip_prefix('-').is_some_and(is_two_part_version);
        console.retain(|name, _| !name.strip_prefix("easy_install").is_some_and(is_versioned));
        for name in ["easy_install".to_owned(), format!("easy_install-{major}.{minor}")] {
            console.insert(name, easy_install.clone());
        }
    }
    console
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_two_part_version(text: &str) -> bool {
    text.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

fn is_version(text: &str) -> bool {
    is_number(text) || is_two_part_version(text)
}

fn launcher(name: &str, value: &str, scheme: &Scheme) -> Result<(String, String), WheelProblem> {
    let wrong = |why| WheelProblem::EntryPoint { name: name.to_owned(), value: value.to_owned(), why };
    if name.starts_with('[') || name.chars().any(char::is_whitespace) {
        return Err(wrong("its name is none that a command can have"));
    }
    let path = path::normalised(name).map_err(wrong)?;
    let (module, object) = object_reference(value).map_err(wrong)?;
    let import = object.split('.').next().unwrap_or(object);
    let body = match scheme.launcher() {
        Launcher::Pip26 => format!(
            "import sys\nfrom {module} import {import}\nif __name__ == '__main__':\n    \
             sys.argv[0] = sys.argv[0].removesuffix('.exe')\n    sys.exit({object}())\n"
        ),
        Launcher::Pip25_2 => format!(
            "import sys\nfrom {module} import {import}\nif __name__ == '__main__':\n    \
             if sys.argv[0].endswith('.exe'):\n        sys.argv[0] = sys.argv[0][:-4]\n    \
             sys.exit({object}())\n"
        ),
        Launcher::Distlib => format!(
            "# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom {module} import {import}\n\
             if __name__ == '__main__':\n    \
             sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    sys.exit({object}())\n"
        ),
    };
    Ok((path, shebang(scheme.interpreter()) + &body))
}

/// The module and the object in it of `pkg.sub:obj.attr [extra]`.
///
/// As distlib, which pip asks, finds them: what follows is ignored, but for brackets that make no sense.
fn object_reference(value: &str) -> Result<(&str, &str), &'static str> {
    let no_word = |character: char| !(character.is_alphanumeric() || character == '_');
    let word_len = |text: &str| text.find(no_word).unwrap_or(text.len());
    let mut len = word_len(value);
    if len == 0 {
        return Err("it names no module");
    }
    while value[len..].starts_with(['.', ':']) {
        match word_len(&value[len + 1..]) {
            0 => break,
            word => len += 1 + word,
        }
    }
    let (reference, rest) = value.split_at(len);
    let rest = rest.trim_start();
    if rest.contains(['[', ']']) && !(rest.starts_with('[') && rest.contains(']')) {
        return Err("its brackets make no sense");
    }
    let (module, object) =
        reference.split_once(':').ok_or("it names no function, as in `module:function`")?;
    if object.contains(':') { Err("it has two colons") } else { Ok((module, object)) }
}

/// The first line, or the first three where the system could not read one: Linux takes 127 bytes and splits
/// at the first space.
fn shebang(interpreter: &str) -> String {
    const LONGEST: usize = 127;
    let has_space = interpreter.contains(' ');
    if !has_space && interpreter.len() + "#!\n".len() <= LONGEST {
        return format!("#!{interpreter}\n");
    }
    let quote = if has_space { "\"" } else { "" };
    // For the shell a command, for Python a text of three lines.
    format!("#!/bin/sh\n'''exec' {quote}{interpreter}{quote} \"$0\" \"$@\"\n' '''\n")
}

#[cfg(test)]
mod tests;
