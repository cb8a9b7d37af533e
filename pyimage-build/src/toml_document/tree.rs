//! What may be added to a table, by the rules of TOML 1.1.

use toml_parser::{ParseError, Span};

use super::{Origin, TomlEntry, TomlNode, TomlTable, TomlValue};

/// A part of a key.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Span,
}

/// The table that a path leads to. What is not there is made, for a dotted key or a header.
pub(super) fn descend<'t>(
    mut table: &'t mut TomlTable,
    path: &[Key],
    is_dotted: bool,
) -> Result<&'t mut TomlTable, ParseError> {
    for key in path {
        let at = key.span.start();
        let entry = table.entries.entry(key.name.clone()).or_insert_with(|| {
            let origin = if is_dotted { Origin::Dotted } else { Origin::Implied };
            let value = TomlValue::Table(TomlTable { origin, ..TomlTable::default() });
            TomlEntry { key_at: at, node: TomlNode { at, value } }
        });
        table = match &mut entry.node.value {
            TomlValue::Table(inner) => match inner.origin {
                Origin::Inline => return Err(inextensible(key)),
                // What has a header is not added to by dotted keys from outside.
                Origin::Header if is_dotted => return Err(duplicate(key)),
                Origin::Implied if is_dotted => {
                    inner.origin = Origin::Dotted;
                    inner
                }
                _ => inner,
            },
            // The last one that there is.
            TomlValue::Tables(entries) => match entries.last_mut().map(|last| &mut last.value) {
                Some(TomlValue::Table(inner)) => inner,
                _ => return Err(duplicate(key)),
            },
            _ => return Err(inextensible(key)),
        };
    }
    Ok(table)
}

/// Begins the table of `[key]`.
pub(super) fn open_table(root: &mut TomlTable, header: &[Key], at: usize) -> Result<(), ParseError> {
    let Some((key, path)) = header.split_last() else { return Ok(()) };
    let parent = descend(root, path, false)?;
    let mut table = TomlTable::default();
    match parent.entries.remove(&key.name).map(|entry| entry.node.value) {
        None => {}
        // What is in it was named before.
        Some(TomlValue::Table(implied)) if implied.origin == Origin::Implied => {
            table.entries = implied.entries;
        }
        Some(_) => return Err(duplicate(key)),
    }
    let node = TomlNode { at, value: TomlValue::Table(table) };
    parent.entries.insert(key.name.clone(), TomlEntry { key_at: key.span.start(), node });
    Ok(())
}

/// Begins the table of `[[key]]`.
pub(super) fn open_entry(root: &mut TomlTable, header: &[Key], at: usize) -> Result<(), ParseError> {
    let Some((key, path)) = header.split_last() else { return Ok(()) };
    let parent = descend(root, path, false)?;
    let entry = parent.entries.entry(key.name.clone()).or_insert_with(|| TomlEntry {
        key_at: key.span.start(),
        node: TomlNode { at, value: TomlValue::Tables(Vec::new()) },
    });
    let TomlValue::Tables(entries) = &mut entry.node.value else { return Err(duplicate(key)) };
    entries.push(TomlNode { at, value: TomlValue::Table(TomlTable::default()) });
    Ok(())
}

/// Adds a value at a key, which may be dotted.
pub(super) fn insert(table: &mut TomlTable, path: &[Key], node: TomlNode) -> Result<(), ParseError> {
    let Some((key, path)) = path.split_last() else { return Ok(()) };
    let table = descend(table, path, true)?;
    let is_foreign = !path.is_empty() && table.origin == Origin::Header;
    if is_foreign || table.entries.contains_key(&key.name) {
        return Err(duplicate(key));
    }
    table.entries.insert(key.name.clone(), TomlEntry { key_at: key.span.start(), node });
    Ok(())
}

fn duplicate(key: &Key) -> ParseError {
    ParseError::new("duplicate key").with_unexpected(key.span)
}

fn inextensible(key: &Key) -> ParseError {
    ParseError::new("its value cannot be added to").with_unexpected(key.span)
}
