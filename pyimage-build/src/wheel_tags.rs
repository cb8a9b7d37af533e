//! The tags of the wheels that fit a Python in an image, in order of preference.

use std::collections::HashMap;

use crate::{LibcRelease, Platform, PythonVersion, WheelName, WheelPlatforms};

/// The wheels that a CPython of the official images can install: their tags, the one to prefer first.
///
/// The order is that of the [packaging] library. It is a table with a line for each Python and binary interface, and a
/// column for each platform; that is how it is kept, so that ranking a wheel takes a few look-ups.
///
/// ```
/// use pyimage_build::{DebianRelease, Suite, WheelTags};
///
/// let libc = Suite::Debian(DebianRelease::Trixie).libc().expect("trixie is released");
/// let tags = WheelTags::new(&"3.13.5".parse()?, libc, &"linux/amd64".parse()?).expect("Linux");
/// assert_eq!(tags.iter().next().as_deref(), Some("cp313-cp313-linux_x86_64"));
/// let rank = |wheel: &str| wheel.parse().map(|wheel| tags.rank(&wheel));
/// assert!(rank("demo-1-cp313-cp313-manylinux_2_28_x86_64.whl")? < rank("demo-1-cp39-abi3-manylinux_2_28_x86_64.whl")?);
/// assert_eq!(rank("demo-1-cp314-cp314-manylinux_2_28_x86_64.whl")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [packaging]: https://packaging.pypa.io/en/stable/tags.html
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelTags {
    /// Python and binary interface of what is for a platform.
    lines: Vec<(String, String)>,
    columns: WheelPlatforms,
    /// The Pythons of `py3-none-any`.
    pure: Vec<String>,
    line_of: HashMap<(String, String), usize>,
    column_of: HashMap<String, usize>,
    pure_of: HashMap<String, usize>,
}

impl WheelTags {
    /// The tags for a Python, a C library and a platform; none where the platform is not Linux or the version has no
    /// minor number.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, WheelTags};
    /// let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 1 };
    /// let tags = WheelTags::new(&"2.7".parse()?, musl, &"linux/arm/v5".parse()?).expect("Linux");
    /// assert_eq!(tags.iter().take(3).collect::<Vec<_>>(), ["cp27-none-any", "py27-none-any", "py2-none-any"]);
    /// assert!(WheelTags::new(&"3".parse()?, musl, &"linux/arm64".parse()?).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(python: &PythonVersion, libc: LibcRelease, platform: &Platform) -> Option<Self> {
        let (major, minor) = (python.major(), python.minor()?);
        let columns = WheelPlatforms::new(libc, platform)?;
        let own = format!("cp{major}{minor}");
        let abi = match (major, minor) {
            // With its allocator in the name, and before 3.3 the width of its Unicode.
            (2, _) | (3, ..3) => format!("{own}mu"),
            (3, 3..8) => format!("{own}m"),
            _ => own.clone(),
        };
        let line = |python: &str, abi: &str| (python.to_owned(), abi.to_owned());
        let has_stable_abi = (major, minor) >= (3, 2);
        let mut lines = vec![line(&own, &abi)];
        if has_stable_abi {
            lines.push(line(&own, "abi3"));
        }
        lines.push(line(&own, "none"));
        if has_stable_abi {
            lines.extend((2..minor).rev().map(|minor| line(&format!("cp{major}{minor}"), "abi3")));
        }
        let mut pythons = vec![format!("py{major}{minor}"), format!("py{major}")];
        pythons.extend((0..minor).rev().map(|minor| format!("py{major}{minor}")));
        lines.extend(pythons.iter().map(|python| line(python, "none")));
        pythons.insert(0, own);
        Some(Self {
            line_of: places(lines.iter().cloned()),
            column_of: places(columns.tags().iter().cloned()),
            pure_of: places(pythons.iter().cloned()),
            lines,
            columns,
            pure: pythons,
        })
    }

    /// The tags, the one to prefer first.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, WheelTags};
    /// let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
    /// let tags = WheelTags::new(&"3.13".parse()?, musl, &"linux/riscv64".parse()?).expect("Linux");
    /// let tags: Vec<String> = tags.iter().collect();
    /// assert_eq!(tags.first().map(String::as_str), Some("cp313-cp313-linux_riscv64"));
    /// assert_eq!(tags.last().map(String::as_str), Some("py30-none-any"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = String> {
        let table = self.lines.iter().flat_map(|(python, abi)| {
            self.columns.tags().iter().map(move |platform| format!("{python}-{abi}-{platform}"))
        });
        table.chain(self.pure.iter().map(|python| format!("{python}-none-any")))
    }

    /// The place of a wheel in the order of preference, 0 being the best; none if it does not fit.
    ///
    /// ```
    /// # use pyimage_build::{Libc, LibcRelease, WheelTags};
    /// let glibc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 41 };
    /// let tags = WheelTags::new(&"3.13".parse()?, glibc, &"linux/amd64".parse()?).expect("Linux");
    /// assert_eq!(tags.rank(&"demo-1-cp313-cp313-linux_x86_64.whl".parse()?), Some(0));
    /// assert_eq!(tags.rank(&"demo-1-cp313-cp313-win_amd64.whl".parse()?), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rank(&self, wheel: &WheelName) -> Option<usize> {
        let line = self.lines_of(wheel).min();
        let column = wheel.platforms().filter_map(|platform| self.column_of.get(platform)).min();
        if let (Some(line), Some(column)) = (line, column) {
            return Some(line * self.columns.tags().len() + column);
        }
        let is_pure =
            wheel.platforms().any(|platform| platform == "any") && wheel.abis().any(|abi| abi == "none");
        let place =
            wheel.pythons().filter_map(|python| self.pure_of.get(python)).min().filter(|_| is_pure)?;
        Some(self.lines.len() * self.columns.tags().len() + place)
    }

    /// Whether a wheel fits this Python, on whatever platform.
    pub(crate) fn fits_python(&self, wheel: &WheelName) -> bool {
        self.lines_of(wheel).next().is_some()
    }

    fn lines_of(&self, wheel: &WheelName) -> impl Iterator<Item = usize> {
        wheel.pythons().flat_map(move |python| {
            let pair = move |abi: &str| (python.to_owned(), abi.to_owned());
            wheel.abis().filter_map(move |abi| self.line_of.get(&pair(abi)).copied())
        })
    }
}

