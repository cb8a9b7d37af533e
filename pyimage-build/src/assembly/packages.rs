//! The packages of an image on all its platforms: the layers that they come to.
//!
//! Most builds change nothing about them. What they came to is kept by all that it depends on, so that such a build
//! neither chooses wheels again nor reads what is known of each layer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::layers::KNOWN;
use super::{Assembly, AssemblyError, LayerPaths, MadeLayer, PREFIX, ProjectLayers};
use crate::{Bytecode, CompiledFrom, Digest, Layer, LockedBase, LockedImage, PackageImage, Platform};

/// The packages of an image.
#[doc(hidden)]
#[derive(Debug)]
pub struct ImagePackages<'a> {
    /// In the order of their platforms.
    pub platforms: Vec<PlatformPackages<'a>>,
    /// What the lock should have of their bytecode.
    pub to_pin: BTreeMap<CompiledFrom, Digest>,
}

/// The packages of an image on a platform.
#[doc(hidden)]
#[derive(Debug)]
pub struct PlatformPackages<'a> {
    pub platform: &'a Platform,
    pub locked: &'a LockedImage,
    /// The bytecode of the standard library.
    pub library: Option<MadeLayer>,
    /// The layers of wheels, the lowest first.
    pub wheels: Vec<MadeLayer>,
    /// The layer of files that several wheels have.
    pub overlap: Option<MadeLayer>,
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

#[doc(hidden)]
impl Assembly<'_> {
    /// The packages of an image as they are kept, where all of it is there still. The files of the project count where they
    /// could take the place of a package's.
    pub fn kept_packages<'i>(
        &self,
        image: &'i PackageImage,
        base: &'i LockedBase,
        wanted: &[(&'i Platform, &'i LockedImage)],
        project: &ProjectLayers,
    ) -> Result<Option<ImagePackages<'i>>, AssemblyError> {
        // Whether a file takes the place of a package's, only the paths in its layers tell.
        if self.anew || image.settings.bins.is_some() || !project.is_apart_from(PREFIX) {
            return Ok(None);
        }
        let kept = self.note(&self.entry(image, base, wanted)?);
        Ok(kept.and_then(|kept| self.recalled(kept, wanted)))
    }

    /// Keeps what an image's packages came to.
    pub fn keep_packages(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        packages: &ImagePackages<'_>,
    ) -> Result<(), AssemblyError> {
        let wanted: Vec<_> = packages.platforms.iter().map(|its| (its.platform, its.locked)).collect();
        let entry = self.entry(image, base, &wanted)?;
        Ok(self.made.write_json(entry, &Kept::of(packages))?)
    }

    /// Where it is kept what an image's packages came to.
    fn entry(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        wanted: &[(&Platform, &LockedImage)],
    ) -> Result<String, AssemblyError> {
        let settings = &image.settings;
        let lock = &settings.packages.lock;
        let unusable = |error| AssemblyError::PackageLock { lock: lock.clone(), source: Box::new(error) };
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
    fn recalled<'i>(
        &self,
        kept: Kept,
        wanted: &[(&'i Platform, &'i LockedImage)],
    ) -> Option<ImagePackages<'i>> {
        let from = |(python, of, digest)| (CompiledFrom { python, of }, digest);
        let to_pin: BTreeMap<_, _> = kept.pinned.into_iter().map(from).collect();
        // What the lock does not have is compiled again before it is pinned.
        if kept.platforms.len() != wanted.len()
            || to_pin.iter().any(|(from, digest)| self.lock.bytecode.get(from) != Some(digest))
        {
            return None;
        }
        let made = |kept: KeptLayer| {
            self.whole(&kept.layer).map(|blob| MadeLayer {
                layer: kept.layer,
                blob,
                created_by: kept.created_by,
                paths: LayerPaths::default(),
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
        Some(ImagePackages { platforms, to_pin })
    }
}

impl Kept {
    fn of(packages: &ImagePackages<'_>) -> Self {
        let kept =
            |made: &MadeLayer| KeptLayer { layer: made.layer.clone(), created_by: made.created_by.clone() };
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
