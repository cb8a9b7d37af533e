//! Zstandard whose bytes depend on nothing but what goes in.
//!
//! The input is cut into blocks of one size, and one thread at a time compresses: several would make other bytes. The
//! library takes whatever it is given, so it is always given the same.

use std::io::{self, Write};

use zstd::stream::raw::CParameter;
use zstd::stream::write::Encoder;

/// How much is given to the library at once. Another number is another format.
const BLOCK: usize = 1 << 17;

/// Compresses what is written to it.
pub(super) struct Zstd<W: Write> {
    encoder: Encoder<'static, W>,
    pending: Vec<u8>,
}

impl<W: Write> Zstd<W> {
    pub(super) fn new(out: W, level: u8) -> io::Result<Self> {
        let mut encoder = Encoder::new(out, i32::from(level))?;
        // Others check the digest; a reader of a damaged layer is told all the same.
        encoder.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self { encoder, pending: Vec::with_capacity(BLOCK) })
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.encoder.write_all(&self.pending)?;
        self.encoder.finish()
    }
}

impl<W: Write> Write for Zstd<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = &bytes[..bytes.len().min(BLOCK - self.pending.len())];
        self.pending.extend_from_slice(taken);
        if self.pending.len() == BLOCK {
            self.encoder.write_all(&self.pending)?;
            self.pending.clear();
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compressed(pieces: &[&[u8]], level: u8) -> Vec<u8> {
        let mut zstd = Zstd::new(Vec::new(), level).unwrap();
        for piece in pieces {
            zstd.write_all(piece).unwrap();
        }
        zstd.finish().unwrap()
    }

    #[test]
    fn pieces_make_no_difference() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7] {
            let content: Vec<u8> = (0..len).map(|at| (at * at / 7).to_le_bytes()[0]).collect();
            for level in [1, 9, 19] {
                let whole = compressed(&[&content], level);
                assert!(zstd::decode_all(&whole[..]).unwrap() == content, "{len}");
                let pieces: Vec<&[u8]> = content.chunks(10_007).collect();
                assert!(compressed(&pieces, level) == whole, "{len} at {level}");
            }
        }
    }

    proptest! {
        #[test]
        fn comes_back(bytes: Vec<u8>, at: prop::sample::Index) {
            let at = at.index(bytes.len() + 1);
            let whole = compressed(&[&bytes], 9);
            prop_assert_eq!(&zstd::decode_all(&whole[..]).unwrap(), &bytes);
            prop_assert_eq!(compressed(&[&bytes[..at], &bytes[at..]], 9), whole);
        }
    }
}
