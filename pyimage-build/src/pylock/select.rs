//! Choosing what is installed, by the rules that PEP 751 has for installers.

use std::collections::HashMap;

use super::{Choice, LockedPackage, LockedWheel, PackageSource, Pylock, Selected, Selection, Uncovered};
use crate::package_name::normalised;
use crate::{PythonVersion, RequiresPython, Target, WheelOffer, nearest};

impl Pylock {
    /// What is to be installed for a target, by the [specification's rules for installers].
    ///
    /// A package is chosen where its marker says so, from its repository, its folder, its archive, the best of its wheels
    /// or its sources, in this order. Of wheels with equal tags it is the first of the lock, whatever their build tags, as
    /// for `packaging`. An extra or group that the lock does not have is an error, as a misspelt one would install
    /// nothing.
    ///
    /// A prerelease of a Python is where `requires-python` wants its release, as for pip and uv: a lock for `>=3.16` can
    /// be tried on 3.16.0b1.
    ///
    /// ```
    /// use pyimage_build::{Libc, LibcRelease, Pylock, Target};
    ///
    /// let lock = Pylock::parse("lock-version = '1.0'\ncreated-by = 'me'\nrequires-python = '>=3.13'\npackages = []")?;
    /// let glibc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 36 };
    /// let target = |python: &str| -> Result<_, Box<dyn std::error::Error>> {
    ///     Ok(Target::new(python.parse()?, "linux/amd64".parse()?, glibc)?)
    /// };
    /// assert!(lock.select(&target("3.13.5")?)?.packages.is_empty());
    /// assert_eq!(
    ///     lock.select(&target("3.12.11")?).unwrap_err().to_string(),
    ///     "the lock is for Python >=3.13, which 3.12.11 is not",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [specification's rules for installers]: https://packaging.python.org/en/latest/specifications/pylock-toml/#installation
    pub fn select(&self, target: &Target) -> Result<Selection<'_>, SelectionError> {
        let packages = self.wanted(target)?.into_iter().map(|package| {
            let choice = choice(package, target).ok_or_else(|| {
                let (package, offer) = (package.to_string(), WheelOffer::of_package(package, target));
                SelectionError::NoWheel { package, target: target.to_string(), offer: offer.to_string() }
            })?;
            Ok(Selected { package, choice })
        });
        Ok(Selection { packages: packages.collect::<Result<_, _>>()? })
    }

    /// The packages that a target needs and no wheel covers: they have to be built, or cannot be had.
    ///
    /// ```
    /// use pyimage_build::{Libc, LibcRelease, Pylock, Target};
    ///
    /// let lock = Pylock::parse(
    ///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'uwsgi'\nversion = '2.0.31'\n\
    ///      sdist = { url = 'https://files.example/uwsgi-2.0.31.tar.gz', hashes = { md5 = 'ab' } }",
    /// )?;
    /// let glibc = LibcRelease { libc: Libc::Glibc, major: 2, minor: 36 };
    /// let uncovered = lock.coverage(&Target::new("3.13.5".parse()?, "linux/amd64".parse()?, glibc)?)?;
    /// assert_eq!(uncovered[0].package.to_string(), "uwsgi 2.0.31");
    /// assert!(uncovered[0].sdist.is_some());
    /// assert_eq!(uncovered[0].offer.to_string(), "it has no wheels at all");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn coverage(&self, target: &Target) -> Result<Vec<Uncovered<'_>>, SelectionError> {
        let uncovered = self.wanted(target)?.into_iter().filter_map(|package| {
            let PackageSource::Release { wheels, sdist } = &package.source else { return None };
            let is_covered = best(wheels, target).is_some();
            let offer = || WheelOffer::of_package(package, target);
            (!is_covered).then(|| Uncovered { package, sdist: sdist.as_ref(), offer: offer() })
        });
        Ok(uncovered.collect())
    }

    /// The packages that the environment asks for.
    fn wanted(&self, target: &Target) -> Result<Vec<&LockedPackage>, SelectionError> {
        let python = || target.python().to_string();
        if let Some(requires) = self.requires_python.as_ref().filter(|requires| !allows(requires, target)) {
            return Err(SelectionError::RequiresPython { requires: requires.to_string(), python: python() });
        }
        self.check_names(target)?;
        if !self.environments.is_empty()
            && !self.environments.iter().any(|marker| marker.evaluate(target.environment()))
        {
            let environments: Vec<String> =
                self.environments.iter().map(|marker| format!("`{marker}`")).collect();
            let environments = environments.join(", ");
            return Err(SelectionError::Environment { target: target.to_string(), environments });
        }
        let environment = match target.groups() {
            Some(groups) => target.environment().clone().with_dependency_groups(groups),
            None => target.environment().clone().with_dependency_groups(&self.default_groups),
        };
        let mut wanted = Vec::new();
        let mut places = HashMap::new();
        for (place, package) in self.packages.iter().enumerate() {
            if !package.marker.as_ref().is_none_or(|marker| marker.evaluate(&environment)) {
                continue;
            }
            if let Some(requires) =
                package.requires_python.as_ref().filter(|requires| !allows(requires, target))
            {
                let (package, requires) = (package.to_string(), requires.to_string());
                return Err(SelectionError::PackageRequiresPython { package, requires, python: python() });
            }
            if let Some(first) = places.insert(&package.name, place) {
                let name = package.name.to_string();
                return Err(SelectionError::Ambiguous {
                    name,
                    first,
                    second: place,
                    target: target.to_string(),
                });
            }
            wanted.push(package);
        }
        Ok(wanted)
    }

    /// Whether the lock has the extras and groups that are asked for.
    fn check_names(&self, target: &Target) -> Result<(), SelectionError> {
        let extras: Vec<&str> = self.extras.iter().map(crate::PackageName::as_str).collect();
        let groups = self.dependency_groups.iter().chain(&self.default_groups);
        let groups: Vec<String> = groups.map(|group| normalised(group)).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let unknown = |what, name: &str, known: Vec<&str>| SelectionError::Unknown {
            what,
            name: name.to_owned(),
            suggestion: nearest(name, known.iter().copied()).first().map(|name| (*name).to_owned()),
            known: known.into_iter().map(str::to_owned).collect(),
        };
        if let Some(extra) = target.extras().find(|extra| !extras.contains(extra)) {
            return Err(unknown("extra", extra, extras));
        }
        let asked = target.groups().into_iter().flatten();
        match asked.map(String::as_str).find(|group| !groups.contains(group)) {
            Some(group) => Err(unknown("dependency group", group, groups)),
            None => Ok(()),
        }
    }
}

