//! The tag that satisfies everything that asks for a Python.

use crate::official::{BUILDS, Build};
use crate::{Prerelease, PythonTag, PythonVersion, PythonVersionFile, RequiresPython};

/// What a source of constraints wants.
///
/// ```
/// use pyimage_build::{RequiresPython, Wanted};
///
/// let wanted: Wanted = ">=3.12".parse::<RequiresPython>()?.into();
/// assert!(matches!(wanted, Wanted::Requires(_)));
/// # Ok::<(), pyimage_build::RequiresPythonError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `requires-python` of a script or a project.
    Requires(RequiresPython),
    /// A `.python-version` file.
    VersionFile(PythonVersionFile),
    /// This tag and no other.
    Tag(PythonTag),
}

impl From<RequiresPython> for Wanted {
    fn from(requires: RequiresPython) -> Self {
        Self::Requires(requires)
    }
}

impl From<PythonVersionFile> for Wanted {
    fn from(file: PythonVersionFile) -> Self {
        Self::VersionFile(file)
    }
}

impl From<PythonTag> for Wanted {
    fn from(tag: PythonTag) -> Self {
        Self::Tag(tag)
    }
}

/// A wish for a Python, and who has it.
///
/// ```
/// use pyimage_build::{Constraint, RequiresPython};
///
/// let requires: RequiresPython = ">=3.12".parse()?;
/// let constraint = Constraint::new(format!("requires-python `{requires}` of gen.py"), requires);
/// assert!(constraint.allows(&"3.13-slim".parse()?));
/// assert!(!constraint.allows(&"3.11-slim".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// The wish and where it stands, as messages name it.
    pub source: String,
    /// The wish.
    pub wanted: Wanted,
}

impl Constraint {
    /// A constraint of this source.
    ///
    /// ```
    /// # use pyimage_build::{Constraint, PythonTag};
    /// let constraint = Constraint::new("`tag` in Cargo.toml", PythonTag::default_slim());
    /// assert_eq!(constraint.source, "`tag` in Cargo.toml");
    /// ```
    pub fn new(source: impl Into<String>, wanted: impl Into<Wanted>) -> Self {
        Self { source: source.into(), wanted: wanted.into() }
    }

    /// Whether the tag's Python is one that is wanted; so is one that cannot be known, as that of `rc`.
    ///
    /// ```
    /// # use pyimage_build::{Constraint, PythonVersionFile};
    /// let file = PythonVersionFile::parse("3.15")?.expect("an entry");
    /// let constraint = Constraint::new(".python-version", file);
    /// assert!(constraint.allows(&"latest".parse()?));
    /// assert!(!constraint.allows(&"3.14".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn allows(&self, tag: &PythonTag) -> bool {
        let allows: &dyn Fn(&PythonVersion) -> bool = match &self.wanted {
            Wanted::Requires(requires) => &|version| requires.allows(version),
            Wanted::VersionFile(file) => &|version| file.allows(version),
            Wanted::Tag(wanted) => return wanted == tag,
        };
        match tag.version() {
            Some(version) => allows(version),
            None if tag.is_rc() => true,
            // `latest`, `slim` and the like.
            None => newest_stable().is_none_or(|build| allows(&build.python())),
        }
    }

    /// The tags of single releases that may be the answer where no floating tag is.
    fn named(&self) -> Vec<PythonVersion> {
        match &self.wanted {
            Wanted::Requires(requires) | Wanted::VersionFile(PythonVersionFile::Specifiers(requires)) => {
                requires.named()
            }
            Wanted::VersionFile(PythonVersionFile::Version(version)) => vec![*version],
            Wanted::Tag(_) => Vec::new(),
        }
    }
}

/// The tag to take, and whose wishes led to it.
///
/// ```
/// use pyimage_build::{Constraint, PythonVersionFile, RequiresPython, TagChoice};
///
/// let script = Constraint::new("requires-python `>=3.12` of gen.py", ">=3.12".parse::<RequiresPython>()?);
/// let file = Constraint::new("`3.13` in .python-version", PythonVersionFile::parse("3.13")?.expect("an entry"));
/// let choice = TagChoice::among(&[script, file])?;
/// assert_eq!(choice.tag.as_str(), "3.13-slim");
/// assert_eq!(choice.reasons, ["requires-python `>=3.12` of gen.py", "`3.13` in .python-version"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChoice {
    /// The tag.
    pub tag: PythonTag,
    /// The sources of the constraints, in the order that they were given in; empty where nothing was asked for.
    pub reasons: Vec<String>,
}

