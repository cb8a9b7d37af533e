//! Which image of the project, and how its locks are used.

use camino::Utf8PathBuf;
use clap::Args;
use pyimage_build::Platform;

use super::{AssemblyArgs, BuildArgs, BuilderChoice};

/// Which image of the project, and how its locks are used.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Project")]
pub struct SourceArgs {
    /// Only the image of this name, or those of this package
    #[arg(long, value_name = "NAME")]
    pub image: Option<String>,

    /// The project's Cargo.toml [default: the nearest above the current folder]
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<Utf8PathBuf>,

    /// How locks and networks are used.
    #[command(flatten)]
    pub locking: LockingArgs,
}

/// How locks and networks are used, as in cargo.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Locks and network")]
pub struct LockingArgs {
    /// Fail where a lock is missing or stale
    #[arg(long)]
    pub locked: bool,

    /// Ask no network: fail where something is not in the cache
    #[arg(long)]
    pub offline: bool,

    /// Both of them
    #[arg(long)]
    pub frozen: bool,
}

impl SourceArgs {
    /// The same for these platforms, as `cargo pyimage build` has it.
    pub(crate) fn build(&self, platform: Vec<Platform>, tag: &[String]) -> BuildArgs {
        BuildArgs {
            assembly: AssemblyArgs {
                platform,
                tag: tag.to_vec(),
                source: self.clone(),
                ..AssemblyArgs::default()
            },
            builder: Some(BuilderChoice::Native),
            no_load: true,
            ..BuildArgs::default()
        }
    }
}
