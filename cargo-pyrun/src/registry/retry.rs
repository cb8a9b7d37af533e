//! When to ask again.

use std::time::{Duration, SystemTime};

/// The longest that a registry may make us wait.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(60);
/// A wait longer than this is told.
pub(super) const TOLD_WAIT: Duration = Duration::from_secs(2);

/// How long to wait after the failure with this number, the first being 0: doubled each time, and varied by half so
/// that many clients do not come back at once.
pub(super) fn backoff(first: Duration, failures: u32) -> Duration {
    let mut random = [0; 2];
    // Without randomness the waits are only less varied.
    let _ = getrandom::fill(&mut random);
    let factor = 0.75 + f64::from(u16::from_ne_bytes(random)) / f64::from(u16::MAX) / 2.0;
    first.saturating_mul(2_u32.saturating_pow(failures)).min(MAX_WAIT).mul_f64(factor)
}

/// The wait that [`Retry-After`] asks for: seconds, or a date.
///
/// [`Retry-After`]: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(http_date(header)?))?;
    // A date that has passed asks for no wait.
    Some(at.duration_since(now).unwrap_or_default())
}

/// The seconds since 1970 of a date as HTTP has them: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.split_once(", ")?;
    let mut words = date.split_ascii_whitespace();
    let day: u64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64 + 1;
    let year: u64 = words.next()?.parse().ok().filter(|year| (1970..10_000).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok().filter(|part| *part < 61));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if words.next()? != "GMT" || hour > 23 {
        return None;
    }
    // Days of the civil calendar, counted in years that begin in March, so that a leap day ends one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    let days_to_1970 = 719_468;
    Some((days.checked_sub(days_to_1970)?) * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after_are_understood() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now), Some(Duration::ZERO));
        for nonsense in [
            "",
            "-1",
            "soon",
            "Sun, 06 Nov 1994",
            "Sun, 99 Nov 1994 08:49:07 GMT",
            "Sun, 06 Nov 1994 08:49:07 CET",
        ] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn dates_are_counted_right() {
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Tue, 29 Feb 2000 12:00:00 GMT"), Some(951_825_600));
        assert_eq!(http_date("Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799));
    }

    #[test]
    fn waits_grow_and_vary() {
        let first = Duration::from_millis(100);
        for failures in 0..4 {
            let plain = first * 2_u32.pow(failures);
            let wait = backoff(first, failures);
            assert!(wait >= plain.mul_f64(0.74) && wait <= plain.mul_f64(1.26), "{wait:?} for {plain:?}");
        }
        assert!(backoff(first, 1_000) <= MAX_WAIT.mul_f64(1.26));
    }
}
