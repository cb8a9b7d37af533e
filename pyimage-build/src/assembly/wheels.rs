//! Layers of wheels.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Assembly, AssemblyError, Baked, MadeLayer, PREFIX};
use crate::{
    BaseFolders, BytecodeArchive, Choice, Digest, Installation, LayerContents, LayerError, LayerKey,
    LayerOptions, LockedFile, LockedImage, PackageImage, PackedWheel, Packing, Platform, Provenance, Pylock,
    PythonVersion, Scheme, Selection, Suite, Target, Tree, Uncovered, Wheel, WheelLimits, WheelOffer,
};

/// A wheel of an image.
#[doc(hidden)]
#[derive(Debug)]
pub struct ChosenWheel {
    /// Its place in the order of installation.
    pub order: usize,
    pub package: String,
    pub file: LockedFile,
    pub digest: Digest,
    pub provenance: Provenance,
    packed: PackedWheel,
    /// It was made of sources, and is in the cache.
    pub is_built: bool,
    /// The archive of its bytecode, where that is baked.
    pub bytecode: Option<Digest>,
}

/// A layer of wheels before it is made.
#[doc(hidden)]
#[derive(Debug)]
pub struct WheelLayer {
    pub wheels: Vec<ChosenWheel>,
    pub key: LayerKey,
    pub scheme: Scheme,
    pub options: LayerOptions,
    created_by: String,
    /// What its wheels need is checked.
    pub checked: bool,
}

impl WheelLayer {
    /// Whether a wheel of it was made of sources.
    #[must_use]
    pub fn has_built(&self) -> bool {
        self.wheels.iter().any(|wheel| wheel.is_built)
    }
}

/// The packages of an image, as they are locked.
#[doc(hidden)]
#[derive(Debug)]
pub struct LockedPackages {
    lock: Pylock,
    file: PathBuf,
}

/// What of them is installed somewhere.
#[doc(hidden)]
#[derive(Debug)]
pub struct PickedWheels<'l> {
    selection: Selection<'l>,
    uncovered: Vec<Uncovered<'l>>,
    target: String,
    /// Paths in a lock start where it is.
    folder: &'l Path,
}

/// A package that has no wheel.
#[doc(hidden)]
#[derive(Debug)]
pub struct Lacking<'l> {
    pub package: String,
    /// What it has instead.
    pub choice: Choice<'l>,
    /// For what it has wheels.
    pub offer: Option<WheelOffer>,
    /// Where the lock is.
    pub folder: &'l Path,
}

impl LockedPackages {
    /// What is installed there.
    pub fn pick(&self, target: &Target) -> Result<PickedWheels<'_>, AssemblyError> {
        let unusable = |source| unusable(&self.file, source);
        Ok(PickedWheels {
            selection: self.lock.select(target).map_err(unusable)?,
            uncovered: self.lock.coverage(target).map_err(unusable)?,
            target: target.to_string(),
            folder: self.file.parent().unwrap_or(Path::new("")),
        })
    }
}

fn unusable(lock: &Path, source: impl std::error::Error + Send + Sync + 'static) -> AssemblyError {
    AssemblyError::PackageLock { lock: lock.to_owned(), source: Box::new(source) }
}

impl<'l> PickedWheels<'l> {
    /// What has to be built before it can be installed.
    #[must_use]
    pub fn lacking(&self) -> Vec<Lacking<'l>> {
        let lacking = |selected: &crate::Selected<'l>| {
            let offer = self.uncovered.iter().find(|other| std::ptr::eq(other.package, selected.package));
            wheel_of(&selected.choice).is_none().then(|| Lacking {
                package: selected.package.to_string(),
                choice: selected.choice,
                offer: offer.map(|other| other.offer.clone()),
                folder: self.folder,
            })
        };
        self.selection.packages.iter().filter_map(lacking).collect()
    }

    /// The wheels. Those that were built are given by their packages.
    pub fn wheels(&self, built: &BTreeMap<String, LockedFile>) -> Result<Vec<ChosenWheel>, AssemblyError> {
        let mut all = Vec::new();
        for (order, selected) in self.selection.packages.iter().enumerate() {
            let package = selected.package.to_string();
            let locked = wheel_of(&selected.choice);
            let is_built = locked.is_none();
            let mut file = locked.or_else(|| built.get(&package)).cloned().ok_or_else(|| {
                AssemblyError::NoWheel { package: package.clone(), target: self.target.clone() }
            })?;
            // Paths in a lock start where it is.
            if let Some(path) = &mut file.path {
                *path = self.folder.join(&*path).to_string_lossy().into_owned();
            }
            let digest = file.digest().ok_or_else(|| AssemblyError::NoDigest { package: package.clone() })?;
            let size = file.size.unwrap_or_default();
            let packed = PackedWheel { name: selected.package.name.clone(), size };
            let provenance = Provenance { requested: false, direct_url: selected.choice.direct_url() };
            all.push(ChosenWheel {
                order,
                package,
                file,
                digest,
                provenance,
                packed,
                is_built,
                bytecode: None,
            });
        }
        Ok(all)
    }
}

