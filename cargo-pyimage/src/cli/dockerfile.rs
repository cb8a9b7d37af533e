//! The commands about Dockerfiles.

use camino::Utf8PathBuf;
use clap::Args;

pub(super) const DOCKERFILE_EXAMPLES: &str = "\
It does what [package.metadata.pyimage] asks for, with the base and the packages that are locked.
It asks nobody: `cargo pyimage lock` locks what is not.

--write also writes `.dockerignore`, where lines of yours stay, and the packages' lock in pip's
words, `requirements.lock.txt`.

Examples:
  cargo pyimage dockerfile                     print it
  cargo pyimage dockerfile --write             write what `docker build .` takes
  cargo pyimage build --builder dockerfile     have the engine build it";

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
    #[arg(long, value_name = "PACKAGE")]
    pub image: Option<String>,

    /// The Cargo.toml of the project, where it is not the one around the current folder
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<Utf8PathBuf>,
}
