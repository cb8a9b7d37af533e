//! The keys of a table, read with their types, and named where something is wrong.

use toml::{Table, Value};

use super::{PylockError, PylockReason};

/// A table of a lock, and where it is.
pub(super) struct Keys<'a> {
    table: &'a Table,
    /// The keys that lead here, below the package: `wheels[0]`.
    path: String,
    package: Option<String>,
}

impl<'a> Keys<'a> {
    pub(super) fn of_lock(table: &'a Table) -> Self {
        Self { table, path: String::new(), package: None }
    }

    /// One of the packages, which errors name from then on.
    pub(super) fn of_package(table: &'a Table, at: usize) -> Self {
        let name = match table.get("name") {
            Some(Value::String(name)) => format!("package `{name}` (`packages[{at}]`)"),
            _ => format!("`packages[{at}]`"),
        };
        Self { table, path: String::new(), package: Some(name) }
    }

    fn path(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// Something is wrong with a key; with the table itself, where it is empty.
    pub(super) fn error(&self, key: &str, reason: PylockReason) -> PylockError {
        PylockError::Key { key: self.path(key), package: self.package.clone(), reason }
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &'static str,
        of: fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, PylockError> {
        self.table.get(key).map(|value| self.value(key, value, expected, of)).transpose()
    }

    fn value<T>(
        &self,
        key: &str,
        value: &'a Value,
        expected: &'static str,
        of: fn(&'a Value) -> Option<T>,
    ) -> Result<T, PylockError> {
        of(value).ok_or_else(|| self.error(key, PylockReason::Type { found: kind(value), expected }))
    }

    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, PylockError> {
        value.ok_or_else(|| self.error(key, PylockReason::Missing))
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<&'a str>, PylockError> {
        self.typed(key, "a string", Value::as_str)
    }

    /// A text that is kept as it is.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, PylockError> {
        Ok(self.string(key)?.map(str::to_owned))
    }

    pub(super) fn boolean(&self, key: &str) -> Result<Option<bool>, PylockError> {
        self.typed(key, "a boolean", Value::as_bool)
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<u64>, PylockError> {
        let size = self.typed(key, "an integer", Value::as_integer)?;
        size.map(|size| u64::try_from(size).map_err(|_| self.error(key, PylockReason::Negative))).transpose()
    }

    pub(super) fn datetime(&self, key: &str) -> Result<Option<String>, PylockError> {
        Ok(self.typed(key, "a date and time", Value::as_datetime)?.map(ToString::to_string))
    }

    /// A text of which something else is made.
    pub(super) fn parsed<T, E>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
        reason: fn(E) -> PylockReason,
    ) -> Result<Option<T>, PylockError> {
        let text = self.string(key)?;
        text.map(|text| parse(text).map_err(|error| self.error(key, reason(error)))).transpose()
    }

    /// A table in this one.
    pub(super) fn table(&self, key: &str) -> Result<Option<Self>, PylockError> {
        let table = self.typed(key, "a table", Value::as_table)?;
        Ok(table.map(|table| Self { table, path: self.path(key), package: self.package.clone() }))
    }

    fn array(&self, key: &str) -> Result<&'a [Value], PylockError> {
        Ok(self.typed(key, "an array", Value::as_array)?.map_or(&[], Vec::as_slice))
    }

    /// An array of tables; empty where there is none.
    pub(super) fn tables(&self, key: &str) -> Result<Vec<Self>, PylockError> {
        let tables = self.array(key)?.iter().enumerate().map(|(at, value)| {
            let key = format!("{key}[{at}]");
            let table = self.value(&key, value, "a table", Value::as_table)?;
            Ok(Self { table, path: self.path(&key), package: self.package.clone() })
        });
        tables.collect()
    }

    /// An array of packages.
    pub(super) fn packages(&self, key: &str) -> Result<Vec<Self>, PylockError> {
        let tables = self.array(key)?.iter().enumerate().map(|(at, value)| {
            let table = self.value(&format!("{key}[{at}]"), value, "a table", Value::as_table)?;
            Ok(Self::of_package(table, at))
        });
        tables.collect()
    }

    /// An array of texts of each of which something else is made; empty where there is none.
    pub(super) fn parsed_array<T, E>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
        reason: fn(E) -> PylockReason,
    ) -> Result<Vec<T>, PylockError> {
        let items = self.array(key)?.iter().enumerate().map(|(at, value)| {
            let key = format!("{key}[{at}]");
            let text = self.value(&key, value, "a string", Value::as_str)?;
            parse(text).map_err(|error| self.error(&key, reason(error)))
        });
        items.collect()
    }

    /// Every key and its text.
    pub(super) fn texts(&self) -> Result<Vec<(&'a str, &'a str)>, PylockError> {
        let texts = self.table.iter().map(|(key, value)| {
            self.value(key, value, "a string", Value::as_str).map(|text| (key.as_str(), text))
        });
        texts.collect()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }
}

/// What a value is, as a message has it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a number with a point",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "an array",
        Value::Table(_) => "a table",
    }
}
