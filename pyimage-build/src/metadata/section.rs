//! A table of a manifest, and the values in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{ImageRevision, MetadataError, Place, TAG_NAMES, Table, Value};
use crate::{Platform, PythonTag, Reference};

/// A table of a manifest: where it stands, and what is in it.
///
/// ```
/// use pyimage_build::Section;
///
/// let value = serde_json::json!({"tag": "3.13-slim"}).into();
/// let section = Section { manifest: "/app/Cargo.toml", key: "package.metadata.pyimage", value: &value };
/// assert_eq!(section.place("tag").to_string(), "`package.metadata.pyimage.tag` in `/app/Cargo.toml`");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// The manifest's path, for messages.
    pub manifest: &'a str,
    /// The table's full key.
    pub key: &'a str,
    /// The table.
    pub value: &'a Value,
}

impl Section<'_> {
    /// A key of this table, in full.
    ///
    /// ```
    /// # use pyimage_build::Section;
    /// let value = serde_json::json!({}).into();
    /// let section = Section { manifest: "Cargo.toml", key: "package.metadata.pyimage.env", value: &value };
    /// assert_eq!(section.place("A B").key, "package.metadata.pyimage.env.\"A B\"");
    /// ```
    #[must_use]
    pub fn place(&self, key: &str) -> Place {
        Place::new(self.key.to_owned(), self.manifest).key(key)
    }

    pub(super) fn table(&self) -> Result<&Table, MetadataError> {
        match self.value {
            Value::Table(table) => Ok(table),
            other => Err(wrong(Place::new(self.key.to_owned(), self.manifest), "a table", other)),
        }
    }

    pub(super) fn text<'t>(&self, table: &'t Table, key: &str) -> Result<Option<&'t str>, MetadataError> {
        match table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(self.place(key), "a string", other)),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: FromStr>(
        &self,
        table: &Table,
        key: &str,
        valid: &'static [&'static str],
    ) -> Result<Option<T>, MetadataError> {
        let Some(text) = self.text(table, key)? else { return Ok(None) };
        let unknown = |_| MetadataError::Choice { place: self.place(key), found: text.to_owned(), valid };
        text.parse().map(Some).map_err(unknown)
    }

    pub(super) fn tag(&self, text: &str) -> Result<PythonTag, MetadataError> {
        let place = self.place("tag");
        text.parse().map_err(|source| MetadataError::Tag {
            place,
            tag: text.to_owned(),
            source: Box::new(source),
        })
    }

    pub(super) fn reference(&self, key: &str, text: &str) -> Result<Reference, MetadataError> {
        let place = self.place(key);
        text.parse().map_err(|source| MetadataError::Reference {
            place,
            reference: text.to_owned(),
            source: Box::new(source),
        })
    }

    pub(super) fn repository(&self, text: &str) -> Result<Reference, MetadataError> {
        let name = self.reference("name", text)?;
        let last = text.rsplit('/').next().unwrap_or(text);
        if last.contains([':', '@']) {
            return Err(MetadataError::TaggedName { place: self.place("name"), name: text.to_owned() });
        }
        Ok(name)
    }

    pub(super) fn revision(&self, text: &str) -> Result<ImageRevision, MetadataError> {
        text.parse().map_err(|()| MetadataError::Value {
            place: self.place("revision"),
            value: text.to_owned(),
            reason: "is neither `git` nor `none`, and no name of a commit".to_owned(),
        })
    }

    /// A path, from the manifest's folder.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        Path::new(self.manifest).parent().unwrap_or(Path::new("")).join(text)
    }

    pub(super) fn lock(&self, text: &str) -> Result<PathBuf, MetadataError> {
        let path = self.path(text);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !super::is_pylock(name) {
            return Err(MetadataError::LockName { place: self.place("pylock"), name: text.to_owned() });
        }
        Ok(path)
    }

    /// Strings in a list.
    pub(super) fn texts(&self, table: &Table, key: &str) -> Result<Option<Vec<String>>, MetadataError> {
        let Some(value) = table.get(key) else { return Ok(None) };
        let place = self.place(key);
        let Value::Array(entries) = value else { return Err(wrong(place, "an array of strings", value)) };
        let text = |(index, entry): (usize, &Value)| match entry {
            Value::String(text) if text.is_empty() => {
                Err(MetadataError::Empty { place: place.clone().entry(index) })
            }
            Value::String(text) => Ok(text.clone()),
            other => Err(wrong(place.clone().entry(index), "a string", other)),
        };
        entries.iter().enumerate().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// Tags, with nothing to fill in that there is not.
    pub(super) fn tags(&self, table: &Table) -> Result<Option<Vec<String>>, MetadataError> {
        let tags = self.texts(table, "tags")?;
        for (index, tag) in tags.iter().flatten().enumerate() {
            let mut rest = tag.as_str();
            while let Some((name, after)) = rest.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
                if !TAG_NAMES.contains(&name) {
                    let place = self.place("tags").entry(index);
                    return Err(MetadataError::TagName { place, name: name.to_owned() });
                }
                rest = after;
            }
        }
        Ok(tags)
    }

    /// Packages of Debian, each once, sorted.
    pub(super) fn apt(&self, table: &Table) -> Result<Option<Vec<String>>, MetadataError> {
        let Some(mut names) = self.texts(table, "apt")? else { return Ok(None) };
        // What Debian's policy has for names and for versions, so that none is an option of apt's.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let valid = |text: &str| {
            let (name, version) = text.split_once('=').unwrap_or((text, "1"));
            name.len() > 1
                && name.starts_with(plain)
                && name.chars().all(|c| plain(c) || "+-.:".contains(c))
                && !name.ends_with(['+', '-'])
                && version.starts_with(|c: char| c.is_ascii_digit())
                && version.chars().all(|c| c.is_ascii_alphanumeric() || ".+-:~".contains(c))
        };
        if let Some((index, name)) = names.iter().enumerate().find(|(_, name)| !valid(name)) {
            let place = self.place("apt").entry(index);
            return Err(MetadataError::AptPackage { place, name: name.clone() });
        }
        names.sort();
        names.dedup();
        Ok(Some(names))
    }

    /// One file, or a list of them.
    pub(super) fn files(&self, table: &Table, key: &str) -> Result<Option<Vec<PathBuf>>, MetadataError> {
        let names = match table.get(key) {
            None => return Ok(None),
            Some(Value::String(name)) if name.is_empty() => {
                return Err(MetadataError::Empty { place: self.place(key) });
            }
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(_)) => self.texts(table, key)?.unwrap_or_default(),
            Some(other) => return Err(wrong(self.place(key), "a string or an array of strings", other)),
        };
        Ok(Some(names.iter().map(|name| self.path(name)).collect()))
    }

    pub(super) fn platforms(&self, table: &Table) -> Result<Option<BTreeSet<Platform>>, MetadataError> {
        let Some(value) = table.get("platforms") else { return Ok(None) };
        let place = self.place("platforms");
        let Value::Array(entries) = value else {
            return Err(wrong(place, "an array of strings", value));
        };
        if entries.is_empty() {
            return Err(MetadataError::NoEntries { place });
        }
        let mut platforms = BTreeSet::new();
        for (index, entry) in entries.iter().enumerate() {
            let place = self.place("platforms").entry(index);
            let Value::String(text) = entry else { return Err(wrong(place, "a string", entry)) };
            let platform: Platform = text.parse().map_err(|source| MetadataError::Platform {
                place: place.clone(),
                platform: text.clone(),
                source: Box::new(source),
            })?;
            if !platforms.insert(platform.clone()) {
                return Err(MetadataError::PlatformTwice { place, platform: Box::new(platform) });
            }
        }
        Ok(Some(platforms))
    }

    /// A table of strings; numbers and booleans are what they look like.
    pub(super) fn strings(
        &self,
        table: &Table,
        key: &str,
    ) -> Result<BTreeMap<String, String>, MetadataError> {
        let Some(value) = table.get(key) else { return Ok(BTreeMap::new()) };
        let Value::Table(entries) = value else {
            return Err(wrong(self.place(key), "a table of strings", value));
        };
        let inner = Section { manifest: self.manifest, key: &format!("{}.{key}", self.key), value };
        let string = |(name, value): (&String, &Value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Boolean(value) => value.to_string(),
                Value::Integer(number) => number.to_string(),
                // With a point, as it was written.
                Value::Float(number) => format!("{number:?}"),
                other => return Err(wrong(inner.place(name), "a string", other)),
            };
            Ok((name.clone(), text))
        };
        entries.iter().map(string).collect()
    }
}

pub(super) fn wrong(place: Place, expected: &'static str, found: &Value) -> MetadataError {
    let found = match found {
        Value::Boolean(_) => "a boolean",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Table(_) => "a table",
    };
    MetadataError::WrongType { place, expected, found }
}
