//! The platform tags of wheels: `manylinux_2_28_x86_64`, `musllinux_1_2_aarch64`.

use std::fmt;

use crate::{Libc, LibcRelease, Platform};

/// The platform tags of the wheels that fit an image, the one to prefer first.
///
/// The order is that of the [packaging] library: `linux_x86_64`, what was built for the newest C library, and so
/// down to the oldest that wheels are built for, each old name (`manylinux2014`) behind the number that it stands
/// for. `any` is not among them: pure wheels fit everywhere.
///
/// It speaks of the platform that is asked for and not of the kernel, as pip in a running container does: there pip
/// takes ARMv7 wheels for an image of `linux/arm/v6` or `arm/v5` and breaks it. On `linux/arm/v5` there is none.
///
/// ```
/// use pyimage_build::{Libc, LibcRelease, Platform, WheelPlatforms};
///
/// let libc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 19 };
/// let wheels = WheelPlatforms::new(libc, &"linux/arm64".parse::<Platform>()?).expect("Linux");
/// assert_eq!(
///     wheels.tags(),
///     [
///         "linux_aarch64",
///         "manylinux_2_19_aarch64",
///         "manylinux_2_18_aarch64",
///         "manylinux_2_17_aarch64",
///         "manylinux2014_aarch64",
///     ],
/// );
/// # Ok::<(), pyimage_build::PlatformError>(())
/// ```
///
/// [packaging]: https://packaging.pypa.io/en/stable/tags.html
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WheelPlatforms {
    tags: Vec<String>,
}

impl WheelPlatforms {
    /// The tags for a C library on a platform; none where the platform is not Linux.
    ///
    /// ```
    /// # use pyimage_build::{DebianRelease, Platform, Suite, WheelPlatforms};
    /// let libc = Suite::Debian(DebianRelease::Trixie).libc().expect("trixie is released");
    /// assert!(WheelPlatforms::new(libc, &"windows/amd64".parse::<Platform>()?).is_none());
    /// assert!(WheelPlatforms::new(libc, &"linux/arm/v5".parse::<Platform>()?).is_some_and(|wheels| wheels.is_pure()));
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn new(libc: LibcRelease, platform: &Platform) -> Option<Self> {
        if platform.os() != "linux" {
            return None;
        }
        let Some(architecture) = platform.wheel_architecture() else {
            return Some(Self { tags: Vec::new() });
        };
        let mut tags = vec![format!("linux_{architecture}")];
        match libc.libc {
            // ARMv6 has no manylinux: its ARM is that of ARMv7.
            Libc::Glibc if architecture == "armv6l" => {}
            Libc::Glibc => tags.extend(manylinux(libc, architecture)),
            Libc::Musl => tags.extend(
                (0..=libc.minor)
                    .rev()
                    .map(|minor| format!("musllinux_{}_{minor}_{architecture}", libc.major)),
            ),
        }
        Some(Self { tags })
    }

    /// The tags, the one to prefer first.
    ///
    /// ```
    /// # use pyimage_build::{Platform, Suite, WheelPlatforms};
    /// let libc = Suite::Alpine { major: 3, minor: 24 }.libc().expect("Alpine");
    /// let wheels = WheelPlatforms::new(libc, &"linux/arm/v7".parse::<Platform>()?).expect("Linux");
    /// assert_eq!(
    ///     wheels.tags(),
    ///     ["linux_armv7l", "musllinux_1_2_armv7l", "musllinux_1_1_armv7l", "musllinux_1_0_armv7l"],
    /// );
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// The place of a tag in the order of preference, 0 being the best; none if such a wheel does not fit.
    ///
    /// ```
    /// # use pyimage_build::{DebianRelease, Platform, Suite, WheelPlatforms};
    /// let libc = Suite::Debian(DebianRelease::Bookworm).libc().expect("bookworm is released");
    /// let wheels = WheelPlatforms::new(libc, &"linux/amd64".parse::<Platform>()?).expect("Linux");
    /// assert!(wheels.rank("manylinux_2_28_x86_64") < wheels.rank("manylinux2014_x86_64"));
    /// assert_eq!(wheels.rank("manylinux_2_39_x86_64"), None);
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn rank(&self, tag: &str) -> Option<usize> {
        self.tags.iter().position(|fitting| fitting == tag)
    }

    /// Whether only pure Python wheels fit.
    ///
    /// ```
    /// # use pyimage_build::{Platform, PythonTag};
    /// let wheels = |platform: &str| -> Result<_, pyimage_build::PlatformError> {
    ///     Ok(PythonTag::default_slim().wheel_platforms(&platform.parse()?))
    /// };
    /// assert!(wheels("linux/arm/v5")?.is_some_and(|wheels| wheels.is_pure()));
    /// assert!(wheels("linux/s390x")?.is_some_and(|wheels| !wheels.is_pure()));
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn is_pure(&self) -> bool {
        self.tags.is_empty()
    }
}

