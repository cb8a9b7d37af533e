//! `cargo pyimage lock`: what is pinned, when it moves, and what is said of it.

use std::process::Command;

use tests::{Fault, FaultyRegistry, Finished, Folder, Format, Repository, finish, part, spawn, with_cargo};

const MANIFEST: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n\
    [package.metadata.pyimage]\ntag = \"3.13-slim\"\n";
const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// A project whose base is in a registry of the test's own.
struct Project {
    folder: Folder,
    repository: Repository,
    hub: FaultyRegistry,
}

impl Project {
    fn new(manifest: &str) -> Option<Self> {
        let folder = Folder::new();
        let repository = Repository::new(&folder)?;
        let hub = FaultyRegistry::start()?;
        hub.serve(&repository, "library/python");
        folder.file("Cargo.toml", manifest).file("src/lib.rs", "");
        Some(Self { folder, repository, hub })
    }

    /// Makes `3.13-slim` name images of this Python, on these platforms.
    fn publish(&self, python: &str, platforms: &[&str]) -> String {
        self.publish_as("3.13-slim", python, platforms)
    }

    fn publish_as(&self, tag: &str, python: &str, platforms: &[&str]) -> String {
        let images: Vec<_> = platforms
            .iter()
            .map(|platform| (*platform, self.repository.image(Format::Oci, platform, python)))
            .collect();
        let images: Vec<_> = images.iter().map(|(platform, image)| (*platform, image)).collect();
        self.repository.index(tag, Format::Oci, &images, true).digest
    }

    fn command<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = self.folder.pyimage(arguments);
        command.env("PYIMAGE_MIRRORS", self.hub.url());
        with_cargo(&mut command);
        command
    }

    fn lock<const N: usize>(&self, arguments: [&str; N]) -> Finished {
        finish(self.command(["lock"]).args(arguments))
    }

    fn text(&self) -> String {
        fs_err::read_to_string(self.folder.project().join("pyimage.lock")).unwrap_or_default()
    }
}

fn succeeded(run: &Finished) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{}", run.stderr);
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

