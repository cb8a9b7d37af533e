//! What a registry says of an image that an engine could not pull.
//!
//! An engine tells that it did not get an image. What there is instead, only the registry knows, and it is asked only
//! now: a pull that works costs nothing.

use std::time::Duration;

use pyimage_build::{Document, Index, Platform, Reference};

use super::RunError;
use crate::cache::Cache;
use crate::plan::Request;
use crate::registry::{Registry, RegistryError, RegistrySettings};

/// How long the failure may take longer for a better message.
const PATIENCE: Duration = Duration::from_secs(4);

/// Lets an error that an image is not there, or not for a platform, tell what is there; any other stays as it is, and
/// so does each where the registry does not answer in time.
pub(super) async fn look_up(error: RunError, request: &Request, cache: Option<&Cache>) -> RunError {
    let (RunError::NoImage { image, .. } | RunError::NoPlatform { image, .. } | RunError::Pull { image, .. }) =
        &error
    else {
        return error;
    };
    let Ok(reference) = image.parse::<Reference>() else { return error };
    let Ok(registry) = registry(cache) else { return error };
    let answer = tokio::time::timeout(PATIENCE, better(&registry, &reference, request, &error)).await;
    answer.ok().flatten().unwrap_or(error)
}

fn registry(cache: Option<&Cache>) -> Result<Registry, RegistryError> {
    let mut settings = RegistrySettings::from_env()?;
    settings.timeouts(PATIENCE, PATIENCE, PATIENCE);
    settings.retries(1, Duration::ZERO);
    Registry::new(settings, cache.cloned())
}

async fn better(
    registry: &Registry,
    reference: &Reference,
    request: &Request,
    error: &RunError,
) -> Option<RunError> {
    let no_image = async |image: &str, message: &str| {
        let nearest = nearest(registry, reference, request).await?;
        let (image, message, choosers) = (image.to_owned(), message.to_owned(), request.choosers());
        Some(RunError::NoImage { image, message, nearest, choosers })
    };
    match error {
        RunError::NoImage { image, message, .. } => no_image(image, message).await,
        // Behind a mirror that has not got a tag, an engine asks Docker Hub too, and tells only that it is out of reach.
        // So it does where the mirror has the tag, and not for the platform.
        RunError::Pull { image, message } => match registry.resolve(reference).await {
            Err(error) if error.is_not_found() => no_image(image, message).await,
            Err(_) => None,
            Ok(_) => {
                let platform = request.platform.as_ref()?;
                let asked: Platform = platform.parse().ok()?;
                let index = index(registry, reference).await.filter(|index| index.image(&asked).is_none())?;
                Some(no_platform(image, platform, &index))
            }
        },
        RunError::NoPlatform { image, platform, .. } => {
            Some(no_platform(image, platform, &index(registry, reference).await?))
        }
        _ => None,
    }
}

/// The platforms that the registry has the image for, where it has more than one.
async fn index(registry: &Registry, reference: &Reference) -> Option<Index> {
    match registry.fetch(reference).await.ok()? {
        (_, Document::Index(index)) => Some(index),
        _ => None,
    }
}

fn no_platform(image: &str, platform: &str, index: &Index) -> RunError {
    let mut available: Vec<_> = index.images().map(|(platform, _)| platform.to_string()).collect();
    available.sort();
    available.dedup();
    let message = format!("it is there for {}", available.join(", "));
    RunError::NoPlatform { image: image.to_owned(), platform: platform.to_owned(), message }
}

/// The repository's tags that are most like this one.
async fn nearest(registry: &Registry, reference: &Reference, request: &Request) -> Option<Vec<String>> {
    let tags = registry.tags(reference).await.ok()?;
    let tags: Vec<_> = tags.iter().map(String::as_str).collect();
    let wanted = reference.tag()?;
    // The engine did not find what the registry has: then it asked another.
    if tags.contains(&wanted) {
        return None;
    }
    let nearest = request.nearest_tags(wanted, &tags).into_iter();
    if reference.is_official_python() {
        return Some(nearest.map(str::to_owned).collect());
    }
    let images = nearest.filter_map(|tag| Some(reference.with_tag(tag).ok()?.familiar()));
    Some(images.collect())
}
