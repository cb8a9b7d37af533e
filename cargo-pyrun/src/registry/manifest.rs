//! Indexes and manifests, as a registry sends them.

use std::sync::Arc;

use bytes::Bytes;
use pyimage_build::{Descriptor, Digest, Document, MAX_DOCUMENT_SIZE, MediaType, Reference};
use reqwest::Method;
use reqwest::header::{self, HeaderName, HeaderValue};

use super::body;
use super::endpoint::Endpoint;
use super::error::{Missing, RegistryError};
use super::exchange::{Ask, Exchange};
use super::failure::Failure;
use super::transport::Answer;

/// The digest of what was asked for, which registries need not send.
pub(super) const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Every document that is an image's, OCI's and Docker's.
pub(super) fn accept() -> HeaderValue {
    let types = MediaType::DOCUMENTS.map(|kind| kind.as_str().to_owned()).join(", ");
    HeaderValue::from_str(&types).unwrap_or_else(|_| HeaderValue::from_static("*/*"))
}

/// What the tag or digest of a reference is at an endpoint, with the document if it came along.
///
/// `HEAD` is asked first: Docker Hub counts a `GET` of a manifest as a pull. Some registries refuse it, leave
/// headers out, or answer 404 to it without saying what is missing; a `GET` makes it sure.
pub(super) async fn resolve(
    exchange: &Exchange,
    endpoint: &Endpoint,
    image: &Reference,
) -> Result<(Descriptor, Option<Bytes>), Failure> {
    let name = image.digest().map_or(image.tag().unwrap_or("latest"), Digest::as_str);
    let ask = |method| Ask {
        endpoint,
        repository: image.repository(),
        method,
        rest: format!("manifests/{name}"),
        accept: Some(accept()),
        offset: 0,
        giving: None,
        missing: Missing::of(image),
    };
    match exchange.ask(&ask(Method::HEAD)).await {
        Ok(answer) => {
            if let Some(descriptor) = described(&answer) {
                check(endpoint, image, &descriptor.digest)?;
                return Ok((descriptor, None));
            }
        }
        Err(failure) if is_refused_head(&failure.error) => {}
        Err(failure) => return Err(failure),
    }
    let answer = exchange.ask(&ask(Method::GET)).await?;
    let content_type = answer.header(header::CONTENT_TYPE).map(str::to_owned);
    let claimed = answer.header(DIGEST).and_then(|digest| digest.parse::<Digest>().ok());
    let settings = &exchange.transport.settings;
    let bytes = body::read(answer, &endpoint.name, name, MAX_DOCUMENT_SIZE, settings).await?;
    if content_type.as_deref().is_some_and(body::is_html) {
        return Err(Failure::lasting(is_page(endpoint)));
    }
    for expected in image.digest().into_iter().chain(&claimed) {
        if !expected.matches(&bytes) {
            return Err(Failure::lasting(wrong_digest(endpoint, expected, &bytes)));
        }
    }
    let media_type = content_type.as_deref().map(MediaType::from);
    let mut descriptor =
        describe(image, &endpoint.name, name, &bytes, media_type.as_ref()).map_err(Failure::lasting)?;
    // The digest that was asked for, or else the registry's own, may be a SHA-512.
    if let Some(digest) = image.digest().cloned().or(claimed) {
        descriptor.digest = digest;
    }
    Ok((descriptor, Some(bytes)))
}

/// The answers to `HEAD` that a `GET` may better, or explain.
fn is_refused_head(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::NotFound { .. }
            | RegistryError::Refused { .. }
            | RegistryError::NotARegistry { .. }
            | RegistryError::Unauthorized { source: None, .. }
            | RegistryError::Denied { source: None, .. }
    )
}

/// The descriptor in the headers of an answer, where they have all of it.
fn described(answer: &Answer) -> Option<Descriptor> {
    let media_type = MediaType::from(answer.header(header::CONTENT_TYPE)?);
    let digest = answer.header(DIGEST)?.parse().ok()?;
    // Not the length of the body, which a HEAD does not have.
    let size = answer.header(header::CONTENT_LENGTH)?.parse().ok().filter(|size| *size > 0)?;
    let known = media_type.is_index() || media_type.is_manifest();
    known.then(|| Descriptor::new(media_type, digest, size))
}

fn check(endpoint: &Endpoint, image: &Reference, found: &Digest) -> Result<(), Failure> {
    match image.digest() {
        Some(expected) if expected != found && expected.algorithm() == found.algorithm() => {
            let (registry, expected, found) = (endpoint.name.clone(), expected.clone(), found.clone());
            Err(Failure::lasting(RegistryError::DigestMismatch { registry, expected, found }))
        }
        _ => Ok(()),
    }
}

/// The descriptor of a document that was sent as `sent`.
pub(super) fn describe(
    image: &Reference,
    registry: &str,
    what: &str,
    bytes: &Bytes,
    sent: Option<&MediaType>,
) -> Result<Descriptor, RegistryError> {
    let document = parse(image, registry, what, bytes, sent)?;
    Ok(Descriptor::new(document.media_type().clone(), Digest::of(bytes), bytes.len() as u64))
}

/// Reads a document.
pub(super) fn parse(
    image: &Reference,
    registry: &str,
    what: &str,
    bytes: &Bytes,
    sent: Option<&MediaType>,
) -> Result<Document, RegistryError> {
    Document::parse(bytes, sent).map_err(|source| RegistryError::NotADocument {
        registry: registry.to_owned(),
        repository: image.repository().to_owned(),
        what: what.to_owned(),
        source: Arc::new(source),
    })
}

/// A web page where content should be.
pub(super) fn is_page(endpoint: &Endpoint) -> RegistryError {
    RegistryError::NotARegistry { host: endpoint.name.clone(), why: "it sends a web page".to_owned() }
}

/// Content that is not what its digest names.
pub(super) fn wrong_digest(endpoint: &Endpoint, expected: &Digest, bytes: &[u8]) -> RegistryError {
    let mut hasher = expected.hasher();
    hasher.update(bytes);
    RegistryError::DigestMismatch {
        registry: endpoint.name.clone(),
        expected: expected.clone(),
        found: hasher.finish().err().unwrap_or_else(|| Digest::of(bytes)),
    }
}
