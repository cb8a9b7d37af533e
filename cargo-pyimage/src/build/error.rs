//! Why an image could not be built.

use std::path::PathBuf;

use camino::Utf8PathBuf;
use pyimage_build::{
    AccountError, AssemblyError, LayerError, LayoutError, Platform, ReferenceError, SourceError,
};
use pyrun::cache::CacheError;
use pyrun::environment::EnvironmentError;

use crate::apt::AptError;

/// Why an image could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no image of this name.
    #[error("there is no image `{name}`")]
    NoSuchImage {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The time is no number.
    #[error("`SOURCE_DATE_EPOCH` is `{text}`, which is no number of seconds")]
    Epoch {
        /// Its value.
        text: String,
        /// Why not.
        source: std::num::ParseIntError,
    },
    /// A tag is malformed.
    #[error("`{tag}` is no tag of an image")]
    Tag {
        /// The tag.
        tag: String,
        /// Why not.
        source: Box<ReferenceError>,
    },
    /// The image is not for this platform.
    #[error("the image of `{image}` is not for {platform}")]
    NoPlatform {
        /// The package with the image.
        image: String,
        /// The platform.
        platform: Platform,
    },
    /// A base or a platform of it is not locked.
    #[error("`{base}` is not locked")]
    NotLocked {
        /// The base.
        base: String,
    },
    /// The distribution of a base is not known.
    #[error("the distribution in `{base}` is not known, and so not which packages fit it")]
    UnknownSystem {
        /// The base.
        base: String,
    },
    /// A lock of packages cannot be used.
    #[error("could not use `{}`", lock.display())]
    PackageLock {
        /// The lock.
        lock: PathBuf,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A package has to be built.
    #[error("`{package}` has no wheel for {target}, and images have no packages from sources yet")]
    NoWheel {
        /// The package.
        package: String,
        /// The Python and the platform.
        target: String,
    },
    /// A lock does not say what a file has to be.
    #[error("the lock has no sha256 for `{package}`")]
    NoDigest {
        /// The package.
        package: String,
    },
    /// Wheels could not be had.
    #[error("could not fetch the packages of `{image}`")]
    Fetch {
        /// The package with the image.
        image: String,
        /// Why.
        source: Box<EnvironmentError>,
    },
    /// A wheel is broken.
    #[error("could not use `{wheel}`")]
    Wheel {
        /// The wheel.
        wheel: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The project's files could not be listed.
    #[error("could not tell which files go into the image of `{image}`")]
    Source {
        /// The package with the image.
        image: String,
        /// Why.
        source: Box<SourceError>,
    },
    /// A layer could not be made.
    #[error("could not make the layer `{what}`")]
    Layer {
        /// What is in it.
        what: String,
        /// Why.
        source: Box<LayerError>,
    },
    /// Packages of Debian could not be had.
    #[error(transparent)]
    Apt(Box<AptError>),
    /// The image's user cannot be.
    #[error("could not give the image of `{image}` its user")]
    User {
        /// The package with the image.
        image: String,
        /// Why not.
        source: Box<AccountError>,
    },
    /// The image's documents could not be made.
    #[error("could not assemble `{image}`")]
    Assemble {
        /// The image.
        image: String,
        /// Why.
        source: Box<AssemblyError>,
    },
    /// The layout could not be written.
    #[error("could not write the image to `{folder}`")]
    Layout {
        /// Its folder.
        folder: Utf8PathBuf,
        /// Why.
        source: Box<LayoutError>,
    },
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl BuildError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NoSuchImage { known, .. } => {
                vec![format!("there are `{}`", known.join("`, `"))]
            }
            Self::NoPlatform { .. } => vec!["add it to `platforms` in Cargo.toml".to_owned()],
            Self::NotLocked { .. } => vec!["lock it with `cargo pyimage lock`".to_owned()],
            Self::Apt(error) => error.helps(),
            Self::User { source, .. } => match &**source {
                AccountError::Misspelt { nearest, .. } => {
                    vec![format!("`{nearest}` is the base's; any other name is given an entry of its own")]
                }
                _ => vec!["take a name such as `app`, or a number such as `1000`".to_owned()],
            },
            Self::Fetch { source, .. } => source.helps(),
            Self::Cache(error) => vec![error.help()],
            _ => Vec::new(),
        }
    }
}
