//! Why a text cannot be a tag of the official image.

use std::error::Error;
use std::fmt;

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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PythonTagError {
    /// There is no text.
    Empty,
    /// The text has a colon, slash or `@`, as image references have.
    ImageReference(String),
    /// The tag is not in lower case.
    Uppercase(String),
    /// Two hyphens stand together, or one at an end.
    EmptyPart(String),
    /// The tag starts with a digit, but not with a version.
    MalformedVersion {
        /// The whole tag.
        tag: String,
        /// The part at fault.
        version: String,
    },
    /// The version is neither of Python 2 nor of Python 3.
    NoSuchPython {
        /// The whole tag.
        tag: String,
        /// The major version it names.
        major: u16,
    },
    /// A build without the global interpreter lock.
    FreeThreaded(String),
    /// A numbered prerelease without its patch number.
    PartialPrerelease {
        /// The whole tag.
        tag: String,
        /// The part at fault.
        version: String,
    },
    /// `-rc` after a version that does not float.
    PinnedCandidate {
        /// The whole tag.
        tag: String,
        /// The version before the `-rc`.
        version: String,
    },
    /// `latest` with something after it.
    LatestWithVariant {
        /// The whole tag.
        tag: String,
        /// What follows `latest-`.
        rest: String,
    },
    /// A word that is no part of any tag.
    UnknownWord {
        /// The whole tag.
        tag: String,
        /// The word at fault.
        word: String,
    },
    /// `slim` after the Debian release.
    SuiteBeforeSlim {
        /// The whole tag.
        tag: String,
        /// The Debian release.
        suite: String,
    },
    /// A word that other tags have, but not after this one.
    Misplaced {
        /// The whole tag.
        tag: String,
        /// The word at fault.
        word: String,
        /// The word before it.
        after: String,
    },
}

impl fmt::Display for PythonTagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the tag is empty"),
            Self::ImageReference(value) => {
                write!(f, "`{value}` is an image reference, a tag is only what follows the colon")
            }
            Self::Uppercase(value) => {
                write!(f, "tag `{value}` has upper-case letters, the tags of the official image have none")
            }
            Self::EmptyPart(value) => write!(f, "tag `{value}` has a hyphen with nothing beside it"),
            Self::MalformedVersion { tag, version } => {
                write!(f, "`{version}` in tag `{tag}` is not a Python version")
            }
            Self::NoSuchPython { tag, major } => {
                write!(f, "tag `{tag}` asks for Python {major}, the official image has Python 2 and 3")
            }
            Self::FreeThreaded(value) => write!(
                f,
                "tag `{value}` asks for a free-threaded Python, which the official image does not have"
            ),
            Self::PartialPrerelease { tag, version } => write!(
                f,
                "`{version}` in tag `{tag}` has too few numbers for a prerelease, which is written like `3.15.0rc1`"
            ),
            Self::PinnedCandidate { tag, version } => write!(
                f,
                "tag `{tag}` has `-rc` after `{version}`, a prerelease is written like `3.15-rc` or `3.15.0rc1`"
            ),
            Self::LatestWithVariant { tag, rest } => {
                write!(f, "`latest` in tag `{tag}` stands alone, the newest such image is `{rest}`")
            }
            Self::UnknownWord { tag, word } => write!(
                f,
                "`{word}` in tag `{tag}` is neither a variant of the official image nor a Debian release"
            ),
            Self::SuiteBeforeSlim { tag, suite } => {
                write!(f, "`slim` in tag `{tag}` comes before the release, as in `slim-{suite}`")
            }
            Self::Misplaced { tag, word, after } => {
                write!(f, "`{word}` in tag `{tag}` cannot follow `{after}`")
            }
        }
    }
}

impl Error for PythonTagError {}
