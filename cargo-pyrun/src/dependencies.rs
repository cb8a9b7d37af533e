//! What a script needs beside the standard library, where that is said, and which lock stands for it.

mod lock_file;
mod search;

use std::path::{Path, PathBuf};

use pyimage_build::ScriptMetadata;
use sha2::{Digest as _, Sha256};

use crate::fingerprint;

pub use lock_file::{LockFile, LockKind};
pub use pyimage_build::needs::{Input, Need, Record, UnreadableNeed};
pub(crate) use pyimage_build::needs::{plain, relative, with_includes};
pub use search::{Asked, DependencyError, is_lock};

/// What is to happen to locks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Locking {
    /// One that is there counts; none is written. One of ours that is stale is renewed.
    #[default]
    Follow,
    /// One is written where none is.
    Write,
    /// There has to be one, and it has to be up to date.
    Locked,
    /// There has to be one, and it counts as it is.
    Frozen,
}

/// What of a lock may move to the newest versions that fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing: versions stay where that is possible.
    #[default]
    Nothing,
    /// Everything.
    All,
    /// The packages of these names, and what they ask for.
    Packages(Vec<String>),
}

/// The packages that a run needs, as they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// What a lock stands for, or would: the script's metadata, files.
    base: Vec<Need>,
    /// What is had beside it: single requirements, and files that a lock does not know.
    beside: Vec<Need>,
    groups: Vec<String>,
    extras: Vec<String>,
    /// The `pyproject.toml` that has the groups and extras.
    project: Option<PathBuf>,
    lock: Option<LockFile>,
    /// Where a lock of ours is, or would be.
    place: Option<PathBuf>,
    locking: Locking,
    renewal: Renewal,
    /// The folder that relative paths in requirements start from.
    folder: PathBuf,
}

