//! Images: a base, layers on top of it, and what a container of it starts with.

#[cfg(feature = "image")]
mod config;
#[cfg(feature = "image")]
mod document;
#[cfg(feature = "image")]
mod environment;
#[cfg(feature = "image")]
mod error;
#[cfg(feature = "image")]
mod index;
mod options;
pub(crate) mod syntax;
#[cfg(feature = "image")]
mod written;

#[cfg(feature = "image")]
pub use document::{AddedLayer, BaseImage, Blob, Image};
#[cfg(feature = "image")]
pub(crate) use document::{json, layout_index};
#[cfg(feature = "image")]
pub use error::ImageError;
#[cfg(feature = "image")]
pub use index::ImageIndex;
pub use options::ImageOptions;

/// The most layers that an image may have: overlayfs, on the engines that count, mounts no more.
pub(crate) const MAX_LAYERS: usize = 127;
