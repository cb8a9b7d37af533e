//! What a program or a shared library needs before it can be loaded.

use std::collections::{BTreeMap, BTreeSet};

use elf::abi;
use elf::dynamic::{Dyn, DynamicTable};
use elf::endian::{AnyEndian, EndianParse as _};
use elf::file::{Class, FileHeader, parse_ident};
use elf::segment::{ProgramHeader, SegmentTable};
use serde::{Deserialize, Serialize};

/// What is read first: the header, and mostly the list of segments.
const HEAD: usize = 4096;
/// The most bytes of a table that are read.
const MAX_TABLE: usize = 1 << 20;
/// The longest name.
const MAX_NAME: usize = 4096;
/// Names that are no farther apart are read together.
const NEAR: u64 = 1 << 16;
/// How often names are read: a file that has them all over the place is none that a linker made.
const MAX_READS: usize = 64;

/// What the loader has to find for a program or a shared library, as its dynamic section says it.
///
/// ```
/// use pyimage_build::Elf;
///
/// let bytes = b"#!/bin/sh\n";
/// let found = Elf::read(|offset, len| Ok::<_, std::io::Error>(bytes[offset as usize..].iter().take(len).copied().collect()));
/// assert_eq!(found?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elf {
    /// What it runs on, as platforms have it: `amd64`. None where that has no name among them.
    pub architecture: Option<String>,
    /// The shared libraries that it needs, in its order: `libc.so.6`.
    pub needed: Vec<String>,
    /// Where they are looked for before the loader's own folders: `$ORIGIN/../numpy.libs`.
    pub search: Vec<String>,
    /// What others know it by, where it has a name of its own.
    pub soname: Option<String>,
}

impl Elf {
    /// Reads it from a file of any size, a few pieces of which are asked for: so many bytes from an offset on, fewer
    /// only where the file ends. What is no ELF file, or a damaged one, is none.
    ///
    /// ```
    /// # use pyimage_build::Elf;
    /// let nothing = Elf::read(|_, _| Ok::<_, std::io::Error>(Vec::new()))?;
    /// assert!(nothing.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where a piece cannot be had.
    pub fn read<E>(mut piece: impl FnMut(u64, usize) -> Result<Vec<u8>, E>) -> Result<Option<Self>, E> {
        let head = piece(0, HEAD)?;
        let Some(header) = header(&head) else { return Ok(None) };
        let len = usize::from(header.e_phentsize) * usize::from(header.e_phnum);
        let start = usize::try_from(header.e_phoff).unwrap_or(usize::MAX);
        let table = match start.checked_add(len).and_then(|end| head.get(start..end)) {
            Some(table) => table.to_vec(),
            None => piece(header.e_phoff, len.min(MAX_TABLE))?,
        };
        let segments: Vec<_> = SegmentTable::new(header.endianness, header.class, &table).iter().collect();
        let mut found = Self { architecture: architecture(&header).map(str::to_owned), ..Self::default() };
        // A program that is linked statically needs nothing.
        let Some(dynamic) = segments.iter().find(|segment| segment.p_type == abi::PT_DYNAMIC) else {
            return Ok(Some(found));
        };
        let len = usize::try_from(dynamic.p_filesz).unwrap_or(MAX_TABLE).min(MAX_TABLE);
        let table = piece(dynamic.p_offset, len)?;
        let entries: Vec<_> = DynamicTable::new(header.endianness, header.class, &table)
            .iter()
            .take_while(|entry| entry.d_tag != abi::DT_NULL)
            .collect();
        let strings = entries.iter().find(|entry| entry.d_tag == abi::DT_STRTAB);
        let Some(strings) = strings.and_then(|entry| offset_of(entry.d_ptr(), &segments)) else {
            return Ok(Some(found));
        };
        let of = |tag| entries.iter().filter(move |entry| entry.d_tag == tag).map(Dyn::d_val);
        // With the newer of the two, the loader ignores the older.
        let search = if of(abi::DT_RUNPATH).next().is_some() { abi::DT_RUNPATH } else { abi::DT_RPATH };
        let all = of(abi::DT_NEEDED).chain(of(abi::DT_SONAME)).chain(of(search)).collect();
        let names = names(&mut piece, strings, &all)?;
        let texts = |tag| of(tag).filter_map(|at| names.get(&at)).filter(|name| !name.is_empty()).cloned();
        found.needed = texts(abi::DT_NEEDED).collect();
        found.soname = texts(abi::DT_SONAME).next();
        let folders = texts(search).flat_map(|list| list.split(':').map(str::to_owned).collect::<Vec<_>>());
        found.search = folders.filter(|folder| !folder.is_empty()).collect();
        Ok(Some(found))
    }
}

fn header(head: &[u8]) -> Option<FileHeader<AnyEndian>> {
    let ident = parse_ident::<AnyEndian>(head.get(..abi::EI_NIDENT)?).ok()?;
    FileHeader::parse_tail(ident, &head[abi::EI_NIDENT..]).ok()
}

/// Docker's name of the machine.
fn architecture(header: &FileHeader<AnyEndian>) -> Option<&'static str> {
    let (wide, little) = (header.class == Class::ELF64, header.endianness.is_little());
    match (header.e_machine, wide, little) {
        (abi::EM_X86_64, true, true) => Some("amd64"),
        (abi::EM_AARCH64, true, true) => Some("arm64"),
        (abi::EM_ARM, false, true) => Some("arm"),
        (abi::EM_386, false, true) => Some("386"),
        (abi::EM_PPC64, true, true) => Some("ppc64le"),
        (abi::EM_S390, true, false) => Some("s390x"),
        (abi::EM_RISCV, true, true) => Some("riscv64"),
        (abi::EM_MIPS, true, true) => Some("mips64le"),
        (abi::EM_LOONGARCH, true, true) => Some("loong64"),
        _ => None,
    }
}

/// Where in the file something is that is loaded to an address.
fn offset_of(address: u64, segments: &[ProgramHeader]) -> Option<u64> {
    segments.iter().filter(|segment| segment.p_type == abi::PT_LOAD).find_map(|segment| {
        let within = address.checked_sub(segment.p_vaddr).filter(|within| *within < segment.p_filesz)?;
        segment.p_offset.checked_add(within)
    })
}

/// The names at these places of a list of strings; those that are none are left out.
fn names<E>(
    piece: &mut impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
    strings: u64,
    places: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, String>, E> {
    let mut names = BTreeMap::new();
    let mut left = places.iter().copied().peekable();
    for _ in 0..MAX_READS {
        let Some(first) = left.next() else { break };
        let mut near = vec![first];
        while let Some(next) = left.next_if(|next| next - first < NEAR) {
            near.push(next);
        }
        let Some(start) = strings.checked_add(first) else { break };
        let span = near.last().map_or(0, |last| last - first);
        let bytes = piece(start, usize::try_from(span).unwrap_or(0) + MAX_NAME)?;
        for place in near {
            let from = usize::try_from(place - first).unwrap_or(usize::MAX);
            let Some(rest) = bytes.get(from..) else { continue };
            let end = rest.iter().take(MAX_NAME).position(|byte| *byte == 0);
            if let Some(name) = end.and_then(|end| std::str::from_utf8(&rest[..end]).ok()) {
                names.insert(place, name.to_owned());
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
