//! The bytecode of an image: which of it is known, and which layers it goes into.
//!
//! That of a wheel or a standard library is an archive in the cache, whose digest is pinned. A layer of wheels has their
//! bytecode too; that of the standard library is a layer of its own, right above the base.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::{
    Bytecode, BytecodeArchive, CompiledFrom, Digest, LayerContents, LayerKey, LockedBase, LockedImage,
    Platform, PythonVersion, Scheme, pyc_path,
};

use super::layers::Made;
use super::wheels::{Chosen, PREFIX, WheelLayer, broken};
use super::{BuildError, Builder, PackageImage};

/// The cache's folder of notes on which archive something was compiled to.
const COMPILED: &str = "compiled";

/// What is to be in an image for a platform.
pub(super) type Plan<'a> = (&'a Platform, &'a LockedImage, Vec<WheelLayer>);

/// What is compiled as one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit<'a> {
    pub(super) minor: u16,
    /// None for the standard library.
    pub(super) wheel: Option<&'a Chosen>,
}

/// Units by what they are compiled from.
pub(super) type Units<'a> = BTreeMap<CompiledFrom, Unit<'a>>;

/// The bytecode of an image.
#[derive(Debug, Default)]
pub(super) struct Baked {
    /// All of it.
    pins: BTreeMap<CompiledFrom, Digest>,
    /// What the lock should have of it.
    pub(super) to_pin: BTreeMap<CompiledFrom, Digest>,
    /// What layers are to be made of.
    archives: BTreeMap<Digest, BytecodeArchive>,
}

/// The minor version of a Python whose bytecode can be baked.
pub(super) fn minor(python: &str) -> Option<u16> {
    let python: PythonVersion = python.parse().ok()?;
    python.minor().filter(|minor| python.major() == 3 && *minor >= Bytecode::OLDEST)
}

