//! The packages of an image on all its platforms: the layers that they come to.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::assembly::{
    Baked, Findings, ImagePackages, MadeLayer, PlatformPackages, ProjectLayers, WheelLayer,
};
use pyimage_build::{Assembly, LockedBase, LockedImage, Platform};

use super::{BuildError, Builder, PackageImage};

impl Builder<'_> {
    /// The packages of an image: as they are kept, or made. What they lack of libraries is told.
    ///
    /// Most builds change nothing about them: such a build neither chooses wheels again nor reads what is known of each
    /// layer.
    pub(super) async fn packages<'i>(
        &self,
        image: &'i PackageImage,
        base: &'i LockedBase,
        platforms: &BTreeSet<Platform>,
        project: &ProjectLayers,
    ) -> Result<ImagePackages<'i>, BuildError> {
        let assembly = self.assembly();
        let mut wanted = Assembly::targets(base, image, platforms)?;
        wanted.sort_by_key(|(platform, _)| *platform);
        if let Some(kept) = assembly.kept_packages(image, base, &wanted, project)? {
            return Ok(kept);
        }
        let mut plans = self.plans(image, base, platforms).await?;
        assembly.check_layers(image, &plans, project)?;
        let mut baked = self.bytecode(image, base, &mut plans).await?;
        self.fetch(image, plans.iter().flat_map(|(.., layers)| layers)).await?;
        let mut findings = Findings::default();
        for (platform, locked, layers) in &plans {
            assembly.check(image, platform, locked, layers, &mut findings)?;
        }
        self.tell(image, &findings);
        let is_built = plans.iter().flat_map(|(.., layers)| layers).any(WheelLayer::has_built);
        let mut packages = ImagePackages { platforms: Vec::new(), to_pin: BTreeMap::new() };
        for (platform, locked, layers) in plans {
            let wheels = layers.iter().map(|layer| assembly.wheel_layer(layer, &baked));
            let wheels = wheels.collect::<Result<Vec<_>, _>>()?;
            let overlap = self.overlap(image, base, locked, &layers, &wheels, &mut baked).await?;
            let library = assembly.library(image, base, locked, &baked)?;
            packages.platforms.push(PlatformPackages { platform, locked, library, wheels, overlap });
        }
        packages.to_pin = baked.to_pin;
        // Offline, what is missing may not have been looked for. What was built may be built anew, and what is told is
        // told each time.
        if !self.offline && !is_built && findings.is_empty() {
            assembly.keep_packages(image, base, &packages)?;
        }
        Ok(packages)
    }

    /// Tells what cannot be loaded in an image.
    pub(super) fn tell(&self, image: &PackageImage, findings: &Findings) {
        for warning in findings.warnings(&image.settings.base) {
            self.shell.warn(warning);
        }
        if let Some(help) = findings.help() {
            self.shell.help(help);
        }
    }

    /// The layer that goes on top of those of the wheels where they have files of the same paths; mostly there is none.
    async fn overlap(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        locked: &LockedImage,
        layers: &[WheelLayer],
        made: &[MadeLayer],
        baked: &mut Baked,
    ) -> Result<Option<MadeLayer>, BuildError> {
        let assembly = self.assembly();
        let Some(overlapping) = Assembly::overlapping(layers, made) else { return Ok(None) };
        if let Some(known) = assembly.known_overlap(&overlapping) {
            return Ok(Some(known));
        }
        self.fetch_wheels(image, overlapping.wheels.iter().copied()).await?;
        let Some(replaced) = assembly.replaced(&overlapping)? else { return Ok(None) };
        for warning in replaced {
            self.shell.warn(warning);
        }
        baked.take(self.archives(image, base, &overlapping.units(locked)).await?);
        Ok(Some(assembly.overlap(&overlapping, baked)?))
    }
}
