//! The file names of wheels: `numpy-2.5.5-cp313-cp313-manylinux_2_28_x86_64.whl`.

use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;

use crate::{PackageName, PackageNameError};

/// No file system has longer names; and what a name stands for grows with the square of its length.
const MAX_LEN: usize = 255;

/// The [file name of a wheel], taken apart.
///
/// Each of the three tags may be a set, with points between: `py2.py3-none-any` is for Python 2 and for Python 3.
///
/// ```
/// use pyimage_build::WheelName;
///
/// let wheel: WheelName = "MarkupSafe-3.0.4-1-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.whl".parse()?;
/// assert_eq!(wheel.name().as_str(), "markupsafe");
/// assert_eq!(wheel.version(), "3.0.4");
/// assert_eq!(wheel.build().map(ToString::to_string).as_deref(), Some("1"));
/// assert_eq!(wheel.platforms().count(), 2);
/// # Ok::<(), pyimage_build::WheelNameError>(())
/// ```
///
/// [file name of a wheel]: https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelName {
    file_name: String,
    name: PackageName,
    version: Version,
    version_text: String,
    build: Option<BuildTag>,
    /// The three tags, in lower case, each still a set.
    python: String,
    abi: String,
    platform: String,
}

/// What tells wheels apart that are the same in all other respects; the greater is the better.
///
/// ```
/// use pyimage_build::WheelName;
///
/// let build = |tag: &str| format!("demo-1.0-{tag}-py3-none-any.whl").parse().map(|wheel: WheelName| wheel.build().cloned());
/// assert!(build("10")? > build("9z")?);
/// assert!(build("9b")? > build("9a")?);
/// # Ok::<(), pyimage_build::WheelNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildTag {
    /// What it starts with.
    pub number: u64,
    /// What follows.
    pub rest: String,
}

impl fmt::Display for BuildTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, self.rest)
    }
}

impl WheelName {
    /// The name of the wheel at the end of a URL, which may have a query and encoded characters.
    ///
    /// ```
    /// # use pyimage_build::WheelName;
    /// let wheel = WheelName::from_url("https://files.example/a/torch-2.9.0%2Bcpu-cp313-cp313-linux_x86_64.whl#sha256=ab")?;
    /// assert_eq!(wheel.version(), "2.9.0+cpu");
    /// # Ok::<(), pyimage_build::WheelNameError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Self, WheelNameError> {
        file_name_of_url(url).parse()
    }

    /// The whole file name, as it was given.
    ///
    /// ```
    /// # use pyimage_build::WheelName;
    /// assert_eq!("Demo-1.0-py3-none-any.whl".parse::<WheelName>()?.as_str(), "Demo-1.0-py3-none-any.whl");
    /// # Ok::<(), pyimage_build::WheelNameError>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.file_name
    }

    /// The package.
    ///
    /// ```
    /// # use pyimage_build::WheelName;
    /// assert_eq!("Zope_Event-6.1-py3-none-any.whl".parse::<WheelName>()?.name().as_str(), "zope-event");
    /// # Ok::<(), pyimage_build::WheelNameError>(())
    /// ```
    #[must_use]
    pub const fn name(&self) -> &PackageName {
        &self.name
    }

    /// The version, as it is written.
    ///
    /// ```
    /// # use pyimage_build::WheelName;
    /// assert_eq!("demo-1.0rc1-py3-none-any.whl".parse::<WheelName>()?.version(), "1.0rc1");
    /// # Ok::<(), pyimage_build::WheelNameError>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version_text
    }

    /// Whether it is of this version, however that is written: 1.0 is 1.0.0.
    pub(crate) fn is_version(&self, version: &Version) -> bool {
        self.version == *version
    }

    /// The build tag.
    ///
    /// ```
    /// # use pyimage_build::WheelName;
    /// assert_eq!("demo-1.0-py3-none-any.whl".parse::<WheelName>()?.build(), None);
    /// # Ok::<(), pyimage_build::WheelNameError>(())
    /// ```
    #[must_use]
    pub const fn build(&self) -> Option<&BuildTag> {
        self.build.as_ref()
    }

    /// The Pythons that it is for.
    ///
    /// ```
    /// # use pyimage_build::WheelName;
    /// let wheel: WheelName = "six-1.17.0-py2.py3-none-any.whl".parse()?;
    /// assert_eq!(wheel.pythons().collect::<Vec<_>>(), ["py2", "py3"]);
    /// # Ok::<(), pyimage_build::WheelNameError>(())
    /// ```
    pub fn pythons(&self) -> impl Iterator<Item = &str> + Clone {
        self.python.split('.')
    }

    /// The binary interfaces that it has.
    ///
    /// ```
    /// # use pyimage_build::WheelName;
    /// let wheel: WheelName = "cryptography-50.0.2-cp311-abi3-musllinux_1_2_x86_64.whl".parse()?;
    /// assert_eq!(wheel.abis().collect::<Vec<_>>(), ["abi3"]);
    /// # Ok::<(), pyimage_build::WheelNameError>(())
    /// ```
    pub fn abis(&self) -> impl Iterator<Item = &str> + Clone {
        self.abi.split('.')
    }

    /// The platforms that it is for, as wheels name them; `any` for all.
    ///
    /// ```
    /// # use pyimage_build::WheelName;
    /// let wheel: WheelName = "demo-1.0-py3-none-any.whl".parse()?;
    /// assert_eq!(wheel.platforms().collect::<Vec<_>>(), ["any"]);
    /// # Ok::<(), pyimage_build::WheelNameError>(())
    /// ```
    pub fn platforms(&self) -> impl Iterator<Item = &str> + Clone {
        self.platform.split('.')
    }
}

