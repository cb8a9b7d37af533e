//! The face for build scripts: [`configure`].

mod assets;
mod cargo_output;
mod error;
mod image;
mod keys;
#[cfg(feature = "image")]
mod layout;
mod locks;
mod manifest;
mod module;
mod sums;
mod surroundings;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::metadata::Asked;
use crate::{MetadataError, Section, Source};

use assets::Asset;
use cargo_output::CargoOutput;
#[cfg(not(feature = "image"))]
use image::BuiltImage;
use image::ImageFacts;
use locks::Locks;
use manifest::Manifests;
use module::Module;
use sums::Sums;
use surroundings::Surroundings;

pub use error::CompileError;
pub use keys::ImageKeys;
#[cfg(feature = "image")]
pub use layout::ImageWhen;

/// The generated module's file in `OUT_DIR`.
const MODULE: &str = "pyimage.rs";
/// Starts the work of a build script: what its package's Cargo.toml says, and nothing else.
///
/// ```no_run
/// pyimage_build::configure().compile_or_exit();
/// ```
#[must_use]
pub fn configure() -> BuildScript {
    BuildScript::default()
}

/// The work of a build script: the package's assets for its Rust code, and its images.
///
/// Its functions change it in place, so that they can be called one after the other, or some of them under a condition.
///
/// ```no_run
/// pyimage_build::configure().source(["scripts"]).extract(true).compile_or_exit();
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuildScript {
    keys: ImageKeys,
    surroundings: Surroundings,
    #[cfg(feature = "image")]
    image: ImageWhen,
    stale_lock: StaleLock,
    extract: bool,
    cargo_output: Option<bool>,
}

/// What becomes of a build whose lock is stale or not there.
///
/// ```
/// let mut script = pyimage_build::configure();
/// script.stale_lock(pyimage_build::StaleLock::Warn);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StaleLock {
    /// It fails, unless images are left out of it by `PYIMAGE_SKIP=1` or on docs.rs.
    #[default]
    Error,
    /// It goes on with a warning, and what is not locked is not known to the code.
    Warn,
}

/// What a build script has done.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// fs_err::write(folder.path().join("Cargo.toml"), "[package]\nname = \"app\"\n")?;
/// fs_err::create_dir(folder.path().join("app"))?;
/// fs_err::write(folder.path().join("app/main.py"), "print('hello')\n")?;
/// let out = tempfile::tempdir()?;
/// let compiled = pyimage_build::configure().source(["app"]).manifest_dir(folder.path()).out_dir(out.path()).compile()?;
/// assert_eq!(compiled.assets().collect::<Vec<_>>(), ["app/main.py"]);
/// assert!(compiled.has_changed() && compiled.module().ends_with("pyimage.rs"));
/// assert!(compiled.directives().iter().any(|line| line == "cargo::rerun-if-changed=Cargo.toml"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    module: PathBuf,
    assets: Vec<Asset>,
    layouts: BTreeMap<String, PathBuf>,
    has_changed: bool,
    directives: Vec<String>,
}

impl Compiled {
    /// The generated module.
    ///
    /// ```no_run
    /// # fn of(compiled: pyimage_build::Compiled) {
    /// assert!(compiled.module().is_file());
    /// # }
    /// ```
    #[must_use]
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// The paths of the assets, sorted.
    ///
    /// ```no_run
    /// # fn of(compiled: pyimage_build::Compiled) {
    /// assert!(compiled.assets().is_sorted());
    /// # }
    /// ```
    pub fn assets(&self) -> impl Iterator<Item = &str> {
        self.assets.iter().map(|asset| asset.path.as_str())
    }

    /// The folder of an image's OCI layout, where it was assembled: by its name among several, or an empty one.
    ///
    /// ```no_run
    /// # fn of(compiled: pyimage_build::Compiled) {
    /// assert!(compiled.layout("").is_some_and(|layout| layout.join("index.json").is_file()));
    /// # }
    /// ```
    #[must_use]
    pub fn layout(&self, image: &str) -> Option<&Path> {
        self.layouts.get(image).map(PathBuf::as_path)
    }

    /// Whether the module was written: it is left alone where it is what it was.
    ///
    /// ```no_run
    /// # fn of(compiled: pyimage_build::Compiled) {
    /// assert!(compiled.has_changed());
    /// # }
    /// ```
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// What cargo was told, or would have been.
    ///
    /// ```no_run
    /// # fn of(compiled: pyimage_build::Compiled) {
    /// assert!(compiled.directives().iter().all(|line| line.starts_with("cargo:")));
    /// # }
    /// ```
    #[must_use]
    pub fn directives(&self) -> &[String] {
        &self.directives
    }
}

impl BuildScript {
    /// What becomes of a build whose lock is stale or not there; it [fails](StaleLock::Error), if it is not said.
    ///
    /// ```
    /// pyimage_build::configure().stale_lock(pyimage_build::StaleLock::Warn);
    /// ```
    pub fn stale_lock(&mut self, action: StaleLock) -> &mut Self {
        self.stale_lock = action;
        self
    }

