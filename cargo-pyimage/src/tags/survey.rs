//! Asking a registry about many tags at once.
//!
//! A tag takes three requests one after the other: what its digest is, the index with this digest, and the manifests
//! in the index. All tags are asked about at the same time, and the client asks for each digest once: most tags are
//! names of the same few images. So the time it takes is that of the longest chain of requests and not of their sum.

use std::cell::RefCell;
use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt};
use pyimage_build::{Descriptor, Digest, Document, Platform, PythonTag, Reference};
use pyrun::registry::{Registry, RegistryError};
use pyrun::shell::Shell;

use super::{Candidate, EndOfLifeMark, Listed, ListedPlatform, Listing, TagsError, TagsRequest};

/// Tags at the same time; the client has a limit of its own for each host.
const AT_ONCE: usize = 64;

/// What a tag is.
struct Surveyed<'a> {
    candidate: &'a Candidate,
    /// None where it could not be looked up.
    digest: Option<Digest>,
    platforms: Vec<ListedPlatform>,
}

pub(super) async fn survey(
    registry: &Registry,
    request: &TagsRequest,
    tags: &[&Candidate],
    shell: &Shell,
) -> Result<Listing, TagsError> {
    let repository = &request.repository;
    let survey = Survey { registry, request, limit: RefCell::default(), failures: RefCell::default() };
    let surveyed: Vec<Option<Surveyed>> = stream::iter(tags.iter().copied())
        .map(|candidate| survey.tag(candidate))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut failures = survey.failures.take();
    if failures.len() == tags.len() && !failures.is_empty() {
        return Err(TagsError::registry(repository)(failures.swap_remove(0).1));
    }
    for (name, error) in &failures {
        shell.warn(format_args!("could not look up `{name}`: {error}"));
    }
    if let Some(limit) = survey.limit.take() {
        shell.warn(format_args!("{limit}; sizes are missing"));
        for help in limit.helps() {
            shell.help(help);
        }
    }
    let surveyed: Vec<_> = surveyed.into_iter().flatten().collect();
    let listed = surveyed.iter().map(|tag| {
        let same = surveyed
            .iter()
            .filter(|other| other.digest == tag.digest && other.candidate.name != tag.candidate.name)
            .filter(|other| other.digest.is_some());
        let parsed = tag.candidate.tag.as_ref();
        Listed {
            tag: tag.candidate.name.clone(),
            digest: tag.digest.clone(),
            pinned: parsed.map(PythonTag::pinning),
            end_of_life: parsed.and_then(|parsed| EndOfLifeMark::of(parsed, request.today)),
            same_as: same.map(|other| other.candidate.name.clone()).collect(),
            platforms: tag.platforms.clone(),
        }
    });
    let mut listed = listed.collect();
    if let Some(wanted) = &request.platform {
        listed = only(listed, wanted, repository)?;
    }
    Ok(Listing { repository: Listing::repository_name(repository), tags: listed, hidden: 0 })
}

struct Survey<'a> {
    registry: &'a Registry,
    request: &'a TagsRequest,
    /// The registry's limit on pulls, once it was reached.
    limit: RefCell<Option<RegistryError>>,
    /// The tags that could not be looked up.
    failures: RefCell<Vec<(String, RegistryError)>>,
}

impl Survey<'_> {
    /// What a tag is today; `None` where it went while we asked. One that is broken does not take the others with it.
    async fn tag<'c>(&self, candidate: &'c Candidate) -> Option<Surveyed<'c>> {
        // Such a tag cannot be: a registry that has it is broken, but not for that all of it.
        let image = self.request.repository.with_tag(&candidate.name).ok()?;
        let found = async {
            let target = self.registry.resolve(&image).await?;
            let platforms = self.platforms(&target).await?;
            Ok::<_, RegistryError>((target.digest, platforms))
        };
        match found.await {
            Ok((digest, platforms)) => Some(Surveyed { candidate, digest: Some(digest), platforms }),
            Err(error) if error.is_not_found() => None,
            Err(error) => {
                self.failures.borrow_mut().push((candidate.name.clone(), error));
                Some(Surveyed { candidate, digest: None, platforms: Vec::new() })
            }
        }
    }

    async fn platforms(&self, target: &Descriptor) -> Result<Vec<ListedPlatform>, RegistryError> {
        let repository = &self.request.repository;
        match self.pass(self.registry.document(repository, target).await)? {
            None => Ok(Vec::new()),
            Some(Document::Index(index)) => {
                let images = index.images().map(|(platform, image)| async move {
                    Ok(ListedPlatform {
                        platform: platform.clone(),
                        digest: image.digest.clone(),
                        size: self.size(platform, image).await?,
                    })
                });
                try_join_all(images).await
            }
            Some(Document::Manifest(manifest)) => {
                let config = self.registry.config(repository, &manifest.config).await?;
                Ok(vec![ListedPlatform {
                    platform: config.platform,
                    digest: target.digest.clone(),
                    size: Some(manifest.layers_size()),
                }])
            }
        }
    }

    /// The bytes of an image's layers, where they are asked for.
    async fn size(&self, platform: &Platform, image: &Descriptor) -> Result<Option<u64>, RegistryError> {
        if self.request.platform.as_ref().is_some_and(|wanted| wanted != platform) {
            return Ok(None);
        }
        let document = self.registry.document(&self.request.repository, image).await;
        Ok(self.pass(document)?.and_then(|document| match document {
            Document::Manifest(manifest) => Some(manifest.layers_size()),
            Document::Index(_) => None,
        }))
    }

    /// Lets us go on without sizes where the registry's limit on pulls is reached: the tags themselves are worth a lot.
    fn pass(&self, document: Result<Document, RegistryError>) -> Result<Option<Document>, RegistryError> {
        match document {
            Ok(document) => Ok(Some(document)),
            Err(error) if matches!(error.own(), RegistryError::TooManyRequests { .. }) => {
                self.limit.borrow_mut().get_or_insert(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// The tags that have a platform, and of them that platform alone.
fn only(listed: Vec<Listed>, wanted: &Platform, repository: &Reference) -> Result<Vec<Listed>, TagsError> {
    let available: BTreeSet<_> =
        listed.iter().flat_map(|tag| tag.platforms.iter().map(|its| its.platform.to_string())).collect();
    let having: Vec<_> = listed
        .into_iter()
        .filter_map(|mut tag| {
            tag.platforms.retain(|its| its.platform == *wanted);
            (!tag.platforms.is_empty()).then_some(tag)
        })
        .collect();
    if having.is_empty() {
        return Err(TagsError::NoPlatform {
            repository: Box::new(repository.clone()),
            platform: wanted.clone(),
            available: available.into_iter().collect(),
        });
    }
    Ok(having)
}
