//! Installs what a lock names for an image into an environment in the cache, and prints its folder.
//!
//! It is what `cargo pyrun -r pylock.toml` does before it starts a script, without an engine, as long as the packages'
//! bytecode is in the cache. `cargo xtask bench` compares it with `uv pip sync`.
//!
//! ```text
//! cargo run --example install -- pylock.toml 3.13.7 linux/amd64
//! ```

use std::error::Error;
use std::path::PathBuf;

use pyimage_build::{Libc, LibcRelease, Target};
use pyrun::cache::Cache;
use pyrun::dependencies::{Asked, Dependencies, Locking};
use pyrun::environment;
use pyrun::plan::Request;
use pyrun::shell::Shell;

/// The C library of Debian 13.
const TRIXIE: LibcRelease = LibcRelease { libc: Libc::Glibc, major: 2, minor: 41 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [lock, python, platform] = &arguments[..] else {
        return Err("give a lock, a version of Python and a platform".into());
    };
    let target = Target::new(python.parse()?, platform.parse()?, TRIXIE)?;
    let here = std::env::current_dir()?;
    let dependencies = Dependencies::find(Asked {
        script: None,
        files: vec![PathBuf::from(lock)],
        with: Vec::new(),
        groups: Vec::new(),
        extras: Vec::new(),
        locking: Locking::Frozen,
        lock: None,
        start: &here,
        here: &here,
        home: None,
    })?;
    let request = Request { dependencies, folder: here, ..Request::default() };
    let shell = Shell::from_flags(None, true, false);
    let environment = environment::prepare(&request, &target, None, &Cache::from_env()?, &shell).await?;
    shell.print(format_args!("{}\n", environment.folder))?;
    Ok(())
}
