//! What a tag holds still.

use super::{PythonTag, PythonVersion};

/// How much of an image a tag fixes.
///
/// No tag fixes the bytes: the image behind `3.13.5-slim-bookworm` is built anew whenever Debian has updates, until
/// Python 3.13.6 is out. Only a digest fixes them, which is what a lock is for.
///
/// ```
/// use pyimage_build::{Pinning, PythonTag};
///
/// let pinning = |tag: &str| tag.parse().map(|tag: PythonTag| tag.pinning());
/// assert_eq!(pinning("3.13-slim-bookworm")?, Pinning::Floating);
/// assert_eq!(pinning("3.13.5-slim")?, Pinning::Release);
/// assert_eq!(pinning("3.13.5-slim-bookworm")?, Pinning::ReleaseAndSuite);
/// # Ok::<(), pyimage_build::PythonTagError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pinning {
    /// Python itself changes under the tag with each of its releases.
    Floating,
    /// The release of Python is fixed. That of the operating system is not: `3.12.11-slim` was Debian 12 until
    /// August 2025 and is Debian 13 since.
    Release,
    /// The releases of Python and of the operating system are both fixed.
    ReleaseAndSuite,
}

impl PythonTag {
    /// How much of the image the tag fixes.
    ///
    /// ```
    /// # use pyimage_build::{Pinning, PythonTag};
    /// assert_eq!("3.16-rc".parse::<PythonTag>()?.pinning(), Pinning::Floating);
    /// assert_eq!("3.16.0a2".parse::<PythonTag>()?.pinning(), Pinning::Release);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn pinning(&self) -> Pinning {
        // The grammar has no floating prerelease with a patch number.
        match (self.version.as_ref().and_then(PythonVersion::patch), &self.suite) {
            (None, _) => Pinning::Floating,
            (Some(_), None) => Pinning::Release,
            (Some(_), Some(_)) => Pinning::ReleaseAndSuite,
        }
    }

    /// Whether the tag fixes the release of Python, if nothing else.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert!("3.13.5".parse::<PythonTag>()?.is_pinned());
    /// assert!(!"3.13".parse::<PythonTag>()?.is_pinned());
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.pinning() != Pinning::Floating
    }
}
