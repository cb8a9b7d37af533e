//! Finding what says which packages are needed, and the lock that stands for it.

use std::io;
use std::path::{Path, PathBuf};

use pyimage_build::Pylock;
use pyimage_build::needs::project_above;

use super::{Dependencies, LockFile, LockKind, Locking, Need};

/// What a command line, a project and a script ask for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The metadata of the script, where it asks for packages.
    pub script: Option<Need>,
    /// The files of `-r`, as they were typed.
    pub files: Vec<PathBuf>,
    /// The requirements of `--with`.
    pub with: Vec<String>,
    /// The groups of `--group`.
    pub groups: Vec<String>,
    /// The extras of `--extra`.
    pub extras: Vec<String>,
    /// What is to happen to locks.
    pub locking: Locking,
    /// Where the lock is, or is to be, where that is not beside what asks for packages.
    pub lock: Option<PathBuf>,
    /// The folder of the script, above which the project is looked for.
    pub start: &'a Path,
    /// The folder that relative paths start from.
    pub here: &'a Path,
    /// The caller's home, in which the search for a project ends.
    pub home: Option<&'a Path>,
}

/// Why it cannot be told which packages are needed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DependencyError {
    /// A file is not there or cannot be read.
    #[error("cannot read `{}`, which says which packages are needed", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nobody to ask for a group.
    #[error("no `pyproject.toml` above `{}` has the groups and extras that are asked for", folder.display())]
    NoProject {
        /// Where the search began.
        folder: PathBuf,
    },
    /// A lock has all packages, and another file is given beside it.
    #[error("`{}` is a lock, and no other file can be given with it", lock.display())]
    LockAndOther {
        /// The lock.
        lock: PathBuf,
    },
    /// There is a lock, which its own tool has to write.
    #[error("`{}` is the lock already, and not written by `--lock`", lock.display())]
    OfAnother {
        /// The lock.
        lock: PathBuf,
        /// What writes it.
        command: String,
    },
    /// There is nothing that a lock could be written beside.
    #[error(
        "there is nothing to lock: neither has the script metadata of its own, nor is a file given with `-r`"
    )]
    NothingToLock,
    /// A lock is wanted, and there is none.
    #[error("there is no lock, and {}", if *frozen { "`--frozen` wants one" } else { "`--locked` wants one" })]
    NoLock {
        /// It was `--frozen` that wants it.
        frozen: bool,
    },
}

impl DependencyError {
    /// What to do about it, one line each.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::NoProject { .. } => vec!["name one with `-r PATH/pyproject.toml`".to_owned()],
            Self::LockAndOther { .. } => vec!["more packages beside a lock: `--with`".to_owned()],
            Self::OfAnother { command, .. } => vec![format!("`{command}` renews it")],
            Self::NoLock { .. } => vec!["write one with `--lock`".to_owned()],
            Self::Unreadable { .. } | Self::NothingToLock => Vec::new(),
        }
    }
}

/// Whether a file is a lock, by its name.
#[must_use]
pub fn is_lock(file: &Path) -> bool {
    kind(file).is_some()
}

fn kind(file: &Path) -> Option<LockKind> {
    let name = file.file_name()?.to_str()?;
    if Pylock::is_file_name(name) {
        return Some(LockKind::Pylock);
    }
    let script = name
        .strip_suffix(".lock")
        .filter(|script| Path::new(script).extension().is_some_and(|end| end == "py"));
    match script {
        Some(script) => Some(LockKind::UvScript(file.with_file_name(script))),
        None => (name == "uv.lock").then_some(LockKind::Uv),
    }
}

