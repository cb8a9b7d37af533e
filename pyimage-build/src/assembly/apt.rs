//! The layer with an image's packages of Debian.

use std::path::PathBuf;

use super::{Assembly, AssemblyError, LayerPaths, MadeLayer};
use crate::{LockedApt, LockedImage, PackageImage, Platform};

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
