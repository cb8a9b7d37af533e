//! `cargo pyimage dockerfile`, and `build --builder dockerfile`: engines build the same image.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tests::{
    Finished, HandMadeWheel, PackageIndex, Running, Setting, finish, on_engines, part, uv, with_cargo,
};

pub(crate) const MAIN: &str = "import os, sys\n\
    try:\n    import demo\n    version = demo.version\nexcept ImportError:\n    version = None\n\
    sys.stdout.write('%s %s %s %d\\n' % (version, sys.argv[1:], os.getcwd(), os.getuid()))\n";

/// A project, an index of its own, and an engine. The images that it builds go with it.
pub(crate) struct EngineProject<'a> {
    pub(crate) setting: &'a Setting,
    /// None, where it is the one that the host knows.
    index: Option<PackageIndex>,
    uv: String,
    pub(crate) name: String,
}

impl<'a> EngineProject<'a> {
    /// A package without a section.
    pub(crate) fn plain(setting: &'a Setting) -> Option<Self> {
        let (uv, _) = (uv()?, part("TESTBED_REGISTRY")?);
        let index = PackageIndex::start(&[HandMadeWheel::new("demo", "1.0", &[]).for_python_2_too()], None);
        let unique = setting.folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
        let name = format!("{}-app", unique.replace('.', ""));
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
        // The same source would be the same image as another test's.
        setting
            .folder
            .file("Cargo.toml", &manifest)
            .file("src/lib.rs", "")
            .file("app/main.py", &format!("# {name}\n{MAIN}"));
        Some(Self { setting, index: Some(index), uv, name })
    }

    pub(crate) fn new(setting: &'a Setting, keys: &str) -> Option<Self> {
        let project = Self::plain(setting)?;
        let manifest = project.text("Cargo.toml");
        let section =
            format!("[package.metadata.pyimage]\ntag = \"3.13-slim\"\nsource = [\"app\"]\n{keys}\n");
        setting.folder.file("Cargo.toml", &format!("{manifest}\n{section}"));
        Some(project)
    }

    pub(crate) fn with_packages(setting: &'a Setting, keys: &str) -> Option<Self> {
        let keys = format!(
            "requirements = \"requirements.txt\"\nentrypoint = [\"python3\", \"app/main.py\"]\n{keys}"
        );
        let project = Self::new(setting, &keys)?;
        setting.folder.file("requirements.txt", "demo\n");
        Some(project)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs_err::read_to_string(self.setting.folder.project().join(name)).unwrap_or_default()
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.setting.folder.pyimage([]);
        command.args(words).env("DOCKER_HOST", self.setting.address()).env("PYIMAGE_UV", &self.uv);
        command.env("PIP_CONFIG_FILE", "/dev/null");
        match &self.index {
            Some(index) => drop(command.env("UV_DEFAULT_INDEX", index.url())),
            None => crate::packages::with_indexes(&mut command),
        }
        with_cargo(&mut command);
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Finished {
        finish(&mut self.command(words))
    }

    pub(crate) fn build(&self, words: &[&str]) -> Finished {
        self.run(&[&["build", "--builder", "dockerfile"], words].concat())
    }

    pub(crate) fn tag(&self, tag: &str) -> String {
        format!("{}:{tag}", self.name)
    }

    pub(crate) fn started(&self, image: &str, words: &[&str]) -> Finished {
        let mut command = Command::new("docker");
        command.args(["run", "--rm", image]).args(words).env("DOCKER_HOST", self.setting.address());
        finish(&mut command)
    }

    /// The differing files of two images, but for those that are listed, and the files of the first.
    fn compared(
        &self,
        native: &str,
        engine: &str,
        listed: impl Fn(&str) -> bool,
    ) -> BTreeMap<String, String> {
        let (one, other) = (self.files(native), self.files(engine));
        let paths: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        let differing: Vec<_> = paths
            .into_iter()
            .filter(|path| !listed(path) && one.get(*path) != other.get(*path))
            .map(|path| format!("{path}: {:?} natively, {:?} by the engine", one.get(path), other.get(path)))
            .collect();
        assert!(differing.is_empty(), "{differing:#?}");
        one
    }

    /// What containers of an image start with.
    fn config(&self, image: &str) -> Value {
        let found = self.setting.cli(["image", "inspect", "--format", "{{json .Config}}", image]);
        serde_json::from_str(succeeded(&found)).expect("JSON")
    }

    /// The files of an image, each with all that a container sees of it.
    pub(crate) fn files(&self, image: &str) -> BTreeMap<String, String> {
        let container = self.setting.cli(["create", image]);
        let container = succeeded(&container).trim().to_owned();
        let script = "import hashlib, sys, tarfile\n\
            archive = tarfile.open(fileobj=sys.stdin.buffer, mode='r|')\n\
            for entry in archive:\n\
            \x20   content = entry.linkname\n\
            \x20   if entry.isfile(): content = hashlib.sha256(archive.extractfile(entry).read()).hexdigest()\n\
            \x20   print(entry.name, entry.type, oct(entry.mode), entry.uid, entry.gid, content, sep='\\t')\n";
        let mut listing = Command::new("sh");
        listing
            .args(["-c", "docker export \"$0\" | docker run --rm -i python:3.13-slim python3 -c \"$1\""])
            .arg(&container)
            .arg(script)
            .env("DOCKER_HOST", self.setting.address());
        let listed = finish(&mut listing);
        let _ = self.setting.cli(["rm", &container]);
        let lines = succeeded(&listed).lines().filter_map(|line| line.split_once('\t'));
        lines.map(|(path, rest)| (path.to_owned(), rest.to_owned())).collect()
    }
}

impl Drop for EngineProject<'_> {
    fn drop(&mut self) {
        let listed = self.setting.cli(["images", "--format", "{{.Repository}}:{{.Tag}}"]).stdout;
        for image in listed.lines().filter(|image| image.contains(&self.name)) {
            let _ = self.setting.cli(["rmi", "-f", image]);
        }
        // What stages have left.
        let label = format!("label={}", self.name);
        let _ = self.setting.cli(["image", "prune", "--force", "--filter", &label]);
    }
}

