//! Python scripts of a program in Rust, run in containers by the same policy as `cargo pyrun`.
//!
//! [`Script`] is the way in. What it shares with the command: engines are found in the same order, files belong to the
//! caller, packages are resolved once and kept, the container ends with the process, proxies and certificates hold in it.
//! What differs, because a library is a guest in its process:
//!
//! - Nothing is mounted but the script, unless [`Script::folder`] or [`Script::mount`] says so.
//! - No `PYRUN_*` variable and no Cargo.toml is read: what the code says counts. Variables that choose an engine, a
//!   proxy or an index of packages do count, as does `PYIMAGE_CACHE_DIR`.
//! - Nothing is printed, unless [`Script::shell`] is given one to print to.
//! - No signal is caught, unless [`Script::forward_signals`] is asked for. A process that dies takes its scripts along.

mod asked;
mod detached;
mod error;
mod files;
mod job;
pub(crate) mod methods;
mod pending;
mod pieces;
mod running;
mod status;
mod told;
mod work;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use camino::Utf8PathBuf;

pub use detached::{Detached, Log, Logs};
pub use error::ScriptError;
pub use pending::Pending;
pub use pieces::Line;
pub use running::Running;
pub use status::{Output, Status};
pub use told::Told;

use crate::settings::{EnvSource, Settings};
use crate::shell::Shell;
use files::File;

/// A Python script, and how it is to run.
///
/// ```no_run
/// use pyrun::Script;
///
/// # const REPORT: &str = "";
/// // const REPORT: &str = include_str!("report.py");
/// let status = Script::embedded("report.py", REPORT)
///     .tag("3.13-slim")
///     .with("pandas>=2")
///     .folder("data")
///     .args(["sales.csv", "--year", "2026"])
///     .run()
///     .wait()?;
/// assert!(status.success(), "{status}");
/// # Ok::<_, pyrun::ScriptError>(())
/// ```
///
/// Packages and Python may also be named in the script itself
/// ([PEP 723](https://packaging.python.org/en/latest/specifications/inline-script-metadata/)).
#[derive(Debug, Clone)]
#[must_use = "a script does nothing until it is run"]
pub struct Script {
    what: What,
    beside: Vec<File>,
    arguments: Vec<OsString>,
    settings: Settings,
    folder: Option<PathBuf>,
    stdin: Option<Stdin>,
    container_name: Option<String>,
    cache: Option<Utf8PathBuf>,
    shell: Option<Arc<Shell>>,
    time_limit: Option<Duration>,
    offline: bool,
    locked: bool,
    forwards_signals: bool,
}

#[derive(Debug, Clone)]
enum What {
    Embedded(File),
    File(PathBuf),
    Module(String),
    Code(String),
}

/// What a script reads from its stdin.
///
/// ```
/// use pyrun::{Script, Stdin};
/// let given = Script::code("print(input())").stdin("hello\n");
/// let nothing = Script::code("print(input())").stdin(Stdin::Null);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing: it is at its end.
    Null,
    /// The stdin of this process.
    Inherit,
    /// What is written by [`Running::write`], until [`Running::close_stdin`].
    Piped,
    /// These bytes.
    Bytes(Bytes),
}

impl<T: Into<Bytes>> From<T> for Stdin {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Script {
    fn new(what: What) -> Self {
        Self {
            what,
            beside: Vec::new(),
            arguments: Vec::new(),
            settings: Settings::default(),
            folder: None,
            stdin: None,
            container_name: None,
            cache: None,
            shell: None,
            time_limit: None,
            offline: false,
            locked: false,
            forwards_signals: false,
        }
    }

    /// A script that the program has in itself, by `include_str!`, `include_bytes!` or a build script.
    ///
    /// It becomes a file of this name in the container, so that tracebacks show its lines and its stdin is free. The name
    /// may have folders: `reports/sales.py`.
    ///
    /// ```
    /// const REPORT: &str = "print('a report')"; // include_str!("report.py")
    /// let script = pyrun::Script::embedded("report.py", REPORT);
    /// ```
    pub fn embedded(name: impl Into<String>, content: impl Embed) -> Self {
        Self::new(What::Embedded(File { path: name.into(), content: content.content() }))
    }

