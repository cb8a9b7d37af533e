//! Which wheel goes into which layer.

use std::collections::BTreeMap;
use std::num::NonZero;

use crate::{Digest, PackageName};

/// From how many bytes on a wheel is worth a layer of its own.
const LARGE: u64 = 4 << 20;
/// How many layers the others share at most.
const SHARED: usize = 6;

/// Wheels by layer: large ones alone, the others in groups that change as little as can be.
///
/// A group is chosen by a wheel's name, so that adding, removing or updating one wheel leaves the others where they
/// are: it changes the layers of that wheel, and at most two more where there are more large wheels than layers.
/// The order of the wheels makes no difference.
///
/// ```
/// use std::num::NonZero;
/// use pyimage_build::{PackedWheel, Packing};
///
/// let wheel = |name: &str, size| Ok(PackedWheel { name: name.parse()?, size });
/// let wheels = [wheel("pandas", 12_000_000)?, wheel("six", 11_000)?, wheel("numpy", 16_000_000)?];
/// let packing = Packing::of(&wheels, Packing::DEFAULT_BUDGET);
/// assert_eq!(packing.layers(), [vec![2], vec![0], vec![1]]);
/// # Ok::<(), pyimage_build::PackageNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    layers: Vec<Vec<usize>>,
}

/// A wheel, as far as its place depends on it.
///
/// ```
/// use pyimage_build::PackedWheel;
///
/// let wheel = PackedWheel { name: "numpy".parse()?, size: 16_000_000 };
/// # Ok::<(), pyimage_build::PackageNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedWheel {
    /// The package's name.
    pub name: PackageName,
    /// How many bytes the wheel has.
    pub size: u64,
}

impl Packing {
    /// How many layers wheels take at most, where nobody says.
    ///
    /// ```
    /// assert_eq!(pyimage_build::Packing::DEFAULT_BUDGET.get(), 16);
    /// ```
    pub const DEFAULT_BUDGET: NonZero<usize> = NonZero::new(16).unwrap();

    /// Packs wheels, each package once, into at most `budget` layers.
    ///
    /// ```
    /// # use std::num::NonZero;
    /// # use pyimage_build::{PackedWheel, Packing};
    /// # let wheel = |name: &str| Ok(PackedWheel { name: name.parse()?, size: 16_000_000 });
    /// let wheels = [wheel("torch")?, wheel("numpy")?];
    /// assert_eq!(Packing::of(&wheels, NonZero::<usize>::MIN).layers(), [vec![1, 0]]);
    /// # Ok::<(), pyimage_build::PackageNameError>(())
    /// ```
    #[must_use]
    pub fn of(wheels: &[PackedWheel], budget: NonZero<usize>) -> Self {
        let shared = (budget.get() * 3 / 8).clamp(1, SHARED);
        let mut order: Vec<usize> = (0..wheels.len()).collect();
        order.sort_by(|&one, &other| wheels[one].name.cmp(&wheels[other].name));
        // The largest ones, where there are too many; which of them depends on nothing else.
        let mut alone: Vec<usize> =
            order.iter().copied().filter(|&wheel| wheels[wheel].size >= LARGE).collect();
        alone.sort_by_key(|&wheel| std::cmp::Reverse(wheels[wheel].size));
        alone.truncate(budget.get() - shared);
        let mut groups: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let mut layers = Vec::new();
        for wheel in order {
            if alone.contains(&wheel) {
                layers.push(vec![wheel]);
            } else {
                groups.entry(hash(&wheels[wheel].name) % shared as u64).or_default().push(wheel);
            }
        }
        layers.extend(groups.into_values());
        Self { layers }
    }

    /// The layers, the lowest first: large wheels by name, then the groups. Each has the places of its wheels in the
    /// list that was packed, by name.
    ///
    /// ```
    /// # use pyimage_build::Packing;
    /// assert!(Packing::of(&[], Packing::DEFAULT_BUDGET).layers().is_empty());
    /// ```
    #[must_use]
    pub fn layers(&self) -> &[Vec<usize>] {
        &self.layers
    }
}

/// The same on every machine and in every version.
fn hash(name: &PackageName) -> u64 {
    let digest = Digest::of(name.as_str().as_bytes());
    digest
        .hex()
        .bytes()
        .take(15)
        .fold(0, |hash, digit| hash * 16 + u64::from(char::from(digit).to_digit(16).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn wheels() -> impl Strategy<Value = Vec<PackedWheel>> {
        let size = prop_oneof![1..LARGE, LARGE..LARGE * 100];
        prop::collection::btree_map("[a-z]{1,6}", size, 0..60).prop_map(|wheels| {
            let wheel = |(name, size): (String, u64)| PackedWheel { name: name.parse().unwrap(), size };
            wheels.into_iter().map(wheel).collect()
        })
    }

    /// Layers by what is in them, which is what their digests depend on.
    fn packed(wheels: &[PackedWheel], budget: usize) -> Vec<Vec<&str>> {
        let packing = Packing::of(wheels, NonZero::new(budget).unwrap());
        let names = |layer: &Vec<usize>| layer.iter().map(|&wheel| wheels[wheel].name.as_str()).collect();
        packing.layers.iter().map(names).collect()
    }

    #[test]
    fn groups_stay_between_versions() {
        let names =
            ["attrs", "certifi", "charset-normalizer", "click", "idna", "requests", "rich", "urllib3"];
        let wheels = names.map(|name| PackedWheel { name: name.parse().unwrap(), size: 1 });
        assert_eq!(
            packed(&wheels, 16),
            [
                vec!["requests"],
                vec!["certifi", "click"],
                vec!["rich"],
                vec!["charset-normalizer"],
                vec!["attrs"],
                vec!["idna", "urllib3"],
            ]
        );
    }

    proptest! {
        #[test]
        fn each_wheel_is_in_one_layer(wheels in wheels(), budget in 1..40_usize) {
            let layers = packed(&wheels, budget);
            prop_assert!(layers.len() <= budget);
            prop_assert!(layers.iter().all(|layer| !layer.is_empty()));
            let mut names: Vec<&str> = layers.into_iter().flatten().collect();
            names.sort_unstable();
            prop_assert!(names.into_iter().eq(wheels.iter().map(|wheel| wheel.name.as_str())));
        }

        #[test]
        fn the_order_makes_no_difference(wheels in wheels(), budget in 1..20_usize) {
            let mut reversed = wheels.clone();
            reversed.reverse();
            prop_assert_eq!(packed(&wheels, budget), packed(&reversed, budget));
        }

        #[test]
        fn another_wheel_leaves_the_other_layers(wheels in wheels(), budget in 1..20_usize, at: prop::sample::Index) {
            prop_assume!(!wheels.is_empty());
            let before: BTreeSet<_> = packed(&wheels, budget).into_iter().collect();
            let mut fewer = wheels.clone();
            fewer.remove(at.index(wheels.len()));
            let after: BTreeSet<_> = packed(&fewer, budget).into_iter().collect();
            // Its own layer; with too many large ones, one more comes into a group or out of it.
            prop_assert!(before.difference(&after).count() <= 2, "{before:?} {after:?}");
            prop_assert!(after.difference(&before).count() <= 2, "{before:?} {after:?}");
        }
    }
}
