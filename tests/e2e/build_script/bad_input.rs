//! Assets, folders and disks that are not as they should be.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tests::{finish, skip};

use super::crates::{Crate, built, read_only};
use super::images::LOCK;

fn ours(new: &Crate, name: &str) -> Vec<String> {
    let prefix = format!("{name}@0.3.0: ");
    new.errors().iter().filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned)).collect()
}

#[test]
fn assets_that_cannot_be_are_named() {
    let new = Crate::with("assets-wrong", "2021", "[package.metadata.pyimage]\nsource = [\"gone\"]\n");
    let errors = |section: &str| {
        let manifest = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
        let from = manifest.find("source = ").expect("a key");
        let to = from + manifest[from..].find('\n').expect("its end");
        new.write("Cargo.toml", &format!("{}source = {section}{}", &manifest[..from], &manifest[to..]));
        ours(&new, "assets-wrong")
    };
    assert_eq!(
        errors("[\"gone\"]"),
        [
            "the source `gone` matches no file",
            "help: correct it: it starts at the folder of the package's Cargo.toml"
        ]
    );
    assert_eq!(
        errors("[\"../x\"]"),
        [
            "the source `../x` is wrong: it has `..`, and what is outside of the package's folder cannot be in the image"
        ]
    );
    assert_eq!(
        errors("\"app\""),
        [
            "expected an array of strings for `package.metadata.pyimage.source` in `HERE/Cargo.toml:9`, found a string"
        ]
    );
    symlink("/etc/passwd", new.path("app/out")).expect("a link");
    assert_eq!(
        errors("[\"app\"]"),
        [
            "`HERE/app/out` is a symbolic link out of the project, to `/etc/passwd`",
            "help: leave it out with a line in `.dockerignore`"
        ]
    );
    fs_err::remove_file(new.path("app/out")).expect("a link");
    let odd = new.path("app").join(std::ffi::OsStr::from_bytes(b"\xff.py"));
    fs_err::write(&odd, "").expect("a file");
    assert_eq!(
        errors("[\"app\"]"),
        ["the name of `app/\u{fffd}.py` is not UTF-8", "help: leave it out with a line in `.dockerignore`"]
    );
    fs_err::remove_file(odd).expect("a file");
    new.build();
}

/// A program that does the work of a build script, and says how much memory it took, in kB.
fn driver(name: &str, call: &str, features: &str) -> Crate {
    let new = Crate::empty(name);
    new.package("", name, "2021", "");
    let manifest = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
    let manifest = manifest.replace("[build-dependencies]", "[dependencies]");
    let manifest = manifest.replace(", version = \"*\"", &format!(", features = [{features}]"));
    // What hashes 1 GB is worth it.
    new.write(
        "Cargo.toml",
        &format!("{manifest}\n[profile.dev.package.hmac-sha256]\nopt-level = 3\n\n[workspace]\n"),
    );
    fs_err::remove_file(new.path("build.rs")).expect("a script");
    new.write(
        "src/main.rs",
        &r#"fn main() {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    match pyimage_build::configure()CALL.manifest_dir(&folders[0]).out_dir(&folders[1]).compile() {
        Ok(compiled) => println!("{}", compiled.assets().count()),
        Err(error) => println!("{error:?}"),
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{}", peak.trim().trim_end_matches(" kB"));
}
"#
        .replace("CALL", call),
    );
    let built = finish(&mut new.cargo(["build"]));
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    new
}

/// A package that is not built, only looked at.
fn package(folder: &Path) {
    fs_err::create_dir_all(folder.join("app")).expect("a folder");
    let manifest =
        "[package]\nname = \"app\"\nversion = \"1.0.0\"\n\n[package.metadata.pyimage]\nsource = [\"app\"]\n";
    fs_err::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs_err::write(folder.join("app/main.py"), "").expect("an asset");
}

fn drive(from: &Path, to: &Path) -> Vec<String> {
    lines(Command::new(built("driver")).args([from, to]))
}

