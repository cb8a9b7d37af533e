//! The cache: warm bytecode, damage, folders that cannot be written, many processes at once.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{Finished, Folder, TAG, User, docker, finish, spawn};

/// Imports enough of the standard library for bytecode to matter.
const IMPORTS: &str = "import argparse, asyncio, json, logging; print('ran')";

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

fn cache(folder: &Folder) -> PathBuf {
    folder.root().join("cache")
}

/// Every file below, with what tells a new one from an old one.
fn files(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let (path, data) = (entry.path(), entry.metadata().expect("a file's metadata"));
        if data.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path, data.len(), data.modified().expect("a time")));
        }
    }
    found.sort();
    found
}

fn bytecode(folder: &Folder) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let all = files(&cache(folder).join("bytecode"));
    all.into_iter().filter(|(path, ..)| path.extension().is_some_and(|end| end == "pyc")).collect()
}

fn image_id(reference: &str) -> String {
    let id = docker(["image", "inspect", "--format", "{{.Id}}", reference]).stdout;
    id.trim().rsplit(':').next().expect("an id").to_owned()
}

#[test]
fn bytecode_is_written_once_and_not_into_the_project() {
    let folder = Folder::new();
    folder.file("lib/mine.py", "x = 1\n").file("main.py", "import json, asyncio, lib.mine\nprint('ran')\n");
    assert_eq!(succeeded(&finish(&mut folder.pyrun(["--tag", TAG, "main.py"]))), "ran\n");
    let first = bytecode(&folder);
    let image = cache(&folder).join("bytecode").join(image_id(&format!("python:{TAG}")));
    assert!(first.iter().all(|(path, ..)| path.starts_with(&image)), "keyed by the image: {first:?}");
    for part in ["asyncio/base_events.", "json/decoder.", "usr/src/myapp/lib/mine."] {
        assert!(
            first.iter().any(|(path, ..)| path.to_string_lossy().contains(part)),
            "no {part} in {first:?}"
        );
    }
    assert_eq!(succeeded(&finish(&mut folder.pyrun(["--tag", TAG, "main.py"]))), "ran\n");
    assert_eq!(bytecode(&folder), first, "the second run finds all of it");
    let project: Vec<_> = files(&folder.project()).into_iter().map(|(path, ..)| path).collect();
    let project: Vec<_> = project.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(project, ["mine.py", "main.py"]);
}

#[test]
fn projects_do_not_share_bytecode() {
    // Both have a module of the same path, size and time, which is all that Python compares.
    let (one, two) = (Folder::new(), Folder::new());
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    for (folder, word) in [(&one, "one"), (&two, "two")] {
        folder
            .file("word.py", &format!("WORD = '{word}'\n"))
            .file("main.py", "import word\nprint(word.WORD)\n");
        let file =
            fs_err::File::options().write(true).open(folder.project().join("word.py")).expect("a file");
        file.file().set_modified(time).expect("a time of our own");
    }
    for (folder, word) in [(&one, "one\n"), (&two, "two\n"), (&one, "one\n")] {
        let mut command = folder.pyrun(["--tag", TAG, "main.py"]);
        let run = finish(command.env("PYIMAGE_CACHE_DIR", cache(&one)));
        assert_eq!(succeeded(&run), word);
    }
}

#[test]
fn a_changed_module_is_compiled_again() {
    let folder = Folder::new();
    for word in ["first", "second one"] {
        folder.file("word.py", &format!("WORD = '{word}'\n"));
        let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", "import word; print(word.WORD)"]));
        assert_eq!(succeeded(&run), format!("{word}\n"));
    }
}

#[test]
fn a_damaged_cache_is_rebuilt() {
    let folder = Folder::new();
    succeeded(&finish(&mut folder.pyrun(["--tag", TAG, "-c", IMPORTS])));
    // Those in `used/` are empty in any case: only their times and locks count.
    let mut sound = files(&cache(&folder));
    sound.retain(|(path, ..)| !path.starts_with(cache(&folder).join("used")));
    let names: Vec<_> = sound.iter().map(|(path, ..)| path.to_string_lossy().into_owned()).collect();
    for kind in ["/engines/", "/images/", "/bytecode/"] {
        assert!(names.iter().any(|name| name.contains(kind)), "{names:?}");
    }
    for damage in [&b""[..], b"garbage", b"{}", b"{\"id\":3}", b"\x00\xff\xfe"] {
        for (path, ..) in &sound {
            fs_err::write(path, damage).expect("damage");
        }
        let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", IMPORTS]));
        assert_eq!(
            (run.code, run.stdout.as_str(), run.stderr.as_str()),
            (Some(0), "ran\n", ""),
            "{damage:?}"
        );
        for (path, ..) in &sound {
            assert_ne!(fs_err::read(path).expect("an entry"), damage, "{} was rebuilt", path.display());
        }
    }
}

#[test]
fn an_image_that_was_cut_off_in_the_cache_is_met_anew() {
    let Some(user) = User::of_the_bed() else { return };
    let folder = Folder::new();
    folder.hand_to(&user);
    let code = "import pwd, os; print(pwd.getpwuid(os.getuid())[0], pwd.getpwuid(0)[0])";
    let expected = format!("{} root\n", user.name);
    assert_eq!(succeeded(&finish(&mut folder.pyrun_as(&user, ["--tag", TAG, "-c", code]))), expected);
    // The account files are mounted: an empty one would be an empty `/etc/passwd`.
    for (path, ..) in files(&cache(&folder).join("accounts")) {
        fs_err::write(path, "").expect("damage");
    }
    assert_eq!(succeeded(&finish(&mut folder.pyrun_as(&user, ["--tag", TAG, "-c", code]))), expected);
}

