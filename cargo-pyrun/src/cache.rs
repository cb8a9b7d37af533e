//! The one cache folder, shared by everything that keeps something for the next run.
//!
//! Entries are written to a temporary name and renamed, so that any number of processes may read and write at
//! once and none ever sees half an entry. What a crash of the whole machine may leave behind is a damaged
//! entry: whoever reads one checks it, as [`Cache::read_json`] does, and treats it as missing.

pub mod contents;
mod limit;
mod prune;
mod seal;
mod usage;
mod work;

use std::io::{self, Write as _};
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use contents::Contents;
pub use limit::{Limit, LimitError};
pub use prune::{Pruned, prune};
pub(crate) use seal::{seal, unseal};
pub use usage::InUse;
pub(crate) use usage::{is_at, touch};
pub use work::Work;
pub(crate) use work::sweep;

/// The variable that names the cache folder.
pub const CACHE_VARIABLE: &str = "PYIMAGE_CACHE_DIR";

/// The cache folder: `PYIMAGE_CACHE_DIR`, else `pyimage` in the platform's own folder for caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: Utf8PathBuf,
}

/// Why the cache cannot be used. None of this need stop a run: work on without a cache, and say so once.
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
    #[error("no space left in the cache folder `{folder}`")]
    Full {
        /// The folder that could not be written to.
        folder: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder cannot be created or written to.
    #[error("could not write to the cache folder `{folder}`")]
    Unwritable {
        /// The folder that could not be written to.
        folder: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An entry is there and cannot be read.
    #[error("could not read from the cache folder `{folder}`")]
    Unreadable {
        /// The folder that could not be read from.
        folder: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl CacheError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Full { .. } => {
                format!("free some space, or set `{CACHE_VARIABLE}` to a folder on another disk")
            }
            _ => format!("set `{CACHE_VARIABLE}` to a folder you can write to"),
        }
    }

    fn write(folder: &Utf8Path, source: io::Error) -> Self {
        let folder = folder.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { folder, source },
            _ => Self::Unwritable { folder, source },
        }
    }
}

impl Cache {
    /// The cache of this user.
    pub fn from_env() -> Result<Self, CacheError> {
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let path = locate(&variable, std::env::home_dir()).ok_or(CacheError::Homeless)?;
        // Folders of the cache become mounts, which must be absolute.
        let path = std::path::absolute(&path).unwrap_or(path);
        Utf8PathBuf::from_path_buf(path).map(Self::at).map_err(|path| CacheError::NotUtf8 { path })
    }

