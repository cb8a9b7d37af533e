//! `.python-version`: the Python that a folder asks for, as pyenv and uv write it.

use std::fmt;

use crate::{PythonTagError, PythonVersion, RequiresPython, RequiresPythonError};

/// Which Python a `.python-version` file asks for: the first of its entries, as uv and pyenv take them.
///
/// An entry is a version (`3.13`, `3.13.5`, `3.16.0a2`), also with the name of the implementation before it
/// (`cpython-3.13`, `cpython@3.13`, `python-3.13`), or a set of specifiers (`>=3.12`). Comments begin with `#`.
///
/// ```
/// use pyimage_build::{PythonTag, PythonVersionFile};
///
/// let file = PythonVersionFile::parse("# for the scripts\ncpython-3.13\n3.12\n")?.expect("there is an entry");
/// assert_eq!(file.to_string(), "3.13");
/// assert!("3.13.5-slim".parse::<PythonTag>()?.version().is_some_and(|version| file.allows(version)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PythonVersionFile {
    /// A version and, where it has fewer than three numbers, all that it can become.
    Version(PythonVersion),
    /// What specifiers allow.
    Specifiers(RequiresPython),
}

/// Other implementations of Python, as pyenv and uv name them, by the beginning of the name.
const OTHER_IMPLEMENTATIONS: [&str; 13] = [
    "pypy",
    "pp",
    "graalpy",
    "gp",
    "graalpython",
    "micropython",
    "jython",
    "ironpython",
    "stackless",
    "pyston",
    "cinder",
    "pyodide",
    "rustpython",
];
/// Distributions with a Python in them, and not versions of Python.
const DISTRIBUTIONS: [&str; 5] = ["miniconda", "anaconda", "miniforge", "mambaforge", "activepython"];

impl PythonVersionFile {
    /// Reads the text of a file; none where it has no entry.
    ///
    /// # Errors
    /// Where the first entry asks for something that no official image has, or for nothing that is known.
    ///
    /// ```
    /// # use pyimage_build::PythonVersionFile;
    /// assert_eq!(PythonVersionFile::parse("\n# nothing yet\n")?, None);
    /// let error = PythonVersionFile::parse("pypy3.10-7.3.17\n").unwrap_err();
    /// assert_eq!(error.to_string(), "`pypy3.10-7.3.17` is not CPython, and the official image has no other");
    /// # Ok::<(), pyimage_build::PythonVersionFileError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Option<Self>, PythonVersionFileError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut entries = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        // pyenv takes several on a line too, and goes by the first.
        let entry = entries.find_map(|line| {
            let line = line.trim();
            let specifiers = line.starts_with(['<', '>', '=', '!', '~']);
            if specifiers { Some(line) } else { line.split_whitespace().next() }
        });
        entry.map(Self::entry).transpose()
    }

    fn entry(entry: &str) -> Result<Self, PythonVersionFileError> {
        let text = || entry.to_owned();
        if entry.starts_with(['<', '>', '=', '!', '~']) {
            let specifiers: RequiresPython = entry.parse()?;
            return Ok(Self::Specifiers(specifiers));
        }
        let lower = entry.to_ascii_lowercase();
        if lower == "system" {
            return Err(PythonVersionFileError::System);
        }
        if entry.contains(['/', '\\']) {
            return Err(PythonVersionFileError::Path(text()));
        }
        let version =
            ["cpython", "python", "cp"].iter().find_map(|name| lower.strip_prefix(name)).unwrap_or(&lower);
        let version = version.strip_prefix(['-', '@']).unwrap_or(version);
        if !version.starts_with(|c: char| c.is_ascii_digit()) {
            let is_one_of = |names: &[&str]| names.iter().any(|name| lower.starts_with(name));
            return Err(match version {
                _ if is_one_of(&DISTRIBUTIONS) => PythonVersionFileError::Distribution(text()),
                _ if is_one_of(&OTHER_IMPLEMENTATIONS) => PythonVersionFileError::OtherImplementation(text()),
                "" => PythonVersionFileError::NoVersion(text()),
                _ => PythonVersionFileError::Unknown(text()),
            });
        }
        // uv's name of an installation goes on: `cpython-3.13.5-linux-x86_64-gnu`.
        let (version, rest) = version.split_once('-').unwrap_or((version, ""));
        if rest.starts_with("dev") {
            return Err(PythonVersionFileError::Development(text()));
        }
        let variant = version.split_once('+').map(|(_, variant)| variant);
        if variant.is_some_and(|variant| variant.contains("freethreaded")) || version.ends_with('t') {
            return Err(PythonVersionFileError::FreeThreaded(text()));
        }
        if variant.is_some() || version.ends_with('d') {
            return Err(PythonVersionFileError::Debug(text()));
        }
        match full(version).parse() {
            Ok(version) => Ok(Self::Version(version)),
            Err(PythonTagError::NoSuchPython { major, .. }) => {
                Err(PythonVersionFileError::NoSuchPython { entry: text(), major })
            }
            Err(_) => Err(PythonVersionFileError::Unknown(text())),
        }
    }

    /// Whether an image with a tag of this version is what the file asks for.
    ///
    /// A version with fewer numbers allows all that have more: 3.13 every patch release, 3 every Python 3. A floating
    /// one is not allowed where a patch release is asked for, unless it is known to stay at that.
    ///
    /// ```
    /// # use pyimage_build::PythonVersionFile;
    /// let allows = |file: &str, version: &str| -> Result<_, Box<dyn std::error::Error>> {
    ///     let file = PythonVersionFile::parse(file)?.expect("an entry");
    ///     Ok(file.allows(&version.parse()?))
    /// };
    /// assert!(allows("3.13", "3.13.5")? && allows("3.13", "3.13")? && !allows("3.13", "3")?);
    /// assert!(!allows("3.13.5", "3.13")? && allows("2.7.18", "2.7")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn allows(&self, version: &PythonVersion) -> bool {
        let asked = match self {
            Self::Specifiers(specifiers) => return specifiers.allows(version),
            Self::Version(asked) => asked,
        };
        let version = version.settled();
        let same = |asked: Option<u16>, found: Option<u16>| asked.is_none() || asked == found;
        asked.major() == version.major()
            && same(asked.minor(), version.minor())
            && same(asked.patch(), version.patch())
            // `3.16` means its prereleases too; 3.16.0 does not.
            && (asked.patch().is_none() || asked.prerelease() == version.prerelease())
    }
}

