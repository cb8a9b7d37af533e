//! What a wheel says of itself, held against what it has.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::archive::Archive;
use super::entry_points::EntryPoints;
use super::metadata;
use super::path;
use super::record::{self, Expected, Row};
use super::{Unpacker, WheelProblem};
use crate::package_name::normalised;
use crate::{Licence, WheelName};

/// The files of metadata are read whole; the largest METADATA on PyPI have a megabyte.
const LARGEST_METADATA: u64 = 64 * 1024 * 1024;

/// `PATH_MAX`.
const LARGEST_LINK: u64 = 4096;

/// All that is known of a wheel but its bytes.
pub(super) struct Contents {
    pub(super) dist_info: String,
    pub(super) rows: Vec<Row>,
    /// What RECORD wants of each entry, in their order.
    pub(super) expected: Vec<Option<Expected>>,
    pub(super) entry_points: EntryPoints,
    pub(super) format: (u32, u32),
    pub(super) is_purelib: bool,
    pub(super) tags: Vec<String>,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licence: Licence,
}

/// Reads the metadata of one wheel.
struct Reader<'a> {
    archive: &'a Archive,
    unpacker: Unpacker,
    index: HashMap<&'a str, usize>,
    dist_info: &'a str,
}

impl Contents {
    pub(super) fn read(archive: &Archive, wheel_name: &WheelName) -> Result<Self, WheelProblem> {
        let (name, version) = (wheel_name.name().as_str(), wheel_name.version());
        let dist_info = find_dist_info(archive)?;
        if let Some((found_name, found_version)) = metadata::dist_info_parts(dist_info) {
            check_same(format!("the folder `{dist_info}`"), (found_name, found_version), (name, version))?;
        } else {
            return Err(WheelProblem::NoDistInfo);
        }
        let index = archive.entries.iter().enumerate().map(|(index, entry)| (entry.name.as_str(), index));
        let mut reader = Reader { archive, unpacker: Unpacker::new(), index: index.collect(), dist_info };
        let rows = record::parse(&reader.require("RECORD", &[])?)?;
        let expected = expectations(archive, &rows, dist_info)?;

        reader.check_links(&expected)?;

        let wheel = reader.require("WHEEL", &expected)?;
        let format = format(&wheel, dist_info)?;
        let entry_points = reader.text("entry_points.txt", &expected)?.unwrap_or_default();
        let fields = reader.require("METADATA", &expected)?;
        let field = |field: &'static str| {
            let value = metadata::field(&fields, field).next().filter(|value| !value.is_empty());
            value.ok_or_else(|| WheelProblem::Field { entry: format!("{dist_info}/METADATA"), field })
        };
        let (own_name, own_version) = (field("Name")?, field("Version")?);
        check_same(format!("`{dist_info}/METADATA`"), (own_name, own_version), (name, version))?;
        Ok(Self {
            dist_info: dist_info.to_owned(),
            expected,
            entry_points: EntryPoints::parse(&entry_points)?,
            format,
            is_purelib: metadata::field(&wheel, "Root-Is-Purelib")
                .next()
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
            tags: metadata::field(&wheel, "Tag").map(str::to_owned).collect(),
            name: own_name.to_owned(),
            version: own_version.to_owned(),
            licence: Licence::of_metadata(&fields),
            rows,
        })
    }
}

impl Reader<'_> {
    fn text(&mut self, file: &str, expected: &[Option<Expected>]) -> Result<Option<String>, WheelProblem> {
        let path = format!("{}/{file}", self.dist_info);
        let Some(&index) = self.index.get(path.as_str()) else { return Ok(None) };
        let Some(entry) = self.archive.entries.get(index) else { return Ok(None) };
        let expected = expected.get(index).and_then(Option::as_ref);
        let bytes = self.unpacker.bytes(self.archive, entry, expected, LARGEST_METADATA)?;
        // METADATA of old wheels is in any encoding; of it only ASCII is of interest here.
        if file == "METADATA" {
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
        String::from_utf8(bytes).map(Some).map_err(|_| WheelProblem::NotUtf8 { entry: path })
    }

    /// pip makes plain files of links, so they do no harm; one that leads out was made to do some.
    fn check_links(&mut self, expected: &[Option<Expected>]) -> Result<(), WheelProblem> {
        for (entry, expected) in self.archive.entries.iter().zip(expected).filter(|(entry, _)| entry.link) {
            let target = self.unpacker.bytes(self.archive, entry, expected.as_ref(), LARGEST_LINK)?;
            let target = String::from_utf8_lossy(&target);
            if path::leads_out(&entry.name, &target) {
                return Err(WheelProblem::LinkOut { entry: entry.name.clone(), target: target.into_owned() });
            }
        }
        Ok(())
    }

    fn require(&mut self, file: &str, expected: &[Option<Expected>]) -> Result<String, WheelProblem> {
        let missing = WheelProblem::Missing { entry: format!("{}/{file}", self.dist_info) };
        self.text(file, expected)?.ok_or(missing)
    }
}

