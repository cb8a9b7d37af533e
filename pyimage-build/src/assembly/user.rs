//! The layer with the image's user, where the base does not have it.

use super::{Assembly, AssemblyError, MadeLayer};
use crate::{Accounts, LayerContents, LockedImage, PackageImage};

#[doc(hidden)]
impl Assembly<'_> {
    /// A layer with the accounts of the base and the image's own; none where the base has all that is named.
    pub fn user(
        &self,
        image: &PackageImage,
        locked: &LockedImage,
    ) -> Result<Option<MadeLayer>, AssemblyError> {
        let (Some(user), Some(facts)) =
            (&image.settings.options.user, locked.facts_with(&image.settings.apt))
        else {
            return Ok(None);
        };
        let accounts = Accounts::of(user, &facts, locked.suite.as_ref()).map_err(|source| {
            let place = image.settings.place("user", None);
            AssemblyError::User { image: image.package.clone(), place, source: Box::new(source) }
        })?;
        let Some(accounts) = accounts else { return Ok(None) };
        let what = format!("user: {user}");
        let mut contents = LayerContents::new();
        accounts
            .add_to(&mut contents)
            .map_err(|source| AssemblyError::Layer { what: what.clone(), source: Box::new(source) })?;
        self.make(&contents, &self.layer_options(image, 0), None, &what).map(Some)
    }
}
