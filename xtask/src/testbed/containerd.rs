//! A newer Docker Engine beside the first, which has containerd keep its images.
//!
//! It sees the machine as the first one does, but for `/usr`: that of a Debian release with a newer engine takes its
//! place in a mount namespace. So folders are mounted by their own paths, and the registries on loopback are near.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use fs_err as fs;

use super::bed::Bed;
use super::machine::Tool;
use super::{RECIPES, daemon, engine, image, machine, recipe, registry};
use crate::http::{self, Peer};
use crate::{process, say};

pub(crate) const NAME: &str = "containerd-store";

const RECIPE: &str =
    concat!(include_str!("../../recipes/chroot.sh"), include_str!("../../recipes/engine.sh"));
const SUITE: &str = "trixie";
const PACKAGES: &str = "docker.io containerd runc iptables";

/// A bridge of its own: with none at all it would remove the first engine's.
const BRIDGE: &str = "pyrun-testbed";
const SUBNET: &str = "172.31.213.1/24";

/// Mounts the other `/usr`, and becomes the engine.
const ENTER: &str = "mount --make-rprivate / && mount --bind \"$0\" /usr && hash -r && exec \"$@\"";

pub(crate) fn socket(bed: &Bed) -> PathBuf {
    bed.run("containerd.sock")
}

/// Up is what answers and has the image.
pub(crate) fn ready(bed: &Bed) -> bool {
    http::get(Peer::Unix(&socket(bed)), &format!("/images/{}/json", image::SLIM.name()), &[])
        .is_ok_and(|answer| answer.status == 200)
}

pub(crate) fn up(bed: &Bed) -> Result<()> {
    if !machine::is_root() {
        bail!("starting a second engine takes root");
    }
    machine::provide(&[Tool { program: "ip", package: "iproute2" }])?;
    let usr = usr(bed)?;
    bridge()?;
    say::status("Starting", "a newer Docker Engine with containerd's image store");
    daemon::start(bed, NAME, &command(bed, &usr)?, || engine::answers(&socket(bed)))?;
    let docker = || {
        let mut docker = process::command("docker");
        docker.args(["--host", &format!("unix://{}", socket(bed).display())]);
        docker
    };
    let store = process::read(docker().args(["info", "--format", "{{json .DriverStatus}}"]))?;
    if !store.contains("io.containerd.snapshotter") {
        bail!("the engine keeps images by itself: {store}");
    }
    say::status("Pulling", &format!("{} with it", image::SLIM.name()));
    process::read(docker().args(["pull", "--quiet", &image::SLIM.name()]))?;
    // An engine that answers may still be unable to run a container, which is found out here and not by a test.
    process::read(docker().args(["run", "--rm", &image::SLIM.name(), "python", "-c", "pass"])).map(drop)
}

/// Removes what the engine leaves behind.
pub(crate) fn end() {
    process::succeeds(process::command("ip").args(["link", "delete", BRIDGE]));
}

/// The other release's `/usr`, made once.
fn usr(bed: &Bed) -> Result<PathBuf> {
    let usr = bed.cached(&format!("engine-{RECIPES}/{SUITE}/usr"))?;
    if !usr.exists() {
        let mut script = recipe::script(bed, RECIPE, SUITE)?;
        script
            .env("BASE", recipe::base(bed, SUITE, "amd64")?)
            .env("CHROOT", bed.cached("work/engine")?)
            .env("SOURCE_SUITES", "")
            .env("PACKAGES", PACKAGES)
            .env("OUT", &usr);
        recipe::timed("a newer Docker Engine (half a minute)", &mut script, &bed.log("engine"))?;
    }
    Ok(usr)
}

fn bridge() -> Result<()> {
    if process::succeeds(process::command("ip").args(["link", "show", BRIDGE])) {
        return Ok(());
    }
    process::read(process::command("ip").args(["link", "add", BRIDGE, "type", "bridge"]))?;
    process::read(process::command("ip").args(["address", "add", SUBNET, "dev", BRIDGE]))?;
    process::read(process::command("ip").args(["link", "set", BRIDGE, "up"])).map(drop)
}

fn command(bed: &Bed, usr: &std::path::Path) -> Result<Command> {
    let settings = bed.run("containerd.json");
    fs::write(&settings, "{\"features\": {\"containerd-snapshotter\": true}}\n")?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", ENTER]).arg(usr).arg("dockerd");
    command.arg("--config-file").arg(settings);
    command.arg("--host").arg(format!("unix://{}", socket(bed).display()));
    command.arg("--data-root").arg(bed.cached(&format!("engine-{RECIPES}/data"))?);
    command.arg("--exec-root").arg(bed.run("containerd"));
    command.arg("--pidfile").arg(bed.run("containerd-engine.pid"));
    command.args(["--registry-mirror", &format!("http://{}", registry::HUB.address)]);
    // The machine's packet filter is the first engine's. Containers have no way out of the machine, then.
    command.args(["--bridge", BRIDGE, "--iptables=false", "--ip6tables=false", "--ip-masq=false"]);
    Ok(command)
}
