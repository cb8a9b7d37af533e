//! Descriptors: how one document of an image points to another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, MediaType, Platform};

/// Content by its digest, as the OCI image-spec's [descriptor] has it.
///
/// ```
/// use pyimage_build::Descriptor;
///
/// let text = format!(
///     r#"{{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 7, "digest": "sha256:{}"}}"#,
///     "ab".repeat(32)
/// );
/// let layer: Descriptor = serde_json::from_str(&text)?;
/// assert_eq!(layer.size, 7);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// [descriptor]: https://github.com/opencontainers/image-spec/blob/main/descriptor.md
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    pub media_type: MediaType,
    /// The digest of the content.
    pub digest: Digest,
    /// How many bytes the content has.
    pub size: u64,
    /// What the image that it describes runs on; indexes have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<DescribedPlatform>,
    /// What it is the manifest of, where that is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    /// Notes of whoever wrote the descriptor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// What points to this content, and says no more than that.
    ///
    /// ```
    /// use pyimage_build::{Descriptor, Digest, MediaType};
    ///
    /// let config = Descriptor::new(MediaType::OCI_CONFIG, Digest::of(b"{}"), 2);
    /// assert_eq!(config.platform, None);
    /// ```
    #[must_use]
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self { media_type, digest, size, platform: None, artifact_type: None, annotations: BTreeMap::new() }
    }

    /// Whether it is an attestation (provenance, an SBOM) that BuildKit put beside the images of an index.
    ///
    /// BuildKit gives them the platform `unknown/unknown` and an [annotation].
    ///
    /// ```
    /// # use pyimage_build::Descriptor;
    /// let text = format!(
    ///     r#"{{"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1, "digest": "sha256:{}",
    ///          "platform": {{"os": "unknown", "architecture": "unknown"}}}}"#,
    ///     "ab".repeat(32)
    /// );
    /// assert!(serde_json::from_str::<Descriptor>(&text)?.is_attestation());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// [annotation]: https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
    #[must_use]
    pub fn is_attestation(&self) -> bool {
        let unknown = self.platform.as_ref().is_some_and(|described| described.platform.os() == "unknown");
        unknown || self.annotations.contains_key("vnd.docker.reference.type")
    }
}

/// A platform as an index has it: with the version of the operating system, which tells Windows images apart.
///
/// ```
/// use pyimage_build::DescribedPlatform;
///
/// let described: DescribedPlatform = serde_json::from_str(r#"{"os": "linux", "architecture": "arm64"}"#)?;
/// assert_eq!(described.platform.to_string(), "linux/arm64");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WirePlatform", into = "WirePlatform")]
pub struct DescribedPlatform {
    /// The platform, normalised.
    pub platform: Platform,
    /// For Windows, the version that the host's has to match: `10.0.20348.4171`.
    pub os_version: Option<String>,
}

impl From<Platform> for DescribedPlatform {
    fn from(platform: Platform) -> Self {
        Self { platform, os_version: None }
    }
}

/// The platform's JSON.
#[derive(Serialize, Deserialize)]
struct WirePlatform {
    architecture: String,
    os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
}

impl TryFrom<WirePlatform> for DescribedPlatform {
    type Error = crate::PlatformError;

    fn try_from(wire: WirePlatform) -> Result<Self, Self::Error> {
        let WirePlatform { architecture, os, variant, os_version } = wire;
        let text = match variant.filter(|variant| !variant.is_empty()) {
            Some(variant) => format!("{os}/{architecture}/{variant}"),
            None => format!("{os}/{architecture}"),
        };
        Ok(Self { platform: text.parse()?, os_version })
    }
}

impl From<DescribedPlatform> for WirePlatform {
    fn from(described: DescribedPlatform) -> Self {
        let DescribedPlatform { platform, os_version } = described;
        Self {
            architecture: platform.architecture().to_owned(),
            os: platform.os().to_owned(),
            variant: platform.variant().map(str::to_owned),
            os_version,
        }
    }
}
