//! Bytecode that is compiled before an image is built.

#[cfg(feature = "image")]
mod archive;
#[cfg(feature = "image")]
mod marshal;
#[cfg(feature = "image")]
mod pyc;

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "image")]
pub use archive::{ArchiveError, BytecodeArchive, BytecodeArchiveWriter, CompiledModule};
#[cfg(feature = "image")]
pub use pyc::{PycError, canonical_pyc, pyc_path};

/// Which bytecode an image has.
///
/// The official images have none: Python compiles what it imports at every start, and keeps it only where it may
/// write.
///
/// ```
/// use pyimage_build::Bytecode;
///
/// assert_eq!("packages".parse(), Ok(Bytecode::Packages));
/// assert_eq!(Bytecode::default().to_string(), "all");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bytecode {
    /// That of the standard library and of the packages.
    #[default]
    All,
    /// That of the packages, as pip leaves it.
    Packages,
    /// None.
    None,
}

impl Bytecode {
    /// All values, as settings name them.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Bytecode::NAMES, ["all", "packages", "none"]);
    /// ```
    pub const NAMES: [&'static str; 3] = ["all", "packages", "none"];

    /// The oldest minor version of Python 3 whose bytecode can be baked. It has to be valid whatever time its source
    /// has, which takes Python 3.7, and its form is known from 3.8 on.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Bytecode::OLDEST, 8);
    /// ```
    pub const OLDEST: u16 = 8;

    /// Changes whenever the same sources would give another archive.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Bytecode::FORMAT, 1);
    /// ```
    pub const FORMAT: u32 = 1;
}

impl fmt::Display for Bytecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Packages => "packages",
            Self::None => "none",
        })
    }
}

/// A word that is no [`Bytecode`].
///
/// ```
/// use pyimage_build::Bytecode;
///
/// let error = "some".parse::<Bytecode>().unwrap_err();
/// assert_eq!(error.to_string(), "`some` is neither `all`, `packages` nor `none`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BytecodeNameError(String);

impl fmt::Display for BytecodeNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is neither `all`, `packages` nor `none`", self.0)
    }
}

impl std::error::Error for BytecodeNameError {}

impl FromStr for Bytecode {
    type Err = BytecodeNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            "packages" => Ok(Self::Packages),
            "none" => Ok(Self::None),
            _ => Err(BytecodeNameError(text.to_owned())),
        }
    }
}
