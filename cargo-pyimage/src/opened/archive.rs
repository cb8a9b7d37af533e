//! Archives of images: OCI layouts, and what `docker save` writes.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{Descriptor, Digest, Document, Index, MAX_DOCUMENT_SIZE, MediaType, printable};
use serde::Deserialize;
use tar::EntryType;

use super::error::OpenError;
use super::store::Place;

/// The most files that an archive of images may have.
const MAX_FILES: usize = 100_000;
/// How often a link in an archive may lead to another one.
const MAX_LINKS: usize = 8;

/// An archive, and where its files are in it.
#[derive(Debug)]
pub(crate) struct Archive {
    file: Utf8PathBuf,
    files: BTreeMap<String, Part>,
    /// The layers of what `docker save` writes, by their digests.
    layers: BTreeMap<Digest, String>,
}

#[derive(Debug)]
enum Part {
    File { start: u64, len: u64 },
    Link { target: String },
}

/// What `docker save` says of an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Saved {
    pub(crate) config: String,
    #[serde(default)]
    pub(crate) repo_tags: Option<Vec<String>>,
    pub(crate) layers: Vec<String>,
}

impl Archive {
    /// Opens an archive, and looks where its files are. Their contents are passed over.
    pub(crate) fn open(path: &Utf8Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Read { path: path.to_owned(), source };
        let unreadable = |source| OpenError::NoArchive { path: path.to_owned(), source };
        let mut file = fs_err::File::open(path).map_err(failed)?;
        let mut magic = [0; 2];
        if file.read(&mut magic).map_err(failed)? == 2 && magic == [0x1f, 0x8b] {
            return Err(OpenError::Compressed { path: path.to_owned() });
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut archive = tar::Archive::new(file);
        let mut files = BTreeMap::new();
        for entry in archive.entries_with_seek().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = normalised("", &String::from_utf8_lossy(&entry.path_bytes()));
            let part = match entry.header().entry_type() {
                EntryType::Regular | EntryType::Continuous => {
                    Part::File { start: entry.raw_file_position(), len: entry.size() }
                }
                kind @ (EntryType::Symlink | EntryType::Link) => {
                    let target = entry.link_name_bytes().unwrap_or_default();
                    let target = String::from_utf8_lossy(&target).into_owned();
                    // A symbolic link counts from its folder.
                    let folder = match kind {
                        EntryType::Symlink => name.rsplit_once('/').map_or("", |(folder, _)| folder),
                        _ => "",
                    };
                    Part::Link { target: normalised(folder, &target) }
                }
                _ => continue,
            };
            files.insert(name, part);
            if files.len() > MAX_FILES {
                return Err(OpenError::TooManyFiles { path: path.to_owned() });
            }
        }
        Ok(Self { file: path.to_owned(), files, layers: BTreeMap::new() })
    }

    /// The images of a layout; none where it is none.
    pub(crate) fn index(&self) -> Result<Option<Index>, OpenError> {
        if !self.files.contains_key("oci-layout") || !self.files.contains_key("index.json") {
            return Ok(None);
        }
        let bytes = self.small("index.json")?;
        match Document::parse(&bytes, Some(&MediaType::OCI_INDEX)) {
            Ok(Document::Index(index)) => Ok(Some(index)),
            Ok(Document::Manifest(_)) => Err(OpenError::NoImages { path: self.file.clone() }),
            Err(source) => {
                Err(OpenError::Document { what: "index.json".to_owned(), source: Box::new(source) })
            }
        }
    }

    /// The images that `docker save` says are in it.
    pub(crate) fn saved(&mut self) -> Result<Vec<Saved>, OpenError> {
        if !self.files.contains_key("manifest.json") {
            return Err(OpenError::NoImages { path: self.file.clone() });
        }
        let bytes = self.small("manifest.json")?;
        serde_json::from_slice(&bytes).map_err(|source| OpenError::Saved { path: self.file.clone(), source })
    }

    /// Remembers where the layers of an image are, and gives their sizes.
    pub(crate) fn add_layers(&mut self, layers: &[(String, Digest)]) -> Vec<u64> {
        let sizes = layers.iter().map(|(path, diff_id)| {
            let path = normalised("", path);
            let size = self.part(&path).map_or(0, |(_, len)| len);
            self.layers.insert(diff_id.clone(), path);
            size
        });
        sizes.collect()
    }

    /// The bytes of a document of a layout, checked against its digest.
    pub(crate) fn document(&self, blob: &Descriptor) -> Result<Vec<u8>, OpenError> {
        let bytes = self.small(&blob_name(&blob.digest))?;
        if bytes.len() as u64 != blob.size || !blob.digest.matches(&bytes) {
            return Err(OpenError::Damaged { what: blob.digest.to_string() });
        }
        Ok(bytes)
    }

    /// The bytes of a small file.
    pub(crate) fn small(&self, name: &str) -> Result<Vec<u8>, OpenError> {
        let (start, len) = self
            .part(&normalised("", name))
            .ok_or_else(|| OpenError::Missing { what: printable(name.as_bytes()) })?;
        if len > MAX_DOCUMENT_SIZE {
            return Err(OpenError::Damaged { what: printable(name.as_bytes()) });
        }
        let read = || {
            let mut file = fs_err::File::open(&self.file)?;
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(len).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|source| OpenError::Read { path: self.file.clone(), source })
    }

    /// Where a layer is.
    pub(crate) fn place(&self, digest: &Digest) -> Option<Place> {
        let name = self.layers.get(digest).cloned().unwrap_or_else(|| blob_name(digest));
        let (start, len) = self.part(&name)?;
        Some(Place { file: self.file.clone(), start, len })
    }

    fn part(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = name;
        for _ in 0..MAX_LINKS {
            match self.files.get(name)? {
                Part::File { start, len } => return Some((*start, *len)),
                Part::Link { target } => name = target,
            }
        }
        None
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

/// A path in the archive, from a folder in it.
fn normalised(folder: &str, path: &str) -> String {
    let folder = if path.starts_with('/') { "" } else { folder };
    let mut parts = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_count_from_where_they_are() {
        assert_eq!(normalised("", "./a//b/"), "a/b");
        assert_eq!(normalised("one", "../two/layer.tar"), "two/layer.tar");
        assert_eq!(normalised("one", "/two"), "two");
        assert_eq!(normalised("", "../../x"), "x");
    }
}
