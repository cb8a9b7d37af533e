//! The tables of a lock, key by key.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use super::LockError;
use crate::toml_document::{TomlNode, TomlTable, TomlValue};

type Found<'a> = &'a TomlNode;

/// A table, with its place in the text for messages.
pub(super) struct Fields<'a> {
    text: &'a str,
    at: usize,
    table: &'a TomlTable,
}

impl<'a> Fields<'a> {
    pub(super) fn of_document(text: &'a str, table: &'a TomlTable) -> Self {
        Self { text, at: 0, table }
    }

    /// Has no key but these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), LockError> {
        match self.table.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, entry)) => Err(self.wrong(entry.key_at, format!("`{key}` is unknown"))),
            None => Ok(()),
        }
    }

    /// A table in this one that has no key but these.
    pub(super) fn inner(&self, value: Found<'a>, known: &[&str]) -> Result<Self, LockError> {
        let TomlValue::Table(table) = &value.value else {
            return Err(self.wrong(value.at, "a table was expected".to_owned()));
        };
        let inner = Self { text: self.text, at: value.at, table };
        inner.only(known)?;
        Ok(inner)
    }

    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Self, Found<'a>) -> Result<T, LockError>,
    ) -> Result<Option<T>, LockError> {
        self.table.get(key).map(|entry| read(self, &entry.node)).transpose()
    }

    pub(super) fn needed<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Self, Found<'a>) -> Result<T, LockError>,
    ) -> Result<T, LockError> {
        self.optional(key, read)?.ok_or_else(|| self.wrong(self.at, format!("there is no `{key}`")))
    }

    pub(super) fn table(&self, key: &str, known: &[&str]) -> Result<Option<Self>, LockError> {
        self.optional(key, |fields, value| fields.inner(value, known))
    }

    /// The tables of a list, which may be missing.
    pub(super) fn tables(&self, key: &str, known: &[&str]) -> Result<Vec<Self>, LockError> {
        self.list(key, |fields, value| fields.inner(value, known))
    }

    pub(super) fn text(&self, key: &str) -> Result<String, LockError> {
        self.needed(key, Self::string)
    }

    pub(super) fn optional_text(&self, key: &str) -> Result<Option<String>, LockError> {
        self.optional(key, Self::string)
    }

    /// The texts of a list, which may be missing.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, LockError> {
        self.list(key, Self::string)
    }

    /// A table of texts, which may be missing.
    pub(super) fn pairs(&self, key: &str) -> Result<BTreeMap<String, String>, LockError> {
        let pairs = self.optional(key, |fields, value| {
            let TomlValue::Table(table) = &value.value else {
                return Err(fields.wrong(value.at, "a table was expected".to_owned()));
            };
            table.iter().map(|(name, entry)| Ok((name.clone(), fields.string(&entry.node)?))).collect()
        })?;
        Ok(pairs.unwrap_or_default())
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, key: &str) -> Result<T, LockError> {
        self.needed(key, |fields, value| {
            let parsed = fields.string(value)?.parse();
            parsed.map_err(|error: T::Err| fields.wrong(value.at, error.to_string()))
        })
    }

    pub(super) fn number(&self, value: Found<'a>) -> Result<u64, LockError> {
        let number = match &value.value {
            TomlValue::Integer { digits, radix } => u64::from_str_radix(digits, *radix).ok(),
            _ => None,
        };
        number.ok_or_else(|| self.wrong(value.at, "a number was expected".to_owned()))
    }

    fn string(&self, value: Found<'a>) -> Result<String, LockError> {
        match &value.value {
            TomlValue::String(text) => Ok(text.clone()),
            _ => Err(self.wrong(value.at, "a text was expected".to_owned())),
        }
    }

    fn list<T>(
        &self,
        key: &str,
        read: impl Fn(&Self, Found<'a>) -> Result<T, LockError>,
    ) -> Result<Vec<T>, LockError> {
        let entries = self.optional(key, |fields, value| match &value.value {
            TomlValue::Array(entries) | TomlValue::Tables(entries) => {
                entries.iter().map(|entry| read(fields, entry)).collect()
            }
            _ => Err(fields.wrong(value.at, "a list was expected".to_owned())),
        })?;
        Ok(entries.unwrap_or_default())
    }

    fn wrong(&self, at: usize, reason: String) -> LockError {
        let before = self.text.get(..at).unwrap_or_default();
        LockError::Entry { line: before.matches('\n').count() + 1, reason }
    }
}
