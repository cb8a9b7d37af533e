//! What an engine or a registry refuses, in terms of what the user asked for.

use pyimage_build::{Platform, Reference};

use super::RunError;
use super::error::denied;
use super::preparation::Preparation;
use crate::engine::{EngineError, Kind};
use crate::image::Image;
use crate::plan::Interpreter;

/// How engines say that an image is there, but not for the platform that was asked for.
const OTHER_PLATFORM: [&str; 3] =
    ["does not match the specified platform", "no matching manifest", "no image found in"];

impl Preparation<'_> {
    /// An engine's refusal in terms of what the user asked for.
    pub(super) fn explain(&self, error: EngineError) -> RunError {
        let EngineError::Refused { message, .. } = &error else { return error.into() };
        let image = self.request.image.clone();
        let program = self.request.interpreter.path();
        if ["port is already allocated", "address already in use"].iter().any(|words| message.contains(words))
        {
            return RunError::PortTaken {
                publish: self.request.publish.join(", "),
                message: message.clone(),
            };
        }
        let no_gpu = ["could not select device driver", "unresolvable CDI devices", "nvidia-container-cli"];
        if self.request.gpus.is_some() && no_gpu.iter().any(|words| message.contains(words)) {
            return RunError::NoGpu { message: message.clone() };
        }
        if message.contains("exec format error") {
            return self.no_emulation();
        }
        if message.contains(program) && message.contains("permission denied") {
            let reason = "permission denied".to_owned();
            return RunError::NotExecutable { image, program: program.to_owned(), reason };
        }
        let absent = ["no such file or directory", "not found", "cannot find"];
        if message.contains(program) && absent.iter().any(|words| message.contains(words)) {
            return self.no_program(program.to_owned(), true);
        }
        error.into()
    }

    pub(super) fn no_emulation(&self) -> RunError {
        let facts = self.engine.facts();
        let of_image = self.image.as_ref().map(|image| format!("{}/{}", image.os, image.arch));
        let asked = self.request.platform.clone();
        RunError::NoEmulation {
            image: self.request.image.clone(),
            platform: asked.or(of_image).unwrap_or_else(|| "another platform".to_owned()),
            engine: format!("{}/{}", facts.os, facts.arch),
        }
    }

    pub(super) fn no_program(&self, program: String, python: bool) -> RunError {
        let better = match (&self.request.interpreter, &self.request.tag) {
            (Interpreter::System, Some(tag)) if python => Some(tag.with_variant_full()),
            _ => None,
        };
        RunError::NoProgram { image: self.request.image.clone(), program, python, better }
    }

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
            None => RunError::NoImage {
                image,
                message,
                nearest: self.nearest_tags(),
                choosers: self.request.choosers(),
            },
        }
    }

    fn nearest_tags(&self) -> Vec<String> {
        let reference: Option<Reference> = self.request.image.parse().ok();
        match reference.as_ref().filter(|reference| reference.is_official_python()).and_then(Reference::tag) {
            Some(tag) => self
                .request
                .nearest_tags(tag, pyimage_build::KNOWN_TAGS)
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
