//! What Rust calls a platform with a C library.

use pyimage_build::{Libc, LibcRelease, Platform};

/// A target of rustc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RustTarget {
    /// Its name.
    pub(super) triple: String,
    /// The version of glibc that the base has.
    pub(super) glibc: Option<(u16, u16)>,
}

impl RustTarget {
    /// The one for a platform; none where Rust has none.
    pub(super) fn of(platform: &Platform, libc: LibcRelease) -> Option<Self> {
        let (architecture, end) = match (platform.architecture(), platform.variant()) {
            ("amd64", _) => ("x86_64", ""),
            ("arm64", _) => ("aarch64", ""),
            ("386", _) => ("i686", ""),
            ("arm", Some("v5")) => ("armv5te", "eabi"),
            ("arm", Some("v6")) => ("arm", "eabihf"),
            ("arm", _) => ("armv7", "eabihf"),
            ("loong64", _) => ("loongarch64", ""),
            ("mips64le", _) => ("mips64el", "abi64"),
            ("ppc64le", _) => ("powerpc64le", ""),
            ("riscv64", _) => ("riscv64gc", ""),
            ("s390x", _) => ("s390x", ""),
            _ => return None,
        };
        let name = match libc.libc {
            Libc::Glibc => "gnu",
            Libc::Musl => "musl",
        };
        let glibc = (libc.libc == Libc::Glibc).then_some((libc.major, libc.minor));
        let is_linux = platform.os() == "linux";
        is_linux.then(|| Self { triple: format!("{architecture}-unknown-linux-{name}{end}"), glibc })
    }

    /// What `cargo zigbuild` calls it, with the version of glibc that is linked against.
    pub(super) fn for_zig(&self) -> String {
        match self.glibc {
            Some((major, minor)) => format!("{}.{major}.{minor}", self.triple),
            None => self.triple.clone(),
        }
    }

    /// The name in the names of variables: `AARCH64_UNKNOWN_LINUX_GNU`.
    pub(super) fn in_variables(&self) -> String {
        self.triple.to_uppercase().replace(['-', '.'], "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_of_the_official_image_has_a_target() {
        let glibc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 36 };
        let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
        for (platform, of_glibc, of_musl) in [
            ("linux/amd64", "x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"),
            ("linux/arm64", "aarch64-unknown-linux-gnu", "aarch64-unknown-linux-musl"),
            ("linux/arm/v5", "armv5te-unknown-linux-gnueabi", "armv5te-unknown-linux-musleabi"),
            ("linux/arm/v6", "arm-unknown-linux-gnueabihf", "arm-unknown-linux-musleabihf"),
            ("linux/arm/v7", "armv7-unknown-linux-gnueabihf", "armv7-unknown-linux-musleabihf"),
            ("linux/386", "i686-unknown-linux-gnu", "i686-unknown-linux-musl"),
            ("linux/mips64le", "mips64el-unknown-linux-gnuabi64", "mips64el-unknown-linux-muslabi64"),
            ("linux/ppc64le", "powerpc64le-unknown-linux-gnu", "powerpc64le-unknown-linux-musl"),
            ("linux/riscv64", "riscv64gc-unknown-linux-gnu", "riscv64gc-unknown-linux-musl"),
            ("linux/s390x", "s390x-unknown-linux-gnu", "s390x-unknown-linux-musl"),
        ] {
            let platform: Platform = platform.parse().unwrap();
            assert_eq!(RustTarget::of(&platform, glibc).unwrap().triple, of_glibc);
            assert_eq!(RustTarget::of(&platform, musl).unwrap().triple, of_musl);
        }
        assert_eq!(RustTarget::of(&"windows/amd64".parse().unwrap(), glibc), None);
        let arm = RustTarget::of(&"linux/arm64".parse().unwrap(), glibc).unwrap();
        assert_eq!(arm.for_zig(), "aarch64-unknown-linux-gnu.2.36");
        assert_eq!(arm.in_variables(), "AARCH64_UNKNOWN_LINUX_GNU");
    }
}
