//! Blobs of any size, into the cache.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use pyimage_build::{Descriptor, Reference};
use reqwest::{Method, StatusCode, header};

use super::body;
use super::endpoint::Endpoint;
use super::error::{Missing, RegistryError};
use super::exchange::{Ask, Exchange, Patience};
use super::failure::Failure;
use super::partial::{self, Partial};
use super::store::{Store, is_whole};
use super::transport::Answer;
use crate::cache::{Cache, CacheError};

/// So much has to come in a try for the tries before it to be forgotten.
pub(super) const PROGRESS: u64 = 64 * 1024;
/// How long another process may go without a byte before it is not waited for: longer than a registry may make it wait.
pub(super) const STALLED: Duration = Duration::from_secs(120);
/// How often to look whether another process has finished.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// One download.
pub(super) struct Download<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) store: &'a Store,
    pub(super) image: &'a Reference,
    pub(super) descriptor: &'a Descriptor,
    pub(super) progress: &'a dyn Fn(u64),
}

impl Download<'_> {
    /// The path, if the content is in the cache already.
    pub(super) async fn cached(&self) -> Option<Utf8PathBuf> {
        let Descriptor { digest, size, .. } = self.descriptor.clone();
        let path = self.store.path(&digest);
        let found = path.clone();
        let whole = apart(move || is_whole(&found, &digest, size)).await;
        whole.then(|| {
            (self.progress)(self.descriptor.size);
            path
        })
    }

    /// Takes the content's place in the cache, waiting for another process that has it, and going on with what an
    /// earlier one left. `None` where another process has finished it meanwhile.
    pub(super) async fn begin(&self) -> Result<Option<Partial>, RegistryError> {
        let (cache, digest) = (&self.store.cache, &self.descriptor.digest);
        let sweeping = cache.clone();
        apart(move || partial::sweep(&sweeping)).await;
        let mut seen = (0, Instant::now());
        let mut partial = loop {
            match Partial::open(cache, digest).map_err(|error| self.unkept(error))? {
                Some(Ok(partial)) => break partial,
                Some(Err(busy)) if busy.len != seen.0 => {
                    (self.progress)(busy.len);
                    seen = (busy.len, Instant::now());
                }
                // Whoever has it may be stopped for good.
                Some(Err(_)) if seen.1.elapsed() < STALLED => {}
                Some(Err(_)) | None => {
                    break Partial::private(cache, digest).map_err(|error| self.unkept(error))?;
                }
            }
            tokio::time::sleep(POLL).await;
        };
        if self.store.path(digest).exists() && self.cached().await.is_some() {
            partial.discard();
            return Ok(None);
        }
        let size = self.descriptor.size;
        let (partial, resumed) = apart(move || {
            let resumed = partial.resume(size);
            (partial, resumed)
        })
        .await;
        resumed.map_err(|error| self.unwritten(cache, error))?;
        (self.progress)(partial.len());
        Ok(Some(partial))
    }

    /// Gets from one endpoint what is missing.
    pub(super) async fn fill(&self, endpoint: &Endpoint, partial: &mut Partial) -> Result<(), RegistryError> {
        let mut patience = Patience::new(self.exchange, endpoint);
        let mut resumed = partial.len() > 0;
        loop {
            let before = partial.len();
            let failure = match self.fill_once(endpoint, partial).await {
                Ok(()) => match partial.verify() {
                    Ok(()) => return Ok(()),
                    Err(found) => {
                        partial.restart().map_err(|error| self.unwritten(&self.store.cache, error))?;
                        // What an earlier process left may have been damaged since; once, that is.
                        if std::mem::take(&mut resumed) {
                            continue;
                        }
                        let expected = self.descriptor.digest.clone();
                        return Err(RegistryError::DigestMismatch {
                            registry: endpoint.name.clone(),
                            expected,
                            found,
                        });
                    }
                },
                Err(failure) => failure,
            };
            if partial.len() >= before + PROGRESS {
                patience.progressed();
            }
            patience.wait(failure).await?;
        }
    }

    async fn fill_once(&self, endpoint: &Endpoint, partial: &mut Partial) -> Result<(), Failure> {
        let Descriptor { digest, size, .. } = self.descriptor;
        if partial.len() == *size {
            return Ok(());
        }
        let ask = Ask {
            endpoint,
            repository: self.image.repository(),
            method: Method::GET,
            rest: format!("blobs/{digest}"),
            accept: None,
            offset: partial.len(),
            giving: None,
            missing: Missing::Digest(digest.clone()),
        };
        let _permit = self.exchange.permit(endpoint).await;
        let mut answer = self.exchange.ask(&ask).await?;
        let unwritten = |error| Failure::lasting(self.unwritten(&self.store.cache, error));
        let wrong_size = |found| {
            let (registry, digest, expected) = (endpoint.name.clone(), digest.clone(), *size);
            Failure::lasting(RegistryError::SizeMismatch { registry, digest, expected, found })
        };
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(&answer, partial.len()) => {}
            // It does not do ranges, or not this one.
            status => {
                partial.restart().map_err(unwritten)?;
                if status == StatusCode::RANGE_NOT_SATISFIABLE || status == StatusCode::PARTIAL_CONTENT {
                    let (host, why) = (answer.host(), "it sent another range than the one it was asked for");
                    return Err(Failure::passing(RegistryError::NotARegistry { host, why: why.to_owned() }));
                }
            }
        }
        let announced = answer.response.content_length();
        if let Some(total) = announced.map(|length| partial.len() + length)
            && total != *size
        {
            return Err(wrong_size(total));
        }
        let settings = &self.exchange.transport.settings;
        loop {
            match answer.response.chunk().await {
                Ok(Some(chunk)) => {
                    if partial.len() + chunk.len() as u64 > *size {
                        return Err(wrong_size(partial.len() + chunk.len() as u64));
                    }
                    partial.write(&chunk).map_err(unwritten)?;
                    (self.progress)(partial.len());
                }
                Ok(None) if partial.len() == *size => return Ok(()),
                Ok(None) => {
                    return Err(Failure::passing(self.truncated(endpoint, partial)));
                }
                Err(error) if error.is_timeout() => {
                    return Err(Failure::of(error, &answer.host(), settings));
                }
                Err(error) => {
                    let all = (partial.len(), Some(*size));
                    return Err(body::cut_off(
                        error,
                        &answer,
                        &endpoint.name,
                        digest.as_str(),
                        all,
                        settings,
                    ));
                }
            }
        }
    }

    /// Moves the content to its place.
    pub(super) fn finish(&self, partial: Partial) -> Result<Utf8PathBuf, RegistryError> {
        let path = self.store.path(&self.descriptor.digest);
        partial.keep(&path).map_err(|error| self.unwritten(&self.store.cache, error))?;
        Ok(path)
    }

    fn truncated(&self, endpoint: &Endpoint, partial: &Partial) -> RegistryError {
        RegistryError::Truncated {
            registry: endpoint.name.clone(),
            what: self.descriptor.digest.to_string(),
            received: partial.len(),
            expected: self.descriptor.size,
        }
    }

    fn unkept(&self, error: CacheError) -> RegistryError {
        RegistryError::Cache { what: self.descriptor.digest.to_string(), source: Arc::new(error) }
    }

    fn unwritten(&self, cache: &Cache, error: io::Error) -> RegistryError {
        self.unkept(cache.write_error(error))
    }
}

/// Whether a download that failed so may be gone on with later.
pub(super) fn is_interruption(error: &RegistryError) -> bool {
    match error {
        RegistryError::Mirrored { error, .. } => is_interruption(error),
        RegistryError::Broken { .. }
        | RegistryError::Truncated { .. }
        | RegistryError::Timeout { .. }
        | RegistryError::Unreachable { .. }
        | RegistryError::Server { .. }
        | RegistryError::TooManyRequests { .. } => true,
        _ => false,
    }
}

pub(super) fn starts_at(answer: &Answer, offset: u64) -> bool {
    let range = answer.header(header::CONTENT_RANGE).and_then(|range| range.trim().strip_prefix("bytes "));
    range.and_then(|range| range.split_once('-')).is_some_and(|(start, _)| start.trim().parse() == Ok(offset))
}

/// Does something that takes a while away from the thread that carries the connections.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
