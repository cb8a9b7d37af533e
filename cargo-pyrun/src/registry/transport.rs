//! One request and its answer: clients, limits and redirects.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::content::Content;
use super::credentials::Secret;
use super::endpoint::{authority, host_and_port, is_loopback, redacted, shown};
use super::error::{Cause, RegistryError};
use super::event::Event;
use super::failure::Failure;
use super::settings::RegistrySettings;
use super::telling::Telling;

/// As many redirects as curl and Go follow in a sensible setup.
const MAX_REDIRECTS: usize = 10;
/// Connections to one host that are kept for the next request.
const MAX_IDLE: usize = 64;

/// The body of a redirect that is worth reading to keep its connection.
const MAX_DRAINED: u64 = 16 * 1024;

/// A request, before it is known where redirects lead it.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    /// Sent wherever redirects lead.
    pub(super) headers: HeaderMap,
    /// Sent to this host alone.
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: Option<Secret>,
    /// Sent wherever redirects lead.
    pub(super) content: Option<Content>,
    /// Whether the host was allowed by name to have any certificate.
    pub(super) unverified: bool,
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response,
    /// Whether the host that was asked answered, and not one that a redirect leads to.
    pub(super) own: bool,
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header's value, where it is text.
    pub(super) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Reads what is left of a short body, so that the connection can serve again.
    pub(super) async fn finish(mut self) {
        if self.response.content_length().is_some_and(|length| length <= MAX_DRAINED) {
            while let Ok(Some(_)) = self.response.chunk().await {}
        }
    }

    /// Host and port that answered.
    pub(super) fn host(&self) -> String {
        host_and_port(self.response.url())
    }
}

/// Sends requests.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) settings: Arc<RegistrySettings>,
    pub(super) telling: Arc<Telling>,
    clients: [OnceLock<Result<Client, Cause>>; 2 * KINDS],
}

/// How many of these there are.
const KINDS: usize = 5;

/// The clients that there may be, each in two: with a time limit, and without one, for who sends for as long as it
/// takes. They are made when the first request needs them.
#[derive(Clone, Copy)]
enum Kind {
    /// http on this machine: no proxy, no certificates.
    Local,
    /// https on this machine: no proxy.
    LocalTls,
    /// http elsewhere.
    Plain,
    /// https, with the host's certificate authorities.
    Tls,
    /// https with a host that was allowed to have any certificate.
    Unverified,
}

impl Transport {
    pub(super) fn new(settings: Arc<RegistrySettings>, telling: Arc<Telling>) -> Self {
        Self { settings, telling, clients: Default::default() }
    }

    /// Sends a request and follows where it leads: at most ten redirects, never in a circle, never from https to
    /// http unless the target may speak it, and with the login for its own host alone.
    pub(super) async fn send(&self, outgoing: &Outgoing) -> Result<Answer, Failure> {
        let registry = authority(&outgoing.url);
        let mut seen = HashSet::from([outgoing.url.clone()]);
        let mut url = outgoing.url.clone();
        loop {
            let own = same_origin(&url, &outgoing.url);
            let answer = self.send_once(outgoing, &url, own).await?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let Some(location) = answer.header(header::LOCATION) else {
                return Err(Failure::lasting(RegistryError::NotARegistry {
                    host: answer.host(),
                    why: format!("it redirects (status {}) to nowhere", answer.status().as_u16()),
                }));
            };
            url = self.redirected(&registry, &url, location)?;
            answer.finish().await;
            if !seen.insert(url.clone()) {
                let url = shown(&url);
                return Err(Failure::lasting(RegistryError::RedirectLoop { registry, url }));
            }
            if seen.len() > MAX_REDIRECTS + 1 {
                let limit = MAX_REDIRECTS;
                return Err(Failure::lasting(RegistryError::TooManyRedirects { registry, limit }));
            }
        }
    }

