//! A program that is still running: what it wrote so far, and signals for it.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{eventually, spawn};

/// How long anything may take that has no limit of its own.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program with its output collected while it runs; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Collected,
    stderr: Collected,
}

impl Running {
    /// Starts a command; its stdin is as the command says.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = spawn(command);
        let stdout = Collected::from(child.stdout.take().expect("a pipe"));
        let stderr = Collected::from(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// The process itself.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// What it wrote to stdout so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it wrote to stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until it has written this to stdout; tells how long that took.
    ///
    /// # Panics
    /// Where it does not come.
    pub fn wait_for(&mut self, text: &str) -> Duration {
        let started = Instant::now();
        let found = eventually(PATIENCE, || self.stdout().contains(text));
        assert!(found, "no `{text}` in {:?}; stderr: {}", self.stdout(), self.stderr());
        started.elapsed()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// Where it has ended already.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the program runs");
    }

    /// Waits for its end and for the last of its output; tells its status and how long that took.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn end(&mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        let mut status = None;
        let ended = eventually(PATIENCE, || {
            status = self.child.try_wait().expect("a child of ours");
            status.is_some()
        });
        assert!(ended, "it does not end; stdout: {:?}; stderr: {}", self.stdout(), self.stderr());
        let took = started.elapsed();
        self.stdout.finish();
        self.stderr.finish();
        (status.expect("it has ended"), took)
    }

    /// Waits for its end; gives the exit code as a shell tells it, 128 and the signal that ended it.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn code(&mut self) -> i32 {
        let (status, _) = self.end();
        status.code().unwrap_or_else(|| 128 + status.signal().expect("a code or a signal"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stream, read by a thread.
#[derive(Debug)]
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Collected {
    fn from(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                ours.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..read]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
