//! Manifests, by their digests or under a tag.

use bytes::Bytes;
use pyimage_build::{Blob, Digest, MAX_DOCUMENT_SIZE, MediaType};
use reqwest::Method;
use reqwest::header::{self, HeaderName, HeaderValue};

use super::Job;
use crate::registry::body;
use crate::registry::content::Content;
use crate::registry::error::{Missing, RegistryError};
use crate::registry::exchange::{Ask, Giving};
use crate::registry::failure::Failure;
use crate::registry::manifest::{self, DIGEST};
use crate::registry::transport::Answer;

/// What a document refers to, from a registry that knows of such things.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

impl Job<'_> {
    /// Stores a document under a tag, or else under its digest; tells how many bytes were sent.
    pub(super) async fn put(&self, document: &Blob, tag: Option<&str>) -> Result<u64, RegistryError> {
        self.store(document, tag).await.map(|_| document.descriptor.size)
    }

    /// The same; tells whether the registry has taken note of what the document refers to.
    pub(super) async fn store(&self, document: &Blob, tag: Option<&str>) -> Result<bool, RegistryError> {
        let Blob { descriptor, bytes } = document;
        let name = tag.unwrap_or(descriptor.digest.as_str());
        let mut giving =
            Giving { content: Some(Content::Whole(Bytes::copy_from_slice(bytes))), ..Giving::default() };
        giving.headers.insert(header::CONTENT_TYPE, content_type(&descriptor.media_type));
        let exchange = &self.registry.exchange;
        let stored = exchange.patiently(&self.endpoint, async || {
            let ask = self.ask(Method::PUT, format!("manifests/{name}"), &giving);
            let answer = exchange.ask(&ask).await?;
            self.check(&answer, &descriptor.digest)?;
            let has_subject = answer.header(SUBJECT).is_some();
            answer.finish().await;
            Ok(has_subject)
        });
        stored.await
    }

    /// Reads something of the repository, if it is there.
    pub(super) async fn read(&self, rest: &str) -> Result<Option<Bytes>, RegistryError> {
        Ok(self.sent(rest).await?.map(|(_, bytes)| bytes))
    }

    /// Reads a document of the repository, if it is there.
    pub(super) async fn document(&self, rest: &str) -> Result<Option<Blob>, RegistryError> {
        Ok(self.sent(rest).await?.map(|(media_type, bytes)| Blob::new(media_type, bytes.to_vec())))
    }

    async fn sent(&self, rest: &str) -> Result<Option<(MediaType, Bytes)>, RegistryError> {
        let (exchange, giving) = (&self.registry.exchange, Giving::default());
        let read = exchange.patiently(&self.endpoint, async || {
            let ask =
                Ask { accept: Some(manifest::accept()), ..self.ask(Method::GET, rest.to_owned(), &giving) };
            let answer = exchange.ask(&ask).await?;
            let media_type = MediaType::from(answer.header(header::CONTENT_TYPE).unwrap_or_default());
            let settings = &exchange.transport.settings;
            let bytes = body::read(answer, &self.endpoint.name, rest, MAX_DOCUMENT_SIZE, settings).await?;
            Ok((media_type, bytes))
        });
        match read.await {
            Ok(sent) => Ok(Some(sent)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for the headers of something, which it has to have; nothing where such questions are not answered.
    pub(super) async fn head(&self, rest: &str, missing: Missing) -> Result<Option<Answer>, RegistryError> {
        let (exchange, giving) = (&self.registry.exchange, Giving::default());
        let asked = exchange.patiently(&self.endpoint, async || {
            let ask = Ask {
                accept: rest.starts_with("manifests/").then(manifest::accept),
                missing: missing.clone(),
                ..self.ask(Method::HEAD, rest.to_owned(), &giving)
            };
            exchange.ask(&ask).await
        });
        match asked.await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_no_answer(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a registry stored has the digest that we think it has.
    fn check(&self, answer: &Answer, expected: &Digest) -> Result<(), Failure> {
        let found = answer.header(DIGEST).and_then(|found| found.parse::<Digest>().ok());
        match found {
            Some(found) if found != *expected && found.algorithm() == expected.algorithm() => {
                let (registry, expected) = (self.endpoint.name.clone(), expected.clone());
                Err(Failure::lasting(RegistryError::DigestMismatch { registry, expected, found }))
            }
            _ => Ok(()),
        }
    }
}

fn is_no_answer(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::Refused { status: 400 | 404 | 405, .. } | RegistryError::Server { status: 501, .. }
    )
}

fn content_type(media_type: &MediaType) -> HeaderValue {
    // Those that we write are all text for a header.
    HeaderValue::from_str(media_type.as_str())
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}
