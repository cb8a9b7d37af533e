//! Packages without a wheel: built once, in a container of the full image.

use std::io::Read as _;
use std::process::Command;
use std::time::Duration;

use tests::{Folder, TAG, docker, eventually, finish, finish_with, part, spawn};

use crate::packages::{failed, index, pyrun, ran};

/// A package whose build backend is its own: its build asks no index.
const PROJECT: &str = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";

/// What each backend below begins with.
const BACKEND: &str = r#"
import hashlib, os, subprocess, sys, time, zipfile
def wheel(folder, files):
    name = "demo-1.0-py3-none-any.whl"
    files = dict(files)
    files["demo-1.0.dist-info/METADATA"] = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
    files["demo-1.0.dist-info/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "demo-1.0.dist-info/RECORD"
    from base64 import urlsafe_b64encode as b64
    line = lambda path, text: "%s,sha256=%s,%d\n" % (
        path, b64(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode(), len(text))
    files[record] = "".join(line(*item) for item in files.items()) + record + ",,\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
def build_wheel(folder, config_settings=None, metadata_directory=None):
"#;

/// A project with a lock that names a folder of sources.
fn sources(build: &str) -> Folder {
    let folder = Folder::new();
    folder.file("demo/pyproject.toml", PROJECT).file("demo/backend.py", &format!("{BACKEND}    {build}\n"));
    lock(&folder, "pylock.toml");
    folder
}

fn lock(folder: &Folder, name: &str) {
    let lock = format!(
        "# {name}\nlock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\n\
         directory = {{ path = 'demo' }}\n"
    );
    folder.file(name, &lock);
}

fn locked(folder: &Folder, lock: &str, more: &[&str]) -> Command {
    let mut command = folder.pyrun(["--tag", TAG, "-r", lock]);
    command.args(more).env("PYIMAGE_UV", "/none");
    command
}

/// What a build can see: its platform, the files there, whether it reaches us.
const HELLO: &str =
    r#"return wheel(folder, {"demo.py": "def hello(): return %r\n" % sorted(os.listdir("/opt"))})"#;

#[test]
fn sources_are_built_once_with_nothing_else_of_ours() {
    if part("TESTBED_DOCKER").is_none() {
        return;
    }
    let folder = sources(HELLO);
    let code = "import demo; print(demo.hello(), input())";
    // What is piped to the script is the script's, however much is run before it.
    let first = finish_with(&mut locked(&folder, "pylock.toml", &["-c", code]), b"piped\n");
    ran(&first, "['pyrun-build'] piped\n");
    assert!(first.stderr.contains("    Building demo 1.0\n"), "{}", first.stderr);
    let second = finish_with(&mut locked(&folder, "pylock.toml", &["-c", code]), b"again\n");
    ran(&second, "['pyrun-build'] again\n");
    assert_eq!(second.stderr, "");
    assert!(folder.unsound_in_cache().is_empty(), "{:?}", folder.unsound_in_cache());
    let left = fs_err::read_dir(folder.project().join("demo")).expect("the sources").count();
    assert_eq!(left, 2, "building leaves nothing in the sources");

    // The sources are what counts.
    lock(&folder, "pylock.same.toml");
    let same = finish_with(&mut locked(&folder, "pylock.same.toml", &["-c", code]), b"\n");
    ran(&same, "['pyrun-build'] \n");
    assert!(!same.stderr.contains("Building"), "{}", same.stderr);
    folder.file("demo/backend.py", &format!("{BACKEND}    {}\n", HELLO.replace("/opt", "/srv")));
    lock(&folder, "pylock.other.toml");
    let other = finish_with(&mut locked(&folder, "pylock.other.toml", &["-c", code]), b"\n");
    ran(&other, "[] \n");
    assert!(other.stderr.contains("Building demo 1.0"), "{}", other.stderr);
}

#[test]
fn processes_that_need_the_same_build_it_once() {
    if part("TESTBED_DOCKER").is_none() {
        return;
    }
    let folder = sources(&format!("time.sleep(2); {HELLO}"));
    let names = ["pylock.a.toml", "pylock.b.toml", "pylock.c.toml"];
    let started = names.map(|name| {
        lock(&folder, name);
        spawn(&mut locked(&folder, name, &["-c", "import demo; print(demo.hello())"]))
    });
    let ended = started.map(|child| child.wait_with_output().expect("an end"));
    let said: Vec<_> = ended.iter().map(|run| String::from_utf8_lossy(&run.stderr).into_owned()).collect();
    for (run, said) in ended.iter().zip(&said) {
        assert_eq!(String::from_utf8_lossy(&run.stdout), "['pyrun-build']\n", "{said}");
    }
    let building = said.iter().filter(|said| said.contains("    Building demo")).count();
    assert_eq!(building, 1, "{said:?}");
}

#[test]
fn a_build_that_fails_says_why() {
    if part("TESTBED_DOCKER").is_none() {
        return;
    }
    let folder = sources("raise SystemError('the flux is not compensated')");
    let run = finish(&mut locked(&folder, "pylock.toml", &["-c", "1"]));
    let words = ["could not build `demo 1.0` in `python:3.13`", "SystemError: the flux is not compensated"];
    failed(&run, &words);
    assert!(run.stderr.contains("help: `-v` shows all"), "{}", run.stderr);
    assert!(folder.unsound_in_cache().is_empty(), "{:?}", folder.unsound_in_cache());

    // Another image may be chosen, and says what it lacks.
    let folder = sources("subprocess.check_call(['gcc', '--version'])");
    let run = finish(&mut locked(&folder, "pylock.toml", &["--build-tag", TAG, "-c", "1"]));
    let words =
        ["`demo 1.0` in `python:3.13-slim`, which has no compiler", "help: `--build-tag 3.13` has compilers"];
    failed(&run, &words);
    let other = finish(&mut locked(&folder, "pylock.toml", &["--build-tag", "3.15-slim", "-c", "1"]));
    let words =
        ["packages for `python:3.13-slim` cannot be built in `python:3.15-slim`", "Python 3.15 with glibc"];
    failed(&other, &words);
    let typo = finish(&mut locked(&folder, "pylock.toml", &["--build-tag", "3.13-slm", "-c", "1"]));
    failed(&typo, &["`3.13-slm` (`build-tag`) is no tag"]);
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    if part("TESTBED_DOCKER").is_none() {
        return;
    }
    let folder = sources("print('under way', flush=True); time.sleep(100)");
    let mut child = spawn(&mut locked(&folder, "pylock.toml", &["-v", "-c", "1"]));
    let mut stderr = child.stderr.take().expect("a pipe");
    let mut said = String::new();
    let mut piece = [0; 4096];
    while !said.contains("under way") {
        let read = stderr.read(&mut piece).expect("what pip says, under -v");
        assert_ne!(read, 0, "{said}");
        said.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    // So that it is not the end of it.
    assert!(!said.contains("error"), "{said}");
    let root = folder.root().display().to_string();
    let ours = || docker(["ps", "-a", "--format", "{{.Label \"pyrun.folder\"}}"]).stdout.contains(&root);
    assert!(ours(), "the build is a container of ours");
    let killed = Command::new("kill").arg("-INT").arg(child.id().to_string()).status();
    assert!(killed.expect("kill").success());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(eventually(Duration::from_secs(20), || !ours()));
    let built = folder.cache().join("built");
    let left: Vec<_> = fs_err::read_dir(built).expect("the folder").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// From a real index: sources whose needs nobody knows before they are built, and that need a library.
#[test]
fn what_only_a_build_can_tell_is_resolved_in_a_container() {
    let folder = Folder::new();
    if !index() {
        return;
    }
    folder.file("requirements.txt", "-r more.txt\n").file("more.txt", "psycopg2==2.9.10\n");
    let code = "import importlib.metadata as m; print(m.version('psycopg2'))";
    let run = finish(&mut pyrun(&folder, ["--tag", TAG, "-r", "requirements.txt", "-c", code]));
    ran(&run, "2.9.10\n");
    let words = [
        "   Resolving packages that have to be built, in python:3.13\n",
        "    Building psycopg2 2.9.10\n",
        "warning: `psycopg2` needs `libpq.so.5`, which `python:3.13-slim` lacks: it is in Debian's `libpq5`\n",
        "help: `--tag 3.13` has what it was built with",
    ];
    for words in words {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
    let mut second = folder.pyrun(["--tag", TAG, "--network", "none", "-r", "requirements.txt", "-c", code]);
    let second = finish(second.env("PYIMAGE_UV", "/none"));
    ran(&second, "2.9.10\n");
    assert_eq!(second.stderr, "");

    // A lock has its sources, and what was built of them is there.
    let third = finish(&mut pyrun(&folder, ["--tag", TAG, "-r", "requirements.txt", "--lock", "-c", code]));
    ran(&third, "2.9.10\n");
    assert!(!third.stderr.contains("Building"), "{}", third.stderr);
    let lock = fs_err::read_to_string(folder.project().join("pylock.toml")).expect("the lock");
    assert!(lock.contains("psycopg2-2.9.10.tar.gz"), "{lock}");
}
