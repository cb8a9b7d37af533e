//! Referrers: documents beside an image that name it, as the distribution-spec 1.1 has them.

mod index;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::date::rfc3339;
use crate::image::json;
use crate::{Blob, Descriptor, Digest, MediaType};

pub use index::ReferrersIndex;

/// The content of a configuration that has nothing to say.
const EMPTY: &[u8] = b"{}";

/// A document that belongs to an image or an index: its SBOM, mostly.
///
/// It is a manifest of its own whose `subject` is what it is about; see the [image-spec]. Nothing of the image changes.
///
/// ```
/// use pyimage_build::{Blob, MediaType, Referrer, SbomFormat};
///
/// let image = Blob::new(MediaType::OCI_MANIFEST, b"{}".to_vec()).descriptor;
/// let sbom = Blob::new(SbomFormat::Spdx.media_type(), b"{}".to_vec());
/// let referrer = Referrer::new(&image, sbom, "sbom.spdx.json", 0);
/// assert_eq!(referrer.manifest.descriptor.artifact_type, Some(SbomFormat::Spdx.media_type()));
/// assert_eq!(referrer.subject.digest, image.digest);
/// ```
///
/// [image-spec]: https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// What it is about.
    pub subject: Descriptor,
    /// Its manifest, whose descriptor has what lists of referrers say of it.
    pub manifest: Blob,
    /// Its configuration, which is empty.
    pub config: Blob,
    /// The document.
    pub content: Blob,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: MediaType,
    artifact_type: &'a MediaType,
    config: &'a Descriptor,
    layers: [&'a Descriptor; 1],
    subject: &'a Descriptor,
    annotations: &'a BTreeMap<String, String>,
}

impl Referrer {
    /// A document, by its file name, about an image or an index; `created` is in seconds since 1970.
    ///
    /// ```
    /// use pyimage_build::{Blob, MediaType, Referrer, SbomFormat};
    ///
    /// let image = Blob::new(MediaType::OCI_MANIFEST, b"{}".to_vec()).descriptor;
    /// let sbom = Blob::new(SbomFormat::CycloneDx.media_type(), b"{}".to_vec());
    /// let referrer = Referrer::new(&image, sbom, "sbom.cdx.json", 0);
    /// let created = &referrer.manifest.descriptor.annotations["org.opencontainers.image.created"];
    /// assert_eq!(created, "1970-01-01T00:00:00Z");
    /// ```
    #[must_use]
    pub fn new(subject: &Descriptor, content: Blob, file_name: &str, created: u64) -> Self {
        // What else a descriptor says depends on where it stands.
        let subject = Descriptor::new(subject.media_type.clone(), subject.digest.clone(), subject.size);
        let annotation =
            |key: &str, value: String| BTreeMap::from([(format!("org.opencontainers.image.{key}"), value)]);
        let artifact_type = content.descriptor.media_type.clone();
        let config = Blob::new(MediaType::EMPTY, EMPTY.to_vec());
        let mut content = content;
        content.descriptor.annotations = annotation("title", file_name.to_owned());
        let annotations = annotation("created", rfc3339(created));
        let document = json(&Manifest {
            schema_version: 2,
            media_type: MediaType::OCI_MANIFEST,
            artifact_type: &artifact_type,
            config: &config.descriptor,
            layers: [&content.descriptor],
            subject: &subject,
            annotations: &annotations,
        });
        let mut manifest = Blob::new(MediaType::OCI_MANIFEST, document);
        manifest.descriptor.artifact_type = Some(artifact_type);
        manifest.descriptor.annotations = annotations;
        Self { subject, manifest, config, content }
    }

    /// Where a registry without a list of referrers has one: the [tag] of what they are about.
    ///
    /// ```
    /// use pyimage_build::{Digest, Referrer};
    ///
    /// let tag = Referrer::tag(&Digest::of(b""));
    /// assert_eq!(tag, "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    /// ```
    ///
    /// [tag]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
    #[must_use]
    pub fn tag(subject: &Digest) -> String {
        let hex = subject.hex();
        format!("{}-{}", subject.algorithm(), hex.get(..64).unwrap_or(hex))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_referrer_is_what_the_specification_has() {
        let mut image = Blob::new(MediaType::DOCKER_MANIFEST, b"image".to_vec()).descriptor;
        image.platform = Some("linux/amd64".parse::<crate::Platform>().unwrap().into());
        let sbom = Blob::new(MediaType::from("application/spdx+json"), b"[]".to_vec());
        let referrer = Referrer::new(&image, sbom.clone(), "sbom.spdx.json", 1_700_000_000);
        let manifest: Value = serde_json::from_slice(&referrer.manifest.bytes).unwrap();
        let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(
            manifest,
            json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "artifactType": "application/spdx+json",
                "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
                "layers": [{
                    "mediaType": "application/spdx+json", "digest": sbom.descriptor.digest.as_str(), "size": 2,
                    "annotations": {"org.opencontainers.image.title": "sbom.spdx.json"},
                }],
                "subject": {"mediaType": image.media_type.as_str(), "digest": image.digest.as_str(), "size": 5},
                "annotations": {"org.opencontainers.image.created": "2023-11-14T22:13:20Z"},
            })
        );
        let described = serde_json::to_value(&referrer.manifest.descriptor).unwrap();
        assert_eq!(described["artifactType"], "application/spdx+json");
        assert_eq!(described["annotations"], manifest["annotations"]);
        let again: Descriptor = serde_json::from_value(described).unwrap();
        assert_eq!(again, referrer.manifest.descriptor);
        assert_eq!(Referrer::new(&image, sbom, "sbom.spdx.json", 1_700_000_000), referrer);
    }

    #[test]
    fn a_longer_digest_makes_no_longer_tag() {
        let digest: Digest = format!("sha512:{}", "ab".repeat(64)).parse().unwrap();
        assert_eq!(Referrer::tag(&digest), format!("sha512-{}", "ab".repeat(32)));
    }
}
