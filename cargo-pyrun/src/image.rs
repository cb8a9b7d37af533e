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
