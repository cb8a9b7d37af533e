//! The index over the images of several platforms.

use super::document::annotations;
use super::{Blob, Image, ImageError, ImageOptions, written};
use crate::{MediaType, Pin, Reference};

/// The images of several platforms as one.
///
/// ```no_run
/// # fn of(base: &pyimage_build::Reference, target: &pyimage_build::Pin, images: &[pyimage_build::Image])
/// # -> Result<(), pyimage_build::ImageError> {
/// use pyimage_build::{ImageIndex, ImageOptions};
///
/// let index = ImageIndex::assemble(base, target, images, &ImageOptions::default())?;
/// println!("{}", index.blob.descriptor.digest);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageIndex {
    /// The document.
    pub blob: Blob,
}

impl ImageIndex {
    /// Makes the index of images, in the order of their platforms, whatever order they are in.
    ///
    /// `target` is what the base's reference names: an index, mostly. Its type is that of this one.
    ///
    /// ```
    /// # use pyimage_build::{ImageError, Digest, ImageIndex, ImageOptions, MediaType, Pin};
    /// let target = Pin { digest: Digest::of(b"{}"), size: 2, media_type: MediaType::OCI_INDEX };
    /// let error = ImageIndex::assemble(&"python".parse()?, &target, &[], &ImageOptions::default());
    /// assert_eq!(error, Err(ImageError::NoImages));
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    pub fn assemble(
        base: &Reference,
        target: &Pin,
        images: &[Image],
        options: &ImageOptions,
    ) -> Result<Self, ImageError> {
        let mut images: Vec<&Image> = images.iter().collect();
        images.sort_by(|one, other| one.platform.cmp(&other.platform));
        let Some(first) = images.first() else { return Err(ImageError::NoImages) };
        if let Some(twice) = images.windows(2).find(|pair| pair[0].platform == pair[1].platform) {
            return Err(ImageError::PlatformTwice(twice[0].platform.clone()));
        }
        let is_docker = first.manifest.descriptor.media_type == MediaType::DOCKER_MANIFEST;
        let media_type = match &target.media_type {
            its if its.is_index() => its.clone(),
            _ if is_docker => MediaType::DOCKER_INDEX,
            _ => MediaType::OCI_INDEX,
        };
        let manifests: Vec<_> = images.iter().map(|image| image.manifest.descriptor.clone()).collect();
        let index = written::Index {
            schema_version: 2,
            media_type: &media_type,
            manifests: &manifests,
            annotations: &annotations(base, &target.digest, options),
        };
        Ok(Self { blob: Blob::of(media_type.clone(), &index) })
    }
}
