//! Platforms: what an image runs on.

use std::error::Error;

mod architecture;

use std::fmt;
use std::str::FromStr;

/// Architectures that may stand alone, the operating system being implied: Go's list, the names of `GOARCH`.
const ARCHITECTURES: &[&str] = &[
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le",
    "riscv64", "s390x", "wasm",
];

/// An operating system, an architecture and perhaps a variant of it: `linux/amd64`, `linux/arm/v7`.
///
/// Parsing normalises as containerd's [platforms] package does, so that equal platforms are equal values:
/// letters become lower case, `x86_64` is `amd64`, `aarch64` and `arm64/v8` are `arm64`, `armhf` and a bare
/// `arm` are `arm/v7`, `armel` is `arm/v6`, `i386` is `386`. The names that `uname -m` gives besides (`i686`,
/// `armv7l`, `armv6l`) are understood too.
///
/// The operating system may be left out and is then Linux, also on a Mac or on Windows, since that is what
/// containers run. The architecture may not: what a platform means never depends on the host.
///
/// ```
/// use pyimage_build::Platform;
///
/// let platform: Platform = "aarch64".parse()?;
/// assert_eq!(platform.to_string(), "linux/arm64");
/// assert_eq!(platform, "linux/arm64/v8".parse()?);
/// # Ok::<(), pyimage_build::PlatformError>(())
/// ```
///
/// [platforms]: https://github.com/containerd/platforms
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    /// Linux on the architecture that this code was compiled for: what an engine on this machine runs
    /// natively.
    ///
    /// ```
    /// use pyimage_build::Platform;
    ///
    /// assert_eq!(Platform::host().os(), "linux");
    /// ```
    #[must_use]
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86" => "386",
            "loongarch64" => "loong64",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            "mips64" if cfg!(target_endian = "little") => "mips64le",
            "mips" if cfg!(target_endian = "little") => "mipsle",
            other => other,
        };
        Self::normalised("linux", architecture, None)
    }

    /// The operating system, as `GOOS` names it.
    ///
    /// ```
    /// # use pyimage_build::Platform;
    /// assert_eq!("linux/amd64".parse::<Platform>()?.os(), "linux");
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn os(&self) -> &str {
        &self.os
    }

    /// The architecture, as `GOARCH` names it.
    ///
    /// ```
    /// # use pyimage_build::Platform;
    /// assert_eq!("linux/x86_64".parse::<Platform>()?.architecture(), "amd64");
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The variant of the architecture, unless it is the one that is understood.
    ///
    /// ```
    /// # use pyimage_build::Platform;
    /// assert_eq!("linux/arm".parse::<Platform>()?.variant(), Some("v7"));
    /// assert_eq!("linux/arm64/v8".parse::<Platform>()?.variant(), None);
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// The platform that was probably meant by something that is none.
    pub(crate) fn nearest(text: &str) -> Option<Self> {
        let spellings = ARCHITECTURES.iter().copied().chain(["x86_64", "aarch64", "armv7l"]);
        let near = |wanted: &str| crate::nearest(wanted, spellings.clone()).first().copied();
        let of_parts = || text.split(['/', '-', '_', ' ']).filter(|part| *part != "linux").find_map(near);
        let architecture = text.rsplit('/').next().and_then(near).or_else(of_parts);
        architecture.map(|architecture| Self::normalised("linux", architecture, None))
    }

    fn normalised(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let os = os.to_ascii_lowercase();
        let architecture = architecture.to_ascii_lowercase();
        let variant = variant.map(str::to_ascii_lowercase);
        let (architecture, variant) = match (architecture.as_str(), variant.as_deref()) {
            ("i386" | "i686", _) => ("386", None),
            ("x86_64" | "x86-64" | "amd64", None | Some("v1")) => ("amd64", None),
            ("x86_64" | "x86-64" | "amd64", other) => ("amd64", other),
            ("aarch64" | "arm64", None | Some("8" | "v8")) => ("arm64", None),
            ("aarch64" | "arm64", other) => ("arm64", other),
            ("armhf" | "armv7l", _) | ("arm", None | Some("7")) => ("arm", Some("v7")),
            ("armel" | "armv6l", _) | ("arm", Some("6")) => ("arm", Some("v6")),
            ("arm", Some("5")) => ("arm", Some("v5")),
            ("arm", Some("8")) => ("arm", Some("v8")),
            other => other,
        };
        Self {
            os: if os == "macos" { "darwin".to_owned() } else { os },
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        if text.is_empty() {
            return Err(PlatformError::Empty);
        }
        let parts: Vec<&str> = text.split('/').collect();
        if let Some(part) = parts.iter().find(|part| !is_part(part)) {
            return Err(PlatformError::InvalidPart { platform: text.to_owned(), part: (*part).to_owned() });
        }
        // No operating system shares its name with an architecture, so `arm/v7` can only mean Linux on it.
        let implied_os = {
            let alone = Self::normalised("linux", parts[0], None);
            ARCHITECTURES.contains(&alone.architecture.as_str())
        };
        match parts.as_slice() {
            [architecture] if implied_os => Ok(Self::normalised("linux", architecture, None)),
            [architecture, variant] if implied_os => {
                Ok(Self::normalised("linux", architecture, Some(variant)))
            }
            [os @ ("linux" | "windows" | "darwin" | "freebsd")] => {
                Err(PlatformError::NoArchitecture((*os).to_owned()))
            }
            [other] => Err(PlatformError::UnknownArchitecture((*other).to_owned())),
            [os, architecture] => Ok(Self::normalised(os, architecture, None)),
            [os, architecture, variant] => Ok(Self::normalised(os, architecture, Some(variant))),
            _ => Err(PlatformError::TooManyParts(text.to_owned())),
        }
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Why a text is not a [`Platform`].
///
/// ```
/// use pyimage_build::Platform;
///
/// let error = "linux".parse::<Platform>().unwrap_err();
/// assert_eq!(error.to_string(), "platform `linux` names no architecture, as `linux/amd64` does");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlatformError {
    /// There is no text.
    Empty,
    /// A part is empty or has a character that none can have.
    InvalidPart {
        /// The whole platform.
        platform: String,
        /// The part at fault.
        part: String,
    },
    /// Only an operating system is given.
    NoArchitecture(String),
    /// A single word that is no architecture, so that no operating system can be implied.
    UnknownArchitecture(String),
    /// There is more than an operating system, an architecture and a variant.
    TooManyParts(String),
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the platform is empty"),
            Self::InvalidPart { platform, part } => write!(
                f,
                "`{part}` in platform `{platform}` is not a name of letters, digits, `_`, `.` and `-`"
            ),
            Self::NoArchitecture(value) => {
                write!(f, "platform `{value}` names no architecture, as `{value}/amd64` does")
            }
            Self::UnknownArchitecture(value) => {
                write!(f, "platform `{value}` is not an architecture, such as `amd64` or `arm64`")
            }
            Self::TooManyParts(value) => {
                write!(f, "platform `{value}` has more than three parts, `os/architecture/variant`")
            }
        }
    }
}

