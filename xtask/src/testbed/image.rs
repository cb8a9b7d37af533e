//! The official images: pulled where Docker Hub answers, and stand-ins of the same shape built where it does not.

use std::path::PathBuf;

use anyhow::{Context, Result};
use fs_err as fs;

use super::bed::Bed;
use super::{engine, machine, recipe, registry};
use crate::{process, say};

/// A CPython series, and where Debian has its source.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    /// The release its images are based on, and which it is built on.
    pub(crate) suite: &'static str,
    pub(crate) source: &'static str,
    pub(crate) source_suites: &'static str,
    /// A file of Debian's pool and its SHA-256, for a mirror whose index names one that it lacks.
    pub(crate) pinned: &'static str,
    /// The libraries it is linked with.
    libraries: &'static str,
}

const TRIXIE_LIBRARIES: &str = "libbz2-1.0 libffi8 libgdbm6t64 liblzma5 libncursesw6 libreadline8t64 libsqlite3-0 \
    libssl3t64 libuuid1 libzstd1 zlib1g";

const PYTHON_3_13: Series = Series {
    name: "3.13",
    suite: "trixie",
    source: "python3.13/trixie",
    source_suites: "trixie forky",
    pinned: "",
    libraries: TRIXIE_LIBRARIES,
};
/// The index names 3.15.0 or later; a mirror that lacks it has had the release candidate, which says of itself what it is.
const PYTHON_3_15: Series = Series {
    name: "3.15",
    source: "python3.15/forky",
    pinned: "p/python3.15/python3.15_3.15.0~rc2.orig.tar.xz \
        8d93af5eaaaea5adfd41bd786a7ba3f03f2ad1ab57c6a65e0b963deab91d5ad7",
    ..PYTHON_3_13
};
/// Python 2.7 knows no OpenSSL newer than bullseye's.
const PYTHON_2_7: Series = Series {
    name: "2.7",
    suite: "bullseye",
    source: "python2.7",
    source_suites: "bullseye",
    pinned: "",
    libraries: "libbz2-1.0 libffi7 libgdbm6 libncursesw6 libreadline8 libsqlite3-0 libssl1.1 zlib1g",
};

/// What the full images have beyond the slim ones: a fair part of `buildpack-deps`, and so a distro Python.
const FULL_PACKAGES: &str = "ca-certificates curl file g++ gcc git libbz2-dev libc6-dev libffi-dev libpq-dev \
    libsqlite3-dev libssl-dev libxml2-dev libyaml-dev make netbase openssh-client patch procps python3 tk-dev tzdata \
    unzip uuid-dev xz-utils zlib1g-dev";

/// One image of the catalogue.
pub(crate) struct Image {
    pub(crate) tag: &'static str,
    /// Other tags of the same image; `VERSION` stands for 3.13.5 and its like.
    aliases: &'static [&'static str],
    pub(crate) series: Series,
    slim: bool,
}

/// The image all starts with.
pub(crate) const SLIM: Image = Image {
    tag: "3.13-slim",
    aliases: &["3.13-slim-trixie", "VERSION-slim"],
    series: PYTHON_3_13,
    slim: true,
};

/// The other images the tests run.
pub(crate) const TAGS: [Image; 4] = [
    Image { tag: "3.13", aliases: &["3.13-trixie", "VERSION"], series: PYTHON_3_13, slim: false },
    Image {
        tag: "3.15-slim",
        aliases: &["3.15-slim-trixie", "3-slim", "slim", "VERSION-slim"],
        series: PYTHON_3_15,
        slim: true,
    },
    Image { tag: "2.7-slim", aliases: &["2-slim", "VERSION-slim"], series: PYTHON_2_7, slim: true },
    Image { tag: "2", aliases: &["2.7", "VERSION"], series: PYTHON_2_7, slim: false },
];

impl Image {
    pub(crate) fn name(&self) -> String {
        format!("python:{}", self.tag)
    }

    /// Sees to it that the engine has the image, and can pull it again: from the registry, from Docker Hub, or built.
    pub(crate) fn provide(&self, bed: &Bed) -> Result<()> {
        provide(bed, &self.name(), || self.publish(bed))
    }

