use std::path::Path;

use clap::CommandFactory as _;

use super::*;
use crate::cli::Cargo;
use crate::dependencies::DependencyError;
use crate::engine::EngineError;
use crate::engine::discovery::DiscoveryError;
use crate::environment::EnvironmentError;
use crate::publish;
use crate::request::RequestError;
use crate::resolution::ResolutionError;
use crate::run::RunError;
use crate::script::ScriptError;
use crate::shell::{Shell, Verbosity};

#[test]
fn options_become_methods_with_their_values() {
    for (option, method) in [
        ("`--memory`", "`.memory(…)`"),
        ("`--tag 3.13-slim` has it", "`.tag(\"3.13-slim\")` has it"),
        ("did you mean `--tag 1`, `--tag 2`?", "did you mean `.tag(\"1\")`, `.tag(\"2\")`?"),
        ("`--platform linux/arm64 --pull always`", "`.platform(\"linux/arm64\").pull(\"always\")`"),
        ("`--pull=never`", "`.pull(\"never\")`"),
        ("without `--offline`", "without `.offline()`"),
        ("`-m MODULE`", "`Script::module(\"MODULE\")`"),
        ("write one with `--lock`", "write one with `cargo pyrun --lock`"),
    ] {
        assert_eq!(told(option), method);
        assert_eq!(help(option).as_deref(), Some(method));
    }
}

#[test]
fn what_is_no_option_of_the_command_stays() {
    for text in [
        "",
        "plain",
        "`docker ps --all`",
        "`uv lock --script a.py`",
        "`--index-strategy first-index`",
        "a ` alone, and --tag",
        "`--tag",
        "``",
    ] {
        assert_eq!(told(text), text);
        assert_eq!(help(text).as_deref(), Some(text));
    }
}

#[test]
fn a_help_that_no_method_stands_for_is_left_away() {
    assert_eq!(help("for the package of that name: `--package serde`"), None);
    assert_eq!(told("`--frozen` wants one"), "`--frozen` wants one");
}

#[test]
fn every_option_of_the_command_is_a_method_or_known_to_be_none() {
    let command = Cargo::command();
    let pyrun = command.get_subcommands().next().expect("the subcommand");
    for argument in pyrun.get_arguments() {
        let long = argument.get_long().map(|name| format!("--{name}"));
        let short = argument.get_short().map(|name| format!("-{name}"));
        for option in long.into_iter().chain(short) {
            assert!(METHODS.iter().any(|(known, _)| *known == option), "{option} is not in METHODS");
        }
    }
}

/// Options of `cargo pyimage`, which messages about registries name: no script comes to these.
const OF_OTHERS: [&str; 1] = ["--to"];

#[test]
fn every_option_that_a_message_names_is_known() {
    let mut found = 0;
    for file in sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path()) {
        let text = fs_err::read_to_string(&file).expect("a source");
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for code in line.split('`').skip(1).step_by(2).filter(|code| code.starts_with('-')) {
                let option = code.split([' ', '=']).next().unwrap_or(code);
                let is_option =
                    option.trim_start_matches('-').starts_with(|letter: char| letter.is_ascii_alphabetic());
                let known = METHODS.iter().any(|(known, _)| *known == option);
                assert!(!is_option || known || OF_OTHERS.contains(&option), "{}: `{code}`", file.display());
                found += usize::from(known);
            }
        }
    }
    assert!(found > 30, "{found} options were found in messages");
}

/// The sources whose messages a script can come to.
fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap_or_default();
        match path.is_dir() {
            true if name != "cli" && name != "methods" && name != "tests" => files.extend(sources(&path)),
            false
                if path.extension().is_some_and(|kind| kind == "rs")
                    && !["cli.rs", "command.rs", "tests.rs", "methods.rs"].contains(&name.as_str()) =>
            {
                files.push(path);
            }
            _ => {}
        }
    }
    files
}

