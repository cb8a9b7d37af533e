//! Resolving requirements with uv, as a process: it is never linked, and never builds or downloads a Python.
//!
//! The result is a universal lock (PEP 751): every wheel of every package for every platform. Which of them an image
//! takes is decided by `pyimage-build`, not by uv, which knows neither armv7 nor s390x.

mod explanation;
mod interpreter;
mod script;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::process::Command;

use crate::cache::{Cache, CacheError, Work, touch};
use crate::dependencies::{LockFile, LockKind, Need, UnreadableNeed};
use crate::index::Indexes;

pub use explanation::UvSays;

/// The uv that is installed where none is there.
pub const VERSION: &str = "0.13.9";
/// The variable that names another uv.
pub const VARIABLE: &str = "PYIMAGE_UV";

/// A uv that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uv {
    program: PathBuf,
}

/// What uv needs to know, whatever it does.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The minor version of Python that packages are for.
    pub python: (u32, u32),
    /// The folder that relative paths start from.
    pub folder: &'a Path,
    /// Where packages come from.
    pub indexes: &'a Indexes,
    /// Nothing may be asked of a network.
    pub offline: bool,
    /// Where it works.
    pub cache: &'a Cache,
}

/// What is to be resolved.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// What asks for packages.
    pub needs: Vec<&'a Need>,
    /// The project that groups and extras are of.
    pub project: Option<&'a Path>,
    /// Its dependency groups.
    pub groups: &'a [String],
    /// Its extras.
    pub extras: &'a [String],
    /// A lock whose versions are kept where that is possible.
    pub preferred: Option<&'a str>,
    /// The packages of it that may move all the same.
    pub upgraded: &'a [String],
    /// What may not be violated, as requirements.
    pub constraints: String,
}

/// A lock as uv wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The text of the `pylock.toml`.
    pub text: String,
    /// The folder that relative paths in it start from.
    pub folder: Utf8PathBuf,
}

