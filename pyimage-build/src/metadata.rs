//! `[package.metadata.pyimage]`: what a package says about its image.

mod builder;
mod container;
mod error;
mod key;
mod layers;
mod level;
mod locate;
mod revision;
#[cfg(feature = "image")]
mod schema;
mod section;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use crate::{Bytecode, ExtraFile, ImageOptions, LayerCompression, Packing, Platform, Reference};

use level::Level;

pub use builder::ImageBuilder;
pub use error::{MetadataError, Place};
pub use key::{KEYS, Key, Kind};
pub use revision::ImageRevision;
#[cfg(feature = "image")]
pub use schema::schema;
pub use section::Section;
pub(crate) use value::Table;
pub use value::Value;

/// What an image runs on where its section does not say: the two architectures of today's servers and laptops.
const DEFAULT_PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// The image of a package, as its manifest asks for it.
///
/// [`KEYS`] has its keys.
///
/// Files are looked for from the folder of the manifest that names them. A lock without `requirements` is somebody
/// else's, and taken as it is.
///
/// `[workspace.metadata.pyimage]` has the same keys, as defaults for all packages that have a section of their own. Under
/// `images.NAME` a package has several images, each with what the section says where it says nothing itself; its
/// repository is the section's with `-NAME`, and its lock `pylock.NAME.toml` where it has packages of its own.
///
/// ```
/// use pyimage_build::{ImageSettings, Section};
/// use serde_json::json;
///
/// let value = json!({"tag": "3.13-slim", "platforms": ["linux/arm64"]}).into();
/// let section = Section { manifest: "Cargo.toml", key: "package.metadata.pyimage", value: &value };
/// let [image] = &ImageSettings::read("app", section, None)?[..] else { panic!("one image") };
/// assert_eq!(image.base.familiar(), "python:3.13-slim");
/// assert_eq!(image.platforms.len(), 1);
/// # Ok::<(), pyimage_build::MetadataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSettings {
    /// Its name among several images of the package.
    pub image: Option<String>,
    /// What the image is made on.
    pub base: Reference,
    /// What it runs on; at least one platform.
    pub platforms: BTreeSet<Platform>,
    /// Its repository.
    pub name: Reference,
    /// Its packages.
    pub packages: PackageSettings,
    /// The packages of Debian that it has, sorted.
    pub apt: Vec<String>,
    /// The globs of the project's files that go into it.
    pub source: Vec<String>,
    /// Files that go elsewhere.
    pub files: Vec<ExtraFile>,
    /// The package's Rust programs that go into it.
    pub bins: Option<Bins>,
    /// How its layers are compressed.
    pub compression: LayerCompression,
    /// How many layers its wheels take at most.
    pub layer_budget: NonZero<usize>,
    /// The folder that the globs start from.
    pub folder: PathBuf,
    /// Its tags, with `{version}` for that of the package.
    pub tags: Vec<String>,
    /// What a container of it starts with.
    pub options: ImageOptions,
    /// Who builds it.
    pub builder: ImageBuilder,
    /// Which bytecode it has.
    pub bytecode: Bytecode,
    /// Where each key that is given stands, in the table that it is taken from.
    pub places: BTreeMap<&'static str, Place>,
    /// Which commit it says that it is of.
    pub revision: ImageRevision,
}

/// What may stand in a tag, between braces.
pub(crate) const TAG_NAMES: [&str; 3] = ["version", "git.sha", "git.short-sha"];

/// Rust programs of a package.
///
/// ```
/// use pyimage_build::Bins;
///
/// let bins = Bins::Named(vec!["serve".to_owned()]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bins {
    /// All that it has.
    All,
    /// Those of these names.
    Named(Vec<String>),
}

/// Which packages an image has, and where they are locked.
///
/// ```
/// use pyimage_build::{ImageSettings, Section};
/// use serde_json::json;
///
/// let value = json!({"tag": "3.13-slim", "requirements": "pyproject.toml", "groups": ["serve"]}).into();
/// let section = Section { manifest: "/app/Cargo.toml", key: "package.metadata.pyimage", value: &value };
/// let packages = &ImageSettings::read("app", section, None)?[0].packages;
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

