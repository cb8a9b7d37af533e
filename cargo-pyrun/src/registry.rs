//! Registries: what images there are, and their documents and blobs.
//!
//! [`Registry`] is a thin client for the reading half of the [distribution-spec].
//!
//! [distribution-spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md

mod error;
mod event;
mod settings;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use camino::Utf8PathBuf;
use pyimage_build::{Descriptor, Digest, Document, ImageConfig, MAX_DOCUMENT_SIZE, MediaType, Reference};
use reqwest::header;

use crate::cache::Cache;

pub use error::{Cause, MirrorFailure, Missing, RegistryError, Said};
pub use event::Event;
pub use settings::RegistrySettings;

/// The most bytes of a blob that is read into memory.
const MAX_BLOB_IN_MEMORY: u64 = 16 * 1024 * 1024;

/// A client for every registry, to be shared by reference.
#[derive(Debug)]
pub struct Registry {
    settings: RegistrySettings,
    cache: Option<Cache>,
    client: OnceLock<reqwest::Client>,
    notes: Mutex<Vec<String>>,
}

impl Registry {
    /// A client that keeps what it reads in `cache`. Nothing is opened, read or started yet.
    pub fn new(settings: RegistrySettings, cache: Option<Cache>) -> Result<Self, RegistryError> {
        Ok(Self { settings, cache, client: OnceLock::new(), notes: Mutex::default() })
    }

    /// What stopped nothing and should be known, such as a credential helper that fails; each once.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All tags of the image's repository, in the registry's order.
    pub async fn tags(&self, image: &Reference) -> Result<Vec<String>, RegistryError> {
        #[derive(serde::Deserialize)]
        struct List {
            tags: Option<Vec<String>>,
        }
        let answer = self.get(image, "tags/list", Missing::Repository).await?;
        let bytes = body(image, "the list of tags", MAX_DOCUMENT_SIZE, answer).await?;
        let list: List = serde_json::from_slice(&bytes).map_err(|error| RegistryError::NotARegistry {
            host: image.registry().to_owned(),
            why: format!("its list of tags is no JSON of one: {error}"),
        })?;
        Ok(list.tags.unwrap_or_default())
    }

    /// What the image's tag or digest is now, without its document: on Docker Hub this is no pull.
    pub async fn resolve(&self, image: &Reference) -> Result<Descriptor, RegistryError> {
        Ok(self.fetch(image).await?.0)
    }

