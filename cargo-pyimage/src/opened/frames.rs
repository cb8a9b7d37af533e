//! What zstd writes: one frame after another.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The first bytes of a frame.
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// All frames as one stream. The crate's own decoder ends with the first; layers that can be read in part have several,
/// and some that are not for decoders at all.
pub(super) struct Frames<R> {
    compressed: R,
    decoder: FrameDecoder,
    /// Whether a frame has begun.
    within: bool,
}

/// Whether such a stream starts so.
pub(super) fn start(bytes: &[u8]) -> bool {
    bytes.starts_with(&FRAME) || matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(compressed: R) -> Self {
        Self { compressed, decoder: FrameDecoder::new(), within: false }
    }

    /// Goes on to the next frame, and says whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.compressed.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.compressed) {
                Ok(()) => {
                    self.within = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut self.compressed).take(length), &mut io::sink())? != length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within && !self.begin()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let strategy = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.compressed, strategy).map_err(io::Error::other)?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.within = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of one block that is not compressed.
    fn frame(content: &[u8]) -> Vec<u8> {
        let size = u8::try_from(content.len()).unwrap();
        // One segment, whose size is in one byte.
        let mut bytes = [&FRAME[..], &[0x20, size]].concat();
        bytes.extend_from_slice(&(u32::from(size) << 3 | 1).to_le_bytes()[..3]);
        bytes.extend_from_slice(content);
        bytes
    }

    fn decoded(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Frames::new(bytes).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn all_frames_are_read() {
        let skipped = [&[0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let all = [skipped.clone(), frame(b"one "), frame(b"two"), skipped.clone()].concat();
        assert!(start(&all));
        assert_eq!(decoded(&all).unwrap(), b"one two");
        assert_eq!(decoded(&[]).unwrap(), b"");
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_told() {
        let whole = frame(b"content");
        for end in 1..whole.len() {
            assert!(decoded(&whole[..end]).is_err(), "{end}");
        }
        assert!(decoded(&[0x50, 0x2a, 0x4d, 0x18, 9, 0, 0, 0]).is_err());
        assert!(decoded(&[whole, b"more".to_vec()].concat()).is_err());
    }
}
