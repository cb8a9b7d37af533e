//! What is damaged in the cache, cut short by a kill or by a full disk, is made again and never used.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::{Finished, Folder, HandMadeWheel, TAG, WheelHost, finish, spawn};

const CODE: &str = "import one, two; print(one.WORD, two.WORD)";
const ARGUMENTS: [&str; 6] = ["--tag", TAG, "-r", "pylock.toml", "-c", CODE];

/// A folder in which the packages were used once.
fn prepared() -> (Folder, WheelHost) {
    let folder = Folder::new();
    let host = WheelHost::of(vec![
        HandMadeWheel::saying("one", "first", 5000),
        HandMadeWheel::saying("two", "second", 5000),
    ]);
    folder.file("pylock.toml", &host.lock(&["one", "two"]));
    ran(&run(&folder));
    (folder, host)
}

fn run(folder: &Folder) -> Finished {
    finish(&mut folder.pyrun(ARGUMENTS))
}

fn ran(run: &Finished) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "first second\n"), "{}", run.stderr);
    assert!(!run.stderr.contains("damaged"), "{}", run.stderr);
}

/// The cache's files below a folder whose path has this in it.
fn cached(folder: &Folder, below: &str, part: &str) -> Vec<PathBuf> {
    let files = folder.cached_files();
    let found =
        files.into_iter().filter(|file| file.starts_with(below) && file.to_string_lossy().contains(part));
    let found: Vec<_> = found.map(|file| folder.cache().join(file)).collect();
    assert!(!found.is_empty(), "no {part} in {below}");
    found
}

fn remove(folder: &Folder, names: &[&str]) {
    for name in names {
        fs_err::remove_dir_all(folder.cache().join(name)).expect("a folder of the cache");
    }
}

