//! Layers of wheels.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use camino::Utf8PathBuf;
use pyimage_build::{
    BytecodeArchive, Choice, Digest, Installation, LayerContents, LayerError, LayerKey, LayerOptions,
    LockedFile, LockedImage, PackedWheel, Packing, Platform, Provenance, Pylock, PythonVersion, Scheme,
    Suite, Target, Tree, Wheel, WheelLimits,
};
use pyrun::environment::{self, EnvironmentError, Sources};
use pyrun::plan::Request;

use super::bytecode::Baked;
use super::layers::Made;
use super::{BuildError, Builder, PackageImage};

/// Where the official image's Python has its packages.
pub(super) const PREFIX: &str = "usr/local";

/// A wheel of an image.
#[derive(Debug)]
pub(super) struct Chosen {
    /// Its place in the order of installation.
    pub(super) order: usize,
    pub(super) package: String,
    pub(super) file: LockedFile,
    pub(super) digest: Digest,
    pub(super) provenance: Provenance,
    packed: PackedWheel,
    /// It was made of sources, and is in the cache.
    pub(super) is_built: bool,
    /// The archive of its bytecode, where that is baked.
    pub(super) bytecode: Option<Digest>,
}

/// A layer of wheels before it is made.
#[derive(Debug)]
pub(super) struct WheelLayer {
    pub(super) wheels: Vec<Chosen>,
    pub(super) key: LayerKey,
    pub(super) minor: u16,
    pub(super) scheme: Scheme,
    pub(super) options: LayerOptions,
    created_by: String,
    /// What its wheels need is checked.
    checked: bool,
}

impl WheelLayer {
    /// Whether a wheel of it was made of sources.
    pub(super) fn has_built(&self) -> bool {
        self.wheels.iter().any(|wheel| wheel.is_built)
    }
}

