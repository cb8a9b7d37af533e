//! `build` and `push`: images are made, and go to where they are asked to.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::join;
use pyimage_build::{Platform, Reference};

use super::{
    Context, Failure, assembled_in, engine, engine_build, failure_of_build, failure_of_push,
    failure_of_write, workspace,
};
use crate::build::{BuildError, Built};
use crate::cli::{BuildArgs, MessageFormat, PushArgs};
use crate::message::{ImageMessage, absolute};
use crate::output::Output;
use crate::push::LaidOut;
use crate::save::{self, SaveFormat, SaveRequest};
use crate::workspace::Workspace;
use crate::{document, lock, push};

/// `cargo pyimage build`, and `push` behind it.
pub(super) async fn build(args: &BuildArgs, context: &Context) -> Result<(), Failure> {
    let workspace = workspace(args.assembly.source.manifest_path.as_deref(), context.cache.as_ref())?;
    if engine_build::is_for_engine(args.builder, &args.assembly.source, &workspace)? {
        return engine_build::build(args, &workspace, context).await;
    }
    if let Some(file) = &args.assembly.metadata_file {
        document::check(file).map_err(failure_of_write)?;
    }
    let to = args.to.as_deref().map(push::repository).transpose().map_err(failure_of_push)?;
    let (images, mut all): (Vec<_>, Vec<_>) =
        assembled_in(&workspace, args, context).await?.into_iter().unzip();
    let titles: Vec<_> = images.iter().map(|image| image.title()).collect();
    if titles.len() > 1 && args.output.iter().any(Output::is_for_one) {
        return Err(failure_of_build(BuildError::WhichImage { images: titles }));
    }
    let mut messages = Vec::new();
    for (title, built) in titles.iter().zip(&all) {
        messages.push(written(&workspace, title, built, args, context).await?);
    }
    if let Some(to) = &to {
        push::rename(&mut all, to).map_err(failure_of_push)?;
    }
    let locking = args.assembly.source.locking;
    let is_asked = !locking.offline && !locking.frozen;
    let loaded = engine::after_build(args, &all, context).await?;
    let mut told = Vec::new();
    let mut moved = BTreeSet::new();
    for ((title, built), (files, loaded)) in titles.iter().zip(&all).zip(messages.into_iter().zip(loaded)) {
        let mut message = ImageMessage { loaded, ..ImageMessage::of(built, title) };
        (message.layouts, message.archives) = files;
        if args.push || args.output.contains(&Output::Registry) {
            let bases = is_asked.then_some((&built.base, &built.locked));
            let (pushed, elsewhere) = join(
                push::push(built, &context.registry, &context.shell),
                lock::moved(&context.registry, bases),
            )
            .await;
            pushed.map_err(failure_of_push)?;
            for base in elsewhere.into_iter().filter(|base| moved.insert((*base).clone())) {
                lock::tell_moved(base, &context.shell);
            }
            push::attach(built, &context.registry, &context.shell).await.map_err(failure_of_push)?;
            message.pushed = built.tags.iter().map(Reference::to_string).collect();
        }
        let text = match args.assembly.message_format {
            MessageFormat::Human => format!("{}\n", built.reference()),
            MessageFormat::Json => message.line(),
        };
        context.shell.print(text).map_err(|error| Failure::new(error, Vec::new()))?;
        told.push(message);
    }
    if let Some(file) = &args.assembly.metadata_file {
        document::write(file, ImageMessage::document(&told).as_bytes()).map_err(failure_of_write)?;
    }
    Ok(())
}

/// `cargo pyimage push --layout`.
pub(super) async fn push_layout(
    layout: &Utf8Path,
    args: &PushArgs,
    context: &Context,
) -> Result<(), Failure> {
    let to = args.to.as_deref().map(push::repository).transpose().map_err(failure_of_push)?;
    let image = LaidOut::open(layout, to.as_ref(), &args.assembly.tag).map_err(failure_of_push)?;
    let reference =
        push::push_layout(&image, &context.registry, &context.shell).await.map_err(failure_of_push)?;
    context.shell.print(format_args!("{reference}\n")).map_err(|error| Failure::new(error, Vec::new()))
}

/// The folders and the archives that an image was written to.
pub(super) type Files = (Vec<Utf8PathBuf>, Vec<Utf8PathBuf>);

/// Writes an image to the files that are asked for, or else to the project's own layout.
pub(super) async fn written(
    workspace: &Workspace,
    title: &str,
    built: &Built,
    args: &BuildArgs,
    context: &Context,
) -> Result<Files, Failure> {
    let (mut layouts, mut archives) = (Vec::new(), Vec::new());
    let own = workspace.target.join("pyimage");
    let default = [Output::Folder(None)];
    for output in if args.output.is_empty() { &default[..] } else { &args.output } {
        match output {
            Output::Folder(folder) => {
                let project_s = own.join(title);
                let folder = folder.clone().unwrap_or_else(|| project_s.clone());
                let is_own = folder == project_s;
                let written =
                    if is_own { built.replace_layout(&folder) } else { built.write_layout(&folder) };
                written.map_err(failure_of_build)?;
                layouts.push(folder);
            }
            Output::Archive { format, file } => {
                let file = Output::file(*format, file.as_deref(), &own, title);
                archive(built, *format, &file, args, context).await?;
                archives.push(file);
            }
            Output::Engine | Output::Registry => {}
        }
    }
    let platforms: Vec<_> = built.images.iter().map(|image| image.platform.to_string()).collect();
    let names = built.tagged().join(", ");
    let shown = |path: &Utf8PathBuf| path.strip_prefix(&workspace.root).unwrap_or(path).to_string();
    let places: Vec<_> = layouts.iter().chain(&archives).map(shown).collect();
    let places = if places.is_empty() { String::new() } else { format!(" in {}", places.join(", ")) };
    context.shell.status("Built", format_args!("{names} for {}{places}", platforms.join(", ")));
    let absolute = |paths: Vec<Utf8PathBuf>| paths.iter().map(|path| absolute(path)).collect();
    Ok((absolute(layouts), absolute(archives)))
}

async fn archive(
    built: &Built,
    format: SaveFormat,
    file: &Utf8Path,
    args: &BuildArgs,
    context: &Context,
) -> Result<(), Failure> {
    if let Some(folder) = file.parent().filter(|folder| folder.ends_with("target/pyimage")) {
        let failed = |source| Failure::new(source, Vec::new());
        fs_err::create_dir_all(folder).map_err(failed)?;
    }
    let request = SaveRequest {
        file: file.to_owned(),
        format,
        platform: args.assembly.platform.first().cloned().unwrap_or_else(Platform::host),
        sparse: false,
        offline: args.assembly.source.locking.offline || args.assembly.source.locking.frozen,
    };
    let saved = save::save(built, &request, &context.registry, &context.shell).await;
    saved.map(drop).map_err(engine::failure_of_load)
}
