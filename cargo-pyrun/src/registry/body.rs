//! What stands in an answer: content, or why there is none.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use reqwest::StatusCode;
use reqwest::header;
use serde::Deserialize;

use super::auth::Used;
use super::error::{Cause, Missing, RegistryError, Said};
use super::failure::{Again, Failure};
use super::retry::retry_after;
use super::settings::RegistrySettings;
use super::transport::Answer;

/// The most bytes of an error that are read.
const MAX_ERROR: usize = 64 * 1024;
/// The most characters of an error that are shown.
const MAX_SHOWN: usize = 300;

/// What nginx says to http where it speaks TLS.
const WANTS_TLS: &str = "The plain HTTP request was sent to HTTPS port";

/// What an answer that is a failure says about it.
#[derive(Debug, Default)]
pub(super) struct Explanation {
    pub(super) said: Option<Said>,
    /// Whether it is a page for people, which no registry sends.
    pub(super) is_page: bool,
    retry_after: Option<std::time::Duration>,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<SaidOnWire>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct SaidOnWire {
    code: String,
    message: String,
}

/// The errors of token services, which follow RFC 6749 or have one of the words below.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Other {
    error: String,
    error_description: String,
    details: String,
    message: String,
}

/// Reads why there is no content.
pub(super) async fn said(mut answer: Answer) -> Explanation {
    let is_page = answer.header(header::CONTENT_TYPE).is_some_and(is_html);
    let retry_after =
        answer.header(header::RETRY_AFTER).and_then(|value| retry_after(value, SystemTime::now()));
    let mut bytes = Vec::new();
    // Half of an explanation is better than none.
    while let Ok(Some(chunk)) = answer.response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ERROR {
            break;
        }
    }
    // nginx tells this on a page.
    let wants_tls = is_page && String::from_utf8_lossy(&bytes).contains(WANTS_TLS);
    let said = if is_page {
        wants_tls.then(|| Said { code: String::new(), message: WANTS_TLS.to_owned() })
    } else {
        parse(&bytes)
    };
    Explanation { said, is_page: is_page && !wants_tls, retry_after }
}

/// Whether a `Content-Type` is that of a web page.
pub(super) fn is_html(content_type: &str) -> bool {
    content_type.trim_start().to_ascii_lowercase().starts_with("text/html")
}

fn parse(bytes: &[u8]) -> Option<Said> {
    let one_line = |text: &str| -> String {
        let words: Vec<_> = text.split_whitespace().collect();
        words.join(" ").chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect()
    };
    if let Ok(Errors { errors }) = serde_json::from_slice(bytes) {
        let first = errors.into_iter().next()?;
        let said = Said { code: one_line(&first.code), message: one_line(&first.message) };
        return Some(said).filter(|said| *said != Said::default());
    }
    let message = match serde_json::from_slice::<Other>(bytes) {
        Ok(other) => [other.error_description, other.details, other.message, other.error]
            .into_iter()
            .find(|text| !text.is_empty())?,
        // Plain words, as proxies and storage services have; XML is left out.
        Err(_) => {
            String::from_utf8(bytes.to_vec()).ok().filter(|text| !text.trim_start().starts_with('<'))?
        }
    };
    let message = one_line(&message);
    (!message.is_empty()).then(|| Said { code: String::new(), message })
}