/// A prerelease as tags have it: `3.16rc1` is short for `3.16.0rc1`.
fn full(version: &str) -> String {
    let letters = version.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(version.len());
    let (release, suffix) = version.split_at(letters);
    let short = !suffix.is_empty() && release.matches('.').count() == 1;
    format!("{release}{}{suffix}", if short { ".0" } else { "" })
}

impl fmt::Display for PythonVersionFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(f),
            Self::Specifiers(specifiers) => specifiers.fmt(f),
        }
    }
}

/// Why what a `.python-version` file asks for cannot be had.
///
/// ```
/// use pyimage_build::PythonVersionFile;
///
/// let error = PythonVersionFile::parse("3.13t").unwrap_err();
/// assert_eq!(error.to_string(), "`3.13t` is a free-threaded Python, which the official image does not have");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PythonVersionFileError {
    /// pyenv's word for the Python of the machine.
    #[error("`system` is the Python of this machine, which a container does not have")]
    System,
    /// A path of the machine.
    #[error("`{0}` is a path to a Python of this machine, which a container does not have")]
    Path(String),
    /// PyPy and others.
    #[error("`{0}` is not CPython, and the official image has no other")]
    OtherImplementation(String),
    /// conda and others.
    #[error("`{0}` is a distribution, not a version of Python")]
    Distribution(String),
    /// A build without the global interpreter lock.
    #[error("`{0}` is a free-threaded Python, which the official image does not have")]
    FreeThreaded(String),
    /// A build for debugging Python itself.
    #[error("`{0}` is a debug build of Python, which the official image does not have")]
    Debug(String),
    /// A build of a branch, as pyenv makes them.
    #[error(
        "`{0}` is a development build of Python, and the official image has only releases and prereleases"
    )]
    Development(String),
    /// Neither Python 2 nor Python 3.
    #[error("`{entry}` asks for Python {major}, the official image has Python 2 and 3")]
    NoSuchPython {
        /// The entry.
        entry: String,
        /// The major version it names.
        major: u16,
    },
    /// `cpython` alone.
    #[error("`{0}` names no version")]
    NoVersion(String),
    /// The specifiers are malformed.
    #[error(transparent)]
    Specifiers(#[from] RequiresPythonError),
    /// Anything else, such as the name of a virtual environment.
    #[error("`{0}` is no version of Python, such as `3.13`, `3.13.5` or `>=3.12`")]
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_entry_counts() {
        for (text, expected) in [
            ("3.13", "3.13"),
            ("3.13.5\n", "3.13.5"),
            ("3\n", "3"),
            ("2.7.18\n", "2.7.18"),
            ("\n  # a comment\n\n 3.12 # another\n3.11\n", "3.12"),
            ("3.12.4 3.11.9\n", "3.12.4"),
            ("\u{feff}3.13\r\n3.12\r\n", "3.13"),
            ("cpython-3.13", "3.13"),
            ("cpython@3.13.5", "3.13.5"),
            ("cpython3.13", "3.13"),
            ("CPython-3.13", "3.13"),
            ("python-3.12.4", "3.12.4"),
            ("cpython-3.13.5-linux-x86_64-gnu", "3.13.5"),
            ("3.16.0a2", "3.16.0a2"),
            ("3.16rc1", "3.16.0rc1"),
            (">=3.12, <3.14\n", ">=3.12, <3.14"),
            ("==3.12.*", "==3.12.*"),
        ] {
            let file = PythonVersionFile::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert_eq!(file.map(|file| file.to_string()).as_deref(), Some(expected), "{text:?}");
        }
        for text in ["", "\n", "# 3.13\n", "\u{feff}\r\n"] {
            assert_eq!(PythonVersionFile::parse(text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn refusals_say_why() {
        for (text, expected) in [
            ("system\n3.13\n", "`system` is the Python of this machine, which a container does not have"),
            (
                "/usr/bin/python3",
                "`/usr/bin/python3` is a path to a Python of this machine, which a container does not have",
            ),
            ("pypy3.10-7.3.17", "`pypy3.10-7.3.17` is not CPython, and the official image has no other"),
            ("pypy@3.10", "`pypy@3.10` is not CPython, and the official image has no other"),
            ("graalpy-24.1", "`graalpy-24.1` is not CPython, and the official image has no other"),
            ("miniconda3-latest", "`miniconda3-latest` is a distribution, not a version of Python"),
            ("3.13t", "`3.13t` is a free-threaded Python, which the official image does not have"),
            (
                "3.14+freethreaded",
                "`3.14+freethreaded` is a free-threaded Python, which the official image does not have",
            ),
            ("3.13d", "`3.13d` is a debug build of Python, which the official image does not have"),
            (
                "3.14-dev",
                "`3.14-dev` is a development build of Python, and the official image has only releases and prereleases",
            ),
            ("4.0", "`4.0` asks for Python 4, the official image has Python 2 and 3"),
            ("cpython", "`cpython` names no version"),
            ("my-env", "`my-env` is no version of Python, such as `3.13`, `3.13.5` or `>=3.12`"),
            ("3.x", "`3.x` is no version of Python, such as `3.13`, `3.13.5` or `>=3.12`"),
            ("3.13.5.6", "`3.13.5.6` is no version of Python, such as `3.13`, `3.13.5` or `>=3.12`"),
            ("v3.13", "`v3.13` is no version of Python, such as `3.13`, `3.13.5` or `>=3.12`"),
        ] {
            assert_eq!(PythonVersionFile::parse(text).unwrap_err().to_string(), expected);
        }
        assert!(matches!(PythonVersionFile::parse(">=3,x"), Err(PythonVersionFileError::Specifiers(_))));
    }

    #[test]
    fn a_version_allows_what_it_can_become() {
        for (file, allowed, refused) in [
            ("3", "3 3.15 3.8.1 3.16-rc", "2 2.7"),
            ("3.13", "3.13 3.13.5 3.13.0rc1", "3 3.12 2.7"),
            ("3.13.5", "3.13.5", "3.13 3.13.6 3.13.5rc1"),
            ("3.16", "3.16-rc 3.16.0 3.16.0a1", "3.15"),
            ("3.16.0a2", "3.16.0a2", "3.16-rc 3.16.0 3.16.0a1"),
            ("2.7.18", "2.7.18 2.7 2", "2.7.17"),
            (">=3.12", "3.12 3.15", "3.11"),
        ] {
            let parsed = PythonVersionFile::parse(file).unwrap().unwrap();
            for version in allowed.split(' ') {
                assert!(parsed.allows(&version.parse().unwrap()), "`{file}` and {version}");
            }
            for version in refused.split(' ') {
                assert!(!parsed.allows(&version.parse().unwrap()), "`{file}` and {version}");
            }
        }
    }

    proptest! {
        #[test]
        fn versions_round_trip(version in "3\\.[1-9]?[0-9](\\.[1-9]?[0-9])?", prefix in "(c?python[-@]?)?") {
            let file = PythonVersionFile::parse(&format!("{prefix}{version}")).unwrap().unwrap();
            prop_assert_eq!(file.to_string(), version.clone());
            prop_assert!(file.allows(&version.parse().unwrap()));
        }

        #[test]
        fn never_panics(text in "\\PC{0,30}|[a-z0-9.+@<>=# -]{0,20}") {
            let _ = PythonVersionFile::parse(&text);
        }
    }
}
