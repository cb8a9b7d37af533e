//! How large a wheel may be.

use super::WheelProblem;

/// What a wheel may unpack to. The default is meant for anything that people publish, and refuses what only
/// exists to fill a disk.
///
/// ```
/// use pyimage_build::WheelLimits;
///
/// let limits = WheelLimits { size: 1 << 30, ..WheelLimits::default() };
/// assert_eq!(limits.entries, 1_000_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelLimits {
    /// How many bytes all files together may have; by default 20 GB.
    pub size: u64,
    /// How many times larger than the wheel its files may be; by default 100 times.
    ///
    /// Wheels of up to 100 MB unpacked may be as dense as they like.
    pub ratio: u64,
    /// How many entries there may be; by default a million.
    pub entries: u64,
}

/// Up to this size, density does no harm.
const HARMLESS: u64 = 100_000_000;

impl Default for WheelLimits {
    fn default() -> Self {
        Self { size: 20_000_000_000, ratio: 100, entries: 1_000_000 }
    }
}

impl WheelLimits {
    pub(super) fn check_entries(&self, found: u64) -> Result<(), WheelProblem> {
        if found > self.entries {
            return Err(WheelProblem::Limit { what: "number of entries", found, limit: self.entries });
        }
        Ok(())
    }

    pub(super) fn check_size(&self, found: u64, archive: u64) -> Result<(), WheelProblem> {
        if found > self.size {
            return Err(WheelProblem::Limit { what: "size when unpacked", found, limit: self.size });
        }
        let limit = archive.saturating_mul(self.ratio).max(HARMLESS);
        if found > limit {
            return Err(WheelProblem::Limit { what: "size when unpacked", found, limit });
        }
        Ok(())
    }
}
