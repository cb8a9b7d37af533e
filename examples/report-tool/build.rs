//! Makes the reports a part of the program: `[package.metadata.pyimage]` in Cargo.toml says which files they are.

fn main() {
    pyimage_build::configure().compile_or_exit();
}
