//! Files that are written for others to read.

use std::io::{self, Write as _};

use camino::{Utf8Path, Utf8PathBuf};

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write `{file}`")]
pub struct WriteError {
    /// The file.
    pub file: Utf8PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// Fails where a file's folder is not there: better before the work than after it.
///
/// # Errors
/// As [`write()`].
pub fn check(file: &Utf8Path) -> Result<(), WriteError> {
    folder_of(file)
        .as_std_path()
        .metadata()
        .map(drop)
        .map_err(|source| WriteError { file: file.to_owned(), source })
}

/// Writes a file so that whoever reads meanwhile gets the old one or the new one, as a whole. What is no file, such as a
/// pipe, is written to.
///
/// # Errors
/// Where it cannot be written.
pub fn write(file: &Utf8Path, bytes: &[u8]) -> Result<(), WriteError> {
    let failed = |error: io::Error| WriteError { file: file.to_owned(), source: error.kind().into() };
    if fs_err::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let mut options = fs_err::OpenOptions::new();
        return options.write(true).open(file).and_then(|mut out| out.write_all(bytes)).map_err(failed);
    }
    // What a link leads to is replaced, and not the link.
    let place = file.canonicalize_utf8().unwrap_or_else(|_| file.to_owned());
    let folder = folder_of(&place);
    // It says best what is wrong with it.
    folder.as_std_path().metadata().map_err(|source| WriteError { file: file.to_owned(), source })?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tmp-");
    // Temporary files are the owner's alone; this one has the mode that the umask gives it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut partial = builder.tempfile_in(folder).map_err(failed)?;
    partial.write_all(bytes).map_err(failed)?;
    partial.persist(&place).map_err(|error| failed(error.error))?;
    Ok(())
}

fn folder_of(file: &Utf8Path) -> &Utf8Path {
    file.parent().filter(|folder| !folder.as_str().is_empty()).unwrap_or(Utf8Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let file = root.join("sbom.json");
        write(&file, b"old").unwrap();
        write(&file, b"new").unwrap();
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "new");
        assert_eq!(root.read_dir_utf8().unwrap().count(), 1, "nothing else is left");
        let error = write(&root.join("missing/sbom.json"), b"").unwrap_err();
        assert_eq!(error.to_string(), format!("could not write `{root}/missing/sbom.json`"));
        assert!(write(root, b"").is_err(), "a folder stays one");
        write(Utf8Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs_err::metadata("/dev/null").unwrap().is_file());
    }
}
