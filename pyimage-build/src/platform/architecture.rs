//! One machine, many names: what wheels, Rust and Debian call an architecture.

use super::Platform;
use crate::Libc;

/// The names of one architecture of Linux.
#[derive(Debug)]
struct Names {
    /// Docker's, and the variant where the architecture has several.
    docker: (&'static str, Option<&'static str>),
    /// The end of a wheel's platform tag; also what `platform_machine` is in markers.
    wheel: Option<&'static str>,
    gnu: &'static str,
    musl: &'static str,
    debian: Option<&'static str>,
}

/// Debian's `armel` is ARMv5 without floating point hardware and its `armhf` is ARMv7: it has no ARMv6. Python's
/// wheels know no ARMv5.
const LINUX: &[Names] = &[
    Names {
        docker: ("amd64", None),
        wheel: Some("x86_64"),
        gnu: "x86_64-unknown-linux-gnu",
        musl: "x86_64-unknown-linux-musl",
        debian: Some("amd64"),
    },
    Names {
        docker: ("arm64", None),
        wheel: Some("aarch64"),
        gnu: "aarch64-unknown-linux-gnu",
        musl: "aarch64-unknown-linux-musl",
        debian: Some("arm64"),
    },
    Names {
        docker: ("arm", Some("v7")),
        wheel: Some("armv7l"),
        gnu: "armv7-unknown-linux-gnueabihf",
        musl: "armv7-unknown-linux-musleabihf",
        debian: Some("armhf"),
    },
    Names {
        docker: ("arm", Some("v6")),
        wheel: Some("armv6l"),
        gnu: "arm-unknown-linux-gnueabihf",
        musl: "arm-unknown-linux-musleabihf",
        debian: None,
    },
    Names {
        docker: ("arm", Some("v5")),
        wheel: None,
        gnu: "armv5te-unknown-linux-gnueabi",
        musl: "armv5te-unknown-linux-musleabi",
        debian: Some("armel"),
    },
    Names {
        docker: ("386", None),
        wheel: Some("i686"),
        gnu: "i686-unknown-linux-gnu",
        musl: "i686-unknown-linux-musl",
        debian: Some("i386"),
    },
    Names {
        docker: ("ppc64le", None),
        wheel: Some("ppc64le"),
        gnu: "powerpc64le-unknown-linux-gnu",
        musl: "powerpc64le-unknown-linux-musl",
        debian: Some("ppc64el"),
    },
    Names {
        docker: ("riscv64", None),
        wheel: Some("riscv64"),
        gnu: "riscv64gc-unknown-linux-gnu",
        musl: "riscv64gc-unknown-linux-musl",
        debian: Some("riscv64"),
    },
    Names {
        docker: ("s390x", None),
        wheel: Some("s390x"),
        gnu: "s390x-unknown-linux-gnu",
        musl: "s390x-unknown-linux-musl",
        debian: Some("s390x"),
    },
    Names {
        docker: ("loong64", None),
        wheel: Some("loongarch64"),
        gnu: "loongarch64-unknown-linux-gnu",
        musl: "loongarch64-unknown-linux-musl",
        debian: Some("loong64"),
    },
    // Images for it were built until Python 3.9 ended; no wheel has a tag for it.
    Names {
        docker: ("mips64le", None),
        wheel: None,
        gnu: "mips64el-unknown-linux-gnuabi64",
        musl: "mips64el-unknown-linux-muslabi64",
        debian: Some("mips64el"),
    },
];

impl Names {
    fn of(platform: &Platform) -> Option<&'static Self> {
        let wanted = match (platform.architecture(), platform.variant()) {
            // 64-bit ARM in its 32-bit mode runs what ARMv7 does.
            ("arm", Some("v8")) => ("arm", Some("v7")),
            ("arm", variant) => ("arm", variant),
            // `amd64/v3` is a faster amd64, not another architecture.
            (architecture, _) => (architecture, None),
        };
        LINUX.iter().find(|names| platform.os() == "linux" && names.docker == wanted)
    }

    fn platform(&self) -> Platform {
        Platform::normalised("linux", self.docker.0, self.docker.1)
    }
}

