//! Variables for the script: from the command line, from files, from here.

use tests::{Folder, TAG, docker, finish};

/// Prints the variables that the test is about.
const TELL: &str = "import os\nfor name in 'ABCD':\n    print(name, repr(os.environ.get(name)))\n";

fn told(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = folder.pyrun(["--tag", TAG]);
    let run = finish(command.args(arguments).args(["-c", TELL]).env("B", "from here").env_remove("D"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

#[test]
fn a_variable_is_set_or_passed_on() {
    let folder = Folder::new();
    let told = told(&folder, &["-e", "A=1=2 '\"$X", "--env", "B", "-eC=", "-e", "D"]);
    assert_eq!(told, "A '1=2 \\'\"$X'\nB 'from here'\nC ''\nD None\n");
}

#[test]
fn nothing_is_passed_on_unasked() {
    let folder = Folder::new();
    assert_eq!(told(&folder, &[]), "A None\nB None\nC None\nD None\n");
}

#[test]
fn a_file_of_variables_is_read_as_docker_reads_it() {
    let folder = Folder::new();
    folder.file("vars.env", "# comment\nA=\"quoted\" # kept\n\nB\nC=x=y\nD\n");
    let ours = told(&folder, &["--env-file", "vars.env"]);
    assert_eq!(ours, "A '\"quoted\" # kept'\nB 'from here'\nC 'x=y'\nD None\n");
}

#[test]
fn a_variable_goes_over_a_file_and_a_later_file_over_an_earlier_one() {
    let folder = Folder::new();
    folder.file("one.env", "A=one\nC=one\nD=one\n").file("two.env", "C=two\nD=two\n");
    let order = ["-e", "D=flag", "--env-file", "one.env", "--env-file", "two.env"];
    assert_eq!(told(&folder, &order), "A 'one'\nB None\nC 'two'\nD 'flag'\n");
}

#[test]
fn a_broken_file_of_variables_is_named_with_its_line() {
    let folder = Folder::new();
    folder.file("vars.env", "A=1\nexport B=2\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--env-file", "vars.env", "-c", "pass"]));
    assert_eq!(run.code, Some(125));
    assert_eq!(run.stderr, "error: variable `export B` contains white space at vars.env:2\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--env-file", "absent.env", "-c", "pass"]));
    assert_eq!(run.code, Some(125));
    assert!(run.stderr.contains("absent.env"), "{}", run.stderr);
}

#[test]
fn a_bare_name_that_is_unset_here_takes_the_images_variable_away() {
    let folder = Folder::new();
    let code = "import os; print(os.environ.get('PYTHON_VERSION'))";
    let mut command = folder.pyrun(["--tag", TAG, "-e", "PYTHON_VERSION", "-c", code]);
    let ours = finish(command.env_remove("PYTHON_VERSION"));
    assert_eq!(ours.stdout, "None\n", "{}", ours.stderr);
    let image = format!("python:{TAG}");
    let theirs = docker(["run", "--rm", "-e", "PYTHON_VERSION", &image, "python", "-c", code]);
    assert_eq!(theirs.stdout, ours.stdout, "as docker does");
}

/// Python sets `LC_CTYPE` for itself in the C locale (PEP 538). Our init is a Python too, and must not pass it on.
#[test]
fn a_program_that_is_not_python_gets_what_the_engine_gave() {
    let folder = Folder::new();
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--entrypoint", "env"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stdout.contains("LC_CTYPE"), "{}", run.stdout);
    let run = finish(&mut folder.pyrun(["--tag", TAG, "-e", "LC_CTYPE=C.UTF-8", "--entrypoint", "env"]));
    assert!(run.stdout.contains("LC_CTYPE=C.UTF-8\n"), "{}", run.stdout);
}

#[test]
fn a_value_may_have_lines_and_any_letter() {
    let folder = Folder::new();
    let told = told(&folder, &["-e", "A=one\ntwo\r\t→ü"]);
    assert!(told.starts_with("A 'one\\ntwo\\r\\t→ü'\n"), "{told}");
}
