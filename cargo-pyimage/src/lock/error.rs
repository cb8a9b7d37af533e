//! Why bases could not be pinned.

use std::io;
use std::path::PathBuf;

use camino::Utf8PathBuf;
use pyimage_build::{BaseScanError, Drift, LockError, Place, Platform, PylockError, SelectionError, nearest};
use pyrun::cache::CACHE_VARIABLE;
use pyrun::dependencies::{DependencyError, UnreadableNeed};
use pyrun::environment::EnvironmentError;
use pyrun::registry::RegistryError;

use crate::apt::AptError;

/// Why bases could not be pinned, or the pins cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockingError {
    /// There is no lock.
    #[error("there is no `{path}`")]
    NoLock {
        /// Where it would be.
        path: Utf8PathBuf,
    },
    /// A file that says which packages are needed is not there.
    #[error("there is no `{}`, for {place}", file.display())]
    NoRequirements {
        /// The file.
        file: PathBuf,
        /// Where it is asked for.
        place: Place,
    },
    /// The project asks for something else.
    #[error("`{path}` is stale: {}", listed(.drift))]
    Stale {
        /// The lock.
        path: Utf8PathBuf,
        /// What differs.
        drift: Vec<Drift>,
    },
    /// The lock makes no sense.
    #[error("could not use `{path}`")]
    Damaged {
        /// The lock.
        path: Utf8PathBuf,
        /// What is wrong.
        source: Box<LockError>,
    },
    /// Something else has the lock's name.
    #[error("`{path}` is not a file")]
    NotAFile {
        /// What is not a file.
        path: Utf8PathBuf,
    },
    /// The lock cannot be read.
    #[error("could not read `{path}`")]
    Unreadable {
        /// The lock.
        path: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The lock cannot be written.
    #[error("could not write `{path}`")]
    Unwritable {
        /// The lock.
        path: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nowhere to keep what it takes to lock packages.
    #[error("locking packages takes a cache, and there is none")]
    NoCache,
    /// The lock of packages that an image names is not there.
    #[error("there is no `{}`, and no `requirements` to make it from", lock.display())]
    NoPackageLock {
        /// Where it would be.
        lock: PathBuf,
    },
    /// Two images have one lock, for different packages.
    #[error("images with different packages share the lock `{}`", lock.display())]
    SharedLock {
        /// The lock.
        lock: PathBuf,
    },
    /// What asks for packages is not there, or has no lock.
    #[error(transparent)]
    Dependencies(#[from] DependencyError),
    /// What asks for packages cannot be read.
    #[error(transparent)]
    Need(#[from] UnreadableNeed),
    /// The project asks for other packages.
    #[error("`{}` is stale: {}", lock.display(), changes.join(", "))]
    StalePackages {
        /// The lock.
        lock: PathBuf,
        /// What has changed.
        changes: Vec<String>,
    },
    /// Packages could not be resolved, or their lock not be written.
    #[error("could not lock packages in `{}`", lock.display())]
    Packages {
        /// The lock.
        lock: PathBuf,
        /// Why.
        source: Box<EnvironmentError>,
    },
    /// A lock of packages makes no sense.
    #[error("could not use `{}`", lock.display())]
    PackageLock {
        /// The lock.
        lock: PathBuf,
        /// What is wrong.
        source: Box<PylockError>,
    },
    /// A lock of packages is not for this base.
    #[error("`{}` has no packages for {target}", lock.display())]
    Unfit {
        /// The lock.
        lock: PathBuf,
        /// The Python and the platform.
        target: String,
        /// Why.
        source: Box<SelectionError>,
    },
    /// A base or package to be updated that no image has.
    #[error("no image of this project has the base or the package `{name}`")]
    NoSuchBase {
        /// The name.
        name: String,
        /// The bases that there are.
        bases: Vec<String>,
    },
    /// A registry did not give a base.
    #[error("could not lock `{base}`")]
    Registry {
        /// The base.
        base: String,
        /// What was known to be a tag of the official image and may be meant instead.
        nearest: Vec<String>,
        /// Why.
        source: Box<RegistryError>,
    },
    /// What was pinned is not in the registry any more.
    #[error("`{base}` was locked at {digest}, which the registry has no more")]
    PinGone {
        /// The base.
        base: String,
        /// The pinned digest.
        digest: String,
        /// The registry's answer.
        source: Box<RegistryError>,
    },
    /// A base is not there for a platform.
    #[error("`{base}` is not there for {platform}; it is there for {}", .available.join(", "))]
    NoPlatform {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
        /// The platforms that it is there for.
        available: Vec<String>,
    },
    /// Packages are wanted for a base whose distribution is not known.
    #[error("the distribution in `{base}` is not known, and so not which packages fit it")]
    UnknownSystem {
        /// The base.
        base: String,
    },
    /// A base has no Python of the official images.
    #[error("`{base}` has no `PYTHON_VERSION`, so it is not made from an official Python image")]
    NoPython {
        /// The base.
        base: String,
    },
    /// Packages of Debian could not be installed.
    #[error(transparent)]
    Apt(Box<AptError>),
    /// A base's files could not be read.
    #[error("could not read which libraries and users `{base}` has for {platform}")]
    Facts {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
        /// Why.
        source: Box<BaseScanError>,
    },
    /// The documents of a base contradict each other.
    #[error("the documents of `{base}` for {platform} contradict each other: {why}")]
    Contradiction {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
        /// How.
        why: String,
    },
}

fn listed(drift: &[Drift]) -> String {
    drift.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl LockingError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let help = match self {
            Self::NoLock { .. } => "write it with `cargo pyimage lock`, and commit it".to_owned(),
            Self::StalePackages { .. } | Self::Stale { .. } => {
                "bring it up to date with `cargo pyimage lock`, and commit it".to_owned()
            }
            Self::Dependencies(DependencyError::NoLock { .. }) => {
                "write it with `cargo pyimage lock`, and commit it".to_owned()
            }
            Self::Dependencies(error) => return error.helps(),
            Self::Packages { source, .. } => return source.helps(),
            Self::Apt(error) => return error.helps(),
            Self::NoCache => format!("set `{CACHE_VARIABLE}` to a folder that can be written"),
            Self::NoPackageLock { .. } => {
                "name what the packages are asked for in, as in `requirements = \"requirements.txt\"`"
                    .to_owned()
            }
            Self::SharedLock { .. } => "give each a lock, as in `pylock = \"pylock.web.toml\"`".to_owned(),
            Self::Damaged { source, .. } => source.help().to_owned(),
            Self::NoSuchBase { bases, .. } => format!("the bases are `{}`", bases.join("`, `")),
            Self::Registry { nearest, source, .. } => {
                let mut helps = source.helps();
                if !nearest.is_empty() {
                    helps.insert(0, format!("there is `{}`", nearest.join("`, `")));
                }
                return helps;
            }
            Self::PinGone { base, .. } => {
                format!("move the pin to what the tag is today with `cargo pyimage lock --update {base}`")
            }
            Self::NoPlatform { platform, available, .. } => {
                let platform = platform.to_string();
                let near = nearest(&platform, available.iter().map(String::as_str));
                let mut helps: Vec<_> =
                    near.iter().take(1).map(|near| format!("did you mean `{near}`?")).collect();
                helps.push(
                    "take another base, or have `platforms` in Cargo.toml name those that it has".to_owned(),
                );
                return helps;
            }
            Self::UnknownSystem { .. } => {
                "take a tag that names it, such as `3.13-slim-trixie` or `2.7-slim-buster`".to_owned()
            }
            Self::NoPython { .. } => {
                "take a base that is made `FROM python:…`, or `tag` for an official image itself".to_owned()
            }
            Self::NoRequirements { .. } => {
                "correct it: it starts at the folder of the Cargo.toml that names it".to_owned()
            }
            Self::NotAFile { .. }
            | Self::Need(_)
            | Self::PackageLock { .. }
            | Self::Unfit { .. }
            | Self::Unwritable { .. }
            | Self::Unreadable { .. }
            | Self::Facts { .. }
            | Self::Contradiction { .. } => {
                return Vec::new();
            }
        };
        vec![help]
    }
}
