//! Where our options end and the script's begin.
//!
//! As with `python` and `docker run`, everything after the script belongs to it. Clap finds that place by itself
//! for a file, but not for `-c CODE` and `-m MODULE`, so a `--` is put there before it parses.

use std::collections::HashSet;
use std::ffi::OsString;

use clap::{CommandFactory, builder::ArgAction};
use pyimage_build::PythonTag;

use super::Cargo;

/// The arguments with `pyrun` first and a `--` before what belongs to the script.
#[must_use]
pub fn split_script(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut incoming = arguments.into_iter().peekable();
    let mut split: Vec<OsString> = incoming.next().into_iter().collect();
    // Called as `cargo-pyrun` by a person or a script, the subcommand's name is missing.
    if incoming.peek().is_some_and(|first| first == "pyrun") {
        incoming.next();
    }
    split.push("pyrun".into());
    let (long, short) = options_with_values();
    while let Some(argument) = incoming.next() {
        let Some(text) = argument.to_str() else {
            return ended(split, Some(argument), incoming);
        };
        if text == "--" {
            split.push(argument);
            split.extend(incoming);
            return split;
        }
        if let Some(name) = text.strip_prefix("--") {
            let takes_next = !name.contains('=') && long.contains(name);
            split.push(argument);
            if takes_next {
                split.extend(incoming.next());
            }
            continue;
        }
        if text == "-" || !text.starts_with('-') {
            return ended(split, Some(argument), incoming);
        }
        if let Some(volume) = text.strip_prefix("-v").filter(|rest| rest.contains(':')) {
            split.push("--volume".into());
            split.push(volume.trim_start_matches('=').into());
            continue;
        }
        let volume_next =
            incoming.peek().and_then(|next| next.to_str()).is_some_and(|next| next.contains(':'));
        if text == "-v" && volume_next {
            split.push("--volume".into());
            split.extend(incoming.next());
            continue;
        }
        // A cluster such as `-qe`: the first option that takes a value has the rest, or the next argument.
        let valued = text.char_indices().skip(1).find(|(_, letter)| short.contains(letter));
        let Some((at, letter)) = valued else {
            split.push(argument);
            continue;
        };
        let attached = at + letter.len_utf8() < text.len();
        split.push(argument.clone());
        if !attached {
            match incoming.next() {
                Some(value) => split.push(value),
                // The parser tells that it is missing.
                None => return split,
            }
        }
        if letter == 'c' || letter == 'm' {
            return ended(split, None, incoming);
        }
    }
    split
}

/// The arguments once the script is reached; `None` where `-c` or `-m` stood for it.
fn ended(
    mut split: Vec<OsString>,
    script: Option<OsString>,
    rest: impl Iterator<Item = OsString>,
) -> Vec<OsString> {
    let mut rest: Vec<OsString> = rest.collect();
    let chosen = split.iter().filter_map(|option| option.to_str()).any(|option| {
        let name = option.split_once('=').map_or(option, |(name, _)| name);
        ["--tag", "--image"].contains(&name)
    });
    if script.is_some() && !chosen {
        let ours = tag_after_script(&rest);
        split.extend(rest.drain(..ours));
    }
    split.push("--".into());
    split.extend(script);
    split.extend(rest);
    split
}

/// How many words right after the script choose the image.
///
/// `cargo pyrun script.py --tag 3.13-slim` means what it says: a well-formed tag there is ours, where nothing before
/// the script chose an image. A `--` in between gives it to the script.
fn tag_after_script(rest: &[OsString]) -> usize {
    let is_tag = |text: &str| text.parse::<PythonTag>().is_ok();
    let mut words = rest.iter().map(|word| word.to_str().unwrap_or_default());
    match (words.next(), words.next()) {
        (Some("--tag"), Some(tag)) if is_tag(tag) => 2,
        (Some(word), _) if word.strip_prefix("--tag=").is_some_and(is_tag) => 1,
        _ => 0,
    }
}

fn options_with_values() -> (HashSet<String>, HashSet<char>) {
    let command = Cargo::command();
    let options = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let valued = options.filter(|option| matches!(option.get_action(), ArgAction::Set | ArgAction::Append));
    let mut names = (HashSet::new(), HashSet::new());
    for option in valued {
        names.0.extend(option.get_long_and_visible_aliases().into_iter().flatten().map(str::to_owned));
        names.0.extend(option.get_all_aliases().into_iter().flatten().map(str::to_owned));
        names.1.extend(option.get_short());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse;

    fn split(line: &str) -> String {
        let arguments = shlex::split(line).unwrap().into_iter().map(OsString::from);
        let split = split_script(arguments);
        split.iter().map(|a| a.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_follows_the_script_is_its_own() {
        assert_eq!(
            split("cargo-pyrun pyrun --tag 3.13 a.py --tag x -v"),
            "cargo-pyrun pyrun --tag 3.13 -- a.py --tag x -v"
        );
        assert_eq!(split("cargo-pyrun -q -c 'pass' --tag x"), "cargo-pyrun pyrun -q -c pass -- --tag x");
        assert_eq!(split("cargo-pyrun -m http.server 80 -p"), "cargo-pyrun pyrun -m http.server -- 80 -p");
        assert_eq!(split("cargo-pyrun -qe A=1 - x"), "cargo-pyrun pyrun -qe A=1 -- - x");
        assert_eq!(split("cargo-pyrun --tag=3.13 a.py"), "cargo-pyrun pyrun --tag=3.13 -- a.py");
    }

    #[test]
    fn a_tag_right_after_the_script_chooses_the_image() {
        assert_eq!(split("p a.py --tag 3.13-slim -x"), "p pyrun --tag 3.13-slim -- a.py -x");
        assert_eq!(split("p a.py --tag=3.13-slim"), "p pyrun --tag=3.13-slim -- a.py");
        assert_eq!(split("p a.py --tag v1.2"), "p pyrun -- a.py --tag v1.2");
        assert_eq!(split("p a.py -x --tag 3.13"), "p pyrun -- a.py -x --tag 3.13");
        assert_eq!(split("p --image=x a.py --tag 3.13"), "p pyrun --image=x -- a.py --tag 3.13");
        assert_eq!(split("p a.py -- --tag 3.13"), "p pyrun -- a.py -- --tag 3.13");
    }

    #[test]
    fn the_two_meanings_of_v() {
        assert_eq!(split("p -v /a:/b x.py"), "p pyrun --volume /a:/b -- x.py");
        assert_eq!(split("p -v/a:/b x.py"), "p pyrun --volume /a:/b -- x.py");
        assert_eq!(split("p -v x.py"), "p pyrun -v -- x.py");
        assert_eq!(split("p -vv x.py"), "p pyrun -vv -- x.py");
    }

    #[test]
    fn module_and_code_take_arguments() {
        let arguments = ["p", "-c", "pass", "-x", "--tag"].map(OsString::from);
        let args = parse(arguments).unwrap();
        assert_eq!(args.mode.code.as_deref(), Some("pass"));
        assert_eq!(args.script(false), (None, &["-x".into(), "--tag".into()][..]));
    }

    #[test]
    fn code_and_module_without_a_value_are_for_the_parser_to_refuse() {
        assert_eq!(split("p -c"), "p pyrun -c");
        assert_eq!(split("p -q -m"), "p pyrun -q -m");
    }

    #[test]
    fn docker_s_habits_are_welcome() {
        let args = parse(["p", "-it", "--rm", "--name", "x", "s.py"].map(OsString::from)).unwrap();
        assert_eq!(args.script(false).0, Some(&"s.py".into()));
    }
}
