//! Images of what is there already: locks, a cache that was filled before, and the project's files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Assembly, AssemblyError, Findings, MadeLayer, PlatformPlan};
use crate::{
    BaseImage, Digest, Image, ImageIndex, ImageOptions, Layout, LockedBase, LockedImage, PackageImage,
    Platform,
};

/// An image that was assembled, for its platforms.
///
/// ```no_run
/// # fn of(assembled: &pyimage_build::Assembled) -> Result<(), pyimage_build::AssemblyError> {
/// assembled.write_layout("image".as_ref(), &["app:latest".to_owned()])?;
/// for image in &assembled.images {
///     println!("{}: {}", image.platform, image.manifest.descriptor.digest);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Assembled {
    /// The images, in the order of their platforms.
    pub images: Vec<Image>,
    /// The index over them.
    pub index: ImageIndex,
    /// Where the blobs of its own layers are. The base's are in the base's repository.
    pub blobs: BTreeMap<Digest, PathBuf>,
    /// What a container of it starts with.
    pub options: ImageOptions,
    /// What there is to tell of it, such as shared libraries that packages need and the base does not have.
    pub warnings: Vec<String>,
}

impl Assembled {
    /// Writes it as an OCI layout, with these names, in a folder for nothing else. Layers of the base are not in it.
    ///
    /// ```no_run
    /// # fn of(assembled: &pyimage_build::Assembled) -> Result<(), pyimage_build::AssemblyError> {
    /// let layout = assembled.write_layout("image".as_ref(), &["app:latest".to_owned()])?;
    /// assert!(layout.has(&assembled.index.blob.descriptor));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write_layout(&self, folder: &Path, names: &[String]) -> Result<Layout, AssemblyError> {
        let write = || {
            let layout = Layout::create(folder)?;
            let writing = layout.writing()?;
            for image in &self.images {
                for layer in image.added_layers() {
                    if let Some(blob) = self.blobs.get(&layer.digest) {
                        layout.add_file(layer, blob)?;
                    }
                }
                layout.add_image(image)?;
            }
            layout.add_index(&self.index)?;
            for name in names {
                layout.name(&self.index.blob.descriptor, name)?;
            }
            layout.keep_names(names)?;
            // What an earlier one left is in nobody's way any more.
            drop(writing);
            layout.prune();
            Ok(layout)
        };
        let unwritten =
            |source| AssemblyError::Layout { folder: folder.to_owned(), source: Box::new(source) };
        write().map_err(unwritten)
    }
}

