use proptest::prelude::*;

use super::*;
use crate::{Layer, LayerCompression};

const EDITED: &str = "the lock of `python:3.13-slim` for linux/amd64 does not fit its checksum: it was edited, or put \
    together from two branches";

fn pin(seed: &str, media_type: MediaType) -> Pin {
    Pin { digest: Digest::of(seed.as_bytes()), size: seed.len() as u64, media_type }
}

fn image(seed: &str) -> LockedImage {
    LockedImage {
        manifest: pin(seed, MediaType::OCI_MANIFEST),
        config: pin("config", MediaType::OCI_CONFIG),
        python: "3.13.5".to_owned(),
        suite: Suite::from_name("trixie"),
        env: vec!["PATH=/usr/local/bin:/usr/bin".to_owned(), "PYTHON_VERSION=3.13.5".to_owned()],
        entrypoint: Vec::new(),
        cmd: vec!["python3".to_owned()],
        user: String::new(),
        working_dir: String::new(),
        stop_signal: None,
        labels: BTreeMap::new(),
        layers: vec![LockedLayer {
            blob: pin("layer", MediaType::from("application/vnd.oci.image.layer.v1.tar+gzip")),
            diff_id: Digest::of(b"content"),
        }],
        facts: None,
        apt: Vec::new(),
    }
}

fn facts() -> BaseFacts {
    let libraries = ["ld-linux-x86-64.so.2", "libc.so.6", "libcrypt.so.1", "libz.so.1"];
    BaseFacts {
        libraries: libraries.map(str::to_owned).into(),
        passwd: vec!["root:x:0:0:root:/root:/bin/bash".to_owned()],
        group: vec!["root:x:0:".to_owned(), "staff:x:50:".to_owned()],
    }
}

fn apt(package: &str) -> LockedApt {
    let (digest, diff_id) = (Digest::of(b"blob"), Digest::of(b"archive"));
    LockedApt {
        packages: vec![package.to_owned()],
        installed: vec![format!("{package}:amd64=14.2.0-19")],
        layer: Layer {
            digest,
            size: 4,
            diff_id,
            unpacked: 7,
            files: 1,
            compression: LayerCompression::default(),
        },
        facts: BaseFacts { libraries: ["libgomp.so.1".to_owned()].into(), ..BaseFacts::default() },
    }
}

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn lock() -> Lock {
    let checked = LockedImage { facts: Some(facts()), apt: vec![apt("libgomp1")], ..image("amd64") };
    let images = [("linux/amd64", checked), ("linux/arm64", image("arm64"))];
    let images = images.map(|(name, image)| (platform(name), image)).into();
    let base = LockedBase { target: pin("index", MediaType::OCI_INDEX), images };
    let from = CompiledFrom { python: "3.13.5".to_owned(), of: Digest::of(b"index") };
    let bytecode = BTreeMap::from([(from, Digest::of(b"bytecode"))]);
    Lock { bases: BTreeMap::from([(reference("python:3.13-slim"), base)]), bytecode }
}

#[test]
fn the_text_is_for_people_and_stays() {
    let expected = snapbox::file!["lock.toml"];
    snapbox::assert_data_eq!(lock().to_string(), expected);
}

#[test]
fn damage_is_told_with_the_way_out() {
    let text = lock().to_string();
    let last = text.rfind("\n[[base.image]]").unwrap();
    let (image, bytecode) = text[last..].split_at(text[last..].find("\n[[bytecode]]").unwrap());
    let twice = format!("{}{image}{image}{bytecode}", &text[..last]);
    for (damaged, expected) in [
        (
            text.replace("version = 1\n", "version = 2\n"),
            "the lock is of version 2, and this tool reads up to version 1",
        ),
        (text.replace("version = 1\n", ""), "the lock is damaged: it has no `version`"),
        (text.replace("version = 1\n", "version = 0\n"), "the lock is damaged: there is no version 0"),
        (format!("<<<<<<< HEAD\n{text}"), "the lock has conflict markers of a merge, on line 1"),
        (
            text.replace("\"trixie\"", "\"hamm\""),
            "the lock is damaged: `hamm` is no release of a distribution",
        ),
        (
            format!("{text}{bytecode}"),
            &*format!(
                "the lock is damaged: the bytecode of {} for Python 3.13.5 is locked twice",
                Digest::of(b"index")
            ),
        ),
        (twice, "the lock is damaged: linux/arm64 of `python:3.13-slim` is locked twice"),
        (text.replacen("\"3.13.5\"", "\"3.13.4\"", 1), EDITED),
        (text.replacen("\"libz.so.1\", ", "", 1).replacen("\"libz.so.1\",", "", 1), EDITED),
        (text.replacen("size = 6", "size = 7", 1), EDITED),
        (text.replacen("image.index.v1", "image.index.v2", 1), EDITED),
        (text.replacen("linux/amd64", "linux/386", 1), &*EDITED.replace("amd64", "386")),
        (text[..text.len() / 2].to_owned(), "the lock is damaged"),
        (
            text.replace("sha256:", "sha256:zz"),
            &*format!(
                "the lock is damaged: on line 7, digest `sha256:zz{}` has a character that is not a lower-case hex digit",
                Digest::of(b"index").hex()
            ),
        ),
        (text.replace("python = ", "pithon = "), "the lock is damaged: on line 12, `pithon` is unknown"),
        (text.replacen("python = ", "#", 1), "the lock is damaged: on line 9, there is no `python`"),
        (text.replacen("size = 5", "size = -5", 1), "the lock is damaged: on line 7, a number was expected"),
        (
            text.replacen("target = ", "target = 1 #", 1),
            "the lock is damaged: on line 7, a table was expected",
        ),
        (
            text.replacen("packages = ", "packages = 1 #", 1),
            "the lock is damaged: on line 43, a list was expected",
        ),
        (
            text.replacen("suite = ", "suite = [] #", 1),
            "the lock is damaged: on line 13, a text was expected",
        ),
    ] {
        let error = Lock::parse(&damaged).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!error.help().is_empty());
    }
}

