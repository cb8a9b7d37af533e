//! The bytecode of images: compiled once, the same everywhere, and run.

use std::path::Path;
use std::process::Command;

use tests::{Finished, Folder, HandMadeWheel, PackageIndex, docker, finish, part, uv, with_cargo};

use crate::build::OnDisk;

/// A project with packages of its own, on the bed's image. What it loads goes with it.
pub(crate) struct Project {
    pub(crate) folder: Folder,
    docker: String,
    pub(crate) index: PackageIndex,
    uv: String,
    name: String,
}

impl Project {
    pub(crate) fn new(bytecode: &str) -> Option<Self> {
        let (uv, docker, _) = (uv()?, part("TESTBED_DOCKER")?, part("TESTBED_REGISTRY")?);
        let folder = Folder::new();
        let having = |name: &str| {
            let module = |path: &str, text: String| (path.to_owned(), text.into_bytes());
            let files = vec![
                module(
                    &format!("{name}/__init__.py"),
                    format!("WORD = '{name}'\ndef where(): return where.__code__.co_filename\n"),
                ),
                module("shared/word.py", format!("WORD = '{name}'\n")),
                module(&format!("{name}/template.py"), "this is {{ no }} Python\n".to_owned()),
            ];
            HandMadeWheel::with_files(name, "1.0", &[], files)
        };
        let index = PackageIndex::start(&["alpha", "beta", "gamma", "zeta"].map(having), None);
        let unique = folder.root().file_name()?.to_string_lossy().to_lowercase();
        let name = format!("pyimage-test/{unique}");
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
             tag = \"3.13-slim\"\nname = \"{name}\"\nrequirements = \"requirements.txt\"\nsource = [\"main.py\"]\n{bytecode}\n"
        );
        folder.file("Cargo.toml", &manifest).file("src/lib.rs", "").file("main.py", "print('main')\n");
        folder.file("requirements.txt", "alpha\nbeta\ngamma\nzeta\n");
        Some(Self { folder, docker, index, uv, name })
    }

    pub(crate) fn command<const N: usize>(&self, words: [&str; N]) -> Command {
        let mut command = self.folder.pyimage(words);
        command.env("DOCKER_HOST", &self.docker).env("PYIMAGE_UV", &self.uv);
        command.env("UV_DEFAULT_INDEX", self.index.url()).env("PIP_CONFIG_FILE", "/dev/null");
        with_cargo(&mut command);
        command
    }

    pub(crate) fn run<const N: usize>(&self, words: [&str; N]) -> Finished {
        finish(&mut self.command(words))
    }

    /// The same without an engine, and with no programs but cargo's.
    pub(crate) fn alone<const N: usize>(&self, words: [&str; N]) -> Finished {
        let mut command = self.command(words);
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").env("PATH", "/nowhere");
        finish(&mut command)
    }

    /// What Python says of this code, in the image for a platform.
    fn python(&self, platform: &str, code: &str) -> Finished {
        let loaded =
            self.run(["load", "--offline", "--platform", platform, "-t", &platform.replace('/', "-")]);
        succeeded(&loaded);
        let image = format!("{}:{}", self.name, platform.replace('/', "-"));
        docker(["run", "--rm", "--platform", platform, "--entrypoint", "python3", &image, "-v", "-c", code])
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs_err::read_to_string(self.folder.project().join(name)).unwrap_or_default()
    }

    /// Another clone of it, with a cache of its own.
    pub(crate) fn cloned(&self) -> Option<Self> {
        let clone = Self::new("")?;
        for file in ["Cargo.toml", "pyimage.lock", "pylock.toml"] {
            clone.folder.file(file, &self.text(file));
        }
        Some(clone)
    }

    /// The files of bytecode in its layers for each platform, but for those that the base has.
    fn bytecode(&self) -> Vec<String> {
        let layout = OnDisk(self.folder.project().join("target/pyimage/app"));
        let manifests = layout.manifests();
        let layers = manifests.iter().flat_map(|manifest| manifest["layers"].as_array().expect("layers"));
        let own = layers.filter(|layer| layout.0.join(OnDisk::path(layer)).exists());
        own.flat_map(|layer| layout.paths(layer))
            .filter(|path| Path::new(path).extension().is_some_and(|kind| kind == "pyc"))
            .collect()
    }

    /// Forgets the layers, and leaves what they are made of.
    fn forget_layers(&self) {
        fs_err::remove_dir_all(self.folder.cache().join("layers")).expect("layers");
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let listed = docker(["images", "--format", "{{.Repository}}:{{.Tag}}"]).stdout;
        for image in listed.lines().filter(|image| image.contains(&self.name)) {
            let _ = docker(["rmi", "-f", image]);
        }
    }
}

pub(crate) fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

/// Lines of `python -v` about modules that were compiled when they were imported.
fn compiled_at_import(run: &Finished) -> Vec<&str> {
    let lines =
        run.stderr.lines().filter(|line| line.starts_with("# code object from /") || line.contains("wrote"));
    // It differs from platform to platform.
    lines.filter(|line| !line.contains("_sysconfigdata_")).collect()
}

