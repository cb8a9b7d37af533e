//! The commands that look at images: `inspect`, `tree`, `diff` and `verify`.

use camino::Utf8PathBuf;
use clap::Args;
use pyimage_build::Platform;

use super::{Format, SourceArgs};

pub(super) const INSPECT_EXAMPLES: &str = "\
IMAGE is a path where there is something of that name, or where it starts with `./`, `../` or `/`:
a folder with an OCI layout, or an archive that is one or that `docker save` wrote; one of several
images in it is `PATH:NAME`. All else is an image in a registry. Without IMAGE it is the project's
own, which is built as `save` does it, and written nowhere.

The layers of the base are not in what is built here, and are told by their size. Of an image in a
registry only the documents are downloaded; --layers and --base download more.

Examples:
  cargo pyimage inspect
  cargo pyimage inspect ghcr.io/me/app:1.0 --layers
  cargo pyimage inspect app.tar --platform linux/arm64
  cargo pyimage inspect target/pyimage/app --format json";

pub(super) const TREE_EXAMPLES: &str = "\
IMAGE is as for `cargo pyimage inspect`: a folder, an archive, or an image in a registry, whose
layers are downloaded, but for those of its base; without it, the project's own image.

Examples:
  cargo pyimage tree
  cargo pyimage tree --depth 5 --platform linux/amd64
  cargo pyimage tree --base --html tree.html    with the base's layers, as a page for a browser
  cargo pyimage tree ghcr.io/me/app:1.0";

pub(super) const DIFF_EXAMPLES: &str = "\
A and B are as IMAGE for `cargo pyimage inspect`; without B, it is what the project gives now. So
is one that is called as an image of the project in Cargo.toml: `app`, `app-worker` of several,
`app:latest` where `name` has no registry and no user. With either it is what was pushed there.
Layers that both have are not read. Those of different bases are told by their digests, and read
with --base. Of a wheel in two versions, files are counted; -v tells every one.

Exit codes: 0 where there is no difference, 1 where there is one, 101 where that is not known.

Examples:
  cargo pyimage diff ghcr.io/me/app:1.0 ghcr.io/me/app:1.1
  cargo pyimage diff ghcr.io/me/app:latest          with what would be built now
  cargo pyimage diff app-web app-worker             two images of the project
  cargo pyimage diff before.tar after.tar --format json";

pub(super) const VERIFY_EXAMPLES: &str = "\
Builds the image from the locks as they are, for the platforms that IMAGE has, makes each layer
anew whatever the cache has of it, and compares digests; the registry is asked for IMAGE's, so
that a tag that moved is found. Where it is another image, this fails with the first differences.
What is not in the cache is downloaded, unless --offline or --frozen. An image that was made with
a SOURCE_DATE_EPOCH needs the same here.

Examples:
  cargo pyimage verify ghcr.io/me/app:1.0
  cargo pyimage verify ghcr.io/me/app@sha256:… --image app";

/// What of an image is looked at.
#[derive(Debug, Clone, Args)]
pub struct LookArgs {
    /// Only for this platform, for example `linux/arm64`
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Vec<Platform>,

    /// Download and read the layers of the base too
    #[arg(long)]
    pub base: bool,

    /// The project's own image.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// `cargo pyimage inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A folder, an archive, or an image in a registry [default: the project's own image]
    #[arg(value_name = "IMAGE")]
    pub name: Option<String>,

    /// Download the layers that are not the base's, and read them
    #[arg(long)]
    pub layers: bool,

    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// What of it.
    #[command(flatten)]
    pub look: LookArgs,
}

/// `cargo pyimage tree`.
#[derive(Debug, Args)]
pub struct TreeArgs {
    /// A folder, an archive, or an image in a registry [default: the project's own image]
    #[arg(value_name = "IMAGE")]
    pub name: Option<String>,

    /// Write a page for a browser instead: a treemap, in one file
    #[arg(long, value_name = "FILE")]
    pub html: Option<Utf8PathBuf>,

    /// How many levels to show below the layers
    #[arg(long, value_name = "LEVELS", default_value_t = 2)]
    pub depth: usize,

    /// What of it.
    #[command(flatten)]
    pub look: LookArgs,
}

/// `cargo pyimage diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// An image: a folder, an archive, one of the project by its name, or one in a registry
    #[arg(value_name = "A")]
    pub a: String,

    /// Another one [default: the project's own image]
    #[arg(value_name = "B")]
    pub b: Option<String>,

    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// What of it.
    #[command(flatten)]
    pub look: LookArgs,
}

/// `cargo pyimage verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The image: mostly one in a registry
    #[arg(value_name = "IMAGE")]
    pub name: String,

    /// Which image of the project.
    #[command(flatten)]
    pub source: SourceArgs,
}
