//! A terminal with a program in it.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use crate::eventually;

/// How long anything may take that has no limit of its own.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal of a size, a program that runs in its foreground, and all that it has shown.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<Box<dyn Write + Send>>,
    shown: Arc<Mutex<Vec<u8>>>,
    closed: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Opens a terminal of that size and runs the command in it, as the leader of its session.
    ///
    /// # Panics
    /// Where the machine has no terminal to give.
    #[must_use]
    pub fn open(rows: u16, columns: u16, command: &Command) -> Self {
        let pair = native_pty_system().openpty(size(rows, columns)).expect("a terminal");
        let child = pair.slave.spawn_command(same(command)).expect("the command starts");
        drop(pair.slave);
        let mut screen = pair.master.try_clone_reader().expect("the terminal's output");
        let keyboard = pair.master.take_writer().expect("the terminal's input");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(AtomicBool::new(false));
        let (ours, stop) = (Arc::clone(&shown), Arc::clone(&closed));
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut buffer) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                ours.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..read]);
            }
        });
        Self {
            child,
            master: Some(pair.master),
            keyboard: Some(keyboard),
            shown,
            closed,
            reader: Some(reader),
        }
    }

    /// All that was shown so far.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits until this was shown.
    ///
    /// # Panics
    /// Where it does not come.
    pub fn wait_for(&self, text: &str) {
        let found = eventually(PATIENCE, || self.shown().contains(text));
        assert!(found, "no `{text}` in {:?}", self.shown());
    }

    /// Types keys.
    ///
    /// # Panics
    /// Where the terminal is closed.
    pub fn keys(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().expect("an open terminal");
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).expect("keys");
    }

    /// Gives the terminal another size.
    ///
    /// # Panics
    /// Where the terminal is closed.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.master.as_ref().expect("an open terminal").resize(size(rows, columns)).expect("another size");
    }

    /// The process id of the program that leads the terminal's session.
    ///
    /// # Panics
    /// Where it has ended.
    #[must_use]
    pub fn leader(&self) -> i32 {
        self.child.process_id().and_then(|pid| i32::try_from(pid).ok()).expect("a running program")
    }

    /// Sends a signal to that program.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.leader()).expect("a process id"), signal).expect("the program runs");
    }

    /// Closes the terminal as its window does. What runs in it must still write, now and then: that is when the
    /// reader lets go.
    ///
    /// # Panics
    /// Where the reader does not let go.
    pub fn close(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the terminal's reader");
        }
        self.keyboard = None;
        self.master = None;
    }

    /// Waits for the program's end; gives its exit code and how long that took.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn end(&mut self) -> (u32, Duration) {
        let started = Instant::now();
        let mut status = None;
        let ended = eventually(PATIENCE, || {
            status = self.child.try_wait().expect("a child of ours");
            status.is_some()
        });
        assert!(ended, "it does not end; shown: {:?}", self.shown());
        let took = started.elapsed();
        // The last holder of the terminal is gone; the reader meets its end.
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        (status.expect("it has ended").exit_code(), took)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(rows: u16, columns: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// The same command for the terminal's own way of starting it.
fn same(command: &Command) -> CommandBuilder {
    let mut same = CommandBuilder::new(command.get_program());
    same.args(command.get_args());
    same.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            same.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        same.cwd(folder);
    }
    same
}
