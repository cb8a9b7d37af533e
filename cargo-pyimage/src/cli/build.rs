//! The commands that make images: `build` and `push`.

use camino::Utf8PathBuf;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, ValueEnum};
use pyimage_build::{Platform, SbomFormat};

use super::sbom::sbom_formats;
use super::{BuilderChoice, Cargo, SourceArgs};
use crate::output::Output;

pub(super) const BUILD_EXAMPLES: &str = "\
On stdout is a line for each image: its repository and the digest of its index. SOURCE_DATE_EPOCH
is the time that everything in it has; without it, that is the first of 1970.

Examples:
  cargo pyimage build                          every image, for every platform, to target/pyimage
  cargo pyimage build --platform linux/arm64   for one platform only
  cargo pyimage build --no-load                leave the engine alone, if there is one
  cargo pyimage build --locked -t 1.0          fail where a lock is stale; with this tag
  cargo pyimage build -o app.tar -o engine     to an archive and the engine, and nowhere else

Outputs:
  PATH, dir:PATH, dir                 a folder with an OCI layout; `dir` is target/pyimage/PACKAGE
  PATH.tar, oci:PATH, oci.tar         an archive with all platforms; `oci.tar` is below
                                      target/pyimage
  docker:PATH, docker.tar             an archive as `docker save` writes it, of one platform
  engine, registry                    as --load and --push do it
  There may be several. Without any it is `dir`, and the engine if there is one. A folder of such a
  name is `./engine`.";

pub(super) const PUSH_EXAMPLES: &str = "\
The repository is `name` in [package.metadata.pyimage]; without a registry before it, that is one of
Docker Hub's. What it has is not sent again. The base's layers are mounted from the base's own
repository; from another registry they are copied, without being kept. Tags move last, when all else
is there. Logins are docker's and podman's. The push itself happens with --offline, too.

On stdout is a line for each image: its repository and the digest of its index.

Examples:
  cargo pyimage push                           build what is stale, and push every image
  cargo pyimage push -t 1.0 -t latest          with these tags
  cargo pyimage push --to localhost:5000/app   to another repository than the project's
  cargo pyimage push --locked --image app      for CI: fail where a lock is stale; one package
  cargo pyimage push --sbom                    attach what each image is made of
  cargo pyimage push --layout target/debug/build/app-0123456789abcdef/out/pyimage/app";

const DESTINATION: &str = "Destination";

/// What is built, and what is told of it: `build` and `push` have it alike.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Image")]
pub struct AssemblyArgs {
    /// Only for this platform, for example `linux/arm64`
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Vec<Platform>,

    /// Another tag than those in Cargo.toml
    #[arg(short, long, value_name = "TAG")]
    pub tag: Vec<String>,

    /// Attach an SBOM to each image, and to all of them as one
    #[arg(long, value_name = "FORMAT", num_args = 0..=1,
          default_missing_value = "cyclonedx", value_parser = sbom_formats())]
    pub sbom: Option<SbomFormat>,

    /// How it is printed on stdout
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, help_heading = "Output")]
    pub message_format: MessageFormat,

    /// Write what was built to this file too, as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub metadata_file: Option<Utf8PathBuf>,

    /// Which image of the project.
    #[command(flatten)]
    pub source: SourceArgs,

    /// Whether layers are made though the cache has them: no option, but what `verify` asks for.
    #[arg(skip)]
    pub anew: bool,
}

/// `cargo pyimage build`.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option that is there or not")]
pub struct BuildArgs {
    /// What is built.
    #[command(flatten)]
    pub assembly: AssemblyArgs,

    /// Who builds: this program, or the engine from a Dockerfile [default: native]
    #[arg(long, value_enum, value_name = "BUILDER", help_heading = "Image")]
    pub builder: Option<BuilderChoice>,

    /// Where it goes, in one of the forms below [default: target/pyimage/PACKAGE]
    #[arg(short, long, value_name = "OUTPUT", help_heading = DESTINATION)]
    pub output: Vec<Output>,

    /// Push it to its registry
    #[arg(long, help_heading = DESTINATION)]
    pub push: bool,

    /// Push it to another repository than `name` in Cargo.toml
    #[arg(long, value_name = "REPOSITORY", help_heading = DESTINATION)]
    pub to: Option<String>,

    /// Load it into the engine, and fail where that cannot be [default: where there is an engine]
    #[arg(long, conflicts_with = "no_load", help_heading = DESTINATION)]
    pub load: bool,

    /// Leave the engine alone
    #[arg(long, help_heading = DESTINATION)]
    pub no_load: bool,

    /// It is for a registry alone: an engine that does not build it is left alone.
    #[arg(skip)]
    pub is_push: bool,
}

impl BuildArgs {
    /// Refuses what contradicts itself, where the outputs decide.
    ///
    /// # Errors
    /// Clap's.
    pub(super) fn check(&self) -> Result<(), clap::Error> {
        let wrong = |kind, text| Err(Cargo::command().error(kind, text));
        if self.to.is_some() && !self.push && !self.output.contains(&Output::Registry) {
            return wrong(ErrorKind::MissingRequiredArgument, "`--to` says where to push to: add `--push`");
        }
        if self.no_load && self.output.contains(&Output::Engine) {
            return wrong(
                ErrorKind::ArgumentConflict,
                "`--output engine` and `--no-load` contradict each other",
            );
        }
        Ok(())
    }
}

/// `cargo pyimage push`.
#[derive(Debug, Clone, Args)]
pub struct PushArgs {
    /// What is built before. The registries of a push are asked with `--offline`, too.
    #[command(flatten)]
    pub assembly: AssemblyArgs,

    /// Another repository than `name` in Cargo.toml
    #[arg(long, value_name = "REPOSITORY", help_heading = DESTINATION)]
    pub to: Option<String>,

    /// Build nothing: push the image in this OCI layout, such as a build script has assembled
    #[arg(long, value_name = "FOLDER", help_heading = "Image", conflicts_with_all = [
        "platform", "sbom", "message_format", "metadata_file", "image", "manifest_path", "locked", "offline", "frozen"])]
    pub layout: Option<Utf8PathBuf>,
}

impl PushArgs {
    /// The build that comes before it.
    #[must_use]
    pub fn into_build(self) -> BuildArgs {
        let Self { assembly, to, layout: _ } = self;
        BuildArgs { assembly, push: true, to, is_push: true, ..BuildArgs::default() }
    }
}

/// What is printed of what was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// The reference by digest.
    #[default]
    #[value(help = None)]
    Human,
    /// A JSON object for each image, on a line of its own.
    #[value(help = None)]
    Json,
}
