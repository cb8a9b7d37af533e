//! Reading a base's layers, one after the other, and keeping next to nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::BaseFacts;
use crate::MediaType;

/// The most bytes of a file that is kept.
const MAX_FILE: u64 = 1 << 20;

/// The folders of the loader, by the distributions' own settings.
const FOLDERS: [&str; 5] = ["lib", "lib64", "usr/lib", "usr/lib64", "usr/local/lib"];

/// Reads what [`BaseFacts`] has of a base, from its layers, the lowest first. Memory is bounded by what is kept: names.
///
/// A file that a layer removes or replaces counts as in a container.
///
/// ```
/// use pyimage_build::{BaseScan, MediaType};
///
/// let mut archive = tar::Builder::new(Vec::new());
/// let mut header = tar::Header::new_gnu();
/// header.set_size(0);
/// archive.append_data(&mut header, "usr/lib/x86_64-linux-gnu/libz.so.1", &b""[..])?;
/// let mut scan = BaseScan::new();
/// scan.add_layer(&MediaType::from("application/vnd.oci.image.layer.v1.tar"), &archive.into_inner()?[..])?;
/// assert!(scan.facts(&[]).libraries.contains("libz.so.1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct BaseScan {
    /// Libraries, without content, and files whose content counts, by their paths.
    found: BTreeMap<String, Vec<u8>>,
}

/// Why a layer cannot be read.
///
/// ```
/// use pyimage_build::{BaseScan, BaseScanError, MediaType};
///
/// let kind = MediaType::from("application/vnd.oci.image.layer.v1.tar+xz");
/// let error = BaseScan::new().add_layer(&kind, &b""[..]).unwrap_err();
/// assert!(matches!(error, BaseScanError::Compression { .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaseScanError {
    /// It is compressed in a way that is not known.
    #[error("a layer is `{media_type}`, which cannot be read")]
    Compression {
        /// What it says it is.
        media_type: MediaType,
    },
    /// It is damaged, or could not be had.
    #[error("a layer could not be read")]
    Read(#[from] io::Error),
}

impl BaseScan {
    /// Nothing so far.
    ///
    /// ```
    /// # use pyimage_build::{BaseFacts, BaseScan};
    /// assert_eq!(BaseScan::new().facts(&[]), BaseFacts::default());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next layer, as it travels. One of Zstandard takes the feature `zstd` of this crate.
    ///
    /// ```
    /// use pyimage_build::{BaseScan, MediaType};
    ///
    /// # let mut archive = tar::Builder::new(Vec::new());
    /// # let mut header = tar::Header::new_gnu();
    /// # header.set_size(0);
    /// # archive.append_data(&mut header, "usr/lib/x86_64-linux-gnu/libz.so.1", &b""[..])?;
    /// # let blob = archive.into_inner()?;
    /// let mut scan = BaseScan::new();
    /// scan.add_layer(&MediaType::from("application/vnd.oci.image.layer.v1.tar"), &blob[..])?;
    /// assert!(scan.add_layer(&MediaType::OCI_LAYER_ZSTD, &blob[..]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where it is damaged, or compressed in a way that is not known.
    pub fn add_layer(&mut self, media_type: &MediaType, blob: impl Read) -> Result<(), BaseScanError> {
        let text = media_type.as_str();
        let mut blob = BufReader::with_capacity(1 << 16, blob);
        if text.ends_with("gzip") {
            self.add_archive(MultiGzDecoder::new(blob))?;
            return Ok(());
        }
        #[cfg(feature = "zstd")]
        if text.ends_with("zstd") {
            self.add_archive(zstd::stream::read::Decoder::with_buffer(blob)?)?;
            return Ok(());
        }
        if !text.ends_with("tar") {
            return Err(BaseScanError::Compression { media_type: media_type.clone() });
        }
        Ok(self.add_archive(&mut blob)?)
    }

    fn add_archive(&mut self, archive: impl Read) -> io::Result<()> {
        let mut archive = tar::Archive::new(archive);
        let mut added = BTreeMap::new();
        for entry in archive.entries()? {
            let entry = entry?;
            let Some(path) = plain(&entry.path_bytes()) else { continue };
            let kind = entry.header().entry_type();
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            // A layer removes what is below it, never what it has itself.
            if name == ".wh..wh..opq" {
                self.remove_below(folder);
                continue;
            }
            if let Some(name) = name.strip_prefix(".wh.") {
                let gone = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                self.remove(&gone);
                continue;
            }
            if kind.is_dir() {
                continue;
            }
            self.remove_below(&path);
            if is_library(name) {
                added.insert(path, Vec::new());
            } else if has_content(&path) && kind.is_file() {
                let mut content = Vec::new();
                entry.take(MAX_FILE).read_to_end(&mut content)?;
                added.insert(path, content);
            } else {
                self.found.remove(&path);
            }
        }
        // What is behind the end of an archive belongs to its digest all the same.
        io::copy(&mut archive.into_inner(), &mut io::sink())?;
        self.found.extend(added);
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        self.found.remove(path);
        self.remove_below(path);
    }