impl Dependencies {
    /// Whether nothing is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.is_empty() && self.beside.is_empty() && self.groups.is_empty() && self.lock.is_none()
    }

    /// What a lock stands for: the script's own metadata first, then files.
    #[must_use]
    pub fn base(&self) -> &[Need] {
        &self.base
    }

    /// What is needed beside what is locked.
    #[must_use]
    pub fn beside(&self) -> &[Need] {
        &self.beside
    }

    /// Everything that was asked for, in order.
    pub fn needs(&self) -> impl Iterator<Item = &Need> {
        self.base.iter().chain(&self.beside)
    }

    /// The dependency groups that are asked for.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// The extras of the project that are asked for.
    #[must_use]
    pub fn extras(&self) -> &[String] {
        &self.extras
    }

    /// The `pyproject.toml` that has the groups and extras.
    #[must_use]
    pub fn project(&self) -> Option<&Path> {
        self.project.as_deref()
    }

    /// The lock that stands for what is needed, where there is one.
    #[must_use]
    pub fn lock(&self) -> Option<&LockFile> {
        self.lock.as_ref()
    }

    /// Where a lock of ours is, or would be.
    #[must_use]
    pub fn place(&self) -> Option<&Path> {
        self.place.as_deref()
    }

    /// What is to happen to locks.
    #[must_use]
    pub const fn locking(&self) -> Locking {
        self.locking
    }

    /// A word that changes with what is asked for and with the lock, and with nothing else: no time stamps, so that a
    /// checkout or a copy of the same files needs nothing anew.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn key(&self) -> Result<String, UnreadableNeed> {
        let mut hasher = Sha256::new();
        let mut part = |kind: &str, content: &str| {
            hasher.update(format!("{kind} {}\n", content.len()));
            hasher.update(content);
        };
        for need in self.needs() {
            for input in need.inputs(&self.folder)? {
                part(&input.key_name(), &input.hash);
            }
        }
        if let Some(project) =
            self.project.as_ref().filter(|_| !self.groups.is_empty() || !self.extras.is_empty())
        {
            for input in Need::File(project.clone()).inputs(&self.folder)? {
                part(&input.key_name(), &input.hash);
            }
        }
        self.groups.iter().for_each(|group| part("group", group));
        self.extras.iter().for_each(|extra| part("extra", extra));
        if let Some(lock) = &self.lock {
            part("lock", &lock.text);
        }
        Ok(fingerprint::hex(&hasher.finalize()[..16]))
    }

    /// What a lock of ours would say of itself now: the inputs by their content.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn record(&self, python: (u32, u32)) -> Result<Record, UnreadableNeed> {
        let here = self.place.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let project = self.project.iter().filter(|_| !self.groups.is_empty()).cloned().map(Need::File);
        let needs: Vec<_> = self.base.iter().cloned().chain(project).collect();
        let mut found = Vec::new();
        for need in &needs {
            found.extend(need.inputs(&self.folder)?);
        }
        let inputs = found.into_iter().map(|input| (input.name_from(here), input.hash)).collect();
        Ok(Record { python, groups: self.groups.clone(), extras: self.extras.clone(), inputs })
    }

    /// What of a lock of ours may move.
    #[must_use]
    pub const fn renewal(&self) -> &Renewal {
        &self.renewal
    }

    /// The same, with a lock that moves.
    #[must_use]
    pub fn renewed(mut self, renewal: Renewal) -> Self {
        self.renewal = renewal;
        self
    }

    /// What has changed since the lock was written; nothing where it is up to date or not ours to judge.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn changes(&self) -> Result<Vec<String>, UnreadableNeed> {
        match self.lock.as_ref().and_then(|lock| lock.record.as_ref()) {
            Some(record) => Ok(record.changes(&self.record(record.python)?)),
            None => Ok(Vec::new()),
        }
    }

    /// Whether what was made for the same key before is what is wanted: not where a lock has to be written or renewed,
    /// or has to be refused.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn is_settled(&self) -> Result<bool, UnreadableNeed> {
        if self.renewal != Renewal::Nothing {
            return Ok(false);
        }
        match (&self.lock, self.locking) {
            (None, Locking::Follow) | (Some(_), Locking::Frozen) => Ok(true),
            (None, _) => Ok(false),
            // uv is to look whether its lock is stale.
            (Some(lock), Locking::Locked) if lock.kind != LockKind::Pylock => Ok(false),
            (Some(lock), Locking::Write) if lock.record.is_none() => Ok(false),
            (Some(_), _) => Ok(self.changes()?.is_empty()),
        }
    }

    /// The texts that may have addresses with logins in them.
    pub(crate) fn texts(&self) -> Vec<String> {
        let file = |file: &Path| with_includes(file).unwrap_or_default();
        let mut texts = Vec::new();
        for need in self.needs() {
            match need {
                Need::Script(script) => texts
                    .extend(fs_err::read(script).map(|text| metadata_text(&String::from_utf8_lossy(&text)))),
                Need::Stdin(text) => texts.push(metadata_text(text)),
                Need::File(path) => texts.extend(file(path).into_iter().map(|(_, text)| text)),
                Need::Requirement(text) => texts.push(text.clone()),
            }
        }
        texts.extend(self.project.iter().flat_map(|path| file(path)).map(|(_, text)| text));
        texts
    }

    /// Settings of uv that come with what is needed: `[tool.uv]` of scripts and projects.
    pub(crate) fn settings_of_uv(&self) -> Vec<toml::Table> {
        let of = |table: &toml::Table| table.get("tool")?.get("uv")?.as_table().cloned();
        let file = |file: &Path| of(&fs_err::read_to_string(file).ok()?.parse().ok()?);
        let project = self.project.iter().filter_map(|project| file(project));
        let of_need = self.needs().filter_map(|need| match need {
            Need::Script(_) | Need::Stdin(_) => need.metadata().ok()??.tool.get("uv")?.as_table().cloned(),
            Need::File(path) if path.file_name()? == "pyproject.toml" => file(path),
            _ => None,
        });
        of_need.chain(project).collect()
    }
}

fn metadata_text(script: &str) -> String {
    match ScriptMetadata::from_script(script) {
        Ok(Some(metadata)) => format!("{}\n{}", metadata.dependencies.join("\n"), metadata.tool),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
