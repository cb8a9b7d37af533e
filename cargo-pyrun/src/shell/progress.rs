//! Progress bars: one line per thing that moves, gone when the work is done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that ends sooner than this shows no bars, as in cargo.
const FIRST_DRAW: Duration = Duration::from_millis(500);

/// The place of progress bars on the screen; a no-op where there are none.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Progress(Option<Arc<Board>>);

impl Progress {
    pub(super) fn hidden() -> Self {
        Self(None)
    }

    pub(super) fn on(board: Arc<Board>) -> Self {
        Self(Some(board))
    }

    /// Whether there are bars, so that a caller can spare itself the work of preparing updates.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0.is_some()
    }

    /// A bar below the others, which goes when it is dropped.
    #[must_use]
    pub fn bar(&self, id: &str) -> Bar {
        Bar(self.0.as_ref().map(|board| (Arc::clone(board), board.add(id))))
    }
}

/// One thing that moves.
#[doc(hidden)]
#[derive(Debug)]
pub struct Bar(Option<(Arc<Board>, ProgressBar)>);

impl Bar {
    /// Shows what is being done, and of how many bytes how many are done, where that is known.
    pub fn update(&self, message: &str, bytes: Option<(u64, u64)>) {
        if let Some((board, bar)) = &self.0 {
            board.update(bar, message, bytes);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some((board, bar)) = &self.0 {
            board.remove(bar);
        }
    }
}

/// The bars on the screen.
///
/// They move only within these methods, under one lock: a ticking thread could draw between the clearing of
/// the bars and the printing of a line. `MultiProgress::suspend` is not used because it panics where stderr
/// fails, as it does once the terminal was closed.
#[derive(Debug)]
pub(super) struct Board {
    screen: Mutex<Screen>,
    started: Instant,
    first_draw: Duration,
    target: fn() -> ProgressDrawTarget,
    coloured: bool,
}

#[derive(Debug)]
struct Screen {
    multi: MultiProgress,
    /// The bars from before the first draw, which shows those too that do not move just then.
    waiting: Vec<ProgressBar>,
    shown: bool,
}

impl Board {
    pub(super) fn on_stderr(coloured: bool) -> Self {
        Self::new(FIRST_DRAW, || ProgressDrawTarget::stderr_with_hz(10), coloured)
    }

    fn new(first_draw: Duration, target: fn() -> ProgressDrawTarget, coloured: bool) -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let screen = Mutex::new(Screen { multi, waiting: Vec::new(), shown: false });
        Self { screen, started: Instant::now(), first_draw, target, coloured }
    }

    /// Runs `write` on a screen without bars.
    pub(super) fn without_bars<T>(&self, write: impl FnOnce() -> T) -> T {
        let screen = self.lock();
        // A screen that cannot be cleared is a screen that shows nothing.
        screen.multi.clear().ok();
        write()
    }

    fn add(&self, id: &str) -> ProgressBar {
        let mut screen = self.lock();
        let bar = ProgressBar::no_length().with_style(style(false, self.coloured)).with_prefix(id.to_owned());
        let bar = screen.multi.add(bar);
        if !screen.shown {
            screen.waiting.push(bar.clone());
        }
        bar
    }

    fn update(&self, bar: &ProgressBar, message: &str, bytes: Option<(u64, u64)>) {
        let mut screen = self.lock();
        if !screen.shown && self.started.elapsed() >= self.first_draw {
            screen.shown = true;
            screen.multi.set_draw_target((self.target)());
            for waiting in screen.waiting.drain(..) {
                waiting.tick();
            }
        }
        bar.set_style(style(bytes.is_some(), self.coloured));
        bar.set_message(message.to_owned());
        if let Some((position, total)) = bytes {
            bar.set_length(total);
            bar.set_position(position.min(total));
        }
        bar.tick();
    }

    fn remove(&self, bar: &ProgressBar) {
        let screen = self.lock();
        bar.finish_and_clear();
        screen.multi.remove(bar);
    }

    fn lock(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.lock().multi.clear().ok();
    }
}

/// A line in cargo's look, the id in the columns of the verb.
fn style(measured: bool, coloured: bool) -> ProgressStyle {
    // Every template is valid, as a test makes sure; the default would only look different.
    ProgressStyle::with_template(template(measured, coloured))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn template(measured: bool, coloured: bool) -> &'static str {
    match (measured, coloured) {
        (true, true) => "{prefix:>12.cyan.bold} [{bar:25}] {bytes}/{total_bytes} {msg}",
        (true, false) => "{prefix:>12} [{bar:25}] {bytes}/{total_bytes} {msg}",
        (false, true) => "{prefix:>12.cyan.bold} {msg}",
        (false, false) => "{prefix:>12} {msg}",
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use indicatif::TermLike;

    use super::*;

    /// A terminal whose other end is closed.
    #[derive(Debug)]
    struct ClosedTerminal;

    static DRAWS: AtomicUsize = AtomicUsize::new(0);

    fn closed() -> io::Result<()> {
        DRAWS.fetch_add(1, Ordering::Relaxed);
        Err(io::Error::other("closed"))
    }

    impl TermLike for ClosedTerminal {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            closed()
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            closed()
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            closed()
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            closed()
        }
        fn write_line(&self, _: &str) -> io::Result<()> {
            closed()
        }
        fn write_str(&self, _: &str) -> io::Result<()> {
            closed()
        }
        fn clear_line(&self) -> io::Result<()> {
            closed()
        }
        fn flush(&self) -> io::Result<()> {
            closed()
        }
    }

    fn target() -> ProgressDrawTarget {
        ProgressDrawTarget::term_like(Box::new(ClosedTerminal))
    }

    fn pull(board: &Arc<Board>) {
        let progress = Progress::on(Arc::clone(board));
        let (one, other) = (progress.bar("a1"), progress.bar("b2"));
        one.update("waiting", None);
        one.update("downloading", Some((1, 10)));
        other.update("downloading", Some((12, 10)));
        assert_eq!(board.without_bars(|| 7), 7);
        drop(one);
        other.update("extracting", Some((10, 10)));
    }

    #[test]
    fn bars_wait_and_never_panic() {
        let early = Arc::new(Board::new(Duration::from_secs(3600), target, false));
        pull(&early);
        drop(early);
        assert_eq!(DRAWS.load(Ordering::Relaxed), 0, "nothing is drawn before its time");
        let due = Arc::new(Board::new(Duration::ZERO, target, true));
        pull(&due);
        drop(due);
        assert!(DRAWS.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn templates_are_valid() {
        for (measured, coloured) in [(true, true), (true, false), (false, true), (false, false)] {
            assert!(ProgressStyle::with_template(template(measured, coloured)).is_ok());
        }
    }

    #[test]
    fn hidden_progress_does_nothing() {
        let progress = Progress::hidden();
        progress.bar("a1").update("waiting", None);
        assert!(!progress.is_live());
    }
}
