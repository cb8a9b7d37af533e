//! `pylock.toml`: the exact packages of a project, for each platform.

mod direct_url;
mod error;
mod keys;
mod package;
mod read;
mod select;
mod selection;

pub use error::{PylockError, PylockReason};
pub use package::{LockedDirectory, LockedFile, LockedPackage, LockedVcs, LockedWheel, PackageSource};
pub use select::SelectionError;
pub use selection::{Choice, Selected, Selection, Uncovered};

use crate::{Marker, PackageName, RequiresPython};

/// A lock of packages, as [PEP 751] has it and uv and pip write it.
///
/// It has each package of each platform, with the addresses, sizes and hashes of all its files. What is to be
/// installed in an image follows from it alone; see [`Pylock::select`].
///
/// Reading it follows the [specification]: what it requires must be there, sources that exclude each other may not come
/// together, and the file names of wheels have to agree with what they are wheels of. Keys that are unknown are for
/// others, or for a later version of the format.
///
/// ```
/// use pyimage_build::Pylock;
///
/// let lock = Pylock::parse(r#"
/// lock-version = "1.0"
/// created-by = "uv"
/// requires-python = ">=3.13"
///
/// [[packages]]
/// name = "six"
/// version = "1.17.0"
/// wheels = [{ url = "https://files.example/six-1.17.0-py2.py3-none-any.whl", hashes = { sha256 = "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274" } }]
/// "#)?;
/// assert_eq!(lock.packages[0].name.as_str(), "six");
/// # Ok::<(), pyimage_build::PylockError>(())
/// ```
///
/// [PEP 751]: https://peps.python.org/pep-0751/
/// [specification]: https://packaging.python.org/en/latest/specifications/pylock-toml/
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pylock {
    /// The version of the format: `1.0`.
    pub lock_version: String,
    /// What wrote it.
    pub created_by: String,
    /// The Pythons that it is for.
    pub requires_python: Option<RequiresPython>,
    /// The environments that it is for; empty for all.
    pub environments: Vec<Marker>,
    /// The extras that may be asked for.
    pub extras: Vec<PackageName>,
    /// The dependency groups that may be asked for.
    pub dependency_groups: Vec<String>,
    /// The dependency groups that are installed where none is asked for.
    pub default_groups: Vec<String>,
    /// The packages, in the order of the file; one name may be there several times, for different environments.
    pub packages: Vec<LockedPackage>,
}

impl Pylock {
    /// Whether a file is a lock by its name, `pylock.toml` or `pylock.NAME.toml`; there is no point in NAME.
    ///
    /// ```
    /// use pyimage_build::Pylock;
    ///
    /// assert!(Pylock::is_file_name("pylock.toml"));
    /// assert!(Pylock::is_file_name("pylock.train.toml"));
    /// assert!(!Pylock::is_file_name("pylock.train.py.toml"));
    /// assert!(!Pylock::is_file_name("uv.lock"));
    /// ```
    #[must_use]
    pub fn is_file_name(name: &str) -> bool {
        crate::metadata::is_pylock(name)
    }

    /// Reads a lock.
    ///
    /// ```
    /// use pyimage_build::Pylock;
    ///
    /// let error = Pylock::parse("lock-version = \"2.0\"\n").unwrap_err();
    /// assert_eq!(error.to_string(), "the lock is of version 2.0, only versions 1.x are supported");
    /// let error = Pylock::parse("lock-version = \"1.0\"\ncreated-by = \n").unwrap_err();
    /// assert!(error.to_string().starts_with("the lock is no TOML, at line 2: "));
    /// ```
    pub fn parse(text: &str) -> Result<Self, PylockError> {
        read::pylock(text)
    }

    /// What is to be said about a lock that is read all the same: it is of a newer version 1.x, and may have keys that
    /// are ignored here.
    ///
    /// ```
    /// use pyimage_build::Pylock;
    ///
    /// let read = |version: &str| Pylock::parse(&format!("lock-version = '{version}'\ncreated-by = 'me'\npackages = []"));
    /// assert_eq!(read("1.0")?.note(), None);
    /// assert!(read("1.7")?.note().is_some());
    /// # Ok::<(), pyimage_build::PylockError>(())
    /// ```
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let is_known = read::version(&self.lock_version).is_none_or(|version| version <= read::known());
        (!is_known).then(|| {
            format!("the lock is of version {}, what is newer than 1.0 in it is ignored", self.lock_version)
        })
    }

    /// The packages whose marker asks for the machine, on which the platform and the kernel may not agree; see
    /// [`Marker::tests_machine`].
    ///
    /// ```
    /// use pyimage_build::Pylock;
    ///
    /// let lock = Pylock::parse("lock-version = '1.0'\ncreated-by = 'me'\npackages = []")?;
    /// assert_eq!(lock.testing_machine().count(), 0);
    /// # Ok::<(), pyimage_build::PylockError>(())
    /// ```
    pub fn testing_machine(&self) -> impl Iterator<Item = &LockedPackage> {
        self.packages.iter().filter(|package| package.marker.as_ref().is_some_and(Marker::tests_machine))
    }
}

#[cfg(test)]
mod tests;
