//! Two registries on loopback: one serving as Docker Hub's mirror, one that demands a login.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use super::bed::Bed;
use super::machine::Tool;
use super::{RECIPES, daemon, engine, machine};
use crate::http::{self, Peer, Response};
use crate::{process, say};

/// A registry: its name, where it listens, and whether it wants a login.
pub(crate) struct Registry {
    pub(crate) name: &'static str,
    pub(crate) address: &'static str,
    login: bool,
}

/// The registry official images come from: its storage in the cache is what makes a fresh machine quick.
pub(crate) const HUB: Registry = Registry { name: "registry", address: "127.0.0.1:5000", login: false };
/// The registry that wants to know who asks.
pub(crate) const LOGIN: Registry =
    Registry { name: "login-registry", address: "127.0.0.1:5001", login: true };

pub(crate) const USER: &str = "walker";
pub(crate) const PASSWORD: &str = "walk-the-snake";
/// `PASSWORD` as `htpasswd -B` writes it: good on loopback and nowhere else.
const PASSWORD_HASH: &str = "$2b$05$pyrunTestbedSaltpyrunOGJ527a3zGsNDi/lO684GtjT0QRCLzcS";
/// `USER:PASSWORD` in base64, as docker's `config.json` has it.
const AUTH: &str = "d2Fsa2VyOndhbGstdGhlLXNuYWtl";

impl Registry {
    pub(crate) fn ready(&self) -> bool {
        let wanted = if self.login { 401 } else { 200 };
        self.get("/v2/", &[]).is_ok_and(|answer| answer.status == wanted)
    }

    pub(crate) fn up(&self, bed: &Bed) -> Result<()> {
        if self.ready() {
            return Ok(());
        }
        if let Ok(answer) = self.get("/v2/", &[]) {
            bail!("`{}` is taken by something that answers {}: free the port", self.address, answer.status);
        }
        machine::provide(&[Tool { program: "docker-registry", package: "docker-registry" }])?;
        say::status("Starting", &format!("the {} at {}", self.name, self.address));
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(self.settings(bed)?);
        daemon::start(bed, self.name, &command, || self.ready())
    }

    fn settings(&self, bed: &Bed) -> Result<PathBuf> {
        let storage = bed.cached(&format!("{}-{RECIPES}", self.name))?;
        fs::create_dir_all(&storage)?;
        let mut text = format!(
            "version: 0.1\nlog: {{level: warn}}\n\
             storage: {{filesystem: {{rootdirectory: '{}'}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '{}'}}\n",
            storage.display(),
            self.address
        );
        if self.login {
            let passwords = bed.run("htpasswd");
            fs::write(&passwords, format!("{USER}:{PASSWORD_HASH}\n"))?;
            writeln!(text, "auth: {{htpasswd: {{realm: testbed, path: '{}'}}}}", passwords.display())?;
        }
        let file = bed.run(&format!("{}.yml", self.name));
        fs::write(&file, text)?;
        Ok(file)
    }

    /// Whether the registry's storage has a tag, also while the registry is down.
    pub(crate) fn stores(&self, bed: &Bed, repository: &str, tag: &str) -> Result<bool> {
        Ok(self.tag_folder(bed, repository, tag)?.exists())
    }

    /// Removes a tag, but not what it names.
    pub(crate) fn forget(&self, bed: &Bed, repository: &str, tag: &str) -> Result<()> {
        Ok(fs::remove_dir_all(self.tag_folder(bed, repository, tag)?)?)
    }

    fn tag_folder(&self, bed: &Bed, repository: &str, tag: &str) -> Result<PathBuf> {
        let repositories = format!("{}-{RECIPES}/docker/registry/v2/repositories", self.name);
        Ok(bed.cached(&repositories)?.join(repository).join("_manifests/tags").join(tag))
    }

    pub(crate) fn get(&self, path: &str, accept: &[&str]) -> Result<Response> {
        http::get(Peer::Tcp(self.address), path, accept)
    }

    /// Pushes an image of the engine under another name.
    pub(crate) fn push(&self, image: &str, name: &str) -> Result<()> {
        let target = format!("{}/{name}", self.address);
        process::read(engine::docker().args(["tag", image, &target]))?;
        let pushed = process::read(engine::docker().args(["push", "--quiet", &target]));
        process::succeeds(engine::docker().args(["rmi", &target]));
        pushed.map(drop)
    }
}

pub(crate) const LOGIN_REPOSITORY: &str = "private/python";

/// Brings the registry with a login up, and an image into it that only who logs in can have.
pub(crate) fn login_up(bed: &Bed) -> Result<()> {
    LOGIN.up(bed)?;
    if LOGIN.stores(bed, LOGIN_REPOSITORY, "3.13-slim")? {
        return Ok(());
    }
    let client = bed.run("login-client");
    fs::create_dir_all(&client)?;
    fs::write(
        client.join("config.json"),
        format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{AUTH}\"}}}}}}\n", LOGIN.address),
    )?;
    let target = format!("{}/{LOGIN_REPOSITORY}:3.13-slim", LOGIN.address);
    process::read(engine::docker().args(["tag", "python:3.13-slim", &target]))?;
    say::status("Pushing", &target);
    let pushed =
        process::read(engine::docker().arg("--config").arg(&client).args(["push", "--quiet", &target]));
    // The tests start without it, and pull it.
    process::succeeds(engine::docker().args(["rmi", &target]));
    pushed.map(drop).context("cannot push to the registry that demands a login")
}
