//! The manifests of a package and its workspace, found as cargo finds them, without cargo.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::CompileError;
use crate::toml_document::TomlTable;
#[cfg(feature = "image")]
use crate::{ImageSettings, PackageFacts, PackageImage};
use crate::{Section, Value};

/// The manifest of a package, and that of the workspace that it is in.
#[derive(Debug)]
pub(super) struct Manifests {
    pub(super) package: Manifest,
    /// Where it is another one.
    workspace: Option<Manifest>,
}

/// A `Cargo.toml`.
#[derive(Debug)]
pub(super) struct Manifest {
    /// Its path, which is UTF-8 as messages and locks have it.
    pub(super) path: String,
    value: Value,
}

impl Manifest {
    fn read(path: &Path) -> Result<Self, CompileError> {
        let text = fs_err::read_to_string(path)
            .map_err(|source| CompileError::Manifest { path: path.to_owned(), source })?;
        let table = TomlTable::parse(&text)
            .map_err(|source| CompileError::ManifestSyntax { path: path.to_owned(), source })?;
        let value = Value::of_toml(table);
        let Some(utf8) = path.to_str() else {
            return Err(CompileError::NotUtf8 { path: path.to_owned() });
        };
        Ok(Self { path: utf8.to_owned(), value })
    }

    pub(super) fn folder(&self) -> &Path {
        Path::new(&self.path).parent().unwrap_or(Path::new(""))
    }

    fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.value, |value, key| value.get(key))
    }

    fn section<'a>(&'a self, of: &str, key: &'a str) -> Option<Section<'a>> {
        let value = self.get(&[of, "metadata", "pyimage"])?;
        Some(Section { manifest: &self.path, key, value })
    }

    /// Paths of a list of its `[workspace]`.
    fn paths<'a>(&'a self, key: &str) -> impl Iterator<Item = PathBuf> + 'a {
        let paths = self.get(&["workspace", key]).and_then(Value::as_array);
        paths.into_iter().flatten().filter_map(Value::as_str).map(|path| lexical(&self.folder().join(path)))
    }

    /// Whether it leaves the package in this folder out of its workspace.
    fn excludes(&self, folder: &Path) -> bool {
        let has = |key| self.paths(key).any(|path| folder.starts_with(path));
        has("exclude") && !has("members")
    }
}

impl Manifests {
    /// Reads that of the package in a folder, and that of its workspace. Nothing is looked for at or above cargo's home,
    /// where packages of registries are.
    pub(super) fn read(folder: &Path, cargo_home: Option<&Path>) -> Result<Self, CompileError> {
        let package = Manifest::read(&folder.join("Cargo.toml"))?;
        let workspace = workspace(&package, folder, cargo_home)?;
        Ok(Self { package, workspace })
    }

    /// The folder of `pyimage.lock`: the workspace's, or the package's where it stands alone.
    pub(super) fn root(&self) -> &Path {
        self.workspace.as_ref().unwrap_or(&self.package).folder()
    }

    /// The package's name.
    pub(super) fn name(&self) -> &str {
        self.package.get(&["package", "name"]).and_then(Value::as_str).unwrap_or_default()
    }

    /// The package's version, which may be that of all packages of its workspace.
    pub(super) fn version(&self) -> &str {
        let own = self.package.get(&["package", "version"]);
        let shared = || {
            let root = self.workspace.as_ref().unwrap_or(&self.package);
            root.get(&["workspace", "package", "version"])
        };
        let version = own.filter(|version| version.as_str().is_some()).or_else(shared);
        version.and_then(Value::as_str).unwrap_or("0.0.0")
    }