    /// Puts a stand-in into the registry: the one the engine has, should the cache be gone, or one newly built.
    fn publish(&self, bed: &Bed) -> Result<()> {
        let (image, version) = if present(&[self.name()]) {
            let mut inspect = engine::docker();
            inspect.args(["image", "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}"]);
            let environment = process::read(inspect.arg(self.name()))?;
            let version = environment.lines().find_map(|line| line.strip_prefix("PYTHON_VERSION="));
            let version = version.with_context(|| format!("`{}` does not tell its version", self.name()))?;
            (self.name(), version.to_owned())
        } else {
            let base = base_image(bed, self.series.suite, "amd64")?;
            let cpython = recipe::cpython(bed, &self.series)?;
            (assemble(bed, self, &base, &cpython, "amd64")?, cpython.version)
        };
        // The main tag says that all is there, so it comes last.
        for tag in self.tags(&version).iter().rev() {
            registry::HUB.push(&image, &format!("library/python:{tag}"))?;
        }
        // What is used from here on is what was pulled: it has the digests that pulled images have.
        process::succeeds(engine::docker().args(["rmi", &image]));
        Ok(())
    }

    /// The tags that name this image's manifest in the registry.
    pub(crate) fn tags(&self, version: &str) -> Vec<String> {
        let aliases = self.aliases.iter().map(|alias| alias.replace("VERSION", version));
        std::iter::once(self.tag.to_owned()).chain(aliases).collect()
    }

    fn dockerfile(&self, base: &str, cpython: &recipe::Cpython) -> String {
        let recipe::Cpython { version, sha256, .. } = cpython;
        let packages = if self.slim {
            format!("ca-certificates netbase tzdata {}", self.series.libraries)
        } else {
            FULL_PACKAGES.to_owned()
        };
        let legacy = self.series.name == "2.7";
        let env = if legacy { "ENV LANG=C.UTF-8\nENV PYTHONIOENCODING=UTF-8\n" } else { "" };
        // Python 2 installs the plain names itself.
        let links = if legacy {
            ""
        } else {
            "RUN set -eux; \\\n\
             \tfor src in idle3 pip3 pydoc3 python3 python3-config; do \\\n\
             \t\tdst=\"$(echo \"$src\" | tr -d 3)\"; \\\n\
             \t\tln -svT \"$src\" \"/usr/local/bin/$dst\"; \\\n\
             \tdone\n"
        };
        let python = if legacy { "python2" } else { "python3" };
        format!(
            "FROM {base}\n\
             ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin\n\
             {env}\
             RUN set -eux; \\\n\
             \tapt-get -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none update; \\\n\
             \tapt-get install -y --no-install-recommends {packages}; \\\n\
             \tfind /usr -depth -type d -name __pycache__ -path '*/dist-packages/*' -exec rm -rf '{{}}' +; \\\n\
             \trm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/*.log /var/log/apt\n\
             ENV PYTHON_VERSION={version}\n\
             ENV PYTHON_SHA256={sha256}\n\
             ADD cpython.tar /\n\
             {links}\
             CMD [\"{python}\"]\n"
        )
    }
}

/// Builds an image on `base`, and gives its name in the engine.
pub(crate) fn assemble(
    bed: &Bed,
    image: &Image,
    base: &str,
    cpython: &recipe::Cpython,
    arch: &str,
) -> Result<String> {
    let built = format!("pyrun-testbed/python:{}-{arch}", image.tag);
    let context = bed.cached(&format!("work/{}-{arch}/_", image.tag))?.with_file_name("");
    fs::create_dir_all(&context)?;
    fs::copy(&cpython.tarball, context.join("cpython.tar"))?;
    fs::write(context.join("Dockerfile"), image.dockerfile(base, cpython))?;
    let mut builder = engine::docker();
    builder
        .args([
            "build",
            "--network",
            "host",
            "--force-rm",
            "--platform",
            &format!("linux/{arch}"),
            "--tag",
            &built,
        ])
        // The classic builder is part of every engine; BuildKit's client is a package of its own.
        .env("DOCKER_BUILDKIT", "0");
    if let Some(proxy) = machine::apt_proxy() {
        builder.args(["--build-arg", &format!("http_proxy={proxy}")]);
    }
    builder.arg(&context);
    let what = format!("the image `{}` for {arch}", image.name());
    recipe::timed(&what, &mut builder, &bed.log(&format!("image-{}-{arch}", image.tag)))
        .with_context(|| format!("cannot build a stand-in for `{}`", image.name()))?;
    fs::remove_dir_all(&context)?;
    Ok(built)
}

