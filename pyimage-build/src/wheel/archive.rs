//! The zip archive that a wheel is, read so strictly that there is one way to read it.
//!
//! What an archive holds is said twice: in its directory and before each content. Programs differ in which
//! they believe, and in what they make of bytes that neither mentions, so that one wheel can be two: one that
//! is checked and one that is installed. An archive is refused here where that could be, as PyPI does on
//! [upload]. The format is PKWARE's [APPNOTE]; its section is named where a rule comes from it.
//!
//! [upload]: https://blog.pypi.org/posts/2025-08-07-wheel-archive-confusion-attacks/
//! [APPNOTE]: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

use std::collections::HashMap;

use super::fields::Fields;
use super::local_header;
use super::path;
use super::source::Source;
use super::{Compression, WheelLimits, WheelProblem};

/// The end of the directory, and of the archive; 4.3.16.
const END: u32 = 0x0605_4b50;
const END_LEN: usize = 22;
/// Where the large form of the end is; 4.3.15.
const END64_LOCATOR: u32 = 0x0706_4b50;
const END64_LOCATOR_LEN: u64 = 20;
/// The large form of the end; 4.3.14.
const END64: u32 = 0x0606_4b50;
const END64_LEN: u64 = 56;
/// An entry of the directory; 4.3.12.
const HEADER: u32 = 0x0201_4b50;
const HEADER_LEN: usize = 46;
/// A directory of a million entries, with names of usual length.
const LARGEST_DIRECTORY: u64 = 512 * 1024 * 1024;

/// The kind of a symbolic link in a mode.
const S_IFLNK: u32 = 0o120_000;

/// Numbers that stand in the extra field, because they need 8 bytes; 4.5.3.
const EXTRA_ZIP64: u16 = 0x0001;
/// A second name; 4.6.9.
const EXTRA_NAME: u16 = 0x7075;

pub(super) struct Archive {
    pub(super) source: Source,
    /// Files, in the order of the directory; folders are left out.
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) deflated: bool,
    pub(super) crc: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
    /// Where its content starts.
    pub(super) content: u64,
    /// Some `x` bit is set, by pip's reading.
    pub(super) executable: bool,
    /// Meant as a symbolic link, whose content is where it leads.
    pub(super) link: bool,
}

/// An entry as the directory has it.
pub(super) struct Header {
    pub(super) raw_name: Vec<u8>,
    pub(super) name: String,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
    pub(super) offset: u64,
    attributes: u32,
}

/// Where the directory is.
struct Directory {
    offset: u64,
    size: u64,
    entries: u64,
}

impl Archive {
    pub(super) fn read(source: Source, limits: &WheelLimits) -> Result<Self, WheelProblem> {
        let len = source.len().map_err(WheelProblem::Io)?;
        let directory = find_directory(&source, len)?;
        limits.check_entries(directory.entries)?;
        if directory.size > LARGEST_DIRECTORY {
            return Err(WheelProblem::Limit {
                what: "directory",
                found: directory.size,
                limit: LARGEST_DIRECTORY,
            });
        }
        let headers = read_headers(&read(&source, directory.offset, directory.size)?, &directory)?;
        let total = headers.iter().fold(0, |total: u64, header| total.saturating_add(header.size));
        limits.check_size(total, len)?;
        let ends = local_header::check_all(&source, &headers, directory.offset)?;
        let mut names = HashMap::with_capacity(headers.len());
        let mut entries = Vec::with_capacity(headers.len());
        for (header, content) in headers.iter().zip(ends) {
            let is_folder = header.kind()?;
            if names.insert(header.name.clone(), is_folder).is_some() {
                return Err(WheelProblem::Duplicate { entry: header.name.clone() });
            }
            if !is_folder {
                entries.push(header.entry(content)?);
            }
        }
        for name in names.keys() {
            if let Some(file) = path::folders(name).find(|folder| names.get(*folder) == Some(&false)) {
                return Err(WheelProblem::FileAndFolder { entry: file.to_owned() });
            }
        }
        Ok(Self { source, entries })
    }
}

impl Header {
    /// Whether it is a folder, or why it is neither file nor folder.
    fn kind(&self) -> Result<bool, WheelProblem> {
        let special = |kind| WheelProblem::Special { entry: self.name.clone(), kind };
        let is_folder = self.raw_name.ends_with(b"/");
        // The upper half is `st_mode`, whichever system the archive says that it comes from: that is how pip
        // and Info-ZIP read it. Archivers that know no modes leave 0.
        match self.attributes >> 16 & 0o170_000 {
            0 | 0o100_000 => {}
            // It is installed as pip does, as a plain file that says where it would have led.
            S_IFLNK if !is_folder => {}
            0o040_000 if is_folder => {}
            0o040_000 => return Err(special("a folder")),
            _ => return Err(special("a device, a pipe or a socket")),
        }
        if is_folder && self.size != 0 {
            return Err(special("a folder with content"));
        }
        Ok(is_folder)
    }

