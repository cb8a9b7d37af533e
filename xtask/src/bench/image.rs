//! Images: built, loaded and started, against BuildKit and the classic builder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use fs_err as fs;

use super::measure::{peak_memory, seconds};
use super::script::{IMAGE, TAG};
use super::table::{Row, Section};
use super::{Bench, interleave};
use crate::{process, say};

pub(super) const PACKAGES: [&str; 4] = ["numpy==2.5.5", "pandas==3.1.1", "requests==2.34.2", "rich==15.0.0"];

/// The image of ours, and those of the peers.
const OURS: &str = "pyrun-bench-ours";
const PACKAGES_ONLY: &str = "pyrun-bench-ours-packages";
const BUILDKIT: &str = "pyrun-bench-buildkit";
const CLASSIC: &str = "pyrun-bench-classic";
const UNCOMPILED: &str = "pyrun-bench-uncompiled";
const COMPILED: &str = "pyrun-bench-compiled";

/// What the images of a measurement are known by.
const LABEL: &str = "pyrun-bench";

/// What of the cache the first build has to make.
const MADE: [&str; 2] = ["layers", "compiled"];

/// The imports whose time is taken.
const IMPORTS: &str = "import argparse, asyncio, logging, pandas, requests";

const INTRO: &str = "A project with requests, rich, numpy, pandas and one source file. `cargo pyimage build` makes it for linux/amd64 and
linux/arm64; the peers make it for linux/amd64, by a Dockerfile whose `pip install` finds all wheels in a local folder.
BuildKit is that of the engine, by `DOCKER_BUILDKIT=1 docker build` of the CLI that comes with it.";

const NOTES: &str = "\
- Ours is timed without loading (`--no-load`), but where a row says so; the peers always leave their image in the engine.
- The first builds are measured in a fifth of the rounds. They have the wheels, and nothing that was made of them: `--no-cache` for the peers. Ours compiles the
  bytecode of the standard library and of all packages; pip compiles that of the packages.
- Loading is `cargo pyimage load` after a change of the source, which builds too; against BuildKit's whole build, which ends with
  the export to the engine.
- The imports are timed in the container, from the start of the interpreter to the end of
  `import argparse, asyncio, logging, pandas, requests`; the peer's image is BuildKit's.
- Sizes are the engine's, of all layers, uncompressed; ours with `bytecode = \"packages\"`, which is what pip leaves.
- Of loading, our part is a tenth: the engine writes down each layer that it has, starts itself once more for the one that it lacks, and
  pulls it from us; 6 kB are sent.
- What is missed: pip as root has left 159 compiled modules of the standard library in the peer's image, and the rest of the time is not
  compiling. The last row of imports is the peer's image with every module compiled in one more layer: as much as bytecode can save. Dockerfiles that keep
  Python from writing bytecode, as many do and Docker's own template does, have none of those 159.
  By hand, 14 noisy rounds: one layer instead of many, bytecode without the positions in lines, and one thread of OpenBLAS bring it no nearer than
  the spread of the rounds.";

/// Measures all of it.
pub(super) fn section(bench: &Bench) -> Result<Section> {
    let images = Images::new(bench)?;
    Ok(Section {
        title: "Images",
        intro: INTRO,
        columns: ["`cargo pyimage`", "the peer"],
        rows: vec![
            images.first("first build, wheels at hand, against BuildKit", &images.buildkit, Some(0.30))?,
            images.change("after a change of the source, against BuildKit", &images.buildkit, Some(0.15))?,
            images.none("no change, against BuildKit", &images.buildkit, Some(0.05))?,
            images.first("first build, against the classic builder", &images.classic, None)?,
            images.change(
                "after a change of the source, against the classic builder",
                &images.classic,
                None,
            )?,
            images.none("no change, against the classic builder", &images.classic, None)?,
            images.load()?,
            images.imports("from the interpreter's start to the end of the imports", BUILDKIT, Some(0.60))?,
            images.imports_without_bytecode()?,
            images.imports_at_best()?,
            images.size()?,
            images.memory()?,
        ],
        notes: NOTES,
    })
}

struct Images<'a> {
    bench: &'a Bench,
    folder: PathBuf,
    buildkit: Peer,
    classic: Peer,
}

/// A builder of Dockerfiles.
struct Peer {
    context: PathBuf,
    image: &'static str,
    buildkit: bool,
}

