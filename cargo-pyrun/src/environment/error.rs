//! Why a script does not get the packages that it needs.

use std::io;
use std::path::PathBuf;

use super::link::LinkError;
use crate::cache::CacheError;
use crate::dependencies::UnreadableNeed;
use crate::registry::RegistryError;
use crate::registry::fetch::FetchError;
use crate::resolution::ResolutionError;
use crate::uv::UvError;

/// Why a script does not get the packages that it needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// There is nowhere to keep them.
    #[error("the script needs packages, and there is no cache to keep them in")]
    NoCache,
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A file that says what is needed cannot be read.
    #[error(transparent)]
    Need(#[from] UnreadableNeed),
    /// The image has no Python that we know.
    #[error("`{image}` has no `PYTHON_VERSION`, so it is not known which packages fit its Python")]
    NoPython {
        /// The image.
        image: String,
    },
    /// The image's Python is too old for it.
    #[error("packages for Python {python} are not installed yet, and `{image}` has it")]
    Old {
        /// Its Python.
        python: String,
        /// The image.
        image: String,
    },
    /// The image's distribution is not known.
    #[error("the distribution in `{image}` is not known, and so not which packages fit it")]
    UnknownSystem {
        /// The image.
        image: String,
    },
    /// uv is not there, and could not be installed.
    #[error(
        "could not install uv {}, which resolves requirements, with the pip in `{image}`",
        crate::uv::VERSION
    )]
    NoUv {
        /// The image.
        image: String,
        /// pip's exit code.
        source: io::Error,
    },
    /// The requirements have no solution.
    #[error(transparent)]
    Resolve(#[from] UvError),
    /// The lock is stale, or cannot be written.
    #[error(transparent)]
    Resolution(#[from] ResolutionError),
    /// A lock cannot be read.
    #[error("could not read the lock `{}`", file.display())]
    UnreadableLock {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A lock makes no sense.
    #[error("could not use the lock `{}`", file.display())]
    Lock {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No packages fit the image.
    #[error("could not choose packages for {target}")]
    Select {
        /// The Python and the platform.
        target: String,
        /// What is missing.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A package that has to be built.
    #[error("`{package}` has no wheel for {target}, and packages are not built yet")]
    NoWheel {
        /// The package.
        package: String,
        /// The Python and the platform.
        target: String,
    },
    /// A lock that does not say what a file has to be.
    #[error("the lock has no address or no sha256 for `{package}`")]
    NoDigest {
        /// The file.
        package: String,
    },
    /// Files are not there, and nobody may be asked for them.
    #[error("`{}` {} not in the cache, and `--offline` is given", missing.join("`, `"), if missing.len() == 1 { "is" } else { "are" })]
    Offline {
        /// The files.
        missing: Vec<String>,
    },
    /// A file could not be had.
    #[error("could not fetch `{package}`")]
    Fetch {
        /// The package.
        package: String,
        /// Why.
        source: FetchError,
    },
    /// The settings of the network are malformed.
    #[error(transparent)]
    Network(#[from] RegistryError),
    /// A wheel could not be unpacked.
    #[error("could not unpack `{wheel}`")]
    Unpack {
        /// The wheel.
        wheel: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A package in the cache is not as it was unpacked.
    #[error("the package `{id}` in the cache is damaged, again and again")]
    Damaged {
        /// Its name there.
        id: String,
    },
    /// Packages do not fit together.
    #[error("could not put the packages together")]
    Link(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The work could not be done.
    #[error("could not prepare the packages")]
    Task(#[source] io::Error),
}

impl From<LinkError> for EnvironmentError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Damaged { id } => Self::Damaged { id },
            error => Self::Link(Box::new(error)),
        }
    }
}

impl EnvironmentError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let help = match self {
            Self::NoCache => "set `PYIMAGE_CACHE_DIR` to a folder that can be written".to_owned(),
            Self::Cache(error) => error.help(),
            Self::Fetch { source: FetchError::Cache(error), .. } => error.help(),
            Self::NoPython { .. } | Self::UnknownSystem { .. } => {
                "take an official image with `--tag`, or one that is made from one".to_owned()
            }
            Self::Old { .. } => "make an image with them, and run it with `--image`".to_owned(),
            Self::NoUv { .. } => format!("install uv, or name one with `{}`", crate::uv::VARIABLE),
            Self::NoWheel { .. } => {
                "take a version with a wheel, or another image: see `cargo pyimage tag`".to_owned()
            }
            Self::Offline { .. } => "run it once without `--offline`".to_owned(),
            Self::Network(error) => return error.helps(),
            Self::Resolve(error) => return error.helps(),
            Self::Resolution(error) => return error.helps(),
            _ => return Vec::new(),
        };
        vec![help]
    }
}
