//! `files`: what goes elsewhere in an image than the project's files, and with which mode.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tests::{Finished, finish};

use crate::build::OnDisk;
use crate::lock_packages::Project;

fn project(section: &str) -> Option<Project> {
    let project = Project::new(section)?;
    project.folder.file("conf/app.toml", "debug = false\n").file("conf/d/a.ini", "a\n");
    project.folder.file("run.sh", "#!/bin/sh\n").file("main.py", "");
    Some(project)
}

fn build(project: &Project) -> Finished {
    finish(project.command("build").args(["--platform", "linux/amd64"]))
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

/// What is in the image's own layers, as tar tells it: modes and paths.
pub(crate) fn listed(layout: &OnDisk, manifest: &serde_json::Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for layer in manifest["layers"].as_array().expect("layers") {
        let file = layout.0.join(OnDisk::path(layer));
        if !file.exists() {
            continue;
        }
        let tar = Command::new("tar").arg("-tvf").arg(file).output().expect("tar");
        assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
        for line in String::from_utf8_lossy(&tar.stdout).lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            all.push((words[0].to_owned(), words[5].to_owned()));
        }
    }
    all
}

#[test]
fn files_go_where_they_are_to_with_their_modes() {
    let section = "source = [\"main.py\"]\nfiles = [\n  { from = \"conf\", to = \"/etc/app\" },\n  \
                   { from = \"conf/*.toml\", to = \"/opt/conf/\", mode = \"0600\" },\n  \
                   { from = \"run.sh\", to = \"/usr/local/bin/run\", mode = \"0755\" },\n  \
                   { from = \"run.sh\", to = \"/opt/\" },\n]\n";
    let Some(project) = project(section) else { return };
    let run = build(&project);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let layout = OnDisk::of(&project);
    let found = listed(&layout, &layout.manifests()[0]);
    for (mode, path) in [
        ("-rw-r--r--", "etc/app/app.toml"),
        ("-rw-r--r--", "etc/app/d/a.ini"),
        ("-rw-------", "opt/conf/app.toml"),
        ("-rwxr-xr-x", "usr/local/bin/run"),
        ("-rw-r--r--", "opt/run.sh"),
        ("-rw-r--r--", "usr/src/app/main.py"),
    ] {
        assert!(found.contains(&(mode.to_owned(), path.to_owned())), "no {mode} {path} in {found:?}");
    }
    assert!(!found.iter().any(|(_, path)| path == "usr/local/bin/"), "the base's folders are left alone");
    let digest = run.stdout;
    // What the file system says of the others is nobody's business.
    for (file, mode) in [("conf/app.toml", 0o640), ("main.py", 0o666)] {
        let file = project.folder.project().join(file);
        fs_err::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }
    assert_eq!(build(&project).stdout, digest);
}

#[test]
fn two_files_for_one_path_are_both_named() {
    let section =
        "files = [{ from = \"conf/app.toml\", to = \"/etc/x\" }, { from = \"run.sh\", to = \"/etc/x\" }]\n";
    let Some(project) = project(section) else { return };
    failed(&build(&project), &["there are two files for `/etc/x`: `conf/app.toml` and `run.sh`", "help: "]);
    let manifest = project.text("Cargo.toml");
    let with = |section: &str| {
        let (head, _) = manifest.split_once("files = ").expect("the key");
        project.folder.file("Cargo.toml", &format!("{head}{section}\n"));
        build(&project)
    };
    let run = with("files = [{ from = \"run.sh\", to = \"/usr/src/app/main.py\" }]\nsource = [\"main.py\"]");
    let words = "there are two files for `/usr/src/app/main.py`: `run.sh` of `files` and a file of `source`";
    failed(&run, &[words]);
    let run = with("files = [{ from = \"run.sh\", to = \"/etc/passwd\" }]\nuser = \"app\"");
    failed(&run, &["two files for `/etc/passwd`: what gives the image its `user` and `run.sh` of `files`"]);
    let run = with("files = [{ from = \"run.sh\", to = \"/etc/passwd\" }]\nuser = \"1000\"");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let run = with("files = [{ from = \"none/*\", to = \"/etc/\" }]");
    failed(
        &run,
        &["the source `none/*` matches no file", "`package.metadata.pyimage.files[0]` in `", "/Cargo.toml:"],
    );
    let run = with("files = [{ from = \"run.sh\", to = \"/etc/x\", mode = \"4755\" }]");
    failed(
        &run,
        &[
            "`4755` has more than the permissions of owner, group and others",
            "files[0].mode` in `",
            "/Cargo.toml:",
        ],
    );
    let run = with("files = [{ from = \"run.sh\", to = \"/bin/x\" }]");
    failed(
        &run,
        &["`bin/x` is below `/bin`, which is a symbolic link in the base", "put it at `/usr/bin/x`"],
    );
}