impl Peer {
    fn new(root: &Path, image: &'static str, buildkit: bool) -> Result<Self> {
        let context = root.join(image);
        fs::create_dir_all(context.join("app"))?;
        fs::write(context.join("requirements.txt"), PACKAGES.join("\n"))?;
        let install = "pip install --no-cache-dir --no-index --find-links /wheels -r requirements.txt";
        let install = if buildkit {
            format!("RUN --mount=type=bind,source=wheels,target=/wheels {install}\n")
        } else {
            // It has no mounts, and its image has the wheels in it.
            format!("COPY wheels /wheels\nRUN {install}\n")
        };
        let dockerfile = format!(
            "FROM {IMAGE}\nLABEL {LABEL}=1\nWORKDIR /usr/src/app\nCOPY requirements.txt .\n{install}COPY app app\n\
             ENTRYPOINT [\"python3\", \"app/main.py\"]\n"
        );
        fs::write(context.join("Dockerfile"), dockerfile)?;
        let peer = Self { context, image, buildkit };
        peer.edit(0)?;
        Ok(peer)
    }

    fn edit(&self, round: usize) -> Result<()> {
        edit(&self.context, round)
    }

    fn build(&self, options: &[&str]) -> Command {
        // The CLI of the engine's own package: a newer one may want a plugin that the machine has not got.
        let own = Path::new("/usr/bin/docker");
        let mut command = Command::new(if own.exists() { own } else { Path::new("docker") });
        command.args(["build", "-q", "-t", self.image]).args(options).arg(&self.context);
        command.env("DOCKER_BUILDKIT", if self.buildkit { "1" } else { "0" });
        command
    }
}

/// Another source file than that of any round before.
fn edit(folder: &Path, round: usize) -> Result<()> {
    let mark = Instant::now();
    fs::write(folder.join("app/main.py"), format!("{IMPORTS}\nprint({round}, '{mark:?}')\n"))?;
    Ok(())
}

