//! What wheels become, and how they get into a folder.

use super::*;

fn text(files: &[(String, u32, Vec<u8>)], path: &str) -> (u32, String) {
    let (_, mode, content) =
        files.iter().find(|(found, ..)| found == path).unwrap_or_else(|| panic!("{path}"));
    (*mode, String::from_utf8(content.clone()).unwrap())
}

fn full() -> Made {
    demo()
        .unlisted("demo/", b"")
        .mode(0o040_755)
        .file("demo/tool.sh", b"#!/bin/sh\n")
        .mode(0o100_744)
        .file("demo/data.so", b"x")
        // Without `S_IFREG` no bit counts, as with pip.
        .mode(0o755)
        .file("demo/link", b"data.so")
        .mode(0o120_777)
        .file("demo-1.0.data/scripts/run", b"#!python -E\nimport demo\n")
        .file("demo-1.0.data/scripts/sh-run", b"#!/bin/sh\n")
        .file("demo-1.0.data/scripts/demo-script.py", b"#!python\n")
        .file("demo-1.0.data/headers/demo.h", b"int x;\n")
        .file("demo-1.0.data/data/share/demo,1.txt", b"text\n")
        .file("demo-1.0.dist-info/entry_points.txt", b"[console_scripts]\ndemo = demo:main\n")
        .file("demo-1.0.dist-info/INSTALLER", b"somebody\n")
}

#[test]
fn a_tree_is_pips() {
    let wheel = open(full().wheel()).unwrap();
    let provenance = Provenance { requested: true, direct_url: Some("{}".to_owned()) };
    let files = installed(&wheel, &Scheme::new(13, "/py"), &provenance);
    let listing: Vec<String> = files.iter().map(|(path, mode, _)| format!("{mode:o} {path}")).collect();
    let site = "lib/python3.13/site-packages";
    let expected = [
        "755 bin/demo".to_owned(),
        "755 bin/run".to_owned(),
        "755 bin/sh-run".to_owned(),
        "644 include/python3.13/Demo/demo.h".to_owned(),
        format!("644 {site}/demo-1.0.dist-info/INSTALLER"),
        format!("644 {site}/demo-1.0.dist-info/METADATA"),
        format!("644 {site}/demo-1.0.dist-info/RECORD"),
        format!("644 {site}/demo-1.0.dist-info/REQUESTED"),
        format!("644 {site}/demo-1.0.dist-info/WHEEL"),
        format!("644 {site}/demo-1.0.dist-info/direct_url.json"),
        format!("644 {site}/demo-1.0.dist-info/entry_points.txt"),
        format!("644 {site}/demo/__init__.py"),
        format!("644 {site}/demo/data.so"),
        format!("644 {site}/demo/link"),
        format!("755 {site}/demo/tool.sh"),
        "644 share/demo,1.txt".to_owned(),
    ];
    assert_eq!(listing, expected);
    assert_eq!(text(&files, "bin/run"), (0o755, "#!/py\nimport demo\n".to_owned()));
    assert_eq!(text(&files, "bin/sh-run"), (0o755, "#!/bin/sh\n".to_owned()));
    assert!(text(&files, "bin/demo").1.starts_with("#!/py\nimport sys\nfrom demo import main\n"));
    assert_eq!(text(&files, &format!("{site}/demo/link")).1, "data.so");
    assert_eq!(text(&files, &format!("{site}/demo-1.0.dist-info/INSTALLER")).1, "pip\n");

    let record = text(&files, &format!("{site}/demo-1.0.dist-info/RECORD")).1;
    assert!(record.ends_with("\r\n"));
    let lines: Vec<&str> = record.lines().collect();
    assert!(lines.is_sorted_by_key(|line| line.trim_start_matches('"')));
    let run = format!("../../../bin/run,{},{}", record::sha256(b"#!/py\nimport demo\n"), 18);
    assert!(lines.contains(&run.as_str()), "{record}");
    assert!(lines.iter().any(|line| line.starts_with("\"../../../share/demo,1.txt\",sha256=")), "{record}");
    assert!(lines.contains(&"demo-1.0.dist-info/RECORD,,"), "{record}");
    // pip leaves the line of a script that it does not install.
    assert!(lines.iter().any(|line| line.starts_with("demo-1.0.data/scripts/demo-script.py,")), "{record}");
    assert_eq!(lines.iter().filter(|line| line.contains("/INSTALLER,")).count(), 1);
}