    /// Whether the module can write the assets to the disk, by its functions `extract` and `extract_in`.
    ///
    /// ```
    /// pyimage_build::configure().extract(true);
    /// ```
    pub fn extract(&mut self, extract: bool) -> &mut Self {
        self.extract = extract;
        self
    }

    /// The folder of the package, which cargo names by `CARGO_MANIFEST_DIR`. The module fits the package of that folder.
    ///
    /// ```
    /// pyimage_build::configure().manifest_dir("crates/app");
    /// ```
    pub fn manifest_dir(&mut self, folder: impl Into<PathBuf>) -> &mut Self {
        self.surroundings.manifest_dir = Some(folder.into());
        self
    }

    /// The folder that is written to, which cargo names by `OUT_DIR`.
    ///
    /// ```
    /// pyimage_build::configure().out_dir("target/generated");
    /// ```
    pub fn out_dir(&mut self, folder: impl Into<PathBuf>) -> &mut Self {
        self.surroundings.out_dir = Some(folder.into());
        self
    }

    /// A variable of the environment that cargo or the user would set, over the one that is there.
    ///
    /// ```
    /// pyimage_build::configure().variable("PROFILE", "release");
    /// ```
    pub fn variable(&mut self, name: impl Into<String>, value: impl Into<OsString>) -> &mut Self {
        self.surroundings.variables.insert(name.into(), value.into());
        self
    }

    /// Whether cargo is told what is looked at. It is, if nothing is said, unless [`manifest_dir`](Self::manifest_dir) or
    /// [`out_dir`](Self::out_dir) has been called: that is for programs that cargo has not started as a build script.
    ///
    /// ```
    /// pyimage_build::configure().out_dir("generated").cargo_output(true);
    /// ```
    pub fn cargo_output(&mut self, output: bool) -> &mut Self {
        self.cargo_output = Some(output);
        self
    }

    /// Does the work, and tells cargo what was looked at. Nothing but the module is written, and only where it is not what
    /// it was.
    ///
    /// ```no_run
    /// let compiled = pyimage_build::configure().compile()?;
    /// println!("{}", compiled.module().display());
    /// # Ok::<(), pyimage_build::CompileError>(())
    /// ```
    ///
    /// # Errors
    /// Where the package's settings, assets or locks are wrong, or `OUT_DIR` cannot be written to. Cargo is told of it, too,
    /// so that `main` has only to give it back; whoever wants to go on without [tells cargo nothing](Self::cargo_output).
    ///
    /// ```no_run
    /// fn main() -> Result<(), pyimage_build::CompileError> {
    ///     pyimage_build::configure().compile()?;
    ///     Ok(())
    /// }
    /// ```
    pub fn compile(&self) -> Result<Compiled, CompileError> {
        match self.done() {
            (Ok(_), Err(deaf)) => Err(CompileError::Output(deaf)),
            // What went wrong first says more.
            (compiled, _) => compiled,
        }
    }

    /// Does the work of [`compile`](Self::compile). Where that fails, each cause and each help is an error of cargo's, and the
    /// program ends.
    ///
    /// ```no_run
    /// pyimage_build::configure().compile_or_exit();
    /// ```
    #[allow(clippy::must_use_candidate, reason = "most build scripts are done with it")]
    pub fn compile_or_exit(&self) -> Compiled {
        let told = match self.done() {
            (Ok(compiled), Ok(())) => return compiled,
            (Ok(_), deaf) => deaf,
            (Err(_), told) if self.talks_to_cargo() => told,
            (Err(error), _) => cargo_output::write(&self.told(&error).into_lines()),
        };
        // With another status, cargo would show all output of the script below the errors. If it does not listen, or takes
        // no errors, nothing else says that there is one.
        let is_well = told.is_ok() && self.output().has_errors();
        std::process::exit(i32::from(!is_well))
    }

    /// What was done, and whether cargo has been told where it is to be.
    fn done(&self) -> (Result<Compiled, CompileError>, io::Result<()>) {
        let compiled = self.compiled();
        if !self.talks_to_cargo() {
            return (compiled, Ok(()));
        }
        let told = match &compiled {
            Ok(compiled) => cargo_output::write(&compiled.directives),
            Err(error) => cargo_output::write(&self.told(error).into_lines()),
        };
        (compiled, told)
    }

    /// What cargo is told of an error.
    fn told(&self, error: &CompileError) -> CargoOutput {
        let mut output = self.output();
        for line in error.lines() {
            output.error(&line);
        }
        output
    }

    fn talks_to_cargo(&self) -> bool {
        self.cargo_output.unwrap_or_else(|| self.surroundings.is_of_cargo())
    }

    fn output(&self) -> CargoOutput {
        let rust_version = self.surroundings.of_cargo("CARGO_PKG_RUST_VERSION");
        CargoOutput::new(rust_version.as_deref().and_then(|version| version.to_str()))
    }

