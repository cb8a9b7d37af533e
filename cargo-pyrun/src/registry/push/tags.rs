//! Tags: they move when all else is there, and go back where one of them is refused.

use pyimage_build::{Blob, Digest};
use reqwest::Method;

use super::{Job, may_not_push};
use crate::registry::error::{LeftTag, Missing, RegistryError};
use crate::registry::exchange::Giving;
use crate::registry::manifest::DIGEST;

/// What a registry tells of a tag without sending it.
enum Told {
    /// There is no such tag.
    Absent,
    /// It is this.
    Is(Digest),
    /// It answers no such questions, or leaves the digest out.
    Nothing,
}

/// What a tag was before it moved.
enum Before {
    /// It was not there.
    Absent,
    /// A document of the repository, which is read where it is needed: Docker Hub counts that as a pull.
    Digest(Digest),
    /// This document.
    Document(Blob),
    /// It could not be found out.
    Unknown,
}

impl Job<'_> {
    /// Gives the index its tags, all or none; tells how many bytes were sent.
    pub(super) async fn tag(&self) -> Result<u64, RegistryError> {
        let mut moving = Vec::new();
        for tag in self.push.tags {
            if let Some(before) = self.before(tag).await? {
                moving.push((*tag, before));
            }
        }
        let mut bytes = 0;
        for (place, (tag, before)) in moving.iter().enumerate() {
            match self.put(self.push.index, Some(tag)).await {
                Ok(sent) => bytes += sent,
                Err(error) => {
                    let error = may_not_push(error, &self.endpoint.name, self.push.repository.repository());
                    let left = self.put_back(&moving[..place], (tag, before)).await;
                    return Err(if left.is_empty() { error } else { error.with_tags_left(left) });
                }
            }
        }
        Ok(bytes)
    }

    /// What a tag is before it moves; nothing where it is the index already.
    async fn before(&self, tag: &str) -> Result<Option<Before>, RegistryError> {
        let index = &self.push.index.descriptor.digest;
        Ok(match self.told(tag).await? {
            Told::Absent => Some(Before::Absent),
            Told::Is(digest) => (digest != *index).then_some(Before::Digest(digest)),
            Told::Nothing => match self.document(&format!("manifests/{tag}")).await {
                Ok(None) => Some(Before::Absent),
                Ok(Some(found)) => (found.descriptor.digest != *index).then_some(Before::Document(found)),
                // Who may write only is not kept from it.
                Err(_) => Some(Before::Unknown),
            },
        })
    }

    async fn told(&self, tag: &str) -> Result<Told, RegistryError> {
        let missing = Missing::Tag(tag.to_owned());
        Ok(match self.head(&format!("manifests/{tag}"), missing).await {
            Ok(Some(answer)) => match answer.header(DIGEST).and_then(|digest| digest.parse().ok()) {
                Some(digest) => Told::Is(digest),
                None => Told::Nothing,
            },
            Ok(None) => Told::Nothing,
            Err(error) if error.is_not_found() => Told::Absent,
            Err(error) => return Err(error),
        })
    }

    /// Puts tags back that have moved, and the one that was refused where it has moved all the same. Gives those that are still
    /// the index, or may be.
    async fn put_back(&self, moved: &[(&str, Before)], refused: (&str, &Before)) -> Vec<LeftTag> {
        let index = &self.push.index.descriptor.digest;
        let mut left = Vec::new();
        let moved = moved.iter().map(|(tag, before)| (*tag, before, true));
        for (tag, before, has_moved) in moved.chain([(refused.0, refused.1, false)]) {
            let is_index = match self.told(tag).await {
                Ok(Told::Is(digest)) => digest == *index,
                Ok(Told::Absent) => false,
                Ok(Told::Nothing) | Err(_) => has_moved,
            };
            // What somebody else has moved since is theirs.
            if is_index && self.restore(tag, before).await.is_none() {
                let was = match before {
                    Before::Digest(digest) => Some(digest.clone()),
                    Before::Document(document) => Some(document.descriptor.digest.clone()),
                    Before::Absent | Before::Unknown => None,
                };
                left.push(LeftTag { tag: tag.to_owned(), was });
            }
        }
        left
    }

    /// Makes a tag what it was. Why that fails, the failure before it says in most cases: it is the one that is told.
    async fn restore(&self, tag: &str, before: &Before) -> Option<()> {
        match before {
            Before::Absent => self.remove(tag).await.ok(),
            Before::Digest(digest) => {
                let document = self.document(&format!("manifests/{digest}")).await.ok().flatten()?;
                digest.matches(&document.bytes).then_some(())?;
                self.put(&document, Some(tag)).await.ok().map(drop)
            }
            Before::Document(document) => self.put(document, Some(tag)).await.ok().map(drop),
            Before::Unknown => None,
        }
    }

    /// Removes a tag, and nothing that it names.
    async fn remove(&self, tag: &str) -> Result<(), RegistryError> {
        let (exchange, giving) = (&self.registry.exchange, Giving::default());
        let removed = exchange.patiently(&self.endpoint, async || {
            exchange.ask(&self.ask(Method::DELETE, format!("manifests/{tag}"), &giving)).await
        });
        removed.await?.finish().await;
        Ok(())
    }
}
