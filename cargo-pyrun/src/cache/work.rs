//! Folders of the cache in which something is being made, which a killed process leaves behind.

use std::io;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};

/// What the names of unfinished things begin with.
pub(super) const PREFIX: &str = pyimage_build::Work::PREFIX;

/// A folder for something that is being made. It goes away with this, and with the next maker if this process dies.
#[derive(Debug)]
pub struct Work(pyimage_build::Work);

impl Work {
    /// A new folder below `parent`, which must be there. What dead processes left there goes first.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begin(parent: &Utf8Path) -> io::Result<Self> {
        pyimage_build::Work::begin(parent.as_std_path()).map(Self)
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> Utf8PathBuf {
        // Its parent is UTF-8, and so is the name that it got.
        Utf8PathBuf::from(self.0.folder().to_string_lossy().into_owned())
    }

    /// A path in it.
    #[must_use]
    pub fn join(&self, name: &str) -> Utf8PathBuf {
        self.folder().join(name)
    }
}

/// Removes what dead processes left in a folder.
pub(crate) fn sweep(parent: &Utf8Path) {
    pyimage_build::Work::sweep(parent.as_std_path());
}

pub(super) fn is_abandoned(folder: &Path) -> bool {
    pyimage_build::Work::is_abandoned(folder)
}
