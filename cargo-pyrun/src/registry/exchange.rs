//! Asking an endpoint: in the right scheme, with the right login, and again where that may help.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::access::Access;
use super::auth::{Auth, Used};
use super::body;
use super::content::Content;
use super::endpoint::{Endpoint, Scheme};
use super::error::{Missing, RegistryError};
use super::event::Event;
use super::failure::{Again, Failure};
use super::retry::{MAX_WAIT, TOLD_WAIT, backoff};
use super::transport::{Answer, Outgoing, Transport, same_origin};

/// Requests that one endpoint has to answer at once.
const MAX_CONCURRENT: usize = 64;
/// How often a request may be answered with 401: without a login, with a token that has ended, with a new one.
const MAX_CHALLENGES: usize = 4;

/// What is asked of an endpoint.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) repository: &'a str,
    pub(super) method: Method,
    /// What of the repository: `manifests/3.13`.
    pub(super) rest: String,
    pub(super) accept: Option<HeaderValue>,
    /// The byte to begin with.
    pub(super) offset: u64,
    /// What is given along; who reads gives nothing.
    pub(super) giving: Option<&'a Giving<'a>>,
    pub(super) missing: Missing,
}

/// What a request of a push has beside the question.
#[derive(Debug, Default)]
pub(super) struct Giving<'a> {
    /// Where an upload goes on. The registry said so, and it may be anywhere.
    pub(super) place: Option<Url>,
    /// A repository of the same endpoint that something is to be taken from.
    pub(super) from: Option<&'a str>,
    pub(super) headers: HeaderMap,
    pub(super) content: Option<Content>,
}

impl Ask<'_> {
    fn access(&self) -> Access<'_> {
        Access {
            repository: self.repository,
            push: self.giving.is_some(),
            from: self.giving.and_then(|giving| giving.from),
        }
    }
}

