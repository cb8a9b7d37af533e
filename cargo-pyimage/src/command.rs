//! The command: parses, builds its context, calls one operation, reports.

mod build;
mod dockerfile;
mod engine;
mod engine_build;
mod fetch;
mod look;
mod pull;
mod sbom;

use std::env;
use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use clap::error::ErrorKind;
use pyimage_build::{Date, Lock};
use pyrun::cache::{Cache, Contents};
use pyrun::plan::Request;
use pyrun::registry::{Event, Registry, RegistrySettings};
use pyrun::shell::{self, Shell};
use pyrun::signals::Signals;
use pyrun::terminal;

use crate::build::{BuildError, Builder, Built, epoch};
use crate::cli::{
    self, BuildArgs, CacheArgs, Command, Format, LockArgs, LockingArgs, PyimageArgs, TagArgs, TagsArgs,
};
use crate::lock::{self, LockFile, Mode, Packages};
use crate::tags::TagsRequest;
use crate::workspace::{PackageImage, Workspace};
use crate::{cache, document, push, tag, tags};

/// Cargo's own failure code.
const FAILED: u8 = 101;
/// A command line that is wrong.
const USAGE: u8 = 2;
/// What a shell adds to the number of the signal that ended a process.
const SIGNAL: u8 = 128;

/// A failure, with what to do about it.
struct Failure {
    error: Box<dyn Error>,
    helps: Vec<String>,
}

impl Failure {
    fn new(error: impl Error + 'static, helps: Vec<String>) -> Self {
        Self { error: Box::new(error), helps }
    }
}

/// What every command works with.
struct Context {
    shell: Arc<Shell>,
    cache: Option<Cache>,
    registry: Registry,
}

/// Runs `cargo pyimage` with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    shell::color_choice(shell::color_flag(env::args_os())).write_global();
    let args = match cli::parse(env::args_os()) {
        Ok(args) => args,
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ => USAGE,
            };
            // Nowhere is left to tell that the message could not be written.
            let _ = error.print();
            return code.into();
        }
    };
    let output = &args.output;
    let shell = Arc::new(Shell::from_flags(output.color, output.quiet, output.verbose > 0));
    match execute(&args, &shell) {
        Ok(code) => code.into(),
        Err(failure) => {
            shell.error(&*failure.error, &failure.helps);
            FAILED.into()
        }
    }
}

fn execute(args: &PyimageArgs, shell: &Arc<Shell>) -> Result<u8, Failure> {
    match &args.command {
        Command::Cache(args) => return look_after(args, shell).map(|()| 0),
        Command::Schema => {
            return print(shell, Format::Json, &pyimage_build::schema(), String::new).map(|()| 0);
        }
        _ => {}
    }
    let cache = match Cache::from_env() {
        Ok(cache) => Some(cache),
        Err(error) => {
            shell.warn(format_args!("{error}; going on without the cache"));
            None
        }
    };
    // Whatever can be done without a registry is done without a runtime for one.
    if let Command::Lock(lock) = &args.command
        && (lock.check || lock.offline)
    {
        check(lock, cache.as_ref(), shell)?;
        return Ok(0);
    }
    if let Command::Dockerfile(args) = &args.command {
        dockerfile::dockerfile(args, cache.as_ref(), shell)?;
        return Ok(0);
    }
    if let Command::Init(args) = &args.command {
        dockerfile::init(args, shell)?;
        return Ok(0);
    }
    let context = Context::new(args, shell, cache)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(error, Vec::new()))?;
    let result = runtime.block_on(async {
        let mut signals = Signals::catch();
        let request = tokio::select! {
            result = run(&args.command, &context) => result?,
            // Whoever sent the signal knows; what is dropped here cleans up behind itself.
            signal = signals.fatal() => return Ok(SIGNAL + signal),
        };
        match request {
            // From here on, signals are the program's.
            Next::Run(request) => Ok(engine::run(&request, &context).await),
            Next::Exit(code) => Ok(code),
        }
    });
    runtime.shutdown_background();
    result
}

/// What is left to do after a command.
enum Next {
    /// To run something in a container.
    Run(Box<Request>),
    /// To end with this code.
    Exit(u8),
}

/// Does what is asked for.
async fn run(command: &Command, context: &Context) -> Result<Next, Failure> {
    // What is built is in the cache until it is written, sent or saved.
    let cache = context.cache.as_ref().filter(|_| !matches!(command, Command::Cache(_)));
    let _preparing = cache.and_then(Cache::preparing);
    match command {
        Command::Run(args) => {
            return engine::ready(args, context).await.map(|request| Next::Run(Box::new(request)));
        }
        Command::Diff(args) => return look::diff(args, context).await.map(Next::Exit),
        Command::Inspect(args) => look::inspect(args, context).await,
        Command::Tree(args) => look::tree(args, context).await,
        Command::Verify(args) => look::verify(args, context).await,
        Command::Tags(args) => list(args, context).await,
        Command::Tag(args) => explain(args, context).await,
        Command::Lock(args) => pin(args, context).await,
        Command::Build(args) => build::build(args, context).await,
        Command::Push(args) => match &args.layout {
            Some(layout) => build::push_layout(layout, args, context).await,
            None => build::build(&args.clone().into_build(), context).await,
        },
        Command::Fetch(args) => fetch::fetch(args, context).await,
        Command::Pull(args) => pull::pull(args, context).await,
        Command::Load(args) => engine::load(args, context).await,
        Command::Save(args) => engine::save(args, context).await,
        Command::Init(args) => dockerfile::init(args, &context.shell),
        Command::Dockerfile(args) => dockerfile::dockerfile(args, context.cache.as_ref(), &context.shell),
        Command::Sbom(args) => sbom::sbom(args, context).await,
        // Neither asks anybody.
        Command::Cache(_) | Command::Schema => Ok(()),
    }
    .map(|()| Next::Exit(0))
}

