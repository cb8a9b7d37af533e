//! `cargo pyimage pull`.

use camino::Utf8PathBuf;
use clap::Args;
use pyimage_build::Platform;

pub(super) const PULL_EXAMPLES: &str = "\
Every blob is checked by its digest. What is in the layout already is not fetched again, and a
download that breaks goes on where it was, also with the next call.

Examples:
  cargo pyimage pull                               the project's own, to target/pyimage/PACKAGE
  cargo pyimage pull python:3.13-slim -o python    any image
  cargo pyimage pull --platform linux/arm64 ghcr.io/me/app -o app
  cargo pyimage pull --load                        into the engine, for its platform";

/// `cargo pyimage pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// The image [default: the project's own, with its first tag]
    #[arg(value_name = "IMAGE")]
    pub reference: Option<String>,

    /// Only for this platform, for example `linux/arm64` [default: all; with --load the engine's own]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Vec<Platform>,

    /// The folder for the OCI layout [default: target/pyimage/PACKAGE for the project's own]
    #[arg(short, long, value_name = "DIR", conflicts_with = "load")]
    pub output: Option<Utf8PathBuf>,

    /// Bring it to the engine instead
    #[arg(long, help_heading = "Engine")]
    pub load: bool,

    /// An address, `docker`, `podman`, or a docker context [env: PYRUN_ENGINE]
    #[arg(long, value_name = "ENGINE", requires = "load", help_heading = "Engine")]
    pub engine: Option<String>,

    /// The project's image of this package
    #[arg(long, value_name = "PACKAGE", conflicts_with = "reference", help_heading = "Project")]
    pub image: Option<String>,

    /// The project's Cargo.toml [default: the nearest above the current folder]
    #[arg(long, value_name = "PATH", help_heading = "Project")]
    pub manifest_path: Option<Utf8PathBuf>,
}
