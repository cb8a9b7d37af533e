//! TOML, as manifests and locks have it: its values, and where in the text they stand.
//!
//! The grammar is `toml_parser`'s, which `toml` is built on. The tree over it is our own, for what build scripts without
//! images read: cargo looks at every crate of a build script each time it builds, and `toml` brings half of them.

mod error;
mod tree;

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml_parser::decoder::ScalarKind;
use toml_parser::parser::{Event, EventKind, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ParseError, Source};

pub use error::TomlError;
use tree::{Key, descend};

/// How deep values may be in each other.
const DEPTH: u32 = 80;
/// How many keys may lead to a value: each is a table, and whoever reads the tree goes down through all of them.
const KEYS: usize = 160;

/// A value, with the place where it begins: in bytes, from the start of the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TomlNode {
    pub(crate) at: usize,
    pub(crate) value: TomlValue,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TomlValue {
    Boolean(bool),
    /// Digits with their sign, without what stands between and before them.
    Integer {
        digits: String,
        radix: u32,
    },
    Float(String),
    String(String),
    /// A date, a time or both, as it is written.
    Date(String),
    Array(Vec<TomlNode>),
    /// What `[[key]]` adds to. Each of them is a table, and there is at least one.
    Tables(Vec<TomlNode>),
    Table(TomlTable),
}

/// A table, by its keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TomlTable {
    entries: BTreeMap<String, TomlEntry>,
    origin: Origin,
}

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TomlEntry {
    /// Where its key stands.
    pub(crate) key_at: usize,
    pub(crate) node: TomlNode,
}

/// How a table came to be, which decides what may be added to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Origin {
    /// It has a header.
    #[default]
    Header,
    /// A header names what is in it.
    Implied,
    /// A dotted key names what is in it.
    Dotted,
    /// It stands in braces.
    Inline,
}

impl TomlTable {
    /// Reads a document.
    pub(crate) fn parse(text: &str) -> Result<Self, TomlError> {
        let source = Source::new(text);
        let mut events = Vec::new();
        let mut error = None;
        let mut kept = |event: Event| {
            use EventKind::{Comment, Newline, Whitespace};
            if !matches!(event.kind(), Comment | Newline | Whitespace) {
                events.push(event);
            }
        };
        let mut receiver = ValidateWhitespace::new(&mut kept, source);
        let mut receiver = RecursionGuard::new(&mut receiver, DEPTH);
        parse_document(&source.lex().into_vec(), &mut receiver, &mut error);
        let document = match error {
            Some(error) => Err(error),
            None => Reader { source, events: &events, next: 0, keys: 0 }.document(),
        };
        document.map_err(|error| TomlError::new(text, &error))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&TomlEntry> {
        self.entries.get(key)
    }

    /// All values, by their keys in order.
    pub(crate) fn into_iter(self) -> impl Iterator<Item = (String, TomlNode)> {
        self.entries.into_iter().map(|(key, entry)| (key, entry.node))
    }

    /// All entries, by their keys in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &TomlEntry)> {
        self.entries.iter()
    }
}

/// Makes a tree of what the grammar has found, which is a document, but for keys that are there twice.
struct Reader<'t> {
    source: Source<'t>,
    events: &'t [Event],
    next: usize,
    /// How many keys have led to where it is.
    keys: usize,
}

