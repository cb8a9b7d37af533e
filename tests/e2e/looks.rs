//! `cargo pyimage inspect`, `tree`, `diff` and `verify`: images are told as they are, wherever they are.

use std::process::Command;

use serde_json::Value;
use tests::{FaultyRegistry, Finished, Folder, Format, Repository, Setting, TAG, finish, part, with_cargo};

use crate::lock_packages::Project;

const SECTION: &str = "requirements = \"requirements.txt\"\nsource = [\"app\"]\nentrypoint = [\"python3\", \"app/main.py\"]\n\
                       env = { DEBUG = 1 }\nuser = \"1000\"\nexpose = [\"8000\"]\nlabels = { team = \"red\" }\n";

fn project() -> Option<Project> {
    let project = Project::new(SECTION)?;
    project.folder.file("requirements.txt", "demo<2\n").file("app/main.py", "import demo\n");
    Some(project)
}

fn run(project: &Project, command: &str, arguments: &[&str]) -> Finished {
    finish(project.command(command).args(arguments))
}

#[track_caller]
fn told(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

#[track_caller]
fn json(run: &Finished) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

#[track_caller]
fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn numbers(values: &[Value], key: &str) -> u64 {
    values.iter().filter_map(|value| value[key].as_u64()).sum()
}

#[test]
fn an_image_is_told_the_same_in_memory_in_a_folder_and_in_an_archive() {
    let Some(project) = project() else { return };
    let own = run(&project, "inspect", &["--format", "json"]);
    told(&own);
    let own = json(&own);
    assert!(!project.folder.project().join("target/pyimage").exists(), "nothing is written");
    let platforms: Vec<_> = list(&own["platforms"]).iter().map(|its| its["platform"].clone()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm/v7"]);
    for image in list(&own["platforms"]) {
        assert_eq!(image["base"]["name"], "python:3.13-slim-trixie");
        let layers = list(&image["layers"]);
        let (base, added): (Vec<&Value>, Vec<&Value>) = layers.iter().partition(|its| its["of_base"] == true);
        assert!(
            base.iter().all(|its| its["unpacked"].is_null() && its["size"].as_u64() > Some(0)),
            "{base:?}"
        );
        assert!(added.iter().all(|its| its["unpacked"].as_u64() > Some(0)), "{added:?}");
        assert_eq!(image["size"].as_u64(), Some(numbers(layers, "size")));
        let wheels = list(&image["wheels"]);
        assert_eq!((&wheels[0]["name"], &wheels[0]["version"]), (&"demo".into(), &"1.0".into()));
        // All of its layer is the wheel's.
        assert_eq!(wheels[0]["size"], layers[base.len()]["unpacked"]);
        assert_eq!(image["config"]["entrypoint"], serde_json::json!(["python3", "app/main.py"]));
        assert_eq!(image["config"]["ports"], serde_json::json!(["8000/tcp"]));
        assert_eq!(
            (&image["config"]["user"], &image["config"]["labels"]["team"]),
            (&"1000".into(), &"red".into())
        );
    }

    told(&run(&project, "build", &["--locked"]));
    for place in ["target/pyimage/app", "./target/pyimage/app:latest", "target/pyimage/app:app:latest"] {
        let there = json(&run(&project, "inspect", &[place, "--format", "json"]));
        assert_eq!(there["platforms"], own["platforms"], "{place}");
        assert_eq!(there["digest"], own["digest"], "{place}");
    }
    told(&run(&project, "save", &["app.tar", "--sparse"]));
    let archive = json(&run(&project, "inspect", &["app.tar", "--format", "json"]));
    assert_eq!(archive["platforms"], own["platforms"]);

    let table = run(&project, "inspect", &["app.tar", "--platform", "linux/arm/v7"]);
    let words = [
        "linux/arm/v7\n",
        "base, not here",
        "wheels: demo",
        "source",
        "demo 1.0",
        "8000/tcp",
        "DEBUG=1",
        "team=red",
    ];
    for word in words {
        assert!(told(&table).contains(word), "no {word:?} in {}", table.stdout);
    }
    assert!(!table.stdout.contains("linux/amd64\n"), "{}", table.stdout);
}

/// Looks at every node, and gives how many there are.
fn check(node: &Value) -> usize {
    let parts = list(&node["c"]);
    if !parts.is_empty() {
        assert_eq!(node["s"].as_u64(), Some(numbers(parts, "s")), "{node}");
    }
    1 + parts.iter().map(check).sum::<usize>()
}

#[test]
fn a_tree_adds_up_here_and_on_its_page() {
    let Some(project) = project() else { return };
    let tree = run(&project, "tree", &[]);
    for word in [
        "linux/amd64  ",
        "base",
        "packed, not here",
        "wheels: demo",
        "demo.py",
        "source",
        "shared with linux/arm/v7",
    ] {
        assert!(told(&tree).contains(word), "no {word:?} in {}", tree.stdout);
    }
    assert!(tree.stdout.contains("the same as for linux/amd64"), "{}", tree.stdout);

    let page = run(&project, "tree", &["--html", "tree.html", "--offline"]);
    assert_eq!(told(&page), "");
    assert!(page.stderr.contains("Wrote tree.html"), "{}", page.stderr);
    let page = project.text("tree.html");
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="), "{page}");
    let (_, data) = page.split_once("<script id=\"data\" type=\"application/json\">").expect("the data");
    let data: Value = serde_json::from_str(data.split_once("</script>").expect("its end").0).expect("JSON");
    let report = json(&run(&project, "inspect", &["--format", "json"]));
    assert_eq!(data["digest"], report["digest"]);
    for (tree, image) in list(&data["platforms"]).iter().zip(list(&report["platforms"])) {
        assert!(check(&tree["root"]) > 5, "{tree}");
        assert_eq!(tree["platform"], image["platform"]);
        assert_eq!(tree["packed"], image["size"]);
        let layers = list(&image["layers"]);
        let expected: u64 =
            layers.iter().filter_map(|its| its["unpacked"].as_u64().or(its["size"].as_u64())).sum();
        assert_eq!(tree["root"]["s"].as_u64(), Some(expected));
        assert_eq!(list(&tree["root"]["c"]).len(), layers.len());
    }
}

#[test]
fn what_differs_is_told_with_its_layer_wheel_file_and_value() {
    let Some(project) = project() else { return };
    told(&run(&project, "save", &["before.tar", "--sparse"]));
    let same = run(&project, "diff", &["before.tar"]);
    assert_eq!((told(&same), same.stderr.as_str()), ("", ""));
    assert_eq!(
        json(&run(&project, "diff", &["before.tar", "before.tar", "--format", "json"]))["equal"],
        true
    );

    project.folder.file("requirements.txt", "demo\n").file("app/main.py", "import demo, sys\n");
    project
        .folder
        .file("app/new.py", "")
        .file("Cargo.toml", &project.text("Cargo.toml").replace("red", "blue"));
    told(&run(&project, "lock", &["--update", "demo"]));
    let differs = run(&project, "diff", &["before.tar", "--format", "json"]);
    assert_eq!(differs.code, Some(1), "{}", differs.stderr);
    let found = json(&differs);
    assert_eq!((&found["equal"], list(&found["platforms"]).len()), (&false.into(), 2));
    for image in list(&found["platforms"]) {
        let wheels: Vec<_> =
            list(&image["wheels"]).iter().map(|its| (&its["name"], &its["a"], &its["b"])).collect();
        let text = |text: &str| Value::from(text);
        let expected = [(text("demo"), text("1.0"), text("2.0")), (text("helper"), Value::Null, text("1.0"))];
        assert_eq!(wheels, expected.iter().map(|(name, a, b)| (name, a, b)).collect::<Vec<_>>());
        let file = |path: &str| list(&image["files"]).iter().find(|its| its["path"] == path).cloned();
        let main = file("usr/src/app/app/main.py").expect("it has changed");
        assert_eq!((&main["a"]["size"], &main["b"]["size"]), (&12.into(), &17.into()));
        assert_ne!(main["a"]["digest"], main["b"]["digest"]);
        assert!(file("usr/src/app/app/new.py").expect("it is new")["a"].is_null());
        let values: Vec<_> = list(&image["values"]).iter().map(|its| its["name"].clone()).collect();
        assert_eq!(values, ["label team"]);
        assert!(
            list(&image["layers"]).iter().all(|its| its["is_read"] == true && its["a"]["of_base"] != true)
        );
    }
    let table = run(&project, "diff", &["before.tar", "--offline"]);
    assert_eq!(table.code, Some(1));
    for line in [
        "linux/amd64, linux/arm/v7\n",
        "~ label team: red → blue",
        "~ wheel demo 1.0 → 2.0",
        "+ wheel helper 1.0",
        "~ usr/src/app/app/main.py  12 B → 17 B",
        "+ usr/src/app/app/new.py  0 B 0644",
        " (source): ",
    ] {
        assert!(table.stdout.contains(line), "no {line:?} in {}", table.stdout);
    }
    let fewer = run(&project, "diff", &["before.tar", "--platform", "linux/amd64"]);
    assert!(fewer.code == Some(1) && !fewer.stdout.contains("arm"), "{}", fewer.stdout);
    failed(&run(&project, "diff", &["before.tar", "./missing.tar"]), &["there is no `./missing.tar`"]);
}

#[test]
fn what_deceives_or_is_damaged_is_told() {
    let Some(project) = project() else { return };
    project.folder.file("app/\u{1b}[2J\u{202e}</script>.py", "x");
    let manifest = project.text("Cargo.toml").replace("\"red\"", "\"red\\u001B[2Jblue\"");
    project.folder.file("Cargo.toml", &manifest);
    told(&run(&project, "save", &["app.tar", "--sparse"]));
    for (command, arguments) in [
        ("inspect", &["app.tar"][..]),
        ("tree", &["app.tar", "--depth", "9"]),
        ("diff", &["app.tar", "python:3.13-slim-trixie"]),
    ] {
        let said = run(&project, command, arguments);
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{command}: {text:?}");
    }
    assert!(told(&run(&project, "inspect", &["app.tar"])).contains(r"team=red\u{1b}[2Jblue"));
    told(&run(&project, "tree", &["app.tar", "--html", "tree.html"]));
    assert_eq!(project.text("tree.html").matches("</script>").count(), 2);

    told(&run(&project, "build", &[]));
    let layout = project.folder.project().join("target/pyimage/app/blobs/sha256");
    let report = json(&run(&project, "inspect", &["target/pyimage/app", "--format", "json"]));
    let layers = list(&report["platforms"][0]["layers"]);
    let source = layers.last().and_then(|its| its["digest"].as_str()).expect("a digest").to_owned();
    let blob = layout.join(&source[7..]);
    let mut bytes = fs_err::read(&blob).expect("a layer");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(&blob, &bytes).expect("a layer");
    failed(&run(&project, "inspect", &["target/pyimage/app"]), &[&source, "is damaged"]);
    // One that is too short is no more there than one that is missing.
    fs_err::write(&blob, &bytes[..middle]).expect("a layer");
    assert!(told(&run(&project, "inspect", &["target/pyimage/app"])).contains("source, not here"));
    let manifest = report["platforms"][0]["digest"].as_str().expect("a digest");
    let index = project.folder.project().join("target/pyimage/app/index.json");
    let whole = fs_err::read_to_string(&index).expect("an index");
    let deceiving = whole.replacen("application/vnd.oci.image.index", "\\u001b[2J", 1);
    fs_err::write(&index, deceiving).expect("an index");
    let said = run(&project, "inspect", &["target/pyimage/app"]);
    assert_eq!(said.code, Some(101), "{}", said.stdout);
    assert!(!said.stderr.contains('\u{1b}') && said.stderr.contains(r"\u{1b}[2J"), "{:?}", said.stderr);
    fs_err::write(&index, whole).expect("an index");
    fs_err::write(layout.join(&manifest[7..]), "{}").expect("a manifest");
    failed(&run(&project, "inspect", &["target/pyimage/app"]), &["does not have the digest"]);
    project.folder.file("none/file", "").file("text.tar", "no archive");
    failed(&run(&project, "inspect", &["none"]), &["is no image layout", "is named with its tag"]);
    failed(&run(&project, "inspect", &["text.tar"]), &["`text.tar` is no archive of images"]);
    failed(&run(&project, "inspect", &["A b"]), &["`A b` is neither a file or folder"]);
    let missing = run(&project, "inspect", &["app.tar", "--platform", "linux/s390x"]);
    failed(&missing, &["`app.tar` is not for linux/s390x", "it is for linux/amd64, linux/arm/v7"]);
}

#[test]
fn a_proof_relies_on_no_layer_of_the_cache() {
    let Some(project) = project() else { return };
    told(&run(&project, "build", &["--no-load"]));
    let verify = || run(&project, "verify", &["target/pyimage/app"]);
    let reference = told(&verify()).to_owned();
    let report = json(&run(&project, "inspect", &["target/pyimage/app", "--format", "json"]));
    let layers = list(&report["platforms"][0]["layers"]);
    let of_wheels = layers.iter().filter(|its| its["of_base"] == false && its["step"] != "source");
    let digests: Vec<_> = of_wheels.filter_map(|its| its["digest"].as_str()).collect();
    assert!(!digests.is_empty(), "{layers:?}");
    let cache = project.folder.cache();

    // A blob that is damaged, and as long as it should be.
    let blob = cache.join("blobs/sha256").join(&digests[0][7..]);
    let whole = fs_err::read(&blob).expect("a layer");
    fs_err::remove_file(&blob).expect("a layer");
    fs_err::write(&blob, vec![7; whole.len()]).expect("a layer");
    assert_eq!(told(&verify()), reference);
    assert!(fs_err::read(&blob).expect("a layer") == whole, "it was made anew");

    // None of them, and nothing that is known of them.
    for digest in &digests {
        fs_err::remove_file(cache.join("blobs/sha256").join(&digest[7..])).expect("a layer");
    }
    fs_err::remove_dir_all(cache.join("layers")).expect("what is known of layers");
    assert_eq!(told(&verify()), reference);
}

#[test]
fn an_image_of_the_project_has_its_name_in_a_diff() {
    let Some(project) = project() else { return };
    told(&run(&project, "save", &["before.tar", "--sparse"]));
    let diff = |a: &str, b: &str| run(&project, "diff", &[a, b]);
    for name in ["app", "app:latest"] {
        assert_eq!(told(&diff("before.tar", name)), "", "{name}");
        assert_eq!(told(&diff(name, "before.tar")), "", "{name}");
    }
    let manifest = project.text("Cargo.toml");
    project.folder.file(
        "Cargo.toml",
        &format!("{manifest}[package.metadata.pyimage.images]\none = {{ env = {{ WHO = \"one\" }} }}\ntwo = {{ env = {{ WHO = \"two\" }} }}\n"),
    );
    let found = diff("app-one", "app-two");
    assert_eq!(found.code, Some(1), "{}{}", found.stdout, found.stderr);
    assert!(
        found.stdout.contains("WHO") && found.stdout.contains("one") && found.stdout.contains("two"),
        "{}",
        found.stdout
    );
    // What is there as a file is a file.
    project.folder.file("app-one", "no archive");
    failed(&diff("app-one", "app-two"), &["`app-one` is no archive of images"]);
}

/// A project whose image is a base and one source file, and a repository for it.
struct Pushing {
    folder: Folder,
    /// The base's repository: it goes away with this.
    _base: Repository,
    target: Repository,
    hub: FaultyRegistry,
}

impl Pushing {
    fn new() -> Option<Self> {
        let folder = Folder::new();
        let base = Repository::new(&folder)?;
        let hub = FaultyRegistry::start()?;
        hub.serve(&base, "library/python");
        let images = ["linux/amd64", "linux/arm/v7"]
            .map(|platform| (platform, base.image(Format::Oci, platform, "3.13.5")));
        let images: Vec<_> = images.iter().map(|(platform, image)| (*platform, image)).collect();
        base.index("3.13-slim-trixie", Format::Oci, &images, false);
        let target = base.beside("app");
        let name = target.reference_at(&hub.host(), "");
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
             tag = \"3.13-slim-trixie\"\nbytecode = \"none\"\nplatforms = [\"linux/amd64\", \"linux/arm/v7\"]\nname = \"{}\"\n\
             source = [\"main.py\"]\nentrypoint = [\"python3\", \"main.py\"]\n",
            name.trim_end_matches(':')
        );
        folder.file("Cargo.toml", &manifest).file("src/lib.rs", "").file("main.py", "print('one')\n");
        Some(Self { folder, _base: base, target, hub })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.pyimage([]);
        command.args(arguments).env("PYIMAGE_MIRRORS", self.hub.url());
        with_cargo(&mut command);
        command
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command(arguments))
    }

    #[track_caller]
    fn push(&self, tag: &str, arguments: &[&str]) -> String {
        let pushed = finish(self.command(&["push", "-t", tag]).args(arguments));
        told(&pushed);
        self.target.adopt(tag);
        self.target.reference_at(&self.hub.host(), tag)
    }
}

