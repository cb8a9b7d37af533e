//! Which files of a lock an environment is made of.

use camino::Utf8Path;
use pyimage_build::{Choice, LockedFile, Provenance, Pylock, Target};

use super::EnvironmentError;
use crate::resolution::Resolved;

/// A file of a package that the target gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) wheel: LockedFile,
    pub(super) provenance: Provenance,
}

/// The wheels that the target gets.
pub(super) fn select(resolved: &Resolved, target: &Target) -> Result<Vec<Part>, EnvironmentError> {
    let unusable = |source| EnvironmentError::Lock { file: resolved.file.clone(), source: Box::new(source) };
    let lock = Pylock::parse(&resolved.text).map_err(unusable)?;
    let selection = lock.select(target).map_err(|source| EnvironmentError::Select {
        target: target.to_string(),
        source: Box::new(source),
    })?;
    let wheels = selection.packages.iter().map(|selected| match selected.choice {
        Choice::Wheel(wheel) => Ok(Part { wheel: wheel.file.clone(), provenance: Provenance::default() }),
        Choice::Archive { file, subdirectory: None }
            if Utf8Path::new(&file.file_name).extension() == Some("whl") =>
        {
            Ok(Part { wheel: file.clone(), provenance: Provenance::default() })
        }
        _ => Err(EnvironmentError::NoWheel {
            package: selected.package.to_string(),
            target: target.to_string(),
        }),
    });
    wheels.collect()
}
