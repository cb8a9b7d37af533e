//! `cargo pyimage pull`: an image from its registry, into a layout or an engine.

mod error;
mod load;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pyimage_build::{Blob, Descriptor, Digest, Document, Index, Layout, Manifest, Platform, Reference};
use pyrun::registry::{Registry, RegistryError};
use pyrun::shell::{Progress, Shell};

use crate::size::Size;

pub use error::PullError;

/// Blobs on their way at once.
const CONCURRENT: usize = 4;

/// What images are pulled with.
#[derive(Clone, Copy)]
pub struct Puller<'a> {
    /// Where they come from.
    pub registry: &'a Registry,
    /// What is told.
    pub shell: &'a Shell,
}

/// An image that is in a layout now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The digest of what the reference names.
    pub digest: Digest,
    /// Blobs that were fetched, or taken from the cache.
    pub fetched: usize,
    /// Blobs that were there.
    pub present: usize,
    /// The bytes of those that were fetched.
    pub bytes: u64,
}

/// Reads the name of an image.
///
/// # Errors
/// Where it is malformed.
pub fn reference(name: &str) -> Result<Reference, PullError> {
    let malformed = |source| PullError::Reference { name: name.to_owned(), source: Box::new(source) };
    name.parse().map_err(malformed)
}

impl Puller<'_> {
    /// Pulls an image into a layout, for these platforms, or all of it where none is named. What is there is not fetched.
    ///
    /// # Errors
    /// Where the registry refuses or fails, the image is not for a platform, or the folder cannot be written.
    pub async fn pull(
        &self,
        image: &Reference,
        platforms: &[Platform],
        folder: &Utf8Path,
    ) -> Result<Pulled, PullError> {
        let name = image.familiar();
        let unwritten = |source| PullError::Layout { folder: folder.to_owned(), source: Box::new(source) };
        let (found, document) = self.registry.fetch(image).await.map_err(refused(&name))?;
        let layout = Layout::create(folder).map_err(unwritten)?;
        let wanted = wanted(&name, &found, &document, platforms)?;
        let mut manifests = Vec::new();
        for descriptor in &wanted {
            let document = self.registry.document(image, descriptor).await.map_err(refused(&name))?;
            if let Document::Manifest(manifest) = document {
                manifests.push((descriptor, manifest));
            }
        }
        let mut blobs: Vec<&Descriptor> = Vec::new();
        let parts = manifests
            .iter()
            .flat_map(|(_, manifest)| std::iter::once(&manifest.config).chain(&manifest.layers));
        for blob in parts {
            if !blobs.iter().any(|known| known.digest == blob.digest) {
                blobs.push(blob);
            }
        }
        let (there, missing): (Vec<_>, Vec<_>) = blobs.into_iter().partition(|blob| layout.has(blob));
        let progress = self.shell.progress();
        let fetched: Vec<()> = stream::iter(&missing)
            .map(|blob| self.fetch(image, blob, &layout, folder, &progress))
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        // What names others comes when they are there.
        for (descriptor, _) in &manifests {
            self.add_document(image, descriptor, &layout, folder).await?;
        }
        self.add_document(image, &found, &layout, folder).await?;
        let named = match (&document, platforms, &wanted[..]) {
            // Who asks for one platform means its image, and not a list of which the rest is missing.
            (Document::Index(_), [_], [only]) => only,
            _ => &found,
        };
        layout.name(named, &name).map_err(unwritten)?;
        let bytes = missing.iter().map(|blob| blob.size).sum();
        Ok(Pulled { digest: named.digest.clone(), fetched: fetched.len(), present: there.len(), bytes })
    }

    async fn fetch(
        &self,
        image: &Reference,
        blob: &Descriptor,
        layout: &Layout,
        folder: &Utf8Path,
        progress: &Progress,
    ) -> Result<(), PullError> {
        let hex = blob.digest.hex();
        let bar = progress.bar(hex.get(..12).unwrap_or(hex));
        let told = |done| bar.update("Downloading", Some((done, blob.size)));
        let path = self.registry.download(image, blob, &told).await.map_err(refused(&image.familiar()))?;
        bar.update("Writing", None);
        let (layout, blob) = (layout.clone(), blob.clone());
        let written = tokio::task::spawn_blocking(move || layout.add_file(&blob, path)).await;
        let unwritten = |source| PullError::Layout { folder: folder.to_owned(), source: Box::new(source) };
        match written {
            Ok(written) => written.map_err(unwritten),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    async fn add_document(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
        layout: &Layout,
        folder: &Utf8Path,
    ) -> Result<(), PullError> {
        let bytes =
            self.registry.document_bytes(image, descriptor).await.map_err(refused(&image.familiar()))?;
        let blob = Blob { descriptor: descriptor.clone(), bytes: bytes.to_vec() };
        let unwritten = |source| PullError::Layout { folder: folder.to_owned(), source: Box::new(source) };
        layout.add_blob(&blob).map_err(unwritten)
    }
}

impl Pulled {
    /// What there was to do, in a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        let Self { fetched, present, bytes, .. } = self;
        match (fetched, present) {
            (0, _) => "all of it was there".to_owned(),
            (fetched, 0) => format!("{fetched} blobs, {}", Size(*bytes)),
            (fetched, present) => format!("{fetched} blobs, {present} were there, {}", Size(*bytes)),
        }
    }
}

