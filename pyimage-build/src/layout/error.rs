//! What can be wrong with a layout.

use std::io;
use std::path::PathBuf;

use crate::{Digest, DocumentError};

/// What is wrong with a layout, or kept one from being written.
///
/// ```
/// use pyimage_build::Layout;
///
/// let error = Layout::open("missing").unwrap_err();
/// assert_eq!(error.to_string(), "`missing` is no image layout: it has no `oci-layout`");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// There is none.
    #[error("`{}` is no image layout: it has no `oci-layout`", folder.display())]
    NoLayout {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// It is of a version that is not known, or it does not say.
    #[error("`{}` is no image layout of version 1 but of {}", folder.display(), version.as_deref().unwrap_or("none"))]
    Version {
        /// Where it is.
        folder: PathBuf,
        /// Its version.
        version: Option<String>,
    },
    /// Its list of images is something else.
    #[error("`{}` is not an index", path.display())]
    NoIndex {
        /// Where it is.
        path: PathBuf,
    },
    /// Its list of images is damaged.
    #[error("cannot read the index `{}`", path.display())]
    Document {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        source: Box<DocumentError>,
    },
    /// A file is not what its digest says.
    #[error("`{}` does not have the digest {digest}", path.display())]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What it should have.
        digest: Digest,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The destination of an archive takes no more.
    #[error("cannot write the archive")]
    Archive(#[source] io::Error),
}
