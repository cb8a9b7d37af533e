//! Finding an engine: which addresses are tried, in which order.
//!
//! 1. `--engine` or `PYRUN_ENGINE`: an address, the name of a docker context, or `docker` or `podman`.
//! 2. `DOCKER_HOST`, with `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` as docker reads them.
//! 3. The docker context of `DOCKER_CONTEXT`, else the current one of docker's `config.json`.
//! 4. The known sockets: docker, rootless docker, podman, Docker Desktop, colima, OrbStack, Rancher Desktop.
//!
//! An explicit choice (1 to 3) is final; of the known sockets the first that answers is taken. Each is dialled:
//! a socket file that nobody listens on is no engine.

use std::env;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use super::address::{Address, AddressError, Tls};
use super::context::{self, ContextError, DockerConfig};

/// An address that was tried, and why it did not do.
#[derive(Debug)]
pub struct Attempt {
    /// The address.
    pub address: Address,
    /// What the operating system said.
    pub error: io::Error,
}

/// Why no engine was found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// Nothing answered.
    #[error("no container engine answers{}", listed(.attempts))]
    NoneAnswers {
        /// What was dialled, in order.
        attempts: Vec<Attempt>,
        /// What chose the address, unless the known sockets were tried.
        chosen_by: Option<String>,
    },
    /// The engine was named by something that is not an address.
    #[error("{chosen_by} does not name an engine")]
    Address {
        /// The flag or variable.
        chosen_by: String,
        /// What is wrong.
        source: AddressError,
    },
    /// The context cannot be used.
    #[error("{chosen_by} does not lead to an engine")]
    Context {
        /// The flag, variable or file.
        chosen_by: String,
        /// What is wrong.
        source: ContextError,
    },
    /// An engine that this version does not have.
    #[error("the engine `native` is not built yet")]
    Native,
}

fn listed(attempts: &[Attempt]) -> String {
    let mut text = String::new();
    for Attempt { address, error } in attempts {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "no such socket".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            _ => error.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  tried `{address}`: {reason}");
    }
    text
}

/// The addresses to try, and what chose them where it was not the list of known sockets.
#[derive(Debug)]
pub struct Candidates {
    /// In the order of trying.
    pub addresses: Vec<Address>,
    /// The flag, variable or context, or `None` for the known sockets.
    pub chosen_by: Option<String>,
}

/// Lists where an engine may be. `engine` is the value of `--engine` or `PYRUN_ENGINE`.
///
/// # Errors
/// Where an explicit choice is malformed.
pub fn candidates(engine: Option<&str>) -> Result<Candidates, DiscoveryError> {
    let docker = known_docker_sockets();
    let podman = known_podman_sockets();
    match engine.filter(|engine| !engine.is_empty() && *engine != "auto") {
        None => {}
        Some("native") => return Err(DiscoveryError::Native),
        Some("podman") => {
            return Ok(Candidates { addresses: podman, chosen_by: Some("`--engine podman`".to_owned()) });
        }
        Some("docker") => {
            if let Some(chosen) = by_docker_environment()? {
                return Ok(chosen);
            }
            return Ok(Candidates { addresses: docker, chosen_by: Some("`--engine docker`".to_owned()) });
        }
        Some(text) => {
            let chosen_by = format!("`--engine {text}`");
            if !text.contains('/') && !text.contains(':') {
                return by_context(text, chosen_by)
                    .map(|found| found.unwrap_or(Candidates { addresses: docker, chosen_by: None }));
            }
            return by_address(text, environment_tls(), chosen_by);
        }
    }
    if let Some(chosen) = by_docker_environment()? {
        return Ok(chosen);
    }
    let mut addresses = docker;
    // Rootful docker, rootless docker, podman, then the desktops.
    let at = addresses.len().min(2);
    addresses.splice(at..at, podman);
    Ok(Candidates { addresses, chosen_by: None })
}

/// Where the `docker` command itself would go.
#[must_use]
pub fn of_docker() -> Option<Address> {
    candidates(Some("docker")).ok()?.addresses.into_iter().next()
}

fn by_docker_environment() -> Result<Option<Candidates>, DiscoveryError> {
    if let Some(host) = variable("DOCKER_HOST") {
        return by_address(&host, environment_tls(), format!("`DOCKER_HOST={host}`")).map(Some);
    }
    if let Some(name) = variable("DOCKER_CONTEXT") {
        return by_context(&name, format!("`DOCKER_CONTEXT={name}`"));
    }
    match DockerConfig::read().current_context {
        Some(name) => by_context(&name, format!("docker's current context `{name}`")),
        None => Ok(None),
    }
}

