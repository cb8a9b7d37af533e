//! The caller's logins, where docker and podman keep them.
//!
//! Docker's [`config.json`] and podman's [`auth.json`] have the same shape. An own reader and not a crate, because
//! whoever is refused has to be told which file or helper the login came from, and because a helper that is broken
//! must not stop a public image.
//!
//! [`config.json`]: https://docs.docker.com/reference/cli/docker/login/#credential-stores
//! [`auth.json`]: https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md

mod file;
mod helper;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use file::{AuthFile, Damaged, Helper};

/// How long a credential helper may take.
const HELPER_LIMIT: Duration = Duration::from_secs(10);

/// Something that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being printed.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret, to be sent.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A login at a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A user with a password, or with a token in its place.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// An identity token, for which the token service gives access tokens.
    Identity(Secret),
    /// A token that is sent to the registry as it is.
    Registry(Secret),
}

/// Where a login comes from; it prints as an error needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CredentialSource {
    /// There is none.
    #[default]
    None,
    /// A file has it.
    File(PathBuf),
    /// A credential helper gave it.
    Helper {
        /// The program: `docker-credential-pass`.
        program: String,
        /// The file that names the helper.
        file: PathBuf,
    },
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no credentials"),
            Self::File(path) => write!(f, "credentials of `{}`", tilde(path)),
            Self::Helper { program, file } => write!(f, "helper `{program}` named in `{}`", tilde(file)),
        }
    }
}

/// What was found for one registry.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The login, where there is any.
    pub login: Option<Login>,
    /// Where it comes from.
    pub source: CredentialSource,
    /// What went wrong on the way: broken helpers, unreadable files.
    pub failures: Vec<String>,
}

/// The files that may have logins, in the order in which they are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialFiles {
    paths: Vec<PathBuf>,
}

impl CredentialFiles {
    /// These files alone.
    #[must_use]
    pub fn at(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { paths: paths.into_iter().collect() }
    }

    /// The files of this user: `REGISTRY_AUTH_FILE`, docker's `config.json`, podman's `auth.json`.
    #[must_use]
    pub fn from_env() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::locate(&variable, std::env::home_dir().as_deref())
    }

    pub(super) fn locate(variable: &dyn Fn(&str) -> Option<String>, home: Option<&Path>) -> Self {
        let folder = |name: &str| variable(name).map(PathBuf::from);
        let docker = folder("DOCKER_CONFIG").or_else(|| Some(home?.join(".docker")));
        let config = folder("XDG_CONFIG_HOME").or_else(|| Some(home?.join(".config")));
        let paths = [
            folder("REGISTRY_AUTH_FILE"),
            docker.map(|folder| folder.join("config.json")),
            folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
            config.map(|folder| folder.join("containers/auth.json")),
        ];
        Self { paths: paths.into_iter().flatten().collect() }
    }
}

/// Finds logins. Files are read when the first registry asks for a login, helpers run once for each registry.
#[derive(Debug, Default)]
pub struct Credentials {
    files: CredentialFiles,
    read: OnceLock<(Vec<AuthFile>, Vec<String>)>,
    answers: Mutex<HashMap<(String, String), Answer>>,
}

/// What a helper answered, once it has: a login, none, or how it failed.
type Answer = std::sync::Arc<tokio::sync::OnceCell<Result<Option<Login>, String>>>;

impl Credentials {
    /// Finds logins in these files.
    #[must_use]
    pub fn new(files: CredentialFiles) -> Self {
        Self { files, ..Self::default() }
    }

    /// The login for a repository of a registry, `docker.io` being Docker Hub.
    ///
    /// In each file the helper for that registry comes first, then the helper for all, then what the file itself
    /// has. What fails is left out and told.
    pub async fn find(&self, registry: &str, repository: &str) -> Found {
        let (files, failures) = self.read.get_or_init(|| read(&self.files));
        let mut found = Found { failures: failures.clone(), ..Found::default() };
        for file in files {
            for helper in file.helpers(registry) {
                let program = format!("docker-credential-{}", helper.name);
                let source = CredentialSource::Helper { program, file: file.path.clone() };
                match self.ask(&helper).await {
                    Ok(Some(login)) => return Found { login: Some(login), source, ..found },
                    Ok(None) => {}
                    Err(why) => found.failures.push(format!("{source} failed: {why}")),
                }
            }
            match file.login(registry, repository) {
                Ok(Some(login)) => {
                    let source = CredentialSource::File(file.path.clone());
                    return Found { login: Some(login), source, ..found };
                }
                Ok(None) => {}
                Err(Damaged { key }) => {
                    found
                        .failures
                        .push(format!("the login for `{key}` in `{}` is damaged", tilde(&file.path)));
                }
            }
        }
        found
    }

    async fn ask(&self, helper: &Helper) -> Result<Option<Login>, String> {
        let key = (helper.name.clone(), helper.server.clone());
        let cell = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.entry(key).or_default().clone()
        };
        cell.get_or_init(|| helper::get(&helper.name, &helper.server, HELPER_LIMIT)).await.clone()
    }
}

fn read(files: &CredentialFiles) -> (Vec<AuthFile>, Vec<String>) {
    let mut read = Vec::new();
    let mut failures = Vec::new();
    for path in &files.paths {
        match AuthFile::read(path) {
            Ok(Some(file)) => read.push(file),
            Ok(None) => {}
            Err(error) => failures.push(format!("logins in `{}` are ignored: {error}", tilde(path))),
        }
    }
    (read, failures)
}

/// A path with the home folder abbreviated.
fn tilde(path: &Path) -> String {
    match std::env::home_dir().as_deref().and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests;
