//! `sbom`: what the project's images are made of.

use super::{Context, Failure, builder, failure_of_build, failure_of_write, locked, workspace};
use crate::build::BuildError;
use crate::cli::SbomArgs;
use crate::document;

/// `cargo pyimage sbom`.
pub(super) async fn sbom(args: &SbomArgs, context: &Context) -> Result<(), Failure> {
    let source = &args.source;
    let workspace = workspace(source.manifest_path.as_deref(), context.cache.as_ref())?;
    let images = workspace.named(source.image.as_deref()).map_err(failure_of_build)?;
    let [image] = images[..] else {
        let images = images.iter().map(|image| image.title()).collect();
        return Err(failure_of_build(BuildError::WhichImage { images }));
    };
    let lock = locked(&workspace, source.locking, context).await?;
    let builder = builder(&workspace, &lock, source.locking, context)?;
    let platforms = args.platform.iter().cloned().collect();
    let sbom = builder.sbom(image, &platforms).await.map_err(failure_of_build)?.write(args.format);
    if let Some(file) = &args.output {
        return document::write(file, &sbom).map_err(failure_of_write);
    }
    let text = String::from_utf8_lossy(&sbom);
    context.shell.print(text).map_err(|error| Failure::new(error, Vec::new()))
}
