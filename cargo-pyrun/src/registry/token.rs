//! Tokens, and the services that give them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;

use super::auth::{Used, password_header};
use super::body;
use super::credentials::{Login, Secret};
use super::endpoint::{authority, host_and_port, shown};
use super::error::RegistryError;
use super::failure::Failure;
use super::transport::{Outgoing, Transport};

/// The most bytes that the answer of a token service may have; tokens of large installations have some 10 KiB.
const MAX_ANSWER: u64 = 1024 * 1024;
/// How long a token is good where its service does not say, by the [specification].
///
/// [specification]: https://distribution.github.io/distribution/spec/auth/token/
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// The name under which token services know us.
const CLIENT: &str = "pyimage";

/// A token and when to stop using it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) value: Secret,
    until: Option<Instant>,
}

impl Token {
    pub(super) fn new(value: Secret, life: Duration) -> Self {
        // A request that is under way when a token ends is refused, so it ends a little earlier for us.
        let life = life.saturating_sub((life / 5).min(Duration::from_secs(10)));
        Self { value, until: Instant::now().checked_add(life) }
    }

    pub(super) fn is_good(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// What a token is for, and who gives it.
#[derive(Clone, Debug)]
pub(super) struct Purpose {
    pub(super) registry: String,
    pub(super) repository: String,
    pub(super) realm: String,
    pub(super) service: Option<String>,
    pub(super) scope: String,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<f64>,
}

/// Whether a token service refused the login, as opposed to failing.
pub(super) fn is_refusal(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Unauthorized { .. } | RegistryError::Denied { .. })
}

/// Gets a token.
pub(super) async fn request(
    transport: &Transport,
    purpose: &Purpose,
    login: Option<&Login>,
    used: &Used,
) -> Result<Token, Failure> {
    let wrong = |why: &str| {
        Failure::lasting(RegistryError::NotARegistry { host: purpose.registry.clone(), why: why.to_owned() })
    };
    let realm = Url::parse(&purpose.realm).map_err(|_| wrong("the address of its token service is none"))?;
    // A login over http could be read by anyone on the way, and so could the token.
    match realm.scheme() {
        "https" => {}
        "http" if transport.settings.may_speak_http(&authority(&realm)) => {}
        _ => return Err(wrong(&format!("its token service `{}` does not speak https", shown(&realm)))),
    }
    let service = host_and_port(&realm);
    let outgoing = outgoing(transport, realm, purpose, login);
    let refused = matches!(login, Some(Login::Identity(_)));
    let got = async {
        let answer = transport.send(&outgoing).await?;
        let status = answer.status();
        if !status.is_success() {
            let said = body::said(answer).await;
            let failure = body::failure_of(status, &purpose.registry, &purpose.repository, used, said);
            // An identity token that ended is answered with status 400 (RFC 6749, 5.2).
            return Err(match *failure.error {
                RegistryError::Refused { source, .. } if refused && status.as_u16() == 400 => {
                    Failure::lasting(RegistryError::Unauthorized {
                        registry: purpose.registry.clone(),
                        repository: purpose.repository.clone(),
                        credentials: used.to_string(),
                        source,
                    })
                }
                error => Failure { error: Box::new(error), again: failure.again },
            });
        }
        let bytes = body::read(answer, &service, "a token", MAX_ANSWER, &transport.settings).await?;
        let no_token = |why| RegistryError::NotARegistry { host: service.clone(), why };
        let answer: Answer = serde_json::from_slice(&bytes)
            .map_err(|_| Failure::lasting(no_token("its answer is not the JSON of a token".to_owned())))?;
        let text = answer.token.filter(|token| !token.is_empty()).or(answer.access_token);
        let text = text
            .filter(|token| !token.is_empty())
            .ok_or_else(|| Failure::lasting(no_token("there is no token in its answer".to_owned())))?;
        let seconds = answer.expires_in.filter(|seconds| *seconds > 0.0);
        let life = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Token::new(Secret::new(text), life.unwrap_or(DEFAULT_LIFE)))
    };
    got.await.map_err(|failure: Failure| {
        if is_refusal(&failure.error) {
            return failure;
        }
        let error = RegistryError::Token {
            repository: purpose.repository.clone(),
            service: service.clone(),
            source: Arc::new(*failure.error),
        };
        Failure { error: Box::new(error), again: failure.again }
    })
}

fn outgoing(transport: &Transport, mut url: Url, purpose: &Purpose, login: Option<&Login>) -> Outgoing {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let unverified = transport.settings.is_insecure(&authority(&url));
    let plain = Outgoing {
        method: Method::GET,
        url: url.clone(),
        headers: headers.clone(),
        authorization: None,
        body: None,
        content: None,
        unverified,
    };
    if let Some(Login::Identity(token)) = login {
        // The grammar of a form is that of a query.
        let mut form = url;
        form.query_pairs_mut()
            .clear()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", purpose.service.as_deref().unwrap_or_default())
            .append_pair("scope", &purpose.scope)
            .append_pair("client_id", CLIENT)
            .append_pair("refresh_token", token.reveal());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let body = form.query().map(Secret::new);
        return Outgoing { method: Method::POST, headers, body, ..plain };
    }
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = &purpose.service {
            query.append_pair("service", service);
        }
        for scope in purpose.scope.split_ascii_whitespace() {
            query.append_pair("scope", scope);
        }
        query.append_pair("client_id", CLIENT);
        if let Some(Login::Password { user, .. }) = login {
            query.append_pair("account", user);
        }
    }
    let authorization = match login {
        Some(Login::Password { user, password }) => Some(password_header(user, password)),
        _ => None,
    };
    Outgoing { url, authorization, ..plain }
}
