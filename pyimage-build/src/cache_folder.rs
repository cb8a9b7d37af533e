//! The one cache folder, shared by everything that keeps something for the next run.
//!
//! Entries are written to another name and renamed, so that any number of processes may read and write at once and none
//! ever sees half an entry. What a crash of the whole machine may leave behind is a damaged entry: whoever reads one
//! checks it, as [`CacheFolder::read_json`] does, and treats it as missing.

mod error;
mod work;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Digest;

pub use error::CacheError;
pub use work::Work;

/// The cache folder: `PYIMAGE_CACHE_DIR`, else `pyimage` in the platform's own folder for caches.
///
/// What is in it may be missing at any time, and is made again by whoever needs it.
///
/// ```
/// use pyimage_build::CacheFolder;
///
/// let folder = tempfile::tempdir()?;
/// let cache = CacheFolder::at(folder.path());
/// assert_eq!(cache.read("engines/a")?, None);
/// cache.write("engines/a", b"one")?;
/// assert_eq!(cache.read("engines/a")?.as_deref(), Some(&b"one"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFolder {
    root: PathBuf,
}

impl CacheFolder {
    /// The variable that names the folder.
    ///
    /// ```
    /// assert_eq!(pyimage_build::CacheFolder::VARIABLE, "PYIMAGE_CACHE_DIR");
    /// ```
    pub const VARIABLE: &'static str = "PYIMAGE_CACHE_DIR";

    /// Where it is for a user with these variables and this home: by its own variable, else by the platform's custom.
    ///
    /// ```
    /// use pyimage_build::CacheFolder;
    ///
    /// let cache = CacheFolder::locate(&mut |name| (name == CacheFolder::VARIABLE).then(|| "/cache".into()), None)?;
    /// assert_eq!(cache.root(), "/cache");
    /// # Ok::<(), pyimage_build::CacheError>(())
    /// ```
    ///
    /// # Errors
    /// Where neither a variable nor the home tells.
    pub fn locate(
        variable: &mut dyn FnMut(&str) -> Option<OsString>,
        home: Option<PathBuf>,
    ) -> Result<Self, CacheError> {
        let mut variable = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = if let Some(folder) = variable(Self::VARIABLE) {
            Some(folder)
        // The XDG specification says to ignore a relative folder.
        } else if let Some(folder) = variable("XDG_CACHE_HOME").filter(|folder| folder.is_absolute()) {
            Some(folder.join("pyimage"))
        } else if cfg!(windows) {
            variable("LOCALAPPDATA").map(|folder| folder.join("pyimage"))
        } else {
            let custom = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
            home.filter(|home| home.is_absolute()).map(|home| home.join(custom).join("pyimage"))
        };
        let root = root.ok_or(CacheError::Homeless)?;
        // Folders of the cache become mounts, which must be absolute.
        Ok(Self::at(std::path::absolute(&root).unwrap_or(root)))
    }

    /// The cache in a given folder, which may not exist yet.
    ///
    /// ```
    /// # use pyimage_build::CacheFolder;
    /// assert_eq!(CacheFolder::at("/cache").root(), "/cache");
    /// ```
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself, which may not exist yet.
    ///
    /// ```
    /// # use pyimage_build::CacheFolder;
    /// assert!(CacheFolder::at("/cache").root().is_absolute());
    /// ```
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a blob is, if it is there: a wheel, a layer or an archive of bytecode, by its digest.
    ///
    /// ```
    /// use pyimage_build::{CacheFolder, Digest};
    ///
    /// let blob = CacheFolder::at("/cache").blob(&Digest::of(b"wheel"));
    /// assert!(blob.starts_with("/cache/blobs/sha256"));
    /// ```
    #[must_use]
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join(digest.algorithm().as_str()).join(digest.hex())
    }

    /// A folder of the cache, created where it is missing.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let cache = pyimage_build::CacheFolder::at(folder.path());
    /// assert!(cache.folder("layers")?.is_dir());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where it cannot be created.
    pub fn folder(&self, name: impl AsRef<Path>) -> Result<PathBuf, CacheError> {
        let folder = self.root.join(name);
        fs_err::create_dir_all(&folder).map_err(|error| self.write_error(error))?;
        Ok(folder)
    }

    /// Writes an entry: afterwards it is there as a whole, or, on failure, as it was before.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let cache = pyimage_build::CacheFolder::at(folder.path());
    /// cache.write("layers/key.txt", b"{}")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, entry: impl AsRef<Path>, bytes: &[u8]) -> Result<(), CacheError> {
        let entry = entry.as_ref();
        let folder = self.folder(entry.parent().unwrap_or(Path::new("")))?;
        replace(&folder, &self.root.join(entry), bytes).map_err(|error| self.write_error(error))
    }

    /// What it means that a file of the cache could not be written.
    ///
    /// ```
    /// use pyimage_build::{CacheError, CacheFolder};
    ///
    /// let error = CacheFolder::at("/cache").write_error(std::io::ErrorKind::StorageFull.into());
    /// assert!(matches!(error, CacheError::Full { .. }));
    /// ```
    #[must_use]
    pub fn write_error(&self, source: io::Error) -> CacheError {
        CacheError::write(&self.root, source)
    }

    /// Reads an entry; a missing one is `None`.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let cache = pyimage_build::CacheFolder::at(folder.path());
    /// assert_eq!(cache.read("layers/none.txt")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where it is there and cannot be read.
    pub fn read(&self, entry: impl AsRef<Path>) -> Result<Option<Vec<u8>>, CacheError> {
        match fs_err::read(self.root.join(entry)) {
            Ok(bytes) => Ok(Some(bytes)),
            // Where a parent of the entry is a file, there is no entry either.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(source) => Err(CacheError::Unreadable { folder: self.root.clone(), source }),
        }
    }

    /// Writes an entry as JSON.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let cache = pyimage_build::CacheFolder::at(folder.path());
    /// cache.write_json("a.json", &[1, 2])?;
    /// assert_eq!(cache.read_json("a.json"), Some([1, 2]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_json(&self, entry: impl AsRef<Path>, value: &impl Serialize) -> Result<(), CacheError> {
        let bytes = serde_json::to_vec(value).map_err(|error| self.write_error(error.into()))?;
        self.write(entry, &bytes)
    }

    /// Reads an entry of JSON; one that is missing, unreadable, damaged or of another version's shape is `None`.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let cache = pyimage_build::CacheFolder::at(folder.path());
    /// cache.write("a.json", b"[1,")?;
    /// assert_eq!(cache.read_json::<Vec<u8>>("a.json"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn read_json<T: DeserializeOwned>(&self, entry: impl AsRef<Path>) -> Option<T> {
        serde_json::from_slice(&self.read(entry).ok()??).ok()
    }
}

