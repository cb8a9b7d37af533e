//! The official build: which images [library/python] lists, under which names, for which platforms.
//!
//! Taken from [`library/python`][file] in docker-library/official-images at commit `73f6781860` of 2026-08-13, the
//! newest that was seen; for versions that are no longer built, from the last commit that listed them. What happened
//! after that day is derived from Python's release calendar and was not seen in the list: 3.15 became final and with it
//! `3` and `latest`, `3.16-rc` began, 3.10 ended. Which patch releases are current is not written down here, since that
//! is out of date within weeks.
//!
//! [library/python]: https://hub.docker.com/_/python
//! [file]: https://github.com/docker-library/official-images/blob/master/library/python

pub(crate) mod history;

use crate::{DebianRelease, PythonVersion, Suite, Variant};

/// The images of one Python version.
pub(crate) struct Build {
    pub(crate) major: u16,
    pub(crate) minor: u16,
    /// `3.16-rc`: not yet final.
    pub(crate) prerelease: bool,
    /// The last patch release, where no other will follow and it is known.
    pub(crate) last_patch: Option<u16>,
    /// The shorter heads that mean this version too; the empty one is `latest`.
    pub(crate) shorthands: &'static [&'static str],
    /// Debian releases, the default first.
    pub(crate) debian: &'static [(DebianRelease, Platforms)],
    /// Minor versions of Alpine 3, the default first.
    pub(crate) alpine: &'static [(u16, Platforms)],
    /// Windows releases.
    pub(crate) windows: &'static [&'static str],
}

/// Names that mean the same image.
pub(crate) struct Image {
    pub(crate) variant: Variant,
    /// None where one name stands for several releases, as `windowsservercore` does.
    pub(crate) suite: Option<Suite>,
    pub(crate) platforms: Platforms,
    /// The names, without the version.
    suffixes: Vec<String>,
}

/// Platforms as Docker writes them.
pub(crate) type Platforms = &'static [&'static str];

use DebianRelease::{Bookworm, Bullseye, Buster, Stretch, Trixie};

pub(crate) const WINDOWS: Platforms = &["windows/amd64"];
const TRIXIE: Platforms = &[
    "linux/amd64",
    "linux/arm/v5",
    "linux/arm/v7",
    "linux/arm64",
    "linux/386",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
];
/// Since Debian 12 is kept up by its long-term support, August 2026.
const BOOKWORM: Platforms = &["linux/amd64", "linux/arm/v7", "linux/arm64", "linux/386", "linux/ppc64le"];
/// Debian 10 to 12, while the Debian project itself kept them up.
const BEFORE: Platforms = &[
    "linux/amd64",
    "linux/arm/v5",
    "linux/arm/v7",
    "linux/arm64",
    "linux/386",
    "linux/mips64le",
    "linux/ppc64le",
    "linux/s390x",
];
const BULLSEYE_LATE: Platforms = &["linux/amd64", "linux/arm/v7", "linux/arm64", "linux/386"];
const STRETCH_LATE: Platforms = &["linux/amd64", "linux/arm/v5", "linux/arm/v7", "linux/arm64", "linux/386"];
/// Since Alpine 3.20.
const ALPINE: Platforms = &[
    "linux/amd64",
    "linux/arm/v6",
    "linux/arm/v7",
    "linux/arm64",
    "linux/386",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
];
const ALPINE_BEFORE: Platforms = &[
    "linux/amd64",
    "linux/arm/v6",
    "linux/arm/v7",
    "linux/arm64",
    "linux/386",
    "linux/ppc64le",
    "linux/s390x",
];

const fn current(minor: u16, windows: &'static [&'static str]) -> Build {
    Build {
        major: 3,
        minor,
        prerelease: false,
        last_patch: None,
        shorthands: &[],
        debian: &[(Trixie, TRIXIE), (Bookworm, BOOKWORM)],
        alpine: &[(24, ALPINE), (23, ALPINE)],
        windows,
    }
}

const fn ended(
    minor: u16,
    last_patch: Option<u16>,
    debian: &'static [(DebianRelease, Platforms)],
    alpine: &'static [(u16, Platforms)],
) -> Build {
    Build { last_patch, debian, alpine, ..current(minor, &[]) }
}

const LTSC: &[&str] = &["ltsc2025", "ltsc2022"];

