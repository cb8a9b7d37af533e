//! Wheels: reading one, and what it becomes when it is installed.
//!
//! The format is PyPA's [binary distribution format]; what installing means is what pip does.
//!
//! [binary distribution format]: https://packaging.python.org/en/latest/specifications/binary-distribution-format/

mod archive;
mod contents;
mod entry_points;
mod error;
mod fields;
mod installation;
mod limits;
mod local_header;
mod metadata;
mod path;
mod record;
mod scheme;
mod source;
#[cfg(test)]
pub(crate) mod tests;
mod tree;
mod unpacker;

use std::fmt;
use std::io::{Read, Seek};
use std::path::Path;

pub(crate) use record::csv_fields;

pub use error::{Compression, WheelError, WheelProblem};
pub use installation::{CopyError, Installation, InstalledFile, Provenance};
pub use limits::WheelLimits;
pub use scheme::{Launcher, Scheme};
pub use tree::{Existing, Overlap, Tree, TreeError};
pub use unpacker::Unpacker;

use archive::Archive;
use contents::Contents;
use source::Source;

use crate::WheelName;

/// A wheel whose directory, metadata and RECORD are in order.
///
/// Opening it reads its directory and its metadata and refuses what is hostile or damaged in them. Contents
/// are checked against RECORD when they are copied, so that they are read once.
///
/// ```no_run
/// use pyimage_build::{Provenance, Scheme, Wheel};
///
/// let wheel = Wheel::open("rich-14.1.0-py3-none-any.whl")?;
/// assert_eq!((wheel.name(), wheel.version()), ("rich", "14.1.0"));
///
/// let installation = wheel.installation(&Scheme::official(13), &Provenance::default())?;
/// for file in installation.files() {
///     println!("{}", file.path());
/// }
/// # Ok::<(), pyimage_build::WheelError>(())
/// ```
pub struct Wheel {
    name: WheelName,
    archive: Archive,
    contents: Contents,
}

impl fmt::Debug for Wheel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel").field("file_name", &self.file_name()).finish_non_exhaustive()
    }
}

impl Wheel {
    /// Opens a wheel under its own file name.
    ///
    /// ```
    /// use pyimage_build::{Wheel, WheelProblem};
    ///
    /// let error = Wheel::open("missing-1.0-py3-none-any.whl").unwrap_err();
    /// assert!(matches!(error.problem(), WheelProblem::Io(_)));
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WheelError> {
        let path = path.as_ref();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::open_as(path, &file_name, &WheelLimits::default())
    }

    /// Opens a wheel that is kept under another name, or has other limits.
    ///
    /// ```no_run
    /// use pyimage_build::{Wheel, WheelLimits};
    ///
    /// let limits = WheelLimits { size: 100_000_000, ..WheelLimits::default() };
    /// let wheel = Wheel::open_as("cache/3e6b".as_ref(), "demo-1.0-py3-none-any.whl", &limits)?;
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    pub fn open_as(path: &Path, file_name: &str, limits: &WheelLimits) -> Result<Self, WheelError> {
        let opened = fs_err::File::open(path).map_err(WheelProblem::Io);
        let opened = opened.and_then(|file| Self::from_source(Source::file(file), file_name, limits));
        opened.map_err(WheelError::of(file_name))
    }

    /// Reads a wheel from anywhere else.
    ///
    /// ```
    /// use pyimage_build::{Wheel, WheelLimits};
    ///
    /// let nothing = std::io::empty();
    /// assert!(Wheel::read(nothing, "demo-1.0-py3-none-any.whl", &WheelLimits::default()).is_err());
    /// ```
    pub fn read(
        wheel: impl Read + Seek + Send + 'static,
        file_name: &str,
        limits: &WheelLimits,
    ) -> Result<Self, WheelError> {
        Self::from_source(Source::stream(wheel), file_name, limits).map_err(WheelError::of(file_name))
    }

    fn from_source(source: Source, file_name: &str, limits: &WheelLimits) -> Result<Self, WheelProblem> {
        let name: WheelName = file_name.parse().map_err(WheelProblem::FileName)?;
        let archive = Archive::read(source, limits)?;
        let contents = Contents::read(&archive, &name)?;
        Ok(Self { name, archive, contents })
    }

    /// What the wheel becomes when it is installed.
    ///
    /// ```no_run
    /// use pyimage_build::{Provenance, Scheme, Wheel};
    ///
    /// let wheel = Wheel::open("demo-1.0-py3-none-any.whl")?;
    /// let requested = Provenance { requested: true, ..Provenance::default() };
    /// let installation = wheel.installation(&Scheme::official(13), &requested)?;
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    pub fn installation(
        &self,
        scheme: &Scheme,
        provenance: &Provenance,
    ) -> Result<Installation<'_>, WheelError> {
        Installation::plan(self, scheme, provenance).map_err(WheelError::of(self.file_name()))
    }

    /// Its file name.
    ///
    /// ```no_run
    /// # use pyimage_build::Wheel;
    /// assert_eq!(Wheel::open("cache/demo-1.0-py3-none-any.whl")?.file_name(), "demo-1.0-py3-none-any.whl");
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.name.as_str()
    }

    /// The package's name, as it calls itself.
    ///
    /// ```no_run
    /// # use pyimage_build::Wheel;
    /// assert_eq!(Wheel::open("pyyaml-6.0.3-cp313-cp313-musllinux_1_2_x86_64.whl")?.name(), "PyYAML");
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.contents.name
    }

    /// The package's version.
    ///
    /// ```no_run
    /// # use pyimage_build::Wheel;
    /// assert_eq!(Wheel::open("demo-1.0-py3-none-any.whl")?.version(), "1.0");
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> &str {
        &self.contents.version
    }

    /// The tags in its metadata, which a build may have forgotten to keep in step with its file name.
    ///
    /// ```no_run
    /// # use pyimage_build::Wheel;
    /// assert_eq!(Wheel::open("demo-1.0-py2.py3-none-any.whl")?.tags(), ["py2-none-any", "py3-none-any"]);
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.contents.tags
    }

    /// Whether it says that it has no machine code. The official images make no difference.
    ///
    /// ```no_run
    /// # use pyimage_build::Wheel;
    /// assert!(Wheel::open("demo-1.0-py3-none-any.whl")?.is_purelib());
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    #[must_use]
    pub fn is_purelib(&self) -> bool {
        self.contents.is_purelib
    }

    /// Whether its format is newer than the 1.0 that is known. It can be installed; what is new in it is not
    /// honoured, of which the [specification] wants users to be told.
    ///
    /// ```no_run
    /// # use pyimage_build::Wheel;
    /// assert!(!Wheel::open("demo-1.0-py3-none-any.whl")?.has_newer_format());
    /// # Ok::<(), pyimage_build::WheelError>(())
    /// ```
    ///
    /// [specification]: https://packaging.python.org/en/latest/specifications/binary-distribution-format/#installing-a-wheel-distribution-1-0-py32-none-any-whl
    #[must_use]
    pub fn has_newer_format(&self) -> bool {
        self.contents.format > (1, 0)
    }
}