/// Writes a file under another name beside its place, and moves it there.
fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (unfinished, mut file) = work::unique(folder, |path| fs_err::File::create_new(path))?;
    let written = file.write_all(bytes).and_then(|()| {
        drop(file);
        fs_err::rename(&unfinished, path)
    });
    if written.is_err() {
        // Else the next prune does it.
        let _ = fs_err::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary() -> (tempfile::TempDir, CacheFolder) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("cache");
        (folder, CacheFolder::at(root))
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_variable_wins_then_xdg_then_home() {
        let locate = |pairs: &[(&str, &str)], home: Option<&str>| {
            let mut variable =
                |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
            CacheFolder::locate(&mut variable, home.map(Into::into)).ok().map(|cache| cache.root)
        };
        let (own, xdg) = ((CacheFolder::VARIABLE, "/mine"), ("XDG_CACHE_HOME", "/xdg"));
        assert_eq!(locate(&[own, xdg], Some("/home/a")), Some("/mine".into()));
        assert_eq!(locate(&[xdg], Some("/home/a")), Some("/xdg/pyimage".into()));
        assert_eq!(
            locate(&[("XDG_CACHE_HOME", "relative")], Some("/home/a")),
            Some("/home/a/.cache/pyimage".into())
        );
        assert_eq!(locate(&[(CacheFolder::VARIABLE, "")], None), None);
        let here = std::env::current_dir().unwrap();
        assert_eq!(locate(&[(CacheFolder::VARIABLE, "mine")], None), Some(here.join("mine")));
    }

    #[test]
    fn entries_come_back() {
        let (_folder, cache) = temporary();
        assert_eq!(cache.read("engines/a").unwrap(), None);
        cache.write("engines/a", b"one").unwrap();
        cache.write("engines/a", b"two").unwrap();
        assert_eq!(cache.read("engines/a").unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(cache.read("engines/a/below").unwrap(), None);
        let names: Vec<_> = fs_err::read_dir(cache.root().join("engines")).unwrap().collect();
        assert_eq!(names.len(), 1, "no unfinished file stays behind: {names:?}");
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
        assert_eq!(
            error.to_string(),
            format!("could not write to the cache folder `{}`", cache.root().display())
        );
        assert_eq!(error.help(), "set `PYIMAGE_CACHE_DIR` to a folder you can write to");
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

    #[test]
    fn many_may_write_one_entry() {
        let (_folder, cache) = temporary();
        std::thread::scope(|scope| {
            for text in ["one", "two", "three", "four"] {
                let cache = &cache;
                scope.spawn(move || (0..50).for_each(|_| cache.write("a/b", text.as_bytes()).unwrap()));
            }
        });
        let left = cache.read("a/b").unwrap().unwrap();
        assert!(["one", "two", "three", "four"].contains(&std::str::from_utf8(&left).unwrap()));
        assert_eq!(fs_err::read_dir(cache.root().join("a")).unwrap().count(), 1);
    }
}
