//! The tables of a lock, key by key.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::LockError;

type Found<'a> = &'a Spanned<DeValue<'a>>;

/// A table, with its place in the text for messages.
pub(super) struct Fields<'a> {
    text: &'a str,
    span: Range<usize>,
    table: &'a DeTable<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn of_document(text: &'a str, table: &'a DeTable<'a>) -> Self {
        Self { text, span: 0..0, table }
    }

    /// Has no key but these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), LockError> {
        match self.table.keys().find(|key| !known.contains(&key.get_ref().as_ref())) {
            Some(key) => Err(self.wrong(key.span(), format!("`{}` is unknown", key.get_ref()))),
            None => Ok(()),
        }
    }

    /// A table in this one that has no key but these.
    pub(super) fn inner(&self, value: Found<'a>, known: &[&str]) -> Result<Self, LockError> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.wrong(value.span(), "a table was expected".to_owned()));
        };
        let inner = Self { text: self.text, span: value.span(), table };
        inner.only(known)?;
        Ok(inner)
    }

    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Self, Found<'a>) -> Result<T, LockError>,
    ) -> Result<Option<T>, LockError> {
        self.table.get(key).map(|value| read(self, value)).transpose()
    }

    pub(super) fn needed<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Self, Found<'a>) -> Result<T, LockError>,
    ) -> Result<T, LockError> {
        self.optional(key, read)?.ok_or_else(|| self.wrong(self.span.clone(), format!("there is no `{key}`")))
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
            let DeValue::Table(table) = value.get_ref() else {
                return Err(fields.wrong(value.span(), "a table was expected".to_owned()));
            };
            table
                .iter()
                .map(|(name, value)| Ok((name.get_ref().to_string(), fields.string(value)?)))
                .collect()
        })?;
        Ok(pairs.unwrap_or_default())
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, key: &str) -> Result<T, LockError> {
        self.needed(key, |fields, value| {
            let parsed = fields.string(value)?.parse();
            parsed.map_err(|error: T::Err| fields.wrong(value.span(), error.to_string()))
        })
    }

    pub(super) fn number(&self, value: Found<'a>) -> Result<u64, LockError> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number.ok_or_else(|| self.wrong(value.span(), "a number was expected".to_owned()))
    }

    fn string(&self, value: Found<'a>) -> Result<String, LockError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.wrong(value.span(), "a text was expected".to_owned())),
        }
    }

    fn list<T>(
        &self,
        key: &str,
        read: impl Fn(&Self, Found<'a>) -> Result<T, LockError>,
    ) -> Result<Vec<T>, LockError> {
        let entries = self.optional(key, |fields, value| match value.get_ref() {
            DeValue::Array(entries) => entries.iter().map(|entry| read(fields, entry)).collect(),
            _ => Err(fields.wrong(value.span(), "a list was expected".to_owned())),
        })?;
        Ok(entries.unwrap_or_default())
    }

    fn wrong(&self, span: Range<usize>, reason: String) -> LockError {
        let before = self.text.get(..span.start).unwrap_or_default();
        LockError::Entry { line: before.matches('\n').count() + 1, reason }
    }
}
