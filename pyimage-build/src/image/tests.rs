use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{Document, ImageConfig, ImageIndex, LockedLayer, Suite};

fn pin(seed: &str, media_type: MediaType) -> Pin {
    Pin { digest: Digest::of(seed.as_bytes()), size: seed.len() as u64, media_type }
}

fn locked(is_docker: bool, layers: usize) -> LockedImage {
    let kind = |oci, docker| if is_docker { docker } else { oci };
    let layer = |index: usize| LockedLayer {
        blob: pin(&format!("blob {index}"), kind(MediaType::OCI_LAYER, MediaType::DOCKER_LAYER)),
        diff_id: Digest::of(format!("content {index}").as_bytes()),
    };
    LockedImage {
        manifest: pin("manifest", kind(MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST)),
        config: pin("config", kind(MediaType::OCI_CONFIG, MediaType::DOCKER_CONFIG)),
        python: "3.13.5".to_owned(),
        suite: Suite::from_name("trixie"),
        env: vec!["PATH=/usr/local/bin:/usr/bin".to_owned(), "PYTHON_VERSION=3.13.5".to_owned()],
        entrypoint: vec!["tini".to_owned()],
        cmd: vec!["python3".to_owned()],
        user: String::new(),
        working_dir: String::new(),
        stop_signal: Some("SIGTERM".to_owned()),
        labels: BTreeMap::from([("of".to_owned(), "base".to_owned())]),
        layers: (0..layers).map(layer).collect(),
        facts: None,
        apt: Vec::new(),
    }
}

fn added(seed: &str) -> AddedLayer {
    let (digest, diff_id) =
        (Digest::of(seed.as_bytes()), Digest::of(format!("content of {seed}").as_bytes()));
    let layer = Layer {
        digest,
        size: seed.len() as u64,
        diff_id,
        unpacked: 7,
        files: 1,
        compression: LayerCompression::default(),
    };
    AddedLayer { layer, created_by: seed.to_owned() }
}

