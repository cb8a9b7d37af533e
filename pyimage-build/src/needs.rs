//! What says which packages are needed, and what a lock keeps of it to tell when it is stale.
//!
//! It is hidden from the documentation: it is shared with `cargo pyrun` and `cargo pyimage`, and may change with any release.

mod input;
mod record;

use std::io;
use std::path::{Path, PathBuf};

use crate::{PackageSettings, ScriptMetadata};

pub use input::{Input, UnreadableNeed, plain, relative, with_includes};
pub use record::Record;

/// Something that says which packages are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// `dependencies` in the metadata of a script (PEP 723).
    Script(PathBuf),
    /// The same of a script that came from stdin: its text.
    Stdin(String),
    /// A file: requirements as pip reads them, or a `pyproject.toml`.
    File(PathBuf),
    /// One requirement, as `--with` takes it: `rich>=13`.
    Requirement(String),
}

impl Need {
    /// What a file is that was named: the metadata of a script can be asked for too.
    #[must_use]
    pub fn of_file(file: &Path) -> Self {
        let is_script = file.extension().is_some_and(|end| end == "py");
        if is_script { Self::Script(file.to_owned()) } else { Self::File(file.to_owned()) }
    }

    /// What it is made of, by content. `folder` is where paths in requirements start.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn inputs(&self, folder: &Path) -> Result<Vec<Input>, UnreadableNeed> {
        input::of(self, folder)
    }

    /// The metadata of a script that is needed for them.
    ///
    /// # Errors
    /// Where the script cannot be read.
    pub fn metadata(&self) -> Result<Option<ScriptMetadata>, UnreadableNeed> {
        let read = |text: &str| ScriptMetadata::from_script(text).ok().flatten();
        match self {
            Self::Script(file) => Ok(read(&String::from_utf8_lossy(&input::read(file)?))),
            Self::Stdin(text) => Ok(read(text)),
            Self::File(_) | Self::Requirement(_) => Ok(None),
        }
    }
}

/// The nearest `pyproject.toml`, up to the root of the repository or the caller's home.
#[must_use]
pub fn project_above(start: &Path, home: Option<&Path>) -> Option<PathBuf> {
    for folder in start.ancestors() {
        let file = folder.join("pyproject.toml");
        if file.is_file() {
            return Some(file);
        }
        if Some(folder) == home || folder.join(".git").exists() {
            break;
        }
    }
    None
}

/// Whether a lock of packages is what an image asks for.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    /// What has changed since it was written, in words.
    pub(crate) changes: Vec<String>,
    /// The files that say so.
    pub(crate) files: Vec<PathBuf>,
}

impl Freshness {
    /// Of a lock with this text. `root` is where paths in requirements start.
    ///
    /// Nothing is said of a lock that was written by another tool, nor where a file that it was made from is not there:
    /// a package that is published may have its lock alone.
    ///
    /// # Errors
    /// Where a file is there and cannot be read.
    pub(crate) fn of(settings: &PackageSettings, text: &str, root: &Path) -> Result<Self, UnreadableNeed> {
        let mut found = Self::default();
        let PackageSettings { requirements, groups, extras, lock, .. } = settings;
        let Some(was) = Record::find(text).filter(|_| !requirements.is_empty() || !groups.is_empty()) else {
            return Ok(found);
        };
        let here = lock.parent().unwrap_or(root);
        // As `cargo pyimage lock` names them.
        let here = here.canonicalize().unwrap_or_else(|_| here.to_owned());
        let mut needs = Vec::new();
        for file in requirements {
            match root.join(file).canonicalize() {
                Ok(file) => needs.push(Need::of_file(&file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
                Err(source) => return Err(UnreadableNeed { file: file.clone(), source }),
            }
        }
        if !groups.is_empty() || !extras.is_empty() {
            let named = needs.iter().find_map(|need| match need {
                Need::File(file) if file.ends_with("pyproject.toml") => Some(file.clone()),
                _ => None,
            });
            let Some(project) = named.or_else(|| project_above(&here, None)) else { return Ok(found) };
            needs.push(Need::File(project));
        }
        let mut inputs = Vec::new();
        for need in &needs {
            match need.inputs(root) {
                Ok(its) => inputs.extend(its),
                Err(error) if error.source.kind() == io::ErrorKind::NotFound => return Ok(found),
                Err(error) => return Err(error),
            }
        }
        found.files = inputs.iter().filter_map(|input| input.file.clone()).collect();
        let now = Record {
            python: was.python,
            groups: groups.clone(),
            extras: extras.clone(),
            inputs: inputs.into_iter().map(|input| (input.name_from(&here), input.hash)).collect(),
        };
        found.changes = was.changes(&now);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_as_fresh_as_what_it_was_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let write = |name: &str, text: &str| fs_err::write(root.join(name), text).unwrap();
        write("requirements.txt", "-r more.txt\nsix\n");
        write("more.txt", "idna\n");
        write("pyproject.toml", "[dependency-groups]\ndev = ['six']\n");
        let settings = PackageSettings {
            requirements: vec![root.join("requirements.txt")],
            lock: root.join("pylock.toml"),
            ..PackageSettings::default()
        };
        let empty = Record { python: (3, 13), groups: vec![], extras: vec![], inputs: [].into() };
        let fresh = |settings: &PackageSettings, text: &str| Freshness::of(settings, text, &root).unwrap();
        let found = fresh(&settings, &empty.text());
        assert_eq!(found.changes, ["`more.txt` is new", "`requirements.txt` is new"]);
        assert_eq!(found.files, [root.join("requirements.txt"), root.join("more.txt")]);

        let inputs = Need::of_file(&root.join("requirements.txt")).inputs(&root).unwrap();
        let inputs = inputs.into_iter().map(|input| (input.name_from(&root), input.hash)).collect();
        let text = Record { inputs, ..empty }.text();
        assert_eq!(fresh(&settings, &text).changes, [""; 0]);
        write("more.txt", "idna>=3\n");
        assert_eq!(fresh(&settings, &text).changes, ["`more.txt` has changed"]);
        let grouped = PackageSettings { groups: vec!["dev".to_owned()], ..settings.clone() };
        assert!(fresh(&grouped, &text).changes.contains(&"group `dev` is not in it".to_owned()));

        assert_eq!(fresh(&settings, "lock-version = '1.0'\n").changes, [""; 0], "another tool's");
        fs_err::remove_file(root.join("more.txt")).unwrap();
        assert_eq!(fresh(&settings, &text).changes, [""; 0], "nothing to hold it against");
    }
}
