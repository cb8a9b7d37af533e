//! The Rust code on pages, compiled: `build.rs` of this package makes a function of each block.

use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// The blocks that take a generated module: [`crate::build_script`] compiles them in a crate of their own.
const OF_A_MODULE: usize = 2;

#[test]
fn every_block_of_rust_is_compiled() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs");
    let blocks = ["embedding.md", "build-scripts.md"].map(|page| {
        let page = fs_err::read_to_string(docs.join(page)).expect("the page");
        page.lines().filter(|line| line.starts_with("```rust")).count()
    });
    assert_eq!(blocks.iter().sum::<usize>(), COMPILED + OF_A_MODULE);
}
