//! The packages of an image on all its platforms: the layers that they come to.
//!
//! Most builds change nothing about them. What they came to is kept by all that it depends on, so that such a build
//! neither chooses wheels again nor reads what is known of each layer.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::{Bytecode, CompiledFrom, Digest, Layer, LockedBase, LockedImage, Platform};
use serde::{Deserialize, Serialize};

use super::check::Findings;
use super::layers::{KNOWN, Made, Paths};
use super::project::Project;
use super::wheels::{PREFIX, WheelLayer};
use super::{BuildError, Builder, PackageImage, targets};

/// The packages of an image.
#[derive(Debug)]
pub(super) struct Packages<'a> {
    /// In the order of their platforms.
    pub(super) platforms: Vec<PlatformPackages<'a>>,
    /// What the lock should have of their bytecode.
    pub(super) to_pin: BTreeMap<CompiledFrom, Digest>,
}

/// The packages of an image on a platform.
#[derive(Debug)]
pub(super) struct PlatformPackages<'a> {
    pub(super) platform: &'a Platform,
    pub(super) locked: &'a LockedImage,
    /// The bytecode of the standard library.
    pub(super) library: Option<Made>,
    /// The layers of wheels, the lowest first.
    pub(super) wheels: Vec<Made>,
    /// The layer of files that several wheels have.
    pub(super) overlap: Option<Made>,
}

/// What is kept of an image's packages.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    platforms: Vec<KeptPlatform>,
    pinned: Vec<(String, Digest, Digest)>,
}

/// What is kept of them on a platform.
#[derive(Debug, Serialize, Deserialize)]
struct KeptPlatform {
    library: Option<KeptLayer>,
    wheels: Vec<KeptLayer>,
    overlap: Option<KeptLayer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptLayer {
    layer: Layer,
    created_by: String,
}

impl Builder<'_> {
    /// The packages of an image: as they are kept, or made. What they lack of libraries is told.
    pub(super) async fn packages<'i>(
        &self,
        image: &'i PackageImage,
        base: &'i LockedBase,
        platforms: &BTreeSet<Platform>,
        project: &Project,
    ) -> Result<Packages<'i>, BuildError> {
        let mut wanted = targets(base, image, platforms)?;
        wanted.sort_by_key(|(platform, _)| *platform);
        let entry = self.entry(image, base, &wanted)?;
        // Whether a file takes the place of a package's, only the paths in its layers tell.
        let is_apart = image.settings.bins.is_none() && project.is_apart_from(PREFIX);
        if let Some(kept) = self.cache.read_json(&entry).filter(|_| is_apart)
            && let Some(packages) = self.recalled(kept, &wanted)
        {
            return Ok(packages);
        }
        let mut plans = self.plans(image, base, platforms).await?;
        let mut baked = self.bytecode(image, base, &mut plans).await?;
        self.fetch(image, plans.iter().flat_map(|(.., layers)| layers)).await?;
        let mut findings = Findings::default();
        for (platform, locked, layers) in &plans {
            self.check(image, platform, locked, layers, &mut findings)?;
        }
        findings.tell(self, image);
        let is_built = plans.iter().flat_map(|(.., layers)| layers).any(WheelLayer::has_built);
        let mut packages = Packages { platforms: Vec::new(), to_pin: BTreeMap::new() };
        for (platform, locked, layers) in plans {
            let wheels = layers.iter().map(|layer| self.layer(layer, &baked)).collect::<Result<Vec<_>, _>>()?;
            let overlap = self.overlap(image, base, locked, &layers, &wheels, &mut baked).await?;
            let library = self.library(image, base, locked, &baked)?;
            packages.platforms.push(PlatformPackages { platform, locked, library, wheels, overlap });
        }
        packages.to_pin = baked.to_pin;
        // Offline, what is missing may not have been looked for. What was built may be built anew, and what is told is
        // told each time.
        if !self.offline && !is_built && findings.is_empty() {
            self.cache.write_json(&entry, &Kept::of(&packages))?;
        }
        Ok(packages)
    }

    /// Where it is kept what an image's packages came to.
    fn entry(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        wanted: &[(&Platform, &LockedImage)],
    ) -> Result<String, BuildError> {
        let settings = &image.settings;
        let lock = &settings.packages.lock;
        let unusable = |error| BuildError::PackageLock { lock: lock.clone(), source: Box::new(error) };
        let packages = match fs_err::read(lock) {
            Ok(text) => Digest::of(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Digest::of(b""),
            Err(error) => return Err(unusable(error)),
        };
        let platforms: Vec<_> = wanted.iter().map(|(platform, _)| platform).collect();
        let version = (env!("CARGO_PKG_VERSION"), Layer::FORMAT, Bytecode::FORMAT);
        let of = format!("{version:?} {} {settings:?} {platforms:?} {base:?} {packages}", self.epoch);
        Ok(format!("{KNOWN}/{}.json", Digest::of(of.as_bytes()).hex()))
    }

    /// What is kept, where all of it is there still.
    fn recalled<'i>(&self, kept: Kept, wanted: &[(&'i Platform, &'i LockedImage)]) -> Option<Packages<'i>> {
        let from = |(python, of, digest)| (CompiledFrom { python, of }, digest);
        let to_pin: BTreeMap<_, _> = kept.pinned.into_iter().map(from).collect();
        // What the lock does not have is compiled again before it is pinned.
        if kept.platforms.len() != wanted.len()
            || to_pin.iter().any(|(from, digest)| self.lock.bytecode.get(from) != Some(digest))
        {
            return None;
        }
        let made = |kept: KeptLayer| {
            self.whole(&kept.layer).map(|blob| Made {
                layer: kept.layer,
                blob,
                created_by: kept.created_by,
                paths: Paths::default(),
            })
        };
        let mut platforms = Vec::new();
        for (&(platform, locked), kept) in wanted.iter().zip(kept.platforms) {
            let library = match kept.library {
                Some(layer) => Some(made(layer)?),
                None => None,
            };
            let overlap = match kept.overlap {
                Some(layer) => Some(made(layer)?),
                None => None,
            };
            let wheels = kept.wheels.into_iter().map(made).collect::<Option<_>>()?;
            platforms.push(PlatformPackages { platform, locked, library, wheels, overlap });
        }
        Some(Packages { platforms, to_pin })
    }
}

impl Kept {
    fn of(packages: &Packages<'_>) -> Self {
        let kept = |made: &Made| KeptLayer { layer: made.layer.clone(), created_by: made.created_by.clone() };
        let platforms = packages.platforms.iter().map(|its| KeptPlatform {
            library: its.library.as_ref().map(kept),
            wheels: its.wheels.iter().map(kept).collect(),
            overlap: its.overlap.as_ref().map(kept),
        });
        let pinned = packages.to_pin.iter();
        let pinned = pinned.map(|(from, digest)| (from.python.clone(), from.of.clone(), digest.clone()));
        Self { platforms: platforms.collect(), pinned: pinned.collect() }
    }
}
