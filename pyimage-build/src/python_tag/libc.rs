//! The C library of an image, which decides what wheels fit.

use std::fmt;

use super::{DebianRelease, PythonTag, Suite, Variant};
#[cfg(feature = "image")]
use crate::{Platform, WheelPlatforms};

/// The C library of a Linux image, which decides what wheels fit.
///
/// ```
/// use pyimage_build::{Libc, PythonTag};
///
/// assert_eq!("3.13-alpine".parse::<PythonTag>()?.libc(), Some(Libc::Musl));
/// # Ok::<(), pyimage_build::PythonTagError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Libc {
    /// The GNU C library, in Debian: `manylinux` wheels.
    Glibc,
    /// musl, in Alpine: `musllinux` wheels.
    Musl,
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
        })
    }
}

/// A C library and its version, without the patch number that no wheel asks for.
///
/// ```
/// use pyimage_build::{DebianRelease, Suite};
///
/// let libc = Suite::Debian(DebianRelease::Trixie).libc().expect("trixie is released");
/// assert_eq!(libc.to_string(), "glibc 2.41");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibcRelease {
    /// Which C library.
    pub libc: Libc,
    /// The 2 of glibc 2.41.
    pub major: u16,
    /// The 41 of glibc 2.41.
    pub minor: u16,
}

impl fmt::Display for LibcRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}", self.libc, self.major, self.minor)
    }
}

impl Suite {
    /// The C library of the release; none for Windows and for releases that are not out yet.
    ///
    /// ```
    /// use pyimage_build::Suite;
    ///
    /// let libc = |minor| Suite::Alpine { major: 3, minor }.libc().map(|libc| libc.to_string());
    /// assert_eq!(libc(22).as_deref(), Some("musl 1.2"));
    /// assert_eq!(libc(12).as_deref(), Some("musl 1.1"));
    /// assert_eq!(Suite::Windows("ltsc2022".to_owned()).libc(), None);
    /// ```
    #[must_use]
    pub const fn libc(&self) -> Option<LibcRelease> {
        let (libc, major, minor) = match self {
            Self::Debian(release) => match release {
                DebianRelease::Wheezy => (Libc::Glibc, 2, 13),
                DebianRelease::Jessie => (Libc::Glibc, 2, 19),
                DebianRelease::Stretch => (Libc::Glibc, 2, 24),
                DebianRelease::Buster => (Libc::Glibc, 2, 28),
                DebianRelease::Bullseye => (Libc::Glibc, 2, 31),
                DebianRelease::Bookworm => (Libc::Glibc, 2, 36),
                DebianRelease::Trixie => (Libc::Glibc, 2, 41),
                DebianRelease::Forky | DebianRelease::Duke => return None,
            },
            Self::Alpine { major: 3, minor: 13.. } => (Libc::Musl, 1, 2),
            Self::Alpine { major: 3, minor: _ } => (Libc::Musl, 1, 1),
            Self::Alpine { .. } | Self::Windows(_) => return None,
        };
        Some(LibcRelease { libc, major, minor })
    }
}

impl PythonTag {
    /// The C library of the Linux image; none where the image is for Windows.
    ///
    /// ```
    /// # use pyimage_build::{Libc, PythonTag};
    /// assert_eq!("3.13-slim".parse::<PythonTag>()?.libc(), Some(Libc::Glibc));
    /// assert_eq!("nanoserver".parse::<PythonTag>()?.libc(), None);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn libc(&self) -> Option<Libc> {
        match self.variant {
            Variant::Full | Variant::Slim | Variant::Onbuild => Some(Libc::Glibc),
            Variant::Alpine => Some(Libc::Musl),
            Variant::WindowsServerCore | Variant::NanoServer => None,
        }
    }

    /// The C library with its version, where the [suite](Self::effective_suite) is known.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// let libc = |tag: &str| -> Result<_, pyimage_build::PythonTagError> {
    ///     Ok(tag.parse::<PythonTag>()?.libc_release().map(|libc| libc.to_string()))
    /// };
    /// assert_eq!(libc("3.13-slim")?.as_deref(), Some("glibc 2.41"));
    /// assert_eq!(libc("3.13-slim-bookworm")?.as_deref(), Some("glibc 2.36"));
    /// assert_eq!(libc("2.7-alpine")?.as_deref(), Some("musl 1.1"));
    /// assert_eq!(libc("windowsservercore")?, None);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn libc_release(&self) -> Option<LibcRelease> {
        self.effective_suite()?.libc()
    }

    /// The platform tags of the wheels that install in the image on this platform, where its C library is known.
    ///
    /// What the image's own pip takes may be less: that of Python 2 is older than `manylinux_2_24` and musllinux.
    ///
    /// ```
    /// # use pyimage_build::{Platform, PythonTag};
    /// let tag: PythonTag = "3.13-slim".parse()?;
    /// let wheels = tag.wheel_platforms(&"linux/arm64".parse::<Platform>()?).expect("a Linux image");
    /// assert_eq!(wheels.to_string(), "manylinux_2_41_aarch64 and older");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "image")]
    #[must_use]
    pub fn wheel_platforms(&self, platform: &Platform) -> Option<WheelPlatforms> {
        WheelPlatforms::new(self.libc_release()?, platform)
    }
}
