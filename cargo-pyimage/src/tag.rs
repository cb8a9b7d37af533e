//! `cargo pyimage tag`: one tag explained.

mod advice;
mod error;
mod explanation;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all, try_join_all};
use pyimage_build::{
    Date, Descriptor, Document, ImageConfig, Libc, LibcRelease, Manifest, Platform, PythonTag, Reference,
    Suite, base_release, nearest_tags,
};
use pyrun::registry::{Registry, RegistryError};

pub use advice::{Alternative, Installing};
pub use error::TagError;
pub use explanation::{ExplainedPlatform, Explanation, Interpreter};

use crate::tags::EndOfLifeMark;

/// The image that is asked for: a tag of the official image, or the reference of any other.
///
/// # Errors
/// Where it is neither.
pub fn image(text: &str) -> Result<Reference, TagError> {
    if text.contains(['/', ':', '@']) {
        return text.parse().map_err(|source| TagError::Reference { reference: text.to_owned(), source });
    }
    match text.parse::<PythonTag>() {
        Ok(tag) => Ok(Reference::python(&tag)),
        Err(source) => Err(TagError::Tag { tag: text.to_owned(), source: Box::new(source) }),
    }
}

/// The image of one platform, as its documents tell it.
struct Image {
    platform: Platform,
    descriptor: Descriptor,
    manifest: Manifest,
    config: ImageConfig,
}

/// Explains a tag.
///
/// # Errors
/// Where the registry does not tell, or the image has no Python.
pub async fn explain(registry: &Registry, image: &Reference, today: Date) -> Result<Explanation, TagError> {
    let (descriptor, document) = match registry.fetch(image).await {
        Ok(found) => found,
        Err(error) => return Err(refused(registry, image, error).await),
    };
    let images = images(registry, image, &descriptor, document).await?;
    let Some(first) = shown_first(&images) else {
        return Err(TagError::NoImages { image: image.familiar() });
    };
    let python = first.config.variable("PYTHON_VERSION").map(str::to_owned);
    let python = python.ok_or_else(|| TagError::NoPython { image: image.familiar() })?;
    // Beside a digest a tag is only a word, which may be of another image.
    let tag: Option<PythonTag> = image.tag().and_then(|tag| tag.parse().ok());
    let tag = tag.filter(|tag| image.digest().is_none() || says(tag, &python));
    let suite = base_release(&first.descriptor.annotations, &first.config)
        .or_else(|| tag.as_ref().and_then(PythonTag::effective_suite));

    let alternatives = tag.as_ref().map(|tag| advice::alternatives(tag, today)).unwrap_or_default();
    let size = first.manifest.layers_size();
    let (aliases, alternatives) = join(
        aliases(registry, image, tag.as_ref(), &python, suite.as_ref(), &descriptor),
        weighed(registry, image, &first.platform, size, alternatives),
    )
    .await;
    let official = tag.as_ref().filter(|_| image.is_official_python());
    let expected = official.and_then(PythonTag::official_platforms).unwrap_or_default();
    let there: BTreeSet<_> = images.iter().map(|image| &image.platform).collect();
    let libc = suite.as_ref().and_then(Suite::libc);
    Ok(Explanation {
        image: image.familiar(),
        digest: descriptor.digest.clone(),
        aliases,
        pinned: tag.as_ref().filter(|_| image.digest().is_none()).map(PythonTag::pinning),
        end_of_life: python.parse().ok().and_then(|tag| EndOfLifeMark::of(&tag, today)),
        interpreter: Interpreter::of(tag.as_ref(), &first.config, &python),
        system_python: tag.as_ref().and_then(|tag| explanation::system_python(tag, suite.as_ref())),
        suite: suite.clone(),
        libc,
        by_digest: image.digest().is_some(),
        compilers: tag.as_ref().filter(|tag| !tag.is_windows()).map(PythonTag::has_compilers),
        missing: expected.iter().filter(|platform| !there.contains(platform)).cloned().collect(),
        platforms: images
            .iter()
            .map(|image| ExplainedPlatform::of(image, wheels_of(&python, libc)))
            .collect(),
        installing: tag.as_ref().map(|tag| advice::installing(tag, &python, suite.as_ref())),
        alternatives,
    })
}

