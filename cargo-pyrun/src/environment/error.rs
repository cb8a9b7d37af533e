//! Why a script does not get the packages that it needs.

use std::io;
use std::path::PathBuf;

use super::link::LinkError;
use super::step::StepError;
use crate::cache::CacheError;
use crate::dependencies::UnreadableNeed;
use crate::registry::RegistryError;
use crate::registry::fetch::FetchError;
use crate::resolution::ResolutionError;
use crate::run::RunError;
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
    /// A container could not be run.
    #[error(transparent)]
    Run(Box<RunError>),
    /// The image's Python has no pip, and no other way is known.
    #[error("`{python}` in `{image}` has no pip, which would have to install packages for it")]
    NoPip {
        /// The image.
        image: String,
        /// The interpreter.
        python: String,
    },
    /// The image's own pip failed.
    #[error("could not install the packages with the pip in `{image}`")]
    OwnPip {
        /// The image.
        image: String,
        /// What it said.
        source: StepError,
    },
    /// What is asked for cannot be told to the image's own pip.
    #[error("the pip of the image installs the packages here, and `{}` is nothing that it reads", file.display())]
    NotForPip {
        /// The file.
        file: PathBuf,
    },
    /// What has to be built for it has no solution.
    #[error("could not resolve the packages that are needed, in `{image}`, where they can be built")]
    ResolveWithBuilds {
        /// The image that builds.
        image: String,
        /// What uv said.
        source: StepError,
    },
    /// What has to be built for Python 2 cannot be resolved: uv starts none.
    #[error("some packages have no wheel for Python {python}, and uv builds nothing for Python 2")]
    NoBuildsForPython2 {
        /// Its version.
        python: String,
        /// Which packages.
        source: Box<dyn std::error::Error + Send + Sync>,
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
    /// A package of which nothing is there.
    #[error("`{package}` has no wheel for {target}, nor sources")]
    NoWheel {
        /// The package.
        package: String,
        /// The Python and the platform.
        target: String,
    },
    /// A folder with sources cannot be read.
    #[error("could not read the sources of `{package}` in `{}`", folder.display())]
    UnreadableSource {
        /// The package.
        package: String,
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A package comes from a repository of this machine, which no container sees.
    #[error(
        "`{package}` comes from a repository of this machine, which the container that builds it does not see"
    )]
    LocalRepository {
        /// The package.
        package: String,
    },
    /// The image in which packages are to be built is another world.
    #[error("packages for `{run_image}` cannot be built in `{image}`: it has {found}, and not {target}")]
    BuildImage {
        /// The image that builds.
        image: String,
        /// Its Python and C library.
        found: String,
        /// The image that the package is for.
        run_image: String,
        /// Its Python and C library.
        target: String,
    },
    /// A package could not be built.
    #[error("could not build `{package}` in `{image}`{}", if *no_compiler { ", which has no compiler" } else { "" })]
    Build {
        /// The package.
        package: String,
        /// The image that builds.
        image: String,
        /// Whether it failed for want of a compiler.
        no_compiler: bool,
        /// What to do about it.
        better: Option<String>,
        /// What pip said.
        source: StepError,
    },
    /// Building left no wheel.
    #[error("building `{package}` left no wheel")]
    NoBuiltWheel {
        /// The package.
        package: String,
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
            Self::Run(error) => return error.helps(),
            Self::NoPip { .. } => {
                "take an official image with `--tag`, or install the packages in an image of yours".to_owned()
            }
            Self::NotForPip { .. } => "write what is needed into a `requirements.txt`".to_owned(),
            Self::NoBuildsForPython2 { .. } => {
                return vec![
                    "ask for versions that have wheels for it".to_owned(),
                    "or write the lock yourself, sources and all: `pylock = \"pylock.toml\"` in place of `requirements`"
                        .to_owned(),
                    "or have its pip do it: `cargo pyimage build --builder dockerfile`".to_owned(),
                ];
            }
            Self::NoUv { .. } => format!("install uv, or name one with `{}`", crate::uv::VARIABLE),
            Self::NoWheel { .. } => {
                "take a version with a wheel, or another image: see `cargo pyimage tag`".to_owned()
            }
            Self::Offline { .. } => "run it once without `--offline`".to_owned(),
            Self::BuildImage { .. } => "choose another with `--build-tag`".to_owned(),
            Self::Build { better: Some(better), .. } => better.clone(),
            Self::Network(error) => return error.helps(),
            Self::Resolve(error) => return error.helps(),
            Self::Resolution(error) => return error.helps(),
            _ => return Vec::new(),
        };
        vec![help]
    }
}
