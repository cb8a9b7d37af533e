//! `cargo pyimage lock`: pins the bases of the project's images.

mod apt;
mod bytecode;
mod change;
mod error;
mod facts;
mod moved;
mod packages;
mod pin;

use std::collections::BTreeMap;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::{Lock, LockedBase, Reference};
use pyrun::dependencies::DependencyError;
use pyrun::registry::Registry;
use pyrun::shell::Shell;

use crate::workspace::{PackageImage, Workspace};

pub use bytecode::pin_bytecode;
pub use change::{Change, changes};
pub use error::LockingError;
pub use moved::{moved, tell_moved};
pub use packages::Packages;
pub(crate) use packages::target;
pub use pin::pin;

/// What to do about pins that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Keep them, pin what is new, drop what nobody asks for.
    Refresh,
    /// Move those of the bases and packages with these names, all of them where there are none.
    Update(Vec<String>),
}

/// The file of a workspace's lock.
#[derive(Debug)]
pub struct LockFile {
    path: Utf8PathBuf,
    lock: Option<Lock>,
}

impl LockFile {
    /// Reads the lock in a workspace's folder; that there is none is no error.
    ///
    /// # Errors
    /// Where it cannot be read, or is damaged.
    pub fn read(root: &Utf8Path) -> Result<Self, LockingError> {
        let path = root.join(Lock::FILE);
        // A pipe would be waited for without end.
        if fs_err::metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(LockingError::NotAFile { path });
        }
        let lock =
            match fs_err::read_to_string(&path) {
                Ok(text) => Some(Lock::parse(&text).map_err(|source| LockingError::Damaged {
                    path: path.clone(),
                    source: Box::new(source),
                })?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(source) => return Err(LockingError::Unreadable { path, source }),
            };
        Ok(Self { path, lock })
    }

    /// Fails where the lock is not what the workspace asks for. Asks no registry.
    ///
    /// # Errors
    /// [`LockingError::Stale`], [`LockingError::NoLock`].
    pub fn check(&self, workspace: &Workspace) -> Result<&Lock, LockingError> {
        let Some(lock) = &self.lock else { return Err(LockingError::NoLock { path: self.path.clone() }) };
        let drift = lock.drift(&workspace.bases());
        if !drift.is_empty() {
            return Err(LockingError::Stale { path: self.path.clone(), drift });
        }
        packages::check(workspace)?;
        let drift = [facts::missing(workspace, lock), apt::missing(workspace, lock)].concat();
        if !drift.is_empty() {
            return Err(LockingError::Stale { path: self.path.clone(), drift });
        }
        Ok(lock)
    }

    /// The lock, where it is what the workspace asks for.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn checked(self, workspace: &Workspace) -> Result<Lock, LockingError> {
        self.check(workspace)?;
        self.lock.ok_or(LockingError::NoLock { path: self.path })
    }

    /// What is locked of the base of one image, if it is; fails where the lock of its packages is stale. Asks no registry.
    ///
    /// # Errors
    /// [`LockingError::StalePackages`].
    pub fn pins_of(
        &self,
        workspace: &Workspace,
        image: &PackageImage,
    ) -> Result<Option<&Lock>, LockingError> {
        if image.settings.packages.lock.is_file() {
            packages::check(&Workspace { images: vec![image.clone()], ..workspace.clone() })?;
        }
        Ok(self.lock.as_ref().filter(|lock| lock.bases.contains_key(&image.settings.base)))
    }

    /// Writes a lock in place of the one that is there; whoever reads meanwhile gets either as a whole.
    fn write(&self, lock: &Lock) -> Result<(), LockingError> {
        let unwritable = |source| LockingError::Unwritable { path: self.path.clone(), source };
        // What a link leads to is replaced, and not the link.
        let place = self.path.canonicalize_utf8().unwrap_or_else(|_| self.path.clone());
        let folder = place.parent().unwrap_or(Utf8Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".pyimage.lock-");
        // Temporary files are the owner's alone; a new lock has the mode that the umask gives it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        // The name of the temporary file is nobody's business.
        let mut file = builder.tempfile_in(folder).map_err(|error| unwritable(error.kind().into()))?;
        io::Write::write_all(&mut file, lock.to_string().as_bytes()).map_err(unwritable)?;
        if let Ok(found) = fs_err::metadata(&place) {
            fs_err::set_permissions(file.path(), found.permissions()).map_err(unwritable)?;
        }
        file.persist(&place).map_err(|error| unwritable(error.error))?;
        Ok(())
    }
}

