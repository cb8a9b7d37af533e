//! Packages of Debian in images: installed once, in a container of the locked base, and kept as a layer.

use std::process::Command;

use tests::{
    Finished, Folder, HandMadeWheel, PackageIndex, Setting, docker, finish, on_engines, part, shared_library,
    uv, with_cargo,
};

use crate::lock_packages::Project;

/// What `libgomp1` has, and the slim image does not.
const LIBRARY: &str = "libgomp.so.1";

/// A project on the bed's own image, for the engine's platform, whose one package needs a library.
struct Real {
    folder: Folder,
    index: PackageIndex,
    uv: String,
    name: String,
}

fn platform() -> (&'static str, &'static str, &'static str) {
    match std::env::consts::ARCH {
        "x86_64" => ("linux/amd64", "amd64", "manylinux_2_17_x86_64"),
        _ => ("linux/arm64", "arm64", "manylinux_2_17_aarch64"),
    }
}

impl Real {
    fn new() -> Option<Self> {
        let (uv, _, _) = (uv()?, part("TESTBED_DOCKER")?, part("TESTBED_REGISTRY")?);
        let (platform, architecture, tag) = platform();
        let library = shared_library(architecture, &[LIBRARY, "libc.so.6"], &[]);
        let files = vec![("parallel/x.abi3.so".to_owned(), library)];
        let wheel = HandMadeWheel::with_files("parallel", "1.0", &[], files).only_for(tag);
        let folder = Folder::new();
        let unique = folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
        let name = format!("pyimage-test/{unique}");
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
             tag = \"3.13-slim\"\nbytecode = \"none\"\nplatforms = [\"{platform}\"]\nname = \"{name}\"\ntags = [\"1\"]\nrequirements = \"requirements.txt\"\n\
             source = [\"main.py\"]\nentrypoint = [\"python3\", \"main.py\"]\nuser = \"app\"\n"
        );
        let main = "import ctypes, os, pwd\n\
                    try: found = bool(ctypes.CDLL('libgomp.so.1').omp_get_max_threads())\n\
                    except OSError: found = False\n\
                    open(os.path.expanduser('~/mine'), 'w')\n\
                    print(found, pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.environ['HOME'])\n";
        folder.file("Cargo.toml", &manifest).file("src/lib.rs", "").file("main.py", main);
        folder.file("requirements.txt", "parallel\n");
        Some(Self { folder, index: PackageIndex::start(&[wheel], None), uv, name })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.folder.pyimage([words[0]]);
        command.args(&words[1..]).env("PYIMAGE_UV", &self.uv);
        command.env("DOCKER_HOST", part("TESTBED_DOCKER").unwrap_or_default());
        command.env("UV_DEFAULT_INDEX", self.index.url()).env("PIP_CONFIG_FILE", "/dev/null");
        with_cargo(&mut command);
        command
    }

    fn run(&self, words: &[&str]) -> Finished {
        finish(&mut self.command(words))
    }

    fn text(&self, name: &str) -> String {
        fs_err::read_to_string(self.folder.project().join(name)).unwrap_or_default()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = docker(["rmi", "-f", &format!("{}:1", self.name)]);
    }
}

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stderr
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

