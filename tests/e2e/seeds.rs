//! The three ways that this project began with: a Python 3 Dockerfile, a Python 2 Dockerfile, and a script run directly.

use tests::{Folder, Setting, docker, finish, part, skip};

use crate::dockerfile::{EngineProject, succeeded};

/// `init`, `dockerfile --write`, `build --builder dockerfile`, and the image runs.
fn from_nothing_to_an_image(tag: &str, python: &str) {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(project) = EngineProject::plain(&setting) else { return };
    if docker(["image", "inspect", &format!("python:{tag}")]).code != Some(0) {
        skip(&format!("image python:{tag}"));
        return;
    }
    setting.folder.file("requirements.txt", "demo\n");
    setting.folder.file(".python-version", python);
    succeeded(&project.run(&["init"]));
    let manifest = project.text("Cargo.toml");
    assert!(manifest.contains(&format!("tag = \"{tag}\"\n")), "{manifest}");
    succeeded(&project.run(&["dockerfile", "--write"]));
    let text = project.text("Dockerfile");
    for line in [
        "WORKDIR /usr/src/app\n",
        "COPY requirements.txt ./\nRUN pip install --no-cache-dir -r requirements.txt\n",
        "COPY app app/\n",
        "USER app\n",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    let built = project.build(&[]);
    let id = succeeded(&built).trim().to_owned();
    assert_eq!(succeeded(&project.started(&id, &["x"])), "1.0 ['x'] /usr/src/app 1000\n");
}

#[test]
fn a_python_3_dockerfile() {
    from_nothing_to_an_image("3.13-slim", "3.13\n");
}

#[test]
fn a_python_2_dockerfile() {
    from_nothing_to_an_image("2.7-slim", "2.7\n");
}

#[test]
fn a_script_runs_directly() {
    if part("TESTBED_DOCKER").is_none() {
        return;
    }
    let folder = Folder::new();
    folder.file("script.py", "import sys\nprint(sys.version_info[:2], sys.argv[1:])\n");
    let run = finish(&mut folder.pyrun(["script.py", "--tag", "3.13-slim"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "(3, 13) []\n"), "{}", run.stderr);
}
