//! The contents of layers.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::MultiGzDecoder;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pyimage_build::{
    Digest, DigestHasher, EntryKind, InstalledWheel, LayerEntry, LayerListing, ListingError,
};
use pyrun::shell::Shell;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::store::Place;
use super::{OpenError, Opened, OpenedImage, OpenedLayer};

/// The first bytes of what gzip writes.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Whether it starts as what zstd writes: with a frame, or with one that is for others to read.
fn is_zstd(magic: &[u8]) -> bool {
    matches!(magic, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// How far to go for the contents of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing is read.
    Nothing,
    /// What is on this machine.
    Here,
    /// What the base did not bring is downloaded.
    Own,
    /// Everything is downloaded.
    All,
}

/// What is known of the contents of a layer.
#[derive(Debug)]
pub enum Held {
    /// All of it.
    Read(Content),
    /// Nothing: it is somewhere else.
    Absent,
}

/// The contents of a layer.
#[derive(Debug)]
pub struct Content {
    /// Its entries, in their order.
    pub entries: Vec<LayerEntry>,
    /// How many files and links it has.
    pub files: u64,
    /// How many bytes the files have.
    pub size: u64,
}

/// The contents of layers, by the digests of their blobs.
pub type Readings = HashMap<Digest, Held>;

impl Held {
    /// It, where it was read.
    #[must_use]
    pub fn content(&self) -> Option<&Content> {
        match self {
            Self::Read(content) => Some(content),
            Self::Absent => None,
        }
    }
}

impl Opened<'_> {
    /// Reads layers, each once; files get their digests where `hashing` is set.
    ///
    /// # Errors
    /// Where one is damaged, or cannot be downloaded.
    pub async fn read(
        &self,
        layers: impl IntoIterator<Item = (&OpenedImage, &OpenedLayer)>,
        reach: Reach,
        hashing: bool,
        shell: &Shell,
    ) -> Result<Readings, OpenError> {
        let mut wanted: Vec<(&OpenedImage, &OpenedLayer)> = layers.into_iter().collect();
        wanted.sort_by(|(_, one), (_, other)| one.blob.digest.cmp(&other.blob.digest));
        wanted.dedup_by(|(_, one), (_, other)| one.blob.digest == other.blob.digest);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let progress = shell.progress();
        let read = stream::iter(wanted).map(|(image, layer)| {
            let progress = &progress;
            async move {
                let hex = layer.blob.digest.hex();
                let bar = progress.bar(hex.get(..12).unwrap_or(hex));
                let told = |done| bar.update("Downloading", Some((done, layer.blob.size)));
                let Some(place) = self.place(image, layer, reach, &told).await? else {
                    return Ok((layer.blob.digest.clone(), Held::Absent));
                };
                bar.update("Reading", None);
                let owned = layer.clone();
                let read = tokio::task::spawn_blocking(move || content(&place, &owned, hashing)).await;
                let content = read.map_err(|error| OpenError::Thread(error.into()))??;
                Ok((layer.blob.digest.clone(), Held::Read(content)))
            }
        });
        read.buffer_unordered(cores).try_collect().await
    }

    async fn place(
        &self,
        image: &OpenedImage,
        layer: &OpenedLayer,
        reach: Reach,
        told: &dyn Fn(u64),
    ) -> Result<Option<Place>, OpenError> {
        if reach == Reach::Nothing {
            return Ok(None);
        }
        if let Some(place) = self.store.place(&layer.blob, self.registry).await {
            return Ok(Some(place));
        }
        let base = image.base.as_ref().and_then(|base| base.reference.as_ref()).filter(|_| layer.of_base);
        let from = self.store.repository().or(base);
        let Some(from) = from.filter(|_| match reach {
            Reach::Nothing | Reach::Here => false,
            Reach::Own => !layer.of_base,
            Reach::All => true,
        }) else {
            return Ok(None);
        };
        let file = self.registry.download(from, &layer.blob, told).await;
        let file = file.map_err(|source| OpenError::registry(from, source))?;
        Ok(Some(Place { file, start: 0, len: layer.blob.size }))
    }
}

/// Passes on what is read of it, and checks its digest.
struct Checked<R> {
    inner: R,
    hasher: DigestHasher,
}

