//! What can be wrong with the section of a manifest.

use std::error::Error;
use std::fmt;

use super::TAG_NAMES;
use super::locate::line;
use crate::image::syntax::SIGNALS;
use crate::{KNOWN_TAGS, Platform, PlatformError, PythonTagError, ReferenceError, nearest, nearest_tags};

/// A key of a manifest.
///
/// ```
/// use pyimage_build::Place;
///
/// let place = Place::new("package.metadata.pyimage".to_owned(), "Cargo.toml");
/// assert_eq!(place.to_string(), "`package.metadata.pyimage` in `Cargo.toml`");
/// assert_eq!(Place { line: Some(7), ..place }.to_string(), "`package.metadata.pyimage` in `Cargo.toml:7`");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The key, in full.
    pub key: String,
    /// The manifest's path.
    pub manifest: String,
    /// Its line, from 1, where it is known: [`MetadataError::located`].
    pub line: Option<usize>,
}

impl Place {
    /// A key whose line is not known.
    ///
    /// ```
    /// let place = pyimage_build::Place::new("package.metadata.pyimage.tag".to_owned(), "Cargo.toml");
    /// assert_eq!(place.to_string(), "`package.metadata.pyimage.tag` in `Cargo.toml`");
    /// ```
    #[must_use]
    pub fn new(key: String, manifest: &str) -> Self {
        Self { key, manifest: manifest.to_owned(), line: None }
    }

    /// A key of the table at this place.
    pub(super) fn key(mut self, key: &str) -> Self {
        let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let key = if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { format!("{key:?}") };
        self.key = format!("{}.{key}", self.key);
        self
    }

    /// The same with its line, in the text of its manifest.
    pub(super) fn located(mut self, text: impl Fn(&str) -> Option<String>) -> Self {
        self.line = text(&self.manifest).and_then(|text| line(&text, &self.key));
        self
    }

    /// An entry of the list at this place.
    pub(super) fn entry(mut self, index: usize) -> Self {
        self.key = format!("{}[{index}]", self.key);
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, manifest, line } = self;
        match line {
            Some(line) => write!(f, "`{key}` in `{manifest}:{line}`"),
            None => write!(f, "`{key}` in `{manifest}`"),
        }
    }
}

