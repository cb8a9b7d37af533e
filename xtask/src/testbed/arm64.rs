//! `python:3.13-slim` for arm64 too, under the same tag, and the emulation to run it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use super::bed::Bed;
use super::machine::Tool;
use super::recipe::{self, Cpython};
use super::registry::HUB;
use super::{RECIPES, engine, image, machine};
use crate::http::{self, Peer};
use crate::{process, say};

const RECIPE: &str =
    concat!(include_str!("../../recipes/chroot.sh"), include_str!("../../recipes/cpython-cross.sh"));

/// The cross compiler, and the libraries of both machines: the amd64 CPython runs during the build.
const BUILD_PACKAGES: &str = "build-essential pkgconf xz-utils gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
    libffi8 libssl3t64 libsqlite3-0 libreadline8t64 libncursesw6 libgdbm6t64 libuuid1 \
    libbz2-dev:arm64 libffi-dev:arm64 libgdbm-dev:arm64 liblzma-dev:arm64 libncurses-dev:arm64 \
    libreadline-dev:arm64 libsqlite3-dev:arm64 libssl-dev:arm64 libzstd-dev:arm64 uuid-dev:arm64 zlib1g-dev:arm64";

const BINFMT: &str = "/proc/sys/fs/binfmt_misc";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Up is what has run here, and still can.
pub(crate) fn ready(bed: &Bed) -> bool {
    bed.run("arm64.ran").exists()
        && emulated()
        && image::is_pullable(bed, &image::SLIM.name()).unwrap_or(false)
}

fn emulated() -> bool {
    cfg!(target_arch = "aarch64") || Path::new(BINFMT).join("qemu-aarch64").exists()
}

pub(crate) fn up(bed: &Bed) -> Result<()> {
    emulate()?;
    compile();
    let tag = image::SLIM.tag;
    // What Docker Hub gave is such an index already.
    if HUB.stores(bed, "library/python", tag)? && !is_index(tag)? {
        join(bed, &cpython(bed)?)?;
    }
    // On an engine that keeps one platform to a tag, the tag changes hands: it must end as it was.
    say::status("Running", &format!("`{}` for arm64, to see that it does", image::SLIM.name()));
    let machine = pull("arm64").and_then(|()| {
        let mut run = engine::docker();
        run.args(["run", "--rm", "--platform", "linux/arm64", &image::SLIM.name()]);
        process::read(run.args(["python", "-c", "import platform; print(platform.machine())"]))
    });
    pull("amd64")?;
    let machine = machine?;
    if machine != "aarch64" {
        bail!("the container for arm64 says it runs on `{machine}`");
    }
    Ok(fs::write(bed.run("arm64.ran"), "")?)
}

fn pull(arch: &str) -> Result<()> {
    let mut pull = engine::docker();
    pull.args(["pull", "--quiet", "--platform", &format!("linux/{arch}"), &image::SLIM.name()]);
    process::read(&mut pull).map(drop)
}

/// Sees to what compiles Rust for arm64. On a machine that cannot have it, the test of examples/service fails and says what it lacks.
fn compile() {
    let tools = ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"]
        .map(|package| Tool { program: "aarch64-linux-gnu-gcc", package });
    let linker = cfg!(target_arch = "aarch64") || machine::provide(&tools).is_ok();
    if linker && process::found("rustup") {
        process::succeeds(process::command("rustup").args(["target", "add", "aarch64-unknown-linux-gnu"]));
    }
}