impl ImageSettings {
    /// Reads the section of a package, over the defaults of its workspace: an image, or those that it names.
    ///
    /// ```
    /// use pyimage_build::{ImageSettings, Section};
    ///
    /// let value = serde_json::json!({"tag": "3.13-slim", "cmd": ["python", "main.py"]}).into();
    /// let section = Section { manifest: "Cargo.toml", key: "package.metadata.pyimage", value: &value };
    /// let images = ImageSettings::read("app", section, None)?;
    /// assert_eq!(images[0].base.familiar(), "python:3.13-slim");
    /// # Ok::<(), pyimage_build::MetadataError>(())
    /// ```
    ///
    /// # Errors
    /// Where a key is unknown, a value is malformed, or the base is missing or given twice.
    pub fn read(
        package: &str,
        own: Section<'_>,
        workspace: Option<Section<'_>>,
    ) -> Result<Vec<Self>, MetadataError> {
        let levels = levels(None, Some(own), workspace)?;
        levels.into_iter().map(|level| Self::of(package, level)).collect()
    }

    /// Where a key that is given stands, or an entry of its list; with its line, where the manifest can be read.
    ///
    /// ```
    /// use pyimage_build::{ImageSettings, Section};
    /// use serde_json::json;
    ///
    /// let value = json!({"tag": "3.13-slim", "source": ["app", "data"]}).into();
    /// let section = Section { manifest: "/app/Cargo.toml", key: "package.metadata.pyimage", value: &value };
    /// let image = &ImageSettings::read("app", section, None)?[0];
    /// let place = image.place("source", Some(1)).expect("it is given");
    /// assert_eq!(place.to_string(), "`package.metadata.pyimage.source[1]` in `/app/Cargo.toml`");
    /// # Ok::<(), pyimage_build::MetadataError>(())
    /// ```
    #[must_use]
    pub fn place(&self, key: &str, entry: Option<usize>) -> Option<Place> {
        let place = self.places.get(key)?.clone();
        let place = match entry {
            Some(index) => place.entry(index),
            None => place,
        };
        Some(place.located(|manifest| fs_err::read_to_string(manifest).ok()))
    }

    /// Where a variable of `env` stands, where its line can be found.
    #[cfg(feature = "image")]
    pub(crate) fn place_of_variable(&self, name: &str) -> Option<Place> {
        let place = self.places.get("env")?.clone().key(name);
        Some(place.located(|manifest| fs_err::read_to_string(manifest).ok()))
            .filter(|place| place.line.is_some())
    }

    /// What the joined tables say of an image.
    fn of(package: &str, Joined { image, has_own_name, level }: Joined) -> Result<Self, MetadataError> {
        let manifest = Path::new(&level.place.manifest);
        let folder = manifest.parent().unwrap_or(Path::new("")).to_owned();
        let beside = manifest.with_file_name("pylock.toml");
        let compression = level.layers.compressor()?;
        let base = level.base.ok_or(MetadataError::NoBase { place: level.place })?;
        let default = || DEFAULT_PLATFORMS.iter().filter_map(|platform| platform.parse().ok()).collect();
        let name = match level.name {
            Some(name) => name,
            // Names of packages are stricter than those of repositories, but may have capitals.
            None => in_repository(&package.to_ascii_lowercase(), package)?,
        };
        let name = match &image {
            Some(image) if !has_own_name => {
                in_repository(&format!("{}/{}-{image}", name.registry(), name.repository()), package)?
            }
            _ => name,
        };
        let packages = PackageSettings {
            requirements: level.requirements.unwrap_or_default(),
            groups: level.groups.unwrap_or_default(),
            extras: level.extras.unwrap_or_default(),
            is_named: level.lock.is_some(),
            lock: level.lock.unwrap_or(beside),
        };
        Ok(Self {
            image,
            base,
            platforms: level.platforms.unwrap_or_else(default),
            name,
            packages,
            apt: level.apt.unwrap_or_default(),
            source: level.source.unwrap_or_default(),
            files: level.layers.files.unwrap_or_default(),
            // A list of none is none, over what another table says.
            bins: level.layers.bins.filter(|bins| *bins != Bins::Named(Vec::new())),
            compression,
            layer_budget: level.layers.budget.unwrap_or(Packing::DEFAULT_BUDGET),
            folder,
            tags: level.tags.unwrap_or_else(|| vec!["latest".to_owned()]),
            options: level.container.into_options(),
            builder: level.builder.unwrap_or_default(),
            bytecode: level.bytecode.unwrap_or_default(),
            places: level.places,
            revision: level.revision.unwrap_or_default(),
        })
    }
}

