//! Blobs that are read as they come, and not kept.

use bytes::Bytes;
use pyimage_build::{Descriptor, DigestHasher, Reference};
use reqwest::{Method, StatusCode};
use tokio::sync::Mutex;
use tokio::sync::mpsc::Sender;

use super::body;
use super::download::{PROGRESS, starts_at};
use super::endpoint::Endpoint;
use super::error::{Missing, RegistryError};
use super::exchange::{Ask, Exchange, Patience};
use super::failure::Failure;
use super::{Registry, wrong_size};

/// How far a blob has come.
struct Reading<'a> {
    exchange: &'a Exchange,
    image: &'a Reference,
    descriptor: &'a Descriptor,
    /// Where its bytes go.
    out: &'a Sender<Bytes>,
    progress: &'a dyn Fn(u64),
    hasher: DigestHasher,
    received: u64,
    /// Nobody takes any more of it.
    unwanted: bool,
}

impl Registry {
    /// Hands a blob on, piece by piece, without keeping it; `progress` is told how many bytes there were.
    ///
    /// Where a connection breaks, it goes on from there, at a mirror or the registry. Only when this has succeeded, what
    /// was handed on is known to be right. Where nobody takes the pieces any more, it ends.
    pub async fn read(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
        out: &Sender<Bytes>,
        progress: &dyn Fn(u64),
    ) -> Result<(), RegistryError> {
        let hasher = descriptor.digest.hasher();
        let (exchange, received, unwanted) = (&self.exchange, 0, false);
        let reading = Reading { exchange, image, descriptor, out, progress, hasher, received, unwanted };
        let reading = Mutex::new(reading);
        // Endpoints are asked one after the other; the lock is never waited for.
        self.at_endpoints(image, async |endpoint| reading.lock().await.all(endpoint).await).await?;
        let Reading { hasher, unwanted, .. } = reading.into_inner();
        match hasher.finish() {
            Err(found) if !unwanted => Err(RegistryError::DigestMismatch {
                registry: image.registry().to_owned(),
                expected: descriptor.digest.clone(),
                found,
            }),
            _ => Ok(()),
        }
    }
}

impl Reading<'_> {
    /// Reads what is left, at one endpoint.
    async fn all(&mut self, endpoint: &Endpoint) -> Result<(), RegistryError> {
        let mut patience = Patience::new(self.exchange, endpoint);
        loop {
            let before = self.received;
            let Err(failure) = self.some(endpoint).await else { return Ok(()) };
            if self.received >= before + PROGRESS {
                patience.progressed();
            }
            patience.wait(failure).await?;
        }
    }

    async fn some(&mut self, endpoint: &Endpoint) -> Result<(), Failure> {
        let Descriptor { digest, size, .. } = self.descriptor;
        if self.received == *size {
            return Ok(());
        }
        let ask = Ask {
            endpoint,
            repository: self.image.repository(),
            method: Method::GET,
            rest: format!("blobs/{digest}"),
            accept: None,
            offset: self.received,
            giving: None,
            missing: Missing::Digest(digest.clone()),
        };
        let _permit = self.exchange.permit(endpoint).await;
        let mut answer = self.exchange.ask(&ask).await?;
        // Where it does no ranges, it begins anew with what was handed on before.
        let mut skip = match answer.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(&answer, self.received) => 0,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                let (host, why) = (answer.host(), "it sent another range than the one it was asked for");
                return Err(Failure::passing(RegistryError::NotARegistry { host, why: why.to_owned() }));
            }
            _ => self.received,
        };
        let settings = &self.exchange.transport.settings;
        loop {
            let mut chunk = match answer.response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) if self.received == *size => return Ok(()),
                Ok(None) => {
                    return Err(Failure::passing(RegistryError::Truncated {
                        registry: endpoint.name.clone(),
                        what: digest.to_string(),
                        received: self.received,
                        expected: *size,
                    }));
                }
                Err(error) if error.is_timeout() => {
                    return Err(Failure::of(error, &answer.host(), settings));
                }
                Err(error) => {
                    let (name, all) = (&endpoint.name, (self.received, Some(*size)));
                    return Err(body::cut_off(error, &answer, name, digest.as_str(), all, settings));
                }
            };
            let known = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
            let chunk = chunk.split_off(known);
            skip -= known as u64;
            let received = self.received + chunk.len() as u64;
            if received > *size {
                let found = usize::try_from(received).unwrap_or(usize::MAX);
                return Err(Failure::lasting(wrong_size(&endpoint.name, self.descriptor, found)));
            }
            self.hasher.update(&chunk);
            self.received = received;
            (self.progress)(received);
            if !chunk.is_empty() && self.out.send(chunk).await.is_err() {
                self.unwanted = true;
                return Ok(());
            }
        }
    }
}
