//! Images as others read them: the specification's schemas, skopeo and umoci.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tests::{Folder, Format, HandMadeWheel, PackageIndex, Repository, TAG, finish, part, uv, with_cargo};

const FORMATS: [Format; 2] = [Format::Docker, Format::Oci];

const MANIFEST: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n\
    [package.metadata.pyimage]\nbase = \"BASE\"\nbytecode = \"none\"\nrequirements = \"requirements.txt\"\nsource = [\"app\"]\n\
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
    /// Where its base is; it goes away with this.
    base: Repository,
    schemas: PathBuf,
    index: PackageIndex,
    uv: String,
}

impl Project {
    /// On a base with these media types: those of its image follow them.
    fn on(format: Format) -> Option<Self> {
        let (schemas, uv, _) = (part("TESTBED_READERS")?, uv()?, part("TESTBED_REGISTRY")?);
        part("TESTBED_ARM64")?;
        let folder = Folder::new();
        let base = Repository::new(&folder)?;
        let copied = match format {
            Format::Docker => base.copy_from("library/python", TAG, "base"),
            Format::Oci => base.copy_as_oci("library/python", TAG, "base"),
        };
        assert_eq!(copied.media_type, format.index());
        folder
            .file("src/lib.rs", "")
            .file("requirements.txt", "demo\n")
            .file("app/main.py", "import demo, platform; print('read', demo.version, platform.machine())\n")
            .file("Cargo.toml", &MANIFEST.replace("BASE", &base.reference("base")));
        let index = PackageIndex::start(&[HandMadeWheel::new("demo", "1.0", &[])], None);
        Some(Self { folder, base, schemas: schemas.into(), index, uv })
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

/// An image of an archive by skopeo, as umoci takes it: the only one of a layout, by a name without a repository.
fn one_image_of(archive: &Path, architecture: &str, layout: &Path) -> String {
    fs_err::create_dir(layout).expect("a folder");
    let (archive, named) =
        (format!("oci-archive:{}", archive.display()), format!("oci:{}:app", layout.display()));
    let mut copy = Command::new("skopeo");
    copy.args(["--override-os", "linux", "--override-arch", architecture]);
    succeeded(copy.args(["--insecure-policy", "copy", "--quiet", &archive, &named]));
    format!("{}:app", layout.display())
}

#[test]
fn documents_fit_the_schemas_of_the_specification() {
    for format in FORMATS {
        let Some(project) = Project::on(format) else { return };
        let schemas = &project.schemas;
        succeeded(&mut project.command(["build", "--no-load", "--sbom"]));
        let layout = project.folder.project().join("target/pyimage/app");
        let fits = |schema: &str, bytes: &[u8]| {
            let output = check(schemas, schema, bytes);
            assert!(
                output.status.success(),
                "{format:?}: {schema}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        let read = |name: &str| fs_err::read(layout.join(name)).expect("a document");
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        let blob = |descriptor: &Value| {
            read(&format!("blobs/{}", descriptor["digest"].as_str().expect("a digest").replace(':', "/")))
        };
        fits("image-layout-schema.json", &read("oci-layout"));
        let top = read("index.json");
        fits("image-index-schema.json", &top);
        let listed = json(&top)["manifests"].as_array().expect("a list").clone();
        let (sboms, images): (Vec<_>, Vec<_>) =
            listed.iter().partition(|descriptor| !descriptor["artifactType"].is_null());
        assert_eq!((images.len(), sboms.len()), (1, 3));
        let index = blob(images[0]);
        assert_eq!(json(&index)["mediaType"], format.index());
        // Docker's types are the same forms under other names.
        let as_oci = |document: &[u8]| match format {
            Format::Oci => document.to_vec(),
            Format::Docker => String::from_utf8(document.to_vec())
                .expect("text")
                .replace(Format::Docker.manifest(), Format::Oci.manifest())
                .replace(Format::Docker.index(), Format::Oci.index())
                .into_bytes(),
        };
        fits("image-index-schema.json", &as_oci(&index));
        let manifests = json(&index)["manifests"].as_array().expect("a list").clone();
        assert_eq!(manifests.len(), 2);
        for descriptor in &manifests {
            let manifest = blob(descriptor);
            assert_eq!(json(&manifest)["mediaType"], format.manifest());
            fits("image-manifest-schema.json", &as_oci(&manifest));
            fits("config-schema.json", &blob(&json(&manifest)["config"]));
        }
        // What refers to an image has OCI's types whatever the image's are.
        for sbom in sboms {
            let manifest = blob(sbom);
            fits("image-manifest-schema.json", &manifest);
            let subject = &json(&manifest)["subject"];
            let of = std::iter::once(images[0]).chain(&manifests);
            assert!(of.into_iter().any(|image| image["digest"] == subject["digest"]), "{subject}");
        }
        let wrong = check(schemas, "config-schema.json", b"{\"architecture\": 1}");
        assert!(!wrong.status.success(), "a validator that takes everything");
    }
}

#[test]
fn skopeo_copies_an_archive_with_all_its_digests() {
    for format in FORMATS {
        let Some(project) = Project::on(format) else { return };
        let folder = project.folder.project();
        succeeded(&mut project.command(["save", "app.tar"]));
        let archive = format!("oci-archive:{}", folder.join("app.tar").display());
        let copied = format!("dir:{}", folder.join("copied").display());
        succeeded(Command::new("skopeo").args([
            "--insecure-policy",
            "copy",
            "--quiet",
            "--all",
            &archive,
            &copied,
        ]));
        for architecture in ["amd64", "arm64"] {
            let mut inspect = Command::new("skopeo");
            inspect.args(["--override-os", "linux", "--override-arch", architecture]);
            inspect.args(["inspect", "--config", &archive]);
            let config: Value = serde_json::from_str(&succeeded(&mut inspect)).expect("JSON");
            assert_eq!(config["architecture"], architecture);
            assert_eq!(config["config"]["StopSignal"], "SIGINT");
        }
    }
}

/// What `pull` makes is a layout as any other: with every layer, and under the name that it was pulled by.
#[test]
fn skopeo_copies_a_layout_that_was_pulled() {
    for format in FORMATS {
        let Some(project) = Project::on(format) else { return };
        let folder = project.folder.project();
        let target = project.base.beside("app");
        let name = target.reference("");
        let pushed = succeeded(&mut project.command(["push", "--to", name.trim_end_matches(':')]));
        target.adopt("latest");
        let digest = pushed.trim().split_once('@').expect("a digest").1.to_owned();
        let name = target.reference("latest");
        succeeded(&mut project.command(["pull", &name, "-o", "pulled"]));
        let layout = format!("oci:{}", folder.join("pulled").display());
        // It finds by name only what has OCI's types.
        let layout = if format == Format::Oci { format!("{layout}:{name}") } else { layout };
        let copied = folder.join("copied");
        let to = format!("dir:{}", copied.display());
        succeeded(Command::new("skopeo").args([
            "--insecure-policy",
            "copy",
            "--quiet",
            "--all",
            &layout,
            &to,
        ]));
        // In such a folder, the image as a whole is this file.
        let sum = succeeded(Command::new("sha256sum").arg(copied.join("manifest.json")));
        assert_eq!(format!("sha256:{}", sum.split(' ').next().unwrap_or_default()), digest);
    }
}

#[test]
fn umoci_unpacks_what_runs() {
    for (format, architecture) in [(Format::Docker, "amd64"), (Format::Oci, "amd64"), (Format::Oci, "arm64")]
    {
        let Some(project) = Project::on(format) else { return };
        let folder = project.folder.project();
        let platform = format!("linux/{architecture}");
        succeeded(&mut project.command(["save", "app.tar", "--platform", &platform]));
        let image = one_image_of(&folder.join("app.tar"), architecture, &folder.join("layout"));
        let bundle = folder.join("bundle");
        succeeded(Command::new("umoci").args(["unpack", "--image", &image]).arg(&bundle));
        let root = bundle.join("rootfs");
        let mut run = Command::new("/usr/sbin/chroot");
        run.arg(&root).args(["/usr/local/bin/python3", "-B", "/usr/src/app/app/main.py"]).env_clear();
        let run = finish(&mut run);
        let expected = format!("read 1.0 {}\n", if architecture == "arm64" { "aarch64" } else { "x86_64" });
        assert_eq!((run.code, run.stdout), (Some(0), expected), "{}", run.stderr);
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
}