/// Why the section of a manifest makes no image.
///
/// ```
/// use pyimage_build::{ImageSettings, Section};
///
/// let value = serde_json::json!({"tga": "3.13-slim"}).into();
/// let section = Section { manifest: "Cargo.toml", key: "package.metadata.pyimage", value: &value };
/// let error = ImageSettings::read("app", section, None).unwrap_err();
/// assert_eq!(error.to_string(), "unknown key `package.metadata.pyimage.tga` in `Cargo.toml`");
/// assert_eq!(error.helps(), ["did you mean `tag`?"]);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum MetadataError {
    /// A key that means nothing.
    UnknownKey {
        /// The key.
        place: Place,
        /// The key that was probably meant.
        nearest: Option<String>,
        /// The keys that there are.
        valid: Vec<&'static str>,
    },
    /// A value of another type.
    WrongType {
        /// The key.
        place: Place,
        /// The type it has to have.
        expected: &'static str,
        /// The type it has.
        found: &'static str,
    },
    /// A word that is none of those there are.
    Choice {
        /// The key.
        place: Place,
        /// Its value.
        found: String,
        /// The values that there are.
        valid: &'static [&'static str],
    },
    /// The base is given twice.
    TagAndBase {
        /// The one key.
        tag: Box<Place>,
        /// The other.
        base: Box<Place>,
    },
    /// The base is not given.
    NoBase {
        /// The table.
        place: Place,
    },
    /// The tag is none of the official image.
    Tag {
        /// The key.
        place: Place,
        /// Its value.
        tag: String,
        /// The reason.
        source: Box<PythonTagError>,
    },
    /// The image reference is malformed.
    Reference {
        /// The key.
        place: Place,
        /// Its value.
        reference: String,
        /// The reason.
        source: Box<ReferenceError>,
    },
    /// The name has a tag or a digest.
    TaggedName {
        /// The key.
        place: Place,
        /// Its value.
        name: String,
    },
    /// The package's name cannot be that of an image.
    PackageName {
        /// The package.
        package: String,
        /// The reason.
        source: Box<ReferenceError>,
    },
    /// A tag asks for something that there is not.
    TagName {
        /// The entry.
        place: Place,
        /// What it asks for.
        name: String,
    },
    /// The platform is malformed.
    Platform {
        /// The entry.
        place: Place,
        /// Its value.
        platform: String,
        /// The reason.
        source: Box<PlatformError>,
    },
    /// There is no such signal.
    Signal {
        /// The key.
        place: Place,
        /// Its value.
        signal: String,
    },
    /// A platform is listed twice.
    PlatformTwice {
        /// The second entry.
        place: Place,
        /// The platform.
        platform: Box<Platform>,
    },
    /// The name of a lock is not what PEP 751 wants.
    LockName {
        /// The key.
        place: Place,
        /// Its value.
        name: String,
    },
    /// A path has to be absolute.
    Relative {
        /// The key.
        place: Place,
        /// Its value.
        path: String,
    },
    /// A key that has to be there is not.
    Missing {
        /// The key.
        place: Place,
    },
    /// A value that means nothing.
    Value {
        /// The key.
        place: Place,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name is empty.
    Empty {
        /// The key or entry.
        place: Place,
    },
    /// Debian has no package of such a name.
    AptPackage {
        /// The entry.
        place: Place,
        /// The name.
        name: String,
    },
    /// A list or a table is empty.
    NoEntries {
        /// The key.
        place: Place,
    },
    /// The name of an image cannot be part of those of its repository and its lock.
    ImageName {
        /// The key.
        place: Place,
        /// The name.
        name: String,
    },
    /// Images are named where they cannot be.
    ImagesHere {
        /// The key.
        place: Place,
    },
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { place, .. } => write!(f, "unknown key {place}"),
            Self::WrongType { place, expected, found } => {
                write!(f, "expected {expected} for {place}, found {found}")
            }
            Self::Choice { place, found, .. } => write!(f, "`{found}` is unknown, for {place}"),
            Self::TagName { place, name } => write!(f, "there is no `{{{name}}}`, for {place}"),
            Self::TagAndBase { tag, base } => write!(f, "both {tag} and {base} are set"),
            Self::NoBase { place } => write!(f, "{place} names no base"),
            Self::Tag { place, tag, .. } => {
                write!(f, "`{tag}` is no tag of the official Python image, for {place}")
            }
            Self::Reference { place, reference, .. } => {
                write!(f, "`{reference}` is no image reference, for {place}")
            }
            Self::TaggedName { place, name } => {
                write!(f, "`{name}` has a tag or a digest, for {place}, which names a repository")
            }
            Self::PackageName { package, .. } => {
                write!(f, "the name of package `{package}` cannot be that of an image")
            }
            Self::Platform { place, platform, .. } => write!(f, "`{platform}` is no platform, for {place}"),
            Self::Signal { place, signal } => {
                write!(f, "`{signal}` is not a signal such as `SIGINT` or `2`, for {place}")
            }
            Self::PlatformTwice { place, platform } => write!(f, "{platform} is listed twice: {place}"),
            Self::LockName { place, name } => write!(f, "`{name}` is no name of a lock, for {place}"),
            Self::Relative { place, path } => write!(f, "`{path}` is not absolute, for {place}"),
            Self::Missing { place } => write!(f, "there is no {place}"),
            Self::Value { place, value, reason } => write!(f, "`{value}` {reason}, for {place}"),
            Self::Empty { place } => write!(f, "{place} is an empty string"),
            Self::AptPackage { place, name } => {
                write!(f, "{place} is `{name}`, which is no name of a package of Debian")
            }
            Self::NoEntries { place } => write!(f, "{place} is empty"),
            Self::ImageName { place, name } => write!(f, "`{name}` is no name of an image: {place}"),
            Self::ImagesHere { place } => write!(f, "{place} is not in the section of a package"),
        }
    }
}

