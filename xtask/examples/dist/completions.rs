//! Completions of five shells; those of bash, zsh and fish know `cargo pyrun`, with a space, too.

use anyhow::Result;
use clap::{Command, ValueEnum as _};
use clap_complete::{Shell, generate};

/// The completions of a program, by the names that the shells look for.
pub(crate) fn of(program: &Command) -> Result<Vec<(String, Vec<u8>)>> {
    let name = program.get_name().to_owned();
    let mut files = Vec::new();
    for shell in Shell::value_variants() {
        let mut script = Vec::new();
        generate(*shell, &mut program.clone(), &name, &mut script);
        let mut script = String::from_utf8(script)?;
        let path = match shell {
            Shell::Bash => format!("bash/{name}"),
            Shell::Zsh => format!("zsh/_{name}"),
            Shell::Fish => format!("fish/{name}.fish"),
            Shell::PowerShell => format!("powershell/_{name}.ps1"),
            _ => format!("{shell}/{name}.elv"),
        };
        let subcommand = name.trim_start_matches("cargo-");
        match shell {
            Shell::Bash => {
                // clap_complete 4.6 has two names for a subcommand of a program with a dash, and so no options for it.
                script = script.replace("cargo__subcmd__", "cargo__");
                script.push_str(&in_cargo(include_str!("cargo.bash"), subcommand));
            }
            Shell::Fish => script.push_str(&in_cargo(include_str!("cargo.fish"), subcommand)),
            // cargo's own completion for zsh calls `_cargo-NAME`.
            _ => {}
        }
        files.push((format!("completions/{path}"), script.into_bytes()));
    }
    Ok(files)
}

/// What has a shell complete `cargo NAME` as it does `cargo-NAME`.
fn in_cargo(script: &str, subcommand: &str) -> String {
    script.replace("SUBCOMMAND", subcommand)
}
