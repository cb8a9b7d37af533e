//! Where images go (`--output`, `pull`), what programs are told of them, and what they say of themselves.

use std::process::Command;

use serde_json::Value;
use tests::{Fault, Setting, TAG, finish, part};

use crate::sbom::{Project, failed, succeeded};

/// A document of a layout.
fn document(project: &Project, layout: &str, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().expect("a digest").replace(':', "/");
    json(project, &format!("{layout}/blobs/{digest}"))
}

fn json(project: &Project, file: &str) -> Value {
    let text = fs_err::read(project.folder.project().join(file)).expect("the file");
    serde_json::from_slice(&text).expect("JSON")
}

fn is_there(project: &Project, file: &str) -> bool {
    project.folder.project().join(file).exists()
}

/// git in the project's folder, as somebody.
fn git(project: &Project, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(project.folder.project()).args(["-c", "user.name=me", "-c", "user.email=me@example.org"]);
    succeeded(&finish(git.args(arguments))).trim().to_owned()
}

#[test]
fn programs_are_told_what_was_built() {
    let Some(project) = Project::new() else { return };
    let built =
        project.run(&["build", "--message-format", "json", "--metadata-file", "built.json", "--sbom"]);
    let message: Value = serde_json::from_str(succeeded(&built)).expect("one line of JSON");
    assert_eq!(built.stdout.lines().count(), 1);
    assert_eq!((&message["reason"], &message["image"]), (&"image".into(), &"app".into()));
    let digest = message["digest"].as_str().expect("a digest");
    assert_eq!(message["reference"], format!("{}@{digest}", message["name"].as_str().expect("a name")));
    let layout = message["layouts"][0].as_str().expect("a layout");
    assert!(layout.starts_with('/') && layout.ends_with("/target/pyimage/app"), "{layout}");
    let platforms = message["platforms"].as_array().expect("platforms");
    assert_eq!(platforms.len(), 2);
    for platform in platforms {
        let manifest = document(&project, "target/pyimage/app", &platform["manifest"]);
        assert_eq!(manifest["config"]["digest"], platform["config"]["digest"]);
        let layers = platform["layers"].as_array().expect("layers");
        assert_eq!(layers.len(), manifest["layers"].as_array().expect("layers").len());
        assert!(layers[0]["base"] == true && layers[layers.len() - 1]["base"] == false, "{layers:?}");
        let size: u64 = layers.iter().filter_map(|layer| layer["size"].as_u64()).sum();
        assert_eq!(platform["size"], size);
    }
    assert_eq!(message["sboms"].as_array().map(Vec::len), Some(3));
    assert_eq!(json(&project, "built.json")["images"][0], message);

    let pushed = project.run(&["push", "--message-format", "json", "--metadata-file", "pushed.json"]);
    let pushed: Value = serde_json::from_str(succeeded(&pushed)).expect("one line of JSON");
    project.target.adopt("latest");
    assert_eq!(pushed["digest"], message["digest"]);
    assert_eq!((&pushed["pushed"], pushed["sboms"].as_array().map(Vec::len)), (&pushed["tags"], Some(0)));
    assert_eq!(json(&project, "pushed.json")["images"][0], pushed);
}

#[test]
fn an_image_goes_where_it_is_asked_to_and_nowhere_else() {
    let Some(project) = Project::new() else { return };
    let all =
        ["-o", "dist", "-o", "app.tar", "-o", "docker:one.tar", "-o", "oci.tar", "--message-format", "json"];
    let built = project.run(&[&["build"], &all[..]].concat());
    let message: Value = serde_json::from_str(succeeded(&built)).expect("JSON");
    assert_eq!(message["layouts"].as_array().map(Vec::len), Some(1));
    assert_eq!(message["archives"].as_array().map(Vec::len), Some(3));
    assert!(is_there(&project, "dist/index.json") && !is_there(&project, "target/pyimage/app"));
    let listed = |file: &str| {
        let mut tar = Command::new("tar");
        finish(tar.arg("-tf").arg(project.folder.project().join(file))).stdout
    };
    assert!(listed("app.tar").contains("index.json") && listed("one.tar").contains("manifest.json"));
    assert_eq!(listed("target/pyimage/app.oci.tar"), listed("app.tar"));
    assert!(
        built.stderr.contains("in dist, app.tar, one.tar, target/pyimage/app.oci.tar"),
        "{}",
        built.stderr
    );
    assert_eq!(project.hub.count("PUT", "*"), 0);

    failed(&project.run(&["build", "-o", "engine"]), &["no container engine answers"]);
    let pushed = project.run(&["build", "-o", "registry"]);
    succeeded(&pushed);
    project.target.adopt("latest");
    assert!(
        pushed.stderr.contains("Pushed ") && !is_there(&project, "target/pyimage/app"),
        "{}",
        pushed.stderr
    );
    for (arguments, words) in [
        (&["--to", "me/app"][..], "add `--push`"),
        (&["-o", "engine", "--no-load"], "contradict each other"),
        (&["--message-format", "xml"], "possible values: human, json"),
    ] {
        let wrong = project.run(&[&["build"], arguments].concat());
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""), "{}", wrong.stderr);
        assert!(wrong.stderr.contains(words), "{}", wrong.stderr);
    }
    failed(
        &project.run(&["build", "--metadata-file", "missing/x.json"]),
        &["could not write `missing/x.json`"],
    );
}

