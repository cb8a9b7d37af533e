//! `pyimage.lock`: the exact bases of a project's images.

mod apt;
mod error;
mod fields;
mod read;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use crate::{BaseFacts, Digest, MediaType, Platform, Reference, Suite};

pub use apt::LockedApt;
pub use error::LockError;

/// The bases of a project's images, pinned.
///
/// A tag moves; what a lock pins does not. For each base it has the digest of the index and, for every platform
/// that the project asks for, all that assembling an image on it takes: the manifest's and the configuration's
/// digests, the layers, and the configuration as far as an image on top inherits it. With it nothing needs to be
/// asked of a registry again.
///
/// The text is TOML, made for people and for `git merge`: bases by reference, platforms by name, a layer a line.
/// It depends on nothing but the value, so that the same pins give the same bytes.
///
/// ```
/// use pyimage_build::Lock;
///
/// let lock = Lock::parse("version = 1\n")?;
/// assert!(lock.bases.is_empty());
/// assert_eq!(Lock::parse(&lock.to_string())?, lock);
/// # Ok::<(), pyimage_build::LockError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// What is locked for each base, as projects name it: a tag, or a digest where they name one.
    pub bases: BTreeMap<Reference, LockedBase>,
    /// The [archives](crate::BytecodeArchive) of bytecode, by what they were compiled from.
    pub bytecode: BTreeMap<CompiledFrom, Digest>,
}

/// What bytecode was compiled from.
///
/// ```
/// use pyimage_build::{CompiledFrom, Digest, Lock};
///
/// let from = CompiledFrom { python: "3.13.5".to_owned(), of: Digest::of(b"wheel") };
/// let mut lock = Lock::default();
/// lock.bytecode.insert(from, Digest::of(b"archive"));
/// assert_eq!(Lock::parse(&lock.to_string())?, lock);
/// # Ok::<(), pyimage_build::LockError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompiledFrom {
    /// The version of Python that it is for: `3.13.5`.
    pub python: String,
    /// The digest of a wheel, or of a base where it is that of the base's standard library.
    pub of: Digest,
}

/// A base and what it was when it was locked.
///
/// ```no_run
/// use pyimage_build::{Lock, Platform};
///
/// let lock = Lock::parse(&std::fs::read_to_string(Lock::FILE)?)?;
/// for (reference, base) in &lock.bases {
///     let platforms: Vec<_> = base.images.keys().map(Platform::to_string).collect();
///     println!("{reference} is {} for {}", base.target.digest, platforms.join(", "));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedBase {
    /// The index, or the manifest of a base that has no index.
    pub target: Pin,
    /// Its images, those that were asked for.
    pub images: BTreeMap<Platform, LockedImage>,
}

/// The base for one platform.
///
/// ```no_run
/// use pyimage_build::Lock;
///
/// let lock = Lock::parse(&std::fs::read_to_string(Lock::FILE)?)?;
/// for (platform, image) in lock.bases.values().flat_map(|base| &base.images) {
///     println!("{platform}: Python {}, {} layers", image.python, image.layers.len());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedImage {
    /// Its manifest.
    pub manifest: Pin,
    /// Its configuration.
    pub config: Pin,
    /// Its Python, by `PYTHON_VERSION` of its environment: `3.13.5`.
    pub python: String,
    /// The release of its distribution, where it is known.
    pub suite: Option<Suite>,
    /// Its environment, as `NAME=VALUE`, in order.
    pub env: Vec<String>,
    /// Its entry point.
    pub entrypoint: Vec<String>,
    /// Its command.
    pub cmd: Vec<String>,
    /// Its user; empty for root.
    pub user: String,
    /// Its working directory; empty for `/`.
    pub working_dir: String,
    /// The signal that ends it, where it is not `SIGTERM`.
    pub stop_signal: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its layers, the lowest first.
    pub layers: Vec<LockedLayer>,
    /// What the checks need of its files, where an image needed checks.
    pub facts: Option<BaseFacts>,
    /// The packages of Debian that images have on top of it, sorted by what was asked for.
    pub apt: Vec<LockedApt>,
}

/// Content by its digest, with what fetching it takes.
///
/// ```
/// use pyimage_build::{Digest, MediaType, Pin};
///
/// let manifest = b"{}";
/// let pin = Pin {
///     digest: Digest::of(manifest),
///     size: manifest.len() as u64,
///     media_type: MediaType::OCI_MANIFEST,
/// };
/// assert_eq!(pin.size, 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The digest.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
    /// What it is.
    pub media_type: MediaType,
}

/// A layer of a base.
///
/// ```
/// use pyimage_build::{Digest, LockedLayer, MediaType, Pin};
///
/// let blob = Pin { digest: Digest::of(b"compressed"), size: 10, media_type: MediaType::OCI_LAYER };
/// let layer = LockedLayer { blob, diff_id: Digest::of(b"content") };
/// assert_ne!(layer.blob.digest, layer.diff_id);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedLayer {
    /// As it travels, compressed.
    pub blob: Pin,
    /// The digest of its content, uncompressed.
    pub diff_id: Digest,
}

