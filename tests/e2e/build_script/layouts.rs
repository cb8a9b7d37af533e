//! Images that build scripts assemble: the ones that `cargo pyimage build` makes, without a network or an engine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tests::{Finished, Folder, Repository, finish, part, skip};

use super::crates::{Crate, cargo, shared};
use super::images::{IMAGE, LOCK};
use crate::build::OnDisk;
use crate::{bytecode, lock_packages};

const SCRIPT: &str = "fn main() {\n    pyimage_build::configure().image(pyimage_build::ImageWhen::Always).compile_or_exit();\n}\n";
const LIBRARY: &str = "pub mod pyimage {\n    include!(concat!(env!(\"OUT_DIR\"), \"/pyimage.rs\"));\n}\n";

/// Cargo's folders for packages of one name and version are the same, wherever in a shared target folder's users they
/// are: one test at a time has such a package, and begins without what the last one left.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for folder in ["build", ".fingerprint"] {
        let folder = shared().join("target/debug").join(folder);
        for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("app-") {
                fs_err::remove_dir_all(entry.path()).expect("nothing of an earlier test");
            }
        }
    }
    guard
}

/// What makes a package one with a build script, at the end of its manifest.
fn with_script(section: &str) -> String {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("pyimage-build").display().to_string();
    format!(
        "{section}\n[build-dependencies]\npyimage-build = {{ path = {library:?}, features = [\"image\"] }}\n\n[workspace]\n"
    )
}

fn fill(folder: &Folder) {
    folder.file("build.rs", SCRIPT).file("src/lib.rs", LIBRARY);
    let locked = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.lock");
    folder.file("Cargo.lock", &fs_err::read_to_string(locked).expect("versions"));
}

fn project(section: &str) -> Option<lock_packages::Project> {
    let project = lock_packages::Project::new(&with_script(section))?;
    fill(&project.folder);
    project.folder.file("requirements.txt", "demo\n").file("app/main.py", "import demo\n");
    Some(project)
}