impl Error for MetadataError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Tag { source, .. } => Some(source.as_ref()),
            Self::Reference { source, .. } | Self::PackageName { source, .. } => Some(source.as_ref()),
            Self::Platform { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl MetadataError {
    /// With the line of each key that is named, in the text of its manifest.
    ///
    /// ```
    /// use pyimage_build::{ImageSettings, Section};
    ///
    /// let value = serde_json::json!({"tga": "3.13-slim"}).into();
    /// let section = Section { manifest: "Cargo.toml", key: "package.metadata.pyimage", value: &value };
    /// let error = ImageSettings::read("app", section, None).unwrap_err();
    /// let error = error.located(|_| Some("[package.metadata.pyimage]\ntga = \"3.13-slim\"\n".to_owned()));
    /// assert_eq!(error.to_string(), "unknown key `package.metadata.pyimage.tga` in `Cargo.toml:2`");
    /// ```
    #[must_use]
    pub fn located(mut self, text: impl Fn(&str) -> Option<String>) -> Self {
        for place in self.places() {
            place.line = text(&place.manifest).and_then(|text| line(&text, &place.key));
        }
        self
    }

    fn places(&mut self) -> Vec<&mut Place> {
        match self {
            Self::UnknownKey { place, .. }
            | Self::WrongType { place, .. }
            | Self::Choice { place, .. }
            | Self::NoBase { place }
            | Self::Tag { place, .. }
            | Self::Reference { place, .. }
            | Self::TaggedName { place, .. }
            | Self::TagName { place, .. }
            | Self::Platform { place, .. }
            | Self::Signal { place, .. }
            | Self::PlatformTwice { place, .. }
            | Self::LockName { place, .. }
            | Self::AptPackage { place, .. }
            | Self::Relative { place, .. }
            | Self::Missing { place }
            | Self::Value { place, .. }
            | Self::Empty { place }
            | Self::NoEntries { place }
            | Self::ImageName { place, .. }
            | Self::ImagesHere { place } => vec![place],
            Self::TagAndBase { tag, base } => vec![tag, base],
            Self::PackageName { .. } => Vec::new(),
        }
    }

    /// What to do about it, a line for each way.
    ///
    /// ```
    /// use pyimage_build::{ImageSettings, Section};
    ///
    /// let value = serde_json::json!({}).into();
    /// let section = Section { manifest: "Cargo.toml", key: "package.metadata.pyimage", value: &value };
    /// let error = ImageSettings::read("app", section, None).unwrap_err();
    /// assert_eq!(error.helps(), ["add `tag = \"3.13-slim\"`, or `base` for an image of your own"]);
    /// ```
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let help = match self {
            Self::UnknownKey { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::UnknownKey { valid, .. } => format!("the keys are `{}`", valid.join("`, `")),
            Self::Choice { found, valid, .. } => match nearest(found, valid.iter().copied())[..] {
                [near, ..] => format!("did you mean `\"{near}\"`?"),
                [] => format!("it is one of `\"{}\"`", valid.join("\"`, `\"")),
            },
            Self::TagName { name, .. } => match nearest(name, TAG_NAMES)[..] {
                [near, ..] => format!("did you mean `{{{near}}}`?"),
                [] => "there are `{version}`, `{git.sha}` and `{git.short-sha}`".to_owned(),
            },
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
            Self::Signal { signal, .. } => match nearest(signal, SIGNALS.iter().copied())[..] {
                [near, ..] => format!("did you mean `\"{near}\"`?"),
                [] => return Vec::new(),
            },
            Self::Platform { platform, .. } => match Platform::nearest(platform) {
                Some(near) => format!("did you mean `\"{near}\"`?"),
                None => return Vec::new(),
            },
            Self::NoEntries { place } if place.key.ends_with("platforms") => {
                "leave it out for linux/amd64 and linux/arm64, or name a platform".to_owned()
            }
            Self::NoEntries { .. } => "leave it out, or name one".to_owned(),
            Self::ImageName { .. } => "use lower-case letters, digits and `-`".to_owned(),
            Self::ImagesHere { .. } => "move it to `[package.metadata.pyimage.images]`".to_owned(),
            Self::LockName { .. } => "call it `pylock.toml`, or `pylock.NAME.toml`".to_owned(),
            Self::PackageName { .. } => "give the image a `name`".to_owned(),
            _ => return Vec::new(),
        };
        vec![help]
    }
}
