//! A script that runs.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::job::Job;
use super::pieces::{Line, Pieces};
use super::{Pending, ScriptError, Status};
use crate::init::FRAME_BYTES;
use crate::run::Ended;
use crate::signals::{INTERRUPT, TERMINATE};
use crate::streams::Piece;

/// A script that runs, and its output as it comes. Dropped, it is killed, and its container removed.
///
/// Output that is not read holds the script back, as an unread pipe does.
///
/// ```no_run
/// use pyrun::Script;
/// let mut running = Script::embedded("train.py", "print('epoch 1')").tag("3.13-slim").spawn().wait()?;
/// for line in running.lines() {
///     println!("{}", line.text);
/// }
/// let status = running.finish().wait()?;
/// # Ok::<_, pyrun::ScriptError>(())
/// ```
#[derive(Debug)]
pub struct Running {
    pub(super) script: String,
    pub(super) container: String,
    pub(super) job: Job<Ended>,
    pub(super) pieces: Pieces,
    pub(super) input: Option<mpsc::Sender<Bytes>>,
}

impl Running {
    /// The container's name on the engine.
    ///
    /// ```no_run
    /// # let running = pyrun::Script::code("import time; time.sleep(60)").spawn().wait()?;
    /// println!("`docker top {}` shows its processes", running.container());
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The next piece of output, as it came; `None` at its end.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), pyrun::ScriptError> {
    /// # let mut running = pyrun::Script::code("print('hello')").spawn().await?;
    /// while let Some(piece) = running.piece().await {
    ///     println!("{:?}: {} bytes", piece.stream, piece.bytes.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn piece(&mut self) -> Pending<'_, Option<Piece>> {
        Pending::new(self.pieces.piece())
    }

    /// The next line of output; `None` at its end.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), pyrun::ScriptError> {
    /// # let mut running = pyrun::Script::code("print('hello')").spawn().await?;
    /// while let Some(line) = running.line().await {
    ///     println!("{}", line.text);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn line(&mut self) -> Pending<'_, Option<Line>> {
        Pending::new(self.pieces.line())
    }

    /// The lines of output, each waited for.
    ///
    /// ```no_run
    /// # let mut running = pyrun::Script::code("print('hello')").spawn().wait()?;
    /// let printed: Vec<_> = running.lines().map(|line| line.text).collect();
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    pub fn lines(&mut self) -> impl Iterator<Item = Line> {
        std::iter::from_fn(|| self.line().wait())
    }

    /// Writes to the script's stdin, which is to be [`Stdin::Piped`](super::Stdin::Piped); waits while the script does
    /// not read.
    ///
    /// ```no_run
    /// use pyrun::{Script, Stdin};
    /// let script = Script::code("for line in __import__('sys').stdin: print(line.upper())");
    /// let mut running = script.stdin(Stdin::Piped).spawn().wait()?;
    /// running.write("hello\n").wait()?;
    /// running.close_stdin();
    /// assert_eq!(running.line().wait().unwrap().text, "HELLO");
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// [`ScriptError::InputClosed`] where the script reads no more.
    pub fn write(&mut self, bytes: impl Into<Bytes>) -> Pending<'_, Result<(), ScriptError>> {
        let mut rest = bytes.into();
        Pending::new(async move {
            let closed = || ScriptError::InputClosed(self.script.clone());
            let input = self.input.as_ref().ok_or_else(closed)?;
            while !rest.is_empty() {
                let piece = rest.split_to(rest.len().min(FRAME_BYTES));
                input.send(piece).await.map_err(|_| closed())?;
            }
            Ok(())
        })
    }

    /// Ends the script's stdin.
    ///
    /// ```no_run
    /// # let mut running = pyrun::Script::code("input()").stdin(pyrun::Stdin::Piped).spawn().wait()?;
    /// running.close_stdin();
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    pub fn close_stdin(&mut self) {
        self.input = None;
    }

    /// Sends the script a signal, by its number on Linux. One that has ended does not get it.
    ///
    /// ```no_run
    /// # let running = pyrun::Script::code("import time; time.sleep(60)").spawn().wait()?;
    /// running.signal(10); // SIGUSR1
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    pub fn signal(&self, number: u8) {
        if number != crate::signals::ABANDONED {
            let _ = self.job.control.send(number);
        }
    }

    /// Interrupts the script, as Ctrl-C does. Interrupted three times, it is killed.
    ///
    /// ```no_run
    /// # let running = pyrun::Script::code("import time; time.sleep(60)").spawn().wait()?;
    /// running.interrupt();
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    pub fn interrupt(&self) {
        self.signal(INTERRUPT);
    }

    /// Asks the script to end, with `SIGTERM`.
    ///
    /// ```no_run
    /// # let running = pyrun::Script::code("import time; time.sleep(60)").spawn().wait()?;
    /// running.terminate();
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    pub fn terminate(&self) {
        self.signal(TERMINATE);
    }

    /// Kills the script. [`finish`](Self::finish) waits until it is so.
    ///
    /// ```no_run
    /// # let running = pyrun::Script::code("import time; time.sleep(60)").spawn().wait()?;
    /// running.kill();
    /// assert_eq!(running.finish().wait()?.signal(), Some(9));
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    pub fn kill(&self) {
        self.signal(9);
    }

    /// Waits for the script's end. Its stdin is closed, and output that was not read is dropped.
    ///
    /// ```no_run
    /// # let running = pyrun::Script::code("raise SystemExit(3)").spawn().wait()?;
    /// assert_eq!(running.finish().wait()?.code(), 3);
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where its end is not known, for example since the engine is gone.
    pub fn finish(self) -> Pending<'static, Result<Status, ScriptError>> {
        let Self { job, mut pieces, input, .. } = self;
        drop(input);
        Pending::new(async move {
            while pieces.piece().await.is_some() {}
            job.result().await.map(Status)
        })
    }
}