    fn remove_below(&mut self, folder: &str) {
        let start = format!("{folder}/");
        let below = self.found.range(start.clone()..).map(|(path, _)| path);
        let gone: Vec<_> = below.take_while(|path| path.starts_with(&start)).cloned().collect();
        for path in gone {
            self.found.remove(&path);
        }
    }

    /// What was found, for containers with these variables.
    ///
    /// ```
    /// use pyimage_build::{BaseScan, MediaType};
    ///
    /// # let mut archive = tar::Builder::new(Vec::new());
    /// # let mut header = tar::Header::new_gnu();
    /// # header.set_size(0);
    /// # archive.append_data(&mut header, "usr/lib/x86_64-linux-gnu/libz.so.1", &b""[..])?;
    /// # let blob = archive.into_inner()?;
    /// let mut scan = BaseScan::new();
    /// scan.add_layer(&MediaType::from("application/vnd.oci.image.layer.v1.tar"), &blob[..])?;
    /// assert!(scan.facts(&[]).libraries.contains("libz.so.1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn facts(&self, env: &[String]) -> BaseFacts {
        let folders = self.folders(env);
        let libraries = self.found.keys().filter_map(|path| path.rsplit_once('/'));
        let libraries = libraries.filter(|(folder, name)| {
            is_library(name) && (folders.contains(*folder) || is_for_one_architecture(folder))
        });
        BaseFacts {
            libraries: libraries.map(|(_, name)| name.to_owned()).collect(),
            passwd: self.lines("etc/passwd"),
            group: self.lines("etc/group"),
        }
    }

    fn lines(&self, path: &str) -> Vec<String> {
        let content = self.found.get(path).map(Vec::as_slice).unwrap_or_default();
        let text = String::from_utf8_lossy(content);
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    }

    /// The folders that the loader searches: its own, those of its settings, and those of `LD_LIBRARY_PATH`.
    fn folders(&self, env: &[String]) -> BTreeSet<String> {
        let mut folders: BTreeSet<String> = FOLDERS.map(str::to_owned).into();
        let settings = self.found.keys().filter(|path| has_content(path) && path.starts_with("etc/ld"));
        for path in settings {
            for line in self.lines(path) {
                let line = line.split('#').next().unwrap_or_default();
                // One folder a line for glibc, and a list with colons for musl.
                folders.extend(line.split(':').filter_map(absolute));
            }
        }
        let variable = env.iter().filter_map(|pair| pair.strip_prefix("LD_LIBRARY_PATH="));
        folders.extend(variable.flat_map(|list| list.split(':')).filter_map(absolute));
        folders
    }
}

/// An absolute folder as archives have it.
fn absolute(folder: &str) -> Option<String> {
    Some(folder.trim().strip_prefix('/')?.trim_end_matches('/').to_owned())
}

/// Whether a loader would take a file of this name for a library.
fn is_library(name: &str) -> bool {
    (name.starts_with("lib") || name.starts_with("ld")) && name.contains(".so")
}

/// Debian's folders for one architecture, such as `usr/lib/x86_64-linux-gnu`.
fn is_for_one_architecture(folder: &str) -> bool {
    folder.rsplit_once('/').is_some_and(|(above, name)| FOLDERS.contains(&above) && name.contains("-linux-"))
}

/// Whether the content of a file counts.
fn has_content(path: &str) -> bool {
    let below = |start: &str, end: &str| {
        path.strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end))
            .is_some_and(|name| !name.contains('/'))
    };
    matches!(path, "etc/passwd" | "etc/group" | "etc/ld.so.conf")
        || below("etc/ld.so.conf.d/", ".conf")
        || below("etc/ld-musl-", ".path")
}

/// A path without what archives begin and end it with; none where it is no text, and so nothing of ours.
fn plain(path: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(path).ok()?;
    let text = text.trim_start_matches("./").trim_start_matches('/').trim_end_matches('/');
    (!text.is_empty() && text != ".").then(|| text.to_owned())
}
