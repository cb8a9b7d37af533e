//! Shared libraries of the tests' own: nothing is in them but what a loader reads first.

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const NEEDED: u64 = 1;
const STRINGS: u64 = 5;
const RUNPATH: u64 = 29;

/// A shared library for a machine of 64 bits, `amd64` or `arm64`, that needs others and looks for them in these folders.
///
/// # Panics
/// For another machine.
#[must_use]
pub fn shared_library(architecture: &str, needed: &[&str], search: &[&str]) -> Vec<u8> {
    let machine: u16 = match architecture {
        "amd64" => 62,
        "arm64" => 183,
        other => panic!("{other} is none of the tests' machines"),
    };
    let (mut strings, mut dynamic) = (vec![0], Vec::new());
    let names = needed.iter().map(|name| (NEEDED, (*name).to_owned()));
    let folders = (!search.is_empty()).then(|| (RUNPATH, search.join(":")));
    for (tag, name) in names.chain(folders) {
        dynamic.push((tag, strings.len() as u64));
        strings.extend(name.bytes());
        strings.push(0);
    }
    let strings_at: u64 = 64 + 2 * 56;
    let dynamic_at = strings_at + strings.len() as u64;
    dynamic.extend([(STRINGS, strings_at), (0, 0)]);
    let dynamic_len = dynamic.len() as u64 * 16;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend([0_u64, 64, 0].map(u64::to_le_bytes).concat());
    file.extend(0_u32.to_le_bytes());
    file.extend([64_u16, 56, 2, 0, 0, 0].map(u16::to_le_bytes).concat());
    let whole = dynamic_at + dynamic_len;
    for (kind, at, len) in [(LOAD, 0, whole), (DYNAMIC, dynamic_at, dynamic_len)] {
        file.extend([kind, 4].map(u32::to_le_bytes).concat());
        file.extend([at, at, at, len, len, 8].map(u64::to_le_bytes).concat());
    }
    file.extend(strings);
    for (tag, value) in dynamic {
        file.extend([tag, value].map(u64::to_le_bytes).concat());
    }
    file
}
