//! Images wherever they are: in a folder, in an archive, in a registry, or just built. [`inspect`](crate::inspect),
//! [`tree`](crate::tree), [`diff`](crate::diff) and [`verify`](mod@crate::verify) look at them through this.

mod archive;
mod content;
mod error;
mod holdings;
mod name;
mod store;

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use pyimage_build::{
    Descriptor, Digest, Document, ImageConfig, Index, Layout, Manifest, MediaType, Platform, Reference,
    printable,
};
use pyrun::registry::Registry;

use crate::build::Built;

pub use content::{Content, Held, Reach, Readings};
pub use error::OpenError;
pub use holdings::{Holdings, WheelInImage};
pub use name::ImageName;

pub(crate) use archive::{Archive, Saved};
use store::Store;

/// Where an image has the name of its base.
const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// Where it has its digest.
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
/// Where an image in a layout has its name.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Where containerd and Docker have the whole of it.
const FULL_NAME: &str = "io.containerd.image.name";

/// An image that can be looked at.
#[derive(Debug)]
pub struct Opened<'r> {
    /// What it was asked for by.
    pub name: String,
    /// The digest of its index, or of its manifest where it has no index; what `docker save` writes has neither.
    pub digest: Option<Digest>,
    /// Whether that is the digest of an index over just these images.
    pub is_index: bool,
    /// Notes about all of it.
    pub annotations: BTreeMap<String, String>,
    /// The images, in the order of the index.
    pub images: Vec<OpenedImage>,
    store: Store,
    registry: &'r Registry,
}

/// The image of one platform.
#[derive(Debug, Clone)]
pub struct OpenedImage {
    /// What it runs on.
    pub platform: Platform,
    /// Its manifest; what `docker save` writes has none.
    pub manifest: Option<Digest>,
    /// The digest of its configuration, which Docker calls the image's id.
    pub id: Digest,
    /// Its configuration.
    pub config: ImageConfig,
    /// Notes about it.
    pub annotations: BTreeMap<String, String>,
    /// What it is made on, as far as it says.
    pub base: Option<OpenedBase>,
    /// Its layers, the lowest first.
    pub layers: Vec<OpenedLayer>,
}

/// What an image is made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedBase {
    /// Its name, as the image has it.
    pub name: String,
    /// The digest of its manifest.
    pub digest: Option<Digest>,
    /// It, where the name is one that a registry knows.
    pub reference: Option<Reference>,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedLayer {
    /// Its blob. What `docker save` writes is not compressed.
    pub blob: Descriptor,
    /// The digest of its archive, uncompressed.
    pub diff_id: Digest,
    /// What made it.
    pub step: Option<String>,
    /// Whether it is the base's.
    pub of_base: bool,
    /// Whether the digest of the blob is one that a manifest has.
    pub is_packed: bool,
}

impl<'r> Opened<'r> {
    /// Opens an image by what a person has typed.
    ///
    /// # Errors
    /// Where there is none, or it is damaged.
    pub async fn open(name: &str, registry: &'r Registry) -> Result<Self, OpenError> {
        match ImageName::parse(name)? {
            ImageName::Registry(image) => Self::of_registry(name, image, registry).await,
            ImageName::Path { path, name: chosen } if path.is_dir() => {
                let layout = Layout::open(&path).map_err(|error| OpenError::layout(&path, error))?;
                let index = layout.index().map_err(|error| OpenError::layout(&path, error))?;
                Self::of_index(name, index, chosen.as_deref(), Store::Layout(layout), registry).await
            }
            ImageName::Path { path, name: chosen } => {
                let archive = Archive::open(&path)?;
                match archive.index()? {
                    Some(index) => {
                        Self::of_index(name, index, chosen.as_deref(), Store::Archive(archive), registry)
                            .await
                    }
                    None => Self::of_saved(name, chosen.as_deref(), archive, registry),
                }
            }
        }
    }

    /// What was just built, whose layers are in the cache.
    ///
    /// # Errors
    /// None that another program could cause.
    pub async fn of_built(built: &Built, registry: &'r Registry) -> Result<Self, OpenError> {
        let descriptor = built.index.blob.descriptor.clone();
        let store = Store::Built(Box::new(built.clone()));
        Self::of_document(built.reference(), descriptor, store, registry).await
    }

