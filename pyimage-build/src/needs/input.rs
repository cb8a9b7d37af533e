//! The files that decide which packages are needed, by their content.

use std::io;
use std::path::{Component, Path, PathBuf};

use serde_json::json;

use super::Need;
use crate::wheel_name::decoded;
use crate::{Digest, RequirementsFile, RequirementsItem, ScriptMetadata};

/// A file, or a requirement, and what it is by content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The file; none for a requirement by itself.
    pub file: Option<PathBuf>,
    /// A wheel, an archive or a folder, that is to be installed from where it is.
    pub is_local: bool,
    /// The hash of what of it counts.
    pub hash: String,
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

impl Input {
    fn text(file: &Path, text: &str) -> Self {
        // A checkout on Windows may have other line ends.
        let hash = short(text.replace("\r\n", "\n"));
        Self { file: Some(file.to_owned()), is_local: false, hash }
    }

    /// What tells it from others beside its content: two scripts that need the same share it, but a wheel is installed
    /// from where it is.
    #[must_use]
    pub fn key_name(&self) -> String {
        let file = self.file.as_ref().filter(|_| self.is_local);
        file.map_or("text".to_owned(), |file| file.display().to_string())
    }

    /// Its name as seen from a folder, the same on every machine.
    #[must_use]
    pub fn name_from(&self, folder: &Path) -> String {
        match &self.file {
            Some(file) => relative(file, folder).display().to_string().replace('\\', "/"),
            None => "requirement".to_owned(),
        }
    }
}

/// What a need is made of. `folder` is where paths in requirements start.
pub(super) fn of(need: &Need, folder: &Path) -> Result<Vec<Input>, UnreadableNeed> {
    let mut inputs = Vec::new();
    match need {
        Need::Script(file) => {
            let content = read(file)?;
            let beside = file.parent().unwrap_or(folder);
            script(Some(file), &String::from_utf8_lossy(&content), beside, &mut inputs);
        }
        Need::Stdin(text) => script(None, text, folder, &mut inputs),
        Need::File(file) => {
            for (file, text) in with_includes(file)? {
                if file.file_name().is_some_and(|name| name == "pyproject.toml") {
                    project(&file, &text, &mut inputs);
                } else {
                    inputs.push(Input::text(&file, &text));
                    requirements(&text, folder, &mut inputs);
                }
            }
        }
        Need::Requirement(text) => {
            inputs.push(Input { file: None, is_local: false, hash: short(text) });
            requirements(text, folder, &mut inputs);
        }
    }
    Ok(inputs)
}

/// Of a script only its metadata counts: editing its code changes no package.
fn script(file: Option<&Path>, text: &str, beside: &Path, inputs: &mut Vec<Input>) {
    let Ok(Some(metadata)) = ScriptMetadata::from_script(text) else { return };
    let uv = metadata.tool.get("uv");
    let requires = metadata.requires_python.as_ref().map(ToString::to_string);
    let content = json!({ "requires-python": requires, "dependencies": metadata.dependencies, "uv": uv });
    let file_input = file
        .map_or(Input { file: None, is_local: false, hash: short(content.to_string()) }, |file| {
            Input::text(file, &content.to_string())
        });
    inputs.push(file_input);
    for dependency in &metadata.dependencies {
        requirements(dependency, beside, inputs);
    }
    sources(uv, beside, inputs);
}

/// Of a project what it depends on; settings of other tools are no reason to resolve again.
fn project(file: &Path, text: &str, inputs: &mut Vec<Input>) {
    let Ok(table) = text.parse::<toml::Table>() else {
        inputs.push(Input::text(file, text));
        return;
    };
    let uv = table.get("tool").and_then(|tool| tool.get("uv"));
    let keys = ["dependencies", "optional-dependencies", "requires-python", "dynamic", "name"];
    let of_project = keys.map(|key| table.get("project").and_then(|project| project.get(key)));
    let content = json!({ "project": of_project, "groups": table.get("dependency-groups"), "uv": uv });
    inputs.push(Input::text(file, &content.to_string()));
    let beside = file.parent().unwrap_or(Path::new(""));
    sources(uv, beside, inputs);
}

/// What `[tool.uv.sources]` takes from this machine.
fn sources(uv: Option<&toml::Value>, beside: &Path, inputs: &mut Vec<Input>) {
    let sources = uv.and_then(|uv| uv.get("sources")).and_then(toml::Value::as_table);
    for source in sources.into_iter().flatten().map(|(_, source)| source) {
        let one = std::slice::from_ref(source);
        for source in source.as_array().map_or(one, Vec::as_slice) {
            if let Some(path) = source.get("path").and_then(toml::Value::as_str) {
                inputs.extend(local(&beside.join(path)));
            }
        }
    }
}

