//! Files that several wheels of an image have: the order of layers is not the order of installation.

use std::collections::{BTreeMap, HashSet};

use super::wheels::add_bytecode;
use super::{
    Assembly, AssemblyError, Baked, ChosenWheel, MadeLayer, PREFIX, Unit, Units, WheelLayer, installation,
};
use crate::{CompiledFrom, Digest, LayerContents, LayerKey, LockedImage, Tree};

const CREATED_BY: &str = "wheels: files that several of them have";

/// The wheels of an image that has some with files of the same paths.
#[doc(hidden)]
#[derive(Debug)]
pub struct Overlapping<'l> {
    /// As they are installed: the last one's file is the one that stays.
    pub wheels: Vec<&'l ChosenWheel>,
    first: &'l WheelLayer,
    key: LayerKey,
}

impl<'l> Overlapping<'l> {
    /// What of their bytecode is baked.
    #[must_use]
    pub fn units(&self, locked: &LockedImage) -> Units<'l> {
        // The bytecode of a module that lies below another's would be run in its place.
        let baked = self.wheels.iter().filter(|wheel| wheel.bytecode.is_some());
        let unit = |wheel: &&'l ChosenWheel| {
            let from = CompiledFrom { python: locked.python.clone(), of: wheel.digest.clone() };
            (from, Unit { minor: self.first.scheme.minor(), wheel: Some(*wheel) })
        };
        baked.map(unit).collect()
    }
}

#[doc(hidden)]
impl Assembly<'_> {
    /// The wheels that need a layer on top, where they have files of the same paths; mostly there are none.
    #[must_use]
    pub fn overlapping<'l>(layers: &'l [WheelLayer], made: &[MadeLayer]) -> Option<Overlapping<'l>> {
        let mut paths = HashSet::new();
        let mut all = made.iter().flat_map(|layer| layer.paths.iter());
        let first = layers.first().filter(|_| !all.all(|path| paths.insert(path)))?;
        let mut wheels: Vec<&ChosenWheel> = layers.iter().flat_map(|layer| &layer.wheels).collect();
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
        Some(Overlapping { wheels, first, key })
    }

    /// Its layer, if it was made before.
    #[must_use]
    pub fn known_overlap(&self, overlapping: &Overlapping<'_>) -> Option<MadeLayer> {
        self.known(&overlapping.key, CREATED_BY)
    }

    /// What is told of wheels that are there: which files take the place of others. None where no layer is needed, as all
    /// of them are the same.
    pub fn replaced(&self, overlapping: &Overlapping<'_>) -> Result<Option<Vec<String>>, AssemblyError> {
        self.with_tree(overlapping, |tree| {
            let mut contents = LayerContents::new();
            contents.add_overlaps(PREFIX, tree).map_err(|error| AssemblyError::wheel(CREATED_BY, error))?;
            let overlaps = tree.overlaps().iter().filter(|overlap| !overlap.is_same);
            let told = overlaps.map(|overlap| {
                let (path, replaced, taken) = (&overlap.path, &overlap.replaced, &overlap.taken);
                format!("`{path}` of {replaced} is replaced by that of {taken}")
            });
            Ok((!contents.is_empty()).then(|| told.collect()))
        })
    }

    /// Makes the layer that goes on top of those of the wheels, which are there.
    pub fn overlap(&self, overlapping: &Overlapping<'_>, baked: &Baked) -> Result<MadeLayer, AssemblyError> {
        let Overlapping { wheels, first, key } = overlapping;
        self.with_tree(overlapping, |tree| {
            let broken = |error| AssemblyError::wheel(CREATED_BY, error);
            let mut contents = LayerContents::new();
            contents.add_overlaps(PREFIX, tree).map_err(broken)?;
            let owners: BTreeMap<&str, &ChosenWheel> =
                wheels.iter().map(|wheel| (wheel.file.file_name.as_str(), *wheel)).collect();
            let overlaps = tree.overlaps().iter().filter(|overlap| !overlap.is_same);
            // Of one that several replace, the last is taken.
            let taken: BTreeMap<&str, &str> =
                overlaps.map(|overlap| (overlap.path.as_str(), overlap.taken.as_str())).collect();
            for (path, taken) in taken {
                let Some(wheel) = owners.get(taken) else { continue };
                if let Some((archive, path)) = baked.of(wheel, path, first.scheme.minor()) {
                    add_bytecode(&mut contents, archive, &path).map_err(broken)?;
                }
            }
            self.make(&contents, &first.options, Some(key), CREATED_BY)
        })
    }

    fn with_tree<T>(
        &self,
        overlapping: &Overlapping<'_>,
        with: impl FnOnce(&Tree<'_, '_>) -> Result<T, AssemblyError>,
    ) -> Result<T, AssemblyError> {
        let Overlapping { wheels, first, .. } = overlapping;
        let opened = wheels.iter().map(|wheel| self.open(wheel)).collect::<Result<Vec<_>, _>>()?;
        let installations =
            opened.iter().zip(wheels).map(|(opened, wheel)| installation(opened, wheel, &first.scheme));
        let installations = installations.collect::<Result<Vec<_>, _>>()?;
        let tree = Tree::of(&installations).map_err(|error| AssemblyError::wheel(CREATED_BY, error))?;
        with(&tree)
    }
}
