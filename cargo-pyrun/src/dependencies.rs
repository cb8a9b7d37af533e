//! What a script needs beside the standard library, and where that is said.

use std::io;
use std::path::{Path, PathBuf};

use pyimage_build::{Pylock, ScriptMetadata};
use sha2::{Digest as _, Sha256};

use crate::fingerprint;

/// Something that says which packages are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// `dependencies` in the metadata of a script (PEP 723).
    Script(PathBuf),
    /// A file: requirements as pip reads them, a `pyproject.toml`, or a `pylock.toml` (PEP 751).
    File(PathBuf),
    /// One requirement, as `--with` takes it: `rich>=13`.
    Requirement(String),
}

/// The packages that a run needs, as they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependencies {
    needs: Vec<Need>,
}

/// A file that says which packages are needed cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`, which says which packages are needed", file.display())]
pub struct UnreadableNeed {
    /// The file.
    pub file: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl Dependencies {
    /// All that was asked for: the script's own metadata first, then files, then single requirements.
    #[must_use]
    pub fn new(needs: Vec<Need>) -> Self {
        Self { needs }
    }

    /// Whether nothing is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// What was asked for, in order.
    #[must_use]
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// The lock that is given instead of requirements, where one is.
    #[must_use]
    pub fn lock(&self) -> Option<&Path> {
        match &self.needs[..] {
            [Need::File(file)] if is_lock(file) => Some(file),
            _ => None,
        }
    }

    /// A word that changes with what is asked for, and with nothing else: no time stamps, so that a checkout or a
    /// copy of the same files needs nothing anew.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn key(&self) -> Result<String, UnreadableNeed> {
        let mut hasher = Sha256::new();
        let mut part = |kind: &str, content: &[u8]| {
            hasher.update(format!("{kind} {}\n", content.len()));
            hasher.update(content);
        };
        for need in &self.needs {
            match need {
                // Of a script only its metadata counts: editing its code changes no package.
                Need::Script(file) => part("script", metadata(&read(file)?).as_bytes()),
                Need::File(file) => {
                    for (name, content) in with_includes(file)? {
                        part(&name, &content);
                    }
                }
                Need::Requirement(text) => part("requirement", text.as_bytes()),
            }
        }
        Ok(fingerprint::hex(&hasher.finalize()[..16]))
    }
}

/// Whether a file is a lock, by the name that PEP 751 gives it.
fn is_lock(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    Pylock::is_file_name(name)
}

/// What of a script decides which packages it gets.
fn metadata(script: &[u8]) -> String {
    let text = String::from_utf8_lossy(script);
    match ScriptMetadata::from_script(&text) {
        Ok(Some(metadata)) => format!("{metadata:?}"),
        _ => String::new(),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, UnreadableNeed> {
    fs_err::read(file)
        .map_err(|error| UnreadableNeed { file: file.to_owned(), source: io::Error::from(error.kind()) })
}

/// A file of requirements and those that it includes by `-r` and `-c`, each once.
fn with_includes(file: &Path) -> Result<Vec<(String, Vec<u8>)>, UnreadableNeed> {
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    let mut left = vec![file.to_owned()];
    while let Some(file) = left.pop() {
        let name = file.display().to_string();
        if found.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let content = read(&file)?;
        let text = String::from_utf8_lossy(&content);
        for line in text.lines() {
            let included = ["-r", "--requirement", "-c", "--constraint"]
                .iter()
                .find_map(|option| line.trim().strip_prefix(option))
                .map(|rest| rest.trim_start_matches(['=', ' ', '\t']).split(" #").next().unwrap_or_default());
            if let Some(included) = included.map(str::trim).filter(|path| !path.contains("://")) {
                left.push(file.parent().unwrap_or(Path::new("")).join(included));
            }
        }
        found.push((name, content));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_changes_with_what_is_asked_for_and_with_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("s.py");
        let requirements = folder.path().join("requirements.txt");
        let base = folder.path().join("base.txt");
        let write = |path: &Path, text: &str| fs_err::write(path, text).unwrap();
        write(&script, "# /// script\n# dependencies = ['rich']\n# ///\nprint(1)\n");
        write(&requirements, "-r base.txt # shared\nidna\n");
        write(&base, "requests\n");
        let key = |extra: &str| {
            let needs = vec![
                Need::Script(script.clone()),
                Need::File(requirements.clone()),
                Need::Requirement(extra.to_owned()),
            ];
            Dependencies::new(needs).key().unwrap()
        };
        let first = key("attrs");
        assert_eq!(key("attrs"), first);
        assert_ne!(key("attr"), first);
        write(&script, "# /// script\n# dependencies = ['rich']\n# ///\nprint(2)\n");
        assert_eq!(key("attrs"), first, "the code needs no other packages");
        write(&base, "requests<3\n");
        let second = key("attrs");
        assert_ne!(second, first, "an included file counts");
        write(&script, "# /// script\n# dependencies = ['rich<14']\n# ///\nprint(2)\n");
        assert_ne!(key("attrs"), second);
        fs_err::remove_file(&base).unwrap();
        let error = Dependencies::new(vec![Need::File(requirements.clone())]).key().unwrap_err();
        assert_eq!(error.file, base);
    }

    #[test]
    fn locks_are_known_by_name() {
        for (name, expected) in [
            ("pylock.toml", true),
            ("pylock.dev.toml", true),
            ("pylock.a.b.toml", false),
            ("pylocktoml", false),
            ("requirements.txt", false),
            ("pyproject.toml", false),
        ] {
            assert_eq!(is_lock(Path::new(name)), expected, "{name}");
        }
    }
}
