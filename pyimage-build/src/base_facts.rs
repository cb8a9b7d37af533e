//! What the checks need of a base's files: the names of its shared libraries, its users and its groups.

#[cfg(feature = "image")]
mod scan;

use std::collections::BTreeSet;

#[cfg(feature = "image")]
use serde::{Deserialize, Serialize};

#[cfg(feature = "image")]
pub use scan::{BaseScan, BaseScanError};

/// What is known of a base's files. It is read once, while the base is locked.
///
/// ```
/// use pyimage_build::BaseFacts;
///
/// let facts = BaseFacts { passwd: vec!["www-data:x:33:33::/var/www:/usr/sbin/nologin".to_owned()], ..BaseFacts::default() };
/// assert_eq!(facts.users().collect::<Vec<_>>(), ["www-data"]);
/// assert!(!facts.libraries.contains("libGL.so.1"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "image", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "image", serde(default, deny_unknown_fields))]
pub struct BaseFacts {
    /// The names of shared libraries in the folders that the loader searches: `libc.so.6`.
    pub libraries: BTreeSet<String>,
    /// The lines of `/etc/passwd`.
    pub passwd: Vec<String>,
    /// The lines of `/etc/group`.
    pub group: Vec<String>,
}

impl BaseFacts {
    /// The names of its users.
    ///
    /// ```
    /// # use pyimage_build::BaseFacts;
    /// let facts = BaseFacts { passwd: vec!["root:x:0:0:root:/root:/bin/bash".to_owned()], ..BaseFacts::default() };
    /// assert!(facts.users().eq(["root"]));
    /// ```
    pub fn users(&self) -> impl Iterator<Item = &str> {
        names(&self.passwd)
    }

    /// The names of its groups.
    ///
    /// ```
    /// # use pyimage_build::BaseFacts;
    /// let facts = BaseFacts { group: vec!["staff:x:50:".to_owned()], ..BaseFacts::default() };
    /// assert!(facts.groups().eq(["staff"]));
    /// ```
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        names(&self.group)
    }
}

fn names(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().filter_map(|line| line.split_once(':')).map(|(name, _)| name)
}

#[cfg(test)]
mod tests;