/// All that is compiled for these.
fn units<'a>(setting: Bytecode, base: &LockedBase, plans: &'a [Plan<'_>]) -> Units<'a> {
    let mut units = Units::new();
    for (_, image, layers) in plans {
        let Some(minor) = minor(&image.python) else { continue };
        let from = |of: &Digest| CompiledFrom { python: image.python.clone(), of: of.clone() };
        if setting == Bytecode::All {
            units.insert(from(&base.target.digest), Unit { minor, wheel: None });
        }
        if setting != Bytecode::None {
            let wheels = layers.iter().flat_map(|layer| &layer.wheels);
            units.extend(wheels.map(|wheel| (from(&wheel.digest), Unit { minor, wheel: Some(wheel) })));
        }
    }
    units
}

impl Builder<'_> {
    /// Sees to the bytecode of an image, and tells its layers of wheels which is theirs.
    pub(super) async fn bytecode(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        plans: &mut [Plan<'_>],
    ) -> Result<Baked, BuildError> {
        let units = units(image.settings.bytecode, base, plans);
        self.check_pins(&units)?;
        let known = self.recall(&units);
        // What a layer needs that is still to be made, or nobody has compiled yet.
        let mut needed: BTreeSet<&CompiledFrom> =
            units.keys().filter(|from| !known.contains_key(*from)).collect();
        for (_, locked, layers) in plans.iter() {
            for layer in layers {
                let all: Vec<_> = layer.compiled_from(&locked.python).collect();
                let key = layer.key_with(&locked.python, &known);
                if key.is_none_or(|key| self.known(&key, "").is_none()) {
                    needed.extend(units.keys().filter(|from| all.contains(from)));
                }
            }
        }
        for (from, unit) in units.iter().filter(|(_, unit)| unit.wheel.is_none()) {
            let key = known.get(from).map(|digest| self.library_key(image, unit.minor, digest));
            if key.is_none_or(|key| self.known(&key, "").is_none()) {
                needed.insert(from);
            }
        }
        let needed: Units<'_> = needed.into_iter().map(|from| (from.clone(), units[from])).collect();
        let had = self.archives(image, base, &needed).await?;
        let built: Vec<_> =
            units.iter().filter(|(_, unit)| !unit.is_pinned()).map(|(from, _)| from.clone()).collect();
        let mut pins = known;
        let mut archives = BTreeMap::new();
        for (from, (digest, archive)) in had {
            pins.insert(from, digest.clone());
            archives.insert(digest, archive);
        }
        for (_, locked, layers) in plans.iter_mut() {
            for layer in layers {
                layer.bake(&locked.python, &pins);
            }
        }
        let mut to_pin = pins.clone();
        to_pin.retain(|from, _| !built.contains(from));
        Ok(Baked { pins, to_pin, archives })
    }

    /// Compiles what has not been compiled yet, and says which bytecode an image has.
    pub(super) async fn pins(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        plans: &[Plan<'_>],
    ) -> Result<BTreeMap<CompiledFrom, Digest>, BuildError> {
        let mut units = units(image.settings.bytecode, base, plans);
        units.retain(|_, unit| unit.is_pinned());
        let mut pins = self.recall(&units);
        let missing: Units<'_> = units.into_iter().filter(|(from, _)| !pins.contains_key(from)).collect();
        let had = self.archives(image, base, &missing).await?;
        pins.extend(had.into_iter().map(|(from, (digest, _))| (from, digest)));
        Ok(pins)
    }

    /// Sees to it that all bytecode of an image is in the cache.
    pub(super) async fn all_archives(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        plans: &[Plan<'_>],
    ) -> Result<(), BuildError> {
        let units = units(image.settings.bytecode, base, plans);
        self.archives(image, base, &units).await.map(drop)
    }

    /// Fails where something is not pinned, and may not be.
    fn check_pins(&self, units: &Units<'_>) -> Result<(), BuildError> {
        let is_pinned = |from: &CompiledFrom| self.lock.bytecode.contains_key(from);
        match units.iter().find(|(from, unit)| self.locked && unit.is_pinned() && !is_pinned(from)) {
            Some((_, unit)) => Err(BuildError::NotPinned { what: unit.name() }),
            None => Ok(()),
        }
    }

    /// What is pinned, or was compiled before.
    fn recall(&self, units: &Units<'_>) -> BTreeMap<CompiledFrom, Digest> {
        let known = |from: &CompiledFrom| {
            let pinned = self.lock.bytecode.get(from).cloned();
            Some((from.clone(), pinned.or_else(|| self.cache.read_json(note(from)))?))
        };
        units.keys().filter_map(known).collect()
    }

    /// The archives of these, compiled where they are not kept.
    pub(super) async fn archives(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        units: &Units<'_>,
    ) -> Result<BTreeMap<CompiledFrom, (Digest, BytecodeArchive)>, BuildError> {
        let mut found = self.kept(units);
        if found.len() == units.len() {
            return Ok(found);
        }
        let wait = || self.shell.status("Blocking", "waiting for another process that compiles packages");
        let _held = self.cache.lock(COMPILED, wait).await?;
        found.extend(self.kept(units));
        let missing: Units<'_> = units
            .iter()
            .filter(|(from, _)| !found.contains_key(*from))
            .map(|(from, unit)| (from.clone(), *unit))
            .collect();
        if !missing.is_empty() {
            for (from, digest) in self.compile(image, base, &missing).await? {
                let archive = BytecodeArchive::open(self.archive_path(&digest), &digest);
                let archive = archive.map_err(|error| broken("bytecode", error))?;
                self.cache.write_json(note(&from), &digest)?;
                found.insert(from, (digest, archive));
            }
        }
        Ok(found)
    }

    /// Those that are there as they were compiled.
    fn kept(&self, units: &Units<'_>) -> BTreeMap<CompiledFrom, (Digest, BytecodeArchive)> {
        let open = |(from, digest): (CompiledFrom, Digest)| {
            let archive = BytecodeArchive::open(self.archive_path(&digest), &digest).ok()?;
            Some((from, (digest, archive)))
        };
        self.recall(units).into_iter().filter_map(open).collect()
    }

    pub(super) fn archive_path(&self, digest: &Digest) -> camino::Utf8PathBuf {
        self.cache.root().join("blobs").join(digest.algorithm().as_str()).join(digest.hex())
    }

    fn library_key(&self, image: &PackageImage, minor: u16, digest: &Digest) -> LayerKey {
        let mut key = LayerKey::new(PREFIX, &Scheme::official(minor), &self.layer_options(image, minor));
        key.add_content("bytecode of the standard library", digest);
        key
    }

    /// The layer with the bytecode of a base's standard library; none where it is not baked.
    pub(super) fn library(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        locked: &LockedImage,
        baked: &Baked,
    ) -> Result<Option<Made>, BuildError> {
        let from = CompiledFrom { python: locked.python.clone(), of: base.target.digest.clone() };
        let (Some(digest), Some(minor)) = (baked.pins.get(&from), minor(&locked.python)) else {
            return Ok(None);
        };
        let created_by = format!("bytecode: the standard library of Python {}", locked.python);
        let key = self.library_key(image, minor, digest);
        if let Some(known) = self.known(&key, &created_by) {
            return Ok(Some(known));
        }
        let mut contents = LayerContents::new();
        if let Some(archive) = baked.archives.get(digest) {
            for module in archive.modules() {
                let added = contents.add_bytecode(PREFIX, archive, module);
                added.map_err(|error| broken(&created_by, error))?;
            }
        }
        self.make(&contents, &self.layer_options(image, minor), Some(&key), &created_by).map(Some)
    }
}

impl Unit<'_> {
    /// The lock has it. What was built of sources may be another wheel on another machine.
    fn is_pinned(&self) -> bool {
        self.wheel.is_none_or(|wheel| !wheel.is_built)
    }

    pub(super) fn name(&self) -> String {
        self.wheel
            .map_or_else(|| "the standard library".to_owned(), |wheel| format!("`{}`", wheel.file.file_name))
    }
}

impl WheelLayer {
    fn compiled_from<'l>(&'l self, python: &'l str) -> impl Iterator<Item = CompiledFrom> + 'l {
        self.wheels.iter().map(|wheel| CompiledFrom { python: python.to_owned(), of: wheel.digest.clone() })
    }

    /// The key with the bytecode of its wheels, where that is known of all of them.
    fn key_with(&self, python: &str, pins: &BTreeMap<CompiledFrom, Digest>) -> Option<LayerKey> {
        let mut key = self.key.clone();
        for from in self.compiled_from(python) {
            key.add_content(&format!("bytecode of {}", from.of), pins.get(&from)?);
        }
        Some(key)
    }

    /// Takes the bytecode of its wheels, where there is some.
    fn bake(&mut self, python: &str, pins: &BTreeMap<CompiledFrom, Digest>) {
        let Some(key) = self.key_with(python, pins) else { return };
        self.key = key;
        for wheel in &mut self.wheels {
            let from = CompiledFrom { python: python.to_owned(), of: wheel.digest.clone() };
            wheel.bytecode = pins.get(&from).cloned();
        }
    }
}

impl Baked {
    /// The bytecode of a wheel's module at this path, if there is some: the archive that has it, and the bytecode's path.
    pub(super) fn of(&self, wheel: &Chosen, path: &str, minor: u16) -> Option<(&BytecodeArchive, String)> {
        let archive = self.archives.get(wheel.bytecode.as_ref()?)?;
        let path = pyc_path(path, minor)?;
        archive.module(&path)?;
        Some((archive, path))
    }

    /// Takes archives for layers of which it shows late that they have to be made.
    pub(super) fn take(&mut self, had: BTreeMap<CompiledFrom, (Digest, BytecodeArchive)>) {
        self.archives.extend(had.into_values());
    }
}

/// Where it is noted what something was compiled to.
fn note(from: &CompiledFrom) -> String {
    let text = format!("{} {PREFIX} {} {}", Bytecode::FORMAT, from.python, from.of);
    format!("{COMPILED}/{}.json", Digest::of(text.as_bytes()).hex())
}
