//! The tags of Docker's official Python image.

mod end_of_life;
mod error;
mod libc;
mod listing;
mod order;
mod parse;
mod pinning;
mod suite;
mod toolchain;
mod version;

use std::fmt;
use std::str::FromStr;

use crate::Date;

pub use end_of_life::EndOfLife;
pub use error::PythonTagError;
pub use libc::{Libc, LibcRelease};
pub use pinning::Pinning;
pub use suite::{DebianRelease, Suite};
pub use version::{Prerelease, PythonVersion};

/// A tag of the official image, [library/python]: `3.13-slim-bookworm`, `3.15-rc`, `alpine`, `2`.
///
/// A tag is a version, a variant and a suite, in this order and each of them optional:
///
/// ```text
/// tag     = head ["-" image] | image | "latest"
/// head    = version | "rc"
/// version = 3 | 3.13 | 3.13.5 | 3.15.0rc1 | 3.15-rc
/// image   = debian | "slim" ["-" debian] | "alpine" [3.22] | "onbuild"
///         | ("windowsservercore" | "nanoserver") ["-" ltsc2022]
/// debian  = bookworm | trixie | …
/// ```
///
/// That is what the image's [generator] writes, and wrote in former years: every tag ever listed fits, also
/// those that are no longer built but can still be pulled. Whether a tag exists, only the registry knows.
///
/// ```
/// use pyimage_build::{DebianRelease, PythonTag, Suite, Variant};
///
/// let tag: PythonTag = "3.13-slim-bookworm".parse()?;
/// assert_eq!(tag.version().map(ToString::to_string).as_deref(), Some("3.13"));
/// assert_eq!(tag.variant(), Variant::Slim);
/// assert_eq!(tag.suite(), Some(&Suite::Debian(DebianRelease::Bookworm)));
/// assert_eq!(tag.with_variant_full().to_string(), "3.13-bookworm");
/// # Ok::<(), pyimage_build::PythonTagError>(())
/// ```
///
/// [library/python]: https://hub.docker.com/_/python
/// [generator]: https://github.com/docker-library/python/blob/master/generate-stackbrew-library.sh
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PythonTag {
    text: String,
    version: Option<PythonVersion>,
    variant: Variant,
    suite: Option<Suite>,
}

/// What an official image is made of, besides Python.
///
/// ```
/// use pyimage_build::{PythonTag, Variant};
///
/// assert_eq!("3.13".parse::<PythonTag>()?.variant(), Variant::Full);
/// assert_eq!("alpine3.22".parse::<PythonTag>()?.variant(), Variant::Alpine);
/// # Ok::<(), pyimage_build::PythonTagError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Variant {
    /// Debian with compilers, headers and version control: what a tag without a variant is.
    Full,
    /// Debian with only what Python itself needs.
    Slim,
    /// Alpine Linux, with musl as its libc.
    Alpine,
    /// The full image with `ONBUILD` instructions, discontinued in 2018.
    Onbuild,
    /// Windows Server Core.
    WindowsServerCore,
    /// Windows Nano Server, discontinued.
    NanoServer,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Slim => "slim",
            Self::Alpine => "alpine",
            Self::Onbuild => "onbuild",
            Self::WindowsServerCore => "windowsservercore",
            Self::NanoServer => "nanoserver",
        })
    }
}

impl PythonTag {
    /// The tag to take where nothing asks for another: the newest stable Python, small.
    ///
    /// ```
    /// assert_eq!(pyimage_build::PythonTag::DEFAULT, "3.15-slim");
    /// ```
    pub const DEFAULT: &'static str = "3.15-slim";

    /// [`DEFAULT`](Self::DEFAULT), parsed.
    ///
    /// ```
    /// use pyimage_build::PythonTag;
    ///
    /// assert_eq!(PythonTag::default_slim().to_string(), PythonTag::DEFAULT);
    /// ```
    #[must_use]
    pub fn default_slim() -> Self {
        Self::slim(&PythonVersion::new(3, 15))
    }

    /// The slim image of a version.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert_eq!(PythonTag::slim(&"3.13.5".parse()?).as_str(), "3.13.5-slim");
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn slim(version: &PythonVersion) -> Self {
        Self { text: format!("{version}-slim"), version: Some(*version), variant: Variant::Slim, suite: None }
    }

