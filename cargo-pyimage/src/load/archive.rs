//! An archive that is written while it is sent.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use bytes::Bytes;
use camino::Utf8PathBuf;
use futures_util::future::try_join_all;
use futures_util::{Stream, stream};
use pyimage_build::{Descriptor, Image, ImageIndex, LayoutArchive, LayoutError, Platform, Reference};
use pyrun::engine::Engine;
use pyrun::registry::Registry;
use pyrun::shell::Shell;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::LoadError;
use crate::build::Built;

/// How much is sent at once.
const PIECE: usize = 1 << 18;
/// How many pieces may wait for whoever reads them.
const WAITING: usize = 4;

/// A [`LayoutArchive`] and what it is made of, so that it can go to another thread.
#[derive(Debug, Clone)]
pub struct OwnedArchive {
    images: Arc<Vec<Image>>,
    /// The index over the images, and the platform whose image Docker's own store takes.
    index: Option<(ImageIndex, Platform)>,
    names: Vec<Reference>,
    layers: Vec<(Descriptor, Utf8PathBuf)>,
}

impl OwnedArchive {
    /// An archive of one image.
    #[must_use]
    pub fn of_image(image: &Image, names: &[Reference]) -> Self {
        let images = Arc::new(vec![image.clone()]);
        Self { images, index: None, names: names.to_vec(), layers: Vec::new() }
    }

    /// An archive of an index and all its images.
    #[must_use]
    pub fn of_index(built: &Built, names: &[Reference], platform: &Platform) -> Self {
        let index = Some((built.index.clone(), platform.clone()));
        Self { images: Arc::new(built.images.clone()), index, names: names.to_vec(), layers: Vec::new() }
    }

    /// Adds the layers that were built for it.
    pub fn add_own_layers(&mut self, built: &Built) {
        let own = self.images.iter().flat_map(Image::added_layers);
        let own = own.filter_map(|layer| Some((layer.clone(), built.blobs.get(&layer.digest)?.clone())));
        self.layers.extend(own);
    }

    /// Adds layers by their files.
    pub fn add_layers(&mut self, layers: &[(Descriptor, Utf8PathBuf)]) {
        self.layers.extend_from_slice(layers);
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.archive().map_or(0, |archive| archive.size())
    }

    /// Writes it.
    ///
    /// # Errors
    /// Where a layer cannot be read, is damaged, or `out` takes no more.
    pub fn write(&self, out: impl Write) -> Result<(), LayoutError> {
        self.archive().map_or(Ok(()), |archive| archive.write(out))
    }

    /// It as a stream, and the end of its writing. Whoever drops the stream ends that, too.
    pub(super) fn stream(
        self,
    ) -> (impl Stream<Item = io::Result<Bytes>> + Send + 'static, impl Future<Output = Result<(), LoadError>>)
    {
        let (out, pieces) = streamed();
        let writing = spawn_blocking(move || {
            let written = self.write(BufWriter::with_capacity(PIECE, &out));
            if let Err(error) = &written {
                // The engine must not take what there is for all. One that is gone needs no telling.
                out.fail(error);
            }
            written
        });
        let written = async {
            match writing.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(LayoutError::Archive(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
                    Err(LoadError::NotTaken)
                }
                Ok(Err(error)) => Err(LoadError::Archive(Box::new(error))),
                Err(error) => Err(LoadError::Thread(error.into())),
            }
        };
        (pieces, written)
    }

    /// Sends it to an engine; `name` is what failures call it.
    ///
    /// # Errors
    /// Where the engine refuses it, or a layer cannot be read.
    pub async fn send(self, engine: &Engine, name: &str) -> Result<(), LoadError> {
        let (stream, writing) = self.stream();
        let loaded = engine.load(name, stream).await;
        let written = writing.await;
        // An engine that refuses an archive stops reading it: its reason is the one to tell.
        match (loaded, written) {
            (Ok(()), Ok(())) => Ok(()),
            (Err(error), Ok(()) | Err(LoadError::NotTaken)) => Err(error.into()),
            (_, Err(error)) => Err(error),
        }
    }

    fn archive(&self) -> Option<LayoutArchive<'_>> {
        let mut archive = match &self.index {
            Some((index, platform)) => LayoutArchive::of_index(index, &self.images, platform),
            None => LayoutArchive::of_image(self.images.first()?),
        };
        for name in &self.names {
            archive.add_name(name);
        }
        for (layer, file) in &self.layers {
            archive.add_layer(layer, file);
        }
        Some(archive)
    }
}

/// A stream of what a thread writes, a few pieces ahead of whoever reads them.
pub(crate) fn streamed() -> (Pieces, impl Stream<Item = io::Result<Bytes>> + Send + 'static) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let pieces = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    (Pieces(sender), pieces)
}

