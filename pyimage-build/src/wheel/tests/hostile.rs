//! Wheels that are refused, and the words for it.

use super::*;

fn refused(made: Made) -> String {
    problem(made.wheel())
}

#[test]
fn names_that_lead_elsewhere() {
    for (name, why) in [
        ("../x", "the name `../x` is refused: it has `..`"),
        ("/etc/x", "the name `/etc/x` is refused: it is absolute"),
        ("a\\b", "the name `a\\\\b` is refused: it has a backslash"),
        ("C:x", "the name `C:x` is refused: it starts with a drive letter"),
        ("a\u{1b}[31m", "the name `a\\u{1b}[31m` is refused: it has a control character"),
    ] {
        assert_eq!(refused(demo().file(name, b"")), why);
    }
    let latin = demo().file("x", b"").but(|entry| {
        entry.name = b"\xfc".to_vec();
        entry.local_name = b"\xfc".to_vec();
    });
    assert_eq!(refused(latin), "the name `\u{fffd}` is refused: it is not UTF-8");
    let unmarked = demo().file("ü", b"").but(|entry| entry.flags = 0);
    assert_eq!(refused(unmarked), "the name `ü` is refused: it is not marked as UTF-8");
    let second = demo().file("x", b"").but(|entry| entry.extra = b"\x75\x70\x06\0\x01\0\0\0\0y".to_vec());
    assert_eq!(refused(second), "the name `x` is refused: the entry has a second name");
}

#[test]
fn entries_that_are_two_or_none() {
    assert_eq!(refused(demo().file("a", b"").unlisted("./a", b"")), "`a` is in it twice");
    assert_eq!(refused(demo().file("a", b"").unlisted("a/", b"").mode(0o040_755)), "`a` is in it twice");
    assert_eq!(
        refused(demo().file("a", b"").file("a/b/c", b"")),
        "`a` is a file, and a folder in the name of another"
    );
    assert_eq!(
        refused(demo().unlisted("a/", b"x")),
        "`a` is a folder with content, and a wheel can only have files"
    );
    assert_eq!(
        refused(demo().file("a", b"").mode(0o020_644)),
        "`a` is a device, a pipe or a socket, and a wheel can only have files"
    );
    assert_eq!(
        refused(demo().file("a", b"").mode(0o040_755)),
        "`a` is a folder, and a wheel can only have files"
    );
    assert_eq!(
        refused(demo().file("a/link", b"../../etc/passwd").mode(0o120_777)),
        "`a/link` is a symbolic link to `../../etc/passwd`, out of the wheel"
    );
    assert_eq!(
        refused(demo().file("link", b"/etc").mode(0o120_777)),
        "`link` is a symbolic link to `/etc`, out of the wheel"
    );
}

#[test]
fn contents_that_cannot_be_had() {
    assert_eq!(refused(demo().file("a", b"x").but(|entry| entry.flags = 1)), "`a` is encrypted");
    for (method, name) in [(12, "bzip2"), (14, "lzma"), (93, "zstd"), (77, "method 77")] {
        assert_eq!(
            refused(demo().file("a", b"x").but(|entry| entry.method = method)),
            format!("`a` is compressed with {name}, and only deflate is supported")
        );
    }
}

