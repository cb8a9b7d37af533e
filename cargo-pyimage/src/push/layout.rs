//! An image as it lies in a layout: what a build script has assembled, or `build` has written.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{
    Blob, Descriptor, Digest, Document, Image, ImageConfig, Layout, Manifest, Platform, Reference,
};

use super::PushError;
use crate::opened::{REF_NAME, base_in};

/// An image as it lies in a layout, for all its platforms.
#[derive(Debug, Clone)]
pub struct LaidOut {
    /// Its repository.
    pub name: Reference,
    /// The tags that it gets.
    pub tags: Vec<String>,
    /// What it is made on.
    pub base: Reference,
    /// The images.
    pub images: Vec<Image>,
    /// The index over them, or the one manifest.
    pub index: Blob,
    /// Where the blobs of the layers are that the layout has.
    pub blobs: BTreeMap<Digest, Utf8PathBuf>,
}

impl LaidOut {
    /// Reads the one image of a layout. `to` stands over its repository, and `tags` over its tags, where they are given.
    ///
    /// # Errors
    /// Where there is no layout, one that is damaged, or more than one image in it; where neither says a repository.
    pub fn open(folder: &Utf8Path, to: Option<&Reference>, tags: &[String]) -> Result<Self, PushError> {
        let unreadable = |source| PushError::Layout { folder: folder.to_owned(), source: Box::new(source) };
        let layout = Layout::open(folder).map_err(unreadable)?;
        let mut all = layout.index().map_err(unreadable)?.manifests;
        // What refers to an image has a type of its own.
        all.retain(|entry| entry.artifact_type.is_none() && !entry.is_attestation());
        let names: Vec<String> =
            all.iter().filter_map(|entry| entry.annotations.get(REF_NAME)).cloned().collect();
        let digests: BTreeSet<&Digest> = all.iter().map(|entry| &entry.digest).collect();
        let (Some(entry), 1) = (all.first(), digests.len()) else {
            return Err(PushError::NotOneImage { folder: folder.to_owned(), names });
        };
        let of_a_name =
            names.iter().filter(|name| split(name).1.is_some()).find_map(|name| name.parse().ok());
        let name: Reference =
            to.cloned().or(of_a_name).ok_or_else(|| PushError::Nameless { folder: folder.to_owned() })?;
        let tags = if tags.is_empty() { own_tags(&names) } else { tags.to_vec() };
        for tag in &tags {
            let malformed = |source| PushError::Tag { tag: tag.clone(), source: Box::new(source) };
            name.with_tag(tag).map_err(malformed)?;
        }
        let reader = Reader { folder, layout: &layout };
        let index = Blob { descriptor: bare(entry), bytes: reader.bytes(entry)? };
        let images: Vec<Descriptor> = match reader.document(&index)? {
            Document::Index(found) => found.manifests,
            Document::Manifest(_) => vec![index.descriptor.clone()],
        };
        let mut laid_out =
            Self { base: name.clone(), name, tags, images: Vec::new(), index, blobs: BTreeMap::new() };
        for descriptor in &images {
            let blob = Blob { descriptor: bare(descriptor), bytes: reader.bytes(descriptor)? };
            let Document::Manifest(manifest) = reader.document(&blob)? else { continue };
            let (image, base) = reader.image(blob, manifest)?;
            for layer in image.layers.iter().filter(|layer| layout.has(layer)) {
                let path = layout.blob_path(&layer.digest).to_string_lossy().into_owned();
                laid_out.blobs.insert(layer.digest.clone(), path.into());
            }
            laid_out.base = base.unwrap_or(laid_out.base);
            laid_out.images.push(image);
        }
        Ok(laid_out)
    }
}

/// What reads a layout.
struct Reader<'a> {
    folder: &'a Utf8Path,
    layout: &'a Layout,
}

impl Reader<'_> {
    fn failed(&self, source: impl std::error::Error + Send + Sync + 'static) -> PushError {
        PushError::Layout { folder: self.folder.to_owned(), source: Box::new(source) }
    }

    /// A document, checked against its digest.
    fn bytes(&self, blob: &Descriptor) -> Result<Vec<u8>, PushError> {
        self.layout.read(blob).map_err(|source| self.failed(source))
    }

    fn document(&self, blob: &Blob) -> Result<Document, PushError> {
        let parsed = Document::parse(&blob.bytes, Some(&blob.descriptor.media_type));
        parsed.map_err(|source| self.failed(source))
    }

    /// The image of a manifest, and what it is made on.
    fn image(&self, blob: Blob, manifest: Manifest) -> Result<(Image, Option<Reference>), PushError> {
        let config = Blob { descriptor: bare(&manifest.config), bytes: self.bytes(&manifest.config)? };
        let parsed = ImageConfig::parse(&config.bytes).map_err(|source| self.failed(source))?;
        let (base, base_layers) = base_in(&parsed.layer_steps);
        let platform: Platform = parsed.platform.clone();
        let (layers, diff_ids) = (manifest.layers, parsed.diff_ids);
        Ok((Image { platform, config, manifest: blob, layers, base_layers, diff_ids }, base))
    }
}

