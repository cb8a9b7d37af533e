//! What cargo is to look at, so that the build script runs again where the assets change, and only there.
//!
//! Cargo looks at a folder with all in it, however deep. So a folder is named where new files in it would be assets,
//! unless there is something in it that comes and goes by itself, such as a cache: there, its files are named. So they are
//! in the package's own folder, which has `target`, Rust's sources, and the repository.

use std::collections::BTreeSet;
use std::path::Path;

use crate::Source;
use crate::source::Looked;

/// Python's bytecode, which is left out of everything, lies beside the modules.
const BYTECODE: &str = "__pycache__";

/// The files and folders to look at, from the package's folder.
pub(super) fn watched<'a>(folder: &Path, source: &'a Source) -> BTreeSet<&'a str> {
    let Looked { into, past, .. } = source.looked();
    // Folders that nobody looked into, with those around them.
    let mut unquiet = BTreeSet::from([""]);
    for path in past {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name != BYTECODE && folder.join(path).is_dir() {
            unquiet.extend(around(path));
        }
    }
    let whole: BTreeSet<&str> = into
        .iter()
        .filter(|(path, is_open)| *is_open && !unquiet.contains(path.as_str()))
        .map(|(path, _)| path.as_str())
        .collect();
    let is_within = |path: &str| around(path).any(|folder| whole.contains(folder));
    let files = source.files().iter().map(|file| file.path.as_str()).filter(|path| !is_within(path));
    let folders = whole.iter().copied().filter(|path| !is_within(path));
    folders.chain(files).collect()
}

/// The folders around a path, up to the package's, which is empty.
fn around(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(end, _)| end);
    let above = (!path.is_empty()).then_some(0);
    above.into_iter().chain(ends).map(|end| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[&str], globs: &[&str]) -> Vec<String> {
        let project = tempfile::tempdir().unwrap();
        for file in files {
            let path = project.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        let source = Source::select(project.path(), project.path(), globs).unwrap();
        watched(project.path(), &source).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn folders_whose_new_files_count_are_whole() {
        let files =
            ["Cargo.toml", "src/main.rs", "target/x", "app/a.py", "app/x/b.py", "app/x/y/c.py", "d/e.py"];
        for (globs, expected) in [
            (&["app"][..], &["app"][..]),
            (&["app", "app/x"], &["app"]),
            (&["app/**/*.py"], &["app"]),
            (&["app/*.py"], &["app"]),
            (&["app/x"], &["app/x"]),
            (&["app/x", "d"], &["app/x", "d"]),
            // What is spelt out has no new files.
            (&["app/a.py"], &["app/a.py"]),
            (&["app/a.py", "app/x"], &["app/a.py", "app/x"]),
            // `target` changes all the time.
            (&["."], &["Cargo.toml", "app", "d", "src"]),
            (&["*/*.py"], &["app", "d", "src"]),
            (&["*.toml", "d/e.py"], &["Cargo.toml", "d/e.py"]),
        ] {
            assert_eq!(of(&files, globs), expected, "{globs:?}");
        }
    }

    #[test]
    fn what_is_left_out_makes_a_folder_unquiet_but_for_bytecode() {
        let files = ["app/a.py", "app/__pycache__/a.pyc", "app/notes.pyc", "app/x/b.py"];
        assert_eq!(of(&files, &["app"]), ["app"]);
        let files = ["app/a.py", "app/x/b.py", "app/.venv/lib/c.py"];
        assert_eq!(of(&files, &["app"]), ["app/a.py", "app/x"]);
        let files = ["app/.gitignore", "app/a.py", "app/x/b.py", "app/x/cache/c"];
        let project = tempfile::tempdir().unwrap();
        for file in files {
            let path = project.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, if file.ends_with("ignore") { "cache/\n" } else { "" }).unwrap();
        }
        let source = Source::select(project.path(), project.path(), &["app"]).unwrap();
        let found: Vec<_> = watched(project.path(), &source).into_iter().collect();
        assert_eq!(found, ["app/.gitignore", "app/a.py", "app/x/b.py"]);
    }
}
