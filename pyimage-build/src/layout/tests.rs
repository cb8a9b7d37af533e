use std::collections::BTreeMap;

use super::*;
use crate::{Layer, Platform};

fn blob(text: &str) -> Blob {
    Blob::new(MediaType::OCI_CONFIG, text.as_bytes().to_vec())
}

#[test]
fn writing_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path()).unwrap();
    let blob = blob("{}");
    let write = || {
        layout.add_blob(&blob).unwrap();
        layout.name(&blob.descriptor, "latest").unwrap();
        let inode = fs_err::metadata(layout.blob_path(&blob.descriptor.digest)).unwrap().modified().unwrap();
        (inode, fs_err::read(folder.path().join("index.json")).unwrap())
    };
    assert_eq!(write(), write());
    assert_eq!(layout.index().unwrap().manifests.len(), 1);
    assert_eq!(layout.read(&blob.descriptor).unwrap(), b"{}");
    let mut names: Vec<_> = fs_err::read_dir(folder.path().join("blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [blob.descriptor.digest.hex()]);
}

#[test]
fn a_name_is_one_image_s_and_an_image_may_have_several() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path()).unwrap();
    let (old, new) = (blob("1"), blob("2"));
    for (image, name) in [(&old, "b"), (&old, "a"), (&new, "b")] {
        layout.name(&image.descriptor, name).unwrap();
    }
    assert_eq!(layout.find("a").unwrap().unwrap().digest, old.descriptor.digest);
    assert_eq!(layout.find("b").unwrap().unwrap().digest, new.descriptor.digest);
    assert_eq!(layout.find("c").unwrap(), None);
    assert_eq!(layout.index().unwrap().manifests.len(), 2);
}

#[test]
fn what_was_cut_off_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path()).unwrap();
    let blob = blob("a document");
    let path = layout.blob_path(&blob.descriptor.digest);
    fs_err::write(&path, "a doc").unwrap();
    fs_err::write(
        path.with_file_name(format!(".{}.partial", blob.descriptor.digest.hex())),
        "much longer than it",
    )
    .unwrap();
    fs_err::write(folder.path().join("oci-layout"), "").unwrap();
    assert!(matches!(Layout::open(folder.path()), Err(LayoutError::Version { version: None, .. })));
    assert!(!layout.has(&blob.descriptor));
    assert!(matches!(layout.read(&blob.descriptor), Err(LayoutError::Damaged { .. })));
    Layout::create(folder.path()).unwrap().add_blob(&blob).unwrap();
    assert_eq!(Layout::open(folder.path()).unwrap().read(&blob.descriptor).unwrap(), b"a document");
}

#[test]
fn a_file_that_is_not_what_it_should_be_stays_out() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path().join("layout")).unwrap();
    let blob = blob("right");
    let file = folder.path().join("layer");
    for wrong in ["wrong", "right and more", "rig"] {
        fs_err::write(&file, wrong).unwrap();
        let error = layout.add_file(&blob.descriptor, &file).unwrap_err();
        assert!(matches!(error, LayoutError::Damaged { path, .. } if path == file), "{wrong}");
        assert!(!layout.has(&blob.descriptor));
    }
    fs_err::write(&file, "right").unwrap();
    layout.add_file(&blob.descriptor, &file).unwrap();
    assert!(layout.has(&blob.descriptor));
}

#[test]
fn many_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let large = blob(&"x".repeat(1 << 20));
    std::thread::scope(|scope| {
        for index in 0..16 {
            let (folder, large) = (folder.path(), &large);
            scope.spawn(move || {
                let layout = Layout::create(folder).unwrap();
                layout.add_blob(large).unwrap();
                layout.add_blob(&blob(&index.to_string())).unwrap();
                layout.name(&large.descriptor, &index.to_string()).unwrap();
            });
        }
    });
    let layout = Layout::open(folder.path()).unwrap();
    assert_eq!(layout.index().unwrap().manifests.len(), 16);
    assert!((0..16).all(|index| layout.has(&blob(&index.to_string()).descriptor)));
    assert_eq!(layout.read(&large.descriptor).unwrap(), large.bytes);
    let partial = |folder: &Path| {
        let names = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".partial")).count()
    };
    assert_eq!(partial(folder.path()) + partial(&folder.path().join("blobs/sha256")), 0);
}