    /// The tag, exactly as it was given.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert_eq!("3.13-slim".parse::<PythonTag>()?.as_str(), "3.13-slim");
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The version, which `latest`, `rc` and tags such as `slim` leave to the maintainers.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// let tag: PythonTag = "3.15-rc-slim".parse()?;
    /// assert_eq!(tag.version().map(ToString::to_string).as_deref(), Some("3.15-rc"));
    /// assert_eq!("slim".parse::<PythonTag>()?.version(), None);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn version(&self) -> Option<&PythonVersion> {
        self.version.as_ref()
    }

    /// The variant, which is [`Full`](Variant::Full) where the tag names none.
    ///
    /// ```
    /// # use pyimage_build::{PythonTag, Variant};
    /// assert_eq!("3.13-slim".parse::<PythonTag>()?.variant(), Variant::Slim);
    /// assert_eq!("3.13-bookworm".parse::<PythonTag>()?.variant(), Variant::Full);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn variant(&self) -> Variant {
        self.variant
    }

    /// The release of the operating system, if the tag names it.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// let suite = |tag: &str| tag.parse().map(|tag: PythonTag| tag.suite().map(ToString::to_string));
    /// assert_eq!(suite("3.13-slim-trixie")?.as_deref(), Some("trixie"));
    /// assert_eq!(suite("3.13-alpine3.22")?.as_deref(), Some("alpine3.22"));
    /// assert_eq!(suite("3.13-windowsservercore-ltsc2022")?.as_deref(), Some("ltsc2022"));
    /// assert_eq!(suite("3.13-slim")?, None);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn suite(&self) -> Option<&Suite> {
        self.suite.as_ref()
    }

    /// Whether the image is for Windows alone.
    ///
    /// Tags without a variant cover Linux and Windows, and give each engine its own.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert!("windowsservercore".parse::<PythonTag>()?.is_windows());
    /// assert!(!"3.13".parse::<PythonTag>()?.is_windows());
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn is_windows(&self) -> bool {
        matches!(self.variant, Variant::WindowsServerCore | Variant::NanoServer)
    }

    /// When this Python stops being supported, where the tag says which it is.
    ///
    /// There is no date for `3`, `slim` and the like, which move on to newer versions, nor for versions newer
    /// than this crate.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// let end_of_life = |tag: &str| -> Result<_, pyimage_build::PythonTagError> {
    ///     Ok(tag.parse::<PythonTag>()?.end_of_life().map(|end| end.date.to_string()))
    /// };
    /// assert_eq!(end_of_life("2.7-slim")?.as_deref(), Some("2020-01-01"));
    /// assert_eq!(end_of_life("3.10")?.as_deref(), Some("2026-10-31"));
    /// assert_eq!(end_of_life("3-slim")?, None);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn end_of_life(&self) -> Option<EndOfLife> {
        self.version.as_ref().and_then(end_of_life::of)
    }

    /// Whether this Python is known to be without support on that day.
    ///
    /// ```
    /// use pyimage_build::{Date, PythonTag};
    ///
    /// let tag: PythonTag = "3.9-slim".parse()?;
    /// assert!(tag.is_end_of_life(Date { year: 2025, month: 10, day: 31 }));
    /// assert!(!tag.is_end_of_life(Date { year: 2025, month: 10, day: 30 }));
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn is_end_of_life(&self, on: Date) -> bool {
        self.end_of_life().is_some_and(|end| end.date <= on)
    }

    /// The tag of the full image of the same Python, on the same Debian release if the tag names one.
    ///
    /// Full images have no Alpine or Windows release to keep: for these it is the default full image.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// let full = |tag: &str| tag.parse().map(|tag: PythonTag| tag.with_variant_full().to_string());
    /// assert_eq!(full("3.13-slim")?, "3.13");
    /// assert_eq!(full("3.13-slim-bookworm")?, "3.13-bookworm");
    /// assert_eq!(full("3.13-alpine3.22")?, "3.13");
    /// assert_eq!(full("slim")?, "latest");
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn with_variant_full(&self) -> Self {
        let head = match &self.version {
            Some(version) => Some(version.to_string()),
            None if self.is_rc() => Some("rc".to_owned()),
            None => None,
        };
        let suite = self.suite.clone().filter(|suite| matches!(suite, Suite::Debian(_)));
        let text = match (head, &suite) {
            (Some(head), Some(suite)) => format!("{head}-{suite}"),
            (Some(head), None) => head,
            (None, Some(suite)) => suite.to_string(),
            (None, None) => "latest".to_owned(),
        };
        Self { text, version: self.version, variant: Variant::Full, suite }
    }

    /// Whether this is `rc` or starts with it: the newest prerelease, whatever its version.
    pub(crate) fn is_rc(&self) -> bool {
        self.text.split('-').next() == Some("rc")
    }
}

impl fmt::Display for PythonTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PythonTag {
    type Err = PythonTagError;

    fn from_str(text: &str) -> Result<Self, PythonTagError> {
        parse::tag(text)
    }
}

#[cfg(test)]
mod tests;
