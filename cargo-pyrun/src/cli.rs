//! The command line of `cargo pyrun`.

mod arguments;
mod container;
mod mistake;

use std::ffi::OsString;

use anstream::ColorChoice;
use clap::builder::styling::{AnsiColor, Effects, Styles};
use clap::{Args, Parser, Subcommand};

pub use arguments::split_script;
pub use container::{ContainerArgs, DockerArgs};

use crate::plan::Pull;
use crate::shell::parse_color;

/// The width at which help is broken: the same everywhere, so that what is read in a log is what was tested.
pub const WIDTH: usize = 100;

/// `-h` is the list of options; `--help` tells the rest too.
const EXAMPLE: &str = "\
Example:
  cargo pyrun --tag 3.13-slim script.py --verbose
      runs script.py in python:3.13-slim; `--verbose` is the script's, as all that follows it";

const EXAMPLES: &str = "\
Examples:
  cargo pyrun script.py --tag 3.13-slim             a file, in python:3.13-slim
  cargo pyrun --tag 3.13-slim script.py --verbose   `--verbose` is the script's, as all that follows
  cargo pyrun -p 8000:8000 -m http.server           a module, as `python -m`
  cargo pyrun -c 'import sys; print(sys.version)'   code, as `python -c`
  curl -s https://example.org/x.py | cargo pyrun -  a script from stdin
  cargo pyrun                                       the interactive interpreter
  cargo pyrun --with rich -r requirements.txt a.py  with packages
  cargo pyrun -v ./data:/data:ro -e DEBUG a.py      with a folder, and a variable of this machine
  cargo pyrun --entrypoint python -- -O script.py   options of Python's own
  cargo pyrun --list                                the scripts that the project's Cargo.toml names
  cargo pyrun codegen                               one of them

Choice of Python:
  Without --tag or --image it is the newest slim image that satisfies requires-python of the
  script (PEP 723), the nearest .python-version, and requires-python of the nearest pyproject.toml;
  where nothing asks for one, python:3.15-slim.

Settings:
  An option that is not given is read from its variable, then from Cargo.toml: the named script,
  [package.metadata.pyrun], then [workspace.metadata.pyrun]. The variables are PYRUN_ with TAG,
  IMAGE, PYTHON, ENTRYPOINT, PLATFORM, PULL, GROUPS, EXTRAS, BUILD_TAG, ENV_FILE, WORKDIR, NETWORK,
  USER, MEMORY, CPUS, READ_ONLY, MOUNT, GPUS, DOCKER_SOCKET or ENGINE after it.
  Docker's -i, -t, --rm and --init are accepted and change nothing.

Environment:
  DOCKER_HOST, DOCKER_CONTEXT and docker's current context choose the engine, as for docker.
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE hold in the container too.
  PYIMAGE_CACHE_DIR moves the cache. CARGO_NET_OFFLINE=true means --offline, as for cargo.

Exit codes:
  the script's own    128+N  signal N ended it    125  the run failed
                      126    not executable       127  not found";

/// Whether the variable with which cargo is told to ask no network says so: it is the default of `--offline`.
#[must_use]
pub fn is_cargo_offline() -> bool {
    says_offline(std::env::var("CARGO_NET_OFFLINE").ok().as_deref())
}

/// Cargo takes `true` and `false`, and people type `1`.
fn says_offline(value: Option<&str>) -> bool {
    matches!(value, Some("true" | "1"))
}

/// Cargo's own look, for both programs.
pub const STYLES: Styles = Styles::styled()
    .header(AnsiColor::BrightGreen.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::BrightGreen.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::BrightCyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// The program as cargo calls it: `cargo-pyrun pyrun …`.
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
    /// Run Python in an official container image, with the current folder mounted
    #[command(
        version,
        about = "Run Python in an official container image, with the current folder mounted",
        override_usage = "cargo pyrun [OPTIONS] SCRIPT [ARGS]...\n       cargo pyrun [OPTIONS] -m MODULE [ARGS]...\n       \
                          cargo pyrun [OPTIONS] -c CODE [ARGS]...\n       cargo pyrun [OPTIONS] - [ARGS]...\n       \
                          cargo pyrun [OPTIONS]",
        after_help = EXAMPLE,
        after_long_help = EXAMPLES,
        term_width = WIDTH,
        disable_help_flag = true,
        disable_version_flag = true,
        styles = STYLES
    )]
    Pyrun(Box<PyrunArgs>),
}

/// Options and script of `cargo pyrun`.
#[derive(Debug, Args)]
pub struct PyrunArgs {
    /// A file, `-` for stdin, or a script that Cargo.toml names; then its own arguments
    // What starts with a dash gets here behind the `--` that `split_script` puts; elsewhere it is an unknown option.
    #[arg(value_name = "SCRIPT [ARGS]")]
    pub words: Vec<OsString>,

    /// What is run instead of a script.
    #[command(flatten)]
    pub mode: ModeArgs,

    /// Which Python.
    #[command(flatten)]
    pub image: ImageArgs,

    /// Which packages.
    #[command(flatten)]
    pub packages: PackageArgs,

    /// What the container has and may.
    #[command(flatten)]
    pub container: ContainerArgs,

    /// Where settings come from.
    #[command(flatten)]
    pub project: ProjectArgs,

