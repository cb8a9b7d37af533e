//! From what the user asked for to the container that does it. Pure: no engine is asked, no file is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pyimage_build::{Constraint, PythonTag, Wanted, nearest_tags};

use crate::container::{Bind, Container, Gpus};
use crate::dependencies::Dependencies;
use crate::engine::{Address, DETACHED_LABEL, Facts, RUN_LABEL};
use crate::environment::{Environment, Kind};
use crate::identity::Identity;
use crate::image::Image;
use crate::network::{BUNDLE, BUNDLE_VARIABLES, Proxies};

/// Where bytecode is kept in the container.
pub const BYTECODE: &str = "/var/cache/pyrun";

/// Where the packages are: a virtual environment of the image's Python, or a folder of a user's packages.
pub const ENVIRONMENT: &str = "/opt/pyrun";

/// Where the bytecode of all packages is, which an environment's own links lead to.
pub const PACKAGE_BYTECODE: &str = "/opt/pyrun-bytecode";

/// Where programs are in official images.
const PATH: &str = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where the folder of a script from elsewhere is mounted.
pub const ELSEWHERE: &str = "/usr/src/script";
/// A home of nobody's in the image.
const HOME: &str = "/home/pyrun";
/// Where `$PWD` is mounted unless asked otherwise: the folder of the official images' documentation.
pub const MOUNT: &str = "/usr/src/myapp";

/// Where a program starts that has no folder of the host: everybody can write there, and all of it goes with the container.
const NOWHERE: &str = "/tmp";

/// What Python is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A script file of the host.
    Script(Script),
    /// The text on stdin.
    Stdin,
    /// `python -m`.
    Module(String),
    /// `python -c`.
    Code(String),
    /// The interactive interpreter.
    Repl,
}

/// A script file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// Under the mounted folder; the path from there.
    Inside(PathBuf),
    /// Elsewhere: its folder, and its name in it.
    Elsewhere {
        /// The folder on the host.
        folder: PathBuf,
        /// The file's name.
        name: String,
    },
}

/// Which interpreter of the image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interpreter {
    /// The official `/usr/local/bin/python`.
    #[default]
    Official,
    /// The distribution's `/usr/bin/python3`.
    System,
    /// Another.
    Path(String),
}

impl Interpreter {
    /// Its path in the image.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Official => "/usr/local/bin/python",
            Self::System => "/usr/bin/python3",
            Self::Path(path) => path,
        }
    }
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// Before every run.
    Always,
    /// When the engine does not have it.
    #[default]
    Missing,
    /// Not at all.
    Never,
}

/// Whose the streams of a run are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Streams {
    /// The caller's: stdin, stdout, stderr, and the terminal if they are one.
    #[default]
    Caller,
    /// Nobody's. There is no stdin and no terminal; what is written goes to this file, and to stderr under `-v`.
    Log(PathBuf),
    /// Those of whoever called us as a library, who holds their ends. There is no terminal.
    Held,
}

/// A run as the user asked for it, complete and checked.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the command line")]
pub struct Request {
    /// What to run.
    pub program: Option<Program>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The image as the engine is asked for it.
    pub image: String,
    /// The official tag, where the image was chosen by one.
    pub tag: Option<PythonTag>,
    /// What asks for a Python, as far as the tag does not contradict it anyway.
    pub wishes: Vec<Constraint>,
    /// The tag was chosen by the wishes; nobody named it where it comes before them.
    pub chosen: bool,
    /// Which interpreter.
    pub interpreter: Interpreter,
    /// Which packages.
    pub dependencies: Dependencies,
    /// Nothing is resolved or fetched over a network.
    pub offline: bool,
    /// What was read of stdin already: a script, whose metadata is looked at.
    pub stdin: Option<Bytes>,
    /// The official tag of the image in which packages are built, where it is not the full one of the same release.
    pub build_tag: Option<PythonTag>,
    /// A program to run instead of Python.
    pub entrypoint: Option<String>,
    /// The image is run as it is: nothing of a project is mounted, and user and accounts are the image's own.
    pub bare: bool,
    /// The folder that is mounted.
    pub folder: PathBuf,
    /// Where it is mounted.
    pub mount: String,
    /// Where the program starts; the mount where `None`.
    pub workdir: Option<String>,
    /// Variables; one without a value is taken away from those of the image, as docker does.
    pub env: BTreeMap<String, Option<String>>,
    /// Volumes as docker's `-v` notes them, host paths absolute.
    pub volumes: Vec<String>,
    /// Ports as docker's `-p` notes them.
    pub publish: Vec<String>,
    /// The network's name.
    pub network: Option<String>,
    /// The container's name.
    pub name: Option<String>,
    /// `uid[:gid]` or names.
    pub user: Option<String>,
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// When to pull.
    pub pull: Pull,
    /// Bytes.
    pub memory: Option<i64>,
    /// Billionths of a CPU.
    pub nano_cpus: Option<i64>,
    /// The root file system cannot be written.
    pub read_only: bool,
    /// GPUs.
    pub gpus: Option<Gpus>,
    /// Which engine.
    pub engine: Option<String>,
    /// The script drives the engine.
    pub docker_socket: bool,
    /// The container stays.
    pub keep: bool,
    /// Phases are timed and told.
    pub timings: bool,
    /// Whose its streams are.
    pub streams: Streams,
    /// The folder is not mounted; it only names the project.
    pub unmounted: bool,
    /// Nobody waits for it: the container goes on without its client, and stays after its end.
    pub detached: bool,
    /// The process's signals are not ours: none is caught, and each does what it does without us.
    pub leaves_signals: bool,
}