    /// Where a redirect leads, if we go there.
    fn redirected(&self, registry: &str, from: &Url, location: &str) -> Result<Url, Failure> {
        let refused = |location: String, why| {
            let registry = registry.to_owned();
            Failure::lasting(RegistryError::BadRedirect { registry, location, why })
        };
        let Ok(target) = from.join(location) else {
            return Err(refused(redacted(location), "it is no address"));
        };
        match target.scheme() {
            "https" => Ok(target),
            "http" if from.scheme() == "http" || self.settings.may_speak_http(&authority(&target)) => {
                Ok(target)
            }
            "http" => Err(refused(shown(&target), "it leads from https to http")),
            _ => Err(refused(shown(&target), "it is neither http nor https")),
        }
    }

    async fn send_once(&self, outgoing: &Outgoing, url: &Url, own: bool) -> Result<Answer, Failure> {
        let host = host_and_port(url);
        let client = self
            .client(url, outgoing.unverified && own, outgoing.content.is_some())
            .map_err(|source| Failure::lasting(RegistryError::Setup { host: host.clone(), source }))?;
        let mut request =
            client.request(outgoing.method.clone(), url.clone()).headers(outgoing.headers.clone());
        if let Some(authorization) = outgoing.authorization.as_ref().filter(|_| own) {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = outgoing.body.as_ref().filter(|_| own) {
            request = request.body(body.reveal().to_owned());
        }
        if let Some(content) = &outgoing.content {
            let body = content.take().ok_or_else(|| {
                let (location, why) = (shown(url), "what was to be sent there is sent already");
                Failure::lasting(RegistryError::BadRedirect { registry: host.clone(), location, why })
            })?;
            request = request.body(body);
        }
        let start = Instant::now();
        let sent = request.send().await;
        self.telling.tell(|| Event::Request {
            method: outgoing.method.to_string(),
            url: shown(url),
            outcome: match &sent {
                Ok(response) => response.status().as_u16().to_string(),
                Err(_) => "no answer".to_owned(),
            },
            elapsed: start.elapsed(),
        });
        match sent {
            Ok(response) => Ok(Answer { response, own }),
            Err(error) => Err(Failure::of(error, &host, &self.settings).unanswered()),
        }
    }

    fn client(&self, url: &Url, unverified: bool, sends: bool) -> Result<&Client, Cause> {
        let local = is_loopback(url.host_str().unwrap_or_default());
        let kind = match (url.scheme(), local) {
            ("http", true) => Kind::Local,
            ("http", false) => Kind::Plain,
            _ if unverified => Kind::Unverified,
            (_, true) => Kind::LocalTls,
            (_, false) => Kind::Tls,
        };
        let place = kind as usize + if sends { KINDS } else { 0 };
        let client = self.clients[place].get_or_init(|| self.build(kind, sends));
        client.as_ref().map_err(Arc::clone)
    }

    fn build(&self, kind: Kind, sends: bool) -> Result<Client, Cause> {
        let build = || {
            // Another that is installed already serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let mut builder = Client::builder()
                .user_agent(concat!("pyimage/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .connect_timeout(self.settings.connect_timeout)
                .pool_max_idle_per_host(MAX_IDLE);
            // It counts from the first byte that is sent, however long that takes.
            if !sends {
                builder = builder.read_timeout(self.settings.idle_timeout);
            }
            builder = match kind {
                Kind::Local | Kind::LocalTls => builder.no_proxy(),
                Kind::Plain | Kind::Tls | Kind::Unverified => self.settings.proxies.apply(builder)?,
            };
            builder = match kind {
                // Reading the host's certificate authorities takes 8 ms, and http needs none.
                Kind::Local => builder.tls_certs_only([]),
                Kind::Plain if !self.settings.proxies.speak_tls() => builder.tls_certs_only([]),
                Kind::Plain | Kind::Tls | Kind::LocalTls => builder,
                Kind::Unverified => builder.tls_danger_accept_invalid_certs(true),
            };
            builder.build()
        };
        build().map_err(|error| Arc::new(error.without_url()) as Cause)
    }
}

/// Whether two addresses have the same scheme, host and port.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}
