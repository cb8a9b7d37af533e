//! The layer with an image's packages of Debian.

use pyimage_build::{LockedImage, Platform};

use super::layers::{Made, Paths};
use super::{BuildError, Builder, PackageImage};
use crate::apt::Place;

impl Builder<'_> {
    /// The layer as it is locked; none where the image asks for no packages of Debian.
    pub(super) async fn apt(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Option<Made>, BuildError> {
        let settings = &image.settings;
        if settings.apt.is_empty() {
            return Ok(None);
        }
        let base = &settings.base;
        let apt = locked.installed(&settings.apt);
        let apt = apt.ok_or_else(|| BuildError::NotLocked { base: base.familiar() })?;
        let place = Place { base, platform, image: locked, cache: self.cache, shell: self.shell };
        let blob = place.blob(apt, self.offline).await;
        let blob = blob.map_err(|source| BuildError::Apt(Box::new(source)))?;
        let created_by = format!("apt: {}", apt.packages.join(", "));
        Ok(Some(Made { layer: apt.layer.clone(), blob, created_by, paths: Paths::default() }))
    }
}