pub(crate) fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

pub(crate) fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

fn says(run: &Finished, parts: &[&str]) {
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

fn an_engine_builds_what_the_metadata_asks_for(setting: &Setting) {
    let Some(project) = EngineProject::with_packages(setting, "tags = [\"latest\", \"{version}\"]\n") else {
        return;
    };
    let built = project.build(&[]);
    let id = succeeded(&built).trim().to_owned();
    says(&built, &["    Building ", "        Step ", "RUN pip install", "       Built "]);
    for image in [&id, &project.tag("latest"), &project.tag("0.1.0")] {
        assert_eq!(succeeded(&project.started(image, &["x"])), "1.0 ['x'] /usr/src/app 0\n");
    }
    let again = project.build(&[]);
    assert_eq!(succeeded(&again).trim(), id);
    // A base is no step that could be spared.
    let new = again.stderr.lines().filter(|line| line.contains("        Step ") && !line.contains(" FROM "));
    assert!(again.stderr.contains("      Cached ") && new.count() == 0, "{}", again.stderr);

    // Another source is another layer of source, and nothing else.
    setting.folder.file("app/main.py", &format!("# {}\nprint('changed')\n", project.name));
    let changed = project.build(&[]);
    assert_ne!(succeeded(&changed).trim(), id);
    let new: Vec<_> = changed.stderr.lines().filter(|line| line.contains("        Step ")).collect();
    assert!(new.iter().any(|line| line.contains("COPY app app/")), "{}", changed.stderr);
    assert!(!new.iter().any(|line| line.contains("RUN pip")), "{}", changed.stderr);
    assert_eq!(succeeded(&project.started(&project.tag("latest"), &[])), "changed\n");
    let _ = setting.cli(["rmi", "-f", &id]);
}

/// Values of all kinds are the same in both images, and so are the files, but for what is listed.
#[test]
fn both_builders_make_the_same_image() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let keys = r#"cmd = ["a b", "$HOME", "\"quoted\"", "two\nlines", "\\"]
env = { PATH = "/opt/app:${PATH}", LITERAL = "$HOME $${PATH} \\ 'a' \"b\" #c", EMPTY = "" }
labels = { "org.example.a b" = "$5 \\ \"x\"", plain = "1" }
expose = ["8000", "53/udp"]
volumes = ["/data", "/a b"]
user = "1000:1000"
stop-signal = "SIGINT"
workdir = "/srv/my app"
"#;
    let Some(project) = EngineProject::with_packages(&setting, keys) else { return };
    setting.folder.file("app/data/x.txt", "x").file("app/.env", "SECRET").file("app/__pycache__/x.pyc", "");
    let run = setting.folder.project().join("app/run.sh");
    setting.folder.file("app/run.sh", "#!/bin/sh\n");
    fs_err::set_permissions(&run, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("a mode");
    succeeded(&project.run(&["load", "-t", "native"]));
    succeeded(&project.build(&["-t", "engine"]));
    let (native, engine) = (project.tag("native"), project.tag("engine"));

    let (mut one, other) = (project.config(&native), project.config(&engine));
    // Images that are assembled say of themselves what Cargo.toml says; a Dockerfile has what `labels` says.
    let labels = one["Labels"].as_object_mut().expect("labels");
    labels.retain(|name, _| !name.starts_with("org.opencontainers.image."));
    for key in
        ["Env", "Labels", "ExposedPorts", "Volumes", "User", "StopSignal", "WorkingDir", "Entrypoint", "Cmd"]
    {
        assert_eq!(one[key], other[key], "{key}");
    }

    let one = project.compared(&native, &engine, |path| {
        // `VOLUME` is made by the engine, and so is what is above it.
        is_listed(path) || path.starts_with("data") || path.starts_with("a b")
    });
    for path in
        ["srv/my app/app/main.py", "srv/my app/app/run.sh", "usr/local/lib/python3.13/site-packages/demo.py"]
    {
        assert!(one.contains_key(path), "{path} in {:?}", one.keys().filter(|its| its.starts_with("srv")));
    }
    assert!(!one.keys().any(|path| path.split('/').next_back() == Some(".env")));
}

/// The files that may differ between the two images, as docs/dockerfile.md lists them.
fn is_listed(path: &str) -> bool {
    // pip compiles what it installs; the bytecode of images that are assembled is another matter.
    path.contains("__pycache__")
        // pip writes who installed a package, and that somebody asked for it, and lists both.
        || ["/INSTALLER", "/REQUESTED", "/RECORD"].iter().any(|end| path.ends_with(end))
        // A step of a build leaves the files that engines put into its container.
        || ["etc/resolv.conf", "etc/hosts", "etc/hostname", ".dockerenv"].contains(&path)
        // pip's own folders for the time of the build.
        || path.starts_with("tmp/") || path.starts_with("root/.cache")
        // What pip was told to install; `--require-hashes` takes it from a file.
        || path.ends_with("requirements.lock.txt")
}

/// The programs of entry points, which an image's older pip words as it always did.
fn is_program(path: &str) -> bool {
    let name = path.strip_prefix("usr/local/bin/").unwrap_or_default();
    ["f2py", "numpy-config", "tabulate"].contains(&name)
}

/// What `useradd` writes besides the user: whether it may log in, the ids that it may map, and what was there before.
fn is_of_useradd(path: &str) -> bool {
    let files = ["shadow", "gshadow", "subuid", "subgid", "passwd-", "group-", ".pwd.lock"];
    let name = path.strip_prefix("etc/").unwrap_or_default();
    files.iter().any(|file| name == *file || name.strip_suffix('-') == Some(file))
}

/// What apt-get writes besides the files of the packages.
fn is_of_apt(path: &str) -> bool {
    ["var/lib/dpkg/", "var/lib/apt/", "var/cache/", "var/log/"].iter().any(|folder| path.starts_with(folder))
}

/// The user that `init` writes, wheels for one machine, with scripts, packages of Debian, files elsewhere and a program in Rust.
#[test]
fn both_builders_make_the_same_user_and_put_everything_in_its_place() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let keys = r#"platforms = ["linux/amd64"]
user = "app"
apt = ["libgomp1"]
bins = ["tool"]
files = [
    { from = "conf", to = "/etc/app" },
    { from = "conf/app.toml", to = "/etc/app.toml", mode = "0640" },
    { from = "run.sh", to = "/usr/local/bin/run", mode = "0755" },
]
"#;
    let Some(mut project) = EngineProject::with_packages(&setting, keys) else { return };
    if std::env::consts::ARCH != "x86_64" || !crate::packages::index() {
        return;
    }
    project.index = None;
    setting
        .folder
        .file("requirements.txt", "numpy==2.5.5\ntabulate==0.10.0\n")
        .file(
            "app/main.py",
            &format!(
                "# {}\nimport numpy, os, pwd\nprint(numpy.arange(3).sum(), pwd.getpwuid(os.getuid()))\n",
                project.name
            ),
        )
        .file("conf/app.toml", "debug = false\n")
        .file("conf/d/a.ini", "")
        .file("run.sh", "#!/bin/sh\necho ran\n")
        .file("src/bin/tool.rs", "fn main() { println!(\"compiled\") }\n");
    std::os::unix::fs::symlink("app.toml", setting.folder.project().join("conf/latest")).expect("a link");
    succeeded(&project.run(&["load", "-t", "native"]));
    let (native, engine) = (project.tag("native"), project.tag("engine"));
    for (tag, buildkit) in [("engine", "1"), ("classic", "0")] {
        let mut command = project.command(&["build", "--builder", "dockerfile", "-t", tag]);
        succeeded(&finish(command.env("DOCKER_BUILDKIT", buildkit)));
        let image = project.tag(tag);
        let one = project.compared(&native, &image, |path| {
            is_listed(path) || is_of_useradd(path) || is_program(path) || is_of_apt(path)
        });
        assert!(one.keys().any(|path| path.ends_with("/libgomp.so.1")), "what apt-get installs");
        for path in ["etc/app/d/a.ini", "etc/app/latest", "etc/app.toml", "usr/local/bin/run", "home/app"] {
            assert!(one.contains_key(path), "{path}");
        }
        assert!(one.keys().any(|path| path.ends_with("/bin/numpy-config")), "scripts of wheels");
    }
    let (said, expected) = (project.started(&engine, &[]), project.started(&native, &[]));
    assert_eq!(succeeded(&said), succeeded(&expected));
    assert!(
        said.stdout.starts_with("3 pwd.struct_passwd(pw_name='app', pw_passwd='x', pw_uid=1000"),
        "{}",
        said.stdout
    );
    let program = |name: &str| {
        let run = setting.cli(["run", "--rm", "--entrypoint", name, &engine]);
        succeeded(&run).to_owned()
    };
    assert_eq!((program("tool"), program("run")), ("compiled\n".to_owned(), "ran\n".to_owned()));
}

