//! The suite part of a tag: the release of the operating system.

use std::fmt;

/// The release of the operating system that a tag names.
///
/// ```
/// use pyimage_build::{PythonTag, Suite};
///
/// let tag: PythonTag = "3.13-alpine3.22".parse()?;
/// assert_eq!(tag.suite(), Some(&Suite::Alpine { major: 3, minor: 22 }));
/// # Ok::<(), pyimage_build::PythonTagError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// A Debian release, by its code name.
    Debian(DebianRelease),
    /// An Alpine release: `alpine3.22`.
    Alpine {
        /// The 3 of `alpine3.22`.
        major: u16,
        /// The 22 of `alpine3.22`.
        minor: u16,
    },
    /// A Windows release: `ltsc2022`, `1809`.
    Windows(String),
}

impl Suite {
    /// The release with this name, as tags have it: `trixie`, `alpine3.22`, `ltsc2022`.
    ///
    /// ```
    /// use pyimage_build::{DebianRelease, Suite};
    ///
    /// assert_eq!(Suite::from_name("trixie"), Some(Suite::Debian(DebianRelease::Trixie)));
    /// assert_eq!(Suite::from_name("hamm"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        super::parse::suite(name)
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian(release) => release.fmt(f),
            Self::Alpine { major, minor } => write!(f, "alpine{major}.{minor}"),
            Self::Windows(release) => f.write_str(release),
        }
    }
}

/// A Debian release that official images were, are or will be built on, the oldest first.
///
/// ```
/// use pyimage_build::DebianRelease;
///
/// assert_eq!(DebianRelease::Trixie.codename(), "trixie");
/// assert!(DebianRelease::Bookworm < DebianRelease::Trixie);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DebianRelease {
    /// Debian 7.
    Wheezy,
    /// Debian 8.
    Jessie,
    /// Debian 9.
    Stretch,
    /// Debian 10.
    Buster,
    /// Debian 11.
    Bullseye,
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    Trixie,
    /// Debian 14, not yet released.
    Forky,
    /// Debian 15, not yet released.
    Duke,
}

impl DebianRelease {
    pub(super) const ALL: [Self; 9] = [
        Self::Wheezy,
        Self::Jessie,
        Self::Stretch,
        Self::Buster,
        Self::Bullseye,
        Self::Bookworm,
        Self::Trixie,
        Self::Forky,
        Self::Duke,
    ];

    /// The name of the release in tags.
    ///
    /// ```
    /// assert_eq!(pyimage_build::DebianRelease::Bookworm.codename(), "bookworm");
    /// ```
    #[must_use]
    pub const fn codename(self) -> &'static str {
        match self {
            Self::Wheezy => "wheezy",
            Self::Jessie => "jessie",
            Self::Stretch => "stretch",
            Self::Buster => "buster",
            Self::Bullseye => "bullseye",
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Forky => "forky",
            Self::Duke => "duke",
        }
    }

    /// The number of the release.
    ///
    /// ```
    /// assert_eq!(pyimage_build::DebianRelease::Bookworm.number(), 12);
    /// ```
    #[must_use]
    pub const fn number(self) -> u8 {
        // The variants are in order and none is left out.
        self as u8 + 7
    }

    /// The release with this code name.
    pub(super) fn from_codename(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|release| release.codename() == name)
    }
}

impl fmt::Display for DebianRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.codename())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_debian_s() {
        assert_eq!(DebianRelease::Wheezy.number(), 7);
        assert_eq!(DebianRelease::Trixie.number(), 13);
        assert_eq!(DebianRelease::Duke.number(), 15);
        assert!(DebianRelease::ALL.is_sorted());
    }
}
