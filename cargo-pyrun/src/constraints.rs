//! Which Python is asked for where nobody names a tag: by the script, by `.python-version`, by `pyproject.toml`.
//!
//! The two files are the nearest above the script, as for uv. The search ends at the root of the repository, in the
//! caller's home, or at the top: what lies above is about something else. It costs three lookups a folder.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use memchr::memmem;
use pyimage_build::{
    Constraint, PythonVersionFile, PythonVersionFileError, RequiresPython, RequiresPythonError,
    ScriptMetadata, ScriptMetadataError, nearest, unclosed_script_block,
};
use serde::Deserialize;

use crate::dependencies::Need;

/// Why it cannot be told which Python is asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConstraintError {
    /// A file is there and cannot be read.
    #[error("cannot read `{file}`, which may say which Python to use")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The metadata in the script's comment is malformed.
    #[error("cannot read the metadata of script `{file}`")]
    Script {
        /// The script.
        file: String,
        /// The reason.
        source: ScriptMetadataError,
    },
    /// A block of metadata in the script has no end.
    #[error("the `# /// script` block at {place} has no closing line `# ///`")]
    Unclosed {
        /// The file, and the line where it begins.
        place: String,
    },
    /// A `.python-version` asks for something that cannot be had.
    #[error("cannot use `{file}`")]
    VersionFile {
        /// The file.
        file: String,
        /// The reason.
        source: PythonVersionFileError,
    },
    /// A `pyproject.toml` is malformed.
    #[error("cannot read `{file}`")]
    Project {
        /// The file.
        file: String,
        /// The reason.
        source: Box<toml::de::Error>,
    },
    /// `requires-python` of a `pyproject.toml` is malformed.
    #[error("`project.requires-python` in `{file}` is malformed")]
    RequiresPython {
        /// The file.
        file: String,
        /// The reason.
        source: RequiresPythonError,
    },
}

impl ConstraintError {
    /// What to do about it, one line each.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let specifiers = match self {
            Self::RequiresPython { source, .. }
            | Self::Script { source: ScriptMetadataError::RequiresPython(source), .. }
            | Self::VersionFile { source: PythonVersionFileError::Specifiers(source), .. } => Some(source),
            _ => None,
        };
        let meant = specifiers.and_then(|error| error.suggestion.as_ref());
        let meant = meant.map(|suggestion| format!("did you mean `{suggestion}`?"));
        let otherwise = match self {
            // It may ask for packages too, without which the script would fail later.
            Self::Script { .. } => None,
            Self::Unclosed { .. } => {
                Some("each line of it, an empty one too, starts with `#`; the last is `# ///`".to_owned())
            }
            _ => Some("to run without asking it, choose with `--tag`".to_owned()),
        };
        meant.into_iter().chain(otherwise).collect()
    }
}

/// Where a script is.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// There is none.
    None,
    /// In this file.
    File(&'a Path),
    /// It came from stdin; its text.
    Stdin(&'a [u8]),
}

/// What a script says about itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OfScript {
    /// The Python that it asks for.
    pub wish: Option<Constraint>,
    /// Whether it needs packages.
    pub has_dependencies: bool,
    /// The keys that are probably misspelt.
    pub slips: Vec<Slip>,
}

/// A key of a script's metadata that means nothing, and is near to one that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// The script.
    pub file: String,
    /// The key.
    pub key: String,
    /// The one that was probably meant.
    pub meant: &'static str,
}

/// What a script's own metadata asks for. `here` is the folder that paths are told from.
///
/// # Errors
/// Where the metadata is malformed, or has no end: the standard has such a block ignored, and whoever wrote it meant it.
pub fn of_script(script: Source<'_>, here: &Path) -> Result<OfScript, ConstraintError> {
    let (content, file) = match script {
        Source::None => return Ok(OfScript::default()),
        Source::Stdin(text) => (Some(Cow::Borrowed(text)), "stdin".to_owned()),
        // An archive of modules can be large, and its comments are compressed.
        Source::File(file)
            if file.extension().is_some_and(|name| name == "pyz" || name == "pyzw" || name == "zip") =>
        {
            return Ok(OfScript::default());
        }
        Source::File(file) => (read(file, here)?.map(Cow::Owned), shown(file, here)),
    };
    let Some(content) = content.filter(|content| memmem::find(content, b"# /// script").is_some()) else {
        return Ok(OfScript::default());
    };
    // Whatever the encoding, the block is found by its ASCII.
    let text = String::from_utf8_lossy(&content);
    let metadata = ScriptMetadata::from_script(&text)
        .map_err(|source| ConstraintError::Script { file: file.clone(), source })?;
    if let Some(line) = unclosed_script_block(&text) {
        return Err(ConstraintError::Unclosed { place: format!("{file}:{line}") });
    }
    // The specification lets nobody refuse them.
    let others = metadata.iter().flat_map(|metadata| &metadata.others);
    let slips = others.filter_map(|key| {
        let meant = *nearest(key, ["requires-python", "dependencies", "tool"]).first()?;
        Some(Slip { file: file.clone(), key: key.clone(), meant })
    });
    let slips = slips.collect();
    let has_dependencies = metadata.as_ref().is_some_and(|metadata| !metadata.dependencies.is_empty());
    let requires = metadata.and_then(|metadata| metadata.requires_python).filter(asks_for_something);
    let wish =
        requires.map(|requires| Constraint::new(format!("requires-python `{requires}` of {file}"), requires));
    Ok(OfScript { wish, has_dependencies, slips })
}

