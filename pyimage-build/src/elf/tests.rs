use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

/// A shared library for a machine of 64 bits, with nothing in it but what the loader reads.
fn library(machine: u16, entries: &[(i64, &str)], gap: usize) -> Vec<u8> {
    let mut strings = vec![0];
    let mut dynamic = Vec::new();
    for (tag, name) in entries {
        dynamic.push((*tag, strings.len() as u64));
        strings.extend(name.bytes());
        strings.push(0);
        strings.extend(std::iter::repeat_n(b'x', gap));
    }
    let dynamic_len = (dynamic.len() as u64 + 2) * 16;
    let strings_at = 64 + 2 * 56;
    let dynamic_at = strings_at + strings.len() as u64;
    // What is loaded begins elsewhere than it stands in the file.
    let base = 0x1000;
    dynamic.extend([(abi::DT_STRTAB, base + strings_at), (abi::DT_NULL, 0)]);
    let size = dynamic_at + dynamic_len;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend(3_u16.to_le_bytes());
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for number in [0_u64, 64, 0] {
        file.extend(number.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for number in [64_u16, 56, 2, 0, 0, 0] {
        file.extend(number.to_le_bytes());
    }
    for (kind, at, len) in [(abi::PT_LOAD, 0, size), (abi::PT_DYNAMIC, dynamic_at, dynamic_len)] {
        file.extend(kind.to_le_bytes());
        file.extend(4_u32.to_le_bytes());
        for number in [at, base + at, base + at, len, len, 8] {
            file.extend(number.to_le_bytes());
        }
    }
    file.extend(&strings);
    for (tag, value) in dynamic {
        file.extend(tag.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file
}

fn read(bytes: &[u8]) -> (Option<Elf>, usize) {
    let mut reads = 0;
    let found = Elf::read(|offset, len| {
        reads += 1;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok::<_, Infallible>(bytes[from..].iter().take(len).copied().collect())
    });
    (found.unwrap(), reads)
}

const ENTRIES: [(i64, &str); 5] = [
    (abi::DT_NEEDED, "libGL.so.1"),
    (abi::DT_NEEDED, "libc.so.6"),
    (abi::DT_SONAME, "cv2.abi3.so"),
    (abi::DT_RPATH, "/ignored"),
    (abi::DT_RUNPATH, "$ORIGIN/../cv2.libs:/opt/lib:"),
];

#[test]
fn what_is_needed_is_read_in_three_pieces() {
    let (found, reads) = read(&library(abi::EM_AARCH64, &ENTRIES, 0));
    let found = found.unwrap();
    assert_eq!(found.architecture.as_deref(), Some("arm64"));
    assert_eq!(found.needed, ["libGL.so.1", "libc.so.6"]);
    assert_eq!(found.soname.as_deref(), Some("cv2.abi3.so"));
    assert_eq!(found.search, ["$ORIGIN/../cv2.libs", "/opt/lib"]);
    assert_eq!(reads, 3);
}

#[test]
fn the_older_list_of_folders_counts_alone() {
    let (found, _) = read(&library(abi::EM_X86_64, &ENTRIES[..4], 0));
    assert_eq!(found.unwrap().search, ["/ignored"]);
}

#[test]
fn names_that_are_far_apart_are_read_one_by_one() {
    let (found, reads) = read(&library(abi::EM_X86_64, &ENTRIES, 1 << 17));
    assert_eq!(found.unwrap().needed, ["libGL.so.1", "libc.so.6"]);
    assert_eq!(reads, 2 + 4, "the ignored one is not read");
}

#[test]
fn the_tests_own_program_is_read_as_the_linker_made_it() {
    let bytes = fs_err::read(std::env::current_exe().unwrap()).unwrap();
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        let found = read(&bytes).0.unwrap();
        assert_eq!(found.architecture.as_deref(), Some(crate::Platform::host().architecture()));
        assert!(found.needed.iter().any(|name| name == "libc.so.6"), "{found:?}");
    }
}

#[test]
fn what_is_cut_off_is_not_half_believed() {
    let whole = library(abi::EM_X86_64, &ENTRIES, 0);
    assert_eq!(read(b"").0, None);
    assert_eq!(read(&whole[..50]).0, None);
    for cut in 64..whole.len() {
        let found = read(&whole[..cut]).0.unwrap();
        for name in &found.needed {
            assert!(["libGL.so.1", "libc.so.6"].contains(&&**name), "{name} of {cut} bytes");
        }
    }
}

proptest! {
    #[test]
    fn never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        gap in 0..3_usize,
    ) {
        let mut bytes = library(abi::EM_X86_64, &ENTRIES, gap * 1000);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let (_, reads) = read(&bytes);
        prop_assert!(reads <= 3 + MAX_READS);
    }
}
