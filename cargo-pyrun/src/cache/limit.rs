//! How far a cache is pruned, as people write it.

use std::str::FromStr;
use std::time::Duration;

/// What stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// What was used in this time.
    Age(Duration),
    /// What was used last, up to so many bytes in all.
    Size(u64),
}

/// A limit that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an age like `30d`, `12h`, `90min` or `2w`, or a size like `2GB`, `500MB` or `1.5GiB`, is accepted")]
pub struct LimitError;

const DAY: u64 = 24 * 60 * 60;

/// What one of a unit is in seconds; all in lower case.
const TIMES: [(&[&str], u64); 5] = [
    (&["s", "sec", "second", "seconds"], 1),
    // `m` would be a month to some and a megabyte to others.
    (&["min", "minute", "minutes"], 60),
    (&["h", "hour", "hours"], 60 * 60),
    (&["d", "day", "days"], DAY),
    (&["w", "week", "weeks"], 7 * DAY),
];

/// What one of a unit is in bytes.
const SIZES: [(&[&str], u64); 9] = [
    (&["b"], 1),
    (&["k", "kb"], 1000),
    (&["mb"], 1_000_000),
    (&["g", "gb"], 1_000_000_000),
    (&["t", "tb"], 1_000_000_000_000),
    (&["ki", "kib"], 1 << 10),
    (&["mi", "mib"], 1 << 20),
    (&["gi", "gib"], 1 << 30),
    (&["ti", "tib"], 1 << 40),
];

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(LimitError)?;
        let (number, unit) = text.split_at(end);
        let unit = unit.trim_start();
        let of = |units: &[(&[&str], u64)]| {
            let lower = unit.to_ascii_lowercase();
            units.iter().find(|(names, _)| names.contains(&lower.as_str())).map(|(_, one)| *one)
        };
        if let Some(second) = of(&TIMES) {
            return Ok(Self::Age(Duration::from_secs(times(number, second)?)));
        }
        let byte = if unit == "M" { Some(1_000_000) } else { of(&SIZES) };
        Ok(Self::Size(times(number, byte.ok_or(LimitError)?)?))
    }
}

/// A decimal number of units, in ones, rounded down.
fn times(number: &str, unit: u64) -> Result<u64, LimitError> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = u32::try_from(part.len()).map_err(|_| LimitError)?;
    let whole: u64 = whole.parse().map_err(|_| LimitError)?;
    let part: u128 = part.parse().map_err(|_| LimitError)?;
    let scale = 10_u128.checked_pow(digits).ok_or(LimitError)?;
    let part = part.checked_mul(unit.into()).ok_or(LimitError)? / scale;
    let part = u64::try_from(part).map_err(|_| LimitError)?;
    whole.checked_mul(unit).and_then(|whole| whole.checked_add(part)).ok_or(LimitError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ages_and_sizes_as_people_write_them() {
        for (text, seconds) in [
            ("0s", 0),
            ("30d", 30 * DAY),
            ("12h", DAY / 2),
            ("2w", 14 * DAY),
            ("90min", 5400),
            ("1.5 days", DAY * 3 / 2),
            (" 1 Week ", 7 * DAY),
        ] {
            assert_eq!(text.parse(), Ok(Limit::Age(Duration::from_secs(seconds))), "{text}");
        }
        for (text, bytes) in [
            ("0B", 0),
            ("2GB", 2_000_000_000),
            ("500MB", 500_000_000),
            ("500M", 500_000_000),
            ("500 mb", 500_000_000),
            ("1.5GiB", 3 << 29),
            ("1k", 1000),
            ("1KiB", 1024),
        ] {
            assert_eq!(text.parse(), Ok(Limit::Size(bytes)), "{text}");
        }
        for text in
            ["", "d", "30", "30x", "-1d", "1..5d", "1.d", ".5d", "5m", "99999999999TB", "1d2h", "∞d", "٣d"]
        {
            assert_eq!(text.parse::<Limit>(), Err(LimitError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_limit_or_none(text in ".{0,30}") {
            let _ = text.parse::<Limit>();
        }
    }
}