    /// What else it says of the package, as cargo has it.
    #[cfg(feature = "image")]
    fn facts(&self) -> PackageFacts {
        let text = |key: &str| {
            let own = self.package.get(&["package", key]);
            let shared =
                || self.workspace.as_ref().unwrap_or(&self.package).get(&["workspace", "package", key]);
            // Its own is a string, or says that it is the workspace's.
            let value = own.and_then(|own| if own.as_str().is_some() { Some(own) } else { shared() });
            value.and_then(Value::as_str).map(str::to_owned)
        };
        PackageFacts {
            repository: text("repository"),
            description: text("description").map(|text| text.trim().to_owned()),
            // Cargo took this before there was `OR`.
            license: text("license").map(|text| text.replace('/', " OR ")),
        }
    }

    /// An image of the package.
    #[cfg(feature = "image")]
    pub(super) fn image(&self, settings: ImageSettings) -> PackageImage {
        let (package, version) = (self.name().to_owned(), self.version().to_owned());
        PackageImage { package, version, facts: self.facts(), settings }
    }

    /// What the package says of its image.
    pub(super) fn own_section(&self) -> Option<Section<'_>> {
        self.package.section("package", "package.metadata.pyimage")
    }

    /// What its workspace says of all images.
    pub(super) fn workspace_section(&self) -> Option<Section<'_>> {
        let root = self.workspace.as_ref().unwrap_or(&self.package);
        root.section("workspace", "workspace.metadata.pyimage")
    }

    /// The manifests that were read.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        [Some(&self.package), self.workspace.as_ref()].into_iter().flatten().map(|its| its.path.as_str())
    }
}

