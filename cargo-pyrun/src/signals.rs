//! Signals that this process gets and the script is to have.

use tokio::sync::mpsc;

/// `SIGHUP`, by its number on Linux, which is what the container runs.
pub const HANGUP: u8 = 1;
/// `SIGINT`.
pub const INTERRUPT: u8 = 2;
/// `SIGQUIT`.
pub const QUIT: u8 = 3;
/// `SIGTERM`.
pub const TERMINATE: u8 = 15;
/// `SIGWINCH`: the terminal has another size.
pub const RESIZE: u8 = 28;

/// Nobody waits for the run any more. It is no signal, and is sent to nobody.
pub const ABANDONED: u8 = 0;

/// Signals as they come in, by their numbers on Linux.
#[derive(Debug)]
pub struct Signals {
    incoming: mpsc::UnboundedReceiver<u8>,
    /// Who sends them waits for the run: once they are gone, so is its reason.
    held: bool,
}

impl Signals {
    /// Catches from now on every signal that asks a process for something.
    ///
    /// One that was ignored when this process started stays ignored: `nohup` and shells in the background rely on it.
    #[must_use]
    pub fn catch() -> Self {
        let (sender, incoming) = mpsc::unbounded_channel();
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let ignored = ignored();
            let kinds = [
                (SignalKind::hangup(), HANGUP),
                (SignalKind::interrupt(), INTERRUPT),
                (SignalKind::quit(), QUIT),
                (SignalKind::user_defined1(), 10),
                (SignalKind::user_defined2(), 12),
                (SignalKind::alarm(), 14),
                (SignalKind::terminate(), TERMINATE),
                (SignalKind::window_change(), RESIZE),
            ];
            for (kind, number) in kinds {
                if ignored & (1 << (kind.as_raw_value() - 1)) != 0 {
                    continue;
                }
                let Ok(mut stream) = signal(kind) else { continue };
                let sender = sender.clone();
                tokio::spawn(
                    async move { while stream.recv().await.is_some() && sender.send(number).is_ok() {} },
                );
            }
        }
        #[cfg(not(unix))]
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() && sender.send(INTERRUPT).is_ok() {}
        });
        Self { incoming, held: false }
    }

    /// Signals that somebody of this process sends; [`ABANDONED`] when there is nobody left who could.
    #[must_use]
    pub fn held() -> (mpsc::UnboundedSender<u8>, Self) {
        let (sender, incoming) = mpsc::unbounded_channel();
        (sender, Self { incoming, held: true })
    }

    /// None, ever.
    #[must_use]
    pub fn none() -> Self {
        let (_, incoming) = mpsc::unbounded_channel();
        Self { incoming, held: false }
    }

    /// Those of the process too, from now on.
    pub(crate) fn catch_too(self) -> Self {
        let (sender, incoming) = mpsc::unbounded_channel();
        let mut own = Self::catch();
        let mut given = self;
        tokio::spawn(async move {
            loop {
                let number =
                    tokio::select! { number = own.next() => number, number = given.next() => number };
                if number == ABANDONED || sender.send(number).is_err() {
                    break;
                }
            }
        });
        Self { incoming, held: true }
    }

    /// The next signal.
    pub async fn next(&mut self) -> u8 {
        match self.incoming.recv().await {
            Some(number) => number,
            None if self.held => ABANDONED,
            None => std::future::pending().await,
        }
    }

    /// The next signal that would end a process.
    pub async fn fatal(&mut self) -> u8 {
        loop {
            let number = self.next().await;
            if number != RESIZE {
                return number;
            }
        }
    }
}

/// The set of ignored signals, bit 0 for signal 1. The kernel tells it in `/proc`; elsewhere none is known.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