/// Why requirements could not be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UvError {
    /// It cannot be started.
    #[error("could not start uv, `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It found no solution.
    #[error("could not resolve the packages that are needed")]
    Resolve(#[source] UvSays),
    /// An index or another host does not answer.
    #[error("could not ask `{host}` for {what}")]
    Unreachable {
        /// The index, or the host of a file.
        host: String,
        /// What it was asked for.
        what: String,
        /// uv's own words.
        source: UvSays,
    },
    /// It cannot use the lock that it wrote once.
    #[error("could not use the lock `{}`", file.display())]
    Export {
        /// The file.
        file: PathBuf,
        /// uv's own words.
        source: UvSays,
    },
    /// What is to be resolved cannot be read.
    #[error(transparent)]
    Need(#[from] UnreadableNeed),
    /// The folder for its work cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// What it wrote cannot be read.
    #[error("could not read what uv wrote, `{file}`")]
    Output {
        /// The file.
        file: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl UvError {
    /// What to do about it, one line each: uv's own hints first.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Resolve(says) | Self::Export { source: says, .. } => says.hints().to_vec(),
            Self::Unreachable { source, .. } => {
                let own =
                    "`--offline` takes what uv has seen before; a lock (`--lock`) needs no index".to_owned();
                source.hints().iter().cloned().chain([own]).collect()
            }
            Self::Start { .. } => vec![format!("name another with `{VARIABLE}`")],
            Self::Cache(error) => vec![error.help()],
            Self::Need(_) | Self::Output { .. } => Vec::new(),
        }
    }
}

impl Uv {
    /// The one that `PYIMAGE_UV` names, the one on `PATH`, or the one that was installed before.
    #[must_use]
    pub fn find(cache: &Cache) -> Option<Self> {
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
        let program = named.or_else(on_path).or_else(|| {
            let installed = Self::installed(cache);
            // A prune goes by the time of its folder.
            installed.parent().and_then(Utf8Path::parent).filter(|_| installed.exists()).map(touch);
            installed.exists().then(|| installed.into_std_path_buf())
        })?;
        Some(Self { program })
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Where the one is that we install.
    #[must_use]
    pub fn installed(cache: &Cache) -> Utf8PathBuf {
        cache.root().join("tools").join(format!("uv-{VERSION}")).join("bin/uv")
    }

    /// Resolves what is wanted for this minor version of Python and newer, on all platforms.
    ///
    /// # Errors
    /// Where uv cannot be started, or finds no solution.
    pub async fn resolve(&self, wanted: &Wanted<'_>, around: Surroundings<'_>) -> Result<Written, UvError> {
        let desk = Desk::new(around)?;
        let mut command = self.command(around);
        command.args(["pip", "compile", "--universal", "--no-build", "--no-header", "--generate-hashes"]);
        command.args(["--format", "pylock.toml"]).arg("--python").arg(desk.here.join("python"));
        command.args(["--python-version", &format!("{}.{}", around.python.0, around.python.1)]);
        let output = desk.here.join("pylock.toml");
        if let Some(lock) = wanted.preferred {
            desk.write("pylock.toml", lock)?;
        }
        command.arg("--output-file").arg(&output);
        command.args(wanted.upgraded.iter().flat_map(|name| ["--upgrade-package", name]));
        let mut single = String::new();
        let mut settings = None;
        for need in &wanted.needs {
            match need {
                Need::Script(_) | Need::Stdin(_) => {
                    let Some(metadata) = need.metadata()? else { continue };
                    let (name, beside) = match need {
                        Need::Script(file) => (
                            file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                            file.parent().unwrap_or(around.folder),
                        ),
                        _ => ("script".to_owned(), around.folder),
                    };
                    let place = format!("script-{}/pyproject.toml", desk.count.replace(desk.count.get() + 1));
                    let file = desk.write(&place, &script::project(&name, beside, &metadata))?;
                    if metadata.tool.contains_key("uv") {
                        settings =
                            settings.or_else(|| file.parent().map(|folder| folder.as_std_path().to_owned()));
                    }
                    command.arg(file);
                }
                Need::File(file) => {
                    if file.file_name().is_some_and(|name| name == "pyproject.toml") {
                        settings = settings.or_else(|| file.parent().map(Path::to_owned));
                    }
                    command.arg(file);
                }
                Need::Requirement(text) => {
                    single.push_str(text);
                    single.push('\n');
                }
            }
        }
        if !single.is_empty() {
            command.arg(desk.write("with.in", &single)?);
        }
        if !wanted.constraints.is_empty() {
            command.arg("--constraints").arg(desk.write("locked.in", &wanted.constraints)?);
        }
        if let Some(project) = wanted.project {
            for group in wanted.groups {
                command.arg("--group").arg(format!("{}:{group}", project.display()));
            }
            for extra in wanted.extras {
                command.args(["--extra", extra]);
            }
            settings = settings
                .or_else(|| project.parent().filter(|_| !wanted.groups.is_empty()).map(Path::to_owned));
        }
        // Its settings are those of what it resolves, wherever it is called from.
        if let Some(settings) = settings {
            command.arg("--project").arg(settings);
        }
        self.finish(command, &desk, around).await.map_err(|says| failed(says, UvError::Resolve))?;
        desk.read(&output)
    }

    /// A lock of uv's own as the standard has it.
    ///
    /// # Errors
    /// Where uv cannot be started, or makes nothing of the lock; with `check`, also where it is stale.
    pub async fn export(
        &self,
        lock: &LockFile,
        groups: &[String],
        extras: &[String],
        check: bool,
        around: Surroundings<'_>,
    ) -> Result<Written, UvError> {
        let desk = Desk::new(around)?;
        let mut command = self.command(around);
        command.args(["export", "--format", "pylock.toml", "--no-header", "--no-build"]);
        command.arg("--python").arg(desk.here.join("python"));
        command.arg(if check { "--locked" } else { "--frozen" });
        if let LockKind::UvScript(script) = &lock.kind {
            command.arg("--script").arg(script);
        } else {
            command.args(["--no-emit-project", "--no-default-groups"]);
            command.arg("--project").arg(lock.folder());
            command.args(groups.iter().flat_map(|group| ["--group", group]));
            command.args(extras.iter().flat_map(|extra| ["--extra", extra]));
        }
        let output = desk.here.join("pylock.toml");
        command.arg("--output-file").arg(&output);
        let explain = |source| UvError::Export { file: lock.path.clone(), source };
        self.finish(command, &desk, around).await.map_err(|says| failed(says, explain))?;
        desk.read(&output)
    }

    fn command(&self, around: Surroundings<'_>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--quiet", "--color", "never", "--no-python-downloads"]);
        if around.offline {
            command.arg("--offline");
        }
        // The environment of a shell is not the one that is made.
        command.env_remove("VIRTUAL_ENV");
        command.envs(around.indexes.for_uv());
        command.current_dir(around.folder).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs uv to its end; gives its words where it fails.
    async fn finish(
        &self,
        mut command: Command,
        desk: &Desk,
        around: Surroundings<'_>,
    ) -> Result<(), Failed> {
        let finished = command.output().await;
        let finished = finished
            .map_err(|source| Failed::Start(UvError::Start { program: self.program.clone(), source }))?;
        if finished.status.success() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&finished.stderr);
        let told = around.indexes.hide(&desk.named_as_typed(&told));
        Err(Failed::Says(UvSays::read(&told)))
    }
}

/// How a run of uv failed.
enum Failed {
    Start(UvError),
    Says(UvSays),
}

fn failed(failed: Failed, otherwise: impl FnOnce(UvSays) -> UvError) -> UvError {
    match failed {
        Failed::Start(error) => error,
        Failed::Says(source) => match source.unreachable() {
            Some((host, what)) => UvError::Unreachable { host, what, source },
            None => otherwise(source),
        },
    }
}

/// A folder for one run of uv, which is gone afterwards. What it has may have logins in it, and is its owner's to read.
struct Desk {
    _work: Work,
    here: Utf8PathBuf,
    unusable: Box<dyn Fn(io::Error) -> UvError + Send + Sync>,
    count: std::cell::Cell<u32>,
}

impl Desk {
    fn new(around: Surroundings<'_>) -> Result<Self, UvError> {
        let cache = around.cache.clone();
        let unusable = move |source| UvError::Cache(cache.write_error(source));
        let work = around.cache.folder("tools/work")?;
        let work = Work::begin(&work).map_err(&unusable)?;
        let here = work.folder();
        interpreter::write(&here.join("python"), around.python).map_err(&unusable)?;
        Ok(Self { _work: work, here, unusable: Box::new(unusable), count: 0.into() })
    }

    fn write(&self, name: &str, text: &str) -> Result<Utf8PathBuf, UvError> {
        let file = self.here.join(name);
        let folder = file.parent().unwrap_or(&self.here);
        fs_err::create_dir_all(folder).and_then(|()| fs_err::write(&file, text)).map_err(&self.unusable)?;
        Ok(file)
    }

    fn read(&self, output: &Utf8Path) -> Result<Written, UvError> {
        let text = fs_err::read_to_string(output);
        let text = text.map_err(|source| UvError::Output { file: output.to_owned(), source })?;
        Ok(Written { text, folder: self.here.clone() })
    }

    /// What uv says, with the names that the caller knows in place of ours.
    fn named_as_typed(&self, told: &str) -> String {
        let names = [
            ("with.in", "`--with`"),
            ("locked.in", "the lock"),
            ("python", "python"),
            ("pylock.toml", "the lock"),
        ];
        let mut told = told.to_owned();
        for (ours, theirs) in names {
            told = told.replace(&format!("`{}`", self.here.join(ours)), theirs);
            told = told.replace(self.here.join(ours).as_str(), theirs);
        }
        // uv writes paths below the folder that it is called from without it.
        told.replace(&format!("{}/", self.here), "").replace(self.here.as_str(), "")
    }
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = if cfg!(windows) { "uv.exe" } else { "uv" };
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}
