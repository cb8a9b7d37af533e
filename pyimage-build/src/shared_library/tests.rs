use super::*;

const SITE: &str = "usr/local/lib/python3.13/site-packages";

fn binary(path: &str, architecture: &str, needed: &[&str], search: &[&str]) -> Binary {
    let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let elf = Elf {
        architecture: Some(architecture.to_owned()),
        needed: own(needed),
        search: own(search),
        soname: None,
    };
    Binary { path: format!("{SITE}/{path}"), elf }
}

fn base() -> BaseFacts {
    let libraries = ["libc.so.6", "libz.so.1"].map(str::to_owned).into();
    BaseFacts { libraries, ..BaseFacts::default() }
}

/// What is missing, as `PACKAGE LIBRARY`.
fn missing(packages: &[(&str, &[Binary])], libc: Libc) -> Vec<String> {
    let (base, platform) = (base(), "linux/amd64".parse().unwrap());
    let mut check = LibraryCheck::new(&base, &platform, libc);
    for (package, binaries) in packages {
        check.add(package, binaries);
    }
    let told = check.problems().into_iter().map(|problem| match problem {
        LibraryProblem::Missing { package, library, .. } => format!("{package} {library}"),
        LibraryProblem::Foreign { package, architecture, .. } => format!("{package} for {architecture}"),
    });
    told.collect()
}

#[test]
fn the_base_the_package_itself_and_named_folders_have_libraries() {
    let numpy = [
        binary(
            "numpy/_core/m.cpython-313-x86_64-linux-gnu.so",
            "amd64",
            &["libblas.so.3", "libc.so.6"],
            &["$ORIGIN/../../numpy.libs"],
        ),
        binary("numpy.libs/libblas.so.3", "amd64", &["libz.so.1", "libquad.so.0"], &[]),
        binary("numpy.libs/libquad.so.0", "amd64", &[], &[]),
    ];
    assert!(missing(&[("numpy", &numpy)], Libc::Glibc).is_empty());
    // Another package's library has to be looked for where it is.
    let near = [binary("other/x.abi3.so", "amd64", &["libblas.so.3"], &["${ORIGIN}/../numpy.libs/."])];
    let far = [binary("other/x.abi3.so", "amd64", &["libblas.so.3"], &["$ORIGIN/../elsewhere", "/opt"])];
    assert!(missing(&[("numpy", &numpy), ("near", &near)], Libc::Glibc).is_empty());
    assert_eq!(missing(&[("numpy", &numpy), ("far", &far)], Libc::Glibc), ["far libblas.so.3"]);
}

#[test]
fn a_library_is_missed_once_for_each_package() {
    let cv2 = [
        binary("cv2/a.abi3.so", "amd64", &["libGL.so.1", "libglib-2.0.so.0"], &[]),
        binary("cv2/b.abi3.so", "amd64", &["libGL.so.1"], &[]),
    ];
    let qt = [binary("qt/a.abi3.so", "amd64", &["libGL.so.1"], &[])];
    let found = missing(&[("cv2", &cv2), ("qt", &qt)], Libc::Glibc);
    assert_eq!(found, ["cv2 libGL.so.1", "cv2 libglib-2.0.so.0", "qt libGL.so.1"]);
}

#[test]
fn what_the_machine_or_the_loader_has_is_not_missed() {
    let cuda = [binary("t/a.abi3.so", "amd64", &["libcuda.so.1", "libnvidia-ml.so.1"], &[])];
    assert!(missing(&[("t", &cuda)], Libc::Glibc).is_empty());
    let glibc = [binary("t/a.abi3.so", "amd64", &["libpthread.so.0", "libc.so", "libgcc_s.so.1"], &[])];
    assert_eq!(missing(&[("t", &glibc)], Libc::Musl), ["t libgcc_s.so.1"]);
    assert_eq!(missing(&[("t", &glibc)], Libc::Glibc).len(), 3);
}

#[test]
fn modules_for_another_machine_are_told_and_data_is_not() {
    let foreign = [binary("d/a.cpython-313-aarch64-linux-gnu.so", "arm64", &["libnone.so"], &[])];
    assert_eq!(missing(&[("d", &foreign)], Libc::Glibc), ["d for arm64"]);
    let data = [binary("debugpy/attach_linux_arm64.so", "arm64", &["libnone.so"], &[])];
    assert!(missing(&[("debugpy", &data)], Libc::Glibc).is_empty());
    let both = [data[0].clone(), binary("x.abi3.so", "amd64", &["libc.so.6"], &[])];
    assert!(missing(&[("debugpy", &both)], Libc::Glibc).is_empty());
}
