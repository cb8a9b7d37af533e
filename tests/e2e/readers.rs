//! Images as others read them: the specification's schemas, skopeo and umoci.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tests::{Folder, HandMadeWheel, PackageIndex, finish, part, uv, with_cargo};

const MANIFEST: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n\
    [package.metadata.pyimage]\ntag = \"3.13-slim\"\nbytecode = \"none\"\nrequirements = \"requirements.txt\"\nsource = [\"app\"]\n\
    entrypoint = [\"python3\", \"app/main.py\"]\nexpose = [\"8000\"]\nvolumes = [\"/data\"]\n\
    labels = { team = \"x\" }\nstop-signal = \"SIGINT\"\nenv = { DEBUG = 1 }\nuser = \"1000\"\nannotations = { a = \"b\" }\n";

/// Checks a document on stdin against a schema; the schemas refer to each other by names of files.
const CHECK: &str = "\
import json, pathlib, sys, jsonschema
folder = pathlib.Path(sys.argv[1])
schemas = {path.name: json.loads(path.read_text()) for path in folder.glob('*.json')}
schema = schemas[sys.argv[2]]
resolver = jsonschema.RefResolver.from_schema(schema, handlers={'https': lambda url: schemas[url.rsplit('/', 1)[1]]})
jsonschema.Draft4Validator(schema, resolver=resolver).validate(json.load(sys.stdin))
";

/// A project on the real base, with an index of its own for the package that it needs.
struct Project {
    folder: Folder,
    schemas: PathBuf,
    index: PackageIndex,
    uv: String,
}

impl Project {
    fn new() -> Option<Self> {
        let (schemas, uv, _) = (part("TESTBED_READERS")?, uv()?, part("TESTBED_REGISTRY")?);
        part("TESTBED_ARM64")?;
        let folder = Folder::new();
        folder
            .file("src/lib.rs", "")
            .file("requirements.txt", "demo\n")
            .file("app/main.py", "import demo; print('read', demo.version)\n")
            .file("Cargo.toml", MANIFEST);
        let index = PackageIndex::start(&[HandMadeWheel::new("demo", "1.0", &[])], None);
        Some(Self { folder, schemas: schemas.into(), index, uv })
    }

    fn command<const N: usize>(&self, words: [&str; N]) -> Command {
        let mut command = self.folder.pyimage(words);
        command.env("PYIMAGE_UV", &self.uv).env("UV_DEFAULT_INDEX", self.index.url());
        command.env("PIP_CONFIG_FILE", "/dev/null");
        with_cargo(&mut command);
        command
    }
}

fn succeeded(run: &mut Command) -> String {
    let run = finish(run);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

fn check(schemas: &Path, schema: &str, document: &[u8]) -> Output {
    use std::io::Write as _;
    // Debian's own Python has the validator; another one on PATH may not.
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-W", "ignore", "-c", CHECK]).arg(schemas).arg(schema);
    python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().expect("python3");
    // A validator that has failed reads nothing.
    let _ = child.stdin.take().expect("a pipe").write_all(document);
    child.wait_with_output().expect("the validator")
}

#[test]
fn documents_fit_the_schemas_of_the_specification() {
    let Some(project) = Project::new() else { return };
    let schemas = &project.schemas;
    succeeded(&mut project.command(["build", "--no-load"]));
    let layout = project.folder.project().join("target/pyimage/app");
    let fits = |schema: &str, bytes: &[u8]| {
        let output = check(schemas, schema, bytes);
        assert!(output.status.success(), "{schema}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let read = |name: &str| fs_err::read(layout.join(name)).expect("a document");
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
    let blob = |descriptor: &Value| {
        read(&format!("blobs/{}", descriptor["digest"].as_str().expect("a digest").replace(':', "/")))
    };
    fits("image-layout-schema.json", &read("oci-layout"));
    let top = read("index.json");
    fits("image-index-schema.json", &top);
    let index = blob(&json(&top)["manifests"][0]);
    fits("image-index-schema.json", &index);
    let manifests = json(&index)["manifests"].as_array().expect("a list").clone();
    assert_eq!(manifests.len(), 2);
    for descriptor in &manifests {
        let manifest = blob(descriptor);
        // Types follow the base: Docker's are the same forms under other names.
        let text = String::from_utf8(manifest.clone()).expect("text");
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        fits(
            "image-manifest-schema.json",
            text.replace(kind, "application/vnd.oci.image.manifest.v1+json").as_bytes(),
        );
        fits("config-schema.json", &blob(&json(&manifest)["config"]));
    }
    let wrong = check(schemas, "config-schema.json", b"{\"architecture\": 1}");
    assert!(!wrong.status.success(), "a validator that takes everything");
}

#[test]
fn skopeo_copies_an_archive_with_all_its_digests() {
    let Some(project) = Project::new() else { return };
    let folder = project.folder.project();
    succeeded(&mut project.command(["save", "app.tar"]));
    let archive = format!("oci-archive:{}", folder.join("app.tar").display());
    let copied = folder.join("copied");
    let mut copy = Command::new("skopeo");
    copy.args([
        "--insecure-policy",
        "copy",
        "--quiet",
        "--all",
        &archive,
        &format!("dir:{}", copied.display()),
    ]);
    succeeded(&mut copy);
    for (architecture, name) in [("amd64", "amd64"), ("arm64", "arm64")] {
        let mut inspect = Command::new("skopeo");
        inspect.args([
            "--override-os",
            "linux",
            "--override-arch",
            architecture,
            "inspect",
            "--config",
            &archive,
        ]);
        let config: Value = serde_json::from_str(&succeeded(&mut inspect)).expect("JSON");
        assert_eq!(config["architecture"], name);
        assert_eq!(config["config"]["StopSignal"], "SIGINT");
    }
}

#[test]
fn umoci_unpacks_what_runs() {
    let Some(project) = Project::new() else { return };
    let folder = project.folder.project();
    succeeded(&mut project.command(["save", "app.tar", "--platform", "linux/amd64"]));
    let layout = folder.join("layout");
    fs_err::create_dir(&layout).expect("a folder");
    let archive = format!("oci-archive:{}", folder.join("app.tar").display());
    // umoci takes a layout's one image by a name without a repository.
    let named = format!("oci:{}:app", layout.display());
    let copied = ["--insecure-policy", "copy", "--quiet", &archive, &named];
    succeeded(
        Command::new("skopeo").args(["--override-os", "linux", "--override-arch", "amd64"]).args(copied),
    );
    let image = format!("{}:app", layout.display());
    let bundle = folder.join("bundle");
    succeeded(Command::new("umoci").args(["unpack", "--image", &image]).arg(&bundle));
    let root = bundle.join("rootfs");
    let mut run = Command::new("/usr/sbin/chroot");
    run.arg(&root).args(["/usr/local/bin/python3", "-B", "/usr/src/app/app/main.py"]).env_clear();
    let run = finish(&mut run);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "read 1.0\n"), "{}", run.stderr);
    let layers = |image: &str| {
        let stat = succeeded(Command::new("umoci").args(["stat", "--json", "--image", image]));
        let stat: Value = serde_json::from_str(&stat).expect("JSON");
        stat["history"].as_array().expect("a list").iter().filter(|step| !step["layer"].is_null()).count()
    };
    // What it has unpacked is what its mtree says: packing it again finds no difference.
    let before = layers(&image);
    succeeded(Command::new("umoci").args(["repack", "--image", &image]).arg(&bundle));
    assert_eq!(layers(&image), before);
}
