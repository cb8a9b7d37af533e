//! The project's files that go into an image.

mod dockerignore;
mod error;
mod extra;
mod glob;
mod ignore;
mod sensitive;

use std::io;
use std::path::{Path, PathBuf};

#[cfg(feature = "image")]
use crate::LayerContents;
use glob::Glob;
use ignore::IgnoreFile;

pub use error::{LeftOut, LeftOutBy, SourceError};
pub use extra::{ExtraFile, ExtraFiles, PlacedFile, PlacedKind};

/// The files of a project that go into its image, sorted by path.
///
/// Globs say which, relative to the folder of the package: `src`, `app/**/*.py`, `data/{a,b}.csv`; a folder stands for
/// all in it, and `.` for everything. Left out of that is
///
/// - what the folder's `.dockerignore` leaves out;
/// - what `.gitignore` files leave out, from a root such as the repository's down; not what a glob without wildcards
///   names: an ignored `dist/app.js` is in where it is asked for, and so is all in `dist` that `dist` itself keeps out;
/// - `.git`, `.env*`, keys and logins such as `*.pem` and `.git-credentials`, `target`, virtual environments, caches and
///   bytecode, unless a glob names them: `.env.example` or `certs/*.pem`, but not `*`.
///
/// What the user's own git has in its settings makes no difference, so that everybody has the same image.
///
/// ```
/// use pyimage_build::Source;
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
///
/// fs_err::create_dir(folder.join("app"))?;
/// fs_err::write(folder.join("app/main.py"), "print('hello')\n")?;
/// fs_err::write(folder.join("app/.env"), "PASSWORD=secret\n")?;
/// let source = Source::select(folder, folder, &["app"])?;
/// let paths: Vec<&str> = source.files().iter().map(|file| file.path.as_str()).collect();
/// assert_eq!(paths, ["app/main.py"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    folder: PathBuf,
    files: Vec<SourceFile>,
    looked: Looked,
}

/// What was looked at to find the files, as paths from the folder of the package: what may change the choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// The folders that were looked into, each with whether a new file in it may be one of those.
    pub(crate) into: Vec<(String, bool)>,
    /// What in them was not looked into: files and folders that no glob asks for, or that are left out.
    pub(crate) past: Vec<String>,
    /// The `.gitignore` and `.dockerignore` files that are there.
    pub(crate) rules: Vec<PathBuf>,
}

/// A file or a symbolic link of a project.
///
/// ```
/// use pyimage_build::{SourceFile, SourceKind};
///
/// let file = SourceFile { path: "main.py".to_owned(), kind: SourceKind::File { executable: false } };
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    /// Where it is, from the folder of the package.
    pub path: String,
    /// What it is.
    pub kind: SourceKind,
}

/// What a file of a project is.
///
/// ```
/// use pyimage_build::SourceKind;
///
/// let latest = SourceKind::Symlink { target: "v2.json".to_owned() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// A file.
    File {
        /// Its owner may execute it.
        executable: bool,
    },
    /// A symbolic link within the project.
    Symlink {
        /// Where it leads, as it says itself.
        target: String,
    },
}

