//! The files of several packages in one folder, as hard links.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::{Utf8Path, Utf8PathBuf};

use super::package::{Package, PackageFile, unpacked};

/// A path that two packages have, with different content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Overlap {
    pub(super) path: String,
    /// The wheel whose file is not in the environment.
    pub(super) replaced: String,
    /// The wheel whose file is.
    pub(super) taken: String,
}

/// Which file of which package is at each path. Where two have the same, the later one's is taken, as with pip.
#[derive(Debug)]
pub(super) struct Layout<'p> {
    files: Vec<(&'p Package, &'p PackageFile)>,
    pub(super) overlaps: Vec<Overlap>,
}

/// Why packages cannot be put together.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// A file is not as it was unpacked: somebody wrote to it, or the disk was full.
    #[error("the package `{id}` in the cache is damaged")]
    Damaged { id: String },
    /// One has a file where another has a folder.
    #[error("`{path}` is a file in `{file_of}`, and a folder in another package")]
    FileAndFolder { path: String, file_of: String },
    /// A file cannot be written.
    #[error("cannot write `{path}`")]
    Write { path: Utf8PathBuf, source: io::Error },
}

impl<'p> Layout<'p> {
    pub(super) fn of(packages: &'p [Package]) -> Result<Self, LinkError> {
        let count = packages.iter().map(|package| package.files.len()).sum();
        let mut taken: HashMap<&str, (&Package, &PackageFile)> = HashMap::with_capacity(count);
        let mut overlaps = Vec::new();
        for package in packages {
            for file in &package.files {
                let Some((other, replaced)) = taken.insert(&file.path, (package, file)) else { continue };
                if !is_same((other, replaced), (package, file)) {
                    overlaps.push(Overlap {
                        path: file.path.clone(),
                        replaced: other.wheel.clone(),
                        taken: package.wheel.clone(),
                    });
                }
            }
        }
        let mut files: Vec<_> = taken.into_values().collect();
        files.sort_unstable_by(|(_, one), (_, other)| one.path.cmp(&other.path));
        overlaps.sort_by(|one, other| one.path.cmp(&other.path));
        let layout = Self { files, overlaps };
        let folders = layout.folders();
        if let Some((package, file)) =
            layout.files.iter().find(|(_, file)| folders.contains(file.path.as_str()))
        {
            return Err(LinkError::FileAndFolder { path: file.path.clone(), file_of: package.wheel.clone() });
        }
        Ok(layout)
    }

    /// All folders, each after the one that it is in.
    fn folders(&self) -> BTreeSet<&'p str> {
        let mut folders = BTreeSet::new();
        for (_, file) in &self.files {
            let mut path = file.path.as_str();
            while let Some((folder, _)) = path.rsplit_once('/') {
                if !folders.insert(folder) {
                    break;
                }
                path = folder;
            }
        }
        folders
    }

    /// Links all files below a folder, which must be there and empty.
    pub(super) fn link_to(&self, folder: &Utf8Path) -> Result<(), LinkError> {
        create_folders(folder, &self.folders())?;
        let siblings: Vec<_> = self
            .files
            .chunk_by(|(package, file), (other, next)| {
                package.id == other.id && parent(&file.path) == parent(&next.path)
            })
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let next = AtomicUsize::new(0);
        let work = || -> Result<(), LinkError> {
            while let Some(files) = siblings.get(next.fetch_add(1, Ordering::Relaxed)) {
                link_siblings(files, folder)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..cores).map(|_| scope.spawn(work)).collect();
            let own = work();
            let joined = helpers
                .into_iter()
                .map(|helper| helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.fold(own, Result::and)
        })
    }

    /// Links of folders and files, below a prefix, that together stand for the bytecode of all modules: a folder
    /// that is one package's alone is one link. Pairs of a path and the path in the package's own bytecode.
    pub(super) fn bytecode(&self, site_packages: &str, tag: &str) -> Vec<(String, &'p Package)> {
        // Whose a folder is, if it is one package's alone.
        let mut owners: HashMap<&str, Option<&str>> = HashMap::new();
        let modules: Vec<_> = self.files.iter().filter(|(_, file)| file.is_module(site_packages)).collect();
        for (package, file) in &modules {
            let mut path = file.path.as_str();
            while let Some((folder, _)) = path.rsplit_once('/') {
                let owner = owners.entry(folder).or_insert(Some(&package.id));
                if *owner != Some(&package.id) {
                    *owner = None;
                }
                path = folder;
            }
        }
        owners.insert(site_packages, None);
        let mut links = Vec::new();
        let mut seen = HashSet::new();
        for (package, file) in modules {
            let mut whole = None;
            let mut path = file.path.as_str();
            while let Some((folder, _)) = path.rsplit_once('/') {
                match owners.get(folder) {
                    Some(Some(_)) if folder.len() > site_packages.len() => whole = Some(folder),
                    _ => break,
                }
                path = folder;
            }
            match whole {
                Some(folder) if seen.insert(folder) => links.push((folder.to_owned(), *package)),
                Some(_) => {}
                None => links.push((bytecode_name(&file.path, tag), *package)),
            }
        }
        links
    }
}

