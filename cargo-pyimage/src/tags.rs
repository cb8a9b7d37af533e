//! `cargo pyimage tags`: what a registry has of the official Python image.

mod error;
mod filter;
mod listing;
mod survey;
mod table;

use std::cmp::Ordering;

use pyimage_build::{Date, Platform, PythonTag, Reference, Variant, nearest_tags};
use pyrun::registry::Registry;
use pyrun::shell::Shell;

pub use error::TagsError;
pub use filter::Filter;
pub use listing::{EndOfLifeMark, Listed, ListedPlatform, Listing};
pub(crate) use listing::{display, or_none, pinning};
pub(crate) use table::lay_out;

/// What is asked of a repository.
#[derive(Debug, Clone)]
pub struct TagsRequest {
    /// The repository; its tag does not matter.
    pub repository: Reference,
    /// Words or a pattern that the tags have to fit.
    pub filter: Option<String>,
    /// The variant that they have to be of.
    pub variant: Option<Variant>,
    /// The platform that they have to have.
    pub platform: Option<Platform>,
    /// Also what is old, unfinished or for Windows.
    pub all: bool,
    /// The day on which versions are supported or not.
    pub today: Date,
}

/// The repository of that name.
///
/// # Errors
/// Where it is malformed, or has a tag.
pub fn repository(name: &str) -> Result<Reference, TagsError> {
    let malformed = |source| TagsError::Repository { name: name.to_owned(), source };
    let reference = name.parse().map_err(malformed)?;
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) {
        return Err(TagsError::TaggedRepository { name: name.to_owned() });
    }
    Ok(reference)
}

/// A tag of a repository, and what it means if it is like one of the official image.
#[derive(Debug, Clone)]
struct Candidate {
    name: String,
    tag: Option<PythonTag>,
}

/// Lists the tags of a repository, the newest first, with what they weigh.
///
/// # Errors
/// Where the registry does not tell, or nothing fits the request.
pub async fn list(registry: &Registry, request: &TagsRequest, shell: &Shell) -> Result<Listing, TagsError> {
    let filter = request.filter.as_deref().map(Filter::new).transpose()?;
    let repository = &request.repository;
    let names = registry.tags(repository).await.map_err(TagsError::registry(repository))?;
    let mut candidates: Vec<Candidate> =
        names.iter().map(|name| Candidate { name: name.clone(), tag: name.parse().ok() }).collect();
    candidates.sort_by(newest_first);
    candidates.dedup_by(|one, other| one.name == other.name);

    let fitting: Vec<_> =
        candidates.iter().filter(|candidate| fits(candidate, request, filter.as_ref())).collect();
    if fitting.is_empty() {
        return Err(nothing(request, &names));
    }
    let shown: Vec<_> =
        fitting.iter().copied().filter(|its| is_shown(its, &candidates, request, filter.as_ref())).collect();
    // A request that only old tags fit is for those.
    let shown = if shown.is_empty() { fitting.clone() } else { shown };
    let hidden = fitting.len() - shown.len();
    let mut listing = survey::survey(registry, request, &shown, shell).await?;
    // Which of them have the platform was not asked.
    listing.hidden = if request.platform.is_some() { 0 } else { hidden };
    Ok(listing)
}

fn newest_first(one: &Candidate, other: &Candidate) -> Ordering {
    match (&one.tag, &other.tag) {
        (Some(a), Some(b)) => a.cmp_newest_first(b),
        // What is like no official tag comes last, by name.
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.name.cmp(&other.name),
    }
}

fn fits(candidate: &Candidate, request: &TagsRequest, filter: Option<&Filter>) -> bool {
    let variant = request
        .variant
        .is_none_or(|wanted| candidate.tag.as_ref().is_some_and(|tag| tag.variant() == wanted));
    variant && filter.is_none_or(|filter| filter.fits(&candidate.name))
}

/// Whether a tag is worth a line where not everything is asked for: it can be taken today, and it is not replaced by
/// a newer patch release. What the request names is always worth it.
fn is_shown(
    candidate: &Candidate,
    all: &[Candidate],
    request: &TagsRequest,
    filter: Option<&Filter>,
) -> bool {
    if request.all {
        return true;
    }
    let Some(tag) = &candidate.tag else {
        // The official repository has nothing else than official tags; another may have names of its own.
        return !request.repository.is_official_python();
    };
    if tag.is_windows() && request.variant.is_none() && !filter.is_some_and(Filter::names_windows) {
        return false;
    }
    let Some(version) = tag.version() else { return true };
    if filter.is_some_and(|filter| filter.names_version(version)) {
        return true;
    }
    let asked_for_minor = filter.is_some_and(|filter| filter.names_minor_of(version));
    if !asked_for_minor && (tag.is_end_of_life(request.today) || version.prerelease().is_some()) {
        return false;
    }
    let newer = |other: &Candidate| {
        other.tag.as_ref().and_then(PythonTag::version).is_some_and(|its| {
            (its.major(), its.minor()) == (version.major(), version.minor())
                && (its.patch(), its.prerelease().is_none())
                    > (version.patch(), version.prerelease().is_none())
        })
    };
    version.patch().is_none() || !all.iter().any(newer)
}

/// Nothing fits: why, and what is near.
fn nothing(request: &TagsRequest, names: &[String]) -> TagsError {
    let repository = request.repository.clone();
    let Some(filter) = &request.filter else {
        return TagsError::None { repository: Box::new(repository), variant: request.variant };
    };
    let of_variant = |name: &&str| {
        request
            .variant
            .is_none_or(|variant| name.parse::<PythonTag>().is_ok_and(|tag| tag.variant() == variant))
    };
    let names: Vec<_> = names.iter().map(String::as_str).filter(of_variant).collect();
    let nearest = nearest_tags(filter, &names).into_iter().map(str::to_owned).collect();
    TagsError::NoMatch {
        repository: Box::new(repository),
        filter: filter.clone(),
        variant: request.variant,
        nearest,
    }
}