    fn entry(&self, content: u64) -> Result<Entry, WheelProblem> {
        // 4.4.4: encrypted, strongly encrypted, and with a hidden header.
        if self.flags & (1 << 0 | 1 << 6 | 1 << 13) != 0 {
            return Err(WheelProblem::Encrypted { entry: self.name.clone() });
        }
        let deflated = match self.method {
            0 if self.compressed != self.size => {
                return Err(WheelProblem::Size {
                    entry: self.name.clone(),
                    authority: "the archive",
                    expected: self.size,
                    found: self.compressed,
                });
            }
            0 => false,
            8 => true,
            code => {
                let method = Compression::from_code(code);
                return Err(WheelProblem::Compression { entry: self.name.clone(), method });
            }
        };
        let mode = self.attributes >> 16;
        Ok(Entry {
            name: self.name.clone(),
            deflated,
            crc: self.crc,
            compressed: self.compressed,
            size: self.size,
            content,
            executable: mode & 0o170_000 == 0o100_000 && mode & 0o111 != 0,
            link: mode & 0o170_000 == S_IFLNK,
        })
    }
}

pub(super) fn read(source: &Source, offset: u64, len: u64) -> Result<Vec<u8>, WheelProblem> {
    let len = usize::try_from(len).map_err(|_| WheelProblem::Archive("it is too large for this computer"))?;
    let mut bytes = vec![0; len];
    source.read_exact_at(&mut bytes, offset).map_err(WheelProblem::Io)?;
    Ok(bytes)
}

fn find_directory(source: &Source, len: u64) -> Result<Directory, WheelProblem> {
    // A comment may follow, of up to 65535 bytes. It is the last thing in the archive, so the first signature
    // from behind whose comment ends with the archive is it.
    let tail_len = len.min(END_LEN as u64 + u64::from(u16::MAX));
    let tail = read(source, len - tail_len, tail_len)?;
    let ends_archive = |start: &usize| {
        let mut end = Fields::new(&tail[*start..]);
        end.u32() == Some(END)
            && end.skip(16).is_some()
            && end.u16().is_some_and(|comment| start + END_LEN + usize::from(comment) == tail.len())
    };
    let candidates = tail.len().checked_sub(END_LEN).ok_or(WheelProblem::NotAnArchive)?;
    let start = (0..=candidates).rev().find(ends_archive).ok_or(WheelProblem::NotAnArchive)?;
    let end_offset = len - tail_len + start as u64;
    let damaged = || WheelProblem::Archive("its end cannot be read");
    let mut end = Fields::new(&tail[start + 4..]);
    let disks = end.u32().ok_or_else(damaged)?;
    let (here, entries) = (end.u16().ok_or_else(damaged)?, end.u16().ok_or_else(damaged)?);
    let (size, offset) = (end.u32().ok_or_else(damaged)?, end.u32().ok_or_else(damaged)?);
    let small = Directory { offset: offset.into(), size: size.into(), entries: entries.into() };
    let (directory, after) = match find_large_directory(source, end_offset)? {
        Some((large, after)) => {
            let agrees = |small: u64, largest: u64, large: u64| small == largest || small == large;
            if !(agrees(small.offset, u32::MAX.into(), large.offset)
                && agrees(small.size, u32::MAX.into(), large.size)
                && agrees(small.entries, u16::MAX.into(), large.entries))
            {
                return Err(WheelProblem::Archive("it has two ends that contradict each other"));
            }
            (large, after)
        }
        None if disks != 0 || here != entries => {
            return Err(WheelProblem::Archive("it is one part of several"));
        }
        None => (small, end_offset),
    };
    if directory.offset.checked_add(directory.size) != Some(after) {
        return Err(WheelProblem::Archive("its directory is not where it says"));
    }
    Ok(directory)
}

