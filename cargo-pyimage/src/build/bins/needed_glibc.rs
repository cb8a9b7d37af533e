//! The newest glibc that a program asks for.

use elf::ElfBytes;
use elf::abi::VER_FLG_WEAK;
use elf::endian::AnyEndian;

/// The version that it cannot be loaded without; none where it asks for none.
pub(super) fn of(program: &[u8]) -> Option<(u16, u16)> {
    let file = ElfBytes::<AnyEndian>::minimal_parse(program).ok()?;
    let (headers, names) = file.section_headers_with_strtab().ok()?;
    let (headers, names) = (headers?, names?);
    let section = headers
        .iter()
        .find(|header| names.get(header.sh_name as usize).is_ok_and(|name| name == ".gnu.version_r"))?;
    let strings = file.section_data_as_strtab(&headers.get(section.sh_link as usize).ok()?).ok()?;
    let (data, _) = file.section_data(&section).ok()?;
    let needs = elf::gnu_symver::VerNeedIterator::new(
        file.ehdr.endianness,
        file.ehdr.class,
        u64::from(section.sh_info),
        0,
        data,
    );
    let versions = needs.flat_map(|(_, versions)| versions);
    let required = versions.filter(|version| version.vna_flags & VER_FLG_WEAK == 0);
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
    fn a_program_of_this_machine_asks_for_no_more_than_it_has() {
        let own = fs_err::read(std::env::current_exe().unwrap()).unwrap();
        let (major, minor) = of(&own).unwrap();
        assert!(major == 2 && minor >= 17, "{major}.{minor}");
        assert_eq!(of(b"#!/bin/sh\n"), None);
        assert_eq!(of(&own[..4096]), None);
    }
}