impl Dependencies {
    /// Everything that is asked for, and the lock that stands for it.
    ///
    /// # Errors
    /// Where a file is not there, or a lock is wanted that cannot be.
    pub fn find(asked: Asked<'_>) -> Result<Self, DependencyError> {
        let Asked { script, files, with, groups, extras, locking, lock, start, here, home } = asked;
        let real = |file: &PathBuf| {
            let file = here.join(file);
            file.canonicalize().map_err(|source| DependencyError::Unreadable { file, source })
        };
        let files = files.iter().map(real).collect::<Result<Vec<_>, _>>()?;
        let beside: Vec<_> = with.into_iter().map(Need::Requirement).collect();
        let mut found = Self { beside, groups, extras, locking, folder: here.to_owned(), ..Self::default() };
        let open = |path: &Path, kind| {
            LockFile::read(path, kind)
                .map_err(|source| DependencyError::Unreadable { file: path.to_owned(), source })
        };
        if let Some((path, kind)) = files.iter().find_map(|file| Some((file, kind(file)?))) {
            if files.len() > 1 {
                return Err(DependencyError::LockAndOther { lock: path.clone() });
            }
            // A lock that is named stands for the script's metadata too.
            found.lock = Some(open(path, kind)?);
            return found.checked();
        }
        found.base = script.into_iter().chain(files.iter().map(|file| Need::of_file(file))).collect();
        let has_project = |file: &&PathBuf| file.file_name().is_some_and(|name| name == "pyproject.toml");
        found.project = files.iter().find(has_project).cloned();
        if found.project.is_none() && !(found.groups.is_empty() && found.extras.is_empty()) {
            let project = project_above(start, home);
            let project = project.ok_or_else(|| DependencyError::NoProject { folder: start.to_owned() })?;
            // An extra adds to what the project depends on; a group is by itself.
            if !found.extras.is_empty() {
                found.base.push(Need::File(project.clone()));
            }
            found.project = Some(project);
        }
        if let Some(place) = lock {
            // One that is named stands for all that is asked for, whoever wrote it.
            found.lock = if place.is_file() { Some(open(&place, LockKind::Pylock)?) } else { None };
            found.place = Some(place);
            return found.checked();
        }
        found.place = found.place_of_lock();
        found.lock = found.lock_that_is_there(&open)?;
        found.checked()
    }

    /// Where a lock of ours is, or would be: beside the script, or beside the first file.
    fn place_of_lock(&self) -> Option<PathBuf> {
        match self.base.first() {
            Some(Need::Script(script)) => {
                // The standard allows no point in the name.
                let stem = script.file_stem()?.to_str()?.replace('.', "-");
                Some(script.with_file_name(format!("pylock.{stem}.toml")))
            }
            Some(Need::File(file)) => Some(file.with_file_name("pylock.toml")),
            Some(Need::Stdin(_) | Need::Requirement(_)) => None,
            None => Some(self.project.as_ref()?.with_file_name("pylock.toml")),
        }
    }

    /// The lock that counts, where nobody names one: of a script `pylock.NAME.toml`, then uv's; of a project uv's, then
    /// `pylock.toml`. One of ours counts for exactly what it was made for.
    fn lock_that_is_there(
        &mut self,
        read: &dyn Fn(&Path, LockKind) -> Result<LockFile, DependencyError>,
    ) -> Result<Option<LockFile>, DependencyError> {
        let Some(place) = self.place.clone() else { return Ok(None) };
        let own = if place.is_file() { Some(read(&place, LockKind::Pylock)?) } else { None };
        match self.base.first() {
            Some(Need::Script(script)) => {
                let script = script.clone();
                let mut name = script.file_name().unwrap_or_default().to_owned();
                name.push(".lock");
                let of_uv = script.with_file_name(name);
                let lock = match own {
                    Some(lock) => lock,
                    None if of_uv.is_file() => read(&of_uv, LockKind::UvScript(script))?,
                    None => return Ok(None),
                };
                if lock.record.is_none() {
                    // It knows of nothing but the script.
                    self.beside.splice(..0, self.base.drain(1..));
                }
                Ok(Some(lock))
            }
            Some(Need::File(file)) if self.base.len() == 1 && Some(file) == self.project.as_ref() => {
                let of_uv = file.with_file_name("uv.lock");
                if of_uv.is_file() { read(&of_uv, LockKind::Uv).map(Some) } else { Ok(own) }
            }
            _ => {
                let names = self.record((0, 0)).map(|record| record.inputs).unwrap_or_default();
                // Another's lock beside it may be of anything, and so may one of ours.
                Ok(own.filter(|lock| {
                    let record = lock.record.as_ref();
                    record.is_some_and(|record| names.keys().any(|name| record.inputs.contains_key(name)))
                }))
            }
        }
    }

    /// Refuses what cannot be done to the lock, or to that there is none.
    fn checked(self) -> Result<Self, DependencyError> {
        let of_another = |lock: &LockFile| {
            let command = match &lock.kind {
                LockKind::Uv => "uv lock".to_owned(),
                LockKind::UvScript(script) => format!("uv lock --script {}", script.display()),
                LockKind::Pylock => "the tool that wrote it".to_owned(),
            };
            DependencyError::OfAnother { lock: lock.path.clone(), command }
        };
        match (&self.lock, self.locking) {
            (_, _) if self.is_empty() => Ok(self),
            (Some(lock), Locking::Write) if lock.record.is_none() => Err(of_another(lock)),
            (None, Locking::Write) if self.place.is_none() => Err(DependencyError::NothingToLock),
            (None, Locking::Locked | Locking::Frozen) => {
                Err(DependencyError::NoLock { frozen: self.locking == Locking::Frozen })
            }
            _ => Ok(self),
        }
    }
}
