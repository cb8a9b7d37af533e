//! The list of a repository's tags, which comes in pages.

use std::collections::HashSet;

use reqwest::{Method, Url, header};
use serde::Deserialize;

use super::body;
use super::endpoint::{Endpoint, shown};
use super::error::{Missing, RegistryError};
use super::exchange::{Ask, Exchange};
use super::failure::Failure;
use super::link;

/// How many tags to ask for at once: the most that registries commonly give.
const PAGE: usize = 1000;
/// More pages than any repository has, against lists without an end.
const MAX_PAGES: usize = 1000;
/// The most bytes of one page.
const MAX_PAGE_SIZE: u64 = 4 * 1024 * 1024;

#[derive(Deserialize)]
struct Page {
    /// `null` where there are none, but there all the same.
    #[serde(deserialize_with = "Option::deserialize")]
    tags: Option<Vec<String>>,
}

/// All tags, in the registry's order.
///
/// The [distribution-spec] has the next page's address in a `Link` header. A page without a new tag is the last, so
/// that no registry can lead in a circle.
///
/// [distribution-spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
pub(super) async fn list(
    exchange: &Exchange,
    endpoint: &Endpoint,
    repository: &str,
) -> Result<Vec<String>, RegistryError> {
    let mut tags = Vec::new();
    let mut seen = HashSet::new();
    let mut rest = format!("tags/list?n={PAGE}");
    for number in 0..MAX_PAGES {
        let page = exchange.patiently(endpoint, async || page(exchange, endpoint, repository, &rest).await);
        let (page, next) = match page.await {
            // Some registries allow fewer at once, and say so with an error.
            Err(RegistryError::Refused { status: 400 | 422, .. }) if number == 0 => {
                let plain = "tags/list";
                exchange
                    .patiently(endpoint, async || self::page(exchange, endpoint, repository, plain).await)
                    .await?
            }
            page => page?,
        };
        let before = tags.len();
        tags.extend(page.into_iter().filter(|tag| seen.insert(tag.clone())));
        match next {
            Some(next) if tags.len() > before => rest = next,
            _ => return Ok(tags),
        }
    }
    let host = endpoint.name.clone();
    Err(RegistryError::NotARegistry {
        host,
        why: format!("its list of tags has more than {MAX_PAGES} pages"),
    })
}

/// One page, and what to ask for the next.
async fn page(
    exchange: &Exchange,
    endpoint: &Endpoint,
    repository: &str,
    rest: &str,
) -> Result<(Vec<String>, Option<String>), Failure> {
    let ask = Ask {
        endpoint,
        repository,
        method: Method::GET,
        rest: rest.to_owned(),
        accept: None,
        offset: 0,
        giving: None,
        missing: Missing::Repository,
    };
    let answer = exchange.ask(&ask).await?;
    let wrong = |why| Failure::lasting(RegistryError::NotARegistry { host: endpoint.name.clone(), why });
    let url = answer.response.url().clone();
    let links = answer.response.headers().get_all(header::LINK);
    let next = links.iter().find_map(|value| link::next(value.to_str().ok()?)).map(str::to_owned);
    let next = next.map(|target| next_page(&url, &target).map_err(wrong)).transpose()?;
    let settings = &exchange.transport.settings;
    let bytes = body::read(answer, &endpoint.name, "the list of tags", MAX_PAGE_SIZE, settings).await?;
    let page: Page =
        serde_json::from_slice(&bytes).map_err(|_| wrong("it sends no list of tags".to_owned()))?;
    Ok((page.tags.unwrap_or_default(), next))
}

/// What to ask for the next page: the query of the link, which must lead to the same list.
fn next_page(url: &Url, target: &str) -> Result<String, String> {
    let next = url
        .join(target)
        .map_err(|_| format!("its list of tags goes on at `{target}`, which is no address"))?;
    // A proxy before the registry may change scheme, port and path, so what counts is the host alone.
    if next.host_str() != url.host_str() {
        return Err(format!("its list of tags goes on at another host, `{}`", shown(&next)));
    }
    Ok(next.query().map_or("tags/list".to_owned(), |query| format!("tags/list?{query}")))
}
