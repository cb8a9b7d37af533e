//! A user without rights, as most people are.

use std::path::Path;

use anyhow::{Result, bail};
use fs_err as fs;

use super::machine;
use crate::{process, say};

pub(crate) const NAME: &str = "pyrun-test";
pub(crate) const ID: &str = "4242";

pub(crate) fn ready() -> bool {
    process::read(process::command("id").args(["-u", NAME])).is_ok_and(|id| id == ID)
        && ["/etc/subuid", "/etc/subgid"].iter().all(|file| has_range(file))
}

/// Makes the user, a member of `docker`, with identities to map for engines without root.
pub(crate) fn up() -> Result<()> {
    if !machine::is_root() {
        bail!("making a user takes root");
    }
    if !process::succeeds(process::command("id").arg(NAME)) {
        say::status("Making", &format!("the user {NAME}"));
        process::read(process::command("groupadd").args(["--force", "--system", "docker"]))?;
        process::read(process::command("groupadd").args(["--gid", ID, NAME]))?;
        let mut useradd = process::command("useradd");
        useradd.args([
            "--uid",
            ID,
            "--gid",
            ID,
            "--groups",
            "docker",
            "--create-home",
            "--shell",
            "/bin/bash",
            NAME,
        ]);
        process::read(&mut useradd)?;
    }
    for file in ["/etc/subuid", "/etc/subgid"] {
        if !has_range(file) {
            let ranges = fs::read_to_string(file).unwrap_or_default();
            fs::write(file, format!("{ranges}{NAME}:4242000000:65536\n"))?;
        }
    }
    Ok(())
}

fn has_range(file: &str) -> bool {
    fs::read_to_string(Path::new(file))
        .is_ok_and(|ranges| ranges.lines().any(|line| line.split(':').next() == Some(NAME)))
}
