//! Registries: what images there are, and their documents and blobs.
//!
//! [`Registry`] is a client for the [distribution-spec]: it reads, and it [pushes](push). From top to bottom:
//!
//! 1. [`Registry`] asks the cache, then mirrors, then the registry itself, and checks every byte against its digest.
//! 2. `exchange` asks one endpoint: in the scheme that it speaks, with the login that it wants (`auth`, `token`,
//!    [`credentials`]), and again after failures that may pass.
//! 3. `transport` sends one request and follows redirects, with the login for its own host alone.
//!
//! [distribution-spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md

pub mod credentials;

mod access;
mod auth;
mod body;
mod challenge;
mod content;
mod download;
mod endpoint;
mod error;
mod event;
mod exchange;
mod failure;
pub mod fetch;
mod link;
mod manifest;
mod partial;
pub mod push;
mod reading;
mod retry;
mod settings;
mod store;
mod tags;
mod telling;
mod token;
mod transport;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use camino::Utf8PathBuf;
use pyimage_build::{Descriptor, Digest, Document, ImageConfig, MAX_DOCUMENT_SIZE, Reference};
use reqwest::Method;

use crate::cache::Cache;
use auth::Auth;
use credentials::Credentials;
use download::Download;
use endpoint::Endpoint;
use exchange::{Ask, Exchange};
use failure::Failure;
use store::Store;
use telling::Telling;
use transport::Transport;

pub use error::{Cause, CauseOf, LeftTag, MirrorFailure, Missing, RegistryError, Said};
pub use event::Event;
pub use settings::{INSECURE_VARIABLE, MIRRORS_VARIABLE, RegistrySettings, TIMEOUT_VARIABLE};

/// The most bytes of a blob that is read into memory.
const MAX_BLOB_IN_MEMORY: u64 = 16 * 1024 * 1024;

/// A client for every registry, to be shared by reference; any number of requests may be under way at once.
#[derive(Debug)]
pub struct Registry {
    exchange: Exchange,
    store: Option<Store>,
    /// Documents and configurations of this run: those that are under way are waited for, not asked for again.
    seen: Mutex<HashMap<Digest, Arc<tokio::sync::OnceCell<Bytes>>>>,
    /// Mirrors that could not be reached, which are not asked again.
    down: Mutex<HashMap<String, RegistryError>>,
}

/// Under what a registry keeps content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Manifest,
    Blob,
}

impl Registry {
    /// A client that keeps what it reads in `cache`. Nothing is opened, read or started before the first request.
    ///
    /// # Errors
    /// None at present: what is wrong with the settings was found when they were made.
    pub fn new(settings: RegistrySettings, cache: Option<Cache>) -> Result<Self, RegistryError> {
        let telling = Arc::new(Telling::new(settings.listener.clone()));
        for detail in &settings.details {
            telling.detail(|| detail.clone());
        }
        let auth = Auth::new(Credentials::new(settings.credentials.clone()));
        Ok(Self {
            exchange: Exchange::new(Transport::new(Arc::new(settings), telling), auth),
            store: cache.map(|cache| Store { cache }),
            seen: Mutex::default(),
            down: Mutex::default(),
        })
    }

