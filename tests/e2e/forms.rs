//! What can be run: a file, stdin, a module, code, the interpreter; and whose the arguments are.

use std::os::unix::fs::symlink;
use std::process::Command;

use tests::{Finished, Folder, TAG, finish, finish_with};

/// Prints what Python was given, one thing a line.
const TELL: &str = "import os, sys\nprint(sys.argv)\nprint(os.getcwd())\nprint(sys.path[0])\n";

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

fn told(command: &mut Command) -> Vec<String> {
    succeeded(&finish(command)).lines().map(str::to_owned).collect()
}

#[test]
fn a_file_gets_all_that_follows_it() {
    let folder = Folder::new();
    folder.file("tell.py", TELL);
    let told = told(&mut folder.pyrun(["--tag", TAG, "tell.py", "--tag", "x", "-q", "--", "-c", "", "a b"]));
    assert_eq!(
        told,
        ["['tell.py', '--tag', 'x', '-q', '--', '-c', '', 'a b']", "/usr/src/myapp", "/usr/src/myapp"]
    );
}

#[test]
fn a_file_in_a_folder_below_runs_from_the_current_folder() {
    let folder = Folder::new();
    folder.file("tools/deep/tell.py", TELL);
    for typed in ["tools/deep/tell.py", "./tools/deep/tell.py", "tools/../tools/deep/tell.py"] {
        let told = told(&mut folder.pyrun(["--tag", TAG, typed]));
        assert_eq!(
            told,
            ["['tools/deep/tell.py']", "/usr/src/myapp", "/usr/src/myapp/tools/deep"],
            "{typed}"
        );
    }
}

#[test]
fn a_file_by_its_absolute_path_is_the_same_file() {
    let folder = Folder::new();
    folder.file("tell.py", TELL);
    let path = folder.project().join("tell.py");
    let told = told(&mut folder.pyrun(["--tag", TAG, path.to_str().expect("UTF-8")]));
    assert_eq!(told, ["['tell.py']", "/usr/src/myapp", "/usr/src/myapp"]);
}

#[test]
fn a_file_from_elsewhere_finds_its_siblings_and_the_current_folder() {
    let folder = Folder::new();
    folder.file("data.txt", "of the project");
    folder.file("../elsewhere/sibling.py", "WORD = 'sibling'\n");
    folder.file("../elsewhere/main.py", "import sibling\nprint(sibling.WORD, open('data.txt').read())\n");
    let told = told(&mut folder.pyrun(["--tag", TAG, "../elsewhere/main.py"]));
    assert_eq!(told, ["sibling of the project"]);
    let left = fs_err::read_dir(folder.root().join("elsewhere")).expect("a folder").count();
    assert_eq!(left, 2, "nothing was written beside a script from elsewhere");
}

#[test]
fn a_symlinked_current_folder_is_the_folder_itself() {
    let folder = Folder::new();
    folder.file("tell.py", TELL);
    let link = folder.root().join("link");
    symlink(folder.project(), &link).expect("a link");
    let mut command = folder.pyrun(["--tag", TAG, "tell.py"]);
    command.current_dir(&link).env("PWD", &link);
    assert_eq!(told(&mut command), ["['tell.py']", "/usr/src/myapp", "/usr/src/myapp"]);
}

#[test]
fn a_symlink_to_a_script_keeps_its_name() {
    let folder = Folder::new();
    folder.file("real/tell.py", TELL);
    symlink("real/tell.py", folder.project().join("link.py")).expect("a link");
    let told = told(&mut folder.pyrun(["--tag", TAG, "link.py"]));
    // As Python itself does: the name is the link's, the imports are from beside the file.
    assert_eq!(told, ["['link.py']", "/usr/src/myapp", "/usr/src/myapp/real"]);
}

#[test]
fn odd_names_are_names() {
    let folder = Folder::new();
    for name in [
        "with space.py",
        "ünï→.py",
        "quo'te\".py",
        "$HOME;`id`.py",
        "a:b.py",
        "back\\slash.py",
        "no_extension",
    ] {
        folder.file(name, "import sys\nprint(sys.argv[0])\n");
        let run = finish(&mut folder.pyrun(["--tag", TAG, name]));
        assert_eq!(succeeded(&run), format!("{name}\n"));
    }
}

#[test]
fn an_odd_current_folder_is_mounted() {
    let folder = Folder::new();
    folder.file("it's a \"földer\"/tell.py", TELL);
    let mut command = folder.pyrun(["--tag", TAG, "tell.py"]);
    command.current_dir(folder.project().join("it's a \"földer\""));
    assert_eq!(told(&mut command)[0], "['tell.py']");
}

#[test]
fn a_name_that_starts_with_a_dash_comes_after_two() {
    let folder = Folder::new();
    folder.file("-odd.py", "import sys\nprint(sys.argv)\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--", "-odd.py", "--tag", "x"]));
    assert_eq!(succeeded(&run), "['./-odd.py', '--tag', 'x']\n");
}

