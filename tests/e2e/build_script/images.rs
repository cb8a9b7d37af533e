//! What programs know of their images, and the locks.

use tests::finish;

use super::crates::{Crate, MODULE, SCRIPT, read_only};

/// `python:3.13-slim` for both platforms.
pub(crate) const LOCK: &str = include_str!("../../../pyimage-build/src/lock/lock.toml");
/// Its digests in there.
const INDEX: &str = "sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6";
const ARM64: &str = "sha256:f69162950f235e3cdbbad33f1f912d1a504be90d8a37d002c735d6f3e3882265";

/// A section with an image.
pub(crate) const IMAGE: &str = "[package.metadata.pyimage]\ntag = \"3.13-slim\"\nsource = [\"app\"]\n";

/// A program that shows its image and whether it has its assets.
pub(crate) const SHOWING: &str = r#"
fn main() {
    let image = pyimage::IMAGE;
    println!("{} {:?} {}", image.reference, image.tags, image.digest.is_some());
    println!("{}", image.base.pinned);
    for (platform, digest) in image.base.platforms {
        println!("{} {}", platform, digest);
    }
    println!("{}", pyimage::ASSETS.len());
}
"#;

#[test]
fn two_crates_of_a_workspace_have_their_images_and_one_lock() {
    let new = Crate::empty("shared-lock");
    new.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"one\", \"other\"]\nresolver = \"2\"\n\n[workspace.package]\nversion = \"1.2.3\"\n\n\
         [workspace.metadata.pyimage]\ntag = \"3.13-slim\"\ntags = [\"{version}\"]\n",
    );
    new.write("pyimage.lock", LOCK);
    let section = "[package.metadata.pyimage]\nsource = [\"app\"]\n";
    new.package("one", "shared-one", "2021", section);
    let arm = format!("{section}name = \"ghcr.io/me/other\"\nplatforms = [\"linux/arm64\"]\n");
    new.package("other", "shared-other", "2021", &arm);
    let manifest = fs_err::read_to_string(new.path("other/Cargo.toml")).expect("a manifest");
    new.write("other/Cargo.toml", &manifest.replace("version = \"0.3.0\"", "version.workspace = true"));
    new.write("other/app/more.py", "");
    for folder in ["one", "other"] {
        new.write(&format!("{folder}/src/main.rs"), &format!("{MODULE}{SHOWING}"));
    }
    let run = |package: &str| {
        let ran = finish(&mut new.cargo(["run", "-q", "-p", package]));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        ran.stdout
    };
    let one = run("shared-one");
    assert!(one.starts_with("shared-one:0.3.0 [\"0.3.0\"] false\npython@sha256:"), "{one}");
    assert!(one.contains("linux/amd64") && one.ends_with(&format!("linux/arm64 {ARM64}\n2\n")), "{one}");
    assert_eq!(
        run("shared-other"),
        format!("ghcr.io/me/other:1.2.3 [\"1.2.3\"] false\npython@{INDEX}\nlinux/arm64 {ARM64}\n3\n")
    );
    // What only the workspace says counts at once.
    let root = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
    std::thread::sleep(std::time::Duration::from_millis(30));
    new.write("Cargo.toml", &root.replace("[\"{version}\"]", "[\"v{version}\"]"));
    assert!(run("shared-one").starts_with("shared-one:v0.3.0 "));
}