    fn compiled(&self) -> Result<Compiled, CompileError> {
        let (folder, out) = (self.surroundings.manifest_dir()?, self.surroundings.out_dir()?);
        let mut output = self.output();
        let cargo_home = self.surroundings.cargo_home();
        let manifests = Manifests::read(&folder, cargo_home.as_deref())?;
        let asked = self.asked(&manifests)?;
        let globs: BTreeSet<&str> = asked
            .iter()
            .flat_map(|asked| {
                let extra = asked.files.iter().map(|file| file.from.as_str());
                asked.source.iter().map(String::as_str).chain(extra)
            })
            .collect();
        let globs: Vec<_> = globs.into_iter().collect();
        let settings: Vec<_> = asked.iter().filter_map(|asked| asked.image.as_ref()).collect();
        if globs.is_empty() && settings.is_empty() {
            return Err(CompileError::Nothing { manifest: manifests.package.path.clone() });
        }
        // `.gitignore` counts from the workspace down, as for `cargo pyimage build`.
        let root = manifests.root();
        let above = if folder.starts_with(root) { root } else { &folder };
        let source = if globs.is_empty() { None } else { Some(Source::select(&folder, above, &globs)?) };
        let mut sums = Sums::read(&out);
        let assets = match &source {
            Some(source) => assets::assets(&folder, source, &mut sums)?,
            None => Vec::new(),
        };
        let skips_images = !settings.is_empty() && self.surroundings.skips_images(&mut output);
        let mut locks = Locks::read(root, &settings, skips_images)?;
        // Where images are left out, whoever builds may not be the one who can lock: docs.rs cannot.
        if self.stale_lock == StaleLock::Error && !skips_images {
            CompileError::all_of(std::mem::take(&mut locks.stale))?;
        }
        #[cfg(feature = "image")]
        let built = {
            let lock = locks.bases.as_ref().filter(|_| !skips_images && self.wants_images());
            self.assembled(&settings, &manifests, lock, &out, &mut output)?
        };
        #[cfg(not(feature = "image"))]
        let built: Vec<Option<BuiltImage>> = settings.iter().map(|_| None).collect();
        let (mut images, mut layouts) = (Vec::new(), BTreeMap::new());
        for (settings, its) in settings.into_iter().zip(built) {
            images.push(ImageFacts::of(settings, manifests.version(), locks.bases.as_ref(), its.as_ref()));
            let name = settings.image.clone().unwrap_or_default();
            layouts.extend(its.map(|its| (name, its.layout)));
        }
        images.sort_by(|one, other| one.name.cmp(&other.name));

        let mut watched = BTreeSet::new();
        let near = |path: &Path| shown(path, &folder);
        watched.extend(manifests.paths().map(|path| near(Path::new(path))));
        watched.extend(locks.read.iter().map(|path| near(path)));
        if let Some(source) = &source {
            watched.extend(watch::watched(&folder, source).into_iter().map(str::to_owned));
            watched.extend(source.looked().rules.iter().map(|path| near(path)));
        }
        for path in &watched {
            output.rerun_if_changed(path);
        }
        for error in &locks.stale {
            output.warning(&error.lines().join("; "));
        }
        let module =
            Module { package: manifests.name(), assets: &assets, images: &images, extract: self.extract };
        let path = out.join(MODULE);
        let has_changed = write(&path, &module.text())
            .map_err(|source| CompileError::Write { path: path.clone(), source })?;
        sums.write(&out);
        Ok(Compiled { module: path, assets, layouts, has_changed, directives: output.into_lines() })
    }

    /// What the code, the package and its workspace say, joined.
    fn asked(&self, manifests: &Manifests) -> Result<Vec<Asked>, MetadataError> {
        let script = manifests.package.folder().join("build.rs");
        let value = self.keys.value();
        // Of the manifest's path, which is UTF-8.
        let script = script.to_string_lossy();
        let code = Section { manifest: &script, key: "configure()", value: &value };
        let asked =
            Asked::read(manifests.name(), code, manifests.own_section(), manifests.workspace_section());
        asked.map_err(|error| error.located(|path| fs_err::read_to_string(path).ok()))
    }
}

/// A path for cargo: from the package's folder where it is in there or above it.
fn shown(path: &Path, folder: &Path) -> String {
    let steps = folder.ancestors().take_while(|above| above.parent().is_some()).enumerate();
    let near = steps.filter_map(|(steps, above)| {
        let rest = path.strip_prefix(above).ok()?;
        Some("../".repeat(steps) + rest.to_str()?)
    });
    // Further up, two paths have nothing in common but the root.
    near.take(1).next().unwrap_or_else(|| path.to_string_lossy().into_owned())
}

/// Writes a file where it is not what it is to be; whoever reads meanwhile gets either as a whole.
fn write(path: &Path, text: &str) -> io::Result<bool> {
    if fs_err::read(path).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    // Nobody else has this name at the same time, and what a killed program has left is written over.
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(new);
    let written = fs_err::write(&new, text).and_then(|()| fs_err::rename(&new, path));
    if written.is_err() {
        // It may not be there at all.
        let _ = fs_err::remove_file(&new);
    }
    written.map(|()| true)
}

#[cfg(test)]
mod tests;
