//! The wheels of images: chosen by the lock, fetched, or built.

use std::collections::BTreeMap;

use pyimage_build::assembly::{ChosenWheel, WheelLayer};
use pyimage_build::{LockedFile, LockedImage, Platform};
use pyrun::environment::{self, EnvironmentError};
use pyrun::plan::Request;

use super::{BuildError, Builder, PackageImage};

impl Builder<'_> {
    /// The layers of an image's wheels on a platform, the lowest first.
    pub(super) async fn plan(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Vec<WheelLayer>, BuildError> {
        let chosen = self.chosen(image, platform, locked).await?;
        Ok(self.assembly().plan(image, locked, chosen)?)
    }

    /// Gets the wheels of those layers that were not made before, each once.
    pub(super) async fn fetch<'l>(
        &self,
        image: &PackageImage,
        layers: impl Iterator<Item = &'l WheelLayer>,
    ) -> Result<(), BuildError> {
        let assembly = self.assembly();
        let missing = layers.flat_map(|layer| {
            let is_known = assembly.known(&layer.key, "").is_some();
            // Offline, what is made is made, checked or not.
            let is_checked = !layer.checked || self.offline;
            let done = move |wheel: &&ChosenWheel| {
                is_known && (is_checked || assembly.is_read(wheel, &layer.scheme))
            };
            layer.wheels.iter().filter(move |wheel| !done(wheel))
        });
        self.fetch_wheels(image, missing).await
    }

    /// Gets wheels that are not in the cache, each once.
    pub(super) async fn fetch_wheels<'l>(
        &self,
        image: &PackageImage,
        wheels: impl Iterator<Item = &'l ChosenWheel>,
    ) -> Result<(), BuildError> {
        let files: BTreeMap<_, _> =
            wheels.filter(|wheel| !wheel.is_built).map(|wheel| (&wheel.digest, wheel.file.clone())).collect();
        let mut files: Vec<_> = files.into_values().collect();
        let failed = |source| BuildError::Fetch { image: image.title(), source: Box::new(source) };
        match self.fetch_files(&files, true).await {
            // Only what is fetched is told.
            Err(EnvironmentError::Offline { missing }) if !self.offline => {
                files.retain(|file| missing.contains(&file.file_name));
                self.fetch_files(&files, false).await.map_err(failed)
            }
            other => other.map_err(failed),
        }
    }

    /// Gets files that are not in the cache.
    pub(super) async fn fetch_files(
        &self,
        files: &[LockedFile],
        offline: bool,
    ) -> Result<(), EnvironmentError> {
        if files.is_empty() {
            return Ok(());
        }
        let folder = self.root.as_std_path().to_owned();
        let request = Request { folder, offline, ..Request::default() };
        environment::fetch(&request, files, self.cache, self.shell).await.map(drop)
    }

    /// The wheels of an image on a platform. What has none is built, unless it was before.
    pub(super) async fn chosen(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Vec<ChosenWheel>, BuildError> {
        let assembly = self.assembly();
        let Some(packages) = assembly.packages(image)? else { return Ok(Vec::new()) };
        let target = assembly.target(image, platform, locked)?;
        let picked = packages.pick(&target)?;
        let mut built = BTreeMap::new();
        for lacking in picked.lacking() {
            let wheel = self.built_wheel(image, &target, &lacking).await?;
            assembly.remember_built(&lacking, &target, &wheel)?;
            built.insert(lacking.package, wheel);
        }
        Ok(picked.wheels(&built)?)
    }
}
