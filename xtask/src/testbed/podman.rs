//! Podman as a second engine, with settings of its own so that the machine's stay as they are.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use super::bed::Bed;
use super::machine::Tool;
use super::{daemon, engine, machine, registry};
use crate::http::{self, Peer};
use crate::{process, say};

pub(crate) const NAME: &str = "podman";
const IMAGE: &str = "docker.io/library/python:3.13-slim";

/// Installs podman, and what it needs beyond its package's own dependencies.
pub(crate) fn provide() -> Result<()> {
    machine::provide(&[
        Tool { program: "podman", package: "podman" },
        Tool { program: "runc", package: "runc" },
        Tool { program: "catatonit", package: "catatonit" },
        Tool { program: "slirp4netns", package: "slirp4netns" },
        Tool { program: "newuidmap", package: "uidmap" },
        Tool { program: "iptables", package: "iptables" },
    ])?;
    // Networks are made by other programs since podman 5.
    let version =
        process::read(process::command("podman").args(["version", "--format", "{{.Client.Version}}"]))?;
    if version.split('.').next().and_then(|major| major.parse().ok()).is_some_and(|major: u32| major < 5) {
        return machine::provide(&[Tool {
            program: "/usr/lib/cni/bridge",
            package: "containernetworking-plugins",
        }]);
    }
    machine::provide(&[
        Tool { program: "/usr/lib/podman/netavark", package: "netavark" },
        Tool { program: "/usr/lib/podman/aardvark-dns", package: "aardvark-dns" },
        Tool { program: "pasta", package: "passt" },
    ])
}

pub(crate) fn ready(bed: &Bed) -> bool {
    serves(&bed.run("podman.sock"))
}

/// Whether a podman answers at a socket and has the image.
pub(crate) fn serves(socket: &Path) -> bool {
    engine::answers(socket)
        && http::get(Peer::Unix(socket), &format!("/images/{IMAGE}/json"), &[])
            .is_ok_and(|answer| answer.status == 200)
}

pub(crate) fn up(bed: &Bed) -> Result<()> {
    provide()?;
    settings(bed)?;
    let socket = bed.run("podman.sock");
    say::status("Starting", "podman");
    let mut service = Command::new("env");
    service.args(environment(bed)).args(["podman", "system", "service", "--time", "0"]);
    service.arg(format!("unix://{}", socket.display()));
    daemon::start(bed, NAME, &service, || engine::answers(&socket))?;
    pull(process::command("env").args(environment(bed)))
}

/// Pulls the image with a podman that is about to be called.
pub(crate) fn pull(podman: &mut Command) -> Result<()> {
    say::status("Pulling", &format!("{IMAGE} with podman"));
    process::read(podman.args(["podman", "pull", "--quiet", IMAGE])).map(drop)
}

/// The variables that point podman at our settings, as `env` takes them.
pub(crate) fn environment(bed: &Bed) -> Vec<String> {
    [
        ("CONTAINERS_CONF", "containers.conf"),
        ("CONTAINERS_REGISTRIES_CONF", "registries.conf"),
        ("CONTAINERS_STORAGE_CONF", "storage.conf"),
    ]
    .iter()
    .filter(|(_, file)| bed.run("podman").join(file).exists())
    .map(|(key, file)| format!("{key}={}", bed.run("podman").join(file).display()))
    .collect()
}

/// Writes the settings: an engine that runs on any control groups, and the registries as the test bed has them.
pub(crate) fn settings(bed: &Bed) -> Result<()> {
    let folder = bed.run("podman");
    fs::create_dir_all(&folder)?;
    // crun refuses a machine with both versions of control groups, and systemd may not be there to make any.
    fs::write(
        folder.join("containers.conf"),
        format!(
            "[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\n\
             [containers]\ninit_path = \"/usr/bin/catatonit\"\ndefault_ulimits = [{}]\n",
            limits()?
        ),
    )?;
    let insecure = |address| format!("\n[[registry]]\nlocation = \"{address}\"\ninsecure = true\n");
    fs::write(
        folder.join("registries.conf"),
        format!(
            "unqualified-search-registries = [\"docker.io\"]\n\n\
             [[registry]]\nlocation = \"docker.io\"\n\n\
             [[registry.mirror]]\nlocation = \"{}\"\ninsecure = true\n{}{}",
            registry::HUB.address,
            insecure(registry::HUB.address),
            insecure(registry::LOGIN.address)
        ),
    )?;
    Ok(())
}

/// Podman raises limits to a million or so, and fails where it may not: no higher than ours, then.
fn limits() -> Result<String> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let hard = |name: &str, most: u64| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|hard| hard.parse().ok()).unwrap_or(most).min(most)
    };
    let (files, processes) = (hard("Max open files", 1_048_576), hard("Max processes", 32_768));
    Ok(format!("\"nofile={files}:{files}\", \"nproc={processes}:{processes}\""))
}
