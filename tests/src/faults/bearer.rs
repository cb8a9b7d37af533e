//! Who may ask: basic authentication, and tokens as Docker Hub and GHCR give them out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::fault::Reply;
use super::request::{Request, parameters};

/// The service that tokens are for.
const SERVICE: &str = "testbed.registry";

/// A registry that wants a token with each request, and who gets one.
#[derive(Debug, Clone)]
pub struct BearerAuth {
    user: Option<(String, String)>,
    identity_token: Option<String>,
    anonymous: bool,
    powerless: bool,
    access_token: bool,
    expires_in: Option<u64>,
    uses: usize,
    tokens: Arc<Mutex<Vec<Token>>>,
}

#[derive(Debug)]
struct Token {
    text: String,
    scopes: Vec<String>,
    uses: usize,
    issued: Instant,
}

impl BearerAuth {
    /// Anybody gets a token.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            user: None,
            identity_token: None,
            anonymous: true,
            powerless: false,
            access_token: false,
            expires_in: None,
            uses: usize::MAX,
            tokens: Arc::default(),
        }
    }

    /// Only this user gets a token.
    #[must_use]
    pub fn user(name: &str, password: &str) -> Self {
        Self { user: Some((name.to_owned(), password.to_owned())), anonymous: false, ..Self::anonymous() }
    }

    /// Strangers get one, too, as for the public images of Docker Hub; a wrong password gets none.
    #[must_use]
    pub fn or_anonymous(self) -> Self {
        Self { anonymous: true, ..self }
    }

    /// Strangers get a token that opens nothing, as for the private images of Docker Hub.
    #[must_use]
    pub fn or_powerless(self) -> Self {
        Self { powerless: true, ..self }
    }

    /// An identity token does instead of a password, by `POST`.
    #[must_use]
    pub fn identity_token(self, token: &str) -> Self {
        Self { identity_token: Some(token.to_owned()), ..self }
    }

    /// The token comes as `access_token`, as OAuth 2 has it.
    #[must_use]
    pub fn access_token(self) -> Self {
        Self { access_token: true, ..self }
    }

    /// A token is good for so many seconds, and says so.
    #[must_use]
    pub fn expires_in(self, seconds: u64) -> Self {
        Self { expires_in: Some(seconds), ..self }
    }

    /// A token is good for so many requests, and does not say so.
    #[must_use]
    pub fn expires_after(self, requests: usize) -> Self {
        Self { uses: requests, ..self }
    }

    /// All tokens that were given out: secrets, all of them.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.lock().iter().map(|token| token.text.clone()).collect()
    }

    /// Answers who asks for a token.
    pub(super) fn issue(&self, request: &Request, form: &str) -> Reply {
        let fields = if request.method == "POST" { parameters(form) } else { parameters(&request.query) };
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if field("service") != Some(SERVICE) {
            return Reply::error(400);
        }
        let basic = request.authorization().map(|given| given == self.basic());
        let known = match field("grant_type") {
            Some("refresh_token") => Some(self.identity_token.as_deref() == field("refresh_token")),
            Some("password") => {
                let user = self.user.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
                Some(user.is_some() && user == field("username").zip(field("password")))
            }
            _ => basic,
        };
        let powerful = match known {
            Some(true) => true,
            None if self.anonymous => true,
            None if self.powerless => false,
            _ => return Reply::error(401),
        };
        // One field may hold several scopes, and there may be several fields.
        let asked = fields.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split(' '));
        let scopes = asked.filter(|_| powerful).map(str::to_owned).collect();
        let mut tokens = self.lock();
        let text = format!("token-{}-of-{}", tokens.len() + 1, std::process::id());
        let name = if self.access_token { "access_token" } else { "token" };
        let expiry = self.expires_in.map(|seconds| format!(r#","expires_in":{seconds}"#)).unwrap_or_default();
        let body = format!(r#"{{"{name}":"{text}"{expiry}}}"#);
        tokens.push(Token { text, scopes, uses: self.uses, issued: Instant::now() });
        Reply::new(200, "application/json", body.into_bytes())
    }

    fn basic(&self) -> String {
        self.user.as_ref().map(|(name, password)| basic(name, password)).unwrap_or_default()
    }

    /// Refuses a request without a token that is good for it.
    fn refuse(&self, request: &Request, realm: &str) -> Option<Reply> {
        let wanted = scope(request);
        let mut tokens = self.lock();
        let given = request.authorization().and_then(|given| given.strip_prefix("Bearer "));
        let token = given.map(|given| tokens.iter_mut().find(|token| token.text == given));
        let good = |token: &Token| {
            let age = Duration::from_secs(self.expires_in.unwrap_or(u64::MAX));
            token.uses > 0 && token.issued.elapsed() < age
        };
        let error = match token {
            None => "",
            Some(Some(token)) if good(token) => {
                token.uses -= 1;
                if wanted.as_deref().is_none_or(|wanted| covers(&token.scopes, wanted)) {
                    return None;
                }
                r#",error="insufficient_scope""#
            }
            Some(_) => r#",error="invalid_token""#,
        };
        let scope = wanted.map(|scope| format!(r#",scope="{scope}""#)).unwrap_or_default();
        let challenge = format!(r#"Bearer realm="{realm}",service="{SERVICE}"{scope}{error}"#);
        Some(Reply::error(401).with("WWW-Authenticate", challenge))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The field `Authorization` of a user's.
fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

/// What a token must be good for: `repository:library/python:pull`.
fn scope(request: &Request) -> Option<String> {
    let path = request.path.strip_prefix("/v2/")?;
    let end = ["/manifests/", "/blobs/", "/tags/", "/referrers/"]
        .iter()
        .filter_map(|part| path.find(part))
        .min()?;
    let actions = if matches!(request.method.as_str(), "GET" | "HEAD") { "pull" } else { "pull,push" };
    Some(format!("repository:{}:{actions}", &path[..end]))
}

/// Whether any of these scopes is as wide as the wanted one.
fn covers(scopes: &[String], wanted: &str) -> bool {
    let Some((name, actions)) = wanted.rsplit_once(':') else { return false };
    scopes.iter().filter_map(|scope| scope.rsplit_once(':')).any(|(given, allowed)| {
        let allowed: Vec<_> = allowed.split(',').collect();
        given == name && actions.split(',').all(|action| allowed.contains(&action))
    })
}

/// What a registry wants to see before it answers.
#[derive(Debug, Default)]
pub(super) enum Demand {
    #[default]
    Nothing,
    Basic {
        name: String,
        password: String,
    },
    /// A token, to be had at this address.
    Bearer(BearerAuth, String),
}

impl Demand {
    pub(super) fn refuse(&self, request: &Request) -> Option<Reply> {
        match self {
            Self::Nothing => None,
            Self::Basic { name, password } if request.authorization() == Some(&basic(name, password)) => None,
            Self::Basic { .. } => {
                Some(Reply::error(401).with("WWW-Authenticate", r#"Basic realm="testbed""#))
            }
            Self::Bearer(auth, realm) => auth.refuse(request, realm),
        }
    }
}
