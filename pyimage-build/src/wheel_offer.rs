//! For what a package has wheels, in the words of platforms.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Libc, LibcRelease, LockedPackage, PackageSource, Platform, Target, WheelName};

/// For what a package has wheels: platforms and the oldest C library on each, or other Pythons than the one that is
/// asked for.
///
/// ```
/// use pyimage_build::{DebianRelease, Suite, Target, WheelOffer};
///
/// let libc = Suite::Debian(DebianRelease::Trixie).libc().expect("trixie is released");
/// let target = Target::new("3.13.5".parse()?, "linux/s390x".parse()?, libc)?;
/// let wheels = ["musllinux_1_2_x86_64", "manylinux_2_28_x86_64", "win_amd64"]
///     .map(|tag| format!("demo-1.0-cp313-cp313-{tag}.whl").parse());
/// let wheels = wheels.into_iter().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(
///     WheelOffer::new(&wheels, &target).to_string(),
///     "it has wheels for linux/amd64 (glibc 2.28, musl 1.2)",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WheelOffer {
    /// The platforms of Linux, with the oldest release of each C library that a wheel is for.
    linux: BTreeMap<Platform, BTreeMap<Libc, LibcRelease>>,
    others: BTreeSet<&'static str>,
    /// What wheels there are of other Pythons, where none is of this one.
    pythons: BTreeSet<(u16, String)>,
}

impl WheelOffer {
    /// What wheels there are for the Python of a target, on any platform; or for which Pythons, where there is none.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target, WheelOffer};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/amd64".parse()?, musl)?;
    /// let wheels = ["demo-1.0-cp311-cp311-win32.whl".parse()?, "demo-1.0-cp39-cp39-win32.whl".parse()?];
    /// assert_eq!(WheelOffer::new(&wheels, &target).to_string(), "it has wheels for cp39, cp311");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new<'w>(wheels: impl IntoIterator<Item = &'w WheelName>, target: &Target) -> Self {
        let mut offer = Self::default();
        for wheel in wheels {
            if target.tags().fits_python(wheel) {
                wheel.platforms().for_each(|tag| offer.add(tag));
            } else {
                offer.pythons.extend(wheel.pythons().map(|python| (minor(python), python.to_owned())));
            }
        }
        offer
    }

    /// What a package of a lock has.
    pub(crate) fn of_package(package: &LockedPackage, target: &Target) -> Self {
        match &package.source {
            PackageSource::Release { wheels, .. } => {
                Self::new(wheels.iter().map(|wheel| &wheel.name), target)
            }
            _ => Self::default(),
        }
    }

    /// The platforms of Linux that it has wheels for.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target, WheelOffer};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/amd64".parse()?, musl)?;
    /// let offer = WheelOffer::new(&["demo-1.0-cp39-abi3-manylinux2014_aarch64.whl".parse()?], &target);
    /// assert_eq!(offer.platforms().map(ToString::to_string).collect::<Vec<_>>(), ["linux/arm64"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn platforms(&self) -> impl Iterator<Item = &Platform> {
        self.linux.keys()
    }

    /// The oldest release of a C library that it has a wheel for on a platform.
    ///
    /// So alpine can be told from Debian, and an old Debian from a new one.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, Target, WheelOffer};
    /// # let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let target = Target::new("3.13.5".parse()?, "linux/arm64".parse()?, musl)?;
    /// let offer = WheelOffer::new(&["demo-1.0-cp39-abi3-manylinux2014_aarch64.whl".parse()?], &target);
    /// let oldest = |libc| offer.oldest(target.platform(), libc).map(|release| release.to_string());
    /// assert_eq!(oldest(Libc::Glibc).as_deref(), Some("glibc 2.17"));
    /// assert_eq!(oldest(Libc::Musl), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn oldest(&self, platform: &Platform, libc: Libc) -> Option<LibcRelease> {
        self.linux.get(platform)?.get(&libc).copied()
    }

    fn add(&mut self, tag: &str) {
        if let Some((libc, platform)) = on_linux(tag) {
            let libcs = self.linux.entry(platform).or_default();
            if let Some(libc) = libc {
                let oldest = libcs.entry(libc.libc).or_insert(libc);
                *oldest = libc.min(*oldest);
            }
        } else {
            self.others.insert(match tag {
                "any" => "any platform",
                _ if tag.starts_with("macosx_") => "macOS",
                _ if tag.starts_with("win") => "Windows",
                _ if tag.starts_with("android_") => "Android",
                _ if tag.starts_with("ios_") => "iOS",
                _ if tag.starts_with("pyodide_") || tag.starts_with("emscripten_") => "WebAssembly",
                _ => "other platforms",
            });
        }
    }
}

