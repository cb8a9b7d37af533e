//! `cargo pyimage build`: packages without a wheel are built, once, and the images are the same.

use std::process::Command;

use tests::{Finished, Folder, Setting, finish, part, with_cargo};

/// A build backend without requirements. It puts into the wheel what a build must not depend on.
const BACKEND: &str = r##"
import hashlib, os, platform, random, sys, zipfile
from base64 import urlsafe_b64encode as b64
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "demo-1.0-py3-none-%s.whl" % PLATFORM
    files = {"demo/__init__.py": "VERSION = 1\nMACHINE = %r\n" % MACHINE,
        "demo-1.0.data/scripts/demo": "#!python\nimport demo\n",
        "demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        "demo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: mine %s\nRoot-Is-Purelib: true\nTag: py3-none-%s\n"
            % (random.random(), PLATFORM)}
    record = "demo-1.0.dist-info/RECORD"
    line = lambda path, text: "%s,sha256=%s,%d\n" % (
        path, b64(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode(), len(text))
    files[record] = "".join(line(*item) for item in files.items()) + record + ",,\n"
    items = list(files.items())
    random.shuffle(items)
    with zipfile.ZipFile(os.path.join(folder, name), "w", random.choice([0, 8])) as archive:
        for path, text in items:
            archive.writestr(path, text)
    return name
"##;

const PURE: &str = "PLATFORM, MACHINE = 'any', 'any'";
const NATIVE: &str = "import platform\nMACHINE = platform.machine()\nPLATFORM = 'linux_' + MACHINE";

fn project(setting: &Setting, platforms: &str, what: &str) -> Folder {
    let folder = Folder::new();
    fill(&folder, platforms, what);
    let _ = setting;
    folder
}

fn fill(folder: &Folder, platforms: &str, what: &str) {
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
         tag = \"3.13-slim\"\nbytecode = \"none\"\nplatforms = [{platforms}]\npylock = \"pylock.toml\"\n\
         entrypoint = [\"python3\", \"-c\", \"import demo; print(demo.VERSION, demo.MACHINE)\"]\n"
    );
    let lock = "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
                directory = { path = 'demo' }\n";
    folder.file("Cargo.toml", &manifest).file("src/lib.rs", "").file("pylock.toml", lock);
    let pyproject = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    folder.file("demo/pyproject.toml", pyproject).file("demo/backend.py", &format!("{what}\n{BACKEND}"));
}

/// A project whose one package has no wheel, on this machine's platform.
pub(crate) fn pure(setting: &Setting) -> Folder {
    let own = if cfg!(target_arch = "x86_64") { "\"linux/amd64\"" } else { "\"linux/arm64\"" };
    project(setting, own, PURE)
}

pub(crate) fn pyimage<const N: usize>(folder: &Folder, setting: &Setting, words: [&str; N]) -> Command {
    let mut command = folder.pyimage(words);
    command.env("DOCKER_HOST", setting.address()).env("PYIMAGE_UV", "/none");
    with_cargo(&mut command);
    command
}

fn build(folder: &Folder, setting: &Setting) -> Finished {
    finish(&mut pyimage(folder, setting, ["build", "--no-load"]))
}

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

fn building(run: &Finished) -> usize {
    run.stderr.lines().filter(|line| line.trim() == "Building demo 1.0").count()
}

#[test]
fn a_pure_package_is_built_once_for_all_platforms_and_the_same_everywhere() {
    let (Some(setting), Some(_)) = (Setting::docker_of_root(), part("TESTBED_ARM64")) else { return };
    let both = "\"linux/amd64\", \"linux/arm64\"";
    let one = project(&setting, both, PURE);
    let first = build(&one, &setting);
    let digest = succeeded(&first).to_owned();
    assert_eq!(building(&first), 1, "{}", first.stderr);
    let again = build(&one, &setting);
    assert_eq!((succeeded(&again), building(&again)), (&*digest, 0));

    // Another folder and another cache: it is built anew, in another order and with another tool.
    let other = project(&setting, both, PURE);
    fs_err::copy(one.project().join("pyimage.lock"), other.project().join("pyimage.lock")).expect("the lock");
    let second = build(&other, &setting);
    assert_eq!((succeeded(&second), building(&second)), (&*digest, 1));

    let ran = finish(&mut pyimage(&one, &setting, ["run"]));
    assert_eq!(succeeded(&ran), "1 any\n");
    remove(&setting, "app:latest");
}

#[test]
fn a_native_package_is_built_for_each_platform() {
    let (Some(setting), Some(_)) = (Setting::docker_of_root(), part("TESTBED_ARM64")) else { return };
    let own = if cfg!(target_arch = "x86_64") { "\"linux/amd64\"" } else { "\"linux/arm64\"" };
    let folder = project(&setting, own, NATIVE);
    let manifest = folder.project().join("Cargo.toml");
    let text =
        fs_err::read_to_string(&manifest).expect("it").replace("platforms", "name = \"native\"\nplatforms");
    fs_err::write(&manifest, &text).expect("it");
    let first = build(&folder, &setting);
    succeeded(&first);
    assert_eq!(building(&first), 1, "{}", first.stderr);
    let ran = finish(&mut pyimage(&folder, &setting, ["run"]));
    assert_eq!(succeeded(&ran), format!("1 {}\n", std::env::consts::ARCH), "{}", ran.stderr);
    remove(&setting, "native:latest");

    // The bed has no full image for the other platform: what is there for this one is not taken for that.
    let both = text.replace(own, "\"linux/amd64\", \"linux/arm64\"");
    fs_err::write(&manifest, both).expect("it");
    let run = build(&folder, &setting);
    assert_eq!((run.code, building(&run)), (Some(101), 1), "{}", run.stderr);
    let other = if own.contains("amd64") { "linux/arm64" } else { "linux/amd64" };
    for words in ["could not have `demo 1.0` built for", other, "`python:3.13`"] {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
}

#[test]
fn without_an_engine_it_is_said_what_is_missing() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let folder = project(&setting, "\"linux/amd64\"", PURE);
    let run = finish(pyimage(&folder, &setting, ["build"]).env("DOCKER_HOST", "unix:///nowhere/docker.sock"));
    assert_eq!(run.code, Some(101), "{}", run.stderr);
    for words in
        ["could not have `demo 1.0` built for", "no container engine answers", "/nowhere/docker.sock"]
    {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
    let offline = finish(&mut pyimage(&folder, &setting, ["build", "--offline"]));
    assert_eq!(offline.code, Some(101));
    assert!(offline.stderr.contains("`demo 1.0` is not in the cache"), "{}", offline.stderr);
}

fn remove(setting: &Setting, image: &str) {
    assert_eq!(setting.cli(["rmi", "-f", image]).code, Some(0));
}