#[test]
fn what_is_written_is_what_docker_build_takes() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let keys = "entrypoint = [\"python3\", \"app/main.py\"]\n";
    let Some(project) = EngineProject::new(&setting, keys) else { return };
    setting
        .folder
        .file("app/.env", "SECRET")
        .file("notes.txt", "private")
        .file(".dockerignore", "# mine\n*.log\n");
    let printed = project.run(&["dockerfile"]);
    assert!(succeeded(&printed).contains("\nFROM python:3.13-slim\n"), "{}", printed.stdout);
    says(&printed, &["note: `python:3.13-slim` is not locked", "help: lock it with `cargo pyimage lock`"]);
    succeeded(&project.run(&["lock"]));
    let written = project.run(&["dockerfile", "--write"]);
    assert_eq!(succeeded(&written), "");
    says(&written, &["Wrote Dockerfile and .dockerignore"]);
    assert!(project.text("Dockerfile").contains("\nFROM python:3.13-slim@sha256:"));
    assert!(project.text(".dockerignore").starts_with("# mine\n*.log\n# cargo pyimage dockerfile: begin."));

    let folder = setting.folder.project().display().to_string();
    let image = project.tag("cli");
    succeeded(&setting.cli(["build", "-q", "-t", &image, &folder]));
    assert_eq!(succeeded(&project.started(&image, &[])), "None [] /usr/src/app 0\n");
    let listed = setting.cli(["run", "--rm", "--entrypoint", "find", &image, "/usr/src/app", "-type", "f"]);
    assert_eq!(succeeded(&listed), "/usr/src/app/app/main.py\n");

    // What is ours is written anew, what is not is left alone.
    let (dockerfile, rules) = (project.text("Dockerfile"), project.text(".dockerignore"));
    succeeded(&project.run(&["dockerfile", "--write"]));
    assert_eq!((project.text("Dockerfile"), project.text(".dockerignore")), (dockerfile, rules));
    setting.folder.file("Dockerfile", "FROM scratch\n");
    let refused = project.run(&["dockerfile", "--write"]);
    failed(
        &refused,
        &["Dockerfile` is not one that this command has written", "help: `--force` replaces it"],
    );
    assert_eq!(project.text("Dockerfile"), "FROM scratch\n");
    succeeded(&project.run(&["dockerfile", "--write", "--force"]));
    assert!(project.text("Dockerfile").contains("COPY app app/"));
}