    /// A script of this machine; a relative path starts from the process's current folder.
    ///
    /// Its own folder is mounted, so that it finds its modules, and cannot be written.
    ///
    /// ```
    /// let script = pyrun::Script::file("tools/report.py");
    /// ```
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(What::File(path.into()))
    }

    /// A module, as `python -m` runs it: of the standard library, of a package, or of [`folder`](Self::folder).
    ///
    /// ```
    /// let script = pyrun::Script::module("compileall").folder("app").arg(".");
    /// ```
    pub fn module(name: impl Into<String>) -> Self {
        Self::new(What::Module(name.into()))
    }

    /// Code, as `python -c` runs it.
    ///
    /// ```
    /// let script = pyrun::Script::code("import sys; print(sys.version)");
    /// ```
    pub fn code(code: impl Into<String>) -> Self {
        Self::new(What::Code(code.into()))
    }

    /// Another file that the program has in itself, beside an [`embedded`](Self::embedded) script: a module that it
    /// imports, or data. Other scripts have no such files.
    ///
    /// ```
    /// let script = pyrun::Script::embedded("report.py", "import table; table.print()")
    ///     .beside("table.py", "def print(): ...")
    ///     .beside("names.csv", b"a,b\n");
    /// ```
    pub fn beside(mut self, name: impl Into<String>, content: impl Embed) -> Self {
        self.beside.push(File { path: name.into(), content: content.content() });
        self
    }

    /// The lock of an [`embedded`](Self::embedded) script, as `cargo pyrun --lock report.py` writes it: the packages are
    /// those, and a lock that is stale is an error.
    ///
    /// ```
    /// # const REPORT: &str = "";
    /// # const LOCK: &str = "";
    /// // const LOCK: &str = include_str!("pylock.report.toml");
    /// let script = pyrun::Script::embedded("report.py", REPORT).lock(LOCK);
    /// ```
    pub fn lock(mut self, content: impl Embed) -> Self {
        if let What::Embedded(File { path, .. }) = &self.what {
            let path = camino::Utf8Path::new(path);
            // As it would be beside the file: the standard allows no other point in the name.
            let name = format!("pylock.{}.toml", path.file_stem().unwrap_or_default().replace('.', "-"));
            self.beside.push(File { path: path.with_file_name(name).into(), content: content.content() });
        }
        self.locked = true;
        self
    }

