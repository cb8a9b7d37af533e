//! `requires-python`: which Pythons a script or a project runs on.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Operator, PrereleaseKind, Version, VersionSpecifiers};

use crate::{Prerelease, PythonVersion, version_specifier};

/// The patch release that a floating version stands for, where the last one is not out: later than any that a
/// specifier could mean.
const NEWEST: u64 = u16::MAX as u64;

/// A set of version specifiers, as `requires-python` has them: `>=3.12,<3.14`.
///
/// The grammar and the meaning are those of [version specifiers]. So `==3.12` is 3.12.0 alone, and `==3.12.*` is what is
/// often meant by it.
///
/// ```
/// use pyimage_build::{PythonTag, RequiresPython};
///
/// let requires: RequiresPython = ">=3.12, <3.14".parse()?;
/// let allows = |tag: &str| tag.parse().map(|tag: PythonTag| tag.version().is_some_and(|of| requires.allows(of)));
/// assert!(allows("3.13-slim")?);
/// assert!(!allows("3.14-slim")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [version specifiers]: https://packaging.python.org/en/latest/specifications/version-specifiers/
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiresPython {
    text: String,
    specifiers: VersionSpecifiers,
}

impl RequiresPython {
    /// The specifiers, exactly as they were given.
    ///
    /// ```
    /// # use pyimage_build::RequiresPython;
    /// assert_eq!(">= 3.12".parse::<RequiresPython>()?.as_str(), ">= 3.12");
    /// # Ok::<(), pyimage_build::RequiresPythonError>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether an image with a tag of this version has a Python that is wanted.
    ///
    /// A version that floats is the newest that it can mean: 3.13 is a patch release later than any, unless its last
    /// one is known, and 3 is the newest stable minor version. `3.16-rc` is every prerelease of 3.16 and also what
    /// becomes of them: whoever asks for `>=3.16` today can have nothing better.
    ///
    /// ```
    /// # use pyimage_build::{PythonTag, RequiresPython};
    /// let requires: RequiresPython = ">=3.12.4, !=3.13.2".parse()?;
    /// for (tag, allowed) in [
    ///     ("3.12.4", true),
    ///     ("3.12.3", false),
    ///     ("3.12", true),
    ///     ("3.13", true),
    ///     ("3.13.2", false),
    ///     ("3", true),
    ///     ("3.16-rc", true),
    ///     ("2.7", false),
    /// ] {
    ///     let tag: PythonTag = tag.parse()?;
    ///     assert_eq!(tag.version().is_some_and(|version| requires.allows(version)), allowed, "{tag}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn allows(&self, version: &PythonVersion) -> bool {
        let contains = |version: Version| {
            self.specifiers.iter().all(|specifier| version_specifier::contains(specifier, &version))
        };
        let settled = version.settled();
        let number = |number: Option<u16>| number.map_or(NEWEST, u64::from);
        let patch = match version.prerelease() {
            Some(Prerelease::Floating) => 0,
            _ => number(settled.patch()),
        };
        let release = Version::new([settled.major().into(), number(settled.minor()), patch]);
        let prerelease = |kind, number| {
            let prerelease = pep440_rs::Prerelease { kind, number };
            release.clone().with_pre(Some(prerelease))
        };
        match version.prerelease() {
            None => contains(release),
            Some(Prerelease::Alpha(number)) => contains(prerelease(PrereleaseKind::Alpha, number.into())),
            Some(Prerelease::Beta(number)) => contains(prerelease(PrereleaseKind::Beta, number.into())),
            Some(Prerelease::Candidate(number)) => contains(prerelease(PrereleaseKind::Rc, number.into())),
            Some(Prerelease::Floating) => {
                contains(release.clone()) || contains(prerelease(PrereleaseKind::Rc, NEWEST))
            }
        }
    }

    /// The patch releases that the specifiers speak of, in which a floating version may not be the answer: `==3.12.4`
    /// names 3.12.4, and `<3.12.4` the one before it too.
    pub(crate) fn named(&self) -> Vec<PythonVersion> {
        let mut named = Vec::new();
        for specifier in self.specifiers.iter() {
            let version = specifier.version();
            let star = matches!(specifier.operator(), Operator::EqualStar | Operator::NotEqualStar);
            let [major, minor, patch] = [0, 1, 2].map(|at| version.release().get(at).copied().unwrap_or(0));
            if star || version.release().len() > 3 {
                continue;
            }
            let before = patch.checked_sub(1).map(|patch| format!("{major}.{minor}.{patch}"));
            let prerelease = version.pre().map(|pre| format!("{major}.{minor}.{patch}{pre}"));
            let texts = [Some(format!("{major}.{minor}.{patch}")), before, prerelease];
            // What is no version of a tag, such as 4.0.0, is no image.
            named.extend(texts.into_iter().flatten().filter_map(|text| text.parse::<PythonVersion>().ok()));
        }
        named
    }
}

impl fmt::Display for RequiresPython {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for RequiresPython {
    type Err = RequiresPythonError;