impl Request {
    /// The tags most like one that is not there, without those that whoever chose that one would not choose.
    #[must_use]
    pub fn nearest_tags<'a>(&self, wanted: &str, known: &[&'a str]) -> Vec<&'a str> {
        let allowed = |tag: &&str| {
            let Ok(tag) = tag.parse() else { return !self.chosen };
            let tag_alone = |wish: &Constraint| matches!(wish.wanted, Wanted::Tag(_));
            !self.chosen || self.wishes.iter().all(|wish| tag_alone(wish) || wish.allows(&tag))
        };
        let known: Vec<_> = known.iter().copied().filter(allowed).collect();
        nearest_tags(wanted, &known)
    }

    /// Who chose the tag, in words; nobody where it was named.
    #[must_use]
    pub fn choosers(&self) -> Vec<String> {
        let choosers = self.wishes.iter().filter(|_| self.chosen);
        choosers.map(|wish| wish.source.clone()).collect()
    }
}

/// What a run finds around it.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The engine's traits.
    pub engine: &'a Facts,
    /// The engine's address.
    pub address: &'a Address,
    /// The image, once it was met.
    pub image: Option<&'a Image>,
    /// Who the script is.
    pub identity: &'a Identity,
    /// `/etc/passwd` and `/etc/group` on the host, where the image's do not do.
    pub accounts: Option<(String, String)>,
    /// The host's folder for bytecode.
    pub bytecode: Option<String>,
    /// The packages that the script gets.
    pub environment: Option<&'a Environment>,
    /// The host's certificate bundle.
    pub bundle: Option<String>,
    /// The host's proxies.
    pub proxies: Proxies,
    /// `TERM` and `COLORTERM` where the script gets a terminal.
    pub terminal: BTreeMap<String, String>,
    /// The group of the engine's socket, where the script drives it.
    pub socket_group: Option<u32>,
    /// The caller's home, which SELinux must not relabel.
    pub home: Option<&'a Path>,
}

