//! The image of a package: what its manifest says of both.

mod description;
mod error;
mod tag_template;

use serde::{Deserialize, Serialize};

use crate::{ImageSettings, Reference};

pub use error::TagTemplateError;

/// The image of a package, or one of several.
///
/// ```
/// use pyimage_build::{ImageSettings, PackageFacts, PackageImage, Section};
/// use serde_json::json;
///
/// let value = json!({"tag": "3.13-slim", "tags": ["{version}"]}).into();
/// let section = Section { manifest: "Cargo.toml", key: "package.metadata.pyimage", value: &value };
/// let settings = ImageSettings::read("app", section, None)?.remove(0);
/// let facts = PackageFacts { license: Some("MIT".to_owned()), ..PackageFacts::default() };
/// let image =
///     PackageImage { package: "app".to_owned(), version: "0.3.0".to_owned(), facts, settings };
///
/// assert_eq!(image.title(), "app");
/// assert_eq!(image.names(&[], &Err("no git".to_owned()))?[0].familiar(), "app:0.3.0");
/// let options = image.options(0, None);
/// assert_eq!(options.annotations["org.opencontainers.image.licenses"], "MIT");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageImage {
    /// The package's name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What else Cargo.toml says of the package.
    pub facts: PackageFacts,
    /// What its metadata asks for.
    pub settings: ImageSettings,
}

/// What Cargo.toml says of a package, and its image passes on.
///
/// ```
/// assert_eq!(pyimage_build::PackageFacts::default().license, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFacts {
    /// Where its source is.
    pub repository: Option<String>,
    /// What it is, in a sentence.
    pub description: Option<String>,
    /// Its licence, as SPDX has it.
    pub license: Option<String>,
}

impl PackageImage {
    /// What people call it: its package, with its name where the package has several.
    ///
    /// ```no_run
    /// # fn of(image: &pyimage_build::PackageImage) {
    /// assert_eq!(image.title(), "app-web");
    /// # }
    /// ```
    #[must_use]
    pub fn title(&self) -> String {
        match &self.settings.image {
            Some(image) => format!("{}-{image}", self.package),
            None => self.package.clone(),
        }
    }

    /// Its repository with these tags, or those of its settings where there are none. `commit` is the name of the commit
    /// that it is built from, or why there is none.
    ///
    /// ```no_run
    /// # fn of(image: &pyimage_build::PackageImage) -> Result<(), pyimage_build::TagTemplateError> {
    /// let commit = Ok("77aa1d8c1d4e05c45dcf8b1e2b3e9d0f3a1b2c3d".to_owned());
    /// let names = image.names(&["{git.short-sha}".to_owned()], &commit)?;
    /// assert_eq!(names[0].tag(), Some("77aa1d8"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Where a tag is malformed, or asks for something that there is not.
    pub fn names(
        &self,
        tags: &[String],
        commit: &Result<String, String>,
    ) -> Result<Vec<Reference>, TagTemplateError> {
        let settings = &self.settings;
        let tags = if tags.is_empty() { &settings.tags } else { tags };
        let name = |tag: &String| {
            let tag = tag_template::filled(tag, &self.version, commit)?;
            settings
                .name
                .with_tag(&tag)
                .map_err(|source| TagTemplateError::Malformed { tag, source: Box::new(source) })
        };
        tags.iter().map(name).collect()
    }

    /// The first of its tags that asks for the commit.
    ///
    /// ```no_run
    /// # fn of(image: &pyimage_build::PackageImage) {
    /// assert_eq!(image.asks_for_commit(), Some("{git.sha}"));
    /// # }
    /// ```
    #[must_use]
    pub fn asks_for_commit(&self) -> Option<&str> {
        let asks = |tag: &&String| tag_template::asks_for_commit(tag);
        self.settings.tags.iter().find(asks).map(String::as_str)
    }
}