impl TagChoice {
    /// The tag that satisfies all constraints: a tag that is among them, else the slim image of the newest Python.
    ///
    /// A floating tag is preferred, then the newest single release that a constraint names. A version without support
    /// is chosen where no other will do, and a prerelease only where nothing final will.
    ///
    /// ```
    /// # use pyimage_build::{Constraint, PythonTag, RequiresPython, TagChoice};
    /// let choose = |requires: &str| -> Result<_, Box<dyn std::error::Error>> {
    ///     let requires: RequiresPython = requires.parse()?;
    ///     Ok(TagChoice::among(&[Constraint::new("the script", requires)])?.tag.to_string())
    /// };
    /// assert_eq!(TagChoice::among(&[])?.tag, PythonTag::default_slim());
    /// assert_eq!(choose(">=3.12,<3.14")?, "3.13-slim");
    /// assert_eq!(choose("<3.9")?, "3.8-slim");
    /// assert_eq!(choose("==3.12.4")?, "3.12.4-slim");
    /// assert_eq!(choose(">=3.16")?, "3.16-rc-slim");
    /// assert!(choose(">=4").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where no official image satisfies all of them: one that none satisfies, else the first two that no image satisfies
    /// both of, else all.
    pub fn among(constraints: &[Constraint]) -> Result<Self, TagChoiceError> {
        let all: Vec<&Constraint> = constraints.iter().collect();
        if let Some(tag) = best(&all) {
            return Ok(Self { tag, reasons: sources(&all) });
        }
        if let Some(alone) = all.iter().find(|constraint| best(&[constraint]).is_none()) {
            return Err(TagChoiceError::Unsatisfiable(alone.source.clone()));
        }
        let pairs = all
            .iter()
            .enumerate()
            .flat_map(|(at, one)| all[at + 1..].iter().map(move |other| [*one, *other]));
        let contradicting = pairs.into_iter().find(|pair| best(pair).is_none());
        let sources = contradicting.map_or_else(|| sources(&all), |pair| sources(&pair));
        Err(TagChoiceError::Contradiction { sources })
    }
}

fn sources(constraints: &[&Constraint]) -> Vec<String> {
    constraints.iter().map(|constraint| constraint.source.clone()).collect()
}

/// The tag that satisfies all of these.
fn best(constraints: &[&Constraint]) -> Option<PythonTag> {
    candidates(constraints)
        .into_iter()
        .find(|tag| constraints.iter().all(|constraint| constraint.allows(tag)))
}

/// The tags that may be the answer, the best first.
fn candidates(constraints: &[&Constraint]) -> Vec<PythonTag> {
    let given: Vec<_> = constraints
        .iter()
        .filter_map(|constraint| match &constraint.wanted {
            Wanted::Tag(tag) => Some(tag.clone()),
            _ => None,
        })
        .collect();
    if !given.is_empty() {
        return given;
    }
    let floating =
        |prerelease| BUILDS.iter().filter(move |build| build.prerelease == prerelease).map(Build::python);
    let mut named: Vec<_> = constraints.iter().flat_map(|constraint| constraint.named()).collect();
    named.retain(exists);
    let mut named: Vec<_> = named.iter().map(PythonTag::slim).collect();
    named.sort_by(PythonTag::cmp_newest_first);
    let (prereleases, releases): (Vec<_>, Vec<_>) = named
        .into_iter()
        .partition(|tag| tag.version().is_some_and(|version| version.prerelease().is_some()));
    let stable = floating(false).map(|version| PythonTag::slim(&version)).chain(releases);
    stable.chain(floating(true).map(|version| PythonTag::slim(&version))).chain(prereleases).collect()
}

/// Whether there is an official image of such a release, as far as that is known here: from 3.2 on, and of 2.7.
fn exists(version: &PythonVersion) -> bool {
    let newest =
        |prerelease| BUILDS.iter().find(|build| build.prerelease == prerelease).map(|build| build.minor);
    let prerelease = matches!(
        version.prerelease(),
        Some(Prerelease::Alpha(_) | Prerelease::Beta(_) | Prerelease::Candidate(_))
    );
    match (version.major(), version.minor()) {
        _ if version.patch().is_none() => false,
        (2, minor) => minor == Some(7),
        (3, Some(minor)) => {
            minor >= 2 && (Some(minor) <= newest(false) || prerelease && Some(minor) <= newest(true))
        }
        _ => false,
    }
}

fn newest_stable() -> Option<&'static Build> {
    BUILDS.iter().find(|build| !build.prerelease)
}

/// Why no tag satisfies all constraints.
///
/// ```
/// use pyimage_build::{Constraint, PythonVersionFile, RequiresPython, TagChoice};
///
/// let script = Constraint::new("requires-python `>=3.12` of gen.py", ">=3.12".parse::<RequiresPython>()?);
/// let file = Constraint::new("`3.11` in .python-version", PythonVersionFile::parse("3.11")?.expect("an entry"));
/// assert_eq!(
///     TagChoice::among(&[script, file]).unwrap_err().to_string(),
///     "requires-python `>=3.12` of gen.py and `3.11` in .python-version contradict each other",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagChoiceError {
    /// There is no such Python, or no official image of it; the source of the constraint.
    #[error("no official Python image satisfies {0}")]
    Unsatisfiable(String),
    /// No Python satisfies all of these.
    #[error("{} contradict each other", listed(sources))]
    Contradiction {
        /// The sources of the constraints: two, or more where any two of them could be satisfied.
        sources: Vec<String>,
    },
}

/// `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
