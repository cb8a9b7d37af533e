//! Why a layer cannot be made.

use std::io;
use std::path::PathBuf;

use crate::WheelError;

/// Why a layer cannot be made.
///
/// ```
/// use pyimage_build::{LayerContents, LayerError};
///
/// let error = LayerContents::new().add_folder("usr/.wh.src", 0o755).unwrap_err();
/// assert!(matches!(&error, LayerError::Whiteout { .. }));
/// assert_eq!(error.helps(), ["rename it, or leave it out"]);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Different programs could take it for different paths, or none takes it.
    #[error("`{path}` cannot be a path in an image: {reason}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Engines take files whose names start with `.wh.` for the removal of others.
    #[error("`{path}` would remove a file of the layers below, as its name starts with `.wh.`")]
    Whiteout {
        /// The path.
        path: String,
    },
    /// What is put there would hide a folder of the base.
    #[error("`{path}` is below `/{link}`, which is a symbolic link in the base")]
    BelowLink {
        /// The path.
        path: String,
        /// The link.
        link: &'static str,
        /// Where it leads.
        target: &'static str,
    },
    /// Two things are to be at one path.
    #[error("there are two files for `{path}`")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// Something is to be in what is no folder.
    #[error("`{path}` is a file, and a folder of other files")]
    FileAndFolder {
        /// The path.
        path: String,
    },
    /// A wheel is damaged.
    #[error(transparent)]
    Wheel(#[from] WheelError),
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A folder, a device or something else that has no content.
    #[error("`{}` is not a file", path.display())]
    NotAFile {
        /// Where it is.
        path: PathBuf,
    },
    /// Somebody else wrote to it.
    #[error("`{}` changed while it was read", path.display())]
    Changed {
        /// Where it is.
        path: PathBuf,
    },
    /// The destination takes no more.
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
}

impl LayerError {
    /// What to do about it.
    ///
    /// ```
    /// let error = pyimage_build::LayerContents::new().add_folder("usr/.wh.src", 0o755).unwrap_err();
    /// assert_eq!(error.helps(), ["rename it, or leave it out"]);
    /// ```
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Whiteout { .. } => vec!["rename it, or leave it out".to_owned()],
            Self::BelowLink { path, link, target } => {
                let rest = path.strip_prefix(link).unwrap_or_default();
                vec![format!("put it at `/{target}{rest}`")]
            }
            Self::Changed { .. } => {
                vec![
                    "build again, once nothing writes to it; or leave it out with `.dockerignore`".to_owned(),
                ]
            }
            _ => Vec::new(),
        }
    }
}
