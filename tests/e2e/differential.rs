//! What our installer makes of a wheel is what pip makes of it, file for file.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use pyimage_build::{
    Existing, Installation, Launcher, Libc, LibcRelease, Overlap, Provenance, Scheme, Tree, Wheel, WheelName,
    WheelTags,
};
use tests::{Finished, Folder, TAG, finish};

use crate::packages::{index, pyrun};

/// Names and versions; what is odd about each is said beside it.
const WHEELS: &str = include_str!("differential/wheels.txt");

/// By design: what is in `.data/scripts` can be run. For pip it can where the archive has a bit for it, which archives made on
/// Windows have not.
const SCRIPTS_WITHOUT_A_BIT: [&str; 5] =
    ["clear_comtypes_cache.py", "wmitest.cmd", "wmitest.master.ini", "wmitest.py", "wmiweb.py"];

/// Files by path below the prefix, each with its mode and content.
type Files = BTreeMap<String, (u32, Vec<u8>)>;

#[test]
fn what_is_installed_is_what_pip_installs() {
    let folder = Folder::new();
    if !index() {
        return;
    }
    folder.file("wheels.txt", WHEELS);
    // What is for older Pythons only is as odd as any.
    shell(
        &folder,
        TAG,
        "pip download -q --no-deps --only-binary :all: --ignore-requires-python -r wheels.txt -d wheels",
    );
    let wheels = wheels_in(&folder.project().join("wheels"));
    assert!(wheels.len() >= 60, "there are {} wheels", wheels.len());
    thread::scope(|scope| {
        // Another pip, whose launchers are others. What is for 3.13 alone does not fit.
        let portable = scope.spawn(|| compare(&folder, "3.15-slim", 15, wheels.clone()));
        assert_eq!(compare(&folder, TAG, 13, wheels.clone()), wheels.len());
        let portable = portable.join().expect("the same on 3.15");
        assert!(portable >= 60, "{portable} wheels are for any Python");
    });
}

/// A line of shell in a container.
fn shell(folder: &Folder, tag: &str, line: &str) -> Finished {
    let run = finish(&mut pyrun(folder, ["--tag", tag, "--entrypoint", "sh", "--", "-ec", line]));
    assert_eq!(run.code, Some(0), "{line}: {}", run.stderr);
    run
}

fn wheels_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).expect("a folder of wheels");
    let mut wheels: Vec<PathBuf> = entries.map(|entry| entry.expect("a wheel").path()).collect();
    wheels.sort();
    wheels
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a wheel's name")
}

/// Has the wheels that fit installed by this image's pip and by us; tells how many they are.
fn compare(folder: &Folder, tag: &str, minor: u16, mut wheels: Vec<PathBuf>) -> usize {
    let libc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 41 };
    let python = format!("3.{minor}.0").parse().expect("a version");
    let tags = WheelTags::new(&python, libc, &"linux/amd64".parse().expect("a platform")).expect("tags");
    wheels.retain(|path| tags.rank(&file_name(path).parse::<WheelName>().expect("a name")).is_some());

    // By name and version, as they are meant to be asked for: a path would leave its address in the metadata.
    let asked: Vec<String> = wheels
        .iter()
        .map(|path| {
            let name: WheelName = file_name(path).parse().expect("a name");
            format!("{}=={}\n", name.name(), name.version())
        })
        .collect();
    folder.file(&format!("asked-{minor}.txt"), &asked.concat());
    let line = format!(
        "umask 022; pip --version; exec pip install -q --no-index --find-links wheels --no-deps --no-compile \
         --ignore-requires-python --ignore-installed --root-user-action ignore --no-warn-script-location \
         --prefix pip-{minor} -r asked-{minor}.txt"
    );
    let version = shell(folder, tag, &line).stdout;
    let mut numbers = version.split([' ', '.']).filter_map(|word| word.parse::<u16>().ok());
    let launcher = match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => Launcher::of_pip(major, minor),
        _ => panic!("pip says `{version}`"),
    };
    let scheme = Scheme::official(minor).with_launcher(launcher);

    let wheels: Vec<Wheel> = wheels.iter().map(|path| Wheel::open(path).expect("a sound wheel")).collect();
    let provenance = Provenance { requested: true, ..Provenance::default() };
    let installations: Vec<Installation<'_>> = wheels
        .iter()
        .map(|wheel| wheel.installation(&scheme, &provenance).expect("a wheel that can be installed"))
        .collect();
    let tree = Tree::of(&installations).expect("files and folders");
    assert_eq!(tree.overlaps(), [] as [Overlap; 0], "pip and we may differ in who comes last");
    let ours = folder.project().join(format!("ours-{minor}"));
    tree.write_to(&ours, Existing::Refuse).expect("the tree on disk");
    assert_same(&files(&folder.project().join(format!("pip-{minor}"))), &files(&ours), tag);
    wheels.len()
}

/// The two trees, but for what differs by design.
fn assert_same(pip: &Files, ours: &Files, tag: &str) {
    let mut wrong = Vec::new();
    let by_design = SCRIPTS_WITHOUT_A_BIT.map(|name| (format!("bin/{name}"), 0o644, 0o755));
    let paths: BTreeSet<&String> = pip.keys().chain(ours.keys()).collect();
    for path in paths {
        match (pip.get(path), ours.get(path)) {
            (Some(_), None) => wrong.push(format!("only pip has {path}")),
            (None, Some(_)) => wrong.push(format!("only we have {path}")),
            (Some((pip, pip_bytes)), Some((ours, our_bytes))) => {
                let modes = (path.clone(), *pip, *ours);
                if by_design.contains(&modes) != (pip != ours) {
                    wrong.push(format!("{path} is {pip:o} by pip and {ours:o} by us"));
                }
                if pip_bytes != our_bytes {
                    let [pip, ours] = [pip_bytes, our_bytes].map(|bytes| String::from_utf8_lossy(bytes));
                    let lines = pip.lines().zip(ours.lines()).find(|(pip, ours)| pip != ours);
                    wrong.push(format!(
                        "{path} has other bytes, {} and {}: {lines:?}",
                        pip.len(),
                        ours.len()
                    ));
                }
            }
            (None, None) => {}
        }
    }
    assert!(wrong.is_empty(), "on {tag}:\n{}", wrong.join("\n"));
    assert!(ours.len() > 3000, "{} files are compared", ours.len());
}

fn files(root: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).expect("a folder of the tree") {
            let path = entry.expect("an entry").path();
            let found = fs_err::symlink_metadata(&path).expect("its metadata");
            if found.is_dir() {
                folders.push(path);
                continue;
            }
            assert!(found.is_file(), "{} is no file", path.display());
            let below = path.strip_prefix(root).expect("a path below").to_string_lossy().into_owned();
            let bytes = fs_err::read(&path).expect("its content");
            files.insert(below, (found.permissions().mode() & 0o7777, bytes));
        }
    }
    files
}
