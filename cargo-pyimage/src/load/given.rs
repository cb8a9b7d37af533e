//! Which layers an engine was given, where their files count: containerd's store knows a layer by its file, too.
//!
//! Of an image it tells the contents of the layers, which other files may have as well. An image with a layer that was
//! left out for another's file runs, but nobody can save or push it.

use pyimage_build::{Digest, Image};
use pyrun::cache::{Cache, CacheError};
use pyrun::engine::StoredImage;

/// The cache's folder for the layers of images, by the digests of their manifests.
const FOLDER: &str = "loaded";

/// Notes which layers an image has that an engine has taken.
pub(super) fn note(cache: &Cache, image: &Image) -> Result<(), CacheError> {
    let layers: Vec<_> = image.layers.iter().map(|layer| layer.digest.to_string()).collect();
    cache.write_json(entry(image.manifest.descriptor.digest.hex()), &layers)
}

/// How many of an image's layers, of so many whose contents a stored image has, it has for certain: at least the base's,
/// which engines pull, and more where a note says what its files are.
pub(super) fn certain(cache: Option<&Cache>, image: &Image, stored: &StoredImage, alike: usize) -> usize {
    let noted = stored.id.parse::<Digest>().ok().zip(cache);
    let noted = noted.and_then(|(id, cache)| cache.read_json::<Vec<String>>(entry(id.hex())));
    let Some(files) = noted else { return alike.min(image.base_layers) };
    let same = image.layers.iter().zip(&files).take_while(|(layer, file)| layer.digest.as_str() == *file);
    same.count().min(alike)
}

fn entry(hex: &str) -> String {
    format!("{FOLDER}/{hex}.json")
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use pyimage_build::{Blob, Descriptor, MediaType};

    use super::*;

    fn image(layers: &[&str]) -> Image {
        let blob = |media_type: MediaType| Blob::new(media_type, layers.concat().into_bytes());
        let layer = |text: &&str| Descriptor::new(MediaType::OCI_LAYER, Digest::of(text.as_bytes()), 1);
        Image {
            config: blob(MediaType::OCI_CONFIG),
            manifest: blob(MediaType::OCI_MANIFEST),
            layers: layers.iter().map(layer).collect(),
            base_layers: 1,
            diff_ids: Vec::new(),
            platform: "linux/amd64".parse().unwrap(),
        }
    }

    #[test]
    fn a_layer_counts_whose_file_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8Path::from_path(folder.path()).unwrap());
        let earlier = image(&["base", "wheels", "source"]);
        let id = earlier.manifest.descriptor.digest.to_string();
        let stored = StoredImage { id, layers: Vec::new() };
        let now = image(&["base", "wheels", "other"]);
        // Nobody knows what it was made of.
        assert_eq!(certain(Some(&cache), &now, &stored, 2), 1);
        assert_eq!(certain(None, &now, &stored, 2), 1);
        assert_eq!(certain(Some(&cache), &now, &stored, 0), 0);
        note(&cache, &earlier).unwrap();
        assert_eq!(certain(Some(&cache), &now, &stored, 2), 2);
        assert_eq!(certain(Some(&cache), &now, &stored, 1), 1);
        assert_eq!(certain(None, &now, &stored, 2), 1);
        // The same contents in another file.
        assert_eq!(certain(Some(&cache), &image(&["base", "squeezed", "other"]), &stored, 2), 1);
        assert_eq!(certain(Some(&cache), &image(&["squeezed", "wheels", "other"]), &stored, 2), 0);
    }
}
