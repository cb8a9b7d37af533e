//! The locks, as far as a build script needs them: `pyimage.lock` for bases, `pylock.toml` for packages.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::CompileError;
use crate::{Drift, ImageSettings, Lock, Platform, Reference};
#[cfg(feature = "image")]
use crate::{Pylock, needs::Freshness};

/// The locks of a package's images.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// What is pinned.
    pub(super) bases: Option<Lock>,
    /// The files that were read.
    pub(super) read: BTreeSet<PathBuf>,
    /// What is wrong with them, where that may be a warning.
    pub(super) stale: Vec<CompileError>,
}

impl Locks {
    /// Reads what these images need of the lock in the workspace's folder, and of those of their packages unless images
    /// are left out.
    ///
    /// # Errors
    /// Where a lock cannot be read or is damaged.
    pub(super) fn read(
        root: &Path,
        images: &[&ImageSettings],
        skips_images: bool,
    ) -> Result<Self, CompileError> {
        let mut locks = Self::default();
        if images.is_empty() {
            return Ok(locks);
        }
        let path = root.join(Lock::FILE);
        match text(&path)? {
            None => locks.stale.push(CompileError::NoLock { path }),
            Some(text) => {
                let lock = Lock::parse(&text).map_err(|source| CompileError::DamagedLock {
                    path: path.clone(),
                    source: Box::new(source),
                })?;
                let drift = drift(&lock, images);
                if !drift.is_empty() {
                    locks.stale.push(CompileError::StaleLock { path: path.clone(), drift });
                }
                locks.bases = Some(lock);
                locks.read.insert(path);
            }
        }
        #[cfg(feature = "image")]
        if !skips_images {
            locks.read_packages(root, images)?;
        }
        #[cfg(not(feature = "image"))]
        let _ = skips_images;
        Ok(locks)
    }

    /// Reads the locks of packages: nothing but an image is made of them.
    #[cfg(feature = "image")]
    fn read_packages(&mut self, root: &Path, images: &[&ImageSettings]) -> Result<(), CompileError> {
        for ImageSettings { packages, .. } in images {
            let is_asked_for = packages.is_named || !packages.requirements.is_empty();
            if self.read.contains(&packages.lock) {
                continue;
            }
            match text(&packages.lock)? {
                None if is_asked_for => {
                    self.stale.push(CompileError::NoLock { path: packages.lock.clone() });
                }
                None => {}
                Some(text) => {
                    Pylock::parse(&text).map_err(|source| CompileError::DamagedPackages {
                        path: packages.lock.clone(),
                        source: Box::new(source),
                    })?;
                    let fresh = Freshness::of(packages, &text, root).map_err(CompileError::Need)?;
                    if !fresh.changes.is_empty() {
                        let (path, changes) = (packages.lock.clone(), fresh.changes);
                        self.stale.push(CompileError::StalePackages { path, changes });
                    }
                    self.read.insert(packages.lock.clone());
                    self.read.extend(fresh.files);
                }
            }
        }
        Ok(())
    }
}

/// What a lock lacks for these images. What it has for others of the workspace does not matter.
fn drift(lock: &Lock, images: &[&ImageSettings]) -> Vec<Drift> {
    let mut wanted: BTreeMap<Reference, BTreeSet<Platform>> = BTreeMap::new();
    for image in images {
        wanted.entry(image.base.clone()).or_default().extend(image.platforms.iter().cloned());
    }
    let is_unused = |drift: &Drift| matches!(drift, Drift::UnusedBase(_) | Drift::UnusedPlatform(..));
    let mut drift = lock.drift(&wanted);
    drift.retain(|drift| !is_unused(drift));
    for ImageSettings { base, platforms, apt, .. } in images {
        let Some(locked) = lock.bases.get(base).filter(|_| !apt.is_empty()) else { continue };
        for platform in platforms {
            let missing = Drift::MissingApt(base.clone(), platform.clone(), apt.clone());
            let is_there = locked.images.get(platform).is_none_or(|image| image.installed(apt).is_some());
            if !is_there && !drift.contains(&missing) {
                drift.push(missing);
            }
        }
    }
    drift
}

/// The text of a lock, if it is there.
fn text(path: &Path) -> Result<Option<String>, CompileError> {
    let unreadable = |source| CompileError::Lock { path: path.to_owned(), source };
    // A pipe would be waited for without end.
    if fs_err::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(unreadable(io::Error::other("it is not a file")));
    }
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}
