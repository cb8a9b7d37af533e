//! Reading a lock.

use std::collections::BTreeMap;

use super::fields::Fields;
use super::write;
use super::{CompiledFrom, Lock, LockError, LockedApt, LockedBase, LockedImage, LockedLayer, Pin};
use crate::toml_document::TomlTable;
use crate::{BaseFacts, Layer, LayerCompression, MediaType, Platform, Reference, Suite};

const BASE: &[&str] = &["reference", "target", "image"];
const BYTECODE: &[&str] = &["python", "of", "digest"];
const PIN: &[&str] = &["digest", "size", "media-type"];
const LAYER: &[&str] = &["digest", "size", "media-type", "diff-id"];
const FACTS: &[&str] = &["libraries", "passwd", "group"];
const APT: &[&str] = &["packages", "installed", "layer", "libraries", "passwd", "group"];
const APT_LAYER: &[&str] = &["digest", "size", "diff_id", "unpacked", "files"];
const IMAGE: &[&str] = &[
    "platform",
    "checksum",
    "manifest",
    "config",
    "python",
    "suite",
    // For people: it follows from the suite.
    "libc",
    "env",
    "entrypoint",
    "cmd",
    "user",
    "working-dir",
    "stop-signal",
    "labels",
    "layers",
    "facts",
    "apt",
];

pub(super) fn lock(text: &str) -> Result<Lock, LockError> {
    let marker = |line: &str| ["<<<<<<< ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker));
    if let Some(line) = text.lines().position(marker) {
        return Err(LockError::Conflict { line: line + 1 });
    }
    let document = TomlTable::parse(text).map_err(LockError::Toml)?;
    let all = Fields::of_document(text, &document);
    // The version decides whether the rest means what it seems to mean.
    match all.optional("version", Fields::number)? {
        None => return Err(LockError::NoVersion),
        Some(version) if version > u64::from(Lock::VERSION) => return Err(LockError::Newer { version }),
        Some(0) => return Err(LockError::Inconsistent("there is no version 0".to_owned())),
        Some(_) => all.only(&["version", "base", "bytecode"])?,
    }
    let mut lock = Lock::default();
    for base in all.tables("base", BASE)? {
        let (reference, target) = (base.parsed::<Reference>("reference")?, base.pin("target")?);
        let name = reference.familiar();
        let mut images = BTreeMap::new();
        for fields in base.tables("image", IMAGE)? {
            let (platform, checksum) = (fields.parsed::<Platform>("platform")?, fields.parsed("checksum")?);
            let image = image(&fields)?;
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
    for fields in all.tables("bytecode", BYTECODE)? {
        let from = CompiledFrom { python: fields.text("python")?, of: fields.parsed("of")? };
        let what = format!("the bytecode of {} for Python {}", from.of, from.python);
        if lock.bytecode.insert(from, fields.parsed("digest")?).is_some() {
            return Err(twice(&what));
        }
    }
    Ok(lock)
}

fn twice(what: &str) -> LockError {
    LockError::Inconsistent(format!("{what} is locked twice"))
}

fn image(fields: &Fields<'_>) -> Result<LockedImage, LockError> {
    let suite = fields.optional_text("suite")?.map(|text| match Suite::from_name(&text) {
        Some(suite) => Ok(suite),
        None => Err(LockError::Inconsistent(format!("`{text}` is no release of a distribution"))),
    });
    let layers = fields.tables("layers", LAYER)?;
    let layers = layers
        .iter()
        .map(|layer| Ok(LockedLayer { blob: layer.as_pin()?, diff_id: layer.parsed("diff-id")? }));
    Ok(LockedImage {
        manifest: fields.pin("manifest")?,
        config: fields.pin("config")?,
        python: fields.text("python")?,
        suite: suite.transpose()?,
        env: fields.texts("env")?,
        entrypoint: fields.texts("entrypoint")?,
        cmd: fields.texts("cmd")?,
        user: fields.optional_text("user")?.unwrap_or_default(),
        working_dir: fields.optional_text("working-dir")?.unwrap_or_default(),
        stop_signal: fields.optional_text("stop-signal")?,
        labels: fields.pairs("labels")?,
        layers: layers.collect::<Result<_, LockError>>()?,
        facts: fields.table("facts", FACTS)?.map(|fields| facts(&fields)).transpose()?,
        apt: fields.tables("apt", APT)?.iter().map(apt).collect::<Result<_, _>>()?,
    })
}

fn facts(fields: &Fields<'_>) -> Result<BaseFacts, LockError> {
    Ok(BaseFacts {
        libraries: fields.texts("libraries")?.into_iter().collect(),
        passwd: fields.texts("passwd")?,
        group: fields.texts("group")?,
    })
}

fn apt(fields: &Fields<'_>) -> Result<LockedApt, LockError> {
    let layer = fields.needed("layer", |fields, value| fields.inner(value, APT_LAYER))?;
    Ok(LockedApt {
        packages: fields.texts("packages")?,
        installed: fields.texts("installed")?,
        layer: Layer {
            digest: layer.parsed("digest")?,
            size: layer.needed("size", Fields::number)?,
            diff_id: layer.parsed("diff_id")?,
            unpacked: layer.needed("unpacked", Fields::number)?,
            files: layer.needed("files", Fields::number)?,
            compression: LayerCompression::default(),
        },
        facts: facts(fields)?,
    })
}

impl Fields<'_> {
    fn pin(&self, key: &str) -> Result<Pin, LockError> {
        self.needed(key, |fields, value| fields.inner(value, PIN))?.as_pin()
    }

    fn as_pin(&self) -> Result<Pin, LockError> {
        Ok(Pin {
            digest: self.parsed("digest")?,
            size: self.needed("size", Fields::number)?,
            media_type: MediaType::from(self.text("media-type")?.as_str()),
        })
    }
}