    /// What stopped nothing and should be known, such as a credential helper that fails; each once.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.exchange.transport.telling.notes()
    }

    /// All tags of the image's repository, in the registry's order.
    pub async fn tags(&self, image: &Reference) -> Result<Vec<String>, RegistryError> {
        self.at_endpoints(image, async |endpoint| {
            tags::list(&self.exchange, endpoint, image.repository()).await
        })
        .await
    }

    /// What the image's tag or digest is now, without its document: on Docker Hub this is no pull.
    ///
    /// The registry is asked for a digest too: what the cache has of one says nothing about the repository.
    pub async fn resolve(&self, image: &Reference) -> Result<Descriptor, RegistryError> {
        let (descriptor, bytes) = self
            .at_endpoints(image, async |endpoint| {
                let patient = self
                    .exchange
                    .patiently(endpoint, async || manifest::resolve(&self.exchange, endpoint, image).await);
                patient.await
            })
            .await?;
        if let Some(bytes) = bytes {
            self.hold(&descriptor.digest, &bytes);
        }
        Ok(descriptor)
    }

    /// The document that a descriptor names, from the cache if it is there.
    pub async fn document(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Document, RegistryError> {
        let bytes = self.content(image, descriptor, Kind::Manifest, MAX_DOCUMENT_SIZE).await?;
        manifest::parse(
            image,
            image.registry(),
            descriptor.digest.as_str(),
            &bytes,
            Some(&descriptor.media_type),
        )
    }

    /// The document that a descriptor names, as it is written; from the cache if it is there.
    pub async fn document_bytes(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Bytes, RegistryError> {
        self.content(image, descriptor, Kind::Manifest, MAX_DOCUMENT_SIZE).await
    }

    /// What the image's tag or digest is now, and its document, from the cache if it is there.
    pub async fn fetch(&self, image: &Reference) -> Result<(Descriptor, Document), RegistryError> {
        let descriptor = self.resolve(image).await?;
        let document = self.document(image, &descriptor).await?;
        Ok((descriptor, document))
    }

    /// The configuration that a manifest names, from the cache if it is there.
    pub async fn config(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
    ) -> Result<ImageConfig, RegistryError> {
        let bytes = self.content(image, descriptor, Kind::Blob, MAX_DOCUMENT_SIZE).await?;
        ImageConfig::parse(&bytes).map_err(|source| RegistryError::NotADocument {
            registry: image.registry().to_owned(),
            repository: image.repository().to_owned(),
            what: descriptor.digest.to_string(),
            source: Arc::new(source),
        })
    }

    /// A blob of at most 16 MiB, from the cache if it is there.
    pub async fn blob(&self, image: &Reference, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        self.content(image, descriptor, Kind::Blob, MAX_BLOB_IN_MEMORY).await
    }

    /// A blob of any size, in a file of the cache; `progress` is told how many bytes there are.
    ///
    /// Where a connection breaks, the download goes on from there, in this process or a later one. Of several
    /// processes that want the same blob one gets it and the others wait.
    pub async fn download(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
        progress: &dyn Fn(u64),
    ) -> Result<Utf8PathBuf, RegistryError> {
        let Some(store) = &self.store else {
            return Err(RegistryError::NoCache(descriptor.digest.clone()));
        };
        let download = Download { exchange: &self.exchange, store, image, descriptor, progress };
        if let Some(path) = download.cached().await {
            return Ok(path);
        }
        let Some(partial) = download.begin().await? else {
            return Ok(store.path(&descriptor.digest));
        };
        let partial = tokio::sync::Mutex::new(partial);
        let filled = self
            .at_endpoints(image, async |endpoint| {
                // Endpoints are asked one after the other; the lock is never waited for.
                download.fill(endpoint, &mut *partial.lock().await).await
            })
            .await;
        let partial = partial.into_inner();
        match filled {
            Ok(()) => download.finish(partial),
            Err(error) => {
                if !download::is_interruption(&error) {
                    partial.discard();
                }
                Err(error)
            }
        }
    }

    /// A blob of any size, where it is in the cache already; nobody is asked for it.
    pub async fn cached(&self, image: &Reference, descriptor: &Descriptor) -> Option<Utf8PathBuf> {
        let store = self.store.as_ref()?;
        let (exchange, progress) = (&self.exchange, &|_| {});
        Download { exchange, store, image, descriptor, progress }.cached().await
    }

    /// Small content by its digest: seen in this run, in the cache, or at an endpoint.
    async fn content(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
        kind: Kind,
        limit: u64,
    ) -> Result<Bytes, RegistryError> {
        let Descriptor { digest, size, .. } = descriptor;
        if *size > limit {
            let (registry, what) = (image.registry().to_owned(), digest.to_string());
            return Err(RegistryError::TooLarge { registry, what, limit });
        }
        let cell = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.entry(digest.clone()).or_default().clone()
        };
        let got = cell.get_or_try_init(|| async {
            if let Some(bytes) = self.stored(digest, limit) {
                return Ok(bytes);
            }
            let bytes = self.at_endpoints(image, async |endpoint| {
                let patient = self.exchange.patiently(endpoint, async || {
                    self.content_at(endpoint, image, descriptor, kind, limit).await
                });
                patient.await
            });
            let bytes = bytes.await?;
            self.keep(digest, &bytes);
            Ok(bytes)
        });
        let bytes = got.await?.clone();
        if bytes.len() as u64 != *size {
            return Err(wrong_size(image.registry(), descriptor, bytes.len()));
        }
        if *size > MAX_DOCUMENT_SIZE {
            // Large content is not worth the memory once nobody waits for it.
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
        }
        Ok(bytes)
    }

    async fn content_at(
        &self,
        endpoint: &Endpoint,
        image: &Reference,
        descriptor: &Descriptor,
        kind: Kind,
        limit: u64,
    ) -> Result<Bytes, Failure> {
        let digest = &descriptor.digest;
        let (folder, accept) = match kind {
            Kind::Manifest => ("manifests", Some(manifest::accept())),
            Kind::Blob => ("blobs", None),
        };
        let ask = Ask {
            endpoint,
            repository: image.repository(),
            method: Method::GET,
            rest: format!("{folder}/{digest}"),
            accept,
            offset: 0,
            giving: None,
            missing: Missing::Digest(digest.clone()),
        };
        let answer = self.exchange.ask(&ask).await?;
        let is_page = answer.header(reqwest::header::CONTENT_TYPE).is_some_and(body::is_html);
        let settings = &self.exchange.transport.settings;
        let bytes = body::read(answer, &endpoint.name, digest.as_str(), limit, settings).await?;
        if digest.matches(&bytes) {
            if bytes.len() as u64 == descriptor.size {
                return Ok(bytes);
            }
            return Err(Failure::lasting(wrong_size(&endpoint.name, descriptor, bytes.len())));
        }
        let wrong = if is_page {
            manifest::is_page(endpoint)
        } else {
            manifest::wrong_digest(endpoint, digest, &bytes)
        };
        Err(Failure::lasting(wrong))
    }

    fn stored(&self, digest: &Digest, limit: u64) -> Option<Bytes> {
        self.store.as_ref()?.read(digest, limit)
    }

    /// Keeps content that came along with an answer.
    fn hold(&self, digest: &Digest, bytes: &Bytes) {
        let cell = Arc::new(tokio::sync::OnceCell::new_with(Some(bytes.clone())));
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(digest.clone(), cell);
        self.keep(digest, bytes);
    }

    fn keep(&self, digest: &Digest, bytes: &Bytes) {
        if let Some(store) = &self.store
            && let Err(error) = store.write(digest, bytes)
        {
            // A cache that cannot be written to costs time, not the result.
            self.exchange
                .transport
                .telling
                .note(&format!("nothing is cached: {}", error::in_one_line(&error)));
        }
    }

    /// Asks the mirrors of the image's registry in order, then the registry itself.
    async fn at_endpoints<T>(
        &self,
        image: &Reference,
        work: impl AsyncFn(&Endpoint) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let settings = Arc::clone(&self.exchange.transport.settings);
        let mut mirrors = Vec::new();
        for mirror in settings.mirrors(image.registry()) {
            let down =
                self.down.lock().unwrap_or_else(PoisonError::into_inner).get(&mirror.authority).cloned();
            let error = match down {
                Some(error) => error,
                None => match work(mirror).await {
                    Ok(done) => return Ok(done),
                    Err(error) => error,
                },
            };
            if is_out_of_reach(&error) {
                let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
                down.insert(mirror.authority.clone(), error.clone());
            }
            let name = mirror.mirror.clone().unwrap_or_else(|| mirror.authority.clone());
            let why = || format!("mirror `{name}` did not help: {}", error::in_one_line(&error));
            self.exchange.transport.telling.detail(why);
            mirrors.push(MirrorFailure { mirror: name, error: Box::new(error) });
        }
        let endpoint = Endpoint::registry(image.registry(), &settings);
        work(&endpoint).await.map_err(|error| after_mirrors(image.registry(), mirrors, error))
    }
}