    async fn of_registry(name: &str, image: Reference, registry: &'r Registry) -> Result<Self, OpenError> {
        let found = registry.resolve(&image).await;
        let descriptor = found
            .map_err(|source| OpenError::Registry { image: name.to_owned(), source: Box::new(source) })?;
        Self::of_document(image.familiar(), descriptor, Store::Registry(image), registry).await
    }

    /// The image of this name in a layout; the only one where none is named.
    async fn of_index(
        name: &str,
        index: Index,
        chosen: Option<&str>,
        store: Store,
        registry: &'r Registry,
    ) -> Result<Self, OpenError> {
        let all: Vec<&Descriptor> = index.manifests.iter().filter(|entry| !entry.is_attestation()).collect();
        let is_named = |entry: &Descriptor| entry.annotations.contains_key(REF_NAME);
        // Some programs write the images of all platforms there, and no index of their own.
        if chosen.is_none()
            && all.len() > 1
            && all.iter().all(|entry| entry.platform.is_some() && !is_named(entry))
        {
            let images = of_index(&index, &store, registry).await?;
            let annotations = index.annotations;
            let name = name.to_owned();
            return Ok(Self { name, digest: None, is_index: false, annotations, images, store, registry });
        }
        let mut fitting: Vec<&Descriptor> =
            all.iter().copied().filter(|entry| chosen.is_none_or(|chosen| has_name(entry, chosen))).collect();
        fitting.sort_by(|one, other| one.digest.cmp(&other.digest));
        fitting.dedup_by(|one, other| one.digest == other.digest);
        let [only] = fitting[..] else {
            let names = all.iter().filter_map(|entry| entry.annotations.get(REF_NAME)).cloned();
            return Err(OpenError::WhichImage { image: name.to_owned(), names: names.collect() });
        };
        Self::of_document(name.to_owned(), only.clone(), store, registry).await
    }

    async fn of_document(
        name: String,
        descriptor: Descriptor,
        store: Store,
        registry: &'r Registry,
    ) -> Result<Self, OpenError> {
        let document = store.document(&descriptor, registry).await?;
        let is_index = matches!(document, Document::Index(_));
        let (images, annotations) = match document {
            Document::Index(index) => (of_index(&index, &store, registry).await?, index.annotations),
            Document::Manifest(manifest) => {
                let image = image(&descriptor, manifest, &BTreeMap::new(), &store, registry).await?;
                (vec![image], BTreeMap::new())
            }
        };
        if images.is_empty() {
            return Err(OpenError::Empty { image: name });
        }
        let digest = Some(descriptor.digest);
        Ok(Self { name, digest, is_index, annotations, images, store, registry })
    }

    /// What `docker save` writes: a configuration, and layers that are not compressed.
    fn of_saved(
        name: &str,
        chosen: Option<&str>,
        mut archive: Archive,
        registry: &'r Registry,
    ) -> Result<Self, OpenError> {
        let mut all = archive.saved()?;
        let names = all.iter().flat_map(|saved| saved.repo_tags.clone().unwrap_or_default()).collect();
        all.retain(|saved| {
            let names = saved.repo_tags.as_deref().unwrap_or_default();
            chosen.is_none_or(|chosen| names.iter().any(|name| is_called(name, chosen)))
        });
        let (Some(Saved { config, layers, .. }), true) = (all.pop(), all.is_empty()) else {
            return Err(OpenError::WhichImage { image: name.to_owned(), names });
        };
        let bytes = archive.small(&config)?;
        let id = Digest::of(&bytes);
        let parsed = ImageConfig::parse(&bytes)
            .map_err(|source| OpenError::Document { what: config.clone(), source: Box::new(source) })?;
        if layers.len() != parsed.diff_ids.len() {
            return Err(OpenError::Disagreement { what: id.to_string() });
        }
        let layers: Vec<_> = layers.into_iter().zip(parsed.diff_ids.iter().cloned()).collect();
        let sizes = archive.add_layers(&layers);
        let blobs = layers.into_iter().zip(sizes).map(|((_, diff_id), size)| {
            Descriptor::new(MediaType::from("application/vnd.docker.image.rootfs.diff.tar"), diff_id, size)
        });
        let (base, layers) = layered(blobs.collect(), &parsed, &BTreeMap::new(), false);
        let image = OpenedImage {
            platform: parsed.platform.clone(),
            manifest: None,
            id,
            config: parsed,
            annotations: BTreeMap::new(),
            base,
            layers,
        };
        Ok(Self {
            name: name.to_owned(),
            digest: None,
            is_index: false,
            annotations: BTreeMap::new(),
            images: vec![image],
            store: Store::Archive(archive),
            registry,
        })
    }