/// How a lock differs from what a project asks for.
///
/// ```
/// use std::collections::{BTreeMap, BTreeSet};
/// use pyimage_build::{Drift, Lock, Platform, Reference};
///
/// let base: Reference = "python:3.13-slim".parse()?;
/// let wanted = BTreeMap::from([(base.clone(), BTreeSet::from([Platform::host()]))]);
/// assert_eq!(Lock::default().drift(&wanted), [Drift::MissingBase(base)]);
/// # Ok::<(), pyimage_build::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// A base that the lock has not got.
    MissingBase(Reference),
    /// A platform of a base that the lock has not got.
    MissingPlatform(Reference, Platform),
    /// A platform of a base of whose files the lock does not have what an image's checks need.
    MissingFacts(Reference, Platform),
    /// Packages of Debian that are not locked on a platform of a base.
    MissingApt(Reference, Platform, Vec<String>),
    /// A base in the lock that no image asks for.
    UnusedBase(Reference),
    /// A platform in the lock that no image asks for.
    UnusedPlatform(Reference, Platform),
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MissingBase(base) => write!(f, "`{}` is not locked", base.familiar()),
            Self::MissingPlatform(base, platform) => {
                write!(f, "`{}` is not locked for {platform}", base.familiar())
            }
            Self::MissingFacts(base, platform) => {
                write!(f, "the libraries and users of `{}` are not locked for {platform}", base.familiar())
            }
            Self::MissingApt(base, platform, packages) => {
                let (base, packages) = (base.familiar(), packages.join("`, `"));
                write!(f, "`{packages}` is not locked for {platform} of `{base}`")
            }
            Self::UnusedBase(base) => write!(f, "`{}` is locked, but no image asks for it", base.familiar()),
            Self::UnusedPlatform(base, platform) => {
                write!(f, "`{}` is locked for {platform}, but no image asks for that", base.familiar())
            }
        }
    }
}

impl Lock {
    /// The name of the file, which lies beside the workspace's `Cargo.lock`.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Lock::FILE, "pyimage.lock");
    /// ```
    pub const FILE: &'static str = "pyimage.lock";

    /// The version of the format that is written, and the newest that is read.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Lock::VERSION, 1);
    /// ```
    pub const VERSION: u32 = 1;

    /// Reads the text of a lock.
    ///
    /// ```
    /// # use pyimage_build::Lock;
    /// assert!(Lock::parse("version = 1\n")?.bases.is_empty());
    /// assert!(Lock::parse("<<<<<<< ours\n").is_err());
    /// # Ok::<(), pyimage_build::LockError>(())
    /// ```
    ///
    /// # Errors
    /// Where it is damaged or of a newer version.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        read::lock(text)
    }

    /// Where the lock differs from what a project asks for: platforms by base. Nothing, if it is current.
    ///
    /// ```
    /// use std::collections::{BTreeMap, BTreeSet};
    /// use pyimage_build::{Lock, Platform, Reference};
    ///
    /// let base: Reference = "python:3.13-slim".parse()?;
    /// let wanted = BTreeMap::from([(base, BTreeSet::from([Platform::host()]))]);
    /// let drift = Lock::default().drift(&wanted);
    /// assert_eq!(drift[0].to_string(), "`python:3.13-slim` is not locked");
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn drift(&self, wanted: &BTreeMap<Reference, BTreeSet<Platform>>) -> Vec<Drift> {
        let mut drift = Vec::new();
        for (base, platforms) in wanted {
            let Some(locked) = self.bases.get(base) else {
                drift.push(Drift::MissingBase(base.clone()));
                continue;
            };
            let missing = platforms.iter().filter(|platform| !locked.images.contains_key(*platform));
            drift.extend(missing.map(|platform| Drift::MissingPlatform(base.clone(), platform.clone())));
        }
        for (base, locked) in &self.bases {
            let Some(platforms) = wanted.get(base) else {
                drift.push(Drift::UnusedBase(base.clone()));
                continue;
            };
            let unused = locked.images.keys().filter(|platform| !platforms.contains(*platform));
            drift.extend(unused.map(|platform| Drift::UnusedPlatform(base.clone(), platform.clone())));
        }
        drift
    }
}

impl LockedImage {
    /// The bytes of all layers as they travel, compressed.
    ///
    /// ```no_run
    /// use pyimage_build::Lock;
    ///
    /// let lock = Lock::parse(&std::fs::read_to_string(Lock::FILE)?)?;
    /// for (platform, image) in lock.bases.values().flat_map(|base| &base.images) {
    ///     println!("{platform}: {} MB to pull", image.layers_size() / 1_000_000);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn layers_size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.blob.size).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests;