#[test]
fn an_image_is_verified_where_it_is_what_the_source_gives() {
    let Some(project) = Pushing::new() else { return };
    let image = project.push("1.0", &[]);
    let lock = fs_err::read_to_string(project.folder.project().join("pyimage.lock")).expect("a lock");
    let verified = project.run(&["verify", &image]);
    let reference = told(&verified).trim_end().to_owned();
    assert!(reference.contains("@sha256:"), "{reference}");
    let words = format!("Verified {image} for linux/amd64, linux/arm/v7");
    assert!(verified.stderr.contains(&words), "{}", verified.stderr);
    assert_eq!(told(&project.run(&["verify", &reference])).trim_end(), reference);
    // For some of its platforms, and one of them alone.
    let some = project.push("some", &["--platform", "linux/arm/v7"]);
    assert!(project.run(&["verify", &some]).stderr.contains("for linux/arm/v7\n"));
    let report = json(&project.run(&["inspect", &image, "--format", "json"]));
    let (name, _) = reference.split_once('@').expect("a digest");
    let alone = format!("{name}@{}", report["platforms"][1]["digest"].as_str().expect("a digest"));
    assert_eq!(told(&project.run(&["verify", &alone])).trim_end(), alone);

    project.folder.file("main.py", "print('two!')\n");
    failed(
        &project.run(&["verify", &image]),
        &[
            "is not what this source gives",
            "linux/amd64, linux/arm/v7",
            "layer 2 (source)",
            "~ usr/src/app/main.py  13 B → 14 B",
            "cargo pyimage diff",
        ],
    );
    project.folder.file("main.py", "print('one')\n");
    let mut dated = project.command(&["verify", &image]);
    let dated = finish(dated.env("SOURCE_DATE_EPOCH", "1700000000"));
    failed(&dated, &["is not what this source gives", "1970-01-01T00:00:00Z", "`SOURCE_DATE_EPOCH`"]);
    assert_eq!(fs_err::read_to_string(project.folder.project().join("pyimage.lock")).expect("a lock"), lock);

    // What somebody else has made.
    let other = project.target.image(Format::Docker, "linux/amd64", "3.13.5");
    project.target.index("other", Format::Docker, &[("linux/amd64", &other), ("linux/s390x", &other)], true);
    let other = project.target.reference_at(&project.hub.host(), "other");
    failed(&project.run(&["verify", &other]), &["is not what this source gives", "linux/s390x", "only in"]);
    failed(&project.run(&["verify", "127.0.0.1:1/me/app"]), &["could not reach `127.0.0.1:1`"]);
    fs_err::remove_file(project.folder.project().join("pyimage.lock")).expect("a lock");
    failed(&project.run(&["verify", &image]), &["there is no", "cargo pyimage lock"]);
}

