//! The caller's terminal: whether the script gets one, its size, its raw mode.

use std::io::{self, IsTerminal};

use crate::init::Size;

/// Whether the script gets a terminal: exactly when stdin and stdout are terminals and ours to use.
///
/// A job in the background may neither read its terminal nor set it: it would be stopped. It runs without one.
#[must_use]
pub fn interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && foreground()
}

/// Whether this process may read the terminal on stdin; true where stdin is none.
#[must_use]
pub fn foreground() -> bool {
    #[cfg(unix)]
    {
        if !io::stdin().is_terminal() {
            return true;
        }
        match rustix::termios::tcgetpgrp(io::stdin()) {
            Ok(group) => group == rustix::process::getpgrp(),
            // Not our controlling terminal: nobody stops us for reading it.
            Err(_) => true,
        }
    }
    #[cfg(not(unix))]
    {
        true
    }
}

/// The size of the terminal on stdout; zero where it has none.
#[must_use]
pub fn size() -> Size {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stdout()) {
        return Size { rows: size.ws_row, columns: size.ws_col };
    }
    Size::default()
}

/// The terminal in raw mode, until this is dropped.
#[derive(Debug)]
pub struct Raw {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl Raw {
    /// Puts the terminal on stdin into raw mode: each key goes to the script as it is.
    ///
    /// # Errors
    /// Where stdin is no terminal.
    pub fn enter() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
            let before = tcgetattr(io::stdin())?;
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
            Ok(Self { before })
        }
        #[cfg(not(unix))]
        {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        #[cfg(unix)]
        {
            use rustix::termios::{OptionalActions, tcsetattr};
            // Nothing more can be done where the terminal is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        }
    }
}
