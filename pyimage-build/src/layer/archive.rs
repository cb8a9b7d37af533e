//! The archive of a layer.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::compressor::Compressor;
use super::contents::{Content, Entry};
use super::{Layer, LayerError, LayerOptions};
use crate::{CopyError, Digest, InstalledFile, Unpacker};

/// How many bytes a name in a header has room for.
const SHORT: usize = 100;
const BLOCK: usize = 512;

/// Writes entries in order. One that is nothing is a folder above others.
pub(super) fn write(
    entries: &BTreeMap<&str, Option<&Entry<'_>>>,
    options: &LayerOptions,
    cores: NonZero<usize>,
    out: impl Write,
) -> Result<Layer, LayerError> {
    let compressor = Compressor::new(Hashed::new(out), options.compression, cores);
    let compressor = compressor.map_err(LayerError::Write)?;
    let mut archive =
        Archive { out: Hashed::new(compressor), options, unpacker: Unpacker::new(), files: 0, open: None };
    for (path, entry) in entries {
        archive.entry(path, *entry)?;
    }
    archive.finish()
}

/// Passes on what is written to it, and knows its digest.
pub(super) struct Hashed<W> {
    out: W,
    hasher: Sha256,
    len: u64,
}

impl<W> Hashed<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, hasher: Sha256::new(), len: 0 }
    }

    pub(super) fn finish(self) -> (W, Digest, u64) {
        (self.out, Digest::from_sha256(self.hasher.finalize().into()), self.len)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct Archive<'o, W: Write> {
    out: Hashed<Compressor<Hashed<W>>>,
    options: &'o LayerOptions,
    unpacker: Unpacker,
    files: u64,
    /// The file that parts were last taken from.
    open: Option<(PathBuf, fs_err::File)>,
}