#[test]
fn a_folder_with_a_main_module_runs() {
    let folder = Folder::new();
    folder.file("app/__main__.py", "import sys\nprint('main', sys.argv[1:])\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "app", "-x"]));
    assert_eq!(succeeded(&run), "main ['-x']\n");
}

#[test]
fn stdin_is_a_script_by_its_dash() {
    let folder = Folder::new();
    let script = "import sys\nprint(sys.argv)\n";
    let run = finish_with(&mut folder.pyrun(["--tag", TAG, "-", "-x", "--tag"]), script.as_bytes());
    assert_eq!(succeeded(&run), "['-', '-x', '--tag']\n");
    // Larger than every buffer on the way.
    let long = format!("x = 0\n{}print(x)\n", "x += 1\n".repeat(60_000));
    let run = finish_with(&mut folder.pyrun(["--tag", TAG, "-"]), long.as_bytes());
    assert_eq!(succeeded(&run), "60000\n");
}

#[test]
fn stdin_reaches_the_script() {
    let folder = Folder::new();
    folder.file("count.py", "import sys\nprint(len(sys.stdin.buffer.read()))\n");
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let run = finish_with(&mut folder.pyrun(["--tag", TAG, "count.py"]), &bytes);
    assert_eq!(succeeded(&run), "300000\n");
}

#[test]
fn code_has_arguments_of_its_own() {
    let folder = Folder::new();
    let code = "import sys; print(sys.argv)";
    for (arguments, expected) in [
        (vec!["-c", code], "['-c']\n"),
        (
            vec!["-c", code, "a", "-b", "--tag", "3", "--", "-c"],
            "['-c', 'a', '-b', '--tag', '3', '--', '-c']\n",
        ),
        (vec!["-qc", code, "--help"], "['-c', '--help']\n"),
    ] {
        let run = finish(folder.pyrun(["--tag", TAG]).args(&arguments));
        assert_eq!(succeeded(&run), expected, "{arguments:?}");
    }
    // A minus at the start does not make code an option.
    let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", "-1; print('ran')"]));
    assert_eq!(succeeded(&run), "ran\n");
}

#[test]
fn modules_of_the_standard_library_and_of_the_project_run() {
    let folder = Folder::new();
    folder.file("package/__init__.py", "");
    folder.file("package/tool.py", "import sys\nprint(__name__, sys.argv[1:])\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "-m", "package.tool", "-x", "-m", "y"]));
    assert_eq!(succeeded(&run), "__main__ ['-x', '-m', 'y']\n");
    let run =
        finish_with(&mut folder.pyrun(["--tag", TAG, "-m", "json.tool", "--compact"]), b"{ \"a\": [1, 2] }");
    assert_eq!(succeeded(&run), "{\"a\":[1,2]}\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "-m", "no_such_module"]));
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("No module named no_such_module"), "{}", run.stderr);
}

#[test]
fn the_interpreter_reads_a_pipe() {
    let folder = Folder::new();
    let run = finish_with(&mut folder.pyrun(["--tag", TAG]), b"print(6 * 7)\nraise SystemExit(3)\n");
    assert_eq!((run.code, run.stdout.as_str()), (Some(3), "42\n"), "{}", run.stderr);
}

#[test]
fn a_missing_script_is_named_with_what_is_alike() {
    let folder = Folder::new();
    folder.file("report.py", "");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "reprot.py"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(127), ""));
    let path = folder.project().join("reprot.py");
    let expected =
        format!("error: no such script: `{}`\n\nhelp: did you mean `report.py`?\n", path.display());
    assert_eq!(run.stderr, expected);
}

#[test]
fn a_folder_is_no_script() {
    let folder = Folder::new();
    folder.file("tools/x.py", "");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "tools"]));
    assert_eq!(run.code, Some(126));
    assert!(run.stderr.contains("is a folder without a `__main__.py`"), "{}", run.stderr);
}

#[test]
fn a_folder_whose_name_has_a_colon_is_mounted_too() {
    let folder = Folder::new();
    folder.file("a:b, c/tell.py", TELL);
    let here = folder.project().join("a:b, c");
    let mut run = folder.pyrun(["--tag", TAG, "tell.py"]);
    assert_eq!(told(run.current_dir(&here)), ["['tell.py']", "/usr/src/myapp", "/usr/src/myapp"]);
    let mut dry = folder.pyrun(["--tag", TAG, "--dry-run", "tell.py"]);
    let line = succeeded(&finish(dry.current_dir(&here))).to_owned();
    let mut pasted = Command::new("sh");
    pasted.arg("-c").arg(line).current_dir(&here);
    pasted.env("DOCKER_HOST", tests::part("TESTBED_DOCKER").unwrap_or_default());
    assert_eq!(told(&mut pasted), ["['tell.py']", "/usr/src/myapp", "/usr/src/myapp"]);
}
