use super::*;

mod generated {
    include!("../generated/assets.rs");
    include!("../generated/extract.rs");

    const FOLDER: &str = "app-0";

    pub(super) static ASSETS: &[Asset] = &[
        Asset { path: "a/b.sh", sha256: "", executable: true, contents: b"#!/bin/sh\n" },
        Asset { path: "a/c", sha256: "", executable: false, contents: &[0xff; 40_000] },
        Asset { path: "d", sha256: "", executable: false, contents: b"" },
    ];
}

fn asset(path: &str) -> Asset {
    Asset { path: path.to_owned(), sha256: "00".repeat(32), executable: false }
}

fn image(name: &str) -> ImageFacts {
    ImageFacts { name: name.to_owned(), repository: "app".to_owned(), ..ImageFacts::default() }
}

#[test]
fn assets_are_found_by_their_path() {
    assert_eq!(generated::asset("a/b.sh").and_then(generated::Asset::text_of), Some("#!/bin/sh\n"));
    assert_eq!(generated::asset("a/c").unwrap().text(), None);
    assert!(generated::asset("a").is_none() && generated::asset("e").is_none());
    let shown = format!("{:?}", generated::asset("a/c").unwrap());
    assert_eq!(shown, "Asset { path: \"a/c\", sha256: \"\", executable: false, size: 40000 }");
}

impl generated::Asset {
    fn text_of(&self) -> Option<&'static str> {
        self.text()
    }
}

#[cfg(unix)]
#[test]
fn assets_are_extracted_once_and_what_is_damaged_is_made_anew() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let parent = tempfile::tempdir().unwrap();
    let folder = generated::extract_in(parent.path()).unwrap();
    assert_eq!(folder, parent.path().join("app-0"));
    let of = |path: &str| fs_err::metadata(folder.join(path)).unwrap();
    assert_eq!(of("a/b.sh").permissions().mode() & 0o777, 0o555);
    assert_eq!(of("a/c").permissions().mode() & 0o777, 0o444);
    let first = of("d").ino();
    generated::extract_in(parent.path()).unwrap();
    assert_eq!(of("d").ino(), first, "nothing is written twice");
    for damage in ["a/c", "d"] {
        let path = folder.join(damage);
        let was = fs_err::read(&path).unwrap();
        fs_err::remove_file(&path).unwrap();
        let mut other = was.clone();
        other.push(b'x');
        if let Some(first) = other.first_mut().filter(|_| !was.is_empty()) {
            *first = b'y';
            other.pop();
        }
        fs_err::write(&path, other).unwrap();
        generated::extract_in(parent.path()).unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), was, "{damage}");
    }
    fs_err::remove_file(folder.join("d")).unwrap();
    generated::extract_in(parent.path()).unwrap();
    assert!(folder.join("d").is_file());
    fs_err::set_permissions(folder.join("a/b.sh"), std::fs::Permissions::from_mode(0o444)).unwrap();
    generated::extract_in(parent.path()).unwrap();
    assert_eq!(of("a/b.sh").permissions().mode() & 0o777, 0o555);
    // What Python writes beside its modules is no damage.
    fs_err::create_dir(folder.join("a/__pycache__")).unwrap();
    generated::extract_in(parent.path()).unwrap();
    assert!(folder.join("a/__pycache__").is_dir());
    let left: Vec<_> =
        fs_err::read_dir(parent.path()).unwrap().flatten().map(|its| its.file_name()).collect();
    assert_eq!(left, ["app-0"], "nothing is left behind");
    // A file in its place is damage, too.
    fs_err::remove_dir_all(&folder).unwrap();
    fs_err::write(&folder, "x").unwrap();
    generated::extract_in(parent.path()).unwrap();
    assert!(folder.join("d").is_file());
    assert_eq!(fs_err::read_dir(parent.path()).unwrap().count(), 1);
}

#[test]
fn many_extract_at_once() {
    let parent = tempfile::tempdir().unwrap();
    for round in 0..20 {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let folder = generated::extract_in(parent.path()).unwrap();
                        assert_eq!(fs_err::read(folder.join("a/c")).unwrap(), vec![0xff; 40_000]);
                    })
                })
                .collect();
            for one in all {
                one.join().unwrap();
            }
        });
        assert_eq!(fs_err::read_dir(parent.path()).unwrap().count(), 1, "round {round}");
        fs_err::remove_dir_all(parent.path().join("app-0")).unwrap();
    }
}

#[test]
fn where_nothing_can_be_written_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(generated::extract_in(&file.path().join("x")).is_err());
}

#[cfg(unix)]
#[test]
fn what_a_killed_process_left_goes_after_a_day() {
    use std::time::{Duration, SystemTime};

    let parent = tempfile::tempdir().unwrap();
    for (name, hours) in [(".app-0.new-1-0", 25), (".app-0.new-2-0", 1), (".other.new-1-0", 25)] {
        let path = parent.path().join(name);
        fs_err::create_dir(&path).unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(hours * 3600);
        fs_err::File::open(&path).unwrap().into_file().set_modified(long_ago).unwrap();
    }
    generated::extract_in(parent.path()).unwrap();
    let mut left: Vec<_> =
        fs_err::read_dir(parent.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    left.sort();
    assert_eq!(left, [".app-0.new-2-0", ".other.new-1-0", "app-0"]);
}

#[test]
fn the_text_is_a_function_of_what_is_in_it() {
    let assets = [asset("type.py"), asset("\"\\\u{202e}{é}.py")];
    let module = Module { package: "app", assets: &assets, images: &[], extract: false };
    let text = module.text();
    assert!(!text.contains("pub struct Image") && !text.contains("fn extract"));
    assert!(text.is_ascii(), "what could deceive is escaped");
    let line = text.lines().find(|line| line.contains("202e")).unwrap();
    assert_eq!(
        line,
        format!(
            "    Asset {{ path: \"\\\"\\\\\\u{{202e}}{{\\u{{e9}}}}.py\", sha256: \"{}\", executable: false, contents: \
             ::core::include_bytes!(::core::concat!(::core::env!(\"CARGO_MANIFEST_DIR\"), \
             \"/\\\"\\\\\\u{{202e}}{{\\u{{e9}}}}.py\")) }},",
            "00".repeat(32)
        )
    );
}

#[test]
fn one_image_has_a_constant_and_several_a_list() {
    let text = |images: &[ImageFacts]| Module { package: "app", assets: &[], images, extract: false }.text();
    assert!(
        text(&[image("")]).contains("\npub const IMAGE: Image = Image { name: \"\", repository: \"app\"")
    );
    let several = text(&[image("web"), image("worker")]);
    assert!(!several.contains("IMAGE:") && several.contains("\n    Image { name: \"worker\""));
}

#[test]
fn other_assets_are_in_another_folder() {
    let folder = |assets: &[Asset]| Module { package: "app", assets, images: &[], extract: true }.folder();
    let one = folder(&[asset("a")]);
    assert!(one.starts_with("app-") && one.len() == "app-".len() + DIGITS);
    let executable = Asset { executable: true, ..asset("a") };
    let changed = Asset { sha256: "11".repeat(32), ..asset("a") };
    for other in [&[][..], &[asset("b")], &[executable], &[changed], &[asset("a"), asset("b")]] {
        assert_ne!(folder(other), one, "{other:?}");
    }
}
