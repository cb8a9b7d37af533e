//! `[package.metadata.pyimage]`: what a package says about its image.

mod container;
mod error;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::{ImageOptions, Platform, Pylock, PythonTag, Reference, nearest};

use container::Container;

pub use error::{MetadataError, Place};

/// The keys of the section.
const KEYS: [&str; 20] = [
    "annotations",
    "base",
    "cmd",
    "entrypoint",
    "env",
    "expose",
    "extras",
    "groups",
    "labels",
    "name",
    "platforms",
    "pylock",
    "requirements",
    "source",
    "stop-signal",
    "tag",
    "tags",
    "user",
    "volumes",
    "workdir",
];

/// What an image runs on where its section does not say: the two architectures of today's servers and laptops.
const DEFAULT_PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// The image of a package, as its manifest asks for it.
///
/// | key | value | without it |
/// |---|---|---|
/// | `tag` | a tag of the official Python image | `base` has to be there |
/// | `base` | any image with an official Python in it, instead of `tag` | `tag` has to be there |
/// | `platforms` | a list such as `["linux/amd64", "linux/arm64"]` | these two |
/// | `name` | the image's repository, without a tag | the package's name |
/// | `requirements` | files that say which packages it has: `requirements.txt`, `pyproject.toml`; one, or a list | none |
/// | `groups` | dependency groups of the `pyproject.toml` among them | none |
/// | `extras` | extras of the `pyproject.toml` among them | none |
/// | `pylock` | the lock of its packages | `pylock.toml` |
/// | `source` | globs of the project's files that go in, from the manifest's folder | no files |
/// | `tags` | the image's tags, such as `["latest", "{version}"]`; `{version}` is the package's | `["latest"]` |
/// | `entrypoint`, `cmd` | the program and its arguments, each a list of words | the base's |
/// | `env`, `labels`, `annotations` | tables of strings; `${PATH}` in a variable is what the base has | the base's |
/// | `workdir` | where the files are and the program starts | `/usr/src/app` |
/// | `user`, `stop-signal` | as in a Dockerfile | the base's |
/// | `expose`, `volumes` | lists, as in a Dockerfile | none |
///
/// Files are looked for from the folder of the manifest that names them. A lock without `requirements` is somebody
/// else's, and taken as it is.
///
/// `[workspace.metadata.pyimage]` has the same keys, as defaults for all packages that have a section of their own.
///
/// ```
/// use pyimage_build::{ImageSettings, Section};
/// use serde_json::json;
///
/// let value = json!({"tag": "3.13-slim", "platforms": ["linux/arm64"]});
/// let section = Section { manifest: "Cargo.toml", key: "package.metadata.pyimage", value: &value };
/// let image = ImageSettings::read("app", section, None)?;
/// assert_eq!(image.base.familiar(), "python:3.13-slim");
/// assert_eq!(image.platforms.len(), 1);
/// # Ok::<(), pyimage_build::MetadataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSettings {
    /// What the image is made on.
    pub base: Reference,
    /// What it runs on; at least one platform.
    pub platforms: BTreeSet<Platform>,
    /// Its repository.
    pub name: Reference,
    /// Its packages.
    pub packages: PackageSettings,
    /// The globs of the project's files that go into it.
    pub source: Vec<String>,
    /// The folder that the globs start from.
    pub folder: PathBuf,
    /// Its tags, with `{version}` for that of the package.
    pub tags: Vec<String>,
    /// What a container of it starts with.
    pub options: ImageOptions,
}

/// Which packages an image has, and where they are locked.
///
/// ```
/// use pyimage_build::{ImageSettings, Section};
/// use serde_json::json;
///
/// let value = json!({"tag": "3.13-slim", "requirements": "pyproject.toml", "groups": ["serve"]});
/// let section = Section { manifest: "/app/Cargo.toml", key: "package.metadata.pyimage", value: &value };
/// let packages = ImageSettings::read("app", section, None)?.packages;
/// assert_eq!(packages.requirements, [std::path::Path::new("/app/pyproject.toml")]);
/// assert_eq!(packages.lock, std::path::Path::new("/app/pylock.toml"));
/// # Ok::<(), pyimage_build::MetadataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageSettings {
    /// The files that say what is needed.
    pub requirements: Vec<PathBuf>,
    /// The dependency groups.
    pub groups: Vec<String>,
    /// The extras.
    pub extras: Vec<String>,
    /// The lock.
    pub lock: PathBuf,
    /// The lock was named, so that it has to be there.
    pub is_named: bool,
}

