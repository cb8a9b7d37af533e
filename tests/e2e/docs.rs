//! The commands in the books, and what the books say that they print.

use std::path::Path;
use std::process::Command;

use pyimage_build::{KEYS, Key, Kind};
use tests::{Folder, finish, part, with_cargo};

/// The commands of a page's `console` blocks, each with the lines that follow it.
fn commands(page: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = fs_err::read_to_string(path).expect("the page");
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        match line {
            "```console" => in_block = true,
            "```" => in_block = false,
            _ if !in_block => {}
            _ => match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, Some((_, output))) => {
                    output.push_str(line);
                    output.push('\n');
                }
                (None, None) => panic!("output without a command: {line}"),
            },
        }
    }
    commands
}

/// What stays when the bed is built anew: no digests, sizes and patch releases, and columns as wide as they happen to be.
pub(crate) fn lasting(text: &str) -> String {
    let mut lines = Vec::new();
    // What is told only where it takes long, what the bed's Python was made of, and what the machine's own settings are worth.
    let passing = |line: &&str| {
        line.trim_start().starts_with("Fetching ")
            || line.starts_with("warning: pip's settings in `/etc/")
            || line.contains("PYTHON_SHA256=")
            || line.contains("PYTHON_VERSION=")
    };
    for line in text.lines().filter(|line| !passing(line)) {
        let words = line.split_whitespace().map(|word| {
            let bare = word.trim_end_matches([',', ')']);
            let end = &word[bare.len()..];
            let patch = bare.split('-').next().unwrap_or_default();
            let numbers: Vec<_> = patch.split('.').collect();
            if let Some((before, _)) = bare.split_once("sha256:") {
                format!("{before}DIGEST{end}")
            } else if bare.len() == 12 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                format!("DIGEST{end}")
            } else if numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok()) {
                let minor = patch.rsplit_once('.').map_or(patch, |(minor, _)| minor);
                format!("{minor}.N{}{end}", &bare[patch.len()..])
            } else if bare.trim_start_matches(['(', '+', '-']).parse::<f64>().is_ok() && bare.contains('.') {
                // A version of two numbers reads like a size, and neither column moves.
                format!(
                    "{}{end}",
                    if bare.starts_with("3.") || bare.starts_with("2.") { bare } else { "SIZE" }
                )
            } else {
                word.to_owned()
            }
        });
        let mut words: Vec<_> = words.collect();
        // A few bytes are as much the bed's as many.
        for at in 1..words.len() {
            if words[at].trim_end_matches([',', ')']) == "B" && words[at - 1].parse::<u64>().is_ok() {
                "SIZE".clone_into(&mut words[at - 1]);
            }
        }
        lines.push(words.join(" "));
    }
    lines.join("\n")
}

#[test]
fn the_page_about_tags_says_what_is_printed() {
    if part("TESTBED_ARM64").is_none() || part("TESTBED_REGISTRY").is_none() {
        return;
    }
    let folder = Folder::new();
    folder.file("src/lib.rs", "").file(
        "Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [package.metadata.pyimage]\ntag = \"3.13-slim\"\n",
    );
    let commands = commands("docs/tags.md");
    assert!(commands.len() >= 3, "{commands:?}");
    let (mut told, mut printed) = (Vec::new(), Vec::new());
    for (command, output) in commands {
        let words: Vec<_> = command.split_whitespace().collect();
        let ["cargo", "pyimage", arguments @ ..] = &words[..] else { panic!("{command}") };
        let mut program: Command = folder.pyimage([]);
        let run = finish(with_cargo(program.args(arguments)));
        told.push(format!("$ {command}\n{}\n", lasting(&output)));
        printed.push(format!("$ {command}\n{}\n", lasting(&format!("{}{}", run.stdout, run.stderr))));
    }
    snapbox::assert_data_eq!(printed.concat(), snapbox::Data::text(told.concat()).raw());
}

/// The page about the keys, as it follows from their table.
fn page_of_keys() -> String {
    let mut page = "# Keys\n\n\
        What `[package.metadata.pyimage]` may say. `[workspace.metadata.pyimage]` has the same keys, but for `images`, as defaults\n\
        for all packages that have a section of their own; tables are joined. Paths start from the folder of the manifest that\n\
        names them. A wrong key or value is an error that names the file, the line and the key.\n\n\
        `cargo pyimage schema` prints this as JSON Schema, for editors.\n\n\
        <!-- Made from the table in pyimage-build/src/metadata/key.rs: `SNAPSHOTS=overwrite cargo xtask test keys`. -->\n\n"
        .to_owned();
    for key in KEYS {
        let Key { name, kind, default, example, about } = key;
        let about = capital(about);
        page.extend([
            format!("## `{name}`\n\n{about}.\n\n"),
            format!("- Type: {kind}\n- Default: {default}\n- Example: `{name} = {example}`\n\n"),
        ]);
        if let Kind::Tables(inner, _) = kind {
            for Key { name, kind, default, example, about } in *inner {
                page.extend([format!(
                    "`{name}`: {about}; {kind}; default: {default}; example: `{name} = {example}`\n\n"
                )]);
            }
        }
    }
    page.trim_end().to_owned() + "\n"
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[test]
fn the_page_about_the_keys_says_what_the_table_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/keys.md");
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(page_of_keys(), snapbox::Data::read_from(&page, None).raw());
}

#[test]
fn the_schema_is_that_of_the_keys() {
    let run = finish(&mut Folder::new().pyimage(["schema"]));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let schema: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let properties = schema["definitions"]["section"]["properties"].as_object().expect("keys");
    assert!(KEYS.iter().map(|key| key.name).eq(properties.keys().map(String::as_str)), "{schema}");
}
