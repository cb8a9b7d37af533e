//! Any bytes as an index or a manifest, in each type that a registry may say that it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyimage_build::{Document, MediaType};

fuzz_target!(|bytes: &[u8]| {
    let types =
        [MediaType::OCI_INDEX, MediaType::OCI_MANIFEST, MediaType::DOCKER_INDEX, MediaType::DOCKER_MANIFEST];
    for sent in [None].into_iter().chain(types.map(Some)) {
        match Document::parse(bytes, sent.as_ref()) {
            Ok(Document::Index(index)) => {
                for (platform, descriptor) in index.images() {
                    // Of two images for one platform the first is taken.
                    let _ = (index.image(platform).expect("the platform is of the index"), descriptor.size);
                }
            }
            Ok(Document::Manifest(manifest)) => _ = manifest.layers_size(),
            Err(error) => _ = error.to_string(),
        }
    }
});
