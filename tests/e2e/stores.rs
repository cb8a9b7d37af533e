//! Where engines keep images: Docker's own store has one platform to a name, and containerd's has them all.

use tests::{RegistryImage, Setting, on_engines, part};

use crate::images::{Project, failed, machine, platform, succeeded};

on_engines!(docker_of_root, containerd_of_root: [
    another_platform_runs_by_emulation,
    a_base_that_the_engine_lacks_is_pulled,
    a_base_that_may_not_be_pulled_is_sent,
    bytecode_is_compiled_and_taken,
    what_was_sent_in_parts_is_whole
]);

fn another_platform_runs_by_emulation(setting: &Setting) {
    if part("TESTBED_ARM64").is_none() {
        return;
    }
    let Some(project) = Project::new(setting) else { return };
    let loaded = project.run(["load", "--platform", "linux/arm64"]);
    succeeded(&loaded);
    // The engine has this base by another digest, and gets it by the locked one: it is left as it was.
    let pulled = loaded.stderr.lines().find_map(|line| line.trim().strip_prefix("Pulling "));
    let ran = setting.cli(["run", "--rm", "--platform", "linux/arm64", &project.tag()]);
    let own = project.run(["run", "--platform", "linux/arm64", "x"]);
    if let Some(base) = pulled.and_then(|text| text.split(' ').next()) {
        assert_eq!(setting.cli(["rmi", base]).code, Some(0), "{base}");
    }
    assert_eq!(succeeded(&ran), "first 1.0 ['hello'] /usr/src/app aarch64\n");
    assert_eq!(succeeded(&own), "first 1.0 ['x'] /usr/src/app aarch64\n");
    failed(
        &project.run(["load", "--platform", "linux/s390x"]),
        &["`app` is not for linux/s390x", "`platforms`"],
    );
}

/// The engine gets the base by itself, and by what the lock says that it is.
fn a_base_that_the_engine_lacks_is_pulled(setting: &Setting) {
    let Some(base) = RegistryImage::push(&setting.folder, 600_000) else { return };
    let (key, own) = (format!("base = \"{}\"", base.name()), format!("[\"{}\"]", platform()));
    let Some(project) = Project::on(setting, &key, &own) else { return };
    succeeded(&project.run(["build", "--no-load"]));
    failed(&project.run(["load", "--offline"]), &["are not in the cache", base.name(), platform()]);
    let loaded = project.run(["load"]);
    succeeded(&loaded);
    let pulled = loaded.stderr.lines().find_map(|line| line.trim().strip_prefix("Pulling "));
    let pulled = pulled.and_then(|text| text.split(' ').next()).expect("it is told");
    assert!(pulled.contains("@sha256:"), "{pulled}");
    assert!(matches!(&Project::sent(&loaded)[..], [size] if size.ends_with(" kB")), "{}", loaded.stderr);
    let ran = setting.cli(["run", "--rm", &project.tag()]);
    assert_eq!(setting.cli(["rmi", pulled]).code, Some(0));
    assert!(succeeded(&ran).starts_with("first 1.0"));
}

/// What an engine lacks and may not ask for is sent, once.
fn a_base_that_may_not_be_pulled_is_sent(setting: &Setting) {
    let Some(base) = RegistryImage::push(&setting.folder, 600_000) else { return };
    let (key, own) = (format!("base = \"{}\"", base.name()), format!("[\"{}\"]", platform()));
    let Some(project) = Project::on(setting, &key, &own) else { return };
    // It takes the base's layers, and keeps them.
    succeeded(&project.run(["save", "app.tar"]));
    let loaded = project.run(["load", "--offline"]);
    succeeded(&loaded);
    assert!(matches!(&Project::sent(&loaded)[..], [size] if size.ends_with(" MB")), "{}", loaded.stderr);
    assert!(succeeded(&setting.cli(["run", "--rm", &project.tag()])).starts_with("first 1.0"));
    // Now an earlier build has it.
    let old = project.id();
    project.says("print('second')\n");
    let changed = project.run(["load", "--offline", "-v"]);
    succeeded(&changed);
    // The engine may have lost a snapshot of the old image's by now; then it says so, and is sent all of it.
    let sent = Project::sent(&changed);
    let is_small = sent.first().is_some_and(|size| size.ends_with(" kB"));
    let went_on = sent.len() == 1 || changed.stderr.contains("sending all of it");
    assert!(is_small && went_on, "{}", changed.stderr);
    assert_eq!(succeeded(&setting.cli(["run", "--rm", &project.tag()])), "second\n");
    let _ = setting.cli(["rmi", &old]);
}

