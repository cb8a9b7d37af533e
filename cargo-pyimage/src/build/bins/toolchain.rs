//! The Rust toolchain of a package.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::error::BinError;
use super::rust_target::RustTarget;

/// What is known of the toolchain that cargo takes in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Toolchain {
    /// The triple that it makes programs for by itself.
    pub(super) host: String,
}

impl Toolchain {
    /// Asks rustc.
    pub(super) async fn find(folder: &Path) -> Result<Self, BinError> {
        let says = rustc(folder, &["--version", "--verbose"]).await?;
        let host = says.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        Ok(Self { host: host.trim().to_owned() })
    }

    /// Fails where the standard library for a target is not there.
    pub(super) async fn check(&self, target: &RustTarget, folder: &Path) -> Result<(), BinError> {
        if target.triple == self.host {
            return Ok(());
        }
        let says = rustc(folder, &["--print", "target-libdir", "--target", &target.triple]).await?;
        let libraries = PathBuf::from(says.trim());
        let entries = fs_err::read_dir(&libraries).into_iter().flatten().flatten();
        let mut names = entries.map(|entry| entry.file_name());
        if names.any(|name| name.to_string_lossy().starts_with("libcore-")) {
            return Ok(());
        }
        Err(BinError::NoStandardLibrary { target: target.triple.clone() })
    }
}

async fn rustc(folder: &Path, arguments: &[&str]) -> Result<String, BinError> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let failed = |source| BinError::Rustc { program: program.to_string_lossy().into_owned(), source };
    let mut command = Command::new(&program);
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(failed)?;
    if !output.status.success() {
        let says = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(failed(std::io::Error::other(says)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