impl Source {
    /// Finds the files that globs match. `.gitignore` files count from `root` down, which is `folder` or above it.
    ///
    /// ```
    /// use pyimage_build::Source;
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    ///
    /// fs_err::write(folder.join("main.py"), "print('hello')\n")?;
    /// let source = Source::select(folder, folder, &["*.py"])?;
    /// assert_eq!(source.files()[0].path, "main.py");
    /// assert!(Source::select(folder, folder, &["*.rs"]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where a glob matches nothing, or something that cannot be in an image.
    pub fn select(folder: &Path, root: &Path, globs: &[impl AsRef<str>]) -> Result<Self, SourceError> {
        let globs = globs.iter().map(|glob| Glob::parse(glob.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let mut search = Search {
            folder,
            dockerignore: read(&folder.join(".dockerignore"), IgnoreFile::docker)?.unwrap_or_default(),
            gitignores: Vec::new(),
            found: vec![Found::default(); globs.len()],
            globs,
            files: Vec::new(),
            looked: Looked::default(),
        };
        let dockerignore = folder.join(".dockerignore");
        search.looked.rules.extend(dockerignore.is_file().then_some(dockerignore));
        search.gitignores_above(root)?;
        search.look_into("", &(0..search.globs.len()).collect::<Vec<_>>())?;
        let Search { globs, found, mut files, looked, .. } = search;
        if let Some((glob, found)) = globs.iter().zip(found).find(|(_, found)| !found.any) {
            let glob = glob.text().to_owned();
            return Err(SourceError::NothingMatches { glob, left_out: found.left_out });
        }
        files.sort();
        Ok(Self { folder: folder.to_owned(), files, looked })
    }

    /// What was looked at to find them.
    pub(crate) fn looked(&self) -> &Looked {
        &self.looked
    }

    /// The files, sorted by path.
    ///
    /// ```no_run
    /// # fn of(source: &pyimage_build::Source) {
    /// assert!(source.files().is_sorted());
    /// # }
    /// ```
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Adds all of them to a layer, below a folder of the image.
    ///
    /// ```no_run
    /// # fn of(source: &pyimage_build::Source) -> Result<(), pyimage_build::SourceError> {
    /// let mut contents = pyimage_build::LayerContents::new();
    /// source.add_to(&mut contents, "usr/src/app")?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "image")]
    pub fn add_to(&self, contents: &mut LayerContents<'_>, folder: &str) -> Result<(), SourceError> {
        let folder = folder.trim_matches('/');
        for file in &self.files {
            let path = if folder.is_empty() { file.path.clone() } else { format!("{folder}/{}", file.path) };
            match &file.kind {
                SourceKind::Symlink { target } => contents.add_symlink(&path, target)?,
                SourceKind::File { executable } => {
                    let mode = if *executable { 0o755 } else { 0o644 };
                    contents.add_file(&path, mode, self.folder.join(&file.path))?;
                }
            }
        }
        Ok(())
    }
}

/// What became of a glob.
#[derive(Clone, Default)]
struct Found {
    any: bool,
    left_out: Option<LeftOut>,
}

struct Search<'a> {
    folder: &'a Path,
    dockerignore: IgnoreFile,
    /// With their folders: from the package's folder, or how far above it they are.
    gitignores: Vec<(Place, IgnoreFile)>,
    globs: Vec<Glob>,
    found: Vec<Found>,
    files: Vec<SourceFile>,
    looked: Looked,
}

enum Place {
    /// The path of the package's folder from there, with a slash at its end.
    Above(String),
    /// The path from the package's folder, with a slash at its end, or nothing.
    Below(String),
}

impl Search<'_> {
    fn gitignores_above(&mut self, root: &Path) -> Result<(), SourceError> {
        let Ok(inner) = self.folder.strip_prefix(root) else { return Ok(()) };
        let mut above = root.to_owned();
        let mut parts = inner.iter();
        while let Some(part) = parts.next() {
            let path = above.join(".gitignore");
            if let Some(file) = read(&path, IgnoreFile::git)? {
                self.looked.rules.push(path);
                let rest = Path::new(part).join(parts.as_path());
                self.gitignores.push((Place::Above(format!("{}/", rest.to_string_lossy())), file));
            }
            above.push(part);
        }
        Ok(())
    }

