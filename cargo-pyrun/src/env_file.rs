//! Files of environment variables, in the format of docker's `--env-file`.
//!
//! A line is `KEY=VALUE`, or `KEY` alone for the host's value where the host has one. Blank lines and lines
//! that start with `#` are skipped, as is white space before a key. The value is everything after the first
//! `=`: quotes, `#` and spaces are part of it, and nothing is expanded.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

/// A variable and its value; without one, the host's value is meant.
pub type Variable = (String, Option<String>);

/// Why a file of variables was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvFileError {
    /// The file cannot be read.
    #[error("failed to read env file `{file}`")]
    Unreadable {
        /// The file.
        file: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is no valid UTF-8.
    #[error("invalid UTF-8 at {file}:{line}")]
    NotUtf8 {
        /// The file.
        file: Utf8PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A key has white space in it.
    #[error("variable `{key}` contains white space at {file}:{line}")]
    WhiteSpace {
        /// The file.
        file: Utf8PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A line has a value and no key.
    #[error("no variable name before `=` at {file}:{line}")]
    NoKey {
        /// The file.
        file: Utf8PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
}

/// Reads a file of variables, in the order of the file.
pub fn read(file: &Utf8Path) -> Result<Vec<Variable>, EnvFileError> {
    match fs_err::read(file) {
        Ok(bytes) => parse(file, &bytes),
        Err(source) => Err(EnvFileError::Unreadable { file: file.to_owned(), source }),
    }
}

/// Parses the content of a file of variables; `file` is what errors call it.
pub fn parse(file: &Utf8Path, bytes: &[u8]) -> Result<Vec<Variable>, EnvFileError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut variables = Vec::new();
    for (index, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let (file, line) = (|| file.to_owned(), index + 1);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let Ok(text) = std::str::from_utf8(text) else {
            return Err(EnvFileError::NotUtf8 { file: file(), line });
        };
        let text = text.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text, None),
        };
        if key.is_empty() {
            return Err(EnvFileError::NoKey { file: file(), line });
        }
        // Docker looks for these two only; other white space is left to the shell that reads the variable.
        if key.contains([' ', '\t']) {
            return Err(EnvFileError::WhiteSpace { file: file(), line, key: key.to_owned() });
        }
        variables.push((key.to_owned(), value.map(str::to_owned)));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(bytes: &[u8]) -> Result<Vec<Variable>, String> {
        parse("a.env".into(), bytes).map_err(|error| error.to_string())
    }

    fn variable(key: &str, value: Option<&str>) -> Variable {
        (key.to_owned(), value.map(str::to_owned))
    }

    #[test]
    fn values_are_taken_as_they_are() {
        let text = b"\xef\xbb\xbfA=1\r\n# comment\n\n \t B= \"two\" # not a comment \n  # indented\nC=\nD\nE=a=b\nA=3";
        assert_eq!(
            parsed(text).unwrap(),
            [
                variable("A", Some("1")),
                variable("B", Some(" \"two\" # not a comment ")),
                variable("C", Some("")),
                variable("D", None),
                variable("E", Some("a=b")),
                variable("A", Some("3")),
            ]
        );
    }

    #[test]
    fn bad_lines_are_named() {
        assert_eq!(parsed(b"A=1\nB =2").unwrap_err(), "variable `B ` contains white space at a.env:2");
        assert_eq!(parsed(b"export A=1").unwrap_err(), "variable `export A` contains white space at a.env:1");
        assert_eq!(parsed(b"A ").unwrap_err(), "variable `A ` contains white space at a.env:1");
        assert_eq!(parsed(b"\n\n =2").unwrap_err(), "no variable name before `=` at a.env:3");
        assert_eq!(parsed(b"A=1\nB=\xff\n").unwrap_err(), "invalid UTF-8 at a.env:2");
        assert_eq!(
            read("/nowhere/a.env".into()).unwrap_err().to_string(),
            "failed to read env file `/nowhere/a.env`"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parsed(&bytes);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "([A-Z #=\t\r\n]|\\PC){0,80}") {
            for (key, _) in parsed(text.as_bytes()).unwrap_or_default() {
                prop_assert!(!key.is_empty() && !key.contains([' ', '\t', '=', '\n']));
            }
        }

        #[test]
        fn written_variables_come_back(pairs in proptest::collection::vec(("[A-Za-z_][A-Za-z0-9_]{0,8}", "[^\r\n]{0,20}"), 0..8)) {
            let lines: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let expected: Vec<_> = pairs.into_iter().map(|(key, value)| (key, Some(value))).collect();
            prop_assert_eq!(parsed(lines.join("\n").as_bytes()), Ok(expected));
        }
    }
}