#[test]
fn packages_are_pinned_in_pip_s_words() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(project) = EngineProject::with_packages(&setting, "") else { return };
    succeeded(&project.run(&["lock"]));
    succeeded(&project.run(&["dockerfile", "--write"]));
    let pinned = project.text("requirements.lock.txt");
    assert!(pinned.contains("\ndemo==1.0 \\\n    --hash=sha256:"), "{pinned}");
    let text = project.text("Dockerfile");
    assert!(
        text.contains("RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock.txt"),
        "{text}"
    );
    assert!(text.find("requirements.lock.txt ./") < text.find("COPY app"), "{text}");
    setting.folder.file("requirements.txt", "demo<2\n");
    failed(&project.run(&["dockerfile"]), &["pylock.toml` is stale", "cargo pyimage lock"]);
    setting
        .folder
        .file("Cargo.toml", &project.text("Cargo.toml").replace("requirements.txt", "pyproject.toml"));
    setting
        .folder
        .file("pyproject.toml", "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"demo\"]\n");
    fs_err::remove_file(setting.folder.project().join("pylock.toml")).expect("the lock");
    failed(&project.run(&["dockerfile"]), &["pyproject.toml`", "without a lock", "cargo pyimage lock"]);
    let lines = project.text("Cargo.toml") + "env = { A = \"1\\n2\" }\n";
    setting.folder.file("Cargo.toml", &lines.replace("requirements = \"pyproject.toml\"\n", ""));
    failed(
        &project.run(&["dockerfile"]),
        &["a Dockerfile cannot say what `env.A` is: it has more than one line"],
    );
}

