//! Why a build script could not do its work.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

#[cfg(feature = "image")]
use crate::{AssemblyError, CacheError, PylockError, needs::UnreadableNeed};
use crate::{Drift, LockError, MetadataError, SourceError, TomlError};

/// Why [`BuildScript::compile`](crate::BuildScript::compile) has failed.
///
/// `Debug` shows it as people read it, with its causes and what to do, since that is what Rust prints where `main` gives
/// an error.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let (from, to) = (folder.path().join("package"), folder.path().join("out"));
/// let error = pyimage_build::configure().manifest_dir(&from).out_dir(to).compile().unwrap_err();
/// assert!(error.to_string().starts_with("cannot read `"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[non_exhaustive]
pub enum CompileError {
    /// A variable that cargo sets is not there.
    NoVariable {
        /// The variable.
        variable: &'static str,
        /// What sets it in code.
        setter: &'static str,
    },
    /// A manifest cannot be read.
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A manifest makes no sense.
    ManifestSyntax {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        source: TomlError,
    },
    /// The path of the package cannot be named.
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// The section of a manifest is wrong, or what is set in code.
    Metadata(MetadataError),
    /// Nothing says what the assets are, and there is no image.
    Nothing {
        /// The manifest.
        manifest: String,
    },
    /// The assets cannot be told.
    Source(SourceError),
    /// A link that leads nowhere has no content.
    DeadLink {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: String,
    },
    /// Cargo is told of files line by line.
    LineBreak {
        /// Where it is in the package.
        path: String,
    },
    /// An asset cannot be read.
    Asset {
        /// The asset.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no lock.
    NoLock {
        /// Where it would be.
        path: PathBuf,
    },
    /// The lock lacks what the images ask for.
    StaleLock {
        /// The lock.
        path: PathBuf,
        /// What it lacks.
        drift: Vec<Drift>,
    },
    /// More than one lock is stale or not there.
    Locks(Vec<CompileError>),
    /// A lock of packages is of other requirements.
    #[cfg(feature = "image")]
    StalePackages {
        /// The lock.
        path: PathBuf,
        /// What has changed since it was written.
        changes: Vec<String>,
    },
    /// What a lock of packages was made from cannot be read.
    #[cfg(feature = "image")]
    Need(UnreadableNeed),
    /// The lock makes no sense, or is of another version.
    DamagedLock {
        /// The lock.
        path: PathBuf,
        /// What is wrong.
        source: Box<LockError>,
    },
    /// A lock of packages makes no sense.
    #[cfg(feature = "image")]
    DamagedPackages {
        /// The lock.
        path: PathBuf,
        /// What is wrong.
        source: Box<PylockError>,
    },
    /// A lock cannot be read.
    Lock {
        /// The lock.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The time is no number.
    #[cfg(feature = "image")]
    Epoch {
        /// Its value.
        text: String,
        /// Why not.
        source: std::num::ParseIntError,
    },
    /// There is no cache to take wheels and layers from.
    #[cfg(feature = "image")]
    Cache(CacheError),
    /// An image could not be assembled.
    #[cfg(feature = "image")]
    Assembly(Box<AssemblyError>),
    /// What is generated cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Cargo does not listen.
    Output(io::Error),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVariable { variable, .. } => write!(f, "`{variable}` is not set"),
            Self::Manifest { path, .. } => write!(f, "cannot read `{}`", path.display()),
            Self::ManifestSyntax { path, .. } => write!(f, "`{}` is no TOML", path.display()),
            Self::NotUtf8 { path } => write!(f, "the path `{}` is not UTF-8", path.display()),
            Self::Metadata(error) => error.fmt(f),
            Self::Nothing { manifest } => write!(f, "`{manifest}` says nothing of assets or an image"),
            Self::Source(error) => error.fmt(f),
            Self::DeadLink { path, target } => {
                write!(f, "`{}` is a symbolic link to `{target}`, which is not there", path.display())
            }
            Self::LineBreak { path } => write!(
                f,
                "the name of `{}` has a line break, so that cargo cannot be told of it",
                path.escape_debug()
            ),
            Self::Asset { path, .. } => write!(f, "cannot read `{}`", path.display()),
            Self::NoLock { path } => write!(f, "there is no `{}`", path.display()),
            Self::StaleLock { path, drift } => {
                write!(f, "`{}` is stale: {}", path.display(), joined(drift, ", "))
            }
            Self::Locks(errors) => f.write_str(&joined(errors, "; ")),
            #[cfg(feature = "image")]
            Self::StalePackages { path, changes } => {
                write!(f, "`{}` is stale: {}", path.display(), changes.join(", "))
            }
            #[cfg(feature = "image")]
            Self::Need(error) => error.fmt(f),
            Self::DamagedLock { path, .. } => write!(f, "could not use `{}`", path.display()),
            #[cfg(feature = "image")]
            Self::DamagedPackages { path, .. } => write!(f, "could not use `{}`", path.display()),
            Self::Lock { path, .. } => write!(f, "cannot read `{}`", path.display()),
            #[cfg(feature = "image")]
            Self::Epoch { text, .. } => {
                write!(f, "`SOURCE_DATE_EPOCH` is `{text}`, which is no number of seconds")
            }
            #[cfg(feature = "image")]
            Self::Cache(error) => error.fmt(f),
            #[cfg(feature = "image")]
            Self::Assembly(error) => error.fmt(f),
            Self::Write { path, .. } => write!(f, "cannot write `{}`", path.display()),
            Self::Output(_) => f.write_str("cannot tell cargo what was done"),
        }
    }
}

