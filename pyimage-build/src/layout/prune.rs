//! Blobs that nothing in a layout leads to any more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Layout, LayoutError, REF_NAME, blob_name};
use crate::{Descriptor, Document};

/// While it lives, nobody removes blobs from a layout: those that it adds may have no name yet.
///
/// ```no_run
/// # fn of(layout: &pyimage_build::Layout, image: &pyimage_build::Image) -> Result<(), pyimage_build::LayoutError> {
/// let writing = layout.writing()?;
/// layout.add_image(image)?;
/// layout.name(&image.manifest.descriptor, "latest")?;
/// drop(writing);
/// layout.prune();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Writing {
    /// The folder of blobs, locked for as long as this is open. Not every system locks folders.
    _folder: Option<fs_err::File>,
}

impl Layout {
    /// Begins to add to it: until what comes back is dropped, [`prune`](Self::prune) removes nothing.
    ///
    /// ```
    /// # use pyimage_build::Layout;
    /// # let folder = tempfile::tempdir()?;
    /// let layout = Layout::create(folder.path())?;
    /// let writing = layout.writing()?;
    /// assert_eq!(layout.prune(), 0, "somebody writes");
    /// drop(writing);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where the folder cannot be opened.
    pub fn writing(&self) -> Result<Writing, LayoutError> {
        let path = self.folder.join("blobs");
        let failed = |source| LayoutError::Write { path: path.clone(), source };
        if cfg!(not(unix)) {
            return Ok(Writing { _folder: None });
        }
        let folder = fs_err::File::open(&path).map_err(failed)?;
        folder.file().lock_shared().map_err(failed)?;
        Ok(Writing { _folder: Some(folder) })
    }

