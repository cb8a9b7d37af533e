use super::*;

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
