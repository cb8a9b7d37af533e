//! When cargo runs a build script again, and when it does not.

use std::time::Duration;

use tests::finish;

use super::crates::{Crate, has_run};
use super::images::LOCK;

/// Times of files have to differ.
fn pause() {
    std::thread::sleep(Duration::from_millis(30));
}

/// Builds after a change; says whether the script ran.
fn runs_after(new: &Crate, name: &str, change: impl FnOnce(&Crate)) -> bool {
    pause();
    change(new);
    has_run(&new.build(), name)
}

#[test]
fn what_changes_an_asset_runs_the_script_and_nothing_else_does() {
    let new = Crate::new("reruns").file(".gitignore", "*.log\n").file("README.md", "");
    assert!(has_run(&new.build(), "reruns"));
    let runs = |change: &dyn Fn(&Crate)| runs_after(&new, "reruns", change);
    assert!(!runs(&|_| ()), "nothing has changed");
    assert!(!runs(&|new| new.write("README.md", "x")), "another file");
    assert!(!runs(&|new| new.write("other/new.py", "x")), "another folder");
    let said = {
        pause();
        let main = fs_err::read_to_string(new.path("src/main.rs")).expect("a source");
        new.write("src/main.rs", &format!("{main}\n"));
        new.build()
    };
    assert!(!has_run(&said, "reruns") && said.contains("--crate-name reruns"), "Rust's own source: {said}");
    assert!(runs(&|new| new.write("app/main.py", "print('changed')\n")), "an asset");
    assert!(new.run().contains("print('changed')"));
    assert!(runs(&|new| new.write("app/deep/new.py", "print('new')\n")), "a new asset");
    assert!(new.run().contains("app/deep/new.py print('new')"));
    assert!(runs(&|new| new.write("app/deep/newer.py", "")), "one in a new folder");
    assert!(runs(&|new| fs_err::remove_file(new.path("app/deep/newer.py")).expect("a file")), "one is gone");
    assert!(runs(&|new| new.write(".gitignore", "*.log\ndata.json\n")), "what is left out");
    assert!(!new.run().contains("data.json"));
    assert!(
        runs(&|new| {
            let manifest = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
            new.write("Cargo.toml", &manifest.replace("[\"app\"]", "[\"app/deep\"]"));
        }),
        "what is asked for"
    );
    assert!(!new.run().contains("app/main.py"));
    assert!(!runs(&|new| new.write("app/main.py", "")), "what is no asset any more");
    assert!(!runs(&|_| ()), "nothing has changed");
}

#[test]
fn variables_that_are_looked_at_run_the_script() {
    let new = Crate::new("variables");
    new.build();
    let skipped = finish(new.cargo(["build", "-v"]).env("PYIMAGE_SKIP", "1")).stderr;
    assert!(
        !has_run(&skipped, "variables"),
        "where there are no images, nothing says that there should be none"
    );
    let manifest = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
    pause();
    new.write("Cargo.toml", &manifest.replace("source =", "tag = \"3.13-slim\"\nsource ="));
    new.write("pyimage.lock", LOCK);
    new.build();
    for (name, value) in [("PYIMAGE_SKIP", "1"), ("DOCS_RS", "1")] {
        let build = |name: &str| finish(new.cargo(["build", "-v"]).env(name, value)).stderr;
        assert!(!has_run(&build("CARGO_NET_OFFLINE_NOT"), "variables"));
        assert!(has_run(&build(name), "variables"), "{name}");
        assert!(!has_run(&build(name), "variables"), "{name} again");
        assert!(has_run(&new.build(), "variables"), "without {name}");
    }
    let offline = finish(new.cargo(["run", "-q"]).env("CARGO_NET_OFFLINE", "true"));
    assert_eq!(offline.stdout, new.run());
}

#[test]
fn a_package_that_is_all_asset_is_not_built_again_for_what_a_build_leaves() {
    let new = Crate::with("whole", "2021", "[package.metadata.pyimage]\nsource = [\".\"]\n");
    // As where cargo builds by default.
    new.write("target/CACHEDIR.TAG", "");
    let runs = |change: &dyn Fn(&Crate)| runs_after(&new, "whole", change);
    assert!(runs(&|_| ()));
    assert!(!runs(&|new| new.write("target/debug/new", "")), "what cargo writes");
    assert!(!runs(&|new| new.write(".git/index", "")), "what git writes");
    assert!(runs(&|new| new.write("app/new.py", "")), "a folder in it is looked at");
    assert!(new.run().contains("app/new.py"));
}

#[test]
fn a_module_that_is_the_same_is_not_written_and_nothing_else_is() {
    let new = Crate::new("untouched");
    new.write("src/main.rs", "fn main() { println!(\"{}\", env!(\"OUT_DIR\")); }\n");
    let out = new.run();
    let before = new.snapshot();
    let modified = || fs_err::metadata(format!("{}/pyimage.rs", out.trim())).and_then(|its| its.modified());
    let written = modified().expect("a module");
    pause();
    // A comment in the manifest runs the script.
    let manifest = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
    assert!(runs_after(&new, "untouched", |new| new.write("Cargo.toml", &format!("{manifest}\n# x\n"))));
    assert_eq!(modified().expect("a module"), written);
    new.write("Cargo.toml", &manifest);
    new.build();
    let names = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&new.snapshot()), names(&before), "nothing is written to the source");
}

#[test]
fn two_builds_at_once_both_work() {
    let new = Crate::new("at-once");
    let children = ["build", "check", "build"].map(|what| tests::spawn(&mut new.cargo([what])));
    for child in children {
        let ended = child.wait_with_output().expect("its end");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    assert_eq!(new.run().lines().count(), 2);
}
