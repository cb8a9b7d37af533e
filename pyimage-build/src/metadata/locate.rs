//! Where in a manifest's text a key stands.

use toml::de::{DeTable, DeValue};

/// The line of a key such as `package.metadata.pyimage.platforms[1]`, or that of the nearest table around it; the first
/// line is 1.
pub(super) fn line(text: &str, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (name, entry) = match key.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        Some((name, index)) => (name, index.parse::<usize>().ok()),
        None => (key, None),
    };
    // Keys are written as TOML has them, so TOML takes them apart.
    let path = format!("{name} = 0");
    let path = DeTable::parse(&path).ok()?;
    let (mut at, mut path) = (document.get_ref(), path.get_ref());
    let mut offset = None;
    loop {
        let (name, rest) = path.iter().next()?;
        let Some((found, value)) = at.get_key_value(name) else { break };
        offset = Some(found.span().start);
        if let (DeValue::Array(entries), Some(index)) = (value.get_ref(), entry)
            && let Some(entry) = entries.get(index)
        {
            offset = Some(entry.span().start);
        }
        match (value.get_ref(), rest.get_ref()) {
            (DeValue::Table(inner), DeValue::Table(deeper)) => (at, path) = (inner, deeper),
            _ => break,
        }
    }
    let before = text.get(..offset?)?;
    Some(before.bytes().filter(|byte| *byte == b'\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MANIFEST: &str = "[package]\nname = \"a\"\n\n[package.metadata.pyimage]\ntag = 3.13\nplatforms = [\n  \"a\",\n  \
                            \"b\",\n]\nenv.A = 1\nenv.\"b c\" = 2\n[package.metadata.pyimage.images.worker]\ntga = 1\n";

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
