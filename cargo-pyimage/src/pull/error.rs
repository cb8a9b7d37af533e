//! Why an image could not be pulled.

use camino::Utf8PathBuf;
use pyimage_build::{DocumentError, LayoutError, Platform, ReferenceError};
use pyrun::registry::RegistryError;

use crate::load::LoadError;

/// Why an image could not be pulled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// The image's name is malformed.
    #[error("`{name}` is no image")]
    Reference {
        /// The name.
        name: String,
        /// Why not.
        source: Box<ReferenceError>,
    },
    /// It is not said where to.
    #[error("where is `{image}` to go?")]
    NoPlace {
        /// The image.
        image: String,
    },
    /// The image is not for this platform.
    #[error("`{image}` is not for {platform}")]
    NoPlatform {
        /// The image.
        image: String,
        /// The platform.
        platform: Platform,
        /// Those that it is for.
        known: Vec<Platform>,
    },
    /// A registry refused or failed.
    #[error("could not pull `{image}`")]
    Registry {
        /// The image.
        image: String,
        /// Why.
        source: Box<RegistryError>,
    },
    /// A document of it makes no sense.
    #[error("`{image}` is no image that can be pulled")]
    Document {
        /// The image.
        image: String,
        /// Why.
        source: Box<DocumentError>,
    },
    /// The layout could not be written.
    #[error("could not write the image to `{folder}`")]
    Layout {
        /// Its folder.
        folder: Utf8PathBuf,
        /// Why.
        source: Box<LayoutError>,
    },
    /// The engine did not take it.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl PullError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NoPlace { .. } => {
                vec!["into a folder with `-o DIR`, or to the engine with `--load`".to_owned()]
            }
            Self::NoPlatform { known, .. } => {
                let known: Vec<_> = known.iter().map(|platform| format!("`--platform {platform}`")).collect();
                vec![format!("it is for others: {}", known.join(", "))]
            }
            Self::Registry { source, .. } => source.helps(),
            Self::Load(error) => error.helps(),
            _ => Vec::new(),
        }
    }
}