impl Error for PlatformError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn normalises_as_containerd_does() {
        for (text, expected) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/x86-64", "linux/amd64"),
            ("x86_64", "linux/amd64"),
            ("LINUX/AArch64", "linux/arm64"),
            ("arm64", "linux/arm64"),
            ("arm64/v8", "linux/arm64"),
            ("linux/arm64/8", "linux/arm64"),
            ("linux/arm64/v9", "linux/arm64/v9"),
            ("linux/arm", "linux/arm/v7"),
            ("arm/v7", "linux/arm/v7"),
            ("linux/arm/5", "linux/arm/v5"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/arm/v8", "linux/arm/v8"),
            ("armhf", "linux/arm/v7"),
            ("linux/armel", "linux/arm/v6"),
            ("armv7l", "linux/arm/v7"),
            ("i386", "linux/386"),
            ("linux/i386/v2", "linux/386"),
            ("macos/arm64", "darwin/arm64"),
            ("windows/amd64", "windows/amd64"),
            ("unknown/unknown", "unknown/unknown"),
            ("linux/s390x", "linux/s390x"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn refusals_say_why() {
        for (text, expected) in [
            ("", "the platform is empty"),
            ("windows", "platform `windows` names no architecture, as `windows/amd64` does"),
            ("amd46", "platform `amd46` is not an architecture, such as `amd64` or `arm64`"),
            ("linux/", "`` in platform `linux/` is not a name of letters, digits, `_`, `.` and `-`"),
            ("linux/a b", "`a b` in platform `linux/a b` is not a name of letters, digits, `_`, `.` and `-`"),
            (
                "linux/arm/v7/x",
                "platform `linux/arm/v7/x` has more than three parts, `os/architecture/variant`",
            ),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn the_host_is_a_platform_of_its_own_spelling() {
        let host = Platform::host();
        assert_eq!(host.to_string().parse(), Ok(host));
    }

    proptest! {
        #[test]
        fn normalisation_is_idempotent(
            text in "(linux|LINUX|windows|macos|[a-z]{1,5})/(x86_64|aarch64|arm64|arm|armhf|armel|i386|[a-z0-9]{1,6})(/(v?[1-9]|[a-z]{1,3}))?"
        ) {
            if let Ok(once) = text.parse::<Platform>() {
                prop_assert_eq!(once.to_string().parse::<Platform>(), Ok(once.clone()));
            }
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            if let Ok(platform) = text.parse::<Platform>() {
                prop_assert_eq!(platform.to_string().parse::<Platform>(), Ok(platform.clone()));
            }
        }
    }
}
