//! The Cargo project around the working directory, and what its manifests say.
//!
//! Starting Cargo costs more than all our own work before a script starts. So Cargo is asked only where a
//! manifest mentions us at all, and its answer is kept for as long as the manifests stay as they are.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::Metadata;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Settings;
use super::error::{SettingsError, nearest};
use super::manifest::{Manifest, Seen, cargo_metadata, hash, manifests_around, same_file};
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

#[cfg(test)]
mod tests;
