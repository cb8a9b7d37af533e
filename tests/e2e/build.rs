//! `cargo pyimage build`: what is in an image, and that it is always the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::{Finished, finish};

use crate::lock_packages::Project;

const SECTION: &str = "requirements = \"requirements.txt\"\nsource = [\"app\"]\nentrypoint = [\"python3\", \"app/main.py\"]\n\
                       tags = [\"latest\", \"{version}\"]\nenv = { PATH = \"/opt/app:${PATH}\", DEBUG = 1 }\nuser = \"1000\"\n";

fn project() -> Option<Project> {
    let project = Project::new(SECTION)?;
    project.folder.file("requirements.txt", "demo\n").file("app/main.py", "import demo\n");
    project.folder.file("app/.env", "SECRET=1\n");
    Some(project)
}

fn build(project: &Project, arguments: &[&str]) -> Finished {
    finish(project.command("build").args(arguments))
}

fn built(project: &Project, arguments: &[&str]) -> String {
    let run = build(project, arguments);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

/// A layout as it is on the disk.
pub(crate) struct OnDisk(pub(crate) PathBuf);

impl OnDisk {
    pub(crate) fn of(project: &Project) -> Self {
        Self(project.folder.project().join("target/pyimage/app"))
    }

    pub(crate) fn json(&self, name: impl AsRef<Path>) -> Value {
        let text = fs_err::read(self.0.join(name)).expect("a document of the layout");
        serde_json::from_slice(&text).expect("JSON")
    }

    pub(crate) fn blob(&self, descriptor: &Value) -> Value {
        self.json(Self::path(descriptor))
    }

    pub(crate) fn path(descriptor: &Value) -> String {
        let digest = descriptor["digest"].as_str().expect("a digest");
        format!("blobs/{}", digest.replace(':', "/"))
    }

    /// The manifests of its one image, by platform.
    pub(crate) fn manifests(&self) -> Vec<Value> {
        let index = self.blob(&self.json("index.json")["manifests"][0]);
        index["manifests"].as_array().expect("a list").iter().map(|its| self.blob(its)).collect()
    }

    pub(crate) fn blobs(&self) -> BTreeSet<String> {
        let folder = fs_err::read_dir(self.0.join("blobs/sha256")).expect("blobs");
        folder.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// The paths of a layer, as tar tells them.
    pub(crate) fn paths(&self, layer: &Value) -> Vec<String> {
        let tar = std::process::Command::new("tar").arg("-tzf").arg(self.0.join(Self::path(layer))).output();
        let tar = tar.expect("tar");
        assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
        String::from_utf8_lossy(&tar.stdout).lines().map(str::to_owned).collect()
    }
}

#[test]
fn an_image_has_the_packages_and_the_files_and_nothing_of_the_base() {
    let Some(project) = project() else { return };
    let said = build(&project, &[]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.starts_with("app@sha256:"), "{}", said.stdout);
    assert!(said.stderr.contains("Locked 1 base"), "{}", said.stderr);
    let words = "Built app:latest, app:0.1.0 for linux/amd64, linux/arm/v7 in target/pyimage/app";
    assert!(said.stderr.contains(words), "{}", said.stderr);

    let layout = OnDisk::of(&project);
    let names: Vec<_> = layout.json("index.json")["manifests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|image| image["annotations"]["org.opencontainers.image.ref.name"].clone())
        .collect();
    assert_eq!(names, ["app:0.1.0", "app:latest"]);
    for manifest in layout.manifests() {
        let layers = manifest["layers"].as_array().expect("layers");
        let (base, own): (Vec<&Value>, Vec<&Value>) =
            layers.iter().partition(|layer| !layout.0.join(OnDisk::path(layer)).exists());
        assert!(!base.is_empty(), "the base's layers are not downloaded: {manifest}");
        let paths: Vec<_> = own.iter().flat_map(|layer| layout.paths(layer)).collect();
        for path in ["usr/local/lib/python3.13/site-packages/demo.py", "usr/src/app/app/main.py"] {
            assert!(paths.iter().any(|its| its == path), "no {path} in {paths:?}");
        }
        assert!(!paths.iter().any(|path| path.contains(".env")), "{paths:?}");
        let name = &manifest["annotations"]["org.opencontainers.image.base.name"];
        assert_eq!(name, "docker.io/library/python:3.13-slim-trixie");

        let config = layout.blob(&manifest["config"]);
        let ids = config["rootfs"]["diff_ids"].as_array().expect("a list").len();
        assert_eq!(ids, layers.len());
        let settings = &config["config"];
        assert_eq!(settings["Entrypoint"], serde_json::json!(["python3", "app/main.py"]));
        assert_eq!((&settings["User"], &settings["WorkingDir"]), (&"1000".into(), &"/usr/src/app".into()));
        let env = settings["Env"].as_array().expect("variables");
        assert!(
            env.iter().any(|its| its.as_str().is_some_and(|its| its.starts_with("PATH=/opt/app:/"))),
            "{env:?}"
        );
        assert!(env.contains(&"DEBUG=1".into()), "{env:?}");
        assert_eq!(config["created"], "1970-01-01T00:00:00Z");
    }
}

#[test]
fn the_same_source_is_the_same_image_and_a_change_is_one_layer() {
    let (Some(one), Some(other)) = (project(), project()) else { return };
    let digest = built(&one, &[]);
    // Another folder, another umask, other times: the locks are what counts.
    for lock in ["pyimage.lock", "pylock.toml"] {
        other.folder.file(lock, &one.text(lock));
    }
    fs_err::set_permissions(
        other.folder.project().join("app/main.py"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .expect("a mode");
    // Its index has the same wheel at another address, which is in the lock.
    assert_eq!(built(&other, &["--locked"]), digest);

    assert_eq!(built(&one, &["--frozen"]), digest, "nothing is asked of anybody");
    let before = OnDisk::of(&one).blobs();
    one.folder.file("app/main.py", "import demo; print(demo.version)\n");
    assert_ne!(built(&one, &["--offline"]), digest);
    let after = OnDisk::of(&one).blobs();
    // A layer, an index, and a manifest and a configuration for each of the two platforms.
    assert_eq!(after.difference(&before).count(), 6);
    let dated = finish(one.command("build").env("SOURCE_DATE_EPOCH", "1700000000"));
    assert_eq!(dated.code, Some(0), "{}", dated.stderr);
    assert!(OnDisk::of(&one).manifests()[0]["annotations"].to_string().contains("2023-11-14T22:13:20Z"));
}

#[test]
fn what_is_known_of_packages_does_not_outlive_their_layers() {
    let Some(project) = project() else { return };
    let digest = built(&project, &[]);
    let cache = project.folder.cache();
    let known = |end: &str| {
        let entries = fs_err::read_dir(cache.join("layers")).expect("what is known of layers");
        let names = entries.map(|entry| entry.expect("an entry").path());
        names.filter(|path| path.extension().is_some_and(|its| its == end)).collect::<Vec<_>>()
    };
    // The first build pins bytecode, which changes the lock.
    assert_eq!(built(&project, &[]), digest);
    assert!(!known("json").is_empty());
    fs_err::remove_dir_all(project.folder.project().join("target")).expect("a layout");
    for note in known("txt") {
        fs_err::remove_file(note).expect("a note");
    }
    assert_eq!(built(&project, &[]), digest);
    assert_eq!(known("txt").len(), 0, "neither wheels nor layers were looked at");

    let layout = OnDisk::of(&project);
    let layers = layout.manifests().remove(0)["layers"].as_array().expect("layers").clone();
    let kept = |layer: &Value| cache.join(OnDisk::path(layer));
    let own: Vec<_> = layers.iter().filter(|layer| kept(layer).exists()).collect();
    fs_err::remove_file(kept(own[0])).expect("a layer");
    fs_err::remove_dir_all(project.folder.project().join("target")).expect("a layout");
    assert_eq!(built(&project, &[]), digest);
    assert!(layout.0.join(OnDisk::path(own[0])).exists());
    // A file of the project in the place of a package's is told each time.
    let path = "usr/local/lib/python3.13/site-packages/demo.py";
    let manifest = project.text("Cargo.toml");
    project
        .folder
        .file("Cargo.toml", &format!("{manifest}files = [{{ from = \"app/main.py\", to = \"/{path}\" }}]\n"));
    for _ in 0..2 {
        let run = build(&project, &[]);
        assert!(run.stderr.contains("is replaced by"), "{}", run.stderr);
    }
}

#[test]
fn of_files_that_several_packages_have_the_last_one_is_there() {
    let Some(project) = project() else { return };
    project.folder.file("requirements.txt", "alpha\nbeta\ngamma\nzeta\n");
    let run = build(&project, &["--platform", "linux/amd64"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let words = "shared.py` of gamma-1.0-py3-none-any.whl is replaced by that of zeta-1.0-py3-none-any.whl";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    let layout = OnDisk::of(&project);
    let path = "usr/local/lib/python3.13/site-packages/shared.py";
    let manifest = layout.manifests().remove(0);
    let layers = manifest["layers"].as_array().expect("layers");
    let own = layers.iter().filter(|layer| layout.0.join(OnDisk::path(layer)).exists());
    let having: Vec<_> = own.filter(|layer| layout.paths(layer).iter().any(|its| its == path)).collect();
    let top = having.last().expect("a layer with it");
    let tar = std::process::Command::new("tar")
        .args(["-xzOf".as_ref(), layout.0.join(OnDisk::path(top)).as_os_str(), path.as_ref()])
        .output();
    assert_eq!(String::from_utf8_lossy(&tar.expect("tar").stdout), "zeta");
    assert_eq!(built(&project, &["--platform", "linux/amd64", "--offline"]), run.stdout);
}

#[test]
fn layers_are_counted_before_anything_is_fetched() {
    let on = |count: usize| {
        let base = move |repository: &tests::Repository, platform: &str| {
            let names: Vec<_> = (0..count).map(|place| format!("etc/{place}")).collect();
            let files: Vec<_> = names.iter().map(|name| [(name.as_str(), "")]).collect();
            let layers: Vec<&[(&str, &str)]> = files.iter().map(|file| &file[..]).collect();
            repository.image_of(tests::Format::Oci, platform, "3.13.5", &layers, false)
        };
        let section = "requirements = \"requirements.txt\"\nsource = [\"app\"]\n";
        let project = Project::on(section, &[], base)?;
        project.folder.file("requirements.txt", "demo==1.0\n").file("app/main.py", "import demo\n");
        Some(project)
    };
    let Some(project) = on(126) else { return };
    // Which looks at what the wheel says of itself.
    assert_eq!(finish(&mut project.command("lock")).code, Some(0));
    let asked = project.asked();
    let run = build(&project, &["--platform", "linux/amd64"]);
    failed(
        &run,
        &[
            "could not assemble `app for linux/amd64`",
            "the image would have 128 layers, and engines take 127",
            "help: take a base with fewer layers than 126",
        ],
    );
    assert_eq!(project.asked(), asked);
    let Some(project) = on(125) else { return };
    built(&project, &["--platform", "linux/amd64"]);
    let manifest = OnDisk::of(&project).manifests().remove(0);
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(127));
}

#[test]
fn what_cannot_be_built_is_told() {
    let Some(project) = project() else { return };
    failed(&build(&project, &["--locked"]), &["there is no", "pyimage.lock", "cargo pyimage lock"]);
    built(&project, &["--platform", "linux/amd64"]);
    assert_eq!(OnDisk::of(&project).manifests().len(), 1);
    failed(
        &build(&project, &["--platform", "linux/s390x"]),
        &["the image of `app` is not for linux/s390x", "`platforms` in Cargo.toml"],
    );
    failed(&build(&project, &["--image", "web"]), &["there is no image `web`", "`app`"]);
    failed(&build(&project, &["-t", "a b"]), &["`a b` is no tag of an image"]);
    let dated = finish(project.command("build").env("SOURCE_DATE_EPOCH", "today"));
    failed(&dated, &["`SOURCE_DATE_EPOCH` is `today`"]);

    project.folder.file("requirements.txt", "demo\nhelper\n");
    failed(&build(&project, &["--locked"]), &["pylock.toml` is stale", "`requirements.txt` has changed"]);
    built(&project, &[]);
    let manifest = project.text("Cargo.toml");
    project.folder.file("Cargo.toml", &manifest.replace("\"app\"]", "\"app\", \"nosuch\"]"));
    failed(&build(&project, &[]), &["could not tell which files go into the image of `app`", "`nosuch`"]);
    project.folder.file("Cargo.toml", &manifest).file("requirements.txt", "native\n");
    failed(&build(&project, &[]), &["native"]);
}

#[test]
fn several_images_of_a_package() {
    let images = "source = [\"app\"]\n[package.metadata.pyimage.images.web]\nrequirements = \"requirements.txt\"\n\
                  [package.metadata.pyimage.images.worker]\ncmd = [\"work\"]\nname = \"jobs\"\n";
    let Some(project) = Project::new(images) else { return };
    project.folder.file("requirements.txt", "demo\n").file("app/main.py", "");
    let one = ["--platform", "linux/amd64"];
    let all = built(&project, &one);
    let names: Vec<_> = all.lines().filter_map(|line| line.split_once('@')).map(|(name, _)| name).collect();
    assert_eq!(names, ["app-web", "jobs"]);
    let target = project.folder.project().join("target/pyimage");
    assert!(target.join("app-web/index.json").is_file() && target.join("app-worker/index.json").is_file());
    assert!(project.folder.project().join("pylock.web.toml").is_file());
    for name in ["worker", "app-worker"] {
        let run = built(&project, &["--image", name, one[0], one[1], "--locked"]);
        assert_eq!(Some(run.trim_end()), all.lines().last(), "{name}");
    }
    failed(&build(&project, &["--image", "db"]), &["there is no image `db`", "`app-web`, `app-worker`"]);
    failed(
        &finish(project.command("sbom").args(["--image", "app"])),
        &["there is more than one image", "name the one: `--image app-web`"],
    );

    let manifest = project.text("Cargo.toml");
    project.folder.file("Cargo.toml", &manifest.replace("\"jobs\"", "\"app-web\""));
    failed(&build(&project, &[]), &["`app-web:latest` is the image of `app-web` and of `app-worker`"]);
    project.folder.file("Cargo.toml", &manifest.replace("cmd =", "cdm ="));
    let line = manifest.lines().position(|line| line.starts_with("cmd")).expect("the key") + 1;
    failed(
        &build(&project, &[]),
        &[
            "unknown key `package.metadata.pyimage.images.worker.cdm`",
            &format!("Cargo.toml:{line}`"),
            "`cmd`",
        ],
    );
}

#[test]
fn a_variable_that_cannot_be_is_told_with_its_place() {
    let Some(project) =
        Project::new("source = [\"app\"]\n\n[package.metadata.pyimage.env]\nHOME = \"${PAHT}:/x\"\n")
    else {
        return;
    };
    project.folder.file("app/main.py", "");
    let manifest = project.folder.project().join("Cargo.toml");
    let text = fs_err::read_to_string(&manifest).expect("a manifest");
    let line = text.lines().position(|line| line.starts_with("HOME")).expect("its line") + 1;
    let place = format!(
        "could not assemble `app for linux/amd64`: `package.metadata.pyimage.env.HOME` in `{}:{line}`",
        manifest.display()
    );
    let what = "the variable `HOME` has `${PAHT}`, which the base does not have";
    failed(
        &build(&project, &["--platform", "linux/amd64"]),
        &[&place, what, "help: did you mean `${PATH}`?"],
    );
}
