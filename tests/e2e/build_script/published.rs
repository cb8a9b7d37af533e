//! Crates that leave their repository: packaged, and used from another one.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::finish;

use super::crates::{Crate, MODULE, cargo, output};
use super::images::{IMAGE, LOCK, SHOWING};

#[test]
fn a_crate_is_packaged_and_used_from_another_repository() {
    let new = Crate::empty("published");
    new.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"shipped\"]\nresolver = \"2\"\n\n[workspace.metadata.pyimage]\n\
         tags = [\"never-seen-elsewhere\"]\n",
    );
    let section = "[package.metadata.pyimage]\ntag = \"3.13-slim\"\nsource = [\"app\"]\n";
    new.package("shipped", "shipped", "2021", section);
    new.write("shipped/src/lib.rs", &format!("#![allow(missing_docs)]\npub {MODULE}"));
    fs_err::remove_file(new.path("shipped/src/main.rs")).expect("a program");
    new.write("pyimage.lock", LOCK);
    // What is published has its lock with it.
    std::os::unix::fs::symlink("../pyimage.lock", new.path("shipped/pyimage.lock")).expect("a link");
    // Cargo builds it as it is published, and refuses one whose script writes to its source. The library is this one.
    let library = format!("{}/../pyimage-build", env!("CARGO_MANIFEST_DIR"));
    let mut package = new.cargo(["package", "-p", "shipped", "--allow-dirty", "--exclude-lockfile"]);
    package.arg("--config").arg(format!("patch.crates-io.pyimage-build.path={library:?}"));
    let packaged = finish(&mut package);
    assert_eq!(packaged.code, Some(0), "{}", packaged.stderr);
    assert!(packaged.stderr.contains("Verifying shipped v0.3.0"), "{}", packaged.stderr);

    // Elsewhere, with nothing of its workspace.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let archive = super::crates::shared().join("target/package/shipped-0.3.0.crate");
    output(Command::new("tar").arg("xzf").arg(archive).current_dir(elsewhere.path()));
    let shipped = elsewhere.path().join("shipped-0.3.0");
    assert!(shipped.join("app/main.py").is_file() && shipped.join("pyimage.lock").is_file());
    let names = || output(Command::new("find").arg(&shipped).args(["-printf", "%P %s %T@\\n"]));
    let before = names();
    let user = Crate::empty("user-of-published");
    user.write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nshipped = {{ path = \
             {shipped:?} }}\n\n[workspace]\n\n[workspace.metadata.pyimage]\ntags = [\"somebody-else-s\"]\n\n[patch.crates-io]\n\
             pyimage-build = {{ path = {library:?} }}\n"
        ),
    );
    user.write("src/main.rs", &SHOWING.replace("pyimage::", "shipped::pyimage::"));
    let out = user.run();
    // The defaults of neither workspace count; the lock that it brought does.
    assert!(out.starts_with("shipped:latest [\"latest\"] false\npython@sha256:1bc04b52"), "{out}");
    assert!(out.ends_with("\n2\n"), "{out}");
    assert_eq!(names(), before, "nothing is written to the source");
}

#[test]
fn a_crate_of_a_git_repository_brings_its_image_and_its_locks() {
    let new = Crate::empty("repository");
    new.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"carried\", \"probe\"]\nresolver = \"2\"\n\n[workspace.metadata.pyimage]\n\
         tags = [\"of-the-repository\"]\n",
    );
    new.write("probe/Cargo.toml", "[package]\nname = \"probe\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    new.write("probe/src/lib.rs", "");
    new.package(
        "carried",
        "carried",
        "2021",
        &format!("{IMAGE}bytecode = \"none\"\npylock = \"pylock.toml\"\n"),
    );
    let manifest = fs_err::read_to_string(new.path("carried/Cargo.toml")).expect("a manifest");
    let (head, _) = manifest.split_once("pyimage-build = ").expect("the library");
    // A repository has no path of this machine.
    new.write(
        "carried/Cargo.toml",
        &format!("{head}pyimage-build = {{ version = \"*\", features = [\"image\"] }}\n"),
    );
    fs_err::remove_file(new.path("carried/src/main.rs")).expect("a program");
    new.write("carried/src/lib.rs", &format!("#![allow(missing_docs)]\npub {MODULE}"));
    new.write(
        "carried/build.rs",
        "fn main() {\n    pyimage_build::configure().image(pyimage_build::ImageWhen::Always).compile_or_exit();\n}\n",
    );
    new.write("carried/pylock.toml", "lock-version = \"1.0\"\ncreated-by = \"x\"\npackages = []\n");
    new.write("pyimage.lock", LOCK);
    fs_err::remove_file(new.path("Cargo.lock")).expect("versions");
    let git = |folder: &Path, words: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=me", "-c", "user.email=me@example.org"]);
        output(git.args(words).current_dir(folder))
    };
    for words in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "all of it"]] {
        git(&new.path(""), words);
    }
    let elsewhere = tempfile::tempdir().expect("a folder");
    let bare = elsewhere.path().join("carried.git");
    git(elsewhere.path(), &["clone", "-q", "--bare", &new.path("").display().to_string(), "carried.git"]);

    // A home of cargo's own for what it clones, with the registry of the other.
    let home = elsewhere.path().join("cargo");
    fs_err::create_dir(&home).expect("a folder");
    let own = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let own = own.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).expect("a home");
    for name in ["registry", "config.toml", "config"] {
        if own.join(name).exists() {
            std::os::unix::fs::symlink(own.join(name), home.join(name)).expect("a link");
        }
    }
    let ran = |folder: &Path, words: &[&str]| {
        let mut command = cargo();
        command.args(words).current_dir(folder).env("CARGO_HOME", &home);
        command.env("PYIMAGE_CACHE_DIR", elsewhere.path().join("cache"));
        output(&mut command)
    };
    let user = |dependency: &str, more: &str| {
        let folder = Crate::empty(&format!("user-of-{dependency}"));
        folder.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"user-of-{dependency}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n\
                 {dependency} = {{ git = \"file://{}\" }}\n\n[workspace]\n\n[workspace.metadata.pyimage]\n\
                 tags = [\"somebody-else-s\"]\n{more}",
                bare.display()
            ),
        );
        folder
    };
    // Offline, cargo clones nothing: this is what has it cloned.
    let probe = user("probe", "").file("src/main.rs", "fn main() {}\n");
    fs_err::remove_file(probe.path("Cargo.lock")).expect("versions");
    ran(&probe.path(""), &["fetch"]);
    let library = format!("{}/../pyimage-build", env!("CARGO_MANIFEST_DIR"));
    let carried =
        user("carried", &format!("\n[patch.crates-io]\npyimage-build = {{ path = {library:?} }}\n"))
            .file("src/main.rs", &SHOWING.replace("pyimage::", "carried::pyimage::"));
    let out = ran(&carried.path(""), &["run", "-q", "--offline"]);
    // Its workspace is in the clone, and counts.
    assert!(out.starts_with("carried@sha256:") && out.contains(" [\"of-the-repository\"] true\n"), "{out}");
    assert!(out.contains("\npython@sha256:1bc04b52") && out.ends_with("\n2\n"), "{out}");
    let mut clones = Command::new("find");
    let clones = output(clones.arg(home.join("git/checkouts")).args(["-mindepth", "2", "-maxdepth", "2"]));
    assert_eq!(clones.lines().count(), 1, "{clones}");
    assert_eq!(
        git(Path::new(clones.trim()), &["status", "--porcelain", "--untracked-files=all"])
            .replace("?? .cargo-ok\n", ""),
        ""
    );
}
