//! Images, put together from the locks, the cache and the project's files.
//!
//! What may be missing of it in the cache, `cargo pyimage` fetches, builds and compiles between the steps, which are
//! hidden from the documentation: they may change with any release.

mod apt;
mod bytecode;
mod check;
mod error;
mod layers;
mod overlap;
mod packages;
mod project;
mod user;
mod wheels;
mod whole;

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::{CacheFolder, Lock, LockedBase, LockedImage, PackageImage, Platform};

pub use error::AssemblyError;
pub use whole::Assembled;

#[doc(hidden)]
pub use bytecode::{Baked, Unit, Units, bytecode_minor};
#[doc(hidden)]
pub use check::{Findings, elf_of_file};
#[doc(hidden)]
pub use layers::{LayerPaths, MadeLayer};
#[doc(hidden)]
pub use overlap::Overlapping;
#[doc(hidden)]
pub use packages::{ImagePackages, PlatformPackages};
#[doc(hidden)]
pub use project::ProjectLayers;
#[doc(hidden)]
pub use wheels::{ChosenWheel, Lacking, LockedPackages, PickedWheels, WheelLayer, installation};

/// Where the official image's Python has its packages.
#[doc(hidden)]
pub const PREFIX: &str = "usr/local";

/// What is to be in an image for a platform.
#[doc(hidden)]
pub type PlatformPlan<'a> = (&'a Platform, &'a LockedImage, Vec<WheelLayer>);

/// What images are assembled with: the locks of a workspace, and the cache.
///
/// It asks no network and no engine: wheels, bytecode and layers are in the cache once `cargo pyimage fetch` was there.
/// The digests are those of `cargo pyimage build`. Layers are made once, and kept in the cache for both.
///
/// ```no_run
/// use std::collections::BTreeSet;
/// use std::path::Path;
/// use pyimage_build::{Assembly, CacheFolder, Lock};
///
/// # fn of(image: &pyimage_build::PackageImage) -> Result<(), Box<dyn std::error::Error>> {
/// let lock = Lock::parse(&std::fs::read_to_string(Lock::FILE)?)?;
/// let cache = CacheFolder::at("/home/me/.cache/pyimage");
/// let assembly = Assembly { root: Path::new("."), lock: &lock, cache: &cache, made: &cache, epoch: 0, anew: false };
/// let assembled = assembly.image(image, &BTreeSet::new(), None)?;
/// assembled.write_layout("image".as_ref(), &["app:latest".to_owned()])?;
/// println!("{}", assembled.index.blob.descriptor.digest);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Assembly<'a> {
    /// The folder of the workspace, down from which `.gitignore` counts.
    pub root: &'a Path,
    /// The bases, and what is pinned of bytecode.
    pub lock: &'a Lock,
    /// Where wheels, bytecode and layers are.
    pub cache: &'a CacheFolder,
    /// Where what is made is kept: there too, or in a folder of its own, where the cache is only to be read.
    pub made: &'a CacheFolder,
    /// When everything was made, in seconds since 1970: `SOURCE_DATE_EPOCH`, or 0.
    pub epoch: u64,
    /// Whether layers are made though they were made before: what is kept of them proves nothing.
    pub anew: bool,
}

#[doc(hidden)]
impl<'a> Assembly<'a> {
    /// A note that is kept, in one of the folders.
    fn note<T: DeserializeOwned>(&self, entry: &str) -> Option<T> {
        self.made.read_json(entry).or_else(|| self.cache.read_json(entry))
    }

    /// What is locked of an image's base.
    pub fn base(&self, image: &PackageImage) -> Result<&'a LockedBase, AssemblyError> {
        let base = &image.settings.base;
        self.lock.bases.get(base).ok_or_else(|| AssemblyError::NotLocked { base: base.familiar() })
    }

    /// The same for these platforms, or for all where none is named.
    pub fn targets<'i>(
        base: &'i LockedBase,
        image: &'i PackageImage,
        platforms: &BTreeSet<Platform>,
    ) -> Result<Vec<(&'i Platform, &'i LockedImage)>, AssemblyError> {
        let settings = &image.settings;
        if let Some(other) = platforms.iter().find(|its| !settings.platforms.contains(*its)) {
            return Err(AssemblyError::NoPlatform { image: image.title(), platform: other.clone() });
        }
        let unlocked = || AssemblyError::NotLocked { base: settings.base.familiar() };
        let asked = settings.platforms.iter().filter(|its| platforms.is_empty() || platforms.contains(its));
        asked
            .map(|platform| base.images.get(platform).map(|locked| (platform, locked)).ok_or_else(unlocked))
            .collect()
    }
}

/// The processors that one layer's compression may take.
fn cores() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}
