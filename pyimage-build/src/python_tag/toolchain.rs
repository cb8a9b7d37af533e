//! What an image has beside the official Python: compilers, and the distribution's own Python.

use super::{DebianRelease, PythonTag, PythonVersion, Suite, Variant};

impl PythonTag {
    /// Whether the Linux image has a C compiler, and the headers that Python packages need most.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert!("3.13-bookworm".parse::<PythonTag>()?.has_compilers());
    /// assert!(!"3.13-slim".parse::<PythonTag>()?.has_compilers());
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn has_compilers(&self) -> bool {
        matches!(self.variant, Variant::Full | Variant::Onbuild)
    }

    /// Whether the Linux image has the distribution's own Python, `/usr/bin/python3`, beside the official
    /// one.
    ///
    /// In full images it comes with Mercurial; slim and Alpine images have none.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// assert!("3.13".parse::<PythonTag>()?.has_system_python());
    /// assert!(!"3.13-slim".parse::<PythonTag>()?.has_system_python());
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub const fn has_system_python(&self) -> bool {
        self.has_compilers()
    }

    /// The version of `/usr/bin/python3`, where the image has one and its [suite](Self::effective_suite) is known.
    ///
    /// It is the Python 3 of that Debian release. That buster and older images have it at all is known from their
    /// use, not from a package that needs it.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// let system = |tag: &str| -> Result<_, pyimage_build::PythonTagError> {
    ///     Ok(tag.parse::<PythonTag>()?.system_python().map(|version| version.to_string()))
    /// };
    /// assert_eq!(system("3.15")?.as_deref(), Some("3.13"));
    /// assert_eq!(system("3.15-bookworm")?.as_deref(), Some("3.11"));
    /// assert_eq!(system("3.15-slim")?, None);
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn system_python(&self) -> Option<PythonVersion> {
        if !self.has_system_python() {
            return None;
        }
        let minor = match self.effective_suite()? {
            Suite::Debian(DebianRelease::Stretch) => 5,
            Suite::Debian(DebianRelease::Buster) => 7,
            Suite::Debian(DebianRelease::Bullseye) => 9,
            Suite::Debian(DebianRelease::Bookworm) => 11,
            Suite::Debian(DebianRelease::Trixie) => 13,
            _ => return None,
        };
        Some(PythonVersion::new(3, minor))
    }
}
