//! `cargo pyimage fetch`: what builds without a network and an engine need, and no more than once.

use tests::{Finished, Setting};

use crate::bytecode::{Project, succeeded};
use crate::sources_in_images;

fn told<'r>(run: &'r Finished, verb: &str) -> Vec<&'r str> {
    run.stderr.lines().filter(|line| line.trim_start().starts_with(verb)).collect()
}

#[test]
fn what_was_fetched_is_built_without_a_network_or_an_engine() {
    let Some(project) = Project::new("") else { return };
    let first = project.run(["fetch"]);
    assert_eq!(succeeded(&first), "");
    assert_eq!(told(&first, "Fetching "), ["    Fetching 4 packages"], "{}", first.stderr);
    assert_eq!(told(&first, "Compiling ").len(), 1, "{}", first.stderr);
    let done = told(&first, "Fetched ").join("\n");
    assert!(done.starts_with("     Fetched 4 wheels and "), "{done}");
    assert!(done.ends_with(" for the image of `app` on linux/amd64, linux/arm64"), "{done}");
    let lock = project.text("pyimage.lock");
    assert_eq!(lock.matches("[[bytecode]]").count(), 5, "{lock}");
    let asked = project.index.asked().len();

    let alone = project.alone(["build", "--frozen"]);
    let digest = succeeded(&alone).to_owned();
    for verb in ["Fetching ", "Compiling "] {
        assert_eq!(told(&alone, verb), [""; 0]);
    }
    // Nothing is there to fetch: not even an engine is looked for.
    let again = project.alone(["fetch", "--frozen"]);
    succeeded(&again);
    assert_eq!(told(&again, "Fetched "), [done]);
    for verb in ["Fetching ", "Compiling ", "Locking "] {
        assert_eq!(told(&again, verb), [""; 0]);
    }
    assert_eq!(project.index.asked().len(), asked);

    // Layers that other settings ask for are made of what is there.
    let manifest = project.text("Cargo.toml").replace(
        "[package.metadata.pyimage]",
        "[package.metadata.pyimage]\ncompression = \"gzip\"\ncompression-level = 1",
    );
    project.folder.file("Cargo.toml", &manifest);
    assert_ne!(succeeded(&project.alone(["build", "--frozen"])), digest);
}

#[test]
fn what_is_missing_is_named_where_nothing_may_be_fetched() {
    let Some(project) = Project::new("bytecode = \"none\"") else { return };
    succeeded(&project.run(["lock"]));
    let run = project.alone(["fetch", "--frozen"]);
    assert_eq!(run.code, Some(101), "{}", run.stderr);
    for part in ["could not fetch the packages of `app`", "alpha-1.0-py3-none-any.whl"] {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
    let first = project.run(["fetch", "--locked", "--platform", "linux/arm64"]);
    succeeded(&first);
    assert!(told(&first, "Fetched ").join("").ends_with("on linux/arm64"), "{}", first.stderr);
    succeeded(&project.alone(["build", "--frozen"]));
}

#[test]
fn what_has_no_wheel_is_built() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let folder = sources_in_images::pure(&setting);
    let first = tests::finish(&mut sources_in_images::pyimage(&folder, &setting, ["fetch"]));
    assert_eq!(succeeded(&first), "");
    assert_eq!(told(&first, "Building "), ["    Building demo 1.0"], "{}", first.stderr);
    let mut alone = sources_in_images::pyimage(&folder, &setting, ["build", "--offline"]);
    alone.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let built = tests::finish(&mut alone);
    assert!(succeeded(&built).starts_with("app@sha256:"), "{}", built.stdout);
}
