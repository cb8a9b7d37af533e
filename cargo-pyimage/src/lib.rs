//! Build, run and ship multi-arch Python images from Cargo metadata.
//!
//! The front room of the house. It has no command yet: `lock`, `build`, `run`, `load` and `push` come after
//! `cargo pyrun`. Until then the program says so, and fails, so that no script takes it for done.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use pyrun::shell::{self, Shell};

/// Cargo's own failure code, which `cargo pyimage` uses.
const FAILED: u8 = 101;
/// A command line that is wrong.
const USAGE: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "cargo-pyimage",
    bin_name = "cargo pyimage",
    version,
    about = "No command yet: will build, run and ship multi-arch Python images from Cargo metadata",
    after_help = "`cargo pyrun` runs Python scripts in official images today."
)]
struct Arguments {
    /// A command of a later version, which is told like no command at all.
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// Runs `cargo pyimage` with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    shell::color_choice(None).write_global();
    let shell = Shell::from_flags(None, false, false);
    match Arguments::try_parse_from(without_subcommand(std::env::args_os())) {
        Ok(Arguments { words: _ }) => {
            shell.error(&NotBuilt, &["run a Python script with `cargo pyrun SCRIPT`".to_owned()]);
            FAILED.into()
        }
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ => USAGE,
            };
            // Nowhere is left to tell that the message could not be written.
            let _ = error.print();
            code.into()
        }
    }
}

#[derive(Debug)]
struct NotBuilt;

impl std::fmt::Display for NotBuilt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("`cargo pyimage` has no command yet")
    }
}

impl std::error::Error for NotBuilt {}

/// Cargo repeats the subcommand's name as the first argument.
fn without_subcommand(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<_> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(|first| first == "pyimage") {
        arguments.remove(1);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn cargo_s_own_word_is_dropped() {
        let arguments = ["cargo-pyimage", "pyimage", "--help"].map(OsString::from);
        assert_eq!(without_subcommand(arguments), ["cargo-pyimage", "--help"]);
    }
}
