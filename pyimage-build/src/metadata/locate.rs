//! Where in a manifest's text a key stands.

use crate::toml_document::{TomlTable, TomlValue};

/// A part of a key.
enum Step {
    /// The name in a table.
    Key(String),
    /// The place in a list.
    Entry(usize),
}

/// The line of a key such as `package.metadata.pyimage.files[1].mode`, or that of the nearest table around it; the first
/// line is 1.
pub(super) fn line(text: &str, key: &str) -> Option<usize> {
    let document = TomlTable::parse(text).ok()?;
    let mut at: Option<&TomlValue> = None;
    let mut offset = None;
    for step in steps(key)? {
        let (start, value) = match (step, at) {
            (Step::Key(name), None) => of_table(&document, &name),
            (Step::Key(name), Some(TomlValue::Table(table))) => of_table(table, &name),
            (Step::Entry(index), Some(TomlValue::Array(entries) | TomlValue::Tables(entries))) => {
                entries.get(index).map(|entry| (entry.at, &entry.value))
            }
            _ => None,
        }
        .unzip();
        let Some(value) = value else { break };
        (at, offset) = (Some(value), start);
    }
    let before = text.get(..offset?)?;
    Some(before.bytes().filter(|byte| *byte == b'\n').count() + 1)
}

fn of_table<'t>(table: &'t TomlTable, name: &str) -> Option<(usize, &'t TomlValue)> {
    table.get(name).map(|entry| (entry.key_at, &entry.node.value))
}

/// Takes a key apart. Names are written as TOML has them, so TOML reads those in quotes.
fn steps(key: &str) -> Option<Vec<Step>> {
    let (mut steps, mut rest) = (Vec::new(), key);
    loop {
        let end =
            if rest.starts_with('"') { quoted(rest)? } else { rest.find(['.', '[']).unwrap_or(rest.len()) };
        let (name, after) = rest.split_at(end);
        steps.push(Step::Key(unquoted(name)?));
        rest = after;
        while let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            steps.push(Step::Entry(index.parse().ok()?));
            rest = after;
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => return rest.is_empty().then_some(steps),
        }
    }
}

/// Where a name in quotes ends.
fn quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let end = text[1..].find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    Some(end? + 2)
}

fn unquoted(name: &str) -> Option<String> {
    if !name.starts_with('"') {
        return Some(name.to_owned());
    }
    let document = format!("{name} = 0");
    let document = TomlTable::parse(&document).ok()?;
    document.into_iter().next().map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MANIFEST: &str = "[package]\nname = \"a\"\n\n[package.metadata.pyimage]\ntag = 3.13\nplatforms = [\n  \"a\",\n  \
                            \"b\",\n]\nenv.A = 1\nenv.\"b c\" = 2\n[package.metadata.pyimage.images.worker]\ntga = 1\nfiles = [\n  \
                            { to = \"/x\" },\n  { to = 1 },\n]\n[[package.metadata.pyimage.images.\"a b\".files]]\nto = 2\n";

    #[test]
    fn lines_of_keys() {
        for (key, expected) in [
            ("package.metadata.pyimage", Some(4)),
            ("package.metadata.pyimage.tag", Some(5)),
            ("package.metadata.pyimage.platforms", Some(6)),
            ("package.metadata.pyimage.platforms[1]", Some(8)),
            ("package.metadata.pyimage.platforms[7]", Some(6)),
            ("package.metadata.pyimage.env.A", Some(10)),
            ("package.metadata.pyimage.env.\"b c\"", Some(11)),
            ("package.metadata.pyimage.images.worker.tga", Some(13)),
            ("package.metadata.pyimage.images.worker.files[0].to", Some(15)),
            ("package.metadata.pyimage.images.worker.files[1].to", Some(16)),
            ("package.metadata.pyimage.images.worker.files[1].mode", Some(16)),
            ("package.metadata.pyimage.images.worker.files[2].to", Some(14)),
            ("package.metadata.pyimage.images.\"a b\".files[0].to", Some(19)),
            ("package.metadata.pyimage.missing", Some(4)),
            ("workspace.metadata.pyimage", None),
        ] {
            assert_eq!(line(MANIFEST, key), expected, "{key}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", key in "\\PC{0,20}") {
            line(&text, &key);
            line(MANIFEST, &key);
        }
    }
}
