//! `cargo pyimage init`: a section that works, of what is there.

use std::process::Command;

use tests::{Finished, Folder, finish, with_cargo};

use crate::dockerfile::{failed, succeeded};

const PACKAGE: &str =
    "# the app\n[package]\nname = \"app\"  # odd\nversion = \"0.1.0\"\nedition = \"2021\"\n";

fn project(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    folder.file("Cargo.toml", PACKAGE).file("src/lib.rs", "");
    for (name, text) in files {
        folder.file(name, text);
    }
    folder
}

fn init(folder: &Folder, words: &[&str]) -> Finished {
    let mut command: Command = folder.pyimage(["init"]);
    command.args(words);
    finish(with_cargo(&mut command))
}

fn section(folder: &Folder) -> String {
    let text = fs_err::read_to_string(folder.project().join("Cargo.toml")).expect("the manifest");
    let (before, section) = text.split_once("\n[package.metadata.pyimage]\n").expect("a section");
    assert!(before.starts_with(PACKAGE.trim_end()), "{before}");
    section.to_owned()
}

#[test]
fn a_section_is_made_of_what_is_there() {
    let folder = project(&[
        ("requirements.txt", "rich\n"),
        (".python-version", "3.12\n"),
        ("main.py", "print(1)\n"),
        ("lib/more.py", ""),
        ("tests/test_main.py", ""),
    ]);
    let run = init(&folder, &[]);
    assert_eq!(succeeded(&run), "");
    for words in [
        "Found requirements.txt, with the packages",
        "Found main.py, the program",
        "Using python:3.12-slim (`3.12` in .python-version)",
        "Wrote [package.metadata.pyimage] of `app` to Cargo.toml",
        "help: `cargo pyimage run` builds the image and runs it",
    ] {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
    assert_eq!(
        section(&folder),
        "tag = \"3.12-slim\"\nrequirements = \"requirements.txt\"\nsource = [\"lib\", \"main.py\"]\n\
         entrypoint = [\"python3\", \"main.py\"]\nuser = \"app\"\n"
    );
    failed(
        &init(&folder, &[]),
        &["Cargo.toml` has a `[package.metadata.pyimage]` already", "`--force` writes it anew"],
    );
    folder.file(".python-version", "3.13\n");
    succeeded(&init(&folder, &["--force"]));
    assert!(section(&folder).starts_with("tag = \"3.13-slim\"\n"));
    // What was written is what other commands read.
    let printed = finish(with_cargo(&mut folder.pyimage(["dockerfile"])));
    assert!(succeeded(&printed).contains("FROM python:3.13-slim\n"), "{}", printed.stdout);
}

#[test]
fn a_dockerfile_and_a_pyproject_are_read() {
    let folder = project(&[
        (
            "Dockerfile",
            "FROM python:3.11-slim-bookworm\nWORKDIR /srv\nENV MODE=live\nRUN apt-get update\nCOPY . .\nEXPOSE 8000\nUSER web\n\
             CMD [\"python\", \"-m\", \"web\", \"--port\", \"8000\"]\n",
        ),
        ("pyproject.toml", "[project]\nname = \"web\"\nversion = \"1\"\ndependencies = [\"rich\"]\n"),
        ("src/web/__main__.py", ""),
    ]);
    let run = init(&folder, &[]);
    succeeded(&run);
    let left = "the Dockerfile's `RUN apt-get update` is not taken over";
    assert!(run.stderr.contains(left), "{}", run.stderr);
    assert_eq!(
        section(&folder),
        "tag = \"3.11-slim-bookworm\"\nrequirements = \"pyproject.toml\"\nsource = [\"src/**/*.py\"]\n\
         entrypoint = [\"python\", \"-m\", \"web\", \"--port\", \"8000\"]\n\
         env = { MODE = \"live\", PYTHONPATH = \"/srv/src\" }\nworkdir = \"/srv\"\nuser = \"web\"\nexpose = [\"8000\"]\n"
    );
}

#[test]
fn what_cannot_be_begun_is_told() {
    let empty = Folder::new();
    failed(&init(&empty, &[]), &["could not find `Cargo.toml`", "`cargo init --lib` makes one"]);
    empty.file("Cargo.toml", "[workspace]\nresolver = \"3\"\n");
    failed(&init(&empty, &[]), &["has no package", "`cargo new NAME` makes one"]);
    empty.file("Cargo.toml", PACKAGE);
    failed(&init(&empty, &[]), &["no targets specified in the manifest"]);

    let several = Folder::new();
    several.file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"one\", \"two\"]\n");
    for name in ["one", "two"] {
        several.file(&format!("{name}/Cargo.toml"), &PACKAGE.replace("\"app\"", &format!("\"{name}\"")));
        several.file(&format!("{name}/src/lib.rs"), "").file(&format!("{name}/main.py"), "");
    }
    failed(&init(&several, &[]), &["there is more than one package: one, two", "`--package PACKAGE`"]);
    failed(&init(&several, &["-p", "three"]), &["no package `three`", "`one`, `two`"]);
    let run = init(&several, &["--package", "two"]);
    succeeded(&run);
    assert!(run.stderr.contains("of `two` to two/Cargo.toml"), "{}", run.stderr);
    assert!(run.stderr.contains("`cargo pyimage run --image two`"), "{}", run.stderr);

    let contradicting = project(&[
        (".python-version", "3.11\n"),
        ("pyproject.toml", "[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.13\"\n"),
    ]);
    failed(&init(&contradicting, &[]), &["contradict each other", "help: change one of them"]);
}
