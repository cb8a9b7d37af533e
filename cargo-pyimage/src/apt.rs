//! Packages of Debian in images: installed once on the locked base, in a container, and kept as a layer.

use std::io::{self, BufWriter, Write as _};
use std::num::NonZero;

use camino::Utf8PathBuf;
use pyimage_build::{
    BaseFacts, BaseScan, Digest, Layer, LayerError, LockedApt, LockedImage, MediaType, Platform, Reference,
    Suite,
};
use pyrun::cache::{Cache, CacheError};
use pyrun::environment::{AptInstallation, StepError};
use pyrun::run::RunError;
use pyrun::shell::Shell;
use serde::{Deserialize, Serialize};

use crate::build::digest;

/// The cache's folder of what was installed on bases.
const KNOWN: &str = "apt";

/// Why packages of Debian could not be installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AptError {
    /// The base is none of Debian's.
    #[error("`{base}` is not made of Debian, and has no `apt` to install `{}` with", packages.join("`, `"))]
    NotDebian {
        /// The base.
        base: String,
        /// The packages.
        packages: Vec<String>,
    },
    /// The container did not do it.
    #[error("could not install `{}` on `{base}` for {platform}", packages.join("`, `"))]
    Install {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
        /// The packages.
        packages: Vec<String>,
        /// Why.
        source: Box<StepError>,
    },
    /// What came of it is no layer.
    #[error("could not make a layer of `{}`", packages.join("`, `"))]
    Layer {
        /// The packages.
        packages: Vec<String>,
        /// Why.
        source: Box<LayerError>,
    },
    /// The layer is not here, and may not be made.
    #[error("the layer of `{}` for {platform} is not on this machine, and it takes the network to make it", packages.join("`, `"))]
    Offline {
        /// The platform.
        platform: Platform,
        /// The packages.
        packages: Vec<String>,
    },
    /// The same versions give another layer.
    #[error("`{}` for {platform} give another layer than the one that is locked: {found}, not {locked}", packages.join("`, `"))]
    Moved {
        /// The platform.
        platform: Platform,
        /// The packages.
        packages: Vec<String>,
        /// What is locked.
        locked: Digest,
        /// What came.
        found: Digest,
    },
    /// The cache cannot take it.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl AptError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NotDebian { .. } => vec!["take a base of Debian, such as `tag = \"3.13-slim\"`".to_owned()],
            Self::Install { platform, source, .. } => install_helps(platform, source),
            Self::Offline { .. } => vec!["build it once with the network and an engine".to_owned()],
            Self::Moved { .. } => vec![
                "Debian's mirrors have moved on; take what they have with `cargo pyimage lock --update`, and commit that"
                    .to_owned(),
            ],
            Self::Cache(error) => vec![error.help()],
            Self::Layer { .. } => Vec::new(),
        }
    }
}

fn install_helps(platform: &Platform, source: &StepError) -> Vec<String> {
    let mut helps = match source {
        StepError::Run(error) => error.helps(),
        _ => Vec::new(),
    };
    let said = source.to_string();
    let is_not_emulated =
        matches!(source, StepError::Run(error) if matches!(**error, RunError::NoEmulation { .. }));
    if is_not_emulated {
        helps.push("or leave the platform out of `platforms` in Cargo.toml".to_owned());
    } else if platform.architecture() != Platform::host().architecture() {
        helps.push(format!(
            "it takes an engine that runs {platform}; emulation comes with `docker run --privileged --rm tonistiigi/binfmt --install {}`",
            platform.architecture()
        ));
    } else if matches!(source, StepError::Run(_)) {
        helps
            .push("`apt` takes an engine, once: what it installs is locked and kept from then on".to_owned());
    }
    if said.contains("was not found") {
        helps.push(
            "a locked version that the mirrors have no more is moved by `cargo pyimage lock --update`"
                .to_owned(),
        );
    }
    helps
}

/// Where packages are installed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) base: &'a Reference,
    pub(crate) platform: &'a Platform,
    pub(crate) image: &'a LockedImage,
    pub(crate) cache: &'a Cache,
    pub(crate) shell: &'a Shell,
}

/// What is kept of an installation.
#[derive(Serialize, Deserialize)]
struct Known {
    installed: Vec<String>,
    layer: Layer,
    facts: BaseFacts,
}

