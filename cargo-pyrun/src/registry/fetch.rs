//! Files by their addresses, as locks of packages name them: the transport, the limits and the cache of blobs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use percent_encoding::percent_decode_str;
use pyimage_build::Digest;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use super::download::{POLL, STALLED, apart, starts_at};
use super::error::{Cause, RegistryError};
use super::failure::{Again, Failure};
use super::partial::{self, Partial};
use super::retry::{MAX_WAIT, backoff};
use super::settings::RegistrySettings;
use super::store::{Store, is_whole};
use super::telling::Telling;
use super::transport::{Outgoing, Transport};
use crate::cache::{Cache, CacheError};

/// A file somewhere, by what it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its address; a login in it is sent to its host alone, and never shown.
    pub url: String,
    /// Its digest.
    pub digest: Digest,
    /// Its length, where the lock has it.
    pub size: Option<u64>,
}

/// Gets files into the cache, each once for all processes of this machine.
#[derive(Debug)]
pub struct Fetcher {
    transport: Transport,
    store: Store,
}

/// Why a file could not be had.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The address is none that we know to ask.
    #[error("`{url}` is no address of a file")]
    Address {
        /// The address.
        url: String,
    },
    /// It is not there any more.
    #[error("`{url}` is not there any more")]
    Gone {
        /// The address, without a login.
        url: String,
    },
    /// The host refuses to give it.
    #[error("`{url}` was refused with status {status}")]
    Refused {
        /// The address, without a login.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// What came is not what the lock says.
    #[error("`{url}` is not the file that was locked: its sha256 is {found}, not {expected}")]
    Wrong {
        /// The address, without a login.
        url: String,
        /// What was locked.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The connection or the host failed.
    #[error("could not fetch `{url}`")]
    Failed {
        /// The address, without a login.
        url: String,
        /// Why.
        source: Cause,
    },
    /// The cache cannot take it.
    #[error(transparent)]
    Cache(Arc<CacheError>),
}

impl Fetcher {
    /// One with the proxies, limits and certificate authorities of these settings.
    #[must_use]
    pub fn new(settings: RegistrySettings, cache: Cache) -> Self {
        let telling = Arc::new(Telling::new(settings.listener.clone()));
        Self { transport: Transport::new(Arc::new(settings), telling), store: Store { cache } }
    }

    /// Where the file is, if it is in the cache and whole.
    pub async fn cached(&self, file: &RemoteFile) -> Option<Utf8PathBuf> {
        let path = self.store.path(&file.digest);
        let size = fs_err::metadata(&path).ok()?.len();
        let (found, digest) = (path.clone(), file.digest.clone());
        apart(move || is_whole(&found, &digest, size)).await.then_some(path)
    }

    /// Gets the file, from the cache if it is there; `progress` is told how many of its bytes there are.
    ///
    /// # Errors
    /// Where its host does not give it, or gives something else.
    pub async fn fetch(&self, file: &RemoteFile, progress: &dyn Fn(u64)) -> Result<Utf8PathBuf, FetchError> {
        if let Some(path) = self.cached(file).await {
            return Ok(path);
        }
        let outgoing = outgoing(&file.url)?;
        let url = super::endpoint::shown(&outgoing.url);
        let Some(mut partial) = self.begin(file).await? else {
            return Ok(self.store.path(&file.digest));
        };
        let mut failures = 0;
        loop {
            let before = partial.len();
            match self.fill(&outgoing, &url, file, &mut partial, progress).await {
                Ok(()) => break,
                Err(Stop::Final(error)) => {
                    partial.discard();
                    return Err(error);
                }
                Err(Stop::Try(failure)) => {
                    failures = if partial.len() > before { 1 } else { failures + 1 };
                    self.wait(&url, failure, failures).await?;
                }
            }
        }
        if let Err(found) = partial.verify() {
            partial.discard();
            return Err(FetchError::Wrong { url, expected: file.digest.clone(), found });
        }
        let path = self.store.path(&file.digest);
        partial.keep(&path).map_err(|error| unkept(self.store.cache.write_error(error)))?;
        Ok(path)
    }

    /// Takes the file's place in the cache, and goes on with what is there. `None` where another process finished it.
    async fn begin(&self, file: &RemoteFile) -> Result<Option<Partial>, FetchError> {
        let sweeping = self.store.cache.clone();
        apart(move || partial::sweep(&sweeping)).await;
        let cache = &self.store.cache;
        let mut seen = (0, Instant::now());
        let mut partial = loop {
            match Partial::open(cache, &file.digest).map_err(unkept)? {
                Some(Ok(partial)) => break partial,
                Some(Err(busy)) if busy.len != seen.0 => seen = (busy.len, Instant::now()),
                Some(Err(_)) if seen.1.elapsed() < STALLED => {}
                Some(Err(_)) | None => {
                    break Partial::private(cache, &file.digest).map_err(unkept)?;
                }
            }
            tokio::time::sleep(POLL).await;
        };
        if self.cached(file).await.is_some() {
            partial.discard();
            return Ok(None);
        }
        let size = file.size.unwrap_or(u64::MAX);
        let (partial, resumed) = apart(move || {
            let resumed = partial.resume(size);
            (partial, resumed)
        })
        .await;
        resumed.map_err(|error| unkept(cache.write_error(error)))?;
        Ok(Some(partial))
    }

    async fn fill(
        &self,
        outgoing: &Outgoing,
        url: &str,
        file: &RemoteFile,
        partial: &mut Partial,
        progress: &dyn Fn(u64),
    ) -> Result<(), Stop> {
        if file.size == Some(partial.len()) {
            return Ok(());
        }
        let mut outgoing = outgoing.clone();
        if partial.len() > 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", partial.len()))
        {
            outgoing.headers.insert(header::RANGE, range);
        }
        let mut answer = self.transport.send(&outgoing).await.map_err(Stop::Try)?;
        let host = answer.host();
        let unwritten = |error| Stop::Final(unkept(self.store.cache.write_error(error)));
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(&answer, partial.len()) => {}
            StatusCode::OK => partial.restart().map_err(unwritten)?,
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(Stop::Final(FetchError::Gone { url: url.to_owned() }));
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                let (registry, status) = (host, status.as_u16());
                return Err(Stop::Try(Failure::passing(RegistryError::Server {
                    registry,
                    status,
                    source: None,
                })));
            }
            // What is there is of another file, or too much of it.
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
                partial.restart().map_err(unwritten)?;
                let why = "it sent another range than the one it was asked for".to_owned();
                return Err(Stop::Try(Failure::passing(RegistryError::NotARegistry { host, why })));
            }
            status => {
                let status = status.as_u16();
                return Err(Stop::Final(FetchError::Refused { url: url.to_owned(), status }));
            }
        }
        let limit = file.size.unwrap_or(u64::MAX);
        loop {
            match answer.response.chunk().await {
                Ok(Some(chunk)) => {
                    if partial.len() + chunk.len() as u64 > limit {
                        // Longer than locked: its digest cannot be right either.
                        partial.write(&chunk).map_err(unwritten)?;
                        return Ok(());
                    }
                    partial.write(&chunk).map_err(unwritten)?;
                    progress(partial.len());
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    return Err(Stop::Try(Failure::of(error, &host, &self.transport.settings)));
                }
            }
        }
    }

    /// Waits before the next try, or gives up.
    async fn wait(&self, url: &str, failure: Failure, failures: u32) -> Result<(), FetchError> {
        let settings = &self.transport.settings;
        let wait = match failure.again {
            Again::Once if failures > 1 => Duration::MAX,
            Again::Soon | Again::Once => backoff(settings.backoff, failures.saturating_sub(1)),
            Again::After(wait) if wait <= MAX_WAIT => wait,
            Again::After(_) | Again::Never => Duration::MAX,
        };
        if failures >= settings.tries || wait == Duration::MAX {
            return Err(FetchError::Failed { url: url.to_owned(), source: Arc::new(*failure.error) });
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

fn unkept(error: CacheError) -> FetchError {
    FetchError::Cache(Arc::new(error))
}

/// How a try ended that did not succeed.
enum Stop {
    /// Another try would not help.
    Final(FetchError),
    /// Another may.
    Try(Failure),
}

/// The request for an address; a login in it becomes a header, which stays with its host.
fn outgoing(address: &str) -> Result<Outgoing, FetchError> {
    let mut url = Url::parse(address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| FetchError::Address {
            url: address.split('?').next().unwrap_or_default().to_owned(),
        })?;
    let authorization = (!url.username().is_empty()).then(|| {
        // In an address they are encoded.
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = format!("{}:{}", plain(url.username()), plain(url.password().unwrap_or_default()));
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, login);
        HeaderValue::from_str(&format!("Basic {encoded}")).ok()
    });
    // An address with a host can have a login, or none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(Outgoing {
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        authorization: authorization.flatten().map(|mut value| {
            value.set_sensitive(true);
            value
        }),
        body: None,
        content: None,
        unverified: false,
    })
}
