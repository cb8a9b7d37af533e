use std::num::NonZero;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use tar::EntryType;

use super::*;
use crate::{LayerContents, LayerOptions};

/// The path, the kind, the target and the content of an entry.
type Raw<'a> = (&'a [u8], EntryType, &'a [u8], &'a [u8]);

/// An archive of such entries.
fn archive(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, kind, target, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
        header.set_entry_type(*kind);
        header.set_mode(0o100_755);
        header.set_uid(7);
        header.set_gid(8);
        header.set_size(content.len() as u64);
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

fn listed(archive: &[u8]) -> Result<Vec<(String, EntryKind)>, ListingError> {
    LayerListing::new(archive).map(|entry| entry.map(|entry| (entry.path, entry.kind))).collect()
}

#[test]
fn entries_are_told_as_they_are() {
    let archive = archive(&[
        (b"./", EntryType::Directory, b"", b""),
        (b"./usr//lib/", EntryType::Directory, b"", b""),
        (b"usr/lib/a\\b", EntryType::Regular, b"", b"content"),
        (b"usr/lib/\x1b[2J\xff", EntryType::Regular, b"", b""),
        (b"/usr/bin/sh", EntryType::Symlink, b"../lib/\x07", b""),
        (b"usr/bin/bash", EntryType::Link, b"./usr/lib/a\\b", b""),
        (b"usr/.wh.games", EntryType::Regular, b"", b""),
        (b"srv/.wh..wh..opq", EntryType::Regular, b"", b""),
        (b"dev/null", EntryType::Char, b"", b""),
    ]);
    let expected = [
        ("usr/lib", EntryKind::Folder),
        (r"usr/lib/a\\b", EntryKind::File),
        (r"usr/lib/\u{1b}[2J\xff", EntryKind::File),
        ("usr/bin/sh", EntryKind::Symlink { target: r"../lib/\u{7}".to_owned() }),
        ("usr/bin/bash", EntryKind::HardLink { target: r"usr/lib/a\\b".to_owned() }),
        ("usr/games", EntryKind::Removal),
        ("srv", EntryKind::Emptied),
        ("dev/null", EntryKind::Other),
    ];
    let expected = expected.map(|(path, kind)| (path.to_owned(), kind));
    assert_eq!(listed(&archive).unwrap(), expected);

    let entries: Vec<_> = LayerListing::new(&archive[..]).map(Result::unwrap).collect();
    assert_eq!((entries[1].mode, entries[1].uid, entries[1].gid, entries[1].size), (0o755, 7, 8, 7));
    assert_eq!((&entries[1].digest, &entries[1].content), (&None, &None));
    let hashed = LayerListing::new(&archive[..]).hashing().keeping(|path| path.ends_with('b'));
    let file = hashed.map(Result::unwrap).nth(1).unwrap();
    assert_eq!(file.digest, Some(Digest::of(b"content")));
    assert_eq!(file.content.as_deref(), Some(&b"content"[..]));
}

#[test]
fn long_names_of_every_kind_are_read() {
    let long = "d/".repeat(120) + "file";
    let record = format!("path={long}\n");
    let record = format!("{} {record}", record.len() + 4);
    let nul = format!("{long}\0");
    for (kind, name) in [(EntryType::XHeader, &record), (EntryType::GNULongName, &nul)] {
        let archive =
            archive(&[(b"x", kind, b"", name.as_bytes()), (b"short", EntryType::Regular, b"", b"1")]);
        assert_eq!(listed(&archive).unwrap(), [(long.clone(), EntryKind::File)], "{kind:?}");
    }
    let size = "9 size=1\n";
    let archive = archive(&[
        (b"g", EntryType::XGlobalHeader, b"", b"13 path=none\n"),
        (b"x", EntryType::XHeader, b"", size.as_bytes()),
        (b"a", EntryType::Regular, b"", b"1"),
    ]);
    assert_eq!(listed(&archive).unwrap(), [("a".to_owned(), EntryKind::File)]);
}

#[test]
fn what_does_harm_is_refused() {
    let whole = archive(&[(b"a", EntryType::Regular, b"", &[1; 2000])]);
    assert!(matches!(listed(&whole[..700]), Err(ListingError::Truncated)));
    assert!(matches!(listed(&whole[..300]), Err(ListingError::Truncated)));
    assert_eq!(listed(&whole[..whole.len() - 1024]).unwrap().len(), 1, "an end is no must");
    assert!(matches!(listed(b"{}"), Err(ListingError::Truncated)));
    assert!(matches!(listed(&[b'x'; 1024]), Err(ListingError::NotAnArchive)));

    // A name of 5 GB, of which nothing is read.
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(5 << 30);
    header.set_cksum();
    assert!(matches!(listed(header.as_bytes()), Err(ListingError::LongName { size: 5_368_709_120 })));
    for records in ["5 path=a\n", "x path=a\n", "99 path=a\n", "7 path\n", "11 size=ten\n", "0 "] {
        let archive = archive(&[(b"x", EntryType::XHeader, b"", records.as_bytes())]);
        assert!(matches!(listed(&archive), Err(ListingError::NotAnArchive)), "{records}");
    }
}

#[test]
fn a_bomb_of_names_has_an_end() {
    /// The same entry for ever.
    struct Endless(Vec<u8>, usize);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = (&self.0[self.1..]).read(buffer)?;
            self.1 = (self.1 + read) % self.0.len();
            Ok(read)
        }
    }
    let record = format!("path={}\n", "n".repeat(1_000_000));
    let record = format!("{} {record}", record.len() + 8);
    let mut one =
        archive(&[(b"x", EntryType::XHeader, b"", record.as_bytes()), (b"a", EntryType::Regular, b"", b"")]);
    one.truncate(one.len() - 2 * BLOCK);
    let last = LayerListing::new(Endless(one, 0)).last();
    assert!(matches!(last, Some(Err(ListingError::TooMany))));
}