/// One line for people: the newest, and that there are more.
impl fmt::Display for WheelPlatforms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tags.as_slice() {
            [] => f.write_str("pure Python only"),
            [only] => f.write_str(only),
            [_, newest, ..] => write!(f, "{newest} and older"),
        }
    }
}

/// From the newest down to the oldest glibc that wheels are built for: 2.5 on x86, 2.17 on what came later.
fn manylinux(libc: LibcRelease, architecture: &str) -> impl Iterator<Item = String> {
    let oldest = if matches!(architecture, "x86_64" | "i686") { 5 } else { 17 };
    (oldest..=libc.minor).rev().flat_map(move |minor| {
        let old_name = match minor {
            17 => Some("manylinux2014"),
            12 => Some("manylinux2010"),
            5 => Some("manylinux1"),
            _ => None,
        };
        let old_name = old_name.map(|name| format!("{name}_{architecture}"));
        [format!("manylinux_{}_{minor}_{architecture}", libc.major)].into_iter().chain(old_name)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn wheels(libc: Libc, major: u16, minor: u16, platform: &str) -> WheelPlatforms {
        WheelPlatforms::new(LibcRelease { libc, major, minor }, &platform.parse().unwrap()).unwrap()
    }

    /// What `packaging` 26.3 gives for x86_64 with glibc 2.19 and for musl 1.2.
    #[test]
    fn the_order_is_that_of_packaging() {
        let expected = "linux_x86_64 manylinux_2_19_x86_64 manylinux_2_18_x86_64 manylinux_2_17_x86_64 \
             manylinux2014_x86_64 manylinux_2_16_x86_64 manylinux_2_15_x86_64 manylinux_2_14_x86_64 \
             manylinux_2_13_x86_64 manylinux_2_12_x86_64 manylinux2010_x86_64 manylinux_2_11_x86_64 \
             manylinux_2_10_x86_64 manylinux_2_9_x86_64 manylinux_2_8_x86_64 manylinux_2_7_x86_64 \
             manylinux_2_6_x86_64 manylinux_2_5_x86_64 manylinux1_x86_64";
        assert_eq!(wheels(Libc::Glibc, 2, 19, "linux/amd64").tags().join(" "), expected);
        let expected = "linux_x86_64 musllinux_1_2_x86_64 musllinux_1_1_x86_64 musllinux_1_0_x86_64";
        assert_eq!(wheels(Libc::Musl, 1, 2, "linux/amd64").tags().join(" "), expected);
    }

    #[test]
    fn one_line_says_the_newest() {
        for (libc, platform, expected) in [
            ((Libc::Glibc, 2, 41), "linux/amd64", "manylinux_2_41_x86_64 and older"),
            ((Libc::Glibc, 2, 36), "linux/386", "manylinux_2_36_i686 and older"),
            ((Libc::Glibc, 2, 41), "linux/riscv64", "manylinux_2_41_riscv64 and older"),
            ((Libc::Musl, 1, 2), "linux/arm/v7", "musllinux_1_2_armv7l and older"),
            ((Libc::Musl, 1, 2), "linux/arm/v6", "musllinux_1_2_armv6l and older"),
            ((Libc::Glibc, 2, 41), "linux/arm/v6", "linux_armv6l"),
            ((Libc::Glibc, 2, 13), "linux/arm/v7", "linux_armv7l"),
            ((Libc::Glibc, 2, 41), "linux/arm/v5", "pure Python only"),
            ((Libc::Glibc, 2, 28), "linux/mips64le", "pure Python only"),
        ] {
            assert_eq!(wheels(libc.0, libc.1, libc.2, platform).to_string(), expected, "{platform}");
        }
    }

    const PLATFORMS: [&str; 9] =
        ["amd64", "arm64", "386", "arm/v7", "arm/v6", "arm/v5", "ppc64le", "s390x", "riscv64"];

    proptest! {
        #[test]
        fn each_stands_once_and_a_newer_libc_takes_all_that_an_older_did(
            older in 0_u16..60, more in 0_u16..10, musl: bool, platform in proptest::sample::select(&PLATFORMS),
        ) {
            let libc = if musl { Libc::Musl } else { Libc::Glibc };
            let (older, newer) = (wheels(libc, 1, older, platform), wheels(libc, 1, older + more, platform));
            prop_assert_eq!(newer.tags().iter().collect::<HashSet<_>>().len(), newer.tags().len());
            let ranks: Vec<_> = older.tags().iter().map(|tag| newer.rank(tag)).collect();
            prop_assert!(ranks.iter().all(Option::is_some));
            prop_assert!(ranks.is_sorted());
            let architecture = platform.parse::<Platform>().unwrap().wheel_architecture();
            prop_assert!(newer.tags().iter().all(|tag| tag.ends_with(architecture.unwrap())));
        }
    }
}
