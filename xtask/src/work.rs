//! `demo` and `test`: the two commands a newcomer needs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use fs_err as fs;

use crate::testbed::{self, Part};
use crate::{process, say};

const EXAMPLE: &str = "examples/hello/hello.py";

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs us.
pub(crate) fn cargo() -> std::process::Command {
    let mut command = process::command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Builds the commands this workspace is about; gives the folder they are in.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--package", "cargo-pyrun", "--package", "cargo-pyimage"]);
    if release {
        command.arg("--release");
    }
    process::show(&mut command)?;
    Ok(target_folder()?.join(if release { "release" } else { "debug" }))
}

/// The folder that cargo builds in.
pub(crate) fn target_folder() -> Result<PathBuf> {
    // Other than by xtask's own path, it is known from `CARGO_TARGET_DIR` and the like only.
    let me = std::env::current_exe().context("cannot tell where xtask itself is")?;
    me.ancestors().nth(2).map(Path::to_owned).context("xtask is not in a target folder")
}

/// The main job on a machine with nothing set up: a script in `python:3.13-slim`.
pub(crate) fn demo() -> Result<()> {
    if !root().join(EXAMPLE).exists() {
        bail!("no such script: `{EXAMPLE}`");
    }
    testbed::up(&[Part::Slim])?;
    // The profile that `test` builds too: a release build takes minutes longer and shows nothing more.
    let binary = build(false)?.join("cargo-pyrun");
    say::status("Running", &format!("`cargo pyrun --tag 3.13-slim {EXAMPLE}`"));
    let mut command = process::command(binary);
    command.args(["pyrun", "--tag", "3.13-slim", EXAMPLE]).current_dir(root());
    process::show(command.stdin(std::process::Stdio::inherit()))
}

/// Everything that is tested, on everything the machine can give.
pub(crate) fn test(arguments: &[OsString]) -> Result<()> {
    let bed = testbed::up(&[])?;
    build(false)?;
    let variables = testbed::variables(&bed);
    if let Some((_, file)) = variables.iter().find(|(key, _)| *key == "TESTBED_SKIPS") {
        fs::write(file, "")?;
    }
    // A shell starts a job in the background with some signals ignored, which every program under it inherits and
    // `cargo pyrun` respects. The tests send them.
    let mut command = process::command("env");
    command
        .current_dir(root())
        .arg("--default-signal=HUP,INT,QUIT")
        .arg(cargo().get_program())
        .args(["test", "--workspace"])
        .args(arguments)
        .envs(variables)
        // Either would change what is tested: the bytecode cache, and how output arrives.
        .env_remove("PYTHONDONTWRITEBYTECODE")
        .env_remove("PYTHONUNBUFFERED");
    let outcome = process::show(&mut command);
    for skip in testbed::skips(&bed)? {
        say::status("Skipped", &skip);
    }
    outcome
}
