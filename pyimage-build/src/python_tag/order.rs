//! The order of tags in a listing.

use std::cmp::{Ordering, Reverse};

use super::{Prerelease, PythonTag, PythonVersion, Suite};

/// What sorts a version, ascending: floating versions after all that they can mean.
type VersionRank = (u32, u32, u32, (u8, u16));

fn rank(version: Option<&PythonVersion>, rc: bool) -> VersionRank {
    let newest = u32::MAX;
    let number = |number: Option<u16>| number.map_or(newest, u32::from);
    let Some(version) = version else { return (newest, newest, newest, if rc { (3, 0) } else { (4, 0) }) };
    let stage = match version.prerelease() {
        Some(Prerelease::Alpha(number)) => (0, number),
        Some(Prerelease::Beta(number)) => (1, number),
        Some(Prerelease::Candidate(number)) => (2, number),
        Some(Prerelease::Floating) => (3, 0),
        None => (4, 0),
    };
    let patch = match version.prerelease() {
        // `3.16-rc` becomes 3.16.0.
        Some(Prerelease::Floating) => 0,
        _ => number(version.patch()),
    };
    (version.major().into(), number(version.minor()), patch, stage)
}

impl PythonTag {
    /// The order of listings: the newest Python first, a final release before its prereleases, then by variant, the
    /// newest suite first, the shorter name first.
    ///
    /// What floats stands before all that it can mean: `latest`, `3`, `3.15`, then `3.15.1`. A tag without a suite
    /// stands before those that name one. It is a total order: only equal tags compare as equal.
    ///
    /// ```
    /// # use pyimage_build::PythonTag;
    /// let mut tags = ["3.9-slim", "3.15.0rc1", "3.15.0", "3.13-slim-bookworm", "3.13-slim-trixie", "3.13", "latest"]
    ///     .into_iter()
    ///     .map(str::parse)
    ///     .collect::<Result<Vec<PythonTag>, _>>()?;
    /// tags.sort_by(PythonTag::cmp_newest_first);
    /// let tags: Vec<_> = tags.iter().map(PythonTag::as_str).collect();
    /// assert_eq!(
    ///     tags,
    ///     ["latest", "3.15.0", "3.15.0rc1", "3.13", "3.13-slim-trixie", "3.13-slim-bookworm", "3.9-slim"],
    /// );
    /// # Ok::<(), pyimage_build::PythonTagError>(())
    /// ```
    #[must_use]
    pub fn cmp_newest_first(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }

    fn order(&self) -> impl Ord + '_ {
        let suite = self.suite.as_ref().map(Reverse::<&Suite>);
        let version = Reverse(rank(self.version.as_ref(), self.is_rc()));
        (version, self.variant, suite, self.text.len(), self.text.as_str())
    }
}
