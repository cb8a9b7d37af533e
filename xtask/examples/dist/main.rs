//! What `cargo xtask dist` packs: `dist PROGRAMS TARGET OUTPUT EPOCH`.
//!
//! An example and not a part of xtask, for the crates that it takes and the two programs that it looks into: whoever
//! runs `cargo xtask demo` should not wait for them.

mod archive;
mod completions;
mod man;
mod notices;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Command, CommandFactory as _};
use fs_err as fs;

use archive::{Archive, Mode};

/// What lies beside the programs in an archive, from the folder of the workspace.
const DOCUMENTS: [&str; 4] = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [programs, target, output, epoch] = &words[..] else {
        bail!("`cargo xtask dist` calls this program");
    };
    let epoch = epoch.parse().with_context(|| format!("`{epoch}` is no number of seconds"))?;
    dist(Path::new(programs), target, Path::new(output), epoch)
}

/// Writes completions, man pages and the archive with all of it.
fn dist(programs: &Path, target: &str, output: &Path, epoch: u64) -> Result<()> {
    let programs_of_cargo = [pyrun(), pyimage()];
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for program in &programs_of_cargo {
        files.extend(completions::of(program)?);
        files.extend(man::of(program, epoch)?);
    }
    for folder in ["completions", "man"] {
        remove(&output.join(folder))?;
    }
    for (path, bytes) in &files {
        let path = output.join(path);
        fs::create_dir_all(path.parent().unwrap_or(output))?;
        fs::write(path, bytes)?;
    }

    let version = programs_of_cargo[0].get_version().unwrap_or_default();
    let name = format!("cargo-pyrun-{version}-{target}");
    let mut archive = Archive::new(&name);
    for (path, bytes) in files {
        archive.add(&path, bytes, Mode::Text);
    }
    let linked = notices::of(&["cargo-pyimage", "cargo-pyrun"], target)?;
    archive.add("LICENSES-OF-OTHERS.txt", linked.into_bytes(), Mode::Text);
    for program in ["cargo-pyimage", "cargo-pyrun"] {
        let file = format!("{program}{}", if target.contains("windows") { ".exe" } else { "" });
        archive.add(&file, fs::read(programs.join(&file))?, Mode::Program);
    }
    let root = root();
    for document in DOCUMENTS {
        archive.add(document, fs::read(root.join(document))?, Mode::Text);
    }
    for page in fs::read_dir(root.join("docs"))? {
        let page = page?;
        let name = page.file_name().into_string().ok().context("a page's name is not UTF-8")?;
        archive.add(&format!("docs/{name}"), fs::read(page.path())?, Mode::Text);
    }
    archive.write(output, epoch)
}

/// `cargo pyrun` as the program `cargo-pyrun`, which is what shells and `man` know.
fn pyrun() -> Command {
    program(pyrun::cli::Cargo::command(), "pyrun", "cargo-pyrun")
}

/// `cargo pyimage`, likewise.
fn pyimage() -> Command {
    program(pyimage::cli::Cargo::command(), "pyimage", "cargo-pyimage")
}

fn program(cargo: Command, subcommand: &str, name: &'static str) -> Command {
    let found = cargo.get_subcommands().find(|command| command.get_name() == subcommand);
    // Both programs have exactly one subcommand, by cargo's convention.
    let command = found.cloned().unwrap_or(cargo);
    command.name(name).display_name(name).bin_name(format!("cargo {subcommand}"))
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
