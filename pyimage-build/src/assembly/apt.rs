//! The layer with an image's packages of Debian.

use std::io::{BufReader, Error};
use std::path::PathBuf;

use flate2::bufread::MultiGzDecoder;

use super::{Assembly, AssemblyError, LayerPaths, MadeLayer};
use crate::{EntryKind, LayerError, LayerListing, LockedApt, LockedImage, PackageImage, Platform};

#[doc(hidden)]
impl<'a> Assembly<'a> {
    /// What is locked of an image's packages of Debian; none where it asks for none.
    pub fn locked_apt(
        image: &PackageImage,
        locked: &'a LockedImage,
    ) -> Result<Option<&'a LockedApt>, AssemblyError> {
        let settings = &image.settings;
        if settings.apt.is_empty() {
            return Ok(None);
        }
        let unlocked = || AssemblyError::NotLocked { base: settings.base.familiar() };
        locked.installed(&settings.apt).map(Some).ok_or_else(unlocked)
    }

    /// Their layer, as it was installed when it was locked.
    #[must_use]
    pub fn apt_layer(apt: &LockedApt, blob: PathBuf) -> MadeLayer {
        let created_by = format!("apt: {}", apt.packages.join(", "));
        MadeLayer { layer: apt.layer.clone(), blob, created_by, paths: LayerPaths::default() }
    }

    /// The paths of the files in their layer, which is read for that.
    pub(super) fn apt_paths(made: &MadeLayer) -> Result<LayerPaths, AssemblyError> {
        let broken = |error: Error| AssemblyError::Layer {
            what: made.created_by.clone(),
            source: Box::new(LayerError::Read { path: made.blob.clone(), source: error }),
        };
        let blob = fs_err::File::open(&made.blob).map_err(broken)?;
        let listing = LayerListing::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, blob)));
        let mut paths = Vec::new();
        for entry in listing {
            let entry = entry.map_err(|error| broken(Error::other(error)))?;
            if entry.kind != EntryKind::Folder {
                paths.push(entry.path);
            }
        }
        Ok(LayerPaths::of(paths.iter().map(String::as_str)))
    }

    /// The same, where it is in the cache.
    pub(super) fn cached_apt(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &'a LockedImage,
    ) -> Result<Option<MadeLayer>, AssemblyError> {
        let Some(apt) = Self::locked_apt(image, locked)? else { return Ok(None) };
        let missing =
            || AssemblyError::MissingApt { platform: platform.clone(), packages: apt.packages.clone() };
        let blob = self.whole(&apt.layer).ok_or_else(missing)?;
        Ok(Some(Self::apt_layer(apt, blob)))
    }
}
