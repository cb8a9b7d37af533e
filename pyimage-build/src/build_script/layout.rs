//! Images that a build script assembles: OCI layouts below `OUT_DIR`.

use std::collections::BTreeSet;
use std::path::Path;

use super::cargo_output::CargoOutput;
use super::image::BuiltImage;
use super::manifest::Manifests;
use super::{BuildScript, CompileError};
use crate::{Assembly, CacheFolder, Digest, ImageSettings, Lock, LockedBase, PackageImage};

/// The folder of layouts in `OUT_DIR`.
const LAYOUTS: &str = "pyimage";
/// The folder in `OUT_DIR` of layers that the cache does not have: it is only read here.
const MADE: &str = "pyimage-cache";

/// When images are assembled together with the package's code.
///
/// Cargo does not tell a build script whether it runs for `cargo build`, `cargo check` or an editor, so that there is no value
/// for the first alone.
///
/// ```
/// let mut script = pyimage_build::configure();
/// script.image(pyimage_build::ImageWhen::Release);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageWhen {
    /// Never: `cargo pyimage build` does it.
    #[default]
    Never,
    /// In builds of the release profile and those that are like it, which editors do not ask for.
    Release,
    /// In every build.
    Always,
}

/// Where images are assembled.
#[derive(Debug)]
pub(super) struct Workshop<'a> {
    /// The workspace's folder.
    pub(super) root: &'a Path,
    /// `OUT_DIR`.
    pub(super) out: &'a Path,
    pub(super) lock: &'a Lock,
}

impl BuildScript {
    /// When images are assembled; [never](ImageWhen::Never), if it is not said.
    ///
    /// ```
    /// pyimage_build::configure().image(pyimage_build::ImageWhen::Always);
    /// ```
    pub fn image(&mut self, when: ImageWhen) -> &mut Self {
        self.image = when;
        self
    }

    /// Assembles these images, but those that are not to be, and those that are not locked, of which a warning tells.
    pub(super) fn assembled(
        &self,
        settings: &[&ImageSettings],
        manifests: &Manifests,
        lock: Option<&Lock>,
        out: &Path,
        output: &mut CargoOutput,
    ) -> Result<Vec<Option<BuiltImage>>, CompileError> {
        let mut built = Vec::new();
        for settings in settings {
            let is_locked =
                |lock: &&Lock| lock.bases.get(&settings.base).is_some_and(|base| is_locked(base, settings));
            built.push(match lock.filter(is_locked) {
                Some(lock) => {
                    let image = manifests.image((*settings).clone());
                    Some(self.assemble(&image, &Workshop { root: manifests.root(), out, lock }, output)?)
                }
                None => None,
            });
        }
        tidy(out, built.iter().flatten());
        Ok(built)
    }

    /// Whether this build is one that has images.
    pub(super) fn wants_images(&self) -> bool {
        match self.image {
            ImageWhen::Never => false,
            ImageWhen::Release => {
                self.surroundings.of_cargo("PROFILE").is_some_and(|profile| profile == "release")
            }
            ImageWhen::Always => true,
        }
    }

    /// Assembles an image below `OUT_DIR`.
    pub(super) fn assemble(
        &self,
        image: &PackageImage,
        workshop: &Workshop<'_>,
        output: &mut CargoOutput,
    ) -> Result<BuiltImage, CompileError> {
        let mut variable = |name: &str| self.surroundings.of_user(name, output);
        let cache = CacheFolder::locate(&mut variable, std::env::home_dir()).map_err(CompileError::Cache)?;
        let epoch = variable("SOURCE_DATE_EPOCH");
        let epoch = epoch.map_or(Ok(0), |text| {
            let text = text.to_string_lossy().into_owned();
            text.parse().map_err(|source| CompileError::Epoch { text, source })
        })?;
        let Workshop { root, out, lock } = *workshop;
        let made = CacheFolder::at(out.join(MADE));
        let assembly = Assembly { root, lock, cache: &cache, made: &made, epoch, anew: false };
        let revision = image.settings.revision.commit();
        let assembled = assembly.image(image, &BTreeSet::new(), revision).map_err(CompileError::assembly)?;
        for warning in &assembled.warnings {
            output.warning(warning);
        }
        let layout = out.join(LAYOUTS).join(image.title());
        assembled.write_layout(&layout, &names(image)).map_err(CompileError::assembly)?;
        let manifest =
            |image: &crate::Image| (image.platform.clone(), image.manifest.descriptor.digest.clone());
        Ok(BuiltImage {
            digest: assembled.index.blob.descriptor.digest.clone(),
            platforms: assembled.images.iter().map(manifest).collect(),
            layout,
            layers: assembled.blobs.into_keys().collect(),
        })
    }
}

/// Its names: those whose tags can be known here.
fn names(image: &PackageImage) -> Vec<String> {
    let commit = image.settings.revision.commit().map(str::to_owned);
    let commit = commit.ok_or_else(|| "a build script asks no git".to_owned());
    let tags = image.settings.tags.iter();
    let names = tags.filter_map(|tag| image.names(std::slice::from_ref(tag), &commit).ok());
    names.flatten().map(|name| name.familiar()).collect()
}

/// Removes layers that were made earlier, and are in none of these images.
fn tidy<'b>(out: &Path, images: impl Iterator<Item = &'b BuiltImage>) {
    let used: BTreeSet<&str> = images.flat_map(|image| &image.layers).map(Digest::hex).collect();
    for blob in fs_err::read_dir(out.join(MADE).join("blobs/sha256")).into_iter().flatten().flatten() {
        if blob.file_name().to_str().is_some_and(|name| !used.contains(name)) {
            // It takes room, and nothing else.
            let _ = fs_err::remove_file(blob.path());
        }
    }
}

/// Whether all that an image is made on is locked.
fn is_locked(base: &LockedBase, settings: &ImageSettings) -> bool {
    let has =
        |image: &crate::LockedImage| settings.apt.is_empty() || image.installed(&settings.apt).is_some();
    settings.platforms.iter().all(|platform| base.images.get(platform).is_some_and(has))
}
