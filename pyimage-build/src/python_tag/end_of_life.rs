//! Until when Python versions are supported.

use super::PythonVersion;
use crate::Date;

/// When a Python version stops (or stopped) getting security fixes.
///
/// ```
/// use pyimage_build::{Date, PythonTag};
///
/// let tag: PythonTag = "3.9-slim".parse()?;
/// let end = tag.end_of_life().expect("Python 3.9 has a known end of life");
/// assert_eq!(end.python, "3.9");
/// assert_eq!(end.date, Date { year: 2025, month: 10, day: 31 });
/// # Ok::<(), pyimage_build::PythonTagError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndOfLife {
    /// The Python that the date is of: `3.9`, or `2` for all of Python 2, whose end was that of 2.7.
    pub python: &'static str,
    /// The first day without support.
    pub date: Date,
}

const PYTHON_2: EndOfLife = end("2", 2020, 1, 1);

/// Indexed by the minor version of Python 3, from <https://devguide.python.org/versions/>.
///
/// Of versions still supported only the month is fixed; the last day of it is taken.
const PYTHON_3: &[EndOfLife] = &[
    end("3.0", 2009, 6, 27),
    end("3.1", 2012, 4, 9),
    end("3.2", 2016, 2, 20),
    end("3.3", 2017, 9, 29),
    end("3.4", 2019, 3, 18),
    end("3.5", 2020, 9, 30),
    end("3.6", 2021, 12, 23),
    end("3.7", 2023, 6, 27),
    end("3.8", 2024, 10, 7),
    end("3.9", 2025, 10, 31),
    end("3.10", 2026, 10, 31),
    end("3.11", 2027, 10, 31),
    end("3.12", 2028, 10, 31),
    end("3.13", 2029, 10, 31),
    end("3.14", 2030, 10, 31),
    end("3.15", 2031, 10, 31),
    end("3.16", 2032, 10, 31),
];

const fn end(python: &'static str, year: u16, month: u8, day: u8) -> EndOfLife {
    EndOfLife { python, date: Date { year, month, day } }
}

/// The end of life of the version, unless it floats to a version not yet known or is not in the table.
pub(super) fn of(version: &PythonVersion) -> Option<EndOfLife> {
    match (version.major(), version.minor()) {
        // `2-rc` never was, but whatever is Python 2 ended with it.
        (2, _) => Some(PYTHON_2),
        (3, Some(minor)) => PYTHON_3.get(usize::from(minor)).copied(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prerelease;

    #[test]
    fn the_table_is_in_order() {
        for (minor, end) in PYTHON_3.iter().enumerate() {
            assert_eq!(end.python, format!("3.{minor}"));
        }
        assert!(PYTHON_3.is_sorted_by_key(|end| end.date));
    }

    #[test]
    fn a_floating_prerelease_ends_with_its_version() {
        let version = PythonVersion::parse("3.15-rc", "3.15", true).unwrap();
        assert_eq!(version.prerelease(), Some(Prerelease::Floating));
        assert_eq!(of(&version).map(|end| end.python), Some("3.15"));
    }
}
