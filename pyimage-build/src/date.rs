//! A calendar date, for support windows.

use std::fmt;

/// A day of the Gregorian calendar: all that "is this Python still supported?" needs of time.
///
/// The crate never asks for the time, so that the same input always gives the same answer: the caller brings
/// the date. Dates compare in the order of time and print as ISO 8601 has them.
///
/// ```
/// use pyimage_build::Date;
///
/// let date = Date { year: 2025, month: 10, day: 31 };
/// assert_eq!(date.to_string(), "2025-10-31");
/// assert!(date < Date { year: 2026, month: 1, day: 1 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// The year, such as 2025.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31.
    pub day: u8,
}

impl Date {
    /// The day, in UTC, that is this many seconds after the start of 1970.
    ///
    /// The years stop at 65535: whatever lies beyond has that year.
    ///
    /// ```
    /// use pyimage_build::Date;
    ///
    /// assert_eq!(Date::from_unix(1_767_225_600), Date { year: 2026, month: 1, day: 1 });
    /// ```
    #[must_use]
    pub fn from_unix(seconds: u64) -> Self {
        // The calendar is counted from 0000-03-01, so that the leap day comes last in its year; 400 years, an
        // "era", always have 146 097 days. See https://howardhinnant.github.io/date_algorithms.html.
        let days = seconds / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let months_since_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
        let (month, next_year) =
            if months_since_march < 10 { (months_since_march + 3, 0) } else { (months_since_march - 9, 1) };
        let year = era * 400 + year_of_era + next_year;
        // The month and the day are small by construction; only the year can be out of range.
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: u8::try_from(month).unwrap_or(u8::MAX),
            day: u8::try_from(day).unwrap_or(u8::MAX),
        }
    }
}

/// The second that is this many after the start of 1970, as RFC 3339 has it.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let second = seconds % 86_400;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", Date::from_unix(seconds))
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_761_868_800, "2025-10-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(Date::from_unix(seconds).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn time_runs_forwards(a: u64, b: u64) {
            let (early, late) = (a.min(b), a.max(b));
            let (early, late) = (Date::from_unix(early), Date::from_unix(late));
            prop_assert!(early.year == u16::MAX || early <= late);
            prop_assert!((1..=12).contains(&late.month) && (1..=31).contains(&late.day));
        }
    }
}
