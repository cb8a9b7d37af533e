//! Environments: the packages that a script needs, unpacked once and mounted into every container that wants them.
//!
//! An environment is a virtual environment of the image's Python in the cache: `lib/pythonX.Y/site-packages`, `bin`
//! with console scripts, and the modules' bytecode beside them. It is made of wheels by our own code, on the host. What
//! has no wheel is built in a container first; no code of a package runs on the host. It is shared by all scripts that
//! need the same wheels, and read-only in the container.
//!
//! For a Python that our code does not know, the image's own pip makes it.

mod apt;
mod build;
mod build_for_image;
mod build_image;
mod bytecode;
mod compilation;
mod damage;
mod error;
mod fetch;
mod index_variables;
mod link;
mod make;
mod needs;
mod own_pip;
mod package;
mod part;
mod resolution_with_builds;
mod shared_library;
mod source;
mod step;
mod tool;

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{Launcher, Platform, PythonTag, Suite, Target};

use crate::cache::{Cache, InUse};
use crate::image::Image;
use crate::plan::{Interpreter, Request};
use crate::resolution::{self, Resolved};
use crate::shell::Shell;

use resolution_with_builds::Solvers;

pub use apt::{AptInstallation, AptInstalled};
pub use build_for_image::{Sources, build};
pub use compilation::{Compilation, CompilationError, CompiledSource, has_interpreter, interpreter_name};
pub use error::EnvironmentError;
pub use fetch::{Fetched, fetch};
pub use step::StepError;

/// The packages of a script, ready to be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// What it is to Python.
    pub kind: Kind,
    /// The host's folder, mounted at [`ENVIRONMENT`](crate::plan::ENVIRONMENT).
    pub folder: Utf8PathBuf,
    /// Its modules' bytecode, if it was compiled.
    pub bytecode: Option<Bytecode>,
}

/// How Python finds the packages of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is a virtual environment, with the official interpreter.
    Virtual,
    /// It is the user's own folder of packages, `PYTHONUSERBASE`.
    UserBase,
}

/// The bytecode of an environment's modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytecode {
    /// The host's folder of links into the bytecode of packages, in the layout of the environment.
    pub links: Utf8PathBuf,
    /// The host's folder of the bytecode of all packages, mounted at [`PACKAGE_BYTECODE`](crate::plan::PACKAGE_BYTECODE).
    pub packages: Utf8PathBuf,
}

/// Changes whenever the same wheels would be laid out differently.
const FORMAT: &str = "3";

/// The oldest Python whose environments are made here: it has a folder for bytecode, and uv starts it.
const OLDEST: (u32, u32) = (3, 8);

/// The folder of environments by what is needed: links to [`environments`](FOLDER) by their content.
const BY_NEED: &str = "environments/by-need";
const FOLDER: &str = "environments";
/// The file by which a virtual environment is known.
const MARK: &str = "pyvenv.cfg";
/// The file by which one is known that the image's own pip filled.
const BY_USER: &str = ".user-base";
/// The folder of links to bytecode, in an environment.
const BYTECODE: &str = ".bytecode";
/// The file that names the packages of an environment, a line each.
pub(crate) const PACKAGES: &str = ".packages";

/// An environment that stays while this lives, whoever prunes the cache.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) environment: Environment,
    pub(crate) in_use: Option<InUse>,
}

/// Whether the folder of an environment has all that belongs in it, as far as its mark tells.
pub(crate) fn is_complete(folder: &Utf8Path) -> bool {
    [MARK, BY_USER].iter().any(|mark| folder.join(mark).is_file())
}

impl Environment {
    /// The environment for this key of needs, if it was made before: one look at the file system.
    pub(crate) fn recall(cache: &Cache, key: &str) -> Option<Held> {
        let link = cache.root().join(BY_NEED).join(key);
        let id = fs_err::read_link(&link).ok()?;
        let id = id.file_name()?.to_str()?.to_owned();
        let in_use = Self::using(cache, &id);
        let folder = cache.root().join(FOLDER).join(id);
        // What was pruned is made again.
        is_complete(&folder).then(|| Held { environment: Self::at(cache, folder), in_use })
    }

    /// Keeps prunes off the environment of this name, which need not be there yet.
    fn using(cache: &Cache, id: &str) -> Option<InUse> {
        cache.using(&format!("{FOLDER}/{id}"))
    }

    fn at(cache: &Cache, folder: Utf8PathBuf) -> Self {
        let links = folder.join(BYTECODE);
        let packages = cache.root().join(bytecode::FOLDER);
        let kind = if folder.join(BY_USER).is_file() { Kind::UserBase } else { Kind::Virtual };
        Self { kind, bytecode: links.is_dir().then_some(Bytecode { links, packages }), folder }
    }
}

