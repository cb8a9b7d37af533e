//! pip's settings: its variables over its files, as [pip has them].
//!
//! [pip has them]: https://pip.pypa.io/en/stable/topics/configuration/

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use configparser::ini::Ini;

/// What pip is told of indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PipSettings {
    pub(super) index: Option<String>,
    pub(super) extra_indexes: Vec<String>,
    pub(super) find_links: Vec<String>,
    pub(super) no_index: bool,
    pub(super) trusted_hosts: Vec<String>,
    pub(super) certificates: Option<String>,
    pub(super) client_certificate: Option<String>,
    /// What is wrong with its files.
    pub(super) complaints: Vec<String>,
}

/// Sections of a file, from the weakest: `pip install` is what we stand for.
const SECTIONS: [&str; 3] = ["global", "download", "install"];

impl PipSettings {
    pub(super) fn read(variable: &dyn Fn(&str) -> Option<String>, home: Option<&Path>) -> Self {
        let mut complaints = Vec::new();
        // By section, so that what is said of `install` in one file goes over what another says of all commands.
        let mut sections: [BTreeMap<String, String>; 3] = Default::default();
        for file in files(variable, home) {
            let Ok(text) = fs_err::read(&file) else { continue };
            match parse(&String::from_utf8_lossy(&text)) {
                Ok(found) => {
                    for (section, found) in sections.iter_mut().zip(found) {
                        section.extend(found);
                    }
                }
                Err(why) => {
                    complaints.push(format!("pip's settings in `{}` are not used: {why}", file.display()));
                }
            }
        }
        let setting = |key: &str| {
            let of_files = || sections.iter().rev().find_map(|section| section.get(key).cloned());
            let name = format!("PIP_{}", key.replace('-', "_").to_uppercase());
            variable(&name).or_else(of_files).filter(|value| !value.trim().is_empty())
        };
        let list = |key: &str| {
            setting(key)
                .map(|value| value.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default()
        };
        let yes =
            |value: String| matches!(value.to_lowercase().as_str(), "1" | "y" | "yes" | "t" | "true" | "on");
        Self {
            index: setting("index-url"),
            extra_indexes: list("extra-index-url"),
            find_links: list("find-links"),
            no_index: setting("no-index").is_some_and(yes),
            trusted_hosts: list("trusted-host"),
            certificates: setting("cert").or_else(|| variable("REQUESTS_CA_BUNDLE")),
            client_certificate: setting("client-cert"),
            complaints,
        }
    }

    /// All that may have a login.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.index.iter().chain(&self.extra_indexes).chain(&self.find_links).map(String::as_str)
    }
}

/// The files that there may be, from the weakest.
fn files(variable: &dyn Fn(&str) -> Option<String>, home: Option<&Path>) -> Vec<PathBuf> {
    let named = variable("PIP_CONFIG_FILE").map(PathBuf::from);
    // To pip this means that there are none at all.
    if named.as_deref() == Some(Path::new("/dev/null")) {
        return Vec::new();
    }
    let system = variable("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".to_owned());
    let mut files: Vec<_> =
        std::env::split_paths(&system).map(|folder| folder.join("pip/pip.conf")).collect();
    files.push("/etc/pip.conf".into());
    files.extend(home.map(|home| home.join(".pip/pip.conf")));
    let config = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home?.join(".config")));
    files.extend(config.map(|config| config.join("pip/pip.conf")));
    files.extend(named);
    files
}

/// The sections of a file that concern us, with the names of keys as pip compares them.
fn parse(text: &str) -> Result<[BTreeMap<String, String>; 3], String> {
    let mut ini = Ini::new();
    ini.set_multiline(true);
    ini.set_inline_comment_symbols(Some(&[]));
    let all = ini
        .read(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
        .map_err(|_| "it is no such file".to_owned())?;
    // As pip has it, whose reader refuses what is in no section, and a key without a value.
    if all.get("default").is_some_and(|keys| !keys.is_empty()) {
        return Err("it has lines in no section".to_owned());
    }
    if let Some(key) = all.values().flatten().find_map(|(key, value)| value.is_none().then_some(key)) {
        let key: String = key.chars().take(20).collect();
        return Err(format!("`{key}` has no value"));
    }
    Ok(SECTIONS.map(|section| {
        let keys = all.get(section).into_iter().flatten();
        keys.map(|(key, value)| (key.replace('_', "-"), value.clone().unwrap_or_default())).collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)], files: &[(&str, &str)]) -> PipSettings {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = home.path().join(name);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, text).unwrap();
        }
        let variable = |name: &str| {
            let set = variables.iter().find(|(key, _)| *key == name);
            let file = |value: &str| value.replace('~', home.path().to_str().unwrap());
            set.map(|(_, value)| file(value))
                .or_else(|| (name == "XDG_CONFIG_DIRS").then(|| "/none".to_owned()))
        };
        let mut found = PipSettings::read(&variable, Some(home.path()));
        // This machine's own is not the test's.
        found.complaints.retain(|complaint| !complaint.contains("`/etc/pip.conf`"));
        found
    }

    #[test]
    fn the_strongest_counts() {
        let found = settings(
            &[("PIP_CONFIG_FILE", "~/named.conf"), ("PIP_TRUSTED_HOST", "a b")],
            &[
                (
                    ".pip/pip.conf",
                    "[global]\nindex-url = https://legacy.example/simple\nfind-links = /a\n    https://b.example\n\n",
                ),
                (
                    ".config/pip/pip.conf",
                    "[install]\nindex_url = https://me:p;w#1@user.example/simple\n; note\n[global]\nno-index = on\n",
                ),
                (
                    "named.conf",
                    "# mine\n[global]\nindex-url: https://named.example/simple\nextra-index-url =\n  https://x.example\n  https://y.example\n",
                ),
            ],
        );
        assert_eq!(
            found.index.as_deref(),
            Some("https://me:p;w#1@user.example/simple"),
            "a command over all commands"
        );
        assert_eq!(found.find_links, ["/a", "https://b.example"]);
        assert_eq!(found.extra_indexes, ["https://x.example", "https://y.example"]);
        assert_eq!(found.trusted_hosts, ["a", "b"]);
        assert!(found.no_index);
        assert_eq!(found.complaints, [""; 0]);
        let nowhere = settings(
            &[("PIP_CONFIG_FILE", "/dev/null")],
            &[(".pip/pip.conf", "[global]\nindex-url = https://x.example\n")],
        );
        assert_eq!(nowhere, PipSettings::default());
    }

    #[test]
    fn what_is_broken_is_told_and_left_out() {
        for broken in [
            "lxml ok\n",
            "[global\nindex-url = https://a\n",
            "[global]\njust words\n",
            "index-url = https://a\n",
            "│ exit code: 1\n",
        ] {
            let found = settings(
                &[],
                &[(".pip/pip.conf", "[global]\nno-index = 1\n"), (".config/pip/pip.conf", broken)],
            );
            assert_eq!(found.complaints.len(), 1, "{broken}: {found:?}");
            assert!(found.complaints[0].contains("/.config/pip/pip.conf` are not used"), "{found:?}");
            assert!(found.no_index && found.index.is_none(), "the other file counts");
        }
    }
}
