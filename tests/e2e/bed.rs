//! What the tests bring to the bed themselves: images, names, and a look at what a program leaves.

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

#[test]
fn what_is_wrong_in_a_cache_is_seen() {
    let folder = Folder::new();
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (path, text) in [
        (format!("blobs/sha256/{nothing}"), ""),
        (format!("blobs/sha256/{}", "0".repeat(64)), "cut off"),
        (format!("blobs/sha256/{nothing}.part"), ""),
        ("images/.tmp-3".to_owned(), "{}"),
        ("images/python".to_owned(), "{}"),
    ] {
        let path = folder.cache().join(path);
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs_err::write(path, text).expect("a file");
    }
    assert_eq!(folder.cached_files().len(), 5);
    let unsound = folder.unsound_in_cache();
    let ends = ["0000", ".part", ".tmp-3"];
    assert!(
        unsound.len() == 3
            && unsound.iter().zip(ends).all(|(path, end)| path.to_string_lossy().ends_with(end)),
        "{unsound:?}"
    );
}
