//! The keys about what a container of an image starts with.

use std::collections::BTreeMap;

use super::{MetadataError, Section, Table};
use crate::ImageOptions;

/// What one table says of it.
#[derive(Clone, Default)]
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
    pub(super) fn read(section: &Section<'_>, table: &Table) -> Result<Self, MetadataError> {
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
    pub(super) fn over(self, other: Self) -> Self {
        let joined = |own: BTreeMap<String, String>, mut other: BTreeMap<String, String>| {
            other.extend(own);
            other
        };
        Self {
            entrypoint: self.entrypoint.or(other.entrypoint),
            cmd: self.cmd.or(other.cmd),
            env: joined(self.env, other.env),
            labels: joined(self.labels, other.labels),
            annotations: joined(self.annotations, other.annotations),
            working_dir: self.working_dir.or(other.working_dir),
            user: self.user.or(other.user),
            stop_signal: self.stop_signal.or(other.stop_signal),
            expose: self.expose.or(other.expose),
            volumes: self.volumes.or(other.volumes),
        }
    }

    /// With the defaults where nothing is said.
    pub(super) fn into_options(self) -> ImageOptions {
        let default = ImageOptions::default();
        ImageOptions {
            entrypoint: self.entrypoint,
            cmd: self.cmd,
            env: self.env,
            labels: self.labels,
            annotations: self.annotations,
            working_dir: self.working_dir.unwrap_or(default.working_dir),
            user: self.user,
            stop_signal: self.stop_signal,
            exposed_ports: self.expose.into_iter().flatten().collect(),
            volumes: self.volumes.into_iter().flatten().collect(),
            ..ImageOptions::default()
        }
    }
}
