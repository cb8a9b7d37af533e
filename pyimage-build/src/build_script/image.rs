//! What the generated module says of images.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::{Digest, ImageSettings, Lock, Platform};

/// An image that was assembled while the package was compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuiltImage {
    /// The digest of its index.
    pub(super) digest: Digest,
    /// Those of its manifests.
    pub(super) platforms: BTreeMap<Platform, Digest>,
    /// Where it was written to.
    pub(super) layout: PathBuf,
    /// Its own layers.
    pub(super) layers: BTreeSet<Digest>,
}

/// The constants of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ImageFacts {
    /// Its name among several images of the package.
    pub(super) name: String,
    pub(super) repository: String,
    pub(super) tags: Vec<String>,
    pub(super) reference: String,
    pub(super) digest: Option<String>,
    /// The digest of its manifest for each platform, where it was assembled.
    pub(super) platforms: Vec<(String, String)>,
    pub(super) base: BaseImageFacts,
}

/// The constants of a base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BaseImageFacts {
    pub(super) reference: String,
    pub(super) pinned: String,
    pub(super) digest: Option<String>,
    pub(super) platforms: Vec<(String, String)>,
}

impl ImageFacts {
    /// Of an image with these settings, on a base as it is locked.
    pub(super) fn of(
        settings: &ImageSettings,
        version: &str,
        lock: Option<&Lock>,
        built: Option<&BuiltImage>,
    ) -> Self {
        let digests = |platforms: &mut dyn Iterator<Item = (&Platform, &Digest)>| {
            platforms.map(|(platform, digest)| (platform.to_string(), digest.to_string())).collect()
        };
        let base = &settings.base;
        let locked = lock.and_then(|lock| lock.bases.get(base));
        let asked = |platform: &Platform| settings.platforms.contains(platform);
        let base = BaseImageFacts {
            reference: base.familiar(),
            pinned: locked.map_or(base.clone(), |its| base.with_digest(&its.target.digest)).familiar(),
            digest: locked.map(|its| its.target.digest.to_string()),
            platforms: locked.map_or_else(Vec::new, |its| {
                let images = its.images.iter().filter(|(platform, _)| asked(platform));
                digests(&mut images.map(|(platform, image)| (platform, &image.manifest.digest)))
            }),
        };
        // What only git knows is not known here.
        let tags: Vec<_> = settings
            .tags
            .iter()
            .map(|tag| tag.replace("{version}", &version.replace('+', "-")))
            .filter(|tag| !tag.contains('{'))
            .collect();
        let name = &settings.name;
        let tagged = tags.first().and_then(|tag| name.with_tag(tag).ok());
        let by_digest = built.map(|built| name.with_digest(&built.digest));
        // A name without a tag means the latest, which is not what was asked for.
        let repository = name.with_digest(&Digest::of(b"")).familiar();
        let repository = repository.split('@').next().unwrap_or_default().to_owned();
        Self {
            name: settings.image.clone().unwrap_or_default(),
            reference: by_digest.or(tagged).map_or_else(|| repository.clone(), |name| name.familiar()),
            repository,
            tags,
            digest: built.map(|built| built.digest.to_string()),
            platforms: built.map_or_else(Vec::new, |built| digests(&mut built.platforms.iter())),
            base,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Section;

    fn settings(value: &Value) -> ImageSettings {
        let section = Section {
            manifest: "/app/Cargo.toml",
            key: "package.metadata.pyimage",
            value: &value.clone().into(),
        };
        ImageSettings::read("app", section, None).unwrap().remove(0)
    }

    #[test]
    fn names_are_what_is_asked_for_until_a_digest_is_known() {
        let value = json!({"tag": "3.13-slim", "name": "ghcr.io/me/app", "tags": ["{git.sha}", "{version}", "latest"]});
        let settings = settings(&value);
        let facts = ImageFacts::of(&settings, "0.3.0+1", None, None);
        assert_eq!(facts.repository, "ghcr.io/me/app");
        assert_eq!(facts.tags, ["0.3.0-1", "latest"]);
        assert_eq!(facts.reference, "ghcr.io/me/app:0.3.0-1");
        assert_eq!(facts.base.pinned, "python:3.13-slim");
        let digest = Digest::of(b"index");
        let platforms = BTreeMap::from([("linux/arm64".parse().unwrap(), Digest::of(b"arm"))]);
        let built =
            BuiltImage { digest: digest.clone(), platforms, layout: PathBuf::new(), layers: BTreeSet::new() };
        let facts = ImageFacts::of(&settings, "0.3.0", None, Some(&built));
        assert_eq!(facts.reference, format!("ghcr.io/me/app@{digest}"));
        assert_eq!(facts.platforms, [("linux/arm64".to_owned(), Digest::of(b"arm").to_string())]);
    }

    #[test]
    fn without_a_tag_that_is_known_there_is_the_repository() {
        let facts =
            ImageFacts::of(&settings(&json!({"tag": "3", "tags": ["{git.sha}"]})), "1.0.0", None, None);
        assert_eq!((&*facts.reference, facts.tags.len()), ("app", 0));
    }
}
