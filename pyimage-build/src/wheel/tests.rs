mod hostile;
mod install;
mod made;

use proptest::prelude::*;
use std::io::Cursor;

use super::*;
use made::{Made, demo};

pub(super) const NAME: &str = "demo-1.0-py3-none-any.whl";

/// A wheel with a module and an entry point, and always the same bytes when it is installed.
pub(crate) fn demo_wheel() -> Wheel {
    let entry_points = b"[console_scripts]\ndemo = demo:main\n";
    open(demo().file("demo-1.0.dist-info/entry_points.txt", entry_points).wheel()).unwrap()
}

pub(super) fn open(bytes: Vec<u8>) -> Result<Wheel, WheelError> {
    Wheel::read(Cursor::new(bytes), NAME, &WheelLimits::default())
}

pub(super) fn problem(bytes: Vec<u8>) -> String {
    open(bytes).unwrap_err().problem().to_string()
}

/// All files of an installation with their contents.
pub(super) fn installed(
    wheel: &Wheel,
    scheme: &Scheme,
    provenance: &Provenance,
) -> Vec<(String, u32, Vec<u8>)> {
    let installation = wheel.installation(scheme, provenance).unwrap();
    let mut unpacker = Unpacker::new();
    let file = |file: &InstalledFile<'_>| {
        let mut content = Vec::new();
        file.copy(&mut unpacker, &mut content).unwrap();
        assert_eq!(content.len() as u64, file.size(), "{}", file.path());
        (file.path().to_owned(), file.mode(), content)
    };
    installation.files().iter().map(file).collect()
}

#[test]
fn a_wheel_says_what_it_is() {
    let wheel = open(demo().wheel()).unwrap();
    assert_eq!((wheel.name(), wheel.version(), wheel.file_name()), ("Demo", "1.0", NAME));
    assert_eq!(wheel.tags(), ["py3-none-any"]);
    assert!(wheel.is_purelib() && !wheel.has_newer_format());
    assert_eq!(format!("{wheel:?}"), format!("Wheel {{ file_name: {NAME:?}, .. }}"));
}

#[test]
fn a_file_that_is_not_called_as_wheels_are() {
    for (name, expected) in [
        ("demo.whl", "wheel `demo.whl` has 1 parts between hyphens"),
        ("demo-x-py3-none-any.whl", "`x` in wheel `demo-x-py3-none-any.whl` is no version"),
    ] {
        let error = Wheel::read(Cursor::new(demo().wheel()), name, &WheelLimits::default()).unwrap_err();
        let WheelProblem::FileName(reason) = error.problem() else { panic!("{error:?}") };
        assert!(reason.to_string().starts_with(expected), "{reason}");
    }
}

#[test]
fn large_archives_have_another_end() {
    let wheel = open(demo().zip64().wheel()).unwrap();
    assert_eq!(installed(&wheel, &Scheme::official(13), &Provenance::default()).len(), 5);
}

#[test]
fn sizes_may_come_after_the_content() {
    let wheel = open(demo().descriptors().wheel()).unwrap();
    assert_eq!(installed(&wheel, &Scheme::official(13), &Provenance::default()).len(), 5);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = open(bytes);
    }

    /// Most of a wheel is right, so that this gets past the first checks.
    #[test]
    fn damaged_wheels_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in 0_usize..40) {
        let mut bytes = demo().file("demo-1.0.data/scripts/tool", b"#!python\nx = 1\n").wheel();
        bytes.truncate(bytes.len() - cut);
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let Ok(wheel) = open(bytes) else { return Ok(()) };
        let Ok(installation) = wheel.installation(&Scheme::official(13), &Provenance::default()) else { return Ok(()) };
        for file in installation.files() {
            let mut content = Vec::new();
            let copied = file.copy(&mut Unpacker::new(), &mut content);
            // Nobody gets more than was announced, whatever the archive unpacks to.
            prop_assert!(content.len() as u64 <= file.size());
            prop_assert!(copied.is_err() || content.len() as u64 == file.size());
        }
    }

    #[test]
    fn limits_hold(contents in prop::collection::vec(0_usize..3000, 0..5), size in 0_u64..9000, entries in 0_u64..10) {
        let mut made = demo();
        for (number, content) in contents.iter().enumerate() {
            made = made.file(&format!("demo/{number}.bin"), &vec![b'x'; *content]);
        }
        let bytes = made.wheel();
        let wheel = open(bytes.clone()).unwrap();
        let total: u64 = wheel.archive.entries.iter().map(|entry| entry.size).sum();
        let fits = total <= size && wheel.archive.entries.len() as u64 <= entries;
        let limits = WheelLimits { size, entries, ..WheelLimits::default() };
        match Wheel::read(Cursor::new(bytes), NAME, &limits) {
            Ok(_) => prop_assert!(fits),
            Err(error) => {
                prop_assert!(!fits);
                prop_assert!(matches!(error.problem(), WheelProblem::Limit { .. }), "{error:?}");
            }
        }
    }

    /// What is not refused ends where it should: inside.
    #[test]
    fn every_file_ends_inside(names in prop::collection::vec("[a-c./\\\\]{1,8}|(demo-1.0.data/(scripts|data|headers|purelib)/)?[a-c.]{1,3}(/[a-c.]{1,3}){0,2}", 1..6)) {
        let mut made = demo();
        for name in &names {
            made = made.file(name, name.as_bytes());
        }
        let hostile = names.iter().any(|name| {
            name.starts_with('/') || name.contains('\\') || name.split('/').any(|part| part == "..")
        });
        match open(made.wheel()) {
            Err(_) => {}
            Ok(_) if hostile => prop_assert!(false, "{names:?} is taken"),
            Ok(wheel) => {
                let Ok(installation) = wheel.installation(&Scheme::official(13), &Provenance::default()) else { return Ok(()) };
                let parent = tempfile::tempdir().unwrap();
                let folder = parent.path().join("tree");
                let installations = [installation];
                let tree = Tree::of(&installations).unwrap();
                tree.write_to(&folder, Existing::Refuse).unwrap();
                prop_assert_eq!(fs_err::read_dir(parent.path()).unwrap().count(), 1);
                for file in tree.files() {
                    prop_assert!(fs_err::symlink_metadata(folder.join(file.path())).unwrap().is_file());
                }
            }
        }
    }

    /// Any content survives, whatever its size and however it is compressed.
    #[test]
    fn contents_survive(content in prop::collection::vec(any::<u8>(), 0..2000), times in 1_usize..600, stored: bool) {
        let content = content.repeat(times);
        let made = demo().file("demo/data.bin", &content);
        let wheel = open(if stored { made.stored().wheel() } else { made.wheel() }).unwrap();
        let files = installed(&wheel, &Scheme::official(13), &Provenance::default());
        prop_assert!(files.iter().any(|(path, _, found)| path.ends_with("demo/data.bin") && *found == content));
    }
}

#[test]
fn made_wheels_are_what_they_seem() {
    // The other tests are worth nothing where this fails.
    let made: Made = demo();
    assert!(made.wheel().starts_with(b"PK\x03\x04"));
}
