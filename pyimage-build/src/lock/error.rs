//! What can be wrong with a lock.

use std::error::Error;
use std::fmt;

use super::Lock;
use crate::TomlError;

/// Why a text is no lock that can be used.
///
/// ```
/// use pyimage_build::{Lock, LockError};
///
/// let error = Lock::parse("version = 99").unwrap_err();
/// assert!(matches!(error, LockError::Newer { version: 99 }));
/// assert_eq!(error.help(), "update `cargo-pyimage`, or check out the `pyimage.lock` that goes with this one");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum LockError {
    /// It was written by a later version of this tool.
    Newer {
        /// Its version.
        version: u64,
    },
    /// A merge left its marks.
    Conflict {
        /// The first line with one, counted from 1.
        line: usize,
    },
    /// It is no TOML.
    Toml(TomlError),
    /// It has what no lock has, or lacks what each has.
    Entry {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It says nothing of its version.
    NoVersion,
    /// An entry was changed by hand, or merged from two that differ.
    Checksum {
        /// The base.
        base: String,
        /// The platform.
        platform: crate::Platform,
    },
    /// It says something that cannot be.
    Inconsistent(String),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { version } => write!(
                f,
                "the lock is of version {version}, and this tool reads up to version {}",
                Lock::VERSION
            ),
            Self::Conflict { line } => write!(f, "the lock has conflict markers of a merge, on line {line}"),
            Self::Toml(_) => f.write_str("the lock is damaged"),
            Self::Entry { line, reason } => write!(f, "the lock is damaged: on line {line}, {reason}"),
            Self::NoVersion => f.write_str("the lock is damaged: it has no `version`"),
            Self::Checksum { base, platform } => write!(
                f,
                "the lock of `{base}` for {platform} does not fit its checksum: it was edited, or put together from two branches"
            ),
            Self::Inconsistent(value) => write!(f, "the lock is damaged: {value}"),
        }
    }
}

impl Error for LockError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Toml(source) => Some(source),
            _ => None,
        }
    }
}

impl LockError {
    /// What to do about it.
    ///
    /// ```
    /// let error = pyimage_build::Lock::parse("<<<<<<< ours\n").unwrap_err();
    /// assert!(error.help().starts_with("keep one side"));
    /// ```
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
