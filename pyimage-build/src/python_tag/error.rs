//! Why a text cannot be a tag of the official image.

/// Why a text is not a [`PythonTag`](crate::PythonTag).
///
/// ```
/// use pyimage_build::PythonTag;
///
/// let error = "3.13-bookworm-slim".parse::<PythonTag>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`slim` in tag `3.13-bookworm-slim` comes before the release, as in `slim-bookworm`",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PythonTagError {
    /// There is no text.
    #[error("the tag is empty")]
    Empty,
    /// The text has a colon, slash or `@`, as image references have.
    #[error("`{0}` is an image reference, a tag is only what follows the colon")]
    ImageReference(String),
    /// The tag is not in lower case.
    #[error("tag `{0}` has upper-case letters, the tags of the official image have none")]
    Uppercase(String),
    /// Two hyphens stand together, or one at an end.
    #[error("tag `{0}` has a hyphen with nothing beside it")]
    EmptyPart(String),
    /// The tag starts with a digit, but not with a version.
    #[error("`{version}` in tag `{tag}` is not a Python version")]
    MalformedVersion {
        /// The whole tag.
        tag: String,
        /// The part at fault.
        version: String,
    },
    /// The version is neither of Python 2 nor of Python 3.
    #[error("tag `{tag}` asks for Python {major}, the official image has Python 2 and 3")]
    NoSuchPython {
        /// The whole tag.
        tag: String,
        /// The major version it names.
        major: u16,
    },
    /// A build without the global interpreter lock.
    #[error("tag `{0}` asks for a free-threaded Python, which the official image does not have")]
    FreeThreaded(String),
    /// A numbered prerelease without its patch number.
    #[error(
        "`{version}` in tag `{tag}` has too few numbers for a prerelease, which is written like `3.15.0rc1`"
    )]
    PartialPrerelease {
        /// The whole tag.
        tag: String,
        /// The part at fault.
        version: String,
    },
    /// `-rc` after a version that does not float.
    #[error("tag `{tag}` has `-rc` after `{version}`, a prerelease is written like `3.15-rc` or `3.15.0rc1`")]
    PinnedCandidate {
        /// The whole tag.
        tag: String,
        /// The version before the `-rc`.
        version: String,
    },
    /// `latest` with something after it.
    #[error("`latest` in tag `{tag}` stands alone, the newest such image is `{rest}`")]
    LatestWithVariant {
        /// The whole tag.
        tag: String,
        /// What follows `latest-`.
        rest: String,
    },
    /// A word that is no part of any tag.
    #[error("`{word}` in tag `{tag}` is neither a variant of the official image nor a Debian release")]
    UnknownWord {
        /// The whole tag.
        tag: String,
        /// The word at fault.
        word: String,
    },
    /// `slim` after the Debian release.
    #[error("`slim` in tag `{tag}` comes before the release, as in `slim-{suite}`")]
    SuiteBeforeSlim {
        /// The whole tag.
        tag: String,
        /// The Debian release.
        suite: String,
    },
    /// A word that other tags have, but not after this one.
    #[error("`{word}` in tag `{tag}` cannot follow `{after}`")]
    Misplaced {
        /// The whole tag.
        tag: String,
        /// The word at fault.
        word: String,
        /// The word before it.
        after: String,
    },
}
