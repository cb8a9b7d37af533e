//! Layers of wheels.

use pyimage_build::{
    Choice, LayerContents, LayerKey, LockedFile, LockedImage, PackedWheel, Packing, Platform, Provenance,
    Pylock, Scheme, Target, Tree, Wheel, WheelLimits,
};
use pyrun::environment;
use pyrun::plan::Request;

use super::layers::Made;
use super::{BuildError, Builder, PackageImage};

/// Where the official image's Python has its packages.
const PREFIX: &str = "usr/local";

/// A wheel of an image.
struct Chosen {
    package: String,
    file: LockedFile,
    provenance: Provenance,
    packed: PackedWheel,
}

impl Builder<'_> {
    /// The layers of an image's wheels on a platform, the lowest first.
    pub(super) async fn wheels(
        &self,
        image: &PackageImage,
        platform: &Platform,
        locked: &LockedImage,
    ) -> Result<Vec<Made>, BuildError> {
        let settings = &image.settings.packages;
        if !settings.lock.is_file() {
            return Ok(Vec::new());
        }
        let unusable = |source: Box<dyn std::error::Error + Send + Sync>| BuildError::PackageLock {
            lock: settings.lock.clone(),
            source,
        };
        let unfit = || BuildError::UnknownSystem { base: image.settings.base.familiar() };
        let libc = locked.suite.as_ref().and_then(pyimage_build::Suite::libc).ok_or_else(unfit)?;
        let python = locked.python.parse().map_err(|_| unfit())?;
        let mut target = Target::new(python, platform.clone(), libc).map_err(|_| unfit())?;
        let text = fs_err::read_to_string(&settings.lock).map_err(|error| unusable(Box::new(error)))?;
        let lock = Pylock::parse(&text).map_err(|error| unusable(Box::new(error)))?;
        // A lock of ours has them resolved already.
        if settings.requirements.is_empty() && !settings.extras.is_empty() {
            target = target.with_extras(&settings.extras);
        }
        let selection = lock.select(&target).map_err(|error| unusable(Box::new(error)))?;
        let mut chosen = Vec::new();
        for selected in &selection.packages {
            let direct_url = selected.choice.direct_url();
            let package = selected.package.to_string();
            let file = match selected.choice {
                Choice::Wheel(wheel) => wheel.file.clone(),
                Choice::Archive { file, subdirectory: None } if file.file_name.ends_with(".whl") => {
                    file.clone()
                }
                _ => return Err(BuildError::NoWheel { package, target: target.to_string() }),
            };
            let size = file.size.unwrap_or_default();
            let packed = PackedWheel { name: selected.package.name.clone(), size };
            chosen.push(Chosen {
                package,
                file,
                provenance: Provenance { requested: false, direct_url },
                packed,
            });
        }
        let minor = u16::try_from(target.python().minor().unwrap_or_default()).unwrap_or_default();
        self.layers(image, &chosen, minor).await
    }

    async fn layers(
        &self,
        image: &PackageImage,
        chosen: &[Chosen],
        minor: u16,
    ) -> Result<Vec<Made>, BuildError> {
        let (scheme, options) = (Scheme::official(minor), self.layer_options(minor));
        let packed: Vec<_> = chosen.iter().map(|wheel| wheel.packed.clone()).collect();
        let mut made = Vec::new();
        for layer in Packing::of(&packed, Packing::DEFAULT_BUDGET).layers() {
            let wheels: Vec<&Chosen> = layer.iter().map(|&place| &chosen[place]).collect();
            let mut key = LayerKey::new(PREFIX, &scheme, &options);
            for wheel in &wheels {
                let digest = wheel.file.digest();
                let digest = digest.ok_or_else(|| BuildError::NoDigest { package: wheel.package.clone() })?;
                key.add_wheel(&digest, &wheel.provenance);
            }
            let names: Vec<_> = wheels.iter().map(|wheel| wheel.package.as_str()).collect();
            let created_by = format!("wheels: {}", names.join(", "));
            if let Some(known) = self.known(&key, &created_by) {
                made.push(known);
                continue;
            }
            let files: Vec<_> = wheels.iter().map(|wheel| wheel.file.clone()).collect();
            let request = Request {
                folder: self.root.as_std_path().to_owned(),
                offline: self.offline,
                ..Request::default()
            };
            let fetched = environment::fetch(&request, &files, self.cache, self.shell).await;
            let fetched = fetched.map_err(|source| BuildError::Fetch {
                image: image.package.clone(),
                source: Box::new(source),
            })?;
            let broken = |wheel: &str, source: Box<dyn std::error::Error + Send + Sync>| BuildError::Wheel {
                wheel: wheel.to_owned(),
                source,
            };
            let opened = fetched
                .iter()
                .map(|wheel| {
                    let opened =
                        Wheel::open_as(wheel.path.as_std_path(), &wheel.file_name, &WheelLimits::default());
                    opened.map_err(|error| broken(&wheel.file_name, Box::new(error)))
                })
                .collect::<Result<Vec<_>, _>>()?;
            let installations = opened
                .iter()
                .zip(&wheels)
                .map(|(opened, wheel)| {
                    let installation = opened.installation(&scheme, &wheel.provenance);
                    installation.map_err(|error| broken(opened.file_name(), Box::new(error)))
                })
                .collect::<Result<Vec<_>, _>>()?;
            let tree = Tree::of(&installations).map_err(|error| broken(&created_by, Box::new(error)))?;
            let mut contents = LayerContents::new();
            for file in tree.files() {
                let added = contents.add_installed(PREFIX, file);
                added.map_err(|error| broken(&created_by, Box::new(error)))?;
            }
            made.push(self.make(&contents, &options, Some(&key), &created_by)?);
        }
        Ok(made)
    }
}