    /// An argument.
    ///
    /// ```
    /// let script = pyrun::Script::code("").arg("--verbose");
    /// ```
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Arguments.
    ///
    /// ```
    /// let script = pyrun::Script::code("").args(["sales.csv", "--year", "2026"]);
    /// ```
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// A tag of the official Python image. Without one, it is the newest slim image that the script's own metadata
    /// allows; of a [`file`](Self::file), `.python-version` and `pyproject.toml` above it count too.
    ///
    /// ```
    /// let script = pyrun::Script::code("").tag("3.13-slim");
    /// ```
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        (self.settings.tag, self.settings.image) = (Some(tag.into()), None);
        self
    }

    /// Another image, with a Python in it.
    ///
    /// ```
    /// let script = pyrun::Script::code("").image("ghcr.io/me/python:3.13");
    /// ```
    pub fn image(mut self, reference: impl Into<String>) -> Self {
        (self.settings.tag, self.settings.image) = (None, Some(reference.into()));
        self
    }

    /// The interpreter's path in the image, or `system`.
    ///
    /// ```
    /// let script = pyrun::Script::code("").image("debian:trixie").python("/usr/bin/python3");
    /// ```
    pub fn python(mut self, path: impl Into<String>) -> Self {
        self.settings.python = Some(path.into());
        self
    }

    /// A platform other than the engine's own.
    ///
    /// ```
    /// let script = pyrun::Script::code("").platform("linux/arm64");
    /// ```
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.settings.platform = Some(platform.into());
        self
    }

    /// When the image is pulled: `always`, `missing` (the default) or `never`.
    ///
    /// ```
    /// let script = pyrun::Script::code("").pull("never");
    /// ```
    pub fn pull(mut self, when: impl Into<String>) -> Self {
        self.settings.pull = Some(when.into());
        self
    }

    /// A package that the script is to have, beside those that its metadata asks for.
    ///
    /// ```
    /// let script = pyrun::Script::code("import requests").with("requests>=2.32");
    /// ```
    pub fn with(mut self, requirement: impl Into<String>) -> Self {
        self.settings.with.push(requirement.into());
        self
    }

    /// A file of this machine that says which packages the script is to have: requirements, a `pyproject.toml` or a lock.
    ///
    /// ```
    /// let script = pyrun::Script::file("report.py").requirements("requirements.txt");
    /// ```
    pub fn requirements(mut self, file: impl Into<Utf8PathBuf>) -> Self {
        self.settings.requirements.push(file.into());
        self
    }

    /// The tag of the official image in which packages without a wheel are built. Without one, it is the full image of the
    /// script's release.
    ///
    /// ```
    /// let script = pyrun::Script::code("").with("lxml").build_tag("3.13-trixie");
    /// ```
    pub fn build_tag(mut self, tag: impl Into<String>) -> Self {
        self.settings.build_tag = Some(tag.into());
        self
    }

    /// Nothing is resolved or fetched over a network: packages are in the cache, or it is an error.
    ///
    /// ```
    /// let script = pyrun::Script::code("import requests").with("requests").offline();
    /// ```
    pub fn offline(mut self) -> Self {
        self.offline = true;
        self
    }

    /// A variable of the script's environment. It has none of this process, other than proxies.
    ///
    /// ```
    /// let script = pyrun::Script::code("").env("REPORT_YEAR", "2026");
    /// ```
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.env.push(EnvSource::Variable(name.into(), Some(value.into())));
        self
    }

    /// A folder of this machine that the script works in, and may write: its current folder, `/usr/src/myapp` in the
    /// container. What it writes there belongs to this user. Without one, it starts in `/tmp` of the container.
    ///
    /// ```
    /// let script = pyrun::Script::code("open('report.txt', 'w')").folder(".");
    /// ```
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// The folder in the container in which the script starts.
    ///
    /// ```
    /// let script = pyrun::Script::code("").folder(".").workdir("data");
    /// ```
    pub fn workdir(mut self, path: impl Into<String>) -> Self {
        self.settings.workdir = Some(path.into());
        self
    }

    /// Another file or folder of this machine, by its path in the container.
    ///
    /// ```
    /// let script = pyrun::Script::code("").mount("out", "/out");
    /// ```
    pub fn mount(mut self, path: impl AsRef<Path>, at: impl AsRef<str>) -> Self {
        self.settings.volumes.push(volume(path.as_ref(), at.as_ref()));
        self
    }

    /// The same, and the script cannot write it.
    ///
    /// ```
    /// let script = pyrun::Script::code("").mount_read_only("/srv/data", "/data");
    /// ```
    pub fn mount_read_only(mut self, path: impl AsRef<Path>, at: impl AsRef<str>) -> Self {
        self.settings.volumes.push(volume(path.as_ref(), at.as_ref()) + ":ro");
        self
    }

    /// A volume of the engine, in docker's notation.
    ///
    /// ```
    /// let script = pyrun::Script::code("").volume("models:/models");
    /// ```
    pub fn volume(mut self, volume: impl Into<String>) -> Self {
        self.settings.volumes.push(volume.into());
        self
    }

    /// A port that is published, in docker's notation.
    ///
    /// ```
    /// let script = pyrun::Script::module("http.server").publish("127.0.0.1:8000:8000");
    /// ```
    pub fn publish(mut self, port: impl Into<String>) -> Self {
        self.settings.publish.push(port.into());
        self
    }

    /// A network of the engine, or `host`.
    ///
    /// ```
    /// let script = pyrun::Script::code("").network("database");
    /// ```
    pub fn network(mut self, name: impl Into<String>) -> Self {
        self.settings.network = Some(name.into());
        self
    }

    /// The script has no network. Its packages are fetched before it starts.
    ///
    /// ```
    /// let script = pyrun::Script::code("").with("pandas").no_network();
    /// ```
    pub fn no_network(self) -> Self {
        self.network("none")
    }

    /// The memory that it may use, as in `512m`.
    ///
    /// ```
    /// let script = pyrun::Script::code("").memory("512m");
    /// ```
    pub fn memory(mut self, bytes: impl Into<String>) -> Self {
        self.settings.memory = Some(bytes.into());
        self
    }

    /// The number of CPUs that it may use.
    ///
    /// ```
    /// let script = pyrun::Script::code("").cpus(1.5);
    /// ```
    pub fn cpus(mut self, number: f64) -> Self {
        self.settings.cpus = Some(number.to_string());
        self
    }

    /// GPUs that it gets: `all`, a number, or `device=ID`.
    ///
    /// ```
    /// let script = pyrun::Script::code("").gpus("all");
    /// ```
    pub fn gpus(mut self, gpus: impl Into<String>) -> Self {
        self.settings.gpus = Some(gpus.into());
        self
    }

    /// The root file system of the container cannot be written; home and `/tmp` are in memory then.
    ///
    /// ```
    /// let script = pyrun::Script::code("").read_only();
    /// ```
    pub fn read_only(mut self) -> Self {
        self.settings.read_only = Some(true);
        self
    }

    /// Who it is in the container, `UID[:GID]` or names; without this, whoever owns what this process writes.
    ///
    /// ```
    /// let script = pyrun::Script::code("").user("1000:1000");
    /// ```
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.settings.user = Some(user.into());
        self
    }

    /// The container's name.
    ///
    /// ```
    /// let script = pyrun::Script::code("").name("nightly-report");
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.container_name = Some(name.into());
        self
    }

    /// The engine: an address, `docker`, `podman`, or a docker context. Without this, the first that answers.
    ///
    /// ```
    /// let script = pyrun::Script::code("").engine("podman");
    /// ```
    pub fn engine(mut self, engine: impl Into<String>) -> Self {
        self.settings.engine = Some(engine.into());
        self
    }

    /// The folder of the cache, which programs can share. Without this, it is that of `cargo pyrun`.
    ///
    /// ```
    /// let script = pyrun::Script::code("").cache("/var/cache/my-program");
    /// ```
    pub fn cache(mut self, folder: impl Into<Utf8PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// What the script reads. Without this, [`run`](Self::run) has it read this process's stdin, and the others nothing,
    /// as in [`std::process::Command`].
    ///
    /// ```
    /// let script = pyrun::Script::code("print(input())").stdin("hello\n");
    /// ```
    pub fn stdin(mut self, stdin: impl Into<Stdin>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// How long it may take from now to its end, pull and packages included; then it is killed, which is an error.
    ///
    /// ```
    /// use std::time::Duration;
    /// let script = pyrun::Script::code("while True: pass").time_limit(Duration::from_secs(60));
    /// ```
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Tells what is going on, as `cargo pyrun` does: which image is chosen, pulled, which packages are prepared.
    ///
    /// ```
    /// use pyrun::shell::Shell;
    /// let script = pyrun::Script::code("").shell(Shell::from_flags(None, false, false));
    /// ```
    pub fn shell(mut self, shell: impl Into<Arc<Shell>>) -> Self {
        self.shell = Some(shell.into());
        self
    }

    /// Passes signals of this process on to the script while it runs, as `cargo pyrun` does: with Ctrl-C it is the script
    /// that decides. The process keeps handlers for them from then on.
    ///
    /// ```
    /// let script = pyrun::Script::code("").forward_signals();
    /// ```
    pub fn forward_signals(mut self) -> Self {
        self.forwards_signals = true;
        self
    }

    /// Runs it with this process's streams, and a terminal where they are one.
    ///
    /// ```no_run
    /// let status = pyrun::Script::code("print('hello')").tag("3.13-slim").run().wait()?;
    /// assert!(status.success());
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it could not be run. Another exit code than 0 is none.
    pub fn run(self) -> Pending<'static, Result<Status, ScriptError>> {
        Pending::new(work::run(self))
    }

    /// Runs it and keeps what it writes. Each stream is kept whole, in memory.
    ///
    /// ```no_run
    /// let output = pyrun::Script::code("print(6 * 7)").tag("3.13-slim").output().wait()?;
    /// assert_eq!(output.text(), "42\n");
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it could not be run. Another exit code than 0 is none; see [`Output::successful`].
    pub fn output(self) -> Pending<'static, Result<Output, ScriptError>> {
        Pending::new(work::output(self))
    }

    /// Starts it. What it writes is read from what this gives, while it runs.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), pyrun::ScriptError> {
    /// let mut running = pyrun::Script::code("print('one'); print('two')").spawn().await?;
    /// while let Some(line) = running.line().await {
    ///     println!("{}", line.text);
    /// }
    /// let status = running.finish().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Where it could not be started.
    pub fn spawn(self) -> Pending<'static, Result<Running, ScriptError>> {
        Pending::new(work::spawn(self))
    }

    /// Starts it and leaves it to itself: it goes on when this process has ended, and its container stays after its end,
    /// with its output, until somebody removes it.
    ///
    /// It reads nothing, and there is no time limit.
    ///
    /// ```no_run
    /// let detached = pyrun::Script::module("http.server").name("files").publish("8000").detach().wait()?;
    /// println!("`docker logs {}` tells what it says", detached.name());
    /// # Ok::<_, pyrun::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where it could not be started; then nothing is left.
    pub fn detach(self) -> Pending<'static, Result<Detached, ScriptError>> {
        Pending::new(work::detach(self))
    }

    /// What it is called where it is told of.
    fn title(&self) -> String {
        match &self.what {
            What::Embedded(file) => file.path.clone(),
            What::File(path) => path.display().to_string(),
            What::Module(module) => format!("-m {module}"),
            What::Code(_) => "-c".to_owned(),
        }
    }
}