/// Has the kernel run arm64 programs through qemu, in containers too.
fn emulate() -> Result<()> {
    if emulated() {
        return Ok(());
    }
    if !machine::is_root() {
        bail!(
            "registering an emulator for arm64 takes root: `sudo apt-get install qemu-user-static binfmt-support`"
        );
    }
    machine::provide(&[Tool { program: "qemu-aarch64-static", package: "qemu-user-static" }])?;
    if !Path::new(BINFMT).join("register").exists() {
        let mut mount = process::command("mount");
        process::read(mount.args(["-t", "binfmt_misc", "binfmt_misc", BINFMT]))
            .context("the kernel has no binfmt_misc, or will not mount it here")?;
    }
    if emulated() {
        return Ok(());
    }
    // Debian's line, with the flag that opens the emulator now and not inside some container.
    let line = fs::read_to_string("/usr/lib/binfmt.d/qemu-aarch64.conf")?;
    let line = line.lines().find(|line| line.starts_with(':')).context("no line in `qemu-aarch64.conf`")?;
    let (head, flags) = line.rsplit_once(':').context("no flags in `qemu-aarch64.conf`")?;
    let flags = if flags.contains('F') { flags.to_owned() } else { format!("{flags}F") };
    say::status("Registering", "qemu for arm64 programs");
    fs::OpenOptions::new().write(true).open(Path::new(BINFMT).join("register")).and_then(
        |mut register| {
            use std::io::Write;
            register.write_all(format!("{head}:{flags}").as_bytes())
        },
    )?;
    if !emulated() {
        bail!("the kernel took qemu's registration but does not show it");
    }
    Ok(())
}

fn cpython(bed: &Bed) -> Result<Cpython> {
    let tarball = bed.cached(&format!("cpython-{RECIPES}/3.13-arm64.tar"))?;
    if !tarball.exists() {
        let series = &image::SLIM.series;
        let native = recipe::cpython(bed, series)?;
        let mut script = recipe::script(bed, RECIPE, series.suite)?;
        script
            .env("BASE", recipe::base(bed, series.suite, "amd64")?)
            .env("CHROOT", bed.cached("work/build-arm64")?)
            .env("FOREIGN_ARCH", "arm64")
            .env("PACKAGES", BUILD_PACKAGES)
            .env("SOURCE_SUITES", series.source_suites)
            .env("SERIES", series.name)
            .env("SOURCE", series.source)
            .env("NATIVE", native.tarball)
            .env("OUT", &tarball);
        recipe::timed(
            "CPython 3.13 for arm64 (about 4 minutes)",
            &mut script,
            &bed.log("cpython-3.13-arm64"),
        )?;
    }
    Cpython::read(tarball)
}

fn is_index(tag: &str) -> Result<bool> {
    let manifest = HUB.get(&format!("/v2/library/python/manifests/{tag}"), &[MANIFEST, INDEX, OCI_INDEX])?;
    Ok(manifest.header("content-type").is_some_and(|kind| kind == INDEX || kind == OCI_INDEX))
}

/// Builds the arm64 image and joins it with the amd64 one into an index, under all tags of the latter.
fn join(bed: &Bed, cpython: &Cpython) -> Result<()> {
    let base = image::base_image(bed, image::SLIM.series.suite, "arm64")?;
    let built = image::assemble(bed, &image::SLIM, &base, cpython, "arm64")?;
    let tag = image::SLIM.tag;
    let alone = format!("{tag}-arm64");
    HUB.push(&built, &format!("library/python:{alone}"))?;
    let index = format!(
        "{{\"schemaVersion\": 2, \"mediaType\": \"{INDEX}\", \"manifests\": [{}, {}]}}",
        entry(tag, "amd64", "")?,
        entry(&alone, "arm64", ", \"variant\": \"v8\"")?
    );
    say::status("Pushing", &format!("an index of both platforms as `{}`", image::SLIM.name()));
    // The main tag says that all is there, so it comes last.
    for tag in image::SLIM.tags(&cpython.version).iter().rev() {
        let path = format!("/v2/library/python/manifests/{tag}");
        let answer = http::put(Peer::Tcp(HUB.address), &path, INDEX, index.as_bytes())?;
        if answer.status != 201 {
            bail!(
                "the registry refused the index as `{tag}` with {}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body).trim()
            );
        }
    }
    // Official repositories have no such tag; the index names the manifest by its digest.
    HUB.forget(bed, "library/python", &alone)
}

/// The index's line on the manifest behind a tag.
fn entry(tag: &str, arch: &str, variant: &str) -> Result<String> {
    let manifest = HUB.get(&format!("/v2/library/python/manifests/{tag}"), &[MANIFEST])?;
    let digest = manifest.header("docker-content-digest").context("the registry names no digest")?;
    Ok(format!(
        "{{\"mediaType\": \"{MANIFEST}\", \"digest\": \"{digest}\", \"size\": {}, \
         \"platform\": {{\"architecture\": \"{arch}\", \"os\": \"linux\"{variant}}}}}",
        manifest.body.len()
    ))
}
