//! The image in which packages are built.

use pyimage_build::{PythonTag, Reference, Suite, Target, Variant};

use crate::plan::Request;

/// The releases of Debian that official images of a Python from 3.8 on were built on.
const DEBIAN: [&str; 5] = ["stretch", "buster", "bullseye", "bookworm", "trixie"];

/// The image in which packages are built for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuildImage {
    /// As the engine is asked for it.
    pub(super) name: String,
    /// Its official tag, where it has one.
    pub(super) tag: Option<PythonTag>,
}

impl BuildImage {
    /// The one that was asked for; else the full image of the same release and suite, whose libraries are the same.
    /// There is none for Alpine: what needs no compiler is built in the image itself.
    pub(super) fn of(request: &Request, target: &Target) -> Self {
        if let Some(tag) = &request.build_tag {
            return Self::official(tag.clone());
        }
        let suite = debian(target);
        let itself = || Self { name: request.image.clone(), tag: request.tag.clone() };
        match (&request.tag, suite) {
            (Some(tag), _) if tag.variant() != Variant::Slim => itself(),
            (Some(tag), suite) => {
                let full = tag.with_variant_full();
                // The engine's image may be from before the tag moved on to the next release of Debian.
                let moved = suite
                    .filter(|suite| full.suite().is_none() && full.effective_suite().as_ref() != Some(suite));
                let pinned = moved.and_then(|suite| format!("{}-{suite}", full.version()?).parse().ok());
                Self::official(pinned.unwrap_or(full))
            }
            (None, Some(suite)) => {
                let tag = format!("{}-{suite}", target.python()).parse::<PythonTag>().ok();
                tag.map_or_else(itself, Self::official)
            }
            (None, None) => itself(),
        }
    }

    fn official(tag: PythonTag) -> Self {
        Self { name: Reference::python(&tag).familiar(), tag: Some(tag) }
    }

    /// Whether it is known to have no compiler.
    pub(super) fn lacks_compilers(&self) -> bool {
        self.tag.as_ref().is_some_and(|tag| !tag.has_compilers())
    }
}

/// The release of Debian with the target's C library: each has another.
fn debian(target: &Target) -> Option<Suite> {
    let mut suites = DEBIAN.iter().filter_map(|name| Suite::from_name(name));
    suites.find(|suite| suite.libc() == Some(target.libc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_built_in_the_full_image_of_the_same_release_and_suite() {
        for (tag, suite, build, expected) in [
            (Some("3.13-slim"), "trixie", None, "python:3.13"),
            (Some("3.13-slim"), "bookworm", None, "python:3.13-bookworm"),
            (Some("3.13-slim-bookworm"), "bookworm", None, "python:3.13-bookworm"),
            (Some("3.13.5-slim"), "trixie", None, "python:3.13.5-trixie"),
            (Some("slim"), "trixie", None, "python:latest"),
            (Some("3.13"), "trixie", None, "me/app"),
            (Some("3.13-alpine"), "alpine3.22", None, "me/app"),
            (None, "alpine3.22", None, "me/app"),
            (None, "bookworm", None, "python:3.13.7-bookworm"),
            (Some("3.13-alpine"), "alpine3.22", Some("3.13-bookworm"), "python:3.13-bookworm"),
        ] {
            let request = Request {
                image: "me/app".to_owned(),
                tag: tag.map(|tag| tag.parse().unwrap()),
                build_tag: build.map(|tag| tag.parse().unwrap()),
                ..Request::default()
            };
            let libc = Suite::from_name(suite).and_then(|suite| suite.libc()).unwrap();
            let target =
                Target::new("3.13.7".parse().unwrap(), "linux/amd64".parse().unwrap(), libc).unwrap();
            assert_eq!(BuildImage::of(&request, &target).name, expected, "{tag:?} {suite:?}");
        }
    }

    #[test]
    fn slim_images_have_no_compiler() {
        let lacks = |tag: &str| BuildImage::official(tag.parse().unwrap()).lacks_compilers();
        assert!(lacks("3.13-slim") && lacks("3.13-alpine") && !lacks("3.13"));
    }
}
