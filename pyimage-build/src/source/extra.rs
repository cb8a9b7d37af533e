//! Files that go elsewhere in an image than the project's: a configuration, a script with a mode of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::glob::SPECIAL;
use super::{Source, SourceError, SourceFile, SourceKind};
#[cfg(feature = "image")]
use crate::LayerContents;

/// One of an image's extra files, or several of one place: what it is, where it goes, and with which mode.
///
/// `from` is a file, a folder or a glob, from the package's folder. Of a folder, and of a glob, what is in it keeps its
/// path below the part of `from` that is spelt out; of a file, `to` is its path, or the folder that it goes to where
/// there is a `/` at the end.
///
/// ```
/// use pyimage_build::ExtraFile;
///
/// let file = ExtraFile { from: "conf/app.toml".to_owned(), to: "/etc/app.toml".to_owned(), mode: Some(0o600) };
/// let folder = ExtraFile { from: "conf".to_owned(), to: "/etc/app/".to_owned(), mode: None };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraFile {
    /// A file, a folder, or a glob.
    pub from: String,
    /// Where it goes: an absolute path in the image.
    pub to: String,
    /// The mode of the files; where it is not said, 0644, or 0755 of what their owner may execute.
    pub mode: Option<u32>,
}

/// An image's extra files, each by its place in the image.
///
/// ```
/// use pyimage_build::{ExtraFile, ExtraFiles, LayerContents};
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
///
/// fs_err::create_dir(folder.join("conf"))?;
/// fs_err::write(folder.join("conf/app.toml"), "debug = false\n")?;
/// let wanted = [ExtraFile { from: "conf/*.toml".to_owned(), to: "/etc/app/".to_owned(), mode: Some(0o640) }];
/// let files = ExtraFiles::select(folder, folder, &wanted)?;
/// assert_eq!(files.paths().collect::<Vec<_>>(), [("etc/app/app.toml", "conf/app.toml")]);
/// let mut contents = LayerContents::new();
/// files.add_to(&mut contents)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraFiles {
    files: BTreeMap<String, PlacedFile>,
}

/// A file with a place in the image.
///
/// ```
/// use pyimage_build::{PlacedFile, PlacedKind};
///
/// let kind = PlacedKind::File { mode: 0o640 };
/// let file = PlacedFile { from: "conf/app.toml".to_owned(), on_disk: "/home/me/app/conf/app.toml".into(), kind };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedFile {
    /// Where it is in the project, for people.
    pub from: String,
    /// What is read: where a link was named, what it leads to.
    pub on_disk: PathBuf,
    /// What it is in the image.
    pub kind: PlacedKind,
}

/// What a file with a place is in the image.
///
/// ```
/// use pyimage_build::PlacedKind;
///
/// assert_ne!(PlacedKind::File { mode: 0o644 }, PlacedKind::Symlink { target: "v2.json".to_owned() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacedKind {
    /// A file.
    File {
        /// Its permissions.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Where it leads, as it says itself.
        target: String,
    },
}

impl ExtraFiles {
    /// Finds the files, with the rules of [`Source::select`].
    ///
    /// ```
    /// use pyimage_build::{ExtraFile, ExtraFiles};
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    ///
    /// fs_err::write(folder.join("app.toml"), "debug = false\n")?;
    /// let wanted = [ExtraFile { from: "app.toml".to_owned(), to: "/etc/app.toml".to_owned(), mode: None }];
    /// let files = ExtraFiles::select(folder, folder, &wanted)?;
    /// assert_eq!(files.paths().collect::<Vec<_>>(), [("etc/app.toml", "app.toml")]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where one is not there, cannot be in an image, or two would be at one place.
    pub fn select(folder: &Path, root: &Path, wanted: &[ExtraFile]) -> Result<Self, SourceError> {
        let mut files = BTreeMap::new();
        for ExtraFile { from, to, mode } in wanted {
            let source = Source::select(folder, root, &[from])?;
            let place = Place::of(from, to, source.files());
            for file in source.files() {
                let path = place.of_file(&file.path);
                let placed = place.placed(folder, file, *mode)?;
                let new = placed.from.clone();
                if let Some(old) = files.insert(path.clone(), placed)
                    && old.from != new
                {
                    return Err(SourceError::TwoFiles { path, first: old.from, second: new });
                }
            }
        }
        Ok(Self { files })
    }

