//! The documents of an image.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ImageError, ImageOptions, config, written};
use crate::{Descriptor, Digest, Layer, LayerCompression, LockedImage, MediaType, Pin, Platform, Reference};

/// An image for one platform, as bytes that are always the same.
///
/// Its documents are here; the blobs of its layers are where they are: the base's in the base's repository, the others
/// where they were made.
///
/// ```
/// # use std::collections::BTreeMap;
/// use pyimage_build::{AddedLayer, BaseImage, Digest, Image, ImageConfig, ImageOptions, Layer};
/// # use pyimage_build::{LockedImage, MediaType, Pin};
/// # let pin = |media_type| Pin { digest: Digest::of(b"{}"), size: 2, media_type };
/// # let (index, locked) = (pin(MediaType::OCI_INDEX), LockedImage {
/// #     manifest: pin(MediaType::OCI_MANIFEST), config: pin(MediaType::OCI_CONFIG), python: "3.13.5".to_owned(),
/// #     suite: None, env: vec!["PATH=/usr/local/bin:/usr/bin".to_owned()], entrypoint: Vec::new(),
/// #     cmd: vec!["python3".to_owned()], user: String::new(), working_dir: String::new(), stop_signal: None,
/// #     labels: BTreeMap::new(), layers: Vec::new(), facts: None, apt: Vec::new(),
/// # });
/// # let (digest, diff_id) = (Digest::of(b"blob"), Digest::of(b"content"));
/// # let compression = pyimage_build::LayerCompression::default();
/// # let source = Layer { digest, size: 4, diff_id, unpacked: 7, files: 1, compression };
///
/// let (reference, platform) = ("python:3.13-slim".parse()?, "linux/amd64".parse()?);
/// let base = BaseImage { reference: &reference, target: &index, platform: &platform, image: &locked };
/// let layers = [AddedLayer { layer: source, created_by: "source".to_owned() }];
/// let options = ImageOptions {
///     entrypoint: Some(vec!["python3".to_owned(), "main.py".to_owned()]),
///     env: [("PATH".to_owned(), "/opt/bin:${PATH}".to_owned())].into(),
///     ..ImageOptions::default()
/// };
/// let image = Image::assemble(base, &layers, &options)?;
///
/// let config = ImageConfig::parse(&image.config.bytes)?;
/// assert_eq!(config.variable("PATH"), Some("/opt/bin:/usr/local/bin:/usr/bin"));
/// assert_eq!(config.working_dir, "/usr/src/app");
/// assert!(config.cmd.is_empty());
/// assert_eq!(image.manifest.descriptor.digest, Digest::of(&image.manifest.bytes));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it runs on.
    pub platform: Platform,
    /// Its configuration.
    pub config: Blob,
    /// Its manifest.
    pub manifest: Blob,
    /// All its layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// How many of them, the lowest, are the base's.
    pub base_layers: usize,
    /// The digests of the layers' contents, the lowest first.
    pub diff_ids: Vec<Digest>,
}

/// A document, with what others point to it by.
///
/// ```
/// use pyimage_build::{Blob, MediaType};
///
/// let blob = Blob::new(MediaType::OCI_CONFIG, b"{}".to_vec());
/// assert_eq!(blob.descriptor.size, 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its type, digest and size.
    pub descriptor: Descriptor,
    /// It.
    pub bytes: Vec<u8>,
}

/// What an image is made on: an entry of a [`Lock`](crate::Lock).
///
/// ```no_run
/// # fn of(lock: &pyimage_build::Lock) {
/// use pyimage_build::BaseImage;
///
/// for (reference, base) in &lock.bases {
///     for (platform, image) in &base.images {
///         let base = BaseImage { reference, target: &base.target, platform, image };
///     }
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BaseImage<'a> {
    /// Its name, as the project has it.
    pub reference: &'a Reference,
    /// Its index, or its manifest where it has no index.
    pub target: &'a Pin,
    /// The platform.
    pub platform: &'a Platform,
    /// What is locked of it for the platform.
    pub image: &'a LockedImage,
}

/// A layer on top of a base.
///
/// ```
/// # use pyimage_build::{Digest, Layer};
/// # let (digest, diff_id) = (Digest::of(b"blob"), Digest::of(b"content"));
/// # let compression = pyimage_build::LayerCompression::default();
/// # let layer = Layer { digest, size: 4, diff_id, unpacked: 7, files: 1, compression };
/// use pyimage_build::AddedLayer;
///
/// let added = AddedLayer { layer, created_by: "wheels: numpy 2.5.5".to_owned() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedLayer {
    /// The layer.
    pub layer: Layer,
    /// What it is, for `docker history`.
    pub created_by: String,
}

impl Blob {
    /// A document of this type.
    ///
    /// ```
    /// # use pyimage_build::{Blob, Digest, MediaType};
    /// let blob = Blob::new(MediaType::OCI_INDEX, b"{}".to_vec());
    /// assert_eq!(blob.descriptor.digest, Digest::of(b"{}"));
    /// ```
    #[must_use]
    pub fn new(media_type: MediaType, bytes: Vec<u8>) -> Self {
        Self { descriptor: Descriptor::new(media_type, Digest::of(&bytes), bytes.len() as u64), bytes }
    }

