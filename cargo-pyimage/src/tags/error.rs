//! Why tags could not be listed.

use pyimage_build::{Platform, Reference, ReferenceError, Variant};
use pyrun::registry::RegistryError;

/// Why tags could not be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TagsError {
    /// The repository's name is malformed.
    #[error("`{name}` is no repository")]
    Repository {
        /// The name.
        name: String,
        /// The reason.
        source: ReferenceError,
    },
    /// The repository was given with a tag.
    #[error("`{name}` has a tag or a digest, and a repository has neither")]
    TaggedRepository {
        /// The name.
        name: String,
    },
    /// The filter can fit no tag.
    #[error("no tag can have `{character}`, which is in the filter `{filter}`")]
    Filter {
        /// The filter.
        filter: String,
        /// What no tag has.
        character: char,
    },
    /// The filter is empty.
    #[error("the filter is empty")]
    EmptyFilter,
    /// The registry did not tell.
    #[error("could not list the tags of `{}`", short(.repository))]
    Registry {
        /// The repository.
        repository: Box<Reference>,
        /// Why.
        source: Box<RegistryError>,
    },
    /// No tag fits the filter.
    #[error("no tag of `{}` fits `{filter}`{}", short(.repository), of(*.variant))]
    NoMatch {
        /// The repository.
        repository: Box<Reference>,
        /// The filter.
        filter: String,
        /// The variant that was asked for.
        variant: Option<Variant>,
        /// Tags like it.
        nearest: Vec<String>,
    },
    /// There is no tag at all, or none of that variant.
    #[error("`{}` has no tag{}", short(.repository), of(*.variant))]
    None {
        /// The repository.
        repository: Box<Reference>,
        /// The variant that was asked for.
        variant: Option<Variant>,
    },
    /// No tag has the platform.
    #[error("none of these tags of `{}` is there for {platform}; they are there for {}", short(.repository), .available.join(", "))]
    NoPlatform {
        /// The repository.
        repository: Box<Reference>,
        /// The platform.
        platform: Platform,
        /// The platforms that there are.
        available: Vec<String>,
    },
}

/// The repository without the tag that every reference has.
fn short(repository: &Reference) -> String {
    let familiar = repository.familiar();
    familiar.rsplit_once(':').map_or(familiar.clone(), |(name, _)| name.to_owned())
}

fn of(variant: Option<Variant>) -> String {
    variant.map(|variant| format!(" of the variant `{variant}`")).unwrap_or_default()
}

impl TagsError {
    pub(super) fn registry(repository: &Reference) -> impl Fn(RegistryError) -> Self {
        let repository = repository.clone();
        move |source| Self::Registry { repository: Box::new(repository.clone()), source: Box::new(source) }
    }

    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let help = match self {
            Self::Registry { source, .. } => return source.helps(),
            Self::NoMatch { nearest, .. } if !nearest.is_empty() => {
                format!("there is `{}`", nearest.join("`, `"))
            }
            Self::NoMatch { .. } | Self::EmptyFilter | Self::Filter { .. } => {
                "a filter is part of a tag, as in `3.13-slim`, or a pattern with `*`".to_owned()
            }
            Self::TaggedRepository { name } => {
                format!("`cargo pyimage tag {name}` explains one tag")
            }
            _ => return Vec::new(),
        };
        vec![help]
    }
}
