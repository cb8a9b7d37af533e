//! Compiling modules for images: by the Python of an image on an engine, or by one of this machine.
//!
//! No code of a package is run: Python reads it and writes what it means.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::Stdio;

use camino::Utf8PathBuf;
use fs_err::File;

use super::step::{self, StepError};
use crate::cache::{Cache, CacheError, Work};
use crate::plan::{Program, Pull, Request};
use crate::shell::Shell;

/// What compiles.
const PROGRAM: &str = include_str!("compile.py");
/// Where it is in a container.
const PLACE: &str = "/opt/pyimage";
/// Its files.
const SOURCES: &str = "sources";
const BYTECODE: &str = "bytecode";
/// The cache's folder in which it is done.
const FOLDER: &str = "tools/work";

/// Why modules could not be compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompilationError {
    /// There is no place for them.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The image's Python did not.
    #[error(transparent)]
    Step(#[from] StepError),
    /// This machine's Python cannot be started.
    #[error("could not start `{program}`")]
    Start {
        /// Its name.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// This machine's Python did not.
    #[error("`{program}` did not compile them: {}", says.trim())]
    Interpreter {
        /// Its name.
        program: String,
        /// What it said.
        says: String,
    },
    /// What came back makes no sense.
    #[error("what was compiled cannot be read")]
    Answer(#[source] io::Error),
}

/// Whether this machine has the Python of this minor version under its usual name.
#[must_use]
pub fn has_interpreter(minor: u16) -> bool {
    let is_it = format!(
        "import sys; sys.exit(sys.implementation.name != 'cpython' or sys.version_info[:2] != (3, {minor}))"
    );
    let mut command = std::process::Command::new(interpreter_name(minor));
    command.args(["-I", "-S", "-B", "-c", &is_it]);
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ended.is_ok_and(|status| status.success())
}

/// Modules that are to be compiled, in a folder of the cache.
#[derive(Debug)]
pub struct Compilation<'a> {
    cache: &'a Cache,
    work: Work,
    place: Utf8PathBuf,
    sources: BufWriter<File>,
}

/// The bytecode of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledSource {
    /// The module's file in the image.
    pub name: String,
    /// Its bytecode; nothing where it cannot be compiled.
    pub bytecode: Vec<u8>,
}

impl<'a> Compilation<'a> {
    /// Begins with no modules.
    ///
    /// # Errors
    /// Where the cache cannot be written.
    pub fn begin(cache: &'a Cache) -> Result<Self, CacheError> {
        let unwritten = |source| cache.write_error(source);
        let work = Work::begin(&cache.folder(FOLDER)?).map_err(unwritten)?;
        let place = work.join("modules");
        fs_err::create_dir(&place).map_err(unwritten)?;
        fs_err::write(place.join("compile.py"), PROGRAM).map_err(unwritten)?;
        let sources = BufWriter::new(File::create(place.join(SOURCES)).map_err(unwritten)?);
        Ok(Self { cache, work, place, sources })
    }

    /// Adds a module by its file's path in the image, which tracebacks show.
    ///
    /// # Errors
    /// Where the cache cannot be written.
    pub fn add(&mut self, name: &str, source: &[u8]) -> Result<(), CacheError> {
        let mut write = || {
            for len in [name.len(), source.len()] {
                let len = u32::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
                self.sources.write_all(&len.to_le_bytes())?;
            }
            self.sources.write_all(name.as_bytes())?;
            self.sources.write_all(source)
        };
        write().map_err(|error: io::Error| self.cache.write_error(error))
    }

    /// Has the Python of an image compile them, of exactly this version: the official one of an image that the engine
    /// has. With a folder, the library in it is compiled too.
    ///
    /// # Errors
    /// Where it cannot be run, or is another Python.
    pub async fn in_image(
        &mut self,
        image: &Request,
        python: &str,
        library: Option<&str>,
        shell: &Shell,
    ) -> Result<(), CompilationError> {
        self.flush()?;
        let words = [Some(python), library];
        let request = Request {
            program: Some(Program::Module("compile".to_owned())),
            arguments: words.into_iter().flatten().map(str::to_owned).collect(),
            folder: self.place.clone().into_std_path_buf(),
            mount: PLACE.to_owned(),
            network: Some("none".to_owned()),
            pull: Pull::Never,
            ..step::in_image(image)
        };
        step::run(request, self.cache, shell).await?;
        Ok(())
    }

