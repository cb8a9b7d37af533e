//! The content of an entry, checked while it is read.

use std::fmt;
use std::io::{self, Write};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::WheelProblem;
use super::archive::{Archive, Entry};
use super::record::Expected;

/// Large enough that most files take one read and one write, small enough to stay in a core's cache.
const BUFFER: usize = 256 * 1024;

/// Memory to unpack with. One serves any number of files and wheels, one after the other.
///
/// ```
/// let unpacker = pyimage_build::Unpacker::new();
/// assert_eq!(format!("{unpacker:?}"), "Unpacker { .. }");
/// ```
pub struct Unpacker {
    inflate: Decompress,
    input: Box<[u8]>,
    output: Box<[u8]>,
}

/// Why content did not get where it was to go.
pub(super) enum CopyProblem {
    Wheel(WheelProblem),
    Write(io::Error),
}

impl From<WheelProblem> for CopyProblem {
    fn from(problem: WheelProblem) -> Self {
        Self::Wheel(problem)
    }
}

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Default for Unpacker {
    fn default() -> Self {
        Self::new()
    }
}

impl Unpacker {
    /// Takes the memory: half a megabyte.
    ///
    /// ```
    /// let mut unpacker = pyimage_build::Unpacker::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self {
            inflate: Decompress::new(false),
            input: vec![0; BUFFER].into_boxed_slice(),
            output: vec![0; BUFFER].into_boxed_slice(),
        }
    }

    /// Writes the content of an entry. What was written is to be thrown away where this fails.
    pub(super) fn copy(
        &mut self,
        archive: &Archive,
        entry: &Entry,
        expected: Option<&Expected>,
        out: &mut dyn Write,
    ) -> Result<(), CopyProblem> {
        let mut check = Check { entry, written: 0, crc: Crc::new(), hasher: expected.map(Expected::hasher) };
        if entry.deflated {
            self.inflate(archive, entry, &mut check, out)?;
        } else {
            let mut position = 0;
            while position < entry.size {
                let len = chunk_len(entry.size - position);
                let chunk = &mut self.output[..len];
                archive.source.read_exact_at(chunk, entry.content + position).map_err(WheelProblem::Io)?;
                check.take(chunk, out)?;
                position += len as u64;
            }
        }
        check.finish(expected)?;
        Ok(())
    }

    /// The content of a small entry.
    pub(super) fn bytes(
        &mut self,
        archive: &Archive,
        entry: &Entry,
        expected: Option<&Expected>,
        limit: u64,
    ) -> Result<Vec<u8>, WheelProblem> {
        if entry.size > limit {
            return Err(WheelProblem::Limit { what: "metadata", found: entry.size, limit });
        }
        let mut bytes = Vec::new();
        match self.copy(archive, entry, expected, &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(CopyProblem::Wheel(problem)) => Err(problem),
            Err(CopyProblem::Write(error)) => Err(WheelProblem::Io(error)),
        }
    }

    fn inflate(
        &mut self,
        archive: &Archive,
        entry: &Entry,
        check: &mut Check<'_>,
        out: &mut dyn Write,
    ) -> Result<(), CopyProblem> {
        let damaged = |why| WheelProblem::Content { entry: entry.name.clone(), why };
        self.inflate.reset(false);
        let mut unread = entry.compressed;
        let mut input = 0..0;
        loop {
            if input.is_empty() && unread > 0 {
                let len = chunk_len(unread);
                let offset = entry.content + (entry.compressed - unread);
                archive.source.read_exact_at(&mut self.input[..len], offset).map_err(WheelProblem::Io)?;
                unread -= len as u64;
                input = 0..len;
            }
            let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(&self.input[input.clone()], &mut self.output, FlushDecompress::None)
                .map_err(|_| damaged("it is no deflate stream"))?;
            // Both fit: they are no more than the buffers have.
            let taken = usize::try_from(self.inflate.total_in() - taken).unwrap_or(usize::MAX);
            let given = usize::try_from(self.inflate.total_out() - given).unwrap_or(usize::MAX);
            input.start += taken;
            check.take(&self.output[..given], out)?;
            match status {
                Status::StreamEnd if input.is_empty() && unread == 0 => return Ok(()),
                Status::StreamEnd => return Err(damaged("something follows it").into()),
                _ if taken == 0 && given == 0 && (unread == 0 || !input.is_empty()) => {
                    return Err(damaged("it ends too early").into());
                }
                _ => {}
            }
        }
    }
}

fn chunk_len(len: u64) -> usize {
    usize::try_from(len).unwrap_or(BUFFER).min(BUFFER)
}

/// What is known of a content so far.
struct Check<'a> {
    entry: &'a Entry,
    written: u64,
    crc: Crc,
    hasher: Option<super::record::Hasher>,
}

impl Check<'_> {
    fn take(&mut self, bytes: &[u8], out: &mut dyn Write) -> Result<(), CopyProblem> {
        self.written += bytes.len() as u64;
        if self.written > self.entry.size {
            return Err(self.wrong_size().into());
        }
        self.crc.update(bytes);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        out.write_all(bytes).map_err(CopyProblem::Write)
    }

    fn finish(self, expected: Option<&Expected>) -> Result<(), WheelProblem> {
        if self.written != self.entry.size {
            return Err(self.wrong_size());
        }
        let differs = |authority, expected, found| WheelProblem::Hash {
            entry: self.entry.name.clone(),
            authority,
            expected,
            found,
        };
        // The stronger one is the one that a person can look up.
        if let Some((hasher, expected)) = self.hasher.zip(expected) {
            let (expected, found) = (expected.text(), hasher.finish());
            if found != expected {
                return Err(differs("RECORD", expected, found));
            }
        }
        let crc = |crc| format!("the checksum {crc:08x}");
        if self.crc.sum() != self.entry.crc {
            return Err(differs("the archive", crc(self.entry.crc), crc(self.crc.sum())));
        }
        Ok(())
    }

    fn wrong_size(&self) -> WheelProblem {
        WheelProblem::Size {
            entry: self.entry.name.clone(),
            authority: "the archive",
            expected: self.entry.size,
            found: self.written,
        }
    }
}