    pub(super) fn of(media_type: MediaType, document: &impl Serialize) -> Self {
        Self::new(media_type, json(document))
    }
}

impl Image {
    /// The most layers that an image may have: overlayfs, on the engines that count, mounts no more.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Image::MAX_LAYERS, 127);
    /// ```
    pub const MAX_LAYERS: usize = super::MAX_LAYERS;

    /// Puts layers on a base, the lowest first. Media types are the base's.
    ///
    /// ```no_run
    /// # fn of(
    /// #     reference: &pyimage_build::Reference,
    /// #     base: &pyimage_build::LockedBase,
    /// #     layers: &[pyimage_build::AddedLayer],
    /// # ) -> Result<(), pyimage_build::ImageError> {
    /// use pyimage_build::{BaseImage, Image, ImageOptions};
    ///
    /// for (platform, image) in &base.images {
    ///     let on = BaseImage { reference, target: &base.target, platform, image };
    ///     let image = Image::assemble(on, layers, &ImageOptions::default())?;
    ///     println!("{platform}: {}", image.manifest.descriptor.digest);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Where the options have something that cannot be, or there are too many layers.
    pub fn assemble(
        base: BaseImage<'_>,
        layers: &[AddedLayer],
        options: &ImageOptions,
    ) -> Result<Self, ImageError> {
        let (base_layers, count) = (base.image.layers.len(), base.image.layers.len() + layers.len());
        if count > Self::MAX_LAYERS {
            return Err(ImageError::TooManyLayers { count, base: base_layers });
        }
        let manifest_type = &base.image.manifest.media_type;
        let is_zstd = |added: &AddedLayer| matches!(added.layer.compression, LayerCompression::Zstd(_));
        if *manifest_type == MediaType::DOCKER_MANIFEST && layers.iter().any(is_zstd) {
            return Err(ImageError::DockerHasNoZstd { base: base.reference.familiar() });
        }
        let of_base = base.image.layers.iter().map(|layer| {
            let Pin { digest, size, media_type } = &layer.blob;
            (Descriptor::new(media_type.clone(), digest.clone(), *size), layer.diff_id.clone())
        });
        let added =
            layers.iter().map(|added| (added.layer.descriptor(manifest_type), added.layer.diff_id.clone()));
        let (layers_of_all, diff_ids): (Vec<_>, Vec<_>) = of_base.chain(added).unzip();
        let config = config::blob(base, layers, &diff_ids, options)?;
        let manifest = written::Manifest {
            schema_version: 2,
            media_type: manifest_type,
            config: &config.descriptor,
            layers: &layers_of_all,
            annotations: &annotations(base.reference, &base.image.manifest.digest, options),
        };
        let mut manifest = Blob::of(manifest_type.clone(), &manifest);
        manifest.descriptor.platform = Some(base.platform.clone().into());
        Ok(Self {
            platform: base.platform.clone(),
            config,
            manifest,
            layers: layers_of_all,
            base_layers,
            diff_ids,
        })
    }

    /// Its layers that are not the base's, the lowest first.
    ///
    /// ```no_run
    /// # fn of(image: &pyimage_build::Image) {
    /// let upload: u64 = image.added_layers().iter().map(|layer| layer.size).sum();
    /// # }
    /// ```
    #[must_use]
    pub fn added_layers(&self) -> &[Descriptor] {
        self.layers.get(self.base_layers..).unwrap_or_default()
    }
}

/// A document as JSON. Its keys are in the order of its fields, and those of maps sorted.
#[expect(clippy::expect_used, reason = "documents have text for keys, and nothing else can go wrong")]
pub(crate) fn json(document: &(impl Serialize + ?Sized)) -> Vec<u8> {
    serde_json::to_vec(document).expect("a document can be written")
}

/// The `index.json` of a layout.
pub(crate) fn layout_index(images: &[Descriptor]) -> Vec<u8> {
    json(&written::Index {
        schema_version: 2,
        media_type: &MediaType::OCI_INDEX,
        manifests: images,
        annotations: &BTreeMap::new(),
    })
}

/// What a manifest or an index says of where it comes from: OCI's [annotations].
///
/// [annotations]: https://github.com/opencontainers/image-spec/blob/main/annotations.md
pub(super) fn annotations(
    base: &Reference,
    digest: &Digest,
    options: &ImageOptions,
) -> BTreeMap<String, String> {
    let known = [
        ("base.digest", Some(digest.to_string())),
        ("base.name", Some(base.to_string())),
        ("created", Some(options.created_text())),
        ("revision", options.revision.clone()),
        ("source", options.source.clone()),
    ];
    let known = known
        .into_iter()
        .filter_map(|(key, value)| Some((format!("org.opencontainers.image.{key}"), value?)));
    known.chain(options.annotations.clone()).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
