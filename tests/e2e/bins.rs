//! `bins`: the package's own Rust programs, compiled for each platform.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tests::{Finished, Folder, finish, with_cargo};

use crate::build::OnDisk;
use crate::extra_files::listed;
use crate::lock_packages::Project;

const MAIN: &str = "fn main() { println!(\"{} {}\", env!(\"CARGO_PKG_NAME\"), std::env::args().count()); }\n";

pub(crate) fn project(section: &str) -> Option<Project> {
    let project = Project::new(section)?;
    project.folder.file("src/main.rs", MAIN).file("src/bin/tool.rs", MAIN);
    Some(project)
}

/// The platform that this machine compiles for by itself, if it is one of the project's.
fn own() -> bool {
    cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))
}

fn build(project: &Project, platform: &str) -> Command {
    let mut command = project.command("build");
    command.args(["--platform", platform]);
    command
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

fn script(path: &Path, text: &str) {
    fs_err::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs_err::write(path, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// What a file of the image holds.
fn content(project: &Project, path: &str) -> Vec<u8> {
    let layout = OnDisk::of(project);
    let manifest = layout.manifests().remove(0);
    let layers = manifest["layers"].as_array().expect("layers");
    let mut own = layers.iter().filter(|layer| layout.0.join(OnDisk::path(layer)).exists());
    let layer = own.find(|layer| layout.paths(layer).iter().any(|its| its == path)).expect("a layer with it");
    let mut tar = Command::new("tar");
    let tar = tar.arg("-xOzf").arg(layout.0.join(OnDisk::path(layer))).arg(path).output().expect("tar");
    assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
    tar.stdout
}

#[test]
fn programs_are_compiled_into_one_layer() {
    let Some(project) = project("bins = [\"app\"]\n").filter(|_| own()) else { return };
    let run = finish(&mut build(&project, "linux/amd64"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("Compiling app v0.1.0"), "cargo's own words are seen: {}", run.stderr);
    let layout = OnDisk::of(&project);
    let found = listed(&layout, &layout.manifests()[0]);
    assert_eq!(found, [("-rwxr-xr-x".to_owned(), "usr/local/bin/app".to_owned())]);
    let program = project.folder.root().join("app");
    fs_err::write(&program, content(&project, "usr/local/bin/app")).expect("the program");
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    assert_eq!(finish(Command::new(&program).arg("x")).stdout, "app 2\n");
    // What it is made of has it, and nothing is compiled for that.
    let sbom = finish(project.command("sbom").args(["--platform", "linux/amd64"]));
    assert_eq!(sbom.code, Some(0), "{}", sbom.stderr);
    let bom: serde_json::Value = serde_json::from_str(&sbom.stdout).expect("JSON");
    let components = bom["components"].as_array().expect("components");
    let own = components.iter().find(|its| its["type"] == "application").expect("a program");
    assert_eq!((&own["name"], &own["purl"]), (&"app".into(), &"pkg:cargo/app@0.1.0".into()), "{own}");
    let bytes = fs_err::read(&program).expect("the program");
    let own = project.folder.root().to_string_lossy().into_owned();
    let is_in = bytes.windows(own.len()).any(|window| window == own.as_bytes());
    assert!(!is_in, "nothing of the machine's paths is in it");

    project.folder.file("Cargo.toml", &project.text("Cargo.toml").replace("[\"app\"]", "[\"*\"]"));
    let all = finish(&mut build(&project, "linux/amd64"));
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    let paths: Vec<_> = listed(&layout, &layout.manifests()[0]).into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, ["usr/local/bin/app", "usr/local/bin/tool"]);

    project.folder.file("Cargo.toml", &project.text("Cargo.toml").replace("[\"*\"]", "[\"tol\"]"));
    failed(
        &finish(&mut build(&project, "linux/amd64")),
        &[
            "there is no program `tol`, for `package.metadata.pyimage.bins[0]` in `",
            "did you mean `\"tool\"`?",
        ],
    );
    project.folder.file("Cargo.toml", &project.text("Cargo.toml").replace("[\"tol\"]", "[\"tool\"]"));
    project.folder.file("src/bin/tool.rs", "fn main() { nonsense }\n");
    let broken = finish(&mut build(&project, "linux/amd64"));
    failed(
        &broken,
        &["cannot find value `nonsense`", "cargo could not compile for `x86_64-unknown-linux-gnu`"],
    );
}

#[test]
fn what_is_missing_for_a_platform_is_said_before_anything_is_compiled() {
    let Some(project) = project("bins = [\"app\"]\n") else { return };
    let root = project.folder.root();
    let (rustc, libraries) = (root.join("rustc"), root.join("lib"));
    let answers = format!(
        "case \"$*\" in *target-libdir*) echo {} ;; *) echo 'host: x86_64-unknown-linux-gnu' ;; esac",
        libraries.display()
    );
    script(&rustc, &answers);
    let run = |path: &str| {
        let mut command = build(&project, "linux/arm/v7");
        command.env("RUSTC", &rustc).env("PATH", path);
        finish(&mut command)
    };
    let path = std::env::var("PATH").expect("a path");
    let without = run(&path);
    failed(
        &without,
        &[
            "could not make the programs of the package for linux/arm/v7",
            "no standard library for `armv7-unknown-linux-gnueabihf`",
            "help: `rustup target add armv7-unknown-linux-gnueabihf`",
        ],
    );
    assert!(!without.stderr.contains("Compiling"), "{}", without.stderr);

    fs_err::create_dir(&libraries).expect("a folder");
    fs_err::write(libraries.join("libcore-0123.rlib"), "").expect("a library");
    let words = [
        "there is no linker for `armv7-unknown-linux-gnueabihf`",
        "`sudo apt-get install gcc-arm-linux-gnueabihf`, or `cargo install cargo-zigbuild`",
        "CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER",
    ];
    // Whatever the machine has to cross-compile with is out of sight.
    let bare = root.join("bare");
    fs_err::create_dir(&bare).expect("a folder");
    let cargo = std::env::var_os("CARGO").expect("tests are run by cargo");
    std::os::unix::fs::symlink(cargo, bare.join("cargo")).expect("a link");
    failed(&run(&bare.to_string_lossy()), &words);
}

/// zig is not there, and is not needed to see how it is asked.
#[test]
fn zig_links_for_other_platforms_with_the_glibc_of_the_base() {
    let Some(project) = project("bins = [\"app\"]\n") else { return };
    let root = project.folder.root();
    let (folder, libraries, made) = (root.join("zig"), root.join("lib"), root.join("app"));
    fs_err::create_dir(&libraries).expect("a folder");
    fs_err::write(libraries.join("libcore-0123.rlib"), "").expect("a library");
    fs_err::write(&made, "of zig").expect("a program");
    let rustc = root.join("rustc");
    let answers = format!(
        "case \"$*\" in *target-libdir*) echo {} ;; *) echo 'host: x86_64-unknown-linux-gnu' ;; esac",
        libraries.display()
    );
    script(&rustc, &answers);
    let artifact = format!(
        "{{\"reason\":\"compiler-artifact\",\"target\":{{\"kind\":[\"bin\"],\"name\":\"app\"}},\"executable\":\"{}\"}}",
        made.display()
    );
    script(
        &folder.join("cargo-zigbuild"),
        &format!("echo \"$@\" > {}/asked\necho '{artifact}'", root.display()),
    );
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("a path"));
    let run = finish(build(&project, "linux/arm/v7").env("RUSTC", &rustc).env("PATH", path));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let asked = fs_err::read_to_string(root.join("asked")).expect("it was asked");
    assert!(asked.contains("--target armv7-unknown-linux-gnueabihf.2.41 "), "{asked}");
    assert!(asked.contains("--release") && asked.contains("--bin app"), "{asked}");
    assert_eq!(content(&project, "usr/local/bin/app"), b"of zig");
}

#[test]
fn a_program_that_the_base_could_not_load_is_refused() {
    let Some(project) = project("bins = [\"app\"]\n").filter(|_| own()) else { return };
    let root = project.folder.root();
    // This very test, as if it were linked on a machine of the future.
    let mut program = fs_err::read(std::env::current_exe().expect("a path")).expect("the test");
    let places: Vec<_> = memchr(&program, b"\0GLIBC_2.");
    for at in places {
        // Versions of two digits stay as long as they are.
        if program.get(at + 11) == Some(&0) {
            program[at + 9..at + 11].copy_from_slice(b"99");
        }
    }
    let made = root.join("app");
    fs_err::write(&made, program).expect("a program");
    let artifact = format!(
        "{{\"reason\":\"compiler-artifact\",\"target\":{{\"kind\":[\"bin\"],\"name\":\"app\"}},\"executable\":\"{}\"}}",
        made.display()
    );
    let cargo = root.join("cargo");
    let real = std::env::var("CARGO").expect("tests are run by cargo");
    script(&cargo, &format!("case \"$1\" in build) echo '{artifact}' ;; *) exec {real} \"$@\" ;; esac"));
    let run = finish(build(&project, "linux/amd64").env("CARGO", &cargo));
    let words = [
        "`app` was linked against a newer glibc than the base has: it needs 2.99, and there is glibc 2.41",
        "help: link against the base's with `cargo install cargo-zigbuild`",
    ];
    failed(&run, &words);
}

#[test]
fn what_a_program_needs_and_the_base_lacks_is_told() {
    let section = "bins = [\"app\"]\n";
    let Some(project) = Project::with(section, &crate::facts::BASE, &[]).filter(|_| own()) else { return };
    project.folder.file("src/main.rs", MAIN);
    let root = project.folder.root();
    let made = root.join("app");
    let program = tests::shared_library("amd64", &["libGL.so.1", "libz.so.1", "libc.so.6"], &[]);
    fs_err::write(&made, program).expect("a program");
    let artifact = format!(
        "{{\"reason\":\"compiler-artifact\",\"target\":{{\"kind\":[\"bin\"],\"name\":\"app\"}},\"executable\":\"{}\"}}",
        made.display()
    );
    let cargo = root.join("cargo");
    let real = std::env::var("CARGO").expect("tests are run by cargo");
    script(&cargo, &format!("case \"$1\" in build) echo '{artifact}' ;; *) exec {real} \"$@\" ;; esac"));
    let run = finish(build(&project, "linux/amd64").env("CARGO", &cargo));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let words = "warning: `app` needs `libGL.so.1` (usr/local/bin/app), which `python:3.13-slim-trixie` does not have \
                 for linux/amd64\n";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert!(run.stderr.contains("help: `apt = [\"libgl1\"]` installs what has them"), "{}", run.stderr);
}

/// Where a word is in bytes.
fn memchr(bytes: &[u8], word: &[u8]) -> Vec<usize> {
    bytes.windows(word.len()).enumerate().filter(|(_, window)| *window == word).map(|(at, _)| at).collect()
}

/// A Dockerfile compiles programs in a stage, where that can be sent all that cargo needs.
#[test]
fn a_dockerfile_compiles_what_it_can_reach() {
    let folder = Folder::new();
    let dockerfile = |words: &[&str]| {
        let mut command = folder.pyimage(["dockerfile"]);
        with_cargo(command.args(words));
        finish(&mut command)
    };
    let manifest = |base: &str| {
        format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n\
             [package.metadata.pyimage]\n{base}\nbins = [\"*\"]\nsource = [\"app\"]\n"
        )
    };
    folder
        .file("src/main.rs", MAIN)
        .file("app/main.py", "")
        .file("app/notes.txt", "")
        .file(".gitignore", "*.txt\n");
    folder.file("Cargo.toml", &manifest("tag = \"3.11-alpine3.22\""));
    let made = dockerfile(&[]);
    let expected = "FROM rust:1-alpine3.22 AS programs\nWORKDIR /usr/src/programs\nCOPY . .\n\
        RUN cargo install --path . --root /programs --bins\n\nFROM python:3.11-alpine3.22\n\n\
        WORKDIR /usr/src/app\n\nCOPY --from=programs /programs/bin /usr/local/bin/\n\nCOPY app app/\n";
    assert!(made.stdout.contains(expected), "{}{}", made.stdout, made.stderr);
    let written = dockerfile(&["--write"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let ignored = fs_err::read_to_string(folder.project().join(".dockerignore")).expect("a .dockerignore");
    assert!(!ignored.contains("**\n!"), "all is sent: {ignored}");
    assert!(ignored.contains("target") && ignored.contains("*.txt"), "but for what is ignored: {ignored}");

    folder.file("Cargo.toml", &manifest("base = \"registry.invalid/python:mine\""));
    failed(
        &dockerfile(&[]),
        &[
            "a Dockerfile cannot compile `bins` for `registry.invalid/python:mine`: nobody knows what system it has",
            "help: lock it with `cargo pyimage lock`",
        ],
    );
    folder.file("Cargo.toml", "[workspace]\nmembers = [\"inner\"]\n").file("inner/src/main.rs", MAIN);
    folder.file("inner/app/main.py", "").file("inner/Cargo.toml", &manifest("tag = \"3.13-slim\""));
    failed(
        &dockerfile(&[]),
        &[
            "a Dockerfile in `",
            "/inner` cannot compile `bins`: the workspace in `",
            "is out of its reach",
            "--builder dockerfile",
        ],
    );
}
