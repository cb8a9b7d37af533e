//! `dist`: completions, man pages and the archive of a release.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::{process, say, work};

/// What is packed, and where to.
#[derive(Default)]
pub(crate) struct Packing {
    /// Another target than the machine's.
    pub(crate) target: Option<String>,
    /// Another folder than `target/dist`.
    pub(crate) output: Option<PathBuf>,
    /// Pack what `cargo build` makes: quicker, for tests.
    pub(crate) debug: bool,
    /// Build as for a release, but unoptimised: all of its steps, in a fraction of the time, for tests.
    pub(crate) quick: bool,
}

/// What makes a release of a profile, but for its time.
const QUICK: [&str; 3] =
    ["profile.release.opt-level=0", "profile.release.lto=\"off\"", "profile.release.codegen-units=256"];

/// Builds the programs, and packs them with all that belongs to them.
pub(crate) fn run(packing: &Packing) -> Result<()> {
    let host = host()?;
    let target = packing.target.as_ref().unwrap_or(&host);
    let output = match &packing.output {
        Some(folder) => folder.clone(),
        None => work::target_folder()?.join("dist"),
    };
    fs::create_dir_all(&output)?;
    let programs = if packing.debug { work::build(false)? } else { release(packing)? };
    // As one of the workspace, it has the features that the tests' build has, and is there after it.
    process::show(work::cargo().args(["build", "--quiet", "--workspace", "--example", "dist"]))?;
    let mut pack = process::command(work::target_folder()?.join("debug/examples/dist"));
    pack.arg(programs).arg(target).arg(fs::canonicalize(&output)?).arg(epoch()?);
    process::show(&mut pack)?;
    for entry in fs::read_dir(&output)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(&format!("-{target}.tar.gz")) {
            let size = fs::metadata(&path)?.len();
            say::status("Packed", &format!("{} ({} kB)", path.display(), size.div_ceil(1000)));
        }
    }
    Ok(())
}

/// Builds the programs as they are shipped; gives the folder they are in.
fn release(packing: &Packing) -> Result<PathBuf> {
    // Apart from what `bench` builds: the flags are others, and cargo would build all anew for each of the two.
    let folder = work::target_folder()?.join(if packing.quick { "dist-quick" } else { "dist-build" });
    let mut build = work::cargo();
    build.args(["build", "--release", "--locked", "--package", "cargo-pyrun", "--package", "cargo-pyimage"]);
    build.arg("--target-dir").arg(&folder);
    // Paths of the machine that built it are of no use to anybody, and two machines should build the same.
    let mut flags = Vec::new();
    for (from, to) in [(cargo_home()?, "/cargo"), (work::root(), "/source"), (folder.clone(), "/target")] {
        flags.push(format!("'--remap-path-prefix={}={to}'", from.display()));
    }
    build.args(["--config", &format!("build.rustflags=[{}]", flags.join(","))]);
    if packing.quick {
        for setting in QUICK {
            build.args(["--config", setting]);
        }
    }
    let mut programs = folder;
    if let Some(target) = &packing.target {
        build.args(["--target", target]);
        programs.push(target);
    }
    process::show(&mut build)?;
    Ok(programs.join("release"))
}

fn cargo_home() -> Result<PathBuf> {
    match (std::env::var_os("CARGO_HOME"), std::env::var_os("HOME")) {
        (Some(home), _) => Ok(home.into()),
        (None, Some(home)) => Ok(Path::new(&home).join(".cargo")),
        (None, None) => anyhow::bail!("neither `CARGO_HOME` nor `HOME` says where cargo's sources are"),
    }
}

/// The machine's own target.
fn host() -> Result<String> {
    let words =
        process::read(Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV"))?;
    let host = words.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not tell its host")
}

/// The time of everything in the archive: `SOURCE_DATE_EPOCH`, else that of the commit.
fn epoch() -> Result<String> {
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(epoch);
    }
    let mut git = process::command("git");
    process::read(git.args(["log", "-1", "--format=%ct"]).current_dir(work::root()))
}
