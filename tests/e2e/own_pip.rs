//! Images whose Python our own code does not know: their own pip installs what is needed.

use tests::{Folder, docker, finish, skip};

use crate::packages::{failed, index, pyrun, ran};

/// Whether the engine has an image, or a note that it has not.
fn has(image: &str) -> bool {
    let found = docker(["image", "inspect", image]).code == Some(0);
    if !found {
        skip(&format!("image {image}"));
    }
    found
}

#[test]
fn python_2_gets_packages_once() {
    let folder = Folder::new();
    if !index() || !has("python:2.7-slim") {
        return;
    }
    folder.file("requirements/all.txt", "-r ../base.txt\n").file("base.txt", "six==1.16.0  # for both\n");
    folder.file(
        "old.py",
        "# /// script\n# dependencies = ['idna<3']\n# ///\nimport idna, six, os, sys\n\
         print six.__version__, idna.__file__, os.environ.get('VIRTUAL_ENV')\n",
    );
    let expected = "1.16.0 /opt/pyrun/lib/python2.7/site-packages/idna/__init__.pyc None\n";
    let asked = ["--tag", "2.7-slim", "-r", "requirements/all.txt", "--with", "pygments<2.6", "old.py"];
    let first = finish(&mut pyrun(&folder, asked));
    ran(&first, expected);
    assert!(first.stderr.contains("Installing packages with the pip of python:2.7-slim"), "{}", first.stderr);
    let without = |arguments: &[&str]| {
        let mut command = folder.pyrun(["--network", "none"]);
        finish(command.args(arguments).env("PIP_INDEX_URL", "http://127.0.0.1:9/simple"))
    };
    let second = without(&asked);
    ran(&second, expected);
    assert!(!second.stderr.contains("Installing"), "{}", second.stderr);

    let shown = without(&[&["--dry-run"], &asked[..]].concat());
    assert!(shown.stdout.contains("PYTHONUSERBASE=/opt/pyrun"), "{} {}", shown.stdout, shown.stderr);
    let program = &[&asked[..6], &["--entrypoint", "pygmentize", "--", "-V"]].concat();
    // Without the script, something else is asked for.
    let tool = finish(pyrun(&folder, []).args(program));
    assert_eq!(tool.code, Some(0), "{}", tool.stderr);
    assert!(tool.stdout.starts_with("Pygments version 2.5"), "{}", tool.stdout);

    let unknown = ["--tag", "2.7-slim", "--with", "six==99", "-c", "1"];
    failed(
        &finish(&mut pyrun(&folder, unknown)),
        &["could not install the packages with the pip in `python:2.7-slim`", "six==99"],
    );
}

#[test]
fn an_interpreter_that_cannot_install_says_so() {
    let folder = Folder::new();
    if has("python:3.13") {
        let run = ["--tag", "3.13", "--python", "system", "--with", "six", "-c", "1"];
        failed(&finish(&mut folder.pyrun(run)), &["`/usr/bin/python3` in `python:3.13` has no pip"]);
    }
    if has("debian:trixie-slim") {
        let run = finish(&mut folder.pyrun(["--image", "debian:trixie-slim", "--with", "six", "-c", "1"]));
        assert_eq!(run.code, Some(127), "{}", run.stderr);
        assert!(run.stderr.contains("`debian:trixie-slim` has no `/usr/local/bin/python`"), "{}", run.stderr);
    }
    folder.file("pylock.toml", "lock-version = '1.0'\ncreated-by = 'me'\npackages = []\n");
    if has("python:2.7-slim") {
        let run = finish(&mut folder.pyrun(["--tag", "2.7-slim", "-r", "pylock.toml", "-c", "1"]));
        failed(
            &run,
            &[
                "pylock.toml` is nothing that it reads",
                "help: write what is needed into a `requirements.txt`",
            ],
        );
    }
}
