//! Suggestions: what was probably meant.

use std::cmp::Reverse;

use crate::{PythonTag, PythonVersion};

/// How many suggestions help; more would be a list to search.
const MAX_SPELLINGS: usize = 3;
const MAX_SAME_VARIANT: usize = 3;
const MAX_SAME_VERSION: usize = 2;

/// The candidates spelt most like `wanted`: up to three equally close ones, none if all are too different.
///
/// The distance is that of Damerau and Levenshtein, in which swapped neighbours count once, and case does not
/// count. A third of the letters may differ, as in the suggestions of `rustc`.
///
/// ```
/// use pyimage_build::nearest;
///
/// let keys = ["tag", "image", "workdir", "network"];
/// assert_eq!(nearest("netwrok", keys), ["network"]);
/// assert!(nearest("colour", keys).is_empty());
/// ```
#[must_use]
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    closest(&wanted, candidates, |candidate| strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()))
}

/// The known tags nearest to `wanted`, the best first.
///
/// Where `wanted` could be a tag, what counts is what it asks for: the same variant of the nearest versions,
/// then the same version in other variants. Windows images are suggested only for Windows images. Where it
/// could not, its spelling counts, the order of its words does not, and at the least the version may be
/// known.
///
/// `known` is what the registry lists, or [`KNOWN_TAGS`](crate::KNOWN_TAGS) where it cannot be asked.
///
/// ```
/// use pyimage_build::{KNOWN_TAGS, nearest_tags};
///
/// assert_eq!(nearest_tags("3.13.99-slim", KNOWN_TAGS), ["3.13-slim", "3.14-slim", "3.12-slim"]);
/// assert_eq!(nearest_tags("3.13-bookworm-slim", KNOWN_TAGS), ["3.13-slim-bookworm"]);
/// ```
#[must_use]
pub fn nearest_tags<'a>(wanted: &str, known: &[&'a str]) -> Vec<&'a str> {
    // `python:3.13-slim` is a likely slip where a tag is asked for, and so is `3.13-Slim`.
    let given = wanted;
    let wanted = given.rsplit([':', '/']).next().unwrap_or(given).to_lowercase();
    if wanted != given
        && let Some(known) = known.iter().find(|tag| **tag == wanted)
    {
        return vec![*known];
    }
    if let Ok(tag) = wanted.parse() {
        let (same_variant, same_version) = alike(&tag, known);
        return same_variant.into_iter().chain(same_version).collect();
    }

    let sorted = sorted_words(&wanted);
    let spelt = closest(&wanted, known.iter().copied(), |candidate| {
        let in_order = strsim::damerau_levenshtein(&wanted, candidate);
        in_order.min(strsim::damerau_levenshtein(&sorted, &sorted_words(candidate)))
    });
    if !spelt.is_empty() {
        return spelt;
    }
    let Some(Ok(version)) = wanted.split('-').next().map(str::parse::<PythonTag>) else { return Vec::new() };
    let (same_variant, same_version) = alike(&version, known);
    match known.iter().find(|tag| **tag == version.as_str()) {
        Some(known) => [*known].into_iter().chain(same_version).collect(),
        None => same_variant,
    }
}

/// The candidates at the smallest distance, unless that is more than a third of the letters of `wanted`.
fn closest<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    distance: impl Fn(&str) -> usize,
) -> Vec<&'a str> {
    let letters = wanted.chars().count();
    // Short words may differ in one letter, but not in all that they have.
    let mut limit = (letters.max(3) / 3).min(letters.saturating_sub(1));
    let mut found = Vec::new();
    for candidate in candidates {
        let distance = distance(candidate);
        if distance < limit {
            limit = distance;
            found.clear();
        }
        if distance == limit {
            found.push(candidate);
        }
    }
    found.truncate(MAX_SPELLINGS);
    found
}

fn sorted_words(tag: &str) -> String {
    let mut words: Vec<&str> = tag.split('-').collect();
    words.sort_unstable();
    words.join("-")
}

/// The known tags that give most of what `wanted` asks for: those of its variant, and those of its version.
fn alike<'a>(wanted: &PythonTag, known: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let known: Vec<(&'a str, PythonTag)> = known
        .iter()
        .filter_map(|text| Some((*text, text.parse::<PythonTag>().ok()?)))
        .filter(|(text, tag)| *text != wanted.as_str() && tag.is_windows() == wanted.is_windows())
        .collect();

    let mut same_variant: Vec<_> = known
        .iter()
        .filter(|(_, tag)| tag.variant() == wanted.variant())
        .filter_map(|(text, tag)| {
            let cost = version_cost(wanted.version(), tag.version())? + suite_cost(wanted, tag);
            // Of two versions equally far off, the newer.
            Some((cost, Reverse(tag.version().map(|v| (v.minor(), v.patch()))), *text))
        })
        .collect();
    same_variant.sort_by_key(|(cost, newest, _)| (*cost, *newest));

    let mut same_version: Vec<_> = known
        .iter()
        .filter(|(_, tag)| tag.version() == wanted.version() && tag.variant() != wanted.variant())
        .map(|(text, tag)| (tag.variant(), suite_cost(wanted, tag), *text))
        .collect();
    same_version.sort_by_key(|(variant, cost, _)| (*variant, *cost));
    same_version.dedup_by_key(|(variant, _, _)| *variant);

    (
        same_variant.into_iter().map(|(_, _, text)| text).take(MAX_SAME_VARIANT).collect(),
        same_version.into_iter().map(|(_, _, text)| text).take(MAX_SAME_VERSION).collect(),
    )
}

