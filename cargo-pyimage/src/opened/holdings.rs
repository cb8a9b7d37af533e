//! Whose the files of an image are.

use std::collections::HashMap;

use pyimage_build::{EntryKind, InstalledWheel};

use super::{OpenedImage, Readings};

/// The wheels of an image, and which file is whose. Files of the project and of the base's system are nobody's.
#[derive(Debug, Default)]
pub struct Holdings {
    /// The wheels, in the order of the layers.
    pub wheels: Vec<WheelInImage>,
    owners: HashMap<String, usize>,
}

/// A wheel of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelInImage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The folder of its metadata.
    pub folder: String,
    /// The place of its layer.
    pub layer: usize,
    /// How many files it has.
    pub files: u64,
    /// How many bytes they have.
    pub size: u64,
    /// Whether a layer above takes it away again. It weighs something all the same.
    pub is_removed: bool,
}

impl Holdings {
    /// Tells it from the layers that were read.
    #[must_use]
    pub fn of(image: &OpenedImage, readings: &Readings) -> Self {
        let mut holdings = Self::default();
        let contents = || {
            let layers = image.layers.iter().enumerate();
            layers.filter_map(|(place, layer)| Some((place, readings.get(&layer.blob.digest)?.content()?)))
        };
        for (place, content) in contents() {
            // A layer removes what is below it, not what it has itself.
            for entry in content.entries.iter().filter(|entry| !entry.kind.is_in_image()) {
                holdings.remove(&entry.path, entry.kind == EntryKind::Emptied);
            }
            for entry in &content.entries {
                if let Some(record) = &entry.content
                    && let Some(wheel) = InstalledWheel::read(&entry.path, record)
                {
                    holdings.add(wheel, place);
                }
            }
        }
        for (_, content) in contents() {
            for entry in &content.entries {
                if let Some(owner) = holdings.owner(&entry.path) {
                    let wheel = &mut holdings.wheels[owner];
                    wheel.files += u64::from(entry.kind.is_in_image() && entry.kind != EntryKind::Folder);
                    wheel.size = wheel.size.saturating_add(entry.size);
                }
            }
        }
        holdings
    }

    fn add(&mut self, wheel: InstalledWheel, layer: usize) {
        let InstalledWheel { name, version, folder, files } = wheel;
        let known = self.wheels.iter().position(|its| its.folder == folder);
        let place = known.unwrap_or(self.wheels.len());
        if known.is_none() {
            let (files, size) = (0, 0);
            self.wheels.push(WheelInImage { name, version, folder, layer, files, size, is_removed: false });
        }
        self.wheels[place].is_removed = false;
        self.owners.extend(files.into_iter().map(|file| (file, place)));
    }

    fn remove(&mut self, path: &str, is_emptied: bool) {
        for wheel in &mut self.wheels {
            let below = wheel.folder.strip_prefix(path);
            let is_below = path.is_empty() || below.is_some_and(|rest| rest.starts_with('/'));
            wheel.is_removed |= is_below || (!is_emptied && wheel.folder == path);
        }
    }

    /// The name of the wheel whose file this is.
    #[must_use]
    pub fn wheel(&self, path: &str) -> Option<&str> {
        let wheel = &self.wheels[self.owner(path)?];
        Some(&wheel.name)
    }

    /// The place of the wheel whose file this is: its RECORD names the file, or the source of this bytecode.
    #[must_use]
    pub fn owner(&self, path: &str) -> Option<usize> {
        let direct = self.owners.get(path);
        let owner = direct.or_else(|| self.owners.get(&InstalledWheel::source_of(path)?));
        owner.copied()
    }
}
