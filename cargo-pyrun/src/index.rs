//! Package indexes as pip and uv are set up for them: where they are, and who may ask them.
//!
//! uv finds its own settings by itself; here is what it does not read: pip's. Files are fetched by us, and a lock has no
//! logins, so they are found once more by the address of the file.

mod login;
mod netrc;
mod pip;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;

pub use login::{Login, without_logins};
use netrc::Netrc;
use pip::PipSettings;

/// What is known of the indexes that packages come from.
#[derive(Clone, Default)]
pub struct Indexes {
    pip: PipSettings,
    /// The variables of uv that are set.
    uv: BTreeMap<String, String>,
    /// uv's own files name an index.
    uv_has_index: bool,
    /// Logins that stand in addresses of settings and requirements.
    logins: Vec<(Url, Login)>,
    /// Addresses of indexes that have a name, for `UV_INDEX_NAME_USERNAME`.
    named: Vec<(String, Url)>,
    netrc: Netrc,
}

impl fmt::Debug for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Most of it has passwords in it.
        f.debug_struct("Indexes").field("logins", &self.logins.len()).finish_non_exhaustive()
    }
}

impl Indexes {
    /// What the environment and the files of this user say.
    #[must_use]
    pub fn from_env() -> Self {
        Self::of(std::env::vars().collect(), std::env::home_dir().as_deref())
    }

    /// What these variables and the files that they and the home lead to say.
    fn of(variables: BTreeMap<String, String>, home: Option<&Path>) -> Self {
        let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let mut indexes = Self {
            pip: PipSettings::read(&|name| set(name).cloned(), home),
            netrc: Netrc::read(set("NETRC").map(PathBuf::from), home),
            ..Self::default()
        };
        for name in ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"] {
            for entry in set(name).into_iter().flat_map(|value| value.split([' ', ',', '\n', '\t'])) {
                // An index may be given a name: `corp=https://…`.
                let (name, address) = match entry.split_once('=') {
                    Some((name, rest)) if !name.contains([':', '/']) => (Some(name), rest),
                    _ => (None, entry),
                };
                indexes.add(name, address);
            }
        }
        let config = set("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home?.join(".config")));
        let files = [config.map(|folder| folder.join("uv/uv.toml")), Some(PathBuf::from("/etc/uv/uv.toml"))];
        for file in files.into_iter().flatten() {
            if let Some(table) = fs_err::read_to_string(file).ok().and_then(|text| text.parse().ok()) {
                indexes.learn_settings(&table);
            }
        }
        let of_pip: Vec<String> = indexes.pip.addresses().map(str::to_owned).collect();
        for address in &of_pip {
            indexes.add(None, address);
        }
        indexes.uv = variables
            .into_iter()
            .filter(|(name, _)| name.starts_with("UV_") || name.starts_with("SSL_"))
            .collect();
        indexes.uv.retain(|_, value| !value.is_empty());
        indexes
    }

    fn add(&mut self, name: Option<&str>, address: &str) {
        let Ok(mut url) = Url::parse(address) else { return };
        if let Some(login) = Login::take(&mut url) {
            self.logins.push((url.clone(), login));
        }
        self.named.extend(name.map(|name| (name.to_owned(), url)));
    }

    /// Takes the logins from the addresses in a text that asks for packages, wherever they stand in it.
    pub fn learn(&mut self, text: &str) {
        for address in login::addresses(text) {
            // As in files of pip, a variable stands for its value.
            self.add(None, &login::with_variables(address, &|name| std::env::var(name).ok()));
        }
    }

    /// Takes what settings of uv (`uv.toml`, `[tool.uv]`) say of indexes.
    pub fn learn_settings(&mut self, settings: &toml::Table) {
        let text =
            |value: &toml::Value, key: &str| value.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        self.uv_has_index |= settings.contains_key("index-url");
        for index in settings.get("index").and_then(toml::Value::as_array).into_iter().flatten() {
            self.uv_has_index |= index.get("default").and_then(toml::Value::as_bool).unwrap_or(false);
            if let Some(url) = text(index, "url") {
                self.add(text(index, "name").as_deref(), &url);
            }
        }
    }

    /// What is wrong with pip's files, which are not taken then.
    pub fn complaints(&self) -> impl Iterator<Item = &str> {
        self.pip.complaints.iter().map(String::as_str)
    }

