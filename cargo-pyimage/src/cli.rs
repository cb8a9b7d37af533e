//! The command line of `cargo pyimage`.

mod build;
mod cache;
mod dockerfile;
mod engine;
mod fetch;
mod lock;
mod look;
mod pull;
mod sbom;
mod source;
mod tags;

use std::ffi::OsString;

use anstream::ColorChoice;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use pyrun::cli::{STYLES, WIDTH, is_cargo_offline};
use pyrun::shell::parse_color;

pub use build::{AssemblyArgs, BuildArgs, MessageFormat, PushArgs};
pub use cache::CacheArgs;
pub use dockerfile::{BuilderChoice, DockerfileArgs, InitArgs};
pub use engine::{LoadArgs, RunArgs, SaveArgs};
pub use fetch::FetchArgs;
pub use lock::LockArgs;
pub use look::{DiffArgs, InspectArgs, LookArgs, TreeArgs, VerifyArgs};
pub use pull::PullArgs;
pub use sbom::SbomArgs;
pub use source::{LockingArgs, SourceArgs};
pub use tags::{TagArgs, TagsArgs};

/// The commands by what they are for; a test compares them with what each says of itself.
const COMMANDS: [(&str, &[(&str, &str)]); 6] = [
    (
        "Choose and pin",
        &[
            ("tags", "List the tags of the official Python image, newest first"),
            ("tag", "Explain one tag: what it is, what is in it, what can be installed there"),
            ("lock", "Pin the bases and packages of the project's images"),
        ],
    ),
    (
        "Build",
        &[
            ("init", "Write the section of a package's image to its Cargo.toml, from what is found"),
            ("build", "Build the project's images for all their platforms, from the locks"),
            ("fetch", "Get what images are made of into the cache, for builds without a network"),
            ("dockerfile", "Print or write the Dockerfile that does the same"),
            ("schema", "Print the JSON Schema of `[package.metadata.pyimage]`, for editors"),
        ],
    ),
    (
        "Run",
        &[
            ("run", "Build, load and run an image"),
            ("load", "Load an image into the engine: Docker or podman"),
            ("save", "Save an image as an archive"),
        ],
    ),
    (
        "Ship",
        &[
            ("push", "Build the project's images, and push them to their registry"),
            ("pull", "Get an image from a registry, into an OCI layout or the engine"),
            ("sbom", "Write down what an image is made of: an SBOM"),
        ],
    ),
    (
        "Look at images",
        &[
            ("inspect", "Show what an image is made of: layers, wheels, base, configuration"),
            ("tree", "Draw what weighs how much in an image, here or as a page for a browser"),
            ("diff", "Tell two images apart: layers, wheels, files, configuration"),
            ("verify", "Prove that an image is what this source gives"),
        ],
    ),
    ("Look after", &[("cache", "Show what is in the cache, and make it smaller")]),
];

const EXAMPLES: &str = "\
Examples:
  cargo pyimage tags 3.13              what there is of Python 3.13
  cargo pyimage tag 3.13-slim          what is in it, and what can be installed there
  cargo pyimage init                   make an image of the package: writes its section
  cargo pyimage lock --check           fail where a lock is stale: for CI, needs no network
  cargo pyimage run                    build, load and run it
  cargo pyimage push                   build it for all platforms, and push what its registry lacks
  cargo pyimage inspect                what is in it, and how much that weighs
  cargo pyimage diff me/app:1.0        what a new build would change
  cargo pyimage help build             all about one command, as `cargo pyimage build --help`

Environment:
  PYIMAGE_MIRRORS              mirrors of Docker Hub, or HOST=URL for those of another registry
  PYIMAGE_INSECURE_REGISTRIES  hosts that may be spoken to without TLS; loopback always may
  PYIMAGE_REGISTRY_TIMEOUT     seconds to wait for an answer; a registry is asked twice
  PYIMAGE_CACHE_DIR            moves the cache
  CARGO_NET_OFFLINE=true       means --offline, as for cargo
  DOCKER_CONFIG, REGISTRY_AUTH_FILE, HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE are honoured as usual.

Exit codes:
  0    done    101  failed    2  wrong usage    128+N  ended by signal N
  `run` has the program's own, and 125 to 127 where it could not be run, as docker has.
  `diff` has 1 where two images differ.";

const SCHEMA_EXAMPLES: &str = "\
It is that of a Cargo.toml, of which it knows nothing else. For taplo, Cargo.toml begins with
`#:schema ./pyimage.schema.json`. The keys are in docs/keys.md, too.

Examples:
  cargo pyimage schema > pyimage.schema.json";

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
        help_template = help_template(),
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
    #[command(after_help = tags::TAGS_EXAMPLES)]
    Tags(TagsArgs),
    /// Explain one tag: what it is, what is in it, what can be installed there
    #[command(after_help = tags::TAG_EXAMPLES)]
    Tag(TagArgs),
    /// Pin the bases and packages of the project's images
    #[command(after_help = lock::LOCK_EXAMPLES)]
    Lock(LockArgs),
    /// Write the section of a package's image to its Cargo.toml, from what is found
    #[command(after_help = dockerfile::INIT_EXAMPLES)]
    Init(InitArgs),
    /// Build the project's images for all their platforms, from the locks
    #[command(after_help = build::BUILD_EXAMPLES)]
    Build(BuildArgs),
    /// Build the project's images, and push them to their registry
    #[command(after_help = build::PUSH_EXAMPLES)]
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
    #[command(after_help = cache::CACHE_EXAMPLES)]
    Cache(CacheArgs),
    /// Print the JSON Schema of `[package.metadata.pyimage]`, for editors
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
}

