//! The command line of `cargo pyimage`.

mod dockerfile;
mod engine;
mod fetch;
mod look;
mod pull;
mod sbom;

use std::ffi::OsString;

use anstream::ColorChoice;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use pyimage_build::{Platform, SbomFormat, Variant};
use pyrun::cache::Limit;
use pyrun::cli::{STYLES, WIDTH};
use pyrun::shell::parse_color;

pub use dockerfile::{BuilderChoice, DockerfileArgs, InitArgs};
pub use engine::{ContainerArgs, LoadArgs, RunArgs, SaveArgs, SourceArgs};
pub use fetch::FetchArgs;
pub use look::{DiffArgs, InspectArgs, TreeArgs, VerifyArgs};
pub use pull::PullArgs;
pub use sbom::SbomArgs;

use crate::output::Output;
use sbom::sbom_formats;

const EXAMPLES: &str = "\
Examples:
  cargo pyimage tags 3.13              what there is of Python 3.13
  cargo pyimage tag 3.13-slim          what is in python:3.13-slim, and what can be installed there
  cargo pyimage init                   make an image of the package: writes its section
  cargo pyimage lock                   pin the bases that Cargo.toml names, in pyimage.lock
  cargo pyimage lock --check           fail where pyimage.lock is stale: for CI, needs no network
  cargo pyimage push                   build the images, and push what their registry lacks
  cargo pyimage build                  build them, for every platform, and load this machine's
  cargo pyimage run                    build, load and run one
  cargo pyimage inspect                what is in it, and how much that weighs; `tree` draws it
  cargo pyimage diff me/app:1.0        what a new build would change; `verify` proves that nothing does
  cargo pyimage dockerfile             print the Dockerfile that does the same
  cargo pyimage cache --prune 30d      remove what was not used for a month

Environment:
  PYIMAGE_MIRRORS              mirrors of Docker Hub, or HOST=URL for those of another registry
  PYIMAGE_INSECURE_REGISTRIES  hosts that may be spoken to without TLS; loopback always may
  PYIMAGE_REGISTRY_TIMEOUT     seconds to wait for an answer; a registry is asked twice
  PYIMAGE_CACHE_DIR            moves the cache
  DOCKER_CONFIG, REGISTRY_AUTH_FILE, HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE are honoured as usual.

Exit codes:
  0    done    101  failed    2  wrong usage    128+N  ended by signal N
  `run` has the program's own, and 125 to 127 where it could not be run, as docker has.
  `diff` has 1 where two images differ.";

const TAGS_EXAMPLES: &str = "\
Without --all, what is past its end of life, a prerelease, for Windows or replaced by a newer
patch release is left out, unless the filter names its version.

Examples:
  cargo pyimage tags                       the tags of the Pythons that are supported today
  cargo pyimage tags 3.13-slim             those of 3.13 that are slim
  cargo pyimage tags '*-bookworm'          by a pattern
  cargo pyimage tags --variant alpine --platform linux/arm64
  cargo pyimage tags 2.7 --format json     for programs
  cargo pyimage tags --repository ghcr.io/me/python";

const TAG_EXAMPLES: &str = "\
Examples:
  cargo pyimage tag 3.13-slim
  cargo pyimage tag alpine --format json
  cargo pyimage tag ghcr.io/me/python:3.13     an image made from the official one";

const LOCK_EXAMPLES: &str = "\
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

const BUILD_EXAMPLES: &str = "\
Examples:
  cargo pyimage build                          every image, for every platform, to target/pyimage
  cargo pyimage build --platform linux/arm64   for one platform only
  cargo pyimage build --no-load                leave the engine alone, if there is one
  cargo pyimage build --locked -t 1.0          fail where a lock is stale; with this tag
  cargo pyimage build -o app.tar -o engine     to an archive and the engine, and nowhere else

An OUTPUT is one of these, and may be given several times:
  PATH, dir:PATH, dir                 a folder with an OCI layout; `dir` is target/pyimage/PACKAGE
  PATH.tar, oci:PATH, oci.tar         an archive with all platforms; `oci.tar` is below target/pyimage
  docker:PATH, docker.tar             an archive as `docker save` writes it, of one platform
  engine, registry                    as --load and --push do it
Without any it is `dir`, and the engine if there is one. A folder of such a name is `./engine`.

What it prints on stdout is a line for each image: its repository and the digest of its index.
SOURCE_DATE_EPOCH is the time that everything in it has; without it, that is the first of 1970.";

