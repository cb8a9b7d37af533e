//! Compiling the modules of wheels and standard libraries, all that an image lacks at once.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};

use fs_err::File;
use pyimage_build::assembly::{PREFIX, Unit, Units, bytecode_minor, installation};
use pyimage_build::{
    BytecodeArchiveWriter, CompiledFrom, Digest, LockedBase, LockedImage, Platform, Scheme, Unpacker,
    canonical_pyc, pyc_path,
};
use pyrun::engine::{Engine, EngineError};
use pyrun::environment::{Compilation, CompilationError, has_interpreter, interpreter_name};
use pyrun::plan::Request;
use pyrun::pull::pull;

use super::{BuildError, Builder, PackageImage, broken};
use crate::load::{engine_choice, platform_of};

/// Why there is nothing to compile with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompilerError {
    /// The engine did not do its part.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine has not got the base.
    #[error("the engine has no `{base}` as it is locked for {platform}{}", if *.offline { ", and nothing may be fetched" } else { "" })]
    NoBase {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
        /// It may not get it either.
        offline: bool,
    },
    /// No image of the base has this Python.
    #[error("no platform of `{base}` has Python {python}")]
    NoPython {
        /// The base.
        base: String,
        /// Its version.
        python: String,
    },
    /// There is no engine, and this machine's Python does not do.
    #[error("{engine}, and {interpreter}")]
    NeitherCompiles {
        /// Why there is no engine.
        engine: EngineError,
        /// Why this machine's Python does not do.
        interpreter: CompilationError,
    },
    /// It did not compile.
    #[error(transparent)]
    Compilation(#[from] CompilationError),
}

/// Bytecode in a file: where it begins, and how long it is.
type Place = (u64, u64);

/// The bytecode of a unit that is to be: its modules by the bytecode's path, with the number of their source.
type Modules = BTreeMap<String, usize>;