impl Command {
    /// Sets `--offline`, where there is such an option.
    ///
    /// # Errors
    /// Clap's, where the command line has what it contradicts.
    fn go_offline(&mut self) -> Result<(), clap::Error> {
        let source = match self {
            Self::Lock(args) if args.update.is_some() => {
                let text = "`--update` asks registries, and CARGO_NET_OFFLINE says to ask none";
                return Err(Cargo::command().error(ErrorKind::ArgumentConflict, text));
            }
            Self::Lock(args) => {
                args.offline = true;
                return Ok(());
            }
            Self::Build(args) => &mut args.assembly.source,
            Self::Push(args) => &mut args.assembly.source,
            Self::Fetch(args) => &mut args.source,
            Self::Load(args) => &mut args.source,
            Self::Save(args) => &mut args.source,
            Self::Run(args) => &mut args.source,
            Self::Inspect(args) => &mut args.look.source,
            Self::Tree(args) => &mut args.look.source,
            Self::Diff(args) => &mut args.look.source,
            Self::Verify(args) => &mut args.source,
            Self::Sbom(args) => &mut args.source,
            // What these ask a registry for, they have nowhere else, or they ask none.
            Self::Tags(_)
            | Self::Tag(_)
            | Self::Pull(_)
            | Self::Init(_)
            | Self::Dockerfile(_)
            | Self::Cache(_)
            | Self::Schema => return Ok(()),
        };
        source.locking.offline = true;
        Ok(())
    }
}

/// How data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    #[value(help = None)]
    Table,
    /// For programs.
    #[value(help = None)]
    Json,
}

/// The help of `cargo pyimage` itself: clap knows no headings for commands.
fn help_template() -> String {
    let (header, literal) = (STYLES.get_header(), STYLES.get_literal());
    let section = |(heading, commands): &(&str, &[(&str, &str)])| {
        let rows = commands.iter().map(|(name, about)| format!("  {literal}{name:10}{literal:#}  {about}\n"));
        format!("\n{header}{heading}:{header:#}\n{}", rows.collect::<String>())
    };
    let listed: String = COMMANDS.iter().map(section).collect();
    format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{listed}\n{header}Options:{header:#}\n{{options}}{{after-help}}"
    )
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
    let Cargo { command: CargoCommand::Pyimage(mut args) } = Cargo::try_parse_from(words)?;
    if is_cargo_offline() {
        args.command.go_offline()?;
    }
    if let Command::Build(build) = &args.command {
        build.check()?;
    }
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cargo::command().debug_assert();
    }

    #[test]
    fn the_help_has_every_command_under_a_heading() {
        let mut cargo = Cargo::command();
        cargo.build();
        let pyimage = cargo.find_subcommand("pyimage").unwrap();
        let mut there: Vec<_> = pyimage
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
            .map(|command| (command.get_name(), command.get_about().unwrap().to_string()))
            .collect();
        let mut told: Vec<_> = COMMANDS
            .iter()
            .flat_map(|(_, commands)| *commands)
            .map(|(name, about)| (*name, (*about).to_owned()))
            .collect();
        there.sort();
        told.sort();
        assert_eq!(told, there);
    }

    #[test]
    fn every_command_has_examples_that_it_takes() {
        let cargo = Cargo::command();
        let pyimage = cargo.find_subcommand("pyimage").unwrap();
        for command in std::iter::once(pyimage).chain(pyimage.get_subcommands()) {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (_, examples) =
                help.split_once("Examples:\n").unwrap_or_else(|| panic!("no examples for {name}"));
            let lines = examples.lines().take_while(|line| line.starts_with("  "));
            // Columns are two spaces apart, words one.
            let typed: Vec<_> = lines.filter_map(|line| line.trim().split("  ").next()).collect();
            assert!(!typed.is_empty(), "no examples for {name}");
            for line in typed.iter().flat_map(|line| line.split("&&")) {
                let at = line.find("cargo pyimage").unwrap_or_else(|| panic!("{line}"));
                let line = line[at..].split('>').next().unwrap().trim_end_matches(')');
                let words = shlex::split(line).unwrap();
                let parsed = parse(words.iter().skip(1).map(OsString::from).fold(
                    vec!["cargo-pyimage".into()],
                    |mut all, word| {
                        all.push(word);
                        all
                    },
                ));
                let is_help = parsed.as_ref().is_err_and(|error| error.kind() == ErrorKind::DisplayHelp);
                assert!(parsed.is_ok() || is_help, "{line}: {parsed:?}");
            }
        }
    }

    #[test]
    fn no_line_of_help_is_too_long() {
        let mut cargo = Cargo::command();
        cargo.build();
        let pyimage = cargo.find_subcommand_mut("pyimage").unwrap();
        for command in std::iter::once(pyimage.clone()).chain(pyimage.get_subcommands().cloned()) {
            let help = command.clone().render_long_help().to_string();
            let widest = help.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
            assert!(widest.chars().count() <= WIDTH, "{}: {widest}", command.get_name());
        }
    }

    #[test]
    fn cargo_s_own_word_may_be_there_or_not() {
        for words in [&["cargo-pyimage", "pyimage", "tag", "3"][..], &["cargo-pyimage", "tag", "3"]] {
            let args = parse(words.iter().map(OsString::from)).unwrap();
            assert!(matches!(args.command, Command::Tag(TagArgs { tag, .. }) if tag == "3"));
        }
    }
}