const PUSH_EXAMPLES: &str = "\
The repository is `name` in [package.metadata.pyimage]; without a registry before it, that is one of
Docker Hub's. What it has is not sent again. The base's layers are mounted from the base's own
repository; from another registry they are copied, without being kept. Tags move last, when all else
is there. Logins are docker's and podman's. --offline does not mean the push.

Examples:
  cargo pyimage push                           build what is stale, and push every image
  cargo pyimage push -t 1.0 -t latest          with these tags
  cargo pyimage push --to localhost:5000/app   to another repository than the project's
  cargo pyimage push --locked --image app      for CI: fail where a lock is stale; one package
  cargo pyimage push --sbom                    attach what each image is made of

What it prints on stdout is a line for each image: its repository and the digest of its index.";

const CACHE_EXAMPLES: &str = "\
An AGE is like `30d`, `12h`, `90min` or `2w`, a SIZE like `2GB`, `500MB` or `1.5GiB`. With a size,
what was not used for longest goes first. What a script runs with stays, and so does what its
packages are made of; what was removed is made or downloaded again when it is needed.

Examples:
  cargo pyimage cache                         what is there, and how big
  cargo pyimage cache --format json           for programs: bytes, and seconds since 1970
  cargo pyimage cache --prune 30d             remove what was not used for 30 days
  cargo pyimage cache --prune 2GB --dry-run   what would go to leave 2 GB";

const SCHEMA_EXAMPLES: &str = "\
It is that of a Cargo.toml, of which it knows nothing else. The keys are in docs/keys.md, too.

Examples:
  cargo pyimage schema > pyimage.schema.json    for taplo: `#:schema ./pyimage.schema.json`, in Cargo.toml";

/// The program as cargo calls it: `cargo-pyimage pyimage …`.
#[derive(Debug, Parser)]
#[command(name = "cargo", bin_name = "cargo", styles = STYLES)]
pub struct Cargo {
    /// The subcommand's name, which cargo repeats.
    #[command(subcommand)]
    pub command: CargoCommand,
}

/// The one subcommand.
#[derive(Debug, Subcommand)]
pub enum CargoCommand {
    /// Choose, pin, build, run and ship Python images
    #[command(
        version,
        about = "Choose, pin, build, run and ship Python images",
        after_help = EXAMPLES,
        term_width = WIDTH,
        subcommand_required = true,
        arg_required_else_help = true,
        styles = STYLES
    )]
    Pyimage(PyimageArgs),
}

/// `cargo pyimage`.
#[derive(Debug, Args)]
pub struct PyimageArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// What is told.
    #[command(flatten)]
    pub output: OutputArgs,

    /// How registries are spoken to.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// What is told, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say which requests are made
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// When to use colours: `auto`, `always` or `never`
    #[arg(long, global = true, value_name = "WHEN", value_parser = parse_color)]
    pub color: Option<ColorChoice>,
}

/// How registries are spoken to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registries")]
pub struct RegistryArgs {
    /// Let this registry be spoken to without TLS; loopback always may
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub insecure_registry: Vec<String>,
}

/// A command of `cargo pyimage`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tags of the official Python image, newest first
    #[command(after_help = TAGS_EXAMPLES)]
    Tags(TagsArgs),
    /// Explain one tag: what it is, what is in it, what can be installed there
    #[command(after_help = TAG_EXAMPLES)]
    Tag(TagArgs),
    /// Pin the bases of the project's images in pyimage.lock
    #[command(after_help = LOCK_EXAMPLES)]
    Lock(LockArgs),
    /// Write the section of a package's image to its Cargo.toml, from what is found
    #[command(after_help = dockerfile::INIT_EXAMPLES)]
    Init(InitArgs),
    /// Build the project's images for all their platforms, from the locks
    #[command(after_help = BUILD_EXAMPLES)]
    Build(BuildArgs),
    /// Build the project's images, and push them to their registry
    #[command(after_help = PUSH_EXAMPLES)]
    Push(PushArgs),
    /// Get what images are made of into the cache, for builds without a network
    #[command(after_help = fetch::FETCH_EXAMPLES)]
    Fetch(FetchArgs),
    /// Get an image from a registry, into an OCI layout or the engine
    #[command(after_help = pull::PULL_EXAMPLES)]
    Pull(PullArgs),
    /// Load an image into the engine: Docker or podman
    #[command(after_help = engine::LOAD_EXAMPLES)]
    Load(LoadArgs),
    /// Save an image as an archive
    #[command(after_help = engine::SAVE_EXAMPLES)]
    Save(SaveArgs),
    /// Build, load and run an image
    #[command(after_help = engine::RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Show what an image is made of: layers, wheels, base, configuration
    #[command(after_help = look::INSPECT_EXAMPLES)]
    Inspect(InspectArgs),
    /// Draw what weighs how much in an image, here or as a page for a browser
    #[command(after_help = look::TREE_EXAMPLES)]
    Tree(TreeArgs),
    /// Tell two images apart: layers, wheels, files, configuration
    #[command(after_help = look::DIFF_EXAMPLES)]
    Diff(DiffArgs),
    /// Prove that an image is what this source gives
    #[command(after_help = look::VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Print or write the Dockerfile that does the same
    #[command(after_help = dockerfile::DOCKERFILE_EXAMPLES)]
    Dockerfile(DockerfileArgs),
    /// Write down what an image is made of: an SBOM
    #[command(after_help = sbom::SBOM_EXAMPLES)]
    Sbom(SbomArgs),
    /// Show what is in the cache, and make it smaller
    #[command(after_help = CACHE_EXAMPLES)]
    Cache(CacheArgs),
    /// Print the JSON Schema of `[package.metadata.pyimage]`, for editors
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
}

