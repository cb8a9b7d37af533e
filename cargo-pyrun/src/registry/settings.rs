//! How registries are reached: mirrors, hosts that may speak http, time limits.

mod daemon;
mod insecure;
mod proxies;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::credentials::CredentialFiles;
use super::endpoint::{Endpoint, canonical, redacted};
use super::error::RegistryError;
use super::event::Event;
use daemon::DaemonFile;
use insecure::Insecure;
pub(super) use proxies::Proxies;

/// Mirrors, separated by commas: `URL` for Docker Hub's, `HOST=URL` for another registry's.
pub const MIRRORS_VARIABLE: &str = "PYIMAGE_MIRRORS";
/// Registries that may speak http, separated by commas: `HOST` or `HOST:PORT`.
pub const INSECURE_VARIABLE: &str = "PYIMAGE_INSECURE_REGISTRIES";
/// Seconds to wait for a connection, and for the next byte of an answer.
pub const TIMEOUT_VARIABLE: &str = "PYIMAGE_REGISTRY_TIMEOUT";

/// The option for what [`INSECURE_VARIABLE`] has.
const INSECURE_OPTION: &str = "--insecure-registry";
const EXPECTED_HOST: &str = "`HOST`, `HOST:PORT` or an address range";

/// Who is told what happens.
pub(super) type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// How registries are reached.
///
/// [`from_env`](Self::from_env) has what the user set; [`default`](Self::default) has no mirrors, proxies or logins.
#[derive(Clone)]
pub struct RegistrySettings {
    mirrors: Vec<(String, Endpoint)>,
    insecure: Insecure,
    pub(super) proxies: Proxies,
    pub(super) credentials: CredentialFiles,
    pub(super) connect_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) total_timeout: Duration,
    pub(super) tries: u32,
    pub(super) backoff: Duration,
    pub(super) listener: Option<Listener>,
    /// What was found while reading settings, to be told under `-v`.
    pub(super) details: Vec<String>,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            mirrors: Vec::new(),
            insecure: Insecure::default(),
            proxies: Proxies::default(),
            credentials: CredentialFiles::default(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(60),
            tries: 4,
            backoff: Duration::from_millis(300),
            listener: None,
            details: Vec::new(),
        }
    }
}

impl fmt::Debug for RegistrySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Proxies may have a login in them.
        f.debug_struct("RegistrySettings")
            .field("mirrors", &self.mirrors)
            .field("insecure", &self.insecure)
            .field("credentials", &self.credentials)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .finish_non_exhaustive()
    }
}

impl RegistrySettings {
    /// The settings of this user: [`PYIMAGE_MIRRORS`](MIRRORS_VARIABLE),
    /// [`PYIMAGE_INSECURE_REGISTRIES`](INSECURE_VARIABLE), [`PYIMAGE_REGISTRY_TIMEOUT`](TIMEOUT_VARIABLE), the
    /// proxy variables, docker's and podman's files with logins, and `registry-mirrors` and `insecure-registries`
    /// of docker's [`daemon.json`]; mirrors of ours come first.
    ///
    /// # Errors
    /// Where a variable is malformed. A broken `daemon.json` is docker's to complain about.
    ///
    /// [`daemon.json`]: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
    pub fn from_env() -> Result<Self, RegistryError> {
        Self::from_variables(&|name| std::env::var(name).ok(), std::env::home_dir().as_deref())
    }