async fn list(args: &TagsArgs, context: &Context) -> Result<(), Failure> {
    let repository = tags::repository(&args.repository).map_err(failure_of_tags)?;
    let request = TagsRequest {
        repository,
        filter: args.filter.clone(),
        variant: args.variant,
        platform: args.platform.clone(),
        all: args.all,
        today: today(),
    };
    let listing = tags::list(&context.registry, &request, &context.shell).await.map_err(failure_of_tags)?;
    print(&context.shell, args.format, &listing, || listing.table(width()))?;
    if args.format == Format::Table {
        listing.tell_hidden(&context.shell);
    }
    Ok(())
}

async fn explain(args: &TagArgs, context: &Context) -> Result<(), Failure> {
    let image = tag::image(&args.tag).map_err(failure_of_tag)?;
    let explained = tag::explain(&context.registry, &image, today()).await.map_err(failure_of_tag)?;
    print(&context.shell, args.format, &explained, || explained.text())
}

async fn pin(args: &LockArgs, context: &Context) -> Result<(), Failure> {
    let workspace = workspace(args.manifest_path.as_deref(), context.cache.as_ref())?;
    let mode = match &args.update {
        Some(names) => Mode::Update(names.clone()),
        None => Mode::Refresh,
    };
    let packages = Packages { cache: context.cache.as_ref(), shell: &context.shell };
    let locked = lock::lock(&workspace, &mode, &context.registry, packages).await;
    locked.map_err(failure_of_lock)?;
    if context.cache.is_none() {
        return Ok(());
    }
    let file = LockFile::read(&workspace.root).map_err(failure_of_lock)?;
    let lock = file.check(&workspace).map_err(failure_of_lock)?;
    let builder = builder(&workspace, lock, LockingArgs::default(), context)?;
    lock::pin_bytecode(&workspace, &builder, &context.shell).await.map_err(failure_of_lock)
}

/// Builds what is asked for, and writes nothing but to the cache.
async fn assembled(args: &BuildArgs, context: &Context) -> Result<Vec<Built>, Failure> {
    let workspace = workspace(args.assembly.source.manifest_path.as_deref(), context.cache.as_ref())?;
    let all = assembled_in(&workspace, args, context).await?;
    Ok(all.into_iter().map(|(_, built)| built).collect())
}

async fn assembled_in<'a>(
    workspace: &'a Workspace,
    args: &BuildArgs,
    context: &Context,
) -> Result<Vec<(&'a PackageImage, Built)>, Failure> {
    let lock = locked(workspace, args.assembly.source.locking, context).await?;
    let builder = Builder {
        anew: args.assembly.anew,
        ..builder(workspace, &lock, args.assembly.source.locking, context)?
    };
    let platforms = args.assembly.platform.iter().cloned().collect();
    let images = workspace.named(args.assembly.source.image.as_deref()).map_err(failure_of_build)?;
    let mut all = Vec::new();
    for image in images {
        let mut built =
            builder.build(image, &platforms, &args.assembly.tag).await.map_err(failure_of_build)?;
        if !builder.locked
            && built.bytecode.iter().any(|(from, digest)| lock.bytecode.get(from) != Some(digest))
        {
            LockFile::pin_bytecode(workspace, &built.bytecode, false).map_err(failure_of_lock)?;
        }
        if let Some(format) = args.assembly.sbom {
            let sbom = builder.sbom(image, &platforms).await.map_err(failure_of_build)?;
            built.referrers = built.sboms(&sbom, format);
        }
        all.push((image, built));
    }
    Ok(all)
}

/// The lock of a workspace, written first where it is missing or stale and may be.
async fn locked(workspace: &Workspace, locking: LockingArgs, context: &Context) -> Result<Lock, Failure> {
    let cache = context.cache.as_ref();
    let LockingArgs { locked, offline, frozen } = locking;
    let lock = if locked || offline || frozen {
        LockFile::read(&workspace.root).and_then(|file| file.checked(workspace))
    } else {
        let packages = Packages { cache, shell: &context.shell };
        lock::bring_up(workspace, &context.registry, packages).await
    };
    lock.map_err(failure_of_lock)
}

