//! Shared libraries that packages need and an image does not have.

mod debian;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{BaseFacts, Elf, Libc, Platform};

pub use debian::debian_package;

/// What the machine that runs a container brings along: the libraries of its graphics driver.
const OF_THE_MACHINE: [&str; 4] = ["libcuda.so", "libnvcuvid.so", "libnvoptix.so", "libnvidia-"];

/// What musl's loader is itself, whatever number is behind it.
const OF_MUSL: [&str; 7] =
    ["libc.so", "libpthread.so", "librt.so", "libm.so", "libdl.so", "libutil.so", "libxnet.so"];

/// A file in an image that the loader reads.
///
/// ```
/// use pyimage_build::{Binary, Elf};
///
/// let path = "usr/local/lib/python3.13/site-packages/cv2/cv2.abi3.so".to_owned();
/// let binary = Binary { path, elf: Elf { needed: vec!["libGL.so.1".to_owned()], ..Elf::default() } };
/// let json = serde_json::to_string(&binary)?;
/// assert_eq!(serde_json::from_str::<Binary>(&json)?, binary);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binary {
    /// Its path in the image.
    pub path: String,
    /// What it needs.
    pub elf: Elf,
}

/// Holds what the packages of an image need against what it has.
///
/// A library is there if the base has it, or another package in a folder that the file itself names, or its own package
/// anywhere: packages load their own libraries before they need them.
///
/// ```
/// use pyimage_build::{BaseFacts, Binary, Elf, Libc, LibraryCheck, LibraryProblem, Platform};
///
/// let elf = Elf { architecture: Some("amd64".to_owned()), needed: vec!["libGL.so.1".to_owned()], ..Elf::default() };
/// let binaries = [Binary { path: "cv2.abi3.so".to_owned(), elf }];
/// let (base, platform) = (BaseFacts::default(), "linux/amd64".parse::<Platform>()?);
/// let mut check = LibraryCheck::new(&base, &platform, Libc::Glibc);
/// check.add("opencv-python", &binaries);
/// let problems = check.problems();
/// assert!(matches!(problems[..], [LibraryProblem::Missing { library: "libGL.so.1", .. }]));
/// # Ok::<(), pyimage_build::PlatformError>(())
/// ```
#[derive(Debug)]
pub struct LibraryCheck<'a> {
    base: &'a BaseFacts,
    platform: &'a Platform,
    libc: Libc,
    packages: Vec<(&'a str, &'a [Binary])>,
}

/// Why something in an image cannot be loaded.
///
/// ```
/// use pyimage_build::LibraryProblem;
///
/// let problem = LibraryProblem::Missing { package: "cv2", library: "libGL.so.1", path: "cv2.abi3.so" };
/// assert_eq!(problem.package(), "cv2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LibraryProblem<'a> {
    /// A library is nowhere.
    Missing {
        /// The package that needs it.
        package: &'a str,
        /// The library.
        library: &'a str,
        /// The first file that needs it.
        path: &'a str,
    },
    /// All of a package's extension modules are for another machine.
    Foreign {
        /// The package.
        package: &'a str,
        /// The machine.
        architecture: &'a str,
        /// The first of them.
        path: &'a str,
    },
}

impl<'a> LibraryProblem<'a> {
    /// The package that has it.
    ///
    /// ```
    /// # use pyimage_build::LibraryProblem;
    /// let problem = LibraryProblem::Foreign { package: "demo", architecture: "arm64", path: "demo.abi3.so" };
    /// assert_eq!(problem.package(), "demo");
    /// ```
    #[must_use]
    pub fn package(&self) -> &'a str {
        match *self {
            Self::Missing { package, .. } | Self::Foreign { package, .. } => package,
        }
    }
}

impl<'a> LibraryCheck<'a> {
    /// A check of an image with this base.
    ///
    /// ```
    /// use pyimage_build::{BaseFacts, Libc, LibraryCheck, Platform};
    ///
    /// let (base, platform) = (BaseFacts::default(), Platform::host());
    /// assert!(LibraryCheck::new(&base, &platform, Libc::Glibc).problems().is_empty());
    /// ```
    #[must_use]
    pub fn new(base: &'a BaseFacts, platform: &'a Platform, libc: Libc) -> Self {
        Self { base, platform, libc, packages: Vec::new() }
    }

