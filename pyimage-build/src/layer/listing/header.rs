//! What goes before an entry.

use super::ListingError;

/// How many bytes a header has, and content is padded to.
pub(super) const BLOCK: usize = 512;
/// The most bytes of what is said about the next entry.
pub(super) const MAX_EXTENDED: u64 = 1 << 20;

/// What entries before this one said about it, which counts more than its header.
#[derive(Debug, Default)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

impl Extended {
    /// Takes pax records: `LENGTH KEY=VALUE\n`, in which the length counts itself.
    pub(super) fn add_records(&mut self, mut bytes: &[u8]) -> Result<(), ListingError> {
        while !bytes.is_empty() {
            let (record, rest) = record(bytes).ok_or(ListingError::NotAnArchive)?;
            bytes = rest;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or(ListingError::NotAnArchive)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.target = Some(value.to_vec()),
                b"size" => self.size = Some(number(value).ok_or(ListingError::NotAnArchive)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The first record without its length and its end, and what follows.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(&bytes[..space])?).ok()?;
    let (whole, rest) = bytes.split_at_checked(length)?;
    let record = whole.get(space + 1..)?.strip_suffix(b"\n")?;
    Some((record, rest))
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The sum over a header, in which its own field counts as spaces.
pub(super) fn checksum(header: &[u8; BLOCK]) -> Option<u32> {
    let plain = header[..148].iter().chain(&header[156..]);
    plain.map(|byte| u32::from(*byte)).sum::<u32>().checked_add(8 * 32)
}
