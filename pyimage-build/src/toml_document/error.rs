//! Why a text is no TOML.

use std::fmt;

use toml_parser::{Expected, ParseError};

/// Why a text is no TOML.
///
/// ```
/// use std::error::Error;
///
/// let error = pyimage_build::Lock::parse("version = 1\nversion = 2\n").unwrap_err();
/// let cause = error.source().expect("it is no TOML");
/// assert_eq!(cause.to_string(), "duplicate key on line 2, column 1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlError {
    line: usize,
    column: usize,
    reason: String,
}

impl TomlError {
    pub(super) fn new(text: &str, error: &ParseError) -> Self {
        let at = error.unexpected().or(error.context()).map_or(text.len(), |span| span.start());
        let before = text.get(..at).unwrap_or(text);
        let begin = before.rfind('\n').map_or(0, |end| end + 1);
        let mut reason = error.description().to_owned();
        for (index, expected) in error.expected().unwrap_or_default().iter().enumerate() {
            reason.push_str(if index == 0 { ", expected " } else { ", " });
            match expected {
                Expected::Literal("\n") => reason.push_str("a line break"),
                Expected::Literal(literal) => reason.extend(["`", literal, "`"]),
                Expected::Description(words) => reason.push_str(words),
                _ => reason.push_str("something else"),
            }
        }
        Self { line: before.matches('\n').count() + 1, column: before[begin..].chars().count() + 1, reason }
    }

    /// Its line, counted from 1.
    ///
    /// ```
    /// # fn of(error: &pyimage_build::TomlError) {
    /// println!("pyimage.lock:{}", error.line());
    /// # }
    /// ```
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for TomlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on line {}, column {}", self.reason, self.line, self.column)
    }
}

impl std::error::Error for TomlError {}
