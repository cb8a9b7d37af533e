//! `cargo pyimage build`: images for every platform, from the locks and the project's files.
//!
//! Nothing of a base is downloaded: what its lock says of it is enough. A layer of wheels is made once and kept.

mod apt;
mod bins;
mod bytecode;
mod compilation;
mod description;
pub(crate) mod digest;
mod error;
mod fetching;
mod packages;
mod revision;
mod sbom;
mod sources;
mod wheels;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use pyimage_build::assembly::{MadeLayer, PlatformPackages, PlatformPlan as Plan};
use pyimage_build::{
    Assembly, AssemblyError, CompiledFrom, Digest, Image, ImageIndex, ImageOptions, Layout, Lock, LockedBase,
    Platform, Reference, Referrer,
};
use pyrun::cache::Cache;
use pyrun::shell::Shell;

use crate::workspace::PackageImage;

pub use bins::{Bin, BinError};
pub use compilation::CompilerError;
pub use error::BuildError;
pub use fetching::Fetched;

use revision::{Revision, RevisionError};

/// What an image is built with.
#[derive(Debug, Clone, Copy)]
pub struct Builder<'a> {
    /// The folder of the workspace, from which paths are told.
    pub root: &'a Utf8Path,
    /// The bases.
    pub lock: &'a Lock,
    /// Cargo's folder for what it makes.
    pub target: &'a Utf8Path,
    /// Where wheels and layers are kept.
    pub cache: &'a Cache,
    /// What is told.
    pub shell: &'a Shell,
    /// Nothing may be asked of a network.
    pub offline: bool,
    /// The lock may not change.
    pub locked: bool,
    /// Which engine compiles bytecode, where one was asked for.
    pub engine: Option<&'a str>,
    /// When everything was made, in seconds since 1970.
    pub epoch: u64,
    /// Layers that were made before are made again: what the cache has of them is not relied on.
    pub anew: bool,
}

/// An image that was built, for all its platforms.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its repository.
    pub name: Reference,
    /// Its repository with each of its tags.
    pub tags: Vec<Reference>,
    /// What it is made on.
    pub base: Reference,
    /// The images, in the order of their platforms.
    pub images: Vec<Image>,
    /// The index over them.
    pub index: ImageIndex,
    /// Where the blobs of its own layers are. The base's are in the base's repository.
    pub blobs: BTreeMap<Digest, Utf8PathBuf>,
    /// What is locked of it.
    pub locked: LockedBase,
    /// What a container of it starts with.
    pub options: ImageOptions,
    /// Documents that refer to the images and the index: their SBOMs, where they were asked for.
    pub referrers: Vec<Referrer>,
    /// Its bytecode, which is to be pinned.
    pub bytecode: BTreeMap<CompiledFrom, Digest>,
}

impl Built {
    /// What names exactly this: the repository and the digest of the index.
    #[must_use]
    pub fn reference(&self) -> String {
        self.name.with_digest(&self.index.blob.descriptor.digest).familiar()
    }

    /// The repository with each tag, as engines show them.
    #[must_use]
    pub fn tagged(&self) -> Vec<String> {
        self.tags.iter().map(Reference::familiar).collect()
    }

    /// Writes it as an OCI layout, with a name for each tag, beside what is there by other names. Layers of the base are
    /// not in it.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write_layout(&self, folder: &Utf8Path) -> Result<Layout, BuildError> {
        self.written(folder, false)
    }

    /// The same in a folder for nothing else: what is there by other names goes.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn replace_layout(&self, folder: &Utf8Path) -> Result<Layout, BuildError> {
        self.written(folder, true)
    }

    fn written(&self, folder: &Utf8Path, alone: bool) -> Result<Layout, BuildError> {
        let unwritten = |source| BuildError::Layout { folder: folder.to_owned(), source: Box::new(source) };
        let layout = Layout::create(folder).map_err(unwritten)?;
        let writing = layout.writing().map_err(unwritten)?;
        for image in &self.images {
            for layer in image.added_layers() {
                if let Some(blob) = self.blobs.get(&layer.digest) {
                    layout.add_file(layer, blob).map_err(unwritten)?;
                }
            }
            layout.add_image(image).map_err(unwritten)?;
        }
        layout.add_index(&self.index).map_err(unwritten)?;
        for name in self.tagged() {
            layout.name(&self.index.blob.descriptor, &name).map_err(unwritten)?;
        }
        if alone {
            layout.keep_names(&self.tagged()).map_err(unwritten)?;
        }
        if !self.referrers.is_empty() {
            layout.refer(&self.referrers).map_err(unwritten)?;
        }
        // What an earlier build left is in nobody's way any more.
        drop(writing);
        layout.prune();
        Ok(layout)
    }
}

