//! For what packages are selected: a Python, a platform and a C library.

use std::collections::BTreeSet;
use std::fmt;

use crate::package_name::normalised;
use crate::{LibcRelease, MarkerEnvironment, Platform, Prerelease, PythonVersion, WheelTags};

/// Where packages are to be installed, and which of them: the Python of an image to its patch release, the platform, the C
/// library; the extras and groups that are asked for.
///
/// What follows from it, the order of wheels and the values of markers, is worked out once, for all that is selected.
///
/// ```
/// use pyimage_build::{DebianRelease, Suite, Target};
///
/// let libc = Suite::Debian(DebianRelease::Trixie).libc().expect("trixie is released");
/// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, libc)?.with_extras(["cli"]);
/// assert_eq!(target.to_string(), "Python 3.13.5 on linux/arm64 with glibc 2.41");
/// assert!("'cli' in extras".parse::<pyimage_build::Marker>()?.evaluate(target.environment()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    python: PythonVersion,
    platform: Platform,
    libc: LibcRelease,
    extras: BTreeSet<String>,
    /// None for the default groups of the lock.
    groups: Option<BTreeSet<String>>,
    environment: MarkerEnvironment,
    tags: WheelTags,
}

impl Target {
    /// A Python on a platform, without extras, with the default groups.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target};
    /// let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let error = Target::new("3.13".parse()?, "linux/arm64".parse()?, musl).unwrap_err();
    /// assert_eq!(error.to_string(), "Python 3.13 is no exact version, as 3.13.0 is");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(python: PythonVersion, platform: Platform, libc: LibcRelease) -> Result<Self, TargetError> {
        if platform.os() != "linux" {
            return Err(TargetError::NotLinux(platform));
        }
        let known = MarkerEnvironment::of(&python, &platform).zip(WheelTags::new(&python, libc, &platform));
        let (environment, tags) = known.ok_or(TargetError::NotExact(python))?;
        Ok(Self { python, platform, libc, extras: BTreeSet::new(), groups: None, environment, tags })
    }

    /// With these extras, and no other.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// assert_eq!(target.with_extras(["CLI"]).extras().collect::<Vec<_>>(), ["cli"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_extras(mut self, extras: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.extras = extras.into_iter().map(|extra| normalised(extra.as_ref())).collect();
        self.environment = self.environment.with_extras(&self.extras);
        self
    }

    /// With these dependency groups, and not the default ones.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// assert!(target.groups().is_none());
    /// assert!(target.with_groups(["dev"]).groups().is_some_and(|groups| groups.contains("dev")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_groups(mut self, groups: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.groups = Some(groups.into_iter().map(|group| normalised(group.as_ref())).collect());
        self
    }

    /// The Python.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// assert_eq!(target.python().minor(), Some(13));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn python(&self) -> &PythonVersion {
        &self.python
    }

    /// The platform.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// assert_eq!(target.platform().architecture(), "arm64");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The C library.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// assert_eq!(target.libc(), musl);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn libc(&self) -> LibcRelease {
        self.libc
    }

    /// The extras that are asked for, normalised.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// assert_eq!(target.extras().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extras(&self) -> impl Iterator<Item = &str> {
        self.extras.iter().map(String::as_str)
    }

    /// The groups that are asked for, normalised; none for the default ones.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// assert!(target.with_groups([""; 0]).groups().is_some_and(|groups| groups.is_empty()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn groups(&self) -> Option<&BTreeSet<String>> {
        self.groups.as_ref()
    }

    /// The values of markers.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Marker, Target};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// assert!("python_version >= '3.9'".parse::<Marker>()?.evaluate(target.environment()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn environment(&self) -> &MarkerEnvironment {
        &self.environment
    }

    /// The wheels that fit.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// assert!(target.tags().rank(&"six-1.17.0-py2.py3-none-any.whl".parse()?).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn tags(&self) -> &WheelTags {
        &self.tags
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Python {} on {} with {}", self.python, self.platform, self.libc)
    }
}

/// Why nothing can be selected for a [`Target`].
///
/// ```
/// use pyimage_build::{Libc, LibcRelease, Target};
///
/// let libc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 41 };
/// let error = Target::new("3.13.5".parse()?, "windows/amd64".parse()?, libc).unwrap_err();
/// assert_eq!(error.to_string(), "packages are selected for Linux, and windows/amd64 is not");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The platform is not Linux.
    #[error("packages are selected for Linux, and {0} is not")]
    NotLinux(Platform),
    /// The version may be one of several.
    #[error("Python {python} is no exact version, as {exact} is", python = .0, exact = exact(*.0))]
    NotExact(PythonVersion),
}

/// One of the versions that a floating one may be.
fn exact(python: PythonVersion) -> String {
    let suffix = if python.prerelease() == Some(Prerelease::Floating) { "a1" } else { "" };
    format!("{}.{}.{}{suffix}", python.major(), python.minor().unwrap_or(0), python.patch().unwrap_or(0))
}