/// The cache's folder of notes on which wheel was built of some sources.
const BUILT: &str = "built-wheels";

/// A wheel that was built, as it is noted.
#[derive(Serialize, Deserialize)]
struct BuiltWheel {
    file_name: String,
    /// From the cache folder.
    path: String,
    size: u64,
    sha256: Digest,
}

/// Where it is noted which wheel was built of sources that stay the same.
fn built_entry(lacking: &Lacking<'_>, target: &Target) -> Option<String> {
    let sources = match lacking.choice {
        Choice::Sdist(file) => file.digest()?.to_string(),
        Choice::Archive { file, subdirectory } => format!("{} {subdirectory:?}", file.digest()?),
        Choice::Vcs(vcs) => {
            format!("{} {:?} {} {:?}", vcs.kind, vcs.url.as_ref()?, vcs.commit_id, vcs.subdirectory)
        }
        Choice::Wheel(_) | Choice::Directory(_) => return None,
    };
    let key = Digest::of(format!("{sources} {target}").as_bytes());
    Some(format!("{BUILT}/{}.json", key.hex()))
}

/// The wheel that a package is installed from, where it has one.
fn wheel_of<'l>(choice: &Choice<'l>) -> Option<&'l LockedFile> {
    match choice {
        Choice::Wheel(wheel) => Some(&wheel.file),
        Choice::Archive { file, subdirectory: None } if is_wheel(&file.file_name) => Some(file),
        _ => None,
    }
}

fn is_wheel(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "whl")
}

