//! `cargo pyimage load`, `save` and `run`: images get to every engine, and run there as scripts do.

use std::process::{Command, Stdio};

use rustix::process::Signal;
use tests::{
    Finished, HandMadeWheel, PackageIndex, Running, Setting, finish, on_engines, part, uv, with_cargo,
};

const MAIN: &str = "import os, sys, time, platform, demo\n\
    print('first', demo.version, sys.argv[1:], os.getcwd(), platform.machine(), flush=True)\n\
    if sys.argv[1:] == ['wait']: time.sleep(60)\n\
    if sys.argv[1:2] == ['exit']: sys.exit(int(sys.argv[2]))\n";

/// A project with an image, an index of its own for the package that it needs, and an engine. What it loads goes with it.
pub(crate) struct Project<'a> {
    pub(crate) setting: &'a Setting,
    index: PackageIndex,
    uv: String,
    pub(crate) name: String,
}

impl<'a> Project<'a> {
    pub(crate) fn new(setting: &'a Setting) -> Option<Self> {
        Self::on(setting, "tag = \"3.13-slim\"", r#"["linux/amd64", "linux/arm64"]"#)
    }

    pub(crate) fn on(setting: &'a Setting, base: &str, platforms: &str) -> Option<Self> {
        let (uv, _) = (uv()?, part("TESTBED_REGISTRY")?);
        let index = PackageIndex::start(&[HandMadeWheel::new("demo", "1.0", &[])], None);
        let unique = setting.folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
        let name = format!("pyimage-test/{unique}");
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
             {base}\nbytecode = \"none\"\nplatforms = {platforms}\nname = \"{name}\"\ntags = [\"{{version}}\"]\nrequirements = \"requirements.txt\"\nsource = [\"main.py\"]\n\
             entrypoint = [\"python3\", \"main.py\"]\ncmd = [\"hello\"]\n"
        );
        setting
            .folder
            .file("Cargo.toml", &manifest)
            .file("src/lib.rs", "")
            .file("requirements.txt", "demo\n");
        let project = Self { setting, index, uv, name };
        project.says(MAIN);
        Some(project)
    }

    /// Changes what it runs. The same source would be the same image as another test's.
    pub(crate) fn says(&self, code: &str) {
        self.setting.folder.file("main.py", &format!("# {}\n{code}", self.name));
    }

    pub(crate) fn command<const N: usize>(&self, words: [&str; N]) -> Command {
        let mut command = self.setting.folder.pyimage(words);
        command.env("DOCKER_HOST", self.setting.address()).env("PYIMAGE_UV", &self.uv);
        command.env("UV_DEFAULT_INDEX", self.index.url()).env("PIP_CONFIG_FILE", "/dev/null");
        with_cargo(&mut command);
        command
    }

    pub(crate) fn run<const N: usize>(&self, words: [&str; N]) -> Finished {
        finish(&mut self.command(words))
    }

    /// Its name on the engine.
    pub(crate) fn tag(&self) -> String {
        format!("{}:0.1.0", self.name)
    }

    pub(crate) fn is_there(&self) -> bool {
        self.setting.cli(["image", "inspect", &self.tag()]).code == Some(0)
    }

    /// Its id on the engine. What takes its name leaves it behind.
    pub(crate) fn id(&self) -> String {
        let found = self.setting.cli(["image", "inspect", "--format", "{{.Id}}", &self.tag()]);
        succeeded(&found).trim().to_owned()
    }

    /// The bytes of the archives that were sent, as they were told.
    pub(crate) fn sent(run: &Finished) -> Vec<String> {
        let lines = run.stderr.lines().filter(|line| line.trim_start().starts_with("Loading "));
        lines.filter_map(|line| Some(line.split_once('(')?.1.trim_end_matches(')').to_owned())).collect()
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        let listed = self.setting.cli(["images", "--format", "{{.Repository}}:{{.Tag}}"]).stdout;
        for image in listed.lines().filter(|image| image.contains(&self.name)) {
            let _ = self.setting.cli(["rmi", "-f", image]);
        }
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

pub(crate) fn machine() -> &'static str {
    std::env::consts::ARCH
}

/// What the engines run without emulation.
pub(crate) fn platform() -> &'static str {
    if machine() == "x86_64" { "linux/amd64" } else { "linux/arm64" }
}

