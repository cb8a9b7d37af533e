//! Indexes and manifests: what a registry has under a tag or a digest.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Descriptor, ImageConfig, MediaType, Platform};

/// The most bytes that an index or a manifest may have; registries need not store more ([distribution-spec]).
///
/// ```
/// assert_eq!(pyimage_build::MAX_DOCUMENT_SIZE, 4 * 1024 * 1024);
/// ```
///
/// [distribution-spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
pub const MAX_DOCUMENT_SIZE: u64 = 4 * 1024 * 1024;

/// What a reference names: one image, or an image for each of several platforms.
///
/// ```
/// use pyimage_build::{Document, MediaType};
///
/// let index = br#"{"schemaVersion": 2, "manifests": []}"#;
/// let document = Document::parse(index, Some(&MediaType::OCI_INDEX))?;
/// assert!(matches!(document, Document::Index(_)));
/// # Ok::<(), pyimage_build::DocumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there are never many, and a box would be in everybody's way")]
pub enum Document {
    /// Manifests by platform.
    Index(Index),
    /// The image of one platform.
    Manifest(Manifest),
}

/// An OCI [image index], or Docker's manifest list.
///
/// ```
/// # use pyimage_build::{Document, MediaType};
/// let Document::Index(index) = Document::parse(br#"{"manifests": []}"#, None)? else { panic!() };
/// assert_eq!(index.media_type, MediaType::OCI_INDEX);
/// # Ok::<(), pyimage_build::DocumentError>(())
/// ```
///
/// [image index]: https://github.com/opencontainers/image-spec/blob/main/image-index.md
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// OCI's type or Docker's.
    pub media_type: MediaType,
    /// All entries, attestations too, in the index's order.
    pub manifests: Vec<Descriptor>,
    /// Notes about the index.
    pub annotations: BTreeMap<String, String>,
}

/// An OCI [image manifest], or Docker's, schema 2.
///
/// ```
/// # use pyimage_build::Document;
/// # let blob = format!(r#"{{"mediaType": "x", "size": 40, "digest": "sha256:{}"}}"#, "ab".repeat(32));
/// let text = format!(r#"{{"config": {blob}, "layers": [{blob}]}}"#);
/// let Document::Manifest(manifest) = Document::parse(text.as_bytes(), None)? else { panic!() };
/// assert_eq!((manifest.config.size, manifest.layers.len()), (40, 1));
/// # Ok::<(), pyimage_build::DocumentError>(())
/// ```
///
/// [image manifest]: https://github.com/opencontainers/image-spec/blob/main/manifest.md
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// OCI's type or Docker's.
    pub media_type: MediaType,
    /// The image's configuration.
    pub config: Descriptor,
    /// The layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// Notes about the image.
    pub annotations: BTreeMap<String, String>,
}