    /// The document that a descriptor names, from the cache if it is there.
    pub async fn document(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Document, RegistryError> {
        let path = format!("manifests/{}", descriptor.digest);
        let answer = self.get(image, &path, Missing::Digest(descriptor.digest.clone())).await?;
        let bytes = body(image, descriptor.digest.as_str(), MAX_DOCUMENT_SIZE, answer).await?;
        verify(image, descriptor, &bytes)?;
        parse(image, descriptor, &bytes)
    }

    /// What the image's tag or digest is now, and its document.
    pub async fn fetch(&self, image: &Reference) -> Result<(Descriptor, Document), RegistryError> {
        let what = image.digest().map_or(image.tag().unwrap_or("latest"), Digest::as_str);
        let answer = self.get(image, &format!("manifests/{what}"), Missing::of(image)).await?;
        let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = MediaType::from(kind.unwrap_or_default());
        let bytes = body(image, what, MAX_DOCUMENT_SIZE, answer).await?;
        let descriptor = Descriptor {
            media_type,
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            platform: None,
            annotations: std::collections::BTreeMap::default(),
        };
        let document = parse(image, &descriptor, &bytes)?;
        Ok((Descriptor { media_type: document.media_type().clone(), ..descriptor }, document))
    }

    /// The configuration that a manifest names, from the cache if it is there.
    pub async fn config(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
    ) -> Result<ImageConfig, RegistryError> {
        let bytes = self.blob(image, descriptor).await?;
        ImageConfig::parse(&bytes).map_err(|source| RegistryError::NotADocument {
            registry: image.registry().to_owned(),
            repository: image.repository().to_owned(),
            what: descriptor.digest.to_string(),
            source: Arc::new(source),
        })
    }

    /// A blob of at most 16 MiB, from the cache if it is there.
    pub async fn blob(&self, image: &Reference, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        let path = format!("blobs/{}", descriptor.digest);
        let answer = self.get(image, &path, Missing::Digest(descriptor.digest.clone())).await?;
        let bytes = body(image, descriptor.digest.as_str(), MAX_BLOB_IN_MEMORY, answer).await?;
        verify(image, descriptor, &bytes)?;
        Ok(bytes)
    }

    /// A blob of any size, in a file of the cache; `progress` is told how many bytes there are.
    pub async fn download(
        &self,
        image: &Reference,
        descriptor: &Descriptor,
        progress: &dyn Fn(u64),
    ) -> Result<Utf8PathBuf, RegistryError> {
        let keep =
            |source| RegistryError::Cache { what: descriptor.digest.to_string(), source: Arc::new(source) };
        let Some(cache) = &self.cache else {
            return Err(RegistryError::NoCache(descriptor.digest.clone()));
        };
        let bytes = self.blob(image, descriptor).await?;
        progress(bytes.len() as u64);
        let entry = format!("blobs/{}/{}", descriptor.digest.algorithm(), descriptor.digest.hex());
        cache.write(&entry, &bytes).map_err(keep)?;
        Ok(cache.root().join(entry))
    }

    async fn get(
        &self,
        image: &Reference,
        path: &str,
        missing: Missing,
    ) -> Result<reqwest::Response, RegistryError> {
        let registry = image.registry().to_owned();
        let mirror = self.settings.mirrors.iter().find(|(host, _)| *host == registry);
        let base = match mirror {
            Some((_, url)) => url.trim_end_matches('/').to_owned(),
            None if registry.starts_with("localhost") || registry.starts_with("127.") => {
                format!("http://{registry}")
            }
            None if registry == "docker.io" => "https://registry-1.docker.io".to_owned(),
            None => format!("https://{registry}"),
        };
        let accept = MediaType::DOCUMENTS.map(|kind| kind.to_string()).join(", ");
        let unreachable =
            |source| RegistryError::Unreachable { host: registry.clone(), source: Arc::new(source) };
        // A second provider is no failure: the first one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().build().map_err(unreachable)?;
        let client = self.client.get_or_init(|| client);
        let url = format!("{base}/v2/{}/{path}", image.repository());
        let answer = client.get(url).header(header::ACCEPT, accept).send().await.map_err(unreachable)?;
        match answer.status().as_u16() {
            200 => Ok(answer),
            404 => Err(RegistryError::NotFound {
                registry,
                repository: image.repository().to_owned(),
                missing,
                unreached: None,
                source: None,
            }),
            status => Err(RegistryError::Refused { registry, status, source: None }),
        }
    }
}

async fn body(
    image: &Reference,
    what: &str,
    limit: u64,
    answer: reqwest::Response,
) -> Result<Bytes, RegistryError> {
    let registry = image.registry().to_owned();
    if answer.content_length().is_some_and(|length| length > limit) {
        return Err(RegistryError::TooLarge { registry, what: what.to_owned(), limit });
    }
    answer.bytes().await.map_err(|source| RegistryError::Broken { host: registry, source: Arc::new(source) })
}

fn verify(image: &Reference, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), RegistryError> {
    let mut hasher = descriptor.digest.hasher();
    hasher.update(bytes);
    hasher.finish().map_err(|found| RegistryError::DigestMismatch {
        registry: image.registry().to_owned(),
        expected: descriptor.digest.clone(),
        found,
    })
}

fn parse(image: &Reference, descriptor: &Descriptor, bytes: &[u8]) -> Result<Document, RegistryError> {
    Document::parse(bytes, Some(&descriptor.media_type)).map_err(|source| RegistryError::NotADocument {
        registry: image.registry().to_owned(),
        repository: image.repository().to_owned(),
        what: descriptor.digest.to_string(),
        source: Arc::new(source),
    })
}
