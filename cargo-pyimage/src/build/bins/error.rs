//! Why a Rust program is not there for an image.

use std::io;
use std::path::PathBuf;

use pyimage_build::{Libc, LibcRelease};

/// Why a Rust program is not there for an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinError {
    /// Rust has no target for the platform.
    #[error("Rust has no target for it with {libc}")]
    NoTarget {
        /// The base's C library.
        libc: Libc,
    },
    /// rustc could not be asked.
    #[error("could not ask `{program}`")]
    Rustc {
        /// How it is called.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// The toolchain has nothing for the target.
    #[error("the Rust toolchain has no standard library for `{target}`")]
    NoStandardLibrary {
        /// The target.
        target: String,
    },
    /// Nobody is there to link for the target.
    #[error("there is no linker for `{target}`")]
    NoLinker {
        /// The target.
        target: String,
        /// The package of Debian with one.
        package: String,
    },
    /// Cargo could not be run.
    #[error("could not run `{program}`")]
    Cargo {
        /// How it is called.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// Cargo failed, and has said why.
    #[error("cargo could not compile for `{target}`")]
    Compile {
        /// The target.
        target: String,
    },
    /// Cargo did not say which crates are in them.
    #[error("could not tell which crates are in them: {says}")]
    Crates {
        /// What it said.
        says: String,
    },
    /// There are none.
    #[error("`{package}` has no programs")]
    NoBins {
        /// The package.
        package: String,
    },
    /// It would not start in the image.
    #[error(
        "`{name}` was linked against a newer glibc than the base has: it needs {needs}, and there is {libc}"
    )]
    TooNew {
        /// The program.
        name: String,
        /// The glibc that it needs.
        needs: String,
        /// The base's.
        libc: LibcRelease,
        /// The target.
        target: String,
    },
    /// What cargo made cannot be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// The program.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl BinError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        const ZIG: &str = "`cargo install cargo-zigbuild` and `pip install ziglang`";
        match self {
            Self::NoStandardLibrary { target } => vec![format!("`rustup target add {target}`")],
            Self::NoLinker { target, package } => {
                let variable = target.to_uppercase().replace(['-', '.'], "_");
                vec![
                    format!("`sudo apt-get install {package}`, or {ZIG}"),
                    format!("or name one with `CARGO_TARGET_{variable}_LINKER`"),
                ]
            }
            Self::TooNew { .. } => vec![
                format!("link against the base's with {ZIG}"),
                "or take a base with a newer Debian, or one of Alpine, whose programs need no glibc"
                    .to_owned(),
            ],
            Self::Rustc { .. } | Self::Cargo { .. } => vec!["install Rust: https://rustup.rs".to_owned()],
            Self::NoBins { .. } => vec!["leave `bins` out, or add a `src/main.rs`".to_owned()],
            _ => Vec::new(),
        }
    }
}
