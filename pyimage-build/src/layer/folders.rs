//! Folders that a base has anyway.

use std::collections::BTreeSet;

use crate::Scheme;

/// Symbolic links of today's distributions, with where they lead. What is put below one would replace it.
const LINKS: [(&str, &str); 8] = [
    ("bin", "usr/bin"),
    ("lib", "usr/lib"),
    ("lib32", "usr/lib32"),
    ("lib64", "usr/lib64"),
    ("libx32", "usr/libx32"),
    ("sbin", "usr/sbin"),
    ("var/lock", "run/lock"),
    ("var/run", "run"),
];

/// Folders that a layer does not have to make, and should not: its modes and owners would replace the base's.
///
/// ```
/// use pyimage_build::BaseFolders;
///
/// let folders = BaseFolders::official(13);
/// assert!(folders.contains("usr/local/lib/python3.13/site-packages"));
/// assert!(folders.contains("usr/src") && !folders.contains("usr/src/app"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseFolders(BTreeSet<String>);

impl BaseFolders {
    /// Those of the official images of Python 3 with this minor version, on every distribution.
    ///
    /// ```
    /// # use pyimage_build::BaseFolders;
    /// assert!(BaseFolders::official(9).contains("usr/local/bin"));
    /// ```
    #[must_use]
    pub fn official(minor: u16) -> Self {
        Self::of(&Scheme::official(minor))
    }

    /// Those of the official images whose Python has this scheme, be it 2 or 3.
    ///
    /// ```
    /// # use pyimage_build::{BaseFolders, Scheme};
    /// let scheme = Scheme::of(&"2.7.18".parse()?).expect("a minor number");
    /// assert!(BaseFolders::of(&scheme).contains("usr/local/lib/python2.7/site-packages"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(scheme: &Scheme) -> Self {
        let always = [
            "dev",
            "etc",
            "home",
            "media",
            "mnt",
            "opt",
            "proc",
            "root",
            "run",
            "srv",
            "sys",
            "tmp",
            "usr",
            "usr/bin",
            "usr/lib",
            "usr/local",
            "usr/local/bin",
            "usr/local/include",
            "usr/local/lib",
            "usr/local/share",
            "usr/sbin",
            "usr/share",
            "usr/src",
            "var",
            "var/cache",
            "var/lib",
            "var/log",
            "var/tmp",
        ];
        let (major, minor) = scheme.python();
        let python = [
            format!("usr/local/{}", scheme.include()),
            format!("usr/local/lib/python{major}.{minor}"),
            format!("usr/local/{}", scheme.site_packages()),
        ];
        always.into_iter().map(str::to_owned).chain(python).collect()
    }

    /// Whether the base has it.
    ///
    /// ```
    /// # use pyimage_build::BaseFolders;
    /// assert!(!BaseFolders::default().contains("usr"));
    /// ```
    #[must_use]
    pub fn contains(&self, folder: &str) -> bool {
        self.0.contains(folder)
    }

    /// All of them, sorted.
    ///
    /// ```
    /// # use pyimage_build::BaseFolders;
    /// assert!(BaseFolders::official(13).iter().is_sorted());
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromIterator<String> for BaseFolders {
    fn from_iter<T: IntoIterator<Item = String>>(folders: T) -> Self {
        Self(folders.into_iter().collect())
    }
}

/// The link that a path is, or is below, with where it leads.
pub(super) fn link_above(path: &str) -> Option<(&'static str, &'static str)> {
    LINKS.into_iter().find(|(link, _)| {
        path.strip_prefix(link).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
