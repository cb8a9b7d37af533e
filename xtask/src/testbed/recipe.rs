//! What images are made of, built from Debian's packages and sources by the scripts in `recipes/`, and kept in the cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use super::bed::Bed;
use super::machine::{self, Tool};
use super::{RECIPES, image::Series};
use crate::{process, say};

const BASE: &str = include_str!("../../recipes/base.sh");
/// The build recipes run in a chroot that the first script makes.
const CPYTHON: &str =
    concat!(include_str!("../../recipes/chroot.sh"), include_str!("../../recipes/cpython.sh"));

/// What CPython is built with, beside the compiler.
const BUILD_PACKAGES: &str = "build-essential pkgconf xz-utils libbz2-dev libffi-dev libgdbm-dev liblzma-dev \
    libncurses-dev libreadline-dev libsqlite3-dev libssl-dev tk-dev uuid-dev zlib1g-dev";

/// A CPython installation as a tarball of `/usr/local`.
pub(crate) struct Cpython {
    pub(crate) tarball: PathBuf,
    /// `3.13.5`
    pub(crate) version: String,
    /// Of the source it was built from.
    pub(crate) sha256: String,
}

/// The base file system of a Debian release.
pub(crate) fn base(bed: &Bed, suite: &str, arch: &str) -> Result<PathBuf> {
    let tarball = bed.cached(&format!("base-{RECIPES}/{suite}-{arch}.tar"))?;
    if tarball.exists() {
        return Ok(tarball);
    }
    machine::provide(&[
        Tool { program: "debootstrap", package: "debootstrap" },
        Tool { program: "xz", package: "xz-utils" },
    ])?;
    let name = format!("base-{suite}-{arch}");
    let mut script = script(bed, BASE, suite)?;
    script.env("ARCH", arch).env("OUT", &tarball);
    // Another architecture's packages are configured under emulation.
    let patience = if arch == "amd64" { "half a minute" } else { "a few minutes" };
    timed(&format!("Debian {suite} for {arch} ({patience})"), &mut script, &bed.log(&name))?;
    Ok(tarball)
}

/// CPython for amd64.
pub(crate) fn cpython(bed: &Bed, series: &Series) -> Result<Cpython> {
    let tarball = bed.cached(&format!("cpython-{RECIPES}/{}-amd64.tar", series.name))?;
    if !tarball.exists() {
        let extra = if series.suite == "bullseye" { "" } else { "libzstd-dev" };
        let mut script = script(bed, CPYTHON, series.suite)?;
        script
            .env("BASE", base(bed, series.suite, "amd64")?)
            .env("CHROOT", bed.cached(&format!("work/build-{}", series.suite))?)
            .env("PACKAGES", format!("{BUILD_PACKAGES} {extra}"))
            .env("SOURCE_SUITES", series.source_suites)
            .env("SERIES", series.name)
            .env("SOURCE", series.source)
            .env("PINNED", series.pinned)
            .env("OUT", &tarball);
        let what = format!("CPython {} for amd64 (about 4 minutes)", series.name);
        timed(&what, &mut script, &bed.log(&format!("cpython-{}-amd64", series.name)))?;
    }
    Cpython::read(tarball)
}

impl Cpython {
    /// The recipe leaves what it knows about a tarball beside it.
    pub(crate) fn read(tarball: PathBuf) -> Result<Self> {
        let mut notes = tarball.clone().into_os_string();
        notes.push(".env");
        let text = fs::read_to_string(&notes)?;
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .map(str::to_owned)
                .with_context(|| format!("no `{key}` in `{}`", notes.display()))
        };
        Ok(Self { version: value("version")?, sha256: value("sha256")?, tarball })
    }
}

/// A recipe, ready to run in a mount namespace of its own.
pub(crate) fn script(bed: &Bed, text: &str, suite: &str) -> Result<Command> {
    if !machine::is_root() {
        bail!("building stand-ins for the official images takes root");
    }
    let mut command = process::command("unshare");
    command
        .args(["--mount", "bash", "-euo", "pipefail", "-c", text])
        .env("MIRROR", machine::debian_mirror()?)
        .env("SUITE", suite)
        .env("WORK", bed.cached("work/_")?.with_file_name(""));
    if let Some(proxy) = machine::apt_proxy() {
        command.env("APT_PROXY", proxy);
    }
    Ok(command)
}

/// Runs a long step, telling what it is beforehand and how long it took afterwards.
pub(crate) fn timed(what: &str, command: &mut Command, log: &Path) -> Result<()> {
    say::status("Building", what);
    let begin = Instant::now();
    process::logged(command, log)?;
    say::status("Built", &format!("it in {} s", begin.elapsed().as_secs()));
    Ok(())
}