impl<'a> Images<'a> {
    fn new(bench: &'a Bench) -> Result<Self> {
        say::status("Preparing", "a project, and the wheels of its packages");
        let root = bench.folder.path().join("images");
        let folder = root.join("project");
        fs::create_dir_all(folder.join("src"))?;
        fs::create_dir_all(folder.join("app"))?;
        fs::write(folder.join("src/lib.rs"), "")?;
        fs::write(folder.join("requirements.txt"), PACKAGES.join("\n"))?;
        let manifest = format!(
            "[package]\nname = \"{OURS}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[package.metadata.pyimage]\n\
             tag = \"{TAG}\"\nrequirements = \"requirements.txt\"\nsource = [\"app\"]\n\
             entrypoint = [\"python3\", \"app/main.py\"]\nlabels = {{ {LABEL} = 1 }}\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        edit(&folder, 0)?;
        let (buildkit, classic) = (Peer::new(&root, BUILDKIT, true)?, Peer::new(&root, CLASSIC, false)?);
        for peer in [&buildkit, &classic] {
            let mut download = bench.clean(bench.binaries.join("cargo-pyrun"));
            download.args([
                "--tag",
                TAG,
                "-m",
                "pip",
                "download",
                "-q",
                "-d",
                "wheels",
                "-r",
                "requirements.txt",
            ]);
            process::read(download.current_dir(&peer.context))?;
        }
        let images = Self { bench, folder, buildkit, classic };
        process::read(images.pyimage("build").arg("--no-load"))?;
        Ok(images)
    }

    fn pyimage(&self, command: &str) -> Command {
        let mut program = self.bench.clean(self.bench.binaries.join("cargo-pyimage"));
        program.arg(command).current_dir(&self.folder);
        program
    }

    fn build(&self) -> Command {
        let mut build = self.pyimage("build");
        build.arg("--no-load");
        build
    }

    /// Forgets what was made of the wheels.
    fn forget(&self) -> Result<()> {
        for name in MADE {
            let folder = self.bench.folder.path().join("cache").join(name);
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    fn first(&self, name: &'static str, peer: &Peer, bar: Option<f64>) -> Result<Row> {
        say::status("Measuring", name);
        // One takes half a minute.
        let rounds = (self.bench.rounds / 5).max(1);
        let pair = interleave(
            rounds,
            || {
                self.forget()?;
                seconds(&mut self.build())
            },
            || seconds(&mut peer.build(&["--no-cache"])),
        )?;
        Ok(Row::ratio(name, &pair, bar))
    }

    fn change(&self, name: &'static str, peer: &Peer, bar: Option<f64>) -> Result<Row> {
        say::status("Measuring", name);
        let (mut round, mut theirs) = (0, 0);
        let pair = self.bench.interleave(
            || {
                round += 1;
                edit(&self.folder, round)?;
                seconds(&mut self.build())
            },
            || {
                theirs += 1;
                peer.edit(theirs)?;
                seconds(&mut peer.build(&[]))
            },
        )?;
        Ok(Row::ratio(name, &pair, bar))
    }

    fn none(&self, name: &'static str, peer: &Peer, bar: Option<f64>) -> Result<Row> {
        say::status("Measuring", name);
        let pair = self.bench.interleave(|| seconds(&mut self.build()), || seconds(&mut peer.build(&[])))?;
        Ok(Row::ratio(name, &pair, bar))
    }

    fn load(&self) -> Result<Row> {
        let name = "load after a change, against BuildKit's build and export";
        say::status("Measuring", name);
        let (mut round, mut theirs) = (0, 0);
        let pair = self.bench.interleave(
            || {
                round += 1;
                edit(&self.folder, round)?;
                seconds(&mut self.pyimage("load"))
            },
            || {
                theirs += 1;
                self.buildkit.edit(theirs)?;
                seconds(&mut self.buildkit.build(&[]))
            },
        )?;
        Ok(Row::ratio(name, &pair, Some(0.50)))
    }

    fn imports(&self, name: &'static str, peer: &str, bar: Option<f64>) -> Result<Row> {
        say::status("Measuring", name);
        process::read(&mut self.pyimage("load"))?;
        let pair = self.bench.interleave(|| imports(OURS), || imports(peer))?;
        Ok(Row::ratio(name, &pair, bar))
    }

    /// Against an image whose Dockerfile keeps Python from writing bytecode.
    fn imports_without_bytecode(&self) -> Result<Row> {
        let context = &self.buildkit.context;
        let dockerfile = fs::read_to_string(context.join("Dockerfile"))?;
        let uncompiled = dockerfile.replace("WORKDIR", "ENV PYTHONDONTWRITEBYTECODE=1\nWORKDIR");
        fs::write(context.join("Dockerfile.uncompiled"), uncompiled)?;
        let file = context.join("Dockerfile.uncompiled").display().to_string();
        let peer = Peer { context: context.clone(), image: UNCOMPILED, buildkit: true };
        process::read(&mut peer.build(&["-f", &file]))?;
        self.imports("the same, against a Dockerfile with `PYTHONDONTWRITEBYTECODE=1`", UNCOMPILED, None)
    }

    /// What bytecode can save of the imports: the peer's own image, in one more layer with all modules compiled.
    fn imports_at_best(&self) -> Result<Row> {
        let name = "the peer's image with all of it compiled, against the peer's image";
        say::status("Measuring", name);
        let context = &self.buildkit.context;
        // Some modules are there to not compile.
        let compile =
            "python3 -m compileall -qf --invalidation-mode unchecked-hash /usr/local/lib/python3.13 || true";
        fs::write(context.join("Dockerfile.compiled"), format!("FROM {BUILDKIT}\nRUN {compile}\n"))?;
        let file = context.join("Dockerfile.compiled").display().to_string();
        let peer = Peer { context: context.clone(), image: COMPILED, buildkit: true };
        process::read(&mut peer.build(&["-f", &file]))?;
        let pair = self.bench.interleave(|| imports(COMPILED), || imports(BUILDKIT))?;
        Ok(Row::ratio(name, &pair, None))
    }

    fn size(&self) -> Result<Row> {
        let name = "size of the image, with the bytecode of packages only";
        say::status("Measuring", name);
        let manifest = self.folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        fs::write(&manifest, format!("{text}bytecode = \"packages\"\nname = \"{PACKAGES_ONLY}\"\n"))?;
        process::read(&mut self.pyimage("load"))?;
        fs::write(&manifest, text)?;
        Ok(Row::of_memory(name, size(PACKAGES_ONLY)?, size(BUILDKIT)?, 1.00))
    }

    fn memory(&self) -> Result<Row> {
        let name = "peak memory of the first build";
        say::status("Measuring", name);
        self.forget()?;
        Ok(Row::memory(name, peak_memory(&mut self.build())?, 100.0))
    }
}

/// Seconds from the start of the interpreter to the end of its imports, in a container of an image.
fn imports(image: &str) -> Result<f64> {
    let script = format!("date +%s%N; exec python3 -c '{IMPORTS}; import time; print(time.time_ns())'");
    let mut run = process::command("docker");
    run.args(["run", "--rm", "--entrypoint", "sh", image, "-c", &script]);
    let printed = process::read(&mut run)?;
    let mut times = printed.lines().map(str::parse::<f64>);
    let (Some(Ok(start)), Some(Ok(end))) = (times.next(), times.next()) else {
        anyhow::bail!("no two times in `{printed}`");
    };
    Ok((end - start) / 1e9)
}

/// The size of an image, in MB, as the engine tells it.
fn size(image: &str) -> Result<f64> {
    let mut inspect = process::command("docker");
    let bytes = process::read(inspect.args(["image", "inspect", "--format", "{{.Size}}", image]))?;
    let bytes: f64 = bytes.parse().context("the engine tells no size")?;
    Ok(bytes / 1e6)
}

/// Removes what the section has left in the engine.
pub(super) fn clean_up() {
    for image in [OURS, PACKAGES_ONLY, BUILDKIT, CLASSIC, UNCOMPILED, COMPILED] {
        process::succeeds(process::command("docker").args(["image", "rm", image]));
    }
    // Those of earlier rounds have no name any more.
    let label = format!("label={LABEL}");
    process::succeeds(process::command("docker").args(["image", "prune", "--force", "--filter", &label]));
}
