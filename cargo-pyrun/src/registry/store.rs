//! What registries gave before: content by its digest, in the cache.

use std::io::{self, Read as _};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::Digest;

use crate::cache::{Cache, CacheError, touch};

/// The cache's folder for content by digest.
const BLOBS: &str = "blobs";

/// Content by its digest. It never changes, so that whoever finds it need not ask a registry.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) cache: Cache,
}

impl Store {
    /// Where content is, or would be.
    pub(super) fn path(&self, digest: &Digest) -> Utf8PathBuf {
        self.cache.root().join(entry(digest))
    }

    /// Reads content, if it is there and still has its digest; damaged content is removed.
    pub(super) fn read(&self, digest: &Digest, limit: u64) -> Option<Bytes> {
        let path = self.path(digest);
        if fs_err::metadata(&path).ok()?.len() > limit {
            return None;
        }
        let bytes = fs_err::read(&path).ok()?;
        if digest.matches(&bytes) {
            touch(&path);
            return Some(bytes.into());
        }
        remove(&path);
        None
    }

    /// Keeps content, which the caller has verified.
    pub(super) fn write(&self, digest: &Digest, bytes: &[u8]) -> Result<(), CacheError> {
        self.cache.write(entry(digest), bytes)
    }
}

/// Whether the file has this size and digest; a damaged one is removed.
pub(super) fn is_whole(path: &Utf8Path, digest: &Digest, size: u64) -> bool {
    let whole = || -> io::Result<bool> {
        let mut file = fs_err::File::open(path)?;
        if file.metadata()?.len() != size {
            return Ok(false);
        }
        let mut hasher = digest.hasher();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher.finish().is_ok()),
                read => hasher.update(&buffer[..read]),
            }
        }
    };
    match whole() {
        Ok(true) => {
            touch(path);
            true
        }
        Ok(false) => {
            remove(path);
            false
        }
        Err(_) => false,
    }
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Utf8Path) {
    let _ = fs_err::remove_file(path);
}

fn entry(digest: &Digest) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{BLOBS}/{}/{}", digest.algorithm(), digest.hex()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_content_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { cache: Cache::at(Utf8Path::from_path(folder.path()).unwrap()) };
        let digest = Digest::of(b"content");
        assert_eq!(store.read(&digest, 100), None);
        store.write(&digest, b"content").unwrap();
        assert_eq!(store.read(&digest, 100).as_deref(), Some(&b"content"[..]));
        assert_eq!(store.read(&digest, 3), None);
        assert!(is_whole(&store.path(&digest), &digest, 7));
        fs_err::write(store.path(&digest), "CONTENT").unwrap();
        assert_eq!(store.read(&digest, 100), None);
        assert!(!store.path(&digest).exists());
        fs_err::write(store.path(&digest), "CONTENT").unwrap();
        assert!(!is_whole(&store.path(&digest), &digest, 7));
        assert!(!store.path(&digest).exists());
    }
}
