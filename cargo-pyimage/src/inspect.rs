//! `cargo pyimage inspect`: what an image is made of.

mod report;
mod table;

use pyrun::shell::Shell;

use crate::opened::{OpenError, Opened, Reach};

pub use report::{ConfigReport, ImageReport, LayerReport, PlatformReport, Report, WheelReport};

/// Tells what an image is made of, as far as its layers can be reached.
///
/// # Errors
/// Where a layer is damaged, or cannot be downloaded.
pub async fn inspect(opened: &Opened<'_>, reach: Reach, shell: &Shell) -> Result<Report, OpenError> {
    let layers = opened.images.iter().flat_map(|image| image.layers.iter().map(move |layer| (image, layer)));
    let readings = opened.read(layers, reach, false, shell).await?;
    Ok(Report::of(opened, &readings))
}
