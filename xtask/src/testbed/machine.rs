//! The machine the test bed stands on: what it has, and what may be installed on it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use crate::{process, say};

/// A program the test bed needs, and the Debian package it comes in.
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    pub(crate) package: &'static str,
}

/// Whether this process may change the machine.
pub(crate) fn is_root() -> bool {
    process::read(process::command("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// Whether services are systemd's business here.
pub(crate) fn has_systemd() -> bool {
    Path::new("/run/systemd/system").exists()
}

/// Installs what is missing of these, or says what the reader has to install.
pub(crate) fn provide(tools: &[Tool]) -> Result<()> {
    let mut packages: Vec<_> =
        tools.iter().filter(|tool| !process::found(tool.program)).map(|tool| tool.package).collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    if !is_debian() || !is_root() {
        bail!("{}", what_to_install(&packages));
    }
    say::status("Installing", &packages.join(" "));
    apt(&["update"])?;
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&packages);
    apt(&install)?;
    // Debian starts a service as soon as it is installed; ours run with their own settings and on the same port.
    if has_systemd() && packages.contains(&"docker-registry") {
        process::succeeds(process::command("systemctl").args(["disable", "--now", "docker-registry"]));
    }
    Ok(())
}

/// Whether apt could install a package.
pub(crate) fn has_package(name: &str) -> bool {
    process::read(process::command("apt-cache").args(["--names-only", "search", &format!("^{name}$")]))
        .is_ok_and(|found| !found.is_empty())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = process::command("apt-get");
    command
        .arg("--quiet")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // A single-user runlevel: without systemd, packages start no service of theirs.
        .env("RUNLEVEL", "1");
    process::read(&mut command).map(drop)
}

fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|release| release.lines().any(|line| line == "ID=debian"))
}

/// For whoever has to install things by hand: the command to type.
fn what_to_install(packages: &[&str]) -> String {
    let list = packages.join(" ");
    if is_debian() {
        return format!("`{list}` is missing, and only root can install it: `sudo apt-get install {list}`");
    }
    if cfg!(target_os = "linux") {
        let like = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let hint = if like.contains("ubuntu") || like.contains("debian") {
            format!("`sudo apt-get install {list}`")
        } else if like.contains("fedora") || like.contains("rhel") {
            "`sudo dnf install moby-engine` and `sudo systemctl enable --now docker`".to_owned()
        } else {
            "your distribution's package of Docker Engine, and start it".to_owned()
        };
        return format!("`{list}` (Debian's names) is missing: install {hint}");
    }
    if cfg!(target_os = "macos") {
        return "no container engine: install Docker Desktop, or `brew install colima docker && colima start`".to_owned();
    }
    "no container engine: install Docker Desktop with its WSL 2 backend, and work inside WSL".to_owned()
}

/// The Debian mirror this machine's own apt uses.
pub(crate) fn debian_mirror() -> Result<String> {
    if !is_debian() {
        bail!("stand-ins for the official images are built on Debian only");
    }
    let targets = || {
        let mut command = process::command("apt-get");
        command.args([
            "indextargets",
            "--format",
            "$(LABEL) $(COMPONENT) $(REPO_URI)",
            "Created-By: Packages",
        ]);
        process::read(&mut command)
    };
    let find =
        |list: &str| list.lines().find_map(|line| line.strip_prefix("Debian main ")).map(str::to_owned);
    if let Some(mirror) = find(&targets()?) {
        return Ok(mirror);
    }
    // The labels come from the index files, which a fresh machine does not have yet.
    apt(&["update"])?;
    find(&targets()?).context("apt knows no Debian mirror: see `apt-cache policy`")
}

/// The proxy apt goes through, where it is told of one.
pub(crate) fn apt_proxy() -> Option<String> {
    let mut command = process::command("apt-config");
    command.args(["--format", "%v%n", "dump", "Acquire::http::Proxy"]);
    process::read(&mut command)
        .ok()
        .filter(|proxy| !proxy.is_empty())
        .or_else(|| std::env::var("http_proxy").ok())
}
