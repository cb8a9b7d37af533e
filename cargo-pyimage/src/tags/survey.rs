//! Asking a registry about many tags at once.
//!
//! A tag takes three requests one after the other: what its digest is, the index with this digest, and the manifests
//! in the index. All tags go through each step together, and each digest is asked for once: most tags are names of the
//! same few images. So the time it takes is that of the longest chain of requests and not of their sum.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use pyimage_build::{Descriptor, Digest, Document, Platform, PythonTag, Reference};
use pyrun::registry::{Registry, RegistryError};
use pyrun::shell::Shell;

use super::{Candidate, EndOfLifeMark, Listed, ListedPlatform, Listing, TagsError, TagsRequest};

/// Requests at the same time; the client has a limit of its own for each host.
const AT_ONCE: usize = 64;

pub(super) async fn survey(
    registry: &Registry,
    request: &TagsRequest,
    tags: &[&Candidate],
    shell: &Shell,
) -> Result<Listing, TagsError> {
    let repository = &request.repository;
    let failed = TagsError::registry(repository);
    let targets = resolve(registry, repository, tags).await?;

    let unique: HashMap<&Digest, &Descriptor> =
        targets.iter().map(|(_, target)| (&target.digest, target)).collect();
    let mut meter = Meter::default();
    let documents: HashMap<Digest, Option<Document>> = stream::iter(unique.into_values())
        .map(|target| async move {
            let document = registry.document(repository, target).await;
            (target.digest.clone(), document)
        })
        .buffer_unordered(AT_ONCE)
        .map(|(digest, document)| Ok((digest, meter.pass(document)?)))
        .try_collect()
        .await
        .map_err(&failed)?;

    let images: BTreeMap<&Digest, &Descriptor> = documents
        .values()
        .flatten()
        .filter_map(|document| match document {
            Document::Index(index) => Some(index),
            Document::Manifest(_) => None,
        })
        .flat_map(pyimage_build::Index::images)
        .filter(|(platform, _)| request.platform.as_ref().is_none_or(|wanted| wanted == *platform))
        .map(|(_, image)| (&image.digest, image))
        .collect();
    let sizes: HashMap<Digest, Option<u64>> = stream::iter(images.into_values())
        .map(|image| async move { (image.digest.clone(), registry.document(repository, image).await) })
        .buffer_unordered(AT_ONCE)
        .map(|(digest, document)| {
            let size = meter.pass(document)?.and_then(|document| match document {
                Document::Manifest(manifest) => Some(manifest.layers_size()),
                Document::Index(_) => None,
            });
            Ok((digest, size))
        })
        .try_collect()
        .await
        .map_err(&failed)?;
    if let Some(limit) = &meter.limit {
        shell.warn(format_args!("{limit}; sizes are missing"));
        for help in limit.helps() {
            shell.help(help);
        }
    }

    let mut listed = Vec::new();
    for (candidate, target) in &targets {
        let platforms = match documents.get(&target.digest).and_then(Option::as_ref) {
            Some(Document::Index(index)) => index
                .images()
                .map(|(platform, image)| ListedPlatform {
                    platform: platform.clone(),
                    digest: image.digest.clone(),
                    size: sizes.get(&image.digest).copied().flatten(),
                })
                .collect(),
            Some(Document::Manifest(manifest)) => {
                let config = registry.config(repository, &manifest.config).await.map_err(&failed)?;
                vec![ListedPlatform {
                    platform: config.platform,
                    digest: target.digest.clone(),
                    size: Some(manifest.layers_size()),
                }]
            }
            None => Vec::new(),
        };
        let same =
            targets.iter().filter(|(other, its)| its.digest == target.digest && other.name != candidate.name);
        listed.push(Listed {
            tag: candidate.name.clone(),
            digest: target.digest.clone(),
            pinned: candidate.tag.as_ref().map(PythonTag::pinning),
            end_of_life: candidate.tag.as_ref().and_then(|tag| EndOfLifeMark::of(tag, request.today)),
            same_as: same.map(|(other, _)| other.name.clone()).collect(),
            platforms,
        });
    }
    if let Some(wanted) = &request.platform {
        listed = only(listed, wanted, repository)?;
    }
    Ok(Listing { repository: Listing::repository_name(repository), tags: listed, hidden: 0 })
}

/// What each tag is today. One that went while we asked is passed over.
async fn resolve<'a>(
    registry: &Registry,
    repository: &Reference,
    tags: &[&'a Candidate],
) -> Result<Vec<(&'a Candidate, Descriptor)>, TagsError> {
    let asked = stream::iter(tags.iter().copied()).map(|candidate| async move {
        let image = repository
            .with_tag(&candidate.name)
            .map_err(|source| TagsError::Repository { name: candidate.name.clone(), source })?;
        match registry.resolve(&image).await {
            Ok(target) => Ok(Some((candidate, target))),
            Err(RegistryError::NotFound { .. }) => Ok(None),
            Err(error) => Err(TagsError::registry(repository)(error)),
        }
    });
    let found: Vec<Option<_>> = asked.buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Lets go on without sizes where a registry's limit on pulls is reached: the tags themselves are worth a lot.
#[derive(Default)]
struct Meter {
    limit: Option<RegistryError>,
}

impl Meter {
    fn pass(&mut self, document: Result<Document, RegistryError>) -> Result<Option<Document>, RegistryError> {
        match document {
            Ok(document) => Ok(Some(document)),
            Err(error) if matches!(error.own(), RegistryError::TooManyRequests { .. }) => {
                self.limit.get_or_insert(error);
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
