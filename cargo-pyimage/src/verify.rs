//! `cargo pyimage verify`: whether an image is what this source gives.

use std::fmt;

use pyimage_build::{Digest, Platform};
use pyrun::registry::Registry;
use pyrun::shell::Shell;

use crate::build::Built;
use crate::diff::{Difference, diff};
use crate::opened::{OpenError, Opened, Reach};

/// How many files are told of an image that is another one.
const FILES: usize = 10;
/// How many lines of differences are told.
const LINES: usize = 30;
/// Where an image says when it was made.
const CREATED: &str = "org.opencontainers.image.created";

/// An image that is what this source gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What names exactly this image.
    pub reference: String,
    /// What it is for.
    pub platforms: Vec<Platform>,
}

/// Why an image is not known to be what this source gives.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It cannot be looked at.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is another one.
    #[error("`{image}` is not what this source gives")]
    Different {
        /// The image.
        image: String,
        /// When it was made, where that is another time than that of this build.
        created: Option<String>,
        /// What differs.
        source: Differences,
    },
}

/// What differs, a line for each.
#[derive(Debug)]
pub struct Differences(String);

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Differences {}

impl VerifyError {
    /// What to do about it, a line for each way.
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Open(error) => error.helps(),
            Self::Different { created: Some(created), .. } => {
                vec![format!("it was made for {created}: `SOURCE_DATE_EPOCH` has to say the same time here")]
            }
            Self::Different { image, .. } => vec![format!("see all of it with `cargo pyimage diff {image}`")],
        }
    }
}

/// The platforms of an image that the project has, too; those of a build that can be compared with it.
#[must_use]
pub fn platforms(opened: &Opened<'_>, own: &[Platform]) -> Vec<Platform> {
    let there = opened.images.iter().map(|image| image.platform.clone());
    there.filter(|platform| own.contains(platform)).collect()
}

/// Compares an image with what was built for its platforms.
///
/// # Errors
/// Where it is another image, or cannot be looked at.
pub async fn verify(
    opened: &Opened<'_>,
    built: &Built,
    registry: &Registry,
    shell: &Shell,
) -> Result<Verified, VerifyError> {
    if let Some(verified) = verified(opened, built) {
        return Ok(verified);
    }
    let own = Opened::of_built(built, registry).await?;
    let difference = match diff(opened, &own, Reach::Own, shell).await {
        Ok(difference) => difference,
        // That it is another image is known already. Who has made it may have layers that nobody can read.
        Err(_) => diff(opened, &own, Reach::Nothing, shell).await?,
    };
    let made = |annotations: &std::collections::BTreeMap<String, String>| annotations.get(CREATED).cloned();
    let (theirs, ours) = (first(opened, made), first(&own, made));
    let created = theirs.filter(|theirs| ours.as_ref() != Some(theirs));
    Err(VerifyError::Different {
        image: opened.name.clone(),
        created,
        source: Differences(lines(&difference)),
    })
}

fn first<T>(
    opened: &Opened<'_>,
    of: impl Fn(&std::collections::BTreeMap<String, String>) -> Option<T>,
) -> Option<T> {
    opened.images.iter().find_map(|image| of(&image.annotations)).or_else(|| of(&opened.annotations))
}

/// The digests are the whole proof: of the index, of one image's manifest, or of what an engine has kept of it.
fn verified(opened: &Opened<'_>, built: &Built) -> Option<Verified> {
    let all = || opened.images.iter().map(|image| image.platform.clone()).collect();
    let by = |digest: &Digest| built.name.with_digest(digest).familiar();
    match &opened.digest {
        Some(digest) if *digest == built.index.blob.descriptor.digest => {
            Some(Verified { reference: by(digest), platforms: all() })
        }
        Some(digest) => {
            let image = built.images.iter().find(|its| its.manifest.descriptor.digest == *digest)?;
            Some(Verified { reference: by(digest), platforms: vec![image.platform.clone()] })
        }
        None => {
            let same = |image: &crate::opened::OpenedImage| {
                let built = built.images.iter().find(|its| its.platform == image.platform);
                built.is_some_and(|built| {
                    let manifest = &built.manifest.descriptor.digest;
                    image
                        .manifest
                        .as_ref()
                        .map_or(built.config.descriptor.digest == image.id, |its| its == manifest)
                })
            };
            let reference = by(&built.index.blob.descriptor.digest);
            opened.images.iter().all(same).then(|| Verified { reference, platforms: all() })
        }
    }
}

fn lines(difference: &Difference) -> String {
    let text = difference.text(FILES);
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines.push("…");
    }
    lines.join("\n")
}
