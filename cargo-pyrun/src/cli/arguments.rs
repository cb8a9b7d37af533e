//! Where our options end and the script's begin.
//!
//! As with `python` and `docker run`, everything after the script belongs to it. Clap finds that place by itself
//! for a file, but not for `-c CODE` and `-m MODULE`, so a `--` is put there before it parses.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};

use clap::{CommandFactory, builder::ArgAction};

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
            return ended(split, [argument], incoming);
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
            return ended(split, [argument], incoming);
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
            split.extend(incoming.next());
        }
        if letter == 'c' || letter == 'm' {
            return ended(split, [], incoming);
        }
    }
    split
}

fn ended<const N: usize>(
    mut split: Vec<OsString>,
    script: [OsString; N],
    rest: impl Iterator<Item = OsString>,
) -> Vec<OsString> {
    split.push(OsStr::new("--").to_owned());
    split.extend(script);
    split.extend(rest);
    split
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
        assert_eq!(args.code.as_deref(), Some("pass"));
        assert_eq!((args.script, args.arguments), (None, vec!["-x".into(), "--tag".into()]));
    }

    #[test]
    fn docker_s_habits_are_welcome() {
        let args = parse(["p", "-it", "--rm", "--name", "x", "s.py"].map(OsString::from)).unwrap();
        assert_eq!(args.script, Some("s.py".into()));
    }
}