#[test]
fn a_dockerfile_of_somebody_s_is_built_as_it_is() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(project) = EngineProject::new(&setting, "builder = \"dockerfile\"\n") else { return };
    setting.folder.file("notes.txt", "kept").file(".env", "SECRET");
    setting.folder.file(
        "Dockerfile",
        "FROM python:3.13-slim\nCOPY . /all\nRUN ls -A /all\nCMD [\"ls\", \"-A\", \"/all\"]\n",
    );
    let built = project.run(&["build", "-v"]);
    succeeded(&built);
    says(&built, &["from its own Dockerfile", "notes.txt\n"]);
    let listed = project.started(&project.tag("latest"), &[]);
    assert_eq!(succeeded(&listed), "Cargo.toml\nDockerfile\napp\nnotes.txt\npyimage.lock\nsrc\n");

    setting.folder.file("Dockerfile", "FROM python:3.13-slim\nRUN echo before; echo the reason; exit 3\n");
    let broken = project.run(&["build"]);
    failed(
        &broken,
        &["`RUN echo before; echo the reason; exit 3` failed", "before\n  the reason\n", "code: 3"],
    );
    assert!(!broken.stderr.contains('\u{1b}'), "{}", broken.stderr);
    for option in ["--no-load", "--sbom"] {
        let refused = project.run(&["build", option]);
        let words = format!("{option} is not for images that an engine builds");
        failed(&refused, &[&words, "help: `--builder native` assembles the image here"]);
    }
    let mut nobody = project.command(&["build"]);
    let nobody = finish(nobody.env("DOCKER_HOST", "unix:///nowhere/docker.sock"));
    failed(
        &nobody,
        &["no container engine answers", "`cargo pyimage build --builder native` needs no engine"],
    );
    failed(&project.build(&["--image", "nosuch"]), &["nosuch"]);
}

