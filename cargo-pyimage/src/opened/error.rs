//! Why an image cannot be looked at.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{
    Digest, DocumentError, LayoutError, ListingError, Platform, Reference, ReferenceError, printable,
};
use pyrun::registry::RegistryError;

/// Why an image cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is called what no image is called.
    #[error("`{name}` is neither a file or folder that is there nor the name of an image")]
    Name {
        /// What it is called.
        name: String,
        /// Why not.
        source: Box<ReferenceError>,
    },
    /// There is nothing at its path.
    #[error("there is no `{path}`")]
    NoFile {
        /// The path.
        path: Utf8PathBuf,
    },
    /// A file cannot be read.
    #[error("could not read `{path}`")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The folder is no layout, or a damaged one.
    #[error("could not read the image in `{folder}`")]
    Layout {
        /// The folder.
        folder: Utf8PathBuf,
        /// What is wrong.
        source: Box<LayoutError>,
    },
    /// The file is no archive.
    #[error("`{path}` is no archive of images")]
    NoArchive {
        /// The file.
        path: Utf8PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The archive is compressed as a whole.
    #[error("`{path}` is compressed, so that nothing in it can be found without reading all of it")]
    Compressed {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The archive has too many files for one of images.
    #[error("`{path}` has more than 100000 files, and is no archive of images")]
    TooManyFiles {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The archive has no images.
    #[error("`{path}` has neither the `index.json` of a layout nor the `manifest.json` of `docker save`")]
    NoImages {
        /// The file.
        path: Utf8PathBuf,
    },
    /// What `docker save` says of an image is damaged.
    #[error("could not read `manifest.json` in `{path}`")]
    Saved {
        /// The archive.
        path: Utf8PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// There are several images, or none of that name.
    #[error("`{image}` does not say which image of {}", or_none(names))]
    WhichImage {
        /// What was asked for.
        image: String,
        /// The names of those that are there.
        names: Vec<String>,
    },
    /// There is nothing in it that runs anywhere.
    #[error("`{image}` has no image for any platform")]
    Empty {
        /// The image.
        image: String,
    },
    /// It is not for this platform.
    #[error("`{image}` is not for {platform}")]
    NoPlatform {
        /// The image.
        image: String,
        /// The platform.
        platform: Platform,
        /// Those that it is for.
        there: Vec<Platform>,
    },
    /// A document makes no sense.
    #[error("could not read the document `{}`", printable(what.as_bytes()))]
    Document {
        /// Its digest or name.
        what: String,
        /// What is wrong.
        source: Box<DocumentError>,
    },
    /// A document is not there.
    #[error("`{what}` is not there")]
    Missing {
        /// Its digest or name.
        what: String,
    },
    /// Something does not have its digest.
    #[error("`{what}` is damaged: it does not have its digest or size")]
    Damaged {
        /// Its digest or name.
        what: String,
    },
    /// A manifest and a configuration tell of different layers.
    #[error("manifest and configuration of `{what}` tell of different numbers of layers")]
    Disagreement {
        /// The digest of one of them.
        what: String,
    },
    /// A layer cannot be read.
    #[error("could not read the layer `{digest}`")]
    Layer {
        /// The digest of its blob.
        digest: Digest,
        /// What is wrong.
        source: ListingError,
    },
    /// A layer is not what the image says.
    #[error("the layer `{digest}` is damaged: {what} the digest {found}")]
    DamagedLayer {
        /// The digest of its blob.
        digest: Digest,
        /// What of it.
        what: &'static str,
        /// The digest that this has.
        found: Digest,
    },
    /// A registry refused or failed.
    #[error("could not get `{image}` from its registry")]
    Registry {
        /// The image.
        image: String,
        /// Why.
        source: Box<RegistryError>,
    },
    /// A thread that reads a layer ended before its time.
    #[error("could not read a layer")]
    Thread(#[source] io::Error),
}

impl OpenError {
    pub(super) fn layout(folder: &Utf8Path, source: LayoutError) -> Self {
        Self::Layout { folder: folder.to_owned(), source: Box::new(source) }
    }

    pub(super) fn registry(image: &Reference, source: RegistryError) -> Self {
        Self::Registry { image: image.familiar(), source: Box::new(source) }
    }

    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Compressed { path } => vec![format!("decompress it: `gunzip -k {path}`")],
            Self::WhichImage { image, names } => {
                let names = names.iter().map(|name| format!("`{image}:{}`", printable(name.as_bytes())));
                let names: Vec<_> = names.take(5).collect();
                if names.is_empty() { Vec::new() } else { vec![format!("name one: {}", names.join(", "))] }
            }
            Self::Layout { folder, source } if matches!(**source, LayoutError::NoLayout { .. }) => {
                vec![format!(
                    "`{folder}` is a folder here; an image of that name in a registry is named with its tag"
                )]
            }
            Self::NoPlatform { there, .. } => {
                let there: Vec<_> = there.iter().map(ToString::to_string).collect();
                vec![format!("it is for {}", there.join(", "))]
            }
            Self::Registry { image, source } => {
                let mut helps = source.helps();
                if source.is_not_found() {
                    helps.push(format!("if a file or folder is meant: there is no `{image}` here"));
                }
                helps
            }
            _ => Vec::new(),
        }
    }
}

fn or_none(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().map(|name| printable(name.as_bytes())).collect();
    match shown.len() {
        0 => "those without names".to_owned(),
        _ => format!("`{}`", shown.join("`, `")),
    }
}
