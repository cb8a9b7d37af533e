//! Settings: what a project, its workspace and the environment say about how scripts run.
//!
//! The first level that says something wins: flag, `PYRUN_*` in the environment, named script,
//! `[package.metadata.pyrun]`, `[workspace.metadata.pyrun]`, default. [`Settings::merge`] puts one level over
//! another.
//!
//! | key             | variable              | value |
//! |-----------------|-----------------------|-------|
//! | `tag`           | `PYRUN_TAG`           | a tag of the official python image |
//! | `image`         | `PYRUN_IMAGE`         | an image reference, instead of `tag` |
//! | `python`        | `PYRUN_PYTHON`        | the interpreter's path in the image, or `system` |
//! | `workdir`       | `PYRUN_WORKDIR`       | the working directory in the container |
//! | `mount`         | `PYRUN_MOUNT`         | where `$PWD` is mounted in the container |
//! | `user`          | `PYRUN_USER`          | `UID[:GID]` or a name |
//! | `platform`      | `PYRUN_PLATFORM`      | as in `linux/arm64` |
//! | `pull`          | `PYRUN_PULL`          | `always`, `missing` or `never` |
//! | `network`       | `PYRUN_NETWORK`       | a network of the engine |
//! | `memory`        | `PYRUN_MEMORY`        | a limit, as in `"512m"` or a number of bytes |
//! | `cpus`          | `PYRUN_CPUS`          | a number of CPUs, as in `1.5` |
//! | `read-only`     | `PYRUN_READ_ONLY`     | `true` for a read-only root file system |
//! | `gpus`          | `PYRUN_GPUS`          | as in `"all"` or a number |
//! | `entrypoint`    | `PYRUN_ENTRYPOINT`    | an executable in the image |
//! | `engine`        | `PYRUN_ENGINE`        | the container engine |
//! | `docker-socket` | `PYRUN_DOCKER_SOCKET` | `true` to give the script the engine's socket |
//! | `build-tag`     | `PYRUN_BUILD_TAG`     | the official tag in which packages without a wheel are built |
//! | `env-file`      | `PYRUN_ENV_FILE`      | files of variables (one in the environment) |
//! | `env`           |                       | a table of variables |
//! | `volumes`       |                       | a list of `SOURCE:TARGET[:OPTIONS]` |
//! | `with`          |                       | a list of requirements, as `rich>=13` |
//! | `requirements`  |                       | a list of files that ask for packages |
//! | `groups`        | `PYRUN_GROUPS`        | a list of dependency groups (with commas in the environment) |
//! | `extras`        | `PYRUN_EXTRAS`        | a list of extras of the project (with commas in the environment) |
//! | `publish`       |                       | a list of `[[IP:]HOST-PORT:]PORT[/PROTOCOL]` |
//! | `scripts`       |                       | a table of named scripts |
//!
//! In a manifest, `env-file`, `requirements` and the source of a volume that starts with `.` are relative to its folder.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use crate::env_file::{self, EnvFileError};

mod error;
pub mod manifest;
mod project;
mod script;
mod table;

pub use error::{CargoFailure, Place, SettingsError};
pub use project::Project;
pub use script::{NamedScript, Program};

/// One level of settings; what a level does not mention is left to the levels below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// A tag of the official python image.
    pub tag: Option<String>,
    /// An image reference; at one level, either this or a tag.
    pub image: Option<String>,
    /// The interpreter's path in the image, or `system`.
    pub python: Option<String>,
    /// The working directory in the container.
    pub workdir: Option<String>,
    /// Where the host's working directory is mounted in the container (`mount`).
    pub mount_at: Option<String>,
    /// Who runs the script.
    pub user: Option<String>,
    /// The platform of the image.
    pub platform: Option<String>,
    /// When to pull the image: `always`, `missing` or `never`.
    pub pull: Option<String>,
    /// The network of the container.
    pub network: Option<String>,
    /// The memory limit.
    pub memory: Option<String>,
    /// The number of CPUs.
    pub cpus: Option<String>,
    /// Whether the root file system is read-only.
    pub read_only: Option<bool>,
    /// The GPUs given to the container.
    pub gpus: Option<String>,
    /// What is started instead of the interpreter.
    pub entrypoint: Option<String>,
    /// The container engine.
    pub engine: Option<String>,
    /// Whether the script may drive the engine.
    pub docker_socket: Option<bool>,
    /// The official tag in which packages are built.
    pub build_tag: Option<String>,
    /// Where variables come from (`env-file`, then `env`); the later source wins.
    pub env: Vec<EnvSource>,
    /// Mounts beside that of the working directory (`volumes`).
    pub volumes: Vec<String>,
    /// Published ports.
    pub publish: Vec<String>,
    /// Requirements, each on its own.
    pub with: Vec<String>,
    /// Files that ask for packages.
    pub requirements: Vec<Utf8PathBuf>,
    /// Dependency groups of the project.
    pub groups: Vec<String>,
    /// Extras of the project.
    pub extras: Vec<String>,
}