/// The manifest of the workspace of a package, where that is another one.
fn workspace(
    package: &Manifest,
    folder: &Path,
    cargo_home: Option<&Path>,
) -> Result<Option<Manifest>, CompileError> {
    if package.get(&["workspace"]).is_some() {
        return Ok(None);
    }
    // A package as it is published: what it took from its workspace is in it, and what is around it is another one.
    if folder.join("Cargo.toml.orig").exists() {
        return Ok(None);
    }
    let pointed = |manifest: &Manifest| {
        let path = manifest.get(&["package", "workspace"])?.as_str()?;
        Some(lexical(&manifest.folder().join(path).join("Cargo.toml")))
    };
    if let Some(path) = pointed(package) {
        return Manifest::read(&path).map(Some);
    }
    for above in folder.ancestors().skip(1) {
        // Where cargo itself stops.
        if above.ends_with("target/package") || cargo_home == Some(above) {
            break;
        }
        let path = above.join("Cargo.toml");
        let found = match Manifest::read(&path) {
            Err(CompileError::Manifest { source, .. }) if is_missing(&source) => continue,
            found => found?,
        };
        if found.get(&["workspace"]).is_some() {
            if !found.excludes(folder) {
                return Ok(Some(found));
            }
        } else if let Some(path) = pointed(&found) {
            return Manifest::read(&path).map(Some);
        }
    }
    Ok(None)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The path without `.` and `..`.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        folder
    }

    const PACKAGE: &str = "[package]\nname = \"a\"\nversion.workspace = true\n";
    const WORKSPACE: &str = "[workspace]\nmembers = [\"*\"]\n[workspace.package]\nversion = \"1.2.3\"\n\
                             [workspace.metadata.pyimage]\ntag = \"3\"\n";

    /// The root as it is found from a folder, from the project's, and the version of the package there.
    fn found(files: &[(&str, &str)], folder: &str) -> (String, String) {
        let project = project(files);
        let manifests = Manifests::read(&project.path().join(folder), None).unwrap();
        let root = manifests.root().strip_prefix(project.path()).unwrap();
        (root.display().to_string(), manifests.version().to_owned())
    }

    fn expect(root: &str, version: &str) -> (String, String) {
        (root.to_owned(), version.to_owned())
    }

    #[test]
    fn workspaces_are_found_as_cargo_finds_them() {
        let own = format!("{PACKAGE}{WORKSPACE}");
        assert_eq!(found(&[("Cargo.toml", &own)], ""), expect("", "1.2.3"));
        let around = ("Cargo.toml", WORKSPACE);
        assert_eq!(found(&[around, ("x/y/Cargo.toml", PACKAGE)], "x/y"), expect("", "1.2.3"));
        // A package between them is none.
        let between = ("x/Cargo.toml", "[package]\nname = \"x\"\n");
        assert_eq!(found(&[around, between, ("x/y/Cargo.toml", PACKAGE)], "x/y"), expect("", "1.2.3"));
        // One that points elsewhere leads there.
        let pointer = ("x/Cargo.toml", "[package]\nname = \"x\"\nworkspace = \"../w\"\n");
        let there = ("w/Cargo.toml", WORKSPACE);
        assert_eq!(found(&[there, pointer, ("x/y/Cargo.toml", PACKAGE)], "x/y"), expect("w", "1.2.3"));
        let itself = format!("{PACKAGE}workspace = \"../w\"\n");
        assert_eq!(found(&[there, ("x/Cargo.toml", &itself)], "x"), expect("w", "1.2.3"));
    }

    #[test]
    fn what_is_left_out_or_published_stands_alone() {
        let without = "[workspace]\nexclude = [\"x\", \"./y\"]\nmembers = [\"y/z\"]\n[workspace.package]\nversion = \"2.0.0\"\n";
        let around = ("Cargo.toml", without);
        for (folder, root, version) in [
            ("x", "x", "0.0.0"),
            ("x/deeper", "x/deeper", "0.0.0"),
            ("y", "y", "0.0.0"),
            ("y/z", "", "2.0.0"),
        ] {
            let manifest = format!("{folder}/Cargo.toml");
            assert_eq!(found(&[around, (&manifest, PACKAGE)], folder), expect(root, version), "{folder}");
        }
        let published = "[package]\nname = \"a\"\nversion = \"0.3.0\"\n";
        let around = ("Cargo.toml", WORKSPACE);
        let files = [around, ("v/a/Cargo.toml", published), ("v/a/Cargo.toml.orig", PACKAGE)];
        assert_eq!(found(&files, "v/a"), expect("v/a", "0.3.0"));
        let files = [around, ("target/package/a-0.3.0/Cargo.toml", published)];
        let folder = "target/package/a-0.3.0";
        assert_eq!(found(&files, folder), expect(folder, "0.3.0"));
    }

    #[test]
    fn nothing_is_looked_for_above_cargo_s_home() {
        let project = project(&[("Cargo.toml", WORKSPACE), ("home/registry/a/Cargo.toml", PACKAGE)]);
        let folder = project.path().join("home/registry/a");
        let root = |home: Option<&Path>| Manifests::read(&folder, home).unwrap().root().to_owned();
        assert_eq!(root(Some(&project.path().join("home"))), folder);
        assert_eq!(root(None), project.path());
    }

    #[test]
    fn sections_are_those_of_the_package_and_its_workspace() {
        let own = format!("{PACKAGE}[package.metadata.pyimage]\nsource = [\"app\"]\n");
        let project = project(&[("Cargo.toml", WORKSPACE), ("a/Cargo.toml", &own)]);
        let manifests = Manifests::read(&project.path().join("a"), None).unwrap();
        assert_eq!(
            manifests.own_section().unwrap().value.get("source"),
            Some(&Value::Array(vec!["app".into()]))
        );
        assert_eq!(manifests.workspace_section().unwrap().value.get("tag"), Some(&"3".into()));
        assert_eq!(manifests.name(), "a");
        assert_eq!(manifests.paths().count(), 2);
    }

    #[test]
    fn a_manifest_that_is_not_there_or_makes_no_sense_is_named() {
        let project = project(&[("a/Cargo.toml", "[package\n")]);
        let error = Manifests::read(&project.path().join("a"), None).unwrap_err();
        assert!(matches!(error, CompileError::ManifestSyntax { .. }), "{error}");
        let error = Manifests::read(&project.path().join("b"), None).unwrap_err();
        assert!(matches!(error, CompileError::Manifest { .. }), "{error}");
    }
}