impl<W: Write> Archive<'_, W> {
    fn entry(&mut self, path: &str, entry: Option<&Entry<'_>>) -> Result<(), LayerError> {
        match entry {
            None => self.folder(path, 0o755, None).map_err(LayerError::Write),
            Some(Entry::Folder { mode, owner }) => {
                self.folder(path, *mode, *owner).map_err(LayerError::Write)
            }
            Some(Entry::Symlink { target }) => {
                self.files += 1;
                self.header(path, EntryType::Symlink, 0o777, 0, target).map_err(LayerError::Write)
            }
            Some(Entry::File { mode, content }) => {
                self.files += 1;
                match content {
                    Content::Bytes(bytes) => self.bytes(path, *mode, bytes).map_err(LayerError::Write),
                    Content::Disk(file) => self.disk(path, *mode, file),
                    Content::Part(file, offset, len) => self.part(path, *mode, file, *offset, *len),
                    Content::Wheel(file) => self.installed(path, file),
                }
            }
        }
    }

    fn folder(&mut self, path: &str, mode: u32, owner: Option<(u64, u64)>) -> io::Result<()> {
        let owner = owner.unwrap_or((self.options.uid, self.options.gid));
        self.header_of(owner, &format!("{path}/"), EntryType::Directory, mode, 0, "")
    }

    fn bytes(&mut self, path: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
        self.header(path, EntryType::Regular, mode, bytes.len() as u64, "")?;
        self.out.write_all(bytes)?;
        self.pad(bytes.len() as u64)
    }

    fn installed(&mut self, path: &str, file: &InstalledFile<'_>) -> Result<(), LayerError> {
        self.header(path, EntryType::Regular, file.mode(), file.size(), "").map_err(LayerError::Write)?;
        file.copy(&mut self.unpacker, &mut self.out).map_err(|error| match error {
            CopyError::Wheel(error) => LayerError::Wheel(error),
            CopyError::Write(error) => LayerError::Write(error),
        })?;
        self.pad(file.size()).map_err(LayerError::Write)
    }

    fn part(&mut self, path: &str, mode: u32, file: &Path, offset: u64, len: u64) -> Result<(), LayerError> {
        let failed = |source| LayerError::Read { path: file.to_owned(), source };
        // Thousands of parts come from one file.
        if self.open.as_ref().is_none_or(|(opened, _)| opened != file) {
            self.open = Some((file.to_owned(), fs_err::File::open(file).map_err(failed)?));
        }
        self.header(path, EntryType::Regular, mode, len, "").map_err(LayerError::Write)?;
        let Some((_, opened)) = &mut self.open else { return Ok(()) };
        opened.seek(SeekFrom::Start(offset)).map_err(failed)?;
        // Memory stays bounded, whatever an archive claims.
        let mut left = len;
        let mut buffer = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(1 << 16)];
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            opened.read_exact(&mut buffer[..wanted]).map_err(failed)?;
            self.out.write_all(&buffer[..wanted]).map_err(LayerError::Write)?;
            left -= wanted as u64;
        }
        self.pad(len).map_err(LayerError::Write)
    }

    fn disk(&mut self, path: &str, mode: u32, file: &Path) -> Result<(), LayerError> {
        let failed = |source| LayerError::Read { path: file.to_owned(), source };
        let changed = || LayerError::Changed { path: file.to_owned() };
        // What is no file may never answer: looked at before it is opened.
        let named = fs_err::symlink_metadata(file).map_err(failed)?;
        if !named.is_file() {
            return Err(LayerError::NotAFile { path: file.to_owned() });
        }
        let mut opened = fs_err::File::open(file).map_err(failed)?;
        let before = State::of(&opened.metadata().map_err(failed)?);
        if before != State::of(&named) {
            return Err(changed());
        }
        self.header(path, EntryType::Regular, mode, before.len, "").map_err(LayerError::Write)?;
        let mut left = before.len;
        let mut buffer = vec![0; 1 << 16];
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            match opened.read(&mut buffer[..wanted]) {
                Ok(0) => return Err(changed()),
                Ok(read) => {
                    self.out.write_all(&buffer[..read]).map_err(LayerError::Write)?;
                    left -= read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if State::of(&opened.metadata().map_err(failed)?) != before {
            return Err(changed());
        }
        self.pad(before.len).map_err(LayerError::Write)
    }

    fn header(&mut self, path: &str, kind: EntryType, mode: u32, size: u64, target: &str) -> io::Result<()> {
        self.header_of((self.options.uid, self.options.gid), path, kind, mode, size, target)
    }

    fn header_of(
        &mut self,
        (uid, gid): (u64, u64),
        path: &str,
        kind: EntryType,
        mode: u32,
        size: u64,
        target: &str,
    ) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(gid);
        header.set_mtime(self.options.modified);
        header.set_size(size);
        // A name that has no room goes before, as the content of an entry of its own.
        for (name, kind) in [(target, EntryType::GNULongLink), (path, EntryType::GNULongName)] {
            if name.len() > SHORT {
                self.long_name(name, kind)?;
            }
        }
        let old = header.as_old_mut();
        for (field, name) in [(&mut old.name, path), (&mut old.linkname, target)] {
            let len = name.len().min(SHORT);
            field[..len].copy_from_slice(&name.as_bytes()[..len]);
        }
        header.set_cksum();
        self.out.write_all(header.as_bytes())
    }

    fn long_name(&mut self, name: &str, kind: EntryType) -> io::Result<()> {
        const NAME: &[u8] = b"././@LongLink";
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..NAME.len()].copy_from_slice(NAME);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let size = name.len() as u64 + 1;
        header.set_size(size);
        header.set_cksum();
        self.out.write_all(header.as_bytes())?;
        self.out.write_all(name.as_bytes())?;
        self.out.write_all(&[0])?;
        self.pad(size)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let missing = size.next_multiple_of(BLOCK as u64) - size;
        io::copy(&mut io::repeat(0).take(missing), &mut self.out).map(drop)
    }

    fn finish(mut self) -> Result<Layer, LayerError> {
        let end = || {
            self.out.write_all(&[0; 2 * BLOCK])?;
            let (compressor, diff_id, unpacked) = self.out.finish();
            let (mut out, digest, size) = compressor.finish()?.finish();
            out.flush()?;
            let (files, compression) = (self.files, self.options.compression);
            Ok(Layer { digest, size, diff_id, unpacked, files, compression })
        };
        end().map_err(LayerError::Write)
    }
}

/// What tells that a file is as it was.
#[derive(PartialEq, Eq)]
struct State {
    len: u64,
    modified: Option<std::time::SystemTime>,
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

impl State {
    fn of(metadata: &std::fs::Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;

        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            identity: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_no_limit() {
        let options = LayerOptions { uid: 3_000_000, modified: 1 << 40, ..LayerOptions::default() };
        for size in [(8 << 30) - 1, 8 << 30, 5 << 40] {
            let gzip =
                Compressor::new(Hashed::new(Vec::new()), options.compression, NonZero::<usize>::MIN).unwrap();
            let mut archive = Archive {
                out: Hashed::new(gzip),
                options: &options,
                unpacker: Unpacker::new(),
                files: 0,
                open: None,
            };
            archive.header("large", EntryType::Regular, 0o644, size, "").unwrap();
            let (gzip, ..) = archive.out.finish();
            let (bytes, ..) = gzip.finish().unwrap().finish();
            let mut header = Header::new_gnu();
            flate2::read::GzDecoder::new(&bytes[..]).read_exact(header.as_mut_bytes()).unwrap();
            assert_eq!(header.size().unwrap(), size);
            assert_eq!((header.uid().unwrap(), header.mtime().unwrap()), (3_000_000, 1 << 40));
        }
    }
}
