//! What is in use: no prune removes it, and the time of its last use is kept.
//!
//! An entry that runs use has an empty file of its own below `used/`. Whoever uses the entry holds that file locked, with
//! others; whoever removes the entry has to have it alone. A dead process holds nothing. The file's time is that of the
//! last use, so that a run that finds what it needs writes nothing but a time, and that once an hour at most.

use std::fs::TryLockError;
use std::io;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::{File, OpenOptions};

use super::Cache;

/// The cache's folder with a file for each entry that runs use.
const FOLDER: &str = "used";
/// A recorded use that is younger is not recorded again.
const RECENT: Duration = Duration::from_secs(60 * 60);

/// What is held while packages are resolved, fetched, unpacked and put together: of what that takes, nothing is
/// removed meanwhile.
pub(crate) const PREPARATION: &str = "preparation";

/// An entry in use, until this is dropped or the process dies.
#[derive(Debug)]
pub struct InUse {
    _file: File,
}

/// An entry that nobody uses, and nobody can begin to use while this lives.
#[derive(Debug)]
pub(super) struct Unused {
    _file: File,
    path: Utf8PathBuf,
}

impl Cache {
    /// Uses an entry, which need not be there yet: from now on it stays, or is missing until it is made.
    ///
    /// `None` where the file system has no locks, or the cache cannot be written. A prune removes nothing there.
    #[must_use]
    pub fn using(&self, entry: &str) -> Option<InUse> {
        let path = self.used(entry);
        loop {
            let file = open(&path)?;
            // Whoever has it alone only moves something away.
            file.file().lock_shared().ok()?;
            if is_at(&file, &path).ok()? {
                refresh(file.file());
                return Some(InUse { _file: file });
            }
        }
    }

    /// Lets nothing be removed of what making something takes: blobs, packages, locks, tools. See [`using`](Self::using).
    #[must_use]
    pub fn preparing(&self) -> Option<InUse> {
        self.using(PREPARATION)
    }

    /// Takes an entry for oneself, if nobody uses it.
    pub(super) fn unused(&self, entry: &str) -> Option<Unused> {
        let path = self.used(entry);
        let file = open(&path)?;
        file.file().try_lock().ok()?;
        is_at(&file, &path).ok()?.then_some(Unused { _file: file, path })
    }

    /// When an entry was last used, where that was recorded.
    pub(super) fn last_use(&self, entry: &str) -> Option<SystemTime> {
        fs_err::metadata(self.used(entry)).and_then(|data| data.modified()).ok()
    }

    fn used(&self, entry: &str) -> Utf8PathBuf {
        self.root.join(FOLDER).join(entry)
    }
}

impl Unused {
    /// Removes the record too: the entry is gone.
    pub(super) fn forget(self) {
        let _ = fs_err::remove_file(&self.path);
    }
}

/// Records that a file or folder is of use, in its own time.
pub(crate) fn touch(path: &Utf8Path) {
    if let Ok(file) = File::open(path) {
        refresh(file.file());
    }
}

fn refresh(file: &std::fs::File) {
    let now = SystemTime::now();
    let recorded = file.metadata().and_then(|data| data.modified());
    let recent = recorded.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age < RECENT));
    if !recent {
        // Another user's file, or a disk that cannot be written: it counts as older than it is.
        let _ = file.set_modified(now);
    }
}

fn open(path: &Utf8Path) -> Option<File> {
    let open = || OpenOptions::new().write(true).create(true).truncate(false).open(path);
    open().or_else(|_| path.parent().map_or(Ok(()), fs_err::create_dir_all).and_then(|()| open())).ok()
}

/// Takes the lock of a file if nobody has it; `false` where another process does.
pub(super) fn is_free(file: &File) -> bool {
    !matches!(file.file().try_lock(), Err(TryLockError::WouldBlock))
}

/// Whether the open file is still the one with this name.
pub(crate) fn is_at(file: &File, path: &Utf8Path) -> io::Result<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap().join("cache");
        (folder, Cache::at(root))
    }

    #[test]
    fn many_use_it_and_one_alone_may_remove_it() {
        let (_folder, cache) = cache();
        let (one, other) = (cache.using("environments/a").unwrap(), cache.using("environments/a").unwrap());
        assert!(cache.unused("environments/a").is_none());
        assert!(cache.unused("environments/b").is_some());
        drop(one);
        assert!(cache.unused("environments/a").is_none());
        drop(other);
        let alone = cache.unused("environments/a").unwrap();
        assert!(cache.unused("environments/a").is_none());
        alone.forget();
        assert_eq!(cache.last_use("environments/a"), None);
        assert!(cache.using("environments/a").is_some());
    }

    #[test]
    fn whoever_waited_for_a_file_that_is_gone_takes_the_new_one() {
        let (_folder, cache) = cache();
        let alone = cache.unused("a").unwrap();
        let waiting = {
            let cache = cache.clone();
            std::thread::spawn(move || cache.using("a").unwrap())
        };
        std::thread::sleep(Duration::from_millis(50));
        alone.forget();
        let _held = waiting.join().unwrap();
        assert!(cache.unused("a").is_none());
    }

    #[test]
    fn a_use_is_recorded_once_an_hour() {
        let (_folder, cache) = cache();
        drop(cache.using("a"));
        let set = |age: u64| {
            let at = SystemTime::now() - Duration::from_secs(age);
            OpenOptions::new().write(true).open(cache.used("a")).unwrap().file().set_modified(at).unwrap();
            let before = cache.last_use("a").unwrap();
            drop(cache.using("a"));
            cache.last_use("a").unwrap() != before
        };
        assert!(!set(10));
        assert!(set(2 * 60 * 60));
    }
}
