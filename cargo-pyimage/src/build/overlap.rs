//! Files that several wheels of an image have: the order of layers is not the order of installation.

use std::collections::{BTreeMap, HashSet};

use pyimage_build::{CompiledFrom, Digest, LayerContents, LayerKey, LockedBase, LockedImage, Tree};

use super::bytecode::{Baked, Unit, Units};
use super::layers::Made;
use super::wheels::{Chosen, PREFIX, WheelLayer, add_bytecode, broken, installation};
use super::{BuildError, Builder, PackageImage};

const CREATED_BY: &str = "wheels: files that several of them have";

impl Builder<'_> {
    /// The layer that goes on top of those of the wheels where they have files of the same paths; mostly there is none.
    pub(super) async fn overlap(
        &self,
        image: &PackageImage,
        base: &LockedBase,
        locked: &LockedImage,
        layers: &[WheelLayer],
        made: &[Made],
        baked: &mut Baked,
    ) -> Result<Option<Made>, BuildError> {
        let mut paths = HashSet::new();
        let mut all = made.iter().flat_map(|layer| layer.paths.iter());
        let Some(first) = layers.first().filter(|_| !all.all(|path| paths.insert(path))) else {
            return Ok(None);
        };
        // As they are installed: the last one's file is the one that stays.
        let mut wheels: Vec<&Chosen> = layers.iter().flat_map(|layer| &layer.wheels).collect();
        wheels.sort_by_key(|wheel| wheel.order);
        let mut key = LayerKey::new(PREFIX, &first.scheme, &first.options);
        let mut order = String::new();
        for wheel in &wheels {
            key.add_wheel(&wheel.digest, &wheel.provenance);
            order.push_str(&wheel.digest.to_string());
            if let Some(bytecode) = &wheel.bytecode {
                order.push_str(&bytecode.to_string());
            }
        }
        key.add_content("overlaps", &Digest::of(order.as_bytes()));
        if let Some(known) = self.known(&key, CREATED_BY) {
            return Ok(Some(known));
        }
        self.fetch_wheels(image, wheels.iter().copied()).await?;
        let opened = wheels.iter().map(|wheel| self.open(wheel)).collect::<Result<Vec<_>, _>>()?;
        let installations =
            opened.iter().zip(&wheels).map(|(opened, wheel)| installation(opened, wheel, &first.scheme));
        let installations = installations.collect::<Result<Vec<_>, _>>()?;
        let tree = Tree::of(&installations).map_err(|error| broken(CREATED_BY, error))?;
        let mut contents = LayerContents::new();
        contents.add_overlaps(PREFIX, &tree).map_err(|error| broken(CREATED_BY, error))?;
        for overlap in tree.overlaps().iter().filter(|overlap| !overlap.is_same) {
            let (path, replaced, taken) = (&overlap.path, &overlap.replaced, &overlap.taken);
            self.shell.warn(format_args!("`{path}` of {replaced} is replaced by that of {taken}"));
        }
        if contents.is_empty() {
            return Ok(None);
        }
        // The bytecode of a module that lies below another's would be run in its place.
        let units: Units<'_> = wheels
            .iter()
            .filter(|wheel| wheel.bytecode.is_some())
            .map(|wheel| {
                let from = CompiledFrom { python: locked.python.clone(), of: wheel.digest.clone() };
                (from, Unit { minor: first.minor, wheel: Some(wheel) })
            })
            .collect();
        baked.take(self.archives(image, base, &units).await?);
        let owners: BTreeMap<&str, &Chosen> =
            wheels.iter().map(|wheel| (wheel.file.file_name.as_str(), *wheel)).collect();
        let overlaps = tree.overlaps().iter().filter(|overlap| !overlap.is_same);
        // Of one that several replace, the last is taken.
        let taken: BTreeMap<&str, &str> =
            overlaps.map(|overlap| (overlap.path.as_str(), overlap.taken.as_str())).collect();
        for (path, taken) in taken {
            let Some(wheel) = owners.get(taken) else { continue };
            if let Some((archive, path)) = baked.of(wheel, path, first.minor) {
                add_bytecode(&mut contents, archive, &path).map_err(|error| broken(CREATED_BY, error))?;
            }
        }
        self.make(&contents, &first.options, Some(&key), CREATED_BY).map(Some)
    }
}
