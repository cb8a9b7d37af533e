//! Crates that leave their repository: packaged, and used from another one.

use tests::finish;

use super::crates::{Crate, MODULE, output};
use super::images::{LOCK, SHOWING};

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
    // It is built below, by whoever uses it: cargo would look for what it depends on in the registry.
    let packaged = finish(&mut new.cargo([
        "package",
        "-p",
        "shipped",
        "--allow-dirty",
        "--no-verify",
        "--exclude-lockfile",
    ]));
    assert_eq!(packaged.code, Some(0), "{}", packaged.stderr);

    // Elsewhere, with nothing of its workspace.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let archive = super::crates::shared().join("target/package/shipped-0.3.0.crate");
    output(std::process::Command::new("tar").arg("xzf").arg(archive).current_dir(elsewhere.path()));
    let shipped = elsewhere.path().join("shipped-0.3.0");
    assert!(shipped.join("app/main.py").is_file() && shipped.join("pyimage.lock").is_file());
    let names = || output(std::process::Command::new("find").arg(&shipped).args(["-printf", "%P %s %T@\\n"]));
    let before = names();
    let user = Crate::empty("user-of-published");
    user.write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nshipped = {{ path = \
             {:?} }}\n\n[workspace]\n\n[workspace.metadata.pyimage]\ntags = [\"somebody-else-s\"]\n\n[patch.crates-io]\n\
             pyimage-build = {{ path = {:?} }}\n",
            shipped,
            format!("{}/../pyimage-build", env!("CARGO_MANIFEST_DIR"))
        ),
    );
    user.write("src/main.rs", &SHOWING.replace("pyimage::", "shipped::pyimage::"));
    let out = user.run();
    // The defaults of neither workspace count; the lock that it brought does.
    assert!(out.starts_with("shipped:latest [\"latest\"] false\npython@sha256:1bc04b52"), "{out}");
    assert!(out.ends_with("\n2\n"), "{out}");
    assert_eq!(names(), before, "nothing is written to the source");
}
