//! What is to be in a layer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use super::folders::link_above;
use super::{BaseFolders, Layer, LayerError, LayerOptions, archive};
use crate::{BytecodeArchive, CompiledModule, InstalledFile, Tree};

/// The longest path that engines take, in bytes: Linux' `PATH_MAX`, with its end.
const LONGEST: usize = 4095;
/// The longest name: `NAME_MAX`.
const LONGEST_NAME: usize = 255;

/// Files, folders and symbolic links by their paths in the image: a layer before it is made.
///
/// Paths are relative to the root of the image. In which order things are added makes no difference. Folders above
/// them come of themselves. Contents are read when the layer is [written](Self::write), a piece at a time.
///
/// ```
/// use std::num::NonZero;
/// use pyimage_build::{LayerContents, LayerOptions};
///
/// let mut contents = LayerContents::new();
/// contents.add_bytes("usr/src/app/main.py", 0o644, b"print('hello')\n")?;
/// contents.add_symlink("usr/src/app/latest.py", "main.py")?;
/// let mut blob = Vec::new();
/// let layer = contents.write(&LayerOptions::default(), NonZero::<usize>::MIN, &mut blob)?;
/// assert_eq!(layer.digest, pyimage_build::Digest::of(&blob));
/// assert_eq!((layer.size, layer.files), (blob.len() as u64, 2));
/// # Ok::<(), pyimage_build::LayerError>(())
/// ```
#[derive(Debug, Default)]
pub struct LayerContents<'a> {
    entries: BTreeMap<String, Entry<'a>>,
}

/// One thing in a layer.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    Folder { mode: u32, owner: Option<(u64, u64)> },
    File { mode: u32, content: Content<'a> },
    Symlink { target: String },
}

/// Where the bytes of a file come from.
pub(super) enum Content<'a> {
    Bytes(Cow<'a, [u8]>),
    Disk(PathBuf),
    /// So many bytes of a file that does not change, from the first number on.
    Part(PathBuf, u64, u64),
    Wheel(&'a InstalledFile<'a>),
}

impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Disk(path) => write!(f, "{}", path.display()),
            Self::Part(path, offset, len) => write!(f, "{len} bytes from {offset} of {}", path.display()),
            Self::Wheel(file) => write!(f, "{file:?}"),
        }
    }
}

impl<'a> LayerContents<'a> {
    /// Nothing.
    ///
    /// ```
    /// assert!(pyimage_build::LayerContents::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a folder, which is only needed where it is empty or has a mode of its own.
    ///
    /// ```
    /// # use pyimage_build::LayerContents;
    /// LayerContents::new().add_folder("var/lib/app", 0o700)?;
    /// # Ok::<(), pyimage_build::LayerError>(())
    /// ```
    pub fn add_folder(&mut self, path: &str, mode: u32) -> Result<(), LayerError> {
        self.add(path, Entry::Folder { mode, owner: None })
    }

    /// Adds a folder that belongs to another user than the rest.
    ///
    /// ```
    /// # use pyimage_build::LayerContents;
    /// LayerContents::new().add_folder_of("home/app", 0o755, 1000, 1000)?;
    /// # Ok::<(), pyimage_build::LayerError>(())
    /// ```
    pub fn add_folder_of(&mut self, path: &str, mode: u32, uid: u64, gid: u64) -> Result<(), LayerError> {
        self.add(path, Entry::Folder { mode, owner: Some((uid, gid)) })
    }

    /// Adds a symbolic link. Its target stays as it is, and need not be there.
    ///
    /// ```
    /// # use pyimage_build::LayerContents;
    /// LayerContents::new().add_symlink("usr/local/bin/app", "../../src/app/main.py")?;
    /// # Ok::<(), pyimage_build::LayerError>(())
    /// ```
    pub fn add_symlink(&mut self, path: &str, target: &str) -> Result<(), LayerError> {
        if target.is_empty() || target.contains('\0') || target.len() > LONGEST {
            return Err(LayerError::Path {
                path: target.to_owned(),
                reason: "no symbolic link can lead there",
            });
        }
        self.add(path, Entry::Symlink { target: target.to_owned() })
    }

