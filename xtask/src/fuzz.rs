//! `fuzz`: the readers of what strangers made, fed with what no stranger would think of.
//!
//! It does what `cargo fuzz` does, without a nightly compiler: coverage is counted by an LLVM pass that the stable one can
//! be told to run. What needs the nightly is the address sanitizer, which has nothing to find where there is no `unsafe`.

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use crate::{process, say, work};

/// As `cargo fuzz` has them.
const RUSTFLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// How long each target runs, unless told otherwise.
const SECONDS: u32 = 60;

/// What to fuzz.
#[derive(Debug, Default)]
pub(crate) struct Fuzzing {
    /// One target, or all.
    pub(crate) target: Option<String>,
    /// For how long each.
    pub(crate) seconds: Option<u32>,
}

/// Whether the machine can build libFuzzer, which is C++.
pub(crate) fn has_compiler() -> bool {
    std::env::var_os("CXX").is_some() || process::found("c++")
}

/// Builds the targets, and runs them, as many at once as there are cores.
pub(crate) fn run(fuzzing: &Fuzzing) -> Result<()> {
    if !has_compiler() {
        bail!("no C++ compiler, which libFuzzer needs: install one as `c++`, or name it in `CXX`");
    }
    let folder = work::root().join("fuzz");
    let all = targets(&folder)?;
    let chosen: Vec<&String> = match &fuzzing.target {
        None => all.iter().collect(),
        Some(target) if all.contains(target) => vec![target],
        Some(target) => bail!("no fuzz target `{target}`: there are {}", all.join(", ")),
    };
    let binaries = build(&folder, &chosen)?;
    let seconds = fuzzing.seconds.unwrap_or(SECONDS);
    let (left, failed) = (Mutex::new(chosen.into_iter()), Mutex::new(Vec::new()));
    let next = || left.lock().ok().and_then(|mut left| left.next());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
                while let Some(target) = next() {
                    if let Err(error) = fuzz(&folder, &binaries.join(target), target, seconds) {
                        say::error(&error);
                        failed.lock().map(|mut failed| failed.push(target.as_str())).unwrap_or_default();
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if !failed.is_empty() {
        bail!("what was found is in `fuzz/artifacts`: {}", failed.join(", "));
    }
    Ok(())
}

/// The names of all targets, sorted.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("fuzz_targets"))? {
        let name = entry?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(".rs")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Builds the targets; gives the folder they are in.
fn build(folder: &Path, targets: &[&String]) -> Result<std::path::PathBuf> {
    // For a target that is named, even if it is the host, build scripts and macros are built without the flags.
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = process::read(process::command(rustc).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("`rustc -vV` does not tell its host")?;
    let output = work::target_folder()?.join("fuzz");
    let mut command = work::cargo();
    command.arg("build").arg("--manifest-path").arg(folder.join("Cargo.toml"));
    command.args(["--target", host, "--target-dir"]).arg(&output).env("RUSTFLAGS", RUSTFLAGS);
    for target in targets {
        command.args(["--bin", target]);
    }
    process::show(&mut command)?;
    Ok(output.join(host).join("debug"))
}

/// Runs one target from its seeds and from what earlier runs found.
fn fuzz(folder: &Path, binary: &Path, target: &str, seconds: u32) -> Result<()> {
    let [corpus, artifacts, seeds] =
        ["corpus", "artifacts", "seeds"].map(|part| folder.join(part).join(target));
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let mut command = process::command(binary);
    command.arg(&corpus).arg(seeds).arg(format!("-max_total_time={seconds}")).arg("-timeout=25");
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    let log = artifacts.join("log");
    process::logged(&mut command, &log)?;
    let words = fs::read_to_string(&log)?;
    let done = words.lines().rfind(|line| line.starts_with("Done ")).unwrap_or("it told nothing");
    say::status("Fuzzed", &format!("{target}: {}", done.to_lowercase()));
    Ok(())
}
