//! Layers of Zstandard for engines that do not read it: as plain archives, by which such engines know layers anyway.

use std::io::{self, BufReader};

use camino::Utf8PathBuf;
use pyimage_build::{Descriptor, Image, MediaType};
use pyrun::cache::Work;
use pyrun::engine::{Facts, Kind};

/// The first Docker Engine that reads Zstandard.
const DOCKER: u32 = 23;

/// Whether an engine reads layers of Zstandard.
pub(super) fn reads_zstd(facts: &Facts) -> bool {
    let major = facts.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    facts.kind != Kind::Docker || major.is_none_or(|major| major >= DOCKER)
}

/// Whether an image has layers of Zstandard.
pub(super) fn has_zstd(image: &Image) -> bool {
    image.layers.iter().any(is_zstd)
}

fn is_zstd(layer: &Descriptor) -> bool {
    layer.media_type == MediaType::OCI_LAYER_ZSTD
}

/// The image with plain layers in the place of compressed ones, as far as their files are among those given, which are
/// replaced by others in a folder of work. Its id on engines is that of its configuration, and stays.
pub(super) fn unpacked(
    image: &Image,
    files: &mut [(Descriptor, Utf8PathBuf)],
    work: &Work,
) -> io::Result<Image> {
    let mut plain = image.clone();
    for (layer, diff_id) in plain.layers.iter_mut().zip(&image.diff_ids) {
        let file = files.iter_mut().find(|(its, _)| its.digest == layer.digest && is_zstd(its));
        let Some((descriptor, path)) = file else { continue };
        let to = work.join(diff_id.hex());
        let mut out = fs_err::File::create(&to)?;
        let size = io::copy(
            &mut zstd::stream::read::Decoder::with_buffer(BufReader::new(fs_err::File::open(&*path)?))?,
            &mut out,
        )?;
        *descriptor = Descriptor::new(MediaType::OCI_LAYER, diff_id.clone(), size);
        *path = to;
        *layer = descriptor.clone();
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_reads_zstandard_from_23_on() {
        let facts = |kind, version: &str| Facts {
            kind,
            version: version.to_owned(),
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
            rootless: false,
            selinux: false,
            containerd_store: false,
        };
        assert!(!reads_zstd(&facts(Kind::Docker, "20.10.24+dfsg1")));
        assert!(reads_zstd(&facts(Kind::Docker, "23.0.1")));
        assert!(reads_zstd(&facts(Kind::Docker, "dev")));
        assert!(reads_zstd(&facts(Kind::Podman, "4.3.1")));
    }
}