fn lines(command: &mut Command) -> Vec<String> {
    let ran = finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn large_assets_full_disks_and_many_at_once() {
    driver("driver", "", "");
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("package"), folder.path().join("out"));
    package(&from);

    // Programs that share an output folder leave a whole module.
    let children: Vec<_> =
        (0..8).map(|_| tests::spawn(Command::new(built("driver")).args([&from, &to]))).collect();
    for child in children {
        let ended = child.wait_with_output().expect("its end");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    assert_eq!(drive(&from, &to)[0], "1");
    let mut left: Vec<_> =
        fs_err::read_dir(&to).expect("a folder").flatten().map(|its| its.file_name()).collect();
    left.sort();
    assert_eq!(left, ["pyimage.rs", "pyimage.sums"]);

    // A source that nobody may write to.
    let mut command = Command::new(built("driver"));
    command.args([from.as_path(), &folder.path().join("other")]);
    if let Some(mut command) = read_only(&from, &command) {
        assert_eq!(lines(&mut command)[0], "1");
    }

    // It is as large as it says, and holes take no room.
    let large = fs_err::File::create(from.join("app/large.bin")).expect("a file");
    large.set_len(1 << 30).expect("a size");
    let said = drive(&from, &to);
    assert_eq!(said[0], "2");
    let peak: u64 = said[1].parse().expect("a number");
    assert!(peak < 32 << 10, "{peak} kB for an asset of 1 GB");
    fs_err::remove_file(from.join("app/large.bin")).expect("a file");

    let Some(disk) = disk(folder.path(), "4k") else { return };
    fs_err::write(disk.join("full"), [0; 4096]).expect("a file that fills it");
    let said = drive(&from, &disk);
    let left: Vec<_> =
        fs_err::read_dir(&disk).expect("a folder").flatten().map(|its| its.file_name()).collect();
    unmount(&disk);
    assert_eq!(said[0], format!("cannot write `{}`", disk.join("pyimage.rs").display()));
    assert!(said[1].contains("No space left on device"), "{said:?}");
    assert_eq!(left, ["full"], "nothing half-written is left");
}

/// A small disk in a folder. None where this may not mount.
fn disk(folder: &Path, size: &str) -> Option<std::path::PathBuf> {
    let disk = folder.join("disk");
    fs_err::create_dir(&disk).expect("a folder");
    let size = format!("size={size}");
    let mounted = finish(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&disk));
    if mounted.code != Some(0) {
        skip("right to mount a small disk");
        return None;
    }
    Some(disk)
}

fn unmount(disk: &Path) {
    assert_eq!(finish(Command::new("umount").arg(disk)).code, Some(0));
}

#[test]
fn images_on_a_full_disk_and_many_at_once() {
    let image = ".tag(\"3.13-slim\").bytecode(\"none\").image(pyimage_build::ImageWhen::Always)";
    driver("image-driver", image, "\"image\"");
    let folder = tempfile::tempdir().expect("a folder");
    let from = folder.path().join("package");
    package(&from);
    fs_err::write(from.join("pyimage.lock"), LOCK).expect("a lock");
    let cache = folder.path().join("cache");
    let command = |to: &Path| {
        let mut command = Command::new(built("image-driver"));
        command.args([from.as_path(), to]).env("PYIMAGE_CACHE_DIR", &cache);
        command
    };
    // Some with a folder of their own, some with one for all, and one cache, which is not there.
    let folders: Vec<_> = (0..8).map(|number| folder.path().join(format!("out{}", number / 2))).collect();
    let children: Vec<_> = folders.iter().map(|to| tests::spawn(&mut command(to))).collect();
    for child in children {
        let ended = child.wait_with_output().expect("its end");
        assert!(ended.stdout.starts_with(b"1\n"), "{}", String::from_utf8_lossy(&ended.stdout));
    }
    let index = |to: &Path| fs_err::read_to_string(to.join("pyimage/app/index.json")).expect("an index");
    assert!(folders.iter().all(|to| index(to) == index(&folders[0]) && index(to).contains("app:latest")));
    assert!(!cache.exists(), "nothing is written there");

    // A layer that does not fit: noise is not made smaller.
    let mut state = 88_172_645_463_325_252_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(64 << 10)
    .flatten()
    .collect();
    fs_err::write(from.join("app/noise.bin"), noise).expect("an asset");
    let Some(disk) = disk(folder.path(), "256k") else { return };
    let said = lines(&mut command(&disk));
    let mut names = Command::new("find");
    let left = finish(names.arg(&disk).args(["-type", "f", "-size", "+8k"])).stdout;
    unmount(&disk);
    assert!(said.iter().any(|line| line.contains("No space left on device")), "{said:?}");
    assert_eq!(left, "", "nothing half-written is left");
}