/// The name that the bytecode of a module has below `PYTHONPYCACHEPREFIX`.
pub(super) fn bytecode_name(module: &str, tag: &str) -> String {
    format!("{}.{tag}.pyc", module.strip_suffix(".py").unwrap_or(module))
}

fn is_same((one_of, one): (&Package, &PackageFile), (other_of, other): (&Package, &PackageFile)) -> bool {
    let content = |package: &Package, file: &PackageFile| fs_err::read(package.tree.join(&file.path)).ok();
    one.size == other.size
        && one.executable == other.executable
        && content(one_of, one) == content(other_of, other)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Links files that are in one folder of one package. By open folders: the kernel walks no path for each file.
#[cfg(unix)]
fn link_siblings(files: &[(&Package, &PackageFile)], folder: &Utf8Path) -> Result<(), LinkError> {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};

    let Some((package, first)) = files.first() else { return Ok(()) };
    let damaged = || LinkError::Damaged { id: package.id.clone() };
    let (from, to) = (package.tree.join(parent(&first.path)), folder.join(parent(&first.path)));
    let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
    let source = openat(CWD, from.as_std_path(), flags, Mode::empty()).map_err(|_| damaged())?;
    let target = openat(CWD, to.as_std_path(), flags, Mode::empty())
        .map_err(|error| LinkError::Write { path: to.clone(), source: error.into() })?;
    for (_, file) in files {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        if !file.is_whole_in(&source, name) {
            return Err(damaged());
        }
        // Another disk, too many links, no links at all: a copy does too. Its own error is the one to tell.
        if linkat(&source, name, &target, name, AtFlags::empty()).is_err() {
            copy(&from.join(name), &to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn link_siblings(files: &[(&Package, &PackageFile)], folder: &Utf8Path) -> Result<(), LinkError> {
    for (package, file) in files {
        let (source, path) = (package.tree.join(&file.path), folder.join(&file.path));
        if !file.is_whole(&source) {
            return Err(LinkError::Damaged { id: package.id.clone() });
        }
        if fs_err::hard_link(&source, &path).is_err() {
            copy(&source, &path)?;
        }
    }
    Ok(())
}

fn copy(source: &Utf8Path, path: &Utf8Path) -> Result<(), LinkError> {
    let copied = fs_err::copy(source, path)
        .and_then(|_| fs_err::File::open(path))
        .and_then(|copy| copy.file().set_modified(unpacked()));
    copied.map_err(|source| LinkError::Write { path: path.to_owned(), source })
}

/// Makes folders that everybody may read, whatever the umask.
fn create_folders(root: &Utf8Path, names: &BTreeSet<&str>) -> Result<(), LinkError> {
    for name in names {
        let path = root.join(name);
        create_folder(&path).map_err(|source| LinkError::Write { path, source })?;
    }
    Ok(())
}

#[cfg(unix)]
fn create_folder(path: &Utf8Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    fs_err::create_dir(path)?;
    if fs_err::metadata(path)?.permissions().mode() & 0o777 != 0o755 {
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn create_folder(path: &Utf8Path) -> io::Result<()> {
    fs_err::create_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(id: &str, paths: &[&str]) -> Package {
        let file = |path: &&str| PackageFile { path: (*path).to_owned(), size: 0, executable: false };
        Package {
            id: id.to_owned(),
            wheel: format!("{id}.whl"),
            tree: Utf8PathBuf::from("/none"),
            files: paths.iter().map(file).collect(),
        }
    }

    #[test]
    fn bytecode_is_linked_by_whole_folders_where_they_are_one_package_s() {
        let packages = [
            package("rich", &["bin/rich", "s/rich/__init__.py", "s/rich/a/b.py", "s/rich/data.txt"]),
            package("six", &["s/six.py", "s/six-1.dist-info/RECORD"]),
            package("google-auth", &["s/google/auth/__init__.py", "s/google/auth/x/y.py"]),
            package("google-api", &["s/google/api/z.py", "s/google/top.py"]),
        ];
        let layout = Layout::of(&packages).unwrap();
        let links: Vec<_> = layout
            .bytecode("s", "cpython-313")
            .into_iter()
            .map(|(path, of)| (path, of.id.as_str().to_owned()))
            .collect();
        let expected = [
            ("s/google/api", "google-api"),
            ("s/google/auth", "google-auth"),
            ("s/google/top.cpython-313.pyc", "google-api"),
            ("s/rich", "rich"),
            ("s/six.cpython-313.pyc", "six"),
        ];
        assert_eq!(links, expected.map(|(path, of)| (path.to_owned(), of.to_owned())));
    }

    #[test]
    fn a_file_and_a_folder_of_one_path_are_refused() {
        let packages = [package("one", &["s/a"]), package("two", &["s/a/b"])];
        let error = Layout::of(&packages).unwrap_err();
        assert_eq!(error.to_string(), "`s/a` is a file in `one.whl`, and a folder in another package");
    }
}
