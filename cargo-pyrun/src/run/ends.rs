//! The ends of a run's streams, and what it comes to.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::RunError;
use crate::plan::{Request, Streams};
use crate::shell::{Shell, Verbosity};
use crate::streams::{Piece, Sink, Stream};

/// What a script reads.
#[derive(Debug, Default)]
pub enum Input {
    /// Nothing.
    #[default]
    None,
    /// These bytes.
    Given(Bytes),
    /// What comes through this channel, until it closes.
    Held(mpsc::Receiver<Bytes>),
    /// The caller's stdin.
    Caller,
}

/// What a run speaks with outside of its container.
#[derive(Debug)]
pub struct Ends {
    /// The script's stdin.
    pub input: Input,
    /// Where its stdout goes.
    pub stdout: Sink,
    /// Where its stderr goes.
    pub stderr: Sink,
    /// Who wants to know that it has started, and the container's name.
    pub started: Option<oneshot::Sender<String>>,
}

impl Ends {
    /// Those that the request names.
    ///
    /// # Errors
    /// Where a file that is to be written cannot be.
    pub fn of(request: &Request, shell: &Shell) -> Result<Self, RunError> {
        let (stdout, stderr) = match &request.streams {
            Streams::Log(file) => {
                let shown = shell.verbosity() == Verbosity::Verbose;
                let operation = "write down the output";
                let open =
                    || Sink::append(file, shown).map_err(|source| RunError::Terminal { operation, source });
                (open()?, open()?)
            }
            _ => (Sink::open(Stream::Stdout), Sink::open(Stream::Stderr)),
        };
        let input = match (&request.stdin, &request.streams) {
            (Some(bytes), _) => Input::Given(bytes.clone()),
            (None, Streams::Caller) => Input::Caller,
            (None, _) => Input::None,
        };
        Ok(Self { input, stdout, stderr, started: None })
    }

    /// Both output streams to one reader.
    #[must_use]
    pub fn held(input: Input, pieces: &mpsc::Sender<Piece>) -> Self {
        let [stdout, stderr] = Sink::held(pieces);
        Self { input, stdout, stderr, started: None }
    }
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code, or 128 and the number of the signal that ended it.
    pub code: u8,
    /// The signal that ended it, if one did.
    pub signal: Option<u8>,
    /// The kernel killed it for its memory limit.
    pub out_of_memory: bool,
}

impl Ended {
    /// By what an exit code says as shells read it: above 128, it was a signal.
    #[must_use]
    pub fn with(code: u8) -> Self {
        Self {
            code,
            signal: code.checked_sub(128).filter(|signal| (1..=64).contains(signal)),
            out_of_memory: false,
        }
    }
}