/// What the engine lacks is sent, once.
fn an_image_is_loaded_and_runs(setting: &Setting) {
    let Some(project) = Project::new(setting) else { return };
    let first = project.run(["load"]);
    assert_eq!(succeeded(&first), format!("{}\n", project.tag()));
    assert_eq!(Project::sent(&first).len(), 1, "{}", first.stderr);
    let ran = project.setting.cli(["run", "--rm", &project.tag()]);
    assert_eq!(succeeded(&ran), format!("first 1.0 ['hello'] /usr/src/app {}\n", machine()));

    let again = project.run(["load", "-v"]);
    assert_eq!(succeeded(&again), format!("{}\n", project.tag()));
    assert_eq!(Project::sent(&again), [""; 0], "{}", again.stderr);
    assert!(again.stderr.contains("is on the engine already"), "{}", again.stderr);

    // What was sent before under another name only gets this one.
    let renamed = project.run(["load", "-t", "other"]);
    let other = format!("{}:other", project.name);
    assert_eq!(succeeded(&renamed), format!("{other}\n"));
    assert_eq!(Project::sent(&renamed), [""; 0], "{}", renamed.stderr);
    assert_eq!(project.setting.cli(["rmi", &other]).code, Some(0));

    let old = project.id();
    project.says("print('second')\n");
    let changed = project.run(["load"]);
    succeeded(&changed);
    assert_ne!(project.id(), old);
    // containerd's store forgets what has lost its last name.
    let kept = setting.cli(["rmi", &old]).code == Some(0);
    assert_eq!(kept, !setting.address().contains("containerd"));
    let sent = Project::sent(&changed);
    if !setting.address().contains("podman") {
        assert!(matches!(&sent[..], [size] if size.ends_with(" kB")), "{}", changed.stderr);
        // The layer of the package is there, too.
        let size = |sent: &[String]| sent[0].trim_end_matches(" kB").parse::<f64>().expect("a size");
        assert!(size(&sent) < size(&Project::sent(&first)), "{}\n{}", first.stderr, changed.stderr);
    }
    assert_eq!(succeeded(&project.setting.cli(["run", "--rm", &project.tag()])), "second\n");
}

fn a_run_is_the_image_s_own(setting: &Setting) {
    let Some(project) = Project::new(setting) else { return };
    let first = |arguments: &str| format!("first 1.0 {arguments} /usr/src/app {}\n", machine());
    assert_eq!(succeeded(&project.run(["run"])), first("['hello']"));
    let quiet = project.run(["run", "-q", "-it", "--rm", "--", "--port", "1"]);
    assert_eq!((succeeded(&quiet), quiet.stderr.as_str()), (&*first("['--port', '1']"), ""));
    assert_eq!(project.run(["run", "exit", "7"]).code, Some(7));
    // Nothing of the folder is there, and nobody but the image says who runs.
    let code = "import os; print(os.listdir(), os.path.exists('/usr/src/myapp'), os.getuid(), os.environ.get('X'), os.listdir('/data'))";
    setting.folder.file("data/here", "");
    let run = project.run([
        "run",
        "-e",
        "X=1",
        "-v",
        "./data:/data",
        "--entrypoint",
        "python3",
        "--image",
        "app",
        "--",
        "-c",
        code,
    ]);
    assert_eq!(succeeded(&run), "['main.py'] False 0 1 ['here']\n");
    let user = project.run(["run", "-u", "1234", "-w", "/tmp", "--entrypoint", "id", "--", "-u"]);
    assert_eq!(succeeded(&user), "1234\n");
    let missing = project.run(["run", "--entrypoint", "nosuch"]);
    assert_eq!(missing.code, Some(127), "{}", missing.stderr);
    assert!(setting.nothing_is_left());
}

fn signals_are_the_program_s(setting: &Setting) {
    let Some(project) = Project::new(setting) else { return };
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut run = Running::start(project.command(["run", "wait"]).stdin(Stdio::null()));
        run.wait_for("first");
        run.signal(signal);
        assert_eq!(run.code(), code, "{}", run.stderr());
    }
    // Its client is gone for good: so is it.
    let mut run = Running::start(project.command(["run", "wait"]).stdin(Stdio::piped()));
    run.wait_for("first");
    run.signal(Signal::KILL);
    run.end();
    assert!(setting.nothing_is_left());
}

/// A saved archive is one that the engine's own client loads.
fn an_archive_is_loaded_by_others(setting: &Setting) {
    let Some(project) = Project::new(setting) else { return };
    let file = setting.folder.project().join("app.tar");
    for format in ["oci", "docker"] {
        let saved = project.run(["save", "app.tar", "--format", format, "--platform", platform()]);
        succeeded(&saved);
        assert!(!project.is_there(), "saving needs no engine");
        let loaded = project.setting.cli(["load", "-q", "-i", &file.to_string_lossy()]);
        succeeded(&loaded);
        let ran = project.setting.cli(["run", "--rm", &project.tag(), "x"]);
        assert!(succeeded(&ran).starts_with("first 1.0 ['x']"), "{format}: {}", ran.stdout);
        assert_eq!(project.setting.cli(["rmi", "-f", &project.tag()]).code, Some(0));
    }
    let size = |file: &std::path::Path| fs_err::metadata(file).expect("the archive").len();
    let full = size(&file);
    succeeded(&project.run(["save", "-o", "app.tar", "--sparse"]));
    assert!(size(&file) < full / 100, "{full} and {}", size(&file));
    let leftover = setting.folder.project().read_dir().expect("the project").flatten();
    let partial = leftover.filter(|entry| entry.file_name().to_string_lossy().starts_with(".tmp")).count();
    assert_eq!(partial, 0);
}

