//! `pull`: an image from its registry.

use camino::Utf8PathBuf;
use pyimage_build::Reference;

use super::{Context, Failure, engine, failure_of_build, workspace};
use crate::build::BuildError;
use crate::cli::PullArgs;
use crate::load::LoadError;
use crate::pull::{self, PullError, Puller};

/// `cargo pyimage pull`.
pub(super) async fn pull(args: &PullArgs, context: &Context) -> Result<(), Failure> {
    let (image, own) = match &args.reference {
        Some(name) => (pull::reference(name).map_err(failure_of_pull)?, None),
        None => own(args, context)?,
    };
    let puller = Puller { registry: &context.registry, shell: &context.shell };
    let name = image.familiar();
    let print = |text: String| context.shell.print(text).map_err(|error| Failure::new(error, Vec::new()));
    if args.load {
        let engine =
            engine::engine(args.engine.as_deref(), context).await.map_err(engine::failure_of_load)?;
        let platform = engine::platform(args.platform.first(), &engine).map_err(engine::failure_of_load)?;
        puller.load(&image, &platform, &engine).await.map_err(failure_of_pull)?;
        return print(format!("{name}\n"));
    }
    let Some(folder) = args.output.clone().or(own) else {
        return Err(failure_of_pull(PullError::NoPlace { image: name }));
    };
    context.shell.status("Pulling", &name);
    let done = puller.pull(&image, &args.platform, &folder).await.map_err(failure_of_pull)?;
    context.shell.status("Pulled", format_args!("{name} to {folder} ({})", done.summary()));
    print(format!("{}\n", image.with_digest(&done.digest).familiar()))
}

/// The project's own image, and where its layout is.
fn own(args: &PullArgs, context: &Context) -> Result<(Reference, Option<Utf8PathBuf>), Failure> {
    let workspace = workspace(args.manifest_path.as_deref(), context.cache.as_ref())?;
    let images = workspace.named(args.image.as_deref()).map_err(failure_of_build)?;
    let [image] = images[..] else {
        let images = images.iter().map(|image| image.title()).collect();
        return Err(failure_of_build(BuildError::WhichImage { images }));
    };
    let tags = crate::build::names(image, &[]).map_err(failure_of_build)?;
    let first = tags.into_iter().next();
    let first =
        first.ok_or_else(|| engine::failure_of_load(LoadError::NoTag(image.settings.name.familiar())))?;
    Ok((first, Some(workspace.target.join("pyimage").join(image.title()))))
}

fn failure_of_pull(error: PullError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}