impl Builder<'_> {
    /// The layers of an image's wheels on a platform, the lowest first.
    pub(super) async fn plan(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Vec<WheelLayer>, BuildError> {
        let (chosen, minor) = self.chosen(image, platform, locked).await?;
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let (scheme, options) = (Scheme::official(minor), self.layer_options(image, minor));
        let packed: Vec<_> = chosen.iter().map(|wheel| wheel.packed.clone()).collect();
        let mut chosen: Vec<_> = chosen.into_iter().map(Some).collect();
        let packing = Packing::of(&packed, image.settings.layer_budget);
        let layers = packing.layers().iter().map(|layer| {
            // Each place is in one layer.
            let wheels: Vec<_> = layer.iter().filter_map(|&place| chosen[place].take()).collect();
            let mut key = LayerKey::new(PREFIX, &scheme, &options);
            for wheel in &wheels {
                key.add_wheel(&wheel.digest, &wheel.provenance);
            }
            let names: Vec<_> = wheels.iter().map(|wheel| wheel.package.as_str()).collect();
            let created_by = format!("wheels: {}", names.join(", "));
            let (scheme, options) = (scheme.clone(), options.clone());
            let checked = locked.facts.is_some();
            WheelLayer { wheels, key, minor, scheme, options, created_by, checked }
        });
        Ok(layers.collect())
    }

    /// Gets the wheels of those layers that were not made before, each once.
    pub(super) async fn fetch<'l>(
        &self,
        image: &PackageImage,
        layers: impl Iterator<Item = &'l WheelLayer>,
    ) -> Result<(), BuildError> {
        let missing = layers.flat_map(|layer| {
            let is_known = self.known(&layer.key, "").is_some();
            // Offline, what is made is made, checked or not.
            let is_checked = !layer.checked || self.offline;
            let done = move |wheel: &&Chosen| is_known && (is_checked || self.is_read(wheel, &layer.scheme));
            layer.wheels.iter().filter(move |wheel| !done(wheel))
        });
        self.fetch_wheels(image, missing).await
    }

    /// Gets wheels that are not in the cache, each once.
    pub(super) async fn fetch_wheels<'l>(
        &self,
        image: &PackageImage,
        wheels: impl Iterator<Item = &'l Chosen>,
    ) -> Result<(), BuildError> {
        let files: BTreeMap<_, _> =
            wheels.filter(|wheel| !wheel.is_built).map(|wheel| (&wheel.digest, wheel.file.clone())).collect();
        let mut files: Vec<_> = files.into_values().collect();
        let failed = |source| BuildError::Fetch { image: image.title(), source: Box::new(source) };
        match self.fetch_files(&files, true).await {
            // Only what is fetched is told.
            Err(EnvironmentError::Offline { missing }) if !self.offline => {
                files.retain(|file| missing.contains(&file.file_name));
                self.fetch_files(&files, false).await.map_err(failed)
            }
            other => other.map_err(failed),
        }
    }

    /// Gets files that are not in the cache.
    pub(super) async fn fetch_files(
        &self,
        files: &[LockedFile],
        offline: bool,
    ) -> Result<(), EnvironmentError> {
        if files.is_empty() {
            return Ok(());
        }
        let folder = self.root.as_std_path().to_owned();
        let request = Request { folder, offline, ..Request::default() };
        environment::fetch(&request, files, self.cache, self.shell).await.map(drop)
    }

    /// Makes a layer whose wheels are there, unless it was made before.
    pub(super) fn layer(&self, layer: &WheelLayer, baked: &Baked) -> Result<Made, BuildError> {
        let WheelLayer { wheels, key, minor, scheme, options, created_by, .. } = layer;
        if let Some(known) = self.known(key, created_by) {
            return Ok(known);
        }
        let opened = wheels.iter().map(|wheel| self.open(wheel)).collect::<Result<Vec<_>, _>>()?;
        let installations =
            opened.iter().zip(wheels).map(|(opened, wheel)| installation(opened, wheel, scheme));
        let installations = installations.collect::<Result<Vec<_>, _>>()?;
        let tree = Tree::of(&installations).map_err(|error| broken(created_by, error))?;
        // Of files that several have, the tree has the last one's.
        let all = installations.iter().zip(wheels);
        let owners: HashMap<&str, &Chosen> =
            all.flat_map(|(its, wheel)| its.files().iter().map(move |file| (file.path(), wheel))).collect();
        let compiled = tree.files().iter().filter_map(|file| {
            let (archive, path) = baked.of(owners.get(file.path())?, file.path(), *minor)?;
            Some((path, archive))
        });
        let compiled: BTreeMap<String, &BytecodeArchive> = compiled.collect();
        let mut contents = LayerContents::new();
        // A wheel that brings bytecode along has it for another time of its sources.
        for file in tree.files().iter().filter(|file| !compiled.contains_key(file.path())) {
            let added = contents.add_installed(PREFIX, file);
            added.map_err(|error| broken(created_by, error))?;
        }
        for (path, archive) in &compiled {
            add_bytecode(&mut contents, archive, path).map_err(|error| broken(created_by, error))?;
        }
        self.make(&contents, options, Some(key), created_by)
    }

    /// Opens a wheel that is there.
    pub(super) fn open(&self, wheel: &Chosen) -> Result<Wheel, BuildError> {
        let name = &wheel.file.file_name;
        let opened = Wheel::open_as(self.wheel(wheel).as_std_path(), name, &WheelLimits::default());
        opened.map_err(|error| broken(name, error))
    }

    /// Where a wheel is: on this machine as the lock says, or in the cache.
    pub(super) fn wheel(&self, wheel: &Chosen) -> Utf8PathBuf {
        match &wheel.file.path {
            Some(path) => Utf8PathBuf::from(path),
            None => self
                .cache
                .root()
                .join("blobs")
                .join(wheel.digest.algorithm().as_str())
                .join(wheel.digest.hex()),
        }
    }

    /// The wheels of an image on a platform, and the minor version of the Python that they are for.
    pub(super) async fn chosen(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<(Vec<Chosen>, u16), BuildError> {
        let settings = &image.settings.packages;
        if !settings.lock.is_file() {
            return Ok((Vec::new(), 0));
        }
        let unknown = || BuildError::UnknownSystem { base: image.settings.base.familiar() };
        let libc = locked.suite.as_ref().and_then(Suite::libc).ok_or_else(unknown)?;
        let python: PythonVersion = locked.python.parse().map_err(|_| unknown())?;
        let minor = python.minor().ok_or_else(unknown)?;
        let mut target = Target::new(python, platform.clone(), libc).map_err(|_| unknown())?;
        // A lock of ours has them resolved already.
        if settings.requirements.is_empty() && !settings.extras.is_empty() {
            target = target.with_extras(&settings.extras);
        }
        Ok((self.choose(image, &settings.lock, &target).await?, minor))
    }

    /// The wheels of a lock for a target. What has none is built, unless it was before.
    async fn choose(
        &self,
        image: &PackageImage,
        lock_file: &Path,
        target: &Target,
    ) -> Result<Vec<Chosen>, BuildError> {
        let unusable = |source: Box<dyn std::error::Error + Send + Sync>| BuildError::PackageLock {
            lock: lock_file.to_owned(),
            source,
        };
        let text = fs_err::read_to_string(lock_file).map_err(|error| unusable(Box::new(error)))?;
        let lock = Pylock::parse(&text).map_err(|error| unusable(Box::new(error)))?;
        let selection = lock.select(target).map_err(|error| unusable(Box::new(error)))?;
        let uncovered = lock.coverage(target).map_err(|error| unusable(Box::new(error)))?;
        let folder = lock_file.parent().unwrap_or(Path::new(""));
        let mut all = Vec::new();
        for (order, selected) in selection.packages.iter().enumerate() {
            let package = selected.package.to_string();
            let mut is_built = false;
            let mut file = match selected.choice {
                Choice::Wheel(wheel) => wheel.file.clone(),
                Choice::Archive { file, subdirectory: None } if is_wheel(&file.file_name) => file.clone(),
                choice => {
                    is_built = true;
                    let offer = uncovered.iter().find(|other| std::ptr::eq(other.package, selected.package));
                    let offer = offer.map(|other| other.offer.clone());
                    let sources = Sources { package: package.clone(), choice, offer, folder };
                    self.built_wheel(image, target, sources).await?
                }
            };
            // Paths in a lock start where it is.
            if let Some(path) = &mut file.path {
                *path = folder.join(&*path).to_string_lossy().into_owned();
            }
            let digest = file.digest().ok_or_else(|| BuildError::NoDigest { package: package.clone() })?;
            let size = file.size.unwrap_or_default();
            let packed = PackedWheel { name: selected.package.name.clone(), size };
            let provenance = Provenance { requested: false, direct_url: selected.choice.direct_url() };
            all.push(Chosen { order, package, file, digest, provenance, packed, is_built, bytecode: None });
        }
        Ok(all)
    }
}

/// What a wheel becomes in an image.
pub(super) fn installation<'w>(
    opened: &'w Wheel,
    wheel: &Chosen,
    scheme: &Scheme,
) -> Result<Installation<'w>, BuildError> {
    let installation = opened.installation(scheme, &wheel.provenance);
    installation.map_err(|error| broken(opened.file_name(), error))
}

/// Adds the bytecode that has this path in an archive.
pub(super) fn add_bytecode(
    contents: &mut LayerContents<'_>,
    archive: &BytecodeArchive,
    path: &str,
) -> Result<(), LayerError> {
    archive.module(path).map_or(Ok(()), |module| contents.add_bytecode(PREFIX, archive, module))
}

pub(super) fn broken(wheel: &str, source: impl std::error::Error + Send + Sync + 'static) -> BuildError {
    BuildError::Wheel { wheel: wheel.to_owned(), source: Box::new(source) }
}

fn is_wheel(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "whl")
}
