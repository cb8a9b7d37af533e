//! What is in a layer: the entries of its archive, one after the other.
//!
//! Archives of others are read here, which may be damaged or made to do harm. So memory is bounded: contents are never
//! held but for small ones that are asked for, and names have a limit.

mod entry;
mod error;
mod header;

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};
use tar::Header;

use crate::Digest;

pub(super) use entry::shown;
pub use entry::{EntryKind, LayerEntry};
pub use error::ListingError;

use header::{BLOCK, Extended};

/// The most entries that a layer may have.
const MAX_ENTRIES: u64 = 2_000_000;
/// The most bytes that their names may have together.
const MAX_NAMES: u64 = 256 << 20;
/// The most bytes of a file that is kept.
const MAX_KEPT: u64 = 16 << 20;

/// The entries of a layer's archive, which is not compressed any more.
///
/// ```
/// # use std::num::NonZero;
/// # use std::io::Read as _;
/// use pyimage_build::{EntryKind, LayerListing};
/// # use pyimage_build::{LayerContents, LayerOptions};
/// # let mut contents = LayerContents::new();
/// # contents.add_bytes("srv/app/main.py", 0o644, &b"print()"[..])?;
/// # let mut gzip = Vec::new();
/// # contents.write(&LayerOptions::default(), NonZero::<usize>::MIN, &mut gzip)?;
/// # let mut archive = Vec::new();
/// # flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut archive)?;
///
/// let mut files = Vec::new();
/// for entry in LayerListing::new(&archive[..]) {
///     let entry = entry?;
///     if entry.kind == EntryKind::File {
///         files.push((entry.path, entry.size));
///     }
/// }
/// assert_eq!(files, [("srv/app/main.py".to_owned(), 7)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LayerListing<R> {
    archive: R,
    hashing: bool,
    keeping: fn(&str) -> bool,
    entries: u64,
    names: u64,
    ended: bool,
}

impl<R: Read> LayerListing<R> {
    /// The entries of this archive.
    ///
    /// ```
    /// # use pyimage_build::LayerListing;
    /// assert_eq!(LayerListing::new(&[0; 1024][..]).count(), 0);
    /// ```
    pub fn new(archive: R) -> Self {
        Self { archive, hashing: false, keeping: |_| false, entries: 0, names: 0, ended: false }
    }

    /// Gives each file its digest, too.
    ///
    /// ```
    /// # use pyimage_build::LayerListing;
    /// let entries = LayerListing::new(&[0; 1024][..]).hashing();
    /// assert_eq!(entries.count(), 0);
    /// ```
    #[must_use]
    pub fn hashing(mut self) -> Self {
        self.hashing = true;
        self
    }

    /// Gives files of these paths their content, where that has at most 16 MiB.
    ///
    /// ```
    /// # use pyimage_build::LayerListing;
    /// let entries = LayerListing::new(&[0; 1024][..]).keeping(|path| path.ends_with(".dist-info/RECORD"));
    /// assert_eq!(entries.count(), 0);
    /// ```
    #[must_use]
    pub fn keeping(mut self, keeping: fn(&str) -> bool) -> Self {
        self.keeping = keeping;
        self
    }

