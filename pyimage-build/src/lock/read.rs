//! Reading a lock.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::write;
use super::{CompiledFrom, Lock, LockError, LockedApt, LockedBase, LockedImage, LockedLayer, Pin};
use crate::{BaseFacts, Digest, Layer, MediaType, Platform, Reference, Suite};

#[derive(Deserialize)]
struct Head {
    version: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "version")]
    _version: u64,
    #[serde(default)]
    base: Vec<WireBase>,
    #[serde(default)]
    bytecode: Vec<WireBytecode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBytecode {
    python: String,
    of: Digest,
    digest: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBase {
    #[serde(deserialize_with = "parsed")]
    reference: Reference,
    target: WirePin,
    #[serde(default)]
    image: Vec<WireImage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireImage {
    #[serde(deserialize_with = "parsed")]
    platform: Platform,
    checksum: Digest,
    manifest: WirePin,
    config: WirePin,
    python: String,
    #[serde(default)]
    suite: Option<String>,
    /// For people: it follows from the suite.
    #[serde(default, rename = "libc")]
    _libc: Option<String>,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    entrypoint: Vec<String>,
    #[serde(default)]
    cmd: Vec<String>,
    #[serde(default)]
    user: String,
    #[serde(default)]
    working_dir: String,
    #[serde(default)]
    stop_signal: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    layers: Vec<WireLayer>,
    #[serde(default)]
    facts: Option<BaseFacts>,
    #[serde(default)]
    apt: Vec<WireApt>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireApt {
    packages: Vec<String>,
    installed: Vec<String>,
    layer: Layer,
    #[serde(default)]
    libraries: BTreeSet<String>,
    #[serde(default)]
    passwd: Vec<String>,
    #[serde(default)]
    group: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WirePin {
    digest: Digest,
    size: u64,
    media_type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireLayer {
    digest: Digest,
    size: u64,
    media_type: String,
    diff_id: Digest,
}

fn parsed<'de, D, T>(text: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    String::deserialize(text)?.parse().map_err(serde::de::Error::custom)
}

pub(super) fn lock(text: &str) -> Result<Lock, LockError> {
    let marker = |line: &str| ["<<<<<<< ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker));
    if let Some(line) = text.lines().position(marker) {
        return Err(LockError::Conflict { line: line + 1 });
    }
    let toml = |error| LockError::Toml(Box::new(error));
    // The version decides whether the rest means what it seems to mean.
    match toml::from_str::<Head>(text).map_err(toml)?.version {
        None => return Err(LockError::NoVersion),
        Some(version) if version > u64::from(Lock::VERSION) => return Err(LockError::Newer { version }),
        Some(0) => return Err(LockError::Inconsistent("there is no version 0".to_owned())),
        Some(_) => {}
    }
    let wire: Wire = toml::from_str(text).map_err(toml)?;
    let mut lock = Lock::default();
    for base in wire.base {
        let WireBase { reference, target, image } = base;
        let (name, target) = (reference.familiar(), pin(target));
        let mut images = BTreeMap::new();
        for wire in image {
            let (platform, checksum) = (wire.platform.clone(), wire.checksum.clone());
            let image = locked_image(wire)?;
            if write::checksum(&reference, &target, &platform, &image) != checksum {
                return Err(LockError::Checksum { base: name, platform });
            }
            if images.insert(platform.clone(), image).is_some() {
                return Err(twice(&format!("{platform} of `{name}`")));
            }
        }
        let locked = LockedBase { target, images };
        if lock.bases.insert(reference, locked).is_some() {
            return Err(twice(&format!("`{name}`")));
        }
    }
    for WireBytecode { python, of, digest } in wire.bytecode {
        let what = format!("the bytecode of {of} for Python {python}");
        if lock.bytecode.insert(CompiledFrom { python, of }, digest).is_some() {
            return Err(twice(&what));
        }
    }
    Ok(lock)
}

fn twice(what: &str) -> LockError {
    LockError::Inconsistent(format!("{what} is locked twice"))
}

fn pin(wire: WirePin) -> Pin {
    let WirePin { digest, size, media_type } = wire;
    Pin { digest, size, media_type: MediaType::from(media_type.as_str()) }
}

fn locked_apt(wire: WireApt) -> LockedApt {
    let WireApt { packages, installed, layer, libraries, passwd, group } = wire;
    LockedApt { packages, installed, layer, facts: BaseFacts { libraries, passwd, group } }
}

fn locked_image(wire: WireImage) -> Result<LockedImage, LockError> {
    let WireImage {
        platform: _,
        checksum: _,
        manifest,
        config,
        python,
        suite,
        _libc,
        env,
        entrypoint,
        cmd,
        user,
        working_dir,
        stop_signal,
        labels,
        layers,
        facts,
        apt,
    } = wire;
    let unknown = |suite: &str| LockError::Inconsistent(format!("`{suite}` is no release of a distribution"));
    let suite = suite.map(|text| Suite::from_name(&text).ok_or_else(|| unknown(&text))).transpose()?;
    let layers = layers.into_iter().map(|layer| {
        let WireLayer { digest, size, media_type, diff_id } = layer;
        LockedLayer { blob: pin(WirePin { digest, size, media_type }), diff_id }
    });
    Ok(LockedImage {
        manifest: pin(manifest),
        config: pin(config),
        python,
        suite,
        env,
        entrypoint,
        cmd,
        user,
        working_dir,
        stop_signal,
        labels,
        layers: layers.collect(),
        facts,
        apt: apt.into_iter().map(locked_apt).collect(),
    })
}
