//! Sizes, for people.

use std::fmt;

/// A number of bytes, told in decimal units as docker does: `43.1 MB`.
///
/// ```
/// use pyimage::size::Size;
///
/// assert_eq!(Size(43_123_456).to_string(), "43.1 MB");
/// assert_eq!(Size(999).to_string(), "999 B");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
        if self.0 < 1000 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut unit = 0;
        // Tenths of the unit, rounded as people round.
        let mut scale: u64 = 1000;
        while self.0 / scale >= 1000 && unit + 1 < UNITS.len() {
            scale *= 1000;
            unit += 1;
        }
        let mut tenths = (u128::from(self.0) * 10 + u128::from(scale) / 2) / u128::from(scale);
        if tenths >= 10_000 && unit + 1 < UNITS.len() {
            tenths = 10;
            unit += 1;
        }
        f.pad(&format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1000, "1.0 kB"),
            (1_049, "1.0 kB"),
            (1_050, "1.1 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (43_149_999, "43.1 MB"),
            (1_200_000_000, "1.2 GB"),
        ] {
            assert_eq!(Size(bytes).to_string(), expected, "{bytes}");
        }
        assert_eq!(format!("{:>9}", Size(5)), "      5 B");
        assert!(Size(u64::MAX).to_string().ends_with(" PB"));
    }
}