/// A Debian release as an image of one layer, in the engine.
pub(crate) fn base_image(bed: &Bed, suite: &str, arch: &str) -> Result<String> {
    let name = format!("pyrun-testbed/debian:{suite}-{arch}");
    if process::succeeds(engine::docker().args(["image", "inspect", &name])) {
        return Ok(name);
    }
    // `docker import` would call every image amd64 on an amd64 machine, whatever platform it is told.
    let layer = recipe::base(bed, suite, arch)?;
    let sum = process::read(process::command("sha256sum").arg(&layer))?;
    let diff_id = sum.split(' ').next().unwrap_or_default();
    let folder = bed.cached(&format!("work/{suite}-{arch}/_"))?.with_file_name("");
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("config.json"),
        format!(
            "{{\"architecture\": \"{arch}\", \"os\": \"linux\", \"config\": {{\"Cmd\": [\"bash\"]}}, \
             \"rootfs\": {{\"type\": \"layers\", \"diff_ids\": [\"sha256:{diff_id}\"]}}, \
             \"history\": [{{\"created_by\": \"debootstrap {suite}\"}}]}}"
        ),
    )?;
    fs::write(
        folder.join("manifest.json"),
        format!("[{{\"Config\": \"config.json\", \"RepoTags\": [\"{name}\"], \"Layers\": [\"layer.tar\"]}}]"),
    )?;
    fs::copy(&layer, folder.join("layer.tar"))?;
    let archive = folder.join("image.tar");
    let mut tar = process::command("tar");
    tar.arg("-C").arg(&folder).arg("-cf").arg(&archive).args(["manifest.json", "config.json", "layer.tar"]);
    process::read(&mut tar)?;
    process::read(engine::docker().args(["load", "--quiet", "--input"]).arg(&archive))?;
    fs::remove_dir_all(&folder)?;
    Ok(name)
}

/// An image without any Python.
pub(crate) const DEBIAN: &str = "debian:trixie-slim";

/// Sees to it that the engine has `DEBIAN`.
pub(crate) fn provide_debian(bed: &Bed) -> Result<()> {
    provide(bed, DEBIAN, || {
        registry::HUB.push(&base_image(bed, "trixie", "amd64")?, &format!("library/{DEBIAN}"))
    })
}

fn provide(bed: &Bed, image: &str, publish: impl FnOnce() -> Result<()>) -> Result<()> {
    if present(&[image.to_owned()]) && is_pullable(bed, image)? {
        return Ok(());
    }
    if !is_stored(bed, image)? {
        say::status("Asking", &format!("Docker Hub for `{image}`"));
        if process::succeeds(engine::docker().args(["pull", "--quiet", image])) {
            return Ok(fs::write(hub_note(bed, image)?, "")?);
        }
        registry::HUB.up(bed)?;
        publish()?;
    }
    registry::HUB.up(bed)?;
    pull(image)
}

/// Whether there is a place that an official image can be pulled from.
pub(crate) fn is_pullable(bed: &Bed, image: &str) -> Result<bool> {
    Ok(is_stored(bed, image)? || hub_note(bed, image)?.exists())
}

fn is_stored(bed: &Bed, image: &str) -> Result<bool> {
    let (name, tag) = image.split_once(':').context("an image's name has a tag")?;
    registry::HUB.stores(bed, &format!("library/{name}"), tag)
}

/// The file that says that Docker Hub answered when it was asked for an image.
fn hub_note(bed: &Bed, image: &str) -> Result<PathBuf> {
    bed.cached(&format!("hub/{}", image.replace(':', "-")))
}

/// Pulls an official image from the registry, through the engine's own idea of Docker Hub if that is us.
fn pull(image: &str) -> Result<()> {
    say::status("Pulling", image);
    if process::succeeds(engine::docker().args(["pull", "--quiet", image])) {
        return Ok(());
    }
    // An engine without our mirror gets the image all the same, under the name it would have.
    let name = format!("{}/library/{image}", registry::HUB.address);
    process::read(engine::docker().args(["pull", "--quiet", &name]))?;
    process::read(engine::docker().args(["tag", &name, image])).map(drop)
}

/// Whether the engine has all of these.
pub(crate) fn present(images: &[String]) -> bool {
    process::succeeds(engine::docker().args(["image", "inspect", "--format", "-"]).args(images))
}
