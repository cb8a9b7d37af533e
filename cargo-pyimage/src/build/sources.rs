//! Wheels of packages that have none: built once, in a container of the full image of the base's release and suite.

use pyimage_build::assembly::Lacking;
use pyimage_build::{LockedFile, Target};
use pyrun::environment::{self, EnvironmentError, Sources, StepError};
use pyrun::plan::Request;
use pyrun::run::RunError;

use super::{BuildError, Builder, PackageImage, digest};
use crate::load::engine_choice;

impl Builder<'_> {
    /// The wheel of these sources, by its place in the cache and the digest of what is in it.
    pub(super) async fn built_wheel(
        &self,
        image: &PackageImage,
        target: &Target,
        lacking: &Lacking<'_>,
    ) -> Result<LockedFile, BuildError> {
        let base = &image.settings.base;
        let official = base.is_official_python() && base.digest().is_none();
        let request = Request {
            image: base.familiar(),
            tag: base.tag().filter(|_| official).and_then(|tag| tag.parse().ok()),
            platform: Some(target.platform().to_string()),
            folder: self.root.as_std_path().to_owned(),
            offline: self.offline,
            engine: engine_choice(None),
            ..Request::default()
        };
        let Lacking { package, choice, offer, folder } = lacking;
        let (package, offer) = (package.clone(), offer.clone());
        let sources = Sources { package: package.clone(), choice: *choice, offer, folder };
        let built = environment::build(&request, target, sources, self.cache, self.shell).await;
        let built = built.map_err(|source| BuildError::NoWheel {
            package,
            target: target.to_string(),
            source: Box::new(source),
        })?;
        let (size, sha256) =
            digest::of_file(built.path.as_std_path()).map_err(|error| self.cache.write_error(error))?;
        Ok(LockedFile {
            file_name: built.file_name,
            url: None,
            path: Some(built.path.into_string()),
            size: Some(size),
            upload_time: None,
            hashes: [("sha256".to_owned(), sha256.hex().to_owned())].into(),
        })
    }
}

/// What to do about a package that could not be built for an image.
pub(super) fn helps(error: &EnvironmentError) -> Vec<String> {
    let by_name = "or take a version with a wheel for it, or leave the platform out".to_owned();
    match error {
        EnvironmentError::BuildImage { .. } => {
            vec!["have the engine's image and the lock meet again: `cargo pyimage lock --update`".to_owned()]
        }
        EnvironmentError::Build { source: StepError::Run(error), .. } => {
            let mut helps = error.helps();
            if matches!(**error, RunError::NoEmulation { .. }) {
                helps.push(by_name);
            }
            helps
        }
        error => error.helps(),
    }
}
