//! Running scripts, against plain `docker run`: same image, same engine.
//!
//! Both are timed as a user starts them: `cargo pyrun` through cargo (and rustup's proxy, where there is one),
//! `docker run` through the docker CLI. Between two runs there is a pause, because either may leave the engine some
//! work: `cargo pyrun` returns when the script has ended, while the engine still takes its network down. What that
//! saves a user who starts one run after the other at once is a row of its own.

use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use super::Bench;
use super::measure::{Pair, peak_memory, seconds};
use super::table::{Row, Section};
use crate::say;

pub(super) const IMAGE: &str = "python:3.13-slim";
pub(super) const TAG: &str = "3.13-slim";

const IMPORTS: &str = "import argparse, asyncio, json, logging, pathlib, subprocess, urllib.request\n";
const OUTPUT: &str =
    "import sys\nchunk = b'x' * 65536\nfor _ in range(1600):\n    sys.stdout.buffer.write(chunk)\n";

const INTRO: &str = "`cargo pyrun` is timed through cargo, against
`docker run --rm -v \"$PWD\":/usr/src/myapp -w /usr/src/myapp python:3.13-slim python SCRIPT`.
Same image, same engine, interleaved with a pause of 0.4 s.";

const NOTES: &str = "\
- `cargo pyrun` returns when the script has ended and its output is written. The engine takes the network down
  and removes the container after that, which `docker run` waits for. The row without a pause shows what is left
  of the difference when runs follow each other at once. With `--name` or `--publish` we wait too.
- The official images have no bytecode for the standard library. `cargo pyrun` keeps it between runs; plain
  `docker run --rm` compiles it each time.
- About 30 ms of each `cargo pyrun` are cargo (and rustup) finding the program; the row by `cargo-pyrun` itself
  is without them.";

/// Measures all of it.
pub(super) fn section(bench: &Bench) -> Result<Section> {
    fs::write(bench.folder.path().join("imports.py"), IMPORTS)?;
    fs::write(bench.folder.path().join("output.py"), OUTPUT)?;
    Ok(Section {
        title: "Running scripts",
        intro: INTRO,
        columns: ["`cargo pyrun`", "`docker run`"],
        rows: bench.rows()?,
        notes: NOTES,
    })
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
}
