//! Layers of archives that others made.

use std::io::{self, BufReader, Write};
use std::num::NonZero;
use std::path::Path;

use super::archive::Hashed;
use super::compressor::Compressor;
use super::{Layer, LayerCompression, LayerError};

impl Layer {
    /// Compresses an archive as it is. What it must not have, such as paths out of the image, is looked for first.
    ///
    /// ```
    /// use std::num::NonZero;
    /// use pyimage_build::Layer;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("layer.tar");
    /// let mut archive = tar::Builder::new(Vec::new());
    /// let mut header = tar::Header::new_gnu();
    /// header.set_size(0);
    /// archive.append_data(&mut header, "etc/motd", &b""[..])?;
    /// std::fs::write(&path, archive.into_inner()?)?;
    /// let mut blob = Vec::new();
    /// let layer = Layer::pack(&path, NonZero::<usize>::MIN, &mut blob)?;
    /// assert_eq!((layer.files, layer.size), (1, blob.len() as u64));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where it cannot be read, or is none for a layer.
    pub fn pack(archive: &Path, cores: NonZero<usize>, out: impl Write) -> Result<Self, LayerError> {
        let failed = |source| LayerError::Read { path: archive.to_owned(), source };
        let open = || fs_err::File::open(archive).map(BufReader::new).map_err(failed);
        let mut files = 0;
        for entry in tar::Archive::new(open()?).entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            check(&entry.path_bytes())?;
            files += u64::from(!entry.header().entry_type().is_dir());
        }
        // Always the same, whatever an image wants of the rest: its digest is pinned for all of them.
        let compression = LayerCompression::default();
        let compressor = Compressor::new(Hashed::new(out), compression, cores).map_err(LayerError::Write)?;
        let mut packed = Hashed::new(compressor);
        io::copy(&mut open()?, &mut packed).map_err(LayerError::Write)?;
        let (compressor, diff_id, unpacked) = packed.finish();
        let (mut out, digest, size) = compressor.finish().map_err(LayerError::Write)?.finish();
        out.flush().map_err(LayerError::Write)?;
        Ok(Self { digest, size, diff_id, unpacked, files, compression })
    }
}

fn check(path: &[u8]) -> Result<(), LayerError> {
    let text = String::from_utf8_lossy(path).into_owned();
    let wrong = |path, reason| Err(LayerError::Path { path, reason });
    if text.starts_with('/') {
        return wrong(text, "it is absolute, and paths here start at the root of the image anyway");
    }
    for part in text.split('/') {
        match part {
            ".." => return wrong(text, "it has `..`"),
            part if part.starts_with(".wh.") => return Err(LayerError::Whiteout { path: text }),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive with an empty file of this name, which its makers would not all let pass.
    fn pack(name: &str) -> Result<Layer, LayerError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer.tar");
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(0);
        header.set_cksum();
        fs_err::write(&path, [header.as_bytes().as_slice(), &[0; 1024]].concat()).unwrap();
        Layer::pack(&path, NonZero::<usize>::MIN, io::sink())
    }

    #[test]
    fn what_leads_out_or_removes_is_refused() {
        assert_eq!(pack("usr/lib/a..b").unwrap().files, 1);
        for name in ["../etc/passwd", "usr/../../x", "/etc/passwd"] {
            assert!(matches!(pack(name), Err(LayerError::Path { .. })), "{name}");
        }
        assert!(matches!(pack("usr/.wh.lib"), Err(LayerError::Whiteout { .. })));
    }

    #[test]
    fn what_is_packed_is_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer.tar");
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(5);
        archive.append_data(&mut header, "etc/motd", &b"hello"[..]).unwrap();
        let bytes = archive.into_inner().unwrap();
        fs_err::write(&path, &bytes).unwrap();
        let mut blob = Vec::new();
        let layer = Layer::pack(&path, NonZero::new(2).unwrap(), &mut blob).unwrap();
        let mut unpacked = Vec::new();
        io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&blob[..]), &mut unpacked).unwrap();
        assert_eq!(unpacked, bytes);
        assert_eq!((layer.diff_id, layer.unpacked), (crate::Digest::of(&bytes), bytes.len() as u64));
        assert_eq!((layer.digest, layer.size), (crate::Digest::of(&blob), blob.len() as u64));
    }
}
