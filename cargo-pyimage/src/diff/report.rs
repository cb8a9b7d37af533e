//! What differs, for programs and for people.

use pyimage_build::{Digest, Platform};
use serde::Serialize;

use crate::opened::OpenedLayer;
use crate::tags::display;

/// What differs between two images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The first image.
    pub a: String,
    /// The second.
    pub b: String,
    /// The digests of both, as far as they have one.
    pub digests: [Option<Digest>; 2],
    /// Whether nothing differs.
    pub equal: bool,
    /// What is noted about them.
    pub annotations: Vec<ValueChange>,
    /// The platforms for which they differ.
    pub platforms: Vec<PlatformDifference>,
}

/// What differs for a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformDifference {
    /// The platform.
    #[serde(serialize_with = "display")]
    pub platform: Platform,
    /// What differs.
    #[serde(flatten)]
    pub difference: ImageDifference,
}

/// What differs between two images for one platform.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImageDifference {
    /// Which one alone has the platform.
    pub only_in: Option<OnlyIn>,
    /// The layers.
    pub layers: Vec<LayerChange>,
    /// The wheels in them.
    pub wheels: Vec<WheelChange>,
    /// The files in them.
    pub files: Vec<FileChange>,
    /// Values of the configuration and of the manifest.
    pub values: Vec<ValueChange>,
}

/// One of two images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnlyIn {
    /// The first.
    A,
    /// The second.
    B,
}

/// A layer that one image has and the other has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerChange {
    /// It in the first image.
    pub a: Option<LayerSide>,
    /// It in the second.
    pub b: Option<LayerSide>,
    /// Whether both were read, so that their files are told.
    pub is_read: bool,
}

/// A layer of one of two images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerSide {
    /// Its number, from 1.
    pub number: usize,
    /// The digest of its blob.
    pub digest: Digest,
    /// The bytes of its blob.
    pub size: u64,
    /// What it is, in a few words.
    pub label: String,
    /// Whether it is the base's.
    pub of_base: bool,
}

/// A wheel that one image has and the other has not, or in another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WheelChange {
    /// Its name.
    pub name: String,
    /// Its version in the first image.
    pub a: Option<String>,
    /// Its version in the second.
    pub b: Option<String>,
}

/// A file that one image has and the other has not, or otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// The wheel that it belongs to.
    pub wheel: Option<String>,
    /// It in the first image.
    pub a: Option<FileSide>,
    /// It in the second.
    pub b: Option<FileSide>,
}

/// A file of one of two images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSide {
    /// What it is.
    pub kind: &'static str,
    /// Its permissions, as `0644`.
    pub mode: String,
    /// Its owner and group.
    pub owner: String,
    /// Its bytes.
    pub size: u64,
    /// The digest of its content.
    pub digest: Option<Digest>,
    /// Where a link leads.
    pub target: Option<String>,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// What it is of.
    pub name: String,
    /// It in the first image.
    pub a: Option<String>,
    /// It in the second.
    pub b: Option<String>,
}

impl ImageDifference {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ValueChange {
    pub(super) fn new(name: &str, a: Option<&str>, b: Option<&str>) -> Self {
        Self { name: name.to_owned(), a: a.map(str::to_owned), b: b.map(str::to_owned) }
    }
}

impl LayerSide {
    pub(super) fn of(place: usize, layer: &OpenedLayer) -> Self {
        Self {
            number: place + 1,
            digest: layer.blob.digest.clone(),
            size: layer.blob.size,
            label: layer.label(),
            of_base: layer.of_base,
        }
    }
}
