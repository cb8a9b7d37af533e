//! A package of a lock, and where it comes from.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Digest, Marker, PackageName, RequiresPython, WheelName};

/// One entry of a lock: a package in one version, for the environments that its marker allows.
///
/// ```
/// use pyimage_build::Pylock;
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
///      wheels = [{ url = 'https://files.example/demo-1.0-py3-none-any.whl', hashes = { md5 = 'ab' } }]",
/// )?;
/// assert_eq!(lock.packages[0].to_string(), "demo 1.0");
/// # Ok::<(), pyimage_build::PylockError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedPackage {
    /// Its name.
    pub name: PackageName,
    /// Its version, as written; sources that are no release may have none.
    pub version: Option<String>,
    /// Where it is installed; none for everywhere.
    pub marker: Option<Marker>,
    /// The Pythons that it is for.
    pub requires_python: Option<RequiresPython>,
    /// The index that it comes from.
    pub index: Option<String>,
    /// Its files, or what stands for them.
    pub source: PackageSource,
}

/// `numpy 2.5.5`, or the name alone.
impl fmt::Display for LockedPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        self.version.iter().try_for_each(|version| write!(f, " {version}"))
    }
}

/// Where a package comes from. Only one of these can be said of it.
///
/// ```
/// use pyimage_build::{PackageSource, Pylock};
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
///      wheels = [{ url = 'https://files.example/demo-1.0-py3-none-any.whl', hashes = { md5 = 'ab' } }]",
/// )?;
/// assert!(matches!(&lock.packages[0].source, PackageSource::Release { wheels, sdist: None } if wheels.len() == 1));
/// # Ok::<(), pyimage_build::PylockError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackageSource {
    /// A repository, at one commit.
    Vcs(LockedVcs),
    /// A folder of this machine.
    Directory(LockedDirectory),
    /// A file that is asked for by its address: a wheel or a source distribution.
    Archive {
        /// The file.
        file: LockedFile,
        /// Where in it the project is.
        subdirectory: Option<String>,
    },
    /// A release: wheels, of which one is chosen, and the sources.
    Release {
        /// The wheels, in the order of the file.
        wheels: Vec<LockedWheel>,
        /// The source distribution.
        sdist: Option<LockedFile>,
    },
}

/// A repository at one commit.
///
/// ```
/// use pyimage_build::{PackageSource, Pylock};
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
///      vcs = { type = 'git', url = 'https://git.example/demo', commit-id = 'abcd' }",
/// )?;
/// let PackageSource::Vcs(vcs) = &lock.packages[0].source else { unreachable!("it is one") };
/// assert_eq!((vcs.kind.as_str(), vcs.commit_id.as_str()), ("git", "abcd"));
/// # Ok::<(), pyimage_build::PylockError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedVcs {
    /// The version control system: `git`.
    pub kind: String,
    /// Its address.
    pub url: Option<String>,
    /// Where it is on this machine, as the lock has it: perhaps relative to the lock.
    pub path: Option<String>,
    /// The branch or tag that was asked for.
    pub requested_revision: Option<String>,
    /// The commit.
    pub commit_id: String,
    /// Where in it the project is.
    pub subdirectory: Option<String>,
}

/// A folder of this machine.
///
/// ```
/// use pyimage_build::{PackageSource, Pylock};
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
///      directory = { path = 'libs/demo', editable = true }",
/// )?;
/// let PackageSource::Directory(folder) = &lock.packages[0].source else { unreachable!("it is one") };
/// assert!(folder.path == "libs/demo" && folder.editable);
/// # Ok::<(), pyimage_build::PylockError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedDirectory {
    /// Where it is, as the lock has it: perhaps relative to the lock.
    pub path: String,
    /// Whether it is to be used in place.
    pub editable: bool,
    /// Where in it the project is.
    pub subdirectory: Option<String>,
}

/// A wheel and its name.
///
/// ```
/// use pyimage_build::{PackageSource, Pylock};
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
///      wheels = [{ url = 'https://files.example/demo-1.0-py3-none-any.whl', hashes = { md5 = 'ab' } }]",
/// )?;
/// let PackageSource::Release { wheels, .. } = &lock.packages[0].source else { unreachable!("it is one") };
/// assert_eq!(wheels[0].name.as_str(), "demo-1.0-py3-none-any.whl");
/// # Ok::<(), pyimage_build::PylockError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedWheel {
    /// The name, which says what it fits.
    pub name: WheelName,
    /// The file.
    pub file: LockedFile,
}

/// A file: where it is and how to know it.
///
/// ```
/// use pyimage_build::{PackageSource, Pylock};
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
///      archive = { path = 'demo-1.0.tar.gz', hashes = { md5 = 'ab' } }",
/// )?;
/// let PackageSource::Archive { file, .. } = &lock.packages[0].source else { unreachable!("it is one") };
/// assert_eq!((file.file_name.as_str(), file.size), ("demo-1.0.tar.gz", None));
/// # Ok::<(), pyimage_build::PylockError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedFile {
    /// Its name: no path, nor anything that a file system reads as one.
    pub file_name: String,
    /// Its address.
    pub url: Option<String>,
    /// Where it is on this machine, as the lock has it: perhaps relative to the lock.
    pub path: Option<String>,
    /// How many bytes it has.
    pub size: Option<u64>,
    /// When it was published, in the TOML notation.
    pub upload_time: Option<String>,
    /// Its hashes, by algorithm; one at least.
    pub hashes: BTreeMap<String, String>,
}

impl LockedFile {
    /// The hash to check it by; none where the lock has neither SHA-256 nor SHA-512.
    ///
    /// ```
    /// use pyimage_build::{PackageSource, Pylock};
    ///
    /// let lock = Pylock::parse(&format!(
    ///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\n\
    ///      archive = {{ path = 'demo-1.0.tar.gz', hashes = {{ md5 = 'ab', sha256 = '{}' }} }}",
    ///     "ab".repeat(32),
    /// ))?;
    /// let PackageSource::Archive { file, .. } = &lock.packages[0].source else { unreachable!("it is one") };
    /// assert_eq!(file.digest().map(|digest| digest.to_string()), Some(format!("sha256:{}", "ab".repeat(32))));
    /// # Ok::<(), pyimage_build::PylockError>(())
    /// ```
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        ["sha256", "sha512"].into_iter().find_map(|algorithm| {
            let hash = self.hashes.get(algorithm)?;
            format!("{algorithm}:{}", hash.to_ascii_lowercase()).parse().ok()
        })
    }
}
