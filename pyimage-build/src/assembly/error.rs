//! Why an image could not be assembled.

use std::path::PathBuf;

use crate::{
    AccountError, CacheError, ImageError, LayerError, LayoutError, PackageImage, Place, Platform, SourceError,
};

/// Why an image could not be assembled.
///
/// ```
/// use pyimage_build::AssemblyError;
///
/// let error = AssemblyError::NotLocked { base: "python:3.13-slim".to_owned() };
/// assert_eq!(error.to_string(), "`python:3.13-slim` is not locked");
/// assert_eq!(error.helps(), ["lock it with `cargo pyimage lock`"]);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssemblyError {
    /// The image is not for this platform.
    #[error("the image of `{image}` is not for {platform}")]
    NoPlatform {
        /// The package with the image.
        image: String,
        /// The platform.
        platform: Platform,
    },
    /// A base or a platform of it is not locked.
    #[error("`{base}` is not locked")]
    NotLocked {
        /// The base.
        base: String,
    },
    /// The distribution of a base is not known.
    #[error("the distribution in `{base}` is not known, and so not which packages fit it")]
    UnknownSystem {
        /// The base.
        base: String,
    },
    /// A lock of packages cannot be used.
    #[error("could not use `{}`", lock.display())]
    PackageLock {
        /// The lock.
        lock: PathBuf,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A package has no wheel, and none that was built of its sources is known.
    #[error("`{package}` has no wheel for {target}")]
    NoWheel {
        /// The package.
        package: String,
        /// The Python and the platform.
        target: String,
    },
    /// A lock does not say what a file has to be.
    #[error("the lock has no sha256 for `{package}`")]
    NoDigest {
        /// The package.
        package: String,
    },
    /// Wheels are not in the cache.
    #[error("the image of `{image}` needs what is not in the cache: `{}`", wheels.join("`, `"))]
    MissingWheels {
        /// The package with the image.
        image: String,
        /// Their names.
        wheels: Vec<String>,
    },
    /// Bytecode is not in the cache.
    #[error("the image of `{image}` needs bytecode that is not in the cache: that of {}", what.join(", "))]
    MissingBytecode {
        /// The package with the image.
        image: String,
        /// The wheels, or the standard library.
        what: Vec<String>,
    },
    /// The layer with Debian's packages is not in the cache.
    #[error("the layer of `{}` for {platform} is not in the cache", packages.join("`, `"))]
    MissingApt {
        /// The platform.
        platform: Platform,
        /// The packages.
        packages: Vec<String>,
    },
    /// An engine is to build the image, and none is asked when it is assembled.
    #[error("the image of `{image}` is built from a Dockerfile, and cannot be assembled")]
    Dockerfile {
        /// The package with the image.
        image: String,
    },
    /// The package's own programs are asked for, which are not compiled.
    #[error("the image of `{image}` asks for `bins`, which are not compiled when it is assembled")]
    Bins {
        /// The package with the image.
        image: String,
    },
    /// A wheel is broken.
    #[error("could not use `{wheel}`")]
    Wheel {
        /// The wheel.
        wheel: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The project's files could not be listed.
    #[error("could not tell which files go into the image of `{image}`{}", at(place.as_ref()))]
    Source {
        /// The package with the image.
        image: String,
        /// The glob that is wrong, where it is one.
        place: Option<Place>,
        /// Why.
        source: Box<SourceError>,
    },
    /// Two things of the project are to be at one path.
    #[error("there are two files for `/{path}`: {first} and {second}")]
    TwoFiles {
        /// The path in the image.
        path: String,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A layer could not be made.
    #[error("could not make the layer `{what}`")]
    Layer {
        /// What is in it.
        what: String,
        /// Why.
        source: Box<LayerError>,
    },
    /// The image's user cannot be.
    #[error("could not give the image of `{image}` its user{}", at(place.as_ref()))]
    User {
        /// The package with the image.
        image: String,
        /// The key.
        place: Option<Place>,
        /// Why not.
        source: Box<AccountError>,
    },
    /// The image's documents could not be made.
    #[error("could not assemble `{image}`{}", at(place.as_ref()))]
    Image {
        /// The image.
        image: String,
        /// The key that is wrong, where it is one.
        place: Option<Place>,
        /// Why.
        source: Box<ImageError>,
    },
    /// The layout could not be written.
    #[error("could not write the image to `{}`", folder.display())]
    Layout {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        source: Box<LayoutError>,
    },
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

fn at(place: Option<&Place>) -> String {
    place.map(|place| format!(": {place}")).unwrap_or_default()
}

const FETCH: &str = "get it with `cargo pyimage fetch`, which needs the network";

impl AssemblyError {
    /// What to do about it, a line for each way.
    ///
    /// ```
    /// # use pyimage_build::AssemblyError;
    /// let missing = vec!["rich-14.1.0-py3-none-any.whl".to_owned()];
    /// let error = AssemblyError::MissingWheels { image: "app".to_owned(), wheels: missing };
    /// assert!(error.helps()[0].contains("cargo pyimage fetch"));
    /// ```
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let help = match self {
            Self::NoPlatform { .. } => "add it to `platforms` in Cargo.toml",
            Self::NotLocked { .. } => "lock it with `cargo pyimage lock`",
            Self::UnknownSystem { .. } => {
                "take a tag that names it, such as `3.13-slim-trixie` or `2.7-slim-buster`"
            }
            Self::User { source, .. } => match &**source {
                AccountError::Misspelt { nearest, .. } => {
                    return vec![format!(
                        "`{nearest}` is the base's; any other name is given an entry of its own"
                    )];
                }
                _ => "take a name such as `app`, or a number such as `1000`",
            },
            Self::TwoFiles { .. } => "have one of them go elsewhere, or leave it out",
            Self::Source { source, .. } => return source.helps(),
            Self::Layer { source, .. } => return source.helps(),
            Self::Image { source, .. } => return source.helps(),
            Self::MissingWheels { .. } | Self::MissingApt { .. } => FETCH,
            Self::MissingBytecode { .. } => {
                return vec![
                    "have it compiled by `cargo pyimage fetch`, which needs an engine".to_owned(),
                    "or leave it out: `bytecode = \"none\"` in Cargo.toml".to_owned(),
                ];
            }
            Self::NoWheel { .. } => {
                return vec![
                    "have one built by `cargo pyimage fetch`, which needs an engine".to_owned(),
                    "or take a version with a wheel for it, or leave the platform out".to_owned(),
                ];
            }
            Self::Dockerfile { .. } => {
                return vec![
                    "build it with `cargo pyimage build`".to_owned(),
                    "or have it assembled here: `builder = \"native\"` in Cargo.toml, or `.builder(\"native\")` in code"
                        .to_owned(),
                ];
            }
            Self::Bins { .. } => "leave them out, or build the image with `cargo pyimage build`",
            Self::Cache(error) => return vec![error.help()],
            _ => return Vec::new(),
        };
        vec![help.to_owned()]
    }

    /// The project's files could not be listed: with the place of the glob, where that is wrong.
    #[doc(hidden)]
    #[must_use]
    pub fn of_source(image: &PackageImage, source: SourceError) -> Self {
        let settings = &image.settings;
        let place = source.glob().and_then(|glob| {
            let of_source = settings.source.iter().position(|its| its == glob);
            let of_files = || settings.files.iter().position(|its| its.from == glob);
            match of_source {
                Some(index) => settings.place("source", Some(index)),
                None => settings.place("files", Some(of_files()?)),
            }
        });
        Self::Source { image: image.title(), place, source: Box::new(source) }
    }

    pub(super) fn wheel(wheel: &str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Wheel { wheel: wheel.to_owned(), source: Box::new(source) }
    }
}
