use std::io::{self, Read, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::wheel::tests::demo_wheel;
use crate::{Provenance, Scheme, Tree};

/// An entry as it is read back: path, kind, mode, uid, gid, time, target, content.
type Entry = (String, tar::EntryType, u32, u64, u64, u64, Option<String>, Vec<u8>);

fn made(contents: &LayerContents<'_>, options: &LayerOptions) -> (Layer, Vec<u8>) {
    let mut blob = Vec::new();
    let layer = contents.write(options, NonZero::<usize>::MIN, &mut blob).unwrap();
    (layer, blob)
}

fn read_back(blob: &[u8]) -> Vec<Entry> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(blob));
    let entry = |entry: io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let target = entry.link_name_bytes().map(|name| String::from_utf8(name.into_owned()).unwrap());
        let header = entry.header();
        let numbers = (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
        let (kind, mode) = (header.entry_type(), header.mode().unwrap());
        (path, kind, mode, numbers.0, numbers.1, numbers.2, target, content)
    };
    archive.entries().unwrap().map(entry).collect()
}

fn paths(blob: &[u8]) -> Vec<String> {
    read_back(blob).into_iter().map(|entry| entry.0).collect()
}

#[test]
fn an_archive_says_what_was_put_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("on disk");
    fs_err::write(&file, vec![7; 100_000]).unwrap();
    let mut contents = LayerContents::new();
    contents.add_file("srv/app/data", 0o644, &file).unwrap();
    contents.add_symlink("srv/app/link", "../data").unwrap();
    contents.add_bytes("srv/app/run", 0o755, &b"#!/bin/sh\n"[..]).unwrap();
    contents.add_folder("srv/empty", 0o700).unwrap();
    let options = LayerOptions { modified: 1_700_000_000, uid: 1000, gid: 2000, ..LayerOptions::default() };
    let (layer, blob) = made(&contents, &options);
    let entry = |path: &str, kind, mode, target: Option<&str>, content: &[u8]| {
        (path.to_owned(), kind, mode, 1000, 2000, 1_700_000_000, target.map(str::to_owned), content.to_vec())
    };
    let expected = [
        entry("srv/", tar::EntryType::Directory, 0o755, None, b""),
        entry("srv/app/", tar::EntryType::Directory, 0o755, None, b""),
        entry("srv/app/data", tar::EntryType::Regular, 0o644, None, &vec![7; 100_000]),
        entry("srv/app/link", tar::EntryType::Symlink, 0o777, Some("../data"), b""),
        entry("srv/app/run", tar::EntryType::Regular, 0o755, None, b"#!/bin/sh\n"),
        entry("srv/empty/", tar::EntryType::Directory, 0o700, None, b""),
    ];
    assert!(read_back(&blob) == expected);
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(&blob[..]).read_to_end(&mut archive).unwrap();
    assert_eq!(layer.digest, Digest::of(&blob));
    assert_eq!(layer.diff_id, Digest::of(&archive));
    assert_eq!((layer.size, layer.unpacked, layer.files), (blob.len() as u64, archive.len() as u64, 3));
    assert_eq!(archive.len() % 512, 0);
}

#[test]
fn folders_of_the_base_are_its_own() {
    let mut contents = LayerContents::new();
    for path in ["usr/local/lib/python3.13/site-packages/a/b.py", "usr/local/bin/a", "usr/src/app/x"] {
        contents.add_bytes(path, 0o644, Vec::new()).unwrap();
    }
    let options = LayerOptions { base_folders: BaseFolders::official(13), ..LayerOptions::default() };
    let expected = [
        "usr/local/bin/a",
        "usr/local/lib/python3.13/site-packages/a/",
        "usr/local/lib/python3.13/site-packages/a/b.py",
        "usr/src/app/",
        "usr/src/app/x",
    ];
    assert_eq!(paths(&made(&contents, &options).1), expected);
    // A folder that is asked for has the mode that is asked for.
    contents.add_folder("usr/src", 0o711).unwrap();
    assert!(paths(&made(&contents, &options).1).contains(&"usr/src/".to_owned()));
}

