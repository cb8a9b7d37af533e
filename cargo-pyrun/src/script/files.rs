//! An embedded script as files that an engine can mount.

use std::borrow::Cow;
use std::path::PathBuf;

use camino::{Utf8Component, Utf8Path};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::ScriptError;
use crate::cache::{Cache, InUse};
use crate::fingerprint;

/// The cache's folder for them.
const FOLDER: &str = "scripts";

/// A file that a program has in itself: its path below the script's folder, and its content.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) content: Cow<'static, [u8]>,
}

/// Where the files are, for as long as this is kept.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) folder: PathBuf,
    /// Keeps prunes off it.
    pub(super) in_use: Option<InUse>,
    _temporary: Option<TempDir>,
}

/// Puts the files into a folder that is named by their content; without a cache, into one that goes with the run.
pub(super) fn write(files: &[File], cache: Option<&Cache>) -> Result<Written, ScriptError> {
    check(files)?;
    let Some(cache) = cache else { return write_aside(files) };
    let entry = format!("{FOLDER}/{}", key(files));
    let in_use = cache.using(&entry);
    for File { path, content } in files {
        let place = format!("{entry}/{path}");
        // Read rather than only found: what the script runs is what the program has.
        if !cache.read(&place).is_ok_and(|there| there.as_deref() == Some(&**content)) {
            let written = cache.write(&place, content);
            written.map_err(|source| ScriptError::Cache { name: path.clone(), source })?;
        }
    }
    Ok(Written { folder: cache.root().join(entry).into_std_path_buf(), in_use, _temporary: None })
}

fn write_aside(files: &[File]) -> Result<Written, ScriptError> {
    let unwritten = |path: &str| {
        let name = path.to_owned();
        move |source| ScriptError::Unwritten { name, source }
    };
    let first = files.first().map_or("", |file| &file.path);
    let temporary = tempfile::Builder::new().prefix("pyrun-").tempdir().map_err(unwritten(first))?;
    // The script may be another user in the container.
    #[cfg(unix)]
    {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(temporary.path(), open).map_err(unwritten(first))?;
    }
    for File { path, content } in files {
        let place = temporary.path().join(path);
        let folder = place.parent().map_or(Ok(()), fs_err::create_dir_all);
        folder.and_then(|()| fs_err::write(&place, content)).map_err(unwritten(path))?;
    }
    Ok(Written { folder: temporary.path().to_owned(), in_use: None, _temporary: Some(temporary) })
}

fn check(files: &[File]) -> Result<(), ScriptError> {
    for (at, File { path, .. }) in files.iter().enumerate() {
        let plain = |part| matches!(part, Utf8Component::Normal(name) if !name.contains(['\\', '\0']));
        if path.is_empty() || path.ends_with('/') || !Utf8Path::new(path).components().all(plain) {
            return Err(ScriptError::Name(path.clone()));
        }
        if files[..at].iter().any(|other| other.path == *path) {
            return Err(ScriptError::TwoOfOneName(path.clone()));
        }
    }
    Ok(())
}

fn key(files: &[File]) -> String {
    let mut hasher = Sha256::new();
    for File { path, content } in files {
        hasher.update(format!("{} {path}\n{}\n", path.len(), content.len()));
        hasher.update(content);
    }
    fingerprint::hex(&hasher.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &'static str) -> File {
        File { path: path.to_owned(), content: text.as_bytes().into() }
    }

    #[test]
    fn what_was_changed_in_the_cache_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        let files = [file("report.py", "import parts.table"), file("parts/table.py", "print(1)")];
        let written = write(&files, Some(&cache)).unwrap();
        let table = written.folder.join("parts/table.py");
        assert_eq!(fs_err::read_to_string(&table).unwrap(), "print(1)");
        fs_err::write(&table, "evil()").unwrap();
        assert_eq!(write(&files, Some(&cache)).unwrap().folder, written.folder);
        assert_eq!(fs_err::read_to_string(&table).unwrap(), "print(1)");
        let other = [file("report.py", "import parts.table"), file("parts/table.py", "print(2)")];
        assert_ne!(write(&other, Some(&cache)).unwrap().folder, written.folder);
    }

    #[test]
    fn without_a_cache_they_go_with_the_run() {
        let written = write(&[file("a/b.py", "1")], None).unwrap();
        let place = written.folder.join("a/b.py");
        assert!(place.is_file());
        drop(written);
        assert!(!place.exists());
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for name in ["", "/etc/passwd", "../x.py", "a/../../x.py", "./x.py", "a/", "a\\b", "a\0b"] {
            let refused = write(&[file(name, "")], None).unwrap_err();
            assert!(matches!(&refused, ScriptError::Name(told) if told == name), "{name}: {refused}");
        }
        let twice = write(&[file("a.py", "1"), file("a.py", "2")], None).unwrap_err();
        assert_eq!(twice.to_string(), "the embedded script has two files named `a.py`");
    }
}