#[test]
fn of_images_in_a_registry_only_what_differs_is_downloaded() {
    let Some(project) = Pushing::new() else { return };
    let one = project.push("one", &[]);
    project.folder.file("main.py", "print('two')\n");
    let two = project.push("two", &[]);
    // Nothing of what was pushed is at hand.
    let cache = project.folder.root().join("another-cache");
    let run = |arguments: &[&str]| finish(project.command(arguments).env("PYIMAGE_CACHE_DIR", &cache));
    let before = project.hub.count("GET", "*/blobs/*");
    let table = run(&["inspect", &one]);
    assert!(told(&table).contains("source, not here"), "{}", table.stdout);
    let configs = project.hub.count("GET", "*/blobs/*") - before;
    assert_eq!(configs, 2, "the configurations");
    assert_eq!(run(&["diff", &one, &one]).code, Some(0));
    let differs = run(&["diff", &one, &two, "--format", "json"]);
    assert_eq!(differs.code, Some(1), "{}", differs.stderr);
    let found = json(&differs);
    let layer = &found["platforms"][0]["layers"][0];
    assert_eq!((&layer["a"]["label"], &layer["is_read"]), (&"source".into(), &true.into()));
    assert_eq!(found["platforms"][0]["files"][0]["path"], "usr/src/app/main.py");
    // Two more configurations, and one layer of each, which both platforms have.
    assert_eq!(project.hub.count("GET", "*/blobs/*") - before, configs + 2 + 2);
    assert!(!told(&run(&["inspect", &two, "--layers"])).contains("source, not here"));
    let whole = run(&["inspect", &two, "--base"]);
    assert!(!told(&whole).contains("not here"), "{}", whole.stdout);
}

