//! The one place that prints: cargo's look on stderr, data on stdout.
//!
//! Every line is built whole and written once, so that lines of several processes on one terminal do not
//! mix, and a closed or full stderr is never a reason to fail: what matters is the script's own exit code.

use std::error::Error;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};

mod choices;
mod progress;
mod stream;

pub use choices::{Verbosity, color_choice, color_flag, parse_color};
pub use progress::{Bar, Progress};
pub use stream::Capture;

use crate::script::methods;
use progress::Board;
use stream::Stream;

// cargo's own palette.
const STATUS: Style = AnsiColor::BrightGreen.on_default().bold();
const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::BrightGreen.on_default().bold();
const HELP: Style = AnsiColor::BrightCyan.on_default().bold();
const BOLD: Style = Style::new().bold();

const HELP_LABEL: &str = "help";

/// Where all output goes.
///
/// Methods take `&self`: one `Shell` is shared by everything that prints.
///
/// ```
/// use std::sync::Arc;
/// use pyrun::Script;
/// use pyrun::shell::Shell;
///
/// let shell = Arc::new(Shell::from_flags(None, false, false));
/// let first = Script::code("print(1)").shell(shell.clone());
/// let second = Script::code("print(2)").shell(shell);
/// ```
#[derive(Debug)]
pub struct Shell {
    verbosity: Verbosity,
    out: Stream,
    err: Stream,
    raw: Arc<AtomicBool>,
    bars: Bars,
    board: Arc<Mutex<Weak<Board>>>,
    in_methods: bool,
}

/// Whether and how progress bars are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bars {
    Hidden,
    Plain,
    Coloured,
}

impl Shell {
    /// A shell on the process's own stdout and stderr.
    ///
    /// Makes `color` the choice of the whole process, so that every other user of `anstream` agrees with it.
    ///
    /// ```
    /// use pyrun::shell::{ColorChoice, Shell, Verbosity};
    /// let shell = Shell::new(ColorChoice::Never, Verbosity::Quiet);
    /// ```
    #[must_use]
    pub fn new(color: ColorChoice, verbosity: Verbosity) -> Self {
        color.write_global();
        let (out, err) = (Stream::stdout(), Stream::stderr());
        let bars = match choices::progress_bars(io::stderr().is_terminal(), verbosity, &choices::process_env)
        {
            false => Bars::Hidden,
            true if err.is_coloured() => Bars::Coloured,
            true => Bars::Plain,
        };
        Self::on(out, err, verbosity, bars)
    }

    /// The shell that flags and environment ask for: `--color`, `-q` and `-v`, then `CARGO_TERM_COLOR`,
    /// `CARGO_TERM_QUIET` and `CARGO_TERM_VERBOSE`, then `CLICOLOR_FORCE`, `NO_COLOR` and the terminal.
    ///
    /// ```
    /// use pyrun::shell::Shell;
    /// let shell = Shell::from_flags(None, false, true); // as with `-v`
    /// ```
    #[must_use]
    pub fn from_flags(color: Option<ColorChoice>, quiet: bool, verbose: bool) -> Self {
        Self::new(color_choice(color), Verbosity::from_flags(quiet, verbose))
    }

    /// A shell that keeps what is printed, without styles, for tests.
    ///
    /// ```no_run
    /// use pyrun::Script;
    /// use pyrun::shell::{Shell, Verbosity};
    /// let (shell, capture) = Shell::capture(Verbosity::Normal);
    /// Script::code("print(1)").tag("3.13-slim").shell(shell).run().wait()?;
    /// println!("{}", capture.stderr());
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    #[must_use]
    pub fn capture(verbosity: Verbosity) -> (Self, Capture) {
        let capture = Capture::default();
        let (out, err) = capture.streams(false);
        (Self::on(out, err, verbosity, Bars::Hidden), capture)
    }

    /// A shell that says nothing to anybody, for a program that has its own way to tell.
    ///
    /// ```
    /// let script = pyrun::Script::code("").shell(pyrun::shell::Shell::silent());
    /// ```
    #[must_use]
    pub fn silent() -> Self {
        let (out, err) = (Stream::nowhere(), Stream::nowhere());
        Self::on(out, err, Verbosity::Quiet, Bars::Hidden)
    }

    fn on(out: Stream, err: Stream, verbosity: Verbosity, bars: Bars) -> Self {
        let (raw, board) = (Arc::default(), Arc::new(Mutex::new(Weak::new())));
        Self { verbosity, out, err, raw, bars, board, in_methods: false }
    }

    /// The same shell, saying methods of [`Script`](crate::Script) where this one says options of the command.
    pub(crate) fn in_methods(&self) -> Self {
        Self {
            verbosity: self.verbosity,
            out: self.out.clone(),
            err: self.err.clone(),
            raw: Arc::clone(&self.raw),
            bars: self.bars,
            board: Arc::clone(&self.board),
            in_methods: true,
        }
    }
}

