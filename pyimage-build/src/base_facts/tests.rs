use std::io::Write as _;

use super::*;
use crate::MediaType;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n";

/// An archive of files, and of links where there is an arrow in the name.
fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        if let Some((path, target)) = path.split_once(" -> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, path, target).unwrap();
        } else if let Some(folder) = path.strip_suffix('/') {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_size(0);
            archive.append_data(&mut header, folder, &b""[..]).unwrap();
        } else {
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
    }
    archive.into_inner().unwrap()
}

/// The same as it travels.
fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar_of(files)).unwrap();
    gzip.finish().unwrap()
}

fn scan(layers: &[&[(&str, &str)]]) -> BaseScan {
    let mut scan = BaseScan::new();
    for files in layers {
        scan.add_layer(&MediaType::DOCKER_LAYER, &layer(files)[..]).unwrap();
    }
    scan
}

fn libraries(scan: &BaseScan) -> Vec<String> {
    scan.facts(&[]).libraries.into_iter().collect()
}

#[test]
fn the_loaders_folders_are_searched_and_no_others() {
    let base = scan(&[&[
        ("./usr/lib/x86_64-linux-gnu/libz.so.1 -> libz.so.1.3", ""),
        ("usr/lib/x86_64-linux-gnu/libz.so.1.3", "..."),
        ("usr/lib/x86_64-linux-gnu/perl-base/libperl.so.5", ""),
        ("usr/lib64/ld-linux-x86-64.so.2", ""),
        ("usr/local/lib/libpython3.13.so.1.0", ""),
        ("usr/local/lib/python3.13/lib-dynload/libx.so", ""),
        ("opt/own/lib/libown.so.2", ""),
        ("opt/cuda/lib64/libcudart.so.12", ""),
        ("etc/ld.so.conf.d/own.conf", "# ours\n/opt/own/lib/ # here\n"),
    ]]);
    let expected =
        ["ld-linux-x86-64.so.2", "libown.so.2", "libpython3.13.so.1.0", "libz.so.1", "libz.so.1.3"];
    assert_eq!(libraries(&base), expected);
    let env = ["LD_LIBRARY_PATH=:/opt/cuda/lib64".to_owned()];
    assert!(base.facts(&env).libraries.contains("libcudart.so.12"));
}

#[test]
fn musl_has_its_own_settings() {
    let base = scan(&[&[
        ("lib/ld-musl-x86_64.so.1", ""),
        ("lib/libc.musl-x86_64.so.1 -> ld-musl-x86_64.so.1", ""),
        ("opt/a/liba.so.1", ""),
        ("etc/ld-musl-x86_64.path", "/lib:/usr/lib:/opt/a\n"),
    ]]);
    assert_eq!(libraries(&base), ["ld-musl-x86_64.so.1", "liba.so.1", "libc.musl-x86_64.so.1"]);
}

#[test]
fn what_a_later_layer_removes_is_gone_and_what_it_adds_stays() {
    let lower: &[_] = &[
        ("usr/lib/liba.so.1", ""),
        ("usr/lib/libb.so.1", ""),
        ("usr/lib/x86_64-linux-gnu/libc.so.6", ""),
        ("usr/local/lib/libd.so.1", ""),
        ("etc/passwd", "root:x:0:0::/:\n"),
    ];
    let upper: &[_] = &[
        ("usr/lib/.wh.liba.so.1", ""),
        ("usr/lib/liba.so.1", "again"),
        ("usr/lib/.wh.libb.so.1", ""),
        ("usr/local/lib/libe.so.1", ""),
        ("usr/local/lib/.wh..wh..opq", ""),
        ("etc/passwd", PASSWD),
    ];
    let base = scan(&[lower, upper]);
    assert_eq!(libraries(&base), ["liba.so.1", "libc.so.6", "libe.so.1"]);
    assert_eq!(base.facts(&[]).users().collect::<Vec<_>>(), ["root", "www-data"]);
    // A folder that goes takes all with it, and so does one that becomes a link.
    assert_eq!(libraries(&scan(&[lower, &[("usr/.wh.lib", "")]])), ["libd.so.1"]);
    let linked = scan(&[lower, &[("usr/lib/x86_64-linux-gnu -> elsewhere", "")]]);
    assert_eq!(libraries(&linked), ["liba.so.1", "libb.so.1", "libd.so.1"]);
}

#[test]
fn the_lists_of_users_and_groups_are_kept_line_by_line() {
    let base = scan(&[&[("etc/passwd", PASSWD), ("etc/group", "root:x:0:\nstaff:x:50:\n")]]);
    let facts = base.facts(&[]);
    assert_eq!(facts.passwd.len(), 2, "{facts:?}");
    assert_eq!(facts.groups().collect::<Vec<_>>(), ["root", "staff"]);
}

#[cfg(feature = "zstd")]
#[test]
fn layers_of_zstandard_are_read_too() {
    let plain = tar_of(&[("usr/lib/libz.so.1", ""), ("etc/passwd", PASSWD)]);
    let mut base = BaseScan::new();
    let blob = zstd::encode_all(&plain[..], 3).unwrap();
    base.add_layer(&MediaType::OCI_LAYER_ZSTD, &blob[..]).unwrap();
    assert_eq!(libraries(&base), ["libz.so.1"]);
    assert_eq!(base.facts(&[]).users().collect::<Vec<_>>(), ["root", "www-data"]);
    let cut = BaseScan::new().add_layer(&MediaType::OCI_LAYER_ZSTD, &blob[..blob.len() / 2]);
    assert!(matches!(cut, Err(BaseScanError::Read(_))), "{cut:?}");
}

#[test]
fn damage_is_told() {
    let whole = layer(&[("usr/lib/liba.so.1", "content")]);
    let mut scan = BaseScan::new();
    let cut = scan.add_layer(&MediaType::OCI_LAYER, &whole[..whole.len() / 2]).unwrap_err();
    assert!(matches!(cut, BaseScanError::Read(_)), "{cut}");
    assert!(scan.add_layer(&MediaType::OCI_LAYER, &b"no archive"[..]).is_err());
    let other = scan.add_layer(&MediaType::from("x/y"), &b""[..]).unwrap_err();
    assert_eq!(other.to_string(), "a layer is `x/y`, which cannot be read");
}