#[test]
fn names_may_be_long_and_in_any_script() {
    let name = |len: usize| "n".repeat(len);
    let long = [
        name(99),
        name(100),
        name(101),
        format!("{}/{}", name(99), name(255)),
        "é".repeat(60),
        "日本/語".to_owned(),
    ];
    for path in long {
        for target in [name(100), name(101), format!("../{}", "ß".repeat(300))] {
            let mut contents = LayerContents::new();
            contents.add_symlink(&format!("{path}.link"), &target).unwrap_or_else(|_| {
                contents.add_symlink("link", &target).unwrap();
            });
            contents.add_bytes(&path, 0o644, &b"x"[..]).unwrap();
            contents.add_folder(&format!("{path}.d"), 0o755).unwrap_or_default();
            let entries = read_back(&made(&contents, &LayerOptions::default()).1);
            assert!(entries.iter().any(|entry| entry.0 == path && entry.7 == b"x"), "{path}");
            assert!(entries.iter().any(|entry| entry.6.as_ref() == Some(&target)), "{target}");
        }
    }
}

#[test]
fn what_cannot_be_in_a_layer_is_told() {
    let too_long = format!("{}x", "d/".repeat(2100));
    let too_long_name = "n".repeat(256);
    for (path, expected) in [
        ("/etc/x", "it is absolute, and paths here start at the root of the image anyway"),
        ("", "a part of it is empty"),
        ("a//b", "a part of it is empty"),
        ("a/", "a part of it is empty"),
        ("a/../b", "it has `.` or `..`"),
        ("./a", "it has `.` or `..`"),
        ("a\0b", "it has a NUL"),
        (&too_long, "it has more than 4095 bytes"),
        (&too_long_name, "a part of it has more than 255 bytes"),
    ] {
        let error = LayerContents::new().add_bytes(path, 0o644, Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), format!("`{path}` cannot be a path in an image: {expected}"));
    }
    for path in [".wh.a", "a/.wh..wh..opq", ".wh.a/b"] {
        let error = LayerContents::new().add_symlink(path, "x").unwrap_err();
        assert!(matches!(error, LayerError::Whiteout { .. }), "{path}");
    }
    let error = LayerContents::new().add_bytes("lib/x.so", 0o644, Vec::new()).unwrap_err();
    assert_eq!(error.helps(), ["put it at `/usr/lib/x.so`"]);
    assert!(LayerContents::new().add_bytes("library/x.so", 0o644, Vec::new()).is_ok());
}

#[test]
fn two_things_cannot_be_at_one_path() {
    let mut contents = LayerContents::new();
    contents.add_bytes("a", 0o644, Vec::new()).unwrap();
    contents.add_folder("d", 0o755).unwrap();
    contents.add_folder("d", 0o755).unwrap();
    assert_eq!(contents.add_symlink("a", "x").unwrap_err().to_string(), "there are two files for `a`");
    assert!(matches!(contents.add_folder("d", 0o700), Err(LayerError::Duplicate { .. })));
    assert!(matches!(contents.add_folder("a", 0o755), Err(LayerError::FileAndFolder { .. })));
    assert!(matches!(contents.add_symlink("d", "a"), Err(LayerError::FileAndFolder { .. })));
    contents.add_bytes("a/b", 0o644, Vec::new()).unwrap();
    let error = contents.write(&LayerOptions::default(), NonZero::<usize>::MIN, io::sink()).unwrap_err();
    assert_eq!(error.to_string(), "`a` is a file, and a folder of other files");
}

/// Changes a file when something of it has been written.
struct Meddler {
    path: PathBuf,
    change: fn(&Path),
    written: usize,
}

