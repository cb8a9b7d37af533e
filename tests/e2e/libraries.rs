//! Shared libraries that packages need and an image does not have: found while it is built.

use tests::{Finished, HandMadeWheel, finish, shared_library};

use crate::facts::BASE;
use crate::lock_packages::Project;

const AMD64: &str = "manylinux_2_17_x86_64";

fn wheel(name: &str, files: &[(&str, Vec<u8>)]) -> HandMadeWheel {
    let files = files.iter().map(|(path, content)| ((*path).to_owned(), content.clone())).collect();
    HandMadeWheel::with_files(name, "1.0", &[], files).only_for(AMD64)
}

fn project(wheels: &[HandMadeWheel], requirements: &str) -> Option<Project> {
    let section = "requirements = \"requirements.txt\"\n";
    let project = Project::with(section, &BASE, wheels)?;
    project.folder.file("requirements.txt", requirements);
    let manifest = project.text("Cargo.toml").replace(", \"linux/arm/v7\"", "");
    project.folder.file("Cargo.toml", &manifest);
    Some(project)
}

fn built(project: &Project, arguments: &[&str]) -> Finished {
    let run = finish(project.command("build").arg("--no-load").args(arguments));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

#[test]
fn what_is_missing_is_told_with_the_package_that_has_it() {
    let wheels = [
        wheel(
            "vision",
            &[
                ("vision/x.abi3.so", shared_library("amd64", &["libGL.so.1", "libc.so.6"], &[])),
                ("vision/y.abi3.so", shared_library("amd64", &["libglib-2.0.so.0", "libGL.so.1"], &[])),
            ],
        ),
        wheel(
            "whole",
            &[
                ("whole/x.abi3.so", shared_library("amd64", &["libq-1a.so.3"], &["$ORIGIN/../whole.libs"])),
                ("whole.libs/libq-1a.so.3", shared_library("amd64", &["libz.so.1"], &[])),
            ],
        ),
        wheel("strange", &[("strange.abi3.so", shared_library("arm64", &["libnone.so.1"], &[]))]),
    ];
    let Some(project) = project(&wheels, "vision\nwhole\nstrange\n") else { return };
    let run = built(&project, &[]);
    let needs = "warning: `vision 1.0` needs `libGL.so.1`, `libglib-2.0.so.0` (vision/x.abi3.so), which \
                 `python:3.13-slim-trixie` does not have for linux/amd64\n";
    assert!(run.stderr.contains(needs), "{}", run.stderr);
    let foreign = "warning: `strange 1.0` is for arm64 (strange.abi3.so), and the image for linux/amd64\n";
    assert!(run.stderr.contains(foreign), "{}", run.stderr);
    assert!(run.stderr.contains("`apt = [\"libgl1\", \"libglib2.0-0t64\"]`"), "{}", run.stderr);
    assert!(!run.stderr.contains("whole 1.0"), "{}", run.stderr);
    // It is told again, and nothing is fetched or read for it.
    let again = built(&project, &["--frozen"]);
    assert!(again.stderr.contains(needs) && again.stderr.contains(foreign), "{}", again.stderr);
    assert!(!again.stderr.contains("Fetching"), "{}", again.stderr);
}

/// Wheels that many have, on the bed's images: they bring along what they need, on both machines.
#[test]
fn real_wheels_lack_nothing() {
    let folder = tests::Folder::new();
    let (Some(uv), true) = (tests::uv(), crate::packages::index()) else { return };
    folder.file(
        "Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\ntag = \"3.13-slim\"\nbytecode = \"none\"\n\
         platforms = [\"linux/amd64\", \"linux/arm64\"]\nrequirements = \"requirements.txt\"\n",
    );
    folder.file("src/lib.rs", "").file("requirements.txt", "numpy\npandas\n");
    let mut command = folder.pyimage(["build", "--no-load"]);
    tests::with_cargo(&mut command);
    crate::packages::with_indexes(&mut command);
    let run = finish(command.env("PYIMAGE_UV", uv).env("PIP_CONFIG_FILE", "/dev/null"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("needs"), "{}", run.stderr);
    // It was looked for: what numpy's own libraries need is known.
    let known = fs_err::read_dir(folder.cache().join("binaries")).expect("what is known of wheels").flatten();
    let known: Vec<_> = known.map(|entry| fs_err::read_to_string(entry.path()).expect("a note")).collect();
    let blas = known.iter().filter(|note| note.contains("numpy.libs/") && note.contains("libc.so.6")).count();
    assert_eq!(blas, 2, "{known:?}");
}
