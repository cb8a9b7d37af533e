//! Why a text cannot be an image reference.

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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// There is no text.
    #[error("the image reference is empty")]
    Empty,
    /// The text is a URL.
    #[error(
        "reference `{0}` has a URL scheme, a reference starts with the registry's host or the repository"
    )]
    Scheme(String),
    /// The text is 64 hex digits, which stand for an image ID.
    #[error("name `{0}` is 64 hex digits, which would be taken for an image ID")]
    HexName(String),
    /// What stands before the first slash is not a host.
    #[error("registry `{registry}` in reference `{reference}` is not a host with an optional port")]
    InvalidRegistry {
        /// The whole reference.
        reference: String,
        /// The part at fault.
        registry: String,
    },
    /// There is a registry, a tag or a digest, but no repository.
    #[error("reference `{0}` names no repository")]
    NoRepository(String),
    /// The repository is not in lower case.
    #[error(
        "repository `{repository}` in reference `{reference}` has upper-case letters, only lower case is allowed"
    )]
    UppercaseRepository {
        /// The whole reference.
        reference: String,
        /// The part at fault.
        repository: String,
    },
    /// A component of the repository is empty, has a character that it cannot have, or a separator at an end.
    #[error(
        "`{component}` in reference `{reference}` is not a repository name of letters and digits with single \
         separators between them"
    )]
    InvalidRepository {
        /// The whole reference.
        reference: String,
        /// The component at fault.
        component: String,
    },
    /// The repository is longer than registries accept.
    #[error("repository `{repository}` is {length} characters long, the limit is {MAX_REPOSITORY_LEN}")]
    RepositoryTooLong {
        /// The repository, with the `library/` that may be implied.
        repository: String,
        /// Its length.
        length: usize,
    },
    /// A colon is not followed by a tag.
    #[error("reference `{0}` has a colon with no tag after it")]
    EmptyTag(String),
    /// The tag has a character that it cannot have, or starts with a separator.
    #[error(
        "tag `{tag}` in reference `{reference}` is not letters, digits, `_`, `.` and `-`, the first a letter, digit or `_`"
    )]
    InvalidTag {
        /// The whole reference.
        reference: String,
        /// The part at fault.
        tag: String,
    },
    /// The tag is longer than registries accept.
    #[error("tag `{tag}` is {length} characters long, the limit is {MAX_TAG_LEN}")]
    TagTooLong {
        /// The tag.
        tag: String,
        /// Its length.
        length: usize,
    },
    /// What stands after the `@` is not a digest.
    #[error("reference `{reference}` has an invalid digest")]
    InvalidDigest {
        /// The whole reference.
        reference: String,
        /// What is wrong with it.
        source: DigestError,
    },
}
