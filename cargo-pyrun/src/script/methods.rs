//! What the command says in options, said in methods of [`Script`](super::Script).
//!
//! Errors, helps and warnings are the command's, and name its options in backticks: `` `--memory` ``. Whoever calls the library
//! has no command line, so each such place is exchanged on the way out, here and nowhere else.

use std::borrow::Cow;

/// Options of the command, and what there is in their place; `…` stands for the value. Nothing is in the place of the last.
const METHODS: &[(&str, &str)] = &[
    ("--tag", ".tag(…)"),
    ("--image", ".image(…)"),
    ("--python", ".python(…)"),
    ("--platform", ".platform(…)"),
    ("--pull", ".pull(…)"),
    ("--with", ".with(…)"),
    ("--requirements", ".requirements(…)"),
    ("-r", ".requirements(…)"),
    ("--locked", ".lock(…)"),
    // A lock is written by the command.
    ("--lock", "cargo pyrun --lock"),
    ("--offline", ".offline()"),
    ("--build-tag", ".build_tag(…)"),
    ("--env", ".env(…)"),
    ("-e", ".env(…)"),
    ("--volume", ".volume(…)"),
    ("--workdir", ".workdir(…)"),
    ("-w", ".workdir(…)"),
    ("--publish", ".publish(…)"),
    ("-p", ".publish(…)"),
    ("--network", ".network(…)"),
    ("--name", ".name(…)"),
    ("--user", ".user(…)"),
    ("-u", ".user(…)"),
    ("--memory", ".memory(…)"),
    ("--cpus", ".cpus(…)"),
    ("--gpus", ".gpus(…)"),
    ("--read-only", ".read_only()"),
    ("--engine", ".engine(…)"),
    ("-m", "Script::module(…)"),
    ("-c", "Script::code(…)"),
    ("--verbose", ".shell(…)"),
    ("-v", ".shell(…)"),
    ("--package", NOTHING),
    ("--manifest-path", NOTHING),
    ("--group", NOTHING),
    ("--extra", NOTHING),
    ("--frozen", NOTHING),
    ("--env-file", NOTHING),
    ("--mount", NOTHING),
    ("--docker-socket", NOTHING),
    ("--keep", NOTHING),
    ("--entrypoint", NOTHING),
    ("--list", NOTHING),
    ("--dry-run", NOTHING),
    ("--timings", NOTHING),
    ("--quiet", NOTHING),
    ("-q", NOTHING),
    ("--color", NOTHING),
    ("--interactive", NOTHING),
    ("-i", NOTHING),
    ("--tty", NOTHING),
    ("-t", NOTHING),
    ("--rm", NOTHING),
    ("--init", NOTHING),
    ("--help", NOTHING),
    ("-h", NOTHING),
    ("--version", NOTHING),
    ("-V", NOTHING),
];

const NOTHING: &str = "";

/// A message in methods. An option that no method stands for stays as it is.
pub(crate) fn told(message: &str) -> Cow<'_, str> {
    exchange(message, |code| in_methods(code).filter(|methods| !methods.is_empty()))
}

/// A help in methods, or nothing where it names an option that no method stands for: nobody could follow it.
pub(crate) fn help(help: &str) -> Option<String> {
    let mut can_be_followed = true;
    let told = exchange(help, |code| {
        let methods = in_methods(code);
        can_be_followed &= methods.as_deref() != Some(NOTHING);
        methods
    });
    can_be_followed.then(|| told.into_owned())
}

/// The text with what is between backticks exchanged, where there is something for it.
fn exchange(text: &str, mut of: impl FnMut(&str) -> Option<String>) -> Cow<'_, str> {
    let mut parts: Vec<_> = text.split('`').map(Cow::Borrowed).collect();
    // Text and code take turns; behind the last backtick there is text, or it has no partner.
    let codes = parts.len().saturating_sub(1);
    let mut changed = false;
    for code in parts[..codes].iter_mut().skip(1).step_by(2) {
        if let Some(other) = of(code) {
            (*code, changed) = (other.into(), true);
        }
    }
    if changed { parts.join("`").into() } else { text.into() }
}

/// What stands for options and their values: empty where an option has no counterpart, `None` for what is no option of the
/// command.
fn in_methods(code: &str) -> Option<String> {
    let mut methods = String::new();
    let mut words = code.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let (option, value) =
            word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
        let (_, method) = METHODS.iter().find(|(known, _)| *known == option)?;
        if *method == NOTHING {
            return Some(String::new());
        }
        let value = match value {
            None if method.contains('…') => words.next_if(|next| !next.starts_with('-')),
            value => value,
        };
        methods.push_str(&match value {
            Some(value) => method.replace('…', &format!("{value:?}")),
            None => (*method).to_owned(),
        });
    }
    (!methods.is_empty()).then_some(methods)
}

#[cfg(test)]
mod tests;