/// The failure of a registry, told together with those of its mirrors.
fn after_mirrors(registry: &str, mut mirrors: Vec<MirrorFailure>, error: RegistryError) -> RegistryError {
    if is_out_of_reach(&error)
        && let Some(index) = mirrors.iter().position(|mirror| mirror.error.is_not_found())
        && let RegistryError::NotFound { registry: mirror, repository, missing, .. } =
            *mirrors.swap_remove(index).error
    {
        let (unreached, source) = (Some(registry.to_owned()), Some(Arc::new(error) as Cause));
        return RegistryError::NotFound { registry: mirror, repository, missing, unreached, source };
    }
    // What the registry itself does not have, a mirror could not have had.
    if error.is_not_found() || mirrors.is_empty() {
        return error;
    }
    error.after(mirrors)
}

/// Whether nobody could be asked, as opposed to an answer that does not help.
fn is_out_of_reach(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::Unreachable { .. }
            | RegistryError::Timeout { .. }
            | RegistryError::NoTls { .. }
            | RegistryError::CertificateNotTrusted { .. }
            | RegistryError::Setup { .. }
    )
}

fn wrong_size(registry: &str, descriptor: &Descriptor, found: usize) -> RegistryError {
    RegistryError::SizeMismatch {
        registry: registry.to_owned(),
        digest: descriptor.digest.clone(),
        expected: descriptor.size,
        found: found as u64,
    }
}

#[cfg(test)]
mod tests;
