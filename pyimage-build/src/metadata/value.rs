//! The values of a manifest.

use std::collections::BTreeMap;

use crate::toml_document::{TomlNode, TomlTable, TomlValue};

/// A value of a manifest, as TOML has it.
///
/// It is a type of its own since TOML's and JSON's come with serde, which build scripts without images do not compile.
///
/// ```
/// use pyimage_build::Value;
///
/// let value = Value::from("3.13-slim");
/// assert_eq!(value.as_str(), Some("3.13-slim"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Float(f64),
    /// A text, or a date as it is written.
    String(String),
    /// A list.
    Array(Vec<Self>),
    /// A table, by its keys.
    Table(Table),
}

/// A table of a manifest, by its keys.
pub(crate) type Table = BTreeMap<String, Value>;

impl Value {
    /// What it has at a key, if it is a table.
    ///
    /// ```
    /// use pyimage_build::Value;
    ///
    /// let table = Value::Table([("tag".to_owned(), "3".into())].into());
    /// assert_eq!(table.get("tag"), Some(&Value::from("3")));
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Table(table) => table.get(key),
            _ => None,
        }
    }

    /// The text, if it is one.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Value::Integer(3).as_str(), None);
    /// ```
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The list, if it is one.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Value::Array(vec![]).as_array(), Some(&[][..]));
    /// ```
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(entries) => Some(entries),
            _ => None,
        }
    }

    /// Of a document.
    pub(crate) fn of_toml(table: TomlTable) -> Self {
        let entries = table.into_iter().map(|(key, node)| (key, Self::of_node(node)));
        Self::Table(entries.collect())
    }

    fn of_node(node: TomlNode) -> Self {
        match node.value {
            TomlValue::String(text) | TomlValue::Date(text) => Self::String(text),
            TomlValue::Integer { digits, radix } => match i64::from_str_radix(&digits, radix) {
                Ok(number) => Self::Integer(number),
                // Too large for cargo, which has said so before.
                Err(_) => Self::String(digits),
            },
            TomlValue::Float(number) => match number.parse() {
                Ok(number) => Self::Float(number),
                Err(_) => Self::String(number),
            },
            TomlValue::Boolean(value) => Self::Boolean(value),
            TomlValue::Array(entries) | TomlValue::Tables(entries) => {
                Self::Array(entries.into_iter().map(Self::of_node).collect())
            }
            TomlValue::Table(table) => Self::of_toml(table),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

/// As `cargo metadata` prints it. JSON's `null`, which TOML has not, is an empty text.
#[cfg(feature = "image")]
impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::String(String::new()),
            Json::Bool(value) => Self::Boolean(value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Self::Integer(number),
                (None, Some(number)) => Self::Float(number),
                (None, None) => Self::String(number.to_string()),
            },
            Json::String(text) => Self::String(text),
            Json::Array(entries) => Self::Array(entries.into_iter().map(Self::from).collect()),
            Json::Object(table) => {
                Self::Table(table.into_iter().map(|(key, value)| (key, Self::from(value))).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parsed(text: &str) -> Value {
        Value::of_toml(TomlTable::parse(text).unwrap())
    }

    #[test]
    fn both_parsers_give_the_same() {
        let text =
            "a = 1_000\nb = 0x1F\nc = 1.5\nd = -7\ne = true\nf = \"x\\ty\"\ng = ['1', 2]\nh.i.\"j k\" = ''\n";
        let json = json!({
            "a": 1000, "b": 31, "c": 1.5, "d": -7, "e": true, "f": "x\ty", "g": ["1", 2], "h": {"i": {"j k": ""}},
        });
        assert_eq!(parsed(text), Value::from(json));
        assert_eq!(parsed("a = 1979-05-27").get("a"), Some(&Value::from("1979-05-27")));
        assert_eq!(parsed("a = 99999999999999999999").get("a"), Some(&Value::from("99999999999999999999")));
        assert_eq!(parsed("a = -inf").get("a"), Some(&Value::Float(f64::NEG_INFINITY)));
    }

    proptest! {
        #[test]
        fn whatever_is_toml_is_a_value(text in "([a-c]{1,2} = ([0-9._e+-]{1,6}|\"[a-z]{0,3}\"|\\[1, 2\\]|true)\n){0,4}") {
            if let Ok(table) = TomlTable::parse(&text) {
                let keys = table.iter().count();
                let Value::Table(found) = Value::of_toml(table) else { panic!("a table") };
                prop_assert_eq!(found.len(), keys);
            }
        }
    }
}
