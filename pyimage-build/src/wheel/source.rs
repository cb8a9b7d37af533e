//! Bytes at a position, from several threads at once.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

/// What a wheel can be read from.
pub(super) trait Stream: Read + Seek + Send {}

impl<T: Read + Seek + Send> Stream for T {}

/// A wheel's bytes. A file is read without a position of its own, so that threads need not take turns.
pub(super) enum Source {
    #[cfg(unix)]
    File(fs_err::File),
    Stream(Mutex<Box<dyn Stream>>),
}

impl Source {
    #[cfg(unix)]
    pub(super) fn file(file: fs_err::File) -> Self {
        Self::File(file)
    }

    #[cfg(not(unix))]
    pub(super) fn file(file: fs_err::File) -> Self {
        Self::stream(file)
    }

    pub(super) fn stream(stream: impl Stream + 'static) -> Self {
        Self::Stream(Mutex::new(Box::new(stream)))
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        match self {
            #[cfg(unix)]
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Stream(stream) => {
                stream.lock().unwrap_or_else(PoisonError::into_inner).seek(SeekFrom::End(0))
            }
        }
    }

    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Self::File(file) => std::os::unix::fs::FileExt::read_exact_at(file.file(), buffer, offset),
            Self::Stream(stream) => {
                let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
                stream.seek(SeekFrom::Start(offset))?;
                stream.read_exact(buffer)
            }
        }
    }
}
