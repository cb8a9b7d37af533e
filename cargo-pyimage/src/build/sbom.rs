//! What an image is made of, as a software bill of materials.

use std::collections::{BTreeMap, BTreeSet};

use pyimage_build::assembly::ChosenWheel;
use pyimage_build::{
    Assembly, Blob, Descriptor, Digest, Licence, LockedFile, LockedImage, Platform, Referrer, Sbom, SbomBase,
    SbomFormat, SbomImage, SbomPackage, SbomPart,
};
use pyrun::environment::EnvironmentError;

use super::{BuildError, Builder, Built, PackageImage, broken};

impl Builder<'_> {
    /// What an image is made of for these platforms, all of them where none is named. Licences are read from the wheels,
    /// which are fetched where they are not in the cache; where they may not be, this is told.
    ///
    /// # Errors
    /// Where a lock does not have what it takes, or a wheel cannot be had.
    pub async fn sbom(
        &self,
        image: &PackageImage,
        platforms: &BTreeSet<Platform>,
    ) -> Result<Sbom, BuildError> {
        let mut all = Vec::new();
        for (platform, locked) in Assembly::targets(self.assembly().base(image)?, image, platforms)? {
            all.push((platform, locked, self.chosen(image, platform, locked).await?));
        }
        let licences = self.licences(image, all.iter().flat_map(|(.., wheels)| wheels)).await?;
        let mut images = Vec::new();
        for (platform, locked, wheels) in &all {
            let reference = image.settings.base.clone();
            let base = SbomBase { reference, digest: locked.manifest.digest.clone() };
            let packages = wheels.iter().map(|ChosenWheel { file, digest, .. }| {
                let licence = licences.get(digest).cloned().unwrap_or_default();
                SbomPackage::of(file, digest, licence).map_err(|error| broken(&file.file_name, error))
            });
            let packages = packages.collect::<Result<_, _>>()?;
            let parts = self.parts(image, platform, locked).await?;
            images.push(SbomImage { platform: (*platform).clone(), base, packages, parts });
        }
        let (name, version) = (image.settings.name.clone(), image.version.clone());
        Ok(Sbom { name, version, created: self.epoch, images })
    }

    /// What an image has on a platform besides wheels.
    async fn parts(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Vec<SbomPart>, BuildError> {
        let mut parts = self.program_parts(image, platform, locked).await?;
        if let (Some(apt), Some(suite)) = (Assembly::locked_apt(image, locked)?, &locked.suite) {
            parts.extend(apt.installed.iter().filter_map(|its| SbomPart::of_debian(its, suite)));
        }
        Ok(parts)
    }

    /// The licences that wheels say they have.
    async fn licences<'w>(
        &self,
        image: &PackageImage,
        wheels: impl Iterator<Item = &'w ChosenWheel>,
    ) -> Result<BTreeMap<Digest, Licence>, BuildError> {
        let mut wheels: BTreeMap<_, _> = wheels.map(|wheel| (&wheel.digest, wheel)).collect();
        let files: Vec<_> = wheels.values().map(|wheel| wheel.file.clone()).collect();
        let failed = |source| BuildError::Fetch { image: image.title(), source: Box::new(source) };
        match self.fetch_files(&files, true).await {
            Ok(()) => {}
            Err(EnvironmentError::Offline { missing }) if self.offline => {
                self.tell_unread(&missing);
                wheels.retain(|_, wheel| !missing.contains(&wheel.file.file_name));
            }
            Err(EnvironmentError::Offline { missing }) => {
                let is_missing = |file: &LockedFile| missing.contains(&file.file_name);
                let missing: Vec<_> = files.into_iter().filter(is_missing).collect();
                self.fetch_files(&missing, false).await.map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        let read = wheels.into_iter();
        read.map(|(digest, wheel)| Ok((digest.clone(), self.assembly().open(wheel)?.licence().clone())))
            .collect()
    }

    fn tell_unread(&self, missing: &[String]) {
        let count = match missing {
            [only] => format!("`{only}` is"),
            several => format!("{} wheels are", several.len()),
        };
        self.shell.warn(format_args!("{count} not in the cache: the SBOM does not have every licence"));
        self.shell.help("once without `--offline`, and they are in the cache");
    }
}

impl Built {
    /// The documents that refer to its images and its index: what each is made of.
    ///
    /// `sbom` is that of all its platforms.
    #[must_use]
    pub fn sboms(&self, sbom: &Sbom, format: SbomFormat) -> Vec<Referrer> {
        let refer = |subject: &Descriptor, sbom: &Sbom| {
            let content = Blob::new(format.media_type(), sbom.write(format));
            Referrer::new(subject, content, format.file_name(), sbom.created)
        };
        let images = self.images.iter();
        let of_images = images.map(|image| refer(&image.manifest.descriptor, &sbom.only(&image.platform)));
        of_images.chain([refer(&self.index.blob.descriptor, sbom)]).collect()
    }
}
