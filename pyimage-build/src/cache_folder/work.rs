//! Folders of the cache in which something is being made, which a killed process leaves behind.

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fs_err::File;

/// The file in each of them that its maker holds locked.
const HELD: &str = ".held";
/// Its name until it is locked.
const BEGUN: &str = ".begun";
/// How long a folder may be without that file: its maker is about to make it.
const BEGINNING: Duration = Duration::from_secs(60);

/// A folder for something that is being made. It goes away with this, and with the next maker if this process dies.
///
/// ```
/// use pyimage_build::Work;
///
/// let parent = tempfile::tempdir()?;
/// let work = Work::begin(parent.path())?;
/// fs_err::write(work.folder().join("layer"), b"")?;
/// drop(work);
/// assert_eq!(fs_err::read_dir(parent.path())?.count(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Work {
    folder: PathBuf,
    _held: File,
}

impl Work {
    /// What the names of unfinished things begin with.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Work::PREFIX, ".tmp-");
    /// ```
    pub const PREFIX: &'static str = ".tmp-";

    /// A new folder below `parent`, which must be there. What dead processes left there goes first.
    ///
    /// ```
    /// # use pyimage_build::Work;
    /// assert!(Work::begin("/nowhere".as_ref()).is_err());
    /// ```
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begin(parent: &Path) -> io::Result<Self> {
        Self::sweep(parent);
        let (folder, ()) = unique(parent, own_folder)?;
        let held = || {
            let (beginning, place) = (folder.join(BEGUN), folder.join(HELD));
            let held = File::create(&beginning)?;
            // A file system without locks: nobody can take it from us either.
            let _ = held.file().try_lock();
            // It is locked from when it has its name: in between, a sweeper would take it for a dead one's.
            fs_err::rename(beginning, place)?;
            Ok(held)
        };
        match held() {
            Ok(held) => Ok(Self { folder, _held: held }),
            Err(error) => {
                let _ = fs_err::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    /// The folder itself.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// assert!(pyimage_build::Work::begin(parent.path())?.folder().is_dir());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes what dead processes left in a folder.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// pyimage_build::Work::sweep(parent.path());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn sweep(parent: &Path) {
        for entry in fs_err::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !name.to_string_lossy().starts_with(Self::PREFIX) {
                continue;
            }
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if Self::is_abandoned(&path) {
                    let _ = fs_err::remove_dir_all(path);
                }
            } else if fs_err::symlink_metadata(&path).is_ok_and(|data| is_older(&data, BEGINNING)) {
                // A file or link that was to be renamed at once.
                let _ = fs_err::remove_file(path);
            }
        }
    }

    /// Whether whoever works in a folder is dead.
    ///
    /// ```
    /// # use pyimage_build::Work;
    /// # let parent = tempfile::tempdir()?;
    /// let work = Work::begin(parent.path())?;
    /// assert!(!Work::is_abandoned(work.folder()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn is_abandoned(folder: &Path) -> bool {
        if let Ok(held) = File::open(folder.join(HELD)) {
            return !matches!(held.file().try_lock(), Err(TryLockError::WouldBlock));
        }
        fs_err::metadata(folder).is_ok_and(|data| is_older(&data, BEGINNING))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Else the next maker does it.
        let _ = fs_err::remove_dir_all(&self.folder);
    }
}

/// A folder that is its owner's alone: what is made in it may know logins.
fn own_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes something under an unfinished thing's name that nobody else has.
pub(super) fn unique<T>(
    parent: &Path,
    mut attempt: impl FnMut(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{}{}-{number}", Work::PREFIX, std::process::id()));
        match attempt(&path) {
            Ok(made) => return Ok((path, made)),
            // A process of this number died here, or runs in another container.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
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
        let parent = parent.path();
        let living = Work::begin(parent).unwrap();
        let dead = parent.join(".tmp-dead");
        fs_err::create_dir(&dead).unwrap();
        fs_err::write(dead.join(HELD), "").unwrap();
        let beginning = parent.join(".tmp-beginning");
        fs_err::create_dir(&beginning).unwrap();
        let finished = parent.join("finished");
        fs_err::create_dir(&finished).unwrap();
        Work::sweep(parent);
        assert!(living.folder().join(HELD).exists());
        assert!(!dead.exists());
        assert!(beginning.exists() && finished.exists());
        drop(living);
        assert_eq!(fs_err::read_dir(parent).unwrap().count(), 2);
    }

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let taken: Vec<_> = (0..10_000)
            .map(|number| parent.path().join(format!(".tmp-{}-{number}", std::process::id())))
            .collect();
        taken.iter().step_by(2).for_each(|path| fs_err::write(path, "theirs").unwrap());
        let work = Work::begin(parent.path()).unwrap();
        assert!(work.folder().is_dir());
        assert!(taken.iter().step_by(2).all(|path| fs_err::read(path).is_ok_and(|text| text == b"theirs")));
    }
}