/// The sending end of a stream.
pub(crate) struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Pieces {
    /// Ends the stream with a failure.
    pub(crate) fn fail(&self, error: &impl std::error::Error) {
        let _ = self.0.blocking_send(Err(io::Error::other(error.to_string())));
    }
}

impl Write for &Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The layers of an image's base, fetched where the cache has not got them.
///
/// # Errors
/// Where one cannot be had.
pub async fn base_layers(
    image: &Image,
    base: &Reference,
    registry: &Registry,
    shell: &Shell,
    offline: bool,
) -> Result<Vec<(Descriptor, Utf8PathBuf)>, LoadError> {
    let progress = shell.progress();
    let layers = image.layers.iter().take(image.base_layers).map(async |layer| {
        let hex = layer.digest.hex();
        let bar = progress.bar(hex.get(..12).unwrap_or(hex));
        let told = |done| bar.update("Downloading", Some((done, layer.size)));
        Ok((layer.clone(), base_layer(layer, image, base, registry, &told, offline).await?))
    });
    try_join_all(layers).await
}

/// One layer of an image's base; `progress` is told how many of its bytes there are.
///
/// # Errors
/// Where it cannot be had.
pub(super) async fn base_layer(
    layer: &Descriptor,
    image: &Image,
    base: &Reference,
    registry: &Registry,
    progress: &dyn Fn(u64),
    offline: bool,
) -> Result<Utf8PathBuf, LoadError> {
    if offline && registry.cached(base, layer).await.is_none() {
        let (base, platform) = (base.familiar(), image.platform.clone());
        return Err(LoadError::Offline { base, platform });
    }
    registry.download(base, layer, progress).await.map_err(|source| LoadError::Base {
        base: base.familiar(),
        platform: image.platform.clone(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use futures_util::StreamExt as _;
    use pyimage_build::{AddedLayer, BaseImage, Digest, ImageOptions, Layer, LockedImage, MediaType, Pin};

    use super::*;

    fn pin(media_type: MediaType) -> Pin {
        Pin { digest: Digest::of(b"{}"), size: 2, media_type }
    }

    /// An archive of an image with one layer, which has this content.
    fn archive(folder: &tempfile::TempDir, content: &[u8]) -> OwnedArchive {
        let base = LockedImage {
            manifest: pin(MediaType::OCI_MANIFEST),
            config: pin(MediaType::OCI_CONFIG),
            python: "3.13.5".to_owned(),
            suite: None,
            env: Vec::new(),
            entrypoint: Vec::new(),
            cmd: vec!["python3".to_owned()],
            user: String::new(),
            working_dir: String::new(),
            stop_signal: None,
            labels: BTreeMap::new(),
            layers: Vec::new(),
            facts: None,
            apt: Vec::new(),
        };
        let (reference, platform) = ("python:3.13-slim".parse().unwrap(), "linux/amd64".parse().unwrap());
        let target = pin(MediaType::OCI_INDEX);
        let base = BaseImage { reference: &reference, target: &target, platform: &platform, image: &base };
        let (digest, diff_id) = (Digest::of(content), Digest::of(b"archive"));
        let compression = pyimage_build::LayerCompression::default();
        let layer = Layer { digest, size: content.len() as u64, diff_id, unpacked: 7, files: 1, compression };
        let added = [AddedLayer { layer: layer.clone(), created_by: "source".to_owned() }];
        let image = Image::assemble(base, &added, &ImageOptions::default()).unwrap();
        let file = Utf8PathBuf::from_path_buf(folder.path().join("layer")).unwrap();
        fs_err::write(&file, content).unwrap();
        let mut archive = OwnedArchive::of_image(&image, &["app:1.0".parse().unwrap()]);
        archive.add_layers(&[(image.layers[0].clone(), file)]);
        archive
    }

    #[tokio::test]
    async fn what_is_streamed_is_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(&folder, &vec![7; 3 * PIECE + 1]);
        let mut expected = Vec::new();
        archive.write(&mut expected).unwrap();
        assert_eq!(expected.len() as u64, archive.size());
        let (stream, written) = archive.stream();
        let pieces: Vec<_> = stream.map(Result::unwrap).collect().await;
        assert!(pieces.concat() == expected);
        written.await.unwrap();
    }

    #[tokio::test]
    async fn whoever_stops_reading_stops_the_writing() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(&folder, &vec![7; (WAITING + 4) * PIECE]);
        let (stream, written) = archive.stream();
        drop(stream);
        assert!(matches!(written.await, Err(LoadError::NotTaken)));
    }

    #[tokio::test]
    async fn a_damaged_layer_breaks_the_stream_off() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(&folder, b"content");
        fs_err::write(folder.path().join("layer"), "CONTENT").unwrap();
        let (stream, written) = archive.stream();
        let pieces: Vec<_> = stream.collect().await;
        assert!(matches!(pieces.last(), Some(Err(_))));
        assert!(matches!(written.await, Err(LoadError::Archive(_))));
    }
}
