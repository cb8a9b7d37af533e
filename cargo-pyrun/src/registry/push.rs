//! Pushing images: what the registry lacks, and the tags when all is there.
//!
//! What can go wrong on the way goes wrong before a tag moves: blobs come first, then manifests by their digests, then the
//! index by its own, and the tags last. Where one of several tags is refused, those before it go back. The base's layers are mounted from the base's repository; where that is in
//! another registry, they go from there to here without being kept.

mod manifests;
mod referrers;
mod session;
mod source;
mod tags;
mod upload;

use std::collections::{BTreeMap, HashSet};

use camino::Utf8PathBuf;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pyimage_build::{Blob, Descriptor, Digest, Image, Reference};
use reqwest::{Method, StatusCode};

use super::endpoint::Endpoint;
use super::error::{Missing, RegistryError};
use super::exchange::{Ask, Giving};
use super::failure::Failure;
use super::{Kind, Registry, error};
pub use referrers::Attached;

use session::Session;
use source::Source;
use upload::Upload;

/// Blobs on their way at once.
const CONCURRENT: usize = 4;

/// What is pushed, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// The repository; its tag counts for nothing.
    pub repository: &'a Reference,
    /// The tags that the index gets.
    pub tags: &'a [&'a str],
    /// What the images are made on.
    pub base: &'a Reference,
    /// The images of the index.
    pub images: &'a [Image],
    /// The index.
    pub index: &'a Blob,
    /// Where the blobs of the images' own layers are.
    pub blobs: &'a BTreeMap<Digest, Utf8PathBuf>,
}

/// What a push had to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Layers that the repository had.
    pub present: usize,
    /// Layers that were mounted from the base's repository.
    pub mounted: usize,
    /// Layers of the base that came from another registry.
    pub copied: usize,
    /// Layers that were uploaded from here.
    pub uploaded: usize,
    /// The bytes of all that was sent: layers, configurations, manifests.
    pub bytes: u64,
}

/// What became of one blob.
enum Outcome {
    Present,
    Mounted,
    Sent,
}

/// One push.
struct Job<'a> {
    registry: &'a Registry,
    endpoint: Endpoint,
    push: Push<'a>,
    /// The base's repository at the same endpoint, where it is there.
    mountable: Option<String>,
    progress: &'a dyn Fn(&Descriptor, u64),
}

/// A blob of the images.
struct Part<'a> {
    descriptor: &'a Descriptor,
    source: Source<'a>,
    is_layer: bool,
}

impl Registry {
    /// Pushes images and the index over them, and gives the index its tags; `progress` is told how many bytes of a blob
    /// are sent.
    ///
    /// Only what the repository lacks is sent. A connection that breaks is gone on with where the registry lets us.
    ///
    /// # Errors
    /// Where the registry refuses or fails, or that of the base does. No tag has moved then;
    /// [`RegistryError::TagsLeft`] names those that had and could not be put back.
    pub async fn push(
        &self,
        push: &Push<'_>,
        progress: &dyn Fn(&Descriptor, u64),
    ) -> Result<Pushed, RegistryError> {
        let endpoint = Endpoint::registry(push.repository.registry(), &self.exchange.transport.settings);
        let mountable = self.mountable(push, &endpoint);
        let job = Job { registry: self, endpoint, push: *push, mountable, progress };
        let name = job.endpoint.name.clone();
        job.run().await.map_err(|error| may_not_push(error, &name, push.repository.repository()))
    }

    /// What the endpoint calls the base's repository, if it has it: as its registry, or as a mirror of that.
    fn mountable(&self, push: &Push<'_>, endpoint: &Endpoint) -> Option<String> {
        let settings = &self.exchange.transport.settings;
        let own = Endpoint::registry(push.base.registry(), settings);
        let found = std::iter::once(&own)
            .chain(settings.mirrors(push.base.registry()))
            .find(|its| its.authority == endpoint.authority)?
            .repository(push.base.repository());
        (found != push.repository.repository()).then_some(found)
    }
}

