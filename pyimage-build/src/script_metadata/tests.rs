use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;

use super::*;

fn read(script: &str) -> Option<ScriptMetadata> {
    ScriptMetadata::from_script(script).unwrap_or_else(|error| panic!("{error}"))
}

fn requires(script: &str) -> Option<String> {
    read(script)?.requires_python.map(|requires| requires.to_string())
}

const BLOCK: &str = "# /// script\n# requires-python = \">=3.12\"\n# ///\n";

#[test]
fn a_block_is_found_wherever_it_stands() {
    for script in [
        BLOCK.to_owned(),
        format!("#!/usr/bin/env python3\n\"\"\"Says.\"\"\"\n{BLOCK}print()\n"),
        format!("x = \"\"\"\n{BLOCK}\"\"\"\n"),
        format!("print()\n\n{BLOCK}"),
        BLOCK.trim_end().to_owned(),
        BLOCK.replace('\n', "\r\n"),
        format!("\u{feff}{BLOCK}"),
        format!("# /// pyproject\n# x = '''\n# ///\n\n{BLOCK}"),
        format!("# /// script\n# x = 1\nunclosed()\n{BLOCK}"),
        BLOCK.replace("# ///\n", "#\n# tool.x.y = '''\n# ///\n# '''\n# ///\n"),
        BLOCK.replace("# ///\n", "# name = 'x' # unknown keys are others'\n# ///\n"),
    ] {
        assert_eq!(requires(&script).as_deref(), Some(">=3.12"), "{script:?}");
    }
}

#[test]
fn what_looks_like_a_block_and_is_none() {
    for script in [
        "",
        "# /// script\n# ///\n",
        "# /// script\n# requires-python = 'x'\n",
        "# /// script\n# requires-python = 'x'\n\n# ///\n",
        "# /// script\n#requires-python = 'x'\n# ///\n",
        "# /// script \n# requires-python = 'x'\n# ///\n",
        "# /// script\n# requires-python = 'x'\n# /// \n",
        " # /// script\n # requires-python = 'x'\n # ///\n",
        "#/// script\n# requires-python = 'x'\n#///\n",
        "# /// scripts\n# requires-python = 'x'\n# ///\n",
        "# /// Script\n# requires-python = 'x'\n# ///\n",
        "# /// script\r# requires-python = 'x'\r# ///\r",
    ] {
        assert_eq!(read(script), None, "{script:?}");
    }
}

#[test]
fn an_opening_that_nothing_closes_is_found() {
    for (script, expected) in [
        ("# /// script\n# requires-python = 'x'\n", Some(1)),
        ("# /// script", Some(1)),
        ("import os\n# /// script\n# requires-python = 'x'\n\n# ///\n", Some(2)),
        ("import os\r\n\r\n# /// script\r\n# requires-python = 'x'\r\nprint()\r\n", Some(3)),
        ("# /// script\n#requires-python = 'x'\n# ///\n", Some(1)),
        ("# /// script\n# requires-python = 'x'\n# /// \n", Some(1)),
        // Closed, if around nothing.
        ("# /// script\n# ///\n", None),
        ("# /// pyproject\n# x = 1\n", None),
        ("print('# /// script')\n", None),
        ("# /// scripts\n", None),
        ("", None),
    ] {
        assert_eq!(unclosed_script_block(script), expected, "{script:?}");
    }
    assert_eq!(unclosed_script_block(&format!("# /// script\nunclosed()\n{BLOCK}")), None);
}

