//! Sources of packages, of which wheels are built.

use std::io;
use std::path::{Path, PathBuf};

use pyimage_build::{Choice, Libc, LockedFile, LockedVcs, Target, WheelOffer};
use sha2::{Digest as _, Sha256};

use super::EnvironmentError;
use super::build_image::BuildImage;
use crate::fingerprint;

/// Folders that are made by building or by tools, and are no source.
const MADE: [&str; 8] =
    [".git", "__pycache__", "build", ".venv", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache"];

/// A package of which a wheel is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Name and version: `uwsgi 2.0.31`.
    pub(super) package: String,
    pub(super) origin: Origin,
    /// For what there are wheels, where it is a release.
    pub(super) offer: Option<WheelOffer>,
    /// The name of the wheel's folder in the cache.
    pub(super) key: String,
    /// The same for a wheel that turns out to be for any platform.
    pub(super) pure_key: String,
}

/// Changes whenever the same sources would be built into another wheel.
const FORMAT: u32 = 4;

/// Where sources come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file of an index, or of a URL.
    File { file: LockedFile, subdirectory: Option<String> },
    /// A folder of this machine.
    Folder { path: PathBuf, subdirectory: Option<String> },
    /// A commit.
    Repository(LockedVcs),
}

impl Origin {
    /// The sources that were chosen; none where it is a wheel. Paths start in a folder, that of the lock.
    pub(super) fn of(choice: Choice<'_>, folder: &Path) -> Option<Self> {
        let place = |path: &str| folder.join(path);
        let file = |file: &LockedFile| {
            let path = file.path.as_deref().map(|path| place(path).to_string_lossy().into_owned());
            LockedFile { path, ..file.clone() }
        };
        Some(match choice {
            Choice::Sdist(sdist) => Self::File { file: file(sdist), subdirectory: None },
            Choice::Archive { subdirectory: None, file } if is_wheel(file) => return None,
            Choice::Archive { file: archive, subdirectory } => {
                Self::File { file: file(archive), subdirectory: subdirectory.map(str::to_owned) }
            }
            Choice::Directory(directory) => {
                Self::Folder { path: place(&directory.path), subdirectory: directory.subdirectory.clone() }
            }
            Choice::Vcs(vcs) => Self::Repository(vcs.clone()),
            _ => return None,
        })
    }
}

/// Whether a file is a wheel, by its name.
pub(super) fn is_wheel(file: &LockedFile) -> bool {
    Path::new(&file.file_name).extension().is_some_and(|end| end == "whl")
}

impl Source {
    pub(super) fn new(
        package: String,
        origin: Origin,
        offer: Option<WheelOffer>,
        target: &Target,
        image: &BuildImage,
    ) -> Result<Self, EnvironmentError> {
        let identity = match &origin {
            Origin::File { file, subdirectory } => {
                let digest = file.digest();
                let digest =
                    digest.ok_or_else(|| EnvironmentError::NoDigest { package: file.file_name.clone() })?;
                format!("{digest} {subdirectory:?}")
            }
            Origin::Folder { path, subdirectory } => {
                let unread = |error: io::Error| EnvironmentError::UnreadableSource {
                    package: package.clone(),
                    folder: path.clone(),
                    source: io::Error::from(error.kind()),
                };
                format!("{} {subdirectory:?}", content(path).map_err(unread)?)
            }
            Origin::Repository(vcs) => format!("{vcs:?}"),
        };
        let (major, minor) = (target.python().major(), target.python().minor().unwrap_or_default());
        let (platform, libc) = (target.platform(), target.libc());
        let text = format!("{FORMAT} {identity} {major}.{minor} {platform} {libc} {}", image.name);
        let pure_key = fingerprint::short(&format!("{FORMAT} {identity} {major}.{minor} any"));
        Ok(Self { package, origin, offer, key: fingerprint::short(&text), pure_key })
    }

    /// Whether there are wheels of it for this platform, and only with glibc.
    pub(super) fn is_for_glibc(&self, target: &Target) -> bool {
        let oldest = |libc| self.offer.as_ref().and_then(|offer| offer.oldest(target.platform(), libc));
        target.libc().libc == Libc::Musl && oldest(Libc::Glibc).is_some()
    }
}

/// The files of a source folder below it, sorted, without what building leaves there.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut left = vec![PathBuf::new()];
    while let Some(below) = left.pop() {
        for entry in fs_err::read_dir(folder.join(&below))? {
            let entry = entry?;
            let name = entry.file_name();
            let path = below.join(&name);
            let text = name.to_string_lossy();
            // A link to a folder could lead in circles, or out.
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !MADE.contains(&&*text) && !text.ends_with(".egg-info") {
                    left.push(path);
                }
            } else if kind.is_file() || folder.join(&path).is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A word for the content of a source folder.
fn content(folder: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    for path in files(folder)? {
        let bytes = fs_err::read(folder.join(&path))?;
        hasher.update(format!("{} {}\n", path.display(), bytes.len()));
        hasher.update(bytes);
    }
    Ok(format!("folder {}", fingerprint::hex(&hasher.finalize()[..16])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_s_content_counts_and_what_building_leaves_there_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write("pyproject.toml", "");
        write("src/a.py", "1");
        let first = content(folder.path()).unwrap();
        for made in ["build/lib/a.py", "src/a.egg-info/PKG-INFO", "src/__pycache__/a.pyc", ".git/HEAD"] {
            write(made, "x");
        }
        assert_eq!(content(folder.path()).unwrap(), first);
        write("src/a.py", "2");
        let second = content(folder.path()).unwrap();
        assert_ne!(second, first);
        write("src/b.py", "");
        assert_ne!(content(folder.path()).unwrap(), second);
    }
}