/// A table of a manifest: where it stands, and what is in it.
///
/// ```
/// use pyimage_build::Section;
///
/// let value = serde_json::json!({"tag": "3.13-slim"});
/// let section = Section { manifest: "/app/Cargo.toml", key: "package.metadata.pyimage", value: &value };
/// assert_eq!(section.place("tag").to_string(), "`package.metadata.pyimage.tag` in `/app/Cargo.toml`");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// The manifest's path, for messages.
    pub manifest: &'a str,
    /// The table's full key.
    pub key: &'a str,
    /// The table.
    pub value: &'a Value,
}

impl ImageSettings {
    /// Reads the section of a package, over the defaults of its workspace.
    ///
    /// # Errors
    /// Where a key is unknown, a value is malformed, or the base is missing or given twice.
    pub fn read(
        package: &str,
        own: Section<'_>,
        workspace: Option<Section<'_>>,
    ) -> Result<Self, MetadataError> {
        let own = Level::read(own)?;
        let workspace = workspace.map(Level::read).transpose()?.unwrap_or_default();
        let folder = Path::new(&own.place.manifest).parent().unwrap_or(Path::new("")).to_owned();
        let beside = Path::new(&own.place.manifest).with_file_name("pylock.toml");
        let base = own.base.or(workspace.base).ok_or(MetadataError::NoBase { place: own.place })?;
        let default = || DEFAULT_PLATFORMS.iter().filter_map(|platform| platform.parse().ok()).collect();
        let name = match own.name.or(workspace.name) {
            Some(name) => name,
            // Names of packages are stricter than those of repositories, but may have capitals.
            None => package.to_ascii_lowercase().parse().map_err(|source| MetadataError::PackageName {
                package: package.to_owned(),
                source: Box::new(source),
            })?,
        };
        let lock = own.lock.or(workspace.lock);
        let packages = PackageSettings {
            requirements: own.requirements.or(workspace.requirements).unwrap_or_default(),
            groups: own.groups.or(workspace.groups).unwrap_or_default(),
            extras: own.extras.or(workspace.extras).unwrap_or_default(),
            is_named: lock.is_some(),
            lock: lock.unwrap_or(beside),
        };
        let platforms = own.platforms.or(workspace.platforms).unwrap_or_else(default);
        let source = own.source.or(workspace.source).unwrap_or_default();
        let tags = own.tags.or(workspace.tags).unwrap_or_else(|| vec!["latest".to_owned()]);
        let options = own.container.over(workspace.container);
        Ok(Self { base, platforms, name, packages, source, folder, tags, options })
    }
}

/// What one table says.
#[derive(Default)]
struct Level {
    place: Place,
    base: Option<Reference>,
    platforms: Option<BTreeSet<Platform>>,
    name: Option<Reference>,
    requirements: Option<Vec<PathBuf>>,
    groups: Option<Vec<String>>,
    extras: Option<Vec<String>>,
    lock: Option<PathBuf>,
    source: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    container: Container,
}

impl Level {
    fn read(section: Section<'_>) -> Result<Self, MetadataError> {
        let place = Place { key: section.key.to_owned(), manifest: section.manifest.to_owned() };
        let Value::Object(table) = section.value else {
            return Err(wrong(place, "a table", section.value));
        };
        if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let nearest = nearest(key, KEYS).first().map(|key| (*key).to_owned());
            return Err(MetadataError::UnknownKey { place: section.place(key), nearest, valid: &KEYS });
        }
        let text = |key: &str| section.text(table, key);
        let tag = text("tag")?.map(|text| section.tag(text)).transpose()?;
        let base = text("base")?.map(|text| section.reference("base", text)).transpose()?;
        if tag.is_some() && base.is_some() {
            return Err(MetadataError::TagAndBase { tag: section.place("tag"), base: section.place("base") });
        }
        let name = text("name")?.map(|text| section.repository(text)).transpose()?;
        let base = base.or_else(|| tag.as_ref().map(Reference::python));
        let lock = text("pylock")?.map(|text| section.lock(text)).transpose()?;
        Ok(Self {
            place,
            base,
            platforms: section.platforms(table)?,
            name,
            requirements: section.files(table, "requirements")?,
            groups: section.texts(table, "groups")?,
            extras: section.texts(table, "extras")?,
            lock,
            source: section.texts(table, "source")?,
            tags: section.texts(table, "tags")?,
            container: Container::read(&section, table)?,
        })
    }
}