    /// What is told.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl PyrunArgs {
    /// The script and what it gets. With `-m`, `-c` and another entrypoint there is none, and every word is given.
    #[must_use]
    pub fn script(&self, entrypoint: bool) -> (Option<&OsString>, &[OsString]) {
        if self.mode.module.is_some() || self.mode.code.is_some() || entrypoint {
            return (None, &self.words);
        }
        match self.words.split_first() {
            Some((script, arguments)) => (Some(script), arguments),
            None => (None, &[]),
        }
    }
}

/// What is done instead of running a script file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Instead of a script")]
pub struct ModeArgs {
    /// Run a module, as `python -m`; what follows is its arguments
    #[arg(short = 'm', value_name = "MODULE", conflicts_with_all = ["code", "list"])]
    pub module: Option<String>,

    /// Run this code, as `python -c`; what follows is its arguments
    #[arg(short = 'c', value_name = "CODE", conflicts_with = "list", allow_hyphen_values = true)]
    pub code: Option<String>,

    /// List the scripts that Cargo.toml names
    #[arg(long)]
    pub list: bool,

    /// Print the `docker run` command that does the same, and run nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Which Python.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Image")]
pub struct ImageArgs {
    /// An official Python tag, for example `3.13-slim` [default: what the project asks for]
    #[arg(long, value_name = "TAG", conflicts_with = "image")]
    pub tag: Option<String>,

    /// Another image
    #[arg(long, value_name = "REF")]
    pub image: Option<String>,

    /// The interpreter in the image, or `system` for /usr/bin/python3 [default: /usr/local/bin/python]
    #[arg(long, value_name = "PATH")]
    pub python: Option<String>,

    /// Run this program instead of Python
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<String>,

    /// Another platform than the engine's, for example `linux/arm64`
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,

    /// When to pull the image: `always`, `missing` or `never` [default: missing]
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    pub pull: Option<Pull>,
}

/// Which packages, beside those that the script's own metadata asks for.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the command line")]
#[command(next_help_heading = "Packages")]
pub struct PackageArgs {
    /// Have this package, for example `requests` or `rich>=13`
    #[arg(long, value_name = "REQUIREMENT")]
    pub with: Vec<String>,

    /// Have what a file asks for: requirements.txt, pyproject.toml, pylock.toml, uv.lock
    #[arg(short, long, value_name = "FILE")]
    pub requirements: Vec<String>,

    /// Have a dependency group of the pyproject.toml: that of `-r`, else the nearest
    #[arg(long, value_name = "NAME")]
    pub group: Vec<String>,

    /// Have what the project depends on, with this extra
    #[arg(long, value_name = "NAME")]
    pub extra: Vec<String>,

    /// Write a lock, pylock.NAME.toml or pylock.toml, and keep it up to date
    #[arg(long, conflicts_with_all = ["locked", "frozen"])]
    pub lock: bool,

    /// Fail where there is no lock, or a stale one
    #[arg(long)]
    pub locked: bool,

    /// Resolve and fetch packages without the network
    #[arg(long)]
    pub offline: bool,

    /// Take the lock as it is, without the network
    #[arg(long)]
    pub frozen: bool,

    /// The tag in which packages without a wheel are built [default: the full image of the release]
    #[arg(long, value_name = "TAG")]
    pub build_tag: Option<String>,
}

/// Where settings come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Project")]
pub struct ProjectArgs {
    /// The Cargo.toml with the settings [default: the nearest above the current folder]
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<String>,

    /// The workspace's package whose settings apply
    #[arg(long, value_name = "NAME")]
    pub package: Option<String>,
}

/// What is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Tell how long each phase took
    #[arg(long)]
    pub timings: bool,

    /// Tell nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Tell more; `-v` followed by a value with a colon is `--volume`
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Colours: auto, always or never [default: auto] [env: CARGO_TERM_COLOR]
    #[arg(long, value_name = "WHEN", value_parser = parse_color)]
    pub color: Option<ColorChoice>,

    /// Print this help; `-h` is short, `--help` has examples too
    #[arg(short, long, action = clap::ArgAction::Help)]
    pub help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = clap::ArgAction::Version)]
    pub version: Option<bool>,
}

/// Parses the process's arguments, with or without the `pyrun` that cargo puts first.
///
/// # Errors
/// Clap's, which also carries `--help` and `--version`.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<PyrunArgs, clap::Error> {
    let parsed = Cargo::try_parse_from(split_script(arguments)).map_err(mistake::explain)?;
    let CargoCommand::Pyrun(args) = parsed.command;
    Ok(*args)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_line_of_help_is_too_long() {
        let mut cargo = Cargo::command();
        cargo.build();
        let pyrun = cargo.find_subcommand_mut("pyrun").unwrap();
        for help in [pyrun.render_help(), pyrun.render_long_help()] {
            let help = help.to_string();
            let widest = help.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
            assert!(widest.chars().count() <= WIDTH, "{widest}");
        }
    }

    #[test]
    fn the_examples_are_ones_that_it_takes() {
        for text in [EXAMPLE, EXAMPLES] {
            let (_, examples) = text.split_once(":\n").unwrap();
            let lines = examples.lines().take_while(|line| line.starts_with("  "));
            let typed: Vec<_> = lines.filter_map(|line| line.trim().split("  ").next()).collect();
            for line in typed.iter().filter(|line| line.contains("cargo pyrun")) {
                let at = line.find("cargo pyrun").unwrap_or_default();
                let words = shlex::split(&line[at..]).unwrap().into_iter().skip(1).map(OsString::from);
                let parsed = parse(std::iter::once("cargo-pyrun".into()).chain(words));
                assert!(parsed.is_ok(), "{line}: {parsed:?}");
            }
        }
    }
}
