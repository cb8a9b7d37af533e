//! What is asked for, in a folder that a container can be given: the files that say it, and nothing beside them.

use std::path::{Component, Path, PathBuf};

use camino::Utf8Path;

use super::EnvironmentError;
use crate::cache::Cache;
use crate::dependencies::{Need, with_includes};

/// The folder of copied files, below the one that is given.
const FILES: &str = "files";
/// The file of single requirements.
const SINGLE: &str = "with.in";

/// Who reads it in the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// uv knows projects.
    Uv,
    /// An old pip knows files of requirements alone.
    Pip,
}

/// Copies what is asked for to `folder`, which the container has at `place`, and gives the files to name there.
///
/// Files keep their places to each other, so that one finds what it includes.
pub(super) fn bring<'n>(
    needs: impl Iterator<Item = &'n Need>,
    reader: Reader,
    folder: &Utf8Path,
    place: &str,
    cache: &Cache,
) -> Result<Vec<String>, EnvironmentError> {
    let unwritten = |source| EnvironmentError::Cache(cache.write_error(source));
    let mut named = Vec::new();
    let mut single = Vec::new();
    for need in needs {
        match need {
            Need::Requirement(text) => single.push(text.clone()),
            Need::Script(_) | Need::Stdin(_) => {
                // A block that cannot be read was refused before, or does not count.
                let metadata = need.metadata().ok().flatten();
                single.extend(metadata.map(|metadata| metadata.dependencies).unwrap_or_default());
            }
            Need::File(file) => match listed(file).filter(|_| reader == Reader::Pip) {
                Some(listed) => single.extend(listed?),
                None => {
                    for (path, text) in with_includes(file)? {
                        let copied = in_place(&path);
                        let target = folder.join(&copied);
                        fs_err::create_dir_all(target.parent().unwrap_or(folder)).map_err(unwritten)?;
                        fs_err::write(&target, text).map_err(unwritten)?;
                        if path == *file {
                            named.push(format!("{place}/{copied}"));
                        }
                    }
                }
            },
        }
    }
    if !single.is_empty() {
        fs_err::write(folder.join(SINGLE), single.join("\n") + "\n").map_err(unwritten)?;
        named.push(format!("{place}/{SINGLE}"));
    }
    Ok(named)
}

/// Where a file is copied to, below the folder.
pub(super) fn in_place(path: &Path) -> String {
    format!("{FILES}/{}", plain(path).display())
}

/// The requirements of a project; none of another file.
fn listed(file: &Path) -> Option<Result<Vec<String>, EnvironmentError>> {
    if file.extension().is_none_or(|extension| extension != "toml") {
        return None;
    }
    let read = || {
        let text = with_includes(file)?.into_iter().next().map(|(_, text)| text).unwrap_or_default();
        let unread = || EnvironmentError::NotForPip { file: file.to_owned() };
        let table: toml::Table = text.parse().map_err(|_| unread())?;
        let project = table.get("project").and_then(toml::Value::as_table).ok_or_else(unread)?;
        let Some(dependencies) = project.get("dependencies") else { return Ok(Vec::new()) };
        let text = |value: &toml::Value| value.as_str().map(str::to_owned).ok_or_else(unread);
        dependencies.as_array().ok_or_else(unread)?.iter().map(text).collect()
    };
    Some(read())
}

/// A path below a root that nothing in it leads out of.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_their_places_to_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let cache = Cache::at(root.join("cache"));
        let (from, to) = (root.join("from"), root.join("to"));
        for below in [from.join("sub"), to.clone()] {
            fs_err::create_dir_all(below).unwrap();
        }
        fs_err::write(from.join("sub/r.txt"), "-r ../base.txt\n").unwrap();
        fs_err::write(from.join("base.txt"), "six\n").unwrap();
        fs_err::write(from.join("secret"), "").unwrap();
        fs_err::write(from.join("s.py"), "# /// script\n# dependencies = ['idna']\n# ///\n").unwrap();
        fs_err::write(from.join("pyproject.toml"), "[project]\ndependencies = ['attrs>=1']\n").unwrap();
        let file = |name: &str| from.join(name).into_std_path_buf();
        let needs = [
            Need::Script(file("s.py")),
            Need::File(file("sub/r.txt")),
            Need::File(file("pyproject.toml")),
            Need::Requirement("rich".to_owned()),
        ];
        let named = bring(needs.iter(), Reader::Pip, &to, "/n", &cache).unwrap();
        assert_eq!(named, [format!("/n/files{from}/sub/r.txt"), "/n/with.in".to_owned()]);
        assert_eq!(fs_err::read_to_string(to.join("with.in")).unwrap(), "idna\nattrs>=1\nrich\n");
        let copied = to.join(format!("files{from}"));
        assert_eq!(fs_err::read_to_string(copied.join("base.txt")).unwrap(), "six\n");
        assert!(!copied.join("secret").exists());
        let named = bring(needs.iter(), Reader::Uv, &to, "/n", &cache).unwrap();
        assert_eq!(named.len(), 3, "{named:?}");
    }

    #[test]
    fn nothing_leads_out() {
        assert_eq!(plain(Path::new("/a/../../../etc/./x")), Path::new("etc/x"));
    }
}
