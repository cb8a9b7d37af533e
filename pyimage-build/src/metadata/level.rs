//! What one table says, and what it says over another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::container::Container;
use super::key::KEYS;
use super::layers::Layers;
use super::section::wrong;
use super::{ImageBuilder, ImageRevision, MetadataError, Place, Section, Table, Value};
use crate::{Bytecode, Platform, Reference, nearest};

/// What one table says.
#[derive(Clone, Default)]
pub(super) struct Level {
    pub(super) place: Place,
    /// Where each of its keys stands.
    pub(super) places: BTreeMap<&'static str, Place>,
    pub(super) base: Option<Reference>,
    pub(super) platforms: Option<BTreeSet<Platform>>,
    pub(super) name: Option<Reference>,
    pub(super) requirements: Option<Vec<PathBuf>>,
    pub(super) groups: Option<Vec<String>>,
    pub(super) extras: Option<Vec<String>>,
    pub(super) lock: Option<PathBuf>,
    pub(super) apt: Option<Vec<String>>,
    pub(super) source: Option<Vec<String>>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) builder: Option<ImageBuilder>,
    pub(super) bytecode: Option<Bytecode>,
    pub(super) revision: Option<ImageRevision>,
    pub(super) container: Container,
    pub(super) layers: Layers,
    /// The images that it names, each with what it says of them.
    pub(super) images: Vec<(String, Level)>,
}

impl Level {
    /// Reads a table that may name images.
    pub(super) fn of_package(section: Section<'_>) -> Result<Self, MetadataError> {
        let table = section.table()?;
        let mut level = Self::of(section, table)?;
        let Some(images) = table.get("images") else { return Ok(level) };
        let Value::Table(images) = images else {
            return Err(wrong(section.place("images"), "a table of tables", images));
        };
        if images.is_empty() {
            return Err(MetadataError::NoEntries { place: section.place("images") });
        }
        let key = format!("{}.images", section.key);
        let all = Section { key: &key, ..section };
        for (name, value) in images {
            let place = all.place(name);
            // It is part of the names of a repository and of a lock.
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.starts_with('-') || name.ends_with('-') || !name.chars().all(plain) {
                return Err(MetadataError::ImageName { place, name: name.clone() });
            }
            let image = Section { manifest: section.manifest, key: &place.key, value };
            level.images.push((name.clone(), Self::without_images(image)?));
        }
        Ok(level)
    }

    /// Reads a table that may name no images.
    pub(super) fn without_images(section: Section<'_>) -> Result<Self, MetadataError> {
        let table = section.table()?;
        if table.contains_key("images") {
            return Err(MetadataError::ImagesHere { place: section.place("images") });
        }
        Self::of(section, table)
    }

    fn of(section: Section<'_>, table: &Table) -> Result<Self, MetadataError> {
        if let Some(key) = table.keys().find(|key| KEYS.iter().all(|known| known.name != *key)) {
            let valid = KEYS.iter().map(|key| key.name);
            let nearest = nearest(key, valid.clone()).first().map(|key| (*key).to_owned());
            let place = section.place(key);
            return Err(MetadataError::UnknownKey { place, nearest, valid: valid.collect() });
        }
        let text = |key: &str| section.text(table, key);
        let tag = text("tag")?.map(|text| section.tag(text)).transpose()?;
        let base = text("base")?.map(|text| section.reference("base", text)).transpose()?;
        if tag.is_some() && base.is_some() {
            let (tag, base) = (Box::new(section.place("tag")), Box::new(section.place("base")));
            return Err(MetadataError::TagAndBase { tag, base });
        }
        let name = text("name")?.map(|text| section.repository(text)).transpose()?;
        let base = base.or_else(|| tag.as_ref().map(Reference::python));
        let lock = text("pylock")?.map(|text| section.lock(text)).transpose()?;
        Ok(Self {
            place: Place::new(section.key.to_owned(), section.manifest),
            places: KEYS
                .iter()
                .filter(|key| table.contains_key(key.name))
                .map(|key| (key.name, section.place(key.name)))
                .collect(),
            base,
            platforms: section.platforms(table)?,
            name,
            requirements: section.files(table, "requirements")?,
            groups: section.texts(table, "groups")?,
            extras: section.texts(table, "extras")?,
            lock,
            apt: section.apt(table)?,
            source: section.texts(table, "source")?,
            tags: section.tags(table)?,
            builder: section.choice(table, "builder", &ImageBuilder::NAMES)?,
            bytecode: section.choice(table, "bytecode", &Bytecode::NAMES)?,
            revision: text("revision")?.map(|text| section.revision(text)).transpose()?,
            container: Container::read(&section, table)?,
            layers: Layers::read(&section, table)?,
            images: Vec::new(),
        })
    }

    /// What is said here, and for the rest there.
    pub(super) fn over(self, other: Self) -> Self {
        Self {
            place: self.place,
            places: other.places.into_iter().chain(self.places).collect(),
            base: self.base.or(other.base),
            platforms: self.platforms.or(other.platforms),
            name: self.name.or(other.name),
            requirements: self.requirements.or(other.requirements),
            groups: self.groups.or(other.groups),
            extras: self.extras.or(other.extras),
            lock: self.lock.or(other.lock),
            apt: self.apt.or(other.apt),
            source: self.source.or(other.source),
            tags: self.tags.or(other.tags),
            builder: self.builder.or(other.builder),
            bytecode: self.bytecode.or(other.bytecode),
            revision: self.revision.or(other.revision),
            container: self.container.over(other.container),
            layers: self.layers.over(other.layers),
            images: self.images,
        }
    }

    /// It says itself which packages there are.
    pub(super) fn has_packages(&self) -> bool {
        self.requirements.is_some() || self.groups.is_some() || self.extras.is_some()
    }
}