    /// Takes all names but these away, and what refers to images of other names.
    ///
    /// ```no_run
    /// # fn of(layout: &pyimage_build::Layout) -> Result<(), pyimage_build::LayoutError> {
    /// layout.keep_names(&["app:latest".to_owned()])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_names(&self, names: &[String]) -> Result<(), LayoutError> {
        let lock = self.lock()?;
        let images = self.index()?.manifests;
        let all = images.len();
        let (mut kept, nameless): (Vec<_>, Vec<_>) =
            images.into_iter().partition(|image| image.annotations.contains_key(REF_NAME));
        kept.retain(|image| image.annotations.get(REF_NAME).is_some_and(|name| names.contains(name)));
        let alive = self.named_with_parts(&kept);
        let refers = |image: &Descriptor| self.subject(image).is_some_and(|subject| alive.contains(&subject));
        kept.extend(nameless.into_iter().filter(refers));
        if kept.len() < all {
            self.write_index(&kept)?;
        }
        drop(lock);
        Ok(())
    }

    /// Removes what no image of the index leads to, and what killed programs left. Gives how many files that were.
    ///
    /// Nothing is removed while somebody writes: the last one who does so can. Nor where a document is there and makes
    /// no sense, as it might lead anywhere.
    ///
    /// ```
    /// use pyimage_build::{Blob, Layout, MediaType};
    /// # let folder = tempfile::tempdir()?;
    ///
    /// let layout = Layout::create(folder.path())?;
    /// layout.add_blob(&Blob::new(MediaType::OCI_MANIFEST, b"{}".to_vec()))?;
    /// assert_eq!(layout.prune(), 1, "nothing leads to it");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune(&self) -> usize {
        if cfg!(not(unix)) {
            return 0;
        }
        let Ok(folder) = fs_err::File::open(self.folder.join("blobs")) else { return 0 };
        if folder.file().try_lock().is_err() {
            return 0;
        }
        let Some(wanted) = self.reachable() else { return 0 };
        let mut removed = 0;
        for algorithm in entries(&self.folder.join("blobs")) {
            for path in entries(&algorithm) {
                let name = path.strip_prefix(&self.folder).ok().and_then(Path::to_str);
                if name.is_none_or(|name| !wanted.contains(name)) && path.is_file() {
                    removed += usize::from(fs_err::remove_file(&path).is_ok());
                }
            }
        }
        removed
    }

    /// The blobs that its index leads to.
    fn reachable(&self) -> Option<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let mut left: Vec<(Descriptor, bool)> =
            self.index().ok()?.manifests.into_iter().map(|document| (document, true)).collect();
        while let Some((blob, is_document)) = left.pop() {
            if !found.insert(blob_name(&blob.digest)) || !is_document || !self.has(&blob) {
                continue;
            }
            match Document::parse(&self.read(&blob).ok()?, Some(&blob.media_type)).ok()? {
                Document::Index(index) => {
                    left.extend(index.manifests.into_iter().map(|document| (document, true)));
                }
                Document::Manifest(manifest) => {
                    left.push((manifest.config, false));
                    left.extend(manifest.layers.into_iter().map(|layer| (layer, false)));
                }
            }
        }
        Some(found)
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs_err::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Blob, Digest, MediaType};

    fn manifest(layer: &Blob) -> (Blob, Blob) {
        let config =
            Blob::new(MediaType::OCI_CONFIG, format!("{{\"of\":\"{}\"}}", layer.descriptor.digest).into());
        let descriptor = |blob: &Blob| {
            let Descriptor { media_type, digest, size, .. } = &blob.descriptor;
            format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{digest}\",\"size\":{size}}}")
        };
        let text = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{}\",\"config\":{},\"layers\":[{}]}}",
            MediaType::OCI_MANIFEST,
            descriptor(&config),
            descriptor(layer)
        );
        (Blob::new(MediaType::OCI_MANIFEST, text.into_bytes()), config)
    }

    fn add(layout: &Layout, content: &str, name: &str) -> [Digest; 3] {
        let layer = Blob::new(MediaType::OCI_LAYER, content.into());
        let (manifest, config) = manifest(&layer);
        for blob in [&layer, &config, &manifest] {
            layout.add_blob(blob).unwrap();
        }
        layout.name(&manifest.descriptor, name).unwrap();
        [layer, config, manifest].map(|blob| blob.descriptor.digest)
    }

    #[test]
    fn what_has_a_name_stays_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::create(folder.path()).unwrap();
        let first = add(&layout, "one", "latest");
        let other = add(&layout, "other", "other");
        assert_eq!(layout.prune(), 0);
        let second = add(&layout, "two", "latest");
        fs_err::write(folder.path().join("blobs/sha256/.abc.partial"), "half").unwrap();

        let writing = layout.writing().unwrap();
        assert_eq!(layout.prune(), 0, "somebody may be adding what has no name yet");
        drop(writing);
        assert_eq!(layout.prune(), 4);
        let is_there = |digest: &Digest| layout.blob_path(digest).exists();
        assert!(!first.iter().any(is_there));
        assert!(second.iter().chain(&other).all(is_there));
    }

    #[test]
    fn names_that_are_not_kept_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::create(folder.path()).unwrap();
        add(&layout, "one", "app:1");
        let second = add(&layout, "two", "app:2");
        layout.keep_names(&["app:2".to_owned(), "app:3".to_owned()]).unwrap();
        assert_eq!(layout.index().unwrap().manifests.len(), 1);
        assert_eq!(layout.prune(), 3);
        assert!(second.iter().all(|digest| layout.blob_path(digest).exists()));
    }

    #[test]
    fn nothing_goes_where_a_document_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::create(folder.path()).unwrap();
        let [.., manifest] = add(&layout, "one", "latest");
        add(&layout, "two", "old");
        add(&layout, "three", "old");
        let len = fs_err::metadata(layout.blob_path(&manifest)).unwrap().len();
        fs_err::write(layout.blob_path(&manifest), vec![b' '; usize::try_from(len).unwrap()]).unwrap();
        assert_eq!(layout.prune(), 0);
        fs_err::write(folder.path().join("index.json"), "{").unwrap();
        assert_eq!(layout.prune(), 0);
    }
}
