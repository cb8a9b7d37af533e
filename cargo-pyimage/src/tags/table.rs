//! The list for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pyimage_build::{Pinning, Platform, PythonTag};

use super::{Listed, Listing};
use crate::size::Size;

/// Where a table is as wide as its terminal, these platforms stay: what most machines are.
const MAIN: [&str; 2] = ["linux/amd64", "linux/arm64"];

impl Listing {
    /// A table with a line for each tag, at most so wide where that can be.
    #[must_use]
    pub fn table(&self, width: Option<usize>) -> String {
        let all: BTreeSet<&Platform> =
            self.tags.iter().flat_map(|tag| tag.platforms.iter().map(|its| &its.platform)).collect();
        let mut all: Vec<&Platform> = all.into_iter().collect();
        let is_main = |platform: &Platform| MAIN.contains(&platform.to_string().as_str());
        all.sort_by_key(|platform| !is_main(platform));
        let full = self.with_columns(&all, &all);
        let fits =
            |table: &str| width.is_none_or(|width| table.lines().all(|line| line.chars().count() <= width));
        if fits(&full) || all.len() <= MAIN.len() {
            return full;
        }
        let main: Vec<&Platform> = all.iter().copied().filter(|platform| is_main(platform)).collect();
        self.with_columns(if main.is_empty() { &all } else { &main }, &all)
    }

    fn with_columns(&self, columns: &[&Platform], all: &[&Platform]) -> String {
        let mut rows = vec![heads(columns, columns.len() < all.len())];
        for tag in &self.tags {
            let size = |platform: &&Platform| {
                let found = tag.platforms.iter().find(|its| its.platform == **platform);
                match found.map(|its| its.size) {
                    None => String::new(),
                    Some(None) => "?".to_owned(),
                    Some(Some(size)) => Size(size).to_string(),
                }
            };
            let mut row = vec![tag.tag.clone()];
            row.extend(columns.iter().map(size));
            if columns.len() < all.len() {
                let others = tag.platforms.iter().filter(|its| !columns.contains(&&its.platform)).count();
                row.push(if others > 0 { format!("+{others}") } else { String::new() });
            }
            row.push(notes(tag));
            rows.push(row);
        }
        lay_out(&rows)
    }
}

fn heads(columns: &[&Platform], more: bool) -> Vec<String> {
    let name = |platform: &&Platform| {
        let text = platform.to_string();
        text.strip_prefix("linux/").unwrap_or(&text).to_ascii_uppercase()
    };
    let mut heads = vec!["TAG".to_owned()];
    heads.extend(columns.iter().map(name));
    if more {
        heads.push("MORE".to_owned());
    }
    heads.push("NOTES".to_owned());
    heads
}

/// What the tag fixes, until when it is supported, and which tag is the same and says more.
fn notes(tag: &Listed) -> String {
    let mut notes = Vec::new();
    if tag.digest.is_none() {
        notes.push("not to be read".to_owned());
    }
    match tag.pinned {
        Some(Pinning::Floating) => notes.push("floating".to_owned()),
        Some(Pinning::Release | Pinning::ReleaseAndSuite) => notes.push("pinned".to_owned()),
        None => {}
    }
    if let Some(end) = tag.end_of_life.filter(|end| end.reached) {
        notes.push(format!("end of life {}", end.date));
    }
    if let Some(same) = most_telling(tag) {
        notes.push(format!("same as {same}"));
    }
    notes.join(", ")
}

/// Of the tags with the same digest the one that says what this one leaves open: a release of Python to one that
/// floats, else the longest.
fn most_telling(tag: &Listed) -> Option<&String> {
    let is_pinned =
        |same: &&String| same.parse::<PythonTag>().is_ok_and(|same| same.pinning() == Pinning::Release);
    let release = tag.same_as.iter().find(is_pinned).filter(|_| tag.pinned == Some(Pinning::Floating));
    release.or_else(|| tag.same_as.iter().max_by_key(|same| same.len()))
}

/// Rows in columns: the first and the last to the left, those between to the right.
pub(crate) fn lay_out(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = match column {
                0 => write!(line, "{cell:<width$}", width = widths[0]),
                _ if column + 1 == columns => write!(line, "  {cell}"),
                _ => write!(line, "  {cell:>width$}", width = widths[column]),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use pyimage_build::{Date, Digest};

    use super::*;
    use crate::tags::{EndOfLifeMark, ListedPlatform};

    fn listed(tag: &str, same_as: &[&str], platforms: &[(&str, Option<u64>)]) -> Listed {
        let platforms = platforms.iter().map(|(platform, size)| ListedPlatform {
            platform: platform.parse().unwrap(),
            digest: Digest::of(b""),
            size: *size,
        });
        let parsed = tag.parse::<PythonTag>().ok();
        let today = Date { year: 2026, month: 11, day: 23 };
        Listed {
            tag: tag.to_owned(),
            digest: Some(Digest::of(b"")),
            pinned: parsed.as_ref().map(PythonTag::pinning),
            end_of_life: parsed.as_ref().and_then(|tag| EndOfLifeMark::of(tag, today)),
            same_as: same_as.iter().map(|same| (*same).to_owned()).collect(),
            platforms: platforms.collect(),
        }
    }

    fn listing() -> Listing {
        let many =
            ["linux/amd64", "linux/arm64", "linux/386", "linux/s390x"].map(|its| (its, Some(45_400_000)));
        Listing {
            repository: "docker.io/library/python".to_owned(),
            tags: vec![
                listed("3.13-slim", &["3.13.5-slim", "3.13-slim-trixie"], &many),
                listed("3.9.25-slim", &[], &[("linux/amd64", None)]),
                listed("own", &[], &[("linux/arm64", Some(999))]),
            ],
            hidden: 0,
        }
    }

    #[test]
    fn the_table_is_for_people() {
        let expected = "\
TAG            AMD64    ARM64      386    S390X  NOTES
3.13-slim    45.4 MB  45.4 MB  45.4 MB  45.4 MB  floating, same as 3.13.5-slim
3.9.25-slim        ?                             pinned, end of life 2025-10-31
own                     999 B
";
        assert_eq!(listing().table(None), expected);
        assert_eq!(listing().table(Some(100)), expected);
    }

    #[test]
    fn a_narrow_terminal_gets_the_main_platforms() {
        let expected = "\
TAG            AMD64    ARM64  MORE  NOTES
3.13-slim    45.4 MB  45.4 MB    +2  floating, same as 3.13.5-slim
3.9.25-slim        ?                 pinned, end of life 2025-10-31
own                     999 B
";
        assert_eq!(listing().table(Some(70)), expected);
    }
}
