//! Pinning one base: what a tag is today, for every platform that is asked for.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use pyimage_build::{
    Descriptor, Document, ImageConfig, Index, LockedBase, LockedImage, LockedLayer, Manifest, Pin, Platform,
    PythonTag, PythonVersion, Reference, Suite, base_release, nearest_tags,
};
use pyrun::registry::{Registry, RegistryError};
use pyrun::shell::Shell;

use super::LockingError;

/// Pins what a base is today.
///
/// # Errors
/// Where the registry does not give it, a platform is not there, or it has no Python.
pub async fn pin(
    registry: &Registry,
    base: &Reference,
    platforms: &BTreeSet<Platform>,
) -> Result<LockedBase, LockingError> {
    let (descriptor, document) = match registry.fetch(base).await {
        Ok(found) => found,
        Err(error) => return Err(refused(registry, base, error).await),
    };
    let images = images(registry, base, &descriptor, &document, platforms).await?;
    Ok(LockedBase { target: as_pin(&descriptor), images })
}

/// A pinned base with the platforms that are asked for: those that are missing are looked up under the digest
/// that is pinned, wherever the tag may have gone since.
pub(super) async fn complete(
    registry: &Registry,
    base: &Reference,
    platforms: &BTreeSet<Platform>,
    kept: &LockedBase,
    shell: &Shell,
) -> Result<LockedBase, LockingError> {
    let mut images = kept.images.clone();
    images.retain(|platform, _| platforms.contains(platform));
    let missing: BTreeSet<_> = platforms.iter().filter(|its| !images.contains_key(*its)).cloned().collect();
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(ToString::to_string).collect();
        shell.status("Locking", format_args!("{} for {}", base.familiar(), names.join(", ")));
        let target = as_descriptor(&kept.target);
        let document = match registry.document(base, &target).await {
            Ok(document) => document,
            Err(error @ RegistryError::NotFound { .. }) => {
                return Err(LockingError::PinGone {
                    base: base.familiar(),
                    digest: target.digest.to_string(),
                    source: Box::new(error),
                });
            }
            Err(error) => return Err(failed(base, error)),
        };
        images.extend(self::images(registry, base, &target, &document, &missing).await?);
    }
    Ok(LockedBase { target: kept.target.clone(), images })
}

/// A refusal; of a tag that is not there, with the tags of the repository that may be meant.
async fn refused(registry: &Registry, base: &Reference, error: RegistryError) -> LockingError {
    let mut nearest = Vec::new();
    if let (RegistryError::NotFound { .. }, Some(tag), None) = (&error, base.tag(), base.digest())
        && let Ok(tags) = registry.tags(base).await
    {
        let tags: Vec<_> = tags.iter().map(String::as_str).collect();
        nearest = nearest_tags(tag, &tags).into_iter().map(str::to_owned).collect();
    }
    LockingError::Registry { base: base.familiar(), nearest, source: Box::new(error) }
}

pub(super) fn failed(base: &Reference, error: RegistryError) -> LockingError {
    LockingError::Registry { base: base.familiar(), nearest: Vec::new(), source: Box::new(error) }
}

async fn images(
    registry: &Registry,
    base: &Reference,
    descriptor: &Descriptor,
    document: &Document,
    platforms: &BTreeSet<Platform>,
) -> Result<BTreeMap<Platform, LockedImage>, LockingError> {
    match document {
        Document::Index(index) => {
            let tasks = platforms.iter().map(|platform| of_index(registry, base, index, platform));
            Ok(try_join_all(tasks).await?.into_iter().collect())
        }
        Document::Manifest(manifest) => {
            let config =
                registry.config(base, &manifest.config).await.map_err(|error| failed(base, error))?;
            if let Some(platform) = platforms.iter().find(|platform| **platform != config.platform) {
                return Err(LockingError::NoPlatform {
                    base: base.familiar(),
                    platform: platform.clone(),
                    available: vec![config.platform.to_string()],
                });
            }
            let image = locked(base, descriptor, manifest, &config)?;
            Ok(BTreeMap::from([(config.platform, image)]))
        }
    }
}

