//! The bytecode of a wheel, or of a standard library, in one file.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Digest, DigestHasher};

/// The first line.
const HEAD: &str = "pyimage bytecode 1";
/// More than any path has.
const LONGEST_LINE: u64 = 1 << 13;

/// Why the bytecode that was kept cannot be used.
///
/// ```
/// use pyimage_build::ArchiveError;
///
/// assert_eq!(ArchiveError::Damaged.to_string(), "it is not what was kept");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It does not have its digest, or is no archive at all.
    #[error("it is not what was kept")]
    Damaged,
}

/// The bytecode of modules, which was compiled before: of a wheel, or of a standard library.
///
/// The file is a line that tells its format, then for each module a line with the bytecode's size and path, and the
/// bytecode. Paths are relative to Python's prefix, and sorted. It is known by its digest.
///
/// ```
/// use pyimage_build::{BytecodeArchive, BytecodeArchiveWriter};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("archive");
/// let mut writer = BytecodeArchiveWriter::new(std::fs::File::create(&path)?)?;
/// writer.add("lib/python3.13/__pycache__/abc.cpython-313.pyc", b"bytecode")?;
/// let digest = writer.finish()?;
///
/// let archive = BytecodeArchive::open(&path, &digest)?;
/// let module = archive.module("lib/python3.13/__pycache__/abc.cpython-313.pyc").unwrap();
/// assert_eq!(module.size, 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BytecodeArchive {
    file: PathBuf,
    modules: Vec<CompiledModule>,
}

/// The bytecode of one module in a [`BytecodeArchive`].
///
/// ```
/// use pyimage_build::CompiledModule;
///
/// let path = "lib/python3.13/__pycache__/abc.cpython-313.pyc".to_owned();
/// let module = CompiledModule { path, offset: 70, size: 8 };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompiledModule {
    /// Where Python looks for it, relative to its prefix.
    pub path: String,
    /// Where it begins in the archive.
    pub offset: u64,
    /// How many bytes it has.
    pub size: u64,
}

impl BytecodeArchive {
    /// Reads which modules are in an archive; and all of it, since nobody looks at bytecode before it is run.
    ///
    /// ```
    /// use pyimage_build::{ArchiveError, BytecodeArchive, Digest};
    ///
    /// let file = tempfile::NamedTempFile::new()?;
    /// let read = BytecodeArchive::open(file.path(), &Digest::of(b"something else"));
    /// assert!(matches!(read, Err(ArchiveError::Damaged)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where it cannot be read, or is not what the digest stands for.
    pub fn open(file: impl AsRef<Path>, digest: &Digest) -> Result<Self, ArchiveError> {
        let file = file.as_ref().to_owned();
        let opened = fs_err::File::open(&file).map_err(ArchiveError::Read)?;
        let mut reader = Hashing { reader: opened, hasher: digest.hasher() };
        let modules = modules(&mut BufReader::with_capacity(1 << 16, &mut reader))?;
        reader.hasher.finish().map_err(|_| ArchiveError::Damaged)?;
        Ok(Self { file, modules })
    }

    /// The archive's file.
    ///
    /// ```
    /// # use pyimage_build::{BytecodeArchive, BytecodeArchiveWriter};
    /// # let file = tempfile::NamedTempFile::new()?;
    /// # let digest = BytecodeArchiveWriter::new(file.reopen()?)?.finish()?;
    /// let archive = BytecodeArchive::open(file.path(), &digest)?;
    /// assert_eq!(archive.file(), file.path());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// All modules, sorted by path.
    ///
    /// ```
    /// # use pyimage_build::{BytecodeArchive, BytecodeArchiveWriter};
    /// # let file = tempfile::NamedTempFile::new()?;
    /// # let digest = BytecodeArchiveWriter::new(file.reopen()?)?.finish()?;
    /// assert!(BytecodeArchive::open(file.path(), &digest)?.modules().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn modules(&self) -> &[CompiledModule] {
        &self.modules
    }

    /// The module whose bytecode has this path.
    ///
    /// ```
    /// # use pyimage_build::{BytecodeArchive, BytecodeArchiveWriter};
    /// # let file = tempfile::NamedTempFile::new()?;
    /// # let digest = BytecodeArchiveWriter::new(file.reopen()?)?.finish()?;
    /// assert_eq!(BytecodeArchive::open(file.path(), &digest)?.module("a.pyc"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn module(&self, path: &str) -> Option<&CompiledModule> {
        let place = self.modules.binary_search_by(|module| module.path.as_str().cmp(path)).ok()?;
        self.modules.get(place)
    }
}

fn modules(reader: &mut impl BufRead) -> Result<Vec<CompiledModule>, ArchiveError> {
    let mut offset = 0;
    let mut line = String::new();
    let mut modules: Vec<CompiledModule> = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LONGEST_LINE).read_line(&mut line).map_err(unreadable)?;
        offset += read as u64;
        let is_head = offset == read as u64;
        let text = match line.strip_suffix('\n') {
            Some(text) => text,
            None if line.is_empty() && !is_head => return Ok(modules),
            None => return Err(ArchiveError::Damaged),
        };
        if is_head {
            if text != HEAD {
                return Err(ArchiveError::Damaged);
            }
            continue;
        }
        let (size, path) = text.split_once(' ').ok_or(ArchiveError::Damaged)?;
        let size: u64 = size.parse().map_err(|_| ArchiveError::Damaged)?;
        if modules.last().is_some_and(|last| last.path.as_str() >= path) {
            return Err(ArchiveError::Damaged);
        }
        modules.push(CompiledModule { path: path.to_owned(), offset, size });
        let skipped = io::copy(&mut reader.by_ref().take(size), &mut io::sink()).map_err(unreadable)?;
        if skipped != size {
            return Err(ArchiveError::Damaged);
        }
        offset += size;
    }
}