/// The C library and the platform of a tag; there is no C library in `linux_armv7l`.
fn on_linux(tag: &str) -> Option<(Option<LibcRelease>, Platform)> {
    let glibc = |minor| Some(LibcRelease { libc: Libc::Glibc, major: 2, minor });
    let numbered = |rest: &'static str, libc| -> Option<(Option<LibcRelease>, &str)> {
        let mut parts = tag.strip_prefix(rest)?.splitn(3, '_');
        let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((Some(LibcRelease { libc, major, minor }), parts.next()?))
    };
    let old = |name| tag.strip_prefix(name);
    let (libc, architecture) = None
        .or_else(|| old("manylinux1_").map(|rest| (glibc(5), rest)))
        .or_else(|| old("manylinux2010_").map(|rest| (glibc(12), rest)))
        .or_else(|| old("manylinux2014_").map(|rest| (glibc(17), rest)))
        .or_else(|| numbered("manylinux_", Libc::Glibc))
        .or_else(|| numbered("musllinux_", Libc::Musl))
        .or_else(|| old("linux_").map(|rest| (None, rest)))?;
    let platform = architecture.parse::<Platform>().ok();
    // What no image is for has no platform's name, and is no help either.
    platform
        .filter(|platform| platform.wheel_architecture() == Some(architecture))
        .map(|platform| (libc, platform))
}

/// The order of `cp39` and `cp311`.
fn minor(python: &str) -> u16 {
    let digits = python.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    digits.get(1..).and_then(|minor| minor.parse().ok()).unwrap_or(0)
}

impl fmt::Display for WheelOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let linux = self.linux.iter().map(|(platform, libcs)| {
            let libcs: Vec<String> = libcs.values().map(ToString::to_string).collect();
            if libcs.is_empty() { platform.to_string() } else { format!("{platform} ({})", libcs.join(", ")) }
        });
        let mut what: Vec<String> = linux.collect();
        // Containers are not run on the others; they only show that there are wheels at all.
        if what.is_empty() {
            what.extend(self.others.iter().map(|other| (*other).to_owned()));
        }
        if what.is_empty() {
            what.extend(self.pythons.iter().map(|(_, python)| python.clone()));
        }
        match what.as_slice() {
            [] => f.write_str("it has no wheels at all"),
            what => write!(f, "it has wheels for {}", what.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer(tags: &[&str]) -> String {
        let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
        let target = Target::new("3.13.5".parse().unwrap(), "linux/amd64".parse().unwrap(), musl).unwrap();
        let wheels: Vec<WheelName> =
            tags.iter().map(|tag| format!("demo-1.0-{tag}.whl").parse().unwrap()).collect();
        WheelOffer::new(&wheels, &target).to_string()
    }

    #[test]
    fn one_line_for_people() {
        for (tags, expected) in [
            (&[][..], "it has no wheels at all"),
            (
                &["cp310-cp310-win32", "cp39-cp39-win32", "pp310-pypy310_pp73-any"],
                "it has wheels for cp39, cp310, pp310",
            ),
            (
                &[
                    "cp313-cp313-manylinux_2_28_aarch64",
                    "cp313-cp313-manylinux2014_aarch64",
                    "cp39-cp39-win32",
                ],
                "it has wheels for linux/arm64 (glibc 2.17)",
            ),
            (
                &["cp313-cp313-manylinux1_i686.musllinux_1_1_i686", "cp39-abi3-macosx_11_0_arm64"],
                "it has wheels for linux/386 (glibc 2.5, musl 1.1)",
            ),
            (&["cp313-cp313-linux_armv7l", "py3-none-any"], "it has wheels for linux/arm/v7"),
            (&["cp313-cp313-win32", "py3-none-macosx_11_0_arm64"], "it has wheels for Windows, macOS"),
            (&["cp313-cp313-manylinux_2_28_sparc"], "it has wheels for other platforms"),
        ] {
            assert_eq!(offer(tags), expected);
        }
    }

    proptest! {
        #[test]
        fn never_panics(tag in "(manylinux|musllinux|linux)(_?[0-9a-z]{0,6}){0,4}|[a-z0-9_]{1,12}") {
            let _ = on_linux(&tag);
            let _ = minor(&tag);
        }
    }
}