/// What a status means that is no success.
pub(super) fn failure_of(
    status: StatusCode,
    registry: &str,
    repository: &str,
    used: &Used,
    explanation: Explanation,
) -> Failure {
    let Explanation { said, is_page, retry_after } = explanation;
    let registry = registry.to_owned();
    let source = said.map(|said| Arc::new(said) as Cause);
    let after = retry_after.map_or(Again::Soon, Again::After);
    match status.as_u16() {
        401 => Failure::lasting(RegistryError::Unauthorized {
            registry,
            repository: repository.to_owned(),
            credentials: used.to_string(),
            source,
        }),
        403 => Failure::lasting(RegistryError::Denied {
            registry,
            repository: repository.to_owned(),
            credentials: used.to_string(),
            source,
        }),
        429 => Failure {
            error: Box::new(RegistryError::TooManyRequests { registry, retry_after, source }),
            again: after,
        },
        status @ 500.. => {
            let error = RegistryError::Server { registry, status, source };
            // What is not implemented today is not in a moment either.
            let again = if status == 501 { Again::Never } else { after };
            Failure { error: Box::new(error), again }
        }
        408 => Failure::passing(RegistryError::Refused { registry, status: 408, source }),
        status if is_page => Failure::lasting(RegistryError::NotARegistry {
            host: registry,
            why: format!("it sends a web page (status {status})"),
        }),
        status => Failure::lasting(RegistryError::Refused { registry, status, source }),
    }
}

/// What status 404 means.
pub(super) fn not_found(
    registry: &str,
    repository: &str,
    missing: &Missing,
    explanation: Explanation,
) -> Failure {
    let Explanation { said, is_page, .. } = explanation;
    if is_page {
        return Failure::lasting(RegistryError::NotARegistry {
            host: registry.to_owned(),
            why: "it sends a web page (status 404)".to_owned(),
        });
    }
    let unknown = said.as_ref().is_some_and(|said| said.code == "NAME_UNKNOWN");
    Failure::lasting(RegistryError::NotFound {
        registry: registry.to_owned(),
        repository: repository.to_owned(),
        missing: if unknown { Missing::Repository } else { missing.clone() },
        unreached: None,
        source: said.map(|said| Arc::new(said) as Cause),
    })
}

/// Reads content into memory; `what` names it.
pub(super) async fn read(
    mut answer: Answer,
    registry: &str,
    what: &str,
    limit: u64,
    settings: &RegistrySettings,
) -> Result<Bytes, Failure> {
    let too_large = || {
        let (registry, what) = (registry.to_owned(), what.to_owned());
        Failure::lasting(RegistryError::TooLarge { registry, what, limit })
    };
    let announced = answer.response.content_length();
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    loop {
        match answer.response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(bytes.freeze()),
            Err(error) => {
                return Err(cut_off(
                    error,
                    &answer,
                    registry,
                    what,
                    (bytes.len() as u64, announced),
                    settings,
                ));
            }
        }
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
    }
}

/// What it means that an answer ended early, with so many bytes received of those announced.
pub(super) fn cut_off(
    error: reqwest::Error,
    answer: &Answer,
    registry: &str,
    what: &str,
    (received, announced): (u64, Option<u64>),
    settings: &RegistrySettings,
) -> Failure {
    match announced {
        Some(expected) if !error.is_timeout() => Failure::passing(RegistryError::Truncated {
            registry: registry.to_owned(),
            what: what.to_owned(),
            received,
            expected,
        }),
        _ => Failure::of(error, &answer.host(), settings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        parse(text.as_bytes()).map(|said| said.to_string())
    }

    #[test]
    fn the_registry_s_own_words_are_kept() {
        let text =
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"9"}}]}"#;
        assert_eq!(said(text).unwrap(), "the registry says: manifest unknown (MANIFEST_UNKNOWN)");
        let text = r#"{"details": "incorrect username or password"}"#;
        assert_eq!(said(text).unwrap(), "the registry says: incorrect username or password");
        let text = r#"{"error": "invalid_grant", "error_description": "the token\n ended"}"#;
        assert_eq!(said(text).unwrap(), "the registry says: the token ended");
        assert_eq!(said("no available server").unwrap(), "the registry says: no available server");
        for nothing in ["", "<?xml version='1.0'?>", r#"{"errors":[]}"#, r#"{"errors":[{}]}"#, "{}"] {
            assert_eq!(said(nothing), None, "{nothing}");
        }
    }
}
