//! The commands that bring an image somewhere: `load`, `save` and `run`.

use std::collections::HashSet;
use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};
use clap::builder::ArgAction;
use clap::{Args, CommandFactory as _};
use pyimage_build::Platform;
use pyrun::cli::DockerArgs;

use super::{Cargo, SourceArgs};
use crate::save::SaveFormat;

pub(super) const LOAD_EXAMPLES: &str = "\
What the engine has is not sent: mostly, that is all but the layer of the project's own files.
The base it pulls itself. What is printed on stdout is the image's name there.

Examples:
  cargo pyimage load                           every image, for the engine's platform
  docker run --rm $(cargo pyimage load)        of a project with one image
  cargo pyimage load --platform linux/arm64    another platform, which may run by emulation
  cargo pyimage load --engine podman";

pub(super) const SAVE_EXAMPLES: &str = "\
Every archive is an OCI layout and what `docker save` writes at once. `--format docker` leaves all
platforms but one out; without it, Docker takes this machine's.

Examples:
  cargo pyimage save app.tar                   all platforms
  cargo pyimage save app.tar --format docker --platform linux/arm64
  cargo pyimage save app.tar --sparse          for an engine that has the base already";

pub(super) const RUN_EXAMPLES: &str = "\
What runs is what `docker run -it --rm` would run: arguments stand for the image's command.
Nothing of this machine is mounted unless asked for. As with `cargo pyrun`, signals, the terminal
and the exit code are the program's, and the container ends with this command.
Docker's -i, -t, --rm and --init are accepted and change nothing.

Examples:
  cargo pyimage run
  cargo pyimage run serve --port 8000         all that follows the first argument is the program's
  cargo pyimage run -p 8000:8000 -e DEBUG=1 -- --verbose
  cargo pyimage run --entrypoint sh           look around in it
  cargo pyimage run --platform linux/arm64";

/// `cargo pyimage load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The image for this platform [default: the engine's own]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<Platform>,

    /// Another tag than those in Cargo.toml
    #[arg(short, long, value_name = "TAG")]
    pub tag: Vec<String>,

    /// An address, `docker`, `podman`, or a docker context [env: PYRUN_ENGINE]
    #[arg(long, value_name = "ENGINE", help_heading = "Engine")]
    pub engine: Option<String>,

    /// Which image.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// `cargo pyimage save`.
#[derive(Debug, Args)]
pub struct SaveArgs {
    /// The archive that is written
    #[arg(value_name = "FILE", required_unless_present = "output")]
    file: Option<Utf8PathBuf>,

    /// The same, as `docker save` has it
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    output: Option<Utf8PathBuf>,

    /// What is in it: a layout with every platform, or one image as `docker save` writes it
    #[arg(long, value_enum, default_value_t)]
    pub format: SaveFormat,

    /// Only for this platform, for example `linux/arm64`
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Vec<Platform>,

    /// Another tag than those in Cargo.toml
    #[arg(short, long, value_name = "TAG")]
    pub tag: Vec<String>,

    /// Leave the base's layers out, for an engine that has them
    #[arg(long)]
    pub sparse: bool,

    /// Which image.
    #[command(flatten)]
    pub source: SourceArgs,
}

impl SaveArgs {
    /// The archive that is written.
    #[must_use]
    pub fn file(&self) -> &Utf8Path {
        // The parser takes one of them.
        self.file.as_deref().or(self.output.as_deref()).unwrap_or(Utf8Path::new(""))
    }
}

/// `cargo pyimage run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What the program gets instead of the image's command
    #[arg(value_name = "ARGS", trailing_var_arg = true)]
    pub words: Vec<OsString>,

    /// The image for this platform [default: the engine's own]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<Platform>,

    /// An address, `docker`, `podman`, or a docker context [env: PYRUN_ENGINE]
    #[arg(long, value_name = "ENGINE", help_heading = "Engine")]
    pub engine: Option<String>,

    /// Which image.
    #[command(flatten)]
    pub source: SourceArgs,

    /// Run this program instead of the image's entry point
    #[arg(long, value_name = "PROGRAM", help_heading = "Container")]
    pub entrypoint: Option<String>,

    /// What the container has and may.
    #[command(flatten)]
    pub container: DockerArgs,
}

/// `run -v HOST:CONTAINER` as docker has it, where `-v` tells more everywhere else.
pub(super) fn with_volumes(words: Vec<OsString>) -> Vec<OsString> {
    let Some(at) = words.iter().position(|word| word == "run") else { return words };
    let mut words = words.into_iter().peekable();
    let mut out: Vec<OsString> = words.by_ref().take(at + 1).collect();
    let valued = options_with_values();
    let is_volume = |text: &str| text.contains(':') && !text.starts_with('-');
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        if text == "--" || !text.starts_with('-') {
            // From here on, it is the program's.
            out.push(word);
            break;
        }
        let next = words.peek().and_then(|next| next.to_str()).is_some_and(is_volume);
        if let Some(volume) = text.strip_prefix("-v").filter(|rest| is_volume(rest)) {
            out.extend(["--volume".into(), volume.trim_start_matches('=').into()]);
        } else if text == "-v" && next {
            out.push("--volume".into());
            out.extend(words.next());
        } else {
            let takes_next = valued.contains(text);
            out.push(word);
            out.extend(if takes_next { words.next() } else { None });
        }
    }
    out.extend(words);
    out
}

/// The options of `run` that the next word belongs to, as they are typed.
fn options_with_values() -> HashSet<String> {
    let mut command = Cargo::command();
    command.build();
    let run = command.find_subcommand("pyimage").and_then(|command| command.find_subcommand("run"));
    let options = run.into_iter().flat_map(clap::Command::get_arguments);
    let valued = options.filter(|option| matches!(option.get_action(), ArgAction::Set | ArgAction::Append));
    let mut names = HashSet::new();
    for option in valued.filter(|option| !option.is_positional()) {
        let long = option.get_long_and_visible_aliases().into_iter().flatten();
        let hidden = option.get_all_aliases().into_iter().flatten();
        names.extend(long.chain(hidden).map(|name| format!("--{name}")));
        names.extend(option.get_short().map(|letter| format!("-{letter}")));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::{Command, parse};
    use super::*;

    fn run(line: &str) -> (u8, RunArgs) {
        let words = ["cargo-pyimage", "run"].into_iter().chain(line.split_whitespace());
        let parsed = parse(words.map(OsString::from)).unwrap_or_else(|error| panic!("{error}"));
        match parsed.command {
            Command::Run(args) => (parsed.output.verbose, *args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn v_is_a_volume_where_its_value_has_a_colon() {
        let (verbose, args) = run("-v ./a:/a -v/b:/b -e X=1:2 --user 1:1 -v serve -v c:d");
        assert_eq!((verbose, args.container.volume), (1, vec!["./a:/a".to_owned(), "/b:/b".to_owned()]));
        assert_eq!(args.words, ["serve", "-v", "c:d"]);
        assert_eq!(run("-v -- -v a:b").1.words, ["-v", "a:b"]);
        assert_eq!(run("-p 80:80 -it --rm --net none x").1.container.network.as_deref(), Some("none"));
    }

    #[test]
    fn a_mistyped_option_is_not_for_the_program() {
        let words = ["cargo-pyimage", "run", "--nmae", "x"].map(OsString::from);
        assert!(parse(words).is_err());
    }
}