/// Where each is in the order.
fn places<T: std::hash::Hash + Eq>(ordered: impl Iterator<Item = T>) -> HashMap<T, usize> {
    ordered.enumerate().map(|(place, item)| (item, place)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Libc;

    fn tags(python: &str, libc: LibcRelease, platform: &str) -> WheelTags {
        WheelTags::new(&python.parse().unwrap(), libc, &platform.parse().unwrap()).unwrap()
    }

    const GLIBC: LibcRelease = LibcRelease { libc: Libc::Glibc, major: 2, minor: 41 };
    const MUSL: LibcRelease = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };

    #[test]
    fn the_order_of_pythons_and_interfaces() {
        let heads = |python| -> String {
            let mut heads: Vec<String> = tags(python, MUSL, "linux/amd64")
                .iter()
                .map(|tag| tag.replace("_1_2_", "_").replace("_1_1_", "_").replace("_1_0_", "_"))
                .map(|tag| tag.replace("-linux_x86_64", "-P").replace("-musllinux_x86_64", "-P"))
                .collect();
            heads.dedup();
            heads.join(" ")
        };
        assert_eq!(
            heads("3.4"),
            "cp34-cp34m-P cp34-abi3-P cp34-none-P cp33-abi3-P cp32-abi3-P py34-none-P py3-none-P py33-none-P \
             py32-none-P py31-none-P py30-none-P cp34-none-any py34-none-any py3-none-any py33-none-any py32-none-any \
             py31-none-any py30-none-any"
        );
        assert!(heads("2.7").starts_with("cp27-cp27mu-P cp27-none-P py27-none-P py2-none-P py26-none-P"));
        assert!(heads("3.16-rc").starts_with("cp316-cp316-P cp316-abi3-P cp316-none-P cp315-abi3-P"));
    }

    #[test]
    fn pure_wheels_are_all_there_is_on_arm_v5() {
        let tags = tags("3.13", GLIBC, "linux/arm/v5");
        assert_eq!(tags.iter().count(), 16);
        assert_eq!(tags.rank(&"a-1-cp313-none-any.whl".parse().unwrap()), Some(0));
        assert_eq!(tags.rank(&"a-1-cp313-cp313-linux_armv7l.whl".parse().unwrap()), None);
    }

    #[test]
    fn a_set_is_as_good_as_its_best_tag() {
        let tags = tags("3.13", GLIBC, "linux/amd64");
        let rank = |wheel: &str| tags.rank(&wheel.parse().unwrap());
        assert_eq!(
            rank("a-1-cp39.cp313-cp313.abi3-manylinux_2_5_x86_64.manylinux_2_28_x86_64.whl"),
            rank("a-1-cp313-cp313-manylinux_2_28_x86_64.whl")
        );
        assert_eq!(rank("a-1-py2.py3-none-any.win32.whl"), rank("a-1-py3-none-any.whl"));
        assert_eq!(rank("a-1-py3-none.abi3-any.whl"), rank("a-1-py3-none-any.whl"));
        assert_eq!(rank("a-1-cp313-cp313-any.whl"), None);
    }

    proptest! {
        #[test]
        fn the_rank_of_a_tag_is_its_place(
            minor in 2_u16..20,
            platform in prop::sample::select(vec!["linux/amd64", "linux/386", "linux/arm/v5", "linux/arm/v6", "linux/s390x"]),
            libc in prop::sample::select(vec![GLIBC, MUSL]),
            at in any::<prop::sample::Index>(),
        ) {
            let tags = tags(&format!("3.{minor}"), libc, platform);
            let all: Vec<String> = tags.iter().collect();
            let place = at.index(all.len());
            let wheel = format!("demo-1.0-{}.whl", all[place]).parse().unwrap();
            prop_assert_eq!(tags.rank(&wheel), Some(place));
        }
    }
}
