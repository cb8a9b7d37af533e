//! Why an image could not be pushed.

use pyimage_build::ReferenceError;
use pyrun::registry::{Missing, RegistryError};

/// Why an image could not be pushed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The repository's name is malformed.
    #[error("`{name}` is no repository to push to")]
    Repository {
        /// The name.
        name: String,
        /// Why not.
        source: Box<ReferenceError>,
    },
    /// The repository was given with a tag.
    #[error("`{name}` has a tag or a digest, and a repository to push to has neither")]
    TaggedRepository {
        /// The name.
        name: String,
    },
    /// More than one image for one repository.
    #[error("there is more than one image, and they cannot all go to `{repository}`")]
    SeveralImages {
        /// The repository.
        repository: String,
    },
    /// A registry refused or failed.
    #[error("could not push `{image}`")]
    Registry {
        /// The image's names.
        image: String,
        /// Why.
        source: Box<RegistryError>,
    },
    /// The image is pushed, and a registry refused or failed afterwards.
    #[error("`{image}` is pushed, but its SBOM could not be attached")]
    Attach {
        /// The image by its digest.
        image: String,
        /// Why.
        source: Box<RegistryError>,
    },
}

impl PushError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Repository { .. } => Vec::new(),
            Self::TaggedRepository { .. } => vec!["give tags with `-t TAG`".to_owned()],
            Self::SeveralImages { .. } => vec!["choose one with `--image PACKAGE`".to_owned()],
            Self::Attach { source, .. } => {
                let mut helps = source.helps();
                helps.push("push again: what is there is not sent again".to_owned());
                helps
            }
            Self::Registry { source, .. } => {
                let mut helps = source.helps();
                if matches!(source.own(), RegistryError::NotFound { missing: Missing::Repository, .. }) {
                    helps.push("check the name, or create the repository there first".to_owned());
                }
                helps
            }
        }
    }
}