impl Reader<'_> {
    fn document(mut self) -> Result<TomlTable, ParseError> {
        let mut root = TomlTable::default();
        let mut header: Vec<Key> = Vec::new();
        while let Some(event) = self.take() {
            match event.kind() {
                EventKind::StdTableOpen => {
                    header = self.header()?;
                    tree::open_table(&mut root, &header, event.span().start())?;
                }
                EventKind::ArrayTableOpen => {
                    header = self.header()?;
                    tree::open_entry(&mut root, &header, event.span().start())?;
                }
                EventKind::SimpleKey => {
                    self.next -= 1;
                    let (path, node) = self.pair()?;
                    tree::insert(descend(&mut root, &header, false)?, &path, node)?;
                }
                _ => return Err(unexpected(&event)),
            }
        }
        Ok(root)
    }

    fn header(&mut self) -> Result<Vec<Key>, ParseError> {
        self.keys = 0;
        let header = self.keys()?;
        self.keys = header.len();
        Ok(header)
    }

    /// A key and its value.
    fn pair(&mut self) -> Result<(Vec<Key>, TomlNode), ParseError> {
        let path = self.keys()?;
        self.keys += path.len();
        let value = self.value();
        self.keys -= path.len();
        Ok((path, value?))
    }

    /// The parts of a key, and what ends it.
    fn keys(&mut self) -> Result<Vec<Key>, ParseError> {
        let mut keys = Vec::new();
        while let Some(event) = self.take() {
            match event.kind() {
                EventKind::SimpleKey if self.keys + keys.len() < KEYS => {
                    keys.push(Key { name: self.key(&event)?, span: event.span() });
                }
                EventKind::SimpleKey => {
                    return Err(ParseError::new("too many keys lead here").with_unexpected(event.span()));
                }
                EventKind::KeySep => {}
                EventKind::KeyValSep | EventKind::StdTableClose | EventKind::ArrayTableClose => break,
                _ => return Err(unexpected(&event)),
            }
        }
        Ok(keys)
    }

    fn value(&mut self) -> Result<TomlNode, ParseError> {
        let event = self.take().ok_or_else(|| ParseError::new("there is no value"))?;
        let value = match event.kind() {
            EventKind::Scalar => self.scalar(&event)?,
            EventKind::ArrayOpen => self.array()?,
            EventKind::InlineTableOpen => self.inline_table()?,
            _ => return Err(unexpected(&event)),
        };
        Ok(TomlNode { at: event.span().start(), value })
    }

    fn array(&mut self) -> Result<TomlValue, ParseError> {
        let mut entries = Vec::new();
        loop {
            match self.peek() {
                Some(EventKind::ArrayClose) => break self.next += 1,
                Some(EventKind::ValueSep) => self.next += 1,
                _ => entries.push(self.value()?),
            }
        }
        Ok(TomlValue::Array(entries))
    }

    fn inline_table(&mut self) -> Result<TomlValue, ParseError> {
        let mut table = TomlTable::default();
        loop {
            match self.peek() {
                Some(EventKind::InlineTableClose) => break self.next += 1,
                Some(EventKind::ValueSep) => self.next += 1,
                _ => {
                    let (path, node) = self.pair()?;
                    tree::insert(&mut table, &path, node)?;
                }
            }
        }
        table.origin = Origin::Inline;
        Ok(TomlValue::Table(table))
    }

    fn scalar(&self, event: &Event) -> Result<TomlValue, ParseError> {
        let (mut text, mut error) = (Cow::Borrowed(""), None);
        let raw = self.source.get(event).ok_or_else(|| unexpected(event))?;
        let kind = raw.decode_scalar(&mut text, &mut error);
        if let Some(error) = error {
            return Err(error);
        }
        let text = text.into_owned();
        Ok(match kind {
            ScalarKind::String => TomlValue::String(text),
            ScalarKind::Boolean(value) => TomlValue::Boolean(value),
            ScalarKind::DateTime => TomlValue::Date(text),
            ScalarKind::Float => TomlValue::Float(text),
            ScalarKind::Integer(radix) => TomlValue::Integer { digits: text, radix: radix.value() },
        })
    }

    fn key(&self, event: &Event) -> Result<String, ParseError> {
        let (mut text, mut error) = (Cow::Borrowed(""), None);
        let raw = self.source.get(event).ok_or_else(|| unexpected(event))?;
        raw.decode_key(&mut text, &mut error);
        error.map_or_else(|| Ok(text.into_owned()), Err)
    }

    fn take(&mut self) -> Option<Event> {
        let event = self.events.get(self.next).copied();
        self.next += 1;
        event
    }

    fn peek(&self) -> Option<EventKind> {
        self.events.get(self.next).map(Event::kind)
    }
}

/// What the grammar does not let through.
fn unexpected(event: &Event) -> ParseError {
    ParseError::new("this does not belong here").with_unexpected(event.span())
}

#[cfg(test)]
mod tests;
