//! Environment markers: `python_version >= "3.12" and sys_platform == "linux"`.

mod environment;
mod expression;
mod parse;

use std::fmt;
use std::str::FromStr;

pub use environment::MarkerEnvironment;
use expression::{Expression, Variable};

/// An [environment marker]: a condition on where a package is to be installed.
///
/// The grammar is the specification's, with the spellings of before it (`os.name`, `python_implementation`) and the two
/// sets that locks may ask for: `"dev" in dependency_groups`, `"cli" in extras`. What it comes to is what the
/// [packaging] library makes of it, also where that is surprising: `python_version in "3.12, 3.13"` looks for a text in
/// a text, and `sys_platform > "a"` is always false.
///
/// A comparison that has no meaning anywhere, such as `sys_platform ~= "linux"`, is refused here, and not where it
/// is evaluated. So is one of two variables, or of two texts.
///
/// ```
/// use pyimage_build::{Marker, MarkerEnvironment};
///
/// let marker: Marker = "platform_machine == 'aarch64' and python_full_version < '3.13.5'".parse()?;
/// let python = "3.13.2".parse()?;
/// let on = |platform: &str| platform.parse().map(|platform| MarkerEnvironment::of(&python, &platform));
/// assert!(marker.evaluate(&on("linux/arm64")?.expect("Linux")));
/// assert!(!marker.evaluate(&on("linux/amd64")?.expect("Linux")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [environment marker]: https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
/// [packaging]: https://packaging.pypa.io/en/stable/markers.html
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    expression: Expression,
}

impl Marker {
    /// Whether the condition holds.
    ///
    /// ```
    /// # use pyimage_build::{Marker, MarkerEnvironment};
    /// let environment = MarkerEnvironment::of(&"3.15.0rc1".parse()?, &"linux/386".parse()?).expect("Linux");
    /// let holds = |marker: &str| marker.parse().map(|marker: Marker| marker.evaluate(&environment));
    /// assert!(holds("python_version == '3.15' and platform_machine == 'i686'")?);
    /// assert!(!holds("python_full_version >= '3.15'")?, "a candidate comes before the release");
    /// assert!(!holds("sys_platform == 'win32' or platform_python_implementation == 'PyPy'")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn evaluate(&self, environment: &MarkerEnvironment) -> bool {
        self.expression.evaluate(environment)
    }

    /// Whether it asks for `platform_machine`.
    ///
    /// That is what the kernel says of itself in a running container: `x86_64` for `linux/386` on a 64-bit host,
    /// `aarch64` for `linux/arm/v7`. What pip chooses there is not what is chosen here, for the platform.
    ///
    /// ```
    /// # use pyimage_build::Marker;
    /// assert!("platform.machine != 'x86_64'".parse::<Marker>()?.tests_machine());
    /// assert!(!"sys_platform == 'linux'".parse::<Marker>()?.tests_machine());
    /// # Ok::<(), pyimage_build::MarkerError>(())
    /// ```
    #[must_use]
    pub fn tests_machine(&self) -> bool {
        self.expression.mentions(Variable::PlatformMachine)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

impl FromStr for Marker {
    type Err = MarkerError;

    fn from_str(text: &str) -> Result<Self, MarkerError> {
        parse::marker(text).map(|expression| Self { expression })
    }
}

/// Why a text is not a [`Marker`].
///
/// ```
/// use pyimage_build::Marker;
///
/// let error = "python_version >= 3.12".parse::<Marker>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`python_version >= 3.12` is no environment marker: at column 19 is `3.12`, not a variable or a text in quotes",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{marker}` is no environment marker: {reason}")]
pub struct MarkerError {
    /// The text.
    pub marker: String,
    /// What is wrong.
    pub reason: String,
    /// How many bytes of the text come before the fault.
    pub at: usize,
}

#[cfg(test)]
mod tests;
