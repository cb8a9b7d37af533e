//! Lists of tags in pages, honest and endless.

use std::io;

use super::fault::Reply;
use super::http;
use super::request::Request;

const JSON: &str = "application/json";

/// The page of a list that a request asks for, of so many tags at most, and a link to the next.
pub(super) fn page(upstream: &str, target: &str, request: &Request, most: usize) -> io::Result<Reply> {
    let target = target.split('?').next().unwrap_or(target);
    let listed = http::ask(upstream, "GET", target, &[], &[])?;
    if listed.status != 200 {
        return Ok(Reply::new(listed.status, JSON, listed.body));
    }
    let whole: serde_json::Value = serde_json::from_slice(&listed.body)?;
    let mut tags: Vec<&str> =
        whole["tags"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    tags.sort_unstable();
    if let Some(last) = request.parameter("last") {
        tags.retain(|tag| *tag > last.as_str());
    }
    let asked = request.parameter("n").and_then(|n| n.parse().ok()).unwrap_or(most);
    let size = most.min(asked);
    let rest = tags.len() > size;
    tags.truncate(size);
    let reply = list_of(request, &tags)?;
    Ok(match tags.last() {
        Some(last) if rest => linked(reply, request, size, last),
        _ => reply,
    })
}

/// A page of one tag that nobody has seen, and a link to another.
pub(super) fn endless(request: &Request) -> io::Result<Reply> {
    let last = request.parameter("last").unwrap_or_default();
    let number = last.strip_prefix("endless-").and_then(|number| number.parse().ok()).unwrap_or(0_u64);
    let tag = format!("endless-{}", number + 1);
    Ok(linked(list_of(request, &[&tag])?, request, 1, &tag))
}

/// A page that links to itself.
pub(super) fn in_a_loop(request: &Request) -> io::Result<Reply> {
    Ok(linked(list_of(request, &["3.13-slim", "3.13"])?, request, 2, "3.13-slim"))
}

fn list_of(request: &Request, tags: &[&str]) -> io::Result<Reply> {
    let name = request.path.trim_start_matches("/v2/").trim_end_matches("/tags/list");
    let body = serde_json::to_vec(&serde_json::json!({ "name": name, "tags": tags }))?;
    Ok(Reply::new(200, JSON, body))
}

fn linked(reply: Reply, request: &Request, size: usize, last: &str) -> Reply {
    reply.with("Link", format!("<{}?last={last}&n={size}>; rel=\"next\"", request.path))
}
