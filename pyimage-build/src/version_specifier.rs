//! Whether a version is in what a specifier allows, where `pep440_rs` says otherwise than the specification.

use std::cmp::Ordering;

use pep440_rs::{Operator, Version, VersionSpecifier};

/// Whether a version satisfies a specifier, prereleases included, as `packaging` has it.
///
/// `pep440_rs` 0.7 differs in two points: it takes 3.13 for `==3.13.1.*`, as if what a version leaves out were not
/// zero; and 3.13.0rc1 is not in its `<3.13.0rc2`, though the specification keeps prereleases only out of
/// `<3.13.0`.
pub(crate) fn contains(specifier: &VersionSpecifier, version: &Version) -> bool {
    let limit = specifier.version();
    match specifier.operator() {
        Operator::EqualStar => starts_with(version, limit),
        Operator::NotEqualStar => !starts_with(version, limit),
        Operator::LessThan => {
            let version = version.clone().without_local();
            let before_final = !limit.any_prerelease()
                && version.any_prerelease()
                && version.epoch() == limit.epoch()
                && releases(&version, limit) == Ordering::Equal;
            version < *limit && !before_final
        }
        _ => specifier.contains(version),
    }
}

/// Whether the release of the version starts with the prefix, being as long as it takes.
fn starts_with(version: &Version, prefix: &Version) -> bool {
    let numbers = version.release().iter().chain(std::iter::repeat(&0));
    version.epoch() == prefix.epoch()
        && prefix.release().iter().zip(numbers).all(|(left, right)| left == right)
}

fn releases(left: &Version, right: &Version) -> Ordering {
    left.only_release().cmp(&right.only_release())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_packaging_has_it() {
        for (specifier, inside, outside) in [
            ("==3.13.1.*", "3.13.1 3.13.1.2 3.13.1rc1", "3.13 3.13.0 3.14"),
            ("!=3.13.1.*", "3.13 3.13.0 3.14", "3.13.1 3.13.1.2"),
            ("==3.13.0.*", "3.13 3.13.0", "3.13.1"),
            ("<3.13.0rc2", "3.13.0rc1 3.12", "3.13.0rc2 3.13"),
            ("<3.13", "3.12.9 3.12.9rc1", "3.13.0rc1 3.13.0.dev1 3.13"),
            ("<1!3.13", "3.14 1!3.12", "1!3.13.0rc1"),
            ("<=3.13", "3.13 3.13.0rc1", "3.13.1"),
            (">3.13", "3.13.1 3.14.0a1", "3.13 3.13.post1 3.13+local"),
        ] {
            let specifier: VersionSpecifier = specifier.parse().unwrap();
            for (versions, expected) in [(inside, true), (outside, false)] {
                for version in versions.split(' ') {
                    let found = contains(&specifier, &version.parse().unwrap());
                    assert_eq!(found, expected, "{specifier} and {version}");
                }
            }
        }
    }
}
