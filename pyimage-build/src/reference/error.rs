//! Why a text cannot be an image reference.

use std::error::Error;
use std::fmt;

use super::{MAX_REPOSITORY_LEN, MAX_TAG_LEN};
use crate::DigestError;

/// Why a text is not a [`Reference`](crate::Reference).
///
/// ```
/// use pyimage_build::Reference;
///
/// let error = "Python:3.13".parse::<Reference>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "repository `Python` in reference `Python:3.13` has upper-case letters, only lower case is allowed",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferenceError {
    /// There is no text.
    Empty,
    /// The text is a URL.
    Scheme(String),
    /// The text is 64 hex digits, which stand for an image ID.
    HexName(String),
    /// What stands before the first slash is not a host.
    InvalidRegistry {
        /// The whole reference.
        reference: String,
        /// The part at fault.
        registry: String,
    },
    /// There is a registry, a tag or a digest, but no repository.
    NoRepository(String),
    /// The repository is not in lower case.
    UppercaseRepository {
        /// The whole reference.
        reference: String,
        /// The part at fault.
        repository: String,
    },
    /// A component of the repository is empty, has a character that it cannot have, or a separator at an end.
    InvalidRepository {
        /// The whole reference.
        reference: String,
        /// The component at fault.
        component: String,
    },
    /// The repository is longer than registries accept.
    RepositoryTooLong {
        /// The repository, with the `library/` that may be implied.
        repository: String,
        /// Its length.
        length: usize,
    },
    /// A colon is not followed by a tag.
    EmptyTag(String),
    /// The tag has a character that it cannot have, or starts with a separator.
    InvalidTag {
        /// The whole reference.
        reference: String,
        /// The part at fault.
        tag: String,
    },
    /// The tag is longer than registries accept.
    TagTooLong {
        /// The tag.
        tag: String,
        /// Its length.
        length: usize,
    },
    /// What stands after the `@` is not a digest.
    InvalidDigest {
        /// The whole reference.
        reference: String,
        /// What is wrong with it.
        source: DigestError,
    },
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the image reference is empty"),
            Self::Scheme(value) => write!(
                f,
                "reference `{value}` has a URL scheme, a reference starts with the registry's host or the repository"
            ),
            Self::HexName(value) => {
                write!(f, "name `{value}` is 64 hex digits, which would be taken for an image ID")
            }
            Self::InvalidRegistry { reference, registry } => write!(
                f,
                "registry `{registry}` in reference `{reference}` is not a host with an optional port"
            ),
            Self::NoRepository(value) => write!(f, "reference `{value}` names no repository"),
            Self::UppercaseRepository { reference, repository } => write!(
                f,
                "repository `{repository}` in reference `{reference}` has upper-case letters, only lower case is allowed"
            ),
            Self::InvalidRepository { reference, component } => write!(
                f,
                "`{component}` in reference `{reference}` is not a repository name of letters and digits with single \
         separators between them"
            ),
            Self::RepositoryTooLong { repository, length } => write!(
                f,
                "repository `{repository}` is {length} characters long, the limit is {MAX_REPOSITORY_LEN}"
            ),
            Self::EmptyTag(value) => write!(f, "reference `{value}` has a colon with no tag after it"),
            Self::InvalidTag { reference, tag } => write!(
                f,
                "tag `{tag}` in reference `{reference}` is not letters, digits, `_`, `.` and `-`, the first a letter, digit or `_`"
            ),
            Self::TagTooLong { tag, length } => {
                write!(f, "tag `{tag}` is {length} characters long, the limit is {MAX_TAG_LEN}")
            }
            Self::InvalidDigest { reference, .. } => {
                write!(f, "reference `{reference}` has an invalid digest")
            }
        }
    }
}

impl Error for ReferenceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::InvalidDigest { source, .. } => Some(source),
            _ => None,
        }
    }
}