fn by_address(text: &str, tls: Option<Tls>, chosen_by: String) -> Result<Candidates, DiscoveryError> {
    match Address::parse(text, tls) {
        Ok(address) => Ok(Candidates { addresses: vec![address], chosen_by: Some(chosen_by) }),
        Err(source) => Err(DiscoveryError::Address { chosen_by, source }),
    }
}

fn by_context(name: &str, chosen_by: String) -> Result<Option<Candidates>, DiscoveryError> {
    let folder = context::docker_folder().unwrap_or_default();
    match context::resolve(&folder, name) {
        Ok(address) => {
            Ok(address.map(|address| Candidates { addresses: vec![address], chosen_by: Some(chosen_by) }))
        }
        Err(source) => Err(DiscoveryError::Context { chosen_by, source }),
    }
}

fn environment_tls() -> Option<Tls> {
    let verify = variable("DOCKER_TLS_VERIFY").is_some();
    let folder = variable("DOCKER_CERT_PATH").map(PathBuf::from).or_else(context::docker_folder)?;
    verify.then(|| Tls::in_folder(&folder))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn known_docker_sockets() -> Vec<Address> {
    if cfg!(windows) {
        return vec![Address::Pipe("//./pipe/docker_engine".to_owned())];
    }
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    sockets.extend(runtime_folder().map(|folder| folder.join("docker.sock")));
    if let Some(home) = env::home_dir() {
        sockets.extend(
            [
                ".docker/run/docker.sock",
                ".docker/desktop/docker.sock",
                ".colima/default/docker.sock",
                ".colima/docker.sock",
                ".orbstack/run/docker.sock",
                ".rd/docker.sock",
            ]
            .map(|path| home.join(path)),
        );
    }
    sockets.into_iter().map(Address::Unix).collect()
}

fn known_podman_sockets() -> Vec<Address> {
    if cfg!(windows) {
        return vec![Address::Pipe("//./pipe/podman-machine-default".to_owned())];
    }
    let mut sockets = Vec::new();
    sockets.extend(runtime_folder().map(|folder| folder.join("podman/podman.sock")));
    sockets.push(PathBuf::from("/run/podman/podman.sock"));
    sockets.into_iter().map(Address::Unix).collect()
}

#[cfg(unix)]
fn runtime_folder() -> Option<PathBuf> {
    let set = env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    // Shells without a login session (cron, su) lack the variable; the folder has a fixed place.
    set.or_else(|| {
        let folder = Path::new("/run/user").join(rustix::process::getuid().as_raw().to_string());
        folder.is_dir().then_some(folder)
    })
}

#[cfg(not(unix))]
fn runtime_folder() -> Option<PathBuf> {
    None
}

/// Dials the candidates in order and gives the first that answers.
///
/// # Errors
/// Where none does; the error lists all of them with the reason of each.
pub fn dial(candidates: Candidates) -> Result<Address, DiscoveryError> {
    let Candidates { addresses, chosen_by } = candidates;
    let mut attempts = Vec::new();
    for address in addresses {
        match address.dial() {
            Ok(()) => return Ok(address),
            Err(error) => attempts.push(Attempt { address, error }),
        }
    }
    Err(DiscoveryError::NoneAnswers { attempts, chosen_by })
}

impl DiscoveryError {
    /// What to do about it, one line each.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NoneAnswers { attempts, chosen_by } => {
                let denied: Vec<_> = attempts
                    .iter()
                    .filter(|attempt| attempt.error.kind() == io::ErrorKind::PermissionDenied)
                    .map(|attempt| attempt.address.to_string())
                    .collect();
                let mut helps = Vec::new();
                // podman's rootful socket is for root alone; docker's has a group.
                if denied.iter().any(|address| !address.contains("podman")) {
                    helps.push(
                        "an engine runs, but this user may not use it: `sudo usermod -aG docker $USER`, then log in again"
                            .to_owned(),
                    );
                } else if !denied.is_empty() {
                    helps.push(
                        "have podman serve this user: `systemctl --user start podman.socket`".to_owned(),
                    );
                }
                match chosen_by {
                    Some(by) => helps.push(format!("{by} chose the address: start that engine, or choose another")),
                    None if denied.is_empty() => helps.push(
                        "start one with `sudo systemctl start docker` or `systemctl --user start podman.socket`, \
                         or install Docker Engine (`sudo apt-get install docker.io`) or podman"
                            .to_owned(),
                    ),
                    None => {}
                }
                helps
            }
            Self::Native => vec!["leave `--engine` away to use docker or podman".to_owned()],
            Self::Context { .. } => vec!["see what there is with `docker context ls`".to_owned()],
            Self::Address { .. } => vec!["for example `--engine unix:///run/podman/podman.sock`".to_owned()],
        }
    }
}
