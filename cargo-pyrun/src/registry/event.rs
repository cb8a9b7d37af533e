//! What a registry client tells while it works.

use std::time::Duration;

/// Something that a user may want to see while requests are under way.
///
/// It prints as a status line has it behind its verb: `Retrying` for [`Event::Retrying`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// One request was answered; for `-v`. The address has neither query nor login.
    Request {
        /// `GET`, `HEAD` or `POST`.
        method: String,
        /// The address, without its query.
        url: String,
        /// The status, or why there was no answer.
        outcome: String,
        /// How long it took until the headers were there.
        elapsed: Duration,
    },
    /// A request is made again after a while; told where that is longer than two seconds.
    Retrying {
        /// The registry.
        registry: String,
        /// Why.
        reason: String,
        /// How long we wait before.
        wait: Duration,
    },
    /// Something that stops nothing and should be known, such as a credential helper that fails.
    Note(String),
    /// Something for `-v` alone, such as a damaged `daemon.json` of docker.
    Detail(String),
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request { method, url, outcome, elapsed } => {
                write!(f, "{method} {url} -> {outcome} ({} ms)", elapsed.as_millis())
            }
            Self::Retrying { registry, reason, wait } => {
                write!(f, "`{registry}` in {:.0} s: {reason}", wait.as_secs_f64())
            }
            Self::Note(text) | Self::Detail(text) => f.write_str(text),
        }
    }
}