    /// The cache in a given folder.
    #[must_use]
    pub fn at(root: impl Into<Utf8PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The cache folder itself, which may not exist yet.
    #[must_use]
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// A folder of the cache, created where it is missing.
    pub fn folder(&self, name: impl AsRef<Utf8Path>) -> Result<Utf8PathBuf, CacheError> {
        let folder = self.root.join(name.as_ref());
        match fs_err::create_dir_all(&folder) {
            Ok(()) => Ok(folder),
            Err(error) => Err(CacheError::write(&self.root, error)),
        }
    }

    /// Writes an entry: afterwards it is there as a whole, or, on failure, as it was before.
    pub fn write(&self, entry: impl AsRef<Utf8Path>, bytes: &[u8]) -> Result<(), CacheError> {
        let entry = entry.as_ref();
        let path = self.root.join(entry);
        let folder = self.folder(entry.parent().unwrap_or(Utf8Path::new("")))?;
        replace(&folder, &path, bytes).map_err(|error| CacheError::write(&self.root, error))
    }

    /// What it means that a file of the cache could not be written.
    #[must_use]
    pub fn write_error(&self, source: io::Error) -> CacheError {
        CacheError::write(&self.root, source)
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
            let file = fs_err::File::create(&path).map_err(|error| CacheError::write(&self.root, error))?;
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
            let file = fs_err::File::create(&path).map_err(|error| CacheError::write(&self.root, error))?;
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
        match fs_err::read(self.root.join(entry.as_ref())) {
            Ok(bytes) => Ok(Some(bytes)),
            // Where a parent of the entry is a file, there is no entry either.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(source) => Err(CacheError::Unreadable { folder: self.root.clone(), source }),
        }
    }

    /// Writes an entry as JSON.
    pub fn write_json(&self, entry: impl AsRef<Utf8Path>, value: &impl Serialize) -> Result<(), CacheError> {
        let bytes = serde_json::to_vec(value).map_err(|error| CacheError::write(&self.root, error.into()))?;
        self.write(entry, &bytes)
    }

    /// Reads an entry of JSON; one that is missing, unreadable, damaged or of another version's shape is `None`.
    #[must_use]
    pub fn read_json<T: DeserializeOwned>(&self, entry: impl AsRef<Utf8Path>) -> Option<T> {
        serde_json::from_slice(&self.read(entry).ok()??).ok()
    }
}

/// Writes a file under a temporary name beside its place, and moves it there.
fn replace(folder: &Utf8Path, path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tmp-");
    // Temporary files are the owner's alone by default; a cache entry has the mode that the umask gives it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

/// The folder for the cache, by the platform's custom.
fn locate(variable: &dyn Fn(&str) -> Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    if let Some(folder) = variable(CACHE_VARIABLE) {
        return Some(folder);
    }
    // The XDG specification says to ignore a relative folder.
    if let Some(folder) = variable("XDG_CACHE_HOME").filter(|folder| folder.is_absolute()) {
        return Some(folder.join("pyimage"));
    }
    if cfg!(windows) {
        return variable("LOCALAPPDATA").map(|folder| folder.join("pyimage"));
    }
    let custom = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    Some(home.filter(|home| home.is_absolute())?.join(custom).join("pyimage"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap().join("cache");
        (folder, Cache::at(root))
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_variable_wins_then_xdg_then_home() {
        let locate_with = |pairs: &[(&str, &str)], home: Option<&str>| {
            let variable =
                |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            locate(&variable, home.map(Into::into))
        };
        let xdg = ("XDG_CACHE_HOME", "/xdg");
        assert_eq!(locate_with(&[(CACHE_VARIABLE, "mine"), xdg], Some("/home/a")), Some("mine".into()));
        assert_eq!(locate_with(&[xdg], Some("/home/a")), Some("/xdg/pyimage".into()));
        assert_eq!(
            locate_with(&[("XDG_CACHE_HOME", "relative")], Some("/home/a")),
            Some("/home/a/.cache/pyimage".into())
        );
        assert_eq!(locate_with(&[], None), None);
    }

    #[test]
    fn entries_come_back() {
        let (_folder, cache) = temporary();
        assert_eq!(cache.read("engines/a").unwrap(), None);
        cache.write("engines/a", b"one").unwrap();
        cache.write("engines/a", b"two").unwrap();
        assert_eq!(cache.read("engines/a").unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(cache.read("engines/a/below").unwrap(), None);
        let names: Vec<_> = cache.root().join("engines").read_dir_utf8().unwrap().collect();
        assert_eq!(names.len(), 1, "no temporary file stays behind: {names:?}");
    }

    #[test]
    fn damaged_entries_count_as_missing() {
        let (_folder, cache) = temporary();
        cache.write_json("a.json", &vec![1, 2]).unwrap();
        assert_eq!(cache.read_json("a.json"), Some(vec![1, 2]));
        assert_eq!(cache.read_json::<String>("a.json"), None);
        cache.write("a.json", b"[1,").unwrap();
        assert_eq!(cache.read_json::<Vec<u8>>("a.json"), None);
    }

    #[test]
    fn an_unusable_folder_is_named_with_the_way_out() {
        let (_folder, cache) = temporary();
        fs_err::write(cache.root(), "a file where the folder should be").unwrap();
        let error = cache.folder("engines").unwrap_err();
        assert!(matches!(error, CacheError::Unwritable { .. }));
        assert_eq!(error.to_string(), format!("could not write to the cache folder `{}`", cache.root()));
        assert_eq!(error.help(), "set `PYIMAGE_CACHE_DIR` to a folder you can write to");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_apart() {
        let full = io::Error::from_raw_os_error(28);
        assert!(matches!(CacheError::write("/cache".into(), full), CacheError::Full { .. }));
    }

    #[test]
    #[cfg(unix)]
    fn entries_are_readable_as_the_umask_says() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, cache) = temporary();
        cache.write("a", b"").unwrap();
        fs_err::write(cache.root().join("b"), "").unwrap();
        let mode = |name| fs_err::metadata(cache.root().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("a"), mode("b"));
    }
}
