//! What programs of ours say to others, held against others' validators: the schema of the keys, and SBOMs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pyimage_build::{KEYS, Key, Kind};
use tests::{Finished, Folder, finish, part};

use crate::sbom;

/// Holds manifests against the schema of their section, which it is itself held against the one for schemas; names those
/// that do not fit.
const MANIFESTS: &str = "\
import json, pathlib, sys, tomllib, jsonschema
schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
jsonschema.Draft7Validator.check_schema(schema)
assert schema['$schema'] == jsonschema.Draft7Validator.META_SCHEMA['$id'].rstrip('#') + '#'
validator = jsonschema.Draft7Validator(schema)
for name in sys.argv[2:]:
    for error in validator.iter_errors(tomllib.loads(pathlib.Path(name).read_text())):
        print(name, '/'.join(map(str, error.absolute_path)))
";

/// Holds SBOMs against the validators of those who made the formats.
const SBOMS: &str = "\
import json, pathlib, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

def faults(text):
    document = json.loads(text)
    if document.get('bomFormat') == 'CycloneDX':
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
        return [error] if error else []
    try:
        parsed = JsonLikeDictParser().parse(document)
    except SPDXParsingError as error:
        return error.get_messages()
    return [fault.validation_message for fault in validate_full_spdx_document(parsed)]

for name in sys.argv[1:]:
    for fault in faults(pathlib.Path(name).read_text()):
        print(name, str(fault).splitlines()[0])
";

/// Debian's own Python has the validators; another one on `PATH` may not.
fn python(code: &str, files: &[PathBuf]) -> Command {
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-W", "ignore", "-c", code]).args(files);
    python
}

/// What a validator finds: the last name of each file that is wrong, and what of it.
fn found(run: &Finished) -> Vec<String> {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let bare = |line: &str| line.rsplit_once('/').map_or(line, |(_, end)| end).to_owned();
    let mut lines: Vec<_> = run
        .stdout
        .lines()
        .map(|line| {
            let (file, what) = line.split_once(' ').unwrap_or((line, ""));
            format!("{} {what}", bare(file))
        })
        .collect();
    lines.dedup();
    lines
}

/// The schema as a file, and whoever holds manifests against it.
struct Schema {
    folder: Folder,
    schema: PathBuf,
}

impl Schema {
    fn new() -> Option<Self> {
        part("TESTBED_READERS")?;
        let folder = Folder::new();
        let run = finish(&mut folder.pyimage(["schema"]));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        folder.file("schema.json", &run.stdout);
        let schema = folder.project().join("schema.json");
        Some(Self { folder, schema })
    }

    fn against(&self, manifests: Vec<PathBuf>) -> Vec<String> {
        assert!(!manifests.is_empty());
        let files: Vec<_> = std::iter::once(self.schema.clone()).chain(manifests).collect();
        found(&finish(&mut python(MANIFESTS, &files)))
    }

    /// Manifests by their names and contents.
    fn against_texts<'t>(&self, texts: impl IntoIterator<Item = (&'t str, String)>) -> Vec<String> {
        let write = |(name, text): (&str, String)| {
            self.folder.file(name, &text);
            self.folder.project().join(name)
        };
        self.against(texts.into_iter().map(write).collect())
    }
}

const SECTION: &str = "[package.metadata.pyimage]\n";

/// Tables within a key have examples of their own.
fn example(key: &Key) -> String {
    let mut text = format!("{SECTION}{} = {}\n", key.name, key.example);
    if let Kind::Tables(inner, _) = key.kind {
        for Key { name, example, .. } in inner {
            let _ = writeln!(text, "[[workspace.metadata.pyimage.{}]]\n{name} = {example}", key.name);
            let others = inner.iter().filter(|other| other.name != *name);
            text.extend(others.map(|other| format!("{} = {}\n", other.name, other.example)));
        }
    }
    text
}

#[test]
fn the_schema_takes_each_key_s_example() {
    let Some(schema) = Schema::new() else { return };
    let examples = KEYS.iter().map(|key| (key.name, example(key)));
    assert_eq!(schema.against_texts(examples), [""; 0]);
    let defaults = KEYS.iter().filter(|key| key.name != "images");
    let defaults = defaults.map(|key| (key.name, example(key).replace("[package.", "[workspace.")));
    let defaults = defaults.filter(|(_, text)| !text.contains("[[workspace."));
    assert_eq!(schema.against_texts(defaults), [""; 0]);
}