impl Assembly<'_> {
    /// Assembles an image for these platforms, all of them where none is named. `revision` is the commit that has all
    /// that goes into it, where the image is to say so.
    ///
    /// ```no_run
    /// # use std::collections::BTreeSet;
    /// # fn of(assembly: &pyimage_build::Assembly<'_>, image: &pyimage_build::PackageImage)
    /// # -> Result<(), pyimage_build::AssemblyError> {
    /// let assembled = assembly.image(image, &BTreeSet::new(), None)?;
    /// assert_eq!(assembled.images.len(), image.settings.platforms.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Where a lock does not have what it takes, the cache lacks something, or a file cannot be read.
    pub fn image(
        &self,
        image: &PackageImage,
        platforms: &BTreeSet<Platform>,
        revision: Option<&str>,
    ) -> Result<Assembled, AssemblyError> {
        let settings = &image.settings;
        if settings.bins.is_some() {
            return Err(AssemblyError::Bins { image: image.title() });
        }
        let base = self.base(image)?;
        let options = image.options(self.epoch, revision);
        let mut plans: Vec<PlatformPlan<'_>> = Vec::new();
        let packages = self.packages(image)?;
        for (platform, locked) in Self::targets(base, image, platforms)? {
            let mut layers = Vec::new();
            if let Some(packages) = &packages {
                let (target, minor) = self.target(image, platform, locked)?;
                let picked = packages.pick(&target)?;
                let mut built = BTreeMap::new();
                for lacking in picked.lacking() {
                    if let Some(wheel) = self.built(&lacking, &target) {
                        built.insert(lacking.package, wheel);
                    }
                }
                layers = self.plan(image, locked, picked.wheels(&built)?, minor);
            }
            plans.push((platform, locked, layers));
        }
        let baked = self.baked(image, base, &mut plans)?;
        let mut absent = BTreeSet::new();
        for (.., layers) in &plans {
            for layer in layers.iter().filter(|layer| self.known(&layer.key, "").is_none()) {
                let wheels = layer.wheels.iter().filter(|wheel| !self.wheel_path(wheel).is_file());
                absent.extend(wheels.map(|wheel| wheel.file.file_name.clone()));
            }
        }
        if !absent.is_empty() {
            let wheels = absent.into_iter().collect();
            return Err(AssemblyError::MissingWheels { image: image.title(), wheels });
        }
        let project = self.project(image)?;
        let (mut images, mut blobs) = (Vec::new(), BTreeMap::new());
        let (mut findings, mut warnings) = (Findings::default(), Vec::new());
        let mut baked = baked;
        for (platform, locked, layers) in &plans {
            self.check(image, platform, locked, layers, &mut findings)?;
            let made =
                layers.iter().map(|layer| self.wheel_layer(layer, &baked)).collect::<Result<Vec<_>, _>>()?;
            let overlap = self.cached_overlap(image, locked, layers, &made, &mut baked, &mut warnings)?;
            let library = self.library(image, base, locked, &baked)?;
            let (apt, user) = (self.cached_apt(image, platform, locked)?, self.user(image, locked)?);
            warnings.extend(project.check(None, &made)?);
            let below = library.into_iter().chain(apt).chain(user);
            let made: Vec<MadeLayer> = below.chain(made).chain(overlap).chain(project.layers()).collect();
            images.push(Self::put_together(image, base, (platform, locked), &made, &options)?);
            blobs.extend(made.into_iter().map(|made| (made.layer.digest, made.blob)));
        }
        let index = Self::index(image, base, &images, &options)?;
        let found = findings.warnings(&settings.base);
        warnings.splice(0..0, found.into_iter().chain(findings.help().map(|help| format!("help: {help}"))));
        warnings.dedup();
        Ok(Assembled { images, index, blobs, options, warnings })
    }

    /// The bytecode of an image, where all that it takes is in the cache.
    fn baked(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        plans: &mut [PlatformPlan<'_>],
    ) -> Result<super::Baked, AssemblyError> {
        let units = Self::units(image, base, plans);
        let known = self.recall(&units);
        let needed = self.needed(image, plans, &units, &known);
        let had = self.archives(&needed);
        let missing: Vec<_> =
            needed.iter().filter(|(from, _)| !had.contains_key(*from)).map(|(_, unit)| unit.name()).collect();
        if !missing.is_empty() {
            return Err(AssemblyError::MissingBytecode { image: image.title(), what: missing });
        }
        drop(units);
        Ok(Self::bake(plans, known, had, &BTreeSet::new()))
    }

    fn cached_overlap(
        &self,
        image: &PackageImage,
        locked: &LockedImage,
        layers: &[super::WheelLayer],
        made: &[MadeLayer],
        baked: &mut super::Baked,
        warnings: &mut Vec<String>,
    ) -> Result<Option<MadeLayer>, AssemblyError> {
        let Some(overlapping) = Self::overlapping(layers, made) else { return Ok(None) };
        if let Some(known) = self.known_overlap(&overlapping) {
            return Ok(Some(known));
        }
        let absent = overlapping.wheels.iter().filter(|wheel| !self.wheel_path(wheel).is_file());
        let absent: Vec<_> = absent.map(|wheel| wheel.file.file_name.clone()).collect();
        if !absent.is_empty() {
            return Err(AssemblyError::MissingWheels { image: image.title(), wheels: absent });
        }
        let Some(replaced) = self.replaced(&overlapping)? else { return Ok(None) };
        warnings.extend(replaced);
        let units = overlapping.units(locked);
        let had = self.archives(&units);
        if had.len() < units.len() {
            let missing = units.iter().filter(|(from, _)| !had.contains_key(*from));
            let what = missing.map(|(_, unit)| unit.name()).collect();
            return Err(AssemblyError::MissingBytecode { image: image.title(), what });
        }
        baked.take(had);
        self.overlap(&overlapping, baked).map(Some)
    }
}

#[doc(hidden)]
impl Assembly<'_> {
    /// The image for a platform, of its layers from the lowest on.
    pub fn put_together(
        image: &PackageImage,
        base: &LockedBase,
        (platform, locked): (&Platform, &LockedImage),
        layers: &[MadeLayer],
        options: &ImageOptions,
    ) -> Result<Image, AssemblyError> {
        let layers: Vec<_> = layers.iter().map(MadeLayer::added).collect();
        let on = BaseImage { reference: &image.settings.base, target: &base.target, platform, image: locked };
        Image::assemble(on, &layers, options).map_err(|source| AssemblyError::Image {
            image: format!("{} for {platform}", image.title()),
            source: Box::new(source),
        })
    }

    /// The index over its images.
    pub fn index(
        image: &PackageImage,
        base: &LockedBase,
        images: &[Image],
        options: &ImageOptions,
    ) -> Result<ImageIndex, AssemblyError> {
        let failed = |source| AssemblyError::Image { image: image.title(), source: Box::new(source) };
        ImageIndex::assemble(&image.settings.base, &base.target, images, options).map_err(failed)
    }
}
