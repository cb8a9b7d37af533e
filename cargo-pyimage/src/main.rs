//! `cargo pyimage`: see the library half.

fn main() -> std::process::ExitCode {
    pyimage::main()
}
