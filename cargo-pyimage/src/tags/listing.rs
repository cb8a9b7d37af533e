//! A list of tags, as programs read it and people see it.

use pyimage_build::{Date, Digest, Pinning, Platform, PythonTag, Reference};
use pyrun::shell::Shell;
use serde::{Serialize, Serializer};

/// The tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The repository, in full: `docker.io/library/python`.
    pub repository: String,
    /// The tags, the newest first.
    pub tags: Vec<Listed>,
    /// How many fit the request and were left out, as nobody takes them today.
    pub hidden: usize,
}

/// A tag and the image behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The tag.
    pub tag: String,
    /// The digest of the index, or of the manifest where there is no index; none where the registry did not tell.
    #[serde(serialize_with = "or_none")]
    pub digest: Option<Digest>,
    /// What the tag fixes: `floating`, `release` or `release-and-suite`; none where it is no tag like Python's.
    #[serde(serialize_with = "pinning")]
    pub pinned: Option<Pinning>,
    /// When its Python's support ends or ended.
    pub end_of_life: Option<EndOfLifeMark>,
    /// The other listed tags with this digest.
    pub same_as: Vec<String>,
    /// What it is there for.
    pub platforms: Vec<ListedPlatform>,
}

/// When support ends, and whether that day has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EndOfLifeMark {
    /// The first day without support.
    #[serde(serialize_with = "display")]
    pub date: Date,
    /// Whether it is over.
    pub reached: bool,
}

/// The image for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedPlatform {
    /// The platform.
    #[serde(serialize_with = "display")]
    pub platform: Platform,
    /// The manifest's digest.
    #[serde(serialize_with = "display")]
    pub digest: Digest,
    /// The bytes of all layers, compressed; none where the registry let us ask no more.
    pub size: Option<u64>,
}

impl EndOfLifeMark {
    /// The mark of a tag on a day.
    #[must_use]
    pub fn of(tag: &PythonTag, today: Date) -> Option<Self> {
        let end = tag.end_of_life()?;
        Some(Self { date: end.date, reached: tag.is_end_of_life(today) })
    }
}

impl Listing {
    /// Tells on stderr what a person would look for in vain.
    pub fn tell_hidden(&self, shell: &Shell) {
        if self.hidden > 0 {
            let tags =
                if self.hidden == 1 { "1 tag is".to_owned() } else { format!("{} tags are", self.hidden) };
            shell.note(format_args!(
                "{tags} left out: without support, unfinished, for Windows, or replaced by a newer patch release; \
                 `--all` shows them"
            ));
        }
    }

    /// The repository in full, without a tag.
    #[must_use]
    pub fn repository_name(repository: &Reference) -> String {
        format!("{}/{}", repository.registry(), repository.repository())
    }
}

pub(crate) fn display<S: Serializer>(
    value: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
pub(crate) fn or_none<S: Serializer>(
    value: &Option<impl std::fmt::Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        None => serializer.serialize_none(),
        Some(value) => serializer.collect_str(value),
    }
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference to the field"
)]
pub(crate) fn pinning<S: Serializer>(value: &Option<Pinning>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        None => serializer.serialize_none(),
        Some(Pinning::Floating) => serializer.serialize_str("floating"),
        Some(Pinning::Release) => serializer.serialize_str("release"),
        Some(Pinning::ReleaseAndSuite) => serializer.serialize_str("release-and-suite"),
    }
}