impl Write for Meddler {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // First comes the header of gzip.
        if self.written > 10 && self.path.exists() {
            (self.change)(&self.path);
        }
        self.written += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let changes: [fn(&Path); 3] = [
        |path| fs_err::write(path, vec![1; 6 << 20]).unwrap(),
        |path| fs_err::write(path, "short").unwrap(),
        |path| fs_err::write(path, vec![2; 5 << 20]).unwrap(),
    ];
    for change in changes {
        fs_err::write(&path, vec![1; 5 << 20]).unwrap();
        let mut contents = LayerContents::new();
        contents.add_file("file", 0o644, &path).unwrap();
        let out = Meddler { path: path.clone(), change, written: 0 };
        let error = contents.write(&LayerOptions::default(), NonZero::<usize>::MIN, out).unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` changed while it was read", path.display()));
    }
}

#[test]
fn what_is_no_file_on_the_disk_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: PathBuf| {
        let mut contents = LayerContents::new();
        contents.add_file("file", 0o644, path).unwrap();
        contents.write(&LayerOptions::default(), NonZero::<usize>::MIN, io::sink()).unwrap_err()
    };
    assert!(matches!(write(folder.path().to_owned()), LayerError::NotAFile { .. }));
    assert!(matches!(write(folder.path().join("missing")), LayerError::Read { .. }));
}

#[test]
fn what_several_wheels_have_is_the_last_one_s() {
    let (wheel, other) = (demo_wheel(), demo_wheel());
    let requested = Provenance { requested: true, ..Provenance::default() };
    let plain = wheel.installation(&Scheme::official(13), &Provenance::default()).unwrap();
    let installations = [plain, other.installation(&Scheme::official(13), &requested).unwrap()];
    let tree = Tree::of(&installations).unwrap();
    let mut contents = LayerContents::new();
    contents.add_overlaps("usr/local", &tree).unwrap();
    let record = "usr/local/lib/python3.13/site-packages/demo-1.0.dist-info/RECORD";
    assert!(contents.paths().eq([record]));
    let entries = read_back(&made(&contents, &LayerOptions::default()).1);
    assert!(String::from_utf8(entries.last().unwrap().7.clone()).unwrap().contains("/REQUESTED,"));
}

/// The wheel of the fixtures and some files, in one layer.
fn golden(cores: usize, is_reversed: bool) -> Layer {
    let wheel = demo_wheel();
    let installation = wheel.installation(&Scheme::official(13), &Provenance::default()).unwrap();
    let installations = [installation];
    let tree = Tree::of(&installations).unwrap();
    let mut contents = LayerContents::new();
    let mut files = tree.files().to_vec();
    if is_reversed {
        files.reverse();
        contents.add_symlink("usr/src/app/latest", "data").unwrap();
    }
    for file in files {
        contents.add_installed("usr/local", file).unwrap();
    }
    if !is_reversed {
        contents.add_symlink("usr/src/app/latest", "data").unwrap();
    }
    // Words at random, so that a compressor has something to find, and several ways to tell it.
    let mut state = 1_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let words = ["import", "self.", "return ", "def __init__", "\n    ", "numpy", "x", "0.5", "()", "\0\0\0"];
    let mut data = Vec::new();
    while data.len() < 5 << 19 {
        data.extend_from_slice(words[random(10) as usize].as_bytes());
        data.extend(random(1 << 16).to_le_bytes());
    }
    contents.add_bytes("usr/src/app/data", 0o644, data).unwrap();
    let options = LayerOptions { base_folders: BaseFolders::official(13), ..LayerOptions::default() };
    contents.write(&options, NonZero::new(cores).unwrap(), io::sink()).unwrap()
}

/// A change here is another format: all images get other digests, and [`Layer::FORMAT`] has to change too.
#[test]
fn a_layer_always_has_the_same_digest() {
    let expected = Layer {
        digest: "sha256:b2c8e87d1a364e96d8ea8ee7b1c5d34755f45746ff05fbd5d719f54e781ad0c0".parse().unwrap(),
        size: 1_075_735,
        diff_id: "sha256:8b762f81abcf1a933c18a5c03ee7aad31e37317316768039c212e7794d0c8014".parse().unwrap(),
        unpacked: 2_632_192,
        files: 9,
        compression: LayerCompression::Gzip(5),
    };
    assert_eq!(golden(1, false), expected);
    for cores in [2, 3, 16] {
        assert_eq!(golden(cores, true), expected, "{cores} cores");
    }
}

/// The same for Zstandard, with the library of this very release.
#[test]
#[cfg(feature = "zstd")]
fn a_layer_of_zstandard_always_has_the_same_digest() {
    let mut contents = LayerContents::new();
    let data: Vec<u8> = (0..700_000_u32).flat_map(|at| (at * (at % 97)).to_le_bytes()).collect();
    contents.add_bytes("data", 0o644, data).unwrap();
    let layer = |cores: usize, compression| {
        let options = LayerOptions { compression, ..LayerOptions::default() };
        let mut blob = Vec::new();
        let layer = contents.write(&options, NonZero::new(cores).unwrap(), &mut blob).unwrap();
        assert_eq!(layer.digest, Digest::of(&blob));
        if matches!(compression, LayerCompression::Zstd(_)) {
            let content = ::zstd::decode_all(&blob[..]).unwrap();
            assert_eq!((layer.unpacked, layer.diff_id.clone()), (content.len() as u64, Digest::of(&content)));
        }
        layer
    };
    let expected = "sha256:60126e9caa78e45786eaafbbdedd8ee140b706b2723dc49f3d847ad41b8007cf";
    let [_, zstd] = LayerCompression::ALL;
    let made = layer(1, zstd);
    assert_eq!(made.digest.to_string(), expected);
    assert_eq!(layer(8, zstd), made);
    assert_eq!(made.descriptor(&MediaType::OCI_MANIFEST).media_type, MediaType::OCI_LAYER_ZSTD);
    let gzip = layer(1, LayerCompression::default());
    assert_eq!(gzip.diff_id, made.diff_id, "the configuration is the same");
    assert!(layer(1, LayerCompression::Zstd(1)).size > layer(1, LayerCompression::Zstd(19)).size);
}

#[test]
fn keys_differ_where_layers_do() {
    let options = LayerOptions::default();
    let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
    let requested = Provenance { requested: true, ..Provenance::default() };
    let direct = Provenance { direct_url: Some("{}".to_owned()), ..Provenance::default() };
    let plain = Provenance::default();
    let key = |prefix, minor, options: &LayerOptions, wheels: &[(&Digest, &Provenance)]| {
        let mut key = LayerKey::new(prefix, &Scheme::official(minor), options);
        for (wheel, provenance) in wheels {
            key.add_wheel(wheel, provenance);
        }
        key.digest()
    };
    let mut keys = vec![
        key("usr/local", 13, &options, &[(&one, &plain)]),
        key("opt", 13, &options, &[(&one, &plain)]),
        key("usr/local", 12, &options, &[(&one, &plain)]),
        key("usr/local", 13, &LayerOptions { modified: 1, ..options.clone() }, &[(&one, &plain)]),
        key("usr/local", 13, &LayerOptions { uid: 1, ..options.clone() }, &[(&one, &plain)]),
        key("usr/local", 13, &LayerOptions { gid: 1, ..options.clone() }, &[(&one, &plain)]),
        key("usr/local", 13, &options, &[(&one, &requested)]),
        key("usr/local", 13, &options, &[(&one, &direct)]),
        key("usr/local", 13, &options, &[(&two, &plain)]),
        key("usr/local", 13, &options, &[(&one, &plain), (&two, &plain)]),
    ];
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 10);
    // A cache of an older version is still good.
    assert_eq!(
        key("usr/local", 13, &options, &[(&one, &plain)]).as_str(),
        "sha256:279fbd879b55ad36c57a4db89b0a47365bd427d5ba3164a39a2a798ea9b7990e"
    );
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(
        files in prop::collection::btree_map("[a-zé]{1,30}(/[a-z.-]{1,70}[a-z]){0,3}", prop::collection::vec(any::<u8>(), 0..2000), 0..12)
    ) {
        let (mut contents, mut backwards) = (LayerContents::new(), LayerContents::new());
        for (path, content) in &files {
            prop_assume!(contents.add_bytes(path, 0o644, content.as_slice()).is_ok());
        }
        for (path, content) in files.iter().rev() {
            backwards.add_bytes(path, 0o644, content.as_slice()).unwrap();
        }
        let mut blob = Vec::new();
        let written = contents.write(&LayerOptions::default(), NonZero::<usize>::MIN, &mut blob);
        prop_assume!(!matches!(written, Err(LayerError::FileAndFolder { .. })));
        prop_assert_eq!(&made(&backwards, &LayerOptions::default()).1, &blob);
        let entries = read_back(&blob);
        prop_assert!(entries.is_sorted_by(|one, other| one.0.trim_end_matches('/') < other.0.trim_end_matches('/')));
        let found = entries.into_iter().filter(|entry| entry.1.is_file()).map(|entry| (entry.0, entry.7));
        prop_assert!(found.eq(files));
    }
}
