//! What an image says of itself: OCI's [annotations], from Cargo.toml and git.
//!
//! [annotations]: https://github.com/opencontainers/image-spec/blob/main/annotations.md

use super::PackageImage;
use crate::ImageOptions;

/// Where these annotations belong.
const PREFIX: &str = "org.opencontainers.image.";

impl PackageImage {
    /// What a container of it starts with, and what it says of itself: by its manifest, when it was created, and the
    /// commit that has all that goes into it, if there is one. What the project says itself stays.
    ///
    /// ```no_run
    /// # fn of(image: &pyimage_build::PackageImage) {
    /// let options = image.options(0, Some("77aa1d8c1d4e05c45dcf8b1e2b3e9d0f3a1b2c3d"));
    /// assert!(options.labels.contains_key("org.opencontainers.image.revision"));
    /// # }
    /// ```
    #[must_use]
    pub fn options(&self, created: u64, revision: Option<&str>) -> ImageOptions {
        let facts = &self.facts;
        let mut options = self.settings.options.clone();
        options.created = created;
        options.source.clone_from(&facts.repository);
        options.revision = revision.map(str::to_owned);
        let known = [
            ("title", Some(self.title())),
            ("version", Some(self.version.clone())),
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
        options
    }
}