    /// Their paths in the image, sorted, each with where it is in the project.
    ///
    /// ```
    /// assert_eq!(pyimage_build::ExtraFiles::default().paths().count(), 0);
    /// ```
    pub fn paths(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, placed)| (path.as_str(), placed.from.as_str()))
    }

    /// The files, by their paths in the image.
    ///
    /// ```
    /// assert_eq!(pyimage_build::ExtraFiles::default().placed().count(), 0);
    /// ```
    pub fn placed(&self) -> impl Iterator<Item = (&str, &PlacedFile)> {
        self.files.iter().map(|(path, placed)| (path.as_str(), placed))
    }

    /// Adds them to a layer.
    ///
    /// ```
    /// let mut contents = pyimage_build::LayerContents::new();
    /// pyimage_build::ExtraFiles::default().add_to(&mut contents)?;
    /// assert!(contents.is_empty());
    /// # Ok::<(), pyimage_build::SourceError>(())
    /// ```
    #[cfg(feature = "image")]
    pub fn add_to(&self, contents: &mut LayerContents<'_>) -> Result<(), SourceError> {
        for (path, PlacedFile { on_disk, kind, .. }) in &self.files {
            match kind {
                PlacedKind::File { mode } => contents.add_file(path, *mode, on_disk)?,
                PlacedKind::Symlink { target } => contents.add_symlink(path, target)?,
            }
        }
        Ok(())
    }
}

/// Where what an entry names goes.
enum Place {
    /// To this path.
    File(String),
    /// Below this folder, but for the start of the path in the project.
    Folder { folder: String, above: String },
}

impl Place {
    fn of(from: &str, to: &str, found: &[SourceFile]) -> Self {
        let from = from.strip_prefix("./").unwrap_or(from);
        let from = from.strip_suffix('/').unwrap_or(from);
        let folder = to.trim_matches('/').to_owned();
        let is_file = matches!(found, [only] if only.path == from);
        if is_file {
            let name = from.rsplit('/').next().unwrap_or(from);
            return Self::File(if to.ends_with('/') { joined(&folder, name) } else { folder });
        }
        let plain = from.split('/').take_while(|part| *part != "." && !part.contains(SPECIAL));
        let above: String = plain.flat_map(|part| [part, "/"]).collect();
        Self::Folder { folder, above }
    }

    fn of_file(&self, path: &str) -> String {
        match self {
            Self::File(to) => to.clone(),
            Self::Folder { folder, above } => {
                joined(folder, path.strip_prefix(above.as_str()).unwrap_or(path))
            }
        }
    }

    fn placed(&self, folder: &Path, file: &SourceFile, mode: Option<u32>) -> Result<PlacedFile, SourceError> {
        let mut on_disk = folder.join(&file.path);
        let kind = match (&file.kind, self) {
            (SourceKind::File { executable }, _) => {
                PlacedKind::File { mode: mode.unwrap_or(if *executable { 0o755 } else { 0o644 }) }
            }
            // Elsewhere it would lead somewhere else.
            (SourceKind::Symlink { .. }, Self::File(_)) => {
                let failed = |source| SourceError::Read { path: on_disk.clone(), source };
                let end = fs_err::canonicalize(&on_disk).map_err(failed)?;
                let executable = super::is_executable(&fs_err::metadata(&end).map_err(failed)?);
                on_disk = end;
                PlacedKind::File { mode: mode.unwrap_or(if executable { 0o755 } else { 0o644 }) }
            }
            (SourceKind::Symlink { target }, _) => PlacedKind::Symlink { target: target.clone() },
        };
        Ok(PlacedFile { from: file.path.clone(), on_disk, kind })
    }
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use proptest::prelude::*;

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

