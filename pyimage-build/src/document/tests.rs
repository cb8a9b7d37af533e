use proptest::prelude::*;

use super::*;

fn blob(media_type: &str, platform: Option<(&str, &str)>) -> String {
    let platform = platform.map_or(String::new(), |(os, architecture)| {
        format!(r#", "platform": {{"os": "{os}", "architecture": "{architecture}"}}"#)
    });
    let digest = format!("sha256:{}", "ab".repeat(32));
    format!(r#"{{"mediaType": "{media_type}", "size": 1, "digest": "{digest}"{platform}}}"#)
}

#[test]
fn attestations_are_no_images() {
    let image = blob(MediaType::OCI_MANIFEST.as_str(), Some(("linux", "amd64")));
    let attestation = blob(MediaType::OCI_MANIFEST.as_str(), Some(("unknown", "unknown")));
    let noted = image.replacen('{', r#"{"annotations": {"vnd.docker.reference.type": "x"}, "#, 1);
    let unplaced = blob(MediaType::OCI_MANIFEST.as_str(), None);
    let text = format!(r#"{{"manifests": [{attestation}, {image}, {noted}, {unplaced}]}}"#);
    let Ok(Document::Index(index)) = Document::parse(text.as_bytes(), None) else { panic!("{text}") };
    let platforms: Vec<_> = index.images().map(|(platform, _)| platform.to_string()).collect();
    assert_eq!(platforms, ["linux/amd64"]);
    assert!(index.image(&"linux/amd64".parse().unwrap()).is_some());
}

#[test]
fn refusals_say_why() {
    let config = blob(MediaType::OCI_CONFIG.as_str(), None);
    for (text, sent, expected) in [
        ("", None, "the manifest is not the JSON of an index or a manifest"),
        ("{}", None, "the manifest is not the JSON of an index or a manifest"),
        (
            r#"{"schemaVersion": 1, "fsLayers": []}"#,
            None,
            "the manifest is of Docker's schema 1, which was given up in 2017 and is not supported",
        ),
        (
            &format!(r#"{{"manifests": [], "config": {config}, "layers": []}}"#),
            None,
            "the manifest has both `manifests` and `config`, so that it could be taken for an index or for an image",
        ),
        (
            r#"{"manifests": [], "layers": []}"#,
            None,
            "the manifest has both `manifests` and `layers`, so that it could be taken for an index or for an image",
        ),
        (
            r#"{"manifests": []}"#,
            Some(MediaType::OCI_MANIFEST),
            "the manifest was sent as `application/vnd.oci.image.manifest.v1+json`, but calls itself \
             `application/vnd.oci.image.index.v1+json`",
        ),
        (
            r#"{"manifests": [], "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json"}"#,
            Some(MediaType::OCI_INDEX),
            "the manifest was sent as `application/vnd.oci.image.index.v1+json`, but calls itself \
             `application/vnd.docker.distribution.manifest.list.v2+json`",
        ),
        (r#"{"manifests": [], "mediaType": "text/css"}"#, None, "`text/css` is not the type of an image"),
    ] {
        let error = Document::parse(text.as_bytes(), sent.as_ref()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

#[test]
fn a_type_without_a_meaning_is_no_contradiction() {
    let sent = MediaType::from("application/json; charset=utf-8");
    let document = Document::parse(br#"{"manifests": []}"#, Some(&sent)).unwrap();
    assert_eq!(document.media_type(), &MediaType::OCI_INDEX);
}

#[test]
fn docker_writes_null_for_what_is_empty() {
    let config = ImageConfig::parse(
        br#"{"os": "linux", "architecture": "arm", "variant": "v7", "config": {"Env": null, "Cmd": null, "Labels": null},
             "rootfs": {"diff_ids": null}, "history": null}"#,
    )
    .unwrap();
    assert_eq!(config.platform.to_string(), "linux/arm/v7");
    assert!(config.env.is_empty() && config.labels.is_empty());
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::parse(&bytes, None);
        let _ = ImageConfig::parse(&bytes);
    }

    #[test]
    fn never_panics_on_json(
        key in "(manifests|config|layers|mediaType|schemaVersion|annotations)",
        value in "(null|1|\"x\"|\\[\\]|\\{\\}|\\[\\{\\}\\]|\\[null\\])"
    ) {
        let _ = Document::parse(format!("{{\"{key}\": {value}}}").as_bytes(), None);
    }
}