/// Why bytes are no document of an image.
///
/// ```
/// use pyimage_build::Document;
///
/// let error = Document::parse(b"<html>", None).unwrap_err();
/// assert_eq!(error.to_string(), "the manifest is not the JSON of an index or a manifest");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Not JSON, or not of the shape that the image-spec gives it.
    #[error("the {document} is not the JSON of {expected}")]
    Malformed {
        /// What it was said to be.
        document: &'static str,
        /// What it is not.
        expected: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// It is an index and a manifest at once, which different clients would read differently (CVE-2021-41190).
    #[error("the manifest has both `{0}` and `{1}`, so that it could be taken for an index or for an image")]
    Ambiguous(&'static str, &'static str),
    /// The document says that it is something else than what it was sent as.
    #[error("the manifest was sent as `{sent}`, but calls itself `{claimed}`")]
    Contradiction {
        /// The type in the HTTP header or the descriptor.
        sent: MediaType,
        /// The type in the document.
        claimed: MediaType,
    },
    /// Docker's first format, which has no digests of layers' contents.
    #[error("the manifest is of Docker's schema 1, which was given up in 2017 and is not supported")]
    SchemaOne,
    /// Something that is no image, such as a signature or a Helm chart.
    #[error("`{0}` is not the type of an image")]
    NotAnImage(MediaType),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    media_type: Option<MediaType>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl Document {
    /// Reads what a registry sent as `sent`, its `Content-Type`.
    ///
    /// ```
    /// use pyimage_build::{Document, MediaType};
    ///
    /// let index = br#"{"schemaVersion": 2, "manifests": []}"#;
    /// assert!(Document::parse(index, Some(&MediaType::OCI_INDEX)).is_ok());
    /// assert!(Document::parse(index, Some(&MediaType::OCI_MANIFEST)).is_err());
    /// ```
    ///
    /// # Errors
    /// Where it is neither an index nor a manifest, or could be taken for both.
    pub fn parse(bytes: &[u8], sent: Option<&MediaType>) -> Result<Self, DocumentError> {
        let malformed = |source| DocumentError::Malformed {
            document: "manifest",
            expected: "an index or a manifest",
            source,
        };
        let wire: Wire = serde_json::from_slice(bytes).map_err(malformed)?;
        if wire.schema_version == Some(1) {
            return Err(DocumentError::SchemaOne);
        }
        // Some registries send `text/plain` or no type at all; only a type that has a meaning can contradict.
        let known = |kind: &&MediaType| kind.is_index() || kind.is_manifest();
        if let (Some(sent), Some(claimed)) = (sent.filter(known), &wire.media_type)
            && sent != claimed
        {
            return Err(DocumentError::Contradiction { sent: sent.clone(), claimed: claimed.clone() });
        }
        let said = wire.media_type.or_else(|| sent.filter(known).cloned());
        if let Some(other) = said.as_ref().filter(|said| !known(said)) {
            return Err(DocumentError::NotAnImage(other.clone()));
        }
        let annotations = wire.annotations.unwrap_or_default();
        match (wire.manifests, wire.config, wire.layers) {
            (Some(_), Some(_), _) => Err(DocumentError::Ambiguous("manifests", "config")),
            (Some(_), _, Some(_)) => Err(DocumentError::Ambiguous("manifests", "layers")),
            (Some(manifests), None, None) => {
                let media_type = said.unwrap_or(MediaType::OCI_INDEX);
                if !media_type.is_index() {
                    return Err(DocumentError::Contradiction {
                        sent: media_type,
                        claimed: MediaType::OCI_INDEX,
                    });
                }
                Ok(Self::Index(Index { media_type, manifests, annotations }))
            }
            (None, Some(config), Some(layers)) => {
                let media_type = said.unwrap_or(MediaType::OCI_MANIFEST);
                if !media_type.is_manifest() {
                    return Err(DocumentError::Contradiction {
                        sent: media_type,
                        claimed: MediaType::OCI_MANIFEST,
                    });
                }
                Ok(Self::Manifest(Manifest { media_type, config, layers, annotations }))
            }
            _ => {
                use serde::de::Error as _;
                Err(malformed(serde_json::Error::custom("neither `manifests` nor `config` and `layers`")))
            }
        }
    }

    /// The document's type.
    ///
    /// ```
    /// # use pyimage_build::{Document, MediaType};
    /// let index = Document::parse(br#"{"manifests": []}"#, None)?;
    /// assert_eq!(index.media_type(), &MediaType::OCI_INDEX);
    /// # Ok::<(), pyimage_build::DocumentError>(())
    /// ```
    #[must_use]
    pub fn media_type(&self) -> &MediaType {
        match self {
            Self::Index(index) => &index.media_type,
            Self::Manifest(manifest) => &manifest.media_type,
        }
    }
}

impl Index {
    /// The images of the index, each with its platform, attestations left out.
    ///
    /// Of several for one platform (Windows releases) each is given, in the index's order.
    ///
    /// ```
    /// # use pyimage_build::{Document, Index};
    /// let Document::Index(index) = Document::parse(br#"{"manifests": []}"#, None)? else { panic!() };
    /// assert_eq!(index.images().count(), 0);
    /// # Ok::<(), pyimage_build::DocumentError>(())
    /// ```
    pub fn images(&self) -> impl Iterator<Item = (&Platform, &Descriptor)> {
        self.manifests
            .iter()
            .filter(|entry| entry.media_type.is_manifest() && !entry.is_attestation())
            .filter_map(|entry| Some((&entry.platform.as_ref()?.platform, entry)))
    }

    /// The image for a platform.
    ///
    /// ```
    /// # use pyimage_build::{Document, Index, Platform};
    /// let Document::Index(index) = Document::parse(br#"{"manifests": []}"#, None)? else { panic!() };
    /// assert_eq!(index.image(&Platform::host()), None);
    /// # Ok::<(), pyimage_build::DocumentError>(())
    /// ```
    #[must_use]
    pub fn image(&self, platform: &Platform) -> Option<&Descriptor> {
        self.images().find(|(its, _)| *its == platform).map(|(_, entry)| entry)
    }
}

impl Manifest {
    /// The bytes of all layers as they travel, compressed: what a first pull costs.
    ///
    /// ```
    /// # use pyimage_build::{Descriptor, Document, Manifest};
    /// let digest = format!("sha256:{}", "ab".repeat(32));
    /// let blob = format!(r#"{{"mediaType": "x", "size": 40, "digest": "{digest}"}}"#);
    /// let text = format!(r#"{{"config": {blob}, "layers": [{blob}, {blob}]}}"#);
    /// let Document::Manifest(manifest) = Document::parse(text.as_bytes(), None)? else { panic!() };
    /// assert_eq!(manifest.layers_size(), 80);
    /// # Ok::<(), pyimage_build::DocumentError>(())
    /// ```
    #[must_use]
    pub fn layers_size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add)
    }

    /// Whether configuration and manifest tell of the same number of layers.
    ///
    /// ```
    /// # use pyimage_build::{Document, ImageConfig};
    /// # let blob = format!(r#"{{"mediaType": "x", "size": 40, "digest": "sha256:{}"}}"#, "ab".repeat(32));
    /// # let text = format!(r#"{{"config": {blob}, "layers": [{blob}]}}"#);
    /// # let Document::Manifest(manifest) = Document::parse(text.as_bytes(), None)? else { panic!() };
    /// let config = ImageConfig::parse(br#"{"os": "linux", "architecture": "arm64", "rootfs": {"diff_ids": []}}"#)?;
    /// assert!(!manifest.agrees_with(&config));
    /// # Ok::<(), pyimage_build::DocumentError>(())
    /// ```
    #[must_use]
    pub fn agrees_with(&self, config: &ImageConfig) -> bool {
        self.layers.len() == config.diff_ids.len()
    }
}

#[cfg(test)]
mod tests;
