//! The commit of an image: where all that goes into it is as that has it.

use std::path::PathBuf;

use pyimage_build::{AssemblyError, ExtraFiles, ImageRevision, Lock, Source};

use super::revision::{Revision, RevisionError};
use super::{BuildError, Builder, PackageImage};

impl Builder<'_> {
    /// The commit that names exactly this image, if there is one.
    pub(super) fn whole<'r>(
        &self,
        image: &'r PackageImage,
        revision: &'r Result<Revision, RevisionError>,
    ) -> Result<Option<&'r str>, BuildError> {
        let settings = &image.settings.revision;
        if *settings != ImageRevision::Git && image.asks_for_commit().is_none() {
            return Ok(settings.commit());
        }
        // The commit names the image only if it has all that goes in: who checks it out gets the same.
        let whole = match revision {
            Ok(revision) => revision.has(&self.inputs(image)?).then_some(revision),
            Err(_) => None,
        };
        // What goes into a program is cargo's to know: all of the repository may.
        let whole = whole.filter(|revision| image.settings.bins.is_none() || revision.is_unchanged());
        if let (Ok(revision), None) = (revision, whole)
            && let Some(tag) = image.asks_for_commit()
            && settings.commit().is_none()
        {
            let (title, commit) = (image.title(), revision.short());
            let told =
                format_args!("`{title}` is tagged `{tag}`, and what goes into it is not what {commit} has");
            self.shell.warn(told);
        }
        Ok(match settings {
            ImageRevision::Git => whole.map(|revision| revision.commit.as_str()),
            _ => settings.commit(),
        })
    }

    /// The files that an image is a function of.
    fn inputs(&self, image: &PackageImage) -> Result<Vec<PathBuf>, BuildError> {
        let settings = &image.settings;
        let (folder, root) = (&settings.folder, self.root.as_std_path());
        let mut inputs = vec![root.join(Lock::FILE), root.join("Cargo.toml"), folder.join("Cargo.toml")];
        inputs.extend(settings.packages.requirements.clone());
        // Without packages there is none.
        inputs.extend(settings.packages.lock.is_file().then(|| settings.packages.lock.clone()));
        let failed = |source| AssemblyError::of_source(image, source);
        let above = if folder.starts_with(root) { root } else { folder };
        if !settings.source.is_empty() {
            let source = Source::select(folder, above, &settings.source).map_err(failed)?;
            inputs.extend(source.files().iter().map(|file| folder.join(&file.path)));
        }
        if !settings.files.is_empty() {
            let extra = ExtraFiles::select(folder, above, &settings.files).map_err(failed)?;
            inputs.extend(extra.paths().map(|(_, from)| folder.join(from)));
        }
        Ok(inputs)
    }
}
