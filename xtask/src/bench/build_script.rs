//! What `pyimage-build` in a build script costs: a clean build, one without change, and many assets.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use super::Bench;
use super::image::PACKAGES;
use super::script::TAG;
use super::table::{Row, Section};
use crate::{process, say, work};

/// Clean builds of each side: they take their time.
const CLEAN_BUILDS: usize = 3;
const ASSETS: usize = 1_000;

const INTRO: &str = "A crate with two assets, with `pyimage-build` in its build script and without, in the profile for development.";

const NOTES: &str = "\
- CPU is what cargo and all that it starts use, on all cores. Nothing is compiled incrementally, as no package of a registry is.
- Crates are those that are compiled for the library, and itself. Only the rows that say so, and the last, are with the feature `image`.
- The last two rows are the build script alone, from its start to its end; rustc then compiles the crate. The assets are of 1.5 kB. The image
  has requests, rich, numpy and pandas; `cargo pyimage fetch` has filled the cache with the wheels and the layers that are made of them, and the
  layout is written anew each time.
- What is missed: the feature `image` compiles what assembles images. A third of its time is this crate's own; serde with its derives, zlib-rs
  and sha2 with their crates are most of the rest. A build script without images compiles none of that.
- A build without change runs nothing of ours. Cargo reads the manifests of the crates, resolves them with the optional ones in Cargo.lock, and
  looks at their fingerprints.";

/// Measures all of it.
pub(super) fn section(bench: &Bench) -> Result<Section> {
    let crates = Crates::new(bench)?;
    Ok(Section {
        title: "Build scripts",
        intro: INTRO,
        columns: ["with it", "without"],
        rows: vec![
            crates.clean("CPU of a clean build, seconds that it adds", &crates.with)?,
            crates.count("crates that it adds", &crates.with)?,
            crates.clean("the same with the feature `image`", &crates.with_image)?,
            crates.count("crates that it adds then", &crates.with_image)?,
            crates.unchanged()?,
            crates.regenerated()?,
            crates.laid_out()?,
        ],
        notes: NOTES,
    })
}

struct Crates<'a> {
    bench: &'a Bench,
    with: PathBuf,
    /// As [`Self::with`], with the feature `image`.
    with_image: PathBuf,
    without: PathBuf,
}

impl<'a> Crates<'a> {
    fn new(bench: &'a Bench) -> Result<Self> {
        let folder = bench.folder.path().join("build-script");
        let new = Self {
            bench,
            with: folder.join("with"),
            with_image: folder.join("with-image"),
            without: folder.join("without"),
        };
        let script = "fn main() { pyimage_build::configure().compile_or_exit(); }\n";
        let main = "mod pyimage { include!(concat!(env!(\"OUT_DIR\"), \"/pyimage.rs\")); }\nfn main() { println!(\"{}\", pyimage::ASSETS.len()); }\n";
        let library = work::root().join("pyimage-build").display().to_string();
        for (at, script, dependency, main) in [
            (&new.with, script, format!("pyimage-build = {{ path = {library:?} }}\n"), main),
            (
                &new.with_image,
                script,
                format!("pyimage-build = {{ path = {library:?}, features = [\"image\"] }}\n"),
                main,
            ),
            (&new.without, "fn main() {}\n", String::new(), "fn main() { println!(\"2\"); }\n"),
        ] {
            let manifest = format!(
                "[package]\nname = \"measured\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[package.metadata.pyimage]\n\
                 source = [\"app\"]\n\n[build-dependencies]\n{dependency}\n[workspace]\n"
            );
            for (path, text) in [
                ("Cargo.toml", manifest.as_str()),
                ("build.rs", script),
                ("src/main.rs", main),
                ("app/main.py", "print()\n"),
                ("app/data.json", "{}\n"),
            ] {
                let path = at.join(path);
                fs::create_dir_all(path.parent().context("a folder")?)?;
                fs::write(path, text)?;
            }
            fs::copy(work::root().join("Cargo.lock"), at.join("Cargo.lock"))?;
        }
        Ok(new)
    }

