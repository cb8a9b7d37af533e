//! An image that is not to be had, or not as it was asked for.

use pyimage_build::{Platform, Reference};

use super::RunError;
use super::error::denied;
use super::preparation::Preparation;
use crate::engine::Kind;
use crate::image::Image;

/// How engines say that an image is there, but not for the platform that was asked for.
const OTHER_PLATFORM: [&str; 3] =
    ["does not match the specified platform", "no matching manifest", "no image found in"];

impl Preparation<'_> {
    pub(super) fn explain_pull(&self, message: String) -> RunError {
        let absent = ["manifest unknown", "not found", "does not exist", "no matching manifest"];
        // To a stranger a registry says that a private image may not exist.
        if denied(&message) {
            return RunError::Pull { image: self.request.image.clone(), message };
        }
        if absent.iter().chain(&OTHER_PLATFORM).any(|words| message.contains(words)) {
            return self.no_image(message);
        }
        RunError::Pull { image: self.request.image.clone(), message }
    }

    /// podman takes what it has under the image's name, whatever platform was asked for. Docker does not, and where
    /// it keeps several under one name it tells only of its own.
    pub(super) fn is_for_another_platform(&self, found: &Image) -> bool {
        let asked = self.request.platform.as_deref().and_then(|platform| platform.parse::<Platform>().ok());
        self.engine.facts().kind == Kind::Podman
            && asked.is_some_and(|asked| (asked.os(), asked.architecture()) != (&*found.os, &*found.arch))
    }

    pub(super) fn no_image(&self, message: String) -> RunError {
        let image = self.request.image.clone();
        let platform = self
            .request
            .platform
            .clone()
            .filter(|_| OTHER_PLATFORM.iter().any(|words| message.contains(words)));
        match platform {
            Some(platform) => RunError::NoPlatform { image, platform, message },
            None => RunError::NoImage { image, message, nearest: self.nearest_tags() },
        }
    }

    fn nearest_tags(&self) -> Vec<String> {
        let reference: Option<Reference> = self.request.image.parse().ok();
        match reference.as_ref().filter(|reference| reference.is_official_python()).and_then(Reference::tag) {
            Some(tag) => pyimage_build::nearest_tags(tag, pyimage_build::KNOWN_TAGS)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            None => Vec::new(),
        }
    }

    pub(super) fn no_platform(&self, found: &Image) -> RunError {
        RunError::NoPlatform {
            image: self.request.image.clone(),
            platform: self.request.platform.clone().unwrap_or_default(),
            message: format!("the engine has it for {}/{}", found.os, found.arch),
        }
    }
}