/// What points to a blob, without what is said of it there.
fn bare(descriptor: &Descriptor) -> Descriptor {
    Descriptor::new(descriptor.media_type.clone(), descriptor.digest.clone(), descriptor.size)
}

/// The repository and the tag of a name; other programs write the tag alone.
fn split(name: &str) -> (&str, Option<&str>) {
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    name[last..]
        .find(':')
        .map_or((name, None), |colon| (&name[..last + colon], Some(&name[last + colon + 1..])))
}

fn own_tags(names: &[String]) -> Vec<String> {
    let tags: BTreeSet<&str> = names.iter().map(|name| split(name).1.unwrap_or(name)).collect();
    tags.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use pyimage_build::MediaType;

    use super::*;

    fn layout(names: &[&str]) -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().join("layout")).unwrap();
        let layout = Layout::create(&path).unwrap();
        let step = format!("python:3.13-slim@{}", Digest::of(b"base"));
        let config = serde_json::json!({
            "os": "linux", "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(b"1"), Digest::of(b"2")]},
            "history": [{"created_by": step}, {"created_by": "source"}],
        });
        let config = Blob::new(MediaType::OCI_CONFIG, config.to_string().into_bytes());
        let source = Blob::new(MediaType::OCI_LAYER, b"source".to_vec());
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config.descriptor,
            "layers": [Descriptor::new(MediaType::OCI_LAYER, Digest::of(b"x"), 1), source.descriptor],
        });
        let manifest = Blob::new(MediaType::OCI_MANIFEST, manifest.to_string().into_bytes());
        let index = serde_json::json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [manifest.descriptor],
        });
        let index = Blob::new(MediaType::OCI_INDEX, index.to_string().into_bytes());
        for blob in [&config, &source, &manifest, &index] {
            layout.add_blob(blob).unwrap();
        }
        for name in names {
            layout.name(&index.descriptor, name).unwrap();
        }
        (folder, path)
    }

    #[test]
    fn names_and_base_are_those_of_the_layout() {
        let (_folder, path) = layout(&["ghcr.io/me/app:1.0", "ghcr.io/me/app:latest"]);
        let laid_out = LaidOut::open(&path, None, &[]).unwrap();
        assert_eq!(laid_out.name.repository(), "me/app");
        assert_eq!(laid_out.tags, ["1.0", "latest"]);
        assert_eq!((laid_out.base.registry(), laid_out.base.repository()), ("docker.io", "library/python"));
        assert_eq!((laid_out.images[0].base_layers, laid_out.blobs.len()), (1, 1));
        let to = "localhost:5000/x".parse().unwrap();
        let laid_out = LaidOut::open(&path, Some(&to), &["2".to_owned()]).unwrap();
        assert_eq!((laid_out.name, laid_out.tags), (to, vec!["2".to_owned()]));
        assert!(matches!(LaidOut::open(&path, None, &["a b".to_owned()]), Err(PushError::Tag { .. })));
    }

    #[test]
    fn a_layout_without_a_name_needs_one_and_one_without_an_image_is_of_no_use() {
        let (_folder, path) = layout(&["latest"]);
        let error = LaidOut::open(&path, None, &[]).unwrap_err();
        assert!(matches!(error, PushError::Nameless { .. }) && error.helps()[0].contains("--to"));
        let to = "x".parse().unwrap();
        assert_eq!(LaidOut::open(&path, Some(&to), &[]).unwrap().tags, ["latest"]);
        let (_folder, path) = layout(&[]);
        assert!(matches!(LaidOut::open(&path, Some(&to), &[]), Err(PushError::NotOneImage { .. })));
        assert!(matches!(LaidOut::open(&path.join("none"), None, &[]), Err(PushError::Layout { .. })));
    }

    #[test]
    fn a_damaged_document_is_refused() {
        let (_folder, path) = layout(&["app:1"]);
        for blob in fs_err::read_dir(path.join("blobs/sha256")).unwrap().flatten() {
            let length = fs_err::metadata(blob.path()).unwrap().len();
            if length > 6 {
                fs_err::write(blob.path(), vec![b' '; usize::try_from(length).unwrap()]).unwrap();
            }
        }
        assert!(matches!(LaidOut::open(&path, None, &[]), Err(PushError::Layout { .. })));
    }
}