impl Builder<'_> {
    /// Builds an image for these platforms, all of them where none is named, with these tags, or those of its settings.
    ///
    /// # Errors
    /// Where a lock does not have what it takes, a wheel cannot be had, or a file cannot be read.
    pub async fn build(
        &self,
        image: &PackageImage,
        platforms: &BTreeSet<Platform>,
        tags: &[String],
    ) -> Result<Built, BuildError> {
        let settings = &image.settings;
        let revision = revision(image);
        let tags = image.names(tags, &commit(image, &revision))?;
        let assembly = self.assembly();
        let base = assembly.base(image)?;
        let options = image.options(self.epoch, self.whole(image, &revision)?);
        let project = assembly.project(image)?;
        let packages = self.packages(image, base, platforms, &project).await?;
        let (mut images, mut blobs) = (Vec::new(), BTreeMap::new());
        for PlatformPackages { platform, locked, library, wheels, overlap } in packages.platforms {
            let (apt, user) = (self.apt(image, platform, locked).await?, assembly.user(image, locked)?);
            let bins = self.bins(image, platform, locked).await?;
            for replaced in project.check(bins.as_ref(), user.as_ref(), apt.as_ref(), &wheels)? {
                self.shell.warn(replaced);
            }
            let own = bins.into_iter().chain(project.layers());
            let below = library.into_iter().chain(apt).chain(user);
            let made: Vec<MadeLayer> = below.chain(wheels).chain(overlap).chain(own).collect();
            images.push(Assembly::put_together(image, base, (platform, locked), &made, &options)?);
            blobs.extend(made.into_iter().map(|made| (made.layer.digest, in_cache(&made.blob))));
        }
        let index = Assembly::index(image, base, &images, &options)?;
        let (name, locked, base) = (settings.name.clone(), base.clone(), settings.base.clone());
        let (referrers, bytecode) = (Vec::new(), packages.to_pin);
        Ok(Built { name, tags, base, images, index, blobs, locked, options, referrers, bytecode })
    }

    /// Compiles what an image's bytecode lacks, and gives what is to be pinned of it.
    ///
    /// # Errors
    /// Where a lock does not have what it takes, or nothing is there to compile with.
    pub async fn pin_bytecode(
        &self,
        image: &PackageImage,
    ) -> Result<BTreeMap<CompiledFrom, Digest>, BuildError> {
        let base = self.assembly().base(image)?;
        let plans = self.plans(image, base, &BTreeSet::new()).await?;
        self.pins(image, base, &plans).await
    }

    /// What goes into an image for each of these platforms, or all.
    async fn plans<'i>(
        &self,
        image: &'i PackageImage,
        base: &'i LockedBase,
        platforms: &BTreeSet<Platform>,
    ) -> Result<Vec<Plan<'i>>, BuildError> {
        let mut plans = Vec::new();
        let mut wanted = Assembly::targets(base, image, platforms)?;
        // What has to be built for one platform and turns out to be for any is built without emulation.
        wanted.sort_by_key(|(platform, _)| **platform != Platform::host());
        for (platform, locked) in wanted {
            plans.push((platform, locked, self.plan(image, platform, locked).await?));
        }
        plans.sort_by_key(|(platform, ..)| *platform);
        Ok(plans)
    }

    /// What is assembled, once all that it takes is in the cache.
    fn assembly(&self) -> Assembly<'_> {
        let (root, cache) = (self.root.as_std_path(), self.cache.plain());
        Assembly { root, lock: self.lock, cache, made: cache, epoch: self.epoch, anew: self.anew }
    }
}

/// The names of an image with these tags, or those of its settings.
///
/// # Errors
/// Where a tag is malformed, or asks for something that there is not.
pub fn names(image: &PackageImage, tags: &[String]) -> Result<Vec<Reference>, BuildError> {
    Ok(image.names(tags, &commit(image, &revision(image)))?)
}

/// The commit that an image's package is at.
fn revision(image: &PackageImage) -> Result<Revision, RevisionError> {
    let folder = Utf8PathBuf::from_path_buf(image.settings.folder.clone());
    Revision::of(&folder.unwrap_or_else(|folder| folder.to_string_lossy().into_owned().into()))
}

/// Its name, for tags: what is said of it in the settings stands over what git says.
fn commit(image: &PackageImage, revision: &Result<Revision, RevisionError>) -> Result<String, String> {
    if let Some(commit) = image.settings.revision.commit() {
        return Ok(commit.to_owned());
    }
    revision.as_ref().map(|revision| revision.commit.clone()).map_err(ToString::to_string)
}

/// A path in the cache folder, which is UTF-8.
fn in_cache(path: &Path) -> Utf8PathBuf {
    Utf8PathBuf::from(path.to_string_lossy().into_owned())
}

fn broken(wheel: &str, source: impl std::error::Error + Send + Sync + 'static) -> AssemblyError {
    AssemblyError::Wheel { wheel: wheel.to_owned(), source: Box::new(source) }
}

/// The time that everything in images has: `SOURCE_DATE_EPOCH`, or the first of 1970.
///
/// # Errors
/// Where it is no number of seconds.
pub fn epoch(variable: Option<&str>) -> Result<u64, BuildError> {
    match variable.filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|source| BuildError::Epoch { text: text.to_owned(), source }),
        None => Ok(0),
    }
}
