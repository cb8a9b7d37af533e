//! Running other programs: quietly, with their words kept for the day they fail.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use fs_err as fs;

/// How much of a failed program's output is worth showing.
const TAIL_LINES: usize = 25;

/// Whether a program is on `PATH`, or where Debian keeps root's programs.
pub(crate) fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}

/// A command that reads nothing, finds root's programs too, and speaks English.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

/// Runs a command with the caller's own stdout and stderr.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// Runs a command and gives what it wrote to stdout, without the last line break.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = run(command)?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}\n{}", line(command), output.status, tail(words.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Whether a command succeeds; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    run(command).is_ok_and(|output| output.status.success())
}

/// Runs a long command with its output in a file, whose end is shown should it fail.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<()> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = fs::File::create(log)?.into_file();
    let status = command
        .stdout(file.try_clone().context("cannot duplicate the log's handle")?)
        .stderr(file)
        .status()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        let words = String::from_utf8_lossy(&fs::read(log)?).into_owned();
        bail!(
            "`{}` failed: {status}; the end of `{}`:\n{}",
            line(command),
            log.display(),
            tail(words.trim())
        );
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<Output> {
    command.output().with_context(|| format!("cannot start `{}`", line(command)))
}

/// A command as one would type it, cut where it turns long.
fn line(command: &Command) -> String {
    let mut words = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        words.push(' ');
        words.push_str(&argument.to_string_lossy());
    }
    let first = words.lines().next().unwrap_or_default();
    match first.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &first[..end]),
        None => first.to_owned(),
    }
}

fn tail(words: &str) -> String {
    let lines: Vec<_> = words.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