/// The packages that a script's own metadata asks for.
///
/// # Errors
/// Where the metadata is malformed.
pub fn need_of_script(script: Source<'_>, here: &Path) -> Result<Option<Need>, ConstraintError> {
    let has_dependencies = of_script(script, here)?.has_dependencies;
    Ok(match script {
        Source::File(file) if has_dependencies => Some(Need::Script(file.to_owned())),
        Source::Stdin(text) if has_dependencies => {
            Some(Need::Stdin(String::from_utf8_lossy(text).into_owned()))
        }
        _ => None,
    })
}

/// What the nearest `.python-version` and the nearest `pyproject.toml` ask for, from the folder `start` upwards.
///
/// # Errors
/// Where one of them is malformed or cannot be read.
pub fn above(start: &Path, here: &Path, home: Option<&Path>) -> Result<Vec<Constraint>, ConstraintError> {
    let (mut version, mut project) = (None, None);
    for folder in start.ancestors() {
        if version.is_none() {
            let path = folder.join(".python-version");
            version = read(&path, here)?.map(|content| (path, content));
        }
        if project.is_none() {
            let path = folder.join("pyproject.toml");
            project = read(&path, here)?.map(|content| (path, content));
        }
        let all = version.is_some() && project.is_some();
        if all || Some(folder) == home || folder.join(".git").exists() {
            break;
        }
    }
    let version = version.map(|(path, content)| version_file(&content, shown(&path, here))).transpose()?;
    let project = project.map(|(path, content)| requires_python(&content, shown(&path, here))).transpose()?;
    Ok(version.flatten().into_iter().chain(project.flatten()).collect())
}

fn version_file(content: &[u8], file: String) -> Result<Option<Constraint>, ConstraintError> {
    match PythonVersionFile::parse(&String::from_utf8_lossy(content)) {
        Ok(found) => Ok(found.map(|found| Constraint::new(format!("`{found}` in {file}"), found))),
        Err(source) => Err(ConstraintError::VersionFile { file, source }),
    }
}

fn requires_python(content: &[u8], file: String) -> Result<Option<Constraint>, ConstraintError> {
    #[derive(Deserialize)]
    struct File {
        project: Option<Project>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Project {
        requires_python: Option<String>,
    }
    // Most of what such a file says is not about us, and not worth the time to parse.
    if memmem::find(content, b"requires-python").is_none() {
        return Ok(None);
    }
    let parsed: File = toml::from_slice(content)
        .map_err(|source| ConstraintError::Project { file: file.clone(), source: Box::new(source) })?;
    let Some(text) = parsed.project.and_then(|project| project.requires_python) else { return Ok(None) };
    match text.parse::<RequiresPython>() {
        Ok(requires) => Ok(Some(requires)
            .filter(asks_for_something)
            .map(|requires| Constraint::new(format!("requires-python `{requires}` in {file}"), requires))),
        Err(source) => Err(ConstraintError::RequiresPython { file, source }),
    }
}

/// An empty set of specifiers is satisfied by any Python, and gives no reason for one.
fn asks_for_something(requires: &RequiresPython) -> bool {
    requires.as_str().contains(|letter: char| letter != ',' && !letter.is_whitespace())
}

/// The file's content, if there is such a file.
fn read(path: &Path, here: &Path) -> Result<Option<Vec<u8>>, ConstraintError> {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    match fs_err::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | IsADirectory) => Ok(None),
        Err(source) => Err(ConstraintError::Unreadable { file: shown(path, here), source }),
    }
}

