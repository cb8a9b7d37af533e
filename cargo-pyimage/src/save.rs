//! `cargo pyimage save`: an image that was built, as one file that engines and registries' tools read.

use std::io::{BufWriter, Write as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;
use pyimage_build::{LayoutError, Platform};
use pyrun::registry::Registry;
use pyrun::shell::Shell;

use crate::build::Built;
use crate::load::{LoadError, OwnedArchive, base_layers, image_for};

/// What is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SaveFormat {
    /// An OCI layout with every platform
    #[value(help = None)]
    #[default]
    Oci,
    /// The image for one platform, as `docker save` writes it
    #[value(help = None)]
    Docker,
}

/// What is saved, and where to.
#[derive(Debug, Clone)]
pub struct SaveRequest {
    /// The archive.
    pub file: Utf8PathBuf,
    /// What is in it.
    pub format: SaveFormat,
    /// The platform of an archive for one.
    pub platform: Platform,
    /// The base's layers are left out.
    pub sparse: bool,
    /// Nothing may be asked of a network.
    pub offline: bool,
}

/// Saves an image; gives the archive's size. The file gets its name when it is complete.
///
/// # Errors
/// Where a layer of the base cannot be had, or the file cannot be written.
pub async fn save(
    built: &Built,
    request: &SaveRequest,
    registry: &Registry,
    shell: &Shell,
) -> Result<u64, LoadError> {
    let names = &built.tags;
    let (mut archive, images) = match request.format {
        SaveFormat::Oci => {
            (OwnedArchive::of_index(built, names, &request.platform), built.images.iter().collect())
        }
        SaveFormat::Docker => {
            let image = image_for(&built.images, &request.platform).ok_or_else(|| LoadError::NoPlatform {
                image: built.name.familiar(),
                platform: request.platform.clone(),
                built: built.images.iter().map(|image| image.platform.clone()).collect(),
            })?;
            (OwnedArchive::of_image(image, names), vec![image])
        }
    };
    archive.add_own_layers(built);
    if !request.sparse {
        for image in images {
            archive.add_layers(&base_layers(image, &built.base, registry, shell, request.offline).await?);
        }
    }
    let file = request.file.clone();
    let written = tokio::task::spawn_blocking(move || write(&archive, &file).map(|()| archive.size())).await;
    written.map_err(|error| LoadError::Thread(error.into()))?
}

fn write(archive: &OwnedArchive, file: &Utf8Path) -> Result<(), LoadError> {
    let folder = file.parent().filter(|folder| !folder.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
    let failed =
        |source: Box<dyn std::error::Error + Send + Sync>| LoadError::Save { file: file.to_owned(), source };
    let prefix = format!(".{}.tmp-", file.file_name().unwrap_or_default());
    sweep(folder, &prefix);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let partial = builder.tempfile_in(folder).map_err(|error| failed(error.into()))?;
    let mut out = BufWriter::with_capacity(1 << 18, partial.as_file());
    archive.write(&mut out).map_err(|error| match error {
        LayoutError::Archive(source) => failed(source.into()),
        error => LoadError::Archive(Box::new(error)),
    })?;
    out.flush().map_err(|error| failed(error.into()))?;
    drop(out);
    partial.persist(file).map_err(|error| failed(error.error.into()))?;
    Ok(())
}

/// How long ago an archive that is still being written was written to, at most.
const ALIVE: Duration = Duration::from_secs(60);

/// Removes what killed processes left of an archive: it lies in a folder of the user's, where nobody else does.
fn sweep(folder: &Utf8Path, prefix: &str) {
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let written =
            entry.metadata().ok().filter(std::fs::Metadata::is_file).and_then(|data| data.modified().ok());
        let is_dead = written.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > ALIVE);
        if is_dead && entry.file_name().to_string_lossy().starts_with(prefix) {
            // What cannot be removed is in nobody's way.
            let _ = fs_err::remove_file(entry.path());
        }
    }
}
