//! One file with logins.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Login, Secret};
use crate::registry::endpoint::{HUB, canonical};

/// The name under which docker keeps the login of Docker Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// A helper to be asked, and for what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Helper {
    /// The part of the program's name after `docker-credential-`.
    pub(super) name: String,
    /// What it is asked for.
    pub(super) server: String,
}

/// A login that cannot be read.
#[derive(Debug)]
pub(super) struct Damaged {
    /// The key that it stands under.
    pub(super) key: String,
}

/// A `config.json` of docker or an `auth.json` of podman.
#[derive(Debug)]
pub(super) struct AuthFile {
    pub(super) path: PathBuf,
    content: Content,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Content {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry(…)")
    }
}

impl AuthFile {
    /// Reads one; where there is none, `None`.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let bytes = match fs_err::read(path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        // Only the place of a mistake is told: serde's words may repeat a value.
        let content = serde_json::from_slice(&bytes).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it is not the JSON that it should be ({place})"),
            )
        })?;
        Ok(Some(Self { path: path.to_owned(), content }))
    }

    /// The helpers to ask for a registry, the one for it alone first.
    pub(super) fn helpers(&self, registry: &str) -> Vec<Helper> {
        let key = |key: &&String| key_host(key).0 == registry;
        let own = self.content.cred_helpers.iter().find(|(name, _)| key(name)).map(|(name, helper)| {
            // Docker asks a helper for the very name under which it is configured.
            (helper.clone(), if registry == HUB { HUB_KEY.to_owned() } else { name.clone() })
        });
        let server = || if registry == HUB { HUB_KEY.to_owned() } else { registry.to_owned() };
        let all = self.content.creds_store.clone().map(|helper| (helper, server()));
        own.into_iter()
            .chain(all)
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, server)| Helper { name, server })
            .collect()
    }

    /// The login in the file itself: of the longest namespace that the repository is in.
    pub(super) fn login(&self, registry: &str, repository: &str) -> Result<Option<Login>, Damaged> {
        let fitting = self.content.auths.iter().filter(|(_, entry)| !entry.is_empty());
        let fitting = fitting.filter_map(|(key, entry)| Some((fit(key, registry, repository)?, key, entry)));
        let Some((_, key, entry)) = fitting.max_by_key(|(fit, ..)| *fit) else { return Ok(None) };
        entry.login().map(Some).ok_or_else(|| Damaged { key: key.clone() })
    }
}

impl Entry {
    /// Docker leaves an empty entry where a helper has the login.
    fn is_empty(&self) -> bool {
        let Self { auth, username, password: _, identitytoken, registrytoken } = self;
        [auth, username, identitytoken, registrytoken].iter().all(|text| text.is_empty())
    }

    fn login(&self) -> Option<Login> {
        // Docker's order: a token speaks for itself, whatever user stands beside it.
        if !self.registrytoken.is_empty() {
            return Some(Login::Registry(Secret::new(&self.registrytoken)));
        }
        if !self.identitytoken.is_empty() {
            return Some(Login::Identity(Secret::new(&self.identitytoken)));
        }
        if self.auth.is_empty() {
            let (user, password) = (self.username.clone(), Secret::new(&self.password));
            return Some(Login::Password { user, password });
        }
        let text = String::from_utf8(STANDARD.decode(self.auth.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        // Some tools pad with zero bytes, which docker strips.
        let password = Secret::new(password.trim_end_matches('\0'));
        Some(Login::Password { user: user.to_owned(), password })
    }
}

/// How well a key fits: by the length of its namespace, then by whether it is spelt as docker and podman do now.
pub(super) fn fit(key: &str, registry: &str, repository: &str) -> Option<(usize, bool)> {
    let (host, namespace) = key_host(key);
    if host != registry {
        return None;
    }
    let inside = namespace.is_empty()
        || repository.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    inside.then_some((namespace.len(), key == registry || key == HUB_KEY))
}

/// The registry of a key, and the namespace in it, which only keys of podman have.
///
/// Docker's keys are a host, or a URL of which [only the host counts].
///
/// [only the host counts]: https://github.com/docker/cli/blob/master/cli/config/credentials/file_store.go
fn key_host(key: &str) -> (&str, &str) {
    let (bare, is_url) = match key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")) {
        Some(rest) => (rest, true),
        None => (key, false),
    };
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = path.trim_end_matches('/');
    let namespace = if is_url || matches!(path, "v1" | "v2") { "" } else { path };
    (canonical(host), namespace)
}
