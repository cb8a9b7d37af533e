//! Why a script of a program did not run.

use std::io;
use std::time::Duration;

use super::told::Told;
use super::{Status, methods};
use crate::cache::CacheError;
use crate::engine::EngineError;
use crate::request::RequestError;
use crate::run::RunError;

/// Why a script did not come to an end of its own. An exit code other than 0 is no error; see
/// [`Output::successful`](super::Output::successful).
///
/// ```no_run
/// use pyrun::{Script, ScriptError};
/// match Script::code("print('hello')").tag("3.13-slim").run().wait() {
///     Ok(status) => println!("{status}"),
///     Err(error) => {
///         eprintln!("{error}");
///         for help in error.helps() {
///             eprintln!("help: {help}");
///         }
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// What was asked for makes no run.
    #[error(transparent)]
    Request(Told<RequestError>),
    /// It could not be run, or its end is not known.
    #[error(transparent)]
    Run(Told<RunError>),
    /// The name is none that a file beside the script can have.
    #[error("`{0}` is no name for a file of an embedded script")]
    Name(String),
    /// Two files of an embedded script have one name.
    #[error("the embedded script has two files named `{0}`")]
    TwoOfOneName(String),
    /// An embedded script could not be written to where the engine finds it.
    #[error("cannot write the embedded script `{name}`")]
    Unwritten {
        /// The script.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The same, to the cache.
    #[error("cannot write the embedded script `{name}`")]
    Cache {
        /// The script.
        name: String,
        /// The reason.
        source: CacheError,
    },
    /// It ran for longer than it may, and was killed.
    #[error("`{name}` was killed: it ran for more than {limit:?}")]
    TimedOut {
        /// The script.
        name: String,
        /// How long it may run.
        limit: Duration,
    },
    /// It ended, and not well.
    #[error("`{name}` failed: {status}{}", last_lines(.stderr))]
    Failed {
        /// The script.
        name: String,
        /// How it ended.
        status: Status,
        /// All that it wrote to stderr.
        stderr: Vec<u8>,
    },
    /// No container that goes on without its client has this name.
    #[error("the engine has no detached container `{0}`")]
    NoContainer(String),
    /// The input of a script that runs is closed, or was never open.
    #[error("`{0}` reads no more input")]
    InputClosed(String),
    /// The thread of a run could not be started, or broke off.
    #[error("the run has no thread")]
    Thread(#[source] io::Error),
}

impl ScriptError {
    /// What to do about it, one line each, in methods of [`Script`](super::Script).
    ///
    /// ```no_run
    /// let error = pyrun::Script::code("").tag("3.13-slmi").run().wait().unwrap_err();
    /// assert_eq!(error.helps(), ["did you mean `.tag(\"3.13-slim\")`?"]);
    /// ```
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let in_methods = |helps: Vec<String>| helps.iter().filter_map(|help| methods::help(help)).collect();
        match self {
            Self::Request(error) => in_methods(error.helps()),
            Self::Run(error) => in_methods(error.helps()),
            Self::Cache { source, .. } => vec![source.help()],
            Self::Name(_) => {
                vec!["name a file as in `report.py`, or one below as in `parts/table.py`".to_owned()]
            }
            Self::NoContainer(_) => {
                vec!["see what there is with `docker ps --all --filter label=pyrun.detached`".to_owned()]
            }
            Self::InputClosed(_) => vec!["open it with `.stdin(Stdin::Piped)`".to_owned()],
            _ => Vec::new(),
        }
    }

    /// The exit code that `cargo pyrun` has for this: the script's own where it has one, 127 not found, 126 not
    /// executable, 125 anything else.
    ///
    /// ```no_run
    /// let error = pyrun::Script::file("no/such/script.py").run().wait().unwrap_err();
    /// assert_eq!(error.exit_code(), 127);
    /// ```
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Request(error) => error.exit_code(),
            Self::Run(error) => error.exit_code(),
            Self::Failed { status, .. } => status.code(),
            _ => 125,
        }
    }
}

impl From<RequestError> for ScriptError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Script(error) => error.into(),
            error => Self::Request(error.into()),
        }
    }
}

impl From<RunError> for ScriptError {
    fn from(error: RunError) -> Self {
        Self::Run(error.into())
    }
}

impl From<EngineError> for ScriptError {
    fn from(error: EngineError) -> Self {
        RunError::from(error).into()
    }
}

/// The end of what a script said, on lines of its own.
fn last_lines(stderr: &[u8]) -> String {
    const LINES: usize = 10;
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].iter().flat_map(|line| ["\n", line]).collect()
}
