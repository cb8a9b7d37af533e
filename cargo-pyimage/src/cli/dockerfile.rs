//! The commands about Dockerfiles.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

pub(super) const DOCKERFILE_EXAMPLES: &str = "\
It does what [package.metadata.pyimage] asks for, with the base and the packages that are locked.
It asks nobody: `cargo pyimage lock` locks what is not.

--write also writes `.dockerignore`, where lines of yours stay, and the packages' lock in pip's
words, `requirements.lock.txt`.

Examples:
  cargo pyimage dockerfile                     print it
  cargo pyimage dockerfile --write             write what `docker build .` takes
  cargo pyimage build --builder dockerfile     have the engine build it";

/// Who builds an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BuilderChoice {
    /// This program, for every platform, without an engine
    #[value(help = None)]
    Native,
    /// The engine, from a Dockerfile
    #[value(help = None)]
    Dockerfile,
}

/// `cargo pyimage dockerfile`.
#[derive(Debug, Args)]
pub struct DockerfileArgs {
    /// Write it beside the package's Cargo.toml, with `.dockerignore` and the lock of its packages
    #[arg(long)]
    pub write: bool,

    /// Replace a Dockerfile that somebody else has written
    #[arg(long, requires = "write")]
    pub force: bool,

    /// Only the image of this package
    #[arg(long, value_name = "PACKAGE", help_heading = "Project")]
    pub image: Option<String>,

    /// The project's Cargo.toml [default: the nearest above the current folder]
    #[arg(long, value_name = "PATH", help_heading = "Project")]
    pub manifest_path: Option<Utf8PathBuf>,
}

pub(super) const INIT_EXAMPLES: &str = "\
It looks for requirements.txt or pyproject.toml, the Python files and the one that is the program,
what asks for a Python, and a Dockerfile of the simple kind. All else in Cargo.toml stays as it is.

Examples:
  cargo pyimage init                  for the package of the current folder
  cargo pyimage init --package web    for another of the workspace
  cargo pyimage init && cargo pyimage run";

/// `cargo pyimage init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The package that the image is of
    #[arg(short, long, value_name = "PACKAGE", help_heading = "Project")]
    pub package: Option<String>,

    /// Replace the section that is there
    #[arg(long)]
    pub force: bool,

    /// The project's Cargo.toml [default: the nearest above the current folder]
    #[arg(long, value_name = "PATH", help_heading = "Project")]
    pub manifest_path: Option<Utf8PathBuf>,
}