fn find_dist_info(archive: &Archive) -> Result<&str, WheelProblem> {
    let folders =
        archive.entries.iter().filter_map(|entry| entry.name.split_once('/')).map(|(first, _)| first);
    let mut found: BTreeSet<&str> = folders.filter(|folder| folder.ends_with(".dist-info")).collect();
    let first = found.pop_first().ok_or(WheelProblem::NoDistInfo)?;
    match found.pop_first() {
        None => Ok(first),
        Some(second) => Err(WheelProblem::SeveralDistInfo(first.to_owned(), second.to_owned())),
    }
}

fn check_same(place: String, found: (&str, &str), expected: (&str, &str)) -> Result<(), WheelProblem> {
    let same_name = normalised(found.0) == normalised(expected.0);
    let (found, expected) = match (same_name, metadata::same_version(found.1, expected.1)) {
        (true, true) => return Ok(()),
        (false, _) => (found.0, expected.0),
        (true, false) => (found.1, expected.1),
    };
    Err(WheelProblem::Mismatch { place, found: found.to_owned(), expected: expected.to_owned() })
}

fn format(wheel: &str, dist_info: &str) -> Result<(u32, u32), WheelProblem> {
    let unusable = || WheelProblem::Field { entry: format!("{dist_info}/WHEEL"), field: "Wheel-Version" };
    let text = metadata::field(wheel, "Wheel-Version").next().ok_or_else(unusable)?;
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let number = |text: &str| text.parse::<u32>().map_err(|_| unusable());
    match (number(major)?, number(minor)?) {
        (2.., _) => Err(WheelProblem::Format(text.to_owned())),
        format => Ok(format),
    }
}

/// What RECORD wants of each entry, once it has a line for each, and an entry for each line.
///
/// The [specification] exempts RECORD and its signatures only. pip checks nothing of it.
///
/// [specification]: https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-dist-info-directory
fn expectations(
    archive: &Archive,
    rows: &[Row],
    dist_info: &str,
) -> Result<Vec<Option<Expected>>, WheelProblem> {
    let exempt: HashSet<String> =
        ["RECORD", "RECORD.jws", "RECORD.p7s"].iter().map(|file| format!("{dist_info}/{file}")).collect();
    let mut listed: HashMap<&str, &Row> = HashMap::with_capacity(rows.len());
    for row in rows {
        if listed.insert(&row.path, row).is_some_and(|earlier| earlier != row) {
            return Err(WheelProblem::Duplicate { entry: format!("{dist_info}/RECORD: {}", row.path) });
        }
    }
    let mut expected = Vec::with_capacity(archive.entries.len());
    for entry in &archive.entries {
        let row = listed.remove(entry.name.as_str());
        if exempt.contains(&entry.name) {
            expected.push(None);
            continue;
        }
        let row = row.ok_or_else(|| WheelProblem::Unlisted { entry: entry.name.clone() })?;
        let hash = Expected::parse(&row.hash)
            .ok_or_else(|| WheelProblem::WeakHash { entry: entry.name.clone(), found: row.hash.clone() })?;
        // The size is optional.
        if let Ok(size) = row.size.parse::<u64>()
            && size != entry.size
        {
            return Err(WheelProblem::Size {
                entry: entry.name.clone(),
                authority: "RECORD",
                expected: size,
                found: entry.size,
            });
        }
        expected.push(Some(hash));
    }
    if let Some(absent) = listed.into_keys().filter(|path| !exempt.contains(*path)).min() {
        return Err(WheelProblem::Absent { entry: absent.to_owned() });
    }
    Ok(expected)
}
