//! The Cargo project around the working directory, and what its manifests say.
//!
//! Starting Cargo costs more than all our own work before a script starts. So Cargo is asked only where a
//! manifest mentions us at all, and its answer is kept for as long as the manifests stay as they are.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Settings;
use super::error::{CargoFailure, SettingsError, nearest};
use super::script::{self, NamedScript};
use super::table::{KEYS, Table};
use crate::cache::Cache;

/// The settings and named scripts of a Cargo project; outside one, all of it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// `[package.metadata.pyrun]` of the package around the working directory.
    pub package: Option<Settings>,
    /// `[workspace.metadata.pyrun]`.
    pub workspace: Option<Settings>,
    /// The named scripts; where both name one, the package's is meant.
    pub scripts: BTreeMap<String, NamedScript>,
    /// The folder of the package, or of the workspace where no package is around; none outside a project.
    pub root: Option<Utf8PathBuf>,
}

impl Project {
    /// Reads the project of `manifest_path`, else the one around `cwd`; in its workspace, `package` if given.
    ///
    /// A cache that is missing or cannot be used costs time and nothing else.
    pub fn load(
        cwd: &Utf8Path,
        manifest_path: Option<&Utf8Path>,
        package: Option<&str>,
        cache: Option<&Cache>,
    ) -> Result<Self, SettingsError> {
        Self::load_with(&cargo_metadata, cwd, manifest_path, package, cache)
    }

    /// The settings of the package over those of the workspace.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings::merge(self.package.clone().unwrap_or_default(), self.workspace.clone().unwrap_or_default())
    }

    fn load_with(
        cargo: &dyn Fn(&Utf8Path) -> Result<Metadata, SettingsError>,
        cwd: &Utf8Path,
        manifest_path: Option<&Utf8Path>,
        package: Option<&str>,
        cache: Option<&Cache>,
    ) -> Result<Self, SettingsError> {
        let manifests = manifests_around(cwd, manifest_path)?;
        let Some(first) = manifests.first() else {
            return match package {
                Some(_) => Err(SettingsError::NoManifest { folder: cwd.to_owned() }),
                None => Ok(Self::default()),
            };
        };
        // The manifest of a package asked for by name may be anywhere below the workspace.
        if package.is_none() && !manifests.iter().any(Manifest::mentions_us) {
            return Ok(Self { root: first.path.parent().map(Utf8Path::to_owned), ..Self::default() });
        }

        let seen: Vec<_> = manifests.iter().map(Seen::new).collect();
        let name = format!("{}\0{}", first.path, package.unwrap_or_default());
        let entry = format!("settings/{}.json", hash(name.as_bytes()));
        let kept = cache.and_then(|cache| cache.read_json::<Answer>(&entry));
        if let Some(answer) = kept.filter(|answer| answer.is_current(&seen)) {
            return answer.project();
        }
        let answer = Answer::new(&cargo(&first.path)?, &first.path, package, seen)?;
        if let Some(cache) = cache {
            // Whoever needs the cache will find it unusable and say so; here the next run is slower, no more.
            cache.write_json(&entry, &answer).ok();
        }
        answer.project()
    }
}

/// A manifest and its content.
struct Manifest {
    path: Utf8PathBuf,
    content: Vec<u8>,
}

impl Manifest {
    fn read(path: Utf8PathBuf) -> std::io::Result<Self> {
        let content = fs_err::read(&path)?;
        Ok(Self { path, content })
    }

    fn mentions_us(&self) -> bool {
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
fn manifests_around(
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
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    path: Utf8PathBuf,
    sha256: String,
}

impl Seen {
    fn new(manifest: &Manifest) -> Self {
        Self { path: manifest.path.clone(), sha256: hash(&manifest.content) }
    }

    fn is_current(&self) -> bool {
        Manifest::read(self.path.clone()).is_ok_and(|manifest| Self::new(&manifest) == *self)
    }
}

/// What of Cargo's answer matters to us, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    around: Vec<Seen>,
    elsewhere: Vec<Seen>,
    package: Option<Source>,
    workspace: Source,
    root: Option<Utf8PathBuf>,
}

/// The value of `metadata.pyrun` in a manifest.
#[derive(Debug, Serialize, Deserialize)]
struct Source {
    manifest: Utf8PathBuf,
    pyrun: Option<Value>,
}

impl Source {
    fn new(manifest: Utf8PathBuf, metadata: &Value) -> Self {
        Self { manifest, pyrun: metadata.get("pyrun").cloned() }
    }

    fn read(
        &self,
        key: &str,
        scripts: &mut BTreeMap<String, NamedScript>,
    ) -> Result<Option<Settings>, SettingsError> {
        let Some(pyrun) = &self.pyrun else { return Ok(None) };
        let table = Table::new(&self.manifest, key.to_owned(), pyrun)?;
        table.only(&[&KEYS[..], &["scripts"]].concat())?;
        scripts.extend(script::scripts(&self.manifest, &table)?);
        table.settings().map(Some)
    }
}

impl Answer {
    fn new(
        metadata: &Metadata,
        manifest: &Utf8Path,
        package: Option<&str>,
        around: Vec<Seen>,
    ) -> Result<Self, SettingsError> {
        let chosen = match package {
            None => metadata.packages.iter().find(|package| same_file(&package.manifest_path, manifest)),
            Some(name) => {
                let found = metadata.packages.iter().find(|package| *package.name == name);
                Some(found.ok_or_else(|| no_such_package(name, metadata))?)
            }
        };
        let package = chosen.map(|package| Source::new(package.manifest_path.clone(), &package.metadata));
        let root =
            package.as_ref().map_or(manifest, |package| &package.manifest).parent().map(Utf8Path::to_owned);
        let workspace = Source::new(metadata.workspace_root.join("Cargo.toml"), &metadata.workspace_metadata);
        let elsewhere = package
            .iter()
            .chain([&workspace])
            .filter(|source| !around.iter().any(|seen| seen.path == source.manifest))
            .filter_map(|source| Some(Seen::new(&Manifest::read(source.manifest.clone()).ok()?)))
            .collect();
        Ok(Self { around, elsewhere, package, workspace, root })
    }

    fn is_current(&self, around: &[Seen]) -> bool {
        self.around == around && self.elsewhere.iter().all(Seen::is_current)
    }

    fn project(self) -> Result<Project, SettingsError> {
        let mut scripts = BTreeMap::new();
        let workspace = self.workspace.read("workspace.metadata.pyrun", &mut scripts)?;
        let package = match &self.package {
            Some(package) => package.read("package.metadata.pyrun", &mut scripts)?,
            None => None,
        };
        Ok(Project { package, workspace, scripts, root: self.root })
    }
}

fn no_such_package(name: &str, metadata: &Metadata) -> SettingsError {
    let members = metadata.packages.iter().map(|package| package.name.as_str());
    SettingsError::NoSuchPackage {
        package: name.to_owned(),
        workspace: metadata.workspace_root.clone(),
        nearest: nearest(name, members).map(str::to_owned),
    }
}

fn same_file(one: &Utf8Path, other: &Utf8Path) -> bool {
    one == other
        || one.canonicalize_utf8().is_ok_and(|one| other.canonicalize_utf8().is_ok_and(|other| one == other))
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// Asks the Cargo that started us, else the one on `PATH`.
fn cargo_metadata(manifest: &Utf8Path) -> Result<Metadata, SettingsError> {
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

#[cfg(test)]
mod tests;