/// The path as one would type it.
fn shown(path: &Path, here: &Path) -> String {
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    struct Tree(TempDir);

    impl Tree {
        fn new(files: &[(&str, &str)]) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            for (name, content) in files {
                let path = tree.path(name);
                fs_err::create_dir_all(path.parent().unwrap()).unwrap();
                fs_err::write(path, content).unwrap();
            }
            tree
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.0.path().join(name)
        }

        /// What is asked for above `start`, told from the tree's top, which is nobody's home.
        fn above(&self, start: &str) -> Vec<String> {
            self.above_in(start, "none")
        }

        fn above_in(&self, start: &str, home: &str) -> Vec<String> {
            let found = above(&self.path(start), self.0.path(), Some(&self.path(home)));
            found.unwrap_or_else(|error| panic!("{error}")).into_iter().map(|found| found.source).collect()
        }

        fn error(&self, start: &str) -> ConstraintError {
            above(&self.path(start), self.0.path(), None).unwrap_err()
        }
    }

    const PROJECT: &str = "[project]\nname = 'x'\nrequires-python = '>=3.11'\n";

    #[test]
    fn the_nearest_of_each_counts() {
        let tree = Tree::new(&[
            (".git/HEAD", ""),
            (".python-version", "3.11\n"),
            ("pyproject.toml", PROJECT),
            ("sub/.python-version", "# here\n3.12\n"),
            ("sub/deep/x.py", ""),
            ("other/pyproject.toml", "[tool.ruff]\n"),
            ("empty/pyproject.toml", "[project]\nrequires-python = ' '\n"),
        ]);
        let top = "requires-python `>=3.11` in pyproject.toml";
        assert_eq!(tree.above("sub/deep"), ["`3.12` in sub/.python-version", top]);
        assert_eq!(tree.above(""), ["`3.11` in .python-version", top]);
        // A project of its own, which asks for nothing.
        assert_eq!(tree.above("other"), ["`3.11` in .python-version"]);
        assert_eq!(tree.above("empty"), ["`3.11` in .python-version"]);
    }

    #[test]
    fn the_search_ends_with_the_repository_and_at_home() {
        let tree = Tree::new(&[
            (".git/HEAD", ""),
            (".python-version", "3.11\n"),
            ("inner/.git", "gitdir: ../.git/worktrees/inner\n"),
            ("inner/deep/x.py", ""),
            ("home/.python-version", "3.12\n"),
            ("home/work/x.py", ""),
            ("home/empty/.python-version", ""),
        ]);
        assert_eq!(tree.above("inner/deep"), [""; 0]);
        assert_eq!(tree.above_in("home/work", "home"), ["`3.12` in home/.python-version"]);
        assert_eq!(tree.above_in("home/work", "home/work"), [""; 0]);
        // A file without an entry asks for nothing, and hides the one above, as for uv.
        assert_eq!(tree.above("home/empty"), [""; 0]);
    }

    #[test]
    fn a_script_asks_for_itself() {
        let block = "# /// script\n# requires-python = \">=3.12,<3.14\"\n# ///\n";
        let tree = Tree::new(&[
            ("gen.py", block),
            ("plain.py", "print()\n"),
            ("empty.py", "# /// script\n# requires-python = ''\n# ///\n"),
            ("app.pyz", block),
            ("bad.py", "# /// script\n# requires-python = '^3.12'\n# ///\n"),
            ("folder/__main__.py", block),
            ("sub/open.py", "\n# /// script\n# requires-python = '>=3.12'\nprint()\n"),
        ]);
        fs_err::write(tree.path("latin.py"), [b"# \xe9\n".as_slice(), block.as_bytes()].concat()).unwrap();
        let of = |name: &str| {
            of_script(Source::File(&tree.path(name)), tree.0.path()).unwrap().wish.map(|wish| wish.source)
        };
        assert_eq!(of("gen.py").as_deref(), Some("requires-python `>=3.12,<3.14` of gen.py"));
        assert_eq!(of("latin.py").as_deref(), Some("requires-python `>=3.12,<3.14` of latin.py"));
        for name in ["plain.py", "empty.py", "app.pyz", "folder"] {
            assert_eq!(of(name), None, "{name}");
        }
        let of = |source: Source<'_>| of_script(source, tree.0.path());
        let open = of(Source::File(&tree.path("sub/open.py"))).unwrap_err();
        assert_eq!(open.to_string(), "the `# /// script` block at sub/open.py:2 has no closing line `# ///`");
        let stdin = of(Source::Stdin(block.as_bytes())).unwrap().wish.map(|wish| wish.source);
        assert_eq!(stdin.as_deref(), Some("requires-python `>=3.12,<3.14` of stdin"));
        let error = of(Source::File(&tree.path("bad.py"))).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the metadata of script `bad.py`");
        assert_eq!(error.helps()[0], "did you mean `>=3.12,<4`?");
    }

    #[test]
    fn refusals_name_the_file() {
        for (name, content, expected) in [
            (".python-version", "pypy3.10\n", "cannot use `.python-version`"),
            ("pyproject.toml", "[project]\nrequires-python = 3.12\n", "cannot read `pyproject.toml`"),
            (
                "pyproject.toml",
                "[project]\nrequires-python = '3.12'\n",
                "`project.requires-python` in `pyproject.toml` is malformed",
            ),
            ("pyproject.toml", "requires-python = [\n", "cannot read `pyproject.toml`"),
        ] {
            assert_eq!(Tree::new(&[(name, content)]).error("").to_string(), expected);
        }
        // What is malformed elsewhere in it is for others to tell.
        let tree = Tree::new(&[(".git/HEAD", ""), ("pyproject.toml", "[project\n")]);
        assert_eq!(tree.above(""), [""; 0]);
    }
}
