//! What a run needs to know of an engine, asked once in the engine's lifetime.

use serde::{Deserialize, Serialize};

use super::Address;
use crate::cache::Cache;
use crate::fingerprint;

/// Which program answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Docker Engine.
    Docker,
    /// podman's Docker-compatible API.
    Podman,
}

/// An engine's traits, as far as a run depends on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Docker or podman.
    pub kind: Kind,
    /// Its version, for messages.
    pub version: String,
    /// `linux` or `windows`.
    pub os: String,
    /// Go's name of the architecture, for example `amd64`.
    pub arch: String,
    /// It runs without root: uid 0 in a container is the caller.
    pub rootless: bool,
    /// It labels containers for SELinux.
    pub selinux: bool,
    /// containerd keeps its images, and not its own store.
    pub containerd_store: bool,
}

impl Facts {
    /// The cache's name for the engine at this address, new whenever the engine was started anew.
    ///
    /// A socket file tells its lifetime: starting an engine makes a new one. A TCP address does not, so nothing
    /// is kept for it.
    #[must_use]
    pub fn key(address: &Address) -> Option<String> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let file = fs_err::metadata(address.socket()?).ok()?;
            let identity =
                format!("{address} {} {} {} {}", file.dev(), file.ino(), file.ctime(), file.ctime_nsec());
            Some(fingerprint::short(&identity))
        }
        #[cfg(not(unix))]
        {
            let _ = address;
            None
        }
    }

    /// What was kept for this engine.
    #[must_use]
    pub fn recall(cache: &Cache, key: &str) -> Option<Self> {
        cache.read_json(format!("engines/{key}/facts.json"))
    }

    /// Keeps the facts; a cache that cannot be written only costs two round trips a run.
    pub fn keep(&self, cache: &Cache, key: &str) {
        let _ = cache.write_json(format!("engines/{key}/facts.json"), self);
    }
}