/// `cargo pyimage build`.
#[derive(Debug, Default, Args)]
pub struct BuildArgs {
    /// Only for this platform, for example `linux/arm64`
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Vec<Platform>,

    /// Only the image of this name, or those of this package
    #[arg(long, value_name = "NAME")]
    pub image: Option<String>,

    /// Another tag than those in Cargo.toml
    #[arg(short, long, value_name = "TAG")]
    pub tag: Vec<String>,

    /// Where it goes: a folder, a `.tar`, `engine`, `registry`, or another form below [default: target/pyimage/PACKAGE]
    #[arg(short, long, value_name = "OUTPUT")]
    pub output: Vec<Output>,

    /// Who builds: this program, or the engine from a Dockerfile [default: as Cargo.toml says, else native]
    #[arg(long, value_enum, value_name = "BUILDER")]
    pub builder: Option<BuilderChoice>,

    /// Push what was built to its registry
    #[arg(long)]
    pub push: bool,

    /// Another repository to push to than `name` in Cargo.toml
    #[arg(long, value_name = "REPOSITORY")]
    pub to: Option<String>,

    /// Load the image for the engine's platform, and fail where that cannot be [default: where there is an engine]
    #[arg(long, conflicts_with = "no_load")]
    pub load: bool,

    /// Leave the engine alone
    #[arg(long)]
    pub no_load: bool,

    /// Attach an SBOM to each image, and to all of them as one: `cyclonedx` or `spdx`
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "cyclonedx", value_parser = sbom_formats())]
    pub sbom: Option<SbomFormat>,

    /// What is printed on stdout: `human` or `json`
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub message_format: MessageFormat,

    /// Write what was built to this file too, as JSON
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<camino::Utf8PathBuf>,

    /// How locks and networks are used.
    #[command(flatten)]
    pub locking: LockingArgs,

    /// The Cargo.toml of the project, where it is not the one around the current folder
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<camino::Utf8PathBuf>,
}

/// `cargo pyimage push`.
#[derive(Debug, Clone, Args)]
pub struct PushArgs {
    /// Only for this platform, for example `linux/arm64`
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Vec<Platform>,

    /// Only the image of this name, or those of this package
    #[arg(long, value_name = "NAME")]
    pub image: Option<String>,

    /// Another tag than those in Cargo.toml
    #[arg(short, long, value_name = "TAG")]
    pub tag: Vec<String>,

    /// Another repository than `name` in Cargo.toml
    #[arg(long, value_name = "REPOSITORY")]
    pub to: Option<String>,

    /// Attach an SBOM to each image, and to all of them as one: `cyclonedx` or `spdx`
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "cyclonedx", value_parser = sbom_formats())]
    pub sbom: Option<SbomFormat>,

    /// What is printed on stdout: `human` or `json`
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub message_format: MessageFormat,

    /// Write what was built to this file too, as JSON
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<camino::Utf8PathBuf>,

    /// How locks and networks are used. The registries of a push are asked all the same.
    #[command(flatten)]
    pub locking: LockingArgs,

    /// The Cargo.toml of the project, where it is not the one around the current folder
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<camino::Utf8PathBuf>,
}