/// What the programs do with it.
#[doc(hidden)]
impl Shell {
    /// How much is said.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Tells the shell that the terminal is in raw mode, where a line ends with `\r\n`.
    pub fn set_raw(&self, raw: bool) {
        self.raw.store(raw, Ordering::Relaxed);
    }

    /// What is being done: a verb in cargo's 12 columns, as in `     Pulling python:3.13-slim`.
    pub fn status(&self, verb: &str, message: impl Display) {
        if self.verbosity != Verbosity::Quiet {
            self.line(format_args!("{STATUS}{verb:>12}{STATUS:#} {message}"));
        }
    }

    /// Runs `say` with this shell under `-v` only.
    pub fn verbose(&self, say: impl FnOnce(&Self)) {
        if self.verbosity == Verbosity::Verbose {
            say(self);
        }
    }

    /// `warning: …`, silent under `-q` as in cargo.
    pub fn warn(&self, message: impl Display) {
        self.labelled(WARNING, "warning", message);
    }

    /// `note: …`, silent under `-q`.
    pub fn note(&self, message: impl Display) {
        self.labelled(NOTE, "note", message);
    }

    /// `help: …`, silent under `-q`; the help that belongs to an error goes to [`Shell::error`].
    pub fn help(&self, message: impl Display) {
        self.labelled(HELP, HELP_LABEL, message);
    }

    /// `error: …`, the chain of its causes, and what to do about it. Shown under `-q` too.
    pub fn error(&self, error: &dyn Error, helps: &[String]) {
        self.line(Report { error, helps });
    }

    /// A line to stderr as it is, under `-q` too: what was asked for by name, as `--timings` is.
    pub fn always(&self, message: impl Display) {
        self.line(message);
    }

    /// Writes data to stdout as it is.
    ///
    /// A reader that went away (`cargo pyrun --list | head -1`) is no failure.
    pub fn print(&self, data: impl Display) -> io::Result<()> {
        let data = data.to_string();
        match self.above_bars(|| self.out.write_raw(data.as_bytes())) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Progress bars, where they are wanted: stderr is a terminal and neither `-q`, `-v`, `TERM=dumb`, a CI
    /// job nor `CARGO_TERM_PROGRESS_WHEN=never` speaks against it. Elsewhere every method of the result does
    /// nothing, so say in one [`Shell::status`] line what is going on before asking for bars.
    ///
    /// Two that live at the same time share one board.
    #[must_use]
    pub fn progress(&self) -> Progress {
        if self.bars == Bars::Hidden {
            return Progress::hidden();
        }
        let mut slot = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        let board = slot.upgrade().unwrap_or_else(|| Arc::new(Board::on_stderr(self.bars == Bars::Coloured)));
        *slot = Arc::downgrade(&board);
        Progress::on(board)
    }

    fn labelled(&self, style: Style, label: &str, message: impl Display) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        let message = message.to_string();
        let message = match self.in_methods {
            true if label == HELP_LABEL => methods::help(&message),
            true => Some(methods::told(&message).into_owned()),
            false => Some(message),
        };
        if let Some(message) = message {
            self.line(format_args!("{style}{label}{style:#}{BOLD}:{BOLD:#} {message}"));
        }
    }

    /// Writes one message to stderr; where stderr is closed or full there is nobody to tell.
    fn line(&self, message: impl Display) {
        let text = format!("{message}\n");
        let raw = self.raw.load(Ordering::Relaxed);
        self.above_bars(|| self.err.write_styled(&text, raw)).ok();
    }

    /// Runs `write` while no bar is on the screen; the bars come back with their next update.
    fn above_bars<T>(&self, write: impl FnOnce() -> T) -> T {
        let board = self.board.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        match board {
            Some(board) => board.without_bars(write),
            None => write(),
        }
    }
}

/// An error as cargo shows it: the phrase, each cause under its own `Caused by:`, then the help.
struct Report<'a> {
    error: &'a dyn Error,
    helps: &'a [String],
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ERROR}error{ERROR:#}{BOLD}:{BOLD:#} {}", self.error)?;
        let mut said = self.error.to_string();
        let mut cause = self.error.source();
        while let Some(error) = cause {
            let message = error.to_string();
            // A wrapper that shows its source's own words has said this already.
            if message != said {
                write!(f, "\n\nCaused by:")?;
                for line in message.lines() {
                    f.write_str(if line.is_empty() { "\n" } else { "\n  " })?;
                    f.write_str(line)?;
                }
            }
            said = message;
            cause = error.source();
        }
        for (index, help) in self.helps.iter().enumerate() {
            f.write_str(if index == 0 { "\n\n" } else { "\n" })?;
            write!(f, "{HELP}help{HELP:#}{BOLD}:{BOLD:#} ")?;
            for (index, line) in help.lines().enumerate() {
                if index > 0 {
                    f.write_str("\n      ")?;
                }
                f.write_str(line)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
