//! Where the bytes of a blob come from.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use camino::Utf8PathBuf;
use futures_util::{TryStreamExt as _, stream};
use pyimage_build::{Descriptor, Reference};
use reqwest::{Body, Method, StatusCode};

use crate::registry::Registry;
use crate::registry::content::Content;
use crate::registry::download::{apart, starts_at};
use crate::registry::error::{Missing, RegistryError};
use crate::registry::exchange::Ask;
use crate::registry::failure::Failure;

/// What is read of a file at once.
const PIECE: usize = 256 * 1024;

/// Where the bytes of a blob come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// From memory.
    Memory(&'a [u8]),
    /// From a file.
    File(&'a Utf8PathBuf),
    /// From the repository of the base, by this client.
    Base(&'a Registry, &'a Reference),
}

/// Bytes on their way.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) content: Content,
    /// How many of them were handed on.
    pub(super) sent: Arc<AtomicU64>,
    /// Why there are no more, where they ended early.
    failed: Arc<Mutex<Option<Failure>>>,
}

impl Opened {
    /// What went wrong at the source, if that is why a request failed.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Source<'_> {
    /// The bytes from an offset on.
    pub(super) async fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Opened, Failure> {
        let sent = Arc::new(AtomicU64::new(0));
        let failed = Arc::new(Mutex::new(None));
        let content = match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(bytes.len()).min(bytes.len());
                let rest = Bytes::copy_from_slice(&bytes[start..]);
                sent.store(rest.len() as u64, Ordering::Relaxed);
                Content::Whole(rest)
            }
            Self::File(path) => file((*path).clone(), offset, descriptor.size, &sent, &failed),
            Self::Base(registry, base) => {
                registry.passing_on(base, descriptor, offset, &sent, &failed).await?
            }
        };
        Ok(Opened { content, sent, failed })
    }
}

/// A file, read piece by piece away from the thread that carries the connections.
fn file(
    path: Utf8PathBuf,
    offset: u64,
    size: u64,
    sent: &Arc<AtomicU64>,
    failed: &Arc<Mutex<Option<Failure>>>,
) -> Content {
    let (sent, failed) = (Arc::clone(sent), Arc::clone(failed));
    let pieces = stream::try_unfold((None, offset), move |(open, at)| {
        let (path, sent, failed) = (path.clone(), Arc::clone(&sent), Arc::clone(&failed));
        async move {
            let left = usize::try_from(size.saturating_sub(at)).unwrap_or(PIECE).min(PIECE);
            if left == 0 {
                return Ok(None);
            }
            let read = apart(move || {
                let mut file = if let Some(file) = open {
                    file
                } else {
                    let mut file = fs_err::File::open(&path)?;
                    file.seek(SeekFrom::Start(at))?;
                    file
                };
                let mut piece = vec![0; left];
                file.read_exact(&mut piece)?;
                Ok((Bytes::from(piece), file))
            });
            let (piece, file) = read.await.map_err(|error: std::io::Error| {
                let error = Arc::new(error);
                let failure = Failure::lasting(RegistryError::Unreadable { source: error.clone() });
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                error
            })?;
            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            let at = at + piece.len() as u64;
            Ok::<_, Arc<std::io::Error>>(Some((piece, (Some(file), at))))
        }
    });
    Content::stream(Body::wrap_stream(pieces))
}

impl Registry {
    /// A blob of the base, as it comes: it is handed on, and not kept.
    async fn passing_on(
        &self,
        base: &Reference,
        descriptor: &Descriptor,
        offset: u64,
        sent: &Arc<AtomicU64>,
        failed: &Arc<Mutex<Option<Failure>>>,
    ) -> Result<Content, Failure> {
        let digest = &descriptor.digest;
        let answer = self.at_endpoints(base, async |endpoint| {
            let patient = self.exchange.patiently(endpoint, async || {
                let ask = Ask {
                    endpoint,
                    repository: base.repository(),
                    method: Method::GET,
                    rest: format!("blobs/{digest}"),
                    accept: None,
                    offset,
                    giving: None,
                    missing: Missing::Digest(digest.clone()),
                };
                let answer = self.exchange.ask(&ask).await?;
                if offset > 0
                    && !(answer.status() == StatusCode::PARTIAL_CONTENT && starts_at(&answer, offset))
                {
                    let why = "it sent another range than the one it was asked for".to_owned();
                    return Err(Failure::lasting(RegistryError::NotARegistry { host: answer.host(), why }));
                }
                Ok(answer)
            });
            patient.await
        });
        // It was asked patiently already.
        let answer = answer.await.map_err(Failure::lasting)?;
        let (host, settings) = (answer.host(), Arc::clone(&self.exchange.transport.settings));
        let (sent, failed) = (Arc::clone(sent), Arc::clone(failed));
        let pieces = answer.response.bytes_stream();
        let pieces = pieces.inspect_ok(move |piece| {
            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        let pieces = pieces.map_err(move |error| {
            let failure = Failure::of(error, &host, &settings);
            let told = failure.error.to_string();
            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            std::io::Error::other(told)
        });
        Ok(Content::stream(Body::wrap_stream(pieces)))
    }
}
