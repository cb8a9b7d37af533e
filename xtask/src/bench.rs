//! Measuring `cargo pyrun` against plain `docker run`: same image, same engine, interleaved, as ratios.
//!
//! Both are timed as a user starts them: `cargo pyrun` through cargo (and rustup's proxy, where there is one),
//! `docker run` through the docker CLI. Between two runs there is a pause, because either may leave the engine some
//! work: `cargo pyrun` returns when the script has ended, while the engine still takes its network down. What that
//! saves a user who starts one run after the other at once is a row of its own.

mod measure;
mod table;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use crate::{process, say, testbed, work};
use measure::{Pair, peak_memory, seconds};
use table::Row;

const IMAGE: &str = "python:3.13-slim";
const TAG: &str = "3.13-slim";

/// The runs of each side in each row.
const ROUNDS: usize = 20;

/// The engine's rest between two runs.
const REST: Duration = Duration::from_millis(400);

const IMPORTS: &str = "import argparse, asyncio, json, logging, pathlib, subprocess, urllib.request\n";
const OUTPUT: &str =
    "import sys\nchunk = b'x' * 65536\nfor _ in range(1600):\n    sys.stdout.buffer.write(chunk)\n";

/// Where and how things are measured.
struct Bench {
    folder: tempfile::TempDir,
    binaries: std::path::PathBuf,
    rounds: usize,
}

/// Builds what is measured, brings up what it is measured on, measures, and writes `docs/benchmarks.md`.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let rounds = match arguments {
        [] => ROUNDS,
        [option, value] if option == "--rounds" => {
            value.to_str().and_then(|text| text.parse().ok()).context("`--rounds` takes a number")?
        }
        _ => bail!("`bench` takes `--rounds N` and nothing else"),
    };
    testbed::up(&[testbed::Part::Slim])?;
    let binaries = work::build(true)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    fs::write(folder.path().join("imports.py"), IMPORTS)?;
    fs::write(folder.path().join("output.py"), OUTPUT)?;
    let bench = Bench { folder, binaries, rounds };
    let rows = bench.rows()?;
    let text = table::document(&rows, &machine()?, rounds);
    say::line(&text);
    if rounds < ROUNDS {
        say::warning("too few rounds to be written down");
    } else {
        fs::write(work::root().join("docs/benchmarks.md"), text)?;
    }
    let missed: Vec<_> = rows.iter().filter(|row| row.missed()).map(|row| row.name).collect();
    if missed.is_empty() { Ok(()) } else { bail!("over the bar: {}", missed.join("; ")) }
}

impl Bench {
    fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (name, script, bar) in [
            ("`-c pass`", &["-c", "pass"][..], Some(1.00)),
            ("a script with stdlib imports, second run on", &["imports.py"], Some(0.60)),
            ("100 MB through stdout", &["output.py"], Some(1.0)),
        ] {
            say::status("Measuring", name);
            // The first run of either is not counted: it meets the image, and leaves bytecode.
            let pair =
                self.interleave(|| seconds(&mut self.pyrun(script)), || seconds(&mut self.docker(script)))?;
            rows.push(Row::ratio(name, &pair, bar));
        }
        say::status("Measuring", "the program without cargo before it");
        let direct = self.interleave(
            || seconds(&mut self.program(&["-c", "pass"])),
            || seconds(&mut self.docker(&["-c", "pass"])),
        )?;
        rows.push(Row::ratio("`-c pass`, by `cargo-pyrun` itself", &direct, None));
        say::status("Measuring", "runs without a pause");
        let back_to_back = Pair {
            ours: self.back_to_back(|| self.pyrun(&["-c", "pass"]))?,
            theirs: self.back_to_back(|| self.docker(&["-c", "pass"]))?,
        };
        rows.push(Row::ratio("`-c pass`, one after the other without a pause", &back_to_back, None));
        say::status("Measuring", "memory");
        rows.push(Row::memory(
            "peak memory while 100 MB pass",
            peak_memory(&mut self.program(&["output.py"]))?,
            30.0,
        ));
        Ok(rows)
    }

    fn interleave(
        &self,
        mut ours: impl FnMut() -> Result<f64>,
        mut theirs: impl FnMut() -> Result<f64>,
    ) -> Result<Pair> {
        let mut pair = Pair { ours: Vec::new(), theirs: Vec::new() };
        ours()?;
        theirs()?;
        for round in 0..self.rounds {
            // Who goes first alternates: a drift of the machine hits both alike.
            let order = if round % 2 == 0 { [true, false] } else { [false, true] };
            for mine in order {
                std::thread::sleep(REST);
                if mine { pair.ours.push(ours()?) } else { pair.theirs.push(theirs()?) }
            }
        }
        Ok(pair)
    }

    /// Seconds a run, where each starts when the one before it has returned.
    fn back_to_back(&self, command: impl Fn() -> Command) -> Result<Vec<f64>> {
        (0..self.rounds).map(|_| seconds(&mut command())).collect()
    }

    fn pyrun(&self, script: &[&str]) -> Command {
        let mut command = self.clean("cargo");
        command.args(["pyrun", "--tag", TAG]).args(script);
        command
    }

    fn program(&self, script: &[&str]) -> Command {
        let mut command = self.clean(self.binaries.join("cargo-pyrun"));
        command.args(["--tag", TAG]).args(script);
        command
    }

    fn docker(&self, script: &[&str]) -> Command {
        let mut command = self.clean("docker");
        let mount = format!("{}:/usr/src/myapp", self.folder.path().display());
        command.args(["run", "--rm", "-v", &mount, "-w", "/usr/src/myapp", IMAGE, "python"]).args(script);
        command
    }

    /// As from a user's shell: without what the cargo that runs us has set, and with a cache of its own.
    fn clean(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        for (name, _) in std::env::vars() {
            if name.starts_with("CARGO") && name != "CARGO_HOME" || name == "RUSTUP_TOOLCHAIN" {
                command.env_remove(name);
            }
        }
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.binaries.display()));
        command.env("PYIMAGE_CACHE_DIR", self.folder.path().join("cache"));
        command.current_dir(self.folder.path());
        command
    }
}

/// The machine and the versions, one line each.
fn machine() -> Result<Vec<String>> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let engine = process::read(process::command("docker").args([
        "version",
        "--format",
        "Docker Engine {{.Server.Version}}, CLI {{.Client.Version}}",
    ]))?;
    let storage = process::read(process::command("docker").args(["info", "--format", "{{.Driver}}"]))?;
    Ok(vec![
        format!("{cores} cores,{}", model.trim_start_matches([':', '\t'])),
        format!("Linux {}", process::read(process::command("uname").arg("-r"))?),
        format!("{engine}, {storage}, bridge network"),
        process::read(process::command("cargo").arg("--version"))?,
        format!("`{IMAGE}` of the test bed"),
    ])
}
