//! Locking the packages of images: a `pylock.toml` each, for all platforms, beside the bases in `pyimage.lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use pyimage_build::{
    ImageSettings, Lock, LockedImage, PackageName, PackageSettings, Platform, Pylock, Reference, Target,
    Uncovered,
};
use pyrun::cache::Cache;
use pyrun::dependencies::{Asked, Dependencies, DependencyError, Locking, Renewal};
use pyrun::environment;
use pyrun::plan::Request;
use pyrun::shell::Shell;

use super::{LockingError, Mode};
use crate::workspace::{PackageImage, Workspace};

/// What the packages of images are locked with.
#[derive(Debug, Clone, Copy)]
pub struct Packages<'a> {
    /// Where what was resolved is kept, and uv is.
    pub cache: Option<&'a Cache>,
    /// What is told.
    pub shell: &'a Shell,
}

/// The images of one lock of packages: several, where the workspace names it for all.
struct Wanted<'w> {
    settings: &'w PackageSettings,
    bases: BTreeMap<&'w Reference, BTreeSet<&'w Platform>>,
}

/// The locks of packages, each with what it is for. Images without packages have none.
fn wanted(workspace: &Workspace) -> Result<Vec<Wanted<'_>>, LockingError> {
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    for PackageImage { settings: image, .. } in &workspace.images {
        let settings = &image.packages;
        if settings.requirements.is_empty() && settings.groups.is_empty() && !settings.lock.is_file() {
            if settings.is_named {
                return Err(LockingError::NoPackageLock { lock: settings.lock.clone() });
            }
            continue;
        }
        check_requirements(image)?;
        let same = wanted.iter_mut().find(|other| other.settings.lock == settings.lock);
        let bases = match same {
            Some(other) if other.settings != settings => {
                return Err(LockingError::SharedLock { lock: settings.lock.clone() });
            }
            Some(other) => &mut other.bases,
            None => {
                wanted.push(Wanted { settings, bases: BTreeMap::new() });
                let Some(new) = wanted.last_mut() else { continue };
                &mut new.bases
            }
        };
        bases.entry(&image.base).or_default().extend(&image.platforms);
    }
    Ok(wanted)
}

/// Fails where a file is not there that says which packages are needed.
fn check_requirements(image: &ImageSettings) -> Result<(), LockingError> {
    let files = &image.packages.requirements;
    let Some(index) = files.iter().position(|file| !file.exists()) else { return Ok(()) };
    match image.place("requirements", Some(index).filter(|_| files.len() > 1)) {
        Some(place) => Err(LockingError::NoRequirements { file: files[index].clone(), place }),
        None => Ok(()),
    }
}

fn dependencies(
    settings: &PackageSettings,
    root: &Path,
    locking: Locking,
) -> Result<Dependencies, LockingError> {
    // A lock that nobody asks for is somebody else's, and is what is asked for.
    let own = !settings.requirements.is_empty() || !settings.groups.is_empty();
    let found = Dependencies::find(Asked {
        script: None,
        files: if own { settings.requirements.clone() } else { vec![settings.lock.clone()] },
        with: Vec::new(),
        groups: settings.groups.clone(),
        extras: settings.extras.clone(),
        locking: if own { locking } else { Locking::Frozen },
        lock: own.then(|| settings.lock.clone()),
        start: settings.lock.parent().unwrap_or(root),
        here: root,
        home: None,
    });
    found.map_err(|error| match (error, Utf8Path::from_path(&settings.lock)) {
        (DependencyError::NoLock { .. }, Some(path)) => LockingError::NoLock { path: path.to_owned() },
        (error, _) => error.into(),
    })
}

/// Fails where a lock of packages is not what is asked for. Asks nobody.
pub(super) fn check(workspace: &Workspace) -> Result<usize, LockingError> {
    let wanted = wanted(workspace)?;
    for Wanted { settings, .. } in &wanted {
        let dependencies = dependencies(settings, workspace.root.as_std_path(), Locking::Locked)?;
        let changes = dependencies.changes()?;
        if !changes.is_empty() {
            return Err(LockingError::StalePackages { lock: settings.lock.clone(), changes });
        }
    }
    Ok(wanted.len())
}

/// Locks the packages of all images on their locked bases, and tells for which platforms they have no wheels. Gives how
/// many locks there are.
pub(super) async fn lock(
    workspace: &Workspace,
    bases: &Lock,
    mode: &Mode,
    packages: Packages<'_>,
) -> Result<usize, LockingError> {
    let wanted = wanted(workspace)?;
    for wanted in &wanted {
        wanted.lock(workspace, bases, mode, packages).await?;
    }
    Ok(wanted.len())
}

/// Which of these names are packages of the workspace's locks.
pub(super) fn named(workspace: &Workspace, names: &[String]) -> Result<BTreeSet<String>, LockingError> {
    let mut known = BTreeSet::new();
    for Wanted { settings, .. } in wanted(workspace)? {
        let text = fs_err::read_to_string(&settings.lock).unwrap_or_default();
        if let Ok(lock) = Pylock::parse(&text) {
            known.extend(lock.packages.iter().map(|package| package.name.as_str().to_owned()));
        }
    }
    let normalised =
        |name: &String| name.parse::<PackageName>().ok().map(|parsed| parsed.as_str().to_owned());
    Ok(names
        .iter()
        .filter(|name| normalised(name).is_some_and(|name| known.contains(&name)))
        .cloned()
        .collect())
}