proptest! {
    #[test]
    fn what_is_written_is_listed(
        files in prop::collection::btree_map("[a-zé\\\\]{1,9}(/[a-z .]{0,120}[a-z]){0,3}", prop::collection::vec(any::<u8>(), 0..1500), 0..9)
    ) {
        let mut contents = LayerContents::new();
        let mut expected = Vec::new();
        for (path, bytes) in &files {
            if contents.add_bytes(path, 0o644, bytes.clone()).is_ok() {
                expected.push((path.replace('\\', r"\\"), bytes.len() as u64, Digest::of(bytes)));
            }
        }
        let mut gzip = Vec::new();
        // A file and a folder of one path cannot be written.
        prop_assume!(contents.write(&LayerOptions::default(), NonZero::<usize>::MIN, &mut gzip).is_ok());
        let mut archive = GzDecoder::new(&gzip[..]);
        let entries: Result<Vec<_>, _> = LayerListing::new(&mut archive).hashing().collect();
        let found = entries.unwrap().into_iter().filter(|entry| entry.kind == EntryKind::File);
        let mut found: Vec<_> = found.map(|entry| (entry.path, entry.size, entry.digest.unwrap())).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = listed(&bytes);
    }

    #[test]
    fn damage_never_panics(at in 0..4096_usize, byte: u8) {
        let mut archive = archive(&[
            (b"x", EntryType::XHeader, b"", b"9 path=a\n"),
            (b"a", EntryType::Regular, b"", &[1; 700]),
            (b"b", EntryType::GNUSparse, b"", b""),
        ]);
        let at = at % archive.len();
        archive[at] = byte;
        let _ = listed(&archive);
    }

    #[test]
    fn no_two_paths_look_the_same(one: Vec<u8>, other: Vec<u8>) {
        prop_assert_eq!(shown(&one) == shown(&other), one == other);
    }
}
