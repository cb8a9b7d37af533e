//! What a registry was asked, for a test to look at.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::http::{Headers, RequestHead};

/// Fields that tell who asks.
const CREDENTIALS: [&str; 3] = ["Authorization", "Proxy-Authorization", "Cookie"];

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET` and its like.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// What follows the `?`; empty where there is none.
    pub query: String,
    /// The `host:port` in the request's own line, as a proxy sees it.
    pub proxied: Option<String>,
    /// The answer's status, once there is one.
    pub status: Option<u16>,
    /// When its head was there.
    pub came: Instant,
    /// When the last of the answer was written.
    pub done: Option<Instant>,
    headers: Headers,
    /// All that was sent: the head, and what a form said.
    text: String,
}

impl Request {
    pub(super) fn new(head: &RequestHead) -> Self {
        let target = head.target.as_str();
        let absolute =
            target.strip_prefix("http://").map(|rest| rest.split_at(rest.find('/').unwrap_or(rest.len())));
        let (proxied, target) = absolute.map_or((None, target), |(host, path)| (Some(host.to_owned()), path));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: head.method.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            proxied,
            status: None,
            came: Instant::now(),
            done: None,
            headers: head.headers.clone(),
            text: head.text.clone(),
        }
    }

    /// A field's value, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The field `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> Option<&str> {
        self.header("Authorization")
    }

    /// Whether any field tells who asks.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        CREDENTIALS.iter().any(|name| self.header(name).is_some())
    }

    /// A parameter of the query, decoded; the first of its name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameters(&self.query).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// All parameters of this name: a token's request may have a scope several times.
    #[must_use]
    pub fn parameters(&self, name: &str) -> Vec<String> {
        parameters(&self.query).into_iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// Whether it matches a method and a path's pattern; `*` is any method, and any part of a path.
    #[must_use]
    pub fn is(&self, method: &str, pattern: &str) -> bool {
        (method == "*" || method == self.method) && matches(pattern, &self.path)
    }

    /// Whether this text was anywhere in it.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

/// The pairs of a query or of a form, decoded.
pub(super) fn parameters(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

/// Whether a path is one that a pattern with `*` for any text means.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((start, rest)) => path.strip_prefix(start).is_some_and(|path| {
            (0..=path.len()).any(|at| path.get(at..).is_some_and(|end| matches(rest, end)))
        }),
    }
}

/// All requests of a registry, and how many there were at once.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: Mutex<Vec<Request>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Log {
    /// Notes a request; gives its number.
    pub(super) fn begin(&self, request: Request) -> usize {
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let mut requests = self.requests();
        requests.push(request);
        requests.len() - 1
    }

    pub(super) fn form(&self, number: usize, form: &str) {
        self.requests()[number].text.push_str(form);
    }

    pub(super) fn status(&self, number: usize, status: u16) {
        self.requests()[number].status = Some(status);
    }

    pub(super) fn end(&self, number: usize) {
        self.requests()[number].done = Some(Instant::now());
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