    fn entry(&mut self) -> Result<Option<LayerEntry>, ListingError> {
        let mut extended = Extended::default();
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            let size = header.entry_size().map_err(|_| ListingError::NotAnArchive)?;
            match header.as_bytes()[156] {
                b'L' => extended.path = Some(trimmed(self.small(size)?)),
                b'K' => extended.target = Some(trimmed(self.small(size)?)),
                b'x' => extended.add_records(&self.small(size)?)?,
                // Of a whole archive; no layer has names there.
                b'g' => self.skip(size)?,
                _ => {
                    self.entries += 1;
                    let entry = self.told(&header, size, std::mem::take(&mut extended))?;
                    // The root of the image is in every image.
                    if !entry.path.is_empty() || entry.kind == EntryKind::Emptied {
                        return Ok(Some(entry));
                    }
                }
            }
        }
    }

    /// The entry of this header, whose content comes next.
    fn told(&mut self, header: &Header, size: u64, extended: Extended) -> Result<LayerEntry, ListingError> {
        let size = extended.size.unwrap_or(size);
        let path = extended.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let target = extended.target.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        self.names += (path.len() + target.as_ref().map_or(0, Vec::len)) as u64;
        if self.entries > MAX_ENTRIES || self.names > MAX_NAMES {
            return Err(ListingError::TooMany);
        }
        let flag = header.as_bytes()[156];
        let (path, kind) = entry::kind(flag, &path, target.as_deref().unwrap_or_default());
        let mut entry = LayerEntry {
            path,
            kind,
            mode: header.mode().unwrap_or_default() & 0o7777,
            uid: header.uid().unwrap_or_default(),
            gid: header.gid().unwrap_or_default(),
            size: 0,
            digest: None,
            content: None,
        };
        if flag == b'S' {
            self.skip_sparse_map(header)?;
        }
        // Links, folders and devices have no content, whatever their size says.
        if !matches!(flag, b'1'..=b'6') {
            self.content(size, &mut entry)?;
        }
        Ok(entry)
    }

    fn content(&mut self, size: u64, entry: &mut LayerEntry) -> Result<(), ListingError> {
        let is_file = entry.kind == EntryKind::File;
        if is_file {
            entry.size = size;
        }
        let keeps = is_file && size <= MAX_KEPT && (self.keeping)(&entry.path);
        let mut kept = Vec::new();
        let mut hasher = (is_file && self.hashing).then(Sha256::new);
        let mut buffer = [0; 1 << 14];
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let read = read(&mut self.archive, &mut buffer[..wanted])?;
            if read == 0 {
                return Err(ListingError::Truncated);
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(&buffer[..read]);
            }
            if keeps {
                kept.extend_from_slice(&buffer[..read]);
            }
            left -= read as u64;
        }
        self.discard(padding(size))?;
        entry.digest = hasher.map(|hasher| Digest::from_sha256(hasher.finalize().into()));
        entry.content = keeps.then_some(kept);
        Ok(())
    }

    /// The next header; none at the end.
    fn header(&mut self) -> Result<Option<Header>, ListingError> {
        let mut header = Header::new_old();
        match self.block(header.as_mut_bytes())? {
            // Some programs leave out the blocks of zeros at the end.
            0 => return Ok(None),
            BLOCK => {}
            _ => return Err(ListingError::Truncated),
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if header::checksum(header.as_bytes()) != header.cksum().ok() {
            return Err(ListingError::NotAnArchive);
        }
        Ok(Some(header))
    }

    /// Reads a block, and says how much of it there was.
    fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<usize, ListingError> {
        let mut filled = 0;
        while filled < BLOCK {
            match read(&mut self.archive, &mut block[filled..])? {
                0 => break,
                more => filled += more,
            }
        }
        Ok(filled)
    }

    /// The content of an entry that says something about the next one.
    fn small(&mut self, size: u64) -> Result<Vec<u8>, ListingError> {
        if size > header::MAX_EXTENDED {
            return Err(ListingError::LongName { size });
        }
        let mut bytes = Vec::new();
        let taken = (&mut self.archive).take(size).read_to_end(&mut bytes).map_err(ListingError::Read)?;
        if taken as u64 != size {
            return Err(ListingError::Truncated);
        }
        self.discard(padding(size))?;
        Ok(bytes)
    }

    /// GNU tar's list of where the pieces of a file with holes go may need more blocks than its header.
    fn skip_sparse_map(&mut self, header: &Header) -> Result<(), ListingError> {
        let mut more = header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
        while more {
            let mut block = [0; BLOCK];
            if self.block(&mut block)? < BLOCK {
                return Err(ListingError::Truncated);
            }
            more = block[504] == 1;
        }
        Ok(())
    }

    fn skip(&mut self, size: u64) -> Result<(), ListingError> {
        self.discard(size)?;
        self.discard(padding(size))
    }

    fn discard(&mut self, size: u64) -> Result<(), ListingError> {
        let skipped = io::copy(&mut (&mut self.archive).take(size), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == size => Ok(()),
            Ok(_) => Err(ListingError::Truncated),
            Err(error) => Err(ListingError::Read(error)),
        }
    }
}

impl<R: Read> Iterator for LayerListing<R> {
    type Item = Result<LayerEntry, ListingError>;

    /// After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entry().transpose();
        self.ended = !matches!(entry, Some(Ok(_)));
        entry
    }
}

fn read(archive: &mut impl Read, buffer: &mut [u8]) -> Result<usize, ListingError> {
    loop {
        match archive.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map_err(ListingError::Read),
        }
    }
}

fn padding(size: u64) -> u64 {
    // What overflows is longer than any archive, and found to be when it is read.
    size.wrapping_neg() % BLOCK as u64
}

/// A name up to its NUL.
fn trimmed(mut name: Vec<u8>) -> Vec<u8> {
    if let Some(end) = name.iter().position(|byte| *byte == 0) {
        name.truncate(end);
    }
    name
}

#[cfg(test)]
mod tests;
