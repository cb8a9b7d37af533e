//! What the checks need of a base: read once, where an image needs it, and kept with the lock.

use tests::{Finished, Format, HandMadeWheel, finish};

use crate::lock_packages::Project;

pub(crate) const BASE: [(&str, &str); 5] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("usr/lib/x86_64-linux-gnu/libc.so.6", "..."),
    ("usr/lib/x86_64-linux-gnu/libz.so.1", "..."),
    ("usr/lib/x86_64-linux-gnu/gconv/libCNS.so", "..."),
];

fn run(project: &Project, words: &[&str]) -> Finished {
    finish(project.command(words[0]).args(&words[1..]))
}

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stderr
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

fn set(project: &Project, from: &str, to: &str) {
    let manifest = project.text("Cargo.toml");
    assert!(manifest.contains(from), "{manifest}");
    project.folder.file("Cargo.toml", &manifest.replace(from, to));
}

#[test]
fn a_base_is_read_once_and_only_where_an_image_needs_it() {
    let Some(project) = Project::with("user = \"1000\"\n", &BASE, &[]) else { return };
    assert!(!succeeded(&run(&project, &["lock"])).contains("Reading"));
    assert!(!project.text("pyimage.lock").contains("facts"));

    set(&project, "\"1000\"", "\"app\"");
    let stale = "the libraries and users of `python:3.13-slim-trixie` are not locked for linux/amd64";
    failed(&run(&project, &["lock", "--check"]), &["pyimage.lock` is stale", stale, "cargo pyimage lock"]);
    failed(&run(&project, &["build", "--locked"]), &[stale]);
    let said = run(&project, &["lock"]);
    let words = "Reading the libraries and users of python:3.13-slim-trixie for linux/amd64";
    assert!(succeeded(&said).contains(words), "{}", said.stderr);
    assert!(!said.stderr.contains("Moved"), "the base is the same: {}", said.stderr);
    let lock = project.text("pyimage.lock");
    let facts = "[base.image.facts]\nlibraries = [\n    \"libc.so.6\",\n    \"libz.so.1\",\n]\npasswd = [\n    \"root:x:0:0:root:/root:/bin/bash\",\n";
    assert_eq!(lock.matches(facts).count(), 2, "{lock}");
    succeeded(&run(&project, &["lock", "--check"]));

    // What is known of an image is known to every project on this machine.
    fs_err::remove_file(project.folder.project().join("pyimage.lock")).expect("the lock");
    assert!(!succeeded(&run(&project, &["lock"])).contains("Reading"));
    assert_eq!(project.text("pyimage.lock"), lock);
    // Nothing of the base is kept but that.
    assert!(!succeeded(&run(&project, &["lock", "--update"])).contains("Reading"));
    assert_eq!(project.text("pyimage.lock"), lock);
}

#[test]
fn a_base_of_zstandard_is_read_too() {
    let base = |repository: &tests::Repository, platform: &str| {
        repository.image_of(Format::Oci, platform, "3.13.5", &[&BASE[..], &[("etc/more", "")]], true)
    };
    let Some(project) = Project::on("user = \"app\"\n", &[], base) else { return };
    let said = run(&project, &["lock"]);
    assert!(succeeded(&said).contains("Reading the libraries and users"), "{}", said.stderr);
    let lock = project.text("pyimage.lock");
    assert!(lock.contains(".tar+zstd") && lock.contains("\"libz.so.1\""), "{lock}");
    succeeded(&run(&project, &["build"]));
}

#[test]
fn wheels_for_a_platform_need_the_base_to_be_known() {
    let section = "requirements = \"requirements.txt\"\nplatforms = [\"linux/amd64\"]\n";
    let native = HandMadeWheel::new("compiled", "1.0", &[]).only_for("manylinux_2_17_x86_64");
    let Some(project) = Project::with("", &BASE, &[native]) else { return };
    set(&project, "platforms = [\"linux/amd64\", \"linux/arm/v7\"]\n", section);
    project.folder.file("requirements.txt", "demo\n");
    assert!(
        !succeeded(&run(&project, &["lock"])).contains("Reading"),
        "a wheel for any platform needs nothing"
    );
    project.folder.file("requirements.txt", "demo\ncompiled\n");
    assert!(succeeded(&run(&project, &["lock"])).contains("Reading"));
    assert!(project.text("pyimage.lock").contains("libz.so.1"));
}

#[test]
fn a_user_that_the_base_lacks_is_given_an_entry() {
    let section = "user = \"app\"\nsource = [\"main.py\"]\n";
    let Some(project) = Project::with(section, &BASE, &[]) else { return };
    project.folder.file("main.py", "print(1)\n");
    succeeded(&run(&project, &["build", "--platform", "linux/amd64"]));
    let layout = project.folder.project().join("target/pyimage/app");
    let layers = layers(&layout);
    let listed = &layers[0];
    let expected =
        ["-rw-r--r-- 0/0 etc/group", "-rw-r--r-- 0/0 etc/passwd", "drwxr-xr-x 1000/1000 home/app/"];
    assert_eq!(listed, &expected, "{layers:?}");
    // What the base has takes no layer; a slip is told.
    set(&project, "\"app\"", "\"nobody\"");
    succeeded(&run(&project, &["build", "--platform", "linux/amd64"]));
    set(&project, "\"nobody\"", "\"nobodi\"");
    let slip = ["the base has no user or group `nobodi`, and has `nobody`", "`nobody` is the base's"];
    failed(&run(&project, &["build"]), &slip);
}

/// What is in the layers that a layout has, as tar tells it: mode, owners and path.
fn layers(layout: &std::path::Path) -> Vec<Vec<String>> {
    let blobs = fs_err::read_dir(layout.join("blobs/sha256")).expect("blobs");
    let mut layers = Vec::new();
    for blob in blobs.flatten() {
        let tar =
            std::process::Command::new("tar").args(["--numeric-owner", "-tvzf"]).arg(blob.path()).output();
        let tar = tar.expect("tar");
        if tar.status.success() {
            let text = String::from_utf8_lossy(&tar.stdout).into_owned();
            let words = |line: &str| {
                let words: Vec<_> = line.split_whitespace().collect();
                [&words[..2], &words[words.len() - 1..]].concat().join(" ")
            };
            layers.push(text.lines().map(words).collect::<Vec<_>>());
        }
    }
    layers.sort_by_key(|paths| !paths.iter().any(|path| path.ends_with("etc/passwd")));
    layers
}
