//! `cargo pyimage build` where things go wrong: odd files, other builds at the same time, and ends without a warning.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pyimage_build::Digest;
use serde_json::Value;
use tests::{Finished, Repository, finish};

use crate::build::OnDisk;
use crate::lock_packages::Project;

const SECTION: &str = "requirements = \"requirements.txt\"\nsource = [\"app\"]\n";

fn project() -> Option<Project> {
    let project = Project::new(SECTION)?;
    project.folder.file("requirements.txt", "demo\n").file("app/main.py", "import demo\n");
    Some(project)
}

fn build(project: &Project) -> Finished {
    finish(&mut project.command("build"))
}

fn built(project: &Project) -> String {
    let run = build(project);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

/// Holds a layout against what it says of itself: each blob has its digest, each is led to, and nothing else is there.
pub(crate) fn check(layout: &OnDisk) {
    let mut wanted = BTreeSet::new();
    let mut add = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().expect("a digest");
        wanted.insert(digest.replace("sha256:", ""));
    };
    for index in layout.json("index.json")["manifests"].as_array().expect("images") {
        add(index);
        for image in layout.blob(index)["manifests"].as_array().expect("images") {
            add(image);
            let manifest = layout.blob(image);
            add(&manifest["config"]);
            manifest["layers"].as_array().expect("layers").iter().for_each(&mut add);
        }
    }
    let found = layout.blobs();
    assert!(found.is_subset(&wanted), "{:?}", found.difference(&wanted));
    for name in found {
        let bytes = fs_err::read(layout.0.join("blobs/sha256").join(&name)).expect("a blob");
        assert_eq!(Digest::of(&bytes).hex(), name);
    }
    let names: BTreeSet<_> =
        fs_err::read_dir(&layout.0).expect("it").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["blobs", "index.json", "oci-layout"].map(Into::into).into());
}

#[test]
fn what_cannot_be_in_an_image_is_named() {
    let Some(project) = project() else { return };
    let app = project.folder.project().join("app");
    let with = |make: &dyn Fn(&Path), words: &[&str]| {
        let before: BTreeSet<_> = entries(&app);
        make(&app);
        failed(&build(&project), words);
        for new in entries(&app).difference(&before) {
            fs_err::remove_file(new).expect("it goes");
        }
    };
    with(
        &|app| symlink("/etc/passwd", app.join("out")).expect("a link"),
        &["app/out` is a symbolic link out of the project, to `/etc/passwd`", "help: leave it out"],
    );
    with(
        &|app| fs_err::write(app.join(OsStr::from_bytes(b"caf\xe9.py")), "").expect("a file"),
        &["the name of `app/caf\u{fffd}.py` is not UTF-8", "help: leave it out"],
    );
    with(
        &|app| drop(std::os::unix::net::UnixListener::bind(app.join("socket")).expect("it")),
        &["app/socket` is neither a file nor a folder"],
    );
    with(
        &|app| fs_err::write(app.join(".wh.main.py"), "").expect("a file"),
        &[".wh.main.py` would remove a file of the layers below", "help: rename it"],
    );
    let manifest = project.text("Cargo.toml");
    project.folder.file("Cargo.toml", &manifest.replace("[\"app\"]", "[\"app\", \"none/**/*.py\"]"));
    failed(
        &build(&project),
        &[
            "the source `none/**/*.py` matches no file",
            "`package.metadata.pyimage.source[1]` in `",
            "/Cargo.toml:",
        ],
    );
    project.folder.file("Cargo.toml", &manifest.replace("linux/arm/v7", "linux/riscv64"));
    failed(&build(&project), &["linux/riscv64", "linux/amd64"]);
}

fn entries(folder: &Path) -> BTreeSet<std::path::PathBuf> {
    fs_err::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect()
}

/// Runs a command to its end; gives the most memory that it had, in kB.
fn peak(command: &mut Command) -> u64 {
    let mut child = command.stdout(Stdio::null()).spawn().expect("it");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let code = loop {
        let text = fs_err::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        most = most.max(size.unwrap_or_default());
        if let Some(code) = child.try_wait().expect("an end") {
            break code;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(code.success(), "{command:?}");
    most
}

#[track_caller]
fn takes_little(command: &mut Command) {
    let most = peak(command);
    assert!(most > 0 && most < 100 << 10, "{most} kB: {command:?}");
}

/// Memory does not grow with files. Its bytes are zeros, which take the disk no room.
#[test]
fn a_file_of_5_gb_takes_little_memory() {
    let Some(project) = project() else { return };
    built(&project);
    let large = fs_err::File::create(project.folder.project().join("app/large.bin")).expect("a file");
    large.set_len(5_000_000_000).expect("its size");
    let manifest = project.text("Cargo.toml");
    project.folder.file("Cargo.toml", &format!("{manifest}compression-level = 1\n"));
    takes_little(project.command("build").args(["--platform", "linux/amd64"]));
    check(&OnDisk::of(&project));
}

/// Nor does it with layers, wherever they go.
#[test]
fn a_large_layer_takes_little_memory() {
    let Some(project) = project() else { return };
    let Some(target) = Repository::new(&project.folder).map(|base| base.beside("large")) else { return };
    // What no compression makes smaller, and the registry keeps but once for all runs of this test.
    let mut state = 88_172_645_463_325_252_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let noise: Vec<u8> = noise.take((160 << 20) / 8).flatten().collect();
    fs_err::write(project.folder.project().join("app/noise.bin"), noise).expect("a file");
    let manifest = project.text("Cargo.toml");
    project.folder.file("Cargo.toml", &format!("{manifest}compression-level = 1\n"));
    let name = target.reference("latest");
    takes_little(&mut project.command("build"));
    takes_little(project.command("save").arg("app.tar"));
    takes_little(project.command("push").args(["--to", name.trim_end_matches(":latest")]));
    target.adopt("latest");
    assert_eq!(target.missing_from("latest"), [""; 0]);
    takes_little(project.command("pull").args([&name, "-o", "pulled"]));
    let saved = fs_err::metadata(project.folder.project().join("app.tar")).expect("an archive").len();
    assert!(saved > 160 << 20, "{saved}");
}

#[test]
fn a_file_that_changes_while_it_is_read_is_named() {
    let Some(project) = project() else { return };
    built(&project);
    let path = project.folder.project().join("app/growing.log");
    let file = fs_err::File::create(&path).expect("a file");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut len = 100 << 20;
            while !done.load(Ordering::Relaxed) {
                len += 1;
                file.set_len(len).expect("it grows");
                thread::sleep(Duration::from_millis(1));
            }
        });
        let run = build(&project);
        done.store(true, Ordering::Relaxed);
        failed(&run, &["app/growing.log` changed while it was read", "help: build again"]);
    });
    let built = built(&project);
    assert!(built.starts_with("app@sha256:"));
    check(&OnDisk::of(&project));
}

