//! `inspect`, `tree`, `diff` and `verify`: images, looked at.

use std::error::Error;
use std::fmt;

use pyimage_build::{Platform, printable};

use super::engine::only;
use super::{Context, Failure, assembled, assembled_in, failure_of_build, here, print, workspace};
use crate::build::Built;
use crate::cli::{DiffArgs, Format, InspectArgs, SourceArgs, TreeArgs, VerifyArgs};
use crate::opened::{ImageName, OpenError, Opened, Reach};
use crate::verify::{self, VerifyError};
use crate::workspace::Workspace;
use crate::{diff, inspect, tree};

/// How many files are told of a difference where not all are asked for.
const FILES: usize = 40;
/// The exit code where two images differ, as `diff` has it.
const DIFFERENT: u8 = 1;

/// `cargo pyimage inspect`.
pub(super) async fn inspect(args: &InspectArgs, context: &Context) -> Result<(), Failure> {
    let opened = opened(args.name.as_deref(), &args.look.platform, &args.look.source, context).await?;
    let reach = match (args.layers, args.look.base) {
        (_, true) => Reach::All,
        (true, false) => Reach::Own,
        (false, false) => Reach::Here,
    };
    let report = inspect::inspect(&opened, reach, &context.shell).await.map_err(failure_of_open)?;
    print(&context.shell, args.format, &report, || report.table(is_verbose(context)))
}

/// `cargo pyimage tree`.
pub(super) async fn tree(args: &TreeArgs, context: &Context) -> Result<(), Failure> {
    let opened = opened(args.name.as_deref(), &args.look.platform, &args.look.source, context).await?;
    let forest = tree::tree(&opened, reach(args.look.base), &context.shell).await.map_err(failure_of_open)?;
    let Some(file) = &args.html else {
        let text = forest.text(args.depth);
        return context.shell.print(text).map_err(|error| Failure::new(error, Vec::new()));
    };
    fs_err::write(file, forest.page()).map_err(|error| Failure::new(error, Vec::new()))?;
    context.shell.status("Wrote", file);
    Ok(())
}

/// `cargo pyimage diff`; gives the exit code.
pub(super) async fn diff(args: &DiffArgs, context: &Context) -> Result<u8, Failure> {
    let a = side(Some(&args.a), args, context).await?;
    let b = side(args.b.as_deref(), args, context).await?;
    let found = diff::diff(&a, &b, reach(args.look.base), &context.shell).await.map_err(failure_of_open)?;
    if !(found.equal && args.format == Format::Table) {
        let most = if is_verbose(context) { usize::MAX } else { FILES };
        print(&context.shell, args.format, &found, || found.text(most))?;
    }
    Ok(if found.equal { 0 } else { DIFFERENT })
}

/// `cargo pyimage verify`.
pub(super) async fn verify(args: &VerifyArgs, context: &Context) -> Result<(), Failure> {
    let image = Opened::open(&args.name, &context.registry).await.map_err(failure_of_open)?;
    let mut source = args.source.clone();
    // What is locked is what is proved.
    source.locking.locked = true;
    let built = built_for(&image, &args.name, &source, context).await?;
    let verified = verify::verify(&image, &built, &context.registry, &context.shell).await;
    let verified = verified.map_err(failure_of_verify)?;
    let platforms: Vec<_> = verified.platforms.iter().map(ToString::to_string).collect();
    context.shell.status("Verified", format_args!("{} for {}", image.name, platforms.join(", ")));
    let line = format!("{}\n", verified.reference);
    context.shell.print(line).map_err(|error| Failure::new(error, Vec::new()))
}

/// What the project gives for an image of this name, for those platforms that the image has.
async fn built_for(
    image: &Opened<'_>,
    name: &str,
    source: &SourceArgs,
    context: &Context,
) -> Result<Built, Failure> {
    let workspace = workspace(source.manifest_path.as_deref(), context.cache.as_ref())?;
    let mut source = source.clone();
    let mut images = workspace.named(source.image.as_deref()).map_err(failure_of_build)?;
    // Of several, the one that goes to that repository.
    if images.len() > 1
        && let Ok(ImageName::Registry(reference)) = ImageName::parse(name)
    {
        let (registry, repository) = (reference.registry(), reference.repository());
        let is_same =
            |name: &pyimage_build::Reference| name.registry() == registry && name.repository() == repository;
        images.retain(|image| is_same(&image.settings.name));
        source.image = images.first().map(|image| image.title()).or(source.image);
    }
    let own: Vec<Platform> = images.iter().flat_map(|image| image.settings.platforms.clone()).collect();
    let mut args = source.build(verify::platforms(image, &own), &[]);
    args.assembly.anew = true;
    let all = assembled_in(&workspace, &args, context).await?;
    only(all.into_iter().map(|(_, built)| built).collect())
}

/// One of two images that are compared: where it has the name of an image of the project, what the project gives for that.
async fn side<'c>(name: Option<&str>, args: &DiffArgs, context: &'c Context) -> Result<Opened<'c>, Failure> {
    let mut source = args.look.source.clone();
    // What is there and may have images comes first. Many packages have a folder of their own name, which has none.
    let is_there = |name: &str| match ImageName::parse(name) {
        Ok(ImageName::Path { path, .. }) => path.is_file() || path.join("oci-layout").is_file(),
        _ => false,
    };
    let own = match name.filter(|name| !is_there(name)) {
        Some(name) => {
            // Outside of a project, there is none with a name.
            let workspace =
                Workspace::load(&here()?, source.manifest_path.as_deref(), context.cache.as_ref());
            workspace.ok().and_then(|workspace| Some(workspace.called(name)?.title()))
        }
        None => None,
    };
    let name = name.filter(|_| own.is_none());
    source.image = own.or(source.image);
    opened(name, &args.look.platform, &source, context).await
}

/// The image of this name, or the project's own.
async fn opened<'c>(
    name: Option<&str>,
    platforms: &[Platform],
    source: &SourceArgs,
    context: &'c Context,
) -> Result<Opened<'c>, Failure> {
    let Some(name) = name else {
        let built = only(assembled(&source.build(platforms.to_vec(), &[]), context).await?)?;
        return Opened::of_built(&built, &context.registry).await.map_err(failure_of_open);
    };
    let opened = Opened::open(name, &context.registry).await;
    opened.and_then(|opened| opened.only(platforms)).map_err(failure_of_open)
}

fn reach(base: bool) -> Reach {
    if base { Reach::All } else { Reach::Own }
}

fn is_verbose(context: &Context) -> bool {
    context.shell.verbosity() == pyrun::shell::Verbosity::Verbose
}

/// An error whose words may be those of an image of others.
#[derive(Debug)]
struct Told {
    text: String,
    source: Option<Box<Told>>,
}

impl Told {
    fn of(error: &dyn Error) -> Self {
        let text = error.to_string();
        let lines: Vec<_> = text.lines().map(|line| printable(line.as_bytes())).collect();
        Self { text: lines.join("\n"), source: error.source().map(|source| Box::new(Self::of(source))) }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
fn failure_of_open(error: OpenError) -> Failure {
    Failure::new(Told::of(&error), error.helps())
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
fn failure_of_verify(error: VerifyError) -> Failure {
    Failure::new(Told::of(&error), error.helps())
}
