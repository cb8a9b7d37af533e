//! What stands before and after each content, and whether it says the same as the directory.

use super::WheelProblem;
use super::archive::{Header, read};
use super::fields::Fields;
use super::source::Source;

/// What stands before a content; APPNOTE 4.3.7.
const LOCAL: u32 = 0x0403_4b50;
const LOCAL_LEN: u64 = 30;
/// What may stand after one; 4.3.9.
const DESCRIPTOR: u32 = 0x0807_4b50;
/// Signature, checksum and two sizes of 8 bytes.
const DESCRIPTOR_LEN: u64 = 24;
/// Checksum and sizes come after the content; 4.4.4.
const FLAG_DESCRIPTOR: u16 = 1 << 3;

/// Where each content starts, once everything agrees and no two entries share a byte.
pub(super) fn check_all(
    source: &Source,
    headers: &[Header],
    directory: u64,
) -> Result<Vec<u64>, WheelProblem> {
    let mut order: Vec<&Header> = headers.iter().collect();
    order.sort_by_key(|header| header.offset);
    if order.first().is_some_and(|first| first.offset != 0) {
        return Err(WheelProblem::Archive("something stands before its first entry"));
    }
    let contents = headers.iter().map(|header| check(source, header, directory));
    let contents = contents.collect::<Result<Vec<u64>, _>>()?;
    let mut spans: Vec<_> = headers
        .iter()
        .zip(&contents)
        .map(|(header, content)| (header, content + header.compressed))
        .collect();
    spans.sort_by_key(|(header, end)| (header.offset, *end));
    for pair in spans.windows(2) {
        if let [(header, end), (next, _)] = pair
            && *end > next.offset
        {
            return Err(WheelProblem::SharedBytes { entry: header.name.clone(), other: next.name.clone() });
        }
    }
    let nexts = spans.iter().skip(1).map(|(header, _)| header.offset).chain([directory]);
    for ((header, end), next) in spans.iter().zip(nexts) {
        if header.flags & FLAG_DESCRIPTOR != 0 {
            check_descriptor(source, header, *end, next)?;
        }
    }
    Ok(contents)
}

fn check(source: &Source, header: &Header, directory: u64) -> Result<u64, WheelProblem> {
    let differs = |what| WheelProblem::Contradiction { entry: header.name.clone(), what };
    let name_len = header.raw_name.len() as u64;
    let after_name = header.offset.checked_add(LOCAL_LEN + name_len).filter(|end| *end <= directory);
    if after_name.is_none() {
        return Err(differs("place"));
    }
    let bytes = read(source, header.offset, LOCAL_LEN + name_len)?;
    let mut fields = Fields::new(&bytes);
    let damaged = || WheelProblem::Archive("what stands before a content cannot be read");
    if fields.u32() != Some(LOCAL) {
        return Err(differs("place"));
    }
    fields.skip(2).ok_or_else(damaged)?;
    let (flags, method) = (fields.u16().ok_or_else(damaged)?, fields.u16().ok_or_else(damaged)?);
    fields.skip(4).ok_or_else(damaged)?;
    let crc = fields.u32().ok_or_else(damaged)?;
    let (compressed, size) = (fields.u32().ok_or_else(damaged)?, fields.u32().ok_or_else(damaged)?);
    let (name, extra) = (fields.u16().ok_or_else(damaged)?, fields.u16().ok_or_else(damaged)?);
    if u64::from(name) != name_len || fields.bytes(name.into()) != Some(&header.raw_name) {
        return Err(differs("name"));
    }
    if method != header.method {
        return Err(differs("compression"));
    }
    // The other flags say how hard the compressor tried.
    if (flags ^ header.flags) & (1 << 0 | FLAG_DESCRIPTOR | 1 << 6 | 1 << 11 | 1 << 13) != 0 {
        return Err(differs("set of flags"));
    }
    // Where they come later, nothing or what is true may stand here.
    let later = flags & FLAG_DESCRIPTOR != 0;
    let agrees = |here: u32, there: u64| {
        u64::from(here) == there.min(u32::MAX.into()) || here == u32::MAX || later && here == 0
    };
    if !agrees(size, header.size) || !agrees(compressed, header.compressed) {
        return Err(differs("size"));
    }
    if crc != header.crc && !(later && crc == 0) {
        return Err(differs("checksum"));
    }
    let content = header.offset + LOCAL_LEN + name_len + u64::from(extra);
    match content.checked_add(header.compressed) {
        Some(end) if end <= directory => Ok(content),
        _ => Err(differs("size")),
    }
}

/// A program that reads the archive from its start goes by these.
fn check_descriptor(source: &Source, header: &Header, end: u64, next: u64) -> Result<(), WheelProblem> {
    let bytes = read(source, end, DESCRIPTOR_LEN.min(next - end))?;
    // The signature is optional, and sizes have 4 or 8 bytes.
    let agrees = |signed: bool, large: bool| {
        let mut fields = Fields::new(&bytes);
        if signed && fields.u32() != Some(DESCRIPTOR) {
            return false;
        }
        let crc = fields.u32();
        let mut size = || if large { fields.u64() } else { fields.u32().map(u64::from) };
        crc == Some(header.crc) && size() == Some(header.compressed) && size() == Some(header.size)
    };
    if [(true, false), (true, true), (false, false), (false, true)].iter().any(|form| agrees(form.0, form.1))
    {
        return Ok(());
    }
    Err(WheelProblem::Contradiction { entry: header.name.clone(), what: "size or checksum" })
}
