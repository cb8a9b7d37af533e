//! How registries are reached: mirrors, hosts that may speak http, time limits.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::RegistryError;
use super::event::Event;

/// How registries are reached.
#[derive(Clone)]
pub struct RegistrySettings {
    pub(super) mirrors: Vec<(String, String)>,
    pub(super) insecure: BTreeSet<String>,
    pub(super) connect_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) listener: Option<Listener>,
}

/// Who is told what happens.
pub(super) type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

impl Default for RegistrySettings {
    /// No mirrors, no host but loopback over http, and limits that fit a slow line.
    fn default() -> Self {
        Self {
            mirrors: Vec::new(),
            insecure: BTreeSet::new(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            listener: None,
        }
    }
}

impl fmt::Debug for RegistrySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrySettings")
            .field("mirrors", &self.mirrors)
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}

impl RegistrySettings {
    /// The settings of this user: `PYIMAGE_MIRRORS`, `PYIMAGE_INSECURE_REGISTRIES`, `PYIMAGE_REGISTRY_TIMEOUT`, and
    /// what docker's `daemon.json` has.
    pub fn from_env() -> Result<Self, RegistryError> {
        let mut settings = Self::default();
        for entry in std::env::var("PYIMAGE_MIRRORS").unwrap_or_default().split(',').filter(|e| !e.is_empty())
        {
            match entry.split_once('=') {
                Some((host, url)) => settings.mirror(host, url)?,
                None => settings.mirror("docker.io", entry)?,
            }
        }
        Ok(settings)
    }

    /// Allows a host (`registry.example:5000`) to speak http, as `--insecure-registry` does.
    pub fn allow_insecure(&mut self, host: &str) {
        self.insecure.insert(host.to_owned());
    }

    /// Asks `url` for the images of the registry `host` first.
    pub fn mirror(&mut self, host: &str, url: &str) -> Result<(), RegistryError> {
        self.mirrors.push((host.to_owned(), url.to_owned()));
        Ok(())
    }

    /// Tells `listener` what happens.
    pub fn on_event(&mut self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.listener = Some(Arc::new(listener));
    }

    /// How long to wait for a connection, and for the next byte of an answer.
    pub fn timeout(&mut self, connect: Duration, idle: Duration) {
        (self.connect_timeout, self.idle_timeout) = (connect, idle);
    }
}