    /// Has a Python of this machine compile them, of this minor version or, of one that is no release yet, this very
    /// version.
    ///
    /// # Errors
    /// Where it is not there, or is another Python.
    pub fn here(&mut self, program: &str, python: &str) -> Result<(), CompilationError> {
        self.flush()?;
        let mut command = std::process::Command::new(program);
        // Nothing of the user's settings: neither their packages nor what runs at each start.
        command.args(["-I", "-S", "-B", "compile.py", python]).current_dir(&self.place).stdin(Stdio::null());
        let failed = |source| CompilationError::Start { program: program.to_owned(), source };
        let ended = command.output().map_err(failed)?;
        if ended.status.success() {
            return Ok(());
        }
        let says = String::from_utf8_lossy(&ended.stderr).into_owned();
        Err(CompilationError::Interpreter { program: program.to_owned(), says })
    }

    /// What was compiled: all that was added, in that order, and then the library.
    ///
    /// # Errors
    /// Where there is nothing.
    pub fn results(
        &self,
    ) -> Result<impl Iterator<Item = Result<CompiledSource, CompilationError>> + use<>, CompilationError>
    {
        let file = File::open(self.place.join(BYTECODE)).map_err(CompilationError::Answer)?;
        let size = file.metadata().map_err(CompilationError::Answer)?.len();
        let mut reader = BufReader::with_capacity(1 << 16, file).take(size);
        Ok(std::iter::from_fn(move || record(&mut reader).map_err(CompilationError::Answer).transpose()))
    }

    /// A folder for what is made of the results, which goes away with this.
    #[must_use]
    pub fn folder(&self) -> Utf8PathBuf {
        self.work.folder()
    }

    fn flush(&mut self) -> Result<(), CacheError> {
        self.sources.flush().map_err(|error| self.cache.write_error(error))
    }
}

fn record<R: Read>(reader: &mut io::Take<R>) -> io::Result<Option<CompiledSource>> {
    if reader.limit() == 0 {
        return Ok(None);
    }
    let (name, bytecode) = (len(reader)?, len(reader)?);
    let name = String::from_utf8(bytes(reader, name)?).map_err(io::Error::other)?;
    Ok(Some(CompiledSource { name, bytecode: bytes(reader, bytecode)? }))
}

fn len<R: Read>(reader: &mut io::Take<R>) -> io::Result<u64> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes).into())
}

fn bytes<R: Read>(reader: &mut io::Take<R>, len: u64) -> io::Result<Vec<u8>> {
    if len > reader.limit() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The name under which a machine has this minor version of Python 3.
#[must_use]
pub fn interpreter_name(minor: u16) -> String {
    format!("python3.{minor}")
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;

    #[test]
    fn what_is_cut_short_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        let compilation = Compilation::begin(&cache).unwrap();
        assert!(matches!(compilation.results().err(), Some(CompilationError::Answer(_))));
        let whole = [&4_u32.to_le_bytes()[..], &2_u32.to_le_bytes(), b"a.pyxy"].concat();
        for cut in [0, 1, 7, whole.len() - 1, whole.len()] {
            fs_err::write(compilation.place.join(BYTECODE), &whole[..cut]).unwrap();
            let results: Result<Vec<_>, _> = compilation.results().unwrap().collect();
            match results {
                Ok(results) => {
                    assert!(results.len() == usize::from(cut > 0) && (cut == 0 || cut == whole.len()));
                }
                Err(error) => assert!(matches!(error, CompilationError::Answer(_)) && cut % whole.len() > 0),
            }
        }
    }
}