#[test]
fn bases_are_pinned_for_every_platform_and_stay() {
    let Some(project) = Project::new(MANIFEST) else { return };
    let digest = project.publish("3.13.5", &BOTH);
    let first = project.lock([]);
    succeeded(&first);
    for part in [
        "Locking python:3.13-slim",
        "Pinned python:3.13-slim for linux/arm64: Python 3.13.5",
        "Locked 1 base",
    ] {
        assert!(first.stderr.contains(part), "{}", first.stderr);
    }
    let text = project.text();
    for part in [
        "version = 1",
        "reference = \"docker.io/library/python:3.13-slim\"",
        &*format!("digest = \"{digest}\""),
        "platform = \"linux/amd64\"",
        "platform = \"linux/arm64\"",
        "python = \"3.13.5\"",
        "\"PYTHON_VERSION=3.13.5\"",
        "cmd = [\n    \"python3\",\n]",
        "diff-id = \"sha256:",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert!(!text.contains("unknown"), "attestations are no platforms: {text}");

    // The tag moves on, the pins do not.
    project.publish("3.13.6", &BOTH);
    succeeded(&project.lock([]));
    assert_eq!(project.text(), text);
    succeeded(&project.lock(["--check"]));
    let left: Vec<_> = fs_err::read_dir(project.folder.project())
        .expect("the project")
        .flatten()
        .map(|entry| entry.file_name().into_string().expect("a name"))
        .filter(|name| name.contains("pyimage"))
        .collect();
    assert_eq!(left, ["pyimage.lock"]);
}

#[test]
fn a_base_that_has_moved_is_told_and_stays() {
    const MOVED: &str =
        "note: `python:3.13-slim` has moved since it was locked; `cargo pyimage lock --update`";
    let Some(project) = Project::new(MANIFEST) else { return };
    project.publish("3.13.5", &BOTH);
    succeeded(&project.lock([]));
    let same = project.lock([]);
    succeeded(&same);
    assert!(!same.stderr.contains("has moved"), "{}", same.stderr);
    let text = project.text();
    project.publish("3.13.6", &BOTH);
    let moved = project.lock([]);
    succeeded(&moved);
    assert!(moved.stderr.contains(MOVED), "{}", moved.stderr);
    assert_eq!(project.text(), text);
    // Whoever wants no network is told nothing; neither is one whose registry does not answer.
    for arguments in ["--check", "--offline"] {
        let quiet = project.lock([arguments]);
        succeeded(&quiet);
        assert!(!quiet.stderr.contains("has moved"), "{}", quiet.stderr);
    }
    project.hub.on("HEAD", "*/manifests/3.13-slim", Fault::Drop);
    project.hub.on("GET", "*/manifests/3.13-slim", Fault::Drop);
    let silent = project.lock([]);
    succeeded(&silent);
    assert!(!silent.stderr.contains("has moved"), "{}", silent.stderr);
    project.hub.mend();
    succeeded(&project.lock(["--update"]));
    let updated = project.lock([]);
    assert!(!updated.stderr.contains("has moved"), "{}", updated.stderr);
}

#[test]
fn the_same_pins_are_the_same_bytes() {
    let Some(project) = Project::new(MANIFEST) else { return };
    project.publish("3.13.5", &BOTH);
    succeeded(&project.lock([]));
    let text = project.text();
    fs_err::remove_file(project.folder.project().join("pyimage.lock")).expect("the lock");
    project.folder.file("Cargo.toml", &format!("{MANIFEST}platforms = [\"arm64\", \"x86_64\"]\n"));
    succeeded(&project.lock([]));
    assert_eq!(project.text(), text);
}

#[test]
fn an_update_says_what_moved() {
    let Some(project) = Project::new(MANIFEST) else { return };
    let old = project.publish("3.13.5", &BOTH);
    succeeded(&project.lock([]));
    let offline = finish(project.command(["lock"]).args(["--offline", "--update"]));
    assert_eq!(offline.code, Some(2), "{}", offline.stderr);
    let offline = finish(project.command(["lock"]).arg("--update").env("CARGO_NET_OFFLINE", "true"));
    assert_eq!(offline.code, Some(2), "{}", offline.stderr);
    assert!(offline.stderr.contains("CARGO_NET_OFFLINE says to ask none"), "{}", offline.stderr);
    let same = project.lock(["--update"]);
    succeeded(&same);
    assert!(same.stderr.contains("Unchanged python:3.13-slim"), "{}", same.stderr);

    let new = project.publish("3.13.16", &BOTH);
    let moved = project.lock(["--update", "3.13-slim"]);
    succeeded(&moved);
    for part in [
        &*format!("from {} to {}", &old[..19], &new[..19]),
        "for linux/amd64: Python 3.13.5 -> 3.13.16",
        "for linux/arm64: Python 3.13.5 -> 3.13.16",
        "(+1 B)",
    ] {
        assert!(moved.stderr.contains(part), "no {part:?} in {}", moved.stderr);
    }
    assert!(project.text().contains(&new) && !project.text().contains(&old));
    failed(
        &project.lock(["--update", "3.12-slim"]),
        &["has the base or the package `3.12-slim`", "`python:3.13-slim`"],
    );
}

#[test]
fn a_platform_is_added_under_the_pinned_digest() {
    let amd64_only = format!("{MANIFEST}platforms = [\"linux/amd64\"]\n");
    let Some(project) = Project::new(&amd64_only) else { return };
    let digest = project.publish("3.13.5", &BOTH);
    succeeded(&project.lock([]));
    assert!(!project.text().contains("linux/arm64"));
    project.publish("3.13.6", &BOTH);
    project.folder.file("Cargo.toml", MANIFEST);
    failed(&project.lock(["--check"]), &["is stale: `python:3.13-slim` is not locked for linux/arm64"]);
    failed(&project.lock(["--offline"]), &["is stale"]);
    for command in ["lock", "build"] {
        let offline = finish(project.command([command]).env("CARGO_NET_OFFLINE", "true"));
        failed(&offline, &["is stale"]);
    }
    succeeded(&project.lock([]));
    let text = project.text();
    assert!(text.contains("linux/arm64") && text.contains(&digest) && !text.contains("3.13.6"), "{text}");
    project.folder.file("Cargo.toml", &amd64_only);
    failed(&project.lock(["--check"]), &["is locked for linux/arm64, but no image asks for that"]);
    succeeded(&project.lock([]));
    assert!(!project.text().contains("linux/arm64"));
}

#[test]
fn a_pin_that_the_registry_has_no_more_is_told() {
    let Some(project) = Project::new(&format!("{MANIFEST}platforms = [\"linux/amd64\"]\n")) else { return };
    let digest = project.publish("3.13.5", &BOTH);
    succeeded(&project.lock([]));
    let path = format!("/v2/library/python/manifests/{digest}");
    project.hub.on("GET", &path, Fault::status(404));
    fs_err::remove_dir_all(project.folder.cache()).expect("the cache");
    fs_err::create_dir(project.folder.cache()).expect("the cache");
    project.folder.file("Cargo.toml", MANIFEST);
    let before = project.text();
    failed(&project.lock([]), &[&digest, "which the registry has no more", "lock --update python:3.13-slim"]);
    assert_eq!(project.text(), before);
}

#[test]
fn checking_needs_no_network() {
    let Some(project) = Project::new(MANIFEST) else { return };
    project.publish("3.13.5", &BOTH);
    let none = project.lock(["--check"]);
    failed(&none, &["there is no `", "pyimage.lock`", "help: write it with `cargo pyimage lock`"]);
    succeeded(&project.lock([]));
    let asked = project.hub.requests().len();
    succeeded(&project.lock(["--check"]));
    succeeded(&project.lock(["--offline"]));
    assert_eq!(project.hub.requests().len(), asked);
    let quiet = project.lock(["--check", "-q"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_platform_that_is_not_there_is_told_with_those_that_are() {
    let Some(project) = Project::new(&format!("{MANIFEST}platforms = [\"linux/s390x\"]\n")) else { return };
    project.publish("3.13.5", &BOTH);
    failed(
        &project.lock([]),
        &["`python:3.13-slim` is not there for linux/s390x; it is there for linux/amd64, linux/arm64"],
    );
    assert_eq!(project.text(), "");
}

#[test]
fn a_damaged_lock_is_neither_used_nor_replaced() {
    let Some(project) = Project::new(MANIFEST) else { return };
    project.publish("3.13.5", &BOTH);
    succeeded(&project.lock([]));
    let text = project.text();
    for (damaged, expected) in [
        (text.replace("version = 1", "version = 7"), &["of version 7", "update `cargo-pyimage`"][..]),
        (format!("<<<<<<< HEAD\n{text}"), &["conflict markers of a merge, on line 1", "keep one side"]),
        (text.replace("sha256:", "md5:"), &["the lock is damaged", "git checkout pyimage.lock"]),
        (text[..text.len() - 40].to_owned(), &["the lock is damaged", "git checkout pyimage.lock"]),
        ("version = 1\nbase = 3\n".to_owned(), &["the lock is damaged", "line 2"]),
    ] {
        project.folder.file("pyimage.lock", &damaged);
        for run in [project.lock([]), project.lock(["--check"]), project.lock(["--update"])] {
            failed(&run, expected);
            assert_eq!(project.text(), damaged);
        }
    }
}

#[test]
fn what_is_wrong_with_the_project_is_told() {
    let Some(project) = Project::new("") else { return };
    for (manifest, expected) in [
        (
            MANIFEST.replace("tag =", "tga ="),
            &["unknown key `package.metadata.pyimage.tga`", "did you mean `tag`?"][..],
        ),
        (MANIFEST.replace("\"3.13-slim\"", "3.13"), &["expected a string", "found a number"]),
        (MANIFEST.replace("3.13-slim", "3.13-slmi"), &["no tag of the official Python image", "3.13-slim"]),
        (MANIFEST.replace("tag = \"3.13-slim\"", ""), &["names no base"]),
        (MANIFEST.replace("tag = \"3.13-slim\"", "base = \"PYTHON\""), &["`PYTHON` is no image reference"]),
        (format!("{MANIFEST}platforms = [\"amd46\"]\n"), &["`amd46` is no platform", "platforms[0]"]),
        (
            MANIFEST.replace("[package.metadata.pyimage]", "[package.metadata.other]"),
            &["no package in", "[package.metadata.pyimage]"],
        ),
    ] {
        project.folder.file("Cargo.toml", &manifest);
        failed(&project.lock([]), expected);
    }
    fs_err::remove_file(project.folder.project().join("Cargo.toml")).expect("the manifest");
    failed(&project.lock([]), &["could not find `Cargo.toml`", "--manifest-path"]);
    failed(&project.lock(["--manifest-path", "no/Cargo.toml"]), &["does not exist"]);
}

#[test]
fn a_workspace_has_one_lock() {
    let root = "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n\n\
        [workspace.metadata.pyimage]\nplatforms = [\"linux/amd64\"]\n";
    let Some(project) = Project::new(root) else { return };
    project.publish("3.13.5", &BOTH);
    for (name, extra) in [("one", ""), ("two", "platforms = [\"linux/arm64\"]\n")] {
        let manifest = MANIFEST.replace("\"app\"", &format!("{name:?}")) + extra;
        project.folder.file(&format!("crates/{name}/Cargo.toml"), &manifest);
        project.folder.file(&format!("crates/{name}/src/lib.rs"), "");
    }
    let mut from_member = project.command(["lock"]);
    succeeded(&finish(from_member.current_dir(project.folder.project().join("crates/one"))));
    let text = project.text();
    assert!(text.contains("linux/amd64") && text.contains("linux/arm64"), "{text}");
    assert_eq!(text.matches("[[base]]").count(), 1);
    succeeded(&project.lock(["--check"]));
}

#[test]
fn a_lock_of_two_halves_is_found_out() {
    let amd64_only = format!("{MANIFEST}platforms = [\"linux/amd64\"]\n");
    let Some(project) = Project::new(&amd64_only) else { return };
    project.publish("3.13.5", &BOTH);
    succeeded(&project.lock([]));
    // One branch adds a platform under the old digest, the other moves the pin; git has no reason to complain.
    project.folder.file("Cargo.toml", MANIFEST);
    succeeded(&project.lock([]));
    let with_platform = project.text();
    project.publish("3.13.6", &BOTH);
    succeeded(&project.lock(["--update"]));
    let moved = project.text();
    let image =
        |text: &str, at: usize| text.split("\n[[base.image]]\n").nth(at).expect("an image").to_owned();
    let merged = moved.replace(&image(&moved, 2), &image(&with_platform, 2));
    assert_ne!(merged, moved);
    project.folder.file("pyimage.lock", &merged);
    for run in [project.lock(["--check"]), project.lock([])] {
        failed(&run, &["of `python:3.13-slim` for linux/arm64 does not fit its checksum", "from one branch"]);
    }
    for (from, to) in [("3.13.6\"", "3.13.7\""), ("size = ", "size = 1"), ("cmd = [", "cmd = [\"x\", ")] {
        project.folder.file("pyimage.lock", &moved.replacen(from, to, 1));
        failed(&project.lock(["--check"]), &["does not fit its checksum"]);
    }
}

#[test]
fn several_at_once_leave_one_good_lock() {
    let Some(project) = Project::new(MANIFEST) else { return };
    project.publish("3.13.5", &BOTH);
    let started: Vec<_> = (0..8).map(|_| spawn(&mut project.command(["lock"]))).collect();
    for run in started {
        let output = run.wait_with_output().expect("the program's end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    succeeded(&project.lock(["--check"]));
    assert!(project.folder.unsound_in_cache().is_empty(), "{:?}", project.folder.unsound_in_cache());
}

#[test]
fn documents_that_contradict_each_other_are_told() {
    let Some(project) = Project::new(&format!("{MANIFEST}platforms = [\"linux/arm64\"]\n")) else { return };
    let wrong = project.repository.image(Format::Docker, "linux/amd64", "3.13.5");
    project.repository.index("3.13-slim", Format::Docker, &[("linux/arm64", &wrong)], false);
    failed(&project.lock([]), &["contradict each other", "linux/amd64"]);
}

#[test]
fn bases_of_one_s_own_and_by_digest() {
    let Some(project) = Project::new("") else { return };
    let Some(registry) = part("TESTBED_REGISTRY") else { return };
    let digest = project.publish("3.13.5", &BOTH);
    let name = format!("{registry}/{}", project.repository.name());
    for base in
        [format!("{name}:3.13-slim"), format!("{name}@{digest}"), format!("{name}:3.13-slim@{digest}")]
    {
        project
            .folder
            .file("Cargo.toml", &MANIFEST.replace("tag = \"3.13-slim\"", &format!("base = {base:?}")));
        succeeded(&project.lock([]));
        let text = project.text();
        assert!(text.contains(&format!("reference = \"{base}\"")) && text.contains(&digest), "{text}");
    }
    project.folder.file(
        "Cargo.toml",
        &MANIFEST
            .replace("tag = \"3.13-slim\"", "base = \"debian:trixie-slim\"\nplatforms = [\"linux/amd64\"]"),
    );
    let debian = finish(with_cargo(&mut project.folder.pyimage(["lock"])));
    failed(&debian, &["`debian:trixie-slim` has no `PYTHON_VERSION`", "FROM python:"]);
}

#[test]
fn branches_that_lock_different_bases_merge() {
    let Some(project) = Project::new("") else { return };
    for tag in ["3.11-slim", "3.12-slim", "3.13-slim", "3.14-slim", "3.15-slim"] {
        project.publish_as(tag, &tag.replace("-slim", ".1"), &BOTH);
    }
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "init.defaultBranch=main"]);
        let run = finish(command.args(arguments).current_dir(project.folder.project()));
        assert_eq!(run.code, Some(0), "{arguments:?}: {}{}", run.stdout, run.stderr);
    };
    // A package for each base: manifests that do not conflict.
    let add = |tag: &str| {
        let name = tag.replace(['.', '-'], "");
        let manifest = MANIFEST.replace("\"app\"", &format!("\"p{name}\"")).replace("3.13-slim", tag);
        project.folder.file(&format!("crates/{name}/Cargo.toml"), &manifest);
        project.folder.file(&format!("crates/{name}/src/lib.rs"), "");
        succeeded(&project.lock([]));
        git(&["add", "."]);
        git(&["commit", "-qm", tag]);
    };
    project.folder.file("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n");
    git(&["init", "-q"]);
    add("3.12-slim");
    add("3.14-slim");
    git(&["checkout", "-qb", "other"]);
    add("3.11-slim");
    add("3.13-slim");
    git(&["checkout", "-q", "main"]);
    add("3.15-slim");
    git(&["merge", "-q", "--no-edit", "other"]);
    succeeded(&project.lock(["--check"]));
    let (text, bases) = (project.text(), project.text().matches("[[base]]").count());
    succeeded(&project.lock([]));
    assert_eq!((project.text(), bases), (text, 5));
}
