//! Documents that refer to what was pushed: SBOMs, mostly.
//!
//! A registry of the distribution-spec 1.1 lists by itself what refers to an image. With any other, clients keep the list
//! in an index, under a [tag] made of the image's digest; then that is read, added to, and written back.
//!
//! [tag]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema

use std::collections::BTreeMap;
use std::sync::Arc;

use pyimage_build::{Digest, Document, MediaType, Reference, Referrer, ReferrersIndex};

use super::source::Source;
use super::{Job, Part, Push, may_not_push};
use crate::registry::endpoint::Endpoint;
use crate::registry::error::RegistryError;
use crate::registry::{Kind, Registry};

/// How often a list is written that others write at the same time.
const TRIES: usize = 5;

/// What attaching documents had to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attached {
    /// Documents that were attached before.
    pub present: usize,
    /// Documents that are attached now.
    pub added: usize,
}

impl Registry {
    /// Attaches documents to images and indexes that the repository has. Those of others stay, and what is attached already
    /// is not written again.
    ///
    /// # Errors
    /// Where the registry refuses or fails. What was attached before that stays; the images are not touched.
    pub async fn attach(
        &self,
        repository: &Reference,
        referrers: &[Referrer],
    ) -> Result<Attached, RegistryError> {
        let Some(first) = referrers.first() else { return Ok(Attached::default()) };
        let endpoint = Endpoint::registry(repository.registry(), &self.exchange.transport.settings);
        let name = endpoint.name.clone();
        let push = Push {
            repository,
            tags: &[],
            base: repository,
            images: &[],
            index: &first.manifest,
            blobs: &BTreeMap::new(),
        };
        let job = Job { registry: self, endpoint, push, mountable: None, progress: &|_, _| {} };
        let mut attached = Attached::default();
        for referrer in referrers {
            let added = job.attach(referrer).await;
            let added = added.map_err(|error| may_not_push(error, &name, repository.repository()))?;
            *(if added { &mut attached.added } else { &mut attached.present }) += 1;
        }
        Ok(attached)
    }
}

impl Job<'_> {
    /// Attaches one document, where it is not attached yet.
    async fn attach(&self, referrer: &Referrer) -> Result<bool, RegistryError> {
        let Referrer { subject, manifest, config, content } = referrer;
        let lists = self.lists_referrers(&subject.digest).await?;
        let is_there = self.has(Kind::Manifest, &manifest.descriptor.digest).await?;
        if is_there && lists {
            return Ok(false);
        }
        let mut added = !is_there;
        let mut is_listed = lists;
        if !is_there {
            for blob in [config, content] {
                let source = Source::Memory(&blob.bytes);
                self.bring(&Part { descriptor: &blob.descriptor, source, is_layer: false }).await?;
            }
            is_listed |= self.store(manifest, None).await?;
        }
        if !is_listed {
            added |= self.list(referrer).await?;
        }
        Ok(added)
    }

    /// Whether the registry itself knows what refers to an image.
    async fn lists_referrers(&self, subject: &Digest) -> Result<bool, RegistryError> {
        let listed = match self.read(&format!("referrers/{subject}")).await {
            Ok(listed) => listed,
            // Whatever is wrong with the registry or the login shows where it cannot be done without.
            Err(error) if is_an_answer(&error) => None,
            Err(error) => return Err(error),
        };
        let document = listed.and_then(|bytes| Document::parse(&bytes, Some(&MediaType::OCI_INDEX)).ok());
        Ok(matches!(document, Some(Document::Index(_))))
    }

    /// Puts a document into the list under the tag of what it is about, unless it is there.
    async fn list(&self, referrer: &Referrer) -> Result<bool, RegistryError> {
        let tag = Referrer::tag(&referrer.subject.digest);
        let descriptor = &referrer.manifest.descriptor;
        let mut written = false;
        for _ in 0..TRIES {
            let mut index = match self.read(&format!("manifests/{tag}")).await? {
                Some(bytes) => {
                    ReferrersIndex::parse(&bytes).map_err(|source| RegistryError::NotADocument {
                        registry: self.endpoint.name.clone(),
                        repository: self.push.repository.repository().to_owned(),
                        what: tag.clone(),
                        source: Arc::new(source),
                    })?
                }
                None => ReferrersIndex::default(),
            };
            if index.has(&descriptor.digest) {
                return Ok(written);
            }
            // Who reads it at the same time writes it without this entry: it is looked at again.
            index.add(descriptor);
            self.store(&index.blob(), Some(&tag)).await?;
            written = true;
        }
        Err(RegistryError::Contested { registry: self.endpoint.name.clone(), tag })
    }
}

/// Whether a registry has answered, and not with what it was asked for.
fn is_an_answer(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::NotFound { .. }
            | RegistryError::Refused { .. }
            | RegistryError::Unauthorized { .. }
            | RegistryError::Denied { .. }
            | RegistryError::NotARegistry { .. }
            | RegistryError::TooLarge { .. }
            | RegistryError::Server { status: 501, .. }
    )
}
