//! What a run needs to know of an image, asked once per image.

use serde::{Deserialize, Serialize};

/// An image on an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The engine's id: `sha256:…`, of the configuration or of the manifest.
    pub id: String,
    /// `linux` or `windows`.
    pub os: String,
    /// Go's name of the architecture.
    pub arch: String,
    /// The image's own user, empty for root.
    pub user: String,
    /// `PYTHON_VERSION` of its environment, which every official image has.
    pub python: Option<String>,
    /// `PATH` of its environment.
    pub path: Option<String>,
    /// The release of its distribution, as tags name it: `trixie`, `alpine3.22`; read when a container of it exists.
    pub suite: Option<String>,
    /// Major and minor version of the pip in it; read when a container of it exists.
    #[serde(default)]
    pub pip: Option<(u16, u16)>,
    /// Its `/etc/passwd`; read when a container of it exists.
    pub passwd: Option<String>,
    /// Its `/etc/group`.
    pub group: Option<String>,
}

impl Image {
    /// The id without its algorithm, as a file name.
    #[must_use]
    pub fn key(&self) -> &str {
        self.id.rsplit(':').next().unwrap_or(&self.id)
    }

    /// Major and minor version of the official Python in it.
    #[must_use]
    pub fn python_minor(&self) -> Option<(u32, u32)> {
        let mut parts = self.python.as_deref()?.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

/// The version of a pip, from its `__init__.py`.
#[must_use]
pub fn pip(source: &str) -> Option<(u16, u16)> {
    let line = source.lines().find_map(|line| line.strip_prefix("__version__"))?;
    let mut numbers = line.trim_start_matches([' ', '=']).trim_matches(['"', '\'']).split('.');
    let mut next = || numbers.next()?.parse().ok();
    Some((next()?, next()?))
}

/// The release of a distribution, as tags name it, from its `os-release`.
#[must_use]
pub fn suite(os_release: &str) -> Option<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches(['"', '\'']).to_owned())
    };
    match value("ID")?.as_str() {
        "alpine" => {
            let version = value("VERSION_ID")?;
            let mut numbers = version.split('.');
            Some(format!("alpine{}.{}", numbers.next()?, numbers.next()?))
        }
        _ => value("VERSION_CODENAME"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_tell_their_version() {
        assert_eq!(pip("from typing import x\n\n__version__ = \"25.0.1\"\n"), Some((25, 0)));
        assert_eq!(pip("__version__ = '9.0'\n"), Some((9, 0)));
        assert_eq!(pip("version = 1"), None);
    }

    #[test]
    fn releases_have_the_names_of_tags() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\nVERSION_CODENAME=trixie\n";
        assert_eq!(suite(debian).as_deref(), Some("trixie"));
        assert_eq!(suite("ID=alpine\nVERSION_ID=3.22.1\n").as_deref(), Some("alpine3.22"));
        assert_eq!(suite("ID=scratch\n"), None);
        assert_eq!(suite(""), None);
    }
}
