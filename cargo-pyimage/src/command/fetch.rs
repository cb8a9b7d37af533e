//! `fetch`: what images are made of, into the cache.

use super::{Context, Failure, builder, failure_of_build, failure_of_lock, locked, workspace};
use crate::cli::FetchArgs;
use crate::lock::LockFile;
use crate::size::Size;

/// `cargo pyimage fetch`.
pub(super) async fn fetch(args: &FetchArgs, context: &Context) -> Result<(), Failure> {
    let source = &args.source;
    let workspace = workspace(source.manifest_path.as_deref(), context.cache.as_ref())?;
    let lock = locked(&workspace, source.locking, context).await?;
    let builder = builder(&workspace, &lock, source.locking, context)?;
    let platforms = args.platform.iter().cloned().collect();
    for image in workspace.named(source.image.as_deref()).map_err(failure_of_build)? {
        let fetched = builder.fetch_all(image, &platforms).await.map_err(failure_of_build)?;
        if !builder.locked {
            LockFile::pin_bytecode(&workspace, &fetched.bytecode, false).map_err(failure_of_lock)?;
        }
        let platforms: Vec<_> = fetched.platforms.iter().map(ToString::to_string).collect();
        let (wheels, layers) = (fetched.wheels, fetched.layers.len());
        let counted = |count: usize, of: &str| format!("{count} {of}{}", if count == 1 { "" } else { "s" });
        let of = format!("{} and {}", counted(wheels, "wheel"), counted(layers, "layer"));
        let size = Size(fetched.layers.values().sum());
        let (title, platforms) = (image.title(), platforms.join(", "));
        context
            .shell
            .status("Fetched", format_args!("{of} of {size} for the image of `{title}` on {platforms}"));
    }
    Ok(())
}
