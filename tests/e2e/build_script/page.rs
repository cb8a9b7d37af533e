//! What docs/build-scripts.md shows first, as it stands there.

use std::path::Path;

use tests::{Folder, finish, part, with_cargo};

use super::crates::cargo;
use crate::docs::lasting;

const MANIFEST: &str = "[package]\nname = \"hello\"\nversion = \"0.3.0\"\nedition = \"2024\"\n\n";

/// The blocks of a page in code, without their fences.
fn blocks(page: &str) -> Vec<&str> {
    let mut parts = page.split("\n```").skip(1);
    let mut blocks = Vec::new();
    while let (Some(block), _) = (parts.next(), parts.next()) {
        blocks.push(block.split_once('\n').map_or("", |(_, code)| code));
    }
    blocks
}

#[test]
fn the_first_example_prints_what_its_page_says() {
    if part("TESTBED_REGISTRY").is_none() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs");
    let page = fs_err::read_to_string(root.join("build-scripts.md")).expect("the page");
    let [section, script, program, said, ..] = &blocks(&page)[..] else { panic!("four blocks") };
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("pyimage-build").display().to_string();
    let section = section.replace("\"0.1\"", &format!("{{ path = {library:?} }}"));
    let folder = Folder::new();
    folder.file("Cargo.toml", &format!("{MANIFEST}{section}\n\n[workspace]\n"));
    folder.file("build.rs", script).file("src/main.rs", program);
    folder.file("app/main.py", "print('hello')\n").file("app/data.json", "{}\n");
    let locked = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.lock");
    folder.file("Cargo.lock", &fs_err::read_to_string(locked).expect("versions"));
    let mut lock = folder.pyimage(["lock"]);
    with_cargo(&mut lock);
    let locked = finish(&mut lock);
    assert_eq!(locked.code, Some(0), "{}", locked.stderr);

    let mut run = cargo();
    run.args(["run", "--offline", "--quiet"]).current_dir(folder.project());
    let run = finish(&mut run);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(lasting(&run.stdout), lasting(said));
}
