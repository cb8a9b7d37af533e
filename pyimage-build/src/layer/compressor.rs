//! Compressing, by any of the methods.

use std::io::{self, Write};
use std::num::NonZero;

use super::LayerCompression;
use super::gzip::Gzip;
#[cfg(feature = "zstd")]
use super::zstd::Zstd;

/// Compresses what is written to it.
pub(super) enum Compressor<W: Write> {
    Gzip(Gzip<W>),
    #[cfg(feature = "zstd")]
    Zstd(Zstd<W>),
}

impl<W: Write> Compressor<W> {
    pub(super) fn new(out: W, compression: LayerCompression, cores: NonZero<usize>) -> io::Result<Self> {
        match compression {
            LayerCompression::Gzip(level) => Gzip::new(out, level, cores).map(Self::Gzip),
            #[cfg(feature = "zstd")]
            LayerCompression::Zstd(level) => Zstd::new(out, level).map(Self::Zstd),
            #[cfg(not(feature = "zstd"))]
            LayerCompression::Zstd(_) => {
                let reason = "`pyimage-build` was compiled without its feature `zstd`";
                Err(io::Error::new(io::ErrorKind::Unsupported, reason))
            }
        }
    }

    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Gzip(gzip) => gzip.finish(),
            #[cfg(feature = "zstd")]
            Self::Zstd(zstd) => zstd.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(gzip) => gzip.write(bytes),
            #[cfg(feature = "zstd")]
            Self::Zstd(zstd) => zstd.write(bytes),
        }
    }

    /// Does nothing: a flush would make the bytes depend on when it comes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