    fn select(folder: &Path, wanted: &[(&str, &str)]) -> Result<Vec<(String, String)>, SourceError> {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(from, to)| ExtraFile { from: (*from).to_owned(), to: (*to).to_owned(), mode: None })
            .collect();
        let files = ExtraFiles::select(folder, folder, &wanted)?;
        Ok(files.paths().map(|(path, from)| (path.to_owned(), from.to_owned())).collect())
    }

    #[test]
    fn a_file_goes_to_a_path_or_a_folder_and_what_is_in_a_folder_keeps_its_place() {
        let project = project(&["conf/app.toml", "conf/d/a.toml", "conf/d/b.ini", "run.sh"]);
        for (from, to, expected) in [
            ("run.sh", "/usr/local/bin/go", &["usr/local/bin/go"][..]),
            ("./run.sh", "/opt/", &["opt/run.sh"]),
            ("conf/app.toml", "/", &["app.toml"]),
            ("conf", "/etc/app", &["etc/app/app.toml", "etc/app/d/a.toml", "etc/app/d/b.ini"]),
            ("conf/", "/etc/app/", &["etc/app/app.toml", "etc/app/d/a.toml", "etc/app/d/b.ini"]),
            ("conf/**/*.toml", "/etc", &["etc/app.toml", "etc/d/a.toml"]),
            ("conf/d/*", "/etc/", &["etc/a.toml", "etc/b.ini"]),
            ("conf/{app,none}.toml", "/etc/x", &["etc/x/app.toml"]),
            (".", "/all", &["all/conf/app.toml", "all/conf/d/a.toml", "all/conf/d/b.ini", "all/run.sh"]),
        ] {
            let found = select(project.path(), &[(from, to)]).unwrap();
            let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
            assert_eq!(paths, expected, "{from} to {to}");
        }
    }

    #[test]
    fn two_files_for_one_path_are_named_and_the_same_twice_is_one() {
        let project = project(&["a/x", "b/x"]);
        let error = select(project.path(), &[("a/x", "/etc/x"), ("b", "/etc")]).unwrap_err();
        assert_eq!(error.to_string(), "there are two files for `/etc/x`: `a/x` and `b/x`");
        assert_eq!(select(project.path(), &[("a/x", "/etc/x"), ("a", "/etc")]).unwrap().len(), 1);
        let error = select(project.path(), &[("c/*", "/etc/")]).unwrap_err();
        assert_eq!(error.to_string(), "the source `c/*` matches no file");
    }

    #[test]
    fn modes_are_what_is_said_or_what_the_owner_may_do() {
        let project = project(&["run", "data", "d/real"]);
        let folder = project.path();
        fs_err::set_permissions(folder.join("run"), std::fs::Permissions::from_mode(0o700)).unwrap();
        symlink("d/real", folder.join("link")).unwrap();
        symlink("real", folder.join("d/link")).unwrap();
        let kinds = |from: &str, to: &str, mode| {
            let wanted = [ExtraFile { from: from.to_owned(), to: to.to_owned(), mode }];
            let files = ExtraFiles::select(folder, folder, &wanted).unwrap().files;
            files.into_values().map(|placed| placed.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds("run", "/r", None), [PlacedKind::File { mode: 0o755 }]);
        assert_eq!(kinds("data", "/r", None), [PlacedKind::File { mode: 0o644 }]);
        assert_eq!(kinds("run", "/r", Some(0o400)), [PlacedKind::File { mode: 0o400 }]);
        // A link that is named is what it leads to; in a folder it stays one.
        assert_eq!(kinds("link", "/r", None), [PlacedKind::File { mode: 0o644 }]);
        let link = PlacedKind::Symlink { target: "real".to_owned() };
        assert_eq!(kinds("d", "/r", Some(0o600)), [link, PlacedKind::File { mode: 0o600 }]);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_is_below_where_it_goes(to in "/([a-c]{1,3}/){0,3}", from in "(\\./)?(conf|conf/|conf/\\*|\\*\\*/\\*)") {
            let project = project(&["conf/a", "conf/b"]);
            let found = select(project.path(), &[(&from, &to)]).unwrap();
            prop_assert_eq!(found.len(), 2);
            for (path, _) in found {
                prop_assert!(format!("/{path}").starts_with(&to), "{} in {}", path, to);
                prop_assert!(!path.contains("//") && !path.starts_with('/'), "{}", path);
            }
        }
    }
}
