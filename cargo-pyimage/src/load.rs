//! `cargo pyimage load`: an image that was built, into an engine.
//!
//! Only what the engine lacks is sent. The base it gets itself, from where it gets every image; where it cannot, the
//! base's layers are fetched here and sent too.

mod archive;
mod error;
mod given;
mod loopback;
mod plain;
mod pulled;

use pyimage_build::{Descriptor, Digest, Image, Platform, Reference};
use pyrun::cache::{Cache, Work};
use pyrun::engine::{Engine, EngineError, Kind, StoredImage};
use pyrun::pull::pull;
use pyrun::registry::Registry;
use pyrun::shell::Shell;

use crate::build::Built;
use crate::size::Size;

pub(crate) use archive::streamed;
pub use archive::{OwnedArchive, base_layers};
pub use error::LoadError;

/// What an image is loaded with.
#[derive(Clone, Copy)]
pub struct Loader<'a> {
    /// Where to.
    pub engine: &'a Engine,
    /// Where layers of a base are fetched.
    pub registry: &'a Registry,
    /// Where layers are unpacked for an engine that wants them so.
    pub cache: Option<&'a Cache>,
    /// What is told.
    pub shell: &'a Shell,
    /// Nothing may be asked of a network.
    pub offline: bool,
}

/// An image on an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its names there, as `docker` prints them.
    pub names: Vec<String>,
    /// What it runs on.
    pub platform: Platform,
    /// Whether anything had to be sent.
    pub sent: bool,
}

/// Which engine: what was asked for, else what the environment says.
#[must_use]
pub fn engine_choice(asked: Option<&str>) -> Option<String> {
    let variable = || std::env::var("PYRUN_ENGINE").ok().filter(|engine| !engine.is_empty());
    asked.map(str::to_owned).or_else(variable)
}

/// What an engine runs without emulation.
#[must_use]
pub fn platform_of(engine: &Engine) -> Option<Platform> {
    let facts = engine.facts();
    format!("{}/{}", facts.os, facts.arch).parse().ok()
}

/// The image that an engine for a platform takes: one for just that, or for the newest variant of its architecture.
#[must_use]
pub fn image_for<'a>(images: &'a [Image], platform: &Platform) -> Option<&'a Image> {
    let alike = |image: &&Image| {
        let its = &image.platform;
        its.os() == platform.os() && its.architecture() == platform.architecture()
    };
    let exact = images.iter().find(|image| image.platform == *platform);
    let of_any_variant = || images.iter().filter(alike).max_by_key(|image| image.platform.variant());
    exact.or_else(|| if platform.variant().is_none() { of_any_variant() } else { None })
}

