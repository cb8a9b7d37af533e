//! The newest glibc that a program asks for.

use std::io::{Read, Seek};

use elf::ElfStream;
use elf::abi::VER_FLG_WEAK;
use elf::endian::AnyEndian;
use elf::gnu_symver::VerNeedIterator;
use elf::string_table::StringTable;

/// The version that it cannot be loaded without; none where it asks for none. Of a large program, little is read.
pub(super) fn of(program: impl Read + Seek) -> Option<(u16, u16)> {
    let mut file = ElfStream::<AnyEndian, _>::open_stream(program).ok()?;
    let section = *file.section_header_by_name(".gnu.version_r").ok()??;
    let strings = *file.section_headers().get(section.sh_link as usize)?;
    let strings = file.section_data(&strings).ok()?.0.to_vec();
    let strings = StringTable::new(&strings);
    let (endian, class) = (file.ehdr.endianness, file.ehdr.class);
    let (data, _) = file.section_data(&section).ok()?;
    let needs = VerNeedIterator::new(endian, class, u64::from(section.sh_info), 0, data);
    let required =
        needs.flat_map(|(_, versions)| versions).filter(|version| version.vna_flags & VER_FLG_WEAK == 0);
    required.filter_map(|version| parse(strings.get(version.vna_name as usize).ok()?)).max()
}

/// `GLIBC_2.34`; not `GLIBC_PRIVATE`, nor that of another library.
fn parse(name: &str) -> Option<(u16, u16)> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.');
    let mut next = || numbers.next()?.parse().ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn versions_are_those_of_glibc() {
        assert_eq!(parse("GLIBC_2.34"), Some((2, 34)));
        assert_eq!(parse("GLIBC_2.2.5"), Some((2, 2)));
        for other in ["GLIBC_PRIVATE", "GCC_3.0", "GLIBC_2"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    /// The test itself was linked on this machine.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn a_program_of_this_machine_asks_for_what_it_was_linked_with() {
        let own = std::env::current_exe().unwrap();
        let (major, minor) = of(fs_err::File::open(own).unwrap()).unwrap();
        assert!(major == 2 && minor >= 17, "{major}.{minor}");
        assert_eq!(of(Cursor::new(b"#!/bin/sh\n")), None);
    }
}