    /// pip's settings as variables of uv, where uv has none of its own: who set up pip for a private index means us too.
    #[must_use]
    pub fn for_uv(&self) -> Vec<(&'static str, String)> {
        let has = |names: &[&str]| names.iter().any(|name| self.uv.contains_key(*name));
        let mut settings = Vec::new();
        let mut take = |own: &[&str], name, value: Option<String>| {
            settings.extend(value.filter(|_| !has(own)).map(|value| (name, value)));
        };
        let pip = &self.pip;
        let index = pip.index.clone().filter(|_| !self.uv_has_index);
        take(&["UV_DEFAULT_INDEX", "UV_INDEX_URL"], "UV_DEFAULT_INDEX", index);
        take(&["UV_INDEX", "UV_EXTRA_INDEX_URL"], "UV_EXTRA_INDEX_URL", joined(&pip.extra_indexes, " "));
        // pip passes over a folder that is not there, and uv does not.
        let links: Vec<_> = pip
            .find_links
            .iter()
            .filter(|link| link.contains("://") || Path::new(link.as_str()).exists())
            .cloned()
            .collect();
        take(&["UV_FIND_LINKS"], "UV_FIND_LINKS", joined(&links, ","));
        take(&["UV_NO_INDEX"], "UV_NO_INDEX", pip.no_index.then(|| "true".to_owned()));
        take(&["UV_INSECURE_HOST"], "UV_INSECURE_HOST", joined(&pip.trusted_hosts, " "));
        take(&["SSL_CERT_FILE"], "SSL_CERT_FILE", pip.certificates.clone());
        take(&["SSL_CLIENT_CERT"], "SSL_CLIENT_CERT", pip.client_certificate.clone());
        settings
    }

    /// pip's settings for a pip in a container: what is an address, and nothing that names a place of this machine.
    #[must_use]
    pub fn for_pip(&self) -> Vec<(&'static str, String)> {
        let pip = &self.pip;
        let links: Vec<_> = pip.find_links.iter().filter(|link| is_remote(link)).cloned().collect();
        // Without its folder, a pip that asks no index has nothing.
        let no_index = pip.no_index && links.len() == pip.find_links.len();
        let settings = [
            ("PIP_INDEX_URL", pip.index.clone().filter(|index| is_remote(index))),
            ("PIP_EXTRA_INDEX_URL", joined(&pip.extra_indexes, " ")),
            ("PIP_FIND_LINKS", joined(&links, " ")),
            ("PIP_NO_INDEX", no_index.then(|| "1".to_owned())),
            ("PIP_TRUSTED_HOST", joined(&pip.trusted_hosts, " ")),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Who may fetch a file: by an address of the settings with the same host, by the name of an index, by netrc.
    #[must_use]
    pub fn login_for(&self, url: &Url) -> Option<Login> {
        let there = |known: &Url| {
            (known.scheme(), known.host_str(), known.port_or_known_default())
                == (url.scheme(), url.host_str(), url.port_or_known_default())
        };
        // Of several logins for one host, that of the address that is most of this one.
        let of_address = self.logins.iter().filter(|(known, _)| there(known));
        let of_address = of_address.max_by_key(|(known, _)| common(known.path(), url.path()));
        let of_name = || {
            self.named.iter().filter(|(_, known)| there(known)).find_map(|(name, _)| {
                let name: String = name
                    .chars()
                    .map(
                        |letter| {
                            if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }
                        },
                    )
                    .collect();
                let value = |what: &str| self.uv.get(&format!("UV_INDEX_{name}_{what}")).cloned();
                let (user, password) = (value("USERNAME"), value("PASSWORD"));
                (user.is_some() || password.is_some())
                    .then(|| Login { user: user.unwrap_or_default(), password: password.unwrap_or_default() })
            })
        };
        of_address
            .map(|(_, login)| login.clone())
            .or_else(of_name)
            .or_else(|| self.netrc.login(url.host_str()?))
    }

    /// The address with the login that it takes to fetch it; one that has a login keeps it.
    #[must_use]
    pub fn with_login(&self, address: &str) -> String {
        let Ok(mut url) = Url::parse(address) else { return address.to_owned() };
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() {
            return address.to_owned();
        }
        match self.login_for(&url) {
            Some(login) if login.put(&mut url) => url.into(),
            _ => address.to_owned(),
        }
    }

    /// A text without any password that is known, nor any that looks like one.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut text = without_logins(text);
        for (_, login) in &self.logins {
            // Of a short one, every other word would be blotted out.
            if login.password.len() > 4 {
                text = text.replace(&login.password, "…");
            }
        }
        text
    }
}

fn joined(values: &[String], between: &str) -> Option<String> {
    (!values.is_empty()).then(|| values.join(between))
}

fn is_remote(address: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| address.starts_with(scheme))
}

/// How many bytes are the same from the start.
fn common(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests;