impl Job<'_> {
    async fn run(&self) -> Result<Pushed, RegistryError> {
        let mut pushed = Pushed::default();
        let is_there = stream::iter(self.push.images)
            .map(|image| self.has(Kind::Manifest, &image.manifest.descriptor.digest))
            .buffered(CONCURRENT)
            .try_collect::<Vec<_>>()
            .await?;
        let images = || self.push.images.iter().zip(&is_there);
        let missing: Vec<&Image> = images().filter(|(_, there)| !**there).map(|(image, _)| image).collect();
        let mut seen = HashSet::new();
        let parts = self.parts(&missing, &mut seen)?;
        for (image, _) in images().filter(|(_, there)| **there) {
            // Who has the manifest has what it names.
            pushed.present += image.layers.iter().filter(|layer| seen.insert(&layer.digest)).count();
        }
        let mut sending = stream::iter(parts)
            .map(|part| async move { self.bring(&part).await.map(|outcome| (part, outcome)) })
            .buffer_unordered(CONCURRENT);
        while let Some((part, outcome)) = sending.try_next().await? {
            pushed.count(&part, &outcome);
        }
        for image in missing {
            pushed.bytes += self.put(&image.manifest, None).await?;
        }
        if !self.has(Kind::Manifest, &self.push.index.descriptor.digest).await? {
            pushed.bytes += self.put(self.push.index, None).await?;
        }
        pushed.bytes += self.tag().await?;
        Ok(pushed)
    }

    /// The blobs of these images, each once.
    fn parts<'a>(
        &'a self,
        images: &[&'a Image],
        seen: &mut HashSet<&'a Digest>,
    ) -> Result<Vec<Part<'a>>, RegistryError> {
        let mut parts = Vec::new();
        for image in images {
            for (place, layer) in image.layers.iter().enumerate() {
                if !seen.insert(&layer.digest) {
                    continue;
                }
                let source = match self.push.blobs.get(&layer.digest) {
                    Some(path) => Source::File(path),
                    None if place < image.base_layers => Source::Base(self.registry, self.push.base),
                    None => return Err(RegistryError::NotKept(layer.digest.clone())),
                };
                parts.push(Part { descriptor: layer, source, is_layer: true });
            }
            let descriptor = &image.config.descriptor;
            if seen.insert(&descriptor.digest) {
                parts.push(Part { descriptor, source: Source::Memory(&image.config.bytes), is_layer: false });
            }
        }
        Ok(parts)
    }

    /// Sees to it that the repository has a blob.
    async fn bring(&self, part: &Part<'_>) -> Result<Outcome, RegistryError> {
        if self.has(Kind::Blob, &part.descriptor.digest).await? {
            return Ok(Outcome::Present);
        }
        let mut session = None;
        if let (Source::Base(..), Some(from)) = (&part.source, &self.mountable) {
            match self.mount(&part.descriptor.digest, from).await {
                Ok(None) => return Ok(Outcome::Mounted),
                Ok(Some(begun)) => session = Some(begun),
                // It is a shortcut that not every registry has; the long way tells what is wrong, if anything is.
                Err(failure) => {
                    let why = error::in_one_line(&*failure.error);
                    let telling = &self.registry.exchange.transport.telling;
                    telling.detail(|| format!("could not mount from `{from}`: {why}"));
                }
            }
        }
        let upload = Upload {
            exchange: &self.registry.exchange,
            endpoint: &self.endpoint,
            repository: self.push.repository.repository(),
            descriptor: part.descriptor,
            source: &part.source,
            progress: self.progress,
        };
        upload.run(session, || self.has(Kind::Blob, &part.descriptor.digest)).await?;
        Ok(Outcome::Sent)
    }

    /// Whether the repository has a manifest or a blob.
    async fn has(&self, kind: Kind, digest: &Digest) -> Result<bool, RegistryError> {
        let folder = if kind == Kind::Manifest { "manifests" } else { "blobs" };
        match self.head(&format!("{folder}/{digest}"), Missing::Digest(digest.clone())).await {
            // What does not answer such questions is sent what it may have.
            Ok(answer) => Ok(answer.is_some()),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes a blob over from another repository of the registry; nothing is left to do then. Where the registry would
    /// rather have it uploaded, it has begun that already.
    async fn mount(&self, digest: &Digest, from: &str) -> Result<Option<Session>, Failure> {
        let giving = Giving { from: Some(from), headers: upload::empty(), ..Giving::default() };
        let ask = self.ask(Method::POST, format!("blobs/uploads/?mount={digest}&from={from}"), &giving);
        let answer = self.registry.exchange.ask(&ask).await?;
        if answer.status() == StatusCode::CREATED {
            answer.finish().await;
            return Ok(None);
        }
        Session::begun(answer, &self.registry.exchange.transport.settings).await.map(Some)
    }

    fn ask<'b>(&'b self, method: Method, rest: String, giving: &'b Giving<'b>) -> Ask<'b> {
        Ask {
            endpoint: &self.endpoint,
            repository: self.push.repository.repository(),
            method,
            rest,
            accept: None,
            offset: 0,
            giving: Some(giving),
            missing: Missing::Repository,
        }
    }
}

impl Pushed {
    fn count(&mut self, part: &Part<'_>, outcome: &Outcome) {
        let number = match (outcome, &part.source) {
            (Outcome::Present, _) => &mut self.present,
            (Outcome::Mounted, _) => &mut self.mounted,
            (Outcome::Sent, source) => {
                self.bytes += part.descriptor.size;
                if matches!(source, Source::Base(..)) { &mut self.copied } else { &mut self.uploaded }
            }
        };
        *number += usize::from(part.is_layer);
    }
}

/// A refusal to write is another than one to read.
fn may_not_push(error: RegistryError, name: &str, target: &str) -> RegistryError {
    match error {
        RegistryError::Unauthorized { registry, repository, credentials, source }
        | RegistryError::Denied { registry, repository, credentials, source }
            if registry == name && repository == target =>
        {
            RegistryError::MayNotPush { registry, repository, credentials, source }
        }
        other => other,
    }
}