/// The images of a document for these platforms; all of it where none is named, attestations too.
fn wanted(
    name: &str,
    found: &Descriptor,
    document: &Document,
    platforms: &[Platform],
) -> Result<Vec<Descriptor>, PullError> {
    let Document::Index(index) = document else { return Ok(vec![found.clone()]) };
    if platforms.is_empty() {
        return Ok(index.manifests.iter().filter(|its| its.media_type.is_manifest()).cloned().collect());
    }
    let of = |platform: &Platform| {
        image_of(index, platform).cloned().ok_or_else(|| no_platform(name, platform, index))
    };
    platforms.iter().map(of).collect()
}

/// The image for a platform: for just that, or for the newest variant of its architecture.
fn image_of<'i>(index: &'i Index, platform: &Platform) -> Option<&'i Descriptor> {
    let alike = index.images().filter(|(its, _)| {
        platform.variant().is_none()
            && its.os() == platform.os()
            && its.architecture() == platform.architecture()
    });
    let of_any_variant = alike.max_by_key(|(its, _)| its.variant());
    index.image(platform).or(of_any_variant.map(|(_, descriptor)| descriptor))
}

fn no_platform(name: &str, platform: &Platform, index: &Index) -> PullError {
    let known = index.images().map(|(its, _)| its.clone()).collect();
    PullError::NoPlatform { image: name.to_owned(), platform: platform.clone(), known }
}

fn refused(image: &str) -> impl FnOnce(RegistryError) -> PullError {
    let image = image.to_owned();
    |source| PullError::Registry { image, source: Box::new(source) }
}

/// The layers of an image, in the cache.
async fn layers(
    puller: &Puller<'_>,
    image: &Reference,
    manifest: &Manifest,
) -> Result<Vec<(Descriptor, Utf8PathBuf)>, PullError> {
    let progress = puller.shell.progress();
    let name = image.familiar();
    let fetched = stream::iter(&manifest.layers).map(|layer| {
        let (progress, name) = (&progress, &name);
        async move {
            let hex = layer.digest.hex();
            let bar = progress.bar(hex.get(..12).unwrap_or(hex));
            let told = |done| bar.update("Downloading", Some((done, layer.size)));
            let path = puller.registry.download(image, layer, &told).await.map_err(refused(name))?;
            Ok((layer.clone(), path))
        }
    });
    fetched.buffered(CONCURRENT).try_collect().await
}
