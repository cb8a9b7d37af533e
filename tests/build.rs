//! Makes functions of the Rust code on the pages about the library and about build scripts, so that it is compiled.

#![expect(clippy::expect_used, reason = "what is not there fails the build")]

use std::env;
use std::fmt::Write as _;
use std::path::Path;

use fs_err as fs;

/// The pages, and what the code on each of them takes for granted.
const PAGES: [(&str, &str); 2] = [
    ("embedding", "use pyrun::Script; const TRAIN: &str = \"\"; const NIGHTLY: &str = \"\";"),
    ("build-scripts", ""),
];

/// What needs the module that a build script has generated: the end-to-end tests compile that in a crate of its own.
const OF_A_MODULE: [&str; 2] = ["OUT_DIR", "pyimage::extract"];

fn main() {
    let here = env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    let docs = Path::new(&here).with_file_name("docs");
    let mut code = String::new();
    let mut compiled = 0;
    for (name, given) in PAGES {
        let page = docs.join(name).with_extension("md");
        println!("cargo::rerun-if-changed={}", page.display());
        let page = fs::read_to_string(page).expect("the page");
        for (number, block) in rust_blocks(&page).iter().enumerate() {
            if OF_A_MODULE.iter().any(|word| block.contains(word)) {
                continue;
            }
            let (name, block) = (name.replace('-', "_"), without_files(block));
            // The last line may be an expression, of whatever type.
            writeln!(
                code,
                "#[allow(clippy::all, clippy::pedantic, clippy::print_stdout, unused, reason = \"it is as on the page\")]\n\
                 async fn {name}_{number}() -> Result<(), Box<dyn std::error::Error>> {{\n\
                 {given}\nlet _ = {{\n{block}\n}};\nOk(())\n}}\n"
            )
            .expect("a string takes all");
            compiled += 1;
        }
    }
    writeln!(code, "const COMPILED: usize = {compiled};").expect("a string takes all");
    let out = env::var_os("OUT_DIR").expect("cargo says where to write");
    fs::write(Path::new(&out).join("pages.rs"), code).expect("the code of the pages");
}

/// What is between the fences of Rust code.
fn rust_blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open = false;
    for line in page.lines() {
        match line {
            "```rust" => {
                blocks.push(String::new());
                open = true;
            }
            "```" => open = false,
            line if open => {
                let block = blocks.last_mut().expect("the block is there while it is open");
                block.push_str(line);
                block.push('\n');
            }
            _ => {}
        }
    }
    blocks
}

/// The code without its files, which are the reader's.
fn without_files(block: &str) -> String {
    let mut parts = block.split("include_str!(\"");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("(\"");
        text.push_str(part);
    }
    text
}
