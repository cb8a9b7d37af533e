//! The pages as a whole: links lead somewhere, commands are ones that we have, messages are ones that we print.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// All that is for readers, by its path from the root.
fn pages() -> Vec<(PathBuf, String)> {
    let root = root();
    let mut paths: Vec<_> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root.join(name)).into();
    let folder =
        |path: PathBuf| fs_err::read_dir(path).expect("a folder").flatten().map(|entry| entry.path());
    paths.extend(folder(root.join("docs")));
    paths.extend(folder(root.join("examples")).map(|example| example.join("README.md")));
    paths.sort();
    let read = paths.into_iter().map(|path| (fs_err::read_to_string(&path).expect("a page"), path));
    read.map(|(text, path)| (path.strip_prefix(&root).expect("below").to_owned(), text)).collect()
}

/// Each line of a page, with the language of the block that it is in.
fn lines(page: &str) -> Vec<(Option<&str>, &str)> {
    let mut block = None;
    let mut lines = Vec::new();
    for line in page.lines() {
        match (line.trim_start().strip_prefix("```"), block) {
            (Some(_), Some(_)) => block = None,
            (Some(language), None) => block = Some(language),
            (None, _) => lines.push((block, line)),
        }
    }
    lines
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let mut broken = Vec::new();
    let mut links = 0;
    for (path, page) in &pages {
        for (_, line) in lines(page).into_iter().filter(|(block, _)| block.is_none()) {
            for rest in line.split("](").skip(1) {
                let target = rest.split(')').next().unwrap_or_default();
                if target.starts_with("http") {
                    continue;
                }
                links += 1;
                let (file, heading) = target.split_once('#').unwrap_or((target, ""));
                let from = root().join(path);
                let there = match file {
                    "" => from.clone(),
                    file => from.parent().expect("a folder").join(file),
                };
                let has_heading = || {
                    let text = fs_err::read_to_string(&there).expect("a page");
                    lines(&text).iter().any(|(block, line)| {
                        block.is_none()
                            && line.starts_with('#')
                            && anchor(line.trim_start_matches('#')) == heading
                    })
                };
                if !there.exists() || (!heading.is_empty() && !has_heading()) {
                    broken.push(format!("{}: {target}", path.display()));
                }
            }
        }
    }
    assert!(links > 30, "only {links} links were found");
    assert_eq!(broken, [""; 0]);
}

#[test]
fn every_page_is_reached_from_the_guide() {
    let index = fs_err::read_to_string(root().join("docs/README.md")).expect("the guide");
    for (path, _) in pages() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.starts_with("docs") && name != "README.md" {
            assert!(index.contains(&format!("]({name})")), "docs/README.md does not lead to {name}");
        }
        if path.starts_with("examples") {
            let folder = path.parent().expect("a folder").display().to_string();
            assert!(index.contains(&format!("](../{folder})")), "docs/README.md does not lead to {folder}");
        }
    }
}

#[test]
fn the_page_of_every_example_is_gone_through_by_a_test() {
    let mut gone_through = String::new();
    for entry in fs_err::read_dir(root().join("tests/e2e")).expect("the tests").flatten() {
        let text = fs_err::read_to_string(entry.path()).unwrap_or_default();
        if entry.file_name() != "guide.rs" && text.contains("README.md") {
            gone_through.push_str(&text);
        }
    }
    for entry in fs_err::read_dir(root().join("examples")).expect("the examples").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(entry.path().join("README.md").is_file(), "examples/{name} has no README.md");
        // As in `Example::new("web")` or `page("hello", …)`.
        assert!(
            gone_through.contains(&format!("(\"{name}\"")),
            "no test goes through examples/{name}/README.md"
        );
    }
}

/// The commands of ours in a line of shell, in a block or between backticks.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let line = line.split(" # ").next().unwrap_or_default().split("  #").next().unwrap_or_default();
    for part in line.split([';', '|', '>']).flat_map(|part| part.split("&&")) {
        let Some(at) = part.find("cargo py") else { continue };
        let part = part[at..].trim_end_matches(')');
        found.extend(shlex::split(part));
    }
    found
}

/// What is wrong with a command, if we have no such command or option.
fn complaint(words: &[String]) -> Option<String> {
    use clap::error::ErrorKind;

    let arguments = || words.iter().skip(1).map(Into::into);
    let error = match words.get(1)?.as_str() {
        "pyrun" => pyrun::cli::parse(std::iter::once("cargo-pyrun".into()).chain(arguments())).err()?,
        "pyimage" => pyimage::cli::parse(std::iter::once("cargo-pyimage".into()).chain(arguments())).err()?,
        _ => return None,
    };
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        // In the text, a command is often named without what it takes.
        | ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand => None,
        _ => Some(format!("`{}`: {error}", words.join(" "))),
    }
}