impl PushArgs {
    /// The build that comes before it.
    #[must_use]
    pub fn into_build(self) -> BuildArgs {
        let Self { platform, image, tag, to, sbom, message_format, metadata_file, locking, manifest_path } =
            self;
        BuildArgs {
            platform,
            image,
            tag,
            builder: Some(BuilderChoice::Native),
            push: true,
            to,
            // What is pushed is not for this machine's engine.
            no_load: true,
            sbom,
            message_format,
            metadata_file,
            locking,
            manifest_path,
            ..BuildArgs::default()
        }
    }
}

/// How locks and networks are used, as in cargo.
#[derive(Debug, Clone, Copy, Default, Args)]
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

/// `cargo pyimage tags`.
#[derive(Debug, Args)]
pub struct TagsArgs {
    /// Words of the tag or their beginnings (`3.13`, `slim`, `3.13-bookworm`), or a pattern with `*`
    pub filter: Option<String>,

    /// Only this variant
    #[arg(long, value_parser = variants())]
    pub variant: Option<Variant>,

    /// Only tags that have this platform, and only its size
    #[arg(long)]
    pub platform: Option<Platform>,

    /// Everything that the registry lists
    #[arg(long)]
    pub all: bool,

    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Another repository with tags like those of the official image
    #[arg(long, value_name = "IMAGE", default_value = "python")]
    pub repository: String,
}

/// `cargo pyimage tag`.
#[derive(Debug, Args)]
pub struct TagArgs {
    /// A tag of the official image, or the reference of one made from it
    pub tag: String,

    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

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

    /// The Cargo.toml of the project, where it is not the one around the current folder
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<camino::Utf8PathBuf>,
}

/// `cargo pyimage cache`.
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// Remove what was not used for so long, or what was not used for longest until so much is left
    #[arg(long, value_name = "AGE|SIZE", allow_hyphen_values = true)]
    pub prune: Option<Limit>,

    /// Remove nothing, and show what would go
    #[arg(long, requires = "prune")]
    pub dry_run: bool,

    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
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

/// How data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

const VARIANTS: [(&str, Variant); 6] = [
    ("full", Variant::Full),
    ("slim", Variant::Slim),
    ("alpine", Variant::Alpine),
    ("windowsservercore", Variant::WindowsServerCore),
    ("nanoserver", Variant::NanoServer),
    ("onbuild", Variant::Onbuild),
];

fn variants() -> impl clap::builder::TypedValueParser<Value = Variant> {
    PossibleValuesParser::new(VARIANTS.map(|(name, _)| name)).map(|name| {
        // Only the names of the list get here.
        VARIANTS.iter().find(|(known, _)| *known == name).map_or(Variant::Full, |(_, variant)| *variant)
    })
}

/// Parses the process's arguments.
///
/// # Errors
/// Clap's, which is also what `--help` ends with.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<PyimageArgs, clap::Error> {
    let mut incoming = arguments.into_iter().peekable();
    let mut words: Vec<OsString> = incoming.next().into_iter().collect();
    // Called as `cargo-pyimage` by a person or a script, the subcommand's name is missing.
    if incoming.peek().is_some_and(|first| first == "pyimage") {
        incoming.next();
    }
    words.push("pyimage".into());
    words.extend(incoming);
    let words = engine::with_volumes(words);
    let Cargo { command: CargoCommand::Pyimage(args) } = Cargo::try_parse_from(words)?;
    if let Command::Build(build) = &args.command {
        check_outputs(build)?;
    }
    Ok(args)
}

/// Refuses what contradicts itself, where the outputs decide.
fn check_outputs(args: &BuildArgs) -> Result<(), clap::Error> {
    let wrong = |kind, text| Err(Cargo::command().error(kind, text));
    if args.to.is_some() && !args.push && !args.output.contains(&Output::Registry) {
        return wrong(ErrorKind::MissingRequiredArgument, "`--to` says where to push to: add `--push`");
    }
    if args.no_load && args.output.contains(&Output::Engine) {
        return wrong(ErrorKind::ArgumentConflict, "`--output engine` and `--no-load` contradict each other");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cargo::command().debug_assert();
    }

    #[test]
    fn cargo_s_own_word_may_be_there_or_not() {
        for words in [&["cargo-pyimage", "pyimage", "tag", "3"][..], &["cargo-pyimage", "tag", "3"]] {
            let args = parse(words.iter().map(OsString::from)).unwrap();
            assert!(matches!(args.command, Command::Tag(TagArgs { tag, .. }) if tag == "3"));
        }
    }

    #[test]
    fn every_variant_has_its_name() {
        for (name, variant) in VARIANTS {
            assert_eq!(variant.to_string(), name);
        }
    }
}
