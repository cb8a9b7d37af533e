//! The one cache folder, shared by everything that keeps something for the next run.
//!
//! Where it is and how its entries are written, [`CacheFolder`] knows, which build scripts have, too. Here is what takes
//! waiting for other processes, and looking after what is in it.

pub mod contents;
mod limit;
mod prune;
mod seal;
mod usage;
mod work;

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::CacheFolder;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use contents::Contents;
pub use limit::{Limit, LimitError};
pub use prune::{Pruned, Stuck, prune};
pub use pyimage_build::CacheError;
pub(crate) use seal::{seal, unseal};
pub use usage::InUse;
pub(crate) use usage::{is_at, touch};
pub use work::Work;
pub(crate) use work::sweep;

/// The variable that names the cache folder.
pub const CACHE_VARIABLE: &str = CacheFolder::VARIABLE;

/// The cache folder: `PYIMAGE_CACHE_DIR`, else `pyimage` in the platform's own folder for caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: Utf8PathBuf,
    plain: CacheFolder,
}

impl Cache {
    /// The cache of this user.
    pub fn from_env() -> Result<Self, CacheError> {
        let plain = CacheFolder::locate(&mut |name| std::env::var_os(name), std::env::home_dir())?;
        let path = plain.root().to_owned();
        Utf8PathBuf::from_path_buf(path).map(Self::at).map_err(|path| CacheError::NotUtf8 { path })
    }

    /// The cache in a given folder.
    #[must_use]
    pub fn at(root: impl Into<Utf8PathBuf>) -> Self {
        let root = root.into();
        Self { plain: CacheFolder::at(root.as_std_path()), root }
    }

    /// The same folder, as the assembly of images knows it.
    #[must_use]
    pub fn plain(&self) -> &CacheFolder {
        &self.plain
    }

    /// The cache folder itself, which may not exist yet.
    #[must_use]
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// A folder of the cache, created where it is missing.
    pub fn folder(&self, name: impl AsRef<Utf8Path>) -> Result<Utf8PathBuf, CacheError> {
        self.plain.folder(name.as_ref())?;
        Ok(self.root.join(name.as_ref()))
    }

    /// Writes an entry: afterwards it is there as a whole, or, on failure, as it was before.
    pub fn write(&self, entry: impl AsRef<Utf8Path>, bytes: &[u8]) -> Result<(), CacheError> {
        self.plain.write(entry.as_ref(), bytes)
    }

    /// What it means that a file of the cache could not be written.
    #[must_use]
    pub fn write_error(&self, source: io::Error) -> CacheError {
        self.plain.write_error(source)
    }

    /// Waits until no other process holds the lock of this name, and holds it until the file is dropped. `None` where
    /// the file system has no locks.
    ///
    /// `wait` is called once if another process holds it.
    pub async fn lock(&self, name: &str, wait: impl FnOnce()) -> Result<Option<fs_err::File>, CacheError> {
        let folder = self.folder("locked")?;
        let path = folder.join(name);
        let mut wait = Some(wait);
        loop {
            let file = fs_err::File::create(&path).map_err(|error| self.write_error(error))?;
            match file.file().try_lock() {
                // A prune removes locks that nobody holds.
                Ok(()) if !is_at(&file, &path).unwrap_or(true) => {}
                Ok(()) => return Ok(Some(file)),
                Err(std::fs::TryLockError::WouldBlock) => {
                    if let Some(wait) = wait.take() {
                        wait();
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                Err(std::fs::TryLockError::Error(_)) => return Ok(None),
            }
        }
    }

    /// [`Self::lock`] for a thread that may be held up.
    pub(crate) fn lock_here(&self, name: &str) -> Result<Option<fs_err::File>, CacheError> {
        let path = self.folder("locked")?.join(name);
        loop {
            let file = fs_err::File::create(&path).map_err(|error| self.write_error(error))?;
            if file.file().lock().is_err() {
                return Ok(None);
            }
            if is_at(&file, &path).unwrap_or(true) {
                return Ok(Some(file));
            }
        }
    }

    /// Reads an entry; a missing one is `None`.
    pub fn read(&self, entry: impl AsRef<Utf8Path>) -> Result<Option<Vec<u8>>, CacheError> {
        self.plain.read(entry.as_ref())
    }

    /// Writes an entry as JSON.
    pub fn write_json(&self, entry: impl AsRef<Utf8Path>, value: &impl Serialize) -> Result<(), CacheError> {
        self.plain.write_json(entry.as_ref(), value)
    }

    /// Reads an entry of JSON; one that is missing, unreadable, damaged or of another version's shape is `None`.
    #[must_use]
    pub fn read_json<T: DeserializeOwned>(&self, entry: impl AsRef<Utf8Path>) -> Option<T> {
        self.plain.read_json(entry.as_ref())
    }
}
