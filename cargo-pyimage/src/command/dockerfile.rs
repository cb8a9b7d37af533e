//! `init`, `dockerfile`, and `build --builder dockerfile`: what is asked for, as a Dockerfile, and built from one.

use pyimage_build::ImageBuilder;
use pyrun::cache::Cache;
use pyrun::shell::Shell;

use super::engine::{engine, failure_of_load, platform};
use super::{Context, Failure, failure_of_build, failure_of_lock, here, workspace};
use crate::cli::{BuildArgs, BuilderChoice, DockerfileArgs, InitArgs, LockingArgs, MessageFormat};
use crate::dockerfile::{self, DockerfileError, EngineBuildError, EngineBuilder, Project, Purpose};
use crate::init::{self, InitRequest};
use crate::load::LoadError;
use crate::lock::{self, LockFile, Packages};
use crate::workspace::{PackageImage, Workspace};

/// `cargo pyimage dockerfile`.
pub(super) fn dockerfile(args: &DockerfileArgs, cache: Option<&Cache>, shell: &Shell) -> Result<(), Failure> {
    let workspace = workspace(args.manifest_path.as_deref(), cache)?;
    let file = LockFile::read(&workspace.root).map_err(failure_of_lock)?;
    let images = workspace.named(args.image.as_deref()).map_err(failure_of_build)?;
    if !args.write && images.len() > 1 {
        let images = images.iter().map(|image| image.title()).collect();
        return Err(failure_of_dockerfile(DockerfileError::WhichImage { images }));
    }
    for image in images {
        let lock = file.pins_of(&workspace, image).map_err(failure_of_lock)?;
        let project = Project { root: &workspace.root, image, lock };
        let made = project.dockerfile(&Purpose::default()).map_err(failure_of_dockerfile)?;
        if args.write {
            let names = dockerfile::write(&project, &made, args.force).map_err(failure_of_dockerfile)?;
            let (last, others) =
                names.split_last().map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
            let folder = project.folder().strip_prefix(&workspace.root).unwrap_or(project.folder());
            let place = match folder.to_string_lossy() {
                folder if folder.is_empty() => String::new(),
                folder => format!(" in {folder}"),
            };
            shell.status("Wrote", format_args!("{} and {last}{place}", others.join(", ")));
        } else {
            shell.print(&made.text).map_err(|error| Failure::new(error, Vec::new()))?;
            if made.pinned.is_some() {
                let name = project.pinned_file();
                shell.note(format_args!("it takes `{name}`, which `--write` writes beside it"));
            }
        }
        if lock.is_none() {
            let base = image.settings.base.familiar();
            shell.note(format_args!("`{base}` is not locked, and may be another tomorrow"));
            shell.help("lock it with `cargo pyimage lock`");
        }
    }
    Ok(())
}

pub(super) fn failure_of_dockerfile(error: DockerfileError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}

/// `cargo pyimage init`.
pub(super) fn init(args: &InitArgs, shell: &Shell) -> Result<(), Failure> {
    let here = here()?;
    let request = InitRequest {
        here: &here,
        manifest_path: args.manifest_path.as_deref(),
        package: args.package.as_deref(),
        force: args.force,
    };
    init::init(&request, shell).map_err(|error| {
        let helps = error.helps();
        Failure::new(error, helps)
    })
}

/// Whether an engine is to build the images that are asked for. All of them have one builder, or they are named one by one.
pub(super) fn is_for_engine(args: &BuildArgs, workspace: &Workspace) -> Result<bool, Failure> {
    if let Some(choice) = args.builder {
        return Ok(choice == BuilderChoice::Dockerfile);
    }
    let images = workspace.named(args.assembly.source.image.as_deref()).map_err(failure_of_build)?;
    let is_theirs = |image: &&PackageImage| image.settings.builder == ImageBuilder::Dockerfile;
    let count = images.iter().filter(|image| is_theirs(image)).count();
    if count > 0 && count < images.len() {
        let images = images.iter().map(|image| image.title()).collect();
        return Err(failure_of_engine_build(EngineBuildError::SeveralBuilders { images }));
    }
    Ok(count > 0)
}

/// `cargo pyimage build --builder dockerfile`.
pub(super) async fn build(args: &BuildArgs, workspace: &Workspace, context: &Context) -> Result<(), Failure> {
    for (is_asked, option) in [
        (args.push, "--push"),
        (!args.output.is_empty(), "--output"),
        (args.no_load, "--no-load"),
        (args.assembly.sbom.is_some(), "--sbom"),
        (args.assembly.message_format == MessageFormat::Json, "--message-format json"),
        (args.assembly.metadata_file.is_some(), "--metadata-file"),
    ] {
        if is_asked {
            return Err(failure_of_engine_build(EngineBuildError::NotHere(option)));
        }
    }
    let (cache, shell) = (context.cache.as_ref(), &*context.shell);
    let images = workspace.named(args.assembly.source.image.as_deref()).map_err(failure_of_build)?;
    let engine = engine(None, context).await.map_err(|error| match error {
        LoadError::Engine(error) => failure_of_engine_build(error.into()),
        error => failure_of_load(error),
    })?;
    let LockingArgs { locked, offline, frozen } = args.assembly.source.locking;
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
    let own = platform(None, &engine).map_err(failure_of_load)?;
    let platforms =
        if args.assembly.platform.is_empty() { vec![own.clone()] } else { args.assembly.platform.clone() };
    let builder = EngineBuilder { engine: &engine, shell, offline: offline || frozen };
    for image in images {
        let lock = file.pins_of(workspace, image).map_err(failure_of_lock)?;
        let project = Project { root: &workspace.root, image, lock };
        let tags = crate::build::names(image, &args.assembly.tag).map_err(failure_of_build)?;
        for platform in &platforms {
            let several = (platforms.len() > 1).then_some(platform);
            let names = dockerfile::names(&tags, several.filter(|platform| **platform != own));
            let id = builder.build(&project, platform, &names).await.map_err(failure_of_engine_build)?;
            let told: Vec<_> = names.iter().map(pyimage_build::Reference::familiar).collect();
            shell.status("Built", format_args!("{} for {platform}", told.join(", ")));
            shell.print(format_args!("{id}\n")).map_err(|error| Failure::new(error, Vec::new()))?;
        }
    }
    Ok(())
}

fn failure_of_engine_build(error: EngineBuildError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}
