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

    // The page's next two blocks: a statement of build.rs, and one of a function that may fail.
    let [.., extract, folder_of_it] = &blocks(&page)[..6] else { panic!("six blocks") };
    assert!(extract.contains(".extract(true)") && folder_of_it.contains("pyimage::extract()?"), "{extract}");
    folder.file("build.rs", &format!("fn main() {{\n{extract}\n}}\n"));
    let (module, _) = program.split_once("\n\n").expect("the module, then the program");
    let print = "println!(\"{}\", std::fs::read_to_string(folder.join(\"app/main.py\"))?);";
    folder.file(
        "src/main.rs",
        &format!("{module}\n\nfn main() -> std::io::Result<()> {{\n{folder_of_it}\n{print}\nOk(())\n}}\n"),
    );
    let mut run = cargo();
    run.args(["run", "--offline", "--quiet"]).current_dir(folder.project());
    let run = finish(run.env("PYIMAGE_CACHE_DIR", folder.cache()));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "print('hello')\n\n"), "{}", run.stderr);
}
