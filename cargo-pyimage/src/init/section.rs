//! The section in a manifest, written so that all else in it stays as it is.

use std::collections::BTreeMap;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TomlError, Value, value};

/// What the section is to say; what is empty is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section {
    /// Its keys in their order.
    pub(super) keys: Vec<(&'static str, Setting)>,
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    Text(String),
    Texts(Vec<String>),
    Pairs(BTreeMap<String, String>),
}

impl Section {
    pub(super) fn add(&mut self, key: &'static str, setting: Setting) {
        let is_empty = match &setting {
            Setting::Text(text) => text.is_empty(),
            Setting::Texts(texts) => texts.is_empty(),
            Setting::Pairs(pairs) => pairs.is_empty(),
        };
        if !is_empty {
            self.keys.push((key, setting));
        }
    }

    /// The manifest with the section in it, in place of the one that is there.
    pub(super) fn put_into(&self, manifest: &str) -> Result<String, TomlError> {
        let mut document: DocumentMut = manifest.parse()?;
        let mut table = Table::new();
        for (key, setting) in &self.keys {
            table.insert(key, setting.item());
        }
        let package = document.entry("package").or_insert_with(|| Item::Table(Table::new()));
        if let Some(package) = package.as_table_like_mut() {
            let metadata = package.entry("metadata").or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            });
            match metadata.as_table_mut() {
                Some(metadata) => {
                    if let Some(old) = metadata.get("pyimage").and_then(Item::as_table) {
                        *table.decor_mut() = old.decor().clone();
                        table.set_position(old.position());
                    } else {
                        table.decor_mut().set_prefix("\n");
                    }
                    metadata.insert("pyimage", Item::Table(table));
                }
                // `metadata = { … }` on one line.
                None => {
                    if let Some(metadata) = metadata.as_table_like_mut() {
                        metadata
                            .insert("pyimage", Item::Value(Value::InlineTable(table.into_inline_table())));
                    }
                }
            }
        }
        let mut text = document.to_string();
        if manifest.contains("\r\n") {
            text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        Ok(text)
    }
}

/// Whether a manifest has the section.
pub(super) fn is_in(manifest: &str) -> Result<bool, TomlError> {
    let document: DocumentMut = manifest.parse()?;
    let package = document.get("package").and_then(|package| package.get("metadata"));
    Ok(package.is_some_and(|metadata| metadata.get("pyimage").is_some()))
}

impl Setting {
    fn item(&self) -> Item {
        match self {
            Self::Text(text) => value(text),
            Self::Texts(texts) => value(texts.iter().collect::<Array>()),
            Self::Pairs(pairs) => {
                let mut table = InlineTable::new();
                for (name, text) in pairs {
                    table.insert(name, Value::from(text));
                }
                value(table)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section() -> Section {
        let mut section = Section::default();
        section.add("tag", Setting::Text("3.13-slim".to_owned()));
        section.add("cmd", Setting::Texts(Vec::new()));
        section.add("source", Setting::Texts(vec!["app".to_owned(), "a\"b".to_owned()]));
        section.add("env", Setting::Pairs([("A".to_owned(), "1".to_owned())].into()));
        section
    }

    const WRITTEN: &str = "tag = \"3.13-slim\"\nsource = [\"app\", 'a\"b']\nenv = { A = \"1\" }\n";

    #[test]
    fn what_is_there_stays() {
        let manifest = "# mine\n[package]\nname = 'app'   # odd\n\n[dependencies]\nserde = \"1\"\n";
        let written = section().put_into(manifest).unwrap();
        let (package, others) = manifest.split_once("[dependencies]").unwrap();
        assert_eq!(
            written,
            format!("{package}[package.metadata.pyimage]\n{WRITTEN}\n[dependencies]{others}")
        );
        assert!(is_in(&written).unwrap() && !is_in(manifest).unwrap());
        let other = "[package]\nname = 'app'\n[package.metadata.docs.rs]\nall-features = true\n";
        assert_eq!(
            section().put_into(other).unwrap(),
            format!("{other}\n[package.metadata.pyimage]\n{WRITTEN}")
        );
        assert!(
            section().put_into(&manifest.replace('\n', "\r\n")).unwrap().contains("env = { A = \"1\" }\r\n")
        );
    }

    #[test]
    fn the_old_one_is_replaced_where_it_is() {
        let manifest = "[package]\nname = 'app'\n\n# the image\n[package.metadata.pyimage]\ntag = \"2\"\n\n[features]\nx = []\n";
        let written = section().put_into(manifest).unwrap();
        let expected = format!(
            "[package]\nname = 'app'\n\n# the image\n[package.metadata.pyimage]\n{WRITTEN}\n[features]\nx = []\n"
        );
        assert_eq!(written, expected);
    }
}
