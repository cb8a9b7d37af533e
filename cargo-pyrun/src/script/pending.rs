//! A call that takes time, for those who await and for those who wait.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// A call that takes time: `.await` it, on any runtime, or [`wait`](Self::wait) for it.
///
/// Nothing happens before either. Dropped before its end, it is called off; what has begun is undone.
///
/// ```no_run
/// # async fn asynchronous() -> Result<(), pyrun::ScriptError> {
/// let script = pyrun::Script::code("print('hello')").tag("3.13-slim");
/// let status = script.clone().run().await?;
/// # Ok(()) }
/// # fn blocking() -> Result<(), pyrun::ScriptError> {
/// # let script = pyrun::Script::code("print('hello')").tag("3.13-slim");
/// let status = script.run().wait()?;
/// # Ok(()) }
/// ```
#[must_use = "nothing happens until it is awaited or waited for"]
pub struct Pending<'a, T>(Pin<Box<dyn Future<Output = T> + Send + 'a>>);

impl<'a, T> Pending<'a, T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'a) -> Self {
        Self(Box::pin(future))
    }

    /// Blocks this thread until the call is done.
    ///
    /// Works on every thread, also on one of a runtime, whose other tasks wait meanwhile.
    ///
    /// ```no_run
    /// let status = pyrun::Script::code("print('hello')").run().wait()?;
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    #[expect(clippy::must_use_candidate, reason = "what it gives says itself whether it matters")]
    pub fn wait(self) -> T {
        wait(self)
    }
}

impl<T> Future for Pending<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.0.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Pending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// Wakes a thread that is parked.
struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Drives a future that needs no runtime of its own. A runtime's own way to block panics on the threads of another.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Parked(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            // Woken for another reason, it looks again.
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn what_another_thread_does_is_waited_for() {
        let (sender, receiver) = oneshot::channel();
        let other = thread::spawn(move || {
            thread::sleep(std::time::Duration::from_millis(20));
            sender.send(7)
        });
        assert_eq!(Pending::new(receiver).wait(), Ok(7));
        assert_eq!(other.join().unwrap(), Ok(()));
    }

    #[test]
    fn waiting_in_a_runtime_is_no_panic() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(async { Pending::new(async { 7 }).wait() }), 7);
    }
}