#[test]
fn images_start_with_bytecode_on_each_platform() {
    let Some(project) = Project::new("") else { return };
    let built = project.run(["build", "--no-load"]);
    let digest = succeeded(&built).to_owned();
    assert!(
        built.stderr.contains("Compiling bytecode of the standard library and 4 packages"),
        "{}",
        built.stderr
    );
    let lock = project.text("pyimage.lock");
    assert_eq!(lock.matches("[[bytecode]]").count(), 5, "{lock}");

    let code =
        "import alpha, shared.word, argparse, asyncio, logging; print(alpha.where(), shared.word.WORD)";
    for platform in ["linux/amd64", "linux/arm64"] {
        let said = project.python(platform, code);
        // The last one installed is the one whose module is there, and its bytecode.
        let expected = "/usr/local/lib/python3.13/site-packages/alpha/__init__.py zeta\n";
        assert_eq!(succeeded(&said), expected);
        assert_eq!(compiled_at_import(&said), [""; 0]);
        assert!(
            said.stderr.contains("alpha/__pycache__/__init__.cpython-313.pyc matches"),
            "{}",
            said.stderr
        );
    }
    // The project's own files change more often than they start.
    let paths = project.bytecode();
    let whose = |folder: &str| paths.iter().filter(|path| path.starts_with(folder)).count();
    assert!(whose("usr/local/lib/python3.13/site-packages/alpha/") > 0, "{paths:?}");
    assert!(whose("usr/local/lib/python3.13/asyncio/") > 0, "{paths:?}");
    assert_eq!(whose("usr/src/"), 0, "{paths:?}");
    assert_eq!(whose("usr/local/lib/"), paths.len(), "{paths:?}");
    let again = project.run(["build", "--no-load", "--frozen"]);
    assert_eq!(succeeded(&again), digest);
    assert!(!again.stderr.contains("Compiling"), "{}", again.stderr);
    // What is in the cache needs no engine, even where layers have to be made anew.
    project.forget_layers();
    assert_eq!(succeeded(&project.alone(["build", "--offline", "--locked"])), digest);
}

/// Each Python has a form of its own, and of the newest one nobody knows it yet.
#[test]
fn the_newest_python_starts_with_bytecode_too() {
    let Some(project) = Project::new("platforms = [\"linux/amd64\"]") else { return };
    let manifest = project.text("Cargo.toml").replace("3.13-slim", "3.15-slim");
    project.folder.file("Cargo.toml", &manifest);
    succeeded(&project.run(["build", "--no-load"]));
    let code = "import alpha, shared.word, argparse, asyncio, dataclasses, email.parser, logging, typing, unittest; \
                print(alpha.where(), shared.word.WORD)";
    let said = project.python("linux/amd64", code);
    assert_eq!(succeeded(&said), "/usr/local/lib/python3.15/site-packages/alpha/__init__.py zeta\n");
    assert_eq!(compiled_at_import(&said), [""; 0]);
    assert!(said.stderr.contains("alpha/__pycache__/__init__.cpython-315.pyc matches"), "{}", said.stderr);
    assert!(
        project.bytecode().iter().any(|path| path.ends_with("asyncio/__pycache__/tasks.cpython-315.pyc"))
    );
}

#[test]
fn every_machine_gives_the_same_image_or_says_why_not() {
    let Some(project) = Project::new("") else { return };
    succeeded(&project.run(["lock"]));
    let digest = succeeded(&project.run(["build", "--no-load", "--locked"])).to_owned();
    let Some(clone) = project.cloned() else { return };
    let built = clone.run(["build", "--no-load", "--locked"]);
    assert_eq!(succeeded(&built), digest);
    assert!(built.stderr.contains("Compiling"), "{}", built.stderr);

    // Without an engine, and with nothing in the cache.
    let Some(clone) = project.cloned() else { return };
    let expected = [
        "could not compile the bytecode of the standard library and 4 packages",
        "no container engine answers",
        "start an engine",
        "`bytecode = \"none\"`",
    ];
    failed(&clone.alone(["build"]), &expected);

    // Pinned by somebody whose Python compiled it to something else.
    let lock = project.text("pyimage.lock");
    let at = lock.rfind("digest = \"sha256:").expect("a pin") + "digest = \"sha256:".len();
    let other = format!("{}{}{}", &lock[..at], "0".repeat(64), &lock[at + 64..]);
    clone.folder.file("pyimage.lock", &other);
    failed(
        &clone.run(["build", "--no-load"]),
        &["the bytecode of ", "for Python 3.13.5 is sha256:", "has pinned sha256:000"],
    );
    // Not pinned at all.
    let none = &lock[..lock.find("\n[[bytecode]]").expect("pins")];
    clone.folder.file("pyimage.lock", none);
    failed(
        &clone.run(["build", "--no-load", "--locked"]),
        &["is not pinned in `pyimage.lock`", "cargo pyimage lock"],
    );
    assert_eq!(succeeded(&clone.run(["build", "--no-load"])), digest);
    assert_eq!(clone.text("pyimage.lock"), lock, "the first build pins it");
}

