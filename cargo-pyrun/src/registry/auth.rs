//! Logging in: what a registry asked for, and the tokens that were got for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::access::Access;
use super::challenge::{self, Challenge};
use super::credentials::{CredentialSource, Credentials, Login, Secret};
use super::endpoint::{Endpoint, authority};
use super::failure::Failure;
use super::token::{Purpose, Token};
use super::transport::Transport;

/// How long the registry's own token of a login is taken as good: until it is refused.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Which login was used, as an error tells it.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    pub(super) source: CredentialSource,
    /// Helpers that failed, logins that were refused.
    pub(super) asides: Vec<String>,
}

impl std::fmt::Display for Used {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.source)?;
        self.asides.iter().try_for_each(|aside| write!(f, "; {aside}"))
    }
}

/// What is sent along with a request.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    /// The header; `None` where there is no login to send.
    pub(super) header: Option<HeaderValue>,
    /// Whether it was made just now, so that another would fare no better.
    pub(super) fresh: bool,
    pub(super) used: Used,
}

/// Logins at all registries.
#[derive(Debug)]
pub(super) struct Auth {
    credentials: Credentials,
    /// What each registry asked for when it was first asked without a login.
    learned: Mutex<HashMap<String, Challenge>>,
    slots: Mutex<HashMap<(String, String), SharedSlot>>,
}

/// A slot that requests wait at.
type SharedSlot = Arc<tokio::sync::Mutex<Slot>>;

/// The token for one scope. Who holds the lock asks for it; the others wait and share what comes.
#[derive(Debug, Default)]
struct Slot {
    /// What the registry says that it wants, for who reads.
    scope: Option<String>,
    token: Option<(Token, Used)>,
    failure: Option<(Instant, Failure)>,
}

impl Auth {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, learned: Mutex::default(), slots: Mutex::default() }
    }

    /// What to send to a registry for an access, as far as it is known what it wants: nothing at first.
    pub(super) async fn authorization(
        &self,
        transport: &Transport,
        endpoint: &Endpoint,
        access: Access<'_>,
    ) -> Result<Option<Authorization>, Failure> {
        let challenge = {
            let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
            learned.get(&endpoint.authority).cloned()
        };
        let repository = endpoint.repository(access.repository);
        match challenge {
            None => Ok(None),
            Some(Challenge::Basic) => {
                let (login, used) = self.login(transport, endpoint, &repository).await;
                let header = match login {
                    Some(Login::Password { user, password }) => Some(basic(&user, &password)),
                    Some(Login::Registry(token)) => Some(bearer(&token)),
                    Some(Login::Identity(_)) | None => None,
                };
                Ok(Some(Authorization { header, fresh: true, used }))
            }
            Some(Challenge::Bearer { realm, service, .. }) => {
                let purpose = Purpose {
                    registry: endpoint.name.clone(),
                    repository,
                    realm,
                    service,
                    scope: access.scope(endpoint),
                };
                self.token(transport, endpoint, purpose).await.map(Some)
            }
        }
    }

    /// Takes note of what a registry asks for; `false` where it is nothing that we understand.
    pub(super) async fn learn<'a>(
        &self,
        endpoint: &Endpoint,
        access: Access<'_>,
        headers: impl Iterator<Item = &'a str>,
    ) -> bool {
        let challenges: Vec<_> = headers.flat_map(challenge::parse).collect();
        // A token is the better of two, as docker has it.
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let Some(challenge) = bearer.or_else(|| challenges.first()) else { return false };
        // What it wants for one request of a push is less than what the others need.
        if let Challenge::Bearer { scope: Some(scope), .. } = challenge
            && !access.push
        {
            self.slot(endpoint, &access.scope(endpoint)).lock().await.scope = Some(scope.clone());
        }
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.insert(endpoint.authority.clone(), challenge.clone());
        true
    }

    /// Forgets a token that was refused, unless another request has renewed it meanwhile.
    pub(super) async fn reject(&self, endpoint: &Endpoint, access: Access<'_>, refused: &Authorization) {
        let slot = self.slot(endpoint, &access.scope(endpoint));
        let mut slot = slot.lock().await;
        if slot
            .token
            .as_ref()
            .is_some_and(|(token, _)| refused.header.as_ref() == Some(&bearer(&token.value)))
        {
            slot.token = None;
        }
    }

    fn slot(&self, endpoint: &Endpoint, scope: &str) -> SharedSlot {
        let key = (endpoint.authority.clone(), scope.to_owned());
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }

    async fn login(
        &self,
        transport: &Transport,
        endpoint: &Endpoint,
        repository: &str,
    ) -> (Option<Login>, Used) {
        let found = self.credentials.find(&endpoint.name, repository).await;
        for failure in &found.failures {
            transport.telling.note(failure);
        }
        (found.login, Used { source: found.source, asides: found.failures })
    }

    async fn token(
        &self,
        transport: &Transport,
        endpoint: &Endpoint,
        mut purpose: Purpose,
    ) -> Result<Authorization, Failure> {
        let since = Instant::now();
        let slot = self.slot(endpoint, &purpose.scope);
        let mut slot = slot.lock().await;
        if let Some((token, used)) = &slot.token
            && token.is_good()
        {
            return Ok(Authorization {
                header: Some(bearer(&token.value)),
                fresh: false,
                used: used.clone(),
            });
        }
        // Whoever waited for a request that failed has its failure; only a later try asks again.
        if let Some((at, failure)) = &slot.failure
            && *at >= since
        {
            return Err(failure.clone());
        }
        if let Some(scope) = &slot.scope {
            purpose.scope.clone_from(scope);
        }
        match self.request(transport, endpoint, &purpose).await {
            Ok((token, used)) => {
                let header = Some(bearer(&token.value));
                slot.token = Some((token, used.clone()));
                Ok(Authorization { header, fresh: true, used })
            }
            Err(failure) => {
                slot.failure = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    async fn request(
        &self,
        transport: &Transport,
        endpoint: &Endpoint,
        purpose: &Purpose,
    ) -> Result<(Token, Used), Failure> {
        let (login, mut used) = self.login(transport, endpoint, &purpose.repository).await;
        if let Some(Login::Registry(token)) = login {
            return Ok((Token::new(token, FOREVER), used));
        }
        let asked = super::token::request(transport, purpose, login.as_ref(), &used).await;
        let refused =
            login.is_some() && asked.as_ref().is_err_and(|failure| super::token::is_refusal(&failure.error));
        if !refused {
            return asked.map(|token| (token, used));
        }
        // An old login must not stand in the way of a public image.
        let host =
            Url::parse(&purpose.realm).map_or_else(|_| purpose.registry.clone(), |url| authority(&url));
        let aside = format!("{} were refused by `{host}`", used.source);
        transport.telling.note(&aside);
        used.asides.push(aside);
        used.source = CredentialSource::None;
        let token = super::token::request(transport, purpose, None, &used).await?;
        Ok((token, used))
    }
}

fn basic(user: &str, password: &Secret) -> HeaderValue {
    sensitive(&format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.reveal()))))
}

fn bearer(token: &Secret) -> HeaderValue {
    sensitive(&format!("Bearer {}", token.reveal()))
}

/// A header that no debug output shows; a token with a line break in it becomes one that is refused.
fn sensitive(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

/// The header for a token service.
pub(super) fn password_header(user: &str, password: &Secret) -> HeaderValue {
    basic(user, password)
}