    /// Leaves out all platforms but these, where some are named.
    ///
    /// # Errors
    /// Where one is not there.
    pub fn only(mut self, platforms: &[Platform]) -> Result<Self, OpenError> {
        for wanted in platforms {
            if !self.images.iter().any(|image| image.platform == *wanted) {
                let there = self.images.iter().map(|image| image.platform.clone()).collect();
                return Err(OpenError::NoPlatform { image: self.name, platform: wanted.clone(), there });
            }
        }
        self.is_index &= platforms.is_empty();
        self.images.retain(|image| platforms.is_empty() || platforms.contains(&image.platform));
        Ok(self)
    }
}

impl OpenedImage {
    /// How many bytes its layers have as they travel.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.blob.size).fold(0, u64::saturating_add)
    }
}

impl OpenedLayer {
    /// What it is, in a few words for people.
    #[must_use]
    pub fn label(&self) -> String {
        const LONGEST: usize = 60;
        if self.of_base {
            return "base".to_owned();
        }
        let words: Vec<_> = self.step.as_deref().unwrap_or("layer").split_whitespace().collect();
        let mut text = words.join(" ");
        for noise in ["/bin/sh -c #(nop) ", "|0 ", "/bin/sh -c "] {
            text = text.replace(noise, "");
        }
        let text = printable(text.trim_end_matches(" # buildkit").as_bytes());
        if text.chars().count() <= LONGEST {
            return text;
        }
        text.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}

async fn of_index(index: &Index, store: &Store, registry: &Registry) -> Result<Vec<OpenedImage>, OpenError> {
    let images = index.images().map(|(_, descriptor)| async move {
        match store.document(descriptor, registry).await? {
            Document::Manifest(manifest) => {
                let annotations = &descriptor.annotations;
                image(descriptor, manifest, annotations, store, registry).await.map(Some)
            }
            Document::Index(_) => Ok(None),
        }
    });
    Ok(try_join_all(images).await?.into_iter().flatten().collect())
}

async fn image(
    descriptor: &Descriptor,
    manifest: Manifest,
    of_entry: &BTreeMap<String, String>,
    store: &Store,
    registry: &Registry,
) -> Result<OpenedImage, OpenError> {
    let config = store.config(&manifest.config, registry).await?;
    if !manifest.agrees_with(&config) {
        return Err(OpenError::Disagreement { what: descriptor.digest.to_string() });
    }
    let platform = descriptor.platform.as_ref().map_or(&config.platform, |described| &described.platform);
    let mut annotations = of_entry.clone();
    annotations.extend(manifest.annotations);
    let (base, layers) = layered(manifest.layers, &config, &annotations, true);
    Ok(OpenedImage {
        platform: platform.clone(),
        manifest: Some(descriptor.digest.clone()),
        id: manifest.config.digest,
        annotations,
        base,
        layers,
        config,
    })
}

/// What an image is made on, and its layers. Those of the base are known by their steps, which name it in our images.
fn layered(
    blobs: Vec<Descriptor>,
    config: &ImageConfig,
    annotations: &BTreeMap<String, String>,
    is_packed: bool,
) -> (Option<OpenedBase>, Vec<OpenedLayer>) {
    let steps = &config.layer_steps;
    let (named, of_base) = base_in(steps);
    let base = match named {
        Some(reference) => Some(OpenedBase {
            name: reference.familiar().split('@').next().unwrap_or_default().to_owned(),
            digest: reference.digest().cloned(),
            reference: Some(reference),
        }),
        None => annotations.get(BASE_NAME).map(|name| {
            let digest = annotations.get(BASE_DIGEST).and_then(|text| text.parse().ok());
            let reference = name.parse::<Reference>().ok();
            let reference = reference
                .map(|its| digest.as_ref().map_or_else(|| its.clone(), |digest| its.with_digest(digest)));
            OpenedBase { name: name.clone(), digest, reference }
        }),
    };
    let layers = blobs.into_iter().zip(&config.diff_ids).enumerate().map(|(place, (blob, diff_id))| {
        let step = steps.get(place).filter(|step| !step.is_empty()).cloned();
        OpenedLayer { blob, diff_id: diff_id.clone(), step, of_base: place < of_base, is_packed }
    });
    let layers = layers.collect();
    (base, layers)
}

/// The base that the steps of our images name, and how many layers are its.
pub(crate) fn base_in(steps: &[String]) -> (Option<Reference>, usize) {
    let first = steps.first().and_then(|step| step.parse::<Reference>().ok());
    let named = first.filter(|reference| reference.digest().is_some());
    let of_base = match (&named, steps.first()) {
        (Some(_), Some(first)) => steps.iter().take_while(|step| *step == first).count(),
        _ => 0,
    };
    (named, of_base)
}

fn has_name(entry: &Descriptor, chosen: &str) -> bool {
    let names = [REF_NAME, FULL_NAME].into_iter().filter_map(|key| entry.annotations.get(key));
    names.into_iter().any(|name| is_called(name, chosen))
}

/// Whether a name is this one, or has it for its tag.
fn is_called(name: &str, chosen: &str) -> bool {
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let same = || Some(name.parse::<Reference>().ok()? == chosen.parse::<Reference>().ok()?);
    name == chosen || tag == Some(chosen) || (chosen.contains([':', '/']) && same() == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(steps: &[&str]) -> ImageConfig {
        let mut config =
            ImageConfig::parse(br#"{"os": "linux", "architecture": "amd64", "rootfs": {}}"#).unwrap();
        config.diff_ids = steps.iter().map(|step| Digest::of(step.as_bytes())).collect();
        config.layer_steps = steps.iter().map(|step| (*step).to_owned()).collect();
        config
    }

    fn layers(config: &ImageConfig) -> Vec<Descriptor> {
        let blobs =
            config.diff_ids.iter().map(|digest| Descriptor::new(MediaType::OCI_LAYER, digest.clone(), 1));
        blobs.collect()
    }

    #[test]
    fn the_base_is_known_by_its_steps() {
        let digest = Digest::of(b"base");
        let step = format!("python:3.13-slim@{digest}");
        let config = config(&[&step, &step, "wheels: six", "source"]);
        let (base, all) = layered(layers(&config), &config, &BTreeMap::new(), true);
        let base = base.unwrap();
        assert_eq!((base.name.as_str(), base.digest.as_ref()), ("python:3.13-slim", Some(&digest)));
        assert_eq!(base.reference.unwrap().registry(), "docker.io");
        assert!(all.iter().map(|layer| layer.of_base).eq([true, true, false, false]));
        assert_eq!(all[3].step.as_deref(), Some("source"));
    }

    #[test]
    fn others_say_what_they_like() {
        let config = config(&["# debian.sh", "RUN /bin/sh -c apt-get update # buildkit", ""]);
        let annotations = [(BASE_NAME.to_owned(), "debian:trixie-slim".to_owned())].into();
        let (base, all) = layered(layers(&config), &config, &annotations, true);
        let base = base.unwrap();
        assert_eq!((base.name.as_str(), base.digest), ("debian:trixie-slim", None));
        assert!(all.iter().all(|layer| !layer.of_base));
        assert_eq!(all[2].step, None);
    }

    #[test]
    fn names_are_whole_or_tags() {
        for (name, chosen, expected) in [
            ("app:1.0", "1.0", true),
            ("app:1.0", "app:1.0", true),
            ("latest", "latest", true),
            ("docker.io/library/app:1.0", "app:1.0", true),
            ("localhost:5000/app", "5000/app", false),
            ("app:1.0", "app", false),
            ("app:1.0", "0", false),
        ] {
            assert_eq!(is_called(name, chosen), expected, "{name} {chosen}");
        }
    }
}
