//! The bytecode of an image: which of it is known, and which layers it goes into.
//!
//! That of a wheel or a standard library is an archive in the cache, whose digest is pinned. A layer of wheels has their
//! bytecode too; that of the standard library is a layer of its own, right above the base.

use std::collections::{BTreeMap, BTreeSet};

use super::{Assembly, AssemblyError, ChosenWheel, MadeLayer, PREFIX, PlatformPlan, WheelLayer};
use crate::{
    Bytecode, BytecodeArchive, CacheError, CompiledFrom, Digest, LayerContents, LayerKey, LockedBase,
    LockedImage, PackageImage, PythonVersion, Scheme, pyc_path,
};

/// The cache's folder of notes on which archive something was compiled to.
const COMPILED: &str = "compiled";

/// What is compiled as one.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    pub minor: u16,
    /// None for the standard library.
    pub wheel: Option<&'a ChosenWheel>,
}

/// Units by what they are compiled from.
#[doc(hidden)]
pub type Units<'a> = BTreeMap<CompiledFrom, Unit<'a>>;

/// Archives of bytecode, with their digests, by what they were compiled from.
pub(super) type Archives = BTreeMap<CompiledFrom, (Digest, BytecodeArchive)>;

/// The bytecode of an image.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Baked {
    /// All of it.
    pins: BTreeMap<CompiledFrom, Digest>,
    /// What the lock should have of it.
    pub to_pin: BTreeMap<CompiledFrom, Digest>,
    /// What layers are to be made of.
    archives: BTreeMap<Digest, BytecodeArchive>,
}

/// The minor version of a Python whose bytecode can be baked.
#[doc(hidden)]
#[must_use]
pub fn bytecode_minor(python: &str) -> Option<u16> {
    let python: PythonVersion = python.parse().ok()?;
    python.minor().filter(|minor| python.major() == 3 && *minor >= Bytecode::OLDEST)
}

#[doc(hidden)]
impl Assembly<'_> {
    /// All that is compiled for these.
    #[must_use]
    pub fn units<'p>(image: &PackageImage, base: &LockedBase, plans: &'p [PlatformPlan<'_>]) -> Units<'p> {
        let setting = image.settings.bytecode;
        let mut units = Units::new();
        for (_, image, layers) in plans {
            let Some(minor) = bytecode_minor(&image.python) else { continue };
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

    /// What is pinned, or was compiled before.
    #[must_use]
    pub fn recall(&self, units: &Units<'_>) -> BTreeMap<CompiledFrom, Digest> {
        let known = |from: &CompiledFrom| {
            let pinned = self.lock.bytecode.get(from).cloned();
            Some((from.clone(), pinned.or_else(|| self.note(&note(from)))?))
        };
        units.keys().filter_map(known).collect()
    }

    /// Notes what something was compiled to.
    pub fn remember(&self, from: &CompiledFrom, archive: &Digest) -> Result<(), CacheError> {
        self.made.write_json(note(from), archive)
    }

    /// What a layer needs that is still to be made, or nobody has compiled yet.
    #[must_use]
    pub fn needed<'u>(
        &self,
        image: &PackageImage,
        plans: &[PlatformPlan<'_>],
        units: &Units<'u>,
        known: &BTreeMap<CompiledFrom, Digest>,
    ) -> Units<'u> {
        let mut needed: BTreeSet<&CompiledFrom> =
            units.keys().filter(|from| !known.contains_key(*from)).collect();
        for (_, locked, layers) in plans {
            for layer in layers {
                let all: Vec<_> = layer.compiled_from(&locked.python).collect();
                let key = layer.key_with(&locked.python, known);
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
        needed.into_iter().map(|from| (from.clone(), units[from])).collect()
    }

    /// The archives that are there as they were compiled.
    #[must_use]
    pub fn archives(&self, units: &Units<'_>) -> Archives {
        let open = |(from, digest): (CompiledFrom, Digest)| {
            let archive = BytecodeArchive::open(self.cache.blob(&digest), &digest).ok()?;
            Some((from, (digest, archive)))
        };
        self.recall(units).into_iter().filter_map(open).collect()
    }

    /// Takes what was compiled, and tells the layers of wheels which is theirs. `built` was compiled of wheels that were
    /// built.
    #[must_use]
    pub fn bake(
        plans: &mut [PlatformPlan<'_>],
        known: BTreeMap<CompiledFrom, Digest>,
        had: Archives,
        built: &BTreeSet<CompiledFrom>,
    ) -> Baked {
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
        Baked { pins, to_pin, archives }
    }

    fn library_key(&self, image: &PackageImage, minor: u16, digest: &Digest) -> LayerKey {
        let mut key = LayerKey::new(PREFIX, &Scheme::official(minor), &self.layer_options(image, minor));
        key.add_content("bytecode of the standard library", digest);
        key
    }

    /// The layer with the bytecode of a base's standard library; none where it is not baked.
    pub fn library(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        locked: &LockedImage,
        baked: &Baked,
    ) -> Result<Option<MadeLayer>, AssemblyError> {
        let from = CompiledFrom { python: locked.python.clone(), of: base.target.digest.clone() };
        let (Some(digest), Some(minor)) = (baked.pins.get(&from), bytecode_minor(&locked.python)) else {
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
                added.map_err(|error| AssemblyError::wheel(&created_by, error))?;
            }
        }
        self.make(&contents, &self.layer_options(image, minor), Some(&key), &created_by).map(Some)
    }
}

impl Unit<'_> {
    /// The lock has it. What was built of sources may be another wheel on another machine.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.wheel.is_none_or(|wheel| !wheel.is_built)
    }

    #[must_use]
    pub fn name(&self) -> String {
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
    pub(super) fn of(
        &self,
        wheel: &ChosenWheel,
        path: &str,
        minor: u16,
    ) -> Option<(&BytecodeArchive, String)> {
        let archive = self.archives.get(wheel.bytecode.as_ref()?)?;
        let path = pyc_path(path, minor)?;
        archive.module(&path)?;
        Some((archive, path))
    }

    /// Takes archives for layers of which it shows late that they have to be made.
    pub fn take(&mut self, had: Archives) {
        self.archives.extend(had.into_values());
    }
}

/// Where it is noted what something was compiled to.
fn note(from: &CompiledFrom) -> String {
    let text = format!("{} {PREFIX} {} {}", Bytecode::FORMAT, from.python, from.of);
    format!("{COMPILED}/{}.json", Digest::of(text.as_bytes()).hex())
}