#[test]
fn packages_of_debian_are_installed_once_and_stay_the_same() {
    let Some(project) = Real::new() else { return };
    let missing =
        "`parallel 1.0` needs `libgomp.so.1` (parallel/x.abi3.so), which `python:3.13-slim` does not have";
    let without = project.run(&["build", "--no-load"]);
    assert!(succeeded(&without).contains(missing), "{}", without.stderr);
    assert!(without.stderr.contains("`apt = [\"libgomp1\"]` installs what has them"), "{}", without.stderr);

    let manifest = project.text("Cargo.toml");
    project.folder.file("Cargo.toml", &format!("{manifest}apt = [\"libgomp1\"]\n"));
    let stale = format!("`libgomp1` is not locked for {} of `python:3.13-slim`", platform().0);
    failed(&project.run(&["build", "--locked"]), &[&stale, "cargo pyimage lock"]);
    let with = project.run(&["build", "--no-load"]);
    assert!(succeeded(&with).contains("Installing libgomp1 on python:3.13-slim"), "{}", with.stderr);
    assert!(!with.stderr.contains(missing), "{}", with.stderr);
    let lock = project.text("pyimage.lock");
    for part in ["[[base.image.apt]]\npackages = [\"libgomp1\"]", "libgomp1:", "\"libgomp.so.1\""] {
        assert!(lock.contains(part), "no {part:?} in {lock}");
    }
    let sbom = project.run(&["sbom", "--frozen"]);
    succeeded(&sbom);
    let purl = "\"pkg:deb/debian/libgomp1@";
    assert!(sbom.stdout.contains(purl) && sbom.stdout.contains("&distro=trixie\""), "{}", sbom.stdout);
    // From then on nothing is installed, nor is an engine or a network asked.
    let again =
        project.command(&["build", "--no-load", "--frozen"]).env("DOCKER_HOST", "unix:///none").output();
    let again = again.expect("a run");
    assert_eq!(
        String::from_utf8_lossy(&again.stdout),
        with.stdout,
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );

    // It works, as the user that it was given.
    let ran = project.run(&["run"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "True app 1000 /home/app\n"), "{}", ran.stderr);

    // What takes the place of a file of theirs is told.
    let manifest = project.text("Cargo.toml");
    let file = "files = [{ from = \"main.py\", to = \"/var/lib/dpkg/status\" }]\n";
    project.folder.file("Cargo.toml", &format!("{manifest}{file}"));
    let replacing = project.run(&["build", "--no-load"]);
    let words = "`/var/lib/dpkg/status` of a package of Debian is replaced by `main.py` of `files`";
    assert!(succeeded(&replacing).contains(words), "{}", replacing.stderr);
    project.folder.file("Cargo.toml", &manifest);

    // Another machine has nothing but the lock: without a network it says so, and with one it makes the same layer.
    let digest = with.stdout.clone();
    fs_err::remove_dir_all(project.folder.cache().join("blobs")).expect("the cache");
    fs_err::remove_dir_all(project.folder.cache().join("apt")).expect("the cache");
    let made = project.run(&["build", "--no-load", "--locked"]);
    assert!(succeeded(&made).contains("Installing libgomp1"), "{}", made.stderr);
    assert_eq!(made.stdout, digest);
    fs_err::remove_dir_all(project.folder.cache().join("apt")).ok();
    let blob = lock.split("layer = { digest = \"sha256:").nth(1).and_then(|rest| rest.split('"').next());
    let blob = project.folder.cache().join("blobs/sha256").join(blob.expect("a layer"));
    fs_err::remove_file(&blob).expect("the layer");
    let words = ["the layer of `libgomp1` for", "is not on this machine"];
    failed(&project.run(&["build", "--no-load", "--offline"]), &words);

    // What is locked is what has to come of it.
    let mut other = pyimage_build::Lock::parse(&lock).expect("a lock");
    for image in other.bases.values_mut().flat_map(|base| base.images.values_mut()) {
        image.apt.iter_mut().for_each(|apt| apt.layer.digest = pyimage_build::Digest::of(b"another"));
    }
    project.folder.file("pyimage.lock", &other.to_string());
    let words = [
        "`libgomp1` for",
        "give another layer than the one that is locked",
        "`cargo pyimage lock --update`, and commit that",
    ];
    failed(&project.run(&["build", "--no-load", "--locked"]), &words);
}

/// Another engine does it as well.
fn packages_of_debian_are_installed(setting: &Setting) {
    let base = "tag = \"3.13-slim\"\napt = [\"libgomp1\"]";
    let platforms = format!("[\"{}\"]", platform().0);
    let Some(project) = crate::images::Project::on(setting, base, &platforms) else { return };
    project.says("import ctypes, demo; print(bool(ctypes.CDLL('libgomp.so.1').omp_get_max_threads()))\n");
    let run = project.run(["run"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "True\n"), "{}", run.stderr);
    assert!(run.stderr.contains("Installing libgomp1 on python:3.13-slim"), "{}", run.stderr);
}

on_engines!(podman: [packages_of_debian_are_installed]);

#[test]
fn without_an_engine_it_says_so() {
    let section = "apt = [\"libgomp1\"]\nplatforms = [\"linux/amd64\"]\n";
    let Some(project) = Project::with("", &crate::facts::BASE, &[]) else { return };
    let manifest =
        project.text("Cargo.toml").replace("platforms = [\"linux/amd64\", \"linux/arm/v7\"]\n", section);
    project.folder.file("Cargo.toml", &manifest);
    let run = finish(&mut project.command("lock"));
    let words = [
        "could not install `libgomp1` on `python:3.13-slim-trixie` for linux/amd64",
        "unix:///nowhere/docker.sock",
        "`apt` takes an engine, once",
    ];
    failed(&run, &words);
    let wrong = manifest.replace("libgomp1", "--help");
    project.folder.file("Cargo.toml", &wrong);
    failed(
        &finish(&mut project.command("lock")),
        &["apt[0]", "`--help`, which is no name of a package of Debian"],
    );
}
