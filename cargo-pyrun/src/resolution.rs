//! From what is needed to the exact packages: the lock that is there, one that was resolved before, or a new one.

mod lock_text;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use pyimage_build::{Pylock, SelectionError, Target};

use crate::cache::{Cache, seal, touch, unseal};
use crate::dependencies::{Dependencies, LockFile, LockKind, Locking, Renewal};
use crate::environment::EnvironmentError;
use crate::fingerprint;
use crate::index::Indexes;
use crate::plan::Request;
use crate::shell::Shell;
use crate::uv::{self, Uv, UvError, Wanted, Written};

use lock_text::Paths;

/// The packages that a run gets, for all platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The text of a `pylock.toml`, in which all paths are absolute.
    pub text: String,
    /// The file that messages name.
    pub file: PathBuf,
    /// It is a lock of somebody else's, in which groups and extras are still to be chosen.
    pub is_open: bool,
}

impl Resolved {
    /// The target with what is still to be chosen.
    #[must_use]
    pub fn target(&self, target: &Target, dependencies: &Dependencies) -> Target {
        let target = target.clone();
        if !self.is_open {
            return target;
        }
        let target = target.with_extras(dependencies.extras());
        if dependencies.groups().is_empty() { target } else { target.with_groups(dependencies.groups()) }
    }
}

/// Why the exact packages cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolutionError {
    /// The lock is stale, and may not be renewed.
    #[error("the lock `{}` is stale: {}", lock.display(), changes.join(", "))]
    Stale {
        /// The lock.
        lock: PathBuf,
        /// What has changed since.
        changes: Vec<String>,
    },
    /// The lock cannot be written.
    #[error("could not write the lock `{}`", lock.display())]
    Write {
        /// The lock.
        lock: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ResolutionError {
    /// What to do about it, one line each.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Stale { .. } => vec!["renew it with `--lock`".to_owned()],
            Self::Write { .. } => {
                vec!["leave `--lock` away: what is resolved is kept in the cache".to_owned()]
            }
        }
    }
}

/// The indexes that a run asks, with the logins that stand in what it needs.
#[must_use]
pub fn indexes(dependencies: &Dependencies) -> Indexes {
    let mut indexes = Indexes::from_env();
    dependencies.settings_of_uv().iter().for_each(|settings| indexes.learn_settings(settings));
    dependencies.texts().iter().for_each(|text| indexes.learn(text));
    indexes
}

/// Those who can be asked for a solution.
pub(crate) trait Solvers {
    /// uv, found or installed.
    async fn uv(&self) -> Result<Uv, EnvironmentError>;

    /// A solution from where packages may be built, which none of this machine may be.
    async fn with_builds(&self, wanted: &Wanted<'_>) -> Result<Written, EnvironmentError>;
}

/// The exact packages that a request needs.
///
/// # Errors
/// Where what is needed has no solution, or no lock is there that has to be.
pub(crate) async fn resolve(
    request: &Request,
    target: &Target,
    cache: &Cache,
    shell: &Shell,
    solvers: &impl Solvers,
) -> Result<Resolved, EnvironmentError> {
    let indexes = indexes(&request.dependencies);
    indexes.complaints().for_each(|complaint| shell.warn(complaint));
    let python = target.python();
    let python = (python.major().into(), python.minor().unwrap_or_default().into());
    let resolution =
        Resolution { request, dependencies: &request.dependencies, target, python, cache, shell, indexes };
    resolution.run(solvers).await
}

struct Resolution<'a> {
    request: &'a Request,
    dependencies: &'a Dependencies,
    target: &'a Target,
    python: (u32, u32),
    cache: &'a Cache,
    shell: &'a Shell,
    indexes: Indexes,
}