    fn cargo(&self, at: &Path) -> Command {
        let mut command = self.bench.clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["build", "--offline"]).current_dir(at);
        command.env("CARGO_TARGET_DIR", at.join("target")).env("CARGO_INCREMENTAL", "0");
        command
    }

    fn clean(&self, name: &'static str, with: &Path) -> Result<Row> {
        say::status("Measuring", name);
        let rounds = self.bench.rounds.min(CLEAN_BUILDS);
        let pair = super::interleave(rounds, || self.clean_build(with), || self.clean_build(&self.without))?;
        Ok(Row::added(name, &pair, 15.0, "s", 1.0))
    }

    fn clean_build(&self, at: &Path) -> Result<f64> {
        let target = at.join("target");
        if target.exists() {
            fs::remove_dir_all(target)?;
        }
        cpu_seconds(&self.cargo(at))
    }

    fn count(&self, name: &'static str, with: &Path) -> Result<Row> {
        let mut tree = self.bench.clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        tree.args(["tree", "--offline", "--prefix", "none", "-e", "normal,build", "-p", "pyimage-build"]);
        let output = tree.current_dir(with).output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let mut crates: Vec<_> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        crates.sort_unstable();
        crates.dedup();
        Ok(Row::count(name, crates.len(), 60))
    }

    fn unchanged(&self) -> Result<Row> {
        let name = "a build without change, time that it adds";
        say::status("Measuring", name);
        let pair = self.bench.interleave(
            || super::measure::seconds(&mut self.cargo(&self.with)),
            || super::measure::seconds(&mut self.cargo(&self.without)),
        )?;
        Ok(Row::added(name, &pair, 10.0, "ms", 1e3))
    }

    fn regenerated(&self) -> Result<Row> {
        let name = "1,000 assets, one of them changed";
        say::status("Measuring", name);
        for number in 0..ASSETS {
            let text = format!("{}\nprint({number})\n", "# A line of a script.\n".repeat(70));
            let path = self.with.join(format!("app/{}/{number}.py", number % 20));
            fs::create_dir_all(path.parent().context("a folder")?)?;
            fs::write(path, text)?;
        }
        let script = self.script("measured")?;
        let out = self.with.join("out");
        fs::create_dir_all(&out)?;
        let mut run = |number: usize| -> Result<f64> {
            fs::write(self.with.join("app/0/0.py"), format!("print({number})\n"))?;
            let mut command = self.bench.clean(&script);
            command.env("CARGO_MANIFEST_DIR", &self.with).env("OUT_DIR", &out).current_dir(&self.with);
            let started = Instant::now();
            super::measure::seconds(&mut command)?;
            Ok(started.elapsed().as_secs_f64())
        };
        run(0)?;
        // As between two changes by people: what has just been written is read once more.
        std::thread::sleep(std::time::Duration::from_secs(3));
        run(1)?;
        let seconds: Vec<_> = (2..2 + self.bench.rounds).map(&mut run).collect::<Result<_>>()?;
        Ok(Row::time(name, &seconds, 100.0))
    }

    fn laid_out(&self) -> Result<Row> {
        let name = "the layout of an image for two platforms";
        say::status("Measuring", name);
        let folder = self.bench.folder.path().join("build-script/laid-out");
        let manifest = fs::read_to_string(self.with.join("Cargo.toml"))?
            .replace("measured", "laid-out")
            .replace("source =", &format!("tag = \"{TAG}\"\nrequirements = \"requirements.txt\"\nsource ="));
        let script = "fn main() { pyimage_build::configure().image(pyimage_build::ImageWhen::Always).compile_or_exit(); }\n";
        for (path, text) in [
            ("Cargo.toml", manifest.as_str()),
            ("build.rs", script),
            ("src/lib.rs", ""),
            ("app/main.py", "print()\n"),
            ("requirements.txt", &PACKAGES.join("\n")),
        ] {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().context("a folder")?)?;
            fs::write(path, text)?;
        }
        let manifest = manifest.replace("pyimage-build = {", "pyimage-build = { features = [\"image\"],");
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::copy(work::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let mut fetch = self.bench.clean(self.bench.binaries.join("cargo-pyimage"));
        process::read(fetch.arg("fetch").current_dir(&folder))?;
        process::read(self.cargo(&folder).env("CARGO_TARGET_DIR", self.with.join("target")))?;
        let script = self.script("laid-out")?;
        let out = folder.join("out");
        let run = || -> Result<f64> {
            if out.exists() {
                fs::remove_dir_all(&out)?;
            }
            fs::create_dir_all(&out)?;
            let mut command = self.bench.clean(&script);
            command.env("CARGO_MANIFEST_DIR", &folder).env("OUT_DIR", &out).current_dir(&folder);
            super::measure::seconds(&mut command)
        };
        run()?;
        if !out.join("pyimage/laid-out/index.json").is_file() {
            bail!("the build script has made no layout in `{}`", out.display());
        }
        let seconds: Vec<_> = (0..self.bench.rounds).map(|_| run()).collect::<Result<_>>()?;
        Ok(Row::time(name, &seconds, 500.0))
    }

    /// The build script of a package, as it was compiled.
    fn script(&self, package: &str) -> Result<PathBuf> {
        let builds = self.with.join("target/debug/build");
        for entry in fs::read_dir(&builds)? {
            let script = entry?.path().join("build-script-build");
            if script.to_string_lossy().contains(&format!("/{package}-")) && script.is_file() {
                return Ok(script);
            }
        }
        bail!("no build script in `{}`", builds.display())
    }
}

/// What a command and all that it starts use of all cores, as the shell counts it.
fn cpu_seconds(command: &Command) -> Result<f64> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" \"$@\" >/dev/null 2>&1 || exit 1; times"]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    let output = shell.output().context("cannot start sh")?;
    if !output.status.success() {
        bail!("{command:?} failed");
    }
    // The shell's own times, then those of its children: `0m1.20s 0m0.30s`.
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().nth(1).context("no times of the children")?;
    let seconds = |time: &str| -> Option<f64> {
        let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    line.split_whitespace().map(seconds).sum::<Option<f64>>().with_context(|| format!("no times in {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_that_of_all_processes() {
        let mut busy = Command::new("sh");
        busy.args(["-c", "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'"]);
        assert!(cpu_seconds(&busy).unwrap() > 0.02);
        assert!(cpu_seconds(Command::new("sleep").arg("0.2")).unwrap() < 0.1);
        assert!(cpu_seconds(&Command::new("false")).is_err());
    }
}