/// Asks endpoints.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) transport: Transport,
    auth: Auth,
    /// The schemes that endpoints turned out to speak.
    schemes: Mutex<HashMap<String, Scheme>>,
    limits: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Exchange {
    pub(super) fn new(transport: Transport, auth: Auth) -> Self {
        Self { transport, auth, schemes: Mutex::default(), limits: Mutex::default() }
    }

    /// Asks once. An answer is a success, or status 416 to a question with an offset.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let known = {
            let schemes = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
            schemes.get(&ask.endpoint.authority).copied()
        };
        // A mirror that was given as https stays so, whatever was spoken with its host otherwise.
        let known = known.filter(|scheme| ask.endpoint.schemes.contains(scheme));
        let schemes = known.as_ref().map_or(ask.endpoint.schemes, std::slice::from_ref);
        // An endpoint has one scheme or two.
        let (first, second) = (schemes[0], schemes.get(1).copied());
        let mut scheme = first;
        let mut asked = self.ask_in(scheme, ask).await;
        if let (Err(failure), Some(second)) = (&asked, second)
            && is_wrong_scheme(first, &failure.error)
        {
            let mut again = self.ask_in(second, ask).await;
            // Silence in both schemes: these were two tries.
            if let (RegistryError::Timeout { .. }, Err(silence)) = (&*failure.error, &mut again)
                && silence.again == Again::Once
            {
                silence.again = Again::Never;
            }
            // A host that does not speak TLS either has said all it has to say in http.
            let is_worse = |error: &RegistryError| {
                matches!(
                    error,
                    RegistryError::NoTls { .. }
                        | RegistryError::Unreachable { .. }
                        | RegistryError::Timeout { .. }
                )
            };
            if second == Scheme::Http || !again.as_ref().is_err_and(|failure| is_worse(&failure.error)) {
                (scheme, asked) = (second, again);
            }
        }
        if asked.as_ref().map_or_else(|failure| has_answered(&failure.error), |_| true) {
            let mut schemes = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
            schemes.insert(ask.endpoint.authority.clone(), scheme);
        }
        asked
    }

    async fn ask_in(&self, scheme: Scheme, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let Ask { endpoint, repository, .. } = *ask;
        let access = ask.access();
        let url = endpoint.url(scheme, repository, &ask.rest).map_err(|error| {
            let host = endpoint.authority.clone();
            Failure::lasting(RegistryError::Setup { host, source: Arc::new(error) })
        })?;
        let place = ask.giving.and_then(|giving| giving.place.clone());
        // Storage elsewhere gets no login of ours.
        let foreign = place.as_ref().is_some_and(|place| !same_origin(place, &url));
        let url = place.unwrap_or(url);
        let content = ask.giving.and_then(|giving| giving.content.clone());
        let once = content.as_ref().is_some_and(Content::is_gone_once_sent);
        let mut headers = ask.giving.map(|giving| giving.headers.clone()).unwrap_or_default();
        if let Some(accept) = &ask.accept {
            headers.insert(header::ACCEPT, accept.clone());
        }
        if ask.offset > 0 {
            headers.insert(
                header::RANGE,
                HeaderValue::from_str(&format!("bytes={}-", ask.offset))
                    .unwrap_or_else(|_| HeaderValue::from_static("bytes=0-")),
            );
        }
        let mut used = Used::default();
        let mut refusal: Option<Answer> = None;
        for _ in 0..MAX_CHALLENGES {
            let authorization = if foreign {
                None
            } else {
                self.auth.authorization(&self.transport, endpoint, access).await?
            };
            if let Some(authorization) = &authorization {
                used = authorization.used.clone();
                // With nothing to send, the answer would be the same.
                if authorization.header.is_none()
                    && let Some(refusal) = refusal.take()
                {
                    return Err(failure(ask, &used, refusal).await);
                }
            }
            let outgoing = Outgoing {
                method: ask.method.clone(),
                url: url.clone(),
                headers: headers.clone(),
                authorization: authorization.as_ref().and_then(|it| it.header.clone()),
                body: None,
                content: content.clone(),
                unverified: self.transport.settings.is_insecure(&endpoint.authority),
            };
            if let Some(refusal) = refusal.take() {
                refusal.finish().await;
            }
            let mut answer = self.transport.send(&outgoing).await?;
            answer.own &= !foreign;
            let status = answer.status();
            if status.is_success() || (status.as_u16() == 416 && ask.offset > 0) {
                return Ok(answer);
            }
            if status.as_u16() != 401 || !answer.own {
                return Err(failure(ask, &used, answer).await);
            }
            // What we had is not what it wants.
            let final_answer = match &authorization {
                Some(authorization) if authorization.fresh => true,
                Some(authorization) => {
                    self.auth.reject(endpoint, access, authorization).await;
                    false
                }
                None => false,
            };
            let challenges = answer.response.headers().get_all(header::WWW_AUTHENTICATE);
            let challenges = challenges.iter().filter_map(|value| value.to_str().ok());
            let understood = self.auth.learn(endpoint, access, challenges).await;
            if final_answer || !understood {
                return Err(failure(ask, &used, answer).await);
            }
            if once {
                // It has to be begun anew, with the token that comes then.
                return Err(Failure { again: Again::Soon, ..failure(ask, &used, answer).await });
            }
            refusal = Some(answer);
        }
        let status = reqwest::StatusCode::UNAUTHORIZED;
        Err(body::failure_of(status, &endpoint.name, repository, &used, body::Explanation::default()))
    }

    /// Does something until it succeeds, fails for good, or has failed too often.
    pub(super) async fn patiently<T>(
        &self,
        endpoint: &Endpoint,
        work: impl AsyncFn() -> Result<T, Failure>,
    ) -> Result<T, RegistryError> {
        let mut patience = Patience::new(self, endpoint);
        let settings = &self.transport.settings;
        let mut left = settings.total_timeout;
        loop {
            // Neither waiting for our turn nor waiting between tries is the endpoint's time.
            let permit = self.permit(endpoint).await;
            let start = Instant::now();
            let failure = match tokio::time::timeout(left, work()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    let (host, limit) = (endpoint.host_and_port(), settings.total_timeout);
                    return Err(RegistryError::Timeout { host, limit });
                }
            };
            drop(permit);
            left = left.saturating_sub(start.elapsed());
            patience.wait(failure).await?;
        }
    }

    /// Waits until the endpoint has few enough requests under way for another.
    pub(super) async fn permit(&self, endpoint: &Endpoint) -> Option<OwnedSemaphorePermit> {
        let limit = {
            let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
            let limit = limits.entry(endpoint.authority.clone());
            limit.or_insert_with(|| Arc::new(Semaphore::new(MAX_CONCURRENT))).clone()
        };
        // It is never closed.
        limit.acquire_owned().await.ok()
    }
}

