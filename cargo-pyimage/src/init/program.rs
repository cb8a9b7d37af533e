//! The Python of a project: which files there are, and which of them is the program.

use std::collections::BTreeSet;
use std::path::Path;

use pyimage_build::Source;
use serde::Deserialize;

/// What is found of the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// The globs of what belongs to it.
    pub(super) source: Vec<String>,
    /// What starts it; none where that cannot be told.
    pub(super) entrypoint: Option<Vec<String>>,
    /// What tells that, as people know it.
    pub(super) because: Option<String>,
    /// A folder that modules are looked for in.
    pub(super) path: Option<String>,
}

/// Folders with Python that is not the program's.
const OTHERS: [&str; 6] = ["tests", "test", "docs", "doc", "examples", "benches"];
/// Files at the top that are not the program's.
const TOOLS: [&str; 5] = ["setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py"];
/// Names that a program goes by.
const MAIN: [&str; 6] = ["main.py", "app.py", "__main__.py", "run.py", "cli.py", "manage.py"];

impl Program {
    /// Looks into the folder of a package.
    pub(super) fn find(folder: &Path, root: &Path, project: Option<&ProjectFile>) -> Self {
        let files = Source::select(folder, root, &["**/*.py"])
            .map(|source| source.files().to_vec())
            .unwrap_or_default();
        let files: BTreeSet<String> =
            files.into_iter().map(|file| file.path).filter(|path| is_own(path)).collect();
        let has_rust = |top: &str| Source::select(folder, root, &[format!("{top}/**/*.rs")]).is_ok();
        let mut source = Vec::new();
        let tops: BTreeSet<&str> = files.iter().filter_map(|path| Some(path.split_once('/')?.0)).collect();
        for top in tops {
            source.push(if has_rust(top) { format!("{top}/**/*.py") } else { top.to_owned() });
        }
        let alone: Vec<_> = files.iter().filter(|path| !path.contains('/')).cloned().collect();
        if alone.len() > 4 {
            source.push("*.py".to_owned());
        } else {
            source.extend(alone);
        }
        let mut found = Self { source, ..Self::default() };
        let scripts = project.and_then(|file| file.project.as_ref()).map(|project| &project.scripts);
        let script = scripts.and_then(|scripts| scripts.iter().next());
        if let Some(name) = MAIN.iter().find(|name| files.contains(**name)) {
            found.starts(&["python3", name], (*name).to_owned());
        } else if let Some((path, package)) =
            only(files.iter().filter_map(|path| Some((path, package_of(path)?))))
        {
            found.starts(&["python3", "-m", &package], path.clone());
            found.path = path.starts_with("src/").then(|| "src".to_owned());
        } else if let Some((name, target)) = script.filter(|(_, target)| is_entry_point(target)) {
            let (module, function) = target.split_once(':').unwrap_or((target, "main"));
            let top = function.split('.').next().unwrap_or(function);
            let code = format!("import sys; from {module} import {top}; sys.exit({function}())");
            found.starts(&["python3", "-c", &code], format!("`{name}` in pyproject.toml"));
            let place = format!("src/{}", module.split('.').next().unwrap_or(module));
            let is_below = files
                .iter()
                .any(|path| path.starts_with(&format!("{place}/")) || *path == format!("{place}.py"));
            found.path = is_below.then(|| "src".to_owned());
        } else {
            let is_main = |path: &&String| path.split_once('/').is_some_and(|(_, name)| MAIN.contains(&name));
            let lone = only(files.iter().filter(is_main)).or_else(|| only(files.iter()));
            if let Some(path) = lone.cloned() {
                found.starts(&["python3", &path], path.clone());
            }
        }
        found
    }

    fn starts(&mut self, words: &[&str], because: String) {
        self.entrypoint = Some(words.iter().map(|&word| word.to_owned()).collect());
        self.because = Some(because);
    }
}

/// `pyproject.toml`, as far as it is about the program.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ProjectFile {
    pub(super) project: Option<ProjectTable>,
}

/// Its `[project]`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ProjectTable {
    #[serde(default)]
    pub(super) dependencies: Vec<String>,
    #[serde(default)]
    scripts: std::collections::BTreeMap<String, String>,
}

fn is_own(path: &str) -> bool {
    let top = path.split('/').next().unwrap_or(path);
    let name = path.rsplit('/').next().unwrap_or(path);
    !OTHERS.contains(&top) && !TOOLS.contains(&path) && !name.starts_with("test_") && !top.starts_with('.')
}

/// The package that a `__main__.py` makes a program of.
fn package_of(path: &str) -> Option<String> {
    let folder = path.strip_suffix("/__main__.py")?;
    let package = folder.strip_prefix("src/").unwrap_or(folder);
    (!package.contains('/')).then(|| package.to_owned())
}

/// `package.module:function`, of names alone.
fn is_entry_point(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|letter: char| letter == '_' || letter.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    };
    text.split_once(':')
        .is_some_and(|(module, function)| module.split('.').chain(function.split('.')).all(is_name))
}

fn only<T>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(files: &[&str], project: &str) -> Program {
        let folder = tempfile::tempdir().unwrap();
        for path in files {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        Program::find(folder.path(), folder.path(), Some(&toml::from_str(project).unwrap()))
    }

    #[test]
    fn programs_are_found() {
        let scripts = "[project]\nname = 'x'\n[project.scripts]\nserve = 'web.cli:app.run'\n";
        for (files, project, source, entrypoint) in [
            (&["main.py", "other.py", "setup.py"][..], "", &["main.py", "other.py"][..], "python3 main.py"),
            (&["src/lib.rs", "src/gen.py"], "", &["src/**/*.py"], "python3 src/gen.py"),
            (&["app/__init__.py", "app/__main__.py", "tests/test_app.py"], "", &["app"], "python3 -m app"),
            (&["src/web/__main__.py"], "", &["src"], "python3 -m web"),
            (
                &["src/web/cli.py", "src/web/x.py"],
                scripts,
                &["src"],
                "python3 -c import sys; from web.cli import app; sys.exit(app.run())",
            ),
            (&["app/main.py", "app/x.py", "lib/y.py"], "", &["app", "lib"], "python3 app/main.py"),
            (&["one.py", "two.py"], "", &["one.py", "two.py"], ""),
            (&["target/x.py", ".venv/y.py", "src/main.rs"], "", &[], ""),
            (&["a.py", "b.py", "c.py", "d.py", "e.py"], "", &["*.py"], ""),
        ] {
            let found = find(files, project);
            assert_eq!(found.source, source, "{files:?}");
            assert_eq!(found.entrypoint.unwrap_or_default().join(" "), entrypoint, "{files:?}");
            let is_below = found.path.is_some();
            assert_eq!(is_below, files[0].starts_with("src/web"), "{files:?}");
        }
    }
}