#[test]
fn what_an_engine_saves_is_the_same_image() {
    for setting in [Setting::docker_of_root(), Setting::containerd_of_root()].into_iter().flatten() {
        is_the_same_when_saved(&setting);
    }
}

fn is_the_same_when_saved(setting: &Setting) {
    let Some(registry) = part("TESTBED_REGISTRY") else { return };
    let Some(project) = Pushing::new() else { return };
    let name = project.folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
    let platform = if std::env::consts::ARCH == "x86_64" { "linux/amd64" } else { "linux/arm64" };
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\ntag = \"{TAG}\"\nbytecode = \"none\"\n\
         platforms = [\"{platform}\"]\nname = \"pyimage-test/{name}\"\nsource = [\"main.py\"]\nentrypoint = [\"python3\", \"main.py\"]\n"
    );
    project.folder.file("Cargo.toml", &manifest).file("main.py", &format!("print('{name}')\n"));
    let run = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        finish(
            command
                .env("PYIMAGE_MIRRORS", format!("http://{registry}"))
                .env("DOCKER_HOST", setting.address()),
        )
    };
    let tag = told(&run(&["load"])).trim_end().to_owned();
    let file = project.folder.project().join("saved.tar");
    let saved = setting.cli(["save", "-o", &file.to_string_lossy(), &tag]);
    let removed = setting.cli(["rmi", &tag]);
    assert_eq!((saved.code, removed.code), (Some(0), Some(0)), "{}{}", saved.stderr, removed.stderr);

    let report = run(&["inspect", "saved.tar", "--format", "json"]);
    told(&report);
    let image = json(&report)["platforms"][0].clone();
    assert_eq!(image["platform"], platform);
    // Docker's own store makes layers anew, and so another manifest; containerd's has what it was given.
    assert_eq!(image["digest"].is_string(), setting.address().contains("containerd"));
    assert!(list(&image["layers"]).iter().all(|its| its["unpacked"].is_u64()), "{image}");
    let wheels: Vec<_> = list(&image["wheels"]).iter().filter_map(|its| its["name"].as_str()).collect();
    assert!(wheels.contains(&"pip"), "{wheels:?}");
    assert_eq!(image["unpacked"].as_u64(), Some(numbers(list(&image["layers"]), "unpacked")));
    let same = run(&["diff", "saved.tar"]);
    assert_eq!((told(&same), run(&["verify", "saved.tar"]).code), ("", Some(0)));
    project.folder.file("main.py", "print('other')\n");
    let other = run(&["diff", "saved.tar"]);
    assert_eq!(other.code, Some(1), "{}", other.stderr);
    assert!(other.stdout.contains("~ usr/src/app/main.py"), "{}", other.stdout);
}
