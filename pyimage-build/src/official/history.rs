//! What a tag without a suite meant and means: the default Debian and Alpine releases over time.
//!
//! A patch release keeps the default of its last day in the list, since nothing rebuilds it later.

use DebianRelease::{Bookworm, Bullseye, Buster, Jessie, Stretch, Trixie};

use super::Build;
use crate::{DebianRelease, Prerelease, PythonVersion};

/// The defaults of a minor version, each with the first patch release that had it when it left the list.
///
/// Of earlier patch releases the list does not tell: it named the folders of that time without a suite.
struct Defaults {
    python: (u16, u16),
    debian: &'static [(u16, DebianRelease)],
    /// Minor versions of Alpine 3.
    alpine: &'static [(u16, u16)],
}

/// Computed from every commit of `library/python` in docker-library/official-images from 2014-06-23 to 2026-08-13.
#[rustfmt::skip]
const DEFAULTS: &[Defaults] = &[
    Defaults {
        python: (2, 7),
        debian: &[(13, Jessie), (15, Stretch), (16, Buster)],
        alpine: &[(13, 4), (15, 9), (16, 10), (17, 11)],
    },
    Defaults {
        python: (3, 3),
        debian: &[(6, Jessie)],
        alpine: &[(6, 4)],
    },
    Defaults {
        python: (3, 4),
        debian: &[(6, Jessie), (8, Stretch)],
        alpine: &[(6, 4), (8, 8), (9, 9)],
    },
    Defaults {
        python: (3, 5),
        debian: &[(3, Jessie), (5, Stretch), (7, Buster)],
        alpine: &[(3, 4), (5, 8), (6, 9), (7, 10), (9, 12)],
    },
    Defaults {
        python: (3, 6),
        debian: &[(2, Jessie), (5, Stretch), (9, Buster), (14, Bullseye)],
        alpine: &[(2, 4), (5, 7), (6, 8), (8, 10), (10, 12), (12, 13), (13, 14), (15, 15)],
    },
    Defaults {
        python: (3, 7),
        debian: &[(0, Stretch), (4, Buster), (11, Bullseye), (17, Bookworm)],
        alpine: &[(0, 8), (2, 9), (3, 10), (6, 11), (7, 12), (9, 13), (10, 14), (12, 15), (13, 16),
            (15, 17), (16, 18)],
    },
    Defaults {
        python: (3, 8),
        debian: &[(0, Buster), (11, Bullseye), (17, Bookworm)],
        alpine: &[(0, 10), (1, 11), (3, 12), (7, 13), (10, 14), (12, 15), (13, 16), (15, 17), (16, 18),
            (18, 19), (19, 20)],
    },
    Defaults {
        python: (3, 9),
        debian: &[(0, Buster), (6, Bullseye), (17, Bookworm), (23, Trixie)],
        alpine: &[(0, 12), (1, 13), (5, 14), (9, 15), (13, 16), (15, 17), (16, 18), (18, 19), (19, 20),
            (21, 21), (22, 22)],
    },
    Defaults {
        python: (3, 10),
        debian: &[(0, Bullseye), (12, Bookworm), (18, Trixie)],
        alpine: &[(0, 15), (4, 16), (8, 17), (11, 18), (13, 19), (14, 20), (16, 21), (17, 22), (19, 23),
            (20, 24)],
    },
    Defaults {
        python: (3, 11),
        debian: &[(0, Bullseye), (4, Bookworm), (13, Trixie)],
        alpine: &[(0, 17), (3, 18), (7, 19), (9, 20), (11, 21), (12, 22), (14, 23), (15, 24)],
    },
    Defaults {
        python: (3, 12),
        debian: &[(0, Bookworm), (11, Trixie)],
        alpine: &[(0, 18), (1, 19), (3, 20), (8, 21), (10, 22), (12, 23), (13, 24)],
    },
    Defaults {
        python: (3, 13),
        debian: &[(0, Bookworm), (6, Trixie)],
        alpine: &[(0, 20), (1, 21), (3, 22), (10, 23), (14, 24)],
    },
    Defaults {
        python: (3, 14),
        debian: &[(0, Trixie)],
        alpine: &[(0, 22), (1, 23), (6, 24)],
    },
];

/// The Debian release of a tag with this version and no suite.
pub(crate) fn debian(version: Option<&PythonVersion>) -> Option<DebianRelease> {
    default(version, |defaults| defaults.debian, |build| build.debian.first().map(|(release, _)| *release))
}

/// The minor version of Alpine 3 of an Alpine tag with this version and no suite.
pub(crate) fn alpine(version: Option<&PythonVersion>) -> Option<u16> {
    default(version, |defaults| defaults.alpine, |build| build.alpine.first().map(|(minor, _)| *minor))
}

fn default<T: Copy>(
    version: Option<&PythonVersion>,
    then: fn(&Defaults) -> &'static [(u16, T)],
    now: fn(&Build) -> Option<T>,
) -> Option<T> {
    if let Some(build) = Build::of(version) {
        return now(build);
    }
    let version = version?;
    let python = (version.major(), version.minor()?);
    let build = super::BUILDS.iter().find(|build| (build.major, build.minor) == python);
    let row = DEFAULTS.iter().find(|defaults| defaults.python == python);
    match (version.patch(), version.prerelease()) {
        // A prerelease of the version that is under way now; what became of former ones is not in the table.
        (Some(_), Some(Prerelease::Alpha(_) | Prerelease::Beta(_) | Prerelease::Candidate(_))) => {
            build.filter(|build| build.prerelease).and_then(now)
        }
        (_, Some(_)) => None,
        (None, None) => then(row?).last().map(|(_, default)| *default),
        (Some(patch), None) => match row {
            Some(row) => {
                then(row).iter().rev().find(|(first, _)| *first <= patch).map(|(_, default)| *default)
            }
            // Newer than the table, and so never built with any other default than today's.
            None => build.filter(|build| !build.prerelease && build.last_patch.is_none()).and_then(now),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::official::BUILDS;

    #[test]
    fn each_row_is_in_order_and_ends_with_what_is_built() {
        assert!(DEFAULTS.is_sorted_by_key(|defaults| defaults.python));
        for defaults in DEFAULTS {
            assert!(defaults.debian.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1), "{:?}", defaults.python);
            assert!(defaults.alpine.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1), "{:?}", defaults.python);
            if let Some(build) = BUILDS.iter().find(|build| (build.major, build.minor) == defaults.python) {
                assert_eq!(
                    defaults.debian.last().map(|(_, release)| *release),
                    build.debian.first().map(|(of, _)| *of)
                );
                assert_eq!(
                    defaults.alpine.last().map(|(_, minor)| *minor),
                    build.alpine.first().map(|(of, _)| *of)
                );
            }
        }
    }
}
