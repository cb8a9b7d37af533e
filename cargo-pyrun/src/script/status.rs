//! How a script ended, and what it wrote.

use std::fmt;
use std::process::ExitCode;

use super::ScriptError;
use crate::run::Ended;

/// How a script ended.
///
/// ```no_run
/// # fn main() -> std::process::ExitCode {
/// let status = pyrun::Script::code("raise SystemExit(3)").run().wait().expect("an engine");
/// assert_eq!((status.code(), status.signal(), status.success()), (3, None, false));
/// status.into()
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub(super) Ended);

impl Status {
    /// The exit code as a shell has it: the script's own, or 128 and the number of the signal that ended it.
    ///
    /// ```no_run
    /// let status = pyrun::Script::code("raise SystemExit(3)").run().wait()?;
    /// assert_eq!(status.code(), 3);
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0.code
    }

    /// The signal that ended it, by its number on Linux. Of a detached script only the exit code is known: one above 128
    /// counts as a signal.
    ///
    /// ```no_run
    /// let status = pyrun::Script::code("import os; os.kill(os.getpid(), 11)").run().wait()?;
    /// assert_eq!((status.signal(), status.code()), (Some(11), 139));
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    #[must_use]
    pub const fn signal(self) -> Option<u8> {
        self.0.signal
    }

    /// Whether the kernel killed it, since it needed more memory than it may have.
    ///
    /// ```no_run
    /// let status = pyrun::Script::code("bytearray(1 << 30)").memory("64m").run().wait()?;
    /// assert!(status.out_of_memory());
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    #[must_use]
    pub const fn out_of_memory(self) -> bool {
        self.0.out_of_memory
    }

    /// Whether its exit code is 0.
    ///
    /// ```no_run
    /// let status = pyrun::Script::code("print('hello')").run().wait()?;
    /// assert!(status.success());
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    #[must_use]
    pub const fn success(self) -> bool {
        self.0.code == 0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ended { out_of_memory: true, .. } => f.write_str("it needed more memory than it may have"),
            Ended { signal: Some(signal), .. } => write!(f, "signal {signal}"),
            Ended { code, .. } => write!(f, "exit code {code}"),
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        status.code().into()
    }
}

/// How a script ended, and all that it wrote.
///
/// ```no_run
/// let output = pyrun::Script::code("print(6 * 7)").output().wait()?;
/// assert_eq!((output.status.code(), output.stdout), (0, b"42\n".to_vec()));
/// # Ok::<_, pyrun::ScriptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// The script's name.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
}

impl Output {
    /// The same, or an error with the last lines of stderr where the exit code is not 0.
    ///
    /// ```no_run
    /// let output = pyrun::Script::code("print(6 * 7)").output().wait()?.successful()?;
    /// assert_eq!(output.stdout, b"42\n");
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// [`ScriptError::Failed`].
    pub fn successful(self) -> Result<Self, ScriptError> {
        if self.status.success() {
            return Ok(self);
        }
        Err(ScriptError::Failed { name: self.name, status: self.status, stderr: self.stderr })
    }

    /// What it wrote to stdout as text; what is not UTF-8 is replaced.
    ///
    /// ```no_run
    /// let output = pyrun::Script::code("print(6 * 7)").output().wait()?;
    /// assert_eq!(output.text(), "42\n");
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(code: u8, stderr: &str) -> Output {
        let status = Status(Ended::with(code));
        Output { name: "report.py".to_owned(), status, stdout: Vec::new(), stderr: stderr.into() }
    }

    #[test]
    fn a_failure_is_told_with_what_the_script_said_last() {
        assert!(output(0, "all is well").successful().is_ok());
        let error = output(1, "Traceback\n\nValueError: no\n").successful().unwrap_err();
        assert_eq!(error.to_string(), "`report.py` failed: exit code 1\nTraceback\nValueError: no");
        assert_eq!(error.exit_code(), 1);
        let error = output(139, "").successful().unwrap_err();
        assert_eq!(error.to_string(), "`report.py` failed: signal 11");
        let many = (0..30).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        let said = output(1, &many).successful().unwrap_err().to_string();
        assert!(said.ends_with("\n28\n29") && !said.contains("\n19\n"), "{said}");
    }

    #[test]
    fn a_code_above_128_is_a_signal() {
        for (code, signal) in [(0, None), (1, None), (128, None), (137, Some(9)), (255, None)] {
            assert_eq!(Status(Ended::with(code)).signal(), signal, "{code}");
        }
    }
}