on_engines!(docker_of_root, containerd_of_root, podman, rootless_docker, rootless_podman:
    [an_image_is_loaded_and_runs, a_run_is_the_image_s_own, signals_are_the_program_s, an_archive_is_loaded_by_others]);

/// Docker pulls what it lacks from us, and has no name of that left. One that cannot reach us is sent an archive.
#[test]
fn docker_pulls_what_it_lacks() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(project) = Project::new(&setting) else { return };
    let archive = "sending an archive";
    let mut old = Vec::new();
    for (code, words, parts) in [
        ("print('first')", &[][..], &[][..]),
        // A loopback that the engine does not know.
        (
            "print('second')",
            &["unshare", "--net"],
            &["the engine did not pull `127.112.121.1:5000/pyimage@sha256:", "connection refused", archive],
        ),
        ("print('third')", &[], &[]),
    ] {
        project.says(code);
        let load = project.command(["load", "-v"]);
        let loaded = match words {
            [program, arguments @ ..] => {
                let mut elsewhere = Command::new(program);
                elsewhere.args(arguments).arg(load.get_program()).args(load.get_args());
                elsewhere.current_dir(load.get_current_dir().expect("the project"));
                for (name, value) in load.get_envs() {
                    match value {
                        Some(value) => elsewhere.env(name, value),
                        None => elsewhere.env_remove(name),
                    };
                }
                finish(&mut elsewhere)
            }
            [] => finish(&mut { load }),
        };
        assert_eq!(succeeded(&loaded), format!("{}\n", project.tag()));
        assert_eq!(Project::sent(&loaded).len(), 1, "{}", loaded.stderr);
        for part in parts {
            assert!(loaded.stderr.contains(part), "no {part:?} in {}", loaded.stderr);
        }
        assert_eq!(loaded.stderr.contains(archive), !parts.is_empty(), "{}", loaded.stderr);
        let names = setting.cli(["image", "inspect", "-f", "{{.RepoTags}} {{.RepoDigests}}", &project.tag()]);
        assert_eq!(succeeded(&names), format!("[{}] []\n", project.tag()));
        let said = code.trim_start_matches("print('").trim_end_matches("')");
        assert_eq!(succeeded(&setting.cli(["run", "--rm", &project.tag()])), format!("{said}\n"));
        old.push(project.id());
    }
    old.pop();
    for id in old {
        succeeded(&setting.cli(["rmi", &id]));
    }
}

/// An engine that has not got the base and cannot get it is sent all of it.
#[test]
fn a_base_that_the_engine_cannot_pull_is_sent() {
    let Some(setting) = Setting::rootless_docker() else { return };
    let Some(project) = Project::on(&setting, "tag = \"3.15-slim\"", &format!("[\"{}\"]", platform())) else {
        return;
    };
    assert_eq!(setting.cli(["image", "inspect", "python:3.15-slim"]).code, Some(1), "it has the base");
    let loaded = project.run(["load", "-v"]);
    succeeded(&loaded);
    assert!(loaded.stderr.contains("fetching its layers here"), "{}", loaded.stderr);
    let sent = Project::sent(&loaded);
    assert!(matches!(&sent[..], [size] if size.ends_with(" MB")), "{}", loaded.stderr);
    assert!(succeeded(&setting.cli(["run", "--rm", &project.tag()])).starts_with("first 1.0"));
    // Now an earlier build has it.
    let old = project.id();
    project.says("print('second')\n");
    let changed = project.run(["load", "--offline"]);
    succeeded(&changed);
    assert!(matches!(&Project::sent(&changed)[..], [size] if size.ends_with(" kB")), "{}", changed.stderr);
    assert_eq!(succeeded(&setting.cli(["run", "--rm", &project.tag()])), "second\n");
    assert_eq!(setting.cli(["rmi", &old]).code, Some(0));
}

#[test]
fn a_build_is_loaded_where_an_engine_is_there() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(project) = Project::new(&setting) else { return };
    let built = project.run(["build", "--no-load"]);
    let reference = succeeded(&built).to_owned();
    assert!(
        reference.starts_with(&format!("{}@sha256:", project.name).replace(":latest", "")),
        "{reference}"
    );
    assert!(!project.is_there());
    let nobody = |words: &[&str]| {
        let mut command = project.command(["build"]);
        finish(command.args(words).env("DOCKER_HOST", "unix:///nowhere/docker.sock"))
    };
    let without = nobody(&["-v"]);
    assert_eq!(succeeded(&without), reference);
    assert!(without.stderr.contains("nothing is loaded: no container engine answers"), "{}", without.stderr);
    assert!(!nobody(&[]).stderr.contains("engine"), "it is told only where more is asked for");
    failed(&nobody(&["--load"]), &["no container engine answers", "/nowhere/docker.sock"]);
    assert_eq!(succeeded(&project.run(["build"])), reference);
    assert!(project.is_there());
    assert_eq!(Project::sent(&project.run(["build", "--load"])), [""; 0]);
}