/// Everything that an error of a script tells: itself, its causes, its helps.
fn all_of(error: &ScriptError) -> Vec<String> {
    let causes = std::iter::successors(std::error::Error::source(error), |&error| error.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    [error.to_string()].into_iter().chain(causes).chain(error.helps()).collect()
}

#[test]
fn no_error_of_a_script_names_an_option() {
    let text = String::new;
    let image = || "python:3.13".to_owned();
    let stale = ResolutionError::Stale { lock: "pylock.toml".into(), changes: vec![text()] };
    let write = ResolutionError::Write { lock: "pylock.toml".into(), source: std::io::Error::other("full") };
    let run: Vec<RunError> = vec![
        EngineError::NameTaken { name: "one".to_owned() }.into(),
        EngineError::Discovery(DiscoveryError::Native).into(),
        EngineError::Discovery(DiscoveryError::NoneAnswers {
            attempts: Vec::new(),
            chosen_by: Some("`--engine podman`".to_owned()),
        })
        .into(),
        RunError::Folder("a".into()),
        RunError::Windows { image: image(), os: "linux".to_owned() },
        RunError::NoImage {
            image: image(),
            message: text(),
            nearest: vec!["3.13-slim".to_owned()],
            choosers: Vec::new(),
        },
        RunError::NoImage {
            image: image(),
            message: text(),
            nearest: vec!["a/b:1".to_owned()],
            choosers: Vec::new(),
        },
        RunError::NoImage {
            image: image(),
            message: text(),
            nearest: Vec::new(),
            choosers: vec!["a".to_owned()],
        },
        RunError::NotPulled(image()),
        RunError::OutOfMemory { limit: Some(1 << 20) },
        RunError::NoProgram { image: image(), program: text(), python: true, better: None },
        RunError::NoProgram { image: image(), program: text(), python: true, better: "3.13".parse().ok() },
        RunError::NoGpu { message: text() },
        RunError::PortTaken { publish: "80".to_owned(), message: text() },
        EnvironmentError::NoPip { image: image(), python: text() }.into(),
        EnvironmentError::Offline { missing: vec!["idna".to_owned()] }.into(),
        EnvironmentError::from(stale).into(),
        EnvironmentError::from(write).into(),
    ];
    let request: Vec<RequestError> = vec![
        publish::parse("serde").expect_err("no port").into(),
        publish::parse("80:x").expect_err("no port").into(),
        RequestError::Value { option: "--memory", reason: text() },
        DependencyError::NoProject { folder: "a".into() }.into(),
        DependencyError::LockAndOther { lock: "pylock.toml".into() }.into(),
        DependencyError::NoLock { frozen: false }.into(),
    ];
    let errors = run.into_iter().map(ScriptError::from).chain(request.into_iter().map(ScriptError::from));
    for error in errors {
        let all = all_of(&error);
        for told in &all {
            assert!(!told.split('`').skip(1).step_by(2).any(|code| code.starts_with('-')), "{all:?}");
        }
    }
}

#[test]
fn causes_are_told_in_methods_and_keep_their_type_where_they_name_no_option() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);
    let cause = |words: &str| {
        let told = crate::script::Told::from(Outer(std::io::Error::other(words.to_owned())));
        let cause = std::error::Error::source(&told).expect("a cause");
        (cause.to_string(), cause.is::<std::io::Error>())
    };
    assert_eq!(cause("`--with` on line 1"), ("`.with(…)` on line 1".to_owned(), false));
    assert_eq!(cause("plain"), ("plain".to_owned(), true));
}

#[test]
fn the_shell_of_a_script_tells_methods_too() {
    let (shell, capture) = Shell::capture(Verbosity::Normal);
    let of_script = shell.in_methods();
    of_script.warn("`--publish` does nothing with `--network host`");
    of_script.help("`--pull always` gets a newer image");
    of_script.help("`--keep` keeps it");
    shell.help("`--pull always` gets a newer image");
    let expected = "warning: `.publish(…)` does nothing with `.network(\"host\")`\n\
                    help: `.pull(\"always\")` gets a newer image\n\
                    help: `--pull always` gets a newer image\n";
    assert_eq!(capture.stderr(), expected);
}