#[test]
fn the_schema_takes_the_manifests_of_the_examples_and_the_pages() {
    let Some(schema) = Schema::new() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let examples = fs_err::read_dir(root.join("examples")).expect("the examples");
    let manifests = examples.flatten().map(|entry| entry.path().join("Cargo.toml"));
    let manifests: Vec<_> = manifests.filter(|path| path.is_file()).collect();
    assert!(manifests.len() >= 6, "{manifests:?}");
    assert_eq!(schema.against(manifests), [""; 0]);

    let pages = fs_err::read_dir(root.join("docs")).expect("the pages");
    let pages = pages.flatten().map(|entry| entry.path()).chain([root.join("README.md")]);
    let mut blocks = Vec::new();
    for page in pages {
        let text = fs_err::read_to_string(&page).expect("a page");
        let pieces = text.split("\n```toml\n").skip(1).filter_map(|rest| rest.split("\n```").next());
        for block in pieces.filter(|block| block.contains(".metadata.pyimage")) {
            let name = page.file_name().expect("a name").to_string_lossy();
            blocks.push((format!("{}-{name}", blocks.len()), block.to_owned()));
        }
    }
    assert!(blocks.len() >= 5, "{blocks:?}");
    assert_eq!(
        schema.against_texts(blocks.iter().map(|(name, block)| (name.as_str(), block.clone()))),
        [""; 0]
    );
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let Some(schema) = Schema::new() else { return };
    let wrong = [
        ("unknown", "entry-point = [\"x\"]", ""),
        ("kind", "expose = \"8000\"", "expose"),
        ("number", "layer-budget = 128", "layer-budget"),
        ("text", "compression-level = \"9\"", "compression-level"),
        ("choice", "bytecode = \"some\"", "bytecode"),
        ("empty", "workdir = \"\"", "workdir"),
        ("item", "platforms = [\"linux/amd64\", 1]", "platforms/1"),
        ("value", "env = { A = [\"b\"] }", "env/A"),
        ("lacks", "files = [{ from = \"a\" }]", "files/0"),
        ("inner", "files = [{ from = \"a\", to = \"/b\", owner = \"me\" }]", "files/0"),
        ("image", "images.web.cdm = [\"x\"]", "images/web"),
        ("nested", "images.web.images = { a = {} }", "images/web"),
    ];
    let texts = wrong.iter().map(|(name, line, _)| (*name, format!("{SECTION}{line}\n")));
    let expected: Vec<_> = wrong
        .iter()
        .map(|(name, _, place)| {
            let end = if place.is_empty() { String::new() } else { format!("/{place}") };
            format!("{name} package/metadata/pyimage{end}")
        })
        .collect();
    assert_eq!(schema.against_texts(texts), expected);
    for (name, line, _) in wrong {
        let folder = Folder::new();
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n{SECTION}{}{line}\n",
            "tag = \"3.13-slim\"\n"
        );
        folder.file("src/lib.rs", "").file("Cargo.toml", &manifest);
        let run = finish(tests::with_cargo(&mut folder.pyimage(["lock", "--offline"])));
        assert_eq!(run.code, Some(101), "{name}: {}", run.stderr);
        assert!(run.stderr.contains("/Cargo.toml"), "{name}: {}", run.stderr);
    }
}

#[test]
fn sboms_are_what_their_formats_are_to_be() {
    let Some(packages) = part("TESTBED_SBOM_READERS") else { return };
    let Some(project) = sbom::Project::new() else { return };
    let mut files = Vec::new();
    for format in ["cyclonedx", "spdx"] {
        for platform in ["", "linux/amd64", "linux/arm/v7"] {
            let name = format!("{format}-{}.json", platform.replace('/', "-"));
            let mut command = project.command(&["sbom", "--format", format, "-o", &name]);
            if !platform.is_empty() {
                command.args(["--platform", platform]);
            }
            let run = finish(&mut command);
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            // SPDX's validator takes no address without a name for a host.
            let text = fs_err::read_to_string(project.folder.project().join(&name)).expect("a document");
            let text = text.split("http://127.0.0.1:").enumerate().map(|(place, piece)| {
                match piece.split_once('/') {
                    Some((_, path)) if place > 0 => format!("https://files.example/{path}"),
                    _ => piece.to_owned(),
                }
            });
            project.folder.file(&name, &text.collect::<String>());
            files.push(project.folder.project().join(name));
        }
    }
    // Their bytes are kept beside the code.
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pyimage-build/src/sbom");
    files.extend(["example.cdx.json", "example.spdx.json"].map(|name| kept.join(name)));
    let validated = |files: &[PathBuf]| {
        found(&finish(python(SBOMS, files).env("PYTHONPATH", &packages).env("PYTHONDONTWRITEBYTECODE", "1")))
    };
    assert_eq!(validated(&files), [""; 0]);

    for (file, right, wrong) in [(&files[0], "SHA-256", "SHA-0"), (&files[3], "SHA256", "SHA0")] {
        let text = fs_err::read_to_string(file).expect("a document").replace(right, wrong);
        fs_err::write(file, text).expect("a document");
        assert!(!validated(std::slice::from_ref(file)).is_empty(), "a validator that takes everything");
    }
}
