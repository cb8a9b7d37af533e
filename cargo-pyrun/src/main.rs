//! `cargo pyrun`: see the library half.

fn main() -> std::process::ExitCode {
    pyrun::main()
}