#[test]
fn damaged_bytecode_is_compiled_again() {
    let Some(project) = Project::new("") else { return };
    let digest = succeeded(&project.run(["build", "--no-load"])).to_owned();
    let lock = project.text("pyimage.lock");
    let pins = lock
        .split("[[bytecode]]")
        .skip(1)
        .filter_map(|pin| pin.split("digest = \"sha256:").nth(1)?.get(..64));
    let archives: Vec<_> = pins.map(|hex| project.folder.cache().join("blobs/sha256").join(hex)).collect();
    for archive in &archives {
        let mut bytes = fs_err::read(archive).expect("an archive");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs_err::write(archive, bytes).expect("an archive");
    }
    // Layers that are there already need none of it.
    let built = project.run(["build", "--no-load"]);
    assert_eq!(succeeded(&built), digest);
    assert!(!built.stderr.contains("Compiling"), "{}", built.stderr);
    project.forget_layers();
    let built = project.run(["build", "--no-load"]);
    assert_eq!(succeeded(&built), digest);
    assert!(built.stderr.contains("Compiling"), "{}", built.stderr);
    assert_eq!(project.folder.unsound_in_cache(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn packages_alone_and_none_are_choices_too() {
    let Some(project) = Project::new("bytecode = \"packages\"") else { return };
    let built = project.run(["build", "--no-load"]);
    succeeded(&built);
    assert!(built.stderr.contains("Compiling bytecode of 4 packages"), "{}", built.stderr);
    let said = project.python("linux/amd64", "import alpha, asyncio");
    assert!(said.stderr.contains("alpha/__pycache__/__init__.cpython-313.pyc matches"), "{}", said.stderr);
    assert!(compiled_at_import(&said).iter().any(|line| line.contains("asyncio")), "{}", said.stderr);
    // It is no Python, and nobody minds.
    assert!(!said.stderr.contains("template"), "{}", said.stderr);

    let manifest = project.text("Cargo.toml");
    project.folder.file("Cargo.toml", &manifest.replace("\"packages\"", "\"none\""));
    assert!(!succeeded(&project.alone(["build", "--offline"])).is_empty());
    let said = project.python("linux/amd64", "import alpha");
    assert!(compiled_at_import(&said).iter().any(|line| line.contains("alpha")), "{}", said.stderr);
}

#[test]
fn packages_can_be_compiled_by_the_machine_s_own_python() {
    let Some(project) = Project::new("bytecode = \"packages\"") else { return };
    let digest = succeeded(&project.run(["build", "--no-load"])).to_owned();
    let Some(clone) = project.cloned() else { return };
    let nothing = clone.alone(["build", "--locked"]);
    failed(
        &nothing,
        &["could not compile the bytecode of 4 packages", "no container engine answers", "`python3.13`"],
    );
    // A Python of that name which the bed has: the image's own, on no engine of ours.
    let programs = clone.folder.home().join("bin");
    fs_err::create_dir_all(&programs).expect("a folder");
    let program = programs.join("python3.13");
    let script = format!(
        "#!/bin/sh\nDOCKER_HOST={} exec /usr/bin/docker run --rm -i --network none -v \"$PWD:$PWD\" -w \"$PWD\" \
         python:3.13-slim python3 \"$@\"\n",
        clone.docker
    );
    fs_err::write(&program, script).expect("a program");
    fs_err::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    let mut command = clone.command(["build", "--locked"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").env("PATH", &programs);
    let built = finish(&mut command);
    assert_eq!(succeeded(&built), digest);
    assert!(built.stderr.contains("Compiling bytecode of 4 packages with python3.13"), "{}", built.stderr);
    // It compiles no standard library, and this is told with what it can do.
    let manifest = clone.text("Cargo.toml");
    clone.folder.file("Cargo.toml", &manifest.replace("\"packages\"", "\"all\""));
    let mut command = clone.command(["build"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").env("PATH", &programs);
    let told = [
        "could not compile the bytecode of the standard library",
        "or have `python3.13` of this machine compile the packages alone: `bytecode = \"packages\"`",
        "of the standard library at each start",
    ];
    failed(&finish(&mut command), &told);
    assert!(!clone.alone(["build"]).stderr.contains("compile the packages alone"), "there is none");
    // Another Python of that name.
    let Some(clone) = project.cloned() else { return };
    fs_err::write(&program, fs_err::read_to_string(&program).expect("it").replace("3.13-slim", "3.15-slim"))
        .expect("it");
    let mut command = clone.command(["build", "--locked"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").env("PATH", &programs);
    failed(&finish(&mut command), &["`python3.13` did not compile them: this is cpython 3.15"]);
}
