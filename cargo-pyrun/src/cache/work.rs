//! Folders of the cache in which something is being made, which a killed process leaves behind.

use std::fs::TryLockError;
use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;

/// What the names of unfinished things begin with.
pub(super) const PREFIX: &str = ".tmp-";
/// The file in each of them that its maker holds locked.
const HELD: &str = ".held";
/// Its name until it is locked.
const BEGUN: &str = ".begun";
/// How long a folder may be without that file: its maker is about to make it.
const BEGINNING: Duration = Duration::from_secs(60);

/// A folder for something that is being made. It goes away with this, and with the next maker if this process dies.
#[derive(Debug)]
pub struct Work {
    folder: tempfile::TempDir,
    _held: File,
}

impl Work {
    /// A new folder below `parent`, which must be there. What dead processes left there goes first.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begin(parent: &Utf8Path) -> io::Result<Self> {
        sweep(parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let (beginning, place) = (folder.path().join(BEGUN), folder.path().join(HELD));
        let held = File::create(&beginning)?;
        // A file system without locks: nobody can take it from us either.
        let _ = held.file().try_lock();
        // It is locked from when it has its name: in between, a sweeper would take it for a dead one's.
        fs_err::rename(beginning, place)?;
        Ok(Self { folder, _held: held })
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> Utf8PathBuf {
        // Its parent is UTF-8, and so is the name that it got.
        Utf8PathBuf::from(self.folder.path().to_string_lossy().into_owned())
    }

    /// A path in it.
    #[must_use]
    pub fn join(&self, name: &str) -> Utf8PathBuf {
        self.folder().join(name)
    }
}

/// Removes what dead processes left in a folder.
pub(crate) fn sweep(parent: &Utf8Path) {
    for entry in fs_err::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if is_abandoned(&path) {
                let _ = fs_err::remove_dir_all(path);
            }
        } else if fs_err::symlink_metadata(&path).is_ok_and(|data| is_older(&data, BEGINNING)) {
            // A file or link that was to be renamed at once.
            let _ = fs_err::remove_file(path);
        }
    }
}

pub(super) fn is_abandoned(folder: &std::path::Path) -> bool {
    if let Ok(held) = File::open(folder.join(HELD)) {
        return !matches!(held.file().try_lock(), Err(TryLockError::WouldBlock));
    }
    fs_err::metadata(folder).is_ok_and(|data| is_older(&data, BEGINNING))
}

fn is_older(data: &std::fs::Metadata, age: Duration) -> bool {
    data.modified().is_ok_and(|made| made.elapsed().is_ok_and(|passed| passed > age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let parent = Utf8Path::from_path(parent.path()).unwrap();
        let living = Work::begin(parent).unwrap();
        let dead = parent.join(".tmp-dead");
        fs_err::create_dir(&dead).unwrap();
        fs_err::write(dead.join(HELD), "").unwrap();
        let beginning = parent.join(".tmp-beginning");
        fs_err::create_dir(&beginning).unwrap();
        let finished = parent.join("finished");
        fs_err::create_dir(&finished).unwrap();
        sweep(parent);
        assert!(living.join(HELD).exists());
        assert!(!dead.exists());
        assert!(beginning.exists() && finished.exists());
        drop(living);
        let left: Vec<_> = parent.read_dir_utf8().unwrap().flatten().collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}
