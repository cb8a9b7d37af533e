//! A thread of its own for each call, with a runtime of its own.
//!
//! So a call works on any runtime and on none, and comes to its end when whoever called it is gone: what was created is
//! removed, which takes requests that no `drop` could await.

use std::io;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::ScriptError;
use crate::signals::{ABANDONED, Signals};

/// A call under way. Dropped, it is called off.
#[derive(Debug)]
pub(super) struct Job<T> {
    /// Signals for the script. Nobody waits for it any more when this is gone.
    pub(super) control: mpsc::UnboundedSender<u8>,
    result: oneshot::Receiver<Result<T, ScriptError>>,
}

impl<T: Send + 'static> Job<T> {
    /// Begins it. The work is told by its signals when it is called off.
    pub(super) fn begin<F>(work: impl FnOnce(Signals) -> F + Send + 'static) -> Result<Self, ScriptError>
    where
        F: Future<Output = Result<T, ScriptError>>,
    {
        let (control, signals) = Signals::held();
        let (done, result) = oneshot::channel();
        let thread = thread::Builder::new().name("pyrun".to_owned());
        let run = move || {
            let outcome = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => {
                    let outcome = runtime.block_on(work(signals));
                    runtime.shutdown_background();
                    outcome
                }
                Err(error) => Err(ScriptError::Thread(error)),
            };
            // Whoever called it off does not listen.
            let _ = done.send(outcome);
        };
        thread.spawn(run).map_err(ScriptError::Thread)?;
        Ok(Self { control, result })
    }

    /// Begins a request that leaves nothing behind where it is called off.
    pub(super) fn ask<F>(work: impl FnOnce() -> F + Send + 'static) -> Result<Self, ScriptError>
    where
        F: Future<Output = Result<T, ScriptError>>,
    {
        Self::begin(async move |mut signals| {
            let called_off = async { while signals.next().await != ABANDONED {} };
            tokio::select! {
                result = work() => result,
                () = called_off => Err(ScriptError::Thread(io::ErrorKind::Interrupted.into())),
            }
        })
    }

    /// What it comes to.
    pub(super) async fn result(self) -> Result<T, ScriptError> {
        let Self { control, result } = self;
        let result = result.await;
        drop(control);
        result.unwrap_or_else(|_| Err(ScriptError::Thread(io::ErrorKind::BrokenPipe.into())))
    }
}
