//! What an engine builds from a Dockerfile, for all commands that make images: `build`, `push`, `load`, `save`, `run`.

use pyimage_build::{ImageBuilder, Platform, Reference};
use pyrun::engine::Engine;
use pyrun::shell::Shell;

use super::build::written;
use super::engine::{engine, failure_of_load, platform};
use super::{
    Context, Failure, builder, failure_of_build, failure_of_lock, failure_of_push, failure_of_write,
};
use crate::build::BuildError;
use crate::cli::{BuildArgs, BuilderChoice, LockingArgs, MessageFormat, SourceArgs};
use crate::dockerfile::{self, EngineBuildError, EngineBuilder, Exported, Project};
use crate::load::LoadError;
use crate::lock::{self, LockFile, LockingError, Packages};
use crate::message::ImageMessage;
use crate::output::Output;
use crate::push::PushError;
use crate::workspace::{PackageImage, Workspace};
use crate::{document, push};

/// What an engine is to build.
pub(super) struct Order<'a> {
    /// The project.
    pub(super) workspace: &'a Workspace,
    /// Which of its images, and how its locks are used.
    pub(super) source: &'a SourceArgs,
    /// Other tags than the images' own.
    pub(super) tags: &'a [String],
    /// The platforms; the engine's own where there are none.
    pub(super) platforms: &'a [Platform],
}

/// An image that an engine has built.
pub(super) struct EngineBuilt<'a> {
    /// The image.
    pub(super) image: &'a PackageImage,
    /// Its repository with each tag.
    pub(super) tags: Vec<Reference>,
    /// It for each platform.
    pub(super) platforms: Vec<OnEngine>,
}

/// An image as an engine has it.
pub(super) struct OnEngine {
    /// What it runs on.
    pub(super) platform: Platform,
    /// Its names there.
    pub(super) names: Vec<Reference>,
    /// Its id there.
    pub(super) id: String,
}

impl EngineBuilt<'_> {
    /// All its names on the engine, as `docker` prints them.
    pub(super) fn names(&self) -> Vec<String> {
        self.platforms.iter().flat_map(|its| &its.names).map(Reference::familiar).collect()
    }
}

/// Whether an engine is to build the images that are asked for. All of them have one builder, or they are named one by one.
pub(super) fn is_for_engine(
    choice: Option<BuilderChoice>,
    source: &SourceArgs,
    workspace: &Workspace,
) -> Result<bool, Failure> {
    if let Some(choice) = choice {
        return Ok(choice == BuilderChoice::Dockerfile);
    }
    let images = workspace.named(source.image.as_deref()).map_err(failure_of_build)?;
    let is_theirs = |image: &&PackageImage| image.settings.builder == ImageBuilder::Dockerfile;
    let count = images.iter().filter(|image| is_theirs(image)).count();
    if count > 0 && count < images.len() {
        let images = images.iter().map(|image| image.title()).collect();
        return Err(failure_of_engine_build(EngineBuildError::SeveralBuilders { images }));
    }
    Ok(count > 0)
}

/// `cargo pyimage build --builder dockerfile`, and `push` of what an engine builds.
pub(super) async fn build(args: &BuildArgs, workspace: &Workspace, context: &Context) -> Result<(), Failure> {
    for (is_asked, option) in [(args.no_load, "--no-load"), (args.assembly.sbom.is_some(), "--sbom")] {
        if is_asked {
            return Err(failure_of_engine_build(EngineBuildError::NotHere(option)));
        }
    }
    if let Some(file) = &args.assembly.metadata_file {
        document::check(file).map_err(failure_of_write)?;
    }
    let images = workspace.named(args.assembly.source.image.as_deref()).map_err(failure_of_build)?;
    let to = args.to.as_deref().map(push::repository).transpose().map_err(failure_of_push)?;
    if let Some(to) = to.as_ref().filter(|_| images.len() > 1) {
        let repository = format!("{}/{}", to.registry(), to.repository());
        return Err(failure_of_push(PushError::SeveralImages { repository }));
    }
    if images.len() > 1 && args.output.iter().any(Output::is_for_one) {
        let images = images.iter().map(|image| image.title()).collect();
        return Err(failure_of_build(BuildError::WhichImage { images }));
    }
    let engine = connected(None, context).await?;
    let order = Order {
        workspace,
        source: &args.assembly.source,
        tags: &args.assembly.tag,
        platforms: &args.assembly.platform,
    };
    let is_pushed = args.push || args.output.contains(&Output::Registry);
    let is_written = args.output.iter().any(|output| !matches!(output, Output::Engine | Output::Registry));
    let shell = &context.shell;
    let mut told = Vec::new();
    for built in built(&order, &engine, is_pushed || is_written, context).await? {
        let title = built.image.title();
        let mut message = if is_pushed || is_written {
            let mut exported = exported(&built, &order, &engine, context).await?;
            if let Some(to) = &to {
                push::rename(std::slice::from_mut(&mut exported.built), to).map_err(failure_of_push)?;
            }
            let image = &exported.built;
            let mut message = ImageMessage::of(image, &title);
            if is_written {
                (message.layouts, message.archives) =
                    written(workspace, &title, image, args, context).await?;
            }
            if is_pushed {
                push::push(image, &context.registry, shell).await.map_err(failure_of_push)?;
                message.pushed = image.tags.iter().map(Reference::to_string).collect();
            }
            message
        } else {
            let ids: Vec<_> = built.platforms.iter().map(|its| (&its.platform, its.id.as_str())).collect();
            ImageMessage::of_engine(&title, &built.tags, &ids)
        };
        for its in &built.platforms {
            let platform = its.platform.to_string();
            let mut there = message.platforms.iter_mut().filter(|message| message.platform == platform);
            if let Some(there) = there.next() {
                there.id = Some(its.id.clone());
            }
        }
        message.loaded = built.names();
        let text = match (args.assembly.message_format, &message.reference) {
            (MessageFormat::Json, _) => message.line(),
            (MessageFormat::Human, Some(reference)) => format!("{reference}\n"),
            (MessageFormat::Human, None) => {
                built.platforms.iter().flat_map(|its| [its.id.as_str(), "\n"]).collect()
            }
        };
        shell.print(text).map_err(|error| Failure::new(error, Vec::new()))?;
        told.push(message);
    }
    if let Some(file) = &args.assembly.metadata_file {
        document::write(file, ImageMessage::document(&told).as_bytes()).map_err(failure_of_write)?;
    }
    Ok(())
}

