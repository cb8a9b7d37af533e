//! Downloads that are under way, or were when their process ended.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::{File, OpenOptions};
use pyimage_build::{Digest, DigestHasher};

use super::store::remove;
use crate::cache::{Cache, CacheError};

/// The cache's folder for downloads that are under way.
const FOLDER: &str = "partial";
/// How long a download that nobody goes on with is kept.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// A file that content comes into, locked while this lives. It stays where the connection broke, so that a later
/// process goes on with it; where its content is wrong it is removed.
#[derive(Debug)]
pub(super) struct Partial {
    file: File,
    path: Utf8PathBuf,
    hasher: DigestHasher,
    digest: Digest,
    len: u64,
    /// Whether the file is no longer here to be left behind.
    gone: bool,
}

/// Another process has the file.
#[derive(Debug)]
pub(super) struct Busy {
    /// How far it has come.
    pub(super) len: u64,
}

impl Partial {
    /// Opens the file for this content, with what an earlier process left in it.
    pub(super) fn open(cache: &Cache, digest: &Digest) -> Result<Result<Self, Busy>, CacheError> {
        let folder = cache.folder(FOLDER)?;
        let path = folder.join(format!("{}-{}", digest.algorithm(), digest.hex()));
        let unwritable = |source| CacheError::Unwritable { folder: cache.root().to_owned(), source };
        // The holder of the lock renames or removes the file, and whoever waited for it then has a file that is no
        // longer the one with this name.
        loop {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(unwritable)?;
            match file.file().try_lock() {
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => {
                    let len = file.metadata().map_or(0, |metadata| metadata.len());
                    return Ok(Err(Busy { len }));
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(unwritable(error)),
            }
            if is_at(&file, &path).map_err(unwritable)? {
                let hasher = digest.hasher();
                return Ok(Ok(Self { file, path, hasher, digest: digest.clone(), len: 0, gone: false }));
            }
        }
    }

    /// Takes in what is there already, and says how much that is.
    pub(super) fn resume(&mut self, size: u64) -> io::Result<u64> {
        self.hasher = self.digest.hasher();
        self.len = 0;
        if self.file.metadata()?.len() > size {
            self.restart()?;
            return Ok(0);
        }
        self.file.seek(SeekFrom::Start(0))?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = self.file.read(&mut buffer)?;
            if read == 0 {
                return Ok(self.len);
            }
            self.hasher.update(&buffer[..read]);
            self.len += read as u64;
        }
    }

    /// Begins again.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.hasher = self.digest.hasher();
        self.len = 0;
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(drop)
    }

    /// Takes the next bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether the content has its digest; else the digest that it has.
    pub(super) fn verify(&self) -> Result<(), Digest> {
        self.hasher.clone().finish()
    }

    /// Moves the content to where it belongs.
    pub(super) fn keep(mut self, place: &Utf8Path) -> io::Result<()> {
        if let Some(folder) = place.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::rename(&self.path, place)?;
        self.gone = true;
        Ok(())
    }

    /// Removes the file: what is in it leads nowhere.
    pub(super) fn discard(mut self) {
        remove(&self.path);
        self.gone = true;
    }
}

impl Drop for Partial {
    /// Leaves the file to a later download, if there is anything in it.
    fn drop(&mut self) {
        if !self.gone && self.len == 0 {
            remove(&self.path);
        }
    }
}

/// Removes downloads that nobody went on with.
pub(super) fn sweep(cache: &Cache) {
    let folder = cache.root().join(FOLDER);
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
        if !age.is_ok_and(|age| age.is_ok_and(|age| age > ABANDONED)) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.file().try_lock().is_ok() {
            let _ = fs_err::remove_file(entry.path());
        }
    }
}

/// Whether the open file is still the one with this name.
fn is_at(file: &File, path: &Utf8Path) -> io::Result<bool> {
    match fs_err::metadata(path) {
        Ok(there) => Ok(is_same(&file.metadata()?, &there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn is_same(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    (a.len(), a.created().ok()) == (b.len(), b.created().ok())
}
