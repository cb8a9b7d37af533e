//! What an engine has built, taken from it: an image that is pushed, saved and written as any other.
//!
//! The engine gives it as `docker save` does. Its configuration stays as it is, and with it the image's id; layers are
//! compressed here, where the engine keeps them unpacked. Those of the locked base are passed over: the base's repository
//! has their blobs.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::{Compression, GzBuilder};
use futures_util::StreamExt as _;
use pyimage_build::{
    Blob, Descriptor, Digest, DocumentError, Image, ImageConfig, ImageIndex, LockedBase, LockedImage,
    MediaType, Pin, Platform, Reference,
};
use pyrun::cache::{Cache, Work};
use pyrun::engine::EngineError;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::{EngineBuilder, Project};
use crate::build::Built;
use crate::opened::{Archive, OpenError};

/// How hard layers are compressed, as with those that are assembled.
const LEVEL: u32 = 5;
/// How files of gzip and of Zstandard begin.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// An image that an engine has built, with its layers in files that go away with this.
#[derive(Debug)]
pub struct Exported {
    /// The image.
    pub built: Built,
    _work: Work,
}

/// Why an engine's image cannot be taken from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The engine does not give it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What it gives is no image.
    #[error("could not read what the engine gave of `{image}`")]
    Archive {
        /// The image.
        image: String,
        /// Why not.
        source: Box<OpenError>,
    },
    /// Its configuration makes no sense.
    #[error("could not read the configuration of `{image}`")]
    Config {
        /// The image.
        image: String,
        /// Why not.
        source: DocumentError,
    },
    /// A layer is not there, or is another than the configuration says.
    #[error("what the engine gave of `{image}` lacks its layer `{layer}`")]
    Layer {
        /// The image.
        image: String,
        /// The digest of its content.
        layer: Digest,
    },
    /// Its layers cannot be kept for as long as it takes.
    #[error("could not keep the layers of `{image}`")]
    Unkept {
        /// The image.
        image: String,
        /// Why not.
        source: io::Error,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'a MediaType,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'a MediaType,
    manifests: &'a [Descriptor],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

impl EngineBuilder<'_> {
    /// Takes an image from the engine, which has it for each of these platforms by this name, as one with these tags.
    ///
    /// # Errors
    /// Where the engine does not give it, or the disk takes no more.
    pub async fn export(
        &self,
        project: &Project<'_>,
        platforms: &[(Platform, Reference)],
        tags: Vec<Reference>,
        cache: &Cache,
    ) -> Result<Exported, ExportError> {
        let settings = &project.image.settings;
        let unkept = |image: &str| {
            let image = image.to_owned();
            |source| ExportError::Unkept { image, source }
        };
        let title = project.image.title();
        let folder = cache.folder("layers").map_err(|error| unkept(&title)(io::Error::other(error)))?;
        let work = Work::begin(&folder).map_err(unkept(&title))?;
        let locked = project.lock.and_then(|lock| lock.bases.get(&settings.base));
        let (mut images, mut blobs) = (Vec::new(), BTreeMap::new());
        for (platform, name) in platforms {
            let shown = name.familiar();
            self.shell.status("Exporting", format_args!("{shown} from {}", self.engine.address()));
            let archive = work.join("image.tar");
            self.save(name, &archive).await?;
            let job = Job {
                image: shown.clone(),
                platform: platform.clone(),
                base: locked.and_then(|base| base.images.get(platform)).cloned(),
                annotations: settings.options.annotations.clone(),
                folder: work.folder(),
            };
            let taken = spawn_blocking(move || job.image(&archive)).await;
            let (image, own) = taken.map_err(|error| unkept(&shown)(error.into()))??;
            images.push(image);
            blobs.extend(own);
        }
        images.sort_by(|one, other| one.platform.cmp(&other.platform));
        let index = index(&images, &settings.options.annotations);
        let descriptor = &index.blob.descriptor;
        let nothing = || LockedBase {
            target: Pin {
                digest: descriptor.digest.clone(),
                size: descriptor.size,
                media_type: descriptor.media_type.clone(),
            },
            images: BTreeMap::new(),
        };
        let built = Built {
            name: settings.name.clone(),
            tags,
            base: settings.base.clone(),
            locked: locked.cloned().unwrap_or_else(nothing),
            images,
            index,
            blobs,
            options: settings.options.clone(),
            referrers: Vec::new(),
            bytecode: BTreeMap::new(),
        };
        Ok(Exported { built, _work: work })
    }

    async fn save(&self, name: &Reference, file: &Utf8Path) -> Result<(), ExportError> {
        let unkept = |source| ExportError::Unkept { image: name.familiar(), source };
        let mut out = fs_err::File::create(file).map_err(unkept)?;
        let mut pieces = Box::pin(self.engine.save(&name.to_string()));
        while let Some(piece) = pieces.next().await {
            out.write_all(&piece?).map_err(unkept)?;
        }
        Ok(())
    }
}

