//! The assets of a package: the files that its image has, as its Rust code gets them.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use super::CompileError;
use super::sums::Sums;
use crate::sha256::Sha256;
use crate::{Digest, Source, SourceFile, SourceKind};

/// How much of a file is in memory at a time.
const PIECE: usize = 1 << 16;

/// A file of the package that its code can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asset {
    /// Its path from the package's folder.
    pub(super) path: String,
    /// The digest of its content, in hexadecimal digits.
    pub(super) sha256: String,
    /// Its owner may execute it.
    pub(super) executable: bool,
}

/// The assets among the files of a package, sorted by path.
///
/// A link to a file is an asset with that file's content; one to a folder stands for what of that folder is an asset.
pub(super) fn assets(folder: &Path, source: &Source, sums: &mut Sums) -> Result<Vec<Asset>, CompileError> {
    let mut found = BTreeMap::new();
    let mut add = |path: &str, executable: bool| -> Result<(), CompileError> {
        if path.contains(['\n', '\r']) {
            return Err(CompileError::LineBreak { path: path.to_owned() });
        }
        found.insert(path.to_owned(), executable);
        Ok(())
    };
    for file in source.files() {
        match &file.kind {
            SourceKind::File { executable } => add(&file.path, *executable)?,
            SourceKind::Symlink { target } => {
                let on_disk = folder.join(&file.path);
                let dead = || CompileError::DeadLink { path: on_disk.clone(), target: target.clone() };
                let end = fs_err::canonicalize(&on_disk).map_err(|_| dead())?;
                let unreadable = |source| CompileError::Asset { path: on_disk.clone(), source };
                let metadata = fs_err::metadata(&end).map_err(unreadable)?;
                if metadata.is_file() {
                    add(&file.path, crate::source::is_executable(&metadata))?;
                    continue;
                }
                let top = fs_err::canonicalize(folder).map_err(unreadable)?;
                let linked = end.strip_prefix(&top).map_err(|_| dead())?;
                for (rest, executable) in below(linked, source.files()) {
                    add(&format!("{}/{rest}", file.path), executable)?;
                }
            }
        }
    }
    let mut buffer = vec![0; PIECE];
    let asset = |(path, executable): (String, bool)| {
        let on_disk = folder.join(&path);
        let sha256 = sum(&path, &on_disk, sums, &mut buffer)
            .map_err(|source| CompileError::Asset { path: on_disk, source })?;
        Ok(Asset { path, sha256, executable })
    };
    found.into_iter().map(asset).collect()
}

/// The files, not the links, in a folder of the package, with their paths from there.
fn below<'f>(folder: &Path, files: &'f [SourceFile]) -> impl Iterator<Item = (String, bool)> + 'f {
    let folder = folder.to_owned();
    files.iter().filter_map(move |file| {
        let SourceKind::File { executable } = file.kind else { return None };
        let rest = Path::new(&file.path).strip_prefix(&folder).ok()?;
        Some((rest.to_str()?.to_owned(), executable))
    })
}

fn sum(path: &str, on_disk: &Path, sums: &mut Sums, buffer: &mut [u8]) -> io::Result<String> {
    // Asked before the file is read: what changes meanwhile is read again next time.
    let metadata = fs_err::metadata(on_disk)?;
    let sum = match sums.find(path, &metadata) {
        Some(sum) => sum,
        None => hash(on_disk, buffer)?,
    };
    sums.add(path, &metadata, &sum);
    Ok(sum)
}

fn hash(path: &Path, buffer: &mut [u8]) -> io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let mut hasher = Sha256::new();
    loop {
        match file.read(buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(Digest::from_sha256(hasher.finish()).hex().to_owned())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn project(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, file).unwrap();
        }
        folder
    }

    fn found(folder: &Path) -> Result<Vec<Asset>, CompileError> {
        assets(folder, &Source::select(folder, folder, &["app"]).unwrap(), &mut Sums::default())
    }

    #[test]
    fn files_have_their_digest_and_whether_they_can_be_executed() {
        let project = project(&["app/b.sh", "app/a.py"]);
        let folder = project.path();
        fs_err::set_permissions(folder.join("app/b.sh"), std::fs::Permissions::from_mode(0o744)).unwrap();
        let digest = |text: &str| Digest::of(text.as_bytes()).hex().to_owned();
        let asset =
            |path: &str, executable| Asset { path: path.to_owned(), sha256: digest(path), executable };
        assert_eq!(found(folder).unwrap(), [asset("app/a.py", false), asset("app/b.sh", true)]);
    }

    #[test]
    fn links_are_what_they_lead_to() {
        let project = project(&["app/v2/a.py", "app/v2/x/b.py"]);
        let folder = project.path();
        symlink("v2", folder.join("app/latest")).unwrap();
        symlink("v2/a.py", folder.join("app/main.py")).unwrap();
        // In itself, it has no end.
        symlink(".", folder.join("app/v2/again")).unwrap();
        let assets = found(folder).unwrap();
        let paths: Vec<_> = assets.iter().map(|asset| asset.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "app/latest/a.py",
                "app/latest/x/b.py",
                "app/main.py",
                "app/v2/a.py",
                "app/v2/again/a.py",
                "app/v2/again/x/b.py",
                "app/v2/x/b.py",
            ]
        );
        let sums: Vec<_> = [0, 2, 3].map(|index: usize| &assets[index].sha256).to_vec();
        assert!(sums.iter().all(|sum| **sum == assets[3].sha256));
        symlink("gone", folder.join("app/dead")).unwrap();
        assert!(matches!(found(folder), Err(CompileError::DeadLink { .. })));
    }

    #[test]
    fn a_name_with_a_line_break_is_refused() {
        let project = project(&["app/a\nb.py"]);
        let error = found(project.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the name of `app/a\\nb.py` has a line break, so that cargo cannot be told of it"
        );
    }
}
