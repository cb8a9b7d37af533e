//! What the documentation of the libraries shows has an example.

use std::path::{Path, PathBuf};

/// What shares the example of its type, by file and name.
const SHARED: [(&str, &str); 2] =
    [("cargo-pyrun/src/shell/stream.rs", "stdout"), ("cargo-pyrun/src/shell/stream.rs", "stderr")];

/// Where the libraries have what they promise. What is not here is `#[doc(hidden)]`, or a template of generated code.
const SHOWN: [&str; 5] = [
    "pyimage-build/src",
    "cargo-pyrun/src/script",
    "cargo-pyrun/src/script.rs",
    "cargo-pyrun/src/shell.rs",
    "cargo-pyrun/src/shell/stream.rs",
];
const NOT_SHOWN: [&str; 3] =
    ["pyimage-build/src/needs", "pyimage-build/src/build_script/generated", "pyimage-build/src/needs.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    let name = path.strip_prefix(root()).expect("a path of the repository");
    if NOT_SHOWN.iter().any(|other| name == Path::new(other)) || name.ends_with("tests.rs") {
        return;
    }
    if path.is_dir() {
        let entries = fs_err::read_dir(path).expect("a folder").flatten();
        entries.filter(|entry| entry.file_name() != "tests").for_each(|entry| sources(&entry.path(), found));
    } else if path.extension().is_some_and(|kind| kind == "rs") {
        found.push(path.to_owned());
    }
}

/// The name of an item that everybody may use, and of no other.
fn public(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let words: Vec<_> = rest.split([' ', '(', '<', ':', ';']).collect();
    let kinds = ["fn", "struct", "enum", "trait", "const", "static", "type"];
    let kind =
        words.iter().position(|word| !["const", "async", "unsafe"].contains(word) || words[1] != "fn")?;
    (kinds.contains(&words[kind])).then(|| words[kind + 1])
}

/// The type of an `impl` that is no trait's.
fn implemented(line: &str) -> Option<&str> {
    let generics_end = if line.starts_with("impl<") { line.find("> ")? + 1 } else { "impl".len() };
    line[generics_end..].trim_start().split(['<', ' ']).next()
}

/// The lines of documentation and attributes right above a line.
fn above<'a>(lines: &[&'a str], line: usize) -> Vec<&'a str> {
    let belongs = |text: &&&str| {
        let text = text.trim();
        text.starts_with("///") || !(text.is_empty() || text.ends_with(['{', '}', ';']))
    };
    lines[..line].iter().rev().take_while(belongs).copied().collect()
}

/// The public items of a source that the documentation shows, each with whether it has an example.
fn items(text: &str) -> Vec<(String, bool)> {
    let lines: Vec<_> = text.lines().collect();
    let mut items = Vec::new();
    let mut hidden = false;
    let mut hidden_types = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with("mod tests") {
            break;
        }
        let about = above(&lines, at);
        let is_hidden = about.iter().any(|line| line.contains("#[doc(hidden)]"));
        match *line {
            "}" => hidden = false,
            line if line.starts_with("impl") => {
                hidden = is_hidden || implemented(line).is_some_and(|name| hidden_types.contains(&name));
            }
            line => {
                if is_hidden {
                    hidden_types.extend(public(line));
                }
                if let Some(name) = public(line).filter(|_| !hidden && !is_hidden) {
                    items.push((name.to_owned(), about.iter().any(|line| line.contains("```"))));
                }
            }
        }
    }
    items
}

#[test]
fn every_public_item_has_an_example() {
    let mut files = Vec::new();
    for place in SHOWN {
        sources(&root().join(place), &mut files);
    }
    let (mut with, mut without) = (0, Vec::new());
    for file in files {
        let name = file.strip_prefix(root()).expect("a path of the repository").display().to_string();
        for (item, has_example) in items(&fs_err::read_to_string(&file).expect("a source")) {
            if has_example || SHARED.contains(&(name.as_str(), item.as_str())) {
                with += 1;
            } else {
                without.push(format!("{name}: {item}"));
            }
        }
    }
    assert!(with > 500, "only {with} items were found");
    assert_eq!(without, [""; 0], "an example is missing, or an entry of SHARED");
}

#[test]
fn modules_that_are_no_library_are_hidden() {
    for (library, shown) in [("cargo-pyrun", &["script", "shell"][..]), ("cargo-pyimage", &[])] {
        let text = fs_err::read_to_string(root().join(library).join("src/lib.rs")).expect("the library");
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(module) = line.strip_prefix("pub mod ") else { continue };
            let hidden = lines[at - 1] == "#[doc(hidden)]";
            assert_eq!(hidden, !shown.contains(&module.trim_end_matches(';')), "{library}: {line}");
        }
    }
}

#[test]
fn items_are_found_with_and_without_examples() {
    let text = "/// One.\n///\n/// ```\n/// one();\n/// ```\n#[must_use]\npub const fn one() {}\n\n\
                /// Two.\npub struct Two {\n    /// A field.\n    pub field: u8,\n}\n\n\
                #[doc(hidden)]\nimpl Two {\n    /// Three.\n    pub fn three() {}\n}\n\n\
                #[doc(hidden)]\npub struct Gone<'a>;\n\nimpl<'a> Gone<'a> {\n    pub fn six() {}\n}\n\n\
                impl Two {\n    /// Four.\n    pub async fn four() {}\n\n    pub(crate) fn five() {}\n}\n";
    let expected = [("one", true), ("Two", false), ("four", false)];
    assert_eq!(items(text), expected.map(|(name, has)| (name.to_owned(), has)));
}
