//! Why the cache cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use super::CacheFolder;

/// Why the cache cannot be used. None of this need stop whoever can do without: work on, and say so once.
///
/// ```
/// use pyimage_build::CacheError;
///
/// assert_eq!(CacheError::Homeless.to_string(), "could not find a folder for the cache");
/// assert_eq!(CacheError::Homeless.help(), "set `PYIMAGE_CACHE_DIR` to a folder you can write to");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Neither `PYIMAGE_CACHE_DIR` nor a home folder is known.
    #[error("could not find a folder for the cache")]
    Homeless,
    /// The folder's path is no valid UTF-8.
    #[error("the path of the cache folder `{}` is not valid UTF-8", path.display())]
    NotUtf8 {
        /// The path, as far as it can be shown.
        path: PathBuf,
    },
    /// The disk, or the user's share of it, is full.
    #[error("no space left in the cache folder `{}`", folder.display())]
    Full {
        /// The folder that could not be written to.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder cannot be created or written to.
    #[error("could not write to the cache folder `{}`", folder.display())]
    Unwritable {
        /// The folder that could not be written to.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An entry is there and cannot be read.
    #[error("could not read from the cache folder `{}`", folder.display())]
    Unreadable {
        /// The folder that could not be read from.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl CacheError {
    /// What to do about it.
    ///
    /// ```
    /// let full = pyimage_build::CacheFolder::at("/cache").write_error(std::io::ErrorKind::StorageFull.into());
    /// assert!(full.help().starts_with("free some space"));
    /// ```
    #[must_use]
    pub fn help(&self) -> String {
        let variable = CacheFolder::VARIABLE;
        match self {
            Self::Full { .. } => format!("free some space, or set `{variable}` to a folder on another disk"),
            _ => format!("set `{variable}` to a folder you can write to"),
        }
    }

    pub(super) fn write(folder: &Path, source: io::Error) -> Self {
        let folder = folder.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { folder, source },
            _ => Self::Unwritable { folder, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_apart() {
        let full = io::Error::from_raw_os_error(28);
        assert!(matches!(CacheError::write("/cache".as_ref(), full), CacheError::Full { .. }));
    }
}
