//! The scripts of `examples/` run, and say what their pages say.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tests::{Finished, Folder, TAG, User, finish, with_cargo};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name).canonicalize().expect("the example")
}

/// The program in a copy of an example: its files are this test's own.
fn copy(name: &str) -> Folder {
    let folder = Folder::new();
    for entry in fs_err::read_dir(example(name)).expect("the example").flatten() {
        fs_err::copy(entry.path(), folder.project().join(entry.file_name())).expect("a copy");
    }
    folder
}

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stderr, "");
    &run.stdout
}

/// The text after a command of an example's page, up to the next command or the block's end.
fn page(name: &str, command: &str) -> String {
    let page = fs_err::read_to_string(example(name).join("README.md")).expect("the example's page");
    let (_, after) = page.split_once(&format!("$ {command}\n")).expect("the command on the page");
    let lines = after.lines().take_while(|line| !line.starts_with("```") && !line.starts_with("$ "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The interpreter's release in the image; it moves on while the page stays.
fn release(folder: &Folder) -> String {
    let code = "import platform; print(platform.python_version(), platform.machine())";
    succeeded(&finish(&mut folder.pyrun(["--tag", TAG, "-c", code]))).to_owned()
}

#[test]
fn hello_says_what_its_page_says() {
    let folder = copy("hello");
    let release = release(&folder);
    let (version, machine) = release.trim().split_once(' ').expect("two words");
    let expected = page("hello", "cargo pyrun --tag 3.13-slim hello.py World")
        .replace("3.13.5", version)
        .replace("x86_64", machine);
    let run = finish(&mut folder.pyrun(["--tag", TAG, "hello.py", "World"]));
    assert_eq!(succeeded(&run), expected);
}

#[test]
fn hello_greets_the_user() {
    let Some(user) = User::of_the_bed() else { return };
    let folder = copy("hello");
    folder.hand_to(&user);
    let run = finish(&mut folder.pyrun_as(&user, ["--tag", TAG, "hello.py"]));
    let said = succeeded(&run);
    assert!(said.starts_with(&format!("Hello, {}!\n", user.name)), "{said}");
    let line = format!("  User      {0} ({1}), home /home/{0}\n", user.name, user.uid);
    assert!(said.contains(&line), "{said}");
}

#[test]
fn the_report_says_what_its_page_says() {
    let folder = copy("stdlib");
    let expected = page("stdlib", "cargo pyrun --tag 3.13-slim report.py");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "report.py"]));
    assert_eq!(succeeded(&run), expected);
}

#[test]
fn the_report_tells_its_timings_and_keeps_the_bytecode() {
    let folder = copy("stdlib");
    let expected = page("stdlib", "cargo pyrun --tag 3.13-slim report.py");
    let command = "$ cargo pyrun --tag 3.13-slim --timings report.py\n";
    let page = fs_err::read_to_string(example("stdlib").join("README.md")).expect("the example's page");
    assert_eq!(page.matches(command).count(), 2, "the page has it twice");
    let bytecode =
        || finish(Command::new("find").args([folder.cache().join("bytecode")]).args(["-name", "*.pyc"]));
    for _ in 0..2 {
        let run = finish(&mut folder.pyrun(["--tag", TAG, "--timings", "report.py"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected.as_str()), "{}", run.stderr);
        assert!(run.stderr.contains(" ms"), "{}", run.stderr);
        assert!(bytecode().stdout.lines().count() > 10, "the standard library's bytecode is kept");
    }
    assert!(!folder.project().join("__pycache__").exists());
}

#[test]
fn the_report_is_json_too() {
    let folder = copy("stdlib");
    fs_err::remove_file(folder.project().join("README.md")).expect("the copy");
    folder.file("a.txt", "one\ntwo\n").file("sub/b.txt", "three\n").file("plain", "");
    let script = fs_err::read_to_string(folder.project().join("report.py")).expect("the script");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "report.py", "--json"]));
    let report: Value = serde_json::from_str(succeeded(&run)).expect("JSON");
    let types = json!([
        {"type": "py", "files": 1, "lines": script.lines().count(), "bytes": script.len()},
        {"type": "txt", "files": 2, "lines": 3, "bytes": 14},
        {"type": "(none)", "files": 1, "lines": 0, "bytes": 0},
    ]);
    assert_eq!(report, json!({"kernel": "Linux", "types": types}));
}

#[test]
fn the_report_has_options_of_its_own() {
    let folder = copy("stdlib");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "report.py", "-v"]));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), "2 files in .\n"));
    let run = finish(&mut folder.pyrun(["--tag", TAG, "report.py", "--xml"]));
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("unrecognized arguments: --xml"), "{}", run.stderr);
}

#[test]
fn the_report_is_posted() {
    let folder = copy("stdlib");
    folder.file("server.py", include_str!("examples/server.py"));
    let run = finish(&mut folder.pyrun(["--tag", TAG, "server.py"]));
    let received: Value = serde_json::from_str(succeeded(&run)).expect("JSON");
    assert_eq!(received["kernel"], "Linux");
}

#[test]
fn examples_stay_as_they_are() {
    let before = listing();
    for script in ["hello/hello.py", "stdlib/report.py"] {
        let path = example(script);
        let folder = Folder::new();
        let mut command = folder.pyrun(["--tag", TAG]);
        command.arg(path.file_name().expect("a name")).current_dir(path.parent().expect("a folder"));
        let run = finish(with_cargo(&mut command));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
    assert_eq!(listing(), before, "no `__pycache__` and nothing else");
}

fn listing() -> String {
    let folders = [example("hello"), example("stdlib")];
    finish(Command::new("find").args(folders)).stdout
}