impl Section<'_> {
    /// A key of this table, in full.
    #[must_use]
    pub fn place(&self, key: &str) -> Place {
        let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let key = if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { format!("{key:?}") };
        Place { key: format!("{}.{key}", self.key), manifest: self.manifest.to_owned() }
    }

    fn text<'t>(&self, table: &'t Map<String, Value>, key: &str) -> Result<Option<&'t str>, MetadataError> {
        match table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(self.place(key), "a string", other)),
        }
    }

    fn tag(&self, text: &str) -> Result<PythonTag, MetadataError> {
        let place = self.place("tag");
        text.parse().map_err(|source| MetadataError::Tag {
            place,
            tag: text.to_owned(),
            source: Box::new(source),
        })
    }

    fn reference(&self, key: &str, text: &str) -> Result<Reference, MetadataError> {
        let place = self.place(key);
        text.parse().map_err(|source| MetadataError::Reference {
            place,
            reference: text.to_owned(),
            source: Box::new(source),
        })
    }

    fn repository(&self, text: &str) -> Result<Reference, MetadataError> {
        let name = self.reference("name", text)?;
        let last = text.rsplit('/').next().unwrap_or(text);
        if last.contains([':', '@']) {
            return Err(MetadataError::TaggedName { place: self.place("name"), name: text.to_owned() });
        }
        Ok(name)
    }

    /// A path, from the manifest's folder.
    fn path(&self, text: &str) -> PathBuf {
        Path::new(self.manifest).parent().unwrap_or(Path::new("")).join(text)
    }

    fn lock(&self, text: &str) -> Result<PathBuf, MetadataError> {
        let path = self.path(text);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !Pylock::is_file_name(name) {
            return Err(MetadataError::LockName { place: self.place("pylock"), name: text.to_owned() });
        }
        Ok(path)
    }

    /// Strings in a list.
    fn texts(&self, table: &Map<String, Value>, key: &str) -> Result<Option<Vec<String>>, MetadataError> {
        let Some(value) = table.get(key) else { return Ok(None) };
        let place = self.place(key);
        let Value::Array(entries) = value else { return Err(wrong(place, "an array of strings", value)) };
        let text = |(index, entry): (usize, &Value)| match entry {
            Value::String(text) if text.is_empty() => {
                Err(MetadataError::Empty { place: place.clone().entry(index) })
            }
            Value::String(text) => Ok(text.clone()),
            other => Err(wrong(place.clone().entry(index), "a string", other)),
        };
        entries.iter().enumerate().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// One file, or a list of them.
    fn files(&self, table: &Map<String, Value>, key: &str) -> Result<Option<Vec<PathBuf>>, MetadataError> {
        let names = match table.get(key) {
            None => return Ok(None),
            Some(Value::String(name)) if name.is_empty() => {
                return Err(MetadataError::Empty { place: self.place(key) });
            }
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(_)) => self.texts(table, key)?.unwrap_or_default(),
            Some(other) => return Err(wrong(self.place(key), "a string or an array of strings", other)),
        };
        Ok(Some(names.iter().map(|name| self.path(name)).collect()))
    }

    fn platforms(&self, table: &Map<String, Value>) -> Result<Option<BTreeSet<Platform>>, MetadataError> {
        let Some(value) = table.get("platforms") else { return Ok(None) };
        let place = self.place("platforms");
        let Value::Array(entries) = value else {
            return Err(wrong(place, "an array of strings", value));
        };
        if entries.is_empty() {
            return Err(MetadataError::NoPlatforms { place });
        }
        let mut platforms = BTreeSet::new();
        for (index, entry) in entries.iter().enumerate() {
            let place = self.place("platforms").entry(index);
            let Value::String(text) = entry else { return Err(wrong(place, "a string", entry)) };
            let platform: Platform = text.parse().map_err(|source| MetadataError::Platform {
                place: place.clone(),
                platform: text.clone(),
                source: Box::new(source),
            })?;
            if !platforms.insert(platform.clone()) {
                return Err(MetadataError::PlatformTwice { place, platform });
            }
        }
        Ok(Some(platforms))
    }
}

fn wrong(place: Place, expected: &'static str, found: &Value) -> MetadataError {
    let found = match found {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "a table",
    };
    MetadataError::WrongType { place, expected, found }
}

#[cfg(test)]
mod tests;