impl Loader<'_> {
    /// Loads the image for a platform under all its names, and sees to it that it is this one.
    ///
    /// # Errors
    /// Where there is none for the platform, its base cannot be had, or the engine refuses it.
    pub async fn load(&self, built: &Built, platform: &Platform) -> Result<Loaded, LoadError> {
        let image = image_for(&built.images, platform).ok_or_else(|| LoadError::NoPlatform {
            image: built.name.familiar(),
            platform: platform.clone(),
            built: built.images.iter().map(|image| image.platform.clone()).collect(),
        })?;
        let names = &built.tags[..];
        let [first, others @ ..] = names else { return Err(LoadError::NoTag(built.name.familiar())) };
        let under_its_name = self.engine.unpacked(&first.to_string()).await?;
        let is_named = under_its_name.as_ref().is_some_and(|stored| is(stored, image));
        let (known, before) =
            if is_named { (under_its_name, None) } else { (self.under_its_id(image).await?, under_its_name) };
        let sent = known.is_none();
        if sent {
            self.send(built, image, first, before.as_ref()).await?;
        } else {
            self.shell.verbose(|shell| {
                let told =
                    format_args!("{} for {} is on the engine already", first.familiar(), image.platform);
                shell.note(told);
            });
        }
        let source = known.map_or_else(|| first.to_string(), |stored| stored.id);
        let unnamed = if sent || is_named { others } else { names };
        for name in unnamed {
            let repository = format!("{}/{}", name.registry(), name.repository());
            self.engine.tag(&source, &repository, name.tag().unwrap_or_default()).await?;
        }
        let names = names.iter().map(Reference::familiar).collect();
        Ok(Loaded { names, platform: image.platform.clone(), sent })
    }

    /// The very image, whatever it is called there.
    async fn under_its_id(&self, image: &Image) -> Result<Option<StoredImage>, EngineError> {
        let blob = if self.engine.facts().containerd_store { &image.manifest } else { &image.config };
        let found = self.engine.unpacked(blob.descriptor.digest.as_str()).await?;
        Ok(found.filter(|stored| is(stored, image)))
    }

    /// Sends what the engine lacks of an image: as an engine takes it soonest, and else so that all take it. `before` is
    /// what has its name there.
    async fn send(
        &self,
        built: &Built,
        image: &Image,
        name: &Reference,
        before: Option<&StoredImage>,
    ) -> Result<(), LoadError> {
        if self.engine.facts().kind == Kind::Docker {
            let there = self.see_to_base(built, image, before).await?;
            if there >= image.base_layers {
                self.tell_loading(image, name, there);
                if pulled::can_pull(self.engine, image) {
                    match self.have_pulled(built, image, name).await {
                        Err(error) if error.has_another_way() => self.tell_another_way(&error, "an archive"),
                        result => return result,
                    }
                }
                match self.send_archive(built, image, name, &[], there).await {
                    Err(error) if error.has_another_way() => self.tell_another_way(&error, "all of it"),
                    result => return result,
                }
            }
        }
        let base = base_layers(image, &built.base, self.registry, self.shell, self.offline).await?;
        self.tell_loading(image, name, 0);
        self.send_archive(built, image, name, &base, image.base_layers).await
    }

    /// Tells what is sent, but for so many of the lowest layers.
    fn tell_loading(&self, image: &Image, name: &Reference, there: usize) {
        let blobs = [&image.manifest, &image.config].map(|blob| blob.descriptor.size);
        let layers = image.layers.iter().skip(there).map(|layer| layer.size);
        let size = Size(layers.chain(blobs).sum());
        self.shell.status("Loading", format_args!("{} for {} ({size})", name.familiar(), image.platform));
    }

    fn tell_another_way(&self, error: &LoadError, way: &str) {
        self.shell.verbose(|shell| shell.note(format_args!("{}; sending {way}", in_one_line(error))));
    }

    /// Sends an archive with its own layers but for so many lowest ones, and these of its base; checks what the engine
    /// made of it.
    async fn send_archive(
        &self,
        built: &Built,
        image: &Image,
        name: &Reference,
        base: &[(Descriptor, camino::Utf8PathBuf)],
        there: usize,
    ) -> Result<(), LoadError> {
        let own = image.layers.iter().skip(there);
        let own = own.filter_map(|layer| Some((layer.clone(), built.blobs.get(&layer.digest)?.clone())));
        let mut layers: Vec<_> = own.chain(base.iter().cloned()).collect();
        let (mut archived, mut work) = (image.clone(), None);
        if let Some(cache) = self.cache
            && plain::has_zstd(image)
            && !plain::reads_zstd(self.engine.facts())
        {
            let failed = |error| LoadError::Cache(cache.write_error(error));
            let folder = Work::begin(&cache.folder("layers")?).map_err(failed)?;
            archived = plain::unpacked(image, &mut layers, &folder).map_err(failed)?;
            work = Some(folder);
        }
        let mut archive = OwnedArchive::of_image(&archived, std::slice::from_ref(name));
        archive.add_layers(&layers);
        let sent = archive.send(self.engine, &name.familiar()).await;
        drop(work);
        sent?;
        let name_there = name.to_string();
        // What was sent without anything of the base may have been too little.
        let found = if base.is_empty() {
            self.engine.unpacked(&name_there).await?
        } else {
            self.engine.stored(&name_there).await?
        };
        match found {
            Some(stored) if is(&stored, image) => {
                if let Some(cache) = self.cache
                    && self.engine.facts().containerd_store
                {
                    // Without a note, more than needed is sent the next time.
                    let _ = given::note(cache, image);
                }
                Ok(())
            }
            found => Err(LoadError::Different {
                image: name.familiar(),
                found: found.map(|stored| stored.id),
                expected: image.config.descriptor.digest.clone(),
            }),
        }
    }

    /// How many of the image's layers the engine has, the lowest first. Where it lacks the base, it gets that if it can.
    async fn see_to_base(
        &self,
        built: &Built,
        image: &Image,
        before: Option<&StoredImage>,
    ) -> Result<usize, LoadError> {
        let there = self.layers_there(built, image, before).await?;
        if there >= image.base_layers || self.offline {
            return Ok(there);
        }
        let Some(locked) = built.locked.images.get(&image.platform) else { return Ok(there) };
        // By the manifest's digest: under that of the index, Docker's own store has one platform at a time.
        let base = built.base.with_digest(&locked.manifest.digest).familiar();
        let platform = image.platform.to_string();
        match pull(self.engine, &base, Some(&platform), self.shell).await {
            Ok(()) => self.layers_there(built, image, before).await.map_err(LoadError::from),
            Err(error @ EngineError::Refused { .. }) => {
                let told = in_one_line(&error);
                self.shell.verbose(|shell| shell.note(format_args!("{told}; fetching its layers here")));
                Ok(there)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// How many layers the image has in common with one on the engine, the lowest first: with an earlier build, or with
    /// the base itself. Docker's own store knows a layer by all that are below it, and takes no file for one it has.
    async fn layers_there(
        &self,
        built: &Built,
        image: &Image,
        before: Option<&StoredImage>,
    ) -> Result<usize, EngineError> {
        let common = |stored: &StoredImage| {
            let alike = in_common(&image.diff_ids, &stored.layers);
            let with_files = self.engine.facts().containerd_store;
            if with_files { given::certain(self.cache, image, stored, alike) } else { alike }
        };
        let mut most = before.map(common).unwrap_or_default();
        let digests = built.locked.images.get(&image.platform).map(|locked| &locked.manifest.digest);
        let digests = digests.into_iter().chain([&built.locked.target.digest]);
        let bases = digests.map(|digest| built.base.with_digest(digest).familiar());
        for name in bases.chain([built.base.to_string()]) {
            if most >= image.base_layers {
                break;
            }
            if let Some(stored) = self.engine.unpacked(&name).await? {
                most = most.max(common(&stored));
            }
        }
        Ok(most)
    }
}

/// How many of the lowest layers are the same.
fn in_common(own: &[Digest], stored: &[String]) -> usize {
    own.iter().zip(stored).take_while(|(own, stored)| own.as_str() == *stored).count()
}

/// Whether it is this image: Docker's own store and podman call it by its configuration, containerd's by its manifest.
fn is(stored: &StoredImage, image: &Image) -> bool {
    [&image.config, &image.manifest].iter().any(|blob| blob.descriptor.digest.as_str() == stored.id)
}

fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use pyimage_build::{Blob, MediaType};

    use super::*;

    fn image(platform: &str) -> Image {
        let platform: Platform = platform.parse().unwrap();
        let blob = |media_type: MediaType| {
            Blob::new(media_type.clone(), format!("{media_type}{platform}").into_bytes())
        };
        Image {
            config: blob(MediaType::OCI_CONFIG),
            manifest: blob(MediaType::OCI_MANIFEST),
            layers: Vec::new(),
            base_layers: 0,
            diff_ids: Vec::new(),
            platform,
        }
    }

    #[test]
    fn an_engine_that_tells_no_variant_takes_the_newest() {
        let images = ["linux/arm/v5", "linux/arm/v7", "linux/amd64"].map(image);
        let chosen = |platform: &str| {
            image_for(&images, &platform.parse().unwrap()).map(|image| image.platform.to_string())
        };
        assert_eq!(chosen("linux/amd64").as_deref(), Some("linux/amd64"));
        assert_eq!(chosen("linux/arm/v5").as_deref(), Some("linux/arm/v5"));
        assert_eq!(chosen("linux/arm/v6"), None);
        assert_eq!(chosen("linux/arm").as_deref(), Some("linux/arm/v7"));
        assert_eq!(chosen("linux/arm64"), None);
        assert_eq!(chosen("windows/amd64"), None);
    }

    #[test]
    fn layers_in_common_are_the_lowest() {
        let own = [Digest::of(b"base"), Digest::of(b"wheels"), Digest::of(b"source")];
        let text = |digest: &Digest| digest.to_string();
        let [base, wheels, source] = &own;
        let other = Digest::of(b"other");
        assert_eq!(in_common(&own, &[base, wheels, &other].map(text)), 2);
        assert_eq!(in_common(&own, &[base, wheels, source, &other].map(text)), 3);
        assert_eq!(in_common(&own, &[&other, wheels, source].map(text)), 0);
        assert_eq!(in_common(&own, &[]), 0);
    }

    #[test]
    fn an_image_has_the_id_of_its_configuration_or_its_manifest() {
        let image = image("linux/amd64");
        let stored = |id: &str| StoredImage { id: id.to_owned(), layers: Vec::new() };
        assert!(is(&stored(image.config.descriptor.digest.as_str()), &image));
        assert!(is(&stored(image.manifest.descriptor.digest.as_str()), &image));
        assert!(!is(&stored("sha256:00"), &image));
    }
}