/// The large form of the end, and where it starts.
fn find_large_directory(source: &Source, end: u64) -> Result<Option<(Directory, u64)>, WheelProblem> {
    let Some(locator_offset) = end.checked_sub(END64_LOCATOR_LEN) else { return Ok(None) };
    let locator = read(source, locator_offset, END64_LOCATOR_LEN)?;
    let mut locator = Fields::new(&locator);
    if locator.u32() != Some(END64_LOCATOR) {
        return Ok(None);
    }
    let damaged = || WheelProblem::Archive("its large end cannot be read");
    locator.skip(4).ok_or_else(damaged)?;
    let offset = locator.u64().ok_or_else(damaged)?;
    if offset.checked_add(END64_LEN) != Some(locator_offset) {
        return Err(damaged());
    }
    let record = read(source, offset, END64_LEN)?;
    let mut record = Fields::new(&record);
    if record.u32() != Some(END64) || record.u64() != Some(END64_LEN - 12) {
        return Err(damaged());
    }
    record.skip(4).ok_or_else(damaged)?;
    let disks = record.u64().ok_or_else(damaged)?;
    let (here, entries) = (record.u64().ok_or_else(damaged)?, record.u64().ok_or_else(damaged)?);
    if disks != 0 || here != entries {
        return Err(WheelProblem::Archive("it is one part of several"));
    }
    let (size, directory) = (record.u64().ok_or_else(damaged)?, record.u64().ok_or_else(damaged)?);
    Ok(Some((Directory { offset: directory, size, entries }, offset)))
}

fn read_headers(bytes: &[u8], directory: &Directory) -> Result<Vec<Header>, WheelProblem> {
    let mut headers = Vec::new();
    let mut fields = Fields::new(bytes);
    while !fields.is_empty() {
        headers.push(read_header(&mut fields)?);
    }
    if headers.len() as u64 != directory.entries {
        return Err(WheelProblem::Archive("it has more or fewer entries than it says"));
    }
    Ok(headers)
}

fn read_header(fields: &mut Fields<'_>) -> Result<Header, WheelProblem> {
    let damaged = || WheelProblem::Archive("its directory cannot be read");
    let mut fixed = Fields::new(fields.bytes(HEADER_LEN).ok_or_else(damaged)?);
    if fixed.u32() != Some(HEADER) {
        return Err(damaged());
    }
    fixed.skip(4).ok_or_else(damaged)?;
    let (flags, method) = (fixed.u16().ok_or_else(damaged)?, fixed.u16().ok_or_else(damaged)?);
    fixed.skip(4).ok_or_else(damaged)?;
    let crc = fixed.u32().ok_or_else(damaged)?;
    let (compressed, size) = (fixed.u32().ok_or_else(damaged)?, fixed.u32().ok_or_else(damaged)?);
    let (name, extra) = (fixed.u16().ok_or_else(damaged)?, fixed.u16().ok_or_else(damaged)?);
    let (comment, disk) = (fixed.u16().ok_or_else(damaged)?, fixed.u16().ok_or_else(damaged)?);
    fixed.skip(2).ok_or_else(damaged)?;
    let (attributes, offset) = (fixed.u32().ok_or_else(damaged)?, fixed.u32().ok_or_else(damaged)?);
    let raw_name = fields.bytes(name.into()).ok_or_else(damaged)?;
    let extra = fields.bytes(extra.into()).ok_or_else(damaged)?;
    fields.bytes(comment.into()).ok_or_else(damaged)?;
    if disk != 0 {
        return Err(WheelProblem::Archive("it is one part of several"));
    }
    let mut header = Header {
        raw_name: raw_name.to_vec(),
        name: entry_name(raw_name, flags, extra)?,
        flags,
        method,
        crc,
        compressed: compressed.into(),
        size: size.into(),
        offset: offset.into(),
        attributes,
    };
    // Only what does not fit in 4 bytes stands in the field, in this order.
    let mut large = Fields::new(extra_field(extra, EXTRA_ZIP64).unwrap_or_default());
    for value in [&mut header.size, &mut header.compressed, &mut header.offset] {
        if *value == u64::from(u32::MAX) {
            *value = large.u64().ok_or_else(damaged)?;
        }
    }
    Ok(header)
}

/// The name, where there is one way to read it.
fn entry_name(raw: &[u8], flags: u16, extra: &[u8]) -> Result<String, WheelProblem> {
    let refused = |why| WheelProblem::EntryName { entry: String::from_utf8_lossy(raw).into_owned(), why };
    let name = std::str::from_utf8(raw).map_err(|_| refused("it is not UTF-8"))?;
    // Without the flag a name is in the code page of the first PC; 4.4.4 and appendix D.
    if !name.is_ascii() && flags & 1 << 11 == 0 {
        return Err(refused("it is not marked as UTF-8"));
    }
    // A version and a checksum stand before the second name.
    if extra_field(extra, EXTRA_NAME).is_some_and(|second| second.get(5..) != Some(raw)) {
        return Err(refused("the entry has a second name"));
    }
    path::normalised(name).map_err(refused)
}

fn extra_field(extra: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut fields = Fields::new(extra);
    // What cannot be read is padding, which some archivers add for alignment.
    while let (Some(id), Some(len)) = (fields.u16(), fields.u16()) {
        let content = fields.bytes(len.into())?;
        if id == wanted {
            return Some(content);
        }
    }
    None
}
