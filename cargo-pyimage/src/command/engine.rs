//! `load`, `save` and `run`: what is built, brought to an engine or into a file.

use std::env;

use pyimage_build::Platform;
use pyrun::engine::Engine;
use pyrun::plan::Request;
use pyrun::run::RunError;

use super::engine_build::{EngineBuilt, Order};
use super::{Context, Failure, assembled_in, engine_build, failure_of_build, workspace};
use crate::build::Built;
use crate::cli::{BuildArgs, LoadArgs, LockingArgs, RunArgs, SaveArgs};
use crate::launch::{self, LaunchError, Launched};
use crate::load::{LoadError, Loader, engine_choice, image_for, platform_of};
use crate::output::Output;
use crate::save::{self, SaveRequest};
use crate::size::Size;
use crate::workspace::Workspace;

/// `cargo pyimage load`.
pub(super) async fn load(args: &LoadArgs, context: &Context) -> Result<(), Failure> {
    let engine = engine(args.engine.as_deref(), context).await.map_err(failure_of_load)?;
    let platform = platform(args.platform.as_ref(), &engine).map_err(failure_of_load)?;
    let workspace = workspace(args.source.manifest_path.as_deref(), context.cache.as_ref())?;
    let mut names = Vec::new();
    if engine_build::is_for_engine(None, &args.source, &workspace)? {
        let platforms = std::slice::from_ref(&platform);
        let order = Order { workspace: &workspace, source: &args.source, tags: &args.tag, platforms };
        for built in engine_build::built(&order, &engine, false, context).await? {
            names.extend(built.names().into_iter().next());
        }
    } else {
        let to = loader(&engine, args.source.locking, context);
        let args = args.source.build(vec![platform.clone()], &args.tag);
        for (_, built) in assembled_in(&workspace, &args, context).await? {
            let loaded = to.load(&built, &platform).await.map_err(failure_of_load)?;
            names.extend(loaded.names.into_iter().next());
        }
    }
    for name in names {
        context.shell.print(format_args!("{name}\n")).map_err(|error| Failure::new(error, Vec::new()))?;
    }
    Ok(())
}

/// `cargo pyimage save`.
pub(super) async fn save(args: &SaveArgs, context: &Context) -> Result<(), Failure> {
    let workspace = workspace(args.source.manifest_path.as_deref(), context.cache.as_ref())?;
    let mut request = SaveRequest {
        file: args.file().to_owned(),
        format: args.format,
        platform: args.platform.first().cloned().unwrap_or_else(Platform::host),
        sparse: args.sparse,
        offline: args.source.locking.offline || args.source.locking.frozen,
    };
    // What an engine has built is in files for as long as this is there.
    let _exported;
    let built = if engine_build::is_for_engine(None, &args.source, &workspace)? {
        one_image(&workspace, args.source.image.as_deref())?;
        let engine = engine_build::connected(None, context).await?;
        request.platform = platform(args.platform.first(), &engine).map_err(failure_of_load)?;
        let order =
            Order { workspace: &workspace, source: &args.source, tags: &args.tag, platforms: &args.platform };
        let mut all = engine_build::built(&order, &engine, true, context).await?;
        let Some(built) = all.pop() else { return Ok(()) };
        let exported = engine_build::exported(&built, &order, &engine, context).await?;
        let built = exported.built.clone();
        _exported = exported;
        built
    } else {
        let all =
            assembled_in(&workspace, &args.source.build(args.platform.clone(), &args.tag), context).await?;
        only(all.into_iter().map(|(_, built)| built).collect())?
    };
    let saved = save::save(&built, &request, &context.registry, &context.shell).await;
    let size = Size(saved.map_err(failure_of_load)?);
    let without = if args.sparse { ", without its base" } else { "" };
    context.shell.status("Saved", format_args!("{} ({size}{without})", args.file()));
    Ok(())
}

/// Builds and loads what `cargo pyimage run` is to run.
pub(super) async fn ready(args: &RunArgs, context: &Context) -> Result<Request, Failure> {
    let engine = engine(args.engine.as_deref(), context).await.map_err(failure_of_load)?;
    let platform = platform(args.platform.as_ref(), &engine).map_err(failure_of_load)?;
    let workspace = workspace(args.source.manifest_path.as_deref(), context.cache.as_ref())?;
    let image = if engine_build::is_for_engine(None, &args.source, &workspace)? {
        one_image(&workspace, args.source.image.as_deref())?;
        let platforms = std::slice::from_ref(&platform);
        let order = Order { workspace: &workspace, source: &args.source, tags: &[], platforms };
        let built = engine_build::built(&order, &engine, false, context).await?;
        let name = built.iter().flat_map(EngineBuilt::names).next().unwrap_or_default();
        let program = engine.program(&name).await.map_err(|error| failure_of_load(error.into()))?;
        Launched { name, platform, program: program.unwrap_or_default() }
    } else {
        let built =
            assembled_in(&workspace, &args.source.build(vec![platform.clone()], &[]), context).await?;
        let built = only(built.into_iter().map(|(_, built)| built).collect())?;
        let to = loader(&engine, args.source.locking, context);
        let loaded = to.load(&built, &platform).await.map_err(failure_of_load)?;
        let image =
            image_for(&built.images, &platform).ok_or_else(|| failure_of_load(no_platform(&platform)))?;
        let name = loaded.names.first().map_or("", String::as_str);
        Launched::of(image, name).map_err(failure_of_launch)?
    };
    let foreign = platform_of(&engine).is_none_or(|own| own.architecture() != image.platform.architecture());
    launch::request(args, &image, foreign).map_err(failure_of_launch)
}

