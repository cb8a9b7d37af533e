//! What to expect of a tag, and which to take instead.

use std::fmt;

use pyimage_build::{Date, PythonTag, Suite, Variant};
use serde::Serialize;

use crate::size::Size;

/// What pip will install in an image, and what not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installing {
    /// What works.
    pub works: Vec<String>,
    /// What does not, and why.
    pub fails: Vec<String>,
}

/// Another tag, and what it is better for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// The tag.
    pub tag: String,
    /// What it is better for: `reach`, `size`, `support` or `stability`.
    pub better_for: &'static str,
    /// What that means.
    pub because: String,
    /// The bytes of its layers, compressed.
    pub size: Option<u64>,
    /// How many more bytes that is than the tag in question has.
    pub size_difference: Option<i128>,
}

impl fmt::Display for Installing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, entries) in [("works", &self.works), ("fails", &self.fails)] {
            for (index, entry) in entries.iter().enumerate() {
                writeln!(f, "  {:<7}{entry}", if index == 0 { word } else { "" })?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "for {}: {}", self.better_for, self.because)?;
        let Some(difference) = self.size_difference else { return Ok(()) };
        let sign = if difference < 0 { '-' } else { '+' };
        let bytes = u64::try_from(difference.unsigned_abs()).unwrap_or(u64::MAX);
        write!(f, " ({sign}{})", Size(bytes))
    }
}

/// What pip does in the image of a tag.
pub(super) fn installing(tag: &PythonTag, python: &str, suite: Option<&Suite>) -> Installing {
    let libc = suite.and_then(Suite::libc).or_else(|| tag.libc_release());
    let mut works = Vec::new();
    let mut fails = Vec::new();
    match tag.variant() {
        Variant::Full | Variant::Onbuild => {
            works.push(
                "whatever has a wheel, or is C and needs no more than the headers of a full image:"
                    .to_owned(),
            );
            works.push("psycopg2, mysqlclient, pycurl, lxml, uwsgi".to_owned());
            fails.push(
                "what needs other headers or tools to build: python-ldap (libldap-dev libsasl2-dev),"
                    .to_owned(),
            );
            fails.push(
                "pygraphviz without a wheel (libgraphviz-dev), Rust without a wheel (rustc cargo)".to_owned(),
            );
        }
        Variant::Slim => {
            let newest = libc.map(|libc| format!(" of manylinux_{}_{} or older", libc.major, libc.minor));
            works.push(format!("pure Python, and whatever has a wheel{}:", newest.unwrap_or_default()));
            works.push("numpy, pandas, cryptography, lxml, psycopg2-binary".to_owned());
            fails.push(
                "what has to be compiled, as there is no gcc: psycopg2, mysqlclient, uwsgi, python-ldap"
                    .to_owned(),
            );
            fails.push(
                "what needs a library at run time: opencv-python (libgl1; take opencv-python-headless)"
                    .to_owned(),
            );
        }
        Variant::Alpine => {
            let newest = libc.map(|libc| format!(" of musllinux_{}_{} or older", libc.major, libc.minor));
            works.push(format!("pure Python, and whatever has a wheel{}:", newest.unwrap_or_default()));
            works.push("numpy, pandas, cryptography, lxml, psycopg2-binary".to_owned());
            fails.push(
                "what has wheels for manylinux alone, and what has to be compiled, as there is no gcc:"
                    .to_owned(),
            );
            fails.push("pycurl, pygraphviz, psycopg2, mysqlclient, uwsgi, python-ldap".to_owned());
        }
        _ => {
            works.push("pure Python, and whatever has a wheel for Windows".to_owned());
            fails.push("what has to be compiled, as there is no compiler".to_owned());
        }
    }
    if python.starts_with("2.") {
        works.clear();
        works.push(
            "the last releases that still ran on Python 2; its pip knows no wheels newer than manylinux2014"
                .to_owned(),
        );
        fails.push("whatever gave Python 2 up, which is nearly all that is released today".to_owned());
    } else if python.contains(|c: char| c.is_ascii_alphabetic()) {
        fails.push("many packages have no wheels for a prerelease yet, and are compiled".to_owned());
    }
    Installing { works, fails }
}

