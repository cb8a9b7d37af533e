//! What can be wrong with a lock.

use super::Lock;

/// Why a text is no lock that can be used.
///
/// ```
/// use pyimage_build::{Lock, LockError};
///
/// let error = Lock::parse("version = 99").unwrap_err();
/// assert!(matches!(error, LockError::Newer { version: 99 }));
/// assert_eq!(error.help(), "update `cargo-pyimage`, or check out the `pyimage.lock` that goes with this one");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// It was written by a later version of this tool.
    #[error("the lock is of version {version}, and this tool reads up to version {}", Lock::VERSION)]
    Newer {
        /// Its version.
        version: u64,
    },
    /// A merge left its marks.
    #[error("the lock has conflict markers of a merge, on line {line}")]
    Conflict {
        /// The first line with one, counted from 1.
        line: usize,
    },
    /// It is no TOML.
    #[error("the lock is damaged")]
    Toml(#[source] Box<toml::de::Error>),
    /// It says nothing of its version.
    #[error("the lock is damaged: it has no `version`")]
    NoVersion,
    /// An entry was changed by hand, or merged from two that differ.
    #[error(
        "the lock of `{base}` for {platform} does not fit its checksum: it was edited, or put together from two branches"
    )]
    Checksum {
        /// The base.
        base: String,
        /// The platform.
        platform: crate::Platform,
    },
    /// It says something that cannot be.
    #[error("the lock is damaged: {0}")]
    Inconsistent(String),
}

impl LockError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Newer { .. } => {
                "update `cargo-pyimage`, or check out the `pyimage.lock` that goes with this one"
            }
            Self::Conflict { .. } => {
                "keep one side of the whole `[[base]]`, then run `cargo pyimage lock`, which adds what is missing"
            }
            Self::Checksum { .. } => {
                "restore that `[[base]]` from one branch, or delete it, then run `cargo pyimage lock`"
            }
            _ => {
                "restore it with `git checkout pyimage.lock`, or delete it and run `cargo pyimage lock`, which pins \
                 what the tags are today"
            }
        }
    }
}