fn assembled(
    platform: &str,
    locked: &LockedImage,
    layers: &[AddedLayer],
    options: &ImageOptions,
) -> Result<Image, ImageError> {
    let (reference, platform) = ("python:3.13-slim".parse().unwrap(), platform.parse().unwrap());
    let target = pin("index", MediaType::OCI_INDEX);
    let base = BaseImage { reference: &reference, target: &target, platform: &platform, image: locked };
    Image::assemble(base, layers, options)
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn options() -> ImageOptions {
    ImageOptions {
        entrypoint: Some(texts(&["python3", "main.py"])),
        env: map(&[("PATH", "/opt/bin:${PATH}"), ("DEBUG", "0")]),
        user: Some("1000:1000".to_owned()),
        exposed_ports: texts(&["8080", "53/udp"]).into_iter().collect(),
        volumes: BTreeSet::from(["/data".to_owned()]),
        labels: map(&[("mine", "1")]),
        annotations: map(&[("org.opencontainers.image.title", "app")]),
        stop_signal: Some("SIGINT".to_owned()),
        created: 1_700_000_000,
        source: Some("https://example.org/app".to_owned()),
        revision: Some("abc".to_owned()),
        ..ImageOptions::default()
    }
}

/// A change here is another format: all images get other digests.
#[test]
fn documents_always_have_the_same_bytes() {
    let layers = [added("wheels: rich 15.0.0"), added("source")];
    let image = assembled("linux/arm/v7", &locked(false, 1), &layers, &options()).unwrap();
    let text = |blob: &Blob| String::from_utf8(blob.bytes.clone()).unwrap();
    snapbox::assert_data_eq!(text(&image.config), snapbox::file!["config.json": Text].raw());
    snapbox::assert_data_eq!(text(&image.manifest), snapbox::file!["manifest.json": Text].raw());
    let other = assembled("linux/amd64", &locked(false, 1), &layers, &options()).unwrap();
    let (base, target) = ("python:3.13-slim".parse().unwrap(), pin("index", MediaType::OCI_INDEX));
    let index = |images: &[Image]| ImageIndex::assemble(&base, &target, images, &options()).unwrap();
    let both = index(&[image.clone(), other.clone()]);
    assert_eq!(both, index(&[other, image.clone()]));
    snapbox::assert_data_eq!(text(&both.blob), snapbox::file!["index.json": Text].raw());
    let digests = [&image.config, &image.manifest, &both.blob].map(|blob| blob.descriptor.digest.to_string());
    assert_eq!(
        digests,
        [
            "sha256:069f84e4a22762f13d869c7e53f48fe5a50ec6f814b04de23d01d1aedec47083",
            "sha256:5c931458d1215003b39e8eafbc757f27f85cc79ffa2713e2d7149454219ab7c4",
            "sha256:3eaffb7fdf86a0ad6348be47d27609e0f3b91d68537ce26d0b6dd5c2c9b3313b",
        ]
    );
}

#[test]
fn an_entry_point_takes_the_base_s_command_away() {
    let words = |words: &[&str]| Some(texts(words));
    for (entrypoint, cmd, expected) in [
        (None, None, (texts(&["tini"]), texts(&["python3"]))),
        (None, words(&["a"]), (texts(&["tini"]), texts(&["a"]))),
        (words(&["b"]), None, (texts(&["b"]), vec![])),
        (words(&["b"]), words(&["a"]), (texts(&["b"]), texts(&["a"]))),
        (words(&[]), None, (vec![], vec![])),
    ] {
        let options = ImageOptions { entrypoint, cmd, ..ImageOptions::default() };
        let image = assembled("linux/amd64", &locked(false, 1), &[], &options).unwrap();
        let config = ImageConfig::parse(&image.config.bytes).unwrap();
        assert_eq!((config.entrypoint, config.cmd), expected);
    }
}

#[test]
fn types_are_the_base_s() {
    let image = assembled("linux/amd64", &locked(true, 2), &[added("source")], &options()).unwrap();
    assert_eq!(image.manifest.descriptor.media_type, MediaType::DOCKER_MANIFEST);
    assert_eq!(image.config.descriptor.media_type, MediaType::DOCKER_CONFIG);
    assert!(image.layers.iter().all(|layer| layer.media_type == MediaType::DOCKER_LAYER));
    assert_eq!((image.layers.len(), image.added_layers().len()), (3, 1));
    let base = "python".parse().unwrap();
    for (target, expected) in [
        (MediaType::DOCKER_MANIFEST, MediaType::DOCKER_INDEX),
        (MediaType::DOCKER_INDEX, MediaType::DOCKER_INDEX),
    ] {
        let index = ImageIndex::assemble(&base, &pin("x", target), std::slice::from_ref(&image), &options());
        assert_eq!(index.unwrap().blob.descriptor.media_type, expected);
    }
}

#[test]
fn mistakes_are_told() {
    let wrong = |options: ImageOptions| {
        assembled("linux/amd64", &locked(false, 1), &[], &options).unwrap_err().to_string()
    };
    let of = ImageOptions::default;
    for path in ["app", "", "/a/../b", "/a/", "//a"] {
        let expected = format!("the working directory `{path}` is not an absolute path without `.` and `..`");
        assert_eq!(wrong(ImageOptions { working_dir: path.to_owned(), ..of() }), expected);
        let volumes = BTreeSet::from([path.to_owned()]);
        let expected = format!("the volume `{path}` is not an absolute path without `.` and `..`");
        assert_eq!(wrong(ImageOptions { volumes, ..of() }), expected);
    }
    for port in ["http", "0", "65536", "80/http", "80/", "+80", "-1", "80-90"] {
        let exposed_ports = BTreeSet::from([port.to_owned()]);
        let expected = format!("`{port}` is not a port such as `8080`, `8080/tcp` or `53/udp`");
        assert_eq!(wrong(ImageOptions { exposed_ports, ..of() }), expected);
    }
    for signal in ["", "sigint", "0", "65", "SIG", "SIG INT"] {
        let expected = format!("`{signal}` is not a signal such as `SIGINT` or `2`");
        assert_eq!(wrong(ImageOptions { stop_signal: Some(signal.to_owned()), ..of() }), expected);
    }
    for user in ["a:b:c", "a b", "/a"] {
        let expected = format!("`{user}` is not a user such as `app`, `1000` or `1000:1000`");
        assert_eq!(wrong(ImageOptions { user: Some(user.to_owned()), ..of() }), expected);
    }
    let image = assembled("linux/amd64", &locked(false, 1), &[], &of()).unwrap();
    let target = pin("index", MediaType::OCI_INDEX);
    let twice = ImageIndex::assemble(&"python".parse().unwrap(), &target, &[image.clone(), image], &of());
    assert_eq!(twice.unwrap_err().to_string(), "the index would have two images for linux/amd64");
}

#[test]
fn there_may_be_127_layers() {
    let layers: Vec<_> = (0..123).map(|index| added(&index.to_string())).collect();
    let image = assembled("linux/amd64", &locked(false, 4), &layers, &ImageOptions::default()).unwrap();
    assert_eq!(image.layers.len(), 127);
    let error = assembled("linux/amd64", &locked(false, 5), &layers, &ImageOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "the image would have 128 layers, and engines take 127");
    assert_eq!(error.helps(), ["set `layer-budget` to less than 122, as the base has 5 layers"]);
    let error = ImageError::TooManyLayers { count: 128, base: 126 };
    assert_eq!(error.helps(), ["take a base with fewer layers than 126"]);
}

/// What the image-spec's JSON schemas ask for, as far as such documents have it.
fn check(image: &Image) {
    let keys = |value: &Value, allowed: &[&str]| {
        for key in value.as_object().unwrap().keys() {
            assert!(allowed.contains(&key.as_str()), "{key}");
        }
    };
    let descriptor = |value: &Value| {
        keys(value, &["mediaType", "digest", "size", "annotations"]);
        assert!(value["mediaType"].as_str().unwrap().contains('/'));
        assert!(value["digest"].as_str().unwrap().parse::<Digest>().is_ok());
        assert!(value["size"].as_u64().is_some());
    };
    let manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
    keys(&manifest, &["schemaVersion", "mediaType", "config", "layers", "annotations"]);
    assert_eq!(manifest["schemaVersion"], 2);
    descriptor(&manifest["config"]);
    manifest["layers"].as_array().unwrap().iter().for_each(descriptor);
    assert!(manifest["annotations"].as_object().unwrap().values().all(Value::is_string));
    let config: Value = serde_json::from_slice(&image.config.bytes).unwrap();
    keys(&config, &["created", "architecture", "variant", "os", "config", "rootfs", "history"]);
    let created = regex::Regex::new(r"^\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\dZ$").unwrap();
    assert!(created.is_match(config["created"].as_str().unwrap()));
    assert_eq!(config["rootfs"]["type"], "layers");
    let settings =
        ["User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal"];
    keys(&config["config"], &settings);
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    let history = config["history"].as_array().unwrap();
    assert!(history.iter().all(|step| step.get("empty_layer").is_none()));
    assert_eq!((diff_ids.len(), history.len()), (image.layers.len(), image.layers.len()));
    let variable = regex::Regex::new(r"(?s)^[^=]+=.*$").unwrap();
    let env = config["config"]["Env"].as_array().unwrap();
    assert!(env.iter().all(|pair| variable.is_match(pair.as_str().unwrap())));
    for set in ["ExposedPorts", "Volumes"] {
        if let Some(set) = config["config"].get(set) {
            assert!(set.as_object().unwrap().values().all(|value| value.as_object().unwrap().is_empty()));
        }
    }
    let Document::Manifest(parsed) =
        Document::parse(&image.manifest.bytes, Some(&image.manifest.descriptor.media_type)).unwrap()
    else {
        panic!("it is a manifest")
    };
    let config = ImageConfig::parse(&image.config.bytes).unwrap();
    assert!(parsed.agrees_with(&config));
    assert_eq!((&parsed.layers, &config.diff_ids), (&image.layers, &image.diff_ids));
    assert_eq!((parsed.config, &config.platform), (image.config.descriptor.clone(), &image.platform));
}

proptest! {
    #[test]
    fn documents_keep_to_the_specification(
        base in 0..5_usize,
        own in 0..5_usize,
        is_docker: bool,
        entrypoint in prop::option::of(prop::collection::vec("\\PC*", 0..3)),
        env in prop::collection::btree_map("[A-Z]{1,3}", "[^$\0]*", 0..4),
        labels in prop::collection::btree_map("\\PC{1,5}", "\\PC*", 0..4),
        port in prop::option::of(1..=u16::MAX),
        created in 0..253_402_300_800_u64,
        platform in prop::sample::select(vec!["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386"]),
    ) {
        let layers: Vec<_> = (0..own).map(|index| added(&index.to_string())).collect();
        let exposed_ports = port.iter().map(u16::to_string).collect();
        let annotations = labels.clone();
        let options = ImageOptions {
            entrypoint,
            env,
            exposed_ports,
            labels,
            annotations,
            created,
            ..ImageOptions::default()
        };
        let locked = locked(is_docker, base);
        let image = assembled(platform, &locked, &layers, &options).unwrap();
        check(&image);
        prop_assert_eq!(assembled(platform, &locked, &layers, &options).unwrap(), image);
    }
}

#[test]
fn the_example_keeps_to_the_specification() {
    check(&assembled("linux/arm/v7", &locked(false, 1), &[added("source")], &options()).unwrap());
}
