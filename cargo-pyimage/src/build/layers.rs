//! Layers: made once, kept by what they depend on.

use std::io::{BufWriter, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{AddedLayer, BaseFolders, Layer, LayerContents, LayerKey, LayerOptions};

use pyrun::cache::Work;
use serde::{Deserialize, Serialize};

use super::{BuildError, Builder, PackageImage, cores};

/// The cache's folder of what is known of layers, by their keys.
const KNOWN: &str = "layers";

/// What is kept of a layer that was made.
#[derive(Serialize, Deserialize)]
struct Known {
    layer: Layer,
    paths: Vec<String>,
}

/// A layer, and where its blob is.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) layer: Layer,
    pub(super) blob: Utf8PathBuf,
    pub(super) created_by: String,
    /// What is in it, sorted.
    pub(super) paths: Vec<String>,
}

impl Made {
    pub(super) fn added(&self) -> AddedLayer {
        AddedLayer { layer: self.layer.clone(), created_by: self.created_by.clone() }
    }
}

impl Builder<'_> {
    /// What layers for an image of this Python depend on besides their contents.
    pub(super) fn layer_options(&self, image: &PackageImage, minor: u16) -> LayerOptions {
        LayerOptions {
            modified: self.epoch,
            base_folders: BaseFolders::official(minor),
            compression: image.settings.compression,
            ..LayerOptions::default()
        }
    }

    /// The layer with this key, if it was made before and its blob is there.
    pub(super) fn known(&self, key: &LayerKey, created_by: &str) -> Option<Made> {
        let entry = format!("{KNOWN}/{}.json", key.clone().digest().hex());
        let Known { layer, paths } = self.cache.read_json(entry)?;
        let blob = self.blob(&layer);
        let whole = fs_err::metadata(&blob).is_ok_and(|found| found.len() == layer.size);
        whole.then(|| Made { layer, blob, created_by: created_by.to_owned(), paths })
    }

    /// Makes a layer, and keeps it under its key.
    pub(super) fn make(
        &self,
        contents: &LayerContents<'_>,
        options: &LayerOptions,
        key: Option<&LayerKey>,
        created_by: &str,
    ) -> Result<Made, BuildError> {
        let unwritten = |source| BuildError::Cache(self.cache.write_error(source));
        self.cache.folder("blobs/sha256")?;
        // What a killed build leaves, the next one removes.
        let work = Work::begin(&self.cache.folder(KNOWN)?).map_err(unwritten)?;
        let place = work.join("layer");
        let file = fs_err::File::create(&place).map_err(unwritten)?;
        let mut out = BufWriter::with_capacity(1 << 18, &file);
        let layer = contents.write(options, cores(), &mut out);
        let layer = layer
            .map_err(|source| BuildError::Layer { what: created_by.to_owned(), source: Box::new(source) })?;
        out.flush().map_err(unwritten)?;
        drop(out);
        let blob = self.blob(&layer);
        fs_err::rename(&place, &blob).map_err(unwritten)?;
        let paths: Vec<_> = contents.paths().map(str::to_owned).collect();
        let known = Known { layer, paths };
        if let Some(key) = key {
            self.cache.write_json(format!("{KNOWN}/{}.json", key.clone().digest().hex()), &known)?;
        }
        let Known { layer, paths } = known;
        Ok(Made { layer, blob, created_by: created_by.to_owned(), paths })
    }

    fn blob(&self, layer: &Layer) -> Utf8PathBuf {
        self.cache.root().join(Utf8Path::new("blobs/sha256")).join(layer.digest.hex())
    }
}