/// What the images of a workspace are built with.
fn builder<'a>(
    workspace: &'a Workspace,
    lock: &'a Lock,
    locking: LockingArgs,
    context: &'a Context,
) -> Result<Builder<'a>, Failure> {
    let cache = context.cache.as_ref().ok_or(lock::LockingError::NoCache).map_err(failure_of_lock)?;
    let epoch = epoch(env::var("SOURCE_DATE_EPOCH").ok().as_deref()).map_err(failure_of_build)?;
    let offline = locking.offline || locking.frozen;
    let (root, target, shell) = (&*workspace.root, &*workspace.target, &*context.shell);
    let locked = locking.locked || locking.frozen;
    Ok(Builder { root, lock, target, cache, shell, offline, locked, engine: None, epoch, anew: false })
}

fn check(args: &LockArgs, cache: Option<&Cache>, shell: &Shell) -> Result<(), Failure> {
    let workspace = workspace(args.manifest_path.as_deref(), cache)?;
    let file = LockFile::read(&workspace.root).map_err(failure_of_lock)?;
    let lock = file.check(&workspace).map_err(failure_of_lock)?;
    lock::tell_current(lock, shell);
    Ok(())
}

fn look_after(args: &CacheArgs, shell: &Shell) -> Result<(), Failure> {
    let folder = Cache::from_env().map_err(failure_of_cache)?;
    let now = SystemTime::now();
    let Some(limit) = args.prune else {
        let report = cache::Report::of(&Contents::read(&folder).map_err(failure_of_cache)?);
        print(shell, args.format, &report, || report.table(now))?;
        if args.format == Format::Table {
            shell.note(format_args!("the cache is in `{}`", report.folder));
        }
        return Ok(());
    };
    let pruned = pyrun::cache::prune(&folder, limit, args.dry_run).map_err(failure_of_cache)?;
    shell.verbose(|shell| {
        for entry in &pruned.removed {
            shell.status(if args.dry_run { "Would go" } else { "Removed" }, &entry.path);
        }
    });
    let report = cache::PruneReport::of(&pruned, folder.root().to_owned(), args.dry_run);
    print(shell, args.format, &report, || report.table(now))?;
    report.tell(shell);
    cache::unstuck(&pruned).map_err(|error| Failure::new(error, Vec::new()))
}

fn workspace(manifest_path: Option<&Utf8Path>, cache: Option<&Cache>) -> Result<Workspace, Failure> {
    Workspace::load(&here()?, manifest_path, cache).map_err(|error| {
        let helps = error.helps();
        Failure::new(error, helps)
    })
}

fn here() -> Result<Utf8PathBuf, Failure> {
    let here = env::current_dir().map_err(|error| Failure::new(error, Vec::new()))?;
    Utf8PathBuf::from_path_buf(here).map_err(|path| {
        let message = format!("the path of the current folder, `{}`, is not valid UTF-8", path.display());
        Failure::new(std::io::Error::other(message), Vec::new())
    })
}

fn print<T: serde::Serialize>(
    shell: &Shell,
    format: Format,
    value: &T,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let text = match format {
        Format::Table => text(),
        Format::Json => match serde_json::to_string_pretty(value) {
            Ok(json) => format!("{json}\n"),
            Err(error) => return Err(Failure::new(error, Vec::new())),
        },
    };
    shell.print(text).map_err(|error| Failure::new(error, Vec::new()))
}

impl Context {
    fn new(args: &PyimageArgs, shell: &Arc<Shell>, cache: Option<Cache>) -> Result<Self, Failure> {
        let failure = |error: pyrun::registry::RegistryError| {
            let helps = error.helps();
            Failure::new(error, helps)
        };
        let mut settings = RegistrySettings::from_env().map_err(failure)?;
        for host in &args.registry.insecure_registry {
            settings.allow_insecure(host).map_err(failure)?;
        }
        let told = Arc::clone(shell);
        settings.on_event(move |event| tell(event, &told));
        let registry = Registry::new(settings, cache.clone()).map_err(failure)?;
        Ok(Self { shell: Arc::clone(shell), cache, registry })
    }
}

fn tell(event: &Event, shell: &Shell) {
    match event {
        Event::Retrying { .. } => shell.status("Retrying", event),
        Event::Note(note) => shell.warn(note),
        Event::Request { .. } => shell.verbose(|shell| shell.status("Asked", event)),
        _ => shell.verbose(|shell| shell.note(event)),
    }
}

fn failure_of_tags(error: tags::TagsError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}

fn failure_of_tag(error: tag::TagError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}

fn failure_of_lock(error: lock::LockingError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}

fn failure_of_cache(error: pyrun::cache::CacheError) -> Failure {
    let help = error.help();
    Failure::new(error, vec![help])
}

fn failure_of_build(error: BuildError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}

fn failure_of_write(error: document::WriteError) -> Failure {
    Failure::new(error, Vec::new())
}

fn failure_of_push(error: push::PushError) -> Failure {
    let helps = error.helps();
    Failure::new(error, helps)
}

/// The columns of the terminal that the table is for; none where it is for a file or a program.
fn width() -> Option<usize> {
    let columns = usize::from(terminal::size().columns);
    (std::io::stdout().is_terminal() && columns > 0).then_some(columns)
}

fn today() -> Date {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Date::from_unix(now.map_or(0, |since| since.as_secs()))
}
