//! Why an image cannot be assembled.

use super::Image;
use crate::Platform;

/// Why an image cannot be assembled.
///
/// ```
/// use pyimage_build::ImageError;
///
/// let error = ImageError::TooManyLayers { count: 130, base: 4 };
/// assert_eq!(error.to_string(), "the image would have 130 layers, and engines take 127");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// More layers than can be mounted.
    #[error("the image would have {count} layers, and engines take {}", Image::MAX_LAYERS)]
    TooManyLayers {
        /// How many there are.
        count: usize,
        /// How many of them are the base's.
        base: usize,
    },
    /// Docker's types have no name for a layer of Zstandard.
    #[error("`{base}` has Docker's media types, which have none for layers of zstd")]
    DockerHasNoZstd {
        /// The base.
        base: String,
    },
    /// No shell and no engine takes this for a variable.
    #[error("`{name}` cannot be the name of a variable, or its value has a NUL")]
    Variable {
        /// The name.
        name: String,
    },
    /// A variable has the value of one that is not there.
    #[error("the variable `{name}` has `${{{variable}}}`, which the base does not have")]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The one that is not there.
        variable: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// A bracket is missing.
    #[error("the variable `{name}` has `${{` without its `}}`: `{value}`")]
    Unclosed {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// A working directory that engines would take for another, or for none.
    #[error("the working directory `{path}` is not an absolute path without `.` and `..`")]
    WorkingDir {
        /// The path.
        path: String,
    },
    /// A volume that engines would take for another, or for none.
    #[error("the volume `{path}` is not an absolute path without `.` and `..`")]
    Volume {
        /// The path.
        path: String,
    },
    /// Something else than a port.
    #[error("`{port}` is not a port such as `8080`, `8080/tcp` or `53/udp`")]
    Port {
        /// The text.
        port: String,
    },
    /// Something else than a signal.
    #[error("`{signal}` is not a signal such as `SIGINT` or `2`")]
    Signal {
        /// The text.
        signal: String,
    },
    /// Something else than a user.
    #[error("`{user}` is not a user such as `app`, `1000` or `1000:1000`")]
    User {
        /// The text.
        user: String,
    },
    /// Two images of an index are for one platform.
    #[error("the index would have two images for {0}")]
    PlatformTwice(Platform),
    /// There is nothing to make an index of.
    #[error("the index would have no image")]
    NoImages,
}

impl ImageError {
    /// The variable that has something wrong in it, if it is one.
    #[must_use]
    pub(crate) fn variable(&self) -> Option<&str> {
        match self {
            Self::Variable { name } | Self::UnknownVariable { name, .. } | Self::Unclosed { name, .. } => {
                Some(name)
            }
            _ => None,
        }
    }

    /// What to do about it.
    ///
    /// ```
    /// let error = pyimage_build::ImageError::TooManyLayers { count: 130, base: 4 };
    /// assert_eq!(error.helps(), ["set `layer-budget` to less than 123, as the base has 4 layers"]);
    /// ```
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::TooManyLayers { base, .. } if base + 3 > Image::MAX_LAYERS => {
                vec![format!("take a base with fewer layers than {base}")]
            }
            Self::TooManyLayers { base, .. } => {
                let room = Image::MAX_LAYERS.saturating_sub(*base);
                vec![format!("set `layer-budget` to less than {room}, as the base has {base} layers")]
            }
            Self::UnknownVariable { nearest: Some(nearest), .. } => {
                vec![format!("did you mean `${{{nearest}}}`?")]
            }
            Self::UnknownVariable { variable, .. } => {
                vec![format!("write `$${{{variable}}}` for a `${{` that stays")]
            }
            Self::DockerHasNoZstd { .. } => {
                vec!["leave `compression` out, or take a base with OCI's types".to_owned()]
            }
            Self::Unclosed { .. } => vec!["write `$${` for a `${` that stays".to_owned()],
            _ => Vec::new(),
        }
    }
}