/// The ways in which a file is damaged.
fn damages(file: &Path) -> [(&'static str, Option<Vec<u8>>); 4] {
    let sound = fs_err::read(file).expect("a file of the cache");
    let mut edited = sound.clone();
    edited[sound.len() / 2] ^= 1;
    let lines =
        sound.len() - sound[..sound.len() - 1].iter().rev().take_while(|byte| **byte != b'\n').count() - 1;
    [
        ("edited", Some(edited)),
        ("cut short by a line", Some(sound[..lines].to_vec())),
        ("empty", Some(Vec::new())),
        ("deleted", None),
    ]
}

fn damage(file: &Path, content: Option<&[u8]>) {
    match content {
        Some(content) => fs_err::write(file, content).expect("damage"),
        None => fs_err::remove_file(file).expect("damage"),
    }
}

#[test]
fn a_damaged_wheel_is_fetched_again() {
    let (folder, host) = prepared();
    let asked = host.asked();
    remove(&folder, &["environments", "packages"]);
    ran(&run(&folder));
    assert_eq!(host.asked(), asked, "what is whole is not fetched again");
    for (number, (kind, content)) in damages(&cached(&folder, "blobs", "")[0]).into_iter().enumerate() {
        remove(&folder, &["environments", "packages"]);
        damage(&cached(&folder, "blobs", "")[0], content.as_deref());
        ran(&run(&folder));
        assert_eq!(host.asked(), asked + number + 1, "{kind}");
    }
    assert_eq!(folder.unsound_in_cache(), Vec::<PathBuf>::new());
}

#[test]
fn a_damaged_package_is_unpacked_again() {
    let (folder, host) = prepared();
    let asked = host.asked();
    for part in ["/files", "one/__init__.py", "two/data.bin"] {
        let file = cached(&folder, "packages", part).remove(0);
        for (kind, content) in damages(&file) {
            // The bytecode too, which would hide that the source is damaged.
            remove(&folder, &["environments", "package-bytecode"]);
            let sound = fs_err::read(&file).expect("a file of the cache");
            damage(&file, content.as_deref());
            let run = run(&folder);
            assert_eq!(run.stdout, "first second\n", "{part} {kind}: {}", run.stderr);
            ran(&run);
            assert_eq!(fs_err::read(&file).expect("the file"), sound, "{part} {kind}");
        }
    }
    assert_eq!(host.asked(), asked, "the wheels are there");
    assert_eq!(folder.unsound_in_cache(), Vec::<PathBuf>::new());
}

#[test]
fn an_environment_without_its_mark_is_made_again() {
    let (folder, _host) = prepared();
    let mark = cached(&folder, "environments", "pyvenv.cfg").remove(0);
    fs_err::remove_file(&mark).expect("the mark");
    ran(&run(&folder));
    assert!(mark.is_file());
    for (path, content) in [("images", &b"{\"id\":3}"[..]), ("images", b"{"), ("engines", b"")] {
        for file in cached(&folder, path, "") {
            fs_err::write(file, content).expect("damage");
        }
        ran(&run(&folder));
    }
}

#[test]
fn damage_that_a_script_meets_is_told_and_made_good() {
    let (folder, _host) = prepared();
    let failing = ["--tag", TAG, "-r", "pylock.toml", "-c", "import one, two; raise SystemExit(3)"];
    let innocent = finish(&mut folder.pyrun(failing));
    assert_eq!((innocent.code, innocent.stderr.as_str()), (Some(3), ""), "nothing is damaged");
    for (below, part, kinds) in [
        ("environments", "one/__init__.py", ["edited", "deleted"]),
        ("environments", "two/data.bin", ["cut short by a line", "deleted"]),
        ("package-bytecode", "one/__init__.", ["edited", "empty"]),
    ] {
        for kind in kinds {
            let file = cached(&folder, below, part).remove(0);
            let content = damages(&file).into_iter().find(|(known, _)| *known == kind).expect("a damage").1;
            damage(&file, content.as_deref());
            let told = finish(&mut folder.pyrun(failing));
            assert_ne!(told.code, Some(0), "{part} {kind}");
            let expected = "warning: the script's packages were damaged in the cache";
            assert!(told.stderr.contains(expected), "{below} {part} {kind}: {}", told.stderr);
            assert!(told.stderr.contains("help: run it again"), "{}", told.stderr);
            ran(&run(&folder));
        }
    }
    let again = finish(&mut folder.pyrun(failing));
    assert_eq!((again.code, again.stderr.as_str()), (Some(3), ""));
}

/// Starts a run, and kills it after a while.
fn kill_after(folder: &Folder, wait: Duration) {
    let mut child = spawn(folder.pyrun(ARGUMENTS).stdin(Stdio::null()));
    std::thread::sleep(wait);
    child.kill().expect("a child of ours");
    child.wait().expect("its end");
}

fn nothing_is_unfinished(folder: &Folder) {
    // Whoever was killed between two system calls has left a folder that counts as begun for a minute more.
    let unsound = folder.unsound_in_cache().into_iter().filter(|file| !file.ends_with(".begun"));
    assert_eq!(unsound.collect::<Vec<_>>(), Vec::<PathBuf>::new());
    let partial = folder.cached_files().into_iter().filter(|file| file.starts_with("partial"));
    assert_eq!(partial.collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

#[test]
fn a_download_that_was_killed_is_gone_on_with() {
    let folder = Folder::new();
    let wheels = vec![
        HandMadeWheel::saying("one", "first", 1_500_000),
        HandMadeWheel::saying("two", "second", 3_000_000),
    ];
    let host = WheelHost::of(wheels);
    host.pause(Duration::from_millis(20));
    folder.file("pylock.toml", &host.lock(&["one", "two"]));
    let _ = finish(&mut folder.pyrun(["--tag", TAG, "-c", ""]));
    // The whole takes more than a second.
    for wait in [150, 220, 310, 90, 270, 180, 350, 240] {
        kill_after(&folder, Duration::from_millis(wait));
    }
    assert!(host.asked() > 2, "no download was cut off");
    ran(&run(&folder));
    nothing_is_unfinished(&folder);
}

#[test]
fn an_unpacking_that_was_killed_is_begun_again() {
    let folder = Folder::new();
    let many = |name: &str, word: &str| {
        let mut files: Vec<_> =
            (0..1500).map(|n| (format!("{name}/m{n}.txt"), format!("{word}{n}").into_bytes())).collect();
        files.push((format!("{name}/__init__.py"), format!("WORD = {word:?}\n").into_bytes()));
        HandMadeWheel::with_files(name, "1", &[], files)
    };
    let host = WheelHost::of(vec![many("one", "first"), many("two", "second")]);
    folder.file("pylock.toml", &host.lock(&["one", "two"]));
    let _ = finish(&mut folder.pyrun(["--tag", TAG, "-c", ""]));
    let is_begun = |below: &str| {
        let names = fs_err::read_dir(folder.cache().join(below)).into_iter().flatten().flatten();
        names.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".tmp-"))
    };
    let mut cut_off = 0;
    for number in 0..12 {
        let mut child = spawn(folder.pyrun(ARGUMENTS).stdin(Stdio::null()));
        // In the middle of unpacking, or of putting the packages together; sooner or later.
        let below = if number % 3 == 2 { "environments" } else { "packages" };
        let begun =
            tests::eventually_within(Duration::from_secs(20), Duration::from_millis(1), || is_begun(below));
        std::thread::sleep(Duration::from_millis(number * 4));
        child.kill().expect("a child of ours");
        child.wait().expect("its end");
        cut_off += usize::from(begun && !folder.unsound_in_cache().is_empty());
        for name in ["environments", "packages"] {
            // What was done stays done, but for what the next turn needs; what was begun is left to the program.
            for entry in fs_err::read_dir(folder.cache().join(name)).into_iter().flatten().flatten() {
                if !entry.file_name().to_string_lossy().starts_with(".tmp-") {
                    fs_err::remove_dir_all(entry.path()).expect("an entry of the cache");
                }
            }
        }
    }
    assert!(cut_off > 2, "no unpacking was cut off");
    ran(&run(&folder));
    nothing_is_unfinished(&folder);
}

/// A small file system, unmounted in any case.
struct Small(PathBuf);

impl Small {
    fn mount(at: PathBuf) -> Option<Self> {
        fs_err::create_dir_all(&at).expect("a folder to mount on");
        let mounted =
            finish(Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "pyrun-test"]).arg(&at));
        if mounted.code != Some(0) {
            tests::skip("right to mount a small file system");
            return None;
        }
        Some(Self(at))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: the engine may take a moment to let go of a mount of its own.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_and_what_was_begun_does_no_harm() {
    let folder = Folder::new();
    let host = WheelHost::of(vec![
        HandMadeWheel::saying("one", "first", 1_000_000),
        HandMadeWheel::saying("two", "second", 1_000_000),
    ]);
    folder.file("pylock.toml", &host.lock(&["one", "two"]));
    let Some(small) = Small::mount(folder.root().join("small")) else { return };
    let run = || finish(folder.pyrun(ARGUMENTS).env("PYIMAGE_CACHE_DIR", &small.0));
    // Without room for the wheels, for one, for both, and for one of them unpacked.
    for left in [600_000, 1_500_000, 2_300_000, 3_300_000] {
        let filler = small.0.join("filler");
        fs_err::write(&filler, vec![0; (8 << 20) - left]).expect("most of it");
        let full = run();
        assert_eq!((full.code, full.stdout.as_str()), (Some(125), ""), "{left}: {}", full.stderr);
        let told = format!("no space left in the cache folder `{}`", small.0.display());
        assert!(full.stderr.contains(&told), "{left}: {}", full.stderr);
        assert!(full.stderr.contains("help: free some space"), "{left}: {}", full.stderr);
        fs_err::remove_file(filler).expect("the filler");
    }
    ran(&run());
}