impl fmt::Display for WheelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file_name)
    }
}

impl FromStr for WheelName {
    type Err = WheelNameError;

    fn from_str(text: &str) -> Result<Self, WheelNameError> {
        let file_name = || text.to_owned();
        if text.len() > MAX_LEN {
            return Err(WheelNameError::TooLong { length: text.len() });
        }
        let stem = text.strip_suffix(".whl").ok_or_else(|| WheelNameError::NotWhl(file_name()))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, [python, abi, platform]) = match parts[..] {
            [name, version, python, abi, platform] => (name, version, None, [python, abi, platform]),
            [name, version, build, python, abi, platform] => {
                (name, version, Some(build), [python, abi, platform])
            }
            _ => return Err(WheelNameError::Parts { file_name: file_name(), found: parts.len() }),
        };
        if name.contains("__") {
            return Err(WheelNameError::TwoUnderscores { file_name: file_name(), name: name.to_owned() });
        }
        let package =
            name.parse().map_err(|source| WheelNameError::Name { file_name: file_name(), source })?;
        let is_version = version.parse::<Version>();
        let number = is_version
            .map_err(|_| WheelNameError::Version { file_name: file_name(), version: version.to_owned() })?;
        let build = build
            .map(|build| {
                build_tag(build)
                    .ok_or_else(|| WheelNameError::Build { file_name: file_name(), build: build.to_owned() })
            })
            .transpose()?;
        for (what, tag) in [("Python", python), ("ABI", abi), ("platform", platform)] {
            let is_tag = |tag: &str| {
                !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            // `3.13` for `cp313` is the slip that is made.
            let is_python = |tag: &str| !tag.starts_with(|letter: char| letter.is_ascii_digit());
            if !tag.split('.').all(|tag| is_tag(tag) && (what != "Python" || is_python(tag))) {
                return Err(WheelNameError::Tag { file_name: file_name(), what, tag: tag.to_owned() });
            }
        }
        Ok(Self {
            file_name: file_name(),
            name: package,
            version: number,
            version_text: version.to_owned(),
            build,
            python: python.to_ascii_lowercase(),
            abi: abi.to_ascii_lowercase(),
            platform: platform.to_ascii_lowercase(),
        })
    }
}

/// A number and perhaps more.
fn build_tag(text: &str) -> Option<BuildTag> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+'));
    Some(BuildTag { number: number.parse().ok()?, rest: rest.to_owned() }).filter(|_| plain)
}

/// The last part of a URL's path, decoded; what is no valid encoding stays as it is.
pub(crate) fn file_name_of_url(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    decoded(path.rsplit('/').next().unwrap_or_default())
}

/// A part of a URL, decoded; what is no valid encoding stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, hex(0), hex(1)) {
            // Two hex digits are a byte.
            bytes.extend(u8::try_from(high * 16 + low));
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Why a text is not a [`WheelName`].
///
/// ```
/// use pyimage_build::WheelName;
///
/// let error = "demo-1.0-py3-any.whl".parse::<WheelName>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "wheel `demo-1.0-py3-any.whl` has 4 parts between hyphens, not name-version-python-abi-platform and perhaps a \
///      build tag behind the version",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WheelNameError {
    /// It is longer than file names are.
    #[error("a wheel's file name has {length} bytes, file names have {MAX_LEN} at most")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// It ends otherwise.
    #[error("`{0}` is no wheel, whose name ends with `.whl`")]
    NotWhl(String),
    /// There are too many parts or too few.
    #[error(
        "wheel `{file_name}` has {found} parts between hyphens, not name-version-python-abi-platform and perhaps a build \
         tag behind the version"
    )]
    Parts {
        /// The whole name.
        file_name: String,
        /// How many parts it has.
        found: usize,
    },
    /// Two `_` together, which the specification escapes to one.
    #[error("name `{name}` of wheel `{file_name}` has `__`, where wheels have one `_`")]
    TwoUnderscores {
        /// The whole name.
        file_name: String,
        /// The package's.
        name: String,
    },
    /// The package's name is none.
    #[error("wheel `{file_name}` names no package")]
    Name {
        /// The whole name.
        file_name: String,
        /// What is wrong with it.
        source: PackageNameError,
    },
    /// The version is none.
    #[error("`{version}` in wheel `{file_name}` is no version")]
    Version {
        /// The whole name.
        file_name: String,
        /// The part at fault.
        version: String,
    },
    /// The build tag does not start with a number.
    #[error(
        "build tag `{build}` of wheel `{file_name}` is not a number with letters, digits, `_` or `.` after it"
    )]
    Build {
        /// The whole name.
        file_name: String,
        /// The part at fault.
        build: String,
    },
    /// A tag is malformed.
    #[error("{what} tag `{tag}` of wheel `{file_name}` is malformed")]
    Tag {
        /// The whole name.
        file_name: String,
        /// Which tag: `Python`, `ABI` or `platform`.
        what: &'static str,
        /// The part at fault.
        tag: String,
    },
}

#[cfg(test)]
mod tests;
