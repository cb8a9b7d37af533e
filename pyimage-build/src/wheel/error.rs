//! What can be wrong with a wheel.

use std::fmt;
use std::io;

use crate::WheelNameError;

/// Why a wheel cannot be used; [`problem`](Self::problem), also its `source()`, says what is wrong with it.
///
/// ```
/// use std::error::Error;
/// use std::io::Cursor;
///
/// use pyimage_build::{Wheel, WheelLimits, WheelProblem};
///
/// let file = Cursor::new(b"<html>".to_vec());
/// let error = Wheel::read(file, "demo-1.0-py3-none-any.whl", &WheelLimits::default()).unwrap_err();
/// assert_eq!(error.to_string(), "cannot use the wheel `demo-1.0-py3-none-any.whl`");
/// assert_eq!(error.source().unwrap().to_string(), "it is no zip archive, or only the start of one");
/// assert!(matches!(error.problem(), WheelProblem::NotAnArchive));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("cannot use the wheel `{wheel}`")]
pub struct WheelError {
    wheel: String,
    #[source]
    problem: Box<WheelProblem>,
}

impl WheelError {
    pub(super) fn of(wheel: &str) -> impl FnOnce(WheelProblem) -> Self {
        move |problem| Self { wheel: wheel.to_owned(), problem: Box::new(problem) }
    }

    /// The wheel's file name.
    ///
    /// ```
    /// # use pyimage_build::{Wheel, WheelLimits};
    /// # let limits = WheelLimits::default();
    /// let error = Wheel::read(std::io::empty(), "demo.whl", &limits).unwrap_err();
    /// assert_eq!(error.wheel(), "demo.whl");
    /// ```
    #[must_use]
    pub fn wheel(&self) -> &str {
        &self.wheel
    }

    /// What is wrong with it.
    ///
    /// ```
    /// # use pyimage_build::{Wheel, WheelLimits, WheelProblem};
    /// # let limits = WheelLimits::default();
    /// let error = Wheel::read(std::io::empty(), "demo.whl", &limits).unwrap_err();
    /// assert!(matches!(error.problem(), WheelProblem::FileName(_)));
    /// ```
    #[must_use]
    pub fn problem(&self) -> &WheelProblem {
        &self.problem
    }
}

