//! What the end-to-end tests share: the test bed's parts, and the real program on them.
//!
//! The bed is brought up by `cargo xtask test`, which says in the environment what it has. A test whose part a
//! machine cannot give notes that in a file that `cargo xtask test` prints; it is never skipped in silence.

#![expect(clippy::expect_used, reason = "what the bed cannot do fails the test that needs it")]

mod cache;
mod elf;
mod engines;
mod faults;
mod image;
mod others;
mod package_index;
mod relay;
mod repository;
mod resolver;
mod running;
mod terminal;
mod wheels;

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use elf::shared_library;
pub use engines::{Setting, User};
pub use faults::{BearerAuth, Certificate, Fault, FaultyRegistry, Order, PlainTcp, Request, TlsRegistry};
pub use image::RegistryImage;
pub use others::{with_cargo, with_hosts};
pub use package_index::PackageIndex;
pub use relay::{Relay, SlowRegistry};
pub use repository::{Descriptor, Format, Repository};
pub use resolver::uv;
pub use running::Running;
pub use terminal::Terminal;
pub use wheels::{HandMadeWheel, WheelHost};

/// The image that most tests run in.
pub const TAG: &str = "3.13-slim";

/// A part of the test bed by its variable, or a note that it is not there.
///
/// # Panics
/// Where no test bed is up at all: such a run proves nothing.
#[must_use]
pub fn part(variable: &str) -> Option<String> {
    assert!(env::var_os("TESTBED").is_some(), "no test bed: run `cargo xtask test`");
    let found = env::var(variable).ok().filter(|value| !value.is_empty());
    if found.is_none() {
        skip(variable);
    }
    found
}

/// Notes that this test did not run for want of a part.
pub fn skip(part: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    if let Some(file) = env::var_os("TESTBED_SKIPS") {
        let file = fs_err::OpenOptions::new().append(true).create(true).open(PathBuf::from(file));
        if let Ok(mut file) = file {
            let _ = writeln!(file, "{test}: this machine has no {part}");
        }
    }
}

/// A folder to run in, with a home and a cache of its own.
#[derive(Debug)]
pub struct Folder {
    root: TempDir,
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// An empty folder, open to every user: some tests run as another.
    ///
    /// # Panics
    /// Where the machine has no place for temporary files.
    #[must_use]
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("pyrun-test-").tempdir().expect("a temporary folder");
        let folder = Self { root };
        for part in ["project", "home", "cache"] {
            fs_err::create_dir_all(folder.root.path().join(part)).expect("a folder of the test");
        }
        folder
    }

    /// Where the scripts are and the program runs.
    #[must_use]
    pub fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// The user's home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The folder above both.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Writes a file of the project.
    ///
    /// # Panics
    /// Where it cannot be written.
    #[expect(clippy::must_use_candidate, reason = "writing is what it is for")]
    pub fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.project().join(name);
        fs_err::create_dir_all(path.parent().expect("a parent")).expect("a folder of the project");
        fs_err::write(path, text).expect("a file of the project");
        self
    }

    /// The real program, here, in an environment without the developer's settings.
    #[must_use]
    pub fn pyrun<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = self.command(program(), &arguments);
        if let Some(docker) = part("TESTBED_DOCKER") {
            command.env("DOCKER_HOST", docker);
        }
        command
    }

    /// `cargo pyimage`, likewise, with the bed's open registry for Docker Hub. It knows of no engine.
    #[must_use]
    pub fn pyimage<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = self.command(built("cargo-pyimage"), &arguments);
        // The machine's own must not get the images that tests build.
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        if let Some(registry) = part("TESTBED_REGISTRY") {
            command.env("PYIMAGE_MIRRORS", format!("http://{registry}"));
        }
        command
    }

    fn command(&self, program: PathBuf, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.project()).env_clear();
        command.env("PATH", env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home()).env("PYIMAGE_CACHE_DIR", self.cache());
        command
    }
}

/// `cargo-pyrun` as `cargo xtask test` built it.
///
/// # Panics
/// Where it was not built.
#[must_use]
pub fn program() -> PathBuf {
    built("cargo-pyrun")
}

/// A binary under test.
fn built(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the test's own path");
    let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let program = folder.join(name);
    assert!(program.is_file(), "`{}` is not built: run `cargo xtask test`", program.display());
    program
}

/// What a finished program left.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its stdout.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

/// Runs a command to its end, with no stdin.
///
/// # Panics
/// Where it cannot be started.
#[must_use]
pub fn finish(command: &mut Command) -> Finished {
    finish_with(command, b"")
}

/// Runs a command to its end with these bytes on its stdin.
///
/// # Panics
/// Where it cannot be started.
#[must_use]
pub fn finish_with(command: &mut Command, stdin: &[u8]) -> Finished {
    let started = Instant::now();
    let mut child = spawn(command.stdin(Stdio::piped()));
    let mut pipe = child.stdin.take().expect("a pipe");
    let bytes = stdin.to_vec();
    // A program that does not read its stdin closes the pipe early.
    let writer = thread::spawn(move || drop(pipe.write_all(&bytes)));
    let output = child.wait_with_output().expect("the program's end");
    let _ = writer.join();
    finished(&output, started)
}

/// Starts a command with pipes on stdout and stderr.
///
/// # Panics
/// Where it cannot be started.
#[must_use]
pub fn spawn(command: &mut Command) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"))
}

fn finished(output: &Output, started: Instant) -> Finished {
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: started.elapsed(),
    }
}

/// A line of shell in which the command is `"$0" "$@"`.
#[must_use]
pub fn in_shell(line: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).arg(command.get_program()).args(command.get_args()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell
}

/// Tries until it is so, or the time is up.
#[must_use]
pub fn eventually(limit: Duration, so: impl FnMut() -> bool) -> bool {
    eventually_within(limit, Duration::from_millis(50), so)
}

/// The same with another pause between two tries.
#[must_use]
pub fn eventually_within(limit: Duration, pause: Duration, mut so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if so() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        thread::sleep(pause);
    }
}

/// The docker CLI on the bed's engine, as the tests' second pair of eyes.
///
/// # Panics
/// Where there is no docker CLI.
#[must_use]
pub fn docker<const N: usize>(arguments: [&str; N]) -> Finished {
    let mut command = Command::new("docker");
    command.args(arguments).env("DOCKER_HOST", part("TESTBED_DOCKER").unwrap_or_default());
    finish(&mut command)
}

/// The containers of pyrun's whose script was run from this folder, whatever their state.
///
/// # Panics
/// Where the engine cannot list them.
#[must_use]
pub fn containers_of(folder: &Folder) -> Vec<String> {
    let filter = format!("label=pyrun.folder={}", folder.project().display());
    let listed = docker(["ps", "-aq", "--filter", &filter]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    listed.stdout.lines().map(str::to_owned).collect()
}

/// Whether the engine gets rid of every container of this folder. It removes them after our end, by itself.
#[must_use]
pub fn nothing_is_left_of(folder: &Folder) -> bool {
    eventually(Duration::from_secs(20), || containers_of(folder).is_empty())
}