/// How far a version is from the wanted one, a minor version counting 100; none if they have nothing in
/// common.
fn version_cost(wanted: Option<&PythonVersion>, candidate: Option<&PythonVersion>) -> Option<u32> {
    let (wanted, candidate) = match (wanted, candidate) {
        (None, None) => return Some(0),
        (Some(wanted), Some(candidate)) if wanted.major() == candidate.major() => (wanted, candidate),
        _ => return None,
    };
    let minor = match (wanted.minor(), candidate.minor()) {
        (Some(a), Some(b)) => u32::from(a.abs_diff(b)) * 100,
        (None, None) => 0,
        // A version that floats over all minors is a last resort, far behind any that is near.
        _ => 1_000_000,
    };
    let patch = match (wanted.patch(), candidate.patch()) {
        (a, b) if a == b => 0,
        (Some(_), None) => 1,
        (Some(a), Some(b)) => 2 + u32::from(a.abs_diff(b)).min(40),
        // Who asks for no patch release is not helped by one.
        (None, _) => 50,
    };
    let prerelease = match (wanted.prerelease(), candidate.prerelease()) {
        (a, b) if a == b => 0,
        // `3.16-slim`, before its time, is nearer to `3.16-rc-slim` than to `3.15-slim` ...
        _ if minor == 0 => 60,
        // ... but any other version is not.
        _ => 150,
    };
    Some(minor + patch + prerelease)
}

fn suite_cost(wanted: &PythonTag, candidate: &PythonTag) -> u32 {
    match (wanted.suite(), candidate.suite()) {
        (a, b) if a == b => 0,
        // The default suite for a suite that is not there, or another one.
        (Some(_), None) => 3,
        (Some(_), Some(_)) => 5,
        (None, _) => 250,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::KNOWN_TAGS;

    #[test]
    fn spelling() {
        let keys = ["env", "env-file", "volume", "Engine", "workdir"];
        assert_eq!(nearest("envs", keys), ["env"]);
        assert_eq!(nearest("engin", keys), ["Engine"]);
        assert_eq!(nearest("env_file", keys), ["env-file"]);
        assert_eq!(nearest("volumes", keys), ["volume"]);
        assert_eq!(nearest("ab", ["aa", "bb", "abc", "ac"]), ["aa", "bb", "abc"]);
        assert!(nearest("memory", keys).is_empty());
        assert!(nearest("x", []).is_empty());
    }

    #[test]
    fn tags_with_a_meaning() {
        for (wanted, expected) in [
            ("3.99-slim", &["3.15-slim", "3.16-rc-slim", "3.14-slim"][..]),
            ("3.16-slim", &["3.16-rc-slim", "3.15-slim", "3.14-slim"]),
            ("3.13.99", &["3.13", "3.14", "3.12"]),
            (
                "3.13-slim-buster",
                &["3.13-slim", "3.13-slim-trixie", "3.13-slim-bookworm", "3.13", "3.13-alpine"],
            ),
            ("3.13-alpine3.2", &["3.13-alpine", "3.14-alpine", "3.12-alpine", "3.13", "3.13-slim"]),
            ("2.6-slim", &["2.7-slim", "2.7.18-slim", "2.7-slim-buster"]),
            ("3.13-windowsservercore", &[]),
            ("slim-buster", &["slim", "slim-trixie", "slim-bookworm"]),
        ] {
            let found = nearest_tags(wanted, KNOWN_TAGS);
            assert!(found.starts_with(expected) || found == expected, "{wanted}: {found:?}");
        }
    }

    #[test]
    fn tags_without_a_meaning() {
        for (wanted, expected) in [
            ("3.13-slm", &["3.13-slim"][..]),
            ("3.13_slim", &["3.13-slim"]),
            ("3,13-slim", &["3.13-slim"]),
            ("python:3.13-Slm", &["3.13-slim"]),
            ("3.13-Slim", &["3.13-slim"]),
            ("docker.io/library/python:3.13-slim", &["3.13-slim"]),
            ("python:3.13-bookworm-slim", &["3.13-slim-bookworm"]),
            ("py3.13", &["3.13"]),
            ("3.13-ubuntu", &["3.13", "3.13-slim", "3.13-alpine"]),
            ("3.99-ubuntu", &["3.15", "3.16-rc", "3.14"]),
            ("ubuntu", &[]),
            ("", &[]),
        ] {
            assert_eq!(nearest_tags(wanted, KNOWN_TAGS), expected, "{wanted}");
        }
    }

    proptest! {
        #[test]
        fn suggestions_are_known_and_few(wanted in "\\PC{0,12}|[23]\\.[0-9]{1,5}(\\.[0-9]{1,5})?(-[a-z]{1,8}){0,2}") {
            let found = nearest_tags(&wanted, KNOWN_TAGS);
            prop_assert!(found.len() <= MAX_SAME_VARIANT + MAX_SAME_VERSION);
            prop_assert!(found.iter().all(|tag| KNOWN_TAGS.contains(tag)));
            prop_assert!(nearest(&wanted, KNOWN_TAGS.iter().copied()).len() <= MAX_SPELLINGS);
        }
    }
}
