//! Why a tag could not be explained.

use pyimage_build::{KNOWN_TAGS, PythonTagError, ReferenceError, nearest_tags};
use pyrun::registry::RegistryError;

/// Why a tag could not be explained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// It is no tag of the official image.
    #[error("`{tag}` is no tag of the official Python image")]
    Tag {
        /// The tag.
        tag: String,
        /// The reason.
        source: Box<PythonTagError>,
    },
    /// It is no image reference.
    #[error("`{reference}` is no image reference")]
    Reference {
        /// The reference.
        reference: String,
        /// The reason.
        source: ReferenceError,
    },
    /// The registry did not tell.
    #[error("could not look up `{image}`")]
    Registry {
        /// The image.
        image: String,
        /// Tags of its repository like its own.
        nearest: Vec<String>,
        /// Why.
        source: Box<RegistryError>,
    },
    /// There is no image in it.
    #[error("`{image}` is there for no platform")]
    NoImages {
        /// The image.
        image: String,
    },
    /// The image is not made from an official one.
    #[error("`{image}` has no `PYTHON_VERSION`, so it is not made from an official Python image")]
    NoPython {
        /// The image.
        image: String,
    },
}

impl TagError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Tag { tag, .. } => {
                let near = nearest_tags(tag, KNOWN_TAGS);
                if near.is_empty() {
                    vec!["`cargo pyimage tags` lists what there is".to_owned()]
                } else {
                    vec![format!("did you mean `{}`?", near.join("`, `"))]
                }
            }
            Self::Registry { nearest, source, .. } => {
                let mut helps = source.helps();
                if !nearest.is_empty() {
                    helps.insert(0, format!("there is `{}`", nearest.join("`, `")));
                }
                helps
            }
            _ => Vec::new(),
        }
    }
}