/// The engine that builds.
pub(super) async fn connected(choice: Option<&str>, context: &Context) -> Result<Engine, Failure> {
    engine(choice, context).await.map_err(|error| match error {
        LoadError::Engine(error) => failure_of_engine_build(error.into()),
        error => failure_of_load(error),
    })
}

/// Has an engine build what is ordered. What is exported afterwards can have more than the engine keeps.
pub(super) async fn built<'a>(
    order: &Order<'a>,
    engine: &Engine,
    is_exported: bool,
    context: &Context,
) -> Result<Vec<EngineBuilt<'a>>, Failure> {
    let Order { workspace, source, tags, platforms } = *order;
    let (cache, shell) = (context.cache.as_ref(), &*context.shell);
    let images = workspace.named(source.image.as_deref()).map_err(failure_of_build)?;
    let LockingArgs { locked, offline, frozen } = source.locking;
    // What is before Python 3.8 has no lock: its own pip installs what is asked for.
    let is_lockable = images.iter().all(|image| dockerfile::is_lockable(image));
    if is_lockable && !(locked || offline || frozen) {
        let up = lock::bring_up(workspace, &context.registry, Packages { cache, shell }).await;
        up.map_err(failure_of_lock)?;
    }
    let file = LockFile::read(&workspace.root).map_err(failure_of_lock)?;
    if is_lockable && (locked || frozen) {
        file.check(workspace).map_err(failure_of_lock)?;
    }
    let own = platform(None, engine).map_err(failure_of_load)?;
    let platforms = if platforms.is_empty() { std::slice::from_ref(&own) } else { platforms };
    let by = EngineBuilder { engine, shell, offline: offline || frozen };
    let mut all = Vec::new();
    for image in images {
        let lock = file.pins_of(workspace, image).map_err(failure_of_lock)?;
        let project = Project { root: &workspace.root, image, lock };
        let is_ours = project.somebody_s().map_err(|error| failure_of_engine_build(error.into()))?.is_none();
        if is_ours {
            tell_without_effect(&project, is_exported, shell);
        }
        let tags = crate::build::names(image, tags).map_err(failure_of_build)?;
        let mut on_engine = Vec::new();
        for platform in platforms {
            let several = (platforms.len() > 1).then_some(platform);
            let names = dockerfile::names(&tags, several.filter(|platform| **platform != own));
            let programs = if is_ours && image.settings.bins.is_some() {
                let path = workspace.root.join(pyimage_build::Lock::FILE);
                let lock = lock.ok_or(LockingError::NoLock { path }).map_err(failure_of_lock)?;
                let builder = builder(workspace, lock, source.locking, context)?;
                builder.programs(image, platform).await.map_err(failure_of_build)?
            } else {
                Vec::new()
            };
            let id =
                by.build(&project, platform, &names, &programs).await.map_err(failure_of_engine_build)?;
            let told: Vec<_> = names.iter().map(Reference::familiar).collect();
            shell.status("Built", format_args!("{} for {platform}", told.join(", ")));
            on_engine.push(OnEngine { platform: platform.clone(), names, id });
        }
        all.push(EngineBuilt { image, tags, platforms: on_engine });
    }
    Ok(all)
}

/// Names the keys of an image that its Dockerfile knows nothing of.
pub(super) fn tell_without_effect(project: &Project<'_>, is_exported: bool, shell: &Shell) {
    let mut keys = project.without_effect();
    // What is pushed or written has a manifest, which has them.
    keys.retain(|key| !is_exported || *key != "annotations");
    if !keys.is_empty() {
        let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        shell.note(format_args!("without effect in a Dockerfile: {}", keys.join(", ")));
    }
}

/// Takes an image from the engine that has built it.
pub(super) async fn exported(
    built: &EngineBuilt<'_>,
    order: &Order<'_>,
    engine: &Engine,
    context: &Context,
) -> Result<Exported, Failure> {
    let cache = context.cache.as_ref().ok_or(LockingError::NoCache).map_err(failure_of_lock)?;
    let file = LockFile::read(&order.workspace.root).map_err(failure_of_lock)?;
    let lock = file.pins_of(order.workspace, built.image).map_err(failure_of_lock)?;
    let project = Project { root: &order.workspace.root, image: built.image, lock };
    let LockingArgs { offline, frozen, .. } = order.source.locking;
    let by = EngineBuilder { engine, shell: &context.shell, offline: offline || frozen };
    let platforms = built.platforms.iter();
    let platforms: Vec<_> =
        platforms.filter_map(|its| Some((its.platform.clone(), its.names.first()?.clone()))).collect();
    let exported = by.export(&project, &platforms, built.tags.clone(), cache).await;
    exported.map_err(|error| failure_of_engine_build(error.into()))
}

pub(super) fn failure_of_engine_build(error: EngineBuildError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}
