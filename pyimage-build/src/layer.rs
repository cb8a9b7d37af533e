//! Layers: the compressed archives that an image is made of.

#[cfg(feature = "image")]
mod archive;
mod compression;
#[cfg(feature = "image")]
mod compressor;
#[cfg(feature = "image")]
mod contents;
#[cfg(feature = "image")]
mod error;
#[cfg(feature = "image")]
mod folders;
#[cfg(feature = "image")]
mod gzip;
#[cfg(feature = "image")]
mod installed;
#[cfg(feature = "image")]
mod key;
#[cfg(feature = "image")]
mod listing;
#[cfg(feature = "image")]
mod packed;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(feature = "image")]
use serde::{Deserialize, Serialize};

use crate::Digest;
#[cfg(feature = "image")]
use crate::{Descriptor, MediaType};

pub use compression::LayerCompression;
#[cfg(feature = "image")]
pub use contents::LayerContents;
#[cfg(feature = "image")]
pub use error::LayerError;
#[cfg(feature = "image")]
pub use folders::BaseFolders;
#[cfg(feature = "image")]
pub use installed::InstalledWheel;
#[cfg(feature = "image")]
pub use key::LayerKey;
#[cfg(feature = "image")]
pub use listing::{EntryKind, LayerEntry, LayerListing, ListingError};

/// A layer that was made: what a manifest and a configuration say of it.
///
/// Beside its blob in a cache, as JSON, it spares reading the blob.
///
/// ```
/// use pyimage_build::{Digest, Layer, LayerCompression, MediaType};
///
/// let digest = Digest::of(b"blob");
/// let diff_id = Digest::of(b"content");
/// let layer = Layer { digest, size: 4, diff_id, unpacked: 7, files: 1, compression: LayerCompression::default() };
/// assert_eq!(layer.descriptor(&MediaType::OCI_MANIFEST).media_type, MediaType::OCI_LAYER);
/// let json = serde_json::to_string(&layer)?;
/// assert_eq!(serde_json::from_str::<Layer>(&json)?, layer);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "image", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "image", serde(deny_unknown_fields))]
pub struct Layer {
    /// The digest of the blob: the layer as it travels, compressed.
    pub digest: Digest,
    /// How many bytes the blob has.
    pub size: u64,
    /// The digest of the archive, uncompressed.
    pub diff_id: Digest,
    /// How many bytes the archive has.
    pub unpacked: u64,
    /// How many files and symbolic links are in it.
    pub files: u64,
    /// How it is compressed.
    #[cfg_attr(feature = "image", serde(default, skip_serializing_if = "LayerCompression::is_default"))]
    pub compression: LayerCompression,
}

impl Layer {
    /// The version of the bytes that layers get, which a golden test guards. Another version, other digests.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Layer::FORMAT, 1);
    /// ```
    pub const FORMAT: u32 = 1;

    /// How a manifest of this type points to it: as one of OCI's layers, or one of Docker's.
    ///
    /// ```
    /// # use pyimage_build::{Digest, Layer, LayerCompression, MediaType};
    /// # let (digest, diff_id) = (Digest::of(b"blob"), Digest::of(b"content"));
    /// # let compression = LayerCompression::default();
    /// # let layer = Layer { digest, size: 4, diff_id, unpacked: 7, files: 1, compression };
    /// assert_eq!(layer.descriptor(&MediaType::DOCKER_MANIFEST).media_type, MediaType::DOCKER_LAYER);
    /// ```
    #[cfg(feature = "image")]
    #[must_use]
    pub fn descriptor(&self, manifest: &MediaType) -> Descriptor {
        let media_type = match self.compression {
            // Docker's types have none for it.
            LayerCompression::Zstd(_) => MediaType::OCI_LAYER_ZSTD,
            LayerCompression::Gzip(_) if *manifest == MediaType::DOCKER_MANIFEST => MediaType::DOCKER_LAYER,
            LayerCompression::Gzip(_) => MediaType::OCI_LAYER,
        };
        Descriptor::new(media_type, self.digest.clone(), self.size)
    }
}

/// What the bytes of a layer depend on besides its contents.
///
/// ```
/// use pyimage_build::{BaseFolders, LayerOptions};
///
/// let options = LayerOptions { base_folders: BaseFolders::official(13), ..LayerOptions::default() };
/// assert_eq!((options.modified, options.uid, options.gid), (0, 0, 0));
/// ```
#[cfg(feature = "image")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerOptions {
    /// When everything was modified, in seconds since 1970: `SOURCE_DATE_EPOCH`, or 0.
    pub modified: u64,
    /// Who owns everything.
    pub uid: u64,
    /// The group of everything.
    pub gid: u64,
    /// Folders that are not made, since the base has them.
    pub base_folders: BaseFolders,
    /// How it is compressed.
    pub compression: LayerCompression,
}

#[cfg(test)]
mod tests;
