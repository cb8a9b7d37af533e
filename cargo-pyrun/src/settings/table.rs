//! Reading tables of settings, with errors that name file, key and type.

use camino::Utf8Path;
use serde_json::{Map, Value};

use super::error::{Place, SettingsError, nearest};
use super::{EnvSource, Settings};

/// The keys of one level of settings.
pub(super) const KEYS: [&str; 25] = [
    "tag",
    "image",
    "python",
    "workdir",
    "mount",
    "user",
    "platform",
    "pull",
    "network",
    "memory",
    "cpus",
    "read-only",
    "gpus",
    "entrypoint",
    "engine",
    "docker-socket",
    "build-tag",
    "env-file",
    "env",
    "volumes",
    "publish",
    "with",
    "requirements",
    "groups",
    "extras",
];

/// A table, and where it stands.
pub(super) struct Table<'a> {
    origin: Origin<'a>,
    entries: &'a Map<String, Value>,
}

/// Where a table stands.
enum Origin<'a> {
    /// Under a key of a manifest.
    Manifest { manifest: &'a Utf8Path, key: String },
    /// In the environment, a variable for each key.
    Environment,
}

impl<'a> Table<'a> {
    /// The table under the full key `key` of a manifest.
    pub(super) fn new(manifest: &'a Utf8Path, key: String, value: &'a Value) -> Result<Self, SettingsError> {
        match value {
            Value::Object(entries) => Ok(Self { origin: Origin::Manifest { manifest, key }, entries }),
            other => Err(wrong(Place { key, manifest: Some(manifest.to_owned()) }, "a table", other)),
        }
    }

    /// A key of this table in full.
    pub(super) fn place(&self, key: &str) -> Place {
        match &self.origin {
            Origin::Manifest { manifest, key: table } => {
                let bare =
                    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
                let key = if bare { format!("{table}.{key}") } else { format!("{table}.{key:?}") };
                Place { key, manifest: Some((*manifest).to_owned()) }
            }
            Origin::Environment => Place { key: variable(key), manifest: None },
        }
    }

