//! From the command line and the project's settings to a checked [`Request`].

mod image;

use std::env;
use std::ffi::OsString;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;
use pyimage_build::{Platform, PlatformError, PythonTag, PythonTagError, ReferenceError, TagChoiceError};

pub(crate) use image::Wishes;

pub use image::{Named, Notice};

use crate::cli::{ContainerArgs, DockerArgs, ImageArgs, PackageArgs, PyrunArgs, is_cargo_offline};
use crate::constraints::{self, ConstraintError, Source};
use crate::container::{parse_bytes, parse_cpus};
use crate::dependencies::{Asked, Dependencies, DependencyError, Locking};
use crate::env_file::EnvFileError;
use crate::plan::{Interpreter, MOUNT, Program, Pull, Request, Script};
use crate::publish::{self, PublishError};
use crate::run::RunError;
use crate::settings::{self, EnvSource, NamedScript, Project, Settings, SettingsError};

/// Why what was asked for makes no run.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The script is not there, or none.
    #[error(transparent)]
    Script(#[from] RunError),
    /// A manifest or a variable says something that it may not.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file of variables.
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    /// The tag cannot be one of the official image.
    #[error("{} is no tag of the official Python image", named.told("tag", tag))]
    Tag {
        /// The tag.
        tag: String,
        /// Where it stands.
        named: Named,
        /// The reason.
        source: PythonTagError,
    },
    /// The tag of the image that builds packages cannot be one of the official image.
    #[error("`{tag}` (`build-tag`) is no tag of the official Python image")]
    BuildTag {
        /// The tag.
        tag: String,
        /// The reason.
        source: PythonTagError,
    },
    /// The image's name is malformed.
    #[error("{} is no image reference", named.told("image", image))]
    Image {
        /// The name.
        image: String,
        /// Where it stands.
        named: Named,
        /// The reason.
        source: ReferenceError,
    },
    /// What asks for a Python cannot be read.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// No Python is what all want that ask for one.
    #[error(transparent)]
    Choice(#[from] TagChoiceError),
    /// It cannot be told which packages are needed.
    #[error(transparent)]
    Dependencies(#[from] DependencyError),
    /// The script cannot be read from stdin.
    #[error("cannot read the script from stdin")]
    Stdin(#[source] std::io::Error),
    /// The platform is malformed.
    #[error("`{platform}` is no platform")]
    Platform {
        /// The text.
        platform: String,
        /// The reason.
        source: PlatformError,
    },
    /// A value of `--publish` is malformed.
    #[error("cannot publish a port")]
    Publish(#[from] PublishError),
    /// Another value is malformed.
    #[error("invalid value for `{option}`: {reason}")]
    Value {
        /// The option, as on the command line.
        option: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// An argument or a path is not UTF-8, which the engine's API needs.
    #[error("`{}` is not valid UTF-8, which the engine's API needs", .0.display())]
    NotUtf8(PathBuf),
    /// The list of named scripts could not be written.
    #[error("cannot print the list of scripts")]
    List(#[source] std::io::Error),
    /// The folder that is to be mounted is not there, or cannot be read.
    #[error("cannot mount folder `{}`", folder.display())]
    Folder {
        /// The folder, as it was named.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The current folder is gone.
    #[error("the current folder cannot be read")]
    CurrentFolder(#[source] std::io::Error),
}

impl RequestError {
    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Script(error) => error.exit_code(),
            _ => 125,
        }
    }

    /// What to do about it, one line each.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Script(error) => error.helps(),
            Self::Settings(error) => error.helps(),
            Self::Tag { tag, named, .. } => {
                let near = pyimage_build::nearest_tags(tag, pyimage_build::KNOWN_TAGS);
                let mut helps = Vec::new();
                if let [first, ..] = near[..] {
                    helps.push(format!("did you mean `{}`?", named.tag(first)));
                }
                if tag.contains(['/', ':']) {
                    helps.push(format!("for another image: `{}`", named.image(tag)));
                }
                helps
            }
            Self::Constraint(error) => error.helps(),
            Self::Dependencies(error) => error.helps(),
            Self::Choice(TagChoiceError::Unsatisfiable(_)) => {
                vec![format!("the newest is `{}`: `--tag` takes it without asking", PythonTag::DEFAULT)]
            }
            Self::Choice(_) => vec!["change one of them, or choose with `--tag`".to_owned()],
            Self::Publish(PublishError::Port { text, port }) if text == port => vec![
                format!("for the package of that name: `--package {text}`"),
                "for a port: `--publish 8080:80`".to_owned(),
            ],
            Self::Publish(_) => vec!["for example `--publish 8080:80`".to_owned()],
            _ => Vec::new(),
        }
    }
}

/// Builds the request of a command line in a project, and what there is to tell about it.
///
/// # Errors
/// Where something that was asked for is malformed or not there.
pub fn build(args: &PyrunArgs, project: &Project) -> Result<(Request, Vec<Notice>), RequestError> {
    let here = env::current_dir().map_err(RequestError::CurrentFolder)?;
    let name = args.script(false).0.and_then(|name| name.to_str());
    let named = name.and_then(|name| project.scripts.get(name));
    let flags = flags(args, &here)?;
    let script_settings = named.map(|script| script.settings.clone()).unwrap_or_default();
    let lower = Settings::merge(script_settings, project.settings());
    let environment = Settings::from_env()?;
    let settings = Settings::merge(flags.clone(), Settings::merge(environment.clone(), lower));

    let (script, words) = args.script(named.is_none() && settings.entrypoint.is_some());
    let folder = match named {
        Some(script) => script.folder.clone().into_std_path_buf(),
        None => here.clone(),
    };
    // A symlinked folder is named as the engine's machine will find it.
    let folder = folder.canonicalize().map_err(RequestError::CurrentFolder)?;
    utf8(&folder)?;
    let mut arguments = named.map(|script| script.args.clone()).unwrap_or_default();
    let program = match named {
        Some(script) => named_program(script, &folder)?,
        None => program(args, script, &here, &folder, project)?,
    };
    for argument in words {
        arguments.push(text(argument)?);
    }
    let file = match &program {
        Program::Script(Script::Inside(path)) => Some(folder.join(path)),
        Program::Script(Script::Elsewhere { folder, name }) => Some(folder.join(name)),
        _ => None,
    };
    let stdin = script_of_stdin(&program)?;
    let own = match (&file, &stdin) {
        (Some(file), _) => Source::File(file),
        (None, Some(text)) => Source::Stdin(text),
        (None, None) => Source::None,
    };
    let start = match own {
        Source::File(script) => script.parent().unwrap_or(&folder),
        _ => &folder,
    };
    let wishes = Wishes {
        flags: &flags,
        by: Named::Flag,
        environment: &environment,
        named: name.zip(named),
        project,
        script: own,
        folder: &folder,
        start: Some(start),
    };
    let image = wishes.image()?;
    let dependencies = dependencies(own, args, &settings, &here)?;
    let request = Request {
        program: Some(program),
        arguments,
        image: image.name,
        tag: image.tag,
        wishes: image.wishes,
        chosen: image.chosen,
        dependencies,
        offline: args.packages.offline || args.packages.frozen || is_cargo_offline(),
        stdin,
        folder,
        name: args.container.docker.name.clone(),
        keep: args.container.keep,
        timings: args.output.timings,
        ..of_settings(&settings)?
    };
    Ok((request, image.notices))
}

/// What settings say of a run beside its image and its packages.
pub(crate) fn of_settings(settings: &Settings) -> Result<Request, RequestError> {
    for value in &settings.publish {
        publish::parse(value)?;
    }
    let invalid = |option| move |reason| RequestError::Value { option, reason };
    let (mount, workdir) = places(settings)?;
    let variables = settings.environment(&|name| env::var(name).ok())?;
    Ok(Request {
        interpreter: match settings.python.as_deref() {
            None => Interpreter::Official,
            Some("system") => Interpreter::System,
            Some(path) => Interpreter::Path(path.to_owned()),
        },
        entrypoint: settings.entrypoint.clone(),
        build_tag: settings.build_tag.as_deref().map(parse_build_tag).transpose()?,
        mount,
        workdir,
        env: variables,
        volumes: settings.volumes.clone(),
        publish: settings.publish.clone(),
        network: settings.network.clone(),
        user: settings.user.clone(),
        platform: platform(settings)?,
        pull: match &settings.pull {
            None => Pull::Missing,
            Some(text) => Pull::from_str(text, true)
                .map_err(|_| format!("expected `always`, `missing` or `never`, found `{text}`"))
                .map_err(invalid("--pull"))?,
        },
        memory: settings.memory.as_deref().map(parse_bytes).transpose().map_err(invalid("--memory"))?,
        nano_cpus: settings.cpus.as_deref().map(parse_cpus).transpose().map_err(invalid("--cpus"))?,
        read_only: settings.read_only.unwrap_or_default(),
        gpus: settings.gpus.as_deref().map(str::parse).transpose().map_err(invalid("--gpus"))?,
        engine: settings.engine.clone(),
        docker_socket: settings.docker_socket.unwrap_or_default(),
        ..Request::default()
    })
}

/// Where the folder is mounted, and where the script starts.
fn places(settings: &Settings) -> Result<(String, Option<String>), RequestError> {
    let mount = settings.mount_at.clone().unwrap_or_else(|| MOUNT.to_owned());
    if !mount.starts_with('/') {
        let reason = format!("`{mount}` is not an absolute path in the container");
        return Err(RequestError::Value { option: "--mount", reason });
    }
    let workdir = settings.workdir.clone().map(|workdir| {
        if workdir.starts_with('/') {
            workdir
        } else {
            format!("{mount}/{}", workdir.trim_start_matches("./"))
        }
    });
    Ok((mount, workdir))
}

/// What the script, the settings and the command line ask for, and the lock that stands for it.
fn dependencies(
    own: Source<'_>,
    args: &PyrunArgs,
    settings: &Settings,
    here: &Path,
) -> Result<Dependencies, RequestError> {
    let PackageArgs { lock, locked, frozen, .. } = args.packages;
    let locking = match (lock, locked, frozen) {
        (true, ..) => Locking::Write,
        (_, _, true) => Locking::Frozen,
        (_, true, _) => Locking::Locked,
        _ => Locking::Follow,
    };
    let home = env::home_dir().and_then(|home| home.canonicalize().ok());
    let start = match own {
        Source::File(script) => script.parent().unwrap_or(here),
        _ => here,
    };
    Ok(Dependencies::find(Asked {
        script: constraints::need_of_script(own, here)?,
        files: settings.requirements.iter().map(PathBuf::from).collect(),
        with: settings.with.clone(),
        groups: settings.groups.clone(),
        extras: settings.extras.clone(),
        locking,
        lock: None,
        start,
        here,
        home: home.as_deref(),
    })?)
}

/// The script on stdin, if one is to come from there: Python reads all of it before it runs, and so can we, to look for
/// its metadata. At a terminal it is typed, and has none.
fn script_of_stdin(program: &Program) -> Result<Option<Bytes>, RequestError> {
    let mut stdin = std::io::stdin();
    if *program != Program::Stdin || stdin.is_terminal() {
        return Ok(None);
    }
    let mut text = Vec::new();
    stdin.read_to_end(&mut text).map_err(RequestError::Stdin)?;
    Ok(Some(text.into()))
}

/// The command line as one level of settings.
fn flags(args: &PyrunArgs, here: &Path) -> Result<Settings, RequestError> {
    let PyrunArgs { image, container, packages, .. } = args;
    let ImageArgs { tag, image, python, entrypoint, platform, pull } = image.clone();
    let ContainerArgs { docker, mount, gpus, docker_socket, keep: _, engine } = container.clone();
    let DockerArgs {
        env,
        env_file,
        volume,
        workdir,
        publish,
        network,
        name: _,
        user,
        memory,
        cpus,
        read_only,
        interactive: _,
        tty: _,
        rm: _,
        init: _,
    } = docker;
    Ok(Settings {
        tag,
        image,
        python,
        workdir,
        mount_at: mount,
        user,
        platform,
        pull: pull.and_then(|pull| Some(pull.to_possible_value()?.get_name().to_owned())),
        network,
        memory,
        cpus,
        read_only: read_only.then_some(true),
        gpus,
        entrypoint,
        engine,
        docker_socket: docker_socket.then_some(true),
        env: variables(env, env_file)?,
        build_tag: packages.build_tag.clone(),
        with: packages.with.clone(),
        requirements: packages.requirements.iter().map(Utf8PathBuf::from).collect(),
        groups: packages.group.clone(),
        extras: packages.extra.clone(),
        volumes: volume.into_iter().map(|volume| absolute_volume(volume, here)).collect(),
        publish,
    })
}

/// What `--env` and `--env-file` say. As with docker, `--env` goes over `--env-file` wherever it stands.
///
/// # Errors
/// Where a variable has no name.
pub fn variables(env: Vec<String>, files: Vec<String>) -> Result<Vec<EnvSource>, RequestError> {
    let files = files.into_iter().map(|file| EnvSource::File(Utf8PathBuf::from(file)));
    let mut sources: Vec<_> = files.collect();
    for variable in env {
        let (key, value) = match variable.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (variable.clone(), None),
        };
        if key.is_empty() {
            let reason = format!("`{variable}` has no name before the `=`");
            return Err(RequestError::Value { option: "--env", reason });
        }
        sources.push(EnvSource::Variable(key, value));
    }
    Ok(sources)
}

/// A volume whose host side is relative means the current folder, as in docker.
#[must_use]
pub fn absolute_volume(volume: String, here: &Path) -> String {
    match volume.split_once(':') {
        Some((source, rest)) if source.starts_with('.') => {
            let source = here.join(source);
            let source = source.canonicalize().unwrap_or(source);
            format!("{}:{rest}", source.display())
        }
        _ => volume,
    }
}

fn parse_build_tag(tag: &str) -> Result<PythonTag, RequestError> {
    tag.parse().map_err(|source| RequestError::BuildTag { tag: tag.to_owned(), source })
}

fn platform(settings: &Settings) -> Result<Option<String>, RequestError> {
    match &settings.platform {
        Some(platform) => parse_platform(platform).map(Some),
        None => Ok(env::var("DOCKER_DEFAULT_PLATFORM").ok().filter(|platform| !platform.is_empty())),
    }
}

fn parse_platform(platform: &str) -> Result<String, RequestError> {
    let parsed: Platform = platform
        .parse()
        .map_err(|source| RequestError::Platform { platform: platform.to_owned(), source })?;
    Ok(parsed.to_string())
}

fn program(
    args: &PyrunArgs,
    script: Option<&OsString>,
    here: &Path,
    folder: &Path,
    project: &Project,
) -> Result<Program, RequestError> {
    if let Some(module) = &args.mode.module {
        return Ok(Program::Module(module.clone()));
    }
    if let Some(code) = &args.mode.code {
        return Ok(Program::Code(code.clone()));
    }
    match script {
        None => Ok(Program::Repl),
        Some(script) if script == "-" => Ok(Program::Stdin),
        Some(script) => {
            let names: Vec<_> = project.scripts.keys().map(String::as_str).collect();
            locate(Path::new(script), here, folder, &names)
        }
    }
}

fn named_program(script: &NamedScript, folder: &Path) -> Result<Program, RequestError> {
    match &script.program {
        settings::Program::Script(path) => {
            locate(path.as_std_path(), script.folder.as_std_path(), folder, &[])
        }
        settings::Program::Module(module) => Ok(Program::Module(module.clone())),
        settings::Program::Code(code) => Ok(Program::Code(code.clone())),
    }
}

/// Finds a script on this machine and its place in the container.
pub(crate) fn locate(
    typed: &Path,
    here: &Path,
    folder: &Path,
    names: &[&str],
) -> Result<Program, RequestError> {
    let path = &here.join(typed);
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let nearest = nearest_scripts(typed, path, names);
            return Err(RunError::NoScript { path: path.to_owned(), nearest }.into());
        }
        Err(source) => return Err(RunError::Unreadable { path: path.to_owned(), source }.into()),
    };
    if real.is_dir() && !real.join("__main__.py").is_file() {
        return Err(RunError::Folder(path.to_owned()).into());
    }
    if let Err(error) = fs_err::File::open(&real) {
        let source = std::io::Error::from(error.kind());
        return Err(RunError::Unreadable { path: path.to_owned(), source }.into());
    }
    utf8(&real)?;
    // The path as typed, where it leads to the same file inside of the folder: a symlink keeps its name.
    let script = match real.strip_prefix(folder) {
        Ok(inside) => Script::Inside(as_typed(path, folder, &real).unwrap_or_else(|| inside.to_owned())),
        Err(_) => Script::Elsewhere {
            folder: real.parent().unwrap_or(Path::new("/")).to_owned(),
            name: real.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        },
    };
    Ok(Program::Script(script))
}

fn as_typed(path: &Path, folder: &Path, real: &Path) -> Option<PathBuf> {
    let relative = path.strip_prefix(folder).ok()?;
    let plain = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    (plain && folder.join(relative).canonicalize().ok()? == *real).then(|| relative.to_owned())
}

/// Names alike: scripts of the same folder, as they would be typed, and the project's named scripts.
fn nearest_scripts(typed: &Path, path: &Path, names: &[&str]) -> Vec<String> {
    let Some(wanted) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let neighbours: Vec<String> = path
        .parent()
        .and_then(|folder| fs_err::read_dir(folder).ok())
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Utf8Path::new(name).extension() == Some("py"))
        .collect();
    let candidates = neighbours.iter().map(String::as_str).chain(names.iter().copied());
    let mut nearest = pyimage_build::nearest(wanted, candidates);
    // `hello` for `hello.py` is further off than a slip of the finger, and likelier.
    let same_stem = neighbours.iter().find(|name| Utf8Path::new(name).file_stem() == Some(wanted));
    if let Some(name) = same_stem.filter(|name| !nearest.contains(&name.as_str())) {
        nearest.insert(0, name);
    }
    nearest
        .into_iter()
        .map(|name| if names.contains(&name) { PathBuf::from(name) } else { typed.with_file_name(name) })
        .map(|path| path.display().to_string())
        .collect()
}

pub(crate) fn utf8(path: &Path) -> Result<(), RequestError> {
    if path.to_str().is_some() { Ok(()) } else { Err(RequestError::NotUtf8(path.to_owned())) }
}

pub(crate) fn text(argument: &OsString) -> Result<String, RequestError> {
    argument.to_str().map(str::to_owned).ok_or_else(|| RequestError::NotUtf8(PathBuf::from(argument)))
}
