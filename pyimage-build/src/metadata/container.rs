//! The keys about what a container of an image starts with.

use std::collections::BTreeMap;

use super::{MetadataError, Place, Section, Table};
use crate::ImageOptions;
use crate::image::syntax;

/// What is wrong with such a path.
const NO_PATH: &str = "is not an absolute path without `.` and `..`";

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
        let read = Self {
            entrypoint: section.texts(table, "entrypoint")?,
            cmd: section.texts(table, "cmd")?,
            env: section.strings(table, "env")?,
            labels: section.strings(table, "labels")?,
            annotations: section.strings(table, "annotations")?,
            working_dir: text("workdir")?,
            user: text("user")?,
            stop_signal: text("stop-signal")?,
            expose: section.texts(table, "expose")?,
            volumes: section.texts(table, "volumes")?,
        };
        read.check(section)?;
        Ok(read)
    }

    /// Fails where a value could be no container's, whatever the base is.
    fn check(&self, section: &Section<'_>) -> Result<(), MetadataError> {
        let wrong = |place: Place, value: &str, reason: &str| {
            Err(MetadataError::Value { place, value: value.to_owned(), reason: reason.to_owned() })
        };
        if let Some(path) = self.working_dir.as_ref().filter(|path| !path.starts_with('/')) {
            return Err(MetadataError::Relative { place: section.place("workdir"), path: path.clone() });
        }
        if let Some(path) = self.working_dir.as_ref().filter(|path| !syntax::is_absolute(path)) {
            return wrong(section.place("workdir"), path, NO_PATH);
        }
        for (index, path) in self.volumes.iter().flatten().enumerate() {
            if !syntax::is_absolute(path) {
                return wrong(section.place("volumes").entry(index), path, NO_PATH);
            }
        }
        for (index, port) in self.expose.iter().flatten().enumerate() {
            if syntax::port(port).is_none() {
                let reason = "is not a port such as `8080`, `8080/tcp` or `53/udp`";
                return wrong(section.place("expose").entry(index), port, reason);
            }
        }
        if let Some(signal) = self.stop_signal.as_ref().filter(|signal| !syntax::is_known_signal(signal)) {
            let place = section.place("stop-signal");
            return Err(MetadataError::Signal { place, signal: signal.clone() });
        }
        if let Some(user) = self.user.as_ref().filter(|user| !syntax::is_user(user)) {
            let reason = "is not a user such as `app`, `1000` or `1000:1000`";
            return wrong(section.place("user"), user, reason);
        }
        for (name, value) in &self.env {
            let place = || section.place("env").key(name);
            if !syntax::is_variable(name, value) {
                return wrong(place(), name, "cannot be the name of a variable, or its value has a NUL");
            }
            if !syntax::is_closed(value) {
                return wrong(place(), value, "has `${` without its `}`");
            }
        }
        Ok(())
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
