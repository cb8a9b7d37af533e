//! Locking packages of Debian: each list of them on each platform of its base.

use pyimage_build::{Drift, Lock, Reference};

use super::LockingError;
use super::packages::Packages;
use crate::apt::Place;
use crate::workspace::Workspace;

/// Which lists of packages are not locked. Asks nobody.
pub(super) fn missing(workspace: &Workspace, lock: &Lock) -> Vec<Drift> {
    let mut drift = Vec::new();
    for image in &workspace.images {
        let settings = &image.settings;
        let Some(base) = lock.bases.get(&settings.base).filter(|_| !settings.apt.is_empty()) else {
            continue;
        };
        for platform in &settings.platforms {
            let Some(locked) = base.images.get(platform) else { continue };
            let (base, packages) = (settings.base.clone(), settings.apt.clone());
            let missing = Drift::MissingApt(base, platform.clone(), packages);
            if locked.installed(&settings.apt).is_none() && !drift.contains(&missing) {
                drift.push(missing);
            }
        }
    }
    drift
}

/// Takes over what was installed on images that have not changed, unless its base is to move.
pub(super) fn keep(new: &mut Lock, old: &Lock, workspace: &Workspace, moved: &[&Reference]) {
    for (base, locked) in &mut new.bases {
        let wanted: Vec<_> =
            workspace.images.iter().map(|image| &image.settings).filter(|its| its.base == *base).collect();
        for (platform, image) in &mut locked.images {
            let before = old.bases.get(base).and_then(|old| old.images.get(platform));
            let same = before.filter(|old| old.manifest.digest == image.manifest.digest);
            image.apt = match same {
                Some(same) if !moved.contains(&base) => same.apt.clone(),
                _ => Vec::new(),
            };
            image.apt.retain(|apt| {
                wanted.iter().any(|image| image.apt == apt.packages && image.platforms.contains(platform))
            });
        }
    }
}

/// Installs what is missing, and gives whether anything was.
pub(super) async fn complete(
    workspace: &Workspace,
    lock: &mut Lock,
    fresh: &[&Reference],
    Packages { cache, shell }: Packages<'_>,
) -> Result<bool, LockingError> {
    let missing = missing(workspace, lock);
    for drift in &missing {
        let Drift::MissingApt(base, platform, packages) = drift else { continue };
        let image = lock.bases.get_mut(base).and_then(|base| base.images.get_mut(platform));
        let Some(image) = image else { continue };
        let cache = cache.ok_or(LockingError::NoCache)?;
        let place = Place { base, platform, image, cache, shell };
        let installed = place.lock(packages, fresh.contains(&base)).await;
        let installed = installed.map_err(|source| LockingError::Apt(Box::new(source)))?;
        image.apt.push(installed);
        image.apt.sort_by(|one, other| one.packages.cmp(&other.packages));
    }
    Ok(!missing.is_empty())
}
