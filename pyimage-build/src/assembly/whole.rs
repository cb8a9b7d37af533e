//! Images of what is there already: locks, a cache that was filled before, and the project's files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{
    Assembly, AssemblyError, Baked, ChosenWheel, Findings, ImagePackages, MadeLayer, PlatformPackages,
    PlatformPlan, ProjectLayers, WheelLayer, bytecode_minor,
};
use crate::{
    BaseImage, Bytecode, Digest, Image, ImageBuilder, ImageError, ImageIndex, ImageOptions, Layout,
    LockedBase, LockedImage, PackageImage, Platform,
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
    /// Writes it as an OCI layout, with these names, in a folder for nothing else. Layers of the base are not in it. Its own
    /// are links to the files of the cache where that can be, and read by nobody here: who takes them checks them.
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
                        layout.link_file(layer, blob)?;
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
        if settings.builder == ImageBuilder::Dockerfile {
            return Err(AssemblyError::Dockerfile { image: image.title() });
        }
        if settings.bins.is_some() {
            return Err(AssemblyError::Bins { image: image.title() });
        }
        let base = self.base(image)?;
        let options = image.options(self.epoch, revision);
        let project = self.project(image)?;
        let mut warnings = Vec::new();
        let packages = self.cached_packages(image, base, platforms, &project, &mut warnings)?;
        let (mut images, mut blobs) = (Vec::new(), BTreeMap::new());
        for PlatformPackages { platform, locked, library, wheels, overlap } in packages.platforms {
            let (apt, user) = (self.cached_apt(image, platform, locked)?, self.user(image, locked)?);
            warnings.extend(project.check(None, user.as_ref(), apt.as_ref(), &wheels)?);
            let below = library.into_iter().chain(apt).chain(user);
            let made: Vec<MadeLayer> = below.chain(wheels).chain(overlap).chain(project.layers()).collect();
            images.push(Self::put_together(image, base, (platform, locked), &made, &options)?);
            blobs.extend(made.into_iter().map(|made| (made.layer.digest, made.blob)));
        }
        let index = Self::index(image, base, &images, &options)?;
        warnings.dedup();
        Ok(Assembled { images, index, blobs, options, warnings })
    }

    /// The packages of an image, where all that they take is in the cache.
    fn cached_packages<'i>(
        &'i self,
        image: &'i PackageImage,
        base: &'i LockedBase,
        platforms: &BTreeSet<Platform>,
        project: &ProjectLayers,
        warnings: &mut Vec<String>,
    ) -> Result<ImagePackages<'i>, AssemblyError> {
        let mut wanted = Self::targets(base, image, platforms)?;
        wanted.sort_by_key(|(platform, _)| *platform);
        if let Some(kept) = self.kept_packages(image, base, &wanted, project)? {
            return Ok(kept);
        }
        let mut plans = self.cached_plans(image, wanted)?;
        self.check_layers(image, &plans, project)?;
        let mut baked = self.baked(image, base, &mut plans)?;
        let layers = plans.iter().flat_map(|(.., layers)| layers);
        let unmade = layers.filter(|layer| self.known(&layer.key, "").is_none());
        self.check_wheels(image, unmade.flat_map(|layer| &layer.wheels))?;
        let mut findings = Findings::default();
        for (platform, locked, layers) in &plans {
            self.check(image, platform, locked, layers, &mut findings)?;
        }
        warnings.extend(findings.warnings(&image.settings.base));
        warnings.extend(findings.help());
        let mut packages = ImagePackages { platforms: Vec::new(), to_pin: BTreeMap::new() };
        for (platform, locked, layers) in plans {
            let wheels =
                layers.iter().map(|layer| self.wheel_layer(layer, &baked)).collect::<Result<Vec<_>, _>>()?;
            let overlap = self.cached_overlap(image, locked, &layers, &wheels, &mut baked, warnings)?;
            let library = self.library(image, base, locked, &baked)?;
            packages.platforms.push(PlatformPackages { platform, locked, library, wheels, overlap });
        }
        packages.to_pin = baked.to_pin;
        // What is told is told each time.
        if warnings.is_empty() {
            self.keep_packages(image, base, &packages)?;
        }
        Ok(packages)
    }

    /// What goes into an image for each of these platforms.
    fn cached_plans<'i>(
        &self,
        image: &PackageImage,
        wanted: Vec<(&'i Platform, &'i LockedImage)>,
    ) -> Result<Vec<PlatformPlan<'i>>, AssemblyError> {
        let Some(packages) = self.packages(image)? else {
            return Ok(wanted.into_iter().map(|(platform, locked)| (platform, locked, Vec::new())).collect());
        };
        let plan = |(platform, locked)| {
            let target = self.target(image, platform, locked)?;
            let picked = packages.pick(&target)?;
            let lacking = picked.lacking();
            let built =
                lacking.iter().filter_map(|its| Some((its.package.clone(), self.built(its, &target)?)));
            let chosen = picked.wheels(&built.collect())?;
            Ok((platform, locked, self.plan(image, locked, chosen)?))
        };
        wanted.into_iter().map(plan).collect()
    }

    /// Fails where wheels are not in the cache, and names all of them.
    fn check_wheels<'w>(
        &self,
        image: &PackageImage,
        wheels: impl Iterator<Item = &'w ChosenWheel>,
    ) -> Result<(), AssemblyError> {
        let absent = wheels.filter(|wheel| !self.wheel_path(wheel).is_file());
        let absent: BTreeSet<_> = absent.map(|wheel| wheel.file.file_name.clone()).collect();
        if absent.is_empty() {
            return Ok(());
        }
        Err(AssemblyError::MissingWheels { image: image.title(), wheels: absent.into_iter().collect() })
    }

    /// The bytecode of an image, where all that it takes is in the cache.
    fn baked(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        plans: &mut [PlatformPlan<'_>],
    ) -> Result<Baked, AssemblyError> {
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
        layers: &[WheelLayer],
        made: &[MadeLayer],
        baked: &mut Baked,
        warnings: &mut Vec<String>,
    ) -> Result<Option<MadeLayer>, AssemblyError> {
        let Some(overlapping) = Self::overlapping(layers, made) else { return Ok(None) };
        if let Some(known) = self.known_overlap(&overlapping) {
            return Ok(Some(known));
        }
        self.check_wheels(image, overlapping.wheels.iter().copied())?;
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
    /// Fails where an image would have more layers than engines take, before anything is got for it. Only what is in
    /// several wheels is counted later.
    pub fn check_layers(
        &self,
        image: &PackageImage,
        plans: &[PlatformPlan<'_>],
        project: &ProjectLayers,
    ) -> Result<(), AssemblyError> {
        let settings = &image.settings;
        for (platform, locked, wheels) in plans {
            let has_library = settings.bytecode == Bytecode::All && bytecode_minor(&locked.python).is_some();
            let has_user = self.user(image, locked)?.is_some();
            let single = [has_library, !settings.apt.is_empty(), has_user, settings.bins.is_some()];
            let single = single.into_iter().filter(|there| *there).count();
            let base = locked.layers.len();
            let count = base + single + wheels.len() + project.layers().count();
            if count > Image::MAX_LAYERS {
                return Err(AssemblyError::Image {
                    image: format!("{} for {platform}", image.title()),
                    place: None,
                    source: Box::new(ImageError::TooManyLayers { count, base }),
                });
            }
        }
        Ok(())
    }

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
            place: source.variable().and_then(|name| image.settings.place_of_variable(name)),
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
        let failed =
            |source| AssemblyError::Image { image: image.title(), place: None, source: Box::new(source) };
        ImageIndex::assemble(&image.settings.base, &base.target, images, options).map_err(failed)
    }
}
