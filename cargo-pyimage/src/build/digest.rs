//! What a file is, by its content.

use std::io::{self, Read as _};
use std::path::Path;

use pyimage_build::Digest;

/// The size of a file, and its SHA-256.
pub(crate) fn of_file(path: &Path) -> io::Result<(u64, Digest)> {
    let nothing = Digest::of(b"");
    let (mut hasher, mut size) = (nothing.hasher(), 0);
    let mut file = fs_err::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, hasher.finish().err().unwrap_or(nothing))),
            read => {
                hasher.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(of_file(file.path()).unwrap(), (0, Digest::of(b"")));
        let content = vec![7; 100_000];
        fs_err::write(file.path(), &content).unwrap();
        assert_eq!(of_file(file.path()).unwrap(), (100_000, Digest::of(&content)));
    }
}
