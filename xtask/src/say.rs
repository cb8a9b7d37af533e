//! All that xtask prints: status lines in cargo's look on stderr, what a script would read on stdout.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "the one module of xtask that prints")]

use std::io::IsTerminal;

const HELP: &str = "\
The workshop of this workspace.

Usage: cargo xtask COMMAND

Commands:
  demo                  set up what the demo needs, and run a script in `python:3.13-slim`
  test [ARGS]...        bring the test bed up and run all tests; ARGS go to `cargo test`
  bench [ARGS]...       measure against plain `docker run`
  ci                    format, lints, licences, docs, tests and a little fuzzing, as CI runs them
  dist [--target TRIPLE] [--output FOLDER] [--debug | --quick]
                        make completions, man pages and the archive of a release, in target/dist
  fuzz [TARGET] [--seconds N]
                        feed the readers of `pyimage-build` with random input, each for a minute
  testbed up [--only PART,...]
                        bring up engines, registries and images; quick when they are up already
  testbed down          stop what `testbed up` started
  testbed status        show the parts of the test bed
  testbed env           print the test bed's variables as `export` lines";

pub(crate) fn help() {
    println!("{HELP}");
}

/// A status line: a right-aligned verb, as cargo prints them.
pub(crate) fn status(verb: &str, message: &str) {
    eprintln!("{} {message}", paint("1;32", &format!("{verb:>12}")));
}

/// Something the reader should know though the work goes on.
pub(crate) fn warning(message: &str) {
    eprintln!("{}: {message}", paint("1;33", "warning"));
}

/// The end of the line: the error and what caused it.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("{}: {error}", paint("1;31", "error"));
    let causes: Vec<_> = error.chain().skip(1).collect();
    if !causes.is_empty() {
        eprintln!("\nCaused by:");
        for cause in causes {
            eprintln!("  {}", cause.to_string().replace('\n', "\n  "));
        }
    }
}

/// A line of data, on stdout.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

fn paint(style: &str, text: &str) -> String {
    let wanted = match std::env::var("CARGO_TERM_COLOR").as_deref() {
        Ok("always") => true,
        Ok("never") => false,
        _ => std::env::var_os("NO_COLOR").is_none() && std::io::stderr().is_terminal(),
    };
    if wanted { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
}
