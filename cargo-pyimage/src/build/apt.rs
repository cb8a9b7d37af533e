//! The layer with an image's packages of Debian.

use pyimage_build::assembly::MadeLayer;
use pyimage_build::{Assembly, LockedImage, Platform};

use super::{BuildError, Builder, PackageImage};
use crate::apt::Place;

impl Builder<'_> {
    /// The layer as it is locked; none where the image asks for no packages of Debian.
    pub(super) async fn apt(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Option<MadeLayer>, BuildError> {
        let Some(apt) = Assembly::locked_apt(image, locked)? else { return Ok(None) };
        let base = &image.settings.base;
        let place = Place { base, platform, image: locked, cache: self.cache, shell: self.shell };
        if self.anew {
            place.remove_damaged(apt);
        }
        let blob = place.blob(apt, self.offline).await;
        let blob = blob.map_err(|source| BuildError::Apt(Box::new(source)))?;
        Ok(Some(Assembly::apt_layer(apt, blob.into())))
    }
}
