//! Why an image could not be built.

use std::path::PathBuf;

use camino::Utf8PathBuf;
use pyimage_build::{
    AccountError, AssemblyError, Digest, LayerError, LayoutError, Platform, PycError, ReferenceError,
    SourceError,
};
use pyrun::cache::CacheError;
use pyrun::environment::EnvironmentError;

use super::{BinError, CompilerError, sources};
use crate::apt::AptError;

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
    /// A tag is malformed.
    #[error("`{tag}` is no tag of an image")]
    Tag {
        /// The tag.
        tag: String,
        /// Why not.
        source: Box<ReferenceError>,
    },
    /// A tag asks for something that there is not.
    #[error("the tag `{tag}` asks for `{{{name}}}`, which there is not")]
    UnknownTemplate {
        /// The tag.
        tag: String,
        /// What it asks for.
        name: String,
        /// What it probably means.
        nearest: Option<String>,
    },
    /// A tag asks for the commit, and there is none.
    #[error("the tag `{tag}` asks for the commit: {why}")]
    NoCommit {
        /// The tag.
        tag: String,
        /// Why there is none.
        why: String,
    },
    /// The image is not for this platform.
    #[error("the image of `{image}` is not for {platform}")]
    NoPlatform {
        /// The package with the image.
        image: String,
        /// The platform.
        platform: Platform,
    },
    /// A base or a platform of it is not locked.
    #[error("`{base}` is not locked")]
    NotLocked {
        /// The base.
        base: String,
    },
    /// The distribution of a base is not known.
    #[error("the distribution in `{base}` is not known, and so not which packages fit it")]
    UnknownSystem {
        /// The base.
        base: String,
    },
    /// A lock of packages cannot be used.
    #[error("could not use `{}`", lock.display())]
    PackageLock {
        /// The lock.
        lock: PathBuf,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
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
    /// A lock does not say what a file has to be.
    #[error("the lock has no sha256 for `{package}`")]
    NoDigest {
        /// The package.
        package: String,
    },
    /// Wheels could not be had.
    #[error("could not fetch the packages of `{image}`")]
    Fetch {
        /// The package with the image.
        image: String,
        /// Why.
        source: Box<EnvironmentError>,
    },
    /// A wheel is broken.
    #[error("could not use `{wheel}`")]
    Wheel {
        /// The wheel.
        wheel: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
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
    /// The project's files could not be listed.
    #[error("could not tell which files go into the image of `{image}`")]
    Source {
        /// The package with the image.
        image: String,
        /// Why.
        source: Box<SourceError>,
    },
    /// Two things of the project are to be at one path.
    #[error("there are two files for `/{path}`: {first} and {second}")]
    TwoFiles {
        /// The path in the image.
        path: String,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// Rust programs could not be had.
    #[error("could not make the programs of the package for {platform}")]
    Bins {
        /// The platform.
        platform: Platform,
        /// Why.
        source: Box<BinError>,
    },
    /// A layer could not be made.
    #[error("could not make the layer `{what}`")]
    Layer {
        /// What is in it.
        what: String,
        /// Why.
        source: Box<LayerError>,
    },
    /// Packages of Debian could not be had.
    #[error(transparent)]
    Apt(Box<AptError>),
    /// The image's user cannot be.
    #[error("could not give the image of `{image}` its user")]
    User {
        /// The package with the image.
        image: String,
        /// Why not.
        source: Box<AccountError>,
    },
    /// The image's documents could not be made.
    #[error("could not assemble `{image}`")]
    Assemble {
        /// The image.
        image: String,
        /// Why.
        source: Box<AssemblyError>,
    },
    /// The layout could not be written.
    #[error("could not write the image to `{folder}`")]
    Layout {
        /// Its folder.
        folder: Utf8PathBuf,
        /// Why.
        source: Box<LayoutError>,
    },
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
            Self::UnknownTemplate { nearest, .. } => {
                let meant = nearest.iter().map(|name| format!("did you mean `{{{name}}}`?"));
                let all = "there are `{version}`, `{git.sha}` and `{git.short-sha}`".to_owned();
                meant.chain([all]).collect()
            }
            Self::NoCommit { .. } => {
                vec!["build in a clone with git installed, or give other tags with `-t`".to_owned()]
            }
            Self::WhichImage { .. } => vec!["name its package: `--image PACKAGE`".to_owned()],
            Self::NoPlatform { .. } => vec!["add it to `platforms` in Cargo.toml".to_owned()],
            Self::NotLocked { .. } => vec!["lock it with `cargo pyimage lock`".to_owned()],
            Self::Apt(error) => error.helps(),
            Self::User { source, .. } => match &**source {
                AccountError::Misspelt { nearest, .. } => {
                    vec![format!("`{nearest}` is the base's; any other name is given an entry of its own")]
                }
                _ => vec!["take a name such as `app`, or a number such as `1000`".to_owned()],
            },
            Self::TwoFiles { .. } => vec!["have one of them go elsewhere, or leave it out".to_owned()],
            Self::Bins { source, .. } => source.helps(),
            Self::Source { source, .. } => source.helps(),
            Self::Layer { source, .. } => source.helps(),
            Self::Assemble { source, .. } => source.helps(),
            Self::NoWheel { source, .. } => sources::helps(source),
            Self::Fetch { source, .. } => source.helps(),
            Self::NotPinned { .. } => vec![
                "pin it with `cargo pyimage lock`, where an engine is, and commit `pyimage.lock`".to_owned(),
                NO_BYTECODE.to_owned(),
            ],
            Self::Compile { source, .. } => compiler_helps(source),
            Self::OtherBytecode { .. } => vec![
                "where no engine is, this machine's Python compiled it: start an engine, which has the locked one"
                    .to_owned(),
                "or restore `pyimage.lock`; `cargo pyimage lock --update` pins all anew".to_owned(),
            ],
            Self::Cache(error) => vec![error.help()],
            _ => Vec::new(),
        }
    }
}

const NO_BYTECODE: &str = "or leave it out: `bytecode = \"none\"` in Cargo.toml";

/// What to do where nothing compiles.
fn compiler_helps(error: &CompilerError) -> Vec<String> {
    let first = match error {
        CompilerError::Engine(_) | CompilerError::NeitherCompiles { .. } => {
            "start an engine, or choose one with `PYRUN_ENGINE`"
        }
        CompilerError::NoBase { offline: true, .. } => "try again without `--offline`",
        _ => return vec![NO_BYTECODE.to_owned()],
    };
    vec![first.to_owned(), NO_BYTECODE.to_owned()]
}