/// The container that does what was asked. `run` is the run's own word, by which it is found again.
#[must_use]
pub fn plan(request: &Request, around: &Surroundings, run: &str) -> Container {
    let start = if request.unmounted { NOWHERE } else { &request.mount };
    let mut container = Container {
        name: request.name.clone().unwrap_or_else(|| format!("pyrun-{run}")),
        image: request.image.clone(),
        platform: request.platform.clone(),
        command: command(request, around.environment),
        workdir: request.workdir.as_deref().unwrap_or(start).to_owned(),
        user: around.identity.user.clone(),
        volumes: request.volumes.clone(),
        publish: request.publish.clone(),
        network: request.network.clone(),
        hosts: around.proxies.hosts.clone(),
        memory: request.memory,
        nano_cpus: request.nano_cpus,
        read_only: request.read_only,
        gpus: request.gpus.clone(),
        keep: request.keep || request.detached,
        detached: request.detached,
        ..Container::default()
    };
    container.labels.insert(RUN_LABEL.to_owned(), run.to_owned());
    container.labels.insert("pyrun.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    container.labels.insert("pyrun.folder".to_owned(), request.folder.display().to_string());
    if request.detached {
        container.labels.insert(DETACHED_LABEL.to_owned(), "true".to_owned());
    }
    mount_files(request, around, &mut container);
    set_environment(request, around, &mut container);
    container
}

fn command(request: &Request, environment: Option<&Environment>) -> Vec<String> {
    let interpreter = match environment {
        Some(environment)
            if environment.kind == Kind::Virtual && request.interpreter == Interpreter::Official =>
        {
            format!("{ENVIRONMENT}/bin/python")
        }
        _ => request.interpreter.path().to_owned(),
    };
    let mut command = vec![request.entrypoint.clone().unwrap_or(interpreter)];
    match &request.program {
        Some(Program::Script(Script::Inside(path))) => {
            let path = path.to_string_lossy();
            let path = if cfg!(windows) { path.replace('\\', "/") } else { path.into_owned() };
            let from_workdir = request.workdir.as_ref().is_none_or(|workdir| *workdir == request.mount);
            // As typed, where that works: it is the script's `sys.argv[0]`.
            command.push(match from_workdir {
                // Python would take it for an option of its own.
                true if path.starts_with('-') => format!("./{path}"),
                true => path,
                false => format!("{}/{path}", request.mount),
            });
        }
        Some(Program::Script(Script::Elsewhere { name, .. })) => command.push(format!("{ELSEWHERE}/{name}")),
        Some(Program::Stdin) => command.push("-".to_owned()),
        Some(Program::Module(module)) => command.extend(["-m".to_owned(), module.clone()]),
        Some(Program::Code(code)) => command.extend(["-c".to_owned(), code.clone()]),
        Some(Program::Repl) | None => {}
    }
    command.extend(request.arguments.iter().cloned());
    command
}

fn mount_files(request: &Request, around: &Surroundings, container: &mut Container) {
    // Relabelling a home folder or `/` for SELinux breaks the host: the label is switched off there instead.
    let whole_home = request.folder == Path::new("/") || Some(request.folder.as_path()) == around.home;
    let elsewhere = match &request.program {
        Some(Program::Script(Script::Elsewhere { folder, .. })) => Some(folder),
        _ => None,
    };
    let relabel = around.engine.selinux && !whole_home && elsewhere.is_none() && !request.bare;
    if around.engine.selinux && !relabel && !request.bare {
        container.security.push("label=disable".to_owned());
    }
    if !request.bare && !request.unmounted {
        let mut project = Bind::new(request.folder.display().to_string(), &request.mount);
        project.relabel = relabel;
        container.binds.push(project);
    }
    if let Some(folder) = elsewhere {
        container.binds.push(Bind::new(folder.display().to_string(), ELSEWHERE).read_only());
    }
    let own = |source: &str, target: &str| {
        let mut bind = Bind::new(source, target);
        bind.relabel = relabel;
        bind
    };
    if let Some(folder) = &around.bytecode {
        container.binds.push(own(folder, BYTECODE));
    }
    if let Some(environment) = around.environment {
        container.binds.push(own(environment.folder.as_str(), ENVIRONMENT).read_only());
        // Python looks for the bytecode of a module under the prefix, by the module's own path.
        if around.bytecode.is_some()
            && let Some(bytecode) = &environment.bytecode
        {
            container
                .binds
                .push(own(bytecode.links.as_str(), &format!("{BYTECODE}{ENVIRONMENT}")).read_only());
            container.binds.push(own(bytecode.packages.as_str(), PACKAGE_BYTECODE).read_only());
        }
    }
    if let Some((passwd, group)) = &around.accounts {
        container.binds.push(own(passwd, "/etc/passwd").read_only());
        container.binds.push(own(group, "/etc/group").read_only());
    }
    if let Some(bundle) = &around.bundle {
        container.binds.push(Bind::new(bundle, BUNDLE).read_only());
    }
    if let (true, Some(socket)) = (request.docker_socket, around.address.socket()) {
        container.binds.push(Bind::new(socket.display().to_string(), "/var/run/docker.sock"));
        container.groups.extend(around.socket_group.map(|gid| gid.to_string()));
    }
    if let Some(home) = home(request, around.identity) {
        container.tmpfs.insert(home, "exec,mode=1777".to_owned());
    }
    if request.read_only {
        container.tmpfs.insert("/tmp".to_owned(), "exec,mode=1777".to_owned());
    }
}

/// The home that has to be made: that of an account of ours, or one in place of a home that cannot be written.
fn home(request: &Request, identity: &Identity) -> Option<String> {
    let in_place = || match &identity.own_home {
        // Over a folder that is there, engines keep its mode, so that only root could write in what they mount there.
        Some((_, uid)) if *uid != 0 => HOME.to_owned(),
        own => own.as_ref().map_or("/root", |(home, _)| home).to_owned(),
    };
    identity.home.clone().or_else(|| (request.read_only && !request.bare).then(in_place))
}

fn set_environment(request: &Request, around: &Surroundings, container: &mut Container) {
    let mut env = BTreeMap::new();
    // Who sets one case of a proxy's variable would not have the host's value in the other.
    let set = |name: &str| request.env.keys().any(|key| key.eq_ignore_ascii_case(name));
    env.extend(around.proxies.env.clone().into_iter().filter(|(name, _)| !set(name)));
    env.extend(around.terminal.clone());
    if around.bundle.is_some() {
        env.extend(BUNDLE_VARIABLES.map(|name| (name.to_owned(), BUNDLE.to_owned())));
    }
    // Without a folder to keep it in, bytecode still stays out of the project; before 3.8 only by not being written.
    if request.entrypoint.is_none() {
        let minor = around.image.and_then(Image::python_minor);
        let (name, value) = match minor {
            Some(minor) if minor < (3, 8) => ("PYTHONDONTWRITEBYTECODE", "1"),
            _ => ("PYTHONPYCACHEPREFIX", BYTECODE),
        };
        env.insert(name.to_owned(), value.to_owned());
    }
    if let Some(environment) = around.environment {
        let path = around.image.and_then(|image| image.path.as_deref()).unwrap_or(PATH);
        env.insert("PATH".to_owned(), format!("{ENVIRONMENT}/bin:{path}"));
        let variable = match environment.kind {
            Kind::Virtual => "VIRTUAL_ENV",
            Kind::UserBase => "PYTHONUSERBASE",
        };
        env.insert(variable.to_owned(), ENVIRONMENT.to_owned());
    }
    if let Some(home) = home(request, around.identity) {
        env.insert("HOME".to_owned(), home);
    }
    if let Some(name) = &around.identity.name {
        env.insert("USER".to_owned(), name.clone());
    }
    container.env = env.into_iter().map(|(name, value)| (name, Some(value))).collect();
    container.env.extend(request.env.clone());
}

/// The interpreter's options for `init.py` in this image.
#[must_use]
pub fn entrypoint(request: &Request, image: Option<&Image>, bytecode: bool) -> Vec<String> {
    let mut entrypoint = vec![request.interpreter.path().to_owned(), "-ESs".to_owned()];
    let minor = image.and_then(Image::python_minor);
    // `-X` is an error to Python 2; before 3.8 there is no prefix.
    if bytecode && minor.is_some_and(|minor| minor >= (3, 8)) && request.interpreter == Interpreter::Official
    {
        entrypoint.extend(["-X".to_owned(), format!("pycache_prefix={BYTECODE}")]);
    }
    entrypoint.extend(["-c".to_owned(), crate::init::program(request.detached)]);
    entrypoint
}

#[cfg(test)]
mod tests {
    use pyimage_build::{KNOWN_TAGS, PythonVersionFile, RequiresPython};

    use super::*;

    #[test]
    fn suggestions_are_what_was_asked_for() {
        let requires: RequiresPython = "==3.13.99".parse().unwrap();
        let file = PythonVersionFile::parse("3.13").unwrap().unwrap();
        let [requires, file] =
            [Constraint::new("the script", requires), Constraint::new(".python-version", file)];
        let request = |wishes: &[&Constraint], chosen| Request {
            wishes: wishes.iter().map(|wish| (*wish).clone()).collect(),
            chosen,
            ..Request::default()
        };
        let near = |request: &Request| request.nearest_tags("3.13.99-slim", KNOWN_TAGS);
        assert_eq!(near(&request(&[&requires, &file], true)), [""; 0]);
        assert_eq!(request(&[&requires, &file], true).choosers(), ["the script", ".python-version"]);
        let of_file = near(&request(&[&file], true));
        assert!(of_file.contains(&"3.13-slim"), "{of_file:?}");
        assert!(of_file.iter().all(|tag| tag.starts_with("3.13")), "{of_file:?}");
        // Who types a tag may mean another.
        let typed = request(&[&requires], false);
        assert_eq!(near(&typed), nearest_tags("3.13.99-slim", KNOWN_TAGS));
        assert_eq!(typed.choosers(), [""; 0]);
    }
}
