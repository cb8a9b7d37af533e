//! The two streams a shell writes to, and their stand-ins for tests.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};

/// One output stream and what it can show.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    sink: Sink,
    color: ColorChoice,
    terminal: bool,
}

#[derive(Debug, Clone)]
enum Sink {
    Stdout,
    Stderr,
    Kept(Arc<Mutex<Vec<u8>>>),
    Nowhere,
}

impl Stream {
    pub(super) fn stdout() -> Self {
        let stream = io::stdout();
        Self { sink: Sink::Stdout, color: AutoStream::choice(&stream), terminal: stream.is_terminal() }
    }

    pub(super) fn stderr() -> Self {
        let stream = io::stderr();
        Self { sink: Sink::Stderr, color: AutoStream::choice(&stream), terminal: stream.is_terminal() }
    }

    pub(super) fn nowhere() -> Self {
        Self { sink: Sink::Nowhere, color: ColorChoice::Never, terminal: false }
    }

    pub(super) fn is_coloured(&self) -> bool {
        self.color != ColorChoice::Never
    }

    /// Writes styled text in one piece, without its styles where the stream shows none.
    pub(super) fn write_styled(&self, text: &str, raw: bool) -> io::Result<()> {
        let text = if raw && self.terminal { text.replace('\n', "\r\n") } else { text.to_owned() };
        if !self.is_coloured() {
            return self.write_raw(strip_str(&text).to_string().as_bytes());
        }
        // `AutoStream` also translates for Windows consoles that know no escape codes.
        match self.sink {
            Sink::Stdout => AutoStream::new(io::stdout(), self.color).write_all(text.as_bytes()),
            Sink::Stderr => AutoStream::new(io::stderr(), self.color).write_all(text.as_bytes()),
            Sink::Kept(_) | Sink::Nowhere => self.write_raw(text.as_bytes()),
        }
    }

    /// Writes bytes as they are, and flushes.
    pub(super) fn write_raw(&self, bytes: &[u8]) -> io::Result<()> {
        match &self.sink {
            Sink::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Sink::Stderr => io::stderr().lock().write_all(bytes),
            Sink::Kept(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
                Ok(())
            }
            Sink::Nowhere => Ok(()),
        }
    }
}

/// What a captured shell has printed so far.
///
/// ```
/// use pyrun::shell::{Shell, Verbosity};
/// let (_shell, capture) = Shell::capture(Verbosity::Normal);
/// assert_eq!((capture.stdout(), capture.stderr()), (String::new(), String::new()));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Capture {
    out: Arc<Mutex<Vec<u8>>>,
    err: Arc<Mutex<Vec<u8>>>,
}

impl Capture {
    /// The stdout and stderr of a shell that prints into this capture.
    pub(super) fn streams(&self, terminal: bool) -> (Stream, Stream) {
        let stream = |kept: &Arc<Mutex<Vec<u8>>>| Stream {
            sink: Sink::Kept(Arc::clone(kept)),
            color: ColorChoice::Never,
            terminal,
        };
        (stream(&self.out), stream(&self.err))
    }

    /// The data printed to stdout.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.out.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// The lines printed to stderr.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.err.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}
