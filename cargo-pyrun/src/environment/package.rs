//! Packages: wheels that were unpacked once, for all environments that have them.
//!
//! A package is a folder `packages/ID` of the cache with a `tree` as pip would leave it below a prefix, and the list
//! of its files. All its files have the same modification time, so that one that was changed or cut short since is
//! noticed by a look at it, before it gets into an environment.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{Existing, Provenance, Scheme, Tree, Wheel, WheelLimits};

use super::{EnvironmentError, FORMAT};
use crate::cache::{Cache, Work, seal, unseal};
use crate::fingerprint;

/// The cache's folder of packages.
pub(super) const FOLDER: &str = "packages";
/// The list of a package's files, in its folder.
const LIST: &str = "files";
const TREE: &str = "tree";

/// A wheel, unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// Its name in the cache, which stands for its content.
    pub(super) id: String,
    /// The wheel's file name.
    pub(super) wheel: String,
    /// The folder with its files.
    pub(super) tree: Utf8PathBuf,
    /// Its files, sorted by path.
    pub(super) files: Vec<PackageFile>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackageFile {
    /// Below the prefix, with `/`.
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) executable: bool,
}

impl PackageFile {
    /// Whether it is source that has bytecode.
    pub(super) fn is_module(&self, site_packages: &str) -> bool {
        let path = Utf8Path::new(&self.path);
        path.extension() == Some("py") && path.starts_with(site_packages)
    }

    /// Whether the file at this path still is what was unpacked, as far as can be told without reading it.
    pub(super) fn is_whole(&self, path: &Utf8Path) -> bool {
        fs_err::symlink_metadata(path).is_ok_and(|found| {
            found.is_file()
                && found.len() == self.size
                && found.modified().is_ok_and(|modified| modified == unpacked())
        })
    }
}

#[cfg(unix)]
impl PackageFile {
    /// The same for a file of this name in an open folder.
    pub(super) fn is_whole_in(&self, folder: impl std::os::fd::AsFd, name: &str) -> bool {
        let found = rustix::fs::statat(folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        found.is_ok_and(|found| {
            rustix::fs::FileType::from_raw_mode(found.st_mode).is_file()
                && u64::try_from(found.st_size).is_ok_and(|size| size == self.size)
                && u64::try_from(found.st_mtime).is_ok_and(|modified| modified == Tree::MODIFIED)
        })
    }
}

/// The time of all that belongs to packages: what has another was changed since.
pub(super) fn unpacked() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(Tree::MODIFIED)
}

/// The name of the package that a wheel becomes, by what stands for its content.
pub(super) fn id(wheel: &str, scheme: &Scheme, provenance: &Provenance) -> String {
    fingerprint::short(&format!("{FORMAT} {wheel} {scheme:?} {provenance:?}"))
}

impl Package {
    /// The package of this name, if it was unpacked before.
    pub(super) fn find(cache: &Cache, id: &str) -> Option<Self> {
        let folder = cache.root().join(FOLDER).join(id);
        let list = fs_err::read_to_string(folder.join(LIST)).ok()?;
        let mut lines = unseal(&list)?.lines();
        let wheel = lines.next()?.to_owned();
        let files: Option<Vec<_>> = lines.map(parse_line).collect();
        Some(Self { id: id.to_owned(), wheel, tree: folder.join(TREE), files: files? })
    }

    /// Unpacks a wheel, unless another process has done it. All its content is checked on the way.
    pub(super) fn unpack(
        cache: &Cache,
        id: &str,
        wheel: &Utf8Path,
        file_name: &str,
        scheme: &Scheme,
        provenance: &Provenance,
    ) -> Result<Self, EnvironmentError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| EnvironmentError::Unpack {
            wheel: file_name.to_owned(),
            source,
        };
        let unwritten = |source| EnvironmentError::Cache(cache.write_error(source));
        let parent = cache.folder(FOLDER)?;
        let _held = cache.lock_here(&format!("package-{id}"))?;
        if let Some(found) = Self::find(cache, id) {
            return Ok(found);
        }
        let opened = Wheel::open_as(wheel.as_std_path(), file_name, &WheelLimits::default());
        let opened = opened.map_err(|source| failed(Box::new(source)))?;
        let installation = opened.installation(scheme, provenance);
        let installation = [installation.map_err(|source| failed(Box::new(source)))?];
        let tree = Tree::of(&installation).map_err(|source| failed(Box::new(source)))?;

        let work = Work::begin(&parent).map_err(unwritten)?;
        let place = work.join("package");
        tree.write_to(place.join(TREE).as_std_path(), Existing::Refuse).map_err(|error| match error {
            pyimage_build::TreeError::Write { source, .. } if is_full(&source) => unwritten(source),
            error => failed(Box::new(error)),
        })?;
        let files: Vec<_> = tree
            .files()
            .iter()
            .map(|file| PackageFile {
                path: file.path().to_owned(),
                size: file.size(),
                executable: file.mode() == 0o755,
            })
            .collect();
        let mut list = format!("{file_name}\n");
        for PackageFile { path, size, executable } in &files {
            // Writing to a string cannot fail.
            let _ = writeln!(list, "{} {size} {path}", if *executable { 'x' } else { '-' });
        }
        fs_err::write(place.join(LIST), seal(&list)).map_err(unwritten)?;
        let folder = parent.join(id);
        if folder.exists() {
            // Its list is damaged.
            fs_err::rename(&folder, work.join("damaged")).map_err(unwritten)?;
        }
        put(&place, &folder, || Self::find(cache, id).is_some()).map_err(unwritten)?;
        Ok(Self { id: id.to_owned(), wheel: file_name.to_owned(), tree: folder.join(TREE), files })
    }

    /// Whether all its files are as they were unpacked.
    fn is_whole(&self) -> bool {
        self.files.iter().all(|file| file.is_whole(&self.tree.join(&file.path)))
    }

    /// Removes a package if it is damaged, so that it is unpacked again. Its bytecode may have been compiled from the
    /// damaged files.
    pub(super) fn discard_damaged(cache: &Cache, id: &str) -> Result<(), EnvironmentError> {
        let _held = cache.lock_here(&format!("package-{id}"))?;
        if Self::find(cache, id).is_none_or(|package| package.is_whole()) {
            return Ok(());
        }
        let unwritten = |source| EnvironmentError::Cache(cache.write_error(source));
        for folder in [FOLDER, super::bytecode::FOLDER] {
            // Gone at once for everybody else, then file by file.
            let parent = cache.folder(folder)?;
            let work = Work::begin(&parent).map_err(unwritten)?;
            match fs_err::rename(parent.join(id), work.join("damaged")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritten(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Gives something that was made its name. Where another process was faster, with the same, its result stays.
pub(super) fn put(made: &Utf8Path, name: &Utf8Path, is_there: impl Fn() -> bool) -> io::Result<()> {
    match fs_err::rename(made, name) {
        Err(_) if is_there() => Ok(()),
        renamed => renamed,
    }
}

/// Whether the disk, or the user's share of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn parse_line(line: &str) -> Option<PackageFile> {
    let mut words = line.splitn(3, ' ');
    let executable = match words.next()? {
        "x" => true,
        "-" => false,
        _ => return None,
    };
    let size = words.next()?.parse().ok()?;
    Some(PackageFile { path: words.next()?.to_owned(), size, executable })
}
