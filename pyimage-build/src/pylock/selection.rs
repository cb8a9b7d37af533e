//! What is chosen of a lock.

use std::fmt;

use super::{LockedDirectory, LockedFile, LockedPackage, LockedVcs, LockedWheel};
use crate::WheelOffer;
use crate::requirement::without_login;

/// What is to be installed for a [`Target`](crate::Target), in the order of the lock.
///
/// ```
/// use pyimage_build::{Choice, Libc, LibcRelease, Pylock, Target};
///
/// let lock = Pylock::parse(&format!(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nwheels = [{}]",
///     ["cp313-cp313-musllinux_1_2_aarch64", "py3-none-any"]
///         .map(|tags| format!("{{ url = 'https://files.example/demo-1.0-{tags}.whl', hashes = {{ md5 = 'ab' }} }}"))
///         .join(", "),
/// ))?;
/// let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
/// let chosen = |platform: &str| -> Result<String, Box<dyn std::error::Error>> {
///     let selection = lock.select(&Target::new("3.13.5".parse()?, platform.parse()?, musl)?)?;
///     Ok(selection.packages[0].choice.to_string())
/// };
/// assert_eq!(chosen("linux/arm64")?, "demo-1.0-cp313-cp313-musllinux_1_2_aarch64.whl");
/// assert_eq!(chosen("linux/amd64")?, "demo-1.0-py3-none-any.whl");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection<'a> {
    /// The packages, each with what of it is to be installed.
    pub packages: Vec<Selected<'a>>,
}

/// A package that is to be installed.
///
/// ```
/// use pyimage_build::{Libc, LibcRelease, Pylock, Target};
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
///      wheels = [{ url = 'https://files.example/demo-1.0-py3-none-any.whl', hashes = { md5 = 'ab' } }]",
/// )?;
/// let glibc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 41 };
/// let target = Target::new("3.13.5".parse()?, "linux/amd64".parse()?, glibc)?;
/// let selection = lock.select(&target)?;
/// assert_eq!(selection.packages[0].package.to_string(), "demo 1.0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected<'a> {
    /// The package.
    pub package: &'a LockedPackage,
    /// What of it.
    pub choice: Choice<'a>,
}

/// From what a package is installed.
///
/// ```
/// use pyimage_build::{Choice, Libc, LibcRelease, Pylock, Target};
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
///      wheels = [{ url = 'https://files.example/demo-1.0-py3-none-any.whl', hashes = { md5 = 'ab' } }]",
/// )?;
/// let glibc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 41 };
/// let target = Target::new("3.13.5".parse()?, "linux/amd64".parse()?, glibc)?;
/// let selection = lock.select(&target)?;
/// assert!(matches!(selection.packages[0].choice, Choice::Wheel(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice<'a> {
    /// This wheel.
    Wheel(&'a LockedWheel),
    /// The sources, of which a wheel has to be built.
    Sdist(&'a LockedFile),
    /// A file by its address, a wheel or sources.
    Archive {
        /// The file.
        file: &'a LockedFile,
        /// Where in it the project is.
        subdirectory: Option<&'a str>,
    },
    /// A folder of this machine.
    Directory(&'a LockedDirectory),
    /// A repository.
    Vcs(&'a LockedVcs),
}

/// The name of the file, or where the folder or the repository is, without a login.
impl fmt::Display for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wheel(wheel) => f.write_str(wheel.name.as_str()),
            Self::Sdist(file) | Self::Archive { file, .. } => f.write_str(&file.file_name),
            Self::Directory(directory) => f.write_str(&directory.path),
            Self::Vcs(vcs) => {
                let place = vcs.url.as_ref().or(vcs.path.as_ref()).unwrap_or(&vcs.commit_id);
                f.write_str(&without_login(place))
            }
        }
    }
}

/// A release of which no wheel fits a [`Target`](crate::Target).
///
/// ```
/// use pyimage_build::{Libc, LibcRelease, Pylock, Target};
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
///      sdist = { url = 'https://files.example/demo-1.0.tar.gz', hashes = { md5 = 'ab' } }",
/// )?;
/// let glibc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 41 };
/// let uncovered = lock.coverage(&Target::new("3.13.5".parse()?, "linux/amd64".parse()?, glibc)?)?;
/// assert_eq!(uncovered[0].package.to_string(), "demo 1.0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered<'a> {
    /// The package.
    pub package: &'a LockedPackage,
    /// Its sources, of which a wheel can be built.
    pub sdist: Option<&'a LockedFile>,
    /// For what it has wheels.
    pub offer: WheelOffer,
}
