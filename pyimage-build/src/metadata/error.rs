//! What can be wrong with the section of a manifest.

use std::fmt;

use crate::{KNOWN_TAGS, Platform, PlatformError, PythonTagError, ReferenceError, nearest_tags};

/// A key of a manifest.
///
/// ```
/// use pyimage_build::Place;
///
/// let place = Place { key: "package.metadata.pyimage".to_owned(), manifest: "Cargo.toml".to_owned() };
/// assert_eq!(place.to_string(), "`package.metadata.pyimage` in `Cargo.toml`");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The key, in full.
    pub key: String,
    /// The manifest's path.
    pub manifest: String,
}

impl Place {
    /// An entry of the list at this place.
    pub(super) fn entry(mut self, index: usize) -> Self {
        self.key = format!("{}[{index}]", self.key);
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in `{}`", self.key, self.manifest)
    }
}

/// Why the section of a manifest makes no image.
///
/// ```
/// use pyimage_build::{ImageSettings, Section};
///
/// let value = serde_json::json!({"tga": "3.13-slim"});
/// let section = Section { manifest: "Cargo.toml", key: "package.metadata.pyimage", value: &value };
/// let error = ImageSettings::read("app", section, None).unwrap_err();
/// assert_eq!(error.to_string(), "unknown key `package.metadata.pyimage.tga` in `Cargo.toml`");
/// assert_eq!(error.helps(), ["did you mean `tag`?"]);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A key that means nothing.
    #[error("unknown key {place}")]
    UnknownKey {
        /// The key.
        place: Place,
        /// The key that was probably meant.
        nearest: Option<String>,
        /// The keys that there are.
        valid: &'static [&'static str],
    },
    /// A value of another type.
    #[error("expected {expected} for {place}, found {found}")]
    WrongType {
        /// The key.
        place: Place,
        /// The type it has to have.
        expected: &'static str,
        /// The type it has.
        found: &'static str,
    },
    /// The base is given twice.
    #[error("both {tag} and {base} are set")]
    TagAndBase {
        /// The one key.
        tag: Place,
        /// The other.
        base: Place,
    },
    /// The base is not given.
    #[error("{place} names no base")]
    NoBase {
        /// The table.
        place: Place,
    },
    /// The tag is none of the official image.
    #[error("`{tag}` is no tag of the official Python image, for {place}")]
    Tag {
        /// The key.
        place: Place,
        /// Its value.
        tag: String,
        /// The reason.
        source: Box<PythonTagError>,
    },
    /// The image reference is malformed.
    #[error("`{reference}` is no image reference, for {place}")]
    Reference {
        /// The key.
        place: Place,
        /// Its value.
        reference: String,
        /// The reason.
        source: Box<ReferenceError>,
    },
    /// The name has a tag or a digest.
    #[error("`{name}` has a tag or a digest, for {place}, which names a repository")]
    TaggedName {
        /// The key.
        place: Place,
        /// Its value.
        name: String,
    },
    /// The package's name cannot be that of an image.
    #[error("the name of package `{package}` cannot be that of an image")]
    PackageName {
        /// The package.
        package: String,
        /// The reason.
        source: Box<ReferenceError>,
    },
    /// The platform is malformed.
    #[error("`{platform}` is no platform, for {place}")]
    Platform {
        /// The entry.
        place: Place,
        /// Its value.
        platform: String,
        /// The reason.
        source: Box<PlatformError>,
    },
    /// A platform is listed twice.
    #[error("{platform} is listed twice: {place}")]
    PlatformTwice {
        /// The second entry.
        place: Place,
        /// The platform.
        platform: Platform,
    },
    /// The name of a lock is not what PEP 751 wants.
    #[error("`{name}` is no name of a lock, for {place}")]
    LockName {
        /// The key.
        place: Place,
        /// Its value.
        name: String,
    },
    /// A path has to be absolute.
    #[error("`{path}` is not absolute, for {place}")]
    Relative {
        /// The key.
        place: Place,
        /// Its value.
        path: String,
    },
    /// A name is empty.
    #[error("{place} is an empty string")]
    Empty {
        /// The key or entry.
        place: Place,
    },
    /// The list of platforms is empty.
    #[error("{place} is empty")]
    NoPlatforms {
        /// The key.
        place: Place,
    },
}

impl MetadataError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let help = match self {
            Self::UnknownKey { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::UnknownKey { valid, .. } => format!("the keys are `{}`", valid.join("`, `")),
            Self::TagAndBase { .. } => {
                "keep `tag` for an official Python image, or `base` for any other".to_owned()
            }
            Self::NoBase { .. } => "add `tag = \"3.13-slim\"`, or `base` for an image of your own".to_owned(),
            // `tag = 3.10` is the number 3.1.
            Self::WrongType { place, .. } if place.key.rsplit('.').next() == Some("tag") => {
                "put the tag in quotes, as in `tag = \"3.13-slim\"`".to_owned()
            }
            Self::Tag { tag, .. } => match nearest_tags(tag, KNOWN_TAGS)[..] {
                [near, ..] => format!("did you mean `tag = \"{near}\"`?"),
                [] => return Vec::new(),
            },
            Self::NoPlatforms { .. } => {
                "leave it out for linux/amd64 and linux/arm64, or name a platform".to_owned()
            }
            Self::LockName { .. } => "call it `pylock.toml`, or `pylock.NAME.toml`".to_owned(),
            Self::PackageName { .. } => "give the image a `name`".to_owned(),
            _ => return Vec::new(),
        };
        vec![help]
    }
}
