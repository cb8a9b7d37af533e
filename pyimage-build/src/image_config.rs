//! The configuration of an image: what a container of it starts with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use crate::{DescribedPlatform, Digest, DocumentError, Platform};

/// An OCI [image configuration], as far as Python images are made of it; Docker's has the same shape.
///
/// ```
/// use pyimage_build::ImageConfig;
///
/// let config = ImageConfig::parse(
///     br#"{"os": "linux", "architecture": "amd64",
///          "config": {"Env": ["PATH=/usr/local/bin:/usr/bin", "PYTHON_VERSION=3.13.5"], "Cmd": ["python3"]},
///          "rootfs": {"type": "layers", "diff_ids": []}}"#,
/// )?;
/// assert_eq!(config.variable("PYTHON_VERSION"), Some("3.13.5"));
/// assert_eq!(config.cmd, ["python3"]);
/// # Ok::<(), pyimage_build::DocumentError>(())
/// ```
///
/// [image configuration]: https://github.com/opencontainers/image-spec/blob/main/config.md
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageConfig {
    /// What the image runs on.
    pub platform: Platform,
    /// The environment, as `NAME=VALUE`, in order.
    pub env: Vec<String>,
    /// The entry point; mostly none.
    pub entrypoint: Vec<String>,
    /// The command, or the entry point's default arguments.
    pub cmd: Vec<String>,
    /// The user; empty for root.
    pub user: String,
    /// The working directory; empty for `/`.
    pub working_dir: String,
    /// The signal that ends a container, where it is not `SIGTERM`.
    pub stop_signal: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The ports that it listens on, as `8000/tcp`.
    pub exposed_ports: BTreeSet<String>,
    /// The folders that engines keep apart from a container.
    pub volumes: BTreeSet<String>,
    /// When it was made, as it says.
    pub created: Option<String>,
    /// The digests of the layers' contents, uncompressed, the lowest first.
    pub diff_ids: Vec<Digest>,
    /// What each step of the build was, the first first.
    pub history: Vec<String>,
    /// The steps of the history that made a layer, for each of the [`diff_ids`](Self::diff_ids); none where the history
    /// tells of another number.
    pub layer_steps: Vec<String>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(flatten)]
    platform: DescribedPlatform,
    #[serde(default)]
    config: Option<WireConfig>,
    rootfs: WireRootfs,
    #[serde(default)]
    history: Option<Vec<WireHistory>>,
    #[serde(default)]
    created: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct WireConfig {
    #[serde(deserialize_with = "or_null")]
    env: Vec<String>,
    #[serde(deserialize_with = "or_null")]
    entrypoint: Vec<String>,
    #[serde(deserialize_with = "or_null")]
    cmd: Vec<String>,
    #[serde(deserialize_with = "or_null")]
    user: String,
    #[serde(deserialize_with = "or_null")]
    working_dir: String,
    stop_signal: Option<String>,
    #[serde(deserialize_with = "or_null")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "names")]
    exposed_ports: BTreeSet<String>,
    #[serde(deserialize_with = "names")]
    volumes: BTreeSet<String>,
}

#[derive(Deserialize)]
struct WireRootfs {
    #[serde(default, deserialize_with = "or_null")]
    diff_ids: Vec<Digest>,
}

#[derive(Deserialize)]
struct WireHistory {
    #[serde(default)]
    created_by: Option<String>,
    #[serde(default)]
    empty_layer: bool,
}

/// Sets are tables whose values mean nothing.
fn names<'de, D: Deserializer<'de>>(value: D) -> Result<BTreeSet<String>, D::Error> {
    let table: Option<serde_json::Map<String, serde_json::Value>> = Option::deserialize(value)?;
    Ok(table.into_iter().flatten().map(|(name, _)| name).collect())
}

/// Docker writes `null` for lists that are empty.
fn or_null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

impl ImageConfig {
    /// Reads the JSON of a configuration.
    ///
    /// ```
    /// # use pyimage_build::ImageConfig;
    /// let config = ImageConfig::parse(br#"{"os": "linux", "architecture": "arm64", "rootfs": {"diff_ids": []}}"#)?;
    /// assert_eq!(config.platform.to_string(), "linux/arm64");
    /// # Ok::<(), pyimage_build::DocumentError>(())
    /// ```
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|source| DocumentError::Malformed {
            document: "configuration",
            expected: "an image's configuration",
            source,
        })?;
        let WireConfig {
            env,
            entrypoint,
            cmd,
            user,
            working_dir,
            stop_signal,
            labels,
            exposed_ports,
            volumes,
        } = wire.config.unwrap_or_default();
        let history = wire.history.unwrap_or_default();
        let of_layers = history.iter().filter(|step| !step.empty_layer);
        let mut layer_steps: Vec<_> =
            of_layers.map(|step| step.created_by.clone().unwrap_or_default()).collect();
        if layer_steps.len() != wire.rootfs.diff_ids.len() {
            layer_steps.clear();
        }
        Ok(Self {
            platform: wire.platform.platform,
            env,
            entrypoint,
            cmd,
            user,
            working_dir,
            stop_signal,
            labels,
            exposed_ports,
            volumes,
            created: wire.created,
            diff_ids: wire.rootfs.diff_ids,
            history: history.into_iter().map(|step| step.created_by.unwrap_or_default()).collect(),
            layer_steps,
        })
    }

    /// The value of an environment variable.
    ///
    /// ```
    /// # use pyimage_build::ImageConfig;
    /// let config = ImageConfig::parse(br#"{"os": "linux", "architecture": "arm64", "rootfs": {}}"#)?;
    /// assert_eq!(config.variable("PATH"), None);
    /// # Ok::<(), pyimage_build::DocumentError>(())
    /// ```
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().rev().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}