/// Whether the tag can name an image with this Python.
fn says(tag: &PythonTag, python: &str) -> bool {
    tag.version().is_none_or(|version| {
        let version = version.to_string();
        let rest = python.strip_prefix(version.trim_end_matches("-rc"));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// The C library that wheels may be built for: that of the image, but for Python 2, whose last pip knows no newer
/// wheels than manylinux2014's.
fn wheels_of(python: &str, libc: Option<LibcRelease>) -> Option<LibcRelease> {
    match libc {
        Some(release) if python.starts_with("2.") && release.libc == Libc::Glibc => {
            Some(LibcRelease { minor: release.minor.min(17), ..release })
        }
        // Nor does it know musllinux.
        Some(_) if python.starts_with("2.") => None,
        other => other,
    }
}

/// What the image is for this machine, else for the first platform with the most common architecture.
fn shown_first(images: &[Image]) -> Option<&Image> {
    let host = Platform::host();
    images.iter().find(|image| image.platform == host).or_else(|| images.first())
}

/// A refusal; of a tag that is not there, with the tags of the repository that may be meant.
async fn refused(registry: &Registry, image: &Reference, error: RegistryError) -> TagError {
    let mut nearest = Vec::new();
    if let (RegistryError::NotFound { .. }, Some(tag), None) = (&error, image.tag(), image.digest())
        && let Ok(tags) = registry.tags(image).await
    {
        let tags: Vec<_> = tags.iter().map(String::as_str).collect();
        nearest = nearest_tags(tag, &tags).into_iter().map(str::to_owned).collect();
    }
    TagError::Registry { image: image.familiar(), nearest, source: Box::new(error) }
}

async fn images(
    registry: &Registry,
    image: &Reference,
    descriptor: &Descriptor,
    document: Document,
) -> Result<Vec<Image>, TagError> {
    let failed =
        |error| TagError::Registry { image: image.familiar(), nearest: Vec::new(), source: Box::new(error) };
    let index = match document {
        Document::Index(index) => index,
        Document::Manifest(manifest) => {
            let config = registry.config(image, &manifest.config).await.map_err(failed)?;
            let (platform, descriptor) = (config.platform.clone(), descriptor.clone());
            return Ok(vec![Image { platform, descriptor, manifest, config }]);
        }
    };
    let entries = index.images().map(|(platform, descriptor)| async move {
        let document = registry.document(image, descriptor).await.map_err(failed)?;
        let Document::Manifest(manifest) = document else { return Ok(None) };
        let config = registry.config(image, &manifest.config).await.map_err(failed)?;
        let (platform, descriptor) = (platform.clone(), descriptor.clone());
        Ok(Some(Image { platform, descriptor, manifest, config }))
    });
    Ok(try_join_all(entries).await?.into_iter().flatten().collect())
}

/// The tags that name the same image now, of those that may.
async fn aliases(
    registry: &Registry,
    image: &Reference,
    tag: Option<&PythonTag>,
    python: &str,
    suite: Option<&Suite>,
    descriptor: &Descriptor,
) -> Vec<String> {
    let Some(tag) = tag else { return Vec::new() };
    let asked = advice::possible_aliases(tag, python, suite).into_iter().map(|name| async move {
        let alias = image.with_tag(&name).ok()?;
        // An alias that cannot be asked for is left out: it is not what the user wants to know of.
        let target = registry.resolve(&alias).await.ok()?;
        (target.digest == descriptor.digest).then_some(name)
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// The alternatives that are there, with what they weigh more or less.
async fn weighed(
    registry: &Registry,
    image: &Reference,
    platform: &Platform,
    size: u64,
    alternatives: Vec<Alternative>,
) -> Vec<Alternative> {
    let asked = alternatives.into_iter().map(|mut alternative| async move {
        let other = image.with_tag(&alternative.tag).ok()?;
        let (descriptor, document) = registry.fetch(&other).await.ok()?;
        let images = match document {
            Document::Manifest(manifest) => {
                BTreeMap::from([(platform.clone(), (descriptor, Some(manifest)))])
            }
            Document::Index(index) => index
                .images()
                .map(|(platform, descriptor)| (platform.clone(), (descriptor.clone(), None)))
                .collect(),
        };
        let manifest = match images.get(platform)? {
            (_, Some(manifest)) => manifest.clone(),
            (descriptor, None) => match registry.document(&other, descriptor).await.ok()? {
                Document::Manifest(manifest) => manifest,
                Document::Index(_) => return None,
            },
        };
        alternative.size = Some(manifest.layers_size());
        alternative.size_difference = alternative.size.map(|other| i128::from(other) - i128::from(size));
        Some(alternative)
    });
    join_all(asked).await.into_iter().flatten().collect()
}
