//! Why the files of a project cannot be told.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

#[cfg(feature = "image")]
use crate::LayerError;

/// Why the files of a project cannot be told.
///
/// ```
/// use pyimage_build::{Source, SourceError};
///
/// let error = Source::select("missing".as_ref(), "missing".as_ref(), &["/etc"]).unwrap_err();
/// assert_eq!(error.to_string(), "the source `/etc` is wrong: it is absolute, and starts at the package's folder anyway");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceError {
    /// It cannot match anything.
    Glob {
        /// The glob.
        glob: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It matches no file that may be in the image.
    NothingMatches {
        /// The glob.
        glob: String,
        /// What it does match, and what keeps that out.
        left_out: Option<LeftOut>,
    },
    /// It would lead somewhere else in the image, or nowhere.
    SymlinkOut {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Archives and programs would not agree on the name.
    NotUtf8 {
        /// Where it is, with a mark for what cannot be told.
        path: String,
    },
    /// A socket, a pipe, or a device.
    Special {
        /// Where it is.
        path: PathBuf,
    },
    /// A file or a folder cannot be read.
    Read {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Two files are to be at one path of the image.
    TwoFiles {
        /// The path in the image.
        path: String,
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
    /// A file cannot be in a layer.
    #[cfg(feature = "image")]
    Layer(LayerError),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glob { glob, reason } => write!(f, "the source `{glob}` is wrong: {reason}"),
            Self::NothingMatches { glob, .. } => write!(f, "the source `{glob}` matches no file"),
            Self::SymlinkOut { path, target } => write!(
                f,
                "`{}` is a symbolic link out of the project, to `{}`",
                path.display(),
                target.display()
            ),
            Self::NotUtf8 { path } => write!(f, "the name of `{path}` is not UTF-8"),
            Self::Special { path } => write!(f, "`{}` is neither a file nor a folder", path.display()),
            Self::Read { path, .. } => write!(f, "cannot read `{}`", path.display()),
            Self::TwoFiles { path, first, second } => {
                write!(f, "there are two files for `/{path}`: `{first}` and `{second}`")
            }
            #[cfg(feature = "image")]
            Self::Layer(error) => error.fmt(f),
        }
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            #[cfg(feature = "image")]
            Self::Layer(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(feature = "image")]
impl SourceError {
    /// The glob that is wrong, where it is one.
    pub(crate) fn glob(&self) -> Option<&str> {
        match self {
            Self::Glob { glob, .. } | Self::NothingMatches { glob, .. } => Some(glob),
            _ => None,
        }
    }
}

#[cfg(feature = "image")]
impl From<LayerError> for SourceError {
    fn from(error: LayerError) -> Self {
        Self::Layer(error)
    }
}

/// A file or folder that is kept out of the image, and by what.
///
/// ```
/// use pyimage_build::{LeftOut, LeftOutBy};
///
/// let left_out = LeftOut { path: ".env".to_owned(), by: LeftOutBy::Sensitive };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it is in the project.
    pub path: String,
    /// What keeps it out.
    pub by: LeftOutBy,
}

/// What keeps a file out of an image.
///
/// ```
/// assert_ne!(pyimage_build::LeftOutBy::Gitignore, pyimage_build::LeftOutBy::Sensitive);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftOutBy {
    /// A `.gitignore`.
    Gitignore,
    /// The `.dockerignore`.
    Dockerignore,
    /// It may hold a secret, or is made anew anyway, so that it has to be named.
    Sensitive,
}

impl SourceError {
    /// What to do about it.
    ///
    /// ```
    /// use pyimage_build::Source;
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    ///
    /// let error = Source::select(folder, folder, &["main.py"]).unwrap_err();
    /// assert_eq!(error.helps(), ["correct it: it starts at the folder of the package's Cargo.toml"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NothingMatches { left_out: Some(LeftOut { path, by }), .. } => vec![match by {
                LeftOutBy::Gitignore => {
                    format!("`{path}` is left out by `.gitignore`; name it in full to have it")
                }
                LeftOutBy::Dockerignore => format!("`{path}` is left out by `.dockerignore`"),
                LeftOutBy::Sensitive => {
                    format!("`{path}` is only in the image if it is named: add \"{path}\" to `source`")
                }
            }],
            Self::NothingMatches { left_out: None, .. } => {
                vec!["correct it: it starts at the folder of the package's Cargo.toml".to_owned()]
            }
            Self::SymlinkOut { .. } | Self::Special { .. } | Self::NotUtf8 { .. } => {
                vec!["leave it out with a line in `.dockerignore`".to_owned()]
            }
            Self::TwoFiles { .. } => vec!["have one of them go elsewhere, or leave it out".to_owned()],
            #[cfg(feature = "image")]
            Self::Layer(error) => error.helps(),
            _ => Vec::new(),
        }
    }
}
