//! Downloads that are under way, or were when their process ended.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::{File, OpenOptions};
use pyimage_build::{Digest, DigestHasher};

use super::store::remove;
use crate::cache::{Cache, CacheError, is_at};

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
    /// Whether the file is not here to be left behind, or not ours.
    gone: bool,
    /// Whether no other process can go on with it.
    private: bool,
}

/// Another process has the file.
#[derive(Debug)]
pub(super) struct Busy {
    /// How far it has come.
    pub(super) len: u64,
}

impl Partial {
    /// Opens the file for this content, with what an earlier process left in it. `None` where locks are not to be
    /// had, as on some network file systems.
    pub(super) fn open(cache: &Cache, digest: &Digest) -> Result<Option<Result<Self, Busy>>, CacheError> {
        let path = place(cache, digest)?;
        // The holder of the lock renames or removes the file, and whoever waited for it then has a file that is no
        // longer the one with this name.
        loop {
            let mut partial = Self::at(cache, digest, path.clone())?;
            match partial.file.file().try_lock() {
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => {
                    let len = partial.file.metadata().map_or(0, |metadata| metadata.len());
                    return Ok(Some(Err(Busy { len })));
                }
                Err(std::fs::TryLockError::Error(_)) => return Ok(None),
            }
            if is_at(&partial.file, &path).map_err(|error| cache.write_error(error))? {
                partial.gone = false;
                return Ok(Some(Ok(partial)));
            }
        }
    }

    /// Opens a file that no other process knows, and that does not stay.
    pub(super) fn private(cache: &Cache, digest: &Digest) -> Result<Self, CacheError> {
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(|error| cache.write_error(error.into()))?;
        let path = format!("{}.{}", place(cache, digest)?, crate::fingerprint::hex(&random));
        let mut partial = Self::at(cache, digest, path.into())?;
        (partial.gone, partial.private) = (false, true);
        Ok(partial)
    }

    /// The file, which is not ours yet.
    fn at(cache: &Cache, digest: &Digest, path: Utf8PathBuf) -> Result<Self, CacheError> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| cache.write_error(error))?;
        let hasher = digest.hasher();
        Ok(Self { file, path, hasher, digest: digest.clone(), len: 0, gone: true, private: false })
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
        if !self.gone && (self.private || self.len == 0) {
            remove(&self.path);
        }
    }
}

fn place(cache: &Cache, digest: &Digest) -> Result<Utf8PathBuf, CacheError> {
    Ok(cache.folder(FOLDER)?.join(format!("{}-{}", digest.algorithm(), digest.hex())))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn files(cache: &Cache) -> usize {
        cache.root().join(FOLDER).read_dir_utf8().unwrap().count()
    }

    #[test]
    fn one_process_has_the_file_and_others_have_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        let digest = Digest::of(b"content");
        let mut first = Partial::open(&cache, &digest).unwrap().unwrap().unwrap();
        first.write(b"cont").unwrap();
        assert_eq!(Partial::open(&cache, &digest).unwrap().unwrap().unwrap_err().len, 4);
        let mut other = Partial::private(&cache, &digest).unwrap();
        other.write(b"content").unwrap();
        let place = cache.root().join("blobs/sha256/content");
        assert!(other.verify().is_ok());
        other.keep(&place).unwrap();
        assert_eq!(fs_err::read(&place).unwrap(), b"content");
        let mut third = Partial::private(&cache, &digest).unwrap();
        third.write(b"con").unwrap();
        drop(third);
        assert_eq!(files(&cache), 1, "what is private does not stay");

        drop(first);
        let mut again = Partial::open(&cache, &digest).unwrap().unwrap().unwrap();
        assert_eq!(again.resume(7).unwrap(), 4);
        again.restart().unwrap();
        drop(again);
        assert_eq!(files(&cache), 0, "nor does what is empty");
    }

    #[test]
    fn what_is_abandoned_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        for (name, age) in [("old", ABANDONED * 2), ("held", ABANDONED * 2), ("new", Duration::ZERO)] {
            let file = File::create(cache.folder(FOLDER).unwrap().join(name)).unwrap();
            file.file().set_modified(std::time::SystemTime::now() - age).unwrap();
        }
        let held = File::open(cache.root().join(FOLDER).join("held")).unwrap();
        held.file().lock().unwrap();
        sweep(&cache);
        assert_eq!(files(&cache), 2);
    }
}