/// Does what `cargo pyimage lock` is asked for, and tells it.
///
/// # Errors
/// Where the lock is damaged, or a registry does not give what it takes.
pub async fn lock(
    workspace: &Workspace,
    mode: &Mode,
    registry: &Registry,
    packages: Packages<'_>,
) -> Result<(), LockingError> {
    let shell = packages.shell;
    let file = LockFile::read(&workspace.root)?;
    let wanted = workspace.bases();
    let old = file.lock.clone().unwrap_or_default();
    let updated = match mode {
        Mode::Update(names) => {
            let of_packages = packages::named(workspace, names)?;
            let bases: Vec<_> = names.iter().filter(|name| !of_packages.contains(*name)).cloned().collect();
            // Names of packages alone move no base.
            let moves = names.is_empty() || !bases.is_empty();
            Some(if moves { named(&bases, wanted.keys())? } else { Vec::new() })
        }
        Mode::Refresh => None,
    };
    let tasks = wanted.iter().map(|(base, platforms)| {
        let kept = old.bases.get(base);
        let update = updated.as_ref().is_some_and(|updated| updated.contains(&base));
        async move {
            let pinned = match kept {
                Some(kept) if !update => pin::complete(registry, base, platforms, kept, shell).await?,
                _ => {
                    let verb = if kept.is_some() { "Updating" } else { "Locking" };
                    shell.status(verb, base.familiar());
                    pin(registry, base, platforms).await?
                }
            };
            Ok::<_, LockingError>((base.clone(), pinned))
        }
    });
    let moving = updated.clone().unwrap_or_default();
    let kept = old.bases.iter().filter(|(base, _)| wanted.contains_key(*base) && !moving.contains(base));
    let (pinned, elsewhere) =
        futures_util::future::join(futures_util::future::try_join_all(tasks), moved(registry, kept)).await;
    let pinned = pinned?;
    let mut new = Lock { bases: pinned.into_iter().collect(), ..Lock::default() };
    new.bytecode = bytecode::kept(&old, &new, mode);
    facts::keep(&mut new, &old);
    apt::keep(&mut new, &old, workspace, &moving);
    for (base, locked) in &new.bases {
        tell(base, old.bases.get(base), locked, updated.is_some(), shell);
    }
    for base in elsewhere {
        tell_moved(base, shell);
    }
    for base in old.bases.keys().filter(|base| !new.bases.contains_key(*base)) {
        shell.status("Dropped", format_args!("{}, which no image asks for", base.familiar()));
    }
    if file.lock.as_ref() == Some(&new) {
        tell_current(&new, shell);
    } else {
        file.write(&new)?;
        shell.status("Locked", format_args!("{} in {}", bases(new.bases.len()), Lock::FILE));
    }
    packages::lock(workspace, &new, mode, packages).await?;
    if facts::complete(workspace, &mut new, registry, packages).await? {
        file.write(&new)?;
    }
    if apt::complete(workspace, &mut new, &moving, packages).await? {
        file.write(&new)?;
    }
    Ok(())
}

/// Locks what is not locked yet or has changed, and says nothing where there is nothing to do. Gives what is locked.
///
/// # Errors
/// Where a lock is damaged, or what it takes cannot be had.
pub async fn bring_up(
    workspace: &Workspace,
    registry: &Registry,
    packages: Packages<'_>,
) -> Result<Lock, LockingError> {
    match LockFile::read(&workspace.root)?.checked(workspace) {
        Err(
            LockingError::NoLock { .. }
            | LockingError::Stale { .. }
            | LockingError::StalePackages { .. }
            | LockingError::Dependencies(DependencyError::NoLock { .. }),
        ) => lock(workspace, &Mode::Refresh, registry, packages).await?,
        current => return current,
    }
    LockFile::read(&workspace.root)?.checked(workspace)
}

/// Says that a lock is what the project asks for.
pub fn tell_current(lock: &Lock, shell: &Shell) {
    shell.status("Current", format_args!("{}: {} pinned", Lock::FILE, bases(lock.bases.len())));
}

fn bases(number: usize) -> String {
    if number == 1 { "1 base".to_owned() } else { format!("{number} bases") }
}

/// What is new of a base, or how it moved.
fn tell(base: &Reference, old: Option<&LockedBase>, new: &LockedBase, updating: bool, shell: &Shell) {
    let pythons: std::collections::BTreeSet<_> = new.images.values().map(|image| &image.python).collect();
    if pythons.len() > 1 {
        let each = new.images.iter().map(|(platform, image)| format!("{} on {platform}", image.python));
        shell.warn(format_args!(
            "`{}` has another Python for each platform: {}",
            base.familiar(),
            each.collect::<Vec<_>>().join(", ")
        ));
    }
    let changes = changes(old, new);
    if changes.is_empty() && updating && old.is_some() {
        shell.status("Unchanged", base.familiar());
    }
    for change in changes {
        shell.status(change.verb(), format_args!("{} {change}", base.familiar()));
    }
}

/// The bases with these names; all of them where there are no names.
fn named<'a>(
    names: &[String],
    bases: impl Iterator<Item = &'a Reference>,
) -> Result<Vec<&'a Reference>, LockingError> {
    let by_name: BTreeMap<String, &Reference> = bases.map(|base| (base.familiar(), base)).collect();
    if names.is_empty() {
        return Ok(by_name.into_values().collect());
    }
    let find = |name: &String| {
        let official = || by_name.get(&format!("python:{name}"));
        let parsed = || by_name.get(&name.parse::<Reference>().ok()?.familiar());
        let found = official().or_else(parsed).copied();
        found.ok_or_else(|| LockingError::NoSuchBase {
            name: name.clone(),
            bases: by_name.keys().cloned().collect(),
        })
    };
    names.iter().map(find).collect()
}
