//! What the checks need of the bases' files: read once, from their layers, where an image needs it.

use std::io::{self, Read};

use bytes::Bytes;
use futures_util::future::try_join_all;
use pyimage_build::{
    BaseFacts, BaseScan, BaseScanError, Choice, Descriptor, Drift, Lock, LockedImage, Platform, Pylock,
    Reference,
};
use pyrun::cache::Cache;
use pyrun::registry::Registry;
use pyrun::shell::Shell;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::spawn_blocking;

use super::packages::{Packages, target};
use super::{LockingError, pin};
use crate::size::Size;
use crate::workspace::{PackageImage, Workspace};

/// The cache's folder of what is known of bases, by the digests of their manifests.
const KNOWN: &str = "bases";
/// Pieces of a layer that wait to be read.
const WAITING: usize = 16;

/// Which platforms of which bases the lock should have facts of, and has not. Asks nobody.
pub(super) fn missing(workspace: &Workspace, lock: &Lock) -> Vec<Drift> {
    let mut drift = Vec::new();
    for image in &workspace.images {
        let Some(base) = lock.bases.get(&image.settings.base) else { continue };
        // What is there is not asked whether it is needed.
        let unknown =
            |platform: &&Platform| base.images.get(*platform).is_some_and(|its| its.facts.is_none());
        let mut unknown = image.settings.platforms.iter().filter(unknown).peekable();
        if unknown.peek().is_none() {
            continue;
        }
        let named = names_files(image);
        let packages = if named { None } else { packages(image) };
        for platform in unknown {
            let Some(locked) = base.images.get(platform) else { continue };
            let native = || has_native_packages(packages.as_ref()?, image, platform, locked);
            if named || native().unwrap_or(false) {
                let missing = Drift::MissingFacts(image.settings.base.clone(), platform.clone());
                if !drift.contains(&missing) {
                    drift.push(missing);
                }
            }
        }
    }
    drift
}

/// Takes over what was known of images that have not changed.
pub(super) fn keep(new: &mut Lock, old: &Lock) {
    for (base, locked) in &mut new.bases {
        for (platform, image) in &mut locked.images {
            let before = old.bases.get(base).and_then(|old| old.images.get(platform));
            let same = before.filter(|before| before.manifest.digest == image.manifest.digest);
            if let (None, Some(same)) = (&image.facts, same) {
                image.facts.clone_from(&same.facts);
            }
        }
    }
}

/// Reads what is missing, and gives whether anything was.
pub(super) async fn complete(
    workspace: &Workspace,
    lock: &mut Lock,
    registry: &Registry,
    Packages { cache, shell }: Packages<'_>,
) -> Result<bool, LockingError> {
    let missing = missing(workspace, lock);
    let tasks = missing.iter().filter_map(|drift| {
        let Drift::MissingFacts(base, platform) = drift else { return None };
        let image = lock.bases.get(base)?.images.get(platform)?;
        Some(async move {
            let facts = Reading { registry, cache, shell, base, platform, image }.facts().await?;
            Ok::<_, LockingError>((base.clone(), platform.clone(), facts))
        })
    });
    let found = try_join_all(tasks).await?;
    let any = !found.is_empty();
    for (base, platform, facts) in found {
        if let Some(image) = lock.bases.get_mut(&base).and_then(|base| base.images.get_mut(&platform)) {
            image.facts = Some(facts);
        }
    }
    Ok(any)
}

/// Whether an image has something on all platforms that takes knowing the base: a user by name, packages of
/// Debian, or programs of its own.
fn names_files(image: &PackageImage) -> bool {
    let user = image.settings.options.user.as_deref().unwrap_or_default();
    let is_name = |part: &str| !part.is_empty() && part.parse::<u64>().is_err();
    let settings = &image.settings;
    settings.bins.is_some() || !settings.apt.is_empty() || user.split(':').any(is_name)
}

/// The lock of an image's packages. None where it cannot be read, which building tells better.
fn packages(image: &PackageImage) -> Option<Pylock> {
    Pylock::parse(&fs_err::read_to_string(&image.settings.packages.lock).ok()?).ok()
}

