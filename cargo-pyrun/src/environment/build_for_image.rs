//! Building packages for images: the same wheels, in the same containers, as for scripts.

use std::path::Path;

use pyimage_build::{Choice, Target, WheelOffer};

use super::build::{Builder, Words};
use super::build_image::BuildImage;
use super::source::{Origin, Source};
use super::{EnvironmentError, Fetched};
use crate::cache::Cache;
use crate::plan::Request;
use crate::shell::Shell;

/// A package that has no wheel for a target.
#[derive(Debug, Clone)]
pub struct Sources<'a> {
    /// Name and version.
    pub package: String,
    /// What of it was chosen.
    pub choice: Choice<'a>,
    /// For what it has wheels.
    pub offer: Option<WheelOffer>,
    /// The folder of the lock, in which paths start.
    pub folder: &'a Path,
}

/// The wheel of these sources: the one that was built before, or a new one.
///
/// The request's image is the one that the wheel is for, its platform that of the target. What is in the wheel decides
/// its bytes, and nothing else: not when it was built, nor in which order, nor how well it was compressed.
///
/// # Errors
/// Where it cannot be built, or needs an engine and there is none.
pub async fn build(
    request: &Request,
    target: &Target,
    Sources { package, choice, offer, folder }: Sources<'_>,
    cache: &Cache,
    shell: &Shell,
) -> Result<Fetched, EnvironmentError> {
    let _preparing = cache.preparing();
    let Some(origin) = Origin::of(choice, folder) else {
        return Err(EnvironmentError::NoWheel { package, target: target.to_string() });
    };
    let image = &BuildImage::of(request, target);
    let source = Source::new(package, origin, offer, target, image)?;
    Builder { request, target, image, cache, shell, words: Words::Image }.wheel(&source).await
}