/// Fails where there are several images, and the command is for one.
fn one_image(workspace: &Workspace, name: Option<&str>) -> Result<(), Failure> {
    let images = workspace.named(name).map_err(failure_of_build)?;
    if images.len() == 1 {
        return Ok(());
    }
    let images = images.iter().map(|image| image.settings.name.familiar()).collect();
    Err(failure_of_load(LoadError::WhichImage { images }))
}

/// Runs it; its exit code is ours.
pub(super) async fn run(request: &Request, context: &Context) -> u8 {
    let result = pyrun::run::run(request, &context.shell, context.cache.as_ref()).await;
    result.unwrap_or_else(|error| {
        // Whoever sent the signal knows.
        if !matches!(error, RunError::Interrupted(_)) {
            context.shell.error(&error, &error.helps());
        }
        error.exit_code()
    })
}

/// Loads what `cargo pyimage build` has built, where an engine is there or asked for. Gives the names that each image has
/// there.
pub(super) async fn after_build(
    args: &BuildArgs,
    all: &[Built],
    context: &Context,
) -> Result<Vec<Vec<String>>, Failure> {
    let mut names = vec![Vec::new(); all.len()];
    let asked = args.load || args.output.contains(&Output::Engine);
    if args.no_load || args.is_push || (!asked && !args.output.is_empty()) {
        return Ok(names);
    }
    let engine = match engine(None, context).await {
        Ok(engine) => engine,
        Err(error) if asked => return Err(failure_of_load(error)),
        Err(error) => {
            context.shell.verbose(|shell| shell.note(format_args!("nothing is loaded: {error}")));
            return Ok(names);
        }
    };
    let own = platform(None, &engine).map_err(failure_of_load)?;
    let to = loader(&engine, args.assembly.source.locking, context);
    for (built, names) in all.iter().zip(&mut names) {
        // Who asks for one platform means that one.
        let platform = match &args.assembly.platform[..] {
            [only] => only,
            _ => &own,
        };
        match to.load(built, platform).await {
            Ok(loaded) => *names = loaded.names,
            Err(error) if asked => return Err(failure_of_load(error)),
            Err(error @ LoadError::NoPlatform { .. }) => {
                context.shell.verbose(|shell| shell.note(format_args!("nothing is loaded: {error}")));
            }
            // What was to be built is built.
            Err(error) => {
                let name = built.name.familiar();
                context.shell.warn(format_args!("`{name}` is built, and not on the engine: {error}"));
                context.shell.help("to see why: `cargo pyimage load`; to not try: `--no-load`");
            }
        }
    }
    Ok(names)
}

pub(super) async fn engine(choice: Option<&str>, context: &Context) -> Result<Engine, LoadError> {
    Ok(Engine::connect(engine_choice(choice).as_deref(), context.cache.as_ref()).await?)
}

fn loader<'a>(engine: &'a Engine, locking: LockingArgs, context: &'a Context) -> Loader<'a> {
    let offline = locking.offline || locking.frozen;
    let cache = context.cache.as_ref();
    Loader { engine, registry: &context.registry, cache, shell: &context.shell, offline }
}

/// What was asked for, else what the engine is for.
pub(super) fn platform(asked: Option<&Platform>, engine: &Engine) -> Result<Platform, LoadError> {
    if let Some(asked) = asked {
        return Ok(asked.clone());
    }
    let preferred = env::var("DOCKER_DEFAULT_PLATFORM").ok().and_then(|text| text.parse().ok());
    let facts = engine.facts();
    let unknown = || LoadError::UnknownPlatform(format!("{}/{}", facts.os, facts.arch));
    preferred.or_else(|| platform_of(engine)).ok_or_else(unknown)
}

pub(super) fn only(mut built: Vec<Built>) -> Result<Built, Failure> {
    match (built.pop(), built.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            let images = built.iter().chain(&last).map(|built| built.name.familiar()).collect();
            Err(failure_of_load(LoadError::WhichImage { images }))
        }
    }
}

fn no_platform(platform: &Platform) -> LoadError {
    LoadError::UnknownPlatform(platform.to_string())
}

pub(super) fn failure_of_load(error: LoadError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}

fn failure_of_launch(error: LaunchError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}