#[doc(hidden)]
impl Assembly<'_> {
    /// The packages of an image; none where it has no lock of them.
    pub fn packages(&self, image: &PackageImage) -> Result<Option<LockedPackages>, AssemblyError> {
        let file = image.settings.packages.lock.clone();
        if !file.is_file() {
            return Ok(None);
        }
        let text = fs_err::read_to_string(&file).map_err(|error| unusable(&file, error))?;
        let lock = Pylock::parse(&text).map_err(|error| unusable(&file, error))?;
        Ok(Some(LockedPackages { lock, file }))
    }

    /// What the packages of an image are for on a platform.
    pub fn target(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Target, AssemblyError> {
        let settings = &image.settings.packages;
        let unknown = || AssemblyError::UnknownSystem { base: image.settings.base.familiar() };
        let libc = locked.suite.as_ref().and_then(Suite::libc).ok_or_else(unknown)?;
        let python: PythonVersion = locked.python.parse().map_err(|_| unknown())?;
        let mut target = Target::new(python, platform.clone(), libc).map_err(|_| unknown())?;
        // A lock of ours has them resolved already.
        if settings.requirements.is_empty() && !settings.extras.is_empty() {
            target = target.with_extras(&settings.extras);
        }
        Ok(target)
    }

    /// The wheel that was last built of what a package has instead; none of a folder, which may have changed since.
    #[must_use]
    pub fn built(&self, lacking: &Lacking<'_>, target: &Target) -> Option<LockedFile> {
        let built: BuiltWheel = self.note(&built_entry(lacking, target)?)?;
        let path = self.cache.root().join(&built.path);
        let size = fs_err::metadata(&path).ok()?.len();
        (size == built.size).then(|| LockedFile {
            file_name: built.file_name,
            url: None,
            path: Some(path.to_string_lossy().into_owned()),
            size: Some(size),
            upload_time: None,
            hashes: [("sha256".to_owned(), built.sha256.hex().to_owned())].into(),
        })
    }

    /// Notes which wheel was built, for those who cannot build.
    pub fn remember_built(
        &self,
        lacking: &Lacking<'_>,
        target: &Target,
        file: &LockedFile,
    ) -> Result<(), AssemblyError> {
        let (Some(entry), Some(path), Some(sha256)) =
            (built_entry(lacking, target), &file.path, file.digest())
        else {
            return Ok(());
        };
        let Ok(path) = Path::new(path).strip_prefix(self.cache.root()) else { return Ok(()) };
        let path = path.to_string_lossy().into_owned();
        let size = file.size.unwrap_or_default();
        let built = BuiltWheel { file_name: file.file_name.clone(), path, size, sha256 };
        Ok(self.made.write_json(entry, &built)?)
    }

    /// The layers of an image's wheels on a platform, the lowest first.
    pub fn plan(
        &self,
        image: &PackageImage,
        locked: &LockedImage,
        chosen: Vec<ChosenWheel>,
    ) -> Result<Vec<WheelLayer>, AssemblyError> {
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let python = locked.python.parse().ok();
        let scheme = python.as_ref().and_then(Scheme::of);
        let scheme =
            scheme.ok_or_else(|| AssemblyError::UnknownSystem { base: image.settings.base.familiar() })?;
        let options = LayerOptions { base_folders: BaseFolders::of(&scheme), ..self.layer_options(image, 0) };
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
            WheelLayer { wheels, key, scheme, options, created_by, checked }
        });
        Ok(layers.collect())
    }

    /// Makes a layer whose wheels are there, unless it was made before.
    pub fn wheel_layer(&self, layer: &WheelLayer, baked: &Baked) -> Result<MadeLayer, AssemblyError> {
        let WheelLayer { wheels, key, scheme, options, created_by, .. } = layer;
        if let Some(known) = self.known(key, created_by) {
            return Ok(known);
        }
        let broken = |error| AssemblyError::wheel(created_by, error);
        let opened = wheels.iter().map(|wheel| self.open(wheel)).collect::<Result<Vec<_>, _>>()?;
        let installations =
            opened.iter().zip(wheels).map(|(opened, wheel)| installation(opened, wheel, scheme));
        let installations = installations.collect::<Result<Vec<_>, _>>()?;
        let tree = Tree::of(&installations).map_err(|error| AssemblyError::wheel(created_by, error))?;
        // Of files that several have, the tree has the last one's.
        let all = installations.iter().zip(wheels);
        let owners: HashMap<&str, &ChosenWheel> =
            all.flat_map(|(its, wheel)| its.files().iter().map(move |file| (file.path(), wheel))).collect();
        let compiled = tree.files().iter().filter_map(|file| {
            let (archive, path) = baked.of(owners.get(file.path())?, file.path(), scheme.minor())?;
            Some((path, archive))
        });
        let compiled: BTreeMap<String, &BytecodeArchive> = compiled.collect();
        let mut contents = LayerContents::new();
        // A wheel that brings bytecode along has it for another time of its sources.
        for file in tree.files().iter().filter(|file| !compiled.contains_key(file.path())) {
            contents.add_installed(PREFIX, file).map_err(broken)?;
        }
        for (path, archive) in &compiled {
            add_bytecode(&mut contents, archive, path).map_err(broken)?;
        }
        self.make(&contents, options, Some(key), created_by)
    }

    /// Opens a wheel that is there.
    pub fn open(&self, wheel: &ChosenWheel) -> Result<Wheel, AssemblyError> {
        let name = &wheel.file.file_name;
        let opened = Wheel::open_as(&self.wheel_path(wheel), name, &WheelLimits::default());
        opened.map_err(|error| AssemblyError::wheel(name, error))
    }

    /// Where a wheel is: on this machine as the lock says, or in the cache.
    #[must_use]
    pub fn wheel_path(&self, wheel: &ChosenWheel) -> PathBuf {
        match &wheel.file.path {
            Some(path) => PathBuf::from(path),
            None => self.cache.blob(&wheel.digest),
        }
    }
}

/// What a wheel becomes in an image.
#[doc(hidden)]
pub fn installation<'w>(
    opened: &'w Wheel,
    wheel: &ChosenWheel,
    scheme: &Scheme,
) -> Result<Installation<'w>, AssemblyError> {
    let installation = opened.installation(scheme, &wheel.provenance);
    installation.map_err(|error| AssemblyError::wheel(opened.file_name(), error))
}

/// Adds the bytecode that has this path in an archive.
pub(super) fn add_bytecode(
    contents: &mut LayerContents<'_>,
    archive: &BytecodeArchive,
    path: &str,
) -> Result<(), LayerError> {
    archive.module(path).map_or(Ok(()), |module| contents.add_bytecode(PREFIX, archive, module))
}