/// What requirements take from this machine.
fn requirements(text: &str, folder: &Path, inputs: &mut Vec<Input>) {
    // What is malformed is for uv to explain.
    let Ok(file) = RequirementsFile::parse(text) else { return };
    for entry in &file.entries {
        let place = match &entry.item {
            RequirementsItem::Requirement { requirement, .. } => match requirement.url() {
                Some(url) => url,
                None => continue,
            },
            RequirementsItem::Unnamed { text, .. } | RequirementsItem::Editable(text) => text,
            _ => continue,
        };
        inputs.extend(path_of(place, folder).and_then(|path| local(&path)));
    }
}

/// The path of this machine that a requirement names, if it names one.
fn path_of(place: &str, folder: &Path) -> Option<PathBuf> {
    let place = place.split(" ;").next()?.split('#').next()?.trim();
    if place.starts_with("file:") {
        // RFC 8089: a path, behind no host or this one.
        let path = place.strip_prefix("file:")?;
        let path =
            path.strip_prefix("//").map_or(path, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
        return Some(PathBuf::from(decoded(path)));
    }
    if place.contains("://") {
        return None;
    }
    // Extras follow a path as they follow a name.
    let path = place.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')).map_or(place, |(path, _)| path);
    Some(folder.join(path))
}

/// A file by its bytes, a folder by what says what it is: building it is another matter.
fn local(path: &Path) -> Option<Input> {
    let path = path.canonicalize().ok()?;
    let content = if path.is_dir() {
        let files =
            ["pyproject.toml", "setup.cfg", "setup.py"].map(|name| fs_err::read(path.join(name)).ok());
        files.into_iter().flatten().flatten().collect()
    } else {
        fs_err::read(&path).ok()?
    };
    Some(Input { file: Some(path), is_local: true, hash: short(&content) })
}

/// The first 20 digits of the sha256: enough to tell one content from another.
fn short(content: impl AsRef<[u8]>) -> String {
    Digest::of(content.as_ref()).hex()[..20].to_owned()
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>, UnreadableNeed> {
    fs_err::read(file)
        .map_err(|error| UnreadableNeed { file: file.to_owned(), source: io::Error::from(error.kind()) })
}

/// A file of requirements and those that it includes by `-r` and `-c`, each once.
///
/// # Errors
/// Where one cannot be read.
pub fn with_includes(file: &Path) -> Result<Vec<(PathBuf, String)>, UnreadableNeed> {
    let mut found: Vec<(PathBuf, String)> = Vec::new();
    let mut left = vec![file.to_owned()];
    while let Some(file) = left.pop() {
        if found.iter().any(|(known, _)| *known == file) {
            continue;
        }
        let text = String::from_utf8_lossy(&read(&file)?).into_owned();
        if file.extension().is_none_or(|end| end != "toml") {
            let folder = file.parent().unwrap_or(Path::new(""));
            let parsed = RequirementsFile::parse(&text).unwrap_or_default();
            left.extend(
                parsed.includes().filter(|path| !path.contains("://")).map(|path| plain(&folder.join(path))),
            );
        }
        found.push((file, text));
    }
    Ok(found)
}

/// The path without `.` and `..`, as text alone.
#[must_use]
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// The path as it is from a folder, where both have something in common.
#[must_use]
pub fn relative(path: &Path, folder: &Path) -> PathBuf {
    let (path, folder) = (plain(path), plain(folder));
    let same = path.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
    // The root alone is nothing in common.
    if same < 2 {
        return path;
    }
    let up = folder.components().skip(same).map(|_| Component::ParentDir);
    up.chain(path.components().skip(same)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_a_folder() {
        for (path, folder, expected) in [
            ("/a/b/c.txt", "/a/b", "c.txt"),
            ("/a/x/../b/c.txt", "/a/b", "c.txt"),
            ("/a/b/c.txt", "/a/d/e", "../../b/c.txt"),
            ("/x/c.txt", "/a/b", "/x/c.txt"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(folder)), Path::new(expected));
        }
    }

    #[test]
    fn paths_in_requirements_are_found() {
        let folder = Path::new("/f");
        for (text, expected) in [
            ("./x.whl", Some("/f/./x.whl")),
            ("./tree[cli] ; python_version > '3'", Some("/f/./tree")),
            ("file:///a/b%20c.whl", Some("/a/b c.whl")),
            ("file://localhost/a/b.whl#egg=b", Some("/a/b.whl")),
            ("https://h/x.whl", None),
        ] {
            assert_eq!(path_of(text, folder).as_deref(), expected.map(Path::new), "{text}");
        }
    }
}
