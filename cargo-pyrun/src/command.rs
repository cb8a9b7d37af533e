//! The command: parses, builds its context, calls one operation, reports.

use std::env;
use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::error::ErrorKind;

use crate::cache::Cache;
use crate::cli::{self, PyrunArgs};
use crate::request::{self, RequestError};
use crate::run::{self, RunError};
use crate::settings::{self, Project};
use crate::shell::{self, Shell};

/// Our own failures, as `docker run` has them.
const FAILED: u8 = 125;

/// Runs `cargo pyrun` with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    shell::color_choice(shell::color_flag(env::args_os())).write_global();
    let args = match cli::parse(env::args_os()) {
        Ok(args) => args,
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ => FAILED,
            };
            // Nowhere is left to tell that the message could not be written.
            let _ = error.print();
            return code.into();
        }
    };
    let shell = Shell::from_flags(args.output.color, args.output.quiet, args.output.verbose > 0);
    execute(&args, &shell).into()
}

fn execute(args: &PyrunArgs, shell: &Shell) -> u8 {
    let cache = match Cache::from_env() {
        Ok(cache) => Some(cache),
        Err(error) => {
            shell.warn(format_args!("{error}; this run goes on without the cache"));
            None
        }
    };
    let request = match prepare(args, shell, cache.as_ref()) {
        Ok(Some(request)) => request,
        Ok(None) => return 0,
        Err(error) => {
            shell.error(&error, &error.helps());
            return error.exit_code();
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            shell.error(&error, &[]);
            return FAILED;
        }
    };
    let result = runtime.block_on(async {
        if args.mode.dry_run {
            run::dry_run(&request, shell, cache.as_ref()).await
        } else {
            run::run(&request, shell, cache.as_ref()).await
        }
    });
    // A thread that still reads the terminal must not hold the process up.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| {
        // Whoever sent the signal knows.
        if !matches!(error, RunError::Interrupted(_)) {
            shell.error(&error, &error.helps());
        }
        error.exit_code()
    })
}

fn prepare(
    args: &PyrunArgs,
    shell: &Shell,
    cache: Option<&Cache>,
) -> Result<Option<crate::plan::Request>, RequestError> {
    let here = env::current_dir().map_err(RequestError::CurrentFolder)?;
    let here = Utf8PathBuf::from_path_buf(here).map_err(RequestError::NotUtf8)?;
    let manifest = args.project.manifest_path.as_deref().map(camino::Utf8Path::new);
    let project = Project::load(&here, manifest, args.project.package.as_deref(), cache)?;
    if args.mode.list {
        list(&project, shell).map_err(RequestError::List)?;
        return Ok(None);
    }
    warn_of_tag_behind(args, shell);
    let (request, notices) = request::build(args, &project)?;
    for notice in notices {
        notice.tell(shell);
    }
    Ok(Some(request))
}

/// A tag right after the script is ours if it is well formed. One that looks as if it was meant to be, and is not,
/// goes to the script, and that is told.
fn warn_of_tag_behind(args: &PyrunArgs, shell: &Shell) {
    let words: Vec<_> = args.words.iter().filter_map(|word| word.to_str()).collect();
    if let ([_, "--tag", tag, ..], None, None) = (&words[..], &args.image.tag, &args.image.image)
        && ["2.", "3."].iter().any(|version| tag.starts_with(version))
    {
        shell.warn(format_args!(
            "`--tag {tag}` went to the script: it is no tag of the official image; options of ours come before the script"
        ));
    }
}

/// Names on stdout, one a line, with what they run.
fn list(project: &Project, shell: &Shell) -> std::io::Result<()> {
    if project.scripts.is_empty() {
        shell.note("no scripts are named: add them to Cargo.toml under `[package.metadata.pyrun.scripts]`");
    }
    let width = project.scripts.keys().map(String::len).max().unwrap_or(0);
    for (name, script) in &project.scripts {
        let what = match (&script.description, &script.program) {
            (Some(description), _) => description.clone(),
            (None, settings::Program::Script(path)) => path.to_string(),
            (None, settings::Program::Module(module)) => format!("-m {module}"),
            (None, settings::Program::Code(code)) => {
                format!("-c {}", code.lines().next().unwrap_or_default())
            }
        };
        shell.print(format_args!("{name:width$}  {what}\n"))?;
    }
    Ok(())
}