    pub(super) fn from_variables(
        variable: &dyn Fn(&str) -> Option<String>,
        home: Option<&std::path::Path>,
    ) -> Result<Self, RegistryError> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let entries = |name: &str| -> Vec<String> {
            let value = variable(name).unwrap_or_default();
            value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
        };
        let wrong = |name: &str, entry: &str, expected| {
            // A comma in a password makes two entries of it, and the first does not look like a login.
            let is_part = !entry.contains('@') && variable(name).is_some_and(|value| value.contains('@'));
            RegistryError::Setting {
                variable: name.to_owned(),
                value: if is_part { "…".to_owned() } else { redacted(entry) },
                expected,
            }
        };
        let mut settings = Self { proxies: Proxies::from_variables(&variable)?, ..Self::default() };
        settings.credentials = CredentialFiles::locate(&variable, home);
        for entry in entries(MIRRORS_VARIABLE) {
            // The address of a mirror has no `=` before its `:`.
            let (host, url) = match entry.split_once('=') {
                Some((host, url)) if !host.contains("//") => (host.trim(), url),
                _ => (super::endpoint::HUB, entry.as_str()),
            };
            if !insecure::is_host(host) {
                return Err(wrong(MIRRORS_VARIABLE, &entry, "`URL` or `HOST=URL`"));
            }
            let endpoint =
                Endpoint::mirror(url).map_err(|expected| wrong(MIRRORS_VARIABLE, url, expected))?;
            settings.put_mirror(host, endpoint);
        }
        for entry in entries(INSECURE_VARIABLE) {
            if !settings.insecure.add(&entry) {
                return Err(wrong(INSECURE_VARIABLE, &entry, EXPECTED_HOST));
            }
        }
        if let Some(value) = variable(TIMEOUT_VARIABLE) {
            let seconds = value.trim().parse::<u32>().ok().filter(|seconds| *seconds > 0);
            let seconds =
                seconds.ok_or_else(|| wrong(TIMEOUT_VARIABLE, &value, "a number of seconds above 0"))?;
            let limit = Duration::from_secs(u64::from(seconds));
            (settings.connect_timeout, settings.idle_timeout) = (limit, limit);
            settings.total_timeout = settings.total_timeout.max(limit * 2);
        }
        for path in daemon::locations(&variable, home) {
            match DaemonFile::read(&path) {
                Ok(None) => {}
                Ok(Some(file)) => settings.follow(file, &path),
                Err(error) => settings.details.push(format!("ignored `{}`: {error}", path.display())),
            }
        }
        Ok(settings)
    }

    /// Takes what docker's daemon is told; what is wrong in it is the daemon's to complain about.
    fn follow(&mut self, file: DaemonFile, path: &std::path::Path) {
        for url in file.registry_mirrors {
            if self.mirror(super::endpoint::HUB, &url).is_err() {
                self.details.push(format!("ignored mirror `{}` in `{}`", redacted(&url), path.display()));
            }
        }
        for host in file.insecure_registries {
            if !self.insecure.add(&host) {
                self.details.push(format!(
                    "ignored insecure registry `{}` in `{}`",
                    redacted(&host),
                    path.display()
                ));
            }
        }
    }

    /// Allows a host (`registry.example:5000`) to speak http, as `--insecure-registry` does; a range of addresses
    /// (`10.0.0.0/8`) is understood too, as docker does.
    ///
    /// # Errors
    /// Where `host` is neither.
    pub fn allow_insecure(&mut self, host: &str) -> Result<(), RegistryError> {
        if self.insecure.add(host) {
            return Ok(());
        }
        Err(RegistryError::Setting {
            variable: INSECURE_OPTION.to_owned(),
            value: redacted(host),
            expected: EXPECTED_HOST,
        })
    }

    /// Asks `url` first for the images of the registry `host`, after mirrors that were given before.
    ///
    /// A path in it stands before the repository: `https://mirror.example/hub` is asked for `hub/library/python`.
    ///
    /// # Errors
    /// Where `url` is no `http` or `https` URL, or has a login or a query.
    pub fn mirror(&mut self, host: &str, url: &str) -> Result<(), RegistryError> {
        let endpoint = Endpoint::mirror(url).map_err(|expected| RegistryError::Setting {
            variable: MIRRORS_VARIABLE.to_owned(),
            value: redacted(url),
            expected,
        })?;
        self.put_mirror(host, endpoint);
        Ok(())
    }

    fn put_mirror(&mut self, host: &str, endpoint: Endpoint) {
        let entry = (canonical(host).to_owned(), endpoint);
        if !self.mirrors.contains(&entry) {
            self.mirrors.push(entry);
        }
    }

    /// Tells `listener` what happens, from whichever thread it happens on.
    pub fn on_event(&mut self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.listener = Some(Arc::new(listener));
    }

    /// How long to wait for a connection, for the next byte of an answer, and for a document in all its tries.
    pub fn timeouts(&mut self, connect: Duration, idle: Duration, total: Duration) {
        (self.connect_timeout, self.idle_timeout, self.total_timeout) = (connect, idle, total);
    }

    /// How often a failing request is made in all, and how long to wait after the first failure; each wait is twice
    /// the one before.
    pub fn retries(&mut self, tries: u32, backoff: Duration) {
        (self.tries, self.backoff) = (tries.max(1), backoff);
    }

    /// Where to look for logins.
    pub fn credentials(&mut self, files: CredentialFiles) {
        self.credentials = files;
    }

    /// The mirrors of a registry, in order.
    pub(super) fn mirrors(&self, registry: &str) -> impl Iterator<Item = &Endpoint> {
        let registry = canonical(registry);
        self.mirrors.iter().filter(move |(of, _)| of == registry).map(|(_, endpoint)| endpoint)
    }

    /// Whether this host was allowed to speak http, or TLS with a certificate that nobody vouches for.
    pub(super) fn is_insecure(&self, authority: &str) -> bool {
        self.insecure.contains(authority)
    }

    /// Whether http may be spoken with this host.
    pub(super) fn may_speak_http(&self, authority: &str) -> bool {
        super::endpoint::is_loopback(super::endpoint::split_port(authority).0)
            || self.is_insecure(authority)
            || self.mirrors.iter().any(|(_, mirror)| {
                mirror.authority == authority && mirror.schemes.contains(&super::endpoint::Scheme::Http)
            })
    }
}

#[cfg(test)]
mod tests;
