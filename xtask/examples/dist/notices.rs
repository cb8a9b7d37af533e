//! The licences of what is linked into the programs: most ask that they go along.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{DependencyKind, MetadataCommand, PackageId};
use fs_err as fs;

/// How the files begin that a package has its licence in.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// Name, version and licence of each package of others, and all texts, each once.
pub(crate) fn of(programs: &[&str], target: &str) -> Result<String> {
    let mut command = MetadataCommand::new();
    command.manifest_path(super::root().join("Cargo.toml"));
    command.other_options(["--filter-platform".to_owned(), target.to_owned(), "--locked".to_owned()]);
    let metadata = command.exec()?;
    let resolve = metadata.resolve.as_ref().context("`cargo metadata` resolved nothing")?;
    let mut linked: BTreeSet<&PackageId> = BTreeSet::new();
    let own = metadata.workspace_packages();
    let mut ahead: Vec<&PackageId> = own
        .iter()
        .filter(|package| programs.contains(&package.name.as_str()))
        .map(|package| &package.id)
        .collect();
    while let Some(id) = ahead.pop() {
        if linked.insert(id) {
            let node =
                resolve.nodes.iter().find(|node| node.id == *id).context("a package without dependencies")?;
            let normal = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            ahead.extend(normal.map(|dependency| &dependency.pkg));
        }
    }
    let mut list = BTreeSet::new();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for id in linked {
        let package = &metadata[id];
        // What is ours lies beside this file.
        if package.source.is_none() {
            continue;
        }
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("see below");
        list.insert(format!("{name}: {licence}\n"));
        for text in licences(package.manifest_path.parent().context("a manifest without a folder")?)? {
            texts.entry(text).or_default().insert(name.clone());
        }
    }
    let mut out = "What is linked into these programs, and its licences.\n\n".to_owned();
    out.extend(list);
    for (text, packages) in texts {
        let packages = packages.into_iter().collect::<Vec<_>>().join(", ");
        out.extend(["\n", &"-".repeat(72), "\n", &packages, "\n\n", text.trim_end(), "\n"]);
    }
    Ok(out)
}

fn licences(folder: &Utf8Path) -> Result<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if NAMES.iter().any(|begin| name.starts_with(begin)) && entry.file_type()?.is_file() {
            texts.insert(String::from_utf8_lossy(&fs::read(entry.path())?).into_owned());
        }
    }
    Ok(texts)
}
