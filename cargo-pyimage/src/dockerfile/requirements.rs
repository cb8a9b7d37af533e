//! What pip is given to install: a lock in pip's own words, or the files that ask for packages.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use pyimage_build::{LockedFile, LockedPackage, PackageSource, Pylock, RequirementsFile, RequirementsItem};

use super::{DockerfileError, OURS};

/// A lock of packages as pip reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PinnedRequirements {
    pub(super) text: String,
    /// Each line has one.
    pub(super) has_hashes: bool,
}

impl PinnedRequirements {
    /// The packages of a lock, for all platforms. None where there are none.
    pub(super) fn of(lock: &Pylock, path: &Path) -> Result<Option<Self>, DockerfileError> {
        if lock.packages.is_empty() {
            return Ok(None);
        }
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut text = format!("{OURS} from `{name}`.\n");
        let mut has_hashes = true;
        for package in &lock.packages {
            let line = Line::of(package).map_err(|reason| DockerfileError::Package {
                package: package.to_string(),
                lock: path.to_owned(),
                reason,
            })?;
            has_hashes &= !line.hashes.is_empty();
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{}", line.requirement);
            if let Some(marker) = &package.marker {
                let _ = write!(text, " ; {marker}");
            }
            for hash in &line.hashes {
                let _ = write!(text, " \\\n    --hash={hash}");
            }
            text.push('\n');
        }
        Ok(Some(Self { text, has_hashes }))
    }
}

struct Line {
    requirement: String,
    hashes: BTreeSet<String>,
}

impl Line {
    fn of(package: &LockedPackage) -> Result<Self, &'static str> {
        let marker = package.marker.as_ref().map(ToString::to_string).unwrap_or_default();
        if marker.contains("extras") || marker.contains("dependency_groups") {
            return Err("it is for an extra or a group, which pip knows no marker for");
        }
        match &package.source {
            PackageSource::Release { wheels, sdist } => {
                let version = package.version.as_deref().ok_or("it has no version")?;
                let files = wheels.iter().map(|wheel| &wheel.file).chain(sdist);
                Ok(Self {
                    requirement: format!("{}=={version}", package.name),
                    hashes: files.filter_map(hash).collect(),
                })
            }
            PackageSource::Archive { file: LockedFile { url: None, .. }, .. } => {
                Err("it is a file of this machine")
            }
            PackageSource::Archive { file, subdirectory } => {
                let url = file.url.as_deref().unwrap_or_default();
                let folder = subdirectory.as_ref().map(|folder| format!("#subdirectory={folder}"));
                let folder = folder.unwrap_or_default();
                Ok(Self {
                    requirement: format!("{} @ {url}{folder}", package.name),
                    hashes: hash(file).into_iter().collect(),
                })
            }
            PackageSource::Vcs(_) => {
                Err("it comes from a repository, and the official slim images have no `git`")
            }
            PackageSource::Directory(_) => Err("it is a folder of this machine"),
            _ => Err("where it comes from is not known"),
        }
    }
}

fn hash(file: &LockedFile) -> Option<String> {
    file.digest().map(|digest| digest.to_string())
}

/// The files that ask for packages, and what they include, as paths below `folder`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RequirementFiles {
    pub(super) named: Vec<String>,
    pub(super) all: Vec<String>,
    /// They ask for anything at all.
    pub(super) is_needed: bool,
}

impl RequirementFiles {
    pub(super) fn read(files: &[PathBuf], folder: &Path) -> Result<Self, DockerfileError> {
        let mut found = Self::default();
        for file in files {
            let is_for_pip =
                !file.extension().is_some_and(|end| end == "toml" || end == "py" || end == "lock");
            if !is_for_pip {
                return Err(DockerfileError::NotForPip { file: file.clone() });
            }
            let name = found.add(file, folder)?;
            found.named.push(name);
        }
        Ok(found)
    }