impl Wanted<'_> {
    async fn lock(
        &self,
        workspace: &Workspace,
        bases: &Lock,
        mode: &Mode,
        Packages { cache, shell }: Packages<'_>,
    ) -> Result<(), LockingError> {
        let targets = self.targets(bases);
        // A universal lock is for one Python and those after it.
        let age = |target: &Target| {
            let python = target.python();
            (python.major(), python.minor(), python.patch())
        };
        let Some((base, oldest)) = targets.iter().min_by_key(|(_, target)| age(target)) else {
            let base = self.bases.keys().next().map(|base| base.familiar());
            return Err(LockingError::UnknownSystem { base: base.unwrap_or_default() });
        };
        let renewal = match mode {
            Mode::Refresh => Renewal::Nothing,
            Mode::Update(names) if names.is_empty() => Renewal::All,
            Mode::Update(names) => Renewal::Packages(named(workspace, names)?.into_iter().collect()),
        };
        let renewal = if renewal == Renewal::Packages(Vec::new()) { Renewal::Nothing } else { renewal };
        let root = workspace.root.as_std_path();
        let dependencies = dependencies(self.settings, root, Locking::Write)?.renewed(renewal);
        let request =
            Request { image: base.familiar(), dependencies, folder: root.to_owned(), ..Request::default() };
        let cache = cache.ok_or(LockingError::NoCache)?;
        let failed = |source| LockingError::Packages { lock: self.shown(root), source: Box::new(source) };
        let resolved = environment::lock(&request, oldest, cache, shell).await.map_err(failed)?;
        let lock = Pylock::parse(&resolved.text).map_err(|source| LockingError::PackageLock {
            lock: self.shown(root),
            source: Box::new(source),
        })?;
        self.tell_coverage(&lock, &targets, &resolved.file, shell)
    }

    /// What is to be covered: the locked Python of each base on each platform.
    fn targets(&self, bases: &Lock) -> Vec<(&Reference, Target)> {
        let mut targets = Vec::new();
        for (base, platforms) in &self.bases {
            let Some(locked) = bases.bases.get(*base) else { continue };
            for platform in platforms {
                let image = locked.images.get(*platform);
                targets.extend(image.and_then(|image| target(image, platform)).map(|target| (*base, target)));
            }
        }
        targets
    }

    /// Tells what has to be built, or cannot be had, once for each package.
    fn tell_coverage(
        &self,
        lock: &Pylock,
        targets: &[(&Reference, Target)],
        file: &Path,
        shell: &Shell,
    ) -> Result<(), LockingError> {
        let unfit = |target: &Target, source| LockingError::Unfit {
            lock: file.to_owned(),
            target: target.to_string(),
            source: Box::new(source),
        };
        let mut gaps: BTreeMap<String, Vec<(&Reference, &Target, Uncovered<'_>)>> = BTreeMap::new();
        // A lock of our own was made with its extras: it names none. That of others has to know them.
        let extras = &self.settings.extras;
        let none = extras.is_empty() || !self.settings.requirements.is_empty();
        for (base, target) in targets {
            let chosen = if none { target.clone() } else { target.clone().with_extras(extras) };
            for uncovered in lock.coverage(&chosen).map_err(|source| unfit(target, source))? {
                gaps.entry(uncovered.package.to_string()).or_default().push((base, target, uncovered));
            }
        }
        for (package, gaps) in gaps {
            let places =
                gaps.iter().map(|(base, target, _)| format!("{} of {}", target.platform(), base.familiar()));
            let [(_, target, first), ..] = &gaps[..] else { continue };
            shell.warn(format_args!(
                "`{package}` has no wheel for {}: {}",
                places.collect::<Vec<_>>().join(", "),
                first.offer
            ));
            shell.help(advice(first, target));
        }
        Ok(())
    }

    fn shown(&self, root: &Path) -> PathBuf {
        self.settings.lock.strip_prefix(root).unwrap_or(&self.settings.lock).to_owned()
    }
}

fn advice(gap: &Uncovered<'_>, target: &Target) -> String {
    let libc = target.libc().libc;
    let glibc = pyimage_build::Libc::Glibc;
    if libc != glibc && gap.offer.oldest(target.platform(), glibc).is_some() {
        return "take a base of Debian, such as `tag = \"3.13-slim\"`, for which it has wheels".to_owned();
    }
    if gap.sdist.is_some() {
        return "it is built from its sources where it is used; that takes an engine for the platform"
            .to_owned();
    }
    "it has no sources either: leave the platform out, or take another version".to_owned()
}

/// What wheels for a locked base have to fit; none where its distribution is not known.
pub(crate) fn target(image: &LockedImage, platform: &Platform) -> Option<Target> {
    let libc = image.suite.as_ref()?.libc()?;
    Target::new(image.python.parse().ok()?, platform.clone(), libc).ok()
}
