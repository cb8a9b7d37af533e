//! Which crates are in the package's programs: what Cargo resolves for a target, without what only compiling takes.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use pyimage_build::{Bins, Digest, LockedImage, Platform, SbomPart, Suite};
use serde::Deserialize;
use tokio::process::Command;

use super::{AssemblyError, BinError, BuildError, Builder, PackageImage, RustTarget};

/// What `cargo metadata` says, as far as it counts here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// None for what goes into a program.
    kind: Option<String>,
}

/// `Cargo.lock`.
#[derive(Default, Deserialize)]
struct CargoLock {
    #[serde(default)]
    package: Vec<LockedCrate>,
}

#[derive(Deserialize)]
struct LockedCrate {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

impl Builder<'_> {
    /// The programs of an image on a platform, and the crates in them; nothing where none go in. Nothing is compiled.
    pub(in crate::build) async fn program_parts(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Vec<SbomPart>, BuildError> {
        let settings = &image.settings;
        let Some(wanted) = &settings.bins else { return Ok(Vec::new()) };
        let unknown = || AssemblyError::UnknownSystem { base: settings.base.familiar() };
        let libc = locked.suite.as_ref().and_then(Suite::libc).ok_or_else(unknown)?;
        let failed = |source| BuildError::Bins { platform: platform.clone(), source: Box::new(source) };
        let target = RustTarget::of(platform, libc).ok_or(BinError::NoTarget { libc: libc.libc });
        let metadata = self.metadata(image, &target.map_err(failed)?.triple).await.map_err(failed)?;
        let text = fs_err::read_to_string(self.root.join("Cargo.lock")).unwrap_or_default();
        Ok(parts(&metadata, &image.package, wanted, &toml::from_str(&text).unwrap_or_default()))
    }

    async fn metadata(&self, image: &PackageImage, triple: &str) -> Result<Metadata, BinError> {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(&program);
        command.current_dir(&image.settings.folder).args(["metadata", "--format-version", "1"]);
        command.args(["--filter-platform", triple, "--manifest-path"]);
        command.arg(image.settings.folder.join("Cargo.toml"));
        if self.offline {
            command.arg("--offline");
        }
        command.env("CARGO_TERM_COLOR", "never").stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await;
        let output = output
            .map_err(|source| BinError::Cargo { program: program.to_string_lossy().into_owned(), source })?;
        if !output.status.success() {
            let says = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(BinError::Crates { says });
        }
        serde_json::from_slice(&output.stdout).map_err(|error| BinError::Crates { says: error.to_string() })
    }
}

/// The programs of a package, and the crates that are linked into them.
fn parts(metadata: &Metadata, package: &str, wanted: &Bins, lock: &CargoLock) -> Vec<SbomPart> {
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|its| (its.id.as_str(), its)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|its| (its.id.as_str(), its)).collect();
    // Of the workspace's own, and not of a crate that is called the same.
    let own = metadata.packages.iter().find(|its| its.name == package && its.source.is_none());
    let Some(own) = own else { return Vec::new() };
    let is_wanted = |target: &&Target| {
        let named = match wanted {
            Bins::Named(names) => names.contains(&target.name),
            Bins::All => true,
        };
        named && target.kind.iter().any(|kind| kind == "bin")
    };
    let programs = own.targets.iter().filter(is_wanted);
    let mut parts: Vec<_> =
        programs.map(|its| SbomPart::of_program(&its.name, &own.name, &own.version)).collect();
    let (mut seen, mut left) = (BTreeSet::from([own.id.as_str()]), vec![own.id.as_str()]);
    while let Some(node) = left.pop().and_then(|id| nodes.get(id)) {
        for dependency in &node.deps {
            let Some(its) = packages.get(dependency.pkg.as_str()) else { continue };
            let is_linked = dependency.dep_kinds.iter().any(|its| its.kind.is_none());
            // It runs while the program is compiled, with all that it needs.
            let is_macro =
                its.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"));
            if is_linked && !is_macro && seen.insert(&its.id) {
                left.push(&its.id);
                parts.push(SbomPart::of_crate(&its.name, &its.version, checksum(its, lock)));
            }
        }
    }
    parts
}

/// What `Cargo.lock` has of a crate.
fn checksum(package: &Package, lock: &CargoLock) -> Option<Digest> {
    let is_it = |its: &&LockedCrate| {
        its.name == package.name && its.version == package.version && its.source == package.source
    };
    let checksum = lock.package.iter().find(is_it)?.checksum.as_deref()?;
    format!("sha256:{checksum}").parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_linked_is_told_apart_from_what_compiling_takes() {
        let package = |id: &str, kind: &str| {
            let source = (id != "app").then_some("registry+https://index.example");
            json!({"id": id, "name": id, "version": "1.0.0", "source": source, "targets": [{"name": id, "kind": [kind]}]})
        };
        let on =
            |id: &str, kind: Option<&str>| json!({"pkg": id, "dep_kinds": [{"kind": kind, "target": null}]});
        let metadata = json!({
            "packages": [
                package("app", "bin"), package("linked", "lib"), package("below", "lib"), package("macro", "proc-macro"),
                package("syn", "lib"), package("cc", "lib"), package("proptest", "lib"),
            ],
            "resolve": {"nodes": [
                {"id": "app", "deps": [
                    on("linked", None), on("macro", None), on("cc", Some("build")), on("proptest", Some("dev")),
                ]},
                {"id": "linked", "deps": [on("below", None)]},
                {"id": "below", "deps": [on("linked", None)]},
                {"id": "macro", "deps": [on("syn", None)]},
            ]},
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        let sha256 = "0".repeat(64);
        let lock = format!(
            "version = 4\n[[package]]\nname = \"below\"\nversion = \"1.0.0\"\nsource = \"registry+https://index.example\"\n\
             checksum = \"{sha256}\"\n"
        );
        let lock: CargoLock = toml::from_str(&lock).unwrap();
        let found = parts(&metadata, "app", &Bins::Named(vec!["app".to_owned()]), &lock);
        let expected = [
            SbomPart::of_program("app", "app", "1.0.0"),
            SbomPart::of_crate("linked", "1.0.0", None),
            SbomPart::of_crate("below", "1.0.0", format!("sha256:{sha256}").parse().ok()),
        ];
        assert_eq!(found, expected);
    }
}
