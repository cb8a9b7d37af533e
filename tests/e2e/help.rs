//! What we say to whoever asks, and to whoever mistypes: kept in files, so that a change is seen.

use snapbox::{Assert, Data};
use tests::{Folder, TAG, finish};

/// Compares with a file of `e2e/help/`; `SNAPSHOTS=overwrite` writes it anew.
fn is(actual: &str, file: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/help").join(file);
    // Literally: help is full of dots and brackets that are patterns otherwise.
    let expected = Data::read_from(&path, None).raw();
    Assert::new().action_env("SNAPSHOTS").eq(actual.to_owned(), expected);
}

#[test]
fn help_is_as_it_was_last_read() {
    let folder = Folder::new();
    for (flag, file) in [("-h", "short.txt"), ("--help", "long.txt")] {
        let run = finish(&mut folder.pyrun([flag]));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        is(&run.stdout, file);
        let widest = run.stdout.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{widest:?} columns");
    }
}

#[test]
fn help_of_pyimage_is_as_it_was_last_read() {
    let folder = Folder::new();
    for (command, file) in [
        ("", "pyimage.txt"),
        ("tags", "tags.txt"),
        ("tag", "tag.txt"),
        ("lock", "lock.txt"),
        ("push", "push.txt"),
        ("build", "build.txt"),
        ("load", "load.txt"),
        ("save", "save.txt"),
        ("run", "run.txt"),
        ("fetch", "fetch.txt"),
        ("pull", "pull.txt"),
        ("sbom", "sbom.txt"),
        ("inspect", "inspect.txt"),
        ("tree", "tree.txt"),
        ("diff", "diff.txt"),
        ("verify", "verify.txt"),
        ("cache", "cache.txt"),
        ("init", "init.txt"),
        ("dockerfile", "dockerfile.txt"),
        ("schema", "schema.txt"),
    ] {
        let words = [command, "--help"].into_iter().filter(|word| !word.is_empty());
        let run = finish(folder.pyimage([]).args(words));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        is(&run.stdout, file);
    }
}

#[test]
fn help_is_as_wide_everywhere() {
    let folder = Folder::new();
    let plain = finish(&mut folder.pyrun(["--help"])).stdout;
    for columns in ["20", "60", "300"] {
        assert_eq!(finish(folder.pyrun(["--help"]).env("COLUMNS", columns)).stdout, plain, "{columns}");
    }
}

#[test]
fn the_version_has_the_programs_name() {
    let folder = Folder::new();
    for arguments in [&["--version"][..], &["-V"], &["pyrun", "--version"], &["pyrun", "-V"]] {
        let run = finish(folder.pyrun([]).args(arguments));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "cargo-pyrun 0.1.0\n"));
    }
}

#[test]
fn likely_mistakes_are_answered() {
    let folder = Folder::new();
    folder.file("script.py", "");
    let mistakes: [&[&str]; 17] = [
        &["--tga", TAG, "script.py"],
        &["--volumes", "a:b", "script.py"],
        &["--entry-point", "sh"],
        &["--zzz", "script.py"],
        &["-x", "script.py"],
        &["--tag", "3.13-slm", "script.py"],
        &["--tag", "python:3.13", "script.py"],
        &["--tag", "3.13", "--image", "python:3.13", "script.py"],
        &["--tag"],
        &["-m"],
        &["--color", "blue", "script.py"],
        &["--pull", "sometimes", "script.py"],
        &["-q", "-v", "script.py"],
        &["--image", "Python:3.13", "script.py"],
        &["--platform", "foo", "script.py"],
        &["-e", "=value", "script.py"],
        &["-p", "eighty", "script.py"],
    ];
    let mut answers = String::new();
    for arguments in mistakes {
        let run = finish(folder.pyrun([]).args(arguments));
        assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{arguments:?}: {}", run.stderr);
        answers.extend(["$ cargo pyrun ", &arguments.join(" "), "\n", &run.stderr, "\n"]);
    }
    is(&answers, "mistakes.txt");
}

#[test]
fn an_option_after_the_script_is_the_scripts() {
    let folder = Folder::new();
    folder.file("script.py", "import sys\nprint(sys.argv[1:])\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "script.py", "--help", "--tga", "-V"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "['--help', '--tga', '-V']\n"), "{}", run.stderr);
}