impl Platform {
    /// The architecture as wheels name it, at the end of `manylinux_2_28_x86_64`, and as `platform_machine` has it
    /// in markers.
    ///
    /// None where no wheel can be but a pure one: on `linux/arm/v5` and `linux/mips64le`, and for what is not Linux.
    ///
    /// ```
    /// use pyimage_build::Platform;
    ///
    /// let architecture = |platform: &str| platform.parse().map(|platform: Platform| platform.wheel_architecture());
    /// assert_eq!(architecture("linux/amd64")?, Some("x86_64"));
    /// assert_eq!(architecture("linux/386")?, Some("i686"));
    /// assert_eq!(architecture("linux/arm/v7")?, Some("armv7l"));
    /// assert_eq!(architecture("linux/arm/v5")?, None);
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn wheel_architecture(&self) -> Option<&'static str> {
        Names::of(self)?.wheel
    }

    /// The Rust targets whose programs run in an image of this platform and C library, the native one first.
    ///
    /// In a glibc image that is also the musl target, since Rust links it statically. Empty where Rust has none that
    /// this crate knows.
    ///
    /// ```
    /// use pyimage_build::{Libc, Platform};
    ///
    /// let platform: Platform = "linux/arm/v7".parse()?;
    /// assert_eq!(
    ///     platform.rust_targets(Libc::Glibc),
    ///     ["armv7-unknown-linux-gnueabihf", "armv7-unknown-linux-musleabihf"],
    /// );
    /// assert_eq!(platform.rust_targets(Libc::Musl), ["armv7-unknown-linux-musleabihf"]);
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn rust_targets(&self, libc: Libc) -> Vec<&'static str> {
        match (Names::of(self), libc) {
            (None, _) => Vec::new(),
            (Some(names), Libc::Glibc) => vec![names.gnu, names.musl],
            (Some(names), Libc::Musl) => vec![names.musl],
        }
    }

    /// The platform that a Rust target's programs are for, and the C library that they link.
    ///
    /// ```
    /// use pyimage_build::{Libc, Platform};
    ///
    /// let (platform, libc) = Platform::from_rust_target("aarch64-unknown-linux-musl").expect("a target for Linux");
    /// assert_eq!((platform.to_string().as_str(), libc), ("linux/arm64", Libc::Musl));
    /// assert_eq!(Platform::from_rust_target("aarch64-apple-darwin"), None);
    /// ```
    #[must_use]
    pub fn from_rust_target(triple: &str) -> Option<(Self, Libc)> {
        LINUX.iter().find_map(|names| match triple {
            _ if triple == names.gnu => Some((names.platform(), Libc::Glibc)),
            _ if triple == names.musl => Some((names.platform(), Libc::Musl)),
            _ => None,
        })
    }

    /// The architecture as Debian names it, for example in the name of a package file.
    ///
    /// ```
    /// use pyimage_build::Platform;
    ///
    /// let architecture = |platform: &str| platform.parse().map(|platform: Platform| platform.debian_architecture());
    /// assert_eq!(architecture("linux/arm/v7")?, Some("armhf"));
    /// assert_eq!(architecture("linux/ppc64le")?, Some("ppc64el"));
    /// assert_eq!(architecture("linux/arm/v6")?, None);
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn debian_architecture(&self) -> Option<&'static str> {
        Names::of(self)?.debian
    }

    /// The platform of a Debian architecture.
    ///
    /// Not what parsing makes of the same word: to containerd `armel` is `arm/v6`, while Debian builds its packages
    /// for ARMv5, and the official images of it are `linux/arm/v5`.
    ///
    /// ```
    /// use pyimage_build::Platform;
    ///
    /// let platform = Platform::from_debian_architecture("armel").expect("one of Debian's");
    /// assert_eq!(platform.to_string(), "linux/arm/v5");
    /// assert_eq!(Platform::from_debian_architecture("hurd-i386"), None);
    /// ```
    #[must_use]
    pub fn from_debian_architecture(name: &str) -> Option<Self> {
        LINUX.iter().find(|names| names.debian == Some(name)).map(Names::platform)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_name_means_two_architectures() {
        let all = |name: fn(&Names) -> Option<&'static str>| {
            let names: Vec<_> = LINUX.iter().filter_map(name).collect();
            assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
        };
        all(|names| names.wheel);
        all(|names| Some(names.gnu));
        all(|names| Some(names.musl));
        all(|names| names.debian);
    }

    #[test]
    fn variants_of_one_architecture_share_its_names() {
        for (variant, plain) in [
            ("linux/amd64/v3", "linux/amd64"),
            ("linux/arm64/v9", "linux/arm64"),
            ("linux/arm/v8", "linux/arm/v7"),
        ] {
            let (variant, plain): (Platform, Platform) = (variant.parse().unwrap(), plain.parse().unwrap());
            assert_eq!(variant.wheel_architecture(), plain.wheel_architecture());
            assert_eq!(variant.debian_architecture(), plain.debian_architecture());
            assert_eq!(variant.rust_targets(Libc::Musl), plain.rust_targets(Libc::Musl));
        }
    }

    #[test]
    fn others_than_linux_have_no_names() {
        for text in ["windows/amd64", "darwin/arm64", "unknown/unknown", "linux/wasm", "linux/arm/v4"] {
            let platform: Platform = text.parse().unwrap();
            assert_eq!(platform.wheel_architecture(), None, "{text}");
            assert_eq!(platform.debian_architecture(), None, "{text}");
            assert!(platform.rust_targets(Libc::Glibc).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_name_leads_back(at in 0..LINUX.len(), libc in prop_oneof![Just(Libc::Glibc), Just(Libc::Musl)]) {
            let platform = LINUX[at].platform();
            prop_assert_eq!(platform.to_string().parse::<Platform>(), Ok(platform.clone()));
            if let Some(debian) = platform.debian_architecture() {
                prop_assert_eq!(Platform::from_debian_architecture(debian), Some(platform.clone()));
            }
            let targets = platform.rust_targets(libc);
            prop_assert_eq!(Platform::from_rust_target(targets[0]), Some((platform.clone(), libc)));
            for target in targets {
                prop_assert_eq!(Platform::from_rust_target(target).map(|(of, _)| of), Some(platform.clone()));
            }
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,20}") {
            let _ = (Platform::from_rust_target(&text), Platform::from_debian_architecture(&text));
        }
    }
}