    /// Adds a file with this content.
    ///
    /// ```
    /// # use pyimage_build::LayerContents;
    /// let mut contents = LayerContents::new();
    /// contents.add_bytes("etc/app.toml", 0o644, b"debug = false\n")?;
    /// assert!(contents.add_bytes("etc/app.toml", 0o644, b"").is_err());
    /// # Ok::<(), pyimage_build::LayerError>(())
    /// ```
    pub fn add_bytes(
        &mut self,
        path: &str,
        mode: u32,
        content: impl Into<Cow<'a, [u8]>>,
    ) -> Result<(), LayerError> {
        self.add(path, Entry::File { mode, content: Content::Bytes(content.into()) })
    }

    /// Adds a file from the disk, which is opened when the layer is written.
    ///
    /// ```
    /// # use pyimage_build::LayerContents;
    /// LayerContents::new().add_file("usr/src/app/main.py", 0o644, "src/main.py")?;
    /// # Ok::<(), pyimage_build::LayerError>(())
    /// ```
    pub fn add_file(&mut self, path: &str, mode: u32, file: impl AsRef<Path>) -> Result<(), LayerError> {
        self.add(path, Entry::File { mode, content: Content::Disk(file.as_ref().to_owned()) })
    }

    /// Adds a file of a wheel, below a prefix such as `usr/local`.
    ///
    /// ```
    /// # use pyimage_build::{LayerContents, Tree};
    /// # let tree = Tree::of(&[])?;
    /// let mut contents = LayerContents::new();
    /// for file in tree.files() {
    ///     contents.add_installed("usr/local", file)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_installed(&mut self, prefix: &str, file: &'a InstalledFile<'a>) -> Result<(), LayerError> {
        let path = format!("{prefix}/{}", file.path());
        self.add(&path, Entry::File { mode: file.mode(), content: Content::Wheel(file) })
    }

    /// Adds the bytecode of a module, below a prefix such as `usr/local`.
    ///
    /// ```
    /// # use pyimage_build::{BytecodeArchive, BytecodeArchiveWriter, LayerContents};
    /// # let file = tempfile::NamedTempFile::new()?;
    /// # let digest = BytecodeArchiveWriter::new(file.reopen()?)?.finish()?;
    /// # let archive = BytecodeArchive::open(file.path(), &digest)?;
    /// let mut contents = LayerContents::new();
    /// for module in archive.modules() {
    ///     contents.add_bytecode("usr/local", &archive, module)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_bytecode(
        &mut self,
        prefix: &str,
        archive: &BytecodeArchive,
        module: &CompiledModule,
    ) -> Result<(), LayerError> {
        let CompiledModule { path, offset, size } = module;
        let content = Content::Part(archive.file().to_owned(), *offset, *size);
        self.add(&format!("{prefix}/{path}"), Entry::File { mode: 0o644, content })
    }

    /// Adds the files, below a prefix, that several wheels have with different contents, as the tree has them.
    ///
    /// Wheels in layers of their own hide each other's files in the order of the layers. A layer with these on top of
    /// them all makes it the order of installation. Mostly there are none.
    ///
    /// ```
    /// # use pyimage_build::{LayerContents, Tree};
    /// # let tree = Tree::of(&[])?;
    /// let mut contents = LayerContents::new();
    /// contents.add_overlaps("usr/local", &tree)?;
    /// assert!(contents.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_overlaps(&mut self, prefix: &str, tree: &Tree<'a, 'a>) -> Result<(), LayerError> {
        let mut paths: Vec<&str> =
            tree.overlaps().iter().filter(|overlap| !overlap.is_same).map(|overlap| &*overlap.path).collect();
        paths.dedup();
        let place = |path: &&str| tree.files().binary_search_by(|file| file.path().cmp(path)).ok();
        for place in paths.iter().filter_map(place) {
            self.add_installed(prefix, tree.files()[place])?;
        }
        Ok(())
    }

    fn add(&mut self, path: &str, entry: Entry<'a>) -> Result<(), LayerError> {
        check(path)?;
        match (self.entries.get(path), &entry) {
            (None, _) => {}
            (Some(Entry::Folder { mode, owner }), Entry::Folder { mode: again, owner: other })
                if (mode, owner) == (again, other) =>
            {
                return Ok(());
            }
            (Some(Entry::Folder { .. }), Entry::Folder { .. }) => {
                return Err(LayerError::Duplicate { path: path.to_owned() });
            }
            (Some(Entry::Folder { .. }), _) | (_, Entry::Folder { .. }) => {
                return Err(LayerError::FileAndFolder { path: path.to_owned() });
            }
            _ => return Err(LayerError::Duplicate { path: path.to_owned() }),
        }
        self.entries.insert(path.to_owned(), entry);
        Ok(())
    }

    /// Whether nothing was added.
    ///
    /// ```
    /// # use pyimage_build::LayerContents;
    /// let mut contents = LayerContents::new();
    /// contents.add_folder("data", 0o755)?;
    /// assert!(!contents.is_empty());
    /// # Ok::<(), pyimage_build::LayerError>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The paths that were added, sorted.
    ///
    /// ```
    /// # use pyimage_build::LayerContents;
    /// let mut contents = LayerContents::new();
    /// contents.add_folder("data", 0o755)?;
    /// assert!(contents.paths().eq(["data"]));
    /// # Ok::<(), pyimage_build::LayerError>(())
    /// ```
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Writes the layer, a compressed archive, and says what it is.
    ///
    /// The bytes are always the same, on however many cores. Memory is bounded: about 2 MiB for each core.
    /// Where this fails, what was written is worth nothing.
    ///
    /// ```
    /// # use std::num::NonZero;
    /// # use pyimage_build::{LayerContents, LayerOptions};
    /// let (mut one, mut four) = (Vec::new(), Vec::new());
    /// let contents = LayerContents::new();
    /// contents.write(&LayerOptions::default(), NonZero::new(1).unwrap(), &mut one)?;
    /// contents.write(&LayerOptions::default(), NonZero::new(4).unwrap(), &mut four)?;
    /// assert_eq!(one, four);
    /// # Ok::<(), pyimage_build::LayerError>(())
    /// ```
    pub fn write(
        &self,
        options: &LayerOptions,
        cores: NonZero<usize>,
        out: impl Write,
    ) -> Result<Layer, LayerError> {
        let entries = self.with_folders(&options.base_folders)?;
        archive::write(&entries, options, cores, out)
    }

    /// All entries, with the folders that they are in.
    fn with_folders(&self, base: &BaseFolders) -> Result<BTreeMap<&str, Option<&Entry<'a>>>, LayerError> {
        let mut entries: BTreeMap<&str, Option<&Entry<'a>>> = BTreeMap::new();
        for (path, entry) in &self.entries {
            for (end, _) in path.match_indices('/') {
                let folder = &path[..end];
                match self.entries.get(folder) {
                    None if base.contains(folder) => {}
                    None => {
                        entries.insert(folder, None);
                    }
                    Some(Entry::Folder { .. }) => {}
                    Some(_) => return Err(LayerError::FileAndFolder { path: folder.to_owned() }),
                }
            }
            entries.insert(path, Some(entry));
        }
        Ok(entries)
    }
}

fn check(path: &str) -> Result<(), LayerError> {
    let wrong = |reason| Err(LayerError::Path { path: path.to_owned(), reason });
    if path.starts_with('/') {
        return wrong("it is absolute, and paths here start at the root of the image anyway");
    }
    if path.len() > LONGEST {
        return wrong("it has more than 4095 bytes");
    }
    if path.contains('\0') {
        return wrong("it has a NUL");
    }
    for part in path.split('/') {
        match part {
            "" => return wrong("a part of it is empty"),
            "." | ".." => return wrong("it has `.` or `..`"),
            _ if part.len() > LONGEST_NAME => return wrong("a part of it has more than 255 bytes"),
            _ if part.starts_with(".wh.") => return Err(LayerError::Whiteout { path: path.to_owned() }),
            _ => {}
        }
    }
    if let Some((link, target)) = link_above(path) {
        return Err(LayerError::BelowLink { path: path.to_owned(), link, target });
    }
    Ok(())
}
