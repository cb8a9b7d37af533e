//! Why an image did not get to where it was to be loaded or saved.

use pyimage_build::{Digest, LayoutError, Platform};
use pyrun::engine::EngineError;
use pyrun::registry::RegistryError;

use crate::workspace::which_image;

/// Why an image did not get to where it was to be loaded or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The engine did not do its part.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] pyrun::cache::CacheError),
    /// There is no listening for an engine that is to pull from us.
    #[error("could not listen for the engine on this machine's loopback")]
    Loopback(#[source] std::io::Error),
    /// The engine did not read the archive to its end; it says why.
    #[error("the engine did not read the archive to its end")]
    NotTaken,
    /// The image is not built for this platform.
    #[error("`{image}` is not built for {platform}")]
    NoPlatform {
        /// The image.
        image: String,
        /// The platform.
        platform: Platform,
        /// Those that it is built for.
        built: Vec<Platform>,
    },
    /// The engine's platform makes no sense.
    #[error("the engine runs `{0}`, for which there are no images")]
    UnknownPlatform(String),
    /// The command is for one image, and the project has several.
    #[error("there is more than one image: {}", images.join(", "))]
    WhichImage {
        /// All of them.
        images: Vec<String>,
    },
    /// It has no tag, and so no name on an engine.
    #[error("`{0}` has no tag")]
    NoTag(String),
    /// The base has to be fetched, which may not be.
    #[error("the layers of `{base}` for {platform} are not in the cache, and nothing may be fetched")]
    Offline {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
    },
    /// The base's layers cannot be fetched.
    #[error("could not fetch the layers of `{base}` for {platform}")]
    Base {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
        /// Why.
        source: Box<RegistryError>,
    },
    /// The archive could not be made.
    #[error("could not make the image's archive")]
    Archive(#[source] Box<LayoutError>),
    /// The archive could not be written to its file.
    #[error("could not write the image to `{file}`")]
    Save {
        /// The file.
        file: camino::Utf8PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The thread that makes the archive ended before its time.
    #[error("could not make the image's archive")]
    Thread(#[source] std::io::Error),
    /// What the engine made of the archive is something else.
    #[error("the engine did not take `{image}` as it was sent: {}", found.as_ref().map_or_else(|| format!("`{expected}` is not there"), |found| format!("it has `{found}` instead of `{expected}`")))]
    Different {
        /// The image.
        image: String,
        /// The id that the engine has under its name.
        found: Option<String>,
        /// The id that it should have.
        expected: Digest,
    },
}

impl LoadError {
    /// Whether an engine that gave this answer may take the image when it is sent in another way.
    pub(super) fn has_another_way(&self) -> bool {
        matches!(self, Self::Engine(EngineError::Refused { .. }) | Self::Loopback(_) | Self::Different { .. })
    }

    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Engine(EngineError::Discovery(error)) => error.helps(),
            Self::NoPlatform { built, .. } => {
                let built: Vec<_> = built.iter().map(|platform| format!("`--platform {platform}`")).collect();
                vec![format!("it is built for others, which may run by emulation: {}", built.join(", "))]
            }
            Self::WhichImage { images } => which_image(images),
            Self::Base { source, .. } => source.helps(),
            Self::Offline { .. } => vec!["once without `--offline`, and they are in the cache".to_owned()],
            _ => Vec::new(),
        }
    }
}