/// Runs a command of `cargo pyimage`, which has to work.
fn pyimage(project: &lock_packages::Project, words: &[&str]) -> String {
    let run = finish(project.command(words[0]).args(&words[1..]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

/// Builds the packages in a folder with nothing to ask but the cache; as root, with no network at all.
fn cargo_build(folder: &Folder) -> Finished {
    let cargo = cargo();
    let mut command = if rustix::process::geteuid().is_root() {
        let mut alone = Command::new("unshare");
        alone.arg("--net").arg(cargo.get_program());
        alone
    } else {
        Command::new(cargo.get_program())
    };
    for (name, value) in cargo.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(["build", "--offline", "--message-format", "json"]).current_dir(folder.project());
    command.env("PYIMAGE_CACHE_DIR", folder.cache()).env("PYIMAGE_MIRRORS", "http://127.0.0.1:9");
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").env("UV_DEFAULT_INDEX", "http://127.0.0.1:9");
    finish(&mut command)
}

/// The folder that the build script of a package has written to.
fn out_dir(run: &Finished, package: &str) -> PathBuf {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let messages = run.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut ours = messages.filter(|message| {
        let id = message["package_id"].as_str().unwrap_or_default();
        let id = id.strip_prefix("path+file://").unwrap_or_default();
        message["reason"] == "build-script-executed"
            && (id.contains(&format!("/{package}#")) || id.contains(&format!("#{package}@")))
    });
    ours.next().and_then(|message| message["out_dir"].as_str().map(PathBuf::from)).expect("a build script")
}

/// What skopeo reads of a platform's configuration: a layout of a build script has no layers of the base.
fn read_by_skopeo(layout: &Path, name: &str, [architecture, variant]: [&str; 2]) -> Value {
    let mut inspect = Command::new("skopeo");
    inspect.args(["--override-os", "linux", "--override-arch", architecture, "--override-variant", variant]);
    inspect.args(["inspect", "--config"]).arg(format!("oci:{}:{name}", layout.display()));
    let read = finish(&mut inspect);
    assert_eq!(read.code, Some(0), "{}", read.stderr);
    serde_json::from_str(&read.stdout).expect("JSON")
}

/// The digest of the one index in a layout.
fn digest(layout: &OnDisk) -> String {
    let digests: std::collections::BTreeSet<String> = layout.json("index.json")["manifests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|named| named["digest"].as_str().expect("a digest").to_owned())
        .collect();
    assert_eq!(digests.len(), 1, "{digests:?}");
    digests.into_iter().next().unwrap_or_default()
}

/// The files of a folder, with their sizes and times.
fn files(folder: &Path) -> Vec<String> {
    let mut command = Command::new("find");
    let mut lines: Vec<_> = finish(command.arg(folder).args(["-type", "f", "-printf", "%P %s %T@\n"]))
        .stdout
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_layout_is_the_image_that_cargo_pyimage_builds() {
    let _alone = alone();
    let section = "requirements = \"requirements.txt\"\nsource = [\"app\"]\ntags = [\"latest\", \"{version}\", \"{git.sha}\"]\n\
                   user = \"1000\"\n";
    let Some(project) = project(section) else { return };
    pyimage(&project, &["fetch"]);
    let cache = files(&project.folder.cache());
    let run = cargo_build(&project.folder);
    let out = out_dir(&run, "app");
    assert_eq!(files(&project.folder.cache()), cache, "a build script writes to its own folder");
    let layout = OnDisk(out.join("pyimage/app"));
    let made = digest(&layout);
    let built = pyimage(&project, &["build", "--offline", "-t", "1"]);
    assert_eq!(built.trim(), format!("app@{made}"));

    // What Rust code knows of it.
    let module = fs_err::read_to_string(out.join("pyimage.rs")).expect("a module");
    assert!(module.contains(&format!("reference: \"app@{made}\"")), "{module}");
    let index = layout.blob(&layout.json("index.json")["manifests"][0]);
    for (platform, manifest) in
        ["linux/amd64", "linux/arm/v7"].iter().zip(index["manifests"].as_array().expect("a list"))
    {
        let digest = manifest["digest"].as_str().expect("a digest");
        assert!(module.contains(&format!("(\"{platform}\", \"{digest}\")")), "{module}");
    }
    let here = project.folder.project();
    assert!(!module.contains(here.to_str().expect("UTF-8")), "{module}");

    // What is in it: packages, files, and the names that a build script can know.
    let names: Vec<_> = layout.json("index.json")["manifests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|image| image["annotations"]["org.opencontainers.image.ref.name"].clone())
        .collect();
    assert_eq!(names, ["app:0.1.0", "app:latest"]);
    let paths: Vec<_> = layout.manifests()[0]["layers"]
        .as_array()
        .expect("layers")
        .iter()
        .filter(|layer| layout.0.join(OnDisk::path(layer)).exists())
        .flat_map(|layer| layout.paths(layer))
        .collect();
    for path in ["usr/local/lib/python3.13/site-packages/demo.py", "usr/src/app/app/main.py"] {
        assert!(paths.iter().any(|its| its == path), "no {path} in {paths:?}");
    }

    if part("TESTBED_READERS").is_some() {
        for [architecture, variant] in [["amd64", ""], ["arm", "v7"]] {
            let config = read_by_skopeo(&layout.0, "app:latest", [architecture, variant]);
            assert_eq!(
                (&config["architecture"], &config["config"]["User"]),
                (&architecture.into(), &"1000".into())
            );
        }
    }

    // Without a change nothing is made; with one, one layer.
    let before = files(&out);
    assert_eq!(out_dir(&cargo_build(&project.folder), "app"), out);
    assert_eq!(files(&out), before);
    let blobs = layout.blobs();
    std::thread::sleep(std::time::Duration::from_millis(30));
    project.folder.file("app/main.py", "import demo, sys\n");
    cargo_build(&project.folder);
    let changed = digest(&layout);
    assert_ne!(changed, made);
    assert_eq!(pyimage(&project, &["build", "--offline", "-t", "1"]).trim(), format!("app@{changed}"));
    // The source's layer, configurations, manifests and the index: nothing of before is left.
    assert_eq!(layout.blobs().difference(&blobs).count(), 6);
    assert_eq!(layout.blobs().len(), blobs.len());
    assert_eq!(fs_err::read_dir(out.join("pyimage-cache/blobs/sha256")).expect("layers").count(), 1);

    // The lock of packages is of what was asked for then.
    project.folder.file("requirements.txt", "demo>=1\n");
    let stale = cargo_build(&project.folder);
    assert_eq!(stale.code, Some(101), "{}", stale.stderr);
    let told = format!("`{}/pylock.toml` is stale: `requirements.txt` has changed", here.display());
    assert!(
        stale.stderr.contains(&told) && stale.stderr.contains("help: run `cargo pyimage lock`"),
        "{}",
        stale.stderr
    );
    project.folder.file("requirements.txt", "demo\n");
    assert_eq!(cargo_build(&project.folder).code, Some(0));
}

#[test]
fn what_is_not_in_the_cache_is_named_with_what_gets_it() {
    let _alone = alone();
    let section = "requirements = \"requirements.txt\"\nsource = [\"app\"]\n";
    let Some(project) = project(section) else { return };
    pyimage(&project, &["lock"]);
    let failed = |parts: &[&str]| {
        let run = cargo_build(&project.folder);
        assert_eq!(run.code, Some(101), "{}", run.stderr);
        for part in parts {
            assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
        }
    };
    failed(&[
        "error: app@0.1.0: the image of `app` needs what is not in the cache: `demo-2.0-py3-none-any.whl`, `helper-1.0-",
        "error: app@0.1.0: help: get it with `cargo pyimage fetch`",
    ]);
    // Elsewhere, nothing of it is asked for, and the locks are in nobody's way.
    let locks = ["pyimage.lock", "pylock.toml"].map(|lock| (lock, project.text(lock)));
    project.folder.file("pylock.toml", "damaged").file("pyimage.lock", "version = 1\n");
    let mut skipped = cargo();
    skipped.args(["build", "--offline", "--message-format", "json"]).current_dir(project.folder.project());
    skipped.env("PYIMAGE_SKIP", "1").env("PYIMAGE_CACHE_DIR", project.folder.cache());
    let out = out_dir(&finish(&mut skipped), "app");
    assert!(!out.join("pyimage").exists());
    for (lock, text) in &locks {
        project.folder.file(lock, text);
    }
    pyimage(&project, &["fetch"]);
    let out = out_dir(&cargo_build(&project.folder), "app");
    assert!(out.join("pyimage/app/index.json").is_file());

    let manifest = project.text("Cargo.toml");
    std::thread::sleep(std::time::Duration::from_millis(30));
    project.folder.file("Cargo.toml", &manifest.replace("source =", "bins = [\"app\"]\nsource ="));
    failed(&["the image of `app` asks for `bins`", "`cargo pyimage build`"]);
    std::thread::sleep(std::time::Duration::from_millis(30));
    project.folder.file("Cargo.toml", &manifest.replace("source =", "builder = \"dockerfile\"\nsource ="));
    failed(&["the image of `app` is built from a Dockerfile", "`builder = \"native\"` in Cargo.toml"]);
}

#[test]
fn two_crates_of_a_workspace_have_a_layout_each() {
    let section = "requirements = \"requirements.txt\"\nsource = [\"app\"]\n";
    let Some(project) = project(section) else { return };
    let manifest = project.text("Cargo.toml");
    let folder = &project.folder;
    let head = manifest.split("\n[workspace]").next().unwrap_or_default();
    for name in ["one", "other"] {
        let own = head.replace("name = \"app\"", &format!("name = \"{name}\""));
        folder.file(&format!("{name}/Cargo.toml"), &own).file(&format!("{name}/build.rs"), SCRIPT);
        folder
            .file(&format!("{name}/src/lib.rs"), LIBRARY)
            .file(&format!("{name}/requirements.txt"), "demo\n");
        folder.file(&format!("{name}/app/main.py"), &format!("print('{name}')\n"));
    }
    folder.file("Cargo.toml", "[workspace]\nmembers = [\"one\", \"other\"]\nresolver = \"3\"\n");
    pyimage(&project, &["fetch"]);
    let run = cargo_build(folder);
    let made = ["one", "other"].map(|name| {
        let layout = OnDisk(out_dir(&run, name).join("pyimage").join(name));
        format!("{name}@{}\n", digest(&layout))
    });
    assert_eq!(pyimage(&project, &["build", "--offline"]), made.concat());
}

#[test]
fn bytecode_that_was_fetched_is_in_it() {
    let _alone = alone();
    let Some(project) = bytecode::Project::new(&with_script("")) else { return };
    fill(&project.folder);
    bytecode::succeeded(&project.run(["lock"]));
    // As on another machine: the lock has all, and the cache nothing.
    fs_err::remove_dir_all(project.folder.cache()).expect("a cache");
    let without = cargo_build(&project.folder);
    assert_eq!(without.code, Some(101), "{}", without.stderr);
    bytecode::succeeded(&project.run(["fetch"]));
    let layout = OnDisk(out_dir(&cargo_build(&project.folder), "app").join("pyimage/app"));
    let alone = project.alone(["build", "--frozen"]);
    let built = bytecode::succeeded(&alone).trim();
    assert_eq!(built.rsplit('@').next(), Some(digest(&layout).as_str()));
}

#[test]
fn in_a_clean_clone_both_make_the_same_where_neither_says_the_commit_and_the_layout_is_pushed() {
    let _alone = alone();
    let section = "requirements = \"requirements.txt\"\nsource = [\"app\"]\nrevision = \"none\"\n";
    let Some(project) = project(section) else { return };
    let Some(target) = Repository::new(&project.folder).map(|target| target.beside("laid-out")) else {
        return;
    };
    pyimage(&project, &["fetch"]);
    git(&project.folder, &["init", "-q"]);
    git(&project.folder, &["add", "."]);
    git(&project.folder, &["commit", "-q", "-m", "all of it"]);
    let build = || pyimage(&project, &["build", "--frozen"]);
    let layout = out_dir(&cargo_build(&project.folder), "app").join("pyimage/app");
    let made = digest(&OnDisk(layout.clone()));
    assert_eq!(build(), format!("app@{made}\n"));

    // The layout goes to a registry as it is, and is there what a push of the commit is.
    let name = target.reference("").trim_end_matches(':').to_owned();
    let layout = layout.to_str().expect("UTF-8");
    assert_eq!(pyimage(&project, &["push", "--layout", layout, "--to", &name]), format!("{name}@{made}\n"));
    target.adopt("latest");
    assert_eq!(target.tags(), ["latest"]);
    let again = finish(project.command("push").args(["--frozen", "--to", &name]));
    assert_eq!((again.code, again.stdout), (Some(0), format!("{name}@{made}\n")), "{}", again.stderr);
    assert!(again.stderr.contains("(all of it was there)"), "{}", again.stderr);
    let refused = finish(project.command("push").args(["--layout", layout, "--locked"]));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);

    // With the commit, only git's own clients make the same.
    let manifest = project.text("Cargo.toml");
    project.folder.file("Cargo.toml", &manifest.replace("revision = \"none\"\n", ""));
    git(&project.folder, &["commit", "-q", "-a", "-m", "say the commit"]);
    let with_it = build();
    assert_ne!(with_it, format!("app@{made}\n"));
    assert_ne!(
        with_it,
        format!(
            "app@{}\n",
            digest(&OnDisk(out_dir(&cargo_build(&project.folder), "app").join("pyimage/app")))
        )
    );
}

/// git in a project's folder.
fn git(folder: &Folder, words: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=me", "-c", "user.email=me@example.org"])
        .args(words)
        .current_dir(folder.project());
    let run = finish(&mut git);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn a_damaged_layer_is_told_or_made_anew_but_never_taken_for_what_it_was() {
    let _alone = alone();
    let section = "requirements = \"requirements.txt\"\nsource = [\"app\"]\n";
    let Some(project) = project(section) else { return };
    pyimage(&project, &["fetch"]);
    let layout = OnDisk(out_dir(&cargo_build(&project.folder), "app").join("pyimage/app"));
    let made = digest(&layout);
    let name = layout.0.to_str().expect("UTF-8");
    pyimage(&project, &["inspect", "--layers", name]);
    // The lowest layer of packages, which is a link to a file of the cache.
    let layers = layout.manifests()[0]["layers"].as_array().expect("layers").clone();
    let layer = layers.iter().find(|layer| layout.0.join(OnDisk::path(layer)).exists()).expect("a layer");
    let blob = layout.0.join(OnDisk::path(layer));
    let bytes = fs_err::read(&blob).expect("a layer");
    let mut other = bytes.clone();
    *other.last_mut().expect("a byte") ^= 1;
    fs_err::write(&blob, other).expect("damage");
    let looked = finish(project.command("inspect").args(["--layers", name]));
    assert_eq!(looked.code, Some(101), "{}", looked.stderr);
    assert!(looked.stderr.contains("is damaged: its blob has the digest"), "{}", looked.stderr);
    // One of another length is noticed by who assembles.
    fs_err::write(&blob, &bytes[..bytes.len() - 1]).expect("damage");
    std::thread::sleep(std::time::Duration::from_millis(30));
    project.folder.file("app/main.py", "import demo\n\n");
    let run = cargo_build(&project.folder);
    assert!(run.code == Some(101) || digest(&layout) != made, "{}", run.stderr);
    assert!(run.code == Some(101) || fs_err::read(&blob).expect("a layer") == bytes, "{}", run.stderr);
}

#[test]
fn another_target_gets_the_same_module_and_the_same_layout() {
    const TARGET: &str = "aarch64-unknown-linux-gnu";
    let sysroot = finish(Command::new("rustc").args(["--print", "sysroot"])).stdout;
    if !Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        return skip(TARGET);
    }
    let new = Crate::with("crossed", "2021", &format!("{IMAGE}bytecode = \"none\"\n"));
    let manifest = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
    new.write("Cargo.toml", &manifest.replace("version = \"*\"", "features = [\"image\"]"));
    new.write("build.rs", SCRIPT);
    fs_err::remove_file(new.path("src/main.rs")).expect("a program");
    new.write("src/lib.rs", LIBRARY);
    new.write("pyimage.lock", LOCK);
    let check = |target: &[&str]| {
        let mut command = new.cargo(["check", "--message-format", "json"]);
        command.args(target).env("PYIMAGE_CACHE_DIR", new.path("cache"));
        out_dir(&finish(&mut command), "crossed")
    };
    let (own, other) = (check(&[]), check(&["--target", TARGET]));
    assert!(other != own && other.to_string_lossy().contains(TARGET), "{}", other.display());
    let module = |out: &Path| fs_err::read_to_string(out.join("pyimage.rs")).expect("a module");
    assert_eq!(module(&own), module(&other));
    let made = digest(&OnDisk(own.join("pyimage/crossed")));
    assert_eq!(digest(&OnDisk(other.join("pyimage/crossed"))), made);
    assert!(module(&own).contains(&made));
}
