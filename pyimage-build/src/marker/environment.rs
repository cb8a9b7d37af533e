//! What markers are evaluated against.

use std::collections::BTreeSet;

use super::expression::Variable;
use crate::package_name::normalised;
use crate::{Platform, Prerelease, PythonVersion};

/// The values of the variables of markers, in an image of a platform.
///
/// They are those of the platform that is asked for, not those of the host or its kernel: `platform_machine` is
/// `i686` on `linux/386`, whatever the machine. What only a running kernel knows, `platform_release` and
/// `platform_version`, is empty.
///
/// ```
/// use pyimage_build::{Marker, MarkerEnvironment};
///
/// let environment = MarkerEnvironment::of(&"3.13.5".parse()?, &"linux/arm/v7".parse()?).expect("Linux");
/// assert!("platform_machine == 'armv7l'".parse::<Marker>()?.evaluate(&environment));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkerEnvironment {
    python_version: String,
    python_full_version: String,
    implementation_name: &'static str,
    implementation_version: String,
    sys_platform: &'static str,
    platform_machine: String,
    extra: String,
    extras: BTreeSet<String>,
    dependency_groups: BTreeSet<String>,
}

impl MarkerEnvironment {
    /// The values for a Python on a platform; none where the platform is not Linux, or the version is not one to the
    /// patch release.
    ///
    /// ```
    /// # use pyimage_build::MarkerEnvironment;
    /// let of = |python: &str, platform: &str| -> Result<_, Box<dyn std::error::Error>> {
    ///     Ok(MarkerEnvironment::of(&python.parse()?, &platform.parse()?))
    /// };
    /// assert!(of("3.13.5", "linux/amd64")?.is_some());
    /// assert!(of("3.13", "linux/amd64")?.is_none());
    /// assert!(of("3.13.5", "windows/amd64")?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(python: &PythonVersion, platform: &Platform) -> Option<Self> {
        let (major, minor, patch) = (python.major(), python.minor()?, python.patch()?);
        if platform.os() != "linux" {
            return None;
        }
        // Before Python 3.3 there was no `sys.implementation`, and Linux had its major version with it.
        let is_modern = (major, minor) >= (3, 3);
        // `sys.implementation.version` is written with the first letter of `candidate`.
        let implementation_version = match python.prerelease() {
            Some(Prerelease::Floating) => return None,
            Some(Prerelease::Candidate(number)) => format!("{major}.{minor}.{patch}c{number}"),
            _ if !is_modern => "0".to_owned(),
            _ => python.to_string(),
        };
        let machine = platform.wheel_architecture().unwrap_or_else(|| {
            match (platform.architecture(), platform.variant()) {
                ("arm", Some("v5")) => "armv5tel",
                ("mips64le", _) => "mips64",
                (architecture, _) => architecture,
            }
        });
        Some(Self {
            python_version: format!("{major}.{minor}"),
            python_full_version: python.to_string(),
            implementation_name: if is_modern { "cpython" } else { "" },
            implementation_version,
            sys_platform: if is_modern { "linux" } else { "linux2" },
            platform_machine: machine.to_owned(),
            extra: String::new(),
            extras: BTreeSet::new(),
            dependency_groups: BTreeSet::new(),
        })
    }

    /// With the extra for which the requirements of a package are asked.
    ///
    /// ```
    /// # use pyimage_build::{Marker, MarkerEnvironment};
    /// let environment = MarkerEnvironment::of(&"3.13.5".parse()?, &"linux/amd64".parse()?).expect("Linux");
    /// let marker: Marker = "extra == 'Use_Chardet'".parse()?;
    /// assert!(!marker.evaluate(&environment));
    /// assert!(marker.evaluate(&environment.with_extra("use-chardet")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_extra(mut self, extra: &str) -> Self {
        self.extra = normalised(extra);
        self
    }

    /// With the extras that are asked of a lock.
    ///
    /// ```
    /// # use pyimage_build::{Marker, MarkerEnvironment};
    /// let environment = MarkerEnvironment::of(&"3.13.5".parse()?, &"linux/amd64".parse()?).expect("Linux");
    /// let marker: Marker = "'cli' in extras".parse()?;
    /// assert!(marker.evaluate(&environment.with_extras(["CLI"])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_extras(mut self, extras: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.extras = extras.into_iter().map(|extra| normalised(extra.as_ref())).collect();
        self
    }

    /// With the dependency groups that are asked of a lock.
    ///
    /// ```
    /// # use pyimage_build::{Marker, MarkerEnvironment};
    /// let environment = MarkerEnvironment::of(&"3.13.5".parse()?, &"linux/amd64".parse()?).expect("Linux");
    /// let marker: Marker = "'dev' not in dependency_groups".parse()?;
    /// assert!(marker.evaluate(&environment));
    /// assert!(!marker.evaluate(&environment.with_dependency_groups(["dev"])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_dependency_groups(mut self, groups: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.dependency_groups = groups.into_iter().map(|group| normalised(group.as_ref())).collect();
        self
    }

    /// The value of a variable that is a text; empty for the sets.
    pub(super) fn text(&self, variable: Variable) -> &str {
        match variable {
            Variable::PythonVersion => &self.python_version,
            Variable::PythonFullVersion => &self.python_full_version,
            Variable::ImplementationVersion => &self.implementation_version,
            Variable::PlatformMachine => &self.platform_machine,
            Variable::Extra => &self.extra,
            Variable::OsName => "posix",
            Variable::SysPlatform => self.sys_platform,
            Variable::ImplementationName => self.implementation_name,
            Variable::PlatformSystem => "Linux",
            Variable::PlatformPythonImplementation => "CPython",
            Variable::PlatformRelease
            | Variable::PlatformVersion
            | Variable::Extras
            | Variable::DependencyGroups => "",
        }
    }

    /// The value of a variable that is a set.
    pub(super) fn set(&self, variable: Variable) -> Option<&BTreeSet<String>> {
        match variable {
            Variable::Extras => Some(&self.extras),
            Variable::DependencyGroups => Some(&self.dependency_groups),
            _ => None,
        }
    }
}
