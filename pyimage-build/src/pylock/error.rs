//! What can be wrong with a lock of packages.

use crate::{MarkerError, PackageNameError, RequiresPythonError, WheelNameError};

/// Why a text is no [`Pylock`](crate::Pylock).
///
/// ```
/// use pyimage_build::Pylock;
///
/// let lock = "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nwheels = [{ size = 'big' }]";
/// let error = Pylock::parse(lock).unwrap_err();
/// assert_eq!(error.to_string(), "`wheels[0].size` of package `demo` (`packages[0]`) is a string, not an integer");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PylockError {
    /// It is no TOML.
    #[error("the lock is no TOML, at line {line}: {reason}")]
    Toml {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A merge left its marks.
    #[error("the lock has conflict markers of a merge, on line {line}")]
    Conflict {
        /// The first line with one, from 1.
        line: usize,
    },
    /// It is of a version that this cannot read.
    #[error("the lock is of version {0}, only versions 1.x are supported")]
    Version(String),
    /// A key is missing or has a value that it cannot have.
    #[error("{} {reason}", at(key, package.as_deref()))]
    Key {
        /// The key, with those that it is in below the package: `wheels[0].hashes`.
        key: String,
        /// The package, by its name as far as it has one, and its place.
        package: Option<String>,
        /// What is wrong.
        reason: PylockReason,
    },
}

fn at(key: &str, package: Option<&str>) -> String {
    match package {
        Some(package) if key.is_empty() => package.to_owned(),
        Some(package) => format!("`{key}` of {package}"),
        None => format!("`{key}` of the lock"),
    }
}

/// What is wrong with a key of a lock.
///
/// ```
/// use pyimage_build::PylockReason;
///
/// assert_eq!(PylockReason::Missing.to_string(), "is missing");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PylockReason {
    /// It has to be there.
    #[error("is missing")]
    Missing,
    /// It has another type.
    #[error("is {found}, not {expected}")]
    Type {
        /// What it is, with its article.
        found: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// Nothing is in it.
    #[error("is empty")]
    Empty,
    /// It is negative.
    #[error("is negative")]
    Negative,
    /// It is no name.
    #[error("is no name: {0}")]
    Name(PackageNameError),
    /// It is no version.
    #[error("is `{0}`, which is no version")]
    Version(String),
    /// It is no marker.
    #[error("is no marker: {0}")]
    Marker(MarkerError),
    /// It is no set of specifiers.
    #[error("is malformed: {0}")]
    RequiresPython(RequiresPythonError),
    /// It is no hash.
    #[error("is no {0} hash in hex")]
    Hash(String),
    /// Neither `url` nor `path` is there.
    #[error("has neither `url` nor `path`")]
    Nowhere,
    /// The name of the file cannot be one.
    #[error("has the file name `{0}`, which is none")]
    FileName(String),
    /// The name of the file is no wheel's.
    #[error("has a malformed file name: {0}")]
    Wheel(WheelNameError),
    /// The file is of another package or version.
    #[error("has the file name `{file_name}`, which is not one of {package}")]
    Stray {
        /// The name of the file.
        file_name: String,
        /// The package, and its version.
        package: String,
    },
    /// There are two sources that exclude each other.
    #[error("has both `{first}` and `{second}`, which exclude each other")]
    TwoSources {
        /// One of them.
        first: &'static str,
        /// Another.
        second: &'static str,
    },
    /// There is no source.
    #[error("has no source: none of `wheels`, `sdist`, `archive`, `directory` and `vcs`")]
    NoSource,
}