/// What `run`, `load`, `save` and `push` do is what `build` does.
fn every_command_has_the_engine_build(setting: &Setting) {
    let Some(registry) = part("TESTBED_REGISTRY") else { return };
    let keys = "builder = \"dockerfile\"\nuser = \"1000\"\nentrypoint = [\"python3\", \"app/main.py\"]\n\
        annotations = { who = \"me\" }\ncompression = \"zstd\"\nlayer-budget = 20\n";
    let Some(project) = EngineProject::new(setting, keys) else { return };
    let (repository, folder) = (format!("{registry}/pyrun-test/{}", project.name), setting.folder.project());

    let run = project.run(&["run", "one", "two"]);
    assert_eq!(succeeded(&run), "None ['one', 'two'] /usr/src/app 1000\n");
    let note = "note: without effect in a Dockerfile: `annotations`, `compression`, `layer-budget`\n";
    says(&run, &["    Building ", "COPY app app/", note]);
    let loaded = project.run(&["load", "-t", "loaded"]);
    assert_eq!(succeeded(&loaded), format!("{}\n", project.tag("loaded")));
    let id = succeeded(&project.build(&[])).trim().to_owned();
    let inspected = setting.cli(["image", "inspect", "--format", "{{.Id}}", &project.tag("loaded")]);
    assert!(succeeded(&inspected).contains(id.trim_start_matches("sha256:")), "{id}, {}", inspected.stdout);

    // A program is told what is known: the engine keeps neither manifests nor what they weigh.
    let built = project.run(&["build", "--message-format", "json", "--metadata-file", "built.json"]);
    let message: Value = serde_json::from_str(succeeded(&built)).expect("one line of JSON");
    assert_eq!((&message["reason"], &message["digest"]), (&"image".into(), &Value::Null));
    assert_eq!((&message["name"], &message["platforms"][0]["id"]), (&(*project.name).into(), &(*id).into()));
    assert_eq!(
        (&message["tags"], &message["loaded"]),
        (&message["loaded"], &[project.tag("latest")][..].into())
    );
    let file: Value = serde_json::from_str(&project.text("built.json")).expect("JSON");
    assert_eq!(file["images"][0], message);

    // What is pushed is what the engine has, on the base's own layers, and is pulled by its digest.
    let pushed = project.run(&["push", "--to", &repository, "-t", "1", "-t", "2"]);
    let reference = succeeded(&pushed).trim().to_owned();
    assert!(reference.starts_with(&format!("{repository}@sha256:")), "{reference}");
    says(&pushed, &[&format!("Pushed {repository}:1, {repository}:2 ("), " uploaded, "]);
    assert!(!pushed.stderr.contains("`annotations`"), "they are in the manifest: {}", pushed.stderr);
    let again = project.run(&["build", "--push", "--to", &repository, "-t", "2", "--message-format", "json"]);
    says(&again, &["(all of it was there)"]);
    let message: Value = serde_json::from_str(succeeded(&again)).expect("one line of JSON");
    assert_eq!(
        (&message["reference"], &message["pushed"]),
        (&(*reference).into(), &[format!("{repository}:2")][..].into())
    );
    let layers = message["platforms"][0]["layers"].as_array().expect("layers");
    assert!(layers[0]["base"] == true && layers[layers.len() - 1]["base"] == false, "{layers:?}");
    let pulled = tests::docker(["pull", "--quiet", &reference]);
    assert_eq!(pulled.code, Some(0), "{}", pulled.stderr);
    let run = tests::docker(["run", "--rm", &reference, "x"]);
    assert_eq!(succeeded(&run), "None ['x'] /usr/src/app 1000\n");
    let _ = tests::docker(["rmi", "-f", &reference]);

    // An archive of it is one that engines load, and a folder one that can be looked at.
    let saved = project.run(&["save", "app.tar", "-t", "saved"]);
    succeeded(&saved);
    says(&saved, &["Saved app.tar ("]);
    let _ = setting.cli(["rmi", "-f", &project.tag("saved")]);
    let archive = folder.join("app.tar").display().to_string();
    succeeded(&setting.cli(["load", "-i", &archive]));
    assert_eq!(succeeded(&project.started(&project.tag("saved"), &[])), "None [] /usr/src/app 1000\n");
    let written = project.run(&["build", "-o", "dist"]);
    assert!(succeeded(&written).starts_with(&format!("{}@sha256:", project.name)), "{}", written.stdout);
    let inspected = project.run(&["inspect", "./dist", "--format", "json"]);
    assert!(succeeded(&inspected).contains("\"who\": \"me\""), "{}", inspected.stdout);
    assert!(setting.folder.unsound_in_cache().is_empty());

    // With a Dockerfile of somebody's, it is that which runs.
    setting.folder.file("Dockerfile", "FROM python:3.13-slim\nENTRYPOINT [\"echo\", \"theirs\"]\n");
    let run = project.run(&["run", "x"]);
    assert_eq!(succeeded(&run), "theirs x\n");
    assert!(!run.stderr.contains("without effect"), "{}", run.stderr);
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(project) = EngineProject::new(&setting, "builder = \"dockerfile\"\n") else { return };
    for (buildkit, seconds) in [("0", 70_000), ("1", 80_000)] {
        // A step of BuildKit's is in no container that docker lists: its process is what tells.
        let sleep = format!("sleep {}", seconds + std::process::id() % 10_000);
        setting.folder.file("Dockerfile", &format!("FROM python:3.13-slim\nRUN echo under way; {sleep}\n"));
        let is_there = || {
            let processes = fs_err::read_dir("/proc").expect("processes").flatten();
            let lines = processes.filter_map(|process| fs_err::read(process.path().join("cmdline")).ok());
            let texts = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
            texts.into_iter().any(|line| line.trim() == sleep)
        };
        let mut command = project.command(&["build", "-v"]);
        let mut run = Running::start(command.env("DOCKER_BUILDKIT", buildkit).stdin(Stdio::null()));
        let begun = tests::eventually(Duration::from_secs(60), &is_there);
        assert!(begun, "{}", run.stderr());
        run.signal(Signal::INT);
        assert_eq!(run.code(), 130, "{}", run.stderr());
        assert!(tests::eventually(Duration::from_secs(30), || !is_there()), "{sleep}");
        // The engine removes a container a moment after its end.
        let left = || setting.cli(["ps", "-a", "--no-trunc", "--format", "{{.Command}}"]).stdout;
        assert!(tests::eventually(Duration::from_secs(30), || !left().contains(&sleep)), "{}", left());
    }
}

