//! Files of a layout, which are there as a whole or not at all.

use std::io::{self, Read, Write};
use std::path::Path;

use super::LayoutError;
use crate::Descriptor;

/// How much is read at once.
const PIECE: usize = 1 << 16;

/// Writes a file under another name, which it loses when it is complete. `write` says whether there was a need.
///
/// The other name is always the same, so that what a killed program leaves is used by the next.
pub(super) fn write(
    path: &Path,
    write: &mut dyn FnMut(&mut fs_err::File) -> Result<bool, LayoutError>,
) -> Result<(), LayoutError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.partial"));
    let failed = |source| LayoutError::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder).map_err(failed)?;
    }
    loop {
        let mut options = fs_err::OpenOptions::new();
        let mut out = options.create(true).truncate(false).write(true).open(&partial).map_err(failed)?;
        out.file().lock().map_err(failed)?;
        if !is_same(&out, &partial) {
            // It got its name while this one waited for the lock.
            continue;
        }
        out.set_len(0).map_err(failed)?;
        match write(&mut out) {
            Ok(true) => return fs_err::rename(&partial, path).map_err(failed),
            Ok(false) => return fs_err::remove_file(&partial).map_err(failed),
            Err(error) => {
                // What it leaves does no harm.
                let _ = fs_err::remove_file(&partial);
                return Err(error);
            }
        }
    }
}

/// Copies a blob, where it is what it should be.
pub(super) fn copy(
    blob: &Descriptor,
    content: &mut dyn Read,
    from: &Path,
    out: &mut dyn Write,
    to: &Path,
) -> Result<(), LayoutError> {
    let mut hasher = blob.digest.hasher();
    let mut buffer = vec![0; PIECE];
    let mut left = blob.size;
    loop {
        let read = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(LayoutError::Read { path: from.to_owned(), source }),
        };
        hasher.update(&buffer[..read]);
        out.write_all(&buffer[..read])
            .map_err(|source| LayoutError::Write { path: to.to_owned(), source })?;
        let Some(rest) = left.checked_sub(read as u64) else { break };
        left = rest;
    }
    match hasher.finish() {
        Ok(()) => Ok(()),
        Err(_) => Err(LayoutError::Damaged { path: from.to_owned(), digest: blob.digest.clone() }),
    }
}

/// Whether an open file is still the one of this name.
#[cfg(unix)]
fn is_same(file: &fs_err::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
    let (opened, named) = (file.metadata().map(identity), fs_err::metadata(path).map(identity));
    matches!((opened, named), (Ok(opened), Ok(named)) if opened == named)
}

/// Where files cannot be renamed while they are open, it is.
#[cfg(not(unix))]
fn is_same(_: &fs_err::File, path: &Path) -> bool {
    path.exists()
}
