//! Why there is no Dockerfile.

use std::path::PathBuf;

use camino::Utf8PathBuf;
use pyimage_build::{AssemblyError, PylockError, RequirementsFileError, SourceError};

use crate::workspace::which_image;

/// Why there is no Dockerfile that does what the metadata asks for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerfileError {
    /// A value has something in it that no instruction can have.
    #[error("a Dockerfile cannot say what {what} is: {reason}")]
    Inexpressible {
        /// For example `` `env.X` ``.
        what: String,
        /// What is in it.
        reason: &'static str,
    },
    /// The image has programs in Rust, and a build of the package's folder is not sent what they are made of.
    #[error(
        "a Dockerfile in `{}` cannot compile `bins`: the workspace in `{root}` is out of its reach",
        folder.display()
    )]
    Member {
        /// The folder of the workspace.
        root: Utf8PathBuf,
        /// The folder of the package.
        folder: PathBuf,
    },
    /// The image has programs in Rust, and nobody knows which image of Rust has the base's libraries.
    #[error("a Dockerfile cannot compile `bins` for `{base}`: nobody knows what system it has")]
    NoRust {
        /// The base.
        base: String,
    },
    /// A name of a file cannot be written in a Dockerfile.
    #[error("a Dockerfile cannot name `{path}`: it has one of `*?[\\` in it")]
    Path {
        /// The file.
        path: String,
    },
    /// A file that is needed lies outside of what a build is sent.
    #[error("`{}` is outside of `{}`, and so out of a Dockerfile's reach", file.display(), folder.display())]
    Outside {
        /// The file.
        file: PathBuf,
        /// The folder with the Dockerfile.
        folder: PathBuf,
    },
    /// A file that says which packages are needed cannot be read.
    #[error("cannot read `{}`, which says which packages are needed", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The requirements make no sense.
    #[error("cannot use `{}`", file.display())]
    Requirements {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: RequirementsFileError,
    },
    /// pip reads the file by a lock only.
    #[error("`{}` is nothing that pip in a Dockerfile can install from without a lock", file.display())]
    NotForPip {
        /// For example `pyproject.toml`.
        file: PathBuf,
    },
    /// The lock cannot be used.
    #[error("could not use `{}`", lock.display())]
    Lock {
        /// The lock.
        lock: PathBuf,
        /// Why not.
        source: Box<PylockError>,
    },
    /// pip cannot be told to install this.
    #[error("`{package}` of `{}` cannot be in a Dockerfile: {reason}", lock.display())]
    Package {
        /// The package.
        package: String,
        /// The lock.
        lock: PathBuf,
        /// What is special about it.
        reason: &'static str,
    },
    /// The project's files could not be listed.
    #[error("could not tell which files go into the image of `{image}`")]
    Source {
        /// The package with the image.
        image: String,
        /// Why.
        source: Box<SourceError>,
    },
    /// What no image can have, however it is built.
    #[error(transparent)]
    Assembly(#[from] Box<AssemblyError>),
    /// A file of somebody else's is in the way.
    #[error("`{path}` is not one that this command has written")]
    NotOurs {
        /// The file.
        path: Utf8PathBuf,
    },
    /// A file cannot be written.
    #[error("could not write `{path}`")]
    Unwritable {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The command is for one image, and the project has several.
    #[error("there is more than one image: {}", images.join(", "))]
    WhichImage {
        /// All of them.
        images: Vec<String>,
    },
}

impl DockerfileError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NotForPip { .. } | Self::Outside { .. } => {
                vec!["lock it with `cargo pyimage lock`".to_owned()]
            }
            Self::NotOurs { .. } => vec![
                "`--force` replaces it; without `--write`, the text goes to stdout".to_owned(),
                "`cargo pyimage init` takes over what a simple Dockerfile says".to_owned(),
            ],
            Self::NoRust { .. } => vec!["lock it with `cargo pyimage lock`".to_owned()],
            Self::Member { .. } => vec![
                "`cargo pyimage build --builder dockerfile` compiles them here, and has an engine build the rest"
                    .to_owned(),
                "`cargo pyimage build` needs no engine".to_owned(),
            ],
            Self::WhichImage { images } => which_image(images),
            Self::Source { source, .. } => source.helps(),
            Self::Assembly(error) => error.helps(),
            Self::Inexpressible { .. } | Self::Package { .. } => {
                vec!["`cargo pyimage build` has no such limit".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}
