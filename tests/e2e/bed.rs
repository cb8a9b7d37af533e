//! What the tests bring to the bed themselves: images and names.

use std::process::Command;

use tests::{Folder, Format, Repository, finish};

use crate::faults::{get_with, status};

#[test]
fn a_repository_holds_what_a_test_makes_up_and_goes_with_it() {
    let folder = Folder::new();
    let Some(repository) = Repository::new(&folder) else { return };
    let amd64 = repository.image(Format::Oci, "linux/amd64", "3.13.5");
    let arm = repository.image(Format::Oci, "linux/arm/v7", "3.13.5");
    let index =
        repository.index("made", Format::Oci, &[("linux/amd64", &amd64), ("linux/arm/v7", &arm)], true);
    let (media_type, bytes) = repository.manifest("made");
    let made: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    let platforms: Vec<_> = made["manifests"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| entry["platform"].to_string())
        .collect();
    assert_eq!((media_type.as_str(), bytes.len() as u64), (Format::Oci.index(), index.size));
    let unknown = r#"{"architecture":"unknown","os":"unknown"}"#;
    let arm = r#"{"architecture":"arm","os":"linux","variant":"v7"}"#;
    assert_eq!(platforms, [r#"{"architecture":"amd64","os":"linux"}"#, arm, unknown, unknown]);
    let docker = repository.image(Format::Docker, "linux/amd64", "3.13.5");
    repository.index("old", Format::Docker, &[("linux/amd64", &docker)], false);
    assert_eq!(repository.manifest("old").0, Format::Docker.index());
    let copy = repository.copy_from("library/python", "3.13-slim", "copy");
    assert_eq!(repository.manifest("copy").1.len() as u64, copy.size);

    let (name, host) = (repository.name().to_owned(), tests::part("TESTBED_REGISTRY").expect("a registry"));
    drop(repository);
    let left = get_with(&host, &format!("/v2/{name}/manifests/{}", index.digest), "").0;
    assert_eq!(status(&left), "404", "{left}");
    assert_eq!(status(&get_with(&host, "/v2/library/python/manifests/3.13-slim", "").0), "200");
}

#[test]
fn names_of_the_tests_own_lead_to_this_machine() {
    let folder = Folder::new();
    let mut command = Command::new("getent");
    let Some(mut command) =
        tests::with_hosts(&folder, command.args(["hosts", "registry.test"]), &["registry.test"])
    else {
        return;
    };
    assert_eq!(finish(&mut command).stdout.split_whitespace().next(), Some("127.0.0.1"));
}
