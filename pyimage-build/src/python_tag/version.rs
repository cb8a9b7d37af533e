//! The version part of a tag.

use std::fmt;
use std::str::FromStr;

use super::PythonTagError;
use crate::official::Build;

/// The Python version that a tag names: `3`, `3.13`, `3.13.5`, `3.15.0rc1` or `3.15-rc`.
///
/// A version with fewer than three numbers floats: the image behind it changes with each release of Python.
///
/// ```
/// use pyimage_build::{Prerelease, PythonTag};
///
/// let tag: PythonTag = "3.15.0rc1-slim".parse()?;
/// let version = tag.version().expect("the tag names a version");
/// assert_eq!((version.major(), version.minor(), version.patch()), (3, Some(15), Some(0)));
/// assert_eq!(version.prerelease(), Some(Prerelease::Candidate(1)));
/// assert_eq!("3.15.0rc1".parse(), Ok(*version));
/// # Ok::<(), pyimage_build::PythonTagError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PythonVersion {
    major: u16,
    minor: Option<u16>,
    patch: Option<u16>,
    prerelease: Option<Prerelease>,
}

/// Which prerelease a version is.
///
/// ```
/// use pyimage_build::{Prerelease, PythonTag};
///
/// let tag: PythonTag = "3.15-rc".parse()?;
/// assert_eq!(tag.version().and_then(|version| version.prerelease()), Some(Prerelease::Floating));
/// # Ok::<(), pyimage_build::PythonTagError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prerelease {
    /// `a1`.
    Alpha(u16),
    /// `b1`.
    Beta(u16),
    /// `rc1`.
    Candidate(u16),
    /// `-rc`: the newest prerelease, which may be an alpha.
    Floating,
}

impl PythonVersion {
    pub(crate) const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor: Some(minor), patch: None, prerelease: None }
    }

    /// `3.16-rc` of 3.16.
    pub(crate) const fn floating_prerelease(self) -> Self {
        Self { prerelease: Some(Prerelease::Floating), ..self }
    }

    /// Reads `text`, the version in `tag`; `floating` says that `-rc` follows it.
    pub(super) fn parse(tag: &str, text: &str, floating: bool) -> Result<Self, PythonTagError> {
        let malformed = || PythonTagError::MalformedVersion { tag: tag.to_owned(), version: text.to_owned() };
        if let Some(release) = text.strip_suffix('t')
            && Self::parse(tag, release, false).is_ok()
        {
            return Err(PythonTagError::FreeThreaded(tag.to_owned()));
        }

        let letters = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (release, suffix) = text.split_at(letters);
        let numbers: Option<Vec<u16>> = release.split('.').map(number).collect();
        let (major, minor, patch) = match numbers.as_deref() {
            Some(&[major]) => (major, None, None),
            Some(&[major, minor]) => (major, Some(minor), None),
            Some(&[major, minor, patch]) => (major, Some(minor), Some(patch)),
            _ => return Err(malformed()),
        };
        let prerelease = match suffix {
            "" if floating => Some(Prerelease::Floating),
            "" => None,
            _ => Some(Prerelease::parse(suffix).ok_or_else(malformed)?),
        };

        if !matches!(major, 2 | 3) {
            return Err(PythonTagError::NoSuchPython { tag: tag.to_owned(), major });
        }
        if !suffix.is_empty() && patch.is_none() {
            return Err(PythonTagError::PartialPrerelease { tag: tag.to_owned(), version: text.to_owned() });
        }
        if floating && (patch.is_some() || !suffix.is_empty()) {
            return Err(PythonTagError::PinnedCandidate { tag: tag.to_owned(), version: text.to_owned() });
        }
        Ok(Self { major, minor, patch, prerelease })
    }

    /// With the numbers that it leaves out, as far as they are known: 2 is 2.7.18 for good, and 3 today's newest minor
    /// version.
    pub(crate) fn settled(mut self) -> Self {
        if let Some(build) = Build::of_minor_or_shorthand(&self) {
            self.minor = Some(build.minor);
            if self.prerelease.is_none() {
                self.patch = self.patch.or(build.last_patch);
            }
        }
        self
    }

    /// The major version, 2 or 3.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert_eq!("3.13".parse::<PythonTag>()?.version().map(|version| version.major()), Some(3));
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn major(&self) -> u16 {
        self.major
    }

    /// The minor version, if it is given.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert_eq!("3.13".parse::<PythonTag>()?.version().and_then(|version| version.minor()), Some(13));
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn minor(&self) -> Option<u16> {
        self.minor
    }

    /// The patch release, if it is given.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert_eq!("3.13".parse::<PythonTag>()?.version().and_then(|version| version.patch()), None);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn patch(&self) -> Option<u16> {
        self.patch
    }

    /// The prerelease, if it is one.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert_eq!("3.13".parse::<PythonTag>()?.version().and_then(|version| version.prerelease()), None);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn prerelease(&self) -> Option<Prerelease> {
        self.prerelease
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.major)?;
        for number in [self.minor, self.patch].into_iter().flatten() {
            write!(f, ".{number}")?;
        }
        match self.prerelease {
            None => Ok(()),
            Some(prerelease) => write!(f, "{prerelease}"),
        }
    }
}

impl FromStr for PythonVersion {
    type Err = PythonTagError;

    /// Reads a version as it stands at the head of a tag, without anything behind it.
    fn from_str(text: &str) -> Result<Self, PythonTagError> {
        match text.strip_suffix("-rc") {
            Some(version) => Self::parse(text, version, true),
            None => Self::parse(text, text, false),
        }
    }
}

impl Prerelease {
    fn parse(text: &str) -> Option<Self> {
        let of = |prefix, make: fn(u16) -> Self| text.strip_prefix(prefix).and_then(number).map(make);
        of("a", Self::Alpha).or_else(|| of("b", Self::Beta)).or_else(|| of("rc", Self::Candidate))
    }
}

impl fmt::Display for Prerelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alpha(number) => write!(f, "a{number}"),
            Self::Beta(number) => write!(f, "b{number}"),
            Self::Candidate(number) => write!(f, "rc{number}"),
            Self::Floating => f.write_str("-rc"),
        }
    }
}

/// A number as versions write it: digits, no sign, no leading zero.
pub(super) fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}