#[test]
fn a_lock_that_is_missing_stale_or_of_another_version_is_an_error_with_what_to_do() {
    let new = Crate::with("locks", "2021", IMAGE);
    new.write("src/main.rs", &format!("{MODULE}{SHOWING}"));
    let failed = "build script logged errors";
    let ours = || -> Vec<String> {
        let lines = new.errors();
        assert!(lines.iter().any(|line| line == failed), "{lines:?}");
        let lines = lines.iter().filter_map(|line| line.strip_prefix("locks@0.3.0: "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(ours()[0], "there is no `HERE/pyimage.lock`");
    assert!(ours()[1].starts_with("help: run `cargo pyimage lock` and commit it;"));
    new.write("pyimage.lock", &LOCK.replace("version = 1", "version = 7"));
    assert_eq!(
        ours(),
        [
            "could not use `HERE/pyimage.lock`",
            "caused by: the lock is of version 7, and this tool reads up to version 1",
            "help: update `cargo-pyimage`, or check out the `pyimage.lock` that goes with this one",
        ]
    );
    new.write("pyimage.lock", "version = 1\n");
    let stale = "`HERE/pyimage.lock` is stale: `python:3.13-slim` is not locked";
    assert_eq!(ours(), [stale, "help: run `cargo pyimage lock`"]);
    // By choice, it is a warning, one line long.
    new.write("build.rs", &SCRIPT.replace(".comp", ".stale_lock(pyimage_build::StaleLock::Warn).comp"));
    let built = finish(&mut new.cargo(["build"]));
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    let warnings: Vec<_> = built.stderr.lines().filter(|line| line.contains("is stale")).collect();
    assert_eq!(warnings.len(), 1, "{}", built.stderr);
    assert!(
        warnings[0].starts_with("warning: locks@0.3.0: ")
            && warnings[0].ends_with("; help: run `cargo pyimage lock`")
    );
    assert!(new.run_with_warnings().contains("\npython:3.13-slim\n2\n"));
    new.write("pyimage.lock", LOCK);
    assert!(new.run().contains(&format!("python@{INDEX}")));
}

#[test]
fn an_old_rust_version_gets_what_its_cargo_knows() {
    let new = Crate::new("old-rust");
    let manifest = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
    new.write("Cargo.toml", &manifest.replace("edition =", "rust-version = \"1.70\"\nedition ="));
    assert_eq!(new.run().lines().count(), 2);
    let said = new.build();
    assert!(said.contains("Fresh old-rust"), "{said}");
    fs_err::remove_dir_all(new.path("app")).expect("no assets");
    let built = finish(&mut new.cargo(["build"]));
    assert_eq!(built.code, Some(101), "{}", built.stderr);
    assert!(built.stderr.contains("the source `app` matches no file"), "{}", built.stderr);
}

#[test]
fn where_images_are_left_out_no_lock_no_cache_and_no_right_to_write_are_needed() {
    let new = Crate::with("skipped", "2021", IMAGE);
    new.write("src/main.rs", &format!("{MODULE}{SHOWING}"));
    // Cargo's own lock is brought up while it can be.
    assert_eq!(finish(&mut new.cargo(["metadata", "--format-version", "1"])).code, Some(0));
    let before = new.snapshot();
    let run = |name: &str| {
        let mut command = new.cargo(["run"]);
        command.env(name, "1").env("PYIMAGE_CACHE_DIR", new.path("cache"));
        let ran = finish(&mut read_only(&new.path(""), &command)?);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        Some(ran)
    };
    for name in ["DOCS_RS", "PYIMAGE_SKIP"] {
        let Some(ran) = run(name) else { return };
        assert_eq!(ran.stdout, "skipped:latest [\"latest\"] false\npython:3.13-slim\n2\n");
        let warnings: Vec<_> = ran.stderr.lines().filter(|line| line.contains("pyimage.lock`")).collect();
        assert_eq!(warnings.len(), 1, "{}", ran.stderr);
        assert!(warnings[0].starts_with("warning: skipped@0.3.0: there is no `"), "{}", ran.stderr);
    }
    assert_eq!(new.snapshot(), before);
    assert_eq!(new.errors()[0], "skipped@0.3.0: there is no `HERE/pyimage.lock`");
    new.write("pyimage.lock", "version = 1\n");
    assert!(
        run("DOCS_RS").is_some_and(|ran| ran.stderr.contains("` is stale: `python:3.13-slim` is not locked"))
    );
    new.write("pyimage.lock", LOCK);
    let Some(ran) = run("DOCS_RS") else { return };
    assert!(
        ran.stdout.contains(&format!("python@{INDEX}")) && !ran.stderr.contains("warning"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_script_that_gives_its_error_back_tells_cargo_of_it_too() {
    let new = Crate::with("given-back", "2021", IMAGE);
    new.write("src/main.rs", &format!("{MODULE}{SHOWING}"));
    new.write(
        "build.rs",
        "fn main() -> Result<(), pyimage_build::CompileError> {\n    pyimage_build::configure().compile()?;\n    Ok(())\n}\n",
    );
    let built = finish(&mut new.cargo(["build"]));
    assert_eq!(built.code, Some(101), "{}", built.stderr);
    let said: Vec<_> =
        built.stderr.lines().filter_map(|line| line.strip_prefix("error: given-back@0.3.0: ")).collect();
    assert_eq!(said.len(), 2, "{}", built.stderr);
    assert!(
        said[0].starts_with("there is no `") && said[1].starts_with("help: run `cargo pyimage lock`"),
        "{said:?}"
    );
    // What Rust says of an error that `main` gives back is the same, and nothing of how it is made.
    assert!(
        built.stderr.contains("  Error: there is no `") && !built.stderr.contains("NoLock"),
        "{}",
        built.stderr
    );
    new.write("pyimage.lock", LOCK);
    assert!(new.run().contains(&format!("python@{INDEX}")));
}