fn volume(path: &Path, at: &str) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!("{}:{at}", path.display())
}

/// The content of a file that a program has in itself: text or bytes, also of what a build script has embedded.
///
/// ```
/// use pyrun::Script;
/// let script = Script::embedded("a.py", "import b")
///     .beside("b.py", b"C = 1\n")
///     .beside("c.txt", format!("{}", 1));
/// ```
pub trait Embed {
    /// Its bytes.
    ///
    /// ```
    /// use pyrun::script::Embed as _;
    /// assert_eq!(*"print(1)".content(), *b"print(1)");
    /// ```
    fn content(self) -> Cow<'static, [u8]>;
}

impl Embed for &'static str {
    fn content(self) -> Cow<'static, [u8]> {
        self.as_bytes().into()
    }
}

impl Embed for &'static [u8] {
    fn content(self) -> Cow<'static, [u8]> {
        self.into()
    }
}

impl<const N: usize> Embed for &'static [u8; N] {
    fn content(self) -> Cow<'static, [u8]> {
        self.as_slice().into()
    }
}

impl Embed for String {
    fn content(self) -> Cow<'static, [u8]> {
        self.into_bytes().into()
    }
}

impl Embed for Vec<u8> {
    fn content(self) -> Cow<'static, [u8]> {
        self.into()
    }
}