fn bytecode_is_compiled_and_taken(setting: &Setting) {
    let own = format!("[\"{}\"]\nbytecode = \"all\"", platform());
    let Some(project) = Project::on(setting, "tag = \"3.13-slim\"", &own) else { return };
    let manifest = setting.folder.project().join("Cargo.toml");
    let text = fs_err::read_to_string(&manifest).expect("a manifest").replace("bytecode = \"none\"\n", "");
    fs_err::write(&manifest, text).expect("a manifest");
    project.says(
        "import os, json, demo\nprint(os.path.exists(json.__cached__), os.path.exists(demo.__cached__))\n",
    );
    assert_eq!(succeeded(&project.run(["run"])), "True True\n");
}

/// An image that was sent in part is whole in the end: others get all of it from the engine.
fn what_was_sent_in_parts_is_whole(setting: &Setting) {
    let own = format!("[\"{}\"]", platform());
    let Some(project) = Project::on(setting, "tag = \"3.13-slim\"", &own) else { return };
    let saves = |image: &str| {
        let file = setting.folder.project().join("whole.tar").display().to_string();
        let saved = setting.cli(["save", "-o", &file, image]);
        assert_eq!(saved.code, Some(0), "{}", saved.stderr);
        succeeded(&project.run(["inspect", "whole.tar"]));
        let layers = project.run(["inspect", "whole.tar", "--format", "json"]);
        let image: serde_json::Value = serde_json::from_str(succeeded(&layers)).expect("JSON");
        let layers = image["platforms"][0]["layers"].as_array().expect("layers").clone();
        assert!(layers.iter().all(|layer| layer["unpacked"].is_u64()), "{layers:?}");
    };
    succeeded(&project.run(["load"]));
    saves(&project.tag());
    let old = project.id();
    project.says("print('second')\n");
    let changed = project.run(["load"]);
    succeeded(&changed);
    let _ = setting.cli(["rmi", "-f", &old]);
    saves(&project.tag());
    // The very same contents in other bytes.
    let manifest = setting.folder.project().join("Cargo.toml");
    let text = fs_err::read_to_string(&manifest).expect("a manifest");
    fs_err::write(&manifest, format!("{text}compression-level = 1\n")).expect("a manifest");
    let squeezed = project.run(["load"]);
    succeeded(&squeezed);
    assert_eq!(succeeded(&setting.cli(["run", "--rm", &project.tag()])), "second\n");
    saves(&project.tag());
}

/// An archive of an index is an image of two platforms where the store has room for them.
#[test]
fn an_archive_of_all_platforms_has_them_all() {
    let (Some(setting), Some(_)) = (Setting::containerd_of_root(), part("TESTBED_ARM64")) else { return };
    let Some(project) = Project::new(&setting) else { return };
    let file = setting.folder.project().join("app.tar");
    succeeded(&project.run(["save", "app.tar"]));
    succeeded(&setting.cli(["load", "-q", "-i", &file.to_string_lossy()]));
    for (platform, machine) in [("linux/amd64", "x86_64"), ("linux/arm64", "aarch64")] {
        let ran = setting.cli(["run", "--rm", "--platform", platform, &project.tag(), "x"]);
        assert_eq!(succeeded(&ran), format!("first 1.0 ['x'] /usr/src/app {machine}\n"));
    }
    // What is of one platform is no longer that image.
    let loaded = project.run(["load"]);
    succeeded(&loaded);
    let ran = setting.cli(["run", "--rm", &project.tag()]);
    assert_eq!(succeeded(&ran), format!("first 1.0 ['hello'] /usr/src/app {}\n", machine()));
}

/// containerd's store keeps an image that it could not unpack, which no container can have.
#[test]
fn what_is_there_but_lacks_its_base_is_loaded() {
    let Some(setting) = Setting::containerd_of_root() else { return };
    let Some(base) = RegistryImage::push(&setting.folder, 600_000) else { return };
    let (key, own) = (format!("base = \"{}\"", base.name()), format!("[\"{}\"]", platform()));
    let Some(project) = Project::on(&setting, &key, &own) else { return };
    succeeded(&project.run(["save", "app.tar", "--format", "docker", "--sparse"]));
    let file = setting.folder.project().join("app.tar");
    let _ = setting.cli(["load", "-q", "-i", &file.to_string_lossy()]);
    assert!(project.is_there(), "by its name");
    let loaded = project.run(["load"]);
    succeeded(&loaded);
    let pulled = loaded.stderr.lines().find_map(|line| line.trim().strip_prefix("Pulling "));
    let pulled = pulled.and_then(|text| text.split(' ').next()).expect("it is told");
    let ran = setting.cli(["run", "--rm", &project.tag()]);
    assert_eq!(setting.cli(["rmi", pulled]).code, Some(0));
    assert!(succeeded(&ran).starts_with("first 1.0"));
}