/// Where environment variables come from.
///
/// Files stay in the list until the run: read any earlier, a missing one would also break `--list`; kept apart
/// from the variables, a file named by a flag could not win over a variable set by a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvSource {
    /// The variables of a file in docker's format.
    File(Utf8PathBuf),
    /// One variable; without a value, the host's.
    Variable(String, Option<String>),
}

impl Settings {
    /// What the `PYRUN_*` variables say.
    pub fn from_env() -> Result<Self, SettingsError> {
        table::environment(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Puts one level over another.
    ///
    /// A value of `over` wins, and a tag or an image there replaces either of `under`. Lists are joined, those
    /// of `under` first, so that a flag adds to what the project needs; a volume of `over` takes the place of
    /// the one of `under` with the same target.
    #[must_use]
    pub fn merge(over: Self, under: Self) -> Self {
        let (tag, image) = if over.tag.is_some() || over.image.is_some() {
            (over.tag, over.image)
        } else {
            (under.tag, under.image)
        };
        let mut volumes = under.volumes;
        volumes
            .retain(|volume| !over.volumes.iter().any(|other| volume_target(other) == volume_target(volume)));
        Self {
            tag,
            image,
            python: over.python.or(under.python),
            workdir: over.workdir.or(under.workdir),
            mount_at: over.mount_at.or(under.mount_at),
            user: over.user.or(under.user),
            platform: over.platform.or(under.platform),
            pull: over.pull.or(under.pull),
            network: over.network.or(under.network),
            memory: over.memory.or(under.memory),
            cpus: over.cpus.or(under.cpus),
            read_only: over.read_only.or(under.read_only),
            gpus: over.gpus.or(under.gpus),
            entrypoint: over.entrypoint.or(under.entrypoint),
            engine: over.engine.or(under.engine),
            docker_socket: over.docker_socket.or(under.docker_socket),
            build_tag: over.build_tag.or(under.build_tag),
            env: joined(under.env, over.env),
            volumes: joined(volumes, over.volumes),
            publish: joined(under.publish, over.publish),
            with: joined(under.with, over.with),
            requirements: joined(under.requirements, over.requirements),
            groups: joined(under.groups, over.groups),
            extras: joined(under.extras, over.extras),
        }
    }

    /// The variables for the container, files read and host values looked up.
    ///
    /// As in docker, a bare name whose variable `host` does not have is skipped in a file, and otherwise stays
    /// bare (`None`), which takes the image's own variable of this name away.
    pub fn environment(
        &self,
        host: &dyn Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, Option<String>>, EnvFileError> {
        let mut variables = BTreeMap::new();
        for source in &self.env {
            match source {
                EnvSource::Variable(key, value) => {
                    variables.insert(key.clone(), value.clone().or_else(|| host(key)));
                }
                EnvSource::File(file) => {
                    let read = env_file::read(file)?.into_iter();
                    variables.extend(read.filter_map(|(key, value)| {
                        let value = value.or_else(|| host(&key))?;
                        Some((key, Some(value)))
                    }));
                }
            }
        }
        Ok(variables)
    }
}

/// One list after the other, without saying twice what both say.
fn joined<T: PartialEq>(mut under: Vec<T>, over: Vec<T>) -> Vec<T> {
    under.retain(|entry| !over.contains(entry));
    under.extend(over);
    under
}

/// The path in the container: the last part that is absolute, since options follow it.
fn volume_target(volume: &str) -> &str {
    volume.rsplit(':').find(|part| part.starts_with('/')).map_or(volume, |part| {
        match part.trim_end_matches('/') {
            "" => part,
            target => target,
        }
    })
}

#[cfg(test)]
mod tests;