    fn from_str(text: &str) -> Result<Self, RequiresPythonError> {
        // Other tools take a comma at the end, and so a project may have it.
        let specifiers = text.trim().trim_end_matches(',');
        let specifiers = VersionSpecifiers::from_str(specifiers).map_err(|error| {
            // The message goes on with the line and a caret under it, which `text` makes superfluous.
            let message = error.to_string();
            let first = message.lines().next().unwrap_or_default();
            let reason = first.strip_prefix("Failed to parse version: ").unwrap_or(first);
            let mut reason = reason.trim_end_matches([':', '.']).to_owned();
            if let Some(letter) = reason.get_mut(..1) {
                letter.make_ascii_lowercase();
            }
            RequiresPythonError { text: text.to_owned(), reason, suggestion: suggestion(text) }
        })?;
        Ok(Self { text: text.to_owned(), specifiers })
    }
}

/// What was probably meant, of what people write that know other languages or other fields.
fn suggestion(text: &str) -> Option<String> {
    let text = text.trim();
    let rest = text.strip_prefix(['^', '~']).unwrap_or(text);
    let meant: PythonVersion = rest.parse().ok()?;
    let suggestion = match (text.chars().next()?, meant.minor()) {
        ('^', _) => format!(">={rest},<{}", meant.major() + 1),
        (_, Some(_)) if meant.patch().is_none() => format!("=={rest}.*"),
        ('~', _) => format!("~={rest}"),
        (_, None) => format!("=={rest}.*"),
        _ => format!("=={rest}"),
    };
    Some(suggestion).filter(|suggestion| VersionSpecifiers::from_str(suggestion).is_ok())
}

/// Why a text is no [`RequiresPython`].
///
/// ```
/// use pyimage_build::RequiresPython;
///
/// let error = "^3.12".parse::<RequiresPython>().unwrap_err();
/// assert_eq!(error.suggestion.as_deref(), Some(">=3.12,<4"));
/// assert!(error.to_string().starts_with("`^3.12` is no set of version specifiers"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no set of version specifiers, such as `>=3.12,<3.14`: {reason}")]
pub struct RequiresPythonError {
    /// The text.
    pub text: String,
    /// What is wrong.
    pub reason: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn requires(text: &str) -> RequiresPython {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn version(text: &str) -> PythonVersion {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn specifiers_mean_what_the_specification_says() {
        for (specifiers, allowed, refused) in [
            (">=3.12", "3.12 3.12.0 3.15 3 3.16-rc", "3.11 2.7 2 3.12.0rc1"),
            ("<3.9", "3.8 3.8.20 2.7 2", "3.9 3 3.9.0b1"),
            ("==3.12.*", "3.12 3.12.4", "3.11 3.13 3"),
            ("==3.12.4", "3.12.4", "3.12 3.12.3"),
            ("==3.12", "3.12.0", "3.12 3.12.1"),
            ("~=3.12", "3.12 3.15 3", "3.11 2.7"),
            ("~=3.12.4", "3.12 3.12.4", "3.12.3 3.13"),
            (">=3.12,<3.12.4", "3.12.3", "3.12 3.12.4"),
            ("<=2.7.18", "2.7 2 2.7.18 2.7.9", "3.0 3"),
            ("<=3.9.24", "3.8 3.9.24", "3.9 3.9.25"),
            (">=3.16", "3.16-rc 3.16.0", "3.15 3 3.16.0a1"),
            (">=3.16.0a1", "3.16-rc 3.16.0a1 3.16.0", "3.15 3"),
            ("!=3.13.*,>=3.12", "3.12 3.14 3", "3.13 3.13.1"),
            ("", "2.7 3.15", ""),
            (" >= 3.12 , < 3.14, ", "3.12 3.13", "3.14"),
            (">=4", "", "3 3.15 3.16-rc 2.7"),
        ] {
            let requires = requires(specifiers);
            for text in allowed.split_whitespace() {
                assert!(requires.allows(&version(text)), "`{specifiers}` and {text}");
            }
            for text in refused.split_whitespace() {
                assert!(!requires.allows(&version(text)), "`{specifiers}` and {text}");
            }
        }
    }

    #[test]
    fn refusals_say_why() {
        for (text, suggestion) in [
            ("3.12", Some("==3.12.*")),
            ("3", Some("==3.*")),
            ("3.12.4", Some("==3.12.4")),
            ("^3.12", Some(">=3.12,<4")),
            ("~3.12", Some("==3.12.*")),
            ("~3.12.4", Some("~=3.12.4")),
            (">=3.12;<3.14", None),
            ("=>3.12", None),
            (">=", None),
            ("latest", None),
            (">=3.x", None),
            ("~=3", None),
        ] {
            let error = text.parse::<RequiresPython>().unwrap_err();
            assert_eq!(error.suggestion.as_deref(), suggestion, "{error}");
            assert!(error.to_string().starts_with(&format!("`{text}` is no set of")), "{error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn the_releases_at_the_limits_are_named() {
        let named =
            |text| requires(text).named().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(named("==3.12.4"), "3.12.4 3.12.3");
        assert_eq!(named(">=3.12,<3.12.4"), "3.12.0 3.12.4 3.12.3");
        assert_eq!(named("==3.16.0a2"), "3.16.0 3.16.0a2");
        assert_eq!(named("==3.12.*,>=4"), "");
    }

    proptest! {
        #[test]
        fn it_prints_as_it_was_given(text in "(>=|<|==|!=|~=|<=|>) ?[23]\\.[0-9]{1,2}(\\.[0-9]{1,2})?") {
            prop_assert_eq!(requires(&text).to_string(), text);
        }

        #[test]
        fn a_limit_divides(minor in 5_u16..20, limit in 5_u16..20) {
            let version = version(&format!("3.{minor}"));
            prop_assert_eq!(requires(&format!(">=3.{limit}")).allows(&version), minor >= limit);
            prop_assert_eq!(requires(&format!("<3.{limit}")).allows(&version), minor < limit);
            prop_assert_eq!(requires(&format!("==3.{limit}.*")).allows(&version), minor == limit);
            prop_assert_eq!(requires(&format!("!=3.{limit}.*")).allows(&version), minor != limit);
        }

        #[test]
        fn never_panics(text in "\\PC{0,20}|[<>=~!^]{0,2}[0-9.*a-z, ]{0,20}") {
            if let Ok(requires) = text.parse::<RequiresPython>() {
                let _ = (requires.named(), requires.allows(&version("3.13")));
            }
        }
    }
}
