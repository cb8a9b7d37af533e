//! The list of what refers to an image, where its registry keeps none: an index that clients maintain.

use serde_json::{Map, Value, json};

use crate::{Blob, Descriptor, Digest, Document, DocumentError, MediaType};

/// The list of what refers to an image, as clients keep it under [`Referrer::tag`](crate::Referrer::tag) where a registry does not.
///
/// Others have their entries in it, too, perhaps with keys that are not known here: they stay as they are.
///
/// ```
/// use pyimage_build::{Blob, MediaType, ReferrersIndex};
///
/// let signature = Blob::new(MediaType::OCI_MANIFEST, b"{}".to_vec()).descriptor;
/// let mut index = ReferrersIndex::default();
/// index.add(&signature);
/// assert!(index.has(&signature.digest));
/// assert_eq!(ReferrersIndex::parse(&index.blob().bytes)?, index);
/// # Ok::<(), pyimage_build::DocumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ReferrersIndex(Map<String, Value>);

impl Default for ReferrersIndex {
    fn default() -> Self {
        let mut index = Map::new();
        index.insert("schemaVersion".to_owned(), json!(2));
        index.insert("mediaType".to_owned(), json!(MediaType::OCI_INDEX.as_str()));
        index.insert("manifests".to_owned(), json!([]));
        Self(index)
    }
}

impl ReferrersIndex {
    /// Reads one.
    ///
    /// ```
    /// use pyimage_build::ReferrersIndex;
    ///
    /// assert_eq!(ReferrersIndex::parse(&ReferrersIndex::default().blob().bytes)?, ReferrersIndex::default());
    /// assert!(ReferrersIndex::parse(b"{}").is_err());
    /// # Ok::<(), pyimage_build::DocumentError>(())
    /// ```
    ///
    /// # Errors
    /// Where it is no index: somebody has put something else under that tag.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        match Document::parse(bytes, Some(&MediaType::OCI_INDEX))? {
            Document::Index(_) => {}
            Document::Manifest(manifest) => {
                return Err(DocumentError::Contradiction {
                    sent: MediaType::OCI_INDEX,
                    claimed: manifest.media_type,
                });
            }
        }
        let malformed =
            |source| DocumentError::Malformed { document: "list of referrers", expected: "an index", source };
        serde_json::from_slice(bytes).map(Self).map_err(malformed)
    }

    /// Whether this is in it.
    ///
    /// ```
    /// use pyimage_build::{Digest, ReferrersIndex};
    ///
    /// assert!(!ReferrersIndex::default().has(&Digest::of(b"")));
    /// ```
    #[must_use]
    pub fn has(&self, referrer: &Digest) -> bool {
        let entries = self.0.get("manifests").and_then(Value::as_array);
        entries.into_iter().flatten().any(|entry| entry["digest"] == referrer.as_str())
    }

    /// Puts an entry behind all others.
    ///
    /// ```
    /// use pyimage_build::{Blob, MediaType, ReferrersIndex};
    ///
    /// let signature = Blob::new(MediaType::OCI_MANIFEST, b"{}".to_vec()).descriptor;
    /// let mut index = ReferrersIndex::default();
    /// index.add(&signature);
    /// assert!(index.has(&signature.digest));
    /// ```
    pub fn add(&mut self, referrer: &Descriptor) {
        let entries = self.0.entry("manifests").or_insert_with(|| json!([]));
        if let Some(entries) = entries.as_array_mut() {
            entries.push(json!(referrer));
        }
    }

    /// It as a document.
    ///
    /// ```
    /// use pyimage_build::{MediaType, ReferrersIndex};
    ///
    /// assert_eq!(ReferrersIndex::default().blob().descriptor.media_type, MediaType::OCI_INDEX);
    /// ```
    #[must_use]
    pub fn blob(&self) -> Blob {
        Blob::new(MediaType::OCI_INDEX, crate::image::json(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays() {
        let digest = Digest::of(b"theirs");
        let theirs = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{
                "mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 7, "digest": digest.as_str(),
                "artifactType": "application/vnd.dev.cosign.signature", "data": "e30=", "new": [1],
            }],
            "annotations": {"by": "them"},
            "unknown": {"kept": true},
        });
        let mut index = ReferrersIndex::parse(theirs.to_string().as_bytes()).unwrap();
        let own = Descriptor::new(MediaType::OCI_MANIFEST, Digest::of(b"ours"), 4);
        assert!(index.has(&digest) && !index.has(&own.digest));
        index.add(&own);
        let written: Value = serde_json::from_slice(&index.blob().bytes).unwrap();
        assert_eq!(written["manifests"][0], theirs["manifests"][0]);
        assert_eq!(written["manifests"][1]["digest"], own.digest.as_str());
        assert_eq!(
            (&written["annotations"], &written["unknown"]),
            (&theirs["annotations"], &theirs["unknown"])
        );
    }

    #[test]
    fn something_else_is_not_written_over() {
        let blob = json!({"mediaType": "x", "size": 1, "digest": Digest::of(b"").as_str()});
        let image = json!({"schemaVersion": 2, "config": blob, "layers": []});
        for other in [image.to_string(), "[]".to_owned(), "{}".to_owned()] {
            assert!(ReferrersIndex::parse(other.as_bytes()).is_err(), "{other}");
        }
    }
}