/// What a package says of its files and, where something names a base, of its image.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The globs of its files.
    pub(crate) source: Vec<String>,
    /// Files that go elsewhere.
    pub(crate) files: Vec<ExtraFile>,
    /// The image.
    pub(crate) image: Option<ImageSettings>,
}

impl Asked {
    /// Reads what code says, over the section of a package, over the defaults of its workspace.
    pub(crate) fn read(
        package: &str,
        code: Section<'_>,
        own: Option<Section<'_>>,
        workspace: Option<Section<'_>>,
    ) -> Result<Vec<Self>, MetadataError> {
        let of = |joined: Joined| {
            let source = joined.level.source.clone().unwrap_or_default();
            let files = joined.level.layers.files.clone().unwrap_or_default();
            let has_base = joined.level.base.is_some();
            let image = has_base.then(|| ImageSettings::of(package, joined)).transpose()?;
            Ok(Self { source, files, image })
        };
        levels(Some(code), own, workspace)?.into_iter().map(of).collect()
    }
}

/// All that is said of one image.
struct Joined {
    /// Its name among several images of the package.
    image: Option<String>,
    /// Its repository is named where it is.
    has_own_name: bool,
    level: Level,
}

/// Joins the tables: one image, or those that are named.
fn levels(
    code: Option<Section<'_>>,
    own: Option<Section<'_>>,
    workspace: Option<Section<'_>>,
) -> Result<Vec<Joined>, MetadataError> {
    let of_package = |section: Option<Section<'_>>| section.map(Level::of_package).transpose();
    let mut own = of_package(own)?.unwrap_or_default();
    let workspace = workspace.map(Level::without_images).transpose()?.unwrap_or_default();
    let mut images = std::mem::take(&mut own.images);
    let mut code = of_package(code)?;
    if let Some(code) = &mut code {
        for (name, level) in std::mem::take(&mut code.images) {
            match images.iter_mut().find(|(other, _)| *other == name) {
                Some((_, other)) => *other = level.over(std::mem::take(other)),
                None => images.push((name, level)),
            }
        }
    }
    let over_all = |level: Level| match &code {
        Some(code) => code.clone().over(level),
        None => level,
    };
    let all = own.over(workspace);
    if images.is_empty() {
        return Ok(vec![Joined { image: None, has_own_name: false, level: over_all(all) }]);
    }
    let of = |(name, mut level): (String, Level)| {
        if level.lock.is_none() && level.has_packages() {
            let lock = format!("pylock.{name}.toml");
            level.lock = Some(Path::new(&level.place.manifest).with_file_name(lock));
        }
        let has_own_name = level.name.is_some();
        Joined { image: Some(name), has_own_name, level: over_all(level.over(all.clone())) }
    };
    Ok(images.into_iter().map(of).collect())
}

fn in_repository(text: &str, package: &str) -> Result<Reference, MetadataError> {
    text.parse().map_err(|source| MetadataError::PackageName {
        package: package.to_owned(),
        source: Box::new(source),
    })
}

/// Whether a file is a lock of packages by its name, as the standard has it (PEP 751).
pub(crate) fn is_pylock(name: &str) -> bool {
    let middle = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix(".toml"));
    name == "pylock.toml" || middle.is_some_and(|middle| !middle.is_empty() && !middle.contains('.'))
}

#[cfg(test)]
mod tests;
