//! The files of those layers that two images do not share.

use std::collections::BTreeMap;

use pyimage_build::{EntryKind, LayerEntry};

use super::report::{FileChange, FileSide};
use crate::opened::{OpenedImage, Readings};

/// What several layers have together, by path.
pub(super) type Files<'a> = BTreeMap<&'a str, &'a LayerEntry>;

/// What these layers of an image have together. What one takes away from layers below stays as the mark that it is.
pub(super) fn of<'a>(image: &OpenedImage, places: &[usize], readings: &'a Readings) -> Files<'a> {
    let mut files = Files::new();
    let contents =
        places.iter().filter_map(|place| readings.get(&image.layers[*place].blob.digest)?.content());
    for content in contents {
        // First what it takes away, which is nothing of its own.
        for entry in content.entries.iter().filter(|entry| !entry.kind.is_in_image()) {
            let below = format!("{}/", entry.path);
            let gone: Vec<&str> = files
                .range(entry.path.as_str()..)
                .map(|(path, _)| *path)
                .take_while(|path| path.starts_with(&entry.path))
                .filter(|path| {
                    path.starts_with(&below) || (*path == entry.path && entry.kind == EntryKind::Removal)
                })
                .collect();
            for path in gone {
                files.remove(path);
            }
        }
        files.extend(content.entries.iter().map(|entry| (entry.path.as_str(), entry)));
    }
    files
}

/// What differs, by path.
pub(super) fn changes(one: &Files<'_>, other: &Files<'_>) -> Vec<FileChange> {
    let mut changes = Vec::new();
    for (path, entry) in one {
        let (a, b) = (side(entry), other.get(path).map(|entry| side(entry)));
        if b.as_ref() != Some(&a) {
            changes.push(FileChange { path: (*path).to_owned(), wheel: None, a: Some(a), b });
        }
    }
    let added = other.iter().filter(|(path, _)| !one.contains_key(*path));
    changes.extend(added.map(|(path, entry)| FileChange {
        path: (*path).to_owned(),
        wheel: None,
        a: None,
        b: Some(side(entry)),
    }));
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    changes
}

fn side(entry: &LayerEntry) -> FileSide {
    let (kind, target) = match &entry.kind {
        EntryKind::File => ("file", None),
        EntryKind::Folder => ("folder", None),
        EntryKind::Symlink { target } => ("symlink", Some(target)),
        EntryKind::HardLink { target } => ("hard link", Some(target)),
        EntryKind::Removal => ("removal", None),
        EntryKind::Emptied => ("emptied", None),
        _ => ("other", None),
    };
    FileSide {
        kind,
        mode: format!("{:04o}", entry.mode),
        owner: format!("{}:{}", entry.uid, entry.gid),
        size: entry.size,
        digest: entry.digest.clone(),
        target: target.cloned(),
    }
}

#[cfg(test)]
mod tests {
    use pyimage_build::Digest;

    use super::*;

    fn entry(path: &str, kind: EntryKind, content: &str) -> LayerEntry {
        let digest = (kind == EntryKind::File).then(|| Digest::of(content.as_bytes()));
        let size = content.len() as u64;
        LayerEntry { path: path.to_owned(), kind, mode: 0o644, uid: 0, gid: 0, size, digest, content: None }
    }

    #[test]
    fn each_kind_of_change_is_told() {
        let (same, gone) = (entry("same", EntryKind::File, "x"), entry("gone", EntryKind::File, "x"));
        let (old, new) = (entry("a", EntryKind::File, "x"), entry("a", EntryKind::File, "y"));
        let mut moded = entry("b", EntryKind::File, "x");
        let plain = moded.clone();
        moded.mode = 0o755;
        let link = entry("new", EntryKind::Symlink { target: "same".to_owned() }, "");
        let one: Files<'_> = [&same, &gone, &old, &plain].map(|its| (its.path.as_str(), its)).into();
        let other: Files<'_> = [&same, &new, &moded, &link].map(|its| (its.path.as_str(), its)).into();
        let found = changes(&one, &other);
        let paths: Vec<_> =
            found.iter().map(|its| (its.path.as_str(), its.a.is_some(), its.b.is_some())).collect();
        assert_eq!(
            paths,
            [("a", true, true), ("b", true, true), ("gone", true, false), ("new", false, true)]
        );
        assert_eq!(found[1].b.as_ref().unwrap().mode, "0755");
        assert!(changes(&one, &one).is_empty());
    }
}
