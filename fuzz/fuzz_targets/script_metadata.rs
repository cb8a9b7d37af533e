//! Any text as a script, whose blocks are those of the expression that PEP 723 gives.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pyimage_build::{ScriptMetadata, ScriptMetadataError, unclosed_script_block};
use regex_lite::Regex;

static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
        .expect("the PEP's own")
});

fuzz_target!(|text: &str| {
    // Neither is part of the text, as for uv and pip.
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let blocks: Vec<_> =
        EXPRESSION.captures_iter(&plain).filter(|block| &block["type"] == "script").collect();
    let found = ScriptMetadata::from_script(text);
    match &blocks[..] {
        [] => assert_eq!(found, Ok(None)),
        [block] => {
            let strip = |line: &str| line.strip_prefix("# ").unwrap_or(&line[1..]).to_owned();
            let content: String = block["content"].split_inclusive('\n').map(strip).collect();
            let table = content.parse::<toml::Table>();
            match found {
                Ok(metadata) => {
                    let metadata = metadata.expect("a block");
                    // What is not ours is not looked at, and may hold a number that a table cannot.
                    let Ok(table) = table else { return };
                    let dependencies = table.get("dependencies").and_then(toml::Value::as_array);
                    let dependencies: Vec<_> =
                        dependencies.into_iter().flatten().filter_map(|item| item.as_str()).collect();
                    assert_eq!(metadata.dependencies, dependencies);
                    let tool = table.get("tool").and_then(toml::Value::as_table);
                    assert_eq!(metadata.tool, tool.cloned().unwrap_or_default());
                    assert_eq!(metadata.requires_python.is_some(), table.contains_key("requires-python"));
                }
                Err(error) => assert!(!matches!(error, ScriptMetadataError::TwoBlocks { .. }), "{error}"),
            }
        }
        [first, second, ..] => {
            let line = |at: usize| plain[..at].matches('\n').count() + 1;
            let [first, second] = [first, second].map(|block| line(block.get(0).expect("all of it").start()));
            assert_eq!(found, Err(ScriptMetadataError::TwoBlocks { first, second }));
        }
    }
    if let Some(line) = unclosed_script_block(text) {
        assert!(blocks.is_empty());
        assert_eq!(plain.split('\n').nth(line - 1), Some("# /// script"));
    }
});
