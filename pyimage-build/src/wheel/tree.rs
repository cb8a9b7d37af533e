//! The files of several wheels in one folder.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use super::installation::{CopyError, Installation, InstalledFile};
use super::path;
use super::{Unpacker, WheelError};

/// What several installed wheels are together: each path once, sorted.
///
/// Where wheels have a file of the same path, the later wheel's is taken, as with pip, and
/// [`overlaps`](Self::overlaps) tells.
///
/// ```no_run
/// use pyimage_build::{Existing, Provenance, Scheme, Tree, Wheel};
///
/// let scheme = Scheme::official(13);
/// let wheels = [Wheel::open("one-1.0-py3-none-any.whl")?, Wheel::open("two-1.0-py3-none-any.whl")?];
/// let installations = wheels
///     .iter()
///     .map(|wheel| wheel.installation(&scheme, &Provenance::default()))
///     .collect::<Result<Vec<_>, _>>()?;
/// let tree = Tree::of(&installations)?;
/// tree.write_to("env".as_ref(), Existing::Refuse)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Tree<'a, 'w> {
    files: Vec<&'a InstalledFile<'w>>,
    overlaps: Vec<Overlap>,
}

/// A path that two wheels have.
///
/// ```
/// use pyimage_build::Overlap;
///
/// let overlap = Overlap {
///     path: "lib/python3.13/site-packages/tests/__init__.py".to_owned(),
///     replaced: "one-1.0-py3-none-any.whl".to_owned(),
///     taken: "two-1.0-py3-none-any.whl".to_owned(),
///     is_same: true,
/// };
/// assert!(overlap.is_same);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The path, relative to the prefix.
    pub path: String,
    /// The file name of the wheel whose file is not in the tree.
    pub replaced: String,
    /// The file name of the wheel whose file is.
    pub taken: String,
    /// Both files have the same content and mode, so that it does no harm.
    pub is_same: bool,
}

/// What becomes of files that are there already.
///
/// ```
/// assert_ne!(pyimage_build::Existing::Refuse, pyimage_build::Existing::Replace);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// They are an error.
    Refuse,
    /// They are removed first, so that a program that has them open keeps them as they were.
    Replace,
}

