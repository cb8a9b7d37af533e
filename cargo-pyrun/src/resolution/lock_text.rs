//! The text of a lock, changed where it has to be and nowhere else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use pyimage_build::{LockedFile, PackageSource, Pylock};
use reqwest::Url;
use toml_edit::{ArrayOfTables, DocumentMut, Item, TableLike, Value};

use crate::dependencies::{plain, relative};

/// How paths are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Paths<'a> {
    /// In full: for the cache.
    Absolute,
    /// From this folder: for a lock that goes along with a project.
    From(&'a Path),
}

/// A lock without logins, whose paths, relative to `folder` before, are as they have to be.
///
/// What is no lock stays as it is, for its reader to explain.
pub(super) fn prepared(text: &str, folder: &Path, paths: Paths<'_>) -> String {
    let Ok(mut document) = text.parse::<DocumentMut>() else { return text.to_owned() };
    let Some(packages) = document.get_mut("packages").and_then(Item::as_array_of_tables_mut) else {
        return text.to_owned();
    };
    for package in packages.iter_mut() {
        if let Some(index) = package.get_mut("index") {
            without_login(index);
        }
        for key in ["sdist", "archive", "directory", "vcs"] {
            if let Some(source) = package.get_mut(key).and_then(Item::as_table_like_mut) {
                place(source, folder, paths, key == "vcs");
            }
        }
        match package.get_mut("wheels") {
            Some(Item::Value(Value::Array(wheels))) => {
                for wheel in wheels.iter_mut().filter_map(Value::as_inline_table_mut) {
                    place(wheel, folder, paths, false);
                }
            }
            Some(Item::ArrayOfTables(wheels)) => {
                wheels.iter_mut().for_each(|wheel| place(wheel, folder, paths, false));
            }
            _ => {}
        }
    }
    document.to_string()
}

/// Sets right where a file is.
fn place(source: &mut dyn TableLike, folder: &Path, paths: Paths<'_>, is_repository: bool) {
    let url = source.get("url").and_then(Item::as_str).and_then(|url| Url::parse(url).ok());
    // A file of this machine is one, however it is written; of a repository the address is what git wants.
    let path =
        url.filter(|url| !is_repository && url.scheme() == "file").and_then(|url| url.to_file_path().ok());
    if let Some(path) = path {
        source.remove("url");
        source.insert("path", toml_edit::value(path.display().to_string()));
    }
    if let Some(url) = source.get_mut("url") {
        without_login(url);
    }
    if let Some(item) = source.get_mut("path")
        && let Some(path) = item.as_str()
    {
        let path = plain(&folder.join(path));
        let path = match paths {
            Paths::Absolute => path,
            Paths::From(folder) => relative(&path, folder),
        };
        set(item, &path.display().to_string().replace('\\', "/"));
    }
}

fn without_login(item: &mut Item) {
    let Some(Ok(mut url)) = item.as_str().map(Url::parse) else { return };
    // `ssh://git@host` has a name that is no secret.
    let is_secret = url.password().is_some() || matches!(url.scheme(), "http" | "https");
    if is_secret && (!url.username().is_empty() || url.password().is_some()) {
        let _ = url.set_username("");
        let _ = url.set_password(None);
        set(item, url.as_str());
    }
}

/// Another text in the same place, with the blanks around it.
fn set(item: &mut Item, text: &str) {
    if let Some(value) = item.as_value_mut()
        && value.as_str() != Some(text)
    {
        let decor = value.decor().clone();
        *value = Value::from(text);
        *value.decor_mut() = decor;
    }
}

/// What a lock has, as requirements that nothing else may violate.
pub(super) fn constraints(lock: &Pylock) -> String {
    let mut lines = String::new();
    let mut names = BTreeMap::new();
    lock.packages.iter().for_each(|package| *names.entry(&package.name).or_insert(0) += 1);
    for package in &lock.packages {
        let here = |file: &LockedFile| {
            file.path.as_ref().and_then(|path| Url::from_file_path(path).ok()).map(String::from)
        };
        let what = match (&package.source, &package.version) {
            (PackageSource::Archive { file, subdirectory: None }, _) => {
                here(file).or_else(|| file.url.clone()).map(|url| format!(" @ {url}"))
            }
            (PackageSource::Release { .. }, Some(version)) => Some(format!("=={version}")),
            _ => None,
        };
        // Where there is one version alone, it is the one for all.
        let marker =
            package.marker.as_ref().filter(|_| names.get(&package.name) > Some(&1)).map(ToString::to_string);
        let marker =
            marker.filter(|marker| !marker.contains("extras") && !marker.contains("dependency_groups"));
        if let Some(what) = what {
            let marker = marker.map(|marker| format!(" ; {marker}")).unwrap_or_default();
            let _ = writeln!(lines, "{}{what}{marker}", package.name);
        }
    }
    lines
}

