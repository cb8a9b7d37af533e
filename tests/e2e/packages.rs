//! Packages: what a script asks for is there when it starts.

use std::process::Command;
use std::sync::OnceLock;

use tests::{Finished, Folder, TAG, finish, part};

const SCRIPT: &str = "\
# /// script
# requires-python = \">=3.9\"
# dependencies = [\"idna\", \"rich\"]
# ///
import idna, rich, sys
print(idna.encode('bücher.example').decode(), sys.prefix, rich.__name__)
";

/// The program with what the host knows of package indexes.
pub(crate) fn pyrun<const N: usize>(folder: &Folder, arguments: [&str; N]) -> Command {
    let mut command = folder.pyrun(arguments);
    with_indexes(&mut command);
    command
}

/// Lets a command know what the host knows of package indexes.
pub(crate) fn with_indexes(command: &mut Command) {
    for (name, value) in std::env::vars() {
        let index = ["PIP_", "UV_"].iter().any(|prefix| name.starts_with(prefix));
        let network = name.to_ascii_lowercase().ends_with("_proxy") || name == "SSL_CERT_FILE";
        if index || network {
            command.env(name, value);
        }
    }
}

/// Whether there is an index at all, or a note that there is none: a machine may have no way to one.
pub(crate) fn index() -> bool {
    static REACHED: OnceLock<bool> = OnceLock::new();
    if part("TESTBED_DOCKER").is_none() {
        return false;
    }
    // All tests go by one answer, and a bad moment of the network is not taken for none.
    let reached = *REACHED.get_or_init(|| {
        let folder = Folder::new();
        let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", "/tmp", "idna"];
        (0..3).any(|_| finish(pyrun(&folder, ["--tag", TAG]).args(pip)).code == Some(0))
    });
    if !reached {
        tests::skip("package index");
    }
    reached
}

pub(crate) fn ran(run: &Finished, expected: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected), "{}", run.stderr);
}

pub(crate) fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

#[test]
fn a_script_gets_what_its_metadata_asks_for_and_the_second_run_asks_nobody() {
    let folder = Folder::new();
    if !index() {
        return;
    }
    folder.file("books.py", SCRIPT);
    let expected = "xn--bcher-kva.example /opt/pyrun rich\n";
    let first = finish(&mut pyrun(&folder, ["--tag", TAG, "books.py"]));
    ran(&first, expected);
    assert!(first.stderr.contains("Resolving packages"), "{}", first.stderr);
    assert!(folder.unsound_in_cache().is_empty(), "{:?}", folder.unsound_in_cache());

    // No index, no uv, no network: nothing of it is needed again.
    let mut second = folder.pyrun(["--tag", TAG, "--network", "none", "books.py"]);
    let second =
        finish(second.env("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple").env("PYIMAGE_UV", "/none"));
    ran(&second, expected);
    assert_eq!(second.stderr, "");

    let shown = finish(&mut folder.pyrun(["--tag", TAG, "--dry-run", "books.py"]));
    assert!(shown.stdout.contains(":/opt/pyrun:ro"), "{} {}", shown.stdout, shown.stderr);

    // Another script that needs the same has the same environment; the code itself does not count.
    folder.file("more.py", &SCRIPT.replace("print(", "print('more', "));
    let other = finish(folder.pyrun(["--tag", TAG, "more.py"]).env("PYIMAGE_UV", "/none"));
    ran(&other, &format!("more {expected}"));
    let compiled = folder
        .cached_files()
        .iter()
        .any(|file| file.starts_with("package-bytecode") && file.extension().is_some_and(|end| end == "pyc"));
    assert!(compiled, "the packages have no bytecode");
    let left = fs_err::read_dir(folder.project()).expect("the project").count();
    assert_eq!(left, 2, "nothing comes into the project");
}

/// In one folder, whose cache gets uv but once.
#[test]
fn packages_come_from_wherever_they_are_asked_for() {
    let folder = Folder::new();
    if index() {
        packages_come_from_options_files_and_locks(&folder);
        programs_of_packages_are_on_the_path(&folder);
        a_damaged_lock_in_the_cache_is_resolved_anew(&folder);
        what_cannot_be_had_is_told(&folder);
    }
}