    fn add(&mut self, file: &Path, folder: &Path) -> Result<String, DockerfileError> {
        let outside = || DockerfileError::Outside { file: file.to_owned(), folder: folder.to_owned() };
        let inner = without_dots(file).ok_or_else(outside)?;
        let inner = inner.strip_prefix(folder).map_err(|_| outside())?;
        let name = inner.to_str().ok_or_else(outside)?.replace('\\', "/");
        if self.all.contains(&name) {
            return Ok(name);
        }
        self.all.push(name.clone());
        let text = fs_err::read_to_string(file)
            .map_err(|source| DockerfileError::Unreadable { file: file.to_owned(), source })?;
        let parsed = RequirementsFile::parse(&text)
            .map_err(|source| DockerfileError::Requirements { file: file.to_owned(), source })?;
        self.is_needed |= parsed.entries.iter().any(|entry| {
            matches!(
                entry.item,
                RequirementsItem::Requirement { .. }
                    | RequirementsItem::Unnamed { .. }
                    | RequirementsItem::Editable(_)
            )
        });
        for included in parsed.includes().filter(|included| !included.contains("://")) {
            self.add(&file.parent().unwrap_or(folder).join(included), folder)?;
        }
        Ok(name)
    }
}

/// The path without `.` and `..`; none where it leads above where it starts.
fn without_dots(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            part => out.push(part),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(packages: &str) -> Result<Option<PinnedRequirements>, DockerfileError> {
        let text = format!("lock-version = '1.0'\ncreated-by = 'me'\n{packages}");
        PinnedRequirements::of(&Pylock::parse(&text).unwrap(), Path::new("/p/pylock.toml"))
    }

    #[test]
    fn a_lock_in_pip_s_words() {
        let digest = "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274";
        let other = digest.replace('4', "5");
        let lock = format!(
            "[[packages]]\nname = 'six'\nversion = '1.17.0'\nmarker = \"sys_platform == 'linux'\"\n\
             wheels = [{{ url = 'https://f.example/six-1.17.0-py2.py3-none-any.whl', hashes = {{ sha256 = '{digest}' }} }}]\n\
             sdist = {{ url = 'https://f.example/six-1.17.0.tar.gz', hashes = {{ sha256 = '{other}' }} }}\n\
             [[packages]]\nname = 'own'\narchive = {{ url = 'https://f.example/own.zip', hashes = {{ sha256 = '{digest}' }} }}\n"
        );
        let pinned = pinned(&lock).unwrap().unwrap();
        let expected = format!(
            "# Written by `cargo pyimage dockerfile` from `pylock.toml`.\nsix==1.17.0 ; sys_platform == \"linux\" \\\n    \
             --hash=sha256:{digest} \\\n    --hash=sha256:{other}\nown @ https://f.example/own.zip \\\n    --hash=sha256:{digest}\n"
        );
        assert_eq!((pinned.text.as_str(), pinned.has_hashes), (&*expected, true));
        assert!(RequirementsFile::parse(&pinned.text).is_ok());
    }

    #[test]
    fn what_pip_cannot_be_told_is() {
        assert_eq!(pinned("packages = []\n").unwrap(), None);
        let error = pinned("[[packages]]\nname = 'a'\ndirectory = { path = 'a' }\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a` of `/p/pylock.toml` cannot be in a Dockerfile: it is a folder of this machine"
        );
    }

    #[test]
    fn files_are_found_with_what_they_include() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write("p/requirements.txt", "-r more/a.txt\n-c more/a.txt\n");
        write("p/more/a.txt", "-r ../b.txt\n");
        write("p/b.txt", "six\n");
        let read = |name: &str| RequirementFiles::read(&[folder.path().join(name)], &folder.path().join("p"));
        let found = read("p/requirements.txt").unwrap();
        assert_eq!(found.all, ["requirements.txt", "more/a.txt", "b.txt"]);
        assert_eq!((found.named, found.is_needed), (vec!["requirements.txt".to_owned()], true));
        write("p/b.txt", "# nothing\n");
        assert!(!read("p/requirements.txt").unwrap().is_needed);
        write("p/b.txt", "-r ../../etc/x.txt\n");
        assert!(read("p/requirements.txt").unwrap_err().to_string().contains("out of a Dockerfile's reach"));
        assert!(matches!(read("p/pyproject.toml"), Err(DockerfileError::NotForPip { .. })));
    }
}
