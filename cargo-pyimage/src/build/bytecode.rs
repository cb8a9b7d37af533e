//! The bytecode of an image: what of it is pinned, was compiled, or is missing.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::assembly::{Baked, PlatformPlan as Plan, Units};
use pyimage_build::{Assembly, BytecodeArchive, CompiledFrom, Digest, LockedBase};

use super::{BuildError, Builder, PackageImage, broken};

/// The cache's name for what is compiled.
const COMPILED: &str = "compiled";

impl Builder<'_> {
    /// Sees to the bytecode of an image, and tells its layers of wheels which is theirs.
    pub(super) async fn bytecode(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        plans: &mut [Plan<'_>],
    ) -> Result<Baked, BuildError> {
        let assembly = self.assembly();
        let units = Assembly::units(image, base, plans);
        self.check_pins(&units)?;
        let known = assembly.recall(&units);
        let needed = assembly.needed(image, plans, &units, &known);
        let had = self.archives(image, base, &needed).await?;
        let built: BTreeSet<_> =
            units.iter().filter(|(_, unit)| !unit.is_pinned()).map(|(from, _)| from.clone()).collect();
        drop((needed, units));
        Ok(Assembly::bake(plans, known, had, &built))
    }

    /// Compiles what has not been compiled yet, and says which bytecode an image has.
    pub(super) async fn pins(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        plans: &[Plan<'_>],
    ) -> Result<BTreeMap<CompiledFrom, Digest>, BuildError> {
        let mut units = Assembly::units(image, base, plans);
        units.retain(|_, unit| unit.is_pinned());
        let mut pins = self.assembly().recall(&units);
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
        let units = Assembly::units(image, base, plans);
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

    /// The archives of these, compiled where they are not kept.
    pub(super) async fn archives(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        units: &Units<'_>,
    ) -> Result<BTreeMap<CompiledFrom, (Digest, BytecodeArchive)>, BuildError> {
        let mut found = self.assembly().archives(units);
        if found.len() == units.len() {
            return Ok(found);
        }
        let wait = || self.shell.status("Blocking", "waiting for another process that compiles packages");
        let _held = self.cache.lock(COMPILED, wait).await?;
        found.extend(self.assembly().archives(units));
        let missing: Units<'_> = units
            .iter()
            .filter(|(from, _)| !found.contains_key(*from))
            .map(|(from, unit)| (from.clone(), *unit))
            .collect();
        if !missing.is_empty() {
            for (from, digest) in self.compile(image, base, &missing).await? {
                let archive = BytecodeArchive::open(self.cache.plain().blob(&digest), &digest);
                let archive = archive.map_err(|error| broken("bytecode", error))?;
                self.assembly().remember(&from, &digest)?;
                found.insert(from, (digest, archive));
            }
        }
        Ok(found)
    }
}
