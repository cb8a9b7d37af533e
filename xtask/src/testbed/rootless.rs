//! Engines without root: docker and podman as the test user runs them.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use super::bed::Bed;
use super::machine::Tool;
use super::{daemon, engine, image, machine, podman, user};
use crate::http::{self, Peer};
use crate::{process, say};

pub(crate) const DOCKER: &str = "rootless-docker";
pub(crate) const PODMAN: &str = "rootless-podman";

/// Debian has the script beside the engine, upstream on `PATH`.
const DOCKERD: [&str; 2] =
    ["/usr/share/docker.io/contrib/dockerd-rootless.sh", "/usr/bin/dockerd-rootless.sh"];

const TOOLS: [Tool; 4] = [
    Tool { program: "rootlesskit", package: "rootlesskit" },
    Tool { program: "slirp4netns", package: "slirp4netns" },
    Tool { program: "newuidmap", package: "uidmap" },
    Tool { program: "fuse-overlayfs", package: "fuse-overlayfs" },
];

/// Where the user's session would have its sockets.
fn folder() -> PathBuf {
    PathBuf::from(format!("/run/user/{}", user::ID))
}

pub(crate) fn docker_socket() -> PathBuf {
    folder().join("docker.sock")
}

pub(crate) fn podman_socket() -> PathBuf {
    folder().join("podman/podman.sock")
}

pub(crate) fn docker_ready() -> bool {
    http::get(Peer::Unix(&docker_socket()), &format!("/images/{}/json", image::SLIM.name()), &[])
        .is_ok_and(|answer| answer.status == 200)
}

pub(crate) fn docker_up(bed: &Bed) -> Result<()> {
    machine::provide(&TOOLS)?;
    let script = DOCKERD.into_iter().find(|script| Path::new(script).exists());
    let script = script.context("the docker.io package has no `dockerd-rootless.sh`")?;
    prepare()?;
    let mut dockerd = as_user(&[]);
    dockerd.args(["sh", script]);
    say::status("Starting", &format!("Docker Engine as {}", user::NAME));
    daemon::start(bed, DOCKER, &dockerd, || engine::answers(&docker_socket()))?;
    // It has a network of its own, in which our registry is not on loopback: the image is handed over instead.
    say::status("Loading", &image::SLIM.name());
    let socket = docker_socket().display().to_string();
    let mut load = engine::docker();
    load.arg("save").arg(image::SLIM.name()).stdout(std::process::Stdio::piped());
    let mut saving = load.spawn().context("cannot start `docker save`")?;
    let mut loading = process::command("docker");
    loading.args(["--host", &format!("unix://{socket}"), "load", "--quiet"]);
    if let Some(archive) = saving.stdout.take() {
        loading.stdin(archive);
    }
    let loaded = process::read(&mut loading);
    saving.wait().context("cannot wait for `docker save`")?;
    loaded?;
    runs(process::command("docker").args(["--host", &format!("unix://{socket}")]))
}

pub(crate) fn podman_ready() -> bool {
    podman::serves(&podman_socket())
}

pub(crate) fn podman_up(bed: &Bed) -> Result<()> {
    podman::provide()?;
    prepare()?;
    podman::settings(bed)?;
    let own = folder().join("podman");
    fs::create_dir_all(&own)?;
    chown_to_user(&own)?;
    // Podman's own choice may be `vfs`, which copies the image for every container.
    let storage = own.join("storage.conf");
    fs::write(&storage, "[storage]\ndriver = \"overlay\"\n")?;
    let mut environment = podman::environment(bed);
    environment.push(format!("CONTAINERS_STORAGE_CONF={}", storage.display()));
    say::status("Starting", &format!("podman as {}", user::NAME));
    let mut service = as_user(&environment);
    service.args(["podman", "system", "service", "--time", "0"]);
    service.arg(format!("unix://{}", podman_socket().display()));
    daemon::start(bed, PODMAN, &service, || engine::answers(&podman_socket()))?;
    podman::pull(&mut as_user(&environment))?;
    runs(as_user(&environment).arg("podman"))
}

/// Ends what podman leaves running beside its service: the process that holds its namespaces.
pub(crate) fn end() {
    if Path::new("/run/user").join(user::ID).join("libpod/tmp/pause.pid").exists() {
        process::succeeds(as_user(&[]).args(["podman", "system", "migrate"]));
    }
}

/// An engine that answers may still be unable to run a container, which is found out here and not by a test.
fn runs(engine: &mut Command) -> Result<()> {
    process::read(engine.args(["run", "--rm", &image::SLIM.name(), "python", "-c", "pass"])).map(drop)
}

/// Makes what a login session and udev would have made.
fn prepare() -> Result<()> {
    if !machine::is_root() {
        bail!("starting engines as another user takes root");
    }
    let folder = folder();
    fs::create_dir_all(&folder)?;
    chown_to_user(&folder)?;
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o700))?;
    for device in ["/dev/net/tun", "/dev/fuse"] {
        if !Path::new(device).exists() {
            bail!("no device `{device}`: the kernel lacks it, or this container was started without it");
        }
        if fs::metadata(device)?.permissions().mode() & 0o666 != 0o666 {
            say::status("Opening", &format!("{device} to all users, as udev does"));
            fs::set_permissions(device, PermissionsExt::from_mode(0o666))?;
        }
    }
    Ok(())
}

fn chown_to_user(path: &Path) -> Result<()> {
    let id = user::ID.parse().context("the user's id is a number")?;
    chown(path, Some(id), Some(id))
        .with_context(|| format!("cannot give `{}` to {}", path.display(), user::NAME))
}

/// The beginning of a command that the test user runs, with the environment of a login and nothing else.
fn as_user(environment: &[String]) -> Command {
    let mut command = process::command("setpriv");
    command
        .args(["--reuid", user::ID, "--regid", user::ID, "--init-groups", "env", "-i"])
        .args([&format!("HOME=/home/{}", user::NAME), &format!("USER={}", user::NAME)])
        .arg(format!("XDG_RUNTIME_DIR={}", folder().display()))
        .arg("PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .args(environment)
        .current_dir("/");
    command
}
