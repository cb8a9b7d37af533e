//! A layout as an archive, which every engine loads.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tar::{EntryType, Header};

use super::file::copy;
use super::{LayoutError, REF_NAME, VERSION, blob_name};
use crate::image::{json, layout_index};
use crate::{Blob, Descriptor, Digest, Image, ImageIndex, Platform, Reference};

/// An archive that is a layout and what `docker save` writes at once, so that every engine loads it.
///
/// Engines with containerd's store take `index.json`, and need no layer that they have. Docker's own store takes
/// `manifest.json`, and opens no layer that it has on the same layers below. So an archive may leave out layers of a
/// base that the engine has; podman and skopeo want all of them.
///
/// ```
/// # fn of(image: &pyimage_build::Image) -> Result<(), Box<dyn std::error::Error>> {
/// use pyimage_build::LayoutArchive;
///
/// let mut archive = LayoutArchive::of_image(image);
/// archive.add_name(&"app:1.0".parse()?);
/// for layer in image.added_layers() {
///     archive.add_layer(layer, format!("cache/{}", layer.digest.hex()));
/// }
/// let mut bytes = Vec::new();
/// archive.write(&mut bytes)?;
/// assert_eq!(bytes.len() as u64, archive.size());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LayoutArchive<'a> {
    target: &'a Descriptor,
    documents: Vec<&'a Blob>,
    /// The image that `manifest.json` is about.
    image: Option<&'a Image>,
    names: Vec<Reference>,
    layers: BTreeMap<Digest, (Descriptor, PathBuf)>,
}

/// What `docker save` writes of an image.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

impl<'a> LayoutArchive<'a> {
    /// An archive of one image.
    ///
    /// ```no_run
    /// # fn of(image: &pyimage_build::Image) {
    /// let archive = pyimage_build::LayoutArchive::of_image(image);
    /// # }
    /// ```
    #[must_use]
    pub fn of_image(image: &'a Image) -> Self {
        Self {
            target: &image.manifest.descriptor,
            documents: vec![&image.config, &image.manifest],
            image: Some(image),
            names: Vec::new(),
            layers: BTreeMap::new(),
        }
    }

    /// An archive of an index and its images. Docker's own store, which has room for one, takes that of `platform`.
    ///
    /// ```no_run
    /// # fn of(index: &pyimage_build::ImageIndex, images: &[pyimage_build::Image]) {
    /// use pyimage_build::{LayoutArchive, Platform};
    ///
    /// let archive = LayoutArchive::of_index(index, images, &Platform::host());
    /// # }
    /// ```
    #[must_use]
    pub fn of_index(index: &'a ImageIndex, images: &'a [Image], platform: &Platform) -> Self {
        let of_images = images.iter().flat_map(|image| [&image.config, &image.manifest]);
        Self {
            target: &index.blob.descriptor,
            documents: of_images.chain([&index.blob]).collect(),
            image: images.iter().find(|image| image.platform == *platform),
            names: Vec::new(),
            layers: BTreeMap::new(),
        }
    }

    /// Gives it a name, which it has in the engine then.
    ///
    /// ```no_run
    /// # fn of(archive: &mut pyimage_build::LayoutArchive) -> Result<(), pyimage_build::ReferenceError> {
    /// archive.add_name(&"ghcr.io/me/app:1.0".parse()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_name(&mut self, name: &Reference) {
        self.names.push(name.clone());
    }

    /// Adds a layer's blob, which is in this file. What is not added is not in the archive.
    ///
    /// ```no_run
    /// # fn of(archive: &mut pyimage_build::LayoutArchive, layer: &pyimage_build::Descriptor) {
    /// archive.add_layer(layer, format!("cache/{}", layer.digest.hex()));
    /// # }
    /// ```
    pub fn add_layer(&mut self, layer: &Descriptor, file: impl AsRef<Path>) {
        self.layers.insert(layer.digest.clone(), (layer.clone(), file.as_ref().to_owned()));
    }

    /// How many bytes it has.
    ///
    /// ```no_run
    /// # fn of(archive: &pyimage_build::LayoutArchive) {
    /// println!("sending {} bytes", archive.size());
    /// # }
    /// ```
    #[must_use]
    pub fn size(&self) -> u64 {
        let small = self.small_files();
        let small = small.iter().map(|(_, bytes)| bytes.len() as u64);
        let layers = self.layers.values().map(|(layer, _)| layer.size);
        let files: u64 = small.chain(layers).map(|size| 512 + size.next_multiple_of(512)).sum();
        files + 1024
    }

    /// Writes it. Layers are checked on the way; where this fails, what was written is worth nothing.
    ///
    /// ```no_run
    /// # fn of(archive: &pyimage_build::LayoutArchive) -> Result<(), Box<dyn std::error::Error>> {
    /// archive.write(std::fs::File::create("app.tar")?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn write(&self, mut out: impl Write) -> Result<(), LayoutError> {
        for (name, bytes) in self.small_files() {
            header(&mut out, &name, bytes.len() as u64)
                .and_then(|()| out.write_all(&bytes))
                .and_then(|()| pad(&mut out, bytes.len() as u64))
                .map_err(LayoutError::Archive)?;
        }
        for (layer, path) in self.layers.values() {
            let mut file = fs_err::File::open(path)
                .map_err(|source| LayoutError::Read { path: path.clone(), source })?;
            header(&mut out, &blob_name(&layer.digest), layer.size).map_err(LayoutError::Archive)?;
            copy(layer, &mut file, path, &mut out, path).map_err(|error| match error {
                LayoutError::Write { source, .. } => LayoutError::Archive(source),
                other => other,
            })?;
            pad(&mut out, layer.size).map_err(LayoutError::Archive)?;
        }
        out.write_all(&[0; 1024]).and_then(|()| out.flush()).map_err(LayoutError::Archive)
    }

    /// All files but the layers.
    fn small_files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = vec![("oci-layout".to_owned(), VERSION.to_vec())];
        files.push(("index.json".to_owned(), layout_index(&self.named())));
        if let Some(image) = self.image {
            let saved = Saved {
                config: blob_name(&image.config.descriptor.digest),
                repo_tags: self
                    .names
                    .iter()
                    .filter(|name| name.tag().is_some())
                    .map(Reference::familiar)
                    .collect(),
                layers: image.layers.iter().map(|layer| blob_name(&layer.digest)).collect(),
            };
            files.push(("manifest.json".to_owned(), json(&[saved])));
        }
        let mut documents = self.documents.clone();
        documents.sort_by(|one, other| one.descriptor.digest.cmp(&other.descriptor.digest));
        documents.dedup_by(|one, other| one.descriptor.digest == other.descriptor.digest);
        let blob = |blob: &Blob| (blob_name(&blob.descriptor.digest), blob.bytes.clone());
        files.extend(documents.into_iter().map(blob));
        files
    }

    /// The image, once for each name.
    fn named(&self) -> Vec<Descriptor> {
        let named = self.names.iter().map(|name| {
            let mut target = self.target.clone();
            target.annotations.insert("io.containerd.image.name".to_owned(), name.to_string());
            if let Some(tag) = name.tag() {
                target.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
            }
            target
        });
        let named: Vec<_> = named.collect();
        if named.is_empty() { vec![self.target.clone()] } else { named }
    }
}

fn header(out: &mut impl Write, name: &str, size: u64) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    out.write_all(header.as_bytes())
}

fn pad(out: &mut impl Write, size: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(size.next_multiple_of(512) - size), out).map(drop)
}