#[test]
fn only_python_scripts_are_rewritten() {
    for (script, expected) in [
        ("#!python", "#!/py\n"),
        ("#!python\r\nx\r\n", "#!/py\nx\r\n"),
        ("#!pythonw\nx", "#!/py\nx"),
        ("#!/usr/bin/python\nx", "#!/usr/bin/python\nx"),
        ("#!pytho", "#!pytho"),
        ("", ""),
        ("x\n#!python\n", "x\n#!python\n"),
    ] {
        let wheel = open(demo().file("demo-1.0.data/scripts/s", script.as_bytes()).wheel()).unwrap();
        let files = installed(&wheel, &Scheme::new(13, "/py"), &Provenance::default());
        assert_eq!(text(&files, "bin/s"), (0o755, expected.to_owned()), "{script:?}");
        let record = text(&files, "lib/python3.13/site-packages/demo-1.0.dist-info/RECORD").1;
        let line = format!("../../../bin/s,{},{}\r\n", record::sha256(expected.as_bytes()), expected.len());
        assert!(record.contains(&line), "{record}");
    }
}

#[test]
fn the_first_line_may_be_longer_than_any_buffer() {
    let script = [b"#!python ".to_vec(), vec![b'x'; 700_000], b"\nrest\n".to_vec()].concat();
    let wheel = open(demo().file("demo-1.0.data/scripts/s", &script).wheel()).unwrap();
    let files = installed(&wheel, &Scheme::new(13, "/py"), &Provenance::default());
    assert_eq!(text(&files, "bin/s").1, "#!/py\nrest\n");
}

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new/tree");
    (parent, folder)
}

fn write(wheels: &[Wheel], folder: &Path, existing: Existing) -> Result<Vec<Overlap>, TreeError> {
    let plan = |wheel| Wheel::installation(wheel, &Scheme::official(13), &Provenance::default()).unwrap();
    let installations: Vec<_> = wheels.iter().map(plan).collect();
    let tree = Tree::of(&installations)?;
    tree.write_to(folder, existing)?;
    Ok(tree.overlaps().to_vec())
}

fn named(made: Made, name: &str) -> Wheel {
    let mut made = made.without("demo-1.0.dist-info/METADATA").without("demo-1.0.dist-info/WHEEL");
    let metadata = format!("Name: {name}\nVersion: 1.0\n");
    made = made.file(&format!("{name}-1.0.dist-info/METADATA"), metadata.as_bytes());
    made = made.file(&format!("{name}-1.0.dist-info/WHEEL"), b"Wheel-Version: 1.0\n");
    let record = made.record.clone();
    let bytes = made.unlisted(&format!("{name}-1.0.dist-info/RECORD"), record.as_bytes()).archive();
    Wheel::read(Cursor::new(bytes), &format!("{name}-1.0-py3-none-any.whl"), &WheelLimits::default()).unwrap()
}

#[test]
fn the_later_wheel_wins_and_is_told() {
    let wheels = [
        named(demo().file("shared/a.py", b"1").file("shared/b.py", b"same"), "one"),
        named(demo().file("shared/a.py", b"2").file("shared/b.py", b"same"), "two"),
    ];
    let (_parent, folder) = folder();
    let overlaps = write(&wheels, &folder, Existing::Refuse).unwrap();
    let told: Vec<_> = overlaps
        .iter()
        .map(|overlap| (overlap.path.rsplit('/').next().unwrap(), overlap.replaced.as_str(), overlap.is_same))
        .collect();
    let one = "one-1.0-py3-none-any.whl";
    assert_eq!(told, [("__init__.py", one, true), ("a.py", one, false), ("b.py", one, true)]);
    let shared = folder.join("lib/python3.13/site-packages/shared");
    assert_eq!(fs_err::read(shared.join("a.py")).unwrap(), b"2");
}