/// The packages of two locks. What both have is there where either wants it.
pub(super) fn joined(base: &str, more: &str) -> String {
    let (Ok(mut document), Ok(more)) = (base.parse::<DocumentMut>(), more.parse::<DocumentMut>()) else {
        return base.to_owned();
    };
    let more = more.get("packages").and_then(Item::as_array_of_tables).cloned().unwrap_or_default();
    let packages =
        document.entry("packages").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::default()));
    if packages.as_array().is_some_and(toml_edit::Array::is_empty) {
        *packages = Item::ArrayOfTables(ArrayOfTables::default());
    }
    let Some(packages) = packages.as_array_of_tables_mut() else { return base.to_owned() };
    for mut package in more {
        package.set_position(None);
        let text =
            |table: &toml_edit::Table, key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
        let (name, version) = (text(&package, "name"), text(&package, "version"));
        let same = packages.iter_mut().find(|known| {
            text(known, "name") == name && (version.is_none() || text(known, "version") == version)
        });
        let Some(same) = same else {
            packages.push(package);
            continue;
        };
        match (text(same, "marker"), text(&package, "marker")) {
            (Some(one), Some(other)) if one != other => {
                same["marker"] = toml_edit::value(format!("({one}) or ({other})"));
            }
            (Some(_), None) => drop(same.remove("marker")),
            _ => {}
        }
    }
    document.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "\
lock-version = \"1.0\"
created-by = \"uv\"

[[packages]]
name = \"demo\"
version = \"1.0\"
marker = \"sys_platform == 'win32'\"
index = \"https://me:pw@h/simple\"
wheels = [{ url = \"https://me:pw@h/demo-1.0-py3-none-any.whl\", hashes = { sha256 = \"AB\" } }]

[[packages]]
name = \"local\"
version = \"2\"
archive = { path = \"../w/local-2-py3-none-any.whl\", hashes = { sha256 = \"AB\" } }

[[packages]]
name = \"linked\"
version = \"3\"
wheels = [{ url = \"file:///a/x%20y/linked-3-py3-none-any.whl\", hashes = { sha256 = \"AB\" } }]

[[packages]]
name = \"git\"
vcs = { type = \"git\", url = \"ssh://git@h/x\", commit-id = \"ab\" }
";

    fn lock() -> String {
        LOCK.replace("AB", &"ab".repeat(32))
    }

    #[test]
    fn logins_go_and_paths_are_set_right() {
        let text = prepared(&lock(), Path::new("/a/lock"), Paths::Absolute);
        for (found, expected) in [
            ("me:pw", false),
            ("url = \"https://h/demo-1.0-py3-none-any.whl\", hashes", true),
            ("index = \"https://h/simple\"", true),
            ("archive = { path = \"/a/w/local-2-py3-none-any.whl\", hashes", true),
            ("/a/x y/linked-3-py3-none-any.whl", true),
            ("file://", false),
            ("ssh://git@h/x", true),
        ] {
            assert_eq!(text.contains(found), expected, "{found} in {text}");
        }
        assert!(Pylock::parse(&text).is_ok());
        let text = prepared(&lock(), Path::new("/a/lock"), Paths::From(Path::new("/a/project")));
        assert!(text.contains("archive = { path = \"../w/local-2-py3-none-any.whl\""), "{text}");
        let clean = lock().replace("me:pw@", "").replace("file:///a/x%20y", "https://h");
        assert_eq!(
            prepared(&clean, Path::new("/a/b"), Paths::From(Path::new("/a/b"))),
            clean,
            "nothing else changes"
        );
    }

    #[test]
    fn what_is_locked_stays() {
        let lock = Pylock::parse(&prepared(&lock(), Path::new("/a/lock"), Paths::Absolute)).unwrap();
        assert_eq!(
            constraints(&lock),
            "demo==1.0\nlocal @ file:///a/w/local-2-py3-none-any.whl\nlinked==3\n"
        );
    }

    #[test]
    fn both_are_there_where_either_wants_them() {
        let more = "[[packages]]\nname = \"demo\"\nversion = \"1.0\"\nvcs = { type = 'git', url = 'https://h', commit-id = 'a' }\n\n[[packages]]\nname = \"new\"\nversion = \"1\"\n\
                    archive = { url = 'https://h/x', hashes = { md5 = 'a' } }\n";
        let both = joined(&lock(), more);
        assert!(!both.contains("marker"), "{both}");
        let names: Vec<_> =
            Pylock::parse(&both).unwrap().packages.iter().map(|package| package.name.to_string()).collect();
        assert_eq!(names, ["demo", "local", "linked", "git", "new"]);
        let marked = more.replace("\"1.0\"\n", "\"1.0\"\nmarker = \"os_name == 'posix'\"\n");
        assert!(joined(&lock(), &marked).contains("(sys_platform == 'win32') or (os_name == 'posix')"));
        let empty = "lock-version = '1.0'\ncreated-by = 'x'\npackages = []\n";
        assert_eq!(Pylock::parse(&joined(empty, more)).unwrap().packages.len(), 2);
    }
}
