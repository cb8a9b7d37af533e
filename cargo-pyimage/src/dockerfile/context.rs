//! What is sent to an engine that builds from a Dockerfile: the files that the image is made of, and nothing else.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::Stream;
use pyimage_build::{ExtraFiles, PlacedKind, Source, SourceKind};
use tokio::task::spawn_blocking;

use crate::load::streamed;

/// The files of a build, by their paths.
#[derive(Debug, Clone, Default)]
pub struct Context {
    files: BTreeMap<String, Content>,
}

#[derive(Debug, Clone)]
enum Content {
    Text(String),
    Disk { path: PathBuf, mode: u32 },
    Symlink(String),
}

impl Context {
    /// Adds files of a project.
    pub fn add_source(&mut self, source: &Source, folder: &Path) {
        for file in source.files() {
            let content = match &file.kind {
                SourceKind::File { executable } => {
                    let mode = if *executable { 0o755 } else { 0o644 };
                    Content::Disk { path: folder.join(&file.path), mode }
                }
                SourceKind::Symlink { target } => Content::Symlink(target.clone()),
            };
            self.files.insert(file.path.clone(), content);
        }
    }

    /// Adds files that go elsewhere in an image, below a folder and with their modes. Links are not files to copy.
    pub fn add_placed(&mut self, files: &ExtraFiles, folder: &str) {
        for (path, file) in files.placed() {
            if let PlacedKind::File { mode } = file.kind {
                let content = Content::Disk { path: file.on_disk.clone(), mode };
                self.files.insert(format!("{folder}/{path}"), content);
            }
        }
    }

    /// Adds a file of this machine, unless there is one of this name.
    pub fn add_file(&mut self, path: &str, file: PathBuf, mode: u32) {
        self.files.entry(path.to_owned()).or_insert(Content::Disk { path: file, mode });
    }

    /// Adds a file that is nowhere, in place of one that is there.
    pub fn add_text(&mut self, path: &str, text: &str) {
        self.files.insert(path.to_owned(), Content::Text(text.to_owned()));
    }

    /// Whether there is a file of this name.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Writes them as an archive that is the same on every machine: everything is root's, and of the first of 1970.
    ///
    /// # Errors
    /// Where a file cannot be read, changes meanwhile, or `out` takes no more.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(out);
        for (path, content) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            match content {
                Content::Text(text) => {
                    header.set_size(text.len() as u64);
                    archive.append_data(&mut header, path, text.as_bytes())?;
                }
                Content::Symlink(target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_mode(0o777);
                    header.set_size(0);
                    archive.append_link(&mut header, path, target)?;
                }
                Content::Disk { path: place, mode } => {
                    let file = fs_err::File::open(place)?;
                    let size = file.metadata()?.len();
                    header.set_mode(*mode);
                    header.set_size(size);
                    let mut left = Exactly { file, left: size };
                    archive.append_data(&mut header, path, &mut left)?;
                    if left.left > 0 || left.file.read(&mut [0])? > 0 {
                        let changed = format!("`{}` changed while it was read", place.display());
                        return Err(io::Error::other(changed));
                    }
                }
            }
        }
        archive.into_inner()?.flush()
    }

    /// The archive as a stream, and the end of its writing.
    pub(super) fn stream(
        self,
    ) -> (impl Stream<Item = io::Result<Bytes>> + Send + 'static, impl Future<Output = io::Result<()>>) {
        let (out, pieces) = streamed();
        let writing = spawn_blocking(move || {
            let written = self.write(io::BufWriter::with_capacity(1 << 18, &out));
            if let Err(error) = &written {
                // The engine must not take what there is for all.
                out.fail(error);
            }
            written
        });
        let written = async { writing.await.map_err(io::Error::from)? };
        (pieces, written)
    }
}

/// No more of a file than it had when it was opened.
struct Exactly {
    file: fs_err::File,
    left: u64,
}

impl io::Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_the_files_and_nothing_of_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("lib")).unwrap();
        fs_err::write(folder.path().join("lib/a.py"), "a").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("a.py", folder.path().join("lib/link")).unwrap();
        let source = Source::select(folder.path(), folder.path(), &["lib"]).unwrap();
        let mut context = Context::default();
        context.add_source(&source, folder.path());
        context.add_text("Dockerfile", "FROM x\n");
        let mut archive = Vec::new();
        context.write(&mut archive).unwrap();
        let mut archive = tar::Archive::new(&archive[..]);
        let found: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), header.uid().unwrap(), header.mtime().unwrap())
            })
            .collect();
        let file = |path: &str, mode| (path.to_owned(), mode, 0, 0);
        assert_eq!(found, [file("Dockerfile", 0o644), file("lib/a.py", 0o644), file("lib/link", 0o777)]);
    }
}
