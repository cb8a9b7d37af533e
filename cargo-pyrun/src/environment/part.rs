//! Which files of a lock an environment is made of.

use std::path::Path;

use pyimage_build::{Choice, LockedFile, Provenance, Pylock, Target};

use super::EnvironmentError;
use super::build_image::BuildImage;
use super::source::{Origin, Source, is_wheel};
use crate::resolution::Resolved;

/// A package that the target gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) content: Content,
    pub(super) provenance: Provenance,
}

/// What of a package is had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A wheel.
    Wheel(LockedFile),
    /// Its sources, of which a wheel is built.
    Source(Source),
}

impl Part {
    fn wheel(file: &LockedFile, direct_url: Option<String>) -> Self {
        let provenance = Provenance { requested: false, direct_url };
        Self { content: Content::Wheel(file.clone()), provenance }
    }

    /// The wheel, where an index has it.
    pub(super) fn wheel_file(&self) -> Option<&LockedFile> {
        match &self.content {
            Content::Wheel(file) => Some(file),
            Content::Source(_) => None,
        }
    }

    /// What stands for its content. For what is built that is what it is built from: two builds of the same may differ.
    pub(super) fn identity(&self) -> Result<String, EnvironmentError> {
        match &self.content {
            Content::Wheel(file) => {
                let digest = file.digest();
                let digest =
                    digest.ok_or_else(|| EnvironmentError::NoDigest { package: file.file_name.clone() })?;
                Ok(digest.to_string())
            }
            Content::Source(source) => Ok(format!("built {}", source.key)),
        }
    }
}

/// What the target gets.
pub(super) fn select(
    resolved: &Resolved,
    target: &Target,
    build_image: &BuildImage,
) -> Result<Vec<Part>, EnvironmentError> {
    let unusable = |source| EnvironmentError::Lock { file: resolved.file.clone(), source: Box::new(source) };
    let lock = Pylock::parse(&resolved.text).map_err(unusable)?;
    let unselected =
        |source| EnvironmentError::Select { target: target.to_string(), source: Box::new(source) };
    let selection = lock.select(target).map_err(unselected)?;
    let uncovered = lock.coverage(target).map_err(unselected)?;
    let parts = selection.packages.iter().map(|selected| {
        let direct_url = selected.choice.direct_url();
        match selected.choice {
            Choice::Wheel(wheel) => return Ok(Part::wheel(&wheel.file, None)),
            Choice::Archive { file, subdirectory: None } if is_wheel(file) => {
                return Ok(Part::wheel(file, direct_url));
            }
            _ => {}
        }
        // Paths are absolute.
        let Some(origin) = Origin::of(selected.choice, Path::new("")) else {
            let (package, target) = (selected.package.to_string(), target.to_string());
            return Err(EnvironmentError::NoWheel { package, target });
        };
        let offer = uncovered.iter().find(|other| std::ptr::eq(other.package, selected.package));
        let offer = offer.map(|other| other.offer.clone());
        let source = Source::new(selected.package.to_string(), origin, offer, target, build_image)?;
        Ok(Part { content: Content::Source(source), provenance: Provenance { requested: false, direct_url } })
    });
    parts.collect()
}