#[test]
fn a_file_of_one_cannot_be_a_folder_of_another() {
    let wheels = [named(demo().file("x", b""), "one"), named(demo().file("x/y", b""), "two")];
    let (_parent, folder) = folder();
    let error = write(&wheels, &folder, Existing::Refuse).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`lib/python3.13/site-packages/x` is a file in the wheel `one-1.0-py3-none-any.whl`, and a folder in \
         the wheel `two-1.0-py3-none-any.whl`"
    );
    assert!(!folder.exists());
}

#[cfg(unix)]
#[test]
fn modes_do_not_depend_on_the_archive_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (_parent, folder) = folder();
    write(&[open(full().wheel()).unwrap()], &folder, Existing::Refuse).unwrap();
    let mode = |path: &str| fs_err::metadata(folder.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("bin/run"), 0o755);
    assert_eq!(mode("bin"), 0o755);
    assert_eq!(mode("lib/python3.13/site-packages/demo/__init__.py"), 0o644);
    assert!(
        fs_err::symlink_metadata(folder.join("lib/python3.13/site-packages/demo/link")).unwrap().is_file()
    );
}

#[test]
fn what_is_there_stays_unless_told() {
    let wheels = [open(demo().wheel()).unwrap()];
    let (_parent, folder) = folder();
    write(&wheels, &folder, Existing::Refuse).unwrap();
    let error = write(&wheels, &folder, Existing::Refuse).unwrap_err();
    assert!(matches!(error, TreeError::Exists { .. }), "{error}");
    let module = folder.join("lib/python3.13/site-packages/demo/__init__.py");
    fs_err::write(&module, "changed").unwrap();
    write(&wheels, &folder, Existing::Replace).unwrap();
    assert_eq!(fs_err::read(&module).unwrap(), b"x = 1\n");
}

#[cfg(unix)]
#[test]
fn no_link_is_followed() {
    use std::os::unix::fs::symlink;

    let wheels = [open(demo().wheel()).unwrap()];
    let (parent, folder) = folder();
    let outside = parent.path().join("outside");
    fs_err::create_dir_all(&outside).unwrap();
    fs_err::create_dir_all(&folder).unwrap();
    symlink(&outside, folder.join("lib")).unwrap();
    let error = write(&wheels, &folder, Existing::Replace).unwrap_err();
    assert!(matches!(&error, TreeError::Symlink { path } if path.ends_with("lib")), "{error}");
    assert_eq!(fs_err::read_dir(&outside).unwrap().count(), 0);

    fs_err::remove_file(folder.join("lib")).unwrap();
    let victim = outside.join("victim");
    fs_err::write(&victim, "mine").unwrap();
    let module = folder.join("lib/python3.13/site-packages/demo/__init__.py");
    fs_err::create_dir_all(module.parent().unwrap()).unwrap();
    symlink(&victim, &module).unwrap();
    assert!(matches!(write(&wheels, &folder, Existing::Refuse), Err(TreeError::Exists { .. })));
    write(&wheels, &folder, Existing::Replace).unwrap();
    assert_eq!(fs_err::read(&victim).unwrap(), b"mine");
    assert_eq!(fs_err::read(&module).unwrap(), b"x = 1\n");
}

#[test]
fn a_damaged_wheel_is_named() {
    let (_parent, folder) = folder();
    let wheel = open(demo().file("a", b"x").but(|entry| entry.crc = 7).wheel()).unwrap();
    let error = write(&[wheel], &folder, Existing::Refuse).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot use the wheel `{NAME}`"));
}
