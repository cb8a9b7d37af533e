//! Which Python runs where no tag is given, and who says so.

use std::process::Command;

use tests::{Finished, Folder, TAG, finish, part, with_cargo};

/// Says which Python it is.
const SAY: &str = "import sys\nprint(sys.version_info[:2])\n";

fn script(requires: &str) -> String {
    format!("# /// script\n# requires-python = \"{requires}\"\n# ///\n{SAY}")
}

/// A folder that is a repository, so that nothing above it counts.
fn repository() -> Folder {
    let folder = Folder::new();
    folder.file(".git/HEAD", "ref: refs/heads/main\n");
    folder
}

/// The image of the printed command, and what was told.
fn dry(command: &mut Command) -> (String, String) {
    let run = finish(command.arg("--dry-run").args(["gen.py"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let image = run.stdout.split_whitespace().find(|word| word.starts_with("python:"));
    let notes = run.stderr.lines().filter(|line| !line.starts_with("note: ")).map(|line| format!("{line}\n"));
    (image.unwrap_or(&run.stdout).to_owned(), notes.collect())
}

fn refused(folder: &Folder, arguments: &[&str]) -> String {
    let run = finish(folder.pyrun([]).args(arguments));
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{}", run.stderr);
    run.stderr
}

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

#[test]
fn a_scripts_own_metadata_choose() {
    let folder = repository();
    folder.file("gen.py", &script(">=3.12,<3.14"));
    let run = finish(&mut folder.pyrun(["gen.py"]));
    assert_eq!(succeeded(&run), "(3, 13)\n");
    assert_eq!(run.stderr, "       Using python:3.13-slim (requires-python `>=3.12,<3.14` of gen.py)\n");
    let run = finish(&mut folder.pyrun(["-q", "gen.py"]));
    assert_eq!((succeeded(&run), run.stderr.as_str()), ("(3, 13)\n", ""));

    // A Python without support is chosen where no other will do, and that is told.
    folder.file("old.py", &script("<3"));
    let run = finish(&mut folder.pyrun(["old.py"]));
    assert_eq!(succeeded(&run), "(2, 7)\n");
    assert!(
        run.stderr.starts_with("       Using python:2.7-slim (requires-python `<3` of old.py)\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_python_older_than_what_was_asked_for_is_told_before_it_runs() {
    let folder = repository();
    folder.file("gen.py", &script(">=3.13.99,<3.14"));
    let run = finish(&mut folder.pyrun(["gen.py"]));
    assert_eq!(succeeded(&run), "(3, 13)\n");
    let using = "       Using python:3.13-slim (requires-python `>=3.13.99,<3.14` of gen.py)\n";
    let Some(told) = run.stderr.strip_prefix(using) else { panic!("{}", run.stderr) };
    let warning = "warning: `python:3.13-slim` has Python 3.13.";
    assert!(told.starts_with(warning), "{told}");
    assert!(
        told.contains(", which does not satisfy requires-python `>=3.13.99,<3.14` of gen.py\n"),
        "{told}"
    );
    // The second run knows the image already, and so does one that names it.
    let run = finish(&mut folder.pyrun(["--tag", TAG, "gen.py"]));
    assert_eq!(succeeded(&run), "(3, 13)\n");
    assert!(run.stderr.starts_with(warning), "{}", run.stderr);
}

#[test]
fn the_newest_stable_is_the_default() {
    let folder = repository();
    folder.file("gen.py", SAY);
    let default = ("python:3.15-slim".to_owned(), "       Using python:3.15-slim\n".to_owned());
    assert_eq!(dry(&mut folder.pyrun([])), default);
    // A script on stdin is not read before it runs, nor is code.
    for arguments in
        [&["--dry-run", "-"][..], &["--dry-run", "-c", "# /// script\n# requires-python = '<3'\n# ///"]]
    {
        let run = finish(folder.pyrun([]).args(arguments));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.starts_with("       Using python:3.15-slim\n"), "{}", run.stderr);
    }
}

#[test]
fn the_nearest_files_choose() {
    let folder = repository();
    folder.file("gen.py", SAY).file(".python-version", "3.12\n").file("sub/gen.py", SAY);
    let here = |folder: &Folder| dry(&mut folder.pyrun([]));
    assert_eq!(here(&folder).1, "       Using python:3.12-slim (`3.12` in .python-version)\n");
    folder.file("pyproject.toml", "[project]\nname = 'x'\nrequires-python = '>=3.12,<3.15'\n");
    assert_eq!(
        here(&folder).1,
        "       Using python:3.12-slim (`3.12` in .python-version, requires-python `>=3.12,<3.15` in pyproject.toml)\n"
    );
    fs_err::remove_file(folder.project().join(".python-version")).expect("the file");
    assert_eq!(
        here(&folder).1,
        "       Using python:3.14-slim (requires-python `>=3.12,<3.15` in pyproject.toml)\n"
    );

    // From where the script is, not from where it is called.
    folder.file("sub/.python-version", "3.13.5\n");
    let run = finish(&mut folder.pyrun(["--dry-run", "sub/gen.py"]));
    assert!(
        run.stderr.starts_with("       Using python:3.13.5-slim (`3.13.5` in sub/.python-version, "),
        "{}",
        run.stderr
    );

    // Above the root of a repository, nothing counts.
    folder.file("sub/.git", "gitdir: elsewhere\n").file("sub/.python-version", "");
    let mut below = folder.pyrun([]);
    assert_eq!(dry(below.current_dir(folder.project().join("sub"))).1, "       Using python:3.15-slim\n");
}

#[test]
fn what_asks_for_nothing_is_no_reason() {
    let folder = repository();
    folder.file("gen.py", &script("")).file("pyproject.toml", "[project]\nrequires-python = ''\n");
    assert_eq!(dry(&mut folder.pyrun([])).1, "       Using python:3.15-slim\n");
}

#[test]
fn a_block_that_never_ends_is_refused() {
    let folder = repository();
    folder.file("gen.py", &format!("#!/usr/bin/env python3\n# /// script\n# requires-python = '<3'\n{SAY}"));
    let told = "error: the `# /// script` block at gen.py:2 has no closing line `# ///`\n\n\
                help: each line of it, an empty one too, starts with `#`; the last is `# ///`\n";
    assert_eq!(refused(&folder, &["gen.py"]), told);
    // It may ask for packages too, whatever the image.
    assert_eq!(refused(&folder, &["--tag", TAG, "gen.py"]), told);
}

#[test]
fn contradictions_name_both() {
    let folder = repository();
    folder.file("gen.py", &script(">=3.12")).file(".python-version", "3.11\n");
    assert_eq!(
        refused(&folder, &["gen.py"]),
        "error: requires-python `>=3.12` of gen.py and `3.11` in .python-version contradict each other\n\n\
         help: change one of them, or choose with `--tag`\n"
    );
    folder.file("gen.py", &script(">=4"));
    assert_eq!(
        refused(&folder, &["gen.py"]),
        "error: no official Python image satisfies requires-python `>=4` of gen.py\n\n\
         help: the newest is `3.15-slim`: `--tag` takes it without asking\n"
    );
}

#[test]
fn what_is_named_wins_and_a_contradicting_script_is_told() {
    let folder = repository();
    folder.file("gen.py", &script(">=3.14")).file(".python-version", "system\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "gen.py"]));
    assert_eq!(succeeded(&run), "(3, 13)\n");
    assert_eq!(run.stderr, "warning: `--tag 3.13-slim` contradicts requires-python `>=3.14` of gen.py\n");
    let run = finish(folder.pyrun(["gen.py"]).env("PYRUN_TAG", TAG));
    assert_eq!(succeeded(&run), "(3, 13)\n");
    assert_eq!(run.stderr, "warning: `PYRUN_TAG=3.13-slim` contradicts requires-python `>=3.14` of gen.py\n");
    let run = finish(&mut folder.pyrun(["gen.py", "--tag", TAG]));
    assert_eq!(succeeded(&run), "(3, 13)\n");
    assert!(run.stderr.contains("contradicts"), "{}", run.stderr);

    // One that agrees is taken without a word; a block that cannot be read may ask for packages too.
    folder.file("gen.py", &script(">=3.12"));
    let run = finish(&mut folder.pyrun(["--tag", TAG, "gen.py"]));
    assert_eq!((succeeded(&run), run.stderr.as_str()), ("(3, 13)\n", ""));
    folder.file("gen.py", &script("^3.12"));
    assert!(refused(&folder, &["--tag", TAG, "gen.py"]).starts_with("error: cannot read the metadata"));
}

#[test]
fn a_tag_of_a_manifest_is_taken_if_it_agrees() {
    let folder = repository();
    let manifest = |settings: &str| {
        let head = "[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
        folder.file("Cargo.toml", &format!("{head}{settings}"));
    };
    folder.file("src/lib.rs", "").file("gen.py", &script(">=3.12"));
    let run = |arguments: &[&str]| finish(with_cargo(folder.pyrun([]).args(arguments)));

    manifest(&format!("[package.metadata.pyrun]\ntag = \"{TAG}\"\n"));
    let agreed = run(&["gen.py"]);
    assert_eq!((succeeded(&agreed), agreed.stderr.as_str()), ("(3, 13)\n", ""));

    manifest(
        "[package.metadata.pyrun]\ntag = \"3.11-slim\"\n[package.metadata.pyrun.scripts]\ncodegen = \"gen.py\"\n",
    );
    for name in ["gen.py", "codegen"] {
        let refused = run(&[name]);
        assert_eq!(refused.code, Some(125));
        assert_eq!(
            refused.stderr.lines().next(),
            Some(
                "error: requires-python `>=3.12` of gen.py and tag `3.11-slim` in `package.metadata.pyrun` contradict each other"
            )
        );
    }

    manifest("[package.metadata.pyrun.scripts.codegen]\nscript = \"gen.py\"\ntag = \"3.11-slim\"\n");
    let refused = run(&["codegen"]);
    assert!(
        refused.stderr.contains("and tag `3.11-slim` in the settings of script `codegen` contradict"),
        "{}",
        refused.stderr
    );

    manifest("[package.metadata.pyrun.scripts.codegen]\nscript = \"gen.py\"\ntag = \"3.13-slmi\"\n");
    let refused = run(&["codegen"]);
    let error =
        "error: `3.13-slmi` (`tag` of script `codegen` in Cargo.toml) is no tag of the official Python image";
    assert!(refused.stderr.starts_with(error), "{}", refused.stderr);
    assert!(refused.stderr.ends_with("help: did you mean `tag = \"3.13-slim\"`?\n"), "{}", refused.stderr);

    // An image may have any Python.
    manifest("[package.metadata.pyrun]\nimage = \"python:2.7-slim\"\n");
    let dry = run(&["--dry-run", "gen.py"]);
    assert!(succeeded(&dry).contains("python:2.7-slim"), "{}", dry.stdout);
    assert!(!dry.stderr.contains("Using"), "{}", dry.stderr);
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = repository();
    folder.file("gen.py", &script("^3.12")).file("plain.py", SAY);
    assert_eq!(
        refused(&folder, &["gen.py"]),
        "error: cannot read the metadata of script `gen.py`\n\n\
         Caused by:\n  `requires-python` of the `script` block is malformed\n\n\
         Caused by:\n  `^3.12` is no set of version specifiers, such as `>=3.12,<3.14`: unexpected end of version \
         specifier, expected operator\n\n\
         help: did you mean `>=3.12,<4`?\n"
    );
    folder.file(".python-version", "pypy3.10\n");
    assert_eq!(
        refused(&folder, &["plain.py"]),
        "error: cannot use `.python-version`\n\n\
         Caused by:\n  `pypy3.10` is not CPython, and the official image has no other\n\n\
         help: to run without asking it, choose with `--tag`\n"
    );
    folder.file(".python-version", "").file("pyproject.toml", "[project]\nrequires-python = 3.12\n");
    let told = refused(&folder, &["plain.py"]);
    assert!(told.starts_with("error: cannot read `pyproject.toml`\n\nCaused by:\n"), "{told}");
    assert!(told.contains("line 2"), "{told}");
}

#[test]
fn a_misspelt_key_of_a_script_is_told() {
    let Some(_) = part("TESTBED_DOCKER") else { return };
    let folder = Folder::new();
    let script = "# /// script\n# requires_python = \">=3.13\"\n# dependecies = [\"rich\"]\n# \n# [acme]\n# x = 1\n# ///\n\
                  print(1)\n";
    folder.file("books.py", script);
    let run = finish(&mut folder.pyrun(["--tag", TAG, "books.py"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "1\n"), "{}", run.stderr);
    for (key, meant) in [("requires_python", "requires-python"), ("dependecies", "dependencies")] {
        let told = format!(
            "warning: `{key}` in the metadata of books.py has no effect\nhelp: did you mean `{meant}`?\n"
        );
        assert!(run.stderr.contains(&told), "{}", run.stderr);
    }
    assert!(!run.stderr.contains("acme"), "others may have keys of their own: {}", run.stderr);
}