/// How often an endpoint has failed, and how long to wait before it is asked again.
#[derive(Debug)]
pub(super) struct Patience<'a> {
    exchange: &'a Exchange,
    endpoint: &'a Endpoint,
    failures: u32,
    /// Whether it has been silent before.
    silent: bool,
}

impl<'a> Patience<'a> {
    pub(super) fn new(exchange: &'a Exchange, endpoint: &'a Endpoint) -> Self {
        Self { exchange, endpoint, failures: 0, silent: false }
    }

    /// Forgets the failures so far: since the last one, something was achieved.
    pub(super) fn progressed(&mut self) {
        (self.failures, self.silent) = (0, false);
    }

    /// Waits until the endpoint may be asked again, or gives up.
    pub(super) async fn wait(&mut self, failure: Failure) -> Result<(), RegistryError> {
        let Failure { error, again } = failure;
        let error = *error;
        let settings = &self.exchange.transport.settings;
        self.failures += 1;
        if self.failures >= settings.tries {
            return Err(error);
        }
        let soon = backoff(settings.backoff, self.failures - 1);
        let is_mirror = self.endpoint.mirror.is_some();
        let wait = match again {
            Again::Never => return Err(error),
            // Behind a mirror there is another, or the registry itself, which may be faster.
            Again::Soon if is_mirror && matches!(error, RegistryError::Timeout { .. }) => return Err(error),
            Again::Once | Again::After(_) if is_mirror => return Err(error),
            Again::Once if std::mem::replace(&mut self.silent, true) => return Err(error),
            Again::After(asked) if asked > MAX_WAIT => return Err(error),
            Again::Soon | Again::Once => soon,
            Again::After(asked) => asked.max(soon),
        };
        if wait > TOLD_WAIT {
            self.exchange.transport.telling.tell(|| Event::Retrying {
                registry: self.endpoint.name.clone(),
                reason: super::error::in_one_line(&error),
                wait,
            });
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// Whether a failure looks as if the host spoke the other scheme.
fn is_wrong_scheme(scheme: Scheme, error: &RegistryError) -> bool {
    match (scheme, error) {
        (
            Scheme::Https,
            RegistryError::NoTls { .. }
            | RegistryError::Unreachable { .. }
            | RegistryError::Broken { .. }
            | RegistryError::CertificateNotTrusted { .. }
            | RegistryError::Timeout { .. },
        ) => true,
        // Go's and nginx's servers say that they were spoken to in http, and should not have been.
        (Scheme::Http, RegistryError::Refused { status: 400, source, .. }) => {
            source.as_ref().is_some_and(|said| said.to_string().contains("HTTPS"))
        }
        _ => false,
    }
}

/// Whether a failure is an answer, so that the scheme was right.
fn has_answered(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::NotFound { .. }
            | RegistryError::Unauthorized { .. }
            | RegistryError::Denied { .. }
            | RegistryError::TooManyRequests { .. }
            | RegistryError::Server { .. }
            | RegistryError::Token { .. }
            | RegistryError::NotARegistry { .. }
    )
}

async fn failure(ask: &Ask<'_>, used: &Used, answer: Answer) -> Failure {
    let status = answer.status();
    let name = if answer.own { ask.endpoint.name.clone() } else { answer.host() };
    let is_own = answer.own;
    let explanation = body::said(answer).await;
    match status.as_u16() {
        404 => body::not_found(&name, ask.repository, &ask.missing, explanation),
        // Where a redirect leads, our login means nothing, and a refusal nothing about it.
        401 | 403 if !is_own => Failure::lasting(RegistryError::Refused {
            registry: name,
            status: status.as_u16(),
            source: explanation.said.map(|said| Arc::new(said) as super::error::Cause),
        }),
        _ => body::failure_of(status, &name, ask.repository, used, explanation),
    }
}
