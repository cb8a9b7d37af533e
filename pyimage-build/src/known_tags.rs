//! The tags that this crate knows without asking a registry.

/// Every combination of a version and a suffix.
macro_rules! tags {
    (@version $version:literal [$($suffix:literal)*]) => { [$(concat!($version, $suffix)),*] };
    ($([$($version:literal)*] x $suffixes:tt,)*) => {
        &[$($(&tags!(@version $version $suffixes)),*),*]
    };
}

/// The lists of [`KNOWN_TAGS`], one for each version.
const GROUPS: &[&[&str]] = tags![
    ["3.16-rc" "3.15" "3.14" "3.13" "3.12" "3.11" "3.10" "3.9" "3"] x
        ["" "-slim" "-alpine" "-trixie" "-bookworm" "-slim-trixie" "-slim-bookworm"],
    ["3.8" "3.7" "3.6" "3.5"] x ["" "-slim" "-alpine" "-buster" "-slim-buster"],
    ["2.7" "2" "2.7.18"] x ["" "-slim" "-alpine" "-buster" "-slim-buster" "-alpine3.11"],
    ["latest" "slim" "alpine" "trixie" "bookworm" "slim-trixie" "slim-bookworm"] x [""],
];

const fn count() -> usize {
    let (mut total, mut group) = (0, 0);
    while group < GROUPS.len() {
        total += GROUPS[group].len();
        group += 1;
    }
    total
}

const fn flatten() -> [&'static str; count()] {
    let mut tags = [""; count()];
    let (mut next, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut tag = 0;
        while tag < GROUPS[group].len() {
            tags[next] = GROUPS[group][tag];
            next += 1;
            tag += 1;
        }
        group += 1;
    }
    tags
}

/// The main tags of the official image, the newest first, for suggestions where no registry can be asked.
///
/// It is neither complete nor a promise: each of these was published, but the registry has the last word.
///
/// ```
/// use pyimage_build::{KNOWN_TAGS, nearest_tags};
///
/// assert!(KNOWN_TAGS.contains(&"3.13-slim"));
/// assert_eq!(nearest_tags("3.13-slm", KNOWN_TAGS), ["3.13-slim"]);
/// ```
pub const KNOWN_TAGS: &[&str] = &flatten();

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::PythonTag;

    #[test]
    fn each_is_a_tag_and_none_stands_twice() {
        for tag in KNOWN_TAGS {
            assert!(tag.parse::<PythonTag>().is_ok(), "{tag}");
        }
        assert_eq!(KNOWN_TAGS.iter().collect::<HashSet<_>>().len(), KNOWN_TAGS.len());
        for tag in [PythonTag::DEFAULT, "2", "2-slim", "2.7-slim", "3.16-rc-slim", "3.9-bookworm", "latest"] {
            assert!(KNOWN_TAGS.contains(&tag), "{tag}");
        }
    }
}
