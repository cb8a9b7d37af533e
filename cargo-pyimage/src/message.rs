//! What programs are told of what was built: `--message-format json` and `--metadata-file`.

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{Descriptor, Digest, Image, MediaType, Platform, Reference};
use serde::Serialize;

use crate::build::Built;

/// An image that was built, for programs. Fields may be added, and are not taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageMessage {
    /// `image`, as in cargo's messages.
    pub reason: &'static str,
    /// What `--image` calls it.
    pub image: String,
    /// Its repository.
    pub name: String,
    /// Its repository with each tag.
    pub tags: Vec<String>,
    /// The digest of the index over all platforms; none of what an engine has built and keeps.
    pub digest: Option<Digest>,
    /// The repository with that digest: what is printed where this is not.
    pub reference: Option<String>,
    /// The type of the index.
    pub media_type: Option<MediaType>,
    /// Its images.
    pub platforms: Vec<PlatformMessage>,
    /// The folders with an OCI layout that it was written to.
    pub layouts: Vec<Utf8PathBuf>,
    /// The archives that it was written to.
    pub archives: Vec<Utf8PathBuf>,
    /// Its names on the engine, where it was loaded.
    pub loaded: Vec<String>,
    /// Its names in the registry, where it was pushed.
    pub pushed: Vec<String>,
    /// The SBOMs that refer to it.
    pub sboms: Vec<SbomMessage>,
}

/// The image for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformMessage {
    /// `linux/amd64`
    pub platform: String,
    /// What the engine that has built it calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its manifest; none of what an engine has built and keeps.
    pub manifest: Option<BlobMessage>,
    /// Its configuration, by whose digest Docker and podman call it.
    pub config: Option<BlobMessage>,
    /// The bytes of all its layers, compressed.
    pub size: Option<u64>,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerMessage>,
}

/// A document by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlobMessage {
    /// The digest.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerMessage {
    /// The digest of its blob.
    pub digest: Digest,
    /// How many bytes that has.
    pub size: u64,
    /// The digest of its content, not compressed.
    pub diff_id: Digest,
    /// Whether it is the base's.
    pub base: bool,
}

/// An SBOM that refers to an image or to the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SbomMessage {
    /// The digest of what it is about.
    pub subject: Digest,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The type of the document.
    pub media_type: MediaType,
}

/// The file for programs: all images.
#[derive(Debug, Serialize)]
struct Metadata<'a> {
    images: &'a [ImageMessage],
}

impl ImageMessage {
    /// What there is to say of an image before it is written anywhere.
    #[must_use]
    pub fn of(built: &Built, title: &str) -> Self {
        let sboms = built.referrers.iter().map(|referrer| SbomMessage {
            subject: referrer.subject.digest.clone(),
            digest: referrer.manifest.descriptor.digest.clone(),
            media_type: referrer.content.descriptor.media_type.clone(),
        });
        let index = &built.index.blob.descriptor;
        let reference = built.reference();
        Self {
            reason: "image",
            image: title.to_owned(),
            name: reference.split('@').next().unwrap_or_default().to_owned(),
            tags: built.tagged(),
            digest: Some(index.digest.clone()),
            reference: Some(reference),
            media_type: Some(index.media_type.clone()),
            platforms: built.images.iter().map(PlatformMessage::of).collect(),
            layouts: Vec::new(),
            archives: Vec::new(),
            loaded: Vec::new(),
            pushed: Vec::new(),
            sboms: sboms.collect(),
        }
    }

    /// What there is to say of an image that an engine has built, and keeps: its id for each platform.
    #[must_use]
    pub fn of_engine(title: &str, tags: &[Reference], platforms: &[(&Platform, &str)]) -> Self {
        let name = tags.first().map(Reference::familiar).unwrap_or_default();
        // The tag is what follows the last colon.
        let name = name.rsplit_once(':').map_or(name.as_str(), |(name, _)| name).to_owned();
        Self {
            reason: "image",
            image: title.to_owned(),
            name,
            tags: tags.iter().map(Reference::familiar).collect(),
            digest: None,
            reference: None,
            media_type: None,
            platforms: platforms
                .iter()
                .map(|(platform, id)| PlatformMessage::of_engine(platform, id))
                .collect(),
            layouts: Vec::new(),
            archives: Vec::new(),
            loaded: Vec::new(),
            pushed: Vec::new(),
            sboms: Vec::new(),
        }
    }

    /// It as a line.
    #[must_use]
    pub fn line(&self) -> String {
        json(serde_json::to_string(self)) + "\n"
    }

    /// Images as a file.
    #[must_use]
    pub fn document(images: &[Self]) -> String {
        json(serde_json::to_string_pretty(&Metadata { images })) + "\n"
    }
}

impl PlatformMessage {
    fn of(image: &Image) -> Self {
        let layers = image.layers.iter().zip(&image.diff_ids).enumerate();
        let layers = layers.map(|(place, (layer, diff_id))| LayerMessage {
            digest: layer.digest.clone(),
            size: layer.size,
            diff_id: diff_id.clone(),
            base: place < image.base_layers,
        });
        Self {
            platform: image.platform.to_string(),
            id: None,
            manifest: Some(BlobMessage::of(&image.manifest.descriptor)),
            config: Some(BlobMessage::of(&image.config.descriptor)),
            size: Some(image.layers.iter().map(|layer| layer.size).sum()),
            layers: layers.collect(),
        }
    }

    fn of_engine(platform: &Platform, id: &str) -> Self {
        Self {
            platform: platform.to_string(),
            id: Some(id.to_owned()),
            manifest: None,
            config: None,
            size: None,
            layers: Vec::new(),
        }
    }
}

impl BlobMessage {
    fn of(descriptor: &Descriptor) -> Self {
        Self { digest: descriptor.digest.clone(), size: descriptor.size }
    }
}

/// A path as programs that start elsewhere find it.
#[must_use]
pub fn absolute(path: &Utf8Path) -> Utf8PathBuf {
    path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned())
}

#[expect(clippy::expect_used, reason = "messages have text for keys, and nothing else can go wrong")]
fn json(text: serde_json::Result<String>) -> String {
    text.expect("a message can be written")
}