impl Error for CompileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Manifest { source, .. } => Some(source),
            Self::ManifestSyntax { source, .. } => Some(source),
            Self::Metadata(error) => error.source(),
            Self::Source(error) => error.source(),
            Self::Asset { source, .. } => Some(source),
            #[cfg(feature = "image")]
            Self::Need(error) => error.source(),
            Self::DamagedLock { source, .. } => Some(source.as_ref()),
            #[cfg(feature = "image")]
            Self::DamagedPackages { source, .. } => Some(source.as_ref()),
            Self::Lock { source, .. } => Some(source),
            #[cfg(feature = "image")]
            Self::Epoch { source, .. } => Some(source),
            #[cfg(feature = "image")]
            Self::Cache(error) => error.source(),
            #[cfg(feature = "image")]
            Self::Assembly(error) => error.source(),
            Self::Write { source, .. } => Some(source),
            Self::Output(source) => Some(source),
            _ => None,
        }
    }
}

impl From<MetadataError> for CompileError {
    fn from(error: MetadataError) -> Self {
        Self::Metadata(error)
    }
}

impl From<SourceError> for CompileError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

fn joined(parts: &[impl fmt::Display], separator: &str) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

impl CompileError {
    #[cfg(feature = "image")]
    pub(super) fn assembly(error: AssemblyError) -> Self {
        Self::Assembly(Box::new(error))
    }

    /// Fails where there are any, with all of them.
    pub(super) fn all_of(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Locks(errors)),
        }
    }

    /// What to do about it, a line for each way.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// fs_err::write(folder.path().join("Cargo.toml"), "[package]\nname = \"app\"\n")?;
    /// let error = pyimage_build::configure().manifest_dir(folder.path()).out_dir(folder.path()).compile().unwrap_err();
    /// assert_eq!(error.helps(), ["add `source = [\"app\"]` to `[package.metadata.pyimage]`, or call `source` in build.rs"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        let help = match self {
            Self::NoVariable { setter, .. } => {
                format!("cargo sets it for build scripts; elsewhere, call `{setter}`")
            }
            Self::Metadata(error) => return error.helps(),
            Self::Source(error) => return error.helps(),
            Self::DamagedLock { source, .. } => source.help().to_owned(),
            Self::Nothing { .. } => {
                "add `source = [\"app\"]` to `[package.metadata.pyimage]`, or call `source` in build.rs".to_owned()
            }
            Self::DeadLink { .. } => "restore what it leads to, or leave it out with a line in `.dockerignore`".to_owned(),
            Self::LineBreak { .. } => "give it another name".to_owned(),
            Self::NoLock { .. } => {
                "run `cargo pyimage lock` and commit it; a package that is published takes a copy of it or a link to it \
                 beside its Cargo.toml"
                    .to_owned()
            }
            Self::StaleLock { .. } => "run `cargo pyimage lock`".to_owned(),
            Self::Locks(errors) => {
                let mut helps = Vec::new();
                for help in errors.iter().flat_map(Self::helps) {
                    if !helps.contains(&help) {
                        helps.push(help);
                    }
                }
                return helps;
            }
            #[cfg(feature = "image")]
            Self::StalePackages { .. } => "run `cargo pyimage lock`".to_owned(),
            #[cfg(feature = "image")]
            Self::Cache(error) => error.help(),
            #[cfg(feature = "image")]
            Self::Assembly(error) => return error.helps(),
            #[cfg(feature = "image")]
            Self::DamagedPackages { .. } => "delete it and run `cargo pyimage lock`".to_owned(),
            _ => return Vec::new(),
        };
        vec![help]
    }

    /// The error, its causes, and what to do, each for a line of its own.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = match self {
            Self::Locks(errors) => errors.iter().map(ToString::to_string).collect(),
            error => vec![error.to_string()],
        };
        let mut cause = self.source();
        while let Some(error) = cause {
            // A parser shows the place in several lines, of which the last is what it says.
            lines.push(format!("caused by: {error}"));
            cause = error.source();
        }
        lines.extend(self.helps().into_iter().map(|help| format!("help: {help}")));
        lines
    }
}

impl fmt::Debug for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}