impl Resolution<'_> {
    fn around(&self, python: (u32, u32)) -> uv::Surroundings<'_> {
        uv::Surroundings {
            python,
            folder: &self.request.folder,
            indexes: &self.indexes,
            offline: self.request.offline,
            cache: self.cache,
        }
    }

    async fn run(&self, solvers: &impl Solvers) -> Result<Resolved, EnvironmentError> {
        let dependencies = self.dependencies;
        let base = match (dependencies.lock(), dependencies.locking()) {
            (Some(lock), locking) => self.follow(lock, locking, solvers).await?,
            (None, Locking::Write) => self.write(None, self.python, solvers).await?,
            (None, _) => return self.remember(solvers).await,
        };
        if dependencies.beside().is_empty() { Ok(base) } else { self.add(base, solvers).await }
    }

    /// What a lock that is there says.
    async fn follow(
        &self,
        lock: &LockFile,
        locking: Locking,
        solvers: &impl Solvers,
    ) -> Result<Resolved, EnvironmentError> {
        if lock.kind != LockKind::Pylock {
            return self.export(lock, locking == Locking::Locked, solvers).await;
        }
        let as_it_is = || Resolved {
            text: lock_text::prepared(&lock.text, lock.folder(), Paths::Absolute),
            file: lock.path.clone(),
            is_open: lock.record.is_none(),
        };
        let Some(record) = lock.record.as_ref().filter(|_| locking != Locking::Frozen) else {
            return Ok(as_it_is());
        };
        let changes = record.changes(&self.dependencies.record(self.python)?);
        if *self.dependencies.renewal() != Renewal::Nothing {
            return self.write(Some(lock), record.python.min(self.python), solvers).await;
        }
        if changes.is_empty() {
            return Ok(as_it_is());
        }
        if locking == Locking::Locked {
            return Err(ResolutionError::Stale { lock: lock.path.clone(), changes }.into());
        }
        self.shell.note(format_args!(
            "the lock `{}` is stale: {}",
            self.shown(&lock.path),
            changes.join(", ")
        ));
        // Who has the older Python still needs it.
        self.write(Some(lock), record.python.min(self.python), solvers).await
    }

    /// Resolves, and writes a lock beside what asks for it.
    async fn write(
        &self,
        old: Option<&LockFile>,
        python: (u32, u32),
        solvers: &impl Solvers,
    ) -> Result<Resolved, EnvironmentError> {
        let dependencies = self.dependencies;
        // Without a place for it, nothing gets here.
        let place = dependencies.place().unwrap_or(Path::new("pylock.toml"));
        let folder = place.parent().unwrap_or(Path::new(""));
        self.shell.status("Locking", self.shown(place));
        let record = dependencies.record(python)?;
        let wanted = Wanted {
            needs: dependencies.base().iter().collect(),
            preferred: old.map(|lock| lock.text.as_str()).filter(|_| *dependencies.renewal() != Renewal::All),
            upgraded: match dependencies.renewal() {
                Renewal::Packages(names) => names,
                _ => &[],
            },
            ..self.wanted()
        };
        let written = self.solve(&wanted, python, solvers).await?;
        let packages = lock_text::prepared(&written.text, written.folder.as_std_path(), Paths::From(folder));
        let text = format!("{}\n\n{}", packages.trim_end(), record.text());
        write_beside(place, &text)
            .map_err(|source| ResolutionError::Write { lock: place.to_owned(), source })?;
        self.warn_of_missing_wheels(&text);
        let text = lock_text::prepared(&text, folder, Paths::Absolute);
        Ok(Resolved { text, file: place.to_owned(), is_open: false })
    }

    /// Asks uv here, and where it cannot go on without building something, where that may be done.
    async fn solve(
        &self,
        wanted: &Wanted<'_>,
        python: (u32, u32),
        solvers: &impl Solvers,
    ) -> Result<Written, EnvironmentError> {
        let solved = solvers.uv().await?.resolve(wanted, self.around(python)).await;
        let why = match &solved {
            Ok(written) if self.lack(&written.text).is_some() => "the lock lacks sources".to_owned(),
            Err(UvError::Resolve(says)) if wants_to_build(&says.to_string()) => says.to_string(),
            _ => return Ok(solved?),
        };
        if self.request.offline {
            return Ok(solved?);
        }
        if self.python.0 < 3 {
            let python = format!("{}.{}", self.python.0, self.python.1);
            let source: Box<dyn std::error::Error + Send + Sync> = match solved {
                Ok(written) => match self.lack(&written.text) {
                    Some(lack) => Box::new(lack),
                    None => return Ok(written),
                },
                Err(error) => Box::new(error),
            };
            return Err(EnvironmentError::NoBuildsForPython2 { python, source });
        }
        self.shell.verbose(|shell| shell.note(format_args!("nothing is built on this machine: {why}")));
        solvers.with_builds(wanted).await
    }

    /// Where it may not build, uv leaves sources out of the lock. What the target would need of them.
    fn lack(&self, lock: &str) -> Option<SelectionError> {
        let selected = Pylock::parse(lock).ok()?.select(self.target).map(drop);
        selected.err().filter(|error| matches!(error, SelectionError::NoWheel { .. }))
    }

    fn wanted(&self) -> Wanted<'_> {
        let dependencies = self.dependencies;
        Wanted {
            project: dependencies.project(),
            groups: dependencies.groups(),
            extras: dependencies.extras(),
            ..Wanted::default()
        }
    }

    /// Resolves everything, once: the result is kept in the cache.
    async fn remember(&self, solvers: &impl Solvers) -> Result<Resolved, EnvironmentError> {
        let key = self.dependencies.key()?;
        self.kept(&key, async || {
            self.shell.status("Resolving", "packages");
            let wanted = Wanted { needs: self.dependencies.needs().collect(), ..self.wanted() };
            let written = self.solve(&wanted, self.python, solvers).await?;
            Ok(lock_text::prepared(&written.text, written.folder.as_std_path(), Paths::Absolute))
        })
        .await
    }

    /// What a lock of uv's own says. The result is kept in the cache.
    async fn export(
        &self,
        lock: &LockFile,
        check: bool,
        solvers: &impl Solvers,
    ) -> Result<Resolved, EnvironmentError> {
        let (groups, extras) = (self.dependencies.groups(), self.dependencies.extras());
        let made = async || {
            let uv = solvers.uv().await?;
            let written = uv.export(lock, groups, extras, check, self.around(self.python)).await?;
            Ok(lock_text::prepared(&written.text, written.folder.as_std_path(), Paths::Absolute))
        };
        let resolved = if check {
            Resolved { text: made().await?, file: lock.path.clone(), is_open: false }
        } else {
            // Paths in it are relative to where it is.
            let place = lock.path.display();
            let key = fingerprint::short(&format!("export {place} {groups:?} {extras:?}\n{}", lock.text));
            self.kept(&key, made).await?
        };
        Ok(Resolved { file: lock.path.clone(), ..resolved })
    }

    /// More packages beside those of a lock, which stay as they are.
    async fn add(&self, base: Resolved, solvers: &impl Solvers) -> Result<Resolved, EnvironmentError> {
        // What is wrong with it is told where its packages are chosen.
        let Ok(lock) = Pylock::parse(&base.text) else { return Ok(base) };
        let key = fingerprint::short(&format!("beside {}\n{}", self.dependencies.key()?, base.text));
        let added = self
            .kept(&key, async || {
                self.shell.status("Resolving", "packages");
                let wanted = Wanted {
                    needs: self.dependencies.beside().iter().collect(),
                    constraints: lock_text::constraints(&lock),
                    ..Wanted::default()
                };
                let written = self.solve(&wanted, self.python, solvers).await?;
                let more = lock_text::prepared(&written.text, written.folder.as_std_path(), Paths::Absolute);
                Ok(lock_text::joined(&base.text, &more))
            })
            .await?;
        Ok(Resolved { text: added.text, ..base })
    }

    /// The entry of the cache, made where it is not there or damaged.
    async fn kept(
        &self,
        key: &str,
        make: impl AsyncFnOnce() -> Result<String, EnvironmentError>,
    ) -> Result<Resolved, EnvironmentError> {
        // A universal lock is for every platform, but for one Python.
        let entry = format!("locks/{key}-{}.{}.toml", self.python.0, self.python.1);
        let kept = self.cache.read(&entry)?.and_then(|bytes| String::from_utf8(bytes).ok());
        // Cut off between two packages, it would be a lock still.
        let kept = kept.as_deref().and_then(unseal).filter(|text| Pylock::parse(text).is_ok());
        let text = if let Some(text) = kept {
            touch(&self.cache.root().join(&entry));
            text.to_owned()
        } else {
            let text = make().await?;
            self.cache.write(&entry, seal(&text).as_bytes())?;
            text
        };
        Ok(Resolved { text, file: PathBuf::from("pylock.toml"), is_open: false })
    }

    /// A lock is for all platforms; that this one lacks wheels is told when it is written.
    fn warn_of_missing_wheels(&self, text: &str) {
        let Ok(lock) = Pylock::parse(text) else { return };
        let uncovered = lock.coverage(self.target).unwrap_or_default();
        if !uncovered.is_empty() {
            let names: Vec<_> = uncovered.iter().map(|found| format!("`{}`", found.package)).collect();
            self.shell.warn(format_args!("no wheel for {} of {}", self.target, names.join(", ")));
        }
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.request.folder).unwrap_or(path).display().to_string()
    }
}

/// Whether uv failed for nothing but that it may not build.
fn wants_to_build(says: &str) -> bool {
    ["no usable wheels", "uilding source distributions is disabled", "building from source is disabled"]
        .iter()
        .any(|words| says.contains(words))
}

/// Writes a file of the user's at once, so that nobody ever reads half of it.
fn write_beside(place: &Path, text: &str) -> io::Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pylock-");
    // As any other file of theirs, by the umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(place)?;
    Ok(())
}