#[test]
fn drift_is_found_both_ways() {
    let lock = lock();
    let slim = reference("python:3.13-slim");
    let wanted = |platforms: &[&str]| platforms.iter().map(|name| platform(name)).collect::<BTreeSet<_>>();
    let drift = |wanted| lock.drift(&wanted).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(drift(BTreeMap::from([(slim.clone(), wanted(&["linux/arm64", "linux/amd64"]))])).is_empty());
    assert_eq!(
        drift(BTreeMap::from([(slim, wanted(&["linux/arm64", "linux/386"]))])),
        [
            "`python:3.13-slim` is not locked for linux/386",
            "`python:3.13-slim` is locked for linux/amd64, but no image asks for that"
        ]
    );
    assert_eq!(
        drift(BTreeMap::from([(reference("python:3"), wanted(&["linux/arm64"]))])),
        ["`python:3` is not locked", "`python:3.13-slim` is locked, but no image asks for it"]
    );
}

#[test]
fn packages_of_debian_add_to_what_the_base_has() {
    let image = LockedImage { facts: Some(facts()), apt: vec![apt("libgomp1")], ..image("amd64") };
    let with = |package: &str| image.facts_with(&[package.to_owned()]).unwrap();
    assert!(with("libgomp1").libraries.is_superset(&facts().libraries));
    assert!(with("libgomp1").libraries.contains("libgomp.so.1"));
    assert_eq!(with("libgomp1").passwd, facts().passwd, "they added no user");
    assert_eq!(with("other"), facts());
    assert!(image.installed(&["other".to_owned()]).is_none());
}

prop_compose! {
    fn any_facts()(
        libraries in prop::collection::btree_set("(lib)?[a-c\\PC]{0,40}", 0..40),
        passwd in prop::collection::vec(any::<String>(), 0..3),
        group in prop::collection::vec(any::<String>(), 0..3),
    ) -> BaseFacts {
        BaseFacts { libraries, passwd, group }
    }
}

prop_compose! {
    fn any_image()(
        texts in prop::collection::vec(any::<String>(), 4),
        env in prop::collection::vec(any::<String>(), 0..3),
        labels in prop::collection::btree_map(any::<String>(), any::<String>(), 0..3),
        signal in prop::option::of(any::<String>()),
        suite in prop::sample::select(vec![None, Some("trixie"), Some("alpine3.22"), Some("ltsc2022")]),
        size in 0..=i64::MAX.cast_unsigned(),
        facts in prop::option::of(any_facts()),
        packages in prop::collection::vec(any::<String>(), 0..3),
    ) -> LockedImage {
        let mut image = image(&texts[0]);
        image.manifest.size = size;
        LockedImage {
            python: texts[1].clone(),
            user: texts[2].clone(),
            working_dir: texts[3].clone(),
            suite: suite.and_then(Suite::from_name),
            entrypoint: env.clone(),
            env,
            labels,
            stop_signal: signal,
            facts,
            apt: packages.iter().map(|package| apt(package)).collect(),
            ..image
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        images in prop::collection::vec(any_image(), 0..3),
        bytecode in prop::collection::vec(any::<(String, Vec<u8>)>(), 0..3),
    ) {
        let names = ["linux/amd64", "linux/arm/v7", "windows/amd64"].map(platform);
        let images = names.into_iter().zip(images).collect();
        let base = LockedBase { target: pin("index", MediaType::DOCKER_INDEX), images };
        let bytecode = bytecode.into_iter().map(|(python, of)| {
            (CompiledFrom { python, of: Digest::of(&of) }, Digest::of(b"bytecode"))
        });
        let bases = BTreeMap::from([(reference("localhost:5000/a/b:c"), base)]);
        let lock = Lock { bases, bytecode: bytecode.collect() };
        let text = lock.to_string();
        prop_assert_eq!(Lock::parse(&text).unwrap(), lock, "{}", text);
    }

    #[test]
    fn never_panics(text in "\\PC*", cut in 0..2000_usize) {
        let _ = Lock::parse(&text);
        let whole = lock().to_string();
        let _ = Lock::parse(whole.get(..cut).unwrap_or(&whole));
    }
}