/// An image of two layers, the upper of which is in a file.
fn image(platform: &str) -> Image {
    let layer = |content: &str, layers: &MediaType| {
        let bytes = content.as_bytes();
        let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
        Layer {
            digest,
            size,
            diff_id: Digest::of(b"x"),
            unpacked: 1,
            files: 1,
            compression: crate::LayerCompression::default(),
        }
        .descriptor(layers)
    };
    let platform: Platform = platform.parse().unwrap();
    let mut manifest = Blob::new(MediaType::OCI_MANIFEST, format!("manifest of {platform}").into_bytes());
    manifest.descriptor.platform = Some(platform.clone().into());
    Image {
        config: blob(&format!("config of {platform}")),
        manifest,
        layers: ["of the base", "a layer"].map(|content| layer(content, &MediaType::OCI_MANIFEST)).to_vec(),
        base_layers: 1,
        diff_ids: Vec::new(),
        platform,
    }
}

fn unpacked(archive: &LayoutArchive<'_>) -> BTreeMap<String, String> {
    let mut bytes = Vec::new();
    archive.write(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, archive.size());
    let mut archive = tar::Archive::new(&bytes[..]);
    let entry = |entry: io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), content)
    };
    archive.entries().unwrap().map(entry).collect()
}

#[test]
fn an_archive_is_for_every_engine() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("layer");
    fs_err::write(&file, "a layer").unwrap();
    let image = image("linux/amd64");
    let mut archive = LayoutArchive::of_image(&image);
    archive.add_name(&"app:1".parse().unwrap());
    archive.add_name(&"ghcr.io/me/app:2".parse().unwrap());
    archive.add_layer(&image.layers[1], &file);
    let files = unpacked(&archive);
    let blob = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
    let [base, own] = [0, 1].map(|index: usize| blob(&image.layers[index].digest));
    let (config, manifest) = (&image.config.descriptor.digest, &image.manifest.descriptor.digest);
    let saved = format!(
        r#"[{{"Config":"{}","RepoTags":["app:1","ghcr.io/me/app:2"],"Layers":["{base}","{own}"]}}]"#,
        blob(config)
    );
    assert_eq!(files["manifest.json"], saved);
    assert_eq!(files["oci-layout"], r#"{"imageLayoutVersion":"1.0.0"}"#);
    assert_eq!(files[&own], "a layer");
    assert_eq!(files[&blob(config)], "config of linux/amd64");
    assert_eq!(files[&blob(manifest)], "manifest of linux/amd64");
    // The base's layer is in the list, and nowhere else.
    assert_eq!(files.len(), 6);
    let Document::Index(index) = Document::parse(files["index.json"].as_bytes(), None).unwrap() else {
        panic!("it is an index")
    };
    let annotations = |place: usize, key: &str| index.manifests[place].annotations[key].clone();
    let name = "io.containerd.image.name";
    assert_eq!([annotations(0, name), annotations(0, REF_NAME)], ["docker.io/library/app:1", "1"]);
    assert_eq!([annotations(1, name), annotations(1, REF_NAME)], ["ghcr.io/me/app:2", "2"]);
    assert!(index.manifests.iter().all(|image| image.digest == *manifest));
    fs_err::write(&file, "a lay").unwrap();
    assert!(matches!(archive.write(io::sink()), Err(LayoutError::Damaged { .. })));
}

#[test]
fn an_archive_of_several_platforms_is_one_image_for_docker_s_own_store() {
    let images = ["linux/amd64", "linux/arm64"].map(image);
    let index = ImageIndex { blob: Blob::new(MediaType::OCI_INDEX, b"{}".to_vec()) };
    let files = unpacked(&LayoutArchive::of_index(&index, &images, &images[1].platform));
    assert!(files["manifest.json"].contains(images[1].config.descriptor.digest.hex()));
    assert!(!files["manifest.json"].contains(images[0].config.descriptor.digest.hex()));
    assert_eq!(files.len(), 8);
    let files = unpacked(&LayoutArchive::of_index(&index, &images, &"linux/s390x".parse().unwrap()));
    assert!(!files.contains_key("manifest.json"));
}