async fn of_index(
    registry: &Registry,
    base: &Reference,
    index: &Index,
    platform: &Platform,
) -> Result<(Platform, LockedImage), LockingError> {
    let Some(descriptor) = index.image(platform) else {
        let available: BTreeSet<_> = index.images().map(|(platform, _)| platform.to_string()).collect();
        return Err(LockingError::NoPlatform {
            base: base.familiar(),
            platform: platform.clone(),
            available: available.into_iter().collect(),
        });
    };
    let contradiction =
        |why: String| LockingError::Contradiction { base: base.familiar(), platform: platform.clone(), why };
    let document = registry.document(base, descriptor).await.map_err(|error| failed(base, error))?;
    let Document::Manifest(manifest) = document else {
        return Err(contradiction("the index has an index where a manifest belongs".to_owned()));
    };
    let config = registry.config(base, &manifest.config).await.map_err(|error| failed(base, error))?;
    // Variants are often left out or wrong; an image for another machine is not.
    if (config.platform.os(), config.platform.architecture()) != (platform.os(), platform.architecture()) {
        return Err(contradiction(format!("the configuration is for {}", config.platform)));
    }
    Ok((platform.clone(), locked(base, descriptor, &manifest, &config)?))
}

fn locked(
    base: &Reference,
    descriptor: &Descriptor,
    manifest: &Manifest,
    config: &ImageConfig,
) -> Result<LockedImage, LockingError> {
    if !manifest.agrees_with(config) {
        return Err(LockingError::Contradiction {
            base: base.familiar(),
            platform: config.platform.clone(),
            why: format!(
                "the manifest has {} layers, the configuration {}",
                manifest.layers.len(),
                config.diff_ids.len()
            ),
        });
    }
    let python = config.variable("PYTHON_VERSION");
    let python = python.ok_or_else(|| LockingError::NoPython { base: base.familiar() })?;
    let layers = manifest.layers.iter().zip(&config.diff_ids);
    Ok(LockedImage {
        manifest: as_pin(descriptor),
        config: as_pin(&manifest.config),
        python: python.to_owned(),
        suite: base_release(&descriptor.annotations, config).or_else(|| suite_of(base)),
        env: config.env.clone(),
        entrypoint: config.entrypoint.clone(),
        cmd: config.cmd.clone(),
        user: config.user.clone(),
        working_dir: config.working_dir.clone(),
        stop_signal: config.stop_signal.clone(),
        labels: config.labels.clone(),
        layers: layers
            .map(|(layer, diff_id)| LockedLayer { blob: as_pin(layer), diff_id: diff_id.clone() })
            .collect(),
        facts: None,
        apt: Vec::new(),
    })
}

/// The release that the tag itself names, or stands for in all time to come.
fn suite_of(base: &Reference) -> Option<Suite> {
    let tag: PythonTag = base.tag()?.parse().ok().filter(|_| base.is_official_python())?;
    // The last images of these are from before anything in them told, and no tag of theirs moves any more.
    let is_old = |its: &PythonVersion| its.major() == 2 || its.minor().is_some_and(|minor| minor < 8);
    let is_settled = base.digest().is_none() && tag.version().is_some_and(is_old);
    if is_settled { tag.effective_suite() } else { tag.suite().cloned() }
}

fn as_pin(descriptor: &Descriptor) -> Pin {
    Pin {
        digest: descriptor.digest.clone(),
        size: descriptor.size,
        media_type: descriptor.media_type.clone(),
    }
}

pub(super) fn as_descriptor(pin: &Pin) -> Descriptor {
    Descriptor::new(pin.media_type.clone(), pin.digest.clone(), pin.size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_of_old_tags_is_known() {
        let suite = |base: &str| suite_of(&base.parse().unwrap()).map(|suite| suite.to_string());
        for (base, expected) in [
            ("python:2.7-slim", Some("buster")),
            ("python:2", Some("buster")),
            ("python:2.7-alpine", Some("alpine3.11")),
            ("python:3.6-slim", Some("bullseye")),
            ("python:3.13-slim-bookworm", Some("bookworm")),
            // Others move on, and tell by what they have in them.
            ("python:3.13-slim", None),
            ("python:3-slim", None),
            ("me/python:2.7-slim", None),
        ] {
            assert_eq!(suite(base).as_deref(), expected, "{base}");
        }
        let digest = pyimage_build::Digest::of(b"");
        assert_eq!(suite(&format!("python:2.7-slim@{digest}")), None, "it may be an older one");
    }
}
