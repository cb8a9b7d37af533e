//! What CI runs, and what to run before a push.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::fuzz::{self, Fuzzing};
use crate::{process, say, work};

/// How long each fuzz target runs: enough to see that it still can, and to meet again what was found once.
const FUZZ_SECONDS: u32 = 5;

/// How a step went.
enum End {
    Passed,
    Failed,
    Skipped(&'static str),
}

/// Runs every step, also after one that failed, and sums up.
pub(crate) fn run() -> Result<()> {
    let mut ends: Vec<(&str, End, Duration)> = Vec::new();
    let mut step = |name: &'static str, work: &dyn Fn() -> Result<End>| {
        say::status("Checking", name);
        let begin = Instant::now();
        let end = work().unwrap_or_else(|error| {
            say::error(&error);
            End::Failed
        });
        ends.push((name, end, begin.elapsed()));
    };
    step("formatting", &|| {
        cargo(&["fmt", "--all", "--check"])?;
        cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])
    });
    step("lints", &|| {
        // As a build script has it that assembles no image; in the workspace the features are always there.
        cargo(&["clippy", "--package", "pyimage-build", "--", "-D", "warnings"])?;
        cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
    });
    step("licences and bans", &licences);
    step("documentation", &|| {
        let mut doc = work::cargo();
        process::show(doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
        // And as those have it whose build scripts assemble no image. Elsewhere, so that the pages of all stay.
        let mut doc = work::cargo();
        doc.args(["doc", "--package", "pyimage-build", "--no-deps", "--target-dir"]);
        doc.arg(work::target_folder()?.join("doc-without-images"));
        process::show(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
        Ok(End::Passed)
    });
    step("tests", &|| work::test(&[]).map(|()| End::Passed));
    step("fuzzing", &fuzzing);

    let mut failed = Vec::new();
    for (name, end, took) in &ends {
        let (verb, note) = match end {
            End::Passed => ("Passed", String::new()),
            End::Failed => {
                failed.push(*name);
                ("Failed", String::new())
            }
            End::Skipped(reason) => ("Skipped", format!(": {reason}")),
        };
        say::status(verb, &format!("{name} in {:.1} s{note}", took.as_secs_f32()));
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<End> {
    process::show(work::cargo().args(arguments))?;
    Ok(End::Passed)
}

fn licences() -> Result<End> {
    if !process::succeeds(work::cargo().args(["deny", "--version"])) {
        return Ok(End::Skipped("`cargo deny` is not installed"));
    }
    cargo(&["deny", "check", "--hide-inclusion-graph", "licenses", "bans"])
}

fn fuzzing() -> Result<End> {
    if !fuzz::has_compiler() {
        return Ok(End::Skipped("there is no C++ compiler"));
    }
    fuzz::run(&Fuzzing { seconds: Some(FUZZ_SECONDS), ..Fuzzing::default() })?;
    Ok(End::Passed)
}
