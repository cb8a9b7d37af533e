//! Why an image could not be built.

use camino::Utf8PathBuf;
use pyimage_build::{AssemblyError, Digest, LayoutError, Platform, PycError, TagTemplateError};
use pyrun::cache::CacheError;
use pyrun::environment::EnvironmentError;

use super::{BinError, CompilerError, sources};
use crate::apt::AptError;
use crate::workspace::which_image;

/// Why an image could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no image of this name.
    #[error("there is no image `{name}`")]
    NoSuchImage {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The command is for one image, and the project has several.
    #[error("there is more than one image: `{}`", images.join("`, `"))]
    WhichImage {
        /// The packages that have one.
        images: Vec<String>,
    },
    /// The time is no number.
    #[error("`SOURCE_DATE_EPOCH` is `{text}`, which is no number of seconds")]
    Epoch {
        /// Its value.
        text: String,
        /// Why not.
        source: std::num::ParseIntError,
    },
    /// A package has no wheel, and none could be built.
    #[error("could not have `{package}` built for {target}, for which it has no wheel")]
    NoWheel {
        /// The package.
        package: String,
        /// The Python and the platform.
        target: String,
        /// Why.
        source: Box<EnvironmentError>,
    },
    /// Wheels could not be had.
    #[error("could not fetch the packages of `{image}`")]
    Fetch {
        /// The package with the image.
        image: String,
        /// Why.
        source: Box<EnvironmentError>,
    },
    /// Bytecode is not pinned, and the lock may not change.
    #[error("the bytecode of {what} is not pinned in `pyimage.lock`")]
    NotPinned {
        /// The wheel, or the standard library.
        what: String,
    },
    /// Bytecode is needed, and could not be compiled.
    #[error("could not compile the bytecode of {what}")]
    Compile {
        /// The wheels, or the standard library.
        what: String,
        /// A Python of this machine that could compile the packages, where only the standard library is in its way.
        interpreter: Option<String>,
        /// Why.
        source: Box<CompilerError>,
    },
    /// What Python compiled a module to is of a form that is not known.
    #[error("could not use the bytecode of `{module}`")]
    Bytecode {
        /// The module's file in the image.
        module: String,
        /// Why.
        source: PycError,
    },
    /// The same modules were compiled to something else when they were locked.
    #[error("the bytecode of {what} for Python {python} is {digest}, and `pyimage.lock` has pinned {pinned}")]
    OtherBytecode {
        /// The wheel, or the standard library.
        what: String,
        /// The version of Python.
        python: String,
        /// What is pinned.
        pinned: Digest,
        /// What it is.
        digest: Digest,
    },
    /// Rust programs could not be had.
    #[error("could not make the programs of the package for {platform}")]
    Bins {
        /// The platform.
        platform: Platform,
        /// Why.
        source: Box<BinError>,
    },
    /// Packages of Debian could not be had.
    #[error(transparent)]
    Apt(Box<AptError>),
    /// The layout could not be written.
    #[error("could not write the image to `{folder}`")]
    Layout {
        /// Its folder.
        folder: Utf8PathBuf,
        /// Why.
        source: Box<LayoutError>,
    },
    /// An image has no name.
    #[error(transparent)]
    Name(#[from] TagTemplateError),
    /// It could not be put together.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl BuildError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NoSuchImage { known, .. } => {
                vec![format!("there are `{}`", known.join("`, `"))]
            }
            Self::WhichImage { images } => which_image(images),
            Self::Apt(error) => error.helps(),
            Self::Bins { source, .. } => source.helps(),
            Self::NoWheel { source, .. } => sources::helps(source),
            Self::Fetch { source, .. } => source.helps(),
            Self::NotPinned { .. } => vec![
                "pin it with `cargo pyimage lock`, where an engine is, and commit `pyimage.lock`".to_owned(),
                NO_BYTECODE.to_owned(),
            ],
            Self::Compile { interpreter, source, .. } => compiler_helps(source, interpreter.as_deref()),
            Self::OtherBytecode { .. } => vec![
                "where no engine is, this machine's Python compiled it: start an engine, which has the locked one"
                    .to_owned(),
                "or restore `pyimage.lock`; `cargo pyimage lock --update` pins all anew".to_owned(),
            ],
            Self::Name(error) => error.helps(),
            Self::Assembly(error) => error.helps(),
            Self::Cache(error) => vec![error.help()],
            _ => Vec::new(),
        }
    }
}

const NO_BYTECODE: &str = "or leave it out: `bytecode = \"none\"` in Cargo.toml";

/// What to do where nothing compiles.
fn compiler_helps(error: &CompilerError, interpreter: Option<&str>) -> Vec<String> {
    let first = match error {
        CompilerError::Engine(_) | CompilerError::NeitherCompiles { .. } => {
            "start an engine, or choose one with `PYRUN_ENGINE`"
        }
        CompilerError::NoBase { offline: true, .. } => "try again without `--offline`",
        _ => return vec![NO_BYTECODE.to_owned()],
    };
    let packages = interpreter.map(|program| {
        format!(
            "or have `{program}` of this machine compile the packages alone: `bytecode = \"packages\"` in Cargo.toml; \
             Python then compiles what it imports of the standard library at each start"
        )
    });
    [first.to_owned()].into_iter().chain(packages).chain([NO_BYTECODE.to_owned()]).collect()
}