#[test]
fn another_platform_is_built_by_emulation() {
    let Some(setting) = Setting::docker_of_root() else { return };
    if part("TESTBED_ARM64").is_none() {
        return;
    }
    let Some(registry) = part("TESTBED_REGISTRY") else { return };
    let Some(project) = EngineProject::with_packages(&setting, "") else { return };
    let own = if std::env::consts::ARCH == "x86_64" { "linux/amd64" } else { "linux/arm64" };
    let built = project.build(&["--platform", own, "--platform", "linux/arm64"]);
    assert_eq!(succeeded(&built).lines().count(), 2, "{}", built.stdout);
    let machine = |tag: &str| {
        let image = project.tag(tag);
        let run = setting.cli(["run", "--rm", "--entrypoint", "uname", &image, "-m"]);
        succeeded(&run).trim().to_owned()
    };
    assert_eq!(machine("latest"), std::env::consts::ARCH);
    if own == "linux/amd64" {
        assert_eq!(machine("latest-linux-arm64"), "aarch64");
        // Both go to one name in a registry.
        let repository = format!("{registry}/pyrun-test/{}", project.name);
        let platforms = ["--platform", own, "--platform", "linux/arm64"];
        let pushed = project.build(&[&["--push", "--to", &repository][..], &platforms].concat());
        let reference = succeeded(&pushed).trim();
        let inspected = project.run(&["inspect", reference, "--format", "json"]);
        let inspected = succeeded(&inspected);
        assert!(inspected.contains("linux/amd64") && inspected.contains("linux/arm64"), "{inspected}");
    }
}

// The host's network of an engine without root is not that of the index.
on_engines!(docker_of_root, containerd_of_root, podman: [an_engine_builds_what_the_metadata_asks_for, every_command_has_the_engine_build]);
