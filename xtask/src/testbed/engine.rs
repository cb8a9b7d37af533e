//! Docker Engine: the one that is there, or one of our own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use fs_err as fs;

use super::bed::{Bed, wait};
use super::machine::Tool;
use super::{daemon, machine, registry, tls};
use crate::http::{self, Peer};
use crate::{process, say};

const SOCKET: &str = "/var/run/docker.sock";
pub(crate) const NAME: &str = "dockerd";

/// The address of the engine that answers, if one does.
pub(crate) fn address() -> Option<String> {
    if let Ok(host) = std::env::var("DOCKER_HOST") {
        return process::succeeds(process::command("docker").arg("version")).then_some(host);
    }
    if answers(Path::new(SOCKET)) {
        return Some(format!("unix://{SOCKET}"));
    }
    // Docker Desktop, colima and their like are found through the client's current context.
    let mut context = process::command("docker");
    context.args(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
    let host = process::read(&mut context).ok().filter(|host| !host.ends_with(SOCKET))?;
    process::succeeds(process::command("docker").arg("version")).then_some(host)
}

/// Whether an engine, or something that speaks its language, listens on a socket.
pub(crate) fn answers(socket: &Path) -> bool {
    http::get(Peer::Unix(socket), "/_ping", &[]).is_ok_and(|answer| answer.status == 200)
}

/// The docker client, talking to the test bed's engine.
pub(crate) fn docker() -> Command {
    let mut command = process::command("docker");
    if std::env::var_os("DOCKER_HOST").is_none() && answers(Path::new(SOCKET)) {
        command.env("DOCKER_HOST", format!("unix://{SOCKET}"));
    }
    command
}

pub(crate) fn up(bed: &Bed) -> Result<()> {
    if let Some(address) = address() {
        provide_client()?;
        say::status("Using", &format!("the engine at {address}"));
        return Ok(());
    }
    if !cfg!(target_os = "linux") || std::env::var_os("DOCKER_HOST").is_some() {
        machine::provide(&[Tool { program: "no-engine-answers", package: "docker.io" }])?;
    }
    machine::provide(&[
        Tool { program: "dockerd", package: "docker.io" },
        Tool { program: "openssl", package: "openssl" },
    ])?;
    provide_client()?;
    if machine::has_systemd() {
        // The package has a service, which is as good as ours.
        process::succeeds(process::command("systemctl").args(["start", "docker"]));
        if wait(Duration::from_secs(20), || answers(Path::new(SOCKET))) {
            return Ok(());
        }
        bail!("docker.io is installed but no engine answers at `{SOCKET}`: see `journalctl -u docker`");
    }
    if !machine::is_root() {
        bail!("no engine answers at `{SOCKET}`, and only root can start one: `sudo dockerd`");
    }
    mount_cgroups()?;
    start(bed)
}

/// The client is in a package of its own since Debian 13.
fn provide_client() -> Result<()> {
    if process::found("docker") {
        return Ok(());
    }
    let package = if machine::has_package("docker-cli") { "docker-cli" } else { "docker.io" };
    machine::provide(&[Tool { program: "docker", package }])
}

fn start(bed: &Bed) -> Result<()> {
    let certificates = tls::certificates(bed)?;
    let mut dockerd = Command::new("dockerd");
    dockerd
        .args(["--host", &format!("unix://{SOCKET}"), "--host", &tls::address(), "--tlsverify"])
        .arg("--tlscacert")
        .arg(certificates.join("ca.pem"))
        .arg("--tlscert")
        .arg(certificates.join("server-cert.pem"))
        .arg("--tlskey")
        .arg(certificates.join("server-key.pem"))
        .args(["--registry-mirror", &format!("http://{}", registry::HUB.address)]);
    say::status("Starting", "Docker Engine");
    // What a killed engine left would keep a new one from starting.
    let _ = fs::remove_file("/var/run/docker.pid");
    daemon::start(bed, NAME, &dockerd, || answers(Path::new(SOCKET)))
}

/// A machine without an init system may not have its control groups mounted; an engine cannot do without.
fn mount_cgroups() -> Result<()> {
    let mounts = fs::read_to_string("/proc/mounts")?;
    if mounts.lines().any(|line| line.split(' ').nth(2).is_some_and(|kind| kind.starts_with("cgroup"))) {
        return Ok(());
    }
    machine::provide(&[Tool { program: "cgroupfs-mount", package: "cgroupfs-mount" }])?;
    process::read(&mut process::command("cgroupfs-mount")).map(drop)
}

/// Whether pulls of official images reach the test bed's registry.
pub(crate) fn has_mirror() -> bool {
    let mut info = docker();
    info.args(["info", "--format", "{{json .RegistryConfig.Mirrors}}"]);
    process::read(&mut info).is_ok_and(|mirrors| mirrors.contains(registry::HUB.address))
}