    /// The value of a key.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.entries.get(key)
    }

    /// All keys and values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.entries.iter()
    }

    /// Refuses keys that mean nothing here.
    pub(super) fn only(&self, valid: &[&'static str]) -> Result<(), SettingsError> {
        match self.entries.keys().find(|key| !valid.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(SettingsError::UnknownKey {
                place: self.place(key),
                nearest: nearest(key, valid.iter().copied()),
                valid: valid.to_vec(),
            }),
        }
    }

    /// A string.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, SettingsError> {
        self.value(key).map(|value| text(self.place(key), value)).transpose()
    }

    /// A list of strings.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, SettingsError> {
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(entries)) => entries
                .iter()
                .enumerate()
                .map(|(index, value)| text(self.place(key).entry(index), value))
                .collect(),
            Some(other) => Err(wrong(self.place(key), "an array of strings", other)),
        }
    }

    /// A table of strings.
    fn pairs(&self, key: &str) -> Result<Vec<(String, String)>, SettingsError> {
        match (self.value(key), &self.origin) {
            (None, _) => Ok(Vec::new()),
            (Some(value @ Value::Object(entries)), Origin::Manifest { manifest, .. }) => {
                let table = Table::new(manifest, self.place(key).key, value)?;
                entries
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), text(table.place(name), value)?)))
                    .collect()
            }
            (Some(other), _) => Err(wrong(self.place(key), "a table of strings", other)),
        }
    }

    /// A string, or a number as its text.
    fn text_or_number(&self, key: &str) -> Result<Option<String>, SettingsError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong(self.place(key), "a string or a number", other)),
        }
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, SettingsError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(wrong(self.place(key), "`true` or `false`", other)),
        }
    }

    fn pull(&self) -> Result<Option<String>, SettingsError> {
        match self.value("pull") {
            None => Ok(None),
            Some(Value::String(word)) if ["always", "missing", "never"].contains(&word.as_str()) => {
                Ok(Some(word.clone()))
            }
            Some(other) => Err(wrong(self.place("pull"), "`always`, `missing` or `never`", other)),
        }
    }

    /// A path as the table's manifest means it: relative to its folder.
    fn in_folder(&self, path: String) -> String {
        match &self.origin {
            Origin::Manifest { manifest, .. } => match manifest.parent() {
                Some(folder) => folder.join(path.strip_prefix("./").unwrap_or(&path)).into_string(),
                None => path,
            },
            // In the environment, paths are relative to the working directory, as everywhere.
            Origin::Environment => path,
        }
    }

    /// The settings of this level; other keys are the caller's business.
    pub(super) fn settings(&self) -> Result<Settings, SettingsError> {
        let (tag, image) = (self.text("tag")?, self.text("image")?);
        if tag.is_some() && image.is_some() {
            return Err(SettingsError::TagAndImage { tag: self.place("tag"), image: self.place("image") });
        }
        let files = self.texts("env-file")?.into_iter();
        let variables = self.pairs("env")?.into_iter();
        let volumes = self.texts("volumes")?.into_iter();
        let requirements = self.texts("requirements")?.into_iter();
        Ok(Settings {
            tag,
            image,
            python: self.text("python")?,
            workdir: self.text("workdir")?,
            mount_at: self.text("mount")?,
            user: self.text_or_number("user")?,
            platform: self.text("platform")?,
            pull: self.pull()?,
            network: self.text("network")?,
            memory: self.text_or_number("memory")?,
            cpus: self.text_or_number("cpus")?,
            read_only: self.flag("read-only")?,
            gpus: self.text_or_number("gpus")?,
            entrypoint: self.text("entrypoint")?,
            engine: self.text("engine")?,
            docker_socket: self.flag("docker-socket")?,
            build_tag: self.text("build-tag")?,
            env: files
                .map(|file| EnvSource::File(self.in_folder(file).into()))
                .chain(variables.map(|(key, value)| EnvSource::Variable(key, Some(value))))
                .collect(),
            volumes: volumes
                .map(|volume| if is_relative(&volume) { self.in_folder(volume) } else { volume })
                .collect(),
            publish: self.texts("publish")?,
            with: self.texts("with")?,
            requirements: requirements.map(|file| self.in_folder(file).into()).collect(),
            groups: self.texts("groups")?,
            extras: self.texts("extras")?,
        })
    }
}

/// Reads the settings of the environment.
pub(super) fn environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Settings, SettingsError> {
    // Tables and lists have no natural form in a variable; one file of variables has, and names without commas.
    const LISTS: [&str; 5] = ["env", "volumes", "publish", "with", "requirements"];
    let entries = KEYS.iter().filter(|key| !LISTS.contains(key)).filter_map(|key| {
        let value = lookup(&variable(key))?;
        let value = match (*key, value.as_str()) {
            ("read-only" | "docker-socket", "true" | "1") => Value::Bool(true),
            ("read-only" | "docker-socket", "false" | "0") => Value::Bool(false),
            ("env-file", _) => Value::Array(vec![Value::String(value)]),
            ("groups" | "extras", names) => {
                let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
                names.map(|name| Value::String(name.to_owned())).collect()
            }
            _ => Value::String(value),
        };
        Some(((*key).to_owned(), value))
    });
    Table { origin: Origin::Environment, entries: &entries.collect() }.settings()
}

/// The variable of a key.
fn variable(key: &str) -> String {
    format!("PYRUN_{}", key.replace('-', "_").to_uppercase())
}

/// Whether the source of a volume is a path relative to something, as `./data` is and the name `data` is not.
fn is_relative(volume: &str) -> bool {
    let source = volume.split(':').next().unwrap_or(volume);
    source == "." || source == ".." || source.starts_with("./") || source.starts_with("../")
}

fn text(place: Place, value: &Value) -> Result<String, SettingsError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(wrong(place, "a string", other)),
    }
}

pub(super) fn wrong(place: Place, expected: &'static str, value: &Value) -> SettingsError {
    SettingsError::WrongType { place, expected, found: found(value) }
}

/// A value in TOML's words.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) if number.is_f64() => format!("the float `{number}`"),
        Value::Number(number) => format!("the integer `{number}`"),
        Value::String(text) => format!("the string `{text}`"),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "a table".to_owned(),
    }
}
