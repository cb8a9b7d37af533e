//! The mirrors and insecure registries of docker's own daemon.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The parts of docker's `daemon.json` that a registry client follows.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct DaemonFile {
    /// Mirrors of Docker Hub.
    pub(super) registry_mirrors: Vec<String>,
    /// Registries that may speak http.
    pub(super) insecure_registries: Vec<String>,
}

impl DaemonFile {
    /// Reads one; where there is none, `None`.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs_err::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Where docker's daemons keep it: the system's, the rootless one's, Docker Desktop's.
pub(super) fn locations(variable: &dyn Fn(&str) -> Option<String>, home: Option<&Path>) -> Vec<PathBuf> {
    if cfg!(windows) {
        let system =
            variable("ProgramData").map(|folder| Path::new(&folder).join(r"docker\config\daemon.json"));
        return system.into_iter().chain(home.map(|home| home.join(".docker/daemon.json"))).collect();
    }
    let config = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let config = config.or_else(|| home.map(|home| home.join(".config")));
    [
        Some(PathBuf::from("/etc/docker/daemon.json")),
        config.map(|folder| folder.join("docker/daemon.json")),
        home.map(|home| home.join(".docker/daemon.json")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