    /// Adds what a package has.
    ///
    /// ```
    /// use pyimage_build::{BaseFacts, Binary, Elf, Libc, LibraryCheck, Platform};
    ///
    /// let needed = vec!["libGL.so.1".to_owned(), "libc.so.6".to_owned()];
    /// let elf = Elf { architecture: Some("amd64".to_owned()), needed, ..Elf::default() };
    /// let binaries = [Binary { path: "cv2.abi3.so".to_owned(), elf }];
    /// let base = BaseFacts { libraries: ["libc.so.6".to_owned()].into(), ..BaseFacts::default() };
    /// let platform: Platform = "linux/amd64".parse()?;
    /// let mut check = LibraryCheck::new(&base, &platform, Libc::Glibc);
    /// check.add("opencv-python", &binaries);
    /// assert_eq!(check.problems().len(), 1);
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    pub fn add(&mut self, package: &'a str, binaries: &'a [Binary]) {
        self.packages.push((package, binaries));
    }

    /// What cannot be loaded, sorted: each library once for each package.
    ///
    /// ```
    /// use pyimage_build::{BaseFacts, Binary, Elf, Libc, LibraryCheck, Platform};
    ///
    /// let needed = vec!["libGL.so.1".to_owned(), "libc.so.6".to_owned()];
    /// let elf = Elf { architecture: Some("amd64".to_owned()), needed, ..Elf::default() };
    /// let binaries = [Binary { path: "cv2.abi3.so".to_owned(), elf }];
    /// let base = BaseFacts { libraries: ["libc.so.6".to_owned()].into(), ..BaseFacts::default() };
    /// let platform: Platform = "linux/amd64".parse()?;
    /// let mut check = LibraryCheck::new(&base, &platform, Libc::Glibc);
    /// check.add("opencv-python", &binaries);
    /// assert!(check.problems().iter().all(|problem| problem.package() == "opencv-python"));
    /// # Ok::<(), pyimage_build::PlatformError>(())
    /// ```
    #[must_use]
    pub fn problems(&self) -> Vec<LibraryProblem<'a>> {
        let all = self.packages.iter().flat_map(|(_, binaries)| binaries.iter());
        let paths: BTreeSet<&str> = all.map(|binary| binary.path.as_str()).collect();
        let mut problems = BTreeMap::new();
        for &(package, binaries) in &self.packages {
            if let Some(foreign) = self.foreign(package, binaries) {
                problems.insert((package, ""), foreign);
                continue;
            }
            let own: BTreeSet<&str> = binaries.iter().flat_map(names).collect();
            for binary in binaries.iter().filter(|binary| !self.is_foreign(binary)) {
                let needed = binary.elf.needed.iter().map(String::as_str);
                for library in
                    needed.filter(|library| !own.contains(library) && !self.is_there(library, binary, &paths))
                {
                    let missing = LibraryProblem::Missing { package, library, path: &binary.path };
                    problems.entry((package, library)).or_insert(missing);
                }
            }
        }
        problems.into_values().collect()
    }

    fn is_foreign(&self, binary: &Binary) -> bool {
        binary.elf.architecture.as_deref() != Some(self.platform.architecture())
    }

    /// A package that has nothing for this machine. Files for others beside those for it are data; so are libraries of a
    /// package without extension modules.
    fn foreign(&self, package: &'a str, binaries: &'a [Binary]) -> Option<LibraryProblem<'a>> {
        if !binaries.iter().all(|binary| self.is_foreign(binary)) {
            return None;
        }
        let module = binaries.iter().find(|binary| is_extension_module(&binary.path))?;
        let architecture = module.elf.architecture.as_deref().unwrap_or("another machine");
        Some(LibraryProblem::Foreign { package, architecture, path: &module.path })
    }

    fn is_there(&self, library: &str, binary: &Binary, paths: &BTreeSet<&str>) -> bool {
        let provided = |names: &[&str]| names.iter().any(|name| library.starts_with(name));
        if self.base.libraries.contains(library) || provided(&OF_THE_MACHINE) {
            return true;
        }
        if self.libc == Libc::Musl && provided(&OF_MUSL) {
            return true;
        }
        // A path, and not a name: the loader searches nowhere.
        if library.contains('/') {
            return true;
        }
        let folder = binary.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        binary.elf.search.iter().any(|search| {
            let place = search.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", &format!("/{folder}"));
            paths.contains(&*normal(&format!("{place}/{library}")))
        })
    }
}

/// What others find a file by.
fn names(binary: &Binary) -> impl Iterator<Item = &str> {
    let file = binary.path.rsplit('/').next();
    file.into_iter().chain(binary.elf.soname.as_deref())
}

/// Whether a Python would import it, by its name.
fn is_extension_module(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    Path::new(name).extension().is_some_and(|end| end == "so")
        && [".cpython-", ".abi3.", ".pypy"].iter().any(|mark| name.contains(mark))
}

/// A path from the root, without `.` and `..`.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests;