/// The index over images of the same kind.
fn index(images: &[Image], annotations: &BTreeMap<String, String>) -> ImageIndex {
    let is_docker = images
        .first()
        .is_some_and(|image| image.manifest.descriptor.media_type == MediaType::DOCKER_MANIFEST);
    let media_type = if is_docker { MediaType::DOCKER_INDEX } else { MediaType::OCI_INDEX };
    let manifests: Vec<_> = images.iter().map(|image| image.manifest.descriptor.clone()).collect();
    let index = Index { schema_version: 2, media_type: &media_type, manifests: &manifests, annotations };
    ImageIndex { blob: blob(media_type.clone(), &index) }
}

/// An image in an archive.
struct Job {
    image: String,
    platform: Platform,
    base: Option<LockedImage>,
    annotations: BTreeMap<String, String>,
    /// Where layers go.
    folder: Utf8PathBuf,
}

impl Job {
    fn image(self, archive: &Utf8Path) -> Result<(Image, BTreeMap<Digest, Utf8PathBuf>), ExportError> {
        let name = || self.image.clone();
        let unreadable = |source| ExportError::Archive { image: name(), source: Box::new(source) };
        let mut opened = Archive::open(archive).map_err(unreadable)?;
        let saved = opened.saved().map_err(unreadable)?.into_iter().next();
        let saved = saved.ok_or_else(|| unreadable(OpenError::NoImages { path: archive.to_owned() }))?;
        let bytes = opened.small(&saved.config).map_err(unreadable)?;
        let config =
            ImageConfig::parse(&bytes).map_err(|source| ExportError::Config { image: name(), source })?;
        let paths: Vec<_> = saved.layers.into_iter().zip(config.diff_ids.iter().cloned()).collect();
        opened.add_layers(&paths);

        let base = self.base.as_ref().filter(|base| {
            let own = config.diff_ids.iter().take(base.layers.len());
            base.layers.iter().map(|layer| &layer.diff_id).eq(own)
        });
        let base_layers = base.map_or(0, |base| base.layers.len());
        let is_docker = base.is_some_and(|base| base.manifest.media_type == MediaType::DOCKER_MANIFEST);
        let (of_manifest, of_config, of_layer) = if is_docker {
            (MediaType::DOCKER_MANIFEST, MediaType::DOCKER_CONFIG, MediaType::DOCKER_LAYER)
        } else {
            (MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG, MediaType::OCI_LAYER)
        };
        let of_base = base.iter().flat_map(|base| &base.layers).map(|layer| &layer.blob);
        let mut layers: Vec<_> = of_base
            .map(|pin| Descriptor::new(pin.media_type.clone(), pin.digest.clone(), pin.size))
            .collect();
        let mut blobs = BTreeMap::new();
        for diff_id in &config.diff_ids[base_layers..] {
            let missing = || ExportError::Layer { image: name(), layer: diff_id.clone() };
            let place = opened.place(diff_id).ok_or_else(missing)?;
            let file = self.folder.join(diff_id.hex());
            let kept = (|| {
                let mut from = fs_err::File::open(&place.file)?;
                from.seek(SeekFrom::Start(place.start))?;
                kept(from.take(place.len), diff_id, &of_layer, &file)
            })();
            let layer = kept.map_err(|source| ExportError::Unkept { image: name(), source })?;
            let layer = layer.ok_or_else(missing)?;
            blobs.insert(layer.digest.clone(), file);
            layers.push(layer);
        }
        let config_blob = Blob::new(of_config, bytes);
        let manifest = Manifest {
            schema_version: 2,
            media_type: &of_manifest,
            config: &config_blob.descriptor,
            layers: &layers,
            annotations: &self.annotations,
        };
        let mut manifest = blob(of_manifest.clone(), &manifest);
        manifest.descriptor.platform = Some(self.platform.clone().into());
        let diff_ids = config.diff_ids;
        Ok((
            Image { platform: self.platform, config: config_blob, manifest, layers, base_layers, diff_ids },
            blobs,
        ))
    }
}