/// Text that is no UTF-8 is damage; all else is the disk's.
fn unreadable(error: io::Error) -> ArchiveError {
    if error.kind() == io::ErrorKind::InvalidData { ArchiveError::Damaged } else { ArchiveError::Read(error) }
}

struct Hashing<R> {
    reader: R,
    hasher: DigestHasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// Writes a [`BytecodeArchive`].
///
/// ```
/// use pyimage_build::{BytecodeArchiveWriter, Digest};
///
/// let mut bytes = Vec::new();
/// let digest = BytecodeArchiveWriter::new(&mut bytes)?.finish()?;
/// assert_eq!(digest, Digest::of(&bytes));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct BytecodeArchiveWriter<W> {
    out: W,
    hasher: sha2::Sha256,
    last: String,
}

impl<W: Write> BytecodeArchiveWriter<W> {
    /// Begins an archive.
    ///
    /// ```
    /// # use pyimage_build::BytecodeArchiveWriter;
    /// BytecodeArchiveWriter::new(Vec::new())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where `out` takes no more.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = Self { out, hasher: sha2::Digest::new(), last: String::new() };
        writer.write(format!("{HEAD}\n").as_bytes())?;
        Ok(writer)
    }

    /// Adds the bytecode of a module. Its path comes after that of the one before.
    ///
    /// ```
    /// # use pyimage_build::BytecodeArchiveWriter;
    /// let mut writer = BytecodeArchiveWriter::new(Vec::new())?;
    /// writer.add("b.pyc", b"")?;
    /// assert!(writer.add("a.pyc", b"").is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where the path is out of order or has a line's end in it, or `out` takes no more.
    pub fn add(&mut self, path: &str, bytecode: &[u8]) -> io::Result<()> {
        if path.contains('\n') || path <= self.last.as_str() || path.len() as u64 > LONGEST_LINE / 2 {
            let message = format!("`{path}` cannot be the next path of the archive");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.write(format!("{} {path}\n", bytecode.len()).as_bytes())?;
        self.write(bytecode)?;
        path.clone_into(&mut self.last);
        Ok(())
    }

    /// Ends the archive, and gives its digest.
    ///
    /// ```
    /// # use pyimage_build::BytecodeArchiveWriter;
    /// assert_eq!(BytecodeArchiveWriter::new(Vec::new())?.finish()?.hex().len(), 64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where `out` takes no more.
    pub fn finish(mut self) -> io::Result<Digest> {
        self.out.flush()?;
        Ok(Digest::from_sha256(sha2::Digest::finalize(self.hasher).into()))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        sha2::Digest::update(&mut self.hasher, bytes);
        self.out.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(modules: &[(String, Vec<u8>)]) -> (Vec<u8>, Digest) {
        let mut bytes = Vec::new();
        let mut writer = BytecodeArchiveWriter::new(&mut bytes).unwrap();
        for (path, bytecode) in modules {
            writer.add(path, bytecode).unwrap();
        }
        let digest = writer.finish().unwrap();
        (bytes, digest)
    }

    fn open(bytes: &[u8], digest: &Digest) -> Result<BytecodeArchive, ArchiveError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), bytes).unwrap();
        BytecodeArchive::open(file.path(), digest)
    }

    #[test]
    fn what_is_no_archive_is_damaged() {
        let (bytes, _) = written(&[("a.pyc".to_owned(), b"one".to_vec())]);
        for wrong in [
            &b""[..],
            b"pyimage bytecode 1",
            b"pyimage bytecode 2\n",
            b"pyimage bytecode 1\nx a.pyc\n",
            b"pyimage bytecode 1\n4 a.pyc\none",
            b"pyimage bytecode 1\n0 b.pyc\n0 a.pyc\n",
            b"pyimage bytecode 1\n0 \xff\n",
            &bytes[..bytes.len() - 1],
        ] {
            // Even with the right digest.
            let error = open(wrong, &Digest::of(wrong)).unwrap_err();
            assert!(matches!(error, ArchiveError::Damaged), "{error:?}");
        }
        assert!(matches!(open(&bytes, &Digest::of(b"")).unwrap_err(), ArchiveError::Damaged));
        assert!(matches!(
            BytecodeArchive::open("/nowhere", &Digest::of(b"")).unwrap_err(),
            ArchiveError::Read(_)
        ));
    }

    proptest! {
        #[test]
        fn what_is_written_is_found(modules in prop::collection::btree_map("[a-c/]{1,8}", any::<Vec<u8>>(), 0..9)) {
            let modules: Vec<_> = modules.into_iter().collect();
            let (bytes, digest) = written(&modules);
            let archive = open(&bytes, &digest).unwrap();
            prop_assert_eq!(archive.modules().len(), modules.len());
            for (path, bytecode) in &modules {
                let CompiledModule { offset, size, .. } = archive.module(path).unwrap();
                let range = usize::try_from(*offset).unwrap()..usize::try_from(offset + size).unwrap();
                prop_assert_eq!(&bytes[range], &bytecode[..]);
            }
        }
    }
}
