//! What there is to know of an image, for programs and for people.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::{Digest, ImageConfig, MediaType, Platform};
use serde::Serialize;

use crate::opened::{Holdings, Opened, OpenedBase, OpenedImage, OpenedLayer, Readings};
use crate::tags::display;

/// What there is to know of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What it was asked for by.
    pub image: String,
    /// The digest of its index, or of its manifest where it has no index.
    pub digest: Option<Digest>,
    /// What is noted about all of it.
    pub annotations: BTreeMap<String, String>,
    /// The image of each platform.
    pub platforms: Vec<PlatformReport>,
}

/// The image of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformReport {
    /// The platform.
    #[serde(serialize_with = "display")]
    pub platform: Platform,
    /// The image.
    #[serde(flatten)]
    pub image: ImageReport,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageReport {
    /// The digest of its manifest.
    pub digest: Option<Digest>,
    /// The digest of its configuration.
    pub config_digest: Digest,
    /// What it is made on.
    pub base: Option<BaseReport>,
    /// The bytes of its layers as they travel.
    pub size: u64,
    /// The bytes of the files of its layers, where all were read.
    pub unpacked: Option<u64>,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerReport>,
    /// The wheels in the layers that were read, the largest first.
    pub wheels: Vec<WheelReport>,
    /// What a container of it starts with.
    pub config: ConfigReport,
    /// What is noted about it.
    pub annotations: BTreeMap<String, String>,
}

/// What an image is made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseReport {
    /// Its name.
    pub name: String,
    /// The digest of its manifest.
    pub digest: Option<Digest>,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerReport {
    /// The digest of its blob.
    pub digest: Digest,
    /// The type of its blob.
    pub media_type: MediaType,
    /// The digest of its archive, uncompressed.
    pub diff_id: Digest,
    /// The bytes of its blob.
    pub size: u64,
    /// The bytes of its files, where it was read.
    pub unpacked: Option<u64>,
    /// How many files and links it has, where it was read.
    pub files: Option<u64>,
    /// What made it.
    pub created_by: Option<String>,
    /// Whether it is the base's.
    pub of_base: bool,
    /// The wheels in it, where it was read.
    pub wheels: Vec<String>,
    /// What it is, in a few words.
    #[serde(skip)]
    pub label: String,
}

/// A wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WheelReport {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The bytes of its files.
    pub size: u64,
    /// How many files it has.
    pub files: u64,
    /// The number of its layer, from 1.
    pub layer: usize,
    /// Whether the base has brought it.
    pub of_base: bool,
}

/// What a container starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigReport {
    /// The entry point.
    pub entrypoint: Vec<String>,
    /// The command.
    pub cmd: Vec<String>,
    /// The variables, as `NAME=VALUE`.
    pub env: Vec<String>,
    /// The user; empty for root.
    pub user: String,
    /// The folder it starts in; empty for `/`.
    pub workdir: String,
    /// The ports that it listens on.
    pub ports: BTreeSet<String>,
    /// The folders that engines keep apart.
    pub volumes: BTreeSet<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that ends it.
    pub stop_signal: Option<String>,
    /// When the image was made, as it says.
    pub created: Option<String>,
}

impl Report {
    /// Of an image, and what is known of the contents of its layers.
    #[must_use]
    pub fn of(opened: &Opened<'_>, readings: &Readings) -> Self {
        let platforms = opened.images.iter().map(|image| PlatformReport {
            platform: image.platform.clone(),
            image: ImageReport::of(image, readings),
        });
        Self {
            image: opened.name.clone(),
            digest: opened.digest.clone(),
            annotations: opened.annotations.clone(),
            platforms: platforms.collect(),
        }
    }
}

impl ImageReport {
    fn of(image: &OpenedImage, readings: &Readings) -> Self {
        let holdings = Holdings::of(image, readings);
        let layers: Vec<_> = image
            .layers
            .iter()
            .enumerate()
            .map(|(place, layer)| LayerReport::of(place, layer, &holdings, readings))
            .collect();
        let wheels = holdings.wheels.iter().filter(|wheel| !wheel.is_removed).map(|wheel| WheelReport {
            name: wheel.name.clone(),
            version: wheel.version.clone(),
            size: wheel.size,
            files: wheel.files,
            layer: wheel.layer + 1,
            of_base: image.layers[wheel.layer].of_base,
        });
        let mut wheels: Vec<_> = wheels.collect();
        wheels.sort_by(|one, other| other.size.cmp(&one.size).then_with(|| one.name.cmp(&other.name)));
        Self {
            digest: image.manifest.clone(),
            config_digest: image.id.clone(),
            base: image.base.as_ref().map(BaseReport::of),
            size: image.size(),
            unpacked: layers.iter().map(|layer| layer.unpacked).sum(),
            layers,
            wheels,
            config: ConfigReport::of(&image.config),
            annotations: image.annotations.clone(),
        }
    }
}

impl BaseReport {
    fn of(base: &OpenedBase) -> Self {
        Self { name: base.name.clone(), digest: base.digest.clone() }
    }
}

impl LayerReport {
    fn of(place: usize, layer: &OpenedLayer, holdings: &Holdings, readings: &Readings) -> Self {
        let content = readings.get(&layer.blob.digest).and_then(|held| held.content());
        let wheels = holdings.wheels.iter().filter(|wheel| wheel.layer == place);
        Self {
            digest: layer.blob.digest.clone(),
            media_type: layer.blob.media_type.clone(),
            diff_id: layer.diff_id.clone(),
            size: layer.blob.size,
            unpacked: content.map(|content| content.size),
            files: content.map(|content| content.files),
            created_by: layer.step.clone(),
            of_base: layer.of_base,
            wheels: wheels.map(|wheel| format!("{} {}", wheel.name, wheel.version)).collect(),
            label: layer.label(),
        }
    }
}

impl ConfigReport {
    fn of(config: &ImageConfig) -> Self {
        Self {
            entrypoint: config.entrypoint.clone(),
            cmd: config.cmd.clone(),
            env: config.env.clone(),
            user: config.user.clone(),
            workdir: config.working_dir.clone(),
            ports: config.exposed_ports.clone(),
            volumes: config.volumes.clone(),
            labels: config.labels.clone(),
            stop_signal: config.stop_signal.clone(),
            created: config.created.clone(),
        }
    }
}