/// Writes a layer as it travels; none where it is not the one that it should be. One that is compressed stays as it is.
fn kept(
    mut from: impl Read,
    diff_id: &Digest,
    media_type: &MediaType,
    file: &Utf8Path,
) -> io::Result<Option<Descriptor>> {
    let mut start = Vec::new();
    from.by_ref().take(ZSTD.len() as u64).read_to_end(&mut start)?;
    let compressed = if start.starts_with(&GZIP) {
        Some(media_type.clone())
    } else {
        start.starts_with(&ZSTD).then_some(MediaType::OCI_LAYER_ZSTD)
    };
    let mut from = start.as_slice().chain(from);
    let out = io::BufWriter::new(Hashed::new(fs_err::File::create(file)?));
    let out = if compressed.is_some() {
        let mut out = out;
        io::copy(&mut from, &mut out)?;
        out
    } else {
        let mut out = GzBuilder::new().write(out, Compression::new(LEVEL));
        let (mut content, mut buffer) = (diff_id.hasher(), vec![0; 1 << 16]);
        loop {
            match from.read(&mut buffer)? {
                0 => break,
                read => {
                    content.update(&buffer[..read]);
                    out.write_all(&buffer[..read])?;
                }
            }
        }
        if content.finish().is_err() {
            return Ok(None);
        }
        out.finish()?
    };
    let (digest, size) = out.into_inner().map_err(io::IntoInnerError::into_error)?.end();
    Ok(Some(Descriptor::new(compressed.unwrap_or_else(|| media_type.clone()), digest, size)))
}

/// A file, with the digest of what is written to it.
struct Hashed {
    file: fs_err::File,
    hasher: pyimage_build::DigestHasher,
    size: u64,
}

impl Hashed {
    fn new(file: fs_err::File) -> Self {
        Self { file, hasher: Digest::of(b"").hasher(), size: 0 }
    }

    fn end(self) -> (Digest, u64) {
        (self.hasher.finish().err().unwrap_or_else(|| Digest::of(b"")), self.size)
    }
}

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[expect(clippy::expect_used, reason = "documents have text for keys, and nothing else can go wrong")]
fn blob(media_type: MediaType, document: &impl Serialize) -> Blob {
    Blob::new(media_type, serde_json::to_vec(document).expect("a document can be written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_compressed_once_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8PathBuf::from_path_buf(folder.path().join("layer")).unwrap();
        let content = b"a layer, so to say".repeat(100);
        let diff_id = Digest::of(&content);
        let layer = kept(&content[..], &diff_id, &MediaType::OCI_LAYER, &file).unwrap().unwrap();
        let bytes = fs_err::read(&file).unwrap();
        assert_eq!((layer.size, &layer.digest), (bytes.len() as u64, &Digest::of(&bytes)));
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, content);
        // The same again, as an engine gives it that keeps what travels.
        let same = kept(&bytes[..], &diff_id, &MediaType::OCI_LAYER, &file).unwrap().unwrap();
        assert_eq!((same, fs_err::read(&file).unwrap()), (layer, bytes));
        let zstd = [&ZSTD[..], b"rest"].concat();
        let layer = kept(&zstd[..], &diff_id, &MediaType::OCI_LAYER, &file).unwrap().unwrap();
        assert_eq!(layer.media_type, MediaType::OCI_LAYER_ZSTD);
        assert_eq!(kept(&b"other"[..], &diff_id, &MediaType::OCI_LAYER, &file).unwrap(), None);
    }
}