/// Which tags to take instead, and what for.
pub(super) fn alternatives(tag: &PythonTag, today: Date) -> Vec<Alternative> {
    let mut alternatives = Vec::new();
    let mut offer = |tag: String, better_for, because: &str| {
        let because = because.to_owned();
        alternatives.push(Alternative { tag, better_for, because, size: None, size_difference: None });
    };
    let full = || tag.with_variant_full().to_string();
    match tag.variant() {
        Variant::Slim => {
            offer(full(), "reach", "has gcc, make, git and headers");
            offer(variant_of(tag, "alpine"), "size", "but takes musllinux wheels alone");
        }
        Variant::Alpine => {
            offer(variant_of(tag, "slim"), "reach", "takes manylinux wheels, which more packages have");
            offer(full(), "reach", "has gcc, make, git and headers");
        }
        Variant::Full | Variant::Onbuild => {
            let slim = match tag.suite() {
                Some(suite) => format!("{}-{suite}", variant_of(tag, "slim")),
                None => variant_of(tag, "slim"),
            };
            offer(slim, "size", "the same Python without compilers");
        }
        _ => {}
    }
    if tag.is_end_of_life(today) && !tag.is_windows() {
        let newest = PythonTag::default_slim();
        let tag = match tag.variant() {
            Variant::Slim => newest.to_string(),
            Variant::Alpine => variant_of(&newest, "alpine"),
            _ => newest.with_variant_full().to_string(),
        };
        offer(tag, "support", "the newest Python");
    }
    alternatives
}

/// The tag of the same version in another variant, on its default release.
fn variant_of(tag: &PythonTag, variant: &str) -> String {
    match tag.version() {
        Some(version) => format!("{version}-{variant}"),
        None => variant.to_owned(),
    }
}

/// The tags that may name the same image: each way to say the version that is in it, with and without the release.
pub(super) fn possible_aliases(tag: &PythonTag, python: &str, suite: Option<&Suite>) -> Vec<String> {
    let mut numbers = python.split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let heads = [python.to_owned(), format!("{major}.{minor}"), major.to_owned(), String::new()];
    let mut suffixes = Vec::new();
    let suites = [None, tag.suite().cloned(), suite.cloned().or_else(|| tag.effective_suite())];
    for suite in suites {
        let suffix = match (tag.variant(), suite) {
            (Variant::Full, None) => String::new(),
            // A full image's variant is not said, and Alpine's is part of its release.
            (Variant::Full | Variant::Alpine, Some(suite)) => suite.to_string(),
            (variant, None) => variant.to_string(),
            (variant, Some(suite)) => format!("{variant}-{suite}"),
        };
        if !suffixes.contains(&suffix) {
            suffixes.push(suffix);
        }
    }
    let mut names = Vec::new();
    for head in &heads {
        for suffix in &suffixes {
            let name = match (head.as_str(), suffix.as_str()) {
                ("", "") => "latest".to_owned(),
                ("", only) | (only, "") => only.to_owned(),
                (head, suffix) => format!("{head}-{suffix}"),
            };
            if name != tag.as_str() && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> PythonTag {
        text.parse().unwrap()
    }

    const TODAY: Date = Date { year: 2026, month: 11, day: 23 };

    #[test]
    fn aliases_are_every_way_to_say_it() {
        assert_eq!(
            possible_aliases(&tag("3.13-slim"), "3.13.5", None),
            [
                "3.13.5-slim",
                "3.13.5-slim-trixie",
                "3.13-slim-trixie",
                "3-slim",
                "3-slim-trixie",
                "slim",
                "slim-trixie"
            ]
        );
        assert_eq!(
            possible_aliases(&tag("latest"), "3.15.2", None),
            ["3.15.2", "3.15.2-trixie", "3.15", "3.15-trixie", "3", "3-trixie", "trixie"]
        );
        for name in possible_aliases(&tag("3.13-alpine3.22"), "3.13.5", None) {
            let alias = tag(&name);
            assert_eq!(alias.variant(), Variant::Alpine);
        }
    }

    #[test]
    fn alternatives_are_tags_for_each_need() {
        for (text, expected) in [
            ("3.13-slim", &["3.13 reach", "3.13-alpine size"][..]),
            ("3.13-slim-bookworm", &["3.13-bookworm reach", "3.13-alpine size"]),
            ("3.13", &["3.13-slim size"]),
            ("3.13-bookworm", &["3.13-slim-bookworm size"]),
            ("3.9-alpine", &["3.9-slim reach", "3.9 reach", "3.15-alpine support"]),
            ("2", &["2-slim size", "3.15 support"]),
            ("slim", &["latest reach", "alpine size"]),
            ("windowsservercore", &[]),
        ] {
            let found: Vec<_> = alternatives(&tag(text), TODAY)
                .iter()
                .map(|alternative| format!("{} {}", alternative.tag, alternative.better_for))
                .collect();
            assert_eq!(found, expected, "{text}");
            for alternative in alternatives(&tag(text), TODAY) {
                assert!(alternative.tag.parse::<PythonTag>().is_ok(), "{}", alternative.tag);
            }
        }
    }

    #[test]
    fn old_and_unfinished_pythons_are_told() {
        assert!(installing(&tag("2.7-slim"), "2.7.18", None).works[0].contains("Python 2"));
        assert!(installing(&tag("3.16-rc"), "3.16.0a2", None).fails.join(" ").contains("prerelease"));
        assert!(!installing(&tag("3.13"), "3.13.5", None).fails.join(" ").contains("prerelease"));
    }
}
