//! gzip whose bytes depend on nothing but what goes in.
//!
//! The input is cut into blocks of one size, each compressed by itself with the end of the one before as its
//! dictionary, as pigz does. So it makes no difference how the bytes come in, nor how many cores work on them.

use std::io::{self, Write};
use std::num::NonZero;

use flate2::Crc;
// Not by way of flate2, which another crate of a build may give another library to work with.
use zlib_rs::{Deflate, DeflateFlush};

/// How many bytes a block has. Another number is another format.
const BLOCK: usize = 1 << 20;
/// How far back deflate looks.
const WINDOW_BITS: u8 = 15;
const WINDOW: usize = 1 << WINDOW_BITS;
/// No name, no time, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses what is written to it.
pub(super) struct Gzip<W> {
    out: W,
    level: u8,
    cores: usize,
    /// The end of what is compressed already, then whole blocks, the last of them in the making.
    pending: Vec<u8>,
    /// How much of `pending` is compressed already.
    dictionary: usize,
    crc: Crc,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(mut out: W, level: u8, cores: NonZero<usize>) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        // More would be memory for nothing: somebody has to fill the blocks too.
        let cores = cores.get().min(16);
        let pending = Vec::with_capacity(WINDOW + BLOCK * cores);
        Ok(Self { out, level, cores, pending, dictionary: 0, crc: Crc::new() })
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.compress(true)?;
        self.out.write_all(&self.crc.sum().to_le_bytes())?;
        self.out.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.out)
    }

    /// Compresses all that is pending, a block a thread.
    fn compress(&mut self, is_last: bool) -> io::Result<()> {
        let pending = &self.pending;
        let mut starts: Vec<usize> = (self.dictionary..pending.len()).step_by(BLOCK).collect();
        // The last block is the one that is not full, and so may be empty.
        if is_last && starts.last().is_none_or(|start| pending.len() - start == BLOCK) {
            starts.push(pending.len());
        }
        let compress = |start: usize| {
            let end = (start + BLOCK).min(pending.len());
            let flush = if end - start == BLOCK { DeflateFlush::SyncFlush } else { DeflateFlush::Finish };
            block(self.level, &pending[start.saturating_sub(WINDOW)..start], &pending[start..end], flush)
        };
        let blocks: Vec<io::Result<Vec<u8>>> = match &starts[..] {
            [only] => vec![compress(*only)],
            [first, others @ ..] => std::thread::scope(|scope| {
                let others: Vec<_> =
                    others.iter().map(|start| (*start, scope.spawn(|| compress(*start)))).collect();
                let joined = others
                    .into_iter()
                    .map(|(_, other)| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
                std::iter::once(compress(*first)).chain(joined).collect()
            }),
            [] => Vec::new(),
        };
        for block in blocks {
            self.out.write_all(&block?)?;
        }
        let kept = self.pending.len().min(WINDOW);
        self.pending.drain(..self.pending.len() - kept);
        self.dictionary = kept;
        Ok(())
    }
}

/// A block of deflate, which ends at a byte.
fn block(level: u8, dictionary: &[u8], bytes: &[u8], flush: DeflateFlush) -> io::Result<Vec<u8>> {
    let failed = |error: zlib_rs::DeflateError| io::Error::other(error.as_str());
    let mut deflate = Deflate::new(i32::from(level), false, WINDOW_BITS);
    if !dictionary.is_empty() {
        deflate.set_dictionary(dictionary).map_err(failed)?;
    }
    // More than the worst case takes, so that one call does it, and the room there is never matters.
    let mut out = vec![0; bytes.len() + bytes.len() / 4 + 1024];
    deflate.compress(bytes, &mut out, flush).map_err(failed)?;
    let written = usize::try_from(deflate.total_out()).unwrap_or(usize::MAX);
    if deflate.total_in() != bytes.len() as u64 || written >= out.len() {
        return Err(io::Error::other("deflate left some of a block"));
    }
    out.truncate(written);
    Ok(out)
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.dictionary + BLOCK * self.cores - self.pending.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.pending.extend_from_slice(taken);
        self.crc.update(taken);
        if taken.len() == room {
            self.compress(false)?;
        }
        Ok(taken.len())
    }

    /// Does nothing: a flush would make the bytes depend on when it comes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    fn gzip(pieces: &[&[u8]], cores: usize) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new(), 5, NonZero::new(cores).unwrap()).unwrap();
        for piece in pieces {
            gzip.write_all(piece).unwrap();
        }
        gzip.finish().unwrap()
    }

    fn gunzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        // Not `MultiGzDecoder`: it is one member, for readers that stop after the first.
        let mut decoder = flate2::bufread::GzDecoder::new(bytes);
        decoder.read_to_end(&mut out).unwrap();
        assert!(decoder.into_inner().is_empty());
        out
    }

    /// Repetitive and random by turns, so that matches cross the borders of blocks.
    fn content(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let byte = |index: usize| if index % 10_000 < 5000 { index.to_le_bytes()[0] } else { next() };
        (0..len).map(byte).collect()
    }

    #[test]
    fn cores_and_pieces_make_no_difference() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 7] {
            let content = content(len);
            let whole = gzip(&[&content], 1);
            assert!(gunzip(&whole) == content, "{len}");
            for cores in [2, 3, 64] {
                assert!(gzip(&[&content], cores) == whole, "{len} bytes on {cores} cores");
            }
            let pieces: Vec<&[u8]> = content.chunks(10_007).collect();
            assert!(gzip(&pieces, 2) == whole, "{len}");
        }
    }

    #[test]
    fn what_cannot_be_compressed_hardly_grows() {
        let mut state = 7_u64;
        let random: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(2 * BLOCK + 5)
        .collect();
        let compressed = gzip(&[&random], 2);
        assert!(compressed.len() < random.len() + random.len() / 1000);
        assert!(gunzip(&compressed) == random);
    }

    proptest! {
        #[test]
        fn comes_back(bytes: Vec<u8>, at: prop::sample::Index) {
            let at = at.index(bytes.len() + 1);
            let whole = gzip(&[&bytes], 1);
            prop_assert_eq!(&gunzip(&whole), &bytes);
            prop_assert_eq!(gzip(&[&bytes[..at], &bytes[at..]], 2), whole);
        }
    }
}