#[test]
fn a_wrong_option_would_be_found() {
    for (line, right) in [
        ("$ cargo pyrun --tag 3.13-slim hello.py --what follows", true),
        ("$ cargo pyimage build --platform linux/arm64 && echo done", true),
        ("cargo pyimage tags 3.13-slim          # what there is", true),
        ("$ cargo pyrun --tga 3.13-slim hello.py", false),
        ("$ cd x; cargo pyimage buidl", false),
        ("$ docker run --rm $(cargo pyimage load --plat linux/arm64)", false),
        ("$ cargo pyimage build --platform linux", false),
    ] {
        let commands = commands(line);
        assert_eq!(commands.len(), 1, "{line}");
        assert_eq!(complaint(&commands[0]).is_none(), right, "{line}");
    }
}

#[test]
fn the_commands_on_the_pages_are_ones_that_we_have() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, page) in pages() {
        for (block, line) in lines(&page) {
            let parts: Vec<&str> = match block {
                // Every second part is between backticks.
                None => {
                    line.split('`').skip(1).step_by(2).filter(|part| part.starts_with("cargo py")).collect()
                }
                Some("console" | "") if line.starts_with("$ ") || line.starts_with("cargo py") => vec![line],
                Some(_) => continue,
            };
            for words in parts.into_iter().flat_map(commands) {
                seen += 1;
                // The page about mistakes makes one on purpose, and shows the answer.
                let meant = path.ends_with("troubleshooting.md") && words.iter().any(|word| word == "--tga");
                if let Some(complaint) = complaint(&words).filter(|_| !meant) {
                    wrong.push(format!("{}: {complaint}", path.display()));
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} commands were found");
    assert_eq!(wrong, [""; 0]);
}

/// The sources of both programs, with strings that go over several lines joined.
fn sources() -> String {
    fn collect(folder: &Path, text: &mut String) {
        for entry in fs_err::read_dir(folder).expect("the sources").flatten() {
            if entry.path().is_dir() {
                collect(&entry.path(), text);
            } else {
                text.push_str(&fs_err::read_to_string(entry.path()).unwrap_or_default());
            }
        }
    }
    let mut text = String::new();
    for part in ["cargo-pyrun/src", "cargo-pyimage/src", "pyimage-build/src"] {
        collect(&root().join(part), &mut text);
    }
    let mut joined = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("\\\n") {
        joined.push_str(before);
        rest = after.trim_start();
    }
    joined + rest
}

/// The strings of the sources, each as the pieces between what is put into it.
fn templates(sources: &str) -> BTreeSet<Vec<String>> {
    let mut templates = BTreeSet::new();
    for literal in sources.split('"').filter(|text| text.len() < 400) {
        let mut pieces = vec![String::new()];
        let mut depth = 0;
        for letter in literal.chars() {
            match letter {
                '{' => {
                    depth += 1;
                    pieces.push(String::new());
                }
                '}' => depth -= 1,
                letter if depth <= 0 => pieces.last_mut().expect("a piece").push(letter),
                _ => {}
            }
        }
        templates.insert(pieces);
    }
    templates
}

/// Whether a text is what this string becomes.
fn fits(text: &str, pieces: &[String]) -> bool {
    // What is put in may be anything, so there has to be enough around it.
    if pieces.iter().map(String::len).sum::<usize>() < 12 {
        return false;
    }
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return false };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in &pieces[1..] {
        let Some(at) = rest.find(piece.as_str()) else { return false };
        rest = &rest[at + piece.len()..];
    }
    text.ends_with(last.as_str()) || pieces.len() == 1 && rest.is_empty()
}

#[test]
fn the_messages_that_are_quoted_are_in_the_sources() {
    let page = fs_err::read_to_string(root().join("docs/troubleshooting.md")).expect("the page");
    let templates = templates(&sources().replace("\\\"", "\u{1}"));
    let mut unknown = Vec::new();
    let mut seen = 0;
    for (_, line) in lines(&page).into_iter().filter(|(block, _)| *block == Some("text")) {
        let message =
            line.strip_prefix("error: ").or_else(|| line.strip_prefix("help: ")).expect("a message");
        let message = message.replace('"', "\u{1}");
        seen += 1;
        if !templates.iter().any(|pieces| fits(&message, pieces)) {
            unknown.push(line);
        }
    }
    assert!(seen > 20, "only {seen} messages were found");
    assert_eq!(unknown, [""; 0]);
}