#[test]
fn builds_at_the_same_time_make_the_same_image() {
    let Some(project) = project() else { return };
    assert_eq!(finish(&mut project.command("lock")).code, Some(0));
    let start = || {
        let mut command = project.command("build");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it")
    };
    let running: Vec<_> = std::iter::repeat_with(start).take(4).collect();
    let ended: Vec<_> = running.into_iter().map(|child| child.wait_with_output().expect("an end")).collect();
    for run in &ended {
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(run.stdout, ended[0].stdout);
    }
    check(&OnDisk::of(&project));
    assert!(project.folder.unsound_in_cache().is_empty(), "{:?}", project.folder.unsound_in_cache());
}

#[test]
fn a_layout_does_not_grow() {
    let Some(project) = project() else { return };
    let first = built(&project);
    let count = OnDisk::of(&project).blobs().len();
    for round in 0..3 {
        project.folder.file("app/main.py", &format!("import demo # {round}\n"));
        assert_ne!(built(&project), first);
        check(&OnDisk::of(&project));
        assert_eq!(OnDisk::of(&project).blobs().len(), count);
    }
    project.folder.file("app/main.py", "import demo\n");
    assert_eq!(built(&project), first);
}

#[test]
fn a_build_that_is_killed_harms_nothing() {
    let (Some(project), Some(other)) = (project(), project()) else { return };
    assert_eq!(finish(&mut project.command("lock")).code, Some(0));
    let full = build(&project).took.as_millis();
    for round in 0..16_u64 {
        // Large enough that there is something to break off.
        let content = format!("# {round}\n").repeat(100_000);
        project.folder.file("app/data.txt", &content);
        if round % 4 == 0 {
            // Packages are fetched and unpacked anew.
            let _ = fs_err::remove_dir_all(project.folder.cache());
        }
        let mut command = project.command("build");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it");
        let after = u64::try_from(full).unwrap_or(1000) * (round * 7 % 16) / 12;
        thread::sleep(Duration::from_millis(after));
        child.kill().expect("it is killed");
        child.wait().expect("its end");
    }
    let digest = built(&project);
    check(&OnDisk::of(&project));
    let names: BTreeSet<_> = entries(&project.folder.project().join("target/pyimage"));
    assert_eq!(names.len(), 1, "{names:?}");
    let damaged: Vec<_> = project.folder.unsound_in_cache();
    let is_work = |path: &std::path::PathBuf| path.to_string_lossy().contains(".tmp-");
    assert!(damaged.iter().all(is_work), "{damaged:?}");

    for file in ["pyimage.lock", "pylock.toml", "app/data.txt"] {
        other.folder.file(file, &project.text(file));
    }
    assert_eq!(built(&other), digest);
}

/// The clock of a machine whose battery is empty.
#[test]
fn a_clock_in_1970_makes_the_same_image() {
    let Some(project) = project() else { return };
    let digest = built(&project);
    let (code, library) = (project.folder.root().join("clock.c"), project.folder.root().join("clock.so"));
    let text = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <time.h>\n\
        int clock_gettime(clockid_t id, struct timespec *at) {\n\
        int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, \"clock_gettime\");\n\
        int failed = real(id, at); if (id == CLOCK_REALTIME) at->tv_sec %= 1000; return failed; }\n";
    fs_err::write(&code, text).expect("a file");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&code).arg("-ldl").status();
    if !compiled.is_ok_and(|status| status.success()) {
        tests::skip("compiler of C");
        return;
    }
    let run = |words: &[&str]| {
        let mut command = project.command("build");
        finish(command.args(words).env("LD_PRELOAD", &library))
    };
    let same = run(&["--frozen"]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), digest.as_str()), "{}", same.stderr);
    fs_err::remove_dir_all(project.folder.cache()).expect("the cache goes");
    let anew = run(&[]);
    assert_eq!((anew.code, anew.stdout.as_str()), (Some(0), digest.as_str()), "{}", anew.stderr);
}