#[test]
fn an_image_says_where_its_source_is() {
    let Some(project) = Project::new() else { return };
    let manifest = fs_err::read_to_string(project.folder.project().join("Cargo.toml")).expect("a manifest");
    let facts =
        "edition = \"2021\"\nrepository = \"https://example.org/app\"\nlicense = \"MIT/Apache-2.0\"\n";
    let described = manifest.replace("edition = \"2021\"\n", &format!("{facts}description = \"An app\"\n"));
    let described = format!("{described}labels = {{ \"org.opencontainers.image.title\" = \"Ours\" }}\n");
    project.folder.file("Cargo.toml", &described).file(".gitignore", "target\n");
    let says = |key: &str| -> [Value; 3] {
        succeeded(&project.run(&["build"]));
        let key = format!("org.opencontainers.image.{key}");
        let listed = json(&project, "target/pyimage/app/index.json");
        let name = |its: &Value| its["annotations"]["org.opencontainers.image.ref.name"].to_string();
        let mut listed = listed["manifests"].as_array().expect("a list").iter();
        let latest = listed.find(|its| name(its).ends_with(":latest\"")).expect("the latest");
        let index = document(&project, "target/pyimage/app", latest);
        let manifest = document(&project, "target/pyimage/app", &index["manifests"][0]);
        let config = document(&project, "target/pyimage/app", &manifest["config"]);
        [&index["annotations"], &manifest["annotations"], &config["config"]["Labels"]]
            .map(|all| all[&key].clone())
    };
    for (key, value) in [
        ("source", "https://example.org/app"),
        ("licenses", "MIT OR Apache-2.0"),
        ("description", "An app"),
        ("version", "0.1.0"),
    ] {
        assert!(says(key).iter().all(|said| said == value), "{key}: {:?}", says(key));
    }
    assert_eq!(says("title"), ["app", "app", "Ours"], "the project's own label stays");
    assert_eq!(says("revision"), [Value::Null, Value::Null, Value::Null], "it is in no repository");
    let told = project.run(&["build", "-t", "{git.sha}"]);
    failed(
        &told,
        &["the tag `{git.sha}` asks for the commit", "not a git repository", "other tags with `-t`"],
    );
    failed(
        &project.run(&["build", "-t", "{verson}"]),
        &["`{verson}`, which there is not", "did you mean `{version}`?"],
    );

    git(&project, &["init", "-q"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-q", "-m", "first"]);
    let commit = git(&project, &["rev-parse", "HEAD"]);
    assert!(says("revision").iter().all(|said| *said == commit.as_str()), "{:?}", says("revision"));
    let tagged = project.run(&["build", "-t", "{version}-{git.short-sha}", "-t", "{git.sha}"]);
    let names = format!(":0.1.0-{}, ", &commit[..7]);
    assert!(
        tagged.stderr.contains(&names) && tagged.stderr.contains(&format!(":{commit} for")),
        "{}",
        tagged.stderr
    );

    // Another clone is the same image; what goes into no image does not count, and what does is told.
    let clone = project.folder.root().join("clone");
    git(&project, &["clone", "-q", ".", &clone.to_string_lossy()]);
    let there = finish(project.command(&["build"]).current_dir(&clone));
    assert_eq!(succeeded(&there), succeeded(&project.run(&["build"])));
    project.folder.file("README.md", "for people\n");
    assert_eq!(succeeded(&project.run(&["build"])), there.stdout);
    project.folder.file("main.py", "print('changed')\n");
    assert_eq!(says("revision")[0], Value::Null, "this is not what the commit has");
    project
        .folder
        .file("Cargo.toml", &described.replace("pylock =", "tags = [\"{git.short-sha}\"]\npylock ="));
    let told = project.run(&["build"]).stderr;
    assert!(told.contains(&format!("what goes into it is not what {} has", &commit[..7])), "{told}");
}

#[test]
fn an_image_is_pulled_and_only_what_is_missing() {
    let Some(project) = Project::new() else { return };
    let pushed = project.run(&["push"]);
    let reference = succeeded(&pushed).to_owned();
    project.target.adopt("latest");
    fs_err::remove_dir_all(project.folder.project().join("target/pyimage")).expect("the layout");
    fs_err::remove_dir_all(project.folder.root().join("cache/blobs")).expect("the cache");
    project.hub.on("GET", "*/blobs/*", Fault::DropAfter(20).times(2));
    let first = project.run(&["pull"]);
    assert_eq!(succeeded(&first), reference);
    assert!(
        first.stderr.contains("to ") && first.stderr.contains("/target/pyimage/app ("),
        "{}",
        first.stderr
    );
    let index = document(
        &project,
        "target/pyimage/app",
        &json(&project, "target/pyimage/app/index.json")["manifests"][0],
    );
    for image in index["manifests"].as_array().expect("images") {
        let manifest = document(&project, "target/pyimage/app", image);
        for layer in manifest["layers"].as_array().expect("layers") {
            let path = layer["digest"].as_str().expect("a digest").replace(':', "/");
            assert!(
                is_there(&project, &format!("target/pyimage/app/blobs/{path}")),
                "also the base's: {path}"
            );
        }
    }
    let asked = project.hub.count("GET", "*/blobs/*");
    let again = project.run(&["pull"]);
    assert_eq!(succeeded(&again), reference);
    assert!(again.stderr.contains("(all of it was there)"), "{}", again.stderr);
    assert_eq!(project.hub.count("GET", "*/blobs/*"), asked);

    let name = reference.split('@').next().expect("a name");
    let one = project.run(&["pull", name, "--platform", "linux/amd64", "-o", "one"]);
    let digest = succeeded(&one).trim().split_once('@').expect("a digest").1.to_owned();
    assert_eq!(index["manifests"][0]["digest"], digest);
    assert_eq!(json(&project, "one/index.json")["manifests"][0]["digest"], digest);

    failed(&project.run(&["pull", name]), &["where is `127.0.0.1:", "`-o DIR`", "`--load`"]);
    let words = ["is not for linux/s390x", "`--platform linux/arm/v7`"];
    failed(&project.run(&["pull", "--platform", "linux/s390x"]), &words);
    failed(&project.run(&["pull", "Me/App", "-o", "x"]), &["`Me/App` is no image"]);
    failed(&project.run(&["pull", &format!("{name}:none"), "-o", "x"]), &["could not pull `", ":none`"]);
}

/// An engine pulls by itself; what it cannot reach it is sent.
#[test]
fn an_image_is_pulled_into_an_engine() {
    let Some(registry) = part("TESTBED_REGISTRY") else { return };
    let settings = [Setting::docker_of_root(), Setting::containerd_of_root(), Setting::rootless_docker()];
    for setting in settings.into_iter().flatten() {
        let Some(project) = Project::new() else { return };
        let manifest =
            fs_err::read_to_string(project.folder.project().join("Cargo.toml")).expect("a manifest");
        let manifest = manifest
            .replace("3.13-slim-trixie", TAG)
            .replace("\"linux/amd64\", \"linux/arm/v7\"", "\"linux/amd64\"");
        let manifest = format!("{manifest}entrypoint = [\"python3\", \"main.py\"]\n");
        let unique = format!("print('{}')\n", project.target.name());
        project.folder.file("Cargo.toml", &manifest).file("main.py", &unique);
        let name = project.target.reference_at(&registry, "").trim_end_matches(':').to_owned();
        let run = |arguments: &[&str]| {
            let mut command = project.command(arguments);
            command
                .env("PYIMAGE_MIRRORS", format!("http://{registry}"))
                .env("DOCKER_HOST", setting.address());
            finish(&mut command)
        };
        succeeded(&run(&["push", "--to", &name]));
        project.target.adopt("latest");
        let image = format!("{name}:latest");
        let pulled = run(&["pull", &image, "--load"]);
        assert_eq!(succeeded(&pulled), format!("{image}\n"));
        let ran = setting.cli(["run", "--rm", &image]);
        let removed = setting.cli(["rmi", "-f", &image]);
        assert_eq!(succeeded(&ran), format!("{}\n", project.target.name()), "{}", pulled.stderr);
        assert_eq!(removed.code, Some(0), "{}", removed.stderr);
    }
}
