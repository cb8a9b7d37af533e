//! `cargo pyimage tree`: what weighs how much in an image, as a picture.

mod node;
mod page;
mod squarify;
mod text;

use pyimage_build::{Digest, Platform};
use pyrun::shell::Shell;

use crate::opened::{OpenError, Opened, Reach};

pub use node::{Kind, Node};
pub use squarify::{Rectangle, squarify};

/// An image as trees, one for each platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forest {
    /// What the image was asked for by.
    pub image: String,
    /// Its digest.
    pub digest: Option<Digest>,
    /// The trees.
    pub trees: Vec<Tree>,
}

/// What weighs how much for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The platform.
    pub platform: Platform,
    /// The bytes of the layers as they travel.
    pub packed: u64,
    /// The image, with its layers, their wheels, and the folders of those.
    pub root: Node,
    /// Each layer's other platforms that have it, too.
    pub shared: Vec<Vec<Platform>>,
}

/// Weighs an image, as far as its layers can be reached.
///
/// # Errors
/// Where a layer is damaged, or cannot be downloaded.
pub async fn tree(opened: &Opened<'_>, reach: Reach, shell: &Shell) -> Result<Forest, OpenError> {
    let layers = opened.images.iter().flat_map(|image| image.layers.iter().map(move |layer| (image, layer)));
    let readings = opened.read(layers, reach, false, shell).await?;
    let trees = opened.images.iter().map(|image| {
        let others = || opened.images.iter().filter(|other| other.platform != image.platform);
        let shared = image.layers.iter().map(|layer| {
            let having = others().filter(|other| other.layers.iter().any(|its| its.blob == layer.blob));
            having.map(|other| other.platform.clone()).collect()
        });
        Tree {
            platform: image.platform.clone(),
            packed: image.size(),
            root: Node::of(image, &readings),
            shared: shared.collect(),
        }
    });
    Ok(Forest { image: opened.name.clone(), digest: opened.digest.clone(), trees: trees.collect() })
}
