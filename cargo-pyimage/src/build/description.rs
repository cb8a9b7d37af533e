//! What an image says of itself: OCI's [annotations], from Cargo.toml and git.
//!
//! [annotations]: https://github.com/opencontainers/image-spec/blob/main/annotations.md

use std::path::PathBuf;

use pyimage_build::{ExtraFiles, ImageOptions, Lock, Source};

use super::revision::{Revision, RevisionError};
use super::tag_template::asks_for_commit;
use super::{BuildError, Builder, PackageImage};

/// Where these annotations belong.
const PREFIX: &str = "org.opencontainers.image.";

impl Builder<'_> {
    /// Adds what Cargo.toml and git say to an image's annotations and labels. What the project says itself stays.
    pub(super) fn describe(
        &self,
        image: &PackageImage,
        revision: &Result<Revision, RevisionError>,
        options: &mut ImageOptions,
    ) -> Result<(), BuildError> {
        let facts = &image.facts;
        // The commit names the image only if it has all that goes in: who checks it out gets the same.
        let whole = match revision {
            Ok(revision) => revision.has(&self.inputs(image)?).then_some(revision),
            Err(_) => None,
        };
        // What goes into a program is cargo's to know: all of the repository may.
        let whole = whole.filter(|revision| image.settings.bins.is_none() || revision.is_unchanged());
        if let (Ok(revision), None) = (revision, whole)
            && let Some(tag) = image.settings.tags.iter().find(|tag| asks_for_commit(tag))
        {
            let (title, commit) = (image.title(), revision.short());
            let told =
                format_args!("`{title}` is tagged `{tag}`, and what goes into it is not what {commit} has");
            self.shell.warn(told);
        }
        options.source.clone_from(&facts.repository);
        options.revision = whole.map(|revision| revision.commit.clone());
        let known = [
            ("title", Some(image.title())),
            ("version", Some(image.version.clone())),
            ("description", facts.description.clone()),
            ("licenses", facts.license.clone()),
        ];
        for (key, value) in known {
            if let Some(value) = value {
                options.annotations.entry(format!("{PREFIX}{key}")).or_insert(value);
            }
        }
        let labels = [("source", &options.source), ("revision", &options.revision)];
        let labels =
            labels.into_iter().filter_map(|(key, value)| Some((format!("{PREFIX}{key}"), value.clone()?)));
        let labels = labels.chain(options.annotations.clone()).filter(|(key, _)| key.starts_with(PREFIX));
        for (key, value) in labels.collect::<Vec<_>>() {
            options.labels.entry(key).or_insert(value);
        }
        Ok(())
    }

    /// The files that an image is a function of.
    fn inputs(&self, image: &PackageImage) -> Result<Vec<PathBuf>, BuildError> {
        let settings = &image.settings;
        let (folder, root) = (&settings.folder, self.root.as_std_path());
        let mut inputs = vec![root.join(Lock::FILE), root.join("Cargo.toml"), folder.join("Cargo.toml")];
        inputs.extend(settings.packages.requirements.clone());
        // Without packages there is none.
        inputs.extend(settings.packages.lock.is_file().then(|| settings.packages.lock.clone()));
        let failed = |source| BuildError::Source { image: image.title(), source: Box::new(source) };
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
