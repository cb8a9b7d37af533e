//! Layers: made once, kept by what they depend on.

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use super::{Assembly, AssemblyError, cores};
use crate::{AddedLayer, BaseFolders, Layer, LayerContents, LayerKey, LayerOptions, PackageImage, Work};

/// The cache's folder of what is known of layers, by their keys.
pub(super) const KNOWN: &str = "layers";

/// The paths in a layer, sorted: thousands, and mostly only gone through, so they stay in one text.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct LayerPaths(String);

impl LayerPaths {
    /// What no path has in it.
    const BETWEEN: char = '\0';

    pub(super) fn of<'p>(paths: impl Iterator<Item = &'p str>) -> Self {
        let mut text = String::new();
        for path in paths {
            text.extend([path, "\0"]);
        }
        Self(text)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(Self::BETWEEN)
    }
}

/// What is kept of a layer that was made: a line about it, and its paths.
fn kept(layer: &Layer, paths: &LayerPaths) -> Option<String> {
    Some(format!("{}\n{}", serde_json::to_string(layer).ok()?, paths.0))
}

fn read(kept: &str) -> Option<(Layer, LayerPaths)> {
    let (layer, paths) = kept.split_once('\n')?;
    Some((serde_json::from_str(layer).ok()?, LayerPaths(paths.to_owned())))
}

/// A layer, and where its blob is.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct MadeLayer {
    pub layer: Layer,
    pub blob: PathBuf,
    pub created_by: String,
    /// What is in it.
    pub paths: LayerPaths,
}

/// Where in the cache it is kept what is known of a layer.
fn entry(key: &LayerKey) -> String {
    format!("{KNOWN}/{}.txt", key.clone().digest().hex())
}

impl MadeLayer {
    pub(super) fn added(&self) -> AddedLayer {
        AddedLayer { layer: self.layer.clone(), created_by: self.created_by.clone() }
    }
}

#[doc(hidden)]
impl Assembly<'_> {
    /// What layers for an image of this Python depend on besides their contents.
    #[must_use]
    pub fn layer_options(&self, image: &PackageImage, minor: u16) -> LayerOptions {
        LayerOptions {
            modified: self.epoch,
            base_folders: BaseFolders::official(minor),
            compression: image.settings.compression,
            ..LayerOptions::default()
        }
    }

    /// The layer with this key, if it was made before and its blob is there.
    #[must_use]
    pub fn known(&self, key: &LayerKey, created_by: &str) -> Option<MadeLayer> {
        if self.anew {
            return None;
        }
        let entry = entry(key);
        [self.made, self.cache].iter().find_map(|folder| {
            let text = String::from_utf8(folder.read(&entry).ok()??).ok()?;
            let (layer, paths) = read(&text)?;
            let blob = self.whole(&layer)?;
            Some(MadeLayer { layer, blob, created_by: created_by.to_owned(), paths })
        })
    }

    /// Where a layer's blob is, if all of it is there.
    #[must_use]
    pub fn whole(&self, layer: &Layer) -> Option<PathBuf> {
        let blobs = [self.made, self.cache].map(|folder| folder.blob(&layer.digest));
        let is_whole = |blob: &PathBuf| fs_err::metadata(blob).is_ok_and(|found| found.len() == layer.size);
        blobs.into_iter().find(is_whole)
    }

    /// Makes a layer, and keeps it under its key.
    pub fn make(
        &self,
        contents: &LayerContents<'_>,
        options: &LayerOptions,
        key: Option<&LayerKey>,
        created_by: &str,
    ) -> Result<MadeLayer, AssemblyError> {
        let unwritten = |source| AssemblyError::Cache(self.made.write_error(source));
        self.made.folder("blobs/sha256")?;
        // What a killed build leaves, the next one removes.
        let work = Work::begin(&self.made.folder(KNOWN)?).map_err(unwritten)?;
        let place = work.folder().join("layer");
        let file = fs_err::File::create(&place).map_err(unwritten)?;
        let mut out = BufWriter::with_capacity(1 << 18, &file);
        let layer = contents.write(options, cores(), &mut out);
        let layer = layer.map_err(|source| AssemblyError::Layer {
            what: created_by.to_owned(),
            source: Box::new(source),
        })?;
        out.flush().map_err(unwritten)?;
        drop(out);
        let blob = self.made.blob(&layer.digest);
        fs_err::rename(&place, &blob).map_err(unwritten)?;
        let paths = LayerPaths::of(contents.paths());
        if let (Some(key), Some(text)) = (key, kept(&layer, &paths)) {
            self.made.write(entry(key), text.as_bytes())?;
        }
        Ok(MadeLayer { layer, blob, created_by: created_by.to_owned(), paths })
    }
}
