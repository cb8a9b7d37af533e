//! Why a layer cannot be listed.

use std::io;

/// Why the entries of a layer cannot be told.
///
/// ```
/// use pyimage_build::{LayerListing, ListingError};
///
/// let first = LayerListing::new(&[7; 512][..]).next();
/// assert!(matches!(first, Some(Err(ListingError::NotAnArchive))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// It cannot be read, or not be decompressed.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It ends in the middle.
    #[error("its archive ends in the middle of a file")]
    Truncated,
    /// It is no tar archive, or damaged.
    #[error("it is no tar archive, or damaged")]
    NotAnArchive,
    /// A name in it is longer than any file system takes.
    #[error("a name in it has {size} bytes")]
    LongName {
        /// How many.
        size: u64,
    },
    /// It has more files than any image.
    #[error("it has more than 2 million files, or their names are longer than 256 MiB")]
    TooMany,
}