fn packages_come_from_options_files_and_locks(folder: &Folder) {
    let code = "import importlib.metadata as m; print(sorted(d.name for d in m.distributions(path=[p for p in \
        __import__('sys').path if p.startswith('/opt/pyrun')])))";
    let with = finish(&mut pyrun(folder, ["--tag", TAG, "--with", "idna", "--with", "six", "-c", code]));
    ran(&with, "['idna', 'six']\n");
    folder.file("requirements.txt", "-r more.txt  # and more\nidna\n").file("more.txt", "six\n");
    let file = finish(&mut pyrun(folder, ["--tag", TAG, "-r", "requirements.txt", "-c", code]));
    ran(&file, "['idna', 'six']\n");
    folder.file("pyproject.toml", "[project]\nname = 'x'\nversion = '1'\ndependencies = ['idna']\n");
    let project = finish(&mut pyrun(folder, ["--tag", TAG, "-r", "pyproject.toml", "-c", code]));
    ran(&project, "['idna']\n");

    // The lock that was made is one that can be given.
    let locks = folder.cache().join("locks");
    let lock = fs_err::read_dir(locks).expect("locks").flatten().next().expect("a lock").path();
    fs_err::copy(lock, folder.project().join("pylock.toml")).expect("a copy");
    let locked =
        finish(pyrun(folder, ["--tag", TAG, "-r", "pylock.toml", "-c", code]).env("PYIMAGE_UV", "/none"));
    assert_eq!(locked.code, Some(0), "{}", locked.stderr);
    assert!(locked.stdout.contains("'idna'"), "{}", locked.stdout);
}

fn programs_of_packages_are_on_the_path(folder: &Folder) {
    let tool = finish(&mut pyrun(
        folder,
        ["--tag", TAG, "--with", "pygments", "--entrypoint", "pygmentize", "--", "-V"],
    ));
    assert_eq!(tool.code, Some(0), "{}", tool.stderr);
    assert!(tool.stdout.starts_with("Pygments version"), "{}", tool.stdout);
}

/// Cut off between two packages, it is a lock still.
fn a_damaged_lock_in_the_cache_is_resolved_anew(folder: &Folder) {
    let arguments = ["--tag", TAG, "--with", "rich", "-c", "import rich, pygments; print('both')"];
    ran(&finish(&mut pyrun(folder, arguments)), "both\n");
    let locks = || folder.cached_files().into_iter().filter(|file| file.starts_with("locks"));
    let text = |file: &std::path::Path| fs_err::read_to_string(folder.cache().join(file)).expect("a lock");
    let lock =
        locks().find(|file| text(file).contains("name = \"rich\"") && !text(file).contains("\"idna\""));
    let lock = lock.expect("the lock in the cache");
    let sound = text(&lock);
    let last = sound.rfind("[[packages]]").expect("packages");
    let second = sound.match_indices("[[packages]]").nth(1).expect("packages").0;
    for damaged in [&sound[..last], &sound[..second], &sound.replace("pygments", "attrs"), "", "x"] {
        fs_err::write(folder.cache().join(&lock), damaged).expect("damage");
        fs_err::remove_dir_all(folder.cache().join("environments")).expect("the environments");
        ran(&finish(&mut pyrun(folder, arguments)), "both\n");
        assert_eq!(text(&lock), sound);
    }
}

fn what_cannot_be_had_is_told(folder: &Folder) {
    let unknown =
        finish(&mut pyrun(folder, ["--tag", TAG, "--with", "no-such-package-of-anyone", "-c", "1"]));
    failed(&unknown, &["could not resolve the packages", "no-such-package-of-anyone"]);
    let missing = finish(&mut pyrun(folder, ["--tag", TAG, "-r", "none.txt", "-c", "1"]));
    failed(&missing, &["cannot read", "none.txt"]);
    folder.file("pylock.toml", "lock-version = '9.0'\ncreated-by = 'x'\n");
    let newer = finish(&mut pyrun(folder, ["--tag", TAG, "-r", "pylock.toml", "-c", "1"]));
    failed(&newer, &["could not use the lock", "pylock.toml"]);
}