/// What is wrong with a wheel. Entries are named as in the archive.
///
/// ```
/// use pyimage_build::WheelProblem;
///
/// let problem = WheelProblem::Unlisted { entry: "demo/extra.py".to_owned() };
/// assert_eq!(problem.to_string(), "`demo/extra.py` is in the wheel, but not in its RECORD");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WheelProblem {
    /// The file cannot be read.
    #[error("it cannot be read")]
    Io(#[source] io::Error),
    /// The file is not called `NAME-VERSION(-BUILD)-PYTHON-ABI-PLATFORM.whl`.
    #[error("its name is not that of a wheel, `NAME-VERSION-PYTHON-ABI-PLATFORM.whl`")]
    FileName(#[source] WheelNameError),
    /// There is no end of a zip archive.
    #[error("it is no zip archive, or only the start of one")]
    NotAnArchive,
    /// The archive contradicts itself, so that two programs could find different things in it.
    #[error("its archive is damaged: {0}")]
    Archive(&'static str),
    /// A name that could lead out of the folder, or that is read differently by different programs.
    #[error("the name `{}` is refused: {why}", .entry.escape_debug())]
    EntryName {
        /// The name.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two entries of one name.
    #[error("`{entry}` is in it twice")]
    Duplicate {
        /// The name.
        entry: String,
    },
    /// A file that something else needs as a folder.
    #[error("`{entry}` is a file, and a folder in the name of another")]
    FileAndFolder {
        /// The file.
        entry: String,
    },
    /// A device, or a folder with content.
    #[error("`{entry}` is {kind}, and a wheel can only have files")]
    Special {
        /// The entry.
        entry: String,
        /// What it is.
        kind: &'static str,
    },
    /// A symbolic link that leads out of the wheel.
    #[error("`{entry}` is a symbolic link to `{}`, out of the wheel", .target.escape_debug())]
    LinkOut {
        /// The entry.
        entry: String,
        /// Where it leads.
        target: String,
    },
    /// Something that needs a password.
    #[error("`{entry}` is encrypted")]
    Encrypted {
        /// The entry.
        entry: String,
    },
    /// A compression that pip cannot read everywhere.
    #[error("`{entry}` is compressed with {method}, and only deflate is supported")]
    Compression {
        /// The entry.
        entry: String,
        /// Its compression.
        method: Compression,
    },
    /// What the archive says of an entry in two places is not the same.
    #[error("`{entry}` has another {what} in the archive's directory than before its content")]
    Contradiction {
        /// The entry.
        entry: String,
        /// What differs.
        what: &'static str,
    },
    /// The contents of two entries share bytes of the archive.
    #[error("`{entry}` and `{other}` share bytes of the archive")]
    SharedBytes {
        /// The one that comes first.
        entry: String,
        /// The other.
        other: String,
    },
    /// More than the limit allows.
    #[error("its {what} is {found}, and at most {limit} is allowed")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much there may be.
        limit: u64,
    },
    /// Content that cannot be decompressed.
    #[error("the content of `{entry}` is damaged: {why}")]
    Content {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Content that is larger or smaller than the archive or RECORD says.
    #[error("`{entry}` should have {expected} bytes by {authority}, and has {found}")]
    Size {
        /// The entry.
        entry: String,
        /// Who says so.
        authority: &'static str,
        /// How many bytes it should have.
        expected: u64,
        /// How many it has, or at least has.
        found: u64,
    },
    /// Content that is not what the archive or RECORD says.
    #[error("`{entry}` should have {expected} by {authority}, and has {found}")]
    Hash {
        /// The entry.
        entry: String,
        /// Who says so.
        authority: &'static str,
        /// What it should have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// No folder with the wheel's metadata.
    #[error("it has no `.dist-info` folder")]
    NoDistInfo,
    /// Several folders with metadata.
    #[error("it has both `{0}` and `{1}`")]
    SeveralDistInfo(String, String),
    /// The name or version in the wheel is not that of its file name.
    #[error("{place} says `{found}`, and the wheel's file name `{expected}`")]
    Mismatch {
        /// Where the other value stands.
        place: String,
        /// The value there.
        found: String,
        /// The value in the file name.
        expected: String,
    },
    /// A file that each wheel has is not there.
    #[error("it has no `{entry}`")]
    Missing {
        /// The file.
        entry: String,
    },
    /// A text that is none.
    #[error("`{entry}` is not UTF-8")]
    NotUtf8 {
        /// The file.
        entry: String,
    },
    /// A field of WHEEL or METADATA that is missing or makes no sense.
    #[error("`{entry}` has no usable `{field}`")]
    Field {
        /// The file.
        entry: String,
        /// The field.
        field: &'static str,
    },
    /// A wheel of a format to come.
    #[error("it is of wheel format {0}, and this tool reads format 1")]
    Format(String),
    /// A line of RECORD that cannot be read.
    #[error("line {line} of its RECORD cannot be read: {why}")]
    Record {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file that nobody vouches for.
    #[error("`{entry}` is in the wheel, but not in its RECORD")]
    Unlisted {
        /// The file.
        entry: String,
    },
    /// A file that RECORD lists without a hash, or with one that proves nothing.
    #[error("RECORD has no hash of `{entry}` that is sha256 or better, but `{found}`")]
    WeakHash {
        /// The file.
        entry: String,
        /// What stands in place of the hash.
        found: String,
    },
    /// A file that is gone.
    #[error("`{entry}` is in its RECORD, but not in the wheel")]
    Absent {
        /// The file.
        entry: String,
    },
    /// A folder of `.data` that is none of the scheme's.
    #[error(
        "`{entry}` is for no known place: a `.data` folder has `purelib`, `platlib`, `headers`, `scripts` and `data`"
    )]
    Data {
        /// The file.
        entry: String,
    },
    /// An entry point that no program can be made of.
    #[error("the entry point `{name} = {value}` is no program: {why}")]
    EntryPoint {
        /// Its name.
        name: String,
        /// What it stands for.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A compression that wheels are not to have.
///
/// ```
/// use pyimage_build::Compression;
///
/// assert_eq!(Compression::from_code(14).to_string(), "lzma");
/// assert_eq!(Compression::from_code(77).to_string(), "method 77");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression(u16);

impl Compression {
    /// The compression with this [number](https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT).
    ///
    /// ```
    /// assert_eq!(pyimage_build::Compression::from_code(12).to_string(), "bzip2");
    /// ```
    #[must_use]
    pub const fn from_code(code: u16) -> Self {
        Self(code)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "nothing",
            8 => "deflate",
            9 => "deflate64",
            12 => "bzip2",
            14 => "lzma",
            93 => "zstd",
            95 => "xz",
            98 => "ppmd",
            code => return write!(f, "method {code}"),
        })
    }
}
