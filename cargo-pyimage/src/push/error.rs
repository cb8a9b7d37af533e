//! Why an image could not be pushed.

use camino::Utf8PathBuf;
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
    /// A tag is malformed.
    #[error("`{tag}` is no tag")]
    Tag {
        /// It.
        tag: String,
        /// Why not.
        source: Box<ReferenceError>,
    },
    /// What is to be pushed cannot be read.
    #[error("could not read the image in `{folder}`")]
    Layout {
        /// The folder with the layout.
        folder: Utf8PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A layout has none or several.
    #[error("`{folder}` does not have one image{}", listed(names))]
    NotOneImage {
        /// The folder with the layout.
        folder: Utf8PathBuf,
        /// The names in it.
        names: Vec<String>,
    },
    /// A layout does not say whose it is.
    #[error("the image in `{folder}` has no repository in its name")]
    Nameless {
        /// The folder with the layout.
        folder: Utf8PathBuf,
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
            Self::Repository { .. } | Self::Tag { .. } => Vec::new(),
            Self::Layout { .. } | Self::NotOneImage { .. } => vec![
                "a build script has its layout in `OUT_DIR/pyimage/NAME`, `cargo pyimage build` in `target/pyimage/NAME`"
                    .to_owned(),
            ],
            Self::Nameless { .. } => vec!["say where to push it: `--to REPOSITORY`".to_owned()],
            Self::TaggedRepository { .. } => vec!["give tags with `-t TAG`".to_owned()],
            Self::SeveralImages { .. } => vec!["choose one with `--image PACKAGE`".to_owned()],
            Self::Attach { source, .. } => {
                let mut helps = source.helps();
                helps.push("push again: what is there is not sent again".to_owned());
                helps
            }
            Self::Registry { image, source } => {
                let mut helps = source.helps();
                // A name like `app` is read as one of Docker Hub's own images, which few may push.
                if !image.contains('/') && !matches!(source.own(), RegistryError::MayNotPush { .. }) {
                    helps.insert(
                        0,
                        "for a repository of yours: `name = \"REGISTRY/USER/APP\"` in Cargo.toml, or `--to`".to_owned(),
                    );
                }
                if matches!(source.own(), RegistryError::NotFound { missing: Missing::Repository, .. }) {
                    helps.push("check the name, or create the repository there first".to_owned());
                }
                helps
            }
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(", but `{}`", names.join("`, `")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_registry_gets_a_hint() {
        let helps = |image: &str| {
            let source =
                RegistryError::TooManyRequests { registry: "r".to_owned(), retry_after: None, source: None };
            PushError::Registry { image: image.to_owned(), source: Box::new(source) }.helps()
        };
        assert!(helps("app:latest")[0].contains("`--to`"));
        assert!(!helps("localhost:5000/me/app:latest").iter().any(|help| help.contains("`--to`")));
    }
}