#[test]
fn all_fields_are_read() {
    let metadata = read(
        "# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"requests<3\",\n#   \"rich\",\n# ]\n#\n\
         # [tool.uv]\n# exclude-newer = \"2026-01-01T00:00:00Z\"\n# ///\n",
    )
    .unwrap();
    assert_eq!(metadata.dependencies, ["requests<3", "rich"]);
    assert_eq!(metadata.tool["uv"]["exclude-newer"].as_str(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(read("# /// script\n#\n# ///\n"), Some(ScriptMetadata::default()));
}

#[test]
fn refusals_say_where_and_why() {
    for (script, expected) in [
        (format!("{BLOCK}\n\n{BLOCK}"), "there are two `script` blocks, at line 1 and line 6"),
        (
            "import x\n# /// script\n# dependencies = []\n# requires-python = 3.12\n# ///\n".to_owned(),
            "the `script` block at line 2 is malformed, at line 4: invalid type: floating point `3.12`, expected a string",
        ),
        (
            "# /// script\n# dependencies = [1]\n# ///\n".to_owned(),
            "the `script` block at line 1 is malformed, at line 2: invalid type: integer `1`, expected a string",
        ),
        (
            "# /// script\n# requires-python = '3.12'\n# ///\n".to_owned(),
            "`requires-python` of the `script` block is malformed",
        ),
    ] {
        let error = ScriptMetadata::from_script(&script).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    // Two blocks without a line between them are one, and its content is no TOML.
    let error = ScriptMetadata::from_script(&format!("{BLOCK}{BLOCK}")).unwrap_err();
    assert!(
        error.to_string().starts_with("the `script` block at line 1 is malformed, at line 3: "),
        "{error}"
    );
    let error = ScriptMetadata::from_script("# /// script\n# a = \n# ///\n").unwrap_err();
    assert!(
        error.to_string().starts_with("the `script` block at line 1 is malformed, at line 2: "),
        "{error}"
    );
}

static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$").unwrap()
});

/// The specification's own way, with its own expression.
fn canonical(script: &str) -> Vec<(String, String)> {
    let strip = |line: &str| match line.strip_prefix("# ") {
        Some(rest) => rest.to_owned(),
        None => line[1..].to_owned(),
    };
    EXPRESSION
        .captures_iter(script)
        .map(|block| (block["type"].to_owned(), block["content"].split_inclusive('\n').map(strip).collect()))
        .collect()
}

proptest! {
    #[test]
    fn blocks_are_those_of_the_expression(
        lines in proptest::collection::vec(
            prop_oneof![
                3 => Just("# /// script"),
                2 => Just("# /// other-1"),
                4 => Just("# ///"),
                3 => Just("#"),
                3 => Just("# x = 1"),
                1 => Just("# "),
                1 => Just("#x"),
                1 => Just(""),
                1 => Just(" # ///"),
                1 => Just("# /// "),
                1 => Just("# /// two words"),
                1 => Just("# \t\u{85}\u{2028} y"),
                1 => Just("code()"),
            ],
            0..14,
        ),
        ending in prop_oneof![Just(""), Just("\n")],
    ) {
        let script = lines.join("\n") + ending;
        let ours: Vec<_> = blocks(&script).into_iter().map(|block| (block.kind, block.content)).collect();
        prop_assert_eq!(ours, canonical(&script));
    }

    #[test]
    fn never_panics(script in "(# /// script\n)?(#[ -~é]{0,12}\n){0,4}(# ///\r?\n)?\\PC{0,8}") {
        let _ = (ScriptMetadata::from_script(&script), unclosed_script_block(&script));
    }
    #[test]
    fn what_is_written_is_read(
        dependencies in proptest::collection::vec("[a-z]{1,5}(\\[[a-z]{1,3}\\])?(>=[0-9])?", 0..4),
        requires in proptest::option::of(3_u8..16),
        // Nothing that could be taken for a part of the block, or for another.
        before in "([a-z ='\"]{0,9}\n){0,3}",
        after in "(\n[a-z ='\"]{0,9}){0,3}",
        mark: bool,
        windows: bool,
    ) {
        let mut block = "# /// script\n# dependencies = [\n".to_owned();
        block.extend(dependencies.iter().map(|dependency| format!("#   \"{dependency}\",\n")));
        block += "# ]\n";
        block.extend(requires.map(|minor| format!("#\n# requires-python = '>=3.{minor}'\n")));
        let mut script = format!("{before}{block}# ///{after}");
        if windows {
            script = script.replace('\n', "\r\n");
        }
        if mark {
            script.insert(0, '\u{feff}');
        }
        let metadata = read(&script).unwrap();
        prop_assert_eq!(metadata.dependencies, dependencies);
        let found = metadata.requires_python.map(|requires| requires.to_string());
        prop_assert_eq!(found, requires.map(|minor| format!(">=3.{minor}")));
        prop_assert_eq!(unclosed_script_block(&script), None);
    }
}
