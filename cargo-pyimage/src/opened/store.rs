//! Where the documents and layers of an image are.

use camino::Utf8PathBuf;
use pyimage_build::{Blob, Descriptor, Document, ImageConfig, Layout, Reference};
use pyrun::registry::Registry;

use super::archive::Archive;
use super::error::OpenError;
use crate::build::Built;

/// Where the documents and layers of an image are.
#[derive(Debug)]
pub(super) enum Store {
    /// A folder.
    Layout(Layout),
    /// An archive.
    Archive(Archive),
    /// A repository of a registry.
    Registry(Reference),
    /// Memory, and the cache.
    Built(Box<Built>),
}

/// Where the bytes of a layer are: a file, or a part of one.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: Utf8PathBuf,
    pub(crate) start: u64,
    pub(crate) len: u64,
}

impl Store {
    pub(super) async fn document(
        &self,
        blob: &Descriptor,
        registry: &Registry,
    ) -> Result<Document, OpenError> {
        if let Self::Registry(image) = self {
            let found = registry.document(image, blob).await;
            return found.map_err(|source| OpenError::registry(image, source));
        }
        let bytes = self.bytes(blob)?;
        Document::parse(&bytes, Some(&blob.media_type))
            .map_err(|source| OpenError::Document { what: blob.digest.to_string(), source: Box::new(source) })
    }

    pub(super) async fn config(
        &self,
        blob: &Descriptor,
        registry: &Registry,
    ) -> Result<ImageConfig, OpenError> {
        if let Self::Registry(image) = self {
            let found = registry.config(image, blob).await;
            return found.map_err(|source| OpenError::registry(image, source));
        }
        let bytes = self.bytes(blob)?;
        ImageConfig::parse(&bytes)
            .map_err(|source| OpenError::Document { what: blob.digest.to_string(), source: Box::new(source) })
    }

    /// The bytes of a document, checked against its digest.
    fn bytes(&self, blob: &Descriptor) -> Result<Vec<u8>, OpenError> {
        match self {
            Self::Layout(layout) => {
                let folder = Utf8PathBuf::from_path_buf(layout.folder().to_owned()).unwrap_or_default();
                layout.read(blob).map_err(|error| OpenError::layout(&folder, error))
            }
            Self::Archive(archive) => archive.document(blob),
            Self::Built(built) => {
                let images = built.images.iter().flat_map(|image| [&image.config, &image.manifest]);
                let mut all = images.chain([&built.index.blob]);
                let found = all.find(|its: &&Blob| its.descriptor.digest == blob.digest);
                let missing = || OpenError::Missing { what: blob.digest.to_string() };
                found.map(|found| found.bytes.clone()).ok_or_else(missing)
            }
            Self::Registry(image) => Err(OpenError::Missing { what: image.familiar() }),
        }
    }

    /// The repository that it is in, with all its layers.
    pub(super) fn repository(&self) -> Option<&Reference> {
        match self {
            Self::Registry(image) => Some(image),
            _ => None,
        }
    }

    /// Where a layer is, where nothing has to be fetched for it.
    pub(super) async fn place(&self, layer: &Descriptor, registry: &Registry) -> Option<Place> {
        let file = match self {
            Self::Layout(layout) => {
                layout.has(layer).then(|| Utf8PathBuf::from_path_buf(layout.blob_path(&layer.digest)).ok())?
            }
            Self::Archive(archive) => return archive.place(&layer.digest),
            Self::Registry(image) => registry.cached(image, layer).await,
            Self::Built(built) => match built.blobs.get(&layer.digest) {
                Some(file) => Some(file.clone()),
                None => registry.cached(&built.base, layer).await,
            },
        };
        file.map(|file| Place { file, start: 0, len: layer.size })
    }
}
