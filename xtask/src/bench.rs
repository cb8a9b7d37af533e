//! Measuring against peers: interleaved, as ratios.

mod build_script;
mod image;
mod latency;
mod measure;
mod package;
mod registry;
mod script;
mod table;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use crate::{process, say, testbed, work};
use measure::Pair;
use table::Section;

/// The runs of each side in each row.
const ROUNDS: usize = 20;

/// The machine's rest between two runs.
const REST: Duration = Duration::from_millis(400);

/// Where and how things are measured.
struct Bench {
    folder: tempfile::TempDir,
    binaries: std::path::PathBuf,
    rounds: usize,
}

/// Builds what is measured, brings up what it is measured on, measures, and writes `docs/benchmarks.md`, or the section of it
/// that was measured.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let (mut rounds, mut only, mut programs) = (ROUNDS, None, None);
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        match argument {
            "--rounds" => {
                let number = arguments.next().and_then(|text| text.parse().ok());
                rounds = number.context("`--rounds` takes a number")?;
            }
            "--programs" => {
                let folder = arguments.next().context("`--programs` takes a folder")?;
                programs = Some(fs::canonicalize(folder)?);
            }
            "scripts" | "packages" | "images" | "registries" | "build-scripts" => only = Some(argument),
            _ => bail!(
                "`bench` takes `scripts`, `packages`, `images`, `registries` or `build-scripts`, `--rounds N`, and `--programs \
                 FOLDER` for programs that are built already"
            ),
        }
    }
    testbed::up(&[testbed::Part::Slim, testbed::Part::Registry])?;
    let binaries = programs.map_or_else(|| work::build(true), Ok)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let bench = Bench { folder, binaries, rounds };
    let mut sections = Vec::new();
    if only.is_none_or(|only| only == "scripts") {
        sections.push(script::section(&bench)?);
    }
    if only.is_none_or(|only| only == "packages") {
        package::build()?;
        let section = package::section(&bench);
        package::clean_up();
        sections.push(section?);
    }
    if only.is_none_or(|only| only == "images") {
        testbed::up(&[testbed::Part::Arm64])?;
        let section = image::section(&bench);
        image::clean_up();
        sections.push(section?);
    }
    if only.is_none_or(|only| only == "registries") {
        sections.push(registry::section(&bench)?);
    }
    if only.is_none_or(|only| only == "build-scripts") {
        sections.push(build_script::section(&bench)?);
    }
    let text = table::document(&sections, &machine()?, rounds);
    say::line(&text);
    let page = work::root().join("docs/benchmarks.md");
    if rounds < ROUNDS {
        say::warning(&format!("not written down: that takes {ROUNDS} rounds"));
    } else if only.is_some() {
        let known = fs::read_to_string(&page)?;
        let known = sections.iter().fold(known, |page, section| table::with_section(&page, section));
        fs::write(page, known)?;
    } else {
        fs::write(page, text)?;
    }
    let missed: Vec<_> = sections.iter().flat_map(Section::missed).collect();
    if missed.is_empty() { Ok(()) } else { bail!("over the bar: {}", missed.join("; ")) }
}

impl Bench {
    fn interleave(
        &self,
        ours: impl FnMut() -> Result<f64>,
        theirs: impl FnMut() -> Result<f64>,
    ) -> Result<Pair> {
        interleave(self.rounds, ours, theirs)
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
        // The bed's images are at no other registry.
        command.env("PYIMAGE_MIRRORS", testbed::mirror());
        command.current_dir(self.folder.path());
        command
    }
}

/// Measures both sides so many times, by turns.
fn interleave(
    rounds: usize,
    mut ours: impl FnMut() -> Result<f64>,
    mut theirs: impl FnMut() -> Result<f64>,
) -> Result<Pair> {
    let mut pair = Pair { ours: Vec::new(), theirs: Vec::new() };
    ours()?;
    theirs()?;
    for round in 0..rounds {
        // Who goes first alternates: a drift of the machine hits both alike.
        let order = if round % 2 == 0 { [true, false] } else { [false, true] };
        for mine in order {
            std::thread::sleep(REST);
            if mine { pair.ours.push(ours()?) } else { pair.theirs.push(theirs()?) }
        }
    }
    Ok(pair)
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
        format!("`{}` of the test bed", script::IMAGE),
    ])
}
