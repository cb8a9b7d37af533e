//! `cargo pyimage lock`.

use camino::Utf8PathBuf;
use clap::Args;

pub(super) const LOCK_EXAMPLES: &str = "\
The images are those of the packages with a section in Cargo.toml:

  [package.metadata.pyimage]
  tag = \"3.13-slim\"                             # or `base` for an image of your own
  platforms = [\"linux/amd64\", \"linux/arm64\"]    # these are the default
  name = \"ghcr.io/me/app\"                       # the package's name is the default

Examples:
  cargo pyimage lock                 pin what is new, keep what is pinned
  cargo pyimage lock --check         fail where pyimage.lock is stale; asks no registry
  cargo pyimage lock --update        move all pins to what the tags are today
  cargo pyimage lock --update 3.13-slim    move those of one base
  cargo pyimage lock --update requests     move one package";

/// `cargo pyimage lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// Fail where the lock is stale, and change nothing; needs no network
    #[arg(long, conflicts_with = "update")]
    pub check: bool,

    /// Move the pins to what is newest today: all of them, or those of the bases and packages that are named
    #[arg(long, value_name = "NAME", num_args = 0..)]
    pub update: Option<Vec<String>>,

    /// Ask no registry: fail where the lock is stale
    #[arg(long, conflicts_with = "update")]
    pub offline: bool,

    /// The project's Cargo.toml [default: the nearest above the current folder]
    #[arg(long, value_name = "PATH", help_heading = "Project")]
    pub manifest_path: Option<Utf8PathBuf>,
}
