//! The tree is that of `toml`, which is TOML's own in Rust.

use proptest::prelude::*;
use toml::de::{DeTable, DeValue};

use super::*;

/// Whether both have read the same, and have it at the same places.
fn is_same(ours: &TomlNode, theirs: &toml::Spanned<DeValue<'_>>) -> bool {
    let is_same_value = match (&ours.value, theirs.get_ref()) {
        (TomlValue::Boolean(ours), DeValue::Boolean(theirs)) => ours == theirs,
        (TomlValue::Integer { digits, radix }, DeValue::Integer(theirs)) => {
            digits == theirs.as_str() && *radix == theirs.radix()
        }
        (TomlValue::Float(ours), DeValue::Float(theirs)) => ours == theirs.as_str(),
        (TomlValue::String(ours), DeValue::String(theirs)) => ours == theirs,
        (TomlValue::Date(_), DeValue::Datetime(_)) => true,
        (TomlValue::Array(ours) | TomlValue::Tables(ours), DeValue::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs.iter()).all(|(ours, theirs)| is_same(ours, theirs))
        }
        (TomlValue::Table(ours), DeValue::Table(theirs)) => is_same_table(ours, theirs),
        _ => false,
    };
    is_same_value && ours.at == theirs.span().start
}

fn is_same_table(ours: &TomlTable, theirs: &DeTable<'_>) -> bool {
    ours.iter().count() == theirs.len()
        && ours.iter().zip(theirs.iter()).all(|((name, entry), (key, value))| {
            name == key.get_ref() && entry.key_at == key.span().start && is_same(&entry.node, value)
        })
}

/// Both read it, and the same, or neither does.
fn check(text: &str) {
    match (TomlTable::parse(text), DeTable::parse(text)) {
        (Ok(ours), Ok(theirs)) => {
            assert!(is_same_table(&ours, theirs.get_ref()), "{text}\n{ours:#?}\n{theirs:#?}");
        }
        (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{text}\n{ours:#?}\n{theirs:#?}"),
    }
}

fn error(text: &str) -> String {
    TomlTable::parse(text).unwrap_err().to_string()
}

#[test]
fn documents_are_read_as_toml_reads_them() {
    for text in [
        "",
        "# nothing\n",
        "a = 1\nb.c = 'x'\nb.d.e = [1, [2, {f = 3, g.h = 4}], ]\n",
        "[a]\nb = 0x1_F\n[a.c]\nd = 1e5\n[[e]]\nf = 1\n[[e]]\n[e.g]\nh = true\n[[e.i]]\n[[e.i]]\nj = \"\"\"\nx\\u00e9\"\"\"\n",
        "[a.b.c]\nd = 1\n[a]\ne = 2\n[a.b]\nf = -0.5\n",
        "a.b.c = 1\n[a.d]\ne = 2\n",
        "[x]\na.b = 1\n[x.a.c]\nd = 1\n",
        "\"a b\".'c.d' = 1979-05-27T07:32:00Z\n",
        "a = {\n b = 1, # c\n}\r\n",
        "\u{feff}a = 1",
    ] {
        assert!(TomlTable::parse(text).is_ok(), "{text}: {}", error(text));
        check(text);
    }
}

#[test]
fn what_is_there_twice_is_refused() {
    for text in [
        "a = 1\na = 2\n",
        "[a]\n[a]\n",
        "a = 1\n[a]\n",
        "a.b = 1\n[a]\n",
        "[a]\nb = 1\n[a.b]\n",
        "[a.b]\n[a]\nb.c = 1\n",
        "a = {b = 1}\na.c = 2\n",
        "a = {b = 1}\n[a.c]\n",
        "a = [1]\n[[a]]\n",
        "a = [{}]\n[a.b]\n",
        "[[a]]\n[a]\n",
        "[a]\n[[a]]\n",
        "a = {b = 1, b = 2}\n",
        "a = {b.c = 1, b = 2}\n",
        "a = {b = {c = 1}, b.d = 2}\n",
    ] {
        assert!(TomlTable::parse(text).is_err(), "{text}");
        check(text);
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    assert_eq!(error("[package\n"), "unclosed table, expected `]` on line 1, column 9");
    assert_eq!(
        error("a = 1\n\u{e9} = 'x"),
        "invalid unquoted key, expected letters, numbers, `-`, `_` on line 2, column 1"
    );
    assert_eq!(error("a = 1\nb.c = 2\nb.c = 3"), "duplicate key on line 3, column 3");
    assert_eq!(error("a = {b = 1}\n[a.c]"), "its value cannot be added to on line 2, column 2");
    assert_eq!(TomlTable::parse("\n\na =").unwrap_err().line(), 3);
    assert!(error(&format!("a = {}", "[".repeat(100))).contains("recursion"));
    let path = vec!["a"; 100].join(".");
    assert!(TomlTable::parse(&format!("{path} = 1\n[b]\n{path} = 1\n")).is_ok());
    assert_eq!(error(&format!("[{path}]\n{path} = 1")), "too many keys lead here on line 2, column 121");
    assert_eq!(error(&format!("{path} = {{ {path} = 1 }}")), "too many keys lead here on line 1, column 325");
}

proptest! {
    #[test]
    fn keys_and_headers_are_read_as_toml_reads_them(
        text in "((\\[[ab](\\.[ab]){0,2}\\]|\\[\\[[ab](\\.[ab]){0,1}\\]\\]|[abc](\\.[abc]){0,2} = (1|\\{\\}|\\[\\]|\\{a.b = 1\\}))\n){0,6}",
    ) {
        check(&text);
    }

    #[test]
    fn values_are_read_as_toml_reads_them(
        text in "(a|\"b\\\\t\"|'c') = (-?[0-9_]{1,3}|0[xob][0-9a-f_]{1,3}|[0-9.e+-]{1,6}|\"[ -~]{0,6}\"|'[ -~]{0,5}'|\"\"\"[ -~\n]{0,6}\"\"\"|\\[[0-9, \n]{0,6}\\]|true|nan|-inf)",
    ) {
        // Whether there is such a day is cargo's to say.
        prop_assume!(!text.contains(['-', ':']) || !matches!(TomlTable::parse(&text), Ok(ref table) if table.iter().any(|(_, entry)| matches!(entry.node.value, TomlValue::Date(_)))));
        check(&text);
    }

    #[test]
    fn never_panics(text in "\\PC{0,60}") {
        check(&text);
    }
}
