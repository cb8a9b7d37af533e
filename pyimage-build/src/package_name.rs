//! The name of a Python package, as indexes and locks have it.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The name of a package, or of an extra, in its one [normalised] spelling: `Charset_Normalizer` is
/// `charset-normalizer`.
///
/// ```
/// use pyimage_build::PackageName;
///
/// let name: PackageName = "Zope.Interface".parse()?;
/// assert_eq!(name.as_str(), "zope-interface");
/// assert_eq!(name, "zope_interface".parse()?);
/// # Ok::<(), pyimage_build::PackageNameError>(())
/// ```
///
/// [normalised]: https://packaging.python.org/en/latest/specifications/name-normalization/
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

impl PackageName {
    /// The normalised name.
    ///
    /// ```
    /// # use pyimage_build::PackageName;
    /// assert_eq!("PyYAML".parse::<PackageName>()?.as_str(), "pyyaml");
    /// # Ok::<(), pyimage_build::PackageNameError>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text as names are normalised: lower case, and one `-` for each run of `-`, `_` and `.`.
///
/// What is no name has such a form too, which markers compare.
pub(crate) fn normalised(text: &str) -> String {
    let mut normalised = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '-' | '_' | '.' if normalised.ends_with('-') => {}
            '-' | '_' | '.' => normalised.push('-'),
            _ => normalised.extend(letter.to_lowercase()),
        }
    }
    normalised
}

/// A character as a message can have it, which keeps to one line.
pub(crate) fn shown(letter: char) -> String {
    if letter.is_control() { letter.escape_debug().to_string() } else { letter.to_string() }
}

impl FromStr for PackageName {
    type Err = PackageNameError;

    fn from_str(text: &str) -> Result<Self, PackageNameError> {
        if text.is_empty() {
            return Err(PackageNameError::Empty);
        }
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if let Some(letter) = text.chars().find(|letter| !allowed(*letter)) {
            return Err(PackageNameError::InvalidCharacter { name: text.to_owned(), letter });
        }
        if !text.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            || !text.ends_with(|letter: char| letter.is_ascii_alphanumeric())
        {
            return Err(PackageNameError::InvalidEnd(text.to_owned()));
        }
        Ok(Self(normalised(text)))
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a [`PackageName`].
///
/// ```
/// use pyimage_build::PackageName;
///
/// let error = "my package".parse::<PackageName>().unwrap_err();
/// assert_eq!(error.to_string(), "name `my package` has ` `, which is no letter, digit, `-`, `_` or `.`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackageNameError {
    /// There is no text.
    Empty,
    /// A character that no name has.
    InvalidCharacter {
        /// The whole name.
        name: String,
        /// The character.
        letter: char,
    },
    /// It starts or ends with a separator.
    InvalidEnd(String),
}

impl fmt::Display for PackageNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty"),
            Self::InvalidCharacter { name, letter } => write!(
                f,
                "name `{name}` has `{}`, which is no letter, digit, `-`, `_` or `.`",
                shown(*letter)
            ),
            Self::InvalidEnd(value) => {
                write!(f, "name `{value}` has a separator at an end, where a letter or digit has to be")
            }
        }
    }
}

impl Error for PackageNameError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refusals_say_why() {
        for (text, expected) in [
            ("", "the name is empty"),
            ("é", "name `é` has `é`, which is no letter, digit, `-`, `_` or `.`"),
            ("a\n", "name `a\n` has `\\n`, which is no letter, digit, `-`, `_` or `.`"),
            ("-a", "name `-a` has a separator at an end, where a letter or digit has to be"),
            ("a.", "name `a.` has a separator at an end, where a letter or digit has to be"),
        ] {
            assert_eq!(text.parse::<PackageName>().unwrap_err().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn normalisation_is_idempotent(text in "[a-zA-Z0-9]([-_.a-zA-Z0-9]{0,12}[a-zA-Z0-9])?") {
            let name: PackageName = text.parse().unwrap();
            prop_assert_eq!(&name.as_str().parse::<PackageName>().unwrap(), &name);
            prop_assert!(!name.as_str().contains("--"));
            prop_assert_eq!(normalised(&normalised(&text)), normalised(&text));
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = text.parse::<PackageName>();
        }
    }
}