/// What opening cannot see is found when it is copied.
fn damaged(made: Made) -> String {
    let wheel = open(made.wheel()).unwrap();
    let installation = wheel.installation(&Scheme::official(13), &Provenance::default()).unwrap();
    let mut unpacker = Unpacker::new();
    let copied = installation.files().iter().map(|file| file.copy(&mut unpacker, &mut std::io::sink()));
    match copied.collect::<Result<Vec<_>, _>>() {
        Err(CopyError::Wheel(error)) => error.problem().to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn contents_that_are_not_what_they_should_be() {
    let more = |entry: &mut made::MadeEntry| {
        entry.size = 99;
        entry.local_size = 99;
    };
    // RECORD says so before anything is unpacked.
    assert_eq!(refused(demo().file("a", b"x").but(more)), "`a` should have 1 bytes by RECORD, and has 99");
    let bomb = |size: u32| {
        let made = demo().unlisted("a", &[0; 1000]).but(|entry| {
            entry.size = size;
            entry.local_size = size;
        });
        made.line(&format!("a,{},{size}", record::sha256(&[0; 1000])))
    };
    assert_eq!(damaged(bomb(10)), "`a` should have 10 bytes by the archive, and has 1000");
    assert_eq!(damaged(bomb(1001)), "`a` should have 1001 bytes by the archive, and has 1000");
    let cut = demo().file("a", b"some text that is long enough").but(|entry| entry.data.truncate(5));
    assert_eq!(damaged(cut), "the content of `a` is damaged: it ends too early");
    let trailing = demo().file("a", b"x").but(|entry| entry.data.push(0));
    assert_eq!(damaged(trailing), "the content of `a` is damaged: something follows it");
    let noise = demo().file("a", b"x").but(|entry| entry.data = vec![0xff; 20]);
    assert_eq!(damaged(noise), "the content of `a` is damaged: it is no deflate stream");
    let lie = demo().unlisted("a", b"x").line(&format!("a,{},1", record::sha256(b"y")));
    assert_eq!(
        damaged(lie),
        format!("`a` should have {} by RECORD, and has {}", record::sha256(b"y"), record::sha256(b"x"))
    );
    let crc = demo().file("a", b"x").but(|entry| entry.crc = 7);
    assert_eq!(
        damaged(crc),
        "`a` should have the checksum 00000007 by the archive, and has the checksum 8cdc1683"
    );
}

#[test]
fn archives_with_two_readings() {
    let other_name = demo().file("a", b"x").but(|entry| entry.local_name = b"b".to_vec());
    assert_eq!(
        refused(other_name),
        "`a` has another name in the archive's directory than before its content"
    );
    let other_size = demo().file("a", b"x").but(|entry| entry.local_size = 2);
    assert_eq!(
        refused(other_size),
        "`a` has another size in the archive's directory than before its content"
    );
    let elsewhere = demo().file("a", b"x").but(|entry| entry.offset = Some(3));
    assert_eq!(
        refused(elsewhere),
        "`a` has another place in the archive's directory than before its content"
    );
    let shared = demo().file("demo/__init__.py2", b"").but(|entry| {
        entry.name = b"demo/__init__.py".to_vec();
        entry.offset = Some(0);
        entry.crc = 0x9a1c_6ee6;
    });
    assert!(open(shared.wheel()).is_err());
    let mut prefixed = demo();
    prefixed.before = b"#!/bin/sh\n".to_vec();
    assert_eq!(refused(prefixed), "its archive is damaged: something stands before its first entry");
    let mut commented = demo();
    commented.comment = b"a comment".to_vec();
    assert!(open(commented.wheel()).is_ok());
    let mut trailing = demo().wheel();
    trailing.push(0);
    assert_eq!(problem(trailing), "it is no zip archive, or only the start of one");
    let mut cut = demo().wheel();
    cut.truncate(200);
    assert_eq!(problem(cut), "it is no zip archive, or only the start of one");
    let mut gap = demo().wheel();
    let end = gap.len() - 22;
    gap.splice(end..end, *b"xx");
    assert_eq!(problem(gap), "its archive is damaged: its directory is not where it says");
    let mut descriptor = demo().descriptors().wheel();
    let found = descriptor.windows(4).position(|bytes| bytes == b"PK\x07\x08").unwrap();
    descriptor[found + 5] ^= 1;
    assert_eq!(
        problem(descriptor),
        "`demo/__init__.py` has another size or checksum in the archive's directory than before its content"
    );
}

#[test]
fn more_than_is_allowed() {
    let read = |limits: &WheelLimits| {
        let wheel = Cursor::new(demo().file("a", &vec![0; 100_000]).wheel());
        Wheel::read(wheel, NAME, limits).map_err(|error| error.problem().to_string())
    };
    let size = read(&WheelLimits { size: 1000, ..WheelLimits::default() }).unwrap_err();
    assert!(size.ends_with("and at most 1000 is allowed"), "{size}");
    let entries = read(&WheelLimits { entries: 3, ..WheelLimits::default() }).unwrap_err();
    assert_eq!(entries, "its number of entries is 5, and at most 3 is allowed");
    assert!(read(&WheelLimits { ratio: 1, ..WheelLimits::default() }).is_ok());
    let dense = demo().file("a", b"").but(|entry| {
        entry.size = 4_000_000_000;
        entry.local_size = 4_000_000_000;
    });
    assert_eq!(refused(dense), "its size when unpacked is 4000000444, and at most 100000000 is allowed");
}

#[test]
fn metadata_that_is_not_the_wheels() {
    let info = |file: &str| format!("demo-1.0.dist-info/{file}");
    assert_eq!(problem(Made::default().archive()), "it has no `.dist-info` folder");
    assert_eq!(
        refused(demo().file("x-1.dist-info/METADATA", b"")),
        "it has both `demo-1.0.dist-info` and `x-1.dist-info`"
    );
    for file in ["WHEEL", "METADATA"] {
        assert_eq!(refused(demo().without(&info(file))), format!("it has no `demo-1.0.dist-info/{file}`"));
    }
    assert_eq!(problem(demo().archive()), "it has no `demo-1.0.dist-info/RECORD`");
    for (wheel, why) in [
        ("", "`demo-1.0.dist-info/WHEEL` has no usable `Wheel-Version`"),
        ("Wheel-Version: x", "`demo-1.0.dist-info/WHEEL` has no usable `Wheel-Version`"),
        ("Wheel-Version: 2.0", "it is of wheel format 2.0, and this tool reads format 1"),
    ] {
        assert_eq!(refused(demo().with(&info("WHEEL"), wheel.as_bytes())), why);
    }
    assert!(open(demo().with(&info("WHEEL"), b"Wheel-Version: 1.9").wheel()).unwrap().has_newer_format());
    for (metadata, why) in [
        ("Version: 1.0", "`demo-1.0.dist-info/METADATA` has no usable `Name`"),
        ("Name: demo", "`demo-1.0.dist-info/METADATA` has no usable `Version`"),
        ("Name: x\nVersion: 1.0", "`demo-1.0.dist-info/METADATA` says `x`, and the wheel's file name `demo`"),
        ("Name: demo\nVersion: 2", "`demo-1.0.dist-info/METADATA` says `2`, and the wheel's file name `1.0`"),
    ] {
        assert_eq!(refused(demo().with(&info("METADATA"), metadata.as_bytes())), why);
    }
    let other =
        Wheel::read(Cursor::new(demo().wheel()), "other-1.0-py3-none-any.whl", &WheelLimits::default());
    assert_eq!(
        other.unwrap_err().problem().to_string(),
        "the folder `demo-1.0.dist-info` says `demo`, and the wheel's file name `other`"
    );
}

#[test]
fn files_that_record_does_not_vouch_for() {
    assert_eq!(refused(demo().unlisted("a", b"")), "`a` is in the wheel, but not in its RECORD");
    let with_line = |line: &str| demo().line(line);
    assert_eq!(refused(with_line("a,,")), "`a` is in its RECORD, but not in the wheel");
    assert_eq!(refused(with_line("../a,,")), "line 4 of its RECORD cannot be read: it has `..`");
    for hash in ["", "md5=1B2M2Y8AsgTpgAmY7PhCfg", "sha256=x"] {
        assert_eq!(
            refused(with_line(&format!("a,{hash},0")).unlisted("a", b"")),
            format!("RECORD has no hash of `a` that is sha256 or better, but `{hash}`")
        );
    }
    let twice = with_line("demo/__init__.py,,");
    assert_eq!(refused(twice), "`demo-1.0.dist-info/RECORD: demo/__init__.py` is in it twice");
    // Signatures need no line.
    assert!(open(demo().unlisted("demo-1.0.dist-info/RECORD.jws", b"{}").wheel()).is_ok());
}

#[test]
fn places_that_no_scheme_has() {
    let planned = |made: Made| {
        let wheel = open(made.wheel()).unwrap();
        let planned = wheel.installation(&Scheme::official(13), &Provenance::default());
        planned.unwrap_err().problem().to_string()
    };
    assert_eq!(
        planned(demo().file("demo-1.0.data/etc/x", b"")),
        "`demo-1.0.data/etc/x` is for no known place: a `.data` folder has `purelib`, `platlib`, `headers`, \
         `scripts` and `data`"
    );
    assert_eq!(
        planned(demo().file("demo-1.0.data/scripts/a", b"").file("demo-1.0.data/data/bin/a/b", b"")),
        "`bin/a` is a file, and a folder in the name of another"
    );
}