impl Place<'_> {
    /// Installs packages, whatever versions there are today, or takes what was installed before.
    pub(crate) async fn lock(&self, packages: &[String], fresh: bool) -> Result<LockedApt, AptError> {
        let key = format!("{}\n{}", self.image.manifest.digest, packages.join("\n"));
        let entry = format!("{KNOWN}/{}.json", Digest::of(key.as_bytes()).hex());
        let known = self.cache.read_json::<Known>(&entry).filter(|_| !fresh);
        let Known { installed, layer, facts } =
            if let Some(known) = known.filter(|known| self.is_there(&known.layer)) {
                known
            } else {
                let new = self.install(packages, packages).await?;
                self.cache.write_json(&entry, &new)?;
                new
            };
        Ok(LockedApt { packages: packages.to_vec(), installed, layer, facts })
    }

    /// The blob of a locked layer, which is made again of the same versions where it is not here.
    pub(crate) async fn blob(&self, apt: &LockedApt, offline: bool) -> Result<Utf8PathBuf, AptError> {
        if !self.is_there(&apt.layer) {
            let (platform, packages) = (self.platform.clone(), apt.packages.clone());
            if offline {
                return Err(AptError::Offline { platform, packages });
            }
            let again = self.install(&apt.packages, &apt.installed).await?;
            if again.layer.digest != apt.layer.digest {
                let (locked, found) = (apt.layer.digest.clone(), again.layer.digest);
                return Err(AptError::Moved { platform, packages, locked, found });
            }
        }
        Ok(self.path(&apt.layer))
    }

    /// Removes the blob of a locked layer that is not what its digest says.
    pub(crate) fn remove_damaged(&self, apt: &LockedApt) {
        let path = self.path(&apt.layer);
        let found = digest::of_file(path.as_std_path());
        if found.is_ok_and(|(_, digest)| digest != apt.layer.digest) {
            // What stays is told by whoever takes it next.
            fs_err::remove_file(&path).ok();
        }
    }

    fn path(&self, layer: &Layer) -> Utf8PathBuf {
        self.cache.root().join("blobs/sha256").join(layer.digest.hex())
    }

    fn is_there(&self, layer: &Layer) -> bool {
        fs_err::metadata(self.path(layer)).is_ok_and(|found| found.len() == layer.size)
    }

    /// Installs these versions of what was asked for.
    async fn install(&self, asked: &[String], versions: &[String]) -> Result<Known, AptError> {
        let Self { base, platform, image, cache, shell } = *self;
        let packages = || asked.to_vec();
        if !matches!(image.suite, Some(Suite::Debian(_)) | None) {
            return Err(AptError::NotDebian { base: base.familiar(), packages: packages() });
        }
        shell
            .status("Installing", format_args!("{} on {} for {platform}", asked.join(", "), base.familiar()));
        let engine = crate::load::engine_choice(None);
        let pinned = base.with_digest(&image.manifest.digest).familiar();
        let installation =
            AptInstallation { image: &pinned, platform, packages: versions, engine: engine.as_deref() };
        let installed = installation.run(cache, shell).await.map_err(|source| AptError::Install {
            base: base.familiar(),
            platform: platform.clone(),
            packages: packages(),
            source: Box::new(source),
        })?;
        let failed = |source| AptError::Layer { packages: packages(), source: Box::new(source) };
        let unread = |source: io::Error| {
            failed(LayerError::Read { path: installed.archive.clone().into_std_path_buf(), source })
        };
        let mut scan = BaseScan::new();
        let archive = fs_err::File::open(&installed.archive).map_err(unread)?;
        let plain = MediaType::from("application/vnd.oci.image.layer.v1.tar");
        scan.add_layer(&plain, archive).map_err(|error| unread(io::Error::other(error)))?;
        let unwritten = |source| AptError::Cache(cache.write_error(source));
        let folder = cache.folder("blobs/sha256")?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".tmp-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let file = builder.tempfile_in(&folder).map_err(unwritten)?;
        let mut out = BufWriter::with_capacity(1 << 18, file.as_file());
        let cores = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let layer = Layer::pack(installed.archive.as_std_path(), cores, &mut out).map_err(failed)?;
        out.flush().map_err(unwritten)?;
        drop(out);
        file.persist(self.path(&layer)).map_err(|error| unwritten(error.error))?;
        Ok(Known { installed: installed.versions, layer, facts: scan.facts(&image.env) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform() -> Platform {
        "linux/s390x".parse().unwrap()
    }

    #[test]
    fn without_emulation_it_is_told_how_to_have_it() {
        let source = RunError::NoEmulation {
            image: "python:3.13-slim".to_owned(),
            platform: "linux/s390x".to_owned(),
            engine: "linux/amd64".to_owned(),
        };
        let error = AptError::Install {
            base: "python:3.13-slim".to_owned(),
            platform: platform(),
            packages: vec!["libgl1".to_owned(), "libgomp1".to_owned()],
            source: Box::new(StepError::Run(Box::new(source))),
        };
        let text = error.to_string();
        assert_eq!(text, "could not install `libgl1`, `libgomp1` on `python:3.13-slim` for linux/s390x");
        let helps = error.helps();
        let [emulation, other] = &helps[..] else { panic!("{helps:?}") };
        assert!(emulation.contains("tonistiigi/binfmt") && other.contains("`platforms`"), "{helps:?}");
    }

    #[test]
    fn a_version_that_is_gone_and_a_layer_that_is_another_are_moved_by_an_update() {
        let says = "E: Version '1.0' for 'libgomp1' was not found".to_owned();
        let host = Platform::host();
        let helps = install_helps(&host, &StepError::Failed { code: 100, says });
        assert_eq!(helps.len(), 1, "{helps:?}");
        assert!(helps[0].contains("`cargo pyimage lock --update`"), "{helps:?}");
        let (locked, found) = (Digest::of(b"locked"), Digest::of(b"found"));
        let error = AptError::Moved {
            platform: platform(),
            packages: vec!["libgomp1".to_owned()],
            locked: locked.clone(),
            found: found.clone(),
        };
        let text = "`libgomp1` for linux/s390x give another layer than the one that is locked";
        assert_eq!(error.to_string(), format!("{text}: {found}, not {locked}"));
        assert!(error.helps()[0].contains("`cargo pyimage lock --update`"), "{:?}", error.helps());
    }
}