#[test]
fn a_cache_that_cannot_be_written_is_told_once() {
    let Some(user) = User::of_the_bed() else { return };
    let folder = Folder::new();
    folder.hand_to(&user);
    let closed = folder.root().join("closed");
    fs_err::create_dir(&closed).expect("root's own folder");
    let mut command =
        folder.pyrun_as(&user, ["--tag", TAG, "-c", "import getpass; print(getpass.getuser())"]);
    command.env("PYIMAGE_CACHE_DIR", closed.join("cache"));
    let run = finish(&mut command);
    assert_eq!(succeeded(&run), format!("{}\n", user.name));
    let expected = format!(
        "warning: could not write to the cache folder `{}`; this run goes on without the cache\n\
         help: set `PYIMAGE_CACHE_DIR` to a folder you can write to\n",
        closed.join("cache").display()
    );
    assert_eq!(run.stderr, expected);
}

#[test]
fn a_cache_without_a_place_is_told_once() {
    let folder = Folder::new();
    let mut command = folder.pyrun(["--tag", TAG, "-c", "print('ran')"]);
    let run = finish(command.env("PYIMAGE_CACHE_DIR", "/proc/no/such/place"));
    assert_eq!(succeeded(&run), "ran\n");
    assert_eq!(run.stderr.matches("warning:").count(), 1, "{}", run.stderr);
}

/// A file system of 64 KiB, unmounted in any case.
struct Tiny(PathBuf);

impl Tiny {
    fn mount(at: PathBuf) -> Option<Self> {
        fs_err::create_dir_all(&at).expect("a folder to mount on");
        let mounted =
            finish(Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "pyrun-test"]).arg(&at));
        if mounted.code != Some(0) {
            tests::skip("right to mount a small file system");
            return None;
        }
        Some(Self(at))
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        // Lazily: the engine may take a moment to let go of a mount of its own.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_cache_is_told_once() {
    let folder = Folder::new();
    let Some(tiny) = Tiny::mount(folder.root().join("tiny")) else { return };
    fs_err::write(tiny.0.join("filler"), vec![0; 60 << 10]).expect("most of it");
    let rest = (0..16).find(|n| fs_err::write(tiny.0.join(format!("more{n}")), vec![0; 4 << 10]).is_err());
    assert!(rest.is_some(), "the disk is full");
    let mut command = folder.pyrun(["--tag", TAG, "-c", IMPORTS]);
    let run = finish(command.env("PYIMAGE_CACHE_DIR", &tiny.0));
    assert_eq!(succeeded(&run), "ran\n");
    let expected = format!(
        "warning: no space left in the cache folder `{}`; this run goes on without the cache\n\
         help: free some space, or set `PYIMAGE_CACHE_DIR` to a folder on another disk\n",
        tiny.0.display()
    );
    assert_eq!(run.stderr, expected);
}

#[test]
fn a_cache_that_fills_up_in_the_run_does_no_harm() {
    let folder = Folder::new();
    let Some(tiny) = Tiny::mount(folder.root().join("tiny")) else { return };
    // Room for our own entries, not for all the bytecode: what Python cannot write it does without.
    for _ in 0..2 {
        let mut command = folder.pyrun(["--tag", TAG, "-c", IMPORTS]);
        let run = finish(command.env("PYIMAGE_CACHE_DIR", &tiny.0));
        assert_eq!(succeeded(&run), "ran\n", "{}", run.stderr);
    }
}

#[test]
fn twelve_processes_share_a_cold_cache() {
    let folder = Folder::new();
    let children: Vec<_> = (0..12)
        .map(|number| {
            let code = format!("import argparse, json; print({number})");
            spawn(folder.pyrun(["--tag", TAG, "-c", &code]).stdin(std::process::Stdio::null()))
        })
        .collect();
    for (number, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().expect("an end");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{number}\n"), "{stderr}");
        assert_eq!(stderr, "");
    }
    let left: Vec<_> = files(&cache(&folder)).into_iter().map(|(path, ..)| path).collect();
    let unfinished = |path: &&PathBuf| {
        path.to_string_lossy().contains(".tmp-") || path.to_string_lossy().contains("/runs/")
    };
    assert_eq!(left.iter().find(unfinished), None, "no half entry and no note of a run stays");
}

#[test]
fn a_moved_tag_is_another_image() {
    let Some(user) = User::of_the_bed() else { return };
    let folder = Folder::new();
    folder.hand_to(&user);
    let name = folder.root().file_name().expect("a name").to_string_lossy().replace('.', "").to_lowercase();
    let image = format!("{name}:moving");
    let code = "import os, pwd, sys, json; print(sys.version_info[1], pwd.getpwuid(os.getuid())[0])";
    let mut said = Vec::new();
    for tag in ["3.13-slim", "3.15-slim", "3.13-slim"] {
        assert_eq!(docker(["tag", &format!("python:{tag}"), &image]).code, Some(0), "python:{tag}");
        said.push(finish(&mut folder.pyrun_as(&user, ["--image", &image, "--pull", "never", "-c", code])));
    }
    let _ = docker(["rmi", &image]);
    for (run, minor) in said.iter().zip([13, 15, 13]) {
        assert_eq!(succeeded(run), format!("{minor} {}\n", user.name));
    }
    for tag in ["3.13-slim", "3.15-slim"] {
        let own = cache(&folder).join("bytecode").join(image_id(&format!("python:{tag}")));
        assert!(!files(&own).is_empty(), "bytecode of python:{tag} has a folder of its own");
    }
}