/// The versions that are built today, the newest first, then those that are not any more and can still be pulled, each
/// as it was last.
pub(crate) const BUILDS: &[Build] = &[
    Build { prerelease: true, ..current(16, LTSC) },
    Build { shorthands: &["3", ""], ..current(15, LTSC) },
    current(14, LTSC),
    current(13, LTSC),
    current(12, &[]),
    current(11, &[]),
    ended(10, None, &[(Trixie, TRIXIE), (Bookworm, BOOKWORM)], &[(24, ALPINE), (23, ALPINE)]),
    ended(9, Some(25), &[(Trixie, TRIXIE), (Bookworm, BEFORE)], &[(22, ALPINE), (21, ALPINE)]),
    ended(
        8,
        Some(20),
        &[(Bookworm, BEFORE), (Bullseye, BULLSEYE_LATE)],
        &[(20, ALPINE), (19, ALPINE_BEFORE)],
    ),
    ended(
        7,
        Some(17),
        &[(Bookworm, BEFORE), (Bullseye, BEFORE)],
        &[(18, ALPINE_BEFORE), (17, ALPINE_BEFORE)],
    ),
    ended(6, Some(15), &[(Bullseye, BEFORE), (Buster, BEFORE)], &[(15, ALPINE_BEFORE), (14, ALPINE_BEFORE)]),
    ended(
        5,
        Some(10),
        &[(Buster, BEFORE), (Stretch, STRETCH_LATE)],
        &[(12, ALPINE_BEFORE), (11, ALPINE_BEFORE)],
    ),
    Build {
        major: 2,
        minor: 7,
        prerelease: false,
        last_patch: Some(18),
        shorthands: &["2"],
        debian: &[(Buster, BEFORE), (Stretch, BEFORE)],
        alpine: &[(11, ALPINE_BEFORE), (10, ALPINE_BEFORE)],
        windows: &["ltsc2016", "1809"],
    },
];

impl Build {
    /// The build that makes the images of `3.13`, `3.16-rc`, `3` or, without a version, `latest`; also those of a patch
    /// release that is known to be the last. Which images other patch releases have is not known here.
    pub(crate) fn of(version: Option<&PythonVersion>) -> Option<&'static Self> {
        let Some(version) = version else {
            return BUILDS.iter().find(|build| build.shorthands.contains(&""));
        };
        BUILDS.iter().find(|build| {
            let same_minor = (build.major, Some(build.minor)) == (version.major(), version.minor());
            match (version.minor(), version.patch(), version.prerelease()) {
                (None, _, None) => build.shorthands.iter().any(|head| head.parse() == Ok(version.major())),
                (_, None, None) => same_minor && !build.prerelease,
                (_, Some(patch), None) => same_minor && build.last_patch == Some(patch),
                (_, None, Some(_)) => same_minor && build.prerelease,
                (_, Some(_), Some(_)) => false,
            }
        })
    }

    /// The build of the same minor version, or of the one that a shorthand such as `3` means, whatever the patch release.
    pub(crate) fn of_minor_or_shorthand(version: &PythonVersion) -> Option<&'static Self> {
        Self::of(Some(version)).or_else(|| {
            BUILDS.iter().find(|build| (build.major, Some(build.minor)) == (version.major(), version.minor()))
        })
    }

    /// The version of its floating tags: `3.13` or `3.16-rc`.
    pub(crate) fn python(&self) -> PythonVersion {
        let version = PythonVersion::new(self.major, self.minor);
        if self.prerelease { version.floating_prerelease() } else { version }
    }

    /// Every way to say the version: `2.7.18`, `2.7` and `2`.
    fn heads(&self) -> Vec<String> {
        let Self { major, minor, .. } = self;
        let patch = self.last_patch.map(|patch| format!("{major}.{minor}.{patch}"));
        let minor = format!("{major}.{minor}{}", if self.prerelease { "-rc" } else { "" });
        patch
            .into_iter()
            .chain([minor])
            .chain(self.shorthands.iter().map(|head| (*head).to_owned()))
            .collect()
    }

    /// All images of the version, in the order of the list.
    pub(crate) fn images(&self) -> Vec<Image> {
        let image = |variant, suite, platforms, suffixes| Image { variant, suite, platforms, suffixes };
        let mut images = Vec::new();
        for (at, (release, platforms)) in self.debian.iter().enumerate() {
            for (variant, word) in [(Variant::Full, ""), (Variant::Slim, "-slim")] {
                let mut suffixes = vec![format!("{word}-{release}")];
                if at == 0 {
                    suffixes.insert(0, word.to_owned());
                }
                images.push(image(variant, Some(Suite::Debian(*release)), *platforms, suffixes));
            }
        }
        for (at, (minor, platforms)) in self.alpine.iter().enumerate() {
            let mut suffixes = vec![format!("-alpine3.{minor}")];
            if at == 0 {
                suffixes.insert(0, "-alpine".to_owned());
            }
            let suite = Suite::Alpine { major: 3, minor: *minor };
            images.push(image(Variant::Alpine, Some(suite), *platforms, suffixes));
        }
        let core = "-windowsservercore";
        if !self.windows.is_empty() {
            images.push(image(Variant::WindowsServerCore, None, WINDOWS, vec![core.to_owned()]));
        }
        for release in self.windows {
            let suite = Some(Suite::Windows((*release).to_owned()));
            images.push(image(Variant::WindowsServerCore, suite, WINDOWS, vec![format!("{core}-{release}")]));
        }
        images
    }

    /// Every name of one of its images.
    pub(crate) fn names(&self, image: &Image) -> Vec<String> {
        let name = |head: &String, suffix: &String| match (head.as_str(), suffix.as_str()) {
            ("", "") => "latest".to_owned(),
            ("", suffix) => suffix.trim_start_matches('-').to_owned(),
            (head, suffix) => format!("{head}{suffix}"),
        };
        let heads = self.heads();
        image.suffixes.iter().flat_map(|suffix| heads.iter().map(move |head| name(head, suffix))).collect()
    }
}

#[cfg(test)]
mod tests;
