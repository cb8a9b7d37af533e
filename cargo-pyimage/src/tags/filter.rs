//! Filters: which tags are asked for.

use pyimage_build::{PythonTag, PythonVersion};

use super::TagsError;

/// What tags have to fit: words of theirs in any order, or a pattern with `*` for the whole tag.
///
/// A word with a digit first is a version and fits all that it starts: `3.13` fits `3.13.5-slim` and `3.13-rc`, but
/// `3.1` does not. Any other fits a word of the tag that starts with it: `alpine` fits `3.13-alpine3.22`.
///
/// ```
/// use pyimage::tags::Filter;
///
/// let filter = Filter::new("3.13-slim")?;
/// assert!(filter.fits("3.13.5-slim-trixie") && !filter.fits("3.13"));
/// assert!(Filter::new("*-bookworm")?.fits("3-bookworm"));
/// # Ok::<(), pyimage::tags::TagsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    text: String,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// Where it is empty, or has a character that no tag has.
    pub fn new(text: &str) -> Result<Self, TagsError> {
        // `python:3.13-slim` is a likely slip where a tag is asked for.
        let bare = text.strip_prefix("python:").unwrap_or(text).to_ascii_lowercase();
        if bare.is_empty() {
            return Err(TagsError::EmptyFilter);
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || "._-*".contains(c);
        match bare.chars().find(|c| !valid(*c)) {
            Some(character) => Err(TagsError::Filter { filter: text.to_owned(), character }),
            None => Ok(Self { text: bare }),
        }
    }

    /// Whether a tag fits.
    #[must_use]
    pub fn fits(&self, tag: &str) -> bool {
        if self.text.contains('*') {
            return fits_pattern(&self.text, tag);
        }
        // A name that is like no official tag can still be asked for by its beginning.
        let words: Vec<&str> = tag.split('-').collect();
        tag.starts_with(&self.text) && tag.parse::<PythonTag>().is_err()
            || self.words().all(|wanted| {
                if is_version(wanted) {
                    words.first().is_some_and(|version| starts_version(version, wanted))
                } else {
                    // `3.16-rc` has the word `rc`, and `3.16.0rc1` has it too.
                    words.iter().any(|word| word.starts_with(wanted))
                        || words
                            .first()
                            .is_some_and(|version| is_version(version) && version.contains(wanted))
                }
            })
    }

    /// Whether a version with a patch release or a prerelease is asked for by its full name.
    pub(super) fn names_version(&self, version: &PythonVersion) -> bool {
        let full = version.patch().is_some() || version.prerelease().is_some();
        let text = version.to_string();
        let rc = self.text.contains("rc") && text.contains("rc");
        full && (rc || self.words().any(|word| word == text))
    }

    /// Whether the minor version is asked for.
    pub(super) fn names_minor_of(&self, version: &PythonVersion) -> bool {
        let minor = version.minor().map(|minor| format!("{}.{minor}", version.major()));
        let major_2 = version.major() == 2 && self.words().any(|word| word == "2");
        major_2
            || minor.is_some_and(|minor| {
                self.words().any(|word| is_version(word) && starts_version(word, &minor))
            })
    }

    /// Whether Windows is asked for.
    pub(super) fn names_windows(&self) -> bool {
        self.words().any(|word| word.starts_with("windows") || word.starts_with("nano"))
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split('-').filter(|word| !word.is_empty())
    }
}

fn is_version(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether `version` is `start` or goes on where a number of it ends.
fn starts_version(version: &str, start: &str) -> bool {
    match version.strip_prefix(start) {
        Some(rest) => !rest.starts_with(|c: char| c.is_ascii_digit()),
        None => false,
    }
}

/// `*` stands for any characters, also none. Of each part between two the first place is as good as any.
fn fits_pattern(pattern: &str, tag: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == tag };
    let Some(mut tag) = tag.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match tag.find(part) {
            Some(at) => tag = &tag[at + part.len()..],
            None => return false,
        }
    }
    tag.ends_with(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_patterns() {
        for (filter, fitting, others) in [
            (
                "3.13",
                &["3.13", "3.13.5", "3.13-slim", "3.13.0rc1", "3.13-rc"][..],
                &["3.1", "3.130", "3", "3.12"][..],
            ),
            ("3.1", &["3.1.5", "3.1"], &["3.13", "3.11-slim"]),
            ("3", &["3", "3.13", "3-slim"], &["2.7", "slim"]),
            ("slim", &["slim", "3.13-slim", "slim-trixie", "3.13-slim-trixie"], &["3.13", "trixie"]),
            ("slim-3.13", &["3.13-slim"], &["3.12-slim"]),
            ("3.13-bookworm", &["3.13-bookworm", "3.13-slim-bookworm"], &["3.13-slim"]),
            ("alpine", &["3.13-alpine3.22", "alpine"], &["3.13"]),
            ("python:3.13-Slim", &["3.13-slim"], &["3.13"]),
            ("3.13*slim", &["3.13.5-slim", "3.13-slim"], &["3.13-slim-trixie"]),
            ("*", &["latest", "3"], &[]),
            ("3*1*slim*", &["3.11-slim", "3.1.1-slim-x"], &["3.2-slim", "3.1-alpine"]),
            ("*m*m", &["slim-bookworm"], &["slim"]),
            ("own", &["own", "own_name"], &["3"]),
            ("rc", &["rc", "3.16-rc", "3.15.0rc2-slim"], &["3.15"]),
        ] {
            let parsed = Filter::new(filter).unwrap();
            for tag in fitting {
                assert!(parsed.fits(tag), "{filter} {tag}");
            }
            for tag in others {
                assert!(!parsed.fits(tag), "{filter} {tag}");
            }
        }
    }

    #[test]
    fn what_no_tag_has_is_told() {
        assert_eq!(Filter::new("").unwrap_err().to_string(), "the filter is empty");
        let error = Filter::new("3.13 slim").unwrap_err();
        assert_eq!(error.to_string(), "no tag can have ` `, which is in the filter `3.13 slim`");
    }

    proptest! {
        #[test]
        fn a_tag_fits_itself(tag in "[23](\\.[0-9]{1,2}){0,2}(-slim|-alpine3\\.2[0-9]|-trixie)?") {
            prop_assert!(Filter::new(&tag).unwrap().fits(&tag));
        }

        #[test]
        fn never_panics(filter in "\\PC{0,12}|[*a-c]{0,12}", tag in "\\PC{0,12}|[a-c]{0,12}") {
            if let Ok(filter) = Filter::new(&filter) {
                let _ = filter.fits(&tag);
            }
        }
    }
}