impl<R> Checked<R> {
    fn new(inner: R, digest: &Digest) -> Self {
        Self { inner, hasher: digest.hasher() }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// Reads a layer to its end, and checks that it is the one.
fn content(place: &Place, layer: &OpenedLayer, hashing: bool) -> Result<Content, OpenError> {
    let digest = &layer.blob.digest;
    let failed = |source| OpenError::Read { path: place.file.clone(), source };
    let mut file = fs_err::File::open(&place.file).map_err(failed)?;
    file.seek(SeekFrom::Start(place.start)).map_err(failed)?;
    let mut blob = BufReader::with_capacity(1 << 16, Checked::new(file.take(place.len), digest));
    let magic = blob.fill_buf().map_err(failed)?;
    let listed = if magic.starts_with(&GZIP) {
        listed(MultiGzDecoder::new(&mut blob), layer, hashing)
    } else if is_zstd(magic) {
        listed(ZstdDecoder::with_buffer(&mut blob).map_err(failed)?, layer, hashing)
    } else {
        listed(&mut blob, layer, hashing)
    };
    io::copy(&mut blob, &mut io::sink()).map_err(failed)?;
    // A damaged blob is the better reason for whatever was wrong with its archive.
    if let Err(found) = blob.into_inner().hasher.finish() {
        return Err(OpenError::DamagedLayer { digest: digest.clone(), what: "its blob has", found });
    }
    listed
}

fn listed(archive: impl Read, layer: &OpenedLayer, hashing: bool) -> Result<Content, OpenError> {
    let mut archive = Checked::new(archive, &layer.diff_id);
    let mut listing = LayerListing::new(&mut archive).keeping(InstalledWheel::is_record);
    if hashing {
        listing = listing.hashing();
    }
    let mut content = Content { entries: Vec::new(), files: 0, size: 0 };
    for entry in listing {
        let entry = entry.map_err(|source| OpenError::Layer { digest: layer.blob.digest.clone(), source })?;
        let is_file =
            matches!(entry.kind, EntryKind::File | EntryKind::Symlink { .. } | EntryKind::HardLink { .. });
        content.files += u64::from(is_file);
        content.size = content.size.saturating_add(entry.size);
        content.entries.push(entry);
    }
    io::copy(&mut archive, &mut io::sink()).map_err(|error| broken(layer, error))?;
    match archive.hasher.finish() {
        Ok(()) => Ok(content),
        Err(found) => Err(OpenError::DamagedLayer {
            digest: layer.blob.digest.clone(),
            what: "its archive, uncompressed, has",
            found,
        }),
    }
}

fn broken(layer: &OpenedLayer, error: io::Error) -> OpenError {
    OpenError::Layer { digest: layer.blob.digest.clone(), source: ListingError::Read(error) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use camino::Utf8PathBuf;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use pyimage_build::{Descriptor, MediaType};

    use super::*;

    /// An archive with one file.
    fn archive() -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_size(2000);
        header.set_mode(0o644);
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_data(&mut header, "srv/data", &[7; 2000][..]).unwrap();
        archive.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    /// Frames of blocks that are not compressed.
    fn zstd(bytes: &[u8]) -> Vec<u8> {
        let frame = |part: &[u8]| {
            let size = u32::try_from(part.len()).unwrap();
            let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
            frame.extend_from_slice(&size.to_le_bytes());
            frame.extend_from_slice(&(size << 3 | 1).to_le_bytes()[..3]);
            frame.extend_from_slice(part);
            frame
        };
        bytes.chunks(1000).flat_map(frame).collect()
    }

    /// Reads a blob that lies in a file after something else.
    fn read(blob: &[u8], digest: &Digest, diff_id: &Digest) -> Result<Content, OpenError> {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8PathBuf::from_path_buf(folder.path().join("blob")).unwrap();
        fs_err::write(&file, [b"before", blob, b"after"].concat()).unwrap();
        let len = blob.len() as u64;
        let layer = OpenedLayer {
            blob: Descriptor::new(MediaType::OCI_LAYER, digest.clone(), len),
            diff_id: diff_id.clone(),
            step: None,
            of_base: false,
            is_packed: true,
        };
        content(&Place { file, start: 6, len }, &layer, true)
    }

    #[test]
    fn layers_are_read_however_they_are_compressed() {
        let archive = archive();
        let halves = archive.split_at(700);
        let members = [gzip(halves.0), gzip(halves.1)].concat();
        for blob in [archive.clone(), gzip(&archive), members, zstd(&archive)] {
            let content = read(&blob, &Digest::of(&blob), &Digest::of(&archive)).unwrap();
            assert_eq!((content.files, content.size), (1, 2000));
            assert_eq!(content.entries[0].digest, Some(Digest::of(&[7; 2000])));
        }
    }

    #[test]
    fn damage_is_told_by_the_digest() {
        let archive = archive();
        let (diff_id, other) = (Digest::of(&archive), Digest::of(b"other"));
        for blob in [archive.clone(), gzip(&archive), zstd(&archive)] {
            let digest = Digest::of(&blob);
            let wrong = read(&blob, &digest, &other);
            assert!(matches!(wrong, Err(OpenError::DamagedLayer { what, .. }) if what.contains("archive")));
            let mut damaged = blob.clone();
            damaged[700 % blob.len()] ^= 1;
            let wrong = read(&damaged, &digest, &diff_id);
            assert!(matches!(wrong, Err(OpenError::DamagedLayer { what, .. }) if what.contains("blob")));
            let short = read(&blob[..blob.len() - 9], &digest, &diff_id);
            assert!(matches!(short, Err(OpenError::DamagedLayer { .. })));
        }
        let text = b"a layer that is no archive";
        assert!(matches!(read(text, &Digest::of(text), &diff_id), Err(OpenError::Layer { .. })));
    }
}
