//! Media types of the documents and layers of images.

use std::fmt;

#[cfg(feature = "image")]
use serde::{Deserialize, Serialize};

/// The media type of a document or a layer: OCI's, Docker's, or one that this crate does not know.
///
/// OCI's are in the image-spec's [media types], Docker's in its [manifest v2 schema 2].
///
/// ```
/// use pyimage_build::MediaType;
///
/// let docker = MediaType::from("application/vnd.docker.distribution.manifest.list.v2+json");
/// assert_eq!(docker, MediaType::DOCKER_INDEX);
/// assert!(docker.is_index() && MediaType::OCI_INDEX.is_index());
/// ```
///
/// [media types]: https://github.com/opencontainers/image-spec/blob/main/media-types.md
/// [manifest v2 schema 2]: https://distribution.github.io/distribution/spec/manifest-v2-2/
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "image", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "image", serde(transparent))]
pub struct MediaType(std::borrow::Cow<'static, str>);

impl MediaType {
    /// OCI's image index.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.oci.image.index.v1+json"), MediaType::OCI_INDEX);
    /// ```
    pub const OCI_INDEX: Self = Self::known("application/vnd.oci.image.index.v1+json");
    /// OCI's image manifest.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.oci.image.manifest.v1+json"), MediaType::OCI_MANIFEST);
    /// ```
    pub const OCI_MANIFEST: Self = Self::known("application/vnd.oci.image.manifest.v1+json");
    /// OCI's image configuration.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.oci.image.config.v1+json"), MediaType::OCI_CONFIG);
    /// ```
    pub const OCI_CONFIG: Self = Self::known("application/vnd.oci.image.config.v1+json");
    /// Docker's manifest list, which OCI's index came from.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.docker.distribution.manifest.list.v2+json"), MediaType::DOCKER_INDEX);
    /// ```
    pub const DOCKER_INDEX: Self = Self::known("application/vnd.docker.distribution.manifest.list.v2+json");
    /// Docker's manifest, schema 2.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.docker.distribution.manifest.v2+json"), MediaType::DOCKER_MANIFEST);
    /// ```
    pub const DOCKER_MANIFEST: Self = Self::known("application/vnd.docker.distribution.manifest.v2+json");
    /// Docker's image configuration.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.docker.container.image.v1+json"), MediaType::DOCKER_CONFIG);
    /// ```
    pub const DOCKER_CONFIG: Self = Self::known("application/vnd.docker.container.image.v1+json");

    /// OCI's configuration of what is no image, and has none.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.oci.empty.v1+json"), MediaType::EMPTY);
    /// ```
    pub const EMPTY: Self = Self::known("application/vnd.oci.empty.v1+json");

    /// A layer: an archive, gzipped.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.oci.image.layer.v1.tar+gzip"), MediaType::OCI_LAYER);
    /// ```
    pub const OCI_LAYER: Self = Self::known("application/vnd.oci.image.layer.v1.tar+gzip");
    /// A layer: an archive, compressed with Zstandard.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.oci.image.layer.v1.tar+zstd"), MediaType::OCI_LAYER_ZSTD);
    /// ```
    pub const OCI_LAYER_ZSTD: Self = Self::known("application/vnd.oci.image.layer.v1.tar+zstd");
    /// A layer of Docker's: an archive, gzipped.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::from("application/vnd.docker.image.rootfs.diff.tar.gzip"), MediaType::DOCKER_LAYER);
    /// ```
    pub const DOCKER_LAYER: Self = Self::known("application/vnd.docker.image.rootfs.diff.tar.gzip");

    /// What a client that reads images accepts, as in an HTTP `Accept` header.
    ///
    /// ```
    /// let accepted = pyimage_build::MediaType::DOCUMENTS.map(|kind| kind.to_string()).join(", ");
    /// assert!(accepted.contains("application/vnd.oci.image.index.v1+json, "));
    /// ```
    pub const DOCUMENTS: [Self; 4] =
        [Self::OCI_INDEX, Self::DOCKER_INDEX, Self::OCI_MANIFEST, Self::DOCKER_MANIFEST];

    const fn known(text: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(text))
    }

    /// The type as it is written in documents and HTTP headers.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert_eq!(MediaType::OCI_INDEX.as_str(), "application/vnd.oci.image.index.v1+json");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an index: manifests by platform.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert!(!MediaType::OCI_MANIFEST.is_index());
    /// ```
    #[must_use]
    pub fn is_index(&self) -> bool {
        [Self::OCI_INDEX, Self::DOCKER_INDEX].contains(self)
    }

    /// Whether it is a manifest: the layers and the configuration of one platform.
    ///
    /// ```
    /// # use pyimage_build::MediaType;
    /// assert!(MediaType::DOCKER_MANIFEST.is_manifest());
    /// ```
    #[must_use]
    pub fn is_manifest(&self) -> bool {
        [Self::OCI_MANIFEST, Self::DOCKER_MANIFEST].contains(self)
    }
}

impl From<&str> for MediaType {
    /// Parameters (`; charset=utf-8`), which some registries add, are not part of the type.
    fn from(text: &str) -> Self {
        let bare = text.split(';').next().unwrap_or(text).trim();
        Self(bare.to_owned().into())
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