impl Builder<'_> {
    /// Compiles units, and keeps their archives. Fails where one is another than what is pinned.
    pub(super) async fn compile(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        units: &Units<'_>,
    ) -> Result<BTreeMap<CompiledFrom, Digest>, BuildError> {
        let mut compiled = BTreeMap::new();
        let mut pythons: Vec<&str> = units.keys().map(|from| from.python.as_str()).collect();
        pythons.dedup();
        for python in pythons {
            let units: Vec<_> = units.iter().filter(|(from, _)| from.python == python).collect();
            compiled.extend(self.compile_for(image, base, python, &units).await?);
        }
        for (from, digest) in &compiled {
            let pinned = self.lock.bytecode.get(from);
            if let Some(pinned) = pinned.filter(|pinned| *pinned != digest) {
                let what = units.get(from).map(Unit::name).unwrap_or_default();
                let (python, pinned, digest) = (from.python.clone(), pinned.clone(), digest.clone());
                return Err(BuildError::OtherBytecode { what, python, pinned, digest });
            }
        }
        Ok(compiled)
    }

    async fn compile_for(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        python: &str,
        units: &[(&CompiledFrom, &Unit<'_>)],
    ) -> Result<BTreeMap<CompiledFrom, Digest>, BuildError> {
        let Some(minor) = bytecode_minor(python) else { return Ok(BTreeMap::new()) };
        let has_library = units.iter().any(|(_, unit)| unit.wheel.is_none());
        let what = told(units);
        let failed =
            |source| BuildError::Compile { what: what.clone(), interpreter: None, source: Box::new(source) };
        // Before anything is fetched for nothing.
        let engine = Engine::connect(engine_choice(self.engine).as_deref(), Some(self.cache)).await;
        let compiler = match engine {
            Ok(engine) => Ok(self.compiler(&engine, image, base, python).await.map_err(failed)?),
            Err(error) if has_library => {
                let interpreter = has_interpreter(minor).then(|| interpreter_name(minor));
                return Err(BuildError::Compile { what, interpreter, source: Box::new(error.into()) });
            }
            Err(error) => Err(error),
        };
        self.fetch_wheels(image, units.iter().filter_map(|(_, unit)| unit.wheel)).await?;
        let mut compilation = Compilation::begin(self.cache)?;
        let (lists, count) = self.sources(&mut compilation, minor, units)?;
        match compiler {
            Ok(request) => {
                let with = image.settings.base.familiar();
                self.shell.status("Compiling", format_args!("bytecode of {what} in {with}"));
                let library = has_library.then(|| format!("/{PREFIX}/lib/python3.{minor}"));
                let done = compilation.in_image(&request, python, library.as_deref(), self.shell).await;
                done.map_err(|error| failed(error.into()))?;
            }
            Err(engine) => {
                let program = interpreter_name(minor);
                self.shell.status("Compiling", format_args!("bytecode of {what} with {program}"));
                // Other releases of one minor version read the same bytecode; before the first one, each has its own.
                let is_release = python.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                let wanted = if is_release { format!("3.{minor}") } else { python.to_owned() };
                compilation
                    .here(&program, &wanted)
                    .map_err(|interpreter| failed(CompilerError::NeitherCompiles { engine, interpreter }))?;
            }
        }
        let unwritten = |source| BuildError::Cache(self.cache.write_error(source));
        let all = compilation.folder().join("canonical");
        let mut out = BufWriter::new(File::create(&all).map_err(unwritten)?);
        let (mut places, mut library, mut end) = (Vec::new(), BTreeMap::new(), 0);
        for (number, result) in compilation.results().map_err(|error| failed(error.into()))?.enumerate() {
            let result = result.map_err(|error| failed(error.into()))?;
            let mut place = None;
            if !result.bytecode.is_empty() {
                let pyc = canonical_pyc(&result.bytecode, minor)
                    .map_err(|source| BuildError::Bytecode { module: result.name.clone(), source })?;
                out.write_all(&pyc).map_err(unwritten)?;
                place = Some((end, pyc.len() as u64));
                end += pyc.len() as u64;
            }
            if number < count {
                places.push(place);
            } else if let Some(path) = result.name.strip_prefix(&format!("/{PREFIX}/"))
                && let (Some(path), Some(place)) = (pyc_path(path, minor), place)
            {
                library.insert(path, place);
            }
        }
        out.flush().map_err(unwritten)?;
        let mut from = File::open(&all).map_err(unwritten)?;
        let mut archives = BTreeMap::new();
        for ((unit, _), list) in units.iter().zip(lists) {
            let modules: BTreeMap<String, Place> = match list {
                Some(list) => {
                    let place = |(path, number): (String, usize)| Some((path, (*places.get(number)?)?));
                    list.into_iter().filter_map(place).collect()
                }
                None => std::mem::take(&mut library),
            };
            archives.insert((*unit).clone(), self.archive(&modules, &mut from)?);
        }
        Ok(archives)
    }

    /// Adds the modules of wheels, each once: wheels for several platforms have most of them in common. A unit without
    /// a list is the standard library.
    fn sources(
        &self,
        compilation: &mut Compilation<'_>,
        minor: u16,
        units: &[(&CompiledFrom, &Unit<'_>)],
    ) -> Result<(Vec<Option<Modules>>, usize), BuildError> {
        let scheme = Scheme::official(minor);
        let site_packages = format!("{}/", scheme.site_packages());
        let mut numbers: HashMap<(String, Digest), usize> = HashMap::new();
        let mut unpacker = Unpacker::new();
        let mut lists = Vec::new();
        for (_, unit) in units {
            let Some(wheel) = unit.wheel else {
                lists.push(None);
                continue;
            };
            let opened = self.assembly().open(wheel)?;
            let installed = installation(&opened, wheel, &scheme)?;
            let mut modules = Modules::new();
            for file in installed.files().iter().filter(|file| file.path().starts_with(&site_packages)) {
                // A line's end in a path has no place in an archive.
                let Some(pyc) = pyc_path(file.path(), minor).filter(|path| !path.contains('\n')) else {
                    continue;
                };
                let mut source = Vec::new();
                file.copy(&mut unpacker, &mut source)
                    .map_err(|error| broken(&wheel.file.file_name, error))?;
                let name = format!("/{PREFIX}/{}", file.path());
                let next = numbers.len();
                let number = *numbers.entry((name.clone(), Digest::of(&source))).or_insert(next);
                if number == next {
                    compilation.add(&name, &source)?;
                }
                modules.insert(pyc, number);
            }
            lists.push(Some(modules));
        }
        Ok((lists, numbers.len()))
    }

    /// Keeps an archive of bytecode that is in a file.
    fn archive(&self, modules: &BTreeMap<String, Place>, from: &mut File) -> Result<Digest, BuildError> {
        let unwritten = |source| BuildError::Cache(self.cache.write_error(source));
        let folder = self.cache.folder("blobs/sha256")?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".tmp-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let file = builder.tempfile_in(&folder).map_err(unwritten)?;
        let mut write = || {
            let mut writer = BytecodeArchiveWriter::new(BufWriter::new(file.as_file()))?;
            for (path, (start, len)) in modules {
                let mut bytecode = vec![0; usize::try_from(*len).map_err(std::io::Error::other)?];
                from.seek(SeekFrom::Start(*start))?;
                from.read_exact(&mut bytecode)?;
                writer.add(path, &bytecode)?;
            }
            writer.finish()
        };
        let digest = write().map_err(unwritten)?;
        file.persist(self.cache.plain().blob(&digest)).map_err(|error| unwritten(error.error))?;
        Ok(digest)
    }

    /// A run of the locked base on the engine, for its own platform where the base is for that.
    async fn compiler(
        &self,
        engine: &Engine,
        image: &PackageImage,
        base: &LockedBase,
        python: &str,
    ) -> Result<Request, CompilerError> {
        let own = platform_of(engine);
        let is_own = |platform: &Platform| {
            own.as_ref()
                .is_some_and(|own| (own.os(), own.architecture()) == (platform.os(), platform.architecture()))
        };
        let name = &image.settings.base;
        let mut candidates = base.images.iter().filter(|(_, image)| image.python == python);
        let found = candidates.clone().find(|(platform, _)| is_own(platform)).or_else(|| candidates.next());
        let (platform, locked) = found
            .ok_or_else(|| CompilerError::NoPython { base: name.familiar(), python: python.to_owned() })?;
        let mut stored = self.stored(engine, image, base, locked).await?;
        if stored.is_none() && !self.offline {
            let exact = name.with_digest(&locked.manifest.digest).familiar();
            pull(engine, &exact, Some(&platform.to_string()), self.shell).await?;
            stored = self.stored(engine, image, base, locked).await?;
        }
        let id = stored.ok_or_else(|| CompilerError::NoBase {
            base: name.familiar(),
            platform: platform.clone(),
            offline: self.offline,
        })?;
        Ok(Request {
            image: id,
            platform: (!is_own(platform)).then(|| platform.to_string()),
            engine: engine_choice(self.engine),
            offline: self.offline,
            ..Request::default()
        })
    }

    /// The id of the locked base on the engine: under whatever name, if its layers are the ones that are locked.
    async fn stored(
        &self,
        engine: &Engine,
        image: &PackageImage,
        base: &LockedBase,
        locked: &LockedImage,
    ) -> Result<Option<String>, EngineError> {
        let layers: Vec<_> = locked.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let name = &image.settings.base;
        let digests = [&locked.manifest.digest, &base.target.digest];
        let mut names = vec![locked.config.digest.to_string()];
        names.extend(digests.map(|digest| name.with_digest(digest).familiar()));
        names.push(name.to_string());
        for name in names {
            if let Some(stored) = engine.stored(&name).await?
                && stored.layers == layers
            {
                return Ok(Some(stored.id));
            }
        }
        Ok(None)
    }
}

/// What is compiled, for people.
fn told(units: &[(&CompiledFrom, &Unit<'_>)]) -> String {
    let library = units.iter().find(|(_, unit)| unit.wheel.is_none()).map(|(_, unit)| unit.name());
    let wheels: Vec<_> = units.iter().filter(|(_, unit)| unit.wheel.is_some()).collect();
    let wheels = match &wheels[..] {
        [] => None,
        [(_, only)] => Some(only.name()),
        several => Some(format!("{} packages", several.len())),
    };
    let parts: Vec<_> = library.into_iter().chain(wheels).collect();
    parts.join(" and ")
}