    /// Looks into a folder, as far as some of the globs reach.
    fn look_into(&mut self, folder: &str, globs: &[usize]) -> Result<(), SourceError> {
        let on_disk = self.folder.join(folder);
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let gitignores = self.gitignores.len();
        let rules = on_disk.join(".gitignore");
        if let Some(file) = read(&rules, IgnoreFile::git)? {
            self.looked.rules.push(rules);
            self.gitignores.push((Place::Below(prefix.clone()), file));
        }
        let is_open = globs.iter().any(|&glob| self.globs[glob].is_open_in(folder));
        self.looked.into.push((folder.to_owned(), is_open));
        let failed = |source| SourceError::Read { path: on_disk.clone(), source };
        let mut names = Vec::new();
        for entry in fs_err::read_dir(&on_disk).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name());
        }
        names.sort();
        for name in names {
            self.entry(&format!("{prefix}{}", name.to_string_lossy()), &on_disk.join(&name), globs)?;
        }
        self.gitignores.truncate(gitignores);
        Ok(())
    }

    fn entry(&mut self, path: &str, on_disk: &Path, globs: &[usize]) -> Result<(), SourceError> {
        let failed = |source| SourceError::Read { path: on_disk.to_owned(), source };
        let reaching = |glob: &&usize| self.globs[**glob].reaches(path) || self.globs[**glob].covers(path);
        let globs: Vec<usize> = globs.iter().filter(reaching).copied().collect();
        if globs.is_empty() {
            self.looked.past.push(path.to_owned());
            return Ok(());
        }
        let found = fs_err::symlink_metadata(on_disk).map_err(failed)?;
        let mut kept = Vec::new();
        for glob in globs {
            match self.left_out(path, on_disk, found.is_dir(), glob) {
                Some(by) if self.found[glob].left_out.is_none() && self.globs[glob].means(path) => {
                    self.found[glob].left_out = Some(LeftOut { path: path.to_owned(), by });
                }
                Some(_) => {}
                None => kept.push(glob),
            }
        }
        if found.is_dir() {
            if kept.is_empty() {
                self.looked.past.push(path.to_owned());
                return Ok(());
            }
            return self.look_into(path, &kept);
        }
        kept.retain(|&glob| self.globs[glob].covers(path));
        if kept.is_empty() || self.dockerignore.of_docker(path) {
            for glob in kept {
                let left_out = LeftOut { path: path.to_owned(), by: LeftOutBy::Dockerignore };
                self.found[glob].left_out.get_or_insert(left_out);
            }
            return Ok(());
        }
        if on_disk.to_str().is_none() && !on_disk.ends_with(Path::new(path)) {
            return Err(SourceError::NotUtf8 { path: path.to_owned() });
        }
        let kind = if found.is_symlink() {
            SourceKind::Symlink { target: self.target(path, on_disk)? }
        } else if found.is_file() {
            SourceKind::File { executable: is_executable(&found) }
        } else {
            return Err(SourceError::Special { path: on_disk.to_owned() });
        };
        for glob in kept {
            self.found[glob].any = true;
        }
        self.files.push(SourceFile { path: path.to_owned(), kind });
        Ok(())
    }

    /// What keeps a file or a folder from a glob that matches it, or reaches into it.
    fn left_out(&self, path: &str, on_disk: &Path, is_folder: bool, glob: usize) -> Option<LeftOutBy> {
        let glob = &self.globs[glob];
        if sensitive::is_left_out(path, is_folder.then_some(on_disk), &[glob]) {
            return Some(LeftOutBy::Sensitive);
        }
        if !glob.spells_out(path) && self.is_ignored_by_git(path, is_folder) {
            return Some(LeftOutBy::Gitignore);
        }
        // Of folders, what is in them is asked for, where it can be taken back.
        let is_whole = is_folder && !self.dockerignore.takes_back();
        (is_whole && self.dockerignore.of_docker(path)).then_some(LeftOutBy::Dockerignore)
    }

    fn is_ignored_by_git(&self, path: &str, is_folder: bool) -> bool {
        let said = self.gitignores.iter().rev().find_map(|(place, file)| match place {
            Place::Above(folder) => file.of_git(&format!("{folder}{path}"), is_folder),
            Place::Below(folder) => file.of_git(path.strip_prefix(folder)?, is_folder),
        });
        said.unwrap_or(false)
    }

    /// Where a symbolic link leads, if that is in the project.
    fn target(&self, path: &str, on_disk: &Path) -> Result<String, SourceError> {
        let failed = |source| SourceError::Read { path: on_disk.to_owned(), source };
        let target = fs_err::read_link(on_disk).map_err(failed)?;
        let out = || SourceError::SymlinkOut { path: on_disk.to_owned(), target: target.clone() };
        let text = target.to_str().ok_or_else(|| SourceError::NotUtf8 { path: path.to_owned() })?;
        let mut depth = path.matches('/').count();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => depth = depth.checked_sub(1).ok_or_else(out)?,
                _ => depth += 1,
            }
        }
        if text.starts_with('/') {
            return Err(out());
        }
        // On its way it may meet other links.
        if let Ok(end) = fs_err::canonicalize(on_disk) {
            let folder = fs_err::canonicalize(self.folder).map_err(failed)?;
            if !end.starts_with(folder) {
                return Err(out());
            }
        }
        Ok(text.to_owned())
    }
}

fn read(path: &Path, parse: impl Fn(&str) -> IgnoreFile) -> Result<Option<IgnoreFile>, SourceError> {
    match fs_err::read(path) {
        Ok(bytes) => Ok(Some(parse(&String::from_utf8_lossy(&bytes)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SourceError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(unix)]
pub(crate) fn is_executable(file: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;

    file.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
pub(crate) fn is_executable(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
