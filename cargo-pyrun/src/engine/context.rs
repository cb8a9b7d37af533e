//! Docker's contexts, as `docker context` keeps them under `~/.docker`.
//!
//! bollard follows a context's address but not its certificates, so they are read here.

use std::path::{Path, PathBuf};

use super::address::{Address, AddressError, Tls};
use crate::fingerprint;
use serde::Deserialize;

/// Docker's own settings folder: `DOCKER_CONFIG`, else `~/.docker`.
#[must_use]
pub fn docker_folder() -> Option<PathBuf> {
    match std::env::var_os("DOCKER_CONFIG").filter(|value| !value.is_empty()) {
        Some(folder) => Some(folder.into()),
        None => std::env::home_dir().map(|home| home.join(".docker")),
    }
}

/// The parts of docker's `config.json` that a run follows.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerConfig {
    /// The context that applies where nothing else chooses.
    pub current_context: Option<String>,
    /// Proxies for containers, by engine address or `default`.
    pub proxies: std::collections::BTreeMap<String, ProxyConfig>,
}

/// One entry of `proxies` in docker's `config.json`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfig {
    /// For `http://` requests.
    pub http_proxy: Option<String>,
    /// For `https://` requests.
    pub https_proxy: Option<String>,
    /// For `ftp://` requests.
    pub ftp_proxy: Option<String>,
    /// For everything.
    pub all_proxy: Option<String>,
    /// Hosts that need none.
    pub no_proxy: Option<String>,
}

impl DockerConfig {
    /// Reads `config.json`; a missing or damaged file counts as empty, as the docker CLI treats it with a warning.
    #[must_use]
    pub fn read() -> Self {
        docker_folder()
            .and_then(|folder| fs_err::read(folder.join("config.json")).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }
}

/// Why a context cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// There is no such context.
    #[error("docker context `{name}` does not exist (looked in `{}`)", file.display())]
    Missing {
        /// The context's name.
        name: String,
        /// Where its file would be.
        file: PathBuf,
    },
    /// Its file is damaged.
    #[error("docker context `{name}` cannot be read from `{}`", file.display())]
    Damaged {
        /// The context's name.
        name: String,
        /// Its file.
        file: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It says that the engine's certificate is not to be checked.
    #[error("docker context `{0}` skips the check of the engine's certificate, which is not supported")]
    Unverified(String),
    /// Its address is of no known form.
    #[error("docker context `{name}` has an unusable address")]
    Address {
        /// The context's name.
        name: String,
        /// What is wrong with the address.
        source: AddressError,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Endpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

/// The address of a context, with its TLS files. `default` has none of its own: `None`.
///
/// # Errors
/// Where the context is missing, damaged or of a kind that cannot be reached.
pub fn resolve(folder: &Path, name: &str) -> Result<Option<Address>, ContextError> {
    if name.is_empty() || name == "default" {
        return Ok(None);
    }
    let id = fingerprint::sha256(name);
    let file = folder.join("contexts/meta").join(&id).join("meta.json");
    let Ok(bytes) = fs_err::read(&file) else {
        return Err(ContextError::Missing { name: name.to_owned(), file });
    };
    let meta: Meta = serde_json::from_slice(&bytes).map_err(|source| ContextError::Damaged {
        name: name.to_owned(),
        file,
        source,
    })?;
    let certificates = folder.join("contexts/tls").join(&id).join("docker");
    let tls = certificates.join("ca.pem").exists().then(|| Tls::in_folder(&certificates));
    if meta.endpoints.docker.skip_tls_verify {
        return Err(ContextError::Unverified(name.to_owned()));
    }
    Address::parse(&meta.endpoints.docker.host, tls)
        .map(Some)
        .map_err(|source| ContextError::Address { name: name.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_brings_its_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let id = fingerprint::sha256("remote");
        let meta = folder.path().join("contexts/meta").join(&id);
        let tls = folder.path().join("contexts/tls").join(&id).join("docker");
        fs_err::create_dir_all(&meta).unwrap();
        fs_err::create_dir_all(&tls).unwrap();
        fs_err::write(tls.join("ca.pem"), "").unwrap();
        fs_err::write(
            meta.join("meta.json"),
            r#"{"Name":"remote","Endpoints":{"docker":{"Host":"tcp://10.0.0.1:2376","SkipTLSVerify":false}}}"#,
        )
        .unwrap();
        let address = resolve(folder.path(), "remote").unwrap().unwrap();
        assert_eq!(
            address,
            Address::Tcp { host: "10.0.0.1:2376".to_owned(), tls: Some(Tls::in_folder(&tls)) }
        );
        assert!(resolve(folder.path(), "default").unwrap().is_none());
        assert!(matches!(resolve(folder.path(), "other"), Err(ContextError::Missing { .. })));
    }
}