/// What wheels have to fit in an image; none where that is not known, or not for the interpreter that runs.
fn target(request: &Request, image: &Image) -> Option<Target> {
    if image.python_minor()? < OLDEST || request.interpreter != Interpreter::Official {
        return None;
    }
    let python = image.python.as_deref()?.parse().ok()?;
    let named = image.suite.as_deref().and_then(Suite::from_name);
    let suite = named.or_else(|| request.tag.as_ref().and_then(PythonTag::effective_suite));
    let libc = suite.as_ref().and_then(Suite::libc)?;
    // An engine tells the architecture without its variant; that was asked for, or is the usual one.
    let asked = request.platform.as_deref().and_then(|platform| platform.parse::<Platform>().ok());
    let platform = asked.or_else(|| format!("{}/{}", image.os, image.arch).parse().ok())?;
    Target::new(python, platform, libc).ok()
}

/// The key of these needs for this target. Patch releases of Python take the same wheels.
fn key(request: &Request, target: &Target, pip: Option<(u16, u16)>) -> Result<String, EnvironmentError> {
    let needs = request.dependencies.key()?;
    let python = target.python();
    let minor = python.minor().unwrap_or_default();
    let launcher = launcher(pip);
    let (major, platform, libc) = (python.major(), target.platform(), target.libc());
    let mut text = format!("{FORMAT} {needs} {major}.{minor} {platform} {libc} {launcher:?}");
    if let Some(tag) = &request.build_tag {
        text = format!("{text} {tag}");
    }
    Ok(crate::fingerprint::short(&text))
}

/// What the image's own pip would write for entry points.
fn launcher(pip: Option<(u16, u16)>) -> Launcher {
    pip.map_or_else(Launcher::default, |(major, minor)| Launcher::of_pip(major, minor))
}

/// The environment of a request, if it was made before.
pub(crate) fn recall(request: &Request, image: &Image, cache: &Cache) -> Option<Held> {
    let key = match target(request, image) {
        Some(_) if !request.dependencies.is_settled().ok()? => return None,
        Some(target) => key(request, &target, image.pip).ok()?,
        None => own_pip::key(request, image).ok()?,
    };
    Environment::recall(cache, &key)
}

/// The environment with the packages that a request needs: the one that was made before, or a new one.
///
/// # Errors
/// Where the packages cannot be resolved, fetched or unpacked.
pub(crate) async fn provide(
    request: &Request,
    image: &Image,
    cache: &Cache,
    shell: &Shell,
) -> Result<Held, EnvironmentError> {
    if let Some(target) = target(request, image) {
        return hold(request, &target, image.pip, cache, shell).await;
    }
    let key = own_pip::key(request, image)?;
    if let Some(held) = Environment::recall(cache, &key) {
        return Ok(held);
    }
    let _preparing = cache.preparing();
    own_pip::install(request, &key, cache, shell).await
}

/// The variables that tell a pip elsewhere what this process's caller has told pip here: indexes and how to ask them.
#[must_use]
pub fn pip_variables() -> std::collections::BTreeMap<String, String> {
    let found = index_variables::of_host().into_iter();
    found
        .filter_map(|(name, value)| Some((name, value?)))
        .filter(|(name, _)| name.starts_with("PIP_"))
        .collect()
}

/// The same for a target that is known already, and for an image with this major and minor version of pip, whose form
/// the programs of entry points get.
///
/// The request's image is needed where packages have to be compiled, or uv installed.
///
/// # Errors
/// Where the packages cannot be resolved, fetched or unpacked.
pub async fn prepare(
    request: &Request,
    target: &Target,
    pip: Option<(u16, u16)>,
    cache: &Cache,
    shell: &Shell,
) -> Result<Environment, EnvironmentError> {
    Ok(hold(request, target, pip, cache, shell).await?.environment)
}

async fn hold(
    request: &Request,
    target: &Target,
    pip: Option<(u16, u16)>,
    cache: &Cache,
    shell: &Shell,
) -> Result<Held, EnvironmentError> {
    let key = key(request, target, pip)?;
    if request.dependencies.is_settled()?
        && let Some(held) = Environment::recall(cache, &key)
    {
        return Ok(held);
    }
    let _preparing = cache.preparing();
    make::Making { request, target, pip, cache, shell }.environment(&key).await
}

/// The exact packages that a request needs, without making anything of them.
///
/// The request's image is needed where uv has to be installed.
///
/// # Errors
/// Where what is needed has no solution, or the lock cannot be written.
pub async fn lock(
    request: &Request,
    target: &Target,
    cache: &Cache,
    shell: &Shell,
) -> Result<Resolved, EnvironmentError> {
    let _preparing = cache.preparing();
    let solvers = Solvers { request, target, cache, shell };
    resolution::resolve(request, target, cache, shell, &solvers).await
}