/// Whether an image has anything on a platform that the loader loads. None where it cannot be told.
fn has_native_packages(
    lock: &Pylock,
    image: &PackageImage,
    platform: &Platform,
    locked: &LockedImage,
) -> Option<bool> {
    let packages = &image.settings.packages;
    let mut target = target(locked, platform)?;
    if packages.requirements.is_empty() && !packages.extras.is_empty() {
        target = target.with_extras(&packages.extras);
    }
    let selection = lock.select(&target).ok()?;
    let is_native = |choice: &Choice<'_>| match choice {
        Choice::Wheel(wheel) => !wheel.file.file_name.ends_with("-any.whl"),
        // What a build gives is not known before.
        _ => true,
    };
    Some(selection.packages.iter().any(|selected| is_native(&selected.choice)))
}

/// Reading the layers of a base for one platform.
struct Reading<'a> {
    registry: &'a Registry,
    cache: Option<&'a Cache>,
    shell: &'a Shell,
    base: &'a Reference,
    platform: &'a Platform,
    image: &'a LockedImage,
}

impl Reading<'_> {
    async fn facts(&self) -> Result<BaseFacts, LockingError> {
        let entry = format!("{KNOWN}/{}.json", self.image.manifest.digest.hex());
        if let Some(known) = self.cache.and_then(|cache| cache.read_json(&entry)) {
            return Ok(known);
        }
        let (base, size) = (self.base.familiar(), self.image.layers_size());
        self.shell.status(
            "Reading",
            format_args!("the libraries and users of {base} for {} ({})", self.platform, Size(size)),
        );
        let progress = self.shell.progress();
        let bar = progress.bar(&format!("{base} {}", self.platform));
        let mut scan = BaseScan::new();
        let mut before = 0;
        for layer in &self.image.layers {
            let descriptor = pin::as_descriptor(&layer.blob);
            scan = self.layer(scan, &descriptor, &|read| bar.update("", Some((before + read, size)))).await?;
            before += descriptor.size;
        }
        let facts = scan.facts(&self.image.env);
        if let Some(cache) = self.cache {
            // It is in the lock, which is what counts.
            let _ = cache.write_json(&entry, &facts);
        }
        Ok(facts)
    }

    /// Reads one more layer: from the cache, or as it comes.
    async fn layer(
        &self,
        mut scan: BaseScan,
        descriptor: &Descriptor,
        progress: &dyn Fn(u64),
    ) -> Result<BaseScan, LockingError> {
        let kind = descriptor.media_type.clone();
        if let Some(path) = self.registry.cached(self.base, descriptor).await {
            return self
                .read(spawn_blocking(move || {
                    let file = fs_err::File::open(path)?;
                    scan.add_layer(&kind, file).map(|()| scan)
                }))
                .await;
        }
        let (out, pieces) = channel(WAITING);
        let reading = spawn_blocking(move || {
            scan.add_layer(&kind, Pieces { pieces, rest: Bytes::new() }).map(|()| scan)
        });
        let came = self.registry.read(self.base, descriptor, &out, progress).await;
        drop(out);
        let scan = self.read(reading).await;
        // What did not come as a whole cannot be read either.
        came.map_err(|error| pin::failed(self.base, error))?;
        scan
    }

    async fn read(
        &self,
        reading: tokio::task::JoinHandle<Result<BaseScan, BaseScanError>>,
    ) -> Result<BaseScan, LockingError> {
        let scan = match reading.await {
            Ok(scan) => scan,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(io::Error::other(error).into()),
            },
        };
        scan.map_err(|source| LockingError::Facts {
            base: self.base.familiar(),
            platform: self.platform.clone(),
            source: Box::new(source),
        })
    }
}

/// Pieces of a layer as a file.
struct Pieces {
    pieces: Receiver<Bytes>,
    rest: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.rest = piece,
                None => return Ok(0),
            }
        }
        let len = self.rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.rest.split_to(len));
        Ok(len)
    }
}
