//! Failures of one try, and whether another may do better.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::endpoint::{is_loopback, split_port};
use super::error::{Cause, RegistryError};
use super::settings::RegistrySettings;

/// Why one try failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// What the caller is told if it stays so.
    pub(super) error: Box<RegistryError>,
    /// Whether to try again.
    pub(super) again: Again,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would be the same.
    Never,
    /// After a short wait.
    Soon,
    /// After a short wait, and only once more: who says nothing for so long mostly stays silent.
    Once,
    /// After the wait that the registry asked for.
    After(Duration),
}

impl Failure {
    /// A failure that stays the same however often one asks.
    pub(super) fn lasting(error: RegistryError) -> Self {
        Self { error: Box::new(error), again: Again::Never }
    }

    /// A failure that may pass.
    pub(super) fn passing(error: RegistryError) -> Self {
        Self { error: Box::new(error), again: Again::Soon }
    }

    /// The failure of a request to which nothing at all was answered.
    pub(super) fn unanswered(self) -> Self {
        match (self.again, &*self.error) {
            (Again::Soon, RegistryError::Timeout { .. }) => Self { again: Again::Once, ..self },
            _ => self,
        }
    }

    /// What a failed request or a broken answer of `host` means.
    pub(super) fn of(error: reqwest::Error, host: &str, settings: &RegistrySettings) -> Self {
        let host = host.to_owned();
        let io_kind = find::<io::Error>(&error).map(io::Error::kind);
        if let Some(tls) = find::<rustls::Error>(&error) {
            use rustls::{Error as Tls, InvalidMessage};
            let source: Cause = Arc::new(tls.clone());
            return Self::lasting(match tls {
                // What comes is no TLS record; in practice it is the beginning of `HTTP/1.1 400 Bad Request`.
                Tls::InvalidMessage(InvalidMessage::InvalidContentType) => {
                    RegistryError::NoTls { host, source }
                }
                Tls::InvalidCertificate(_) => RegistryError::CertificateNotTrusted { host, source },
                _ => RegistryError::Unreachable { host, proxies: Vec::new(), source },
            });
        }
        if error.is_builder() {
            return Self::lasting(RegistryError::Setup { host, source: cause(error) });
        }
        if error.is_timeout() {
            // A host that takes no connection for so long will not a moment later either.
            return if error.is_connect() {
                Self::lasting(RegistryError::Timeout { host, limit: settings.connect_timeout })
            } else {
                Self::passing(RegistryError::Timeout { host, limit: settings.idle_timeout })
            };
        }
        if error.is_connect() {
            let cut = matches!(
                io_kind,
                Some(
                    io::ErrorKind::ConnectionReset
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::UnexpectedEof
                        | io::ErrorKind::BrokenPipe
                )
            );
            let local = is_loopback(split_port(&host).0);
            let proxies = if local { Vec::new() } else { settings.proxies.variables.clone() };
            let error = RegistryError::Unreachable { host, proxies, source: cause(error) };
            return if cut { Self::passing(error) } else { Self::lasting(error) };
        }
        Self::passing(RegistryError::Broken { host, source: cause(error) })
    }
}

/// The cause to be shown: the innermost layers say what happened, the outer ones that a request failed.
fn cause(error: reqwest::Error) -> Cause {
    // The address may have a signature in its query.
    let error = error.without_url();
    if let Some(io) = find::<io::Error>(&error) {
        return Arc::new(io::Error::new(io.kind(), io.to_string()));
    }
    let mut innermost: &dyn Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    if text == error.to_string() { Arc::new(error) } else { Arc::new(io::Error::other(text)) }
}

/// Finds an error of some type among the causes; `io::Error` hides what is in it from `source`.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = find::<T>(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}