/// Whether the version of the target is allowed, or the release that it is before.
fn allows(requires: &RequiresPython, target: &Target) -> bool {
    let python = target.python();
    let release = || format!("{}.{}.{}", python.major(), python.minor()?, python.patch()?).parse().ok();
    requires.allows(python) || release().is_some_and(|release: PythonVersion| requires.allows(&release))
}

fn choice<'a>(package: &'a LockedPackage, target: &Target) -> Option<Choice<'a>> {
    Some(match &package.source {
        PackageSource::Vcs(vcs) => Choice::Vcs(vcs),
        PackageSource::Directory(directory) => Choice::Directory(directory),
        PackageSource::Archive { file, subdirectory } => {
            Choice::Archive { file, subdirectory: subdirectory.as_deref() }
        }
        PackageSource::Release { wheels, sdist } => match best(wheels, target) {
            Some(wheel) => Choice::Wheel(wheel),
            None => Choice::Sdist(sdist.as_ref()?),
        },
    })
}

/// The wheel to prefer: by its tags, then the first. A locker lists wheels in the order that it wants.
fn best<'a>(wheels: &'a [LockedWheel], target: &Target) -> Option<&'a LockedWheel> {
    wheels
        .iter()
        .filter_map(|wheel| Some((target.tags().rank(&wheel.name)?, wheel)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, wheel)| wheel)
}

/// Why nothing can be selected of a lock.
///
/// ```
/// use pyimage_build::{Libc, LibcRelease, Pylock, Target};
///
/// let lock = Pylock::parse(
///     "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '1.0'\nwheels = \
///      [{ url = 'https://files.example/demo-1.0-cp313-cp313-manylinux_2_28_x86_64.whl', hashes = { md5 = 'ab' } }]",
/// )?;
/// let musl = LibcRelease { libc: Libc::Musl, major: 1, minor: 2 };
/// let error = lock.select(&Target::new("3.13.5".parse()?, "linux/amd64".parse()?, musl)?).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "no wheel of `demo 1.0` fits Python 3.13.5 on linux/amd64 with musl 1.2, and there are no sources: it has wheels \
///      for linux/amd64 (glibc 2.28)",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// The lock is not for this Python.
    #[error("the lock is for Python {requires}, which {python} is not")]
    RequiresPython {
        /// What it asks for.
        requires: String,
        /// What there is.
        python: String,
    },
    /// The lock is not for this environment.
    #[error("the lock is not for {target}, only for {environments}")]
    Environment {
        /// What there is.
        target: String,
        /// What it is for.
        environments: String,
    },
    /// The lock has no such extra or group.
    #[error("the lock has no {what} `{name}`{}", had(known))]
    Unknown {
        /// Which of the two.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// A package is not for this Python.
    #[error("package `{package}` is for Python {requires}, which {python} is not")]
    PackageRequiresPython {
        /// The package and its version.
        package: String,
        /// What it asks for.
        requires: String,
        /// What there is.
        python: String,
    },
    /// Two entries of one package are for this environment.
    #[error(
        "the lock has two entries of `{name}` for {target}, `packages[{first}]` and `packages[{second}]`"
    )]
    Ambiguous {
        /// The package.
        name: String,
        /// The place of one.
        first: usize,
        /// The place of the other.
        second: usize,
        /// What there is.
        target: String,
    },
    /// No wheel fits, and there are no sources.
    #[error("no wheel of `{package}` fits {target}, and there are no sources: {offer}")]
    NoWheel {
        /// The package and its version.
        package: String,
        /// What there is.
        target: String,
        /// For what it has wheels.
        offer: String,
    },
}

fn had(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!(", only `{}`", known.join("`, `")) }
}
