//! What of cargo's configuration files decides over linkers and flags.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Cargo's configuration files, the nearest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CargoConfig(Vec<Table>);

/// Cargo's own folder.
pub(super) fn home() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

impl CargoConfig {
    /// Reads those that count for a folder. One that cargo cannot read is cargo's to tell.
    pub(super) fn read(folder: &Path) -> Self {
        let above = folder.ancestors().map(|folder| folder.join(".cargo"));
        let texts = above.chain(home()).filter_map(|folder| {
            // Cargo takes the one without an end where both are there.
            let mut names = ["config", "config.toml"].iter().map(|name| folder.join(name));
            fs_err::read_to_string(names.find(|file| file.is_file())?).ok()
        });
        Self::parse(texts.collect::<Vec<_>>().iter().map(String::as_str))
    }

    pub(super) fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self(texts.into_iter().filter_map(|text| text.parse().ok()).collect())
    }

    /// Whether a target has a linker, by its name or by a condition on it.
    pub(super) fn has_linker(&self, triple: &str) -> bool {
        self.of_target(triple, "linker")
            || self.of_target(triple, "rustflags") && self.flags_have_linker(triple)
    }

    /// Whether the flags that cargo takes are `build.rustflags`: those of a target go before.
    pub(super) fn flags_are_for_all(&self, triple: &str) -> bool {
        let of_build = self.0.iter().any(|file| get(file, &["build", "rustflags"]).is_some());
        of_build && !self.of_target(triple, "rustflags")
    }

    fn of_target(&self, triple: &str, key: &str) -> bool {
        self.targets(triple).any(|target| target.contains_key(key))
    }

    fn flags_have_linker(&self, triple: &str) -> bool {
        self.targets(triple)
            .filter_map(|target| target.get("rustflags"))
            .any(|flags| flags.to_string().contains("linker="))
    }

    /// The tables of a target. What conditions hold, cargo knows; they are taken to.
    fn targets<'c>(&'c self, triple: &'c str) -> impl Iterator<Item = &'c Table> {
        let all = self.0.iter().filter_map(|file| file.get("target")?.as_table()).flatten();
        let own = all.filter(move |(name, _)| *name == triple || name.starts_with("cfg("));
        own.filter_map(|(_, target)| target.as_table())
    }
}

fn get<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (last, above) = path.split_last()?;
    let folder = above.iter().try_fold(table, |table, key| table.get(*key)?.as_table());
    folder?.get(*last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARM: &str = "aarch64-unknown-linux-gnu";

    #[test]
    fn a_linker_is_known_by_its_target_or_a_condition() {
        let has = |text: &str| CargoConfig::parse(["", text]).has_linker(ARM);
        assert!(has("[target.aarch64-unknown-linux-gnu]\nlinker = 'x'\n"));
        assert!(has("[target.'cfg(target_arch = \"aarch64\")']\nlinker = 'x'\n"));
        assert!(has("[target.aarch64-unknown-linux-gnu]\nrustflags = ['-Clinker=rust-lld']\n"));
        assert!(!has("[target.aarch64-unknown-linux-gnu]\nrunner = 'x'\n"));
        assert!(!has("[target.x86_64-unknown-linux-gnu]\nlinker = 'x'\n"));
        assert!(!has("nonsense"));
    }

    #[test]
    fn flags_of_a_target_go_before_those_for_all() {
        let all = "[build]\nrustflags = ['-g']\n";
        assert!(CargoConfig::parse([all]).flags_are_for_all(ARM));
        let own = "[target.aarch64-unknown-linux-gnu]\nrustflags = ['-g']\n";
        assert!(!CargoConfig::parse([all, own]).flags_are_for_all(ARM));
        assert!(!CargoConfig::default().flags_are_for_all(ARM));
    }
}
