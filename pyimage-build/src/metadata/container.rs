//! The keys about what a container of an image starts with.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{MetadataError, Section, wrong};
use crate::ImageOptions;

/// What one table says of it.
#[derive(Default)]
pub(super) struct Container {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    working_dir: Option<String>,
    user: Option<String>,
    stop_signal: Option<String>,
    expose: Option<Vec<String>>,
    volumes: Option<Vec<String>>,
}

impl Container {
    pub(super) fn read(section: &Section<'_>, table: &Map<String, Value>) -> Result<Self, MetadataError> {
        let text = |key: &str| -> Result<Option<String>, MetadataError> {
            match section.text(table, key)? {
                Some("") => Err(MetadataError::Empty { place: section.place(key) }),
                text => Ok(text.map(str::to_owned)),
            }
        };
        let working_dir = text("workdir")?;
        if let Some(path) = working_dir.as_ref().filter(|path| !path.starts_with('/')) {
            return Err(MetadataError::Relative { place: section.place("workdir"), path: path.clone() });
        }
        Ok(Self {
            entrypoint: section.texts(table, "entrypoint")?,
            cmd: section.texts(table, "cmd")?,
            env: section.strings(table, "env")?,
            labels: section.strings(table, "labels")?,
            annotations: section.strings(table, "annotations")?,
            working_dir,
            user: text("user")?,
            stop_signal: text("stop-signal")?,
            expose: section.texts(table, "expose")?,
            volumes: section.texts(table, "volumes")?,
        })
    }

    /// What is said here, and for the rest there. Tables are joined.
    pub(super) fn over(self, other: Self) -> ImageOptions {
        let joined = |own: BTreeMap<String, String>, mut other: BTreeMap<String, String>| {
            other.extend(own);
            other
        };
        let default = ImageOptions::default();
        ImageOptions {
            entrypoint: self.entrypoint.or(other.entrypoint),
            cmd: self.cmd.or(other.cmd),
            env: joined(self.env, other.env),
            labels: joined(self.labels, other.labels),
            annotations: joined(self.annotations, other.annotations),
            working_dir: self.working_dir.or(other.working_dir).unwrap_or(default.working_dir),
            user: self.user.or(other.user),
            stop_signal: self.stop_signal.or(other.stop_signal),
            exposed_ports: self.expose.or(other.expose).into_iter().flatten().collect(),
            volumes: self.volumes.or(other.volumes).into_iter().flatten().collect(),
            ..ImageOptions::default()
        }
    }
}

impl Section<'_> {
    /// A table of strings; numbers and booleans are what they look like.
    fn strings(
        &self,
        table: &Map<String, Value>,
        key: &str,
    ) -> Result<BTreeMap<String, String>, MetadataError> {
        let Some(value) = table.get(key) else { return Ok(BTreeMap::new()) };
        let Value::Object(entries) = value else {
            return Err(wrong(self.place(key), "a table of strings", value));
        };
        let inner = Section { manifest: self.manifest, key: &format!("{}.{key}", self.key), value };
        let string = |(name, value): (&String, &Value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                other => return Err(wrong(inner.place(name), "a string", other)),
            };
            Ok((name.clone(), text))
        };
        entries.iter().map(string).collect()
    }
}
