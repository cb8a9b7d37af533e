//! Manifests: which have a say, what is in them, and what Cargo makes of them.
//!
//! Starting Cargo costs more than all our own work. So its answer is kept for as long as the manifests stay as
//! they are, and whether they did is told by their content.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::{CargoFailure, SettingsError};

/// A manifest and its content.
#[derive(Debug)]
pub struct Manifest {
    /// Where it is.
    pub path: Utf8PathBuf,
    content: Vec<u8>,
}

impl Manifest {
    /// Reads the manifest at this path.
    pub fn read(path: Utf8PathBuf) -> std::io::Result<Self> {
        let content = fs_err::read(&path)?;
        Ok(Self { path, content })
    }

    /// Whether it can have settings of `cargo pyrun`.
    pub(super) fn mentions_us(&self) -> bool {
        self.contains(b"pyrun")
    }

    fn contains(&self, word: &[u8]) -> bool {
        self.content.windows(word.len()).any(|window| window == word)
    }

    /// The root manifest that `package.workspace` points to.
    fn workspace(&self) -> Option<Utf8PathBuf> {
        #[derive(Deserialize)]
        struct Head {
            package: Package,
        }
        #[derive(Deserialize)]
        struct Package {
            workspace: Utf8PathBuf,
        }
        if !self.contains(b"workspace") {
            return None;
        }
        let head: Head = toml::from_slice(&self.content).ok()?;
        Some(self.path.parent()?.join(head.package.workspace).join("Cargo.toml"))
    }
}

/// All manifests that may have a say, the deciding one first.
///
/// Which of those further up is the workspace root is Cargo's to know: one too many only means that Cargo is
/// asked in vain. One that cannot be read is passed over, as it cannot be known to be about us.
pub fn manifests_around(
    cwd: &Utf8Path,
    manifest_path: Option<&Utf8Path>,
) -> Result<Vec<Manifest>, SettingsError> {
    let mut manifests = Vec::new();
    let mut above = cwd.to_owned();
    if let Some(path) = manifest_path {
        let path = cwd.join(path);
        above = path.parent().and_then(Utf8Path::parent).unwrap_or(Utf8Path::new("")).to_owned();
        manifests.push(match Manifest::read(path.clone()) {
            Ok(manifest) => manifest,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(SettingsError::NoSuchManifest { path });
            }
            Err(source) => return Err(SettingsError::UnreadableManifest { path, source }),
        });
    }
    let found = above.ancestors().filter_map(|folder| Manifest::read(folder.join("Cargo.toml")).ok());
    manifests.extend(found);
    if let Some(root) = manifests.first().and_then(Manifest::workspace) {
        manifests.extend(Manifest::read(root).ok());
    }
    Ok(manifests)
}

/// A manifest as it was when Cargo was asked. Its content is read in any case, so its hash says it all: a time
/// stamp would only add false alarms after every `git checkout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Where it is.
    pub path: Utf8PathBuf,
    sha256: String,
}

impl Seen {
    /// The manifest as it is.
    #[must_use]
    pub fn new(manifest: &Manifest) -> Self {
        Self { path: manifest.path.clone(), sha256: hash(&manifest.content) }
    }

    /// Whether it is still so.
    #[must_use]
    pub fn is_current(&self) -> bool {
        Manifest::read(self.path.clone()).is_ok_and(|manifest| Self::new(&manifest) == *self)
    }
}

pub(super) fn same_file(one: &Utf8Path, other: &Utf8Path) -> bool {
    one == other
        || one.canonicalize_utf8().is_ok_and(|one| other.canonicalize_utf8().is_ok_and(|other| one == other))
}

/// A file name for what is kept by a key.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// Asks the Cargo that started us, else the one on `PATH`, about the packages of a manifest's workspace.
pub fn cargo_metadata(manifest: &Utf8Path) -> Result<Metadata, SettingsError> {
    let manifest_path = || manifest.to_owned();
    let answer =
        MetadataCommand::new().manifest_path(manifest).no_deps().env("CARGO_TERM_COLOR", "never").exec();
    answer.map_err(|error| match error {
        cargo_metadata::Error::Io(source) => SettingsError::NoCargo { manifest: manifest_path(), source },
        cargo_metadata::Error::CargoMetadata { stderr } => {
            let message = stderr.trim();
            let message = message.strip_prefix("error: ").unwrap_or(message).to_owned();
            SettingsError::Cargo { manifest: manifest_path(), source: CargoFailure(message) }
        }
        other => SettingsError::Cargo { manifest: manifest_path(), source: CargoFailure(other.to_string()) },
    })
}