/// Why a tree cannot be written.
///
/// ```
/// use pyimage_build::TreeError;
///
/// let error = TreeError::Symlink { path: "env/lib".into() };
/// assert_eq!(error.to_string(), "`env/lib` is a symbolic link, which may lead anywhere");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A wheel is damaged.
    #[error(transparent)]
    Wheel(#[from] WheelError),
    /// One wheel has a file where another has a folder.
    #[error("`{path}` is a file in the wheel `{file_of}`, and a folder in the wheel `{folder_of}`")]
    FileAndFolder {
        /// The path, relative to the prefix.
        path: String,
        /// The file name of the wheel with the file.
        file_of: String,
        /// The file name of the wheel with the folder.
        folder_of: String,
    },
    /// Something in the folder leads out of it, or could.
    #[error("`{path}` is a symbolic link, which may lead anywhere")]
    Symlink {
        /// Where it is.
        path: PathBuf,
    },
    /// A file is there already.
    #[error("`{path}` is there already")]
    Exists {
        /// Where it is.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// [`Tree::MODIFIED`] as the file system wants it.
fn modified() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(Tree::MODIFIED)
}

impl<'a, 'w> Tree<'a, 'w> {
    /// The modification time of written files, in seconds since 1970: the first of 1980, as early as the ZIP format
    /// can tell, so that what packs installed files has no trouble with it.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Tree::MODIFIED, 315_532_800);
    /// ```
    pub const MODIFIED: u64 = 315_532_800;

    /// Puts the files of these wheels together, in this order.
    ///
    /// ```
    /// # use pyimage_build::Tree;
    /// assert!(Tree::of(&[])?.files().is_empty());
    /// # Ok::<(), pyimage_build::TreeError>(())
    /// ```
    pub fn of(installations: &'a [Installation<'w>]) -> Result<Self, TreeError> {
        let mut files: BTreeMap<&str, &InstalledFile<'w>> = BTreeMap::new();
        let mut overlaps = Vec::new();
        for file in installations.iter().flat_map(Installation::files) {
            if let Some(replaced) = files.insert(file.path(), file) {
                overlaps.push(Overlap {
                    path: file.path().to_owned(),
                    replaced: replaced.wheel().file_name().to_owned(),
                    taken: file.wheel().file_name().to_owned(),
                    is_same: replaced.is_same(file),
                });
            }
        }
        for (path, file) in &files {
            if let Some(other) = path::folders(path).find_map(|folder| files.get(folder)) {
                return Err(TreeError::FileAndFolder {
                    path: other.path().to_owned(),
                    file_of: other.wheel().file_name().to_owned(),
                    folder_of: file.wheel().file_name().to_owned(),
                });
            }
        }
        overlaps.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { files: files.into_values().collect(), overlaps })
    }

    /// The files, sorted by path.
    ///
    /// ```
    /// # use pyimage_build::Tree;
    /// # let tree = Tree::of(&[])?;
    /// assert!(tree.files().is_sorted_by_key(|file| file.path()));
    /// # Ok::<(), pyimage_build::TreeError>(())
    /// ```
    #[must_use]
    pub fn files(&self) -> &[&'a InstalledFile<'w>] {
        &self.files
    }

    /// The paths that more than one wheel has, sorted; a path of three wheels comes twice.
    ///
    /// ```
    /// # use pyimage_build::Tree;
    /// # let tree = Tree::of(&[])?;
    /// for overlap in tree.overlaps().iter().filter(|overlap| !overlap.is_same) {
    ///     println!("`{}` of {} is that of {}", overlap.path, overlap.replaced, overlap.taken);
    /// }
    /// # Ok::<(), pyimage_build::TreeError>(())
    /// ```
    #[must_use]
    pub fn overlaps(&self) -> &[Overlap] {
        &self.overlaps
    }

    /// Writes all files below a folder, with a thread for each core. The result is always the same.
    ///
    /// Their modification time is always [`MODIFIED`](Self::MODIFIED). No symbolic link below the folder is followed. Where this fails, some of the files are there, perhaps
    /// one of them in part: write to a new folder, and give it its name afterwards.
    ///
    /// ```
    /// # use pyimage_build::{Existing, Tree};
    /// # let folder = std::env::temp_dir().join(format!("pyimage-tree-{}", std::process::id()));
    /// Tree::of(&[])?.write_to(&folder, Existing::Refuse)?;
    /// # std::fs::remove_dir(&folder).unwrap();
    /// # Ok::<(), pyimage_build::TreeError>(())
    /// ```
    pub fn write_to(&self, folder: &Path, existing: Existing) -> Result<(), TreeError> {
        self.create_folders(folder)?;
        let mut order = self.files.clone();
        // Large files first, so that no thread is left with one in the end.
        order.sort_by_key(|file| std::cmp::Reverse(file.size() >> 20));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let write = || -> Result<(), (usize, TreeError)> {
            let mut unpacker = Unpacker::new();
            while !failed.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = order.get(index) else { break };
                if let Err(error) = write_file(file, &folder.join(file.path()), existing, &mut unpacker) {
                    failed.store(true, Ordering::Relaxed);
                    return Err((index, error));
                }
            }
            Ok(())
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..cores.min(order.len())).map(|_| scope.spawn(write)).collect();
            let own = write();
            let joined = helpers
                .into_iter()
                .map(|helper| helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.chain([own]).collect()
        });
        // All files before the first failure were begun before it, so it is the same on each machine.
        let failure = results.into_iter().filter_map(Result::err).min_by_key(|(index, _)| *index);
        failure.map_or(Ok(()), |(_, error)| Err(error))
    }

    fn create_folders(&self, root: &Path) -> Result<(), TreeError> {
        fs_err::create_dir_all(root).map_err(|source| TreeError::Write { path: root.to_owned(), source })?;
        let folders: BTreeSet<&str> = self.files.iter().flat_map(|file| path::folders(file.path())).collect();
        // A folder comes before what is in it.
        for folder in folders {
            let path = root.join(folder);
            create_folder(&path)?;
        }
        Ok(())
    }
}

fn create_folder(path: &Path) -> Result<(), TreeError> {
    let failed = |source| TreeError::Write { path: path.to_owned(), source };
    match fs_err::create_dir(path) {
        Ok(()) => set_mode(path, 0o755).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs_err::symlink_metadata(path).map_err(failed)?;
            match () {
                () if found.is_symlink() => Err(TreeError::Symlink { path: path.to_owned() }),
                () if found.is_dir() => Ok(()),
                () => Err(TreeError::Exists { path: path.to_owned() }),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

fn write_file(
    file: &InstalledFile<'_>,
    path: &Path,
    existing: Existing,
    unpacker: &mut Unpacker,
) -> Result<(), TreeError> {
    let failed = |source| TreeError::Write { path: path.to_owned(), source };
    // A new file is never a link that somebody has laid there.
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true);
    let mut out = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match existing {
            Existing::Refuse => return Err(TreeError::Exists { path: path.to_owned() }),
            Existing::Replace => {
                fs_err::remove_file(path).map_err(failed)?;
                options.open(path).map_err(failed)?
            }
        },
        opened => opened.map_err(failed)?,
    };
    file.copy(unpacker, &mut out).map_err(|error| match error {
        CopyError::Wheel(error) => TreeError::Wheel(error),
        CopyError::Write(source) => failed(source),
    })?;
    out.flush().map_err(failed)?;
    out.file().set_modified(modified()).map_err(failed)?;
    set_file_mode(&out, file.mode()).map_err(failed)
}

/// The mode, whatever the umask.
#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs_err::set_permissions(path, PermissionsExt::from_mode(mode))
}

#[cfg(unix)]
fn set_file_mode(file: &fs_err::File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    file.set_permissions(PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn set_file_mode(_: &fs_err::File, _: u32) -> io::Result<()> {
    Ok(())
}
