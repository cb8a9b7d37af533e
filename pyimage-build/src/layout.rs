//! Image layouts: images as folders and archives.

mod archive;
mod error;
mod file;
mod prune;

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::image::layout_index;
use crate::{
    Blob, Descriptor, Digest, Document, Image, ImageIndex, Index, MAX_DOCUMENT_SIZE, MediaType, Referrer,
};

pub use archive::LayoutArchive;
pub use error::LayoutError;
pub use prune::Writing;

/// What the file `oci-layout` says.
const VERSION: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// Where an image of a layout has its name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A folder with images in it: an OCI [image layout].
///
/// It may be sparse: the layers of a base need not be in it, as the specification allows.
/// Any number of programs can write to it at once. Each file gets its name when it is complete.
///
/// ```
/// use pyimage_build::{Blob, Layout, MediaType};
/// # let folder = std::env::temp_dir().join(format!("pyimage-layout-{}", std::process::id()));
///
/// let layout = Layout::create(&folder)?;
/// let index = Blob::new(MediaType::OCI_INDEX, br#"{"schemaVersion":2,"manifests":[]}"#.to_vec());
/// layout.add_blob(&index)?;
/// layout.name(&index.descriptor, "latest")?;
/// let found = Layout::open(&folder)?.find("latest")?;
/// assert_eq!(found.map(|descriptor| descriptor.digest), Some(index.descriptor.digest));
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), pyimage_build::LayoutError>(())
/// ```
///
/// [image layout]: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// Makes a layout, or goes on with the one that is there.
    ///
    /// ```
    /// # use pyimage_build::Layout;
    /// # let folder = std::env::temp_dir().join(format!("pyimage-create-{}", std::process::id()));
    /// assert_eq!(Layout::create(&folder)?, Layout::create(&folder)?);
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), pyimage_build::LayoutError>(())
    /// ```
    pub fn create(folder: impl AsRef<Path>) -> Result<Self, LayoutError> {
        let layout = Self { folder: folder.as_ref().to_owned() };
        let blobs = layout.folder.join("blobs/sha256");
        fs_err::create_dir_all(&blobs).map_err(|source| LayoutError::Write { path: blobs, source })?;
        let lock = layout.lock()?;
        let path = layout.folder.join("oci-layout");
        let failed = |source| LayoutError::Write { path: path.clone(), source };
        if fs_err::read(&path).map_err(failed)? != VERSION {
            // It has just been made, or whoever made it came no further.
            fs_err::write(&path, VERSION).map_err(failed)?;
        }
        if !layout.folder.join("index.json").exists() {
            layout.write_index(&[])?;
        }
        drop(lock);
        Ok(layout)
    }

    /// Opens a layout that is there.
    ///
    /// ```
    /// use pyimage_build::{Layout, LayoutError};
    ///
    /// assert!(matches!(Layout::open("missing"), Err(LayoutError::NoLayout { .. })));
    /// ```
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, LayoutError> {
        let folder = folder.as_ref().to_owned();
        let path = folder.join("oci-layout");
        let text = match fs_err::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LayoutError::NoLayout { folder });
            }
            Err(source) => return Err(LayoutError::Read { path, source }),
        };
        let json: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
        let version = json.as_ref().and_then(|json| json.get("imageLayoutVersion")?.as_str());
        match version {
            Some(version) if version.starts_with("1.") => Ok(Self { folder }),
            _ => Err(LayoutError::Version { folder, version: version.map(str::to_owned) }),
        }
    }

    /// Its folder.
    ///
    /// ```no_run
    /// # use pyimage_build::Layout;
    /// assert_eq!(Layout::open("target/pyimage")?.folder(), "target/pyimage");
    /// # Ok::<(), pyimage_build::LayoutError>(())
    /// ```
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a blob is, or would be.
    ///
    /// ```no_run
    /// # use pyimage_build::{Digest, Layout};
    /// let path = Layout::open("target/pyimage")?.blob_path(&Digest::of(b"{}"));
    /// # Ok::<(), pyimage_build::LayoutError>(())
    /// ```
    #[must_use]
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(blob_name(digest))
    }

    /// Whether a blob is there, as far as its size tells.
    ///
    /// ```no_run
    /// # fn of(layout: &pyimage_build::Layout, image: &pyimage_build::Image) {
    /// let missing = image.layers.iter().filter(|layer| !layout.has(layer));
    /// # }
    /// ```
    #[must_use]
    pub fn has(&self, blob: &Descriptor) -> bool {
        let found = fs_err::metadata(self.blob_path(&blob.digest));
        found.is_ok_and(|found| found.is_file() && found.len() == blob.size)
    }

    /// Adds a document.
    ///
    /// ```no_run
    /// # fn of(layout: &pyimage_build::Layout, blob: &pyimage_build::Blob) -> Result<(), pyimage_build::LayoutError> {
    /// layout.add_blob(blob)?;
    /// assert!(layout.has(&blob.descriptor));
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_blob(&self, blob: &Blob) -> Result<(), LayoutError> {
        self.add(&blob.descriptor, &mut &blob.bytes[..], "memory".as_ref())
    }

    /// Adds a copy of a file, such as a layer in a cache, and checks it on the way.
    ///
    /// ```no_run
    /// # fn of(layout: &pyimage_build::Layout, image: &pyimage_build::Image) -> Result<(), pyimage_build::LayoutError> {
    /// for layer in image.added_layers() {
    ///     layout.add_file(layer, format!("cache/{}", layer.digest.hex()))?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_file(&self, blob: &Descriptor, file: impl AsRef<Path>) -> Result<(), LayoutError> {
        if self.has(blob) {
            return Ok(());
        }
        let path = file.as_ref();
        let mut file =
            fs_err::File::open(path).map_err(|source| LayoutError::Read { path: path.to_owned(), source })?;
        self.add(blob, &mut file, path)
    }

    /// Adds a file without reading it: a link to it, or a copy on another file system. Build scripts are not optimised, and
    /// would be long at checking it; whoever takes the blob from here checks it.
    pub(crate) fn link_file(&self, blob: &Descriptor, file: &Path) -> Result<(), LayoutError> {
        if self.has(blob) {
            return Ok(());
        }
        let path = self.blob_path(&blob.digest);
        let _ = fs_err::remove_file(&path);
        if fs_err::hard_link(file, &path).is_ok() && self.has(blob) {
            return Ok(());
        }
        file::write(&path, &mut |out| {
            let failed = |source| LayoutError::Read { path: file.to_owned(), source };
            let mut content = fs_err::File::open(file).map_err(failed)?;
            let copied = io::copy(content.file_mut(), out.file_mut());
            let copied = copied.map_err(|source| LayoutError::Write { path: path.clone(), source })?;
            if copied != blob.size {
                return Err(LayoutError::Damaged { path: file.to_owned(), digest: blob.digest.clone() });
            }
            Ok(true)
        })
    }

    /// Adds the documents of an image. Its layers are added one by one, as far as they are to be there.
    ///
    /// ```no_run
    /// # fn of(layout: &pyimage_build::Layout, image: &pyimage_build::Image) -> Result<(), pyimage_build::LayoutError> {
    /// layout.add_image(image)?;
    /// layout.name(&image.manifest.descriptor, "latest")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_image(&self, image: &Image) -> Result<(), LayoutError> {
        self.add_blob(&image.config)?;
        self.add_blob(&image.manifest)
    }

    /// Adds an index, once its images are there.
    ///
    /// ```no_run
    /// # fn of(layout: &pyimage_build::Layout, index: &pyimage_build::ImageIndex)
    /// # -> Result<(), pyimage_build::LayoutError> {
    /// layout.add_index(index)?;
    /// layout.name(&index.blob.descriptor, "latest")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_index(&self, index: &ImageIndex) -> Result<(), LayoutError> {
        self.add_blob(&index.blob)
    }

    /// Gives an image or an index, whose blob is there, a name. What had that name keeps none.
    ///
    /// ```no_run
    /// # fn of(layout: &pyimage_build::Layout, image: &pyimage_build::Image) -> Result<(), pyimage_build::LayoutError> {
    /// layout.name(&image.manifest.descriptor, "1.0")?;
    /// assert!(layout.find("1.0")?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(&self, image: &Descriptor, name: &str) -> Result<(), LayoutError> {
        let lock = self.lock()?;
        let before = self.index()?.manifests;
        let mut images = before.clone();
        images.retain(|image| image.annotations.get(REF_NAME).is_none_or(|its| its != name));
        let mut image = image.clone();
        image.annotations.insert(REF_NAME.to_owned(), name.to_owned());
        images.push(image);
        images.sort_by(|one, other| place(one).cmp(&place(other)));
        if images != before {
            self.write_index(&images)?;
        }
        drop(lock);
        Ok(())
    }

    /// Adds documents that refer to images which are there, and lists them for those who look for such. Documents of the
    /// same types are no longer listed, where what they are about is neither named any more nor part of what is.
    ///
    /// ```no_run
    /// # fn of(layout: &pyimage_build::Layout, sbom: pyimage_build::Referrer) -> Result<(), pyimage_build::LayoutError> {
    /// layout.refer(&[sbom])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn refer(&self, referrers: &[Referrer]) -> Result<(), LayoutError> {
        for Referrer { manifest, config, content, .. } in referrers {
            for blob in [config, content, manifest] {
                self.add_blob(blob)?;
            }
        }
        let lock = self.lock()?;
        let mut images = self.index()?.manifests;
        let alive = self.named_with_parts(&images);
        let types: BTreeSet<_> = referrers
            .iter()
            .filter_map(|referrer| referrer.manifest.descriptor.artifact_type.clone())
            .collect();
        images.retain(|image| match &image.artifact_type {
            Some(its) if place(image).0 && types.contains(its) => {
                self.subject(image).is_some_and(|subject| alive.contains(&subject))
            }
            _ => true,
        });
        for referrer in referrers {
            let descriptor = &referrer.manifest.descriptor;
            if !images.iter().any(|image| image.digest == descriptor.digest) {
                images.push(descriptor.clone());
            }
        }
        images.sort_by(|one, other| place(one).cmp(&place(other)));
        self.write_index(&images)?;
        drop(lock);
        Ok(())
    }

    /// The digests of all that has a name, and of what indexes among it have.
    fn named_with_parts(&self, images: &[Descriptor]) -> BTreeSet<Digest> {
        let mut digests = BTreeSet::new();
        for image in images.iter().filter(|image| !place(image).0) {
            digests.insert(image.digest.clone());
            let document = self.read(image).ok();
            let document = document.and_then(|bytes| Document::parse(&bytes, Some(&image.media_type)).ok());
            if let Some(Document::Index(index)) = document {
                digests.extend(index.manifests.into_iter().map(|image| image.digest));
            }
        }
        digests
    }

    /// What a document refers to.
    fn subject(&self, referrer: &Descriptor) -> Option<Digest> {
        let manifest: serde_json::Value = serde_json::from_slice(&self.read(referrer).ok()?).ok()?;
        manifest.get("subject")?.get("digest")?.as_str()?.parse().ok()
    }

    /// What is in it: images and indexes, by name.
    ///
    /// ```no_run
    /// # use pyimage_build::Layout;
    /// let images = Layout::open("target/pyimage")?.index()?.manifests;
    /// # Ok::<(), pyimage_build::LayoutError>(())
    /// ```
    pub fn index(&self) -> Result<Index, LayoutError> {
        let path = self.folder.join("index.json");
        let bytes = fs_err::read(&path).map_err(|source| LayoutError::Read { path: path.clone(), source })?;
        match Document::parse(&bytes, Some(&MediaType::OCI_INDEX)) {
            Ok(Document::Index(index)) => Ok(index),
            Ok(Document::Manifest(_)) => Err(LayoutError::NoIndex { path }),
            Err(source) => Err(LayoutError::Document { path, source: Box::new(source) }),
        }
    }

    /// The image or index of a name.
    ///
    /// ```no_run
    /// # use pyimage_build::Layout;
    /// let image = Layout::open("target/pyimage")?.find("latest")?;
    /// # Ok::<(), pyimage_build::LayoutError>(())
    /// ```
    pub fn find(&self, name: &str) -> Result<Option<Descriptor>, LayoutError> {
        let mut images = self.index()?.manifests.into_iter();
        Ok(images.find(|image| image.annotations.get(REF_NAME).is_some_and(|its| its == name)))
    }

    /// The bytes of a document, checked against its digest.
    ///
    /// ```no_run
    /// # fn of(layout: &pyimage_build::Layout, image: &pyimage_build::Descriptor)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// use pyimage_build::Document;
    ///
    /// let document = Document::parse(&layout.read(image)?, Some(&image.media_type))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read(&self, blob: &Descriptor) -> Result<Vec<u8>, LayoutError> {
        let path = self.blob_path(&blob.digest);
        let failed = |source| LayoutError::Read { path: path.clone(), source };
        let mut bytes = Vec::new();
        let file = fs_err::File::open(&path).map_err(failed)?;
        file.take(MAX_DOCUMENT_SIZE + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 != blob.size || !blob.digest.matches(&bytes) {
            return Err(LayoutError::Damaged { path, digest: blob.digest.clone() });
        }
        Ok(bytes)
    }

    fn add(&self, blob: &Descriptor, content: &mut dyn Read, from: &Path) -> Result<(), LayoutError> {
        if self.has(blob) {
            return Ok(());
        }
        let path = self.blob_path(&blob.digest);
        file::write(&path, &mut |out| {
            // Whoever had the lock before may have been faster.
            if self.has(blob) {
                return Ok(false);
            }
            file::copy(blob, content, from, out, &path)?;
            Ok(true)
        })
    }

    fn write_index(&self, images: &[Descriptor]) -> Result<(), LayoutError> {
        let bytes = layout_index(images);
        let path = self.folder.join("index.json");
        file::write(&path, &mut |out| {
            let written = out.write_all(&bytes);
            written.map(|()| true).map_err(|source| LayoutError::Write { path: path.clone(), source })
        })
    }

    /// Keeps others from changing what is in the layout, until it is dropped.
    fn lock(&self) -> Result<fs_err::File, LayoutError> {
        let path = self.folder.join("oci-layout");
        let failed = |source| LayoutError::Write { path: path.clone(), source };
        let mut options = fs_err::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        file.file().lock().map_err(failed)?;
        Ok(file)
    }
}

/// What has a name comes first, by that; then what has none, by its digest.
fn place(image: &Descriptor) -> (bool, Option<&String>, Option<&Digest>) {
    let name = image.annotations.get(REF_NAME);
    (name.is_none(), name, name.is_none().then_some(&image.digest))
}

/// The name of a blob in a layout.
fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

#[cfg(test)]
mod tests;
