//! What a project depends on, one line each: `requests[socks]>=2,<3; python_version < "3.14"`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use pep440_rs::VersionSpecifier;

use crate::package_name::shown;
use crate::{Marker, MarkerError, PackageName, PackageNameError};

/// A [dependency specifier]: the name of a package, and what is asked of it.
///
/// ```
/// use pyimage_build::Requirement;
///
/// let requirement: Requirement = "Requests [socks] (>= 2, <3) ; os_name == 'posix'".parse()?;
/// assert_eq!(requirement.name().as_str(), "requests");
/// assert_eq!(requirement.to_string(), "requests[socks]>=2,<3 ; os_name == \"posix\"");
/// # Ok::<(), pyimage_build::RequirementError>(())
/// ```
///
/// [dependency specifier]: https://packaging.python.org/en/latest/specifications/dependency-specifiers/
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    name: PackageName,
    extras: BTreeSet<PackageName>,
    /// Without blanks, in their order.
    specifiers: Vec<String>,
    url: Option<String>,
    marker: Option<Marker>,
}

impl Requirement {
    /// The package.
    ///
    /// ```
    /// # use pyimage_build::Requirement;
    /// assert_eq!("PyYAML>=6".parse::<Requirement>()?.name().as_str(), "pyyaml");
    /// # Ok::<(), pyimage_build::RequirementError>(())
    /// ```
    #[must_use]
    pub const fn name(&self) -> &PackageName {
        &self.name
    }

    /// The extras of it that are wanted.
    ///
    /// ```
    /// # use pyimage_build::Requirement;
    /// assert!("uvicorn".parse::<Requirement>()?.extras().is_empty());
    /// assert_eq!("uvicorn[standard]".parse::<Requirement>()?.extras().len(), 1);
    /// # Ok::<(), pyimage_build::RequirementError>(())
    /// ```
    #[must_use]
    pub const fn extras(&self) -> &BTreeSet<PackageName> {
        &self.extras
    }

    /// The version specifiers, as they are written but for blanks.
    ///
    /// ```
    /// # use pyimage_build::Requirement;
    /// assert_eq!("numpy >= 2, != 2.1.*".parse::<Requirement>()?.specifiers(), [">=2", "!=2.1.*"]);
    /// # Ok::<(), pyimage_build::RequirementError>(())
    /// ```
    #[must_use]
    pub fn specifiers(&self) -> &[String] {
        &self.specifiers
    }

    /// The address that it is to come from.
    ///
    /// ```
    /// # use pyimage_build::Requirement;
    /// let requirement: Requirement = "demo @ https://files.example/demo-1.0-py3-none-any.whl".parse()?;
    /// assert_eq!(requirement.url(), Some("https://files.example/demo-1.0-py3-none-any.whl"));
    /// # Ok::<(), pyimage_build::RequirementError>(())
    /// ```
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Where it is wanted; none for everywhere.
    ///
    /// ```
    /// # use pyimage_build::Requirement;
    /// assert!("tomli; python_version < '3.11'".parse::<Requirement>()?.marker().is_some());
    /// # Ok::<(), pyimage_build::RequirementError>(())
    /// ```
    #[must_use]
    pub const fn marker(&self) -> Option<&Marker> {
        self.marker.as_ref()
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(PackageName::as_str).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        match &self.url {
            Some(url) => write!(f, " @ {url}")?,
            None => f.write_str(&self.specifiers.join(","))?,
        }
        // The blank before the semicolon keeps it out of the URL.
        self.marker.iter().try_for_each(|marker| write!(f, " ; {marker}"))
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        read(text).map_err(|reason| RequirementError { requirement: without_login(text), reason })
    }
}

/// The text with `…` for the login in its address, if there is one: errors are printed and kept in logs.
pub(crate) fn without_login(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (host, path) = rest.split_at(rest.find(['/', ' ', '\t', '?', '#']).unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}{path}"),
        None => text.to_owned(),
    }
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t')
}

fn read(text: &str) -> Result<Requirement, RequirementReason> {
    let rest = text.trim_matches(is_blank);
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let (name, rest) = rest.split_at(rest.find(|letter| !is_name(letter)).unwrap_or(rest.len()));
    if name.is_empty() {
        return Err(match rest.chars().next() {
            None => RequirementReason::Empty,
            Some(letter) => RequirementReason::NoName(shown(letter)),
        });
    }
    if rest.starts_with("://") || rest.starts_with('/') || (rest.starts_with('+') && rest.contains("://")) {
        return Err(RequirementReason::OnlyUrl);
    }
    let name: PackageName = name.parse()?;
    let (extras, rest) = extras(rest.trim_start_matches(is_blank))?;
    let rest = rest.trim_start_matches(is_blank);
    if let Some(rest) = rest.strip_prefix('@') {
        let rest = rest.trim_start_matches(is_blank);
        let (url, rest) = rest.split_at(rest.find(is_blank).unwrap_or(rest.len()));
        let marker = match rest.trim_matches(is_blank) {
            _ if url.is_empty() => return Err(RequirementReason::NoUrl),
            "" => None,
            rest => {
                let marker = rest.strip_prefix(';');
                let marker = marker.ok_or_else(|| RequirementReason::Surplus(rest.to_owned()))?;
                Some(marker.trim_matches(is_blank).parse()?)
            }
        };
        return Ok(Requirement { name, extras, specifiers: Vec::new(), url: Some(url.to_owned()), marker });
    }
    let (versions, marker) = match rest.split_once(';') {
        Some((versions, marker)) => (versions, Some(marker.trim_matches(is_blank).parse()?)),
        None => (rest, None),
    };
    Ok(Requirement { name, extras, specifiers: specifiers(versions)?, url: None, marker })
}

/// The names between brackets, where there are any, and what is behind them.
fn extras(text: &str) -> Result<(BTreeSet<PackageName>, &str), RequirementReason> {
    let Some(list) = text.strip_prefix('[') else { return Ok((BTreeSet::new(), text)) };
    let (list, rest) = list.split_once(']').ok_or(RequirementReason::OpenBracket)?;
    let list = list.trim_matches(is_blank);
    if list.is_empty() {
        return Ok((BTreeSet::new(), rest));
    }
    let extras = list.split(',').map(|extra| extra.trim_matches(is_blank).parse());
    Ok((extras.collect::<Result<_, _>>().map_err(RequirementReason::Extra)?, rest))
}

fn specifiers(text: &str) -> Result<Vec<String>, RequirementReason> {
    let text = text.trim_matches(is_blank);
    let text = match text.strip_prefix('(') {
        None => text,
        Some(inner) => {
            inner.strip_suffix(')').ok_or(RequirementReason::OpenParenthesis)?.trim_matches(is_blank)
        }
    };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    // A comma at the end is allowed.
    text.strip_suffix(',')
        .unwrap_or(text)
        .split(',')
        .map(|part| specifier(part.trim_matches(is_blank)))
        .collect()
}

fn specifier(text: &str) -> Result<String, RequirementReason> {
    let is_sign = |letter: char| matches!(letter, '<' | '>' | '=' | '!' | '~' | '^');
    let (sign, version) = text.split_at(text.find(|letter| !is_sign(letter)).unwrap_or(text.len()));
    let version = version.trim_matches(is_blank);
    let meant = match sign {
        "==" | "!=" | "<=" | ">=" | "<" | ">" | "~=" | "===" => None,
        "" if text.is_empty() => return Err(RequirementReason::EmptySpecifier),
        "" => return Err(RequirementReason::NoOperator(text.to_owned())),
        "=" => Some("=="),
        "=>" | "^" => Some(">="),
        "=<" => Some("<="),
        "~" => Some("~="),
        _ => return Err(RequirementReason::UnknownOperator(sign.to_owned())),
    };
    if let Some(meant) = meant {
        return Err(RequirementReason::Operator { operator: sign.to_owned(), meant });
    }
    if version.is_empty() {
        return Err(RequirementReason::NoVersion(sign.to_owned()));
    }
    // `===` compares texts, and any will do.
    let is_text = sign == "===" && !version.contains(|letter: char| is_blank(letter) || letter == ')');
    if is_text || (sign != "===" && format!("{sign}{version}").parse::<VersionSpecifier>().is_ok()) {
        return Ok(format!("{sign}{version}"));
    }
    Err(RequirementReason::Specifier(text.to_owned()))
}

/// Why a text is not a [`Requirement`].
///
/// ```
/// use pyimage_build::Requirement;
///
/// let error = "requests >= ".parse::<Requirement>().unwrap_err();
/// assert_eq!(error.to_string(), "`requests >= ` is no requirement: there is no version after `>=`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{requirement}` is no requirement: {reason}")]
pub struct RequirementError {
    /// The text, without the login of an address.
    pub requirement: String,
    /// What is wrong.
    pub reason: RequirementReason,
}

/// What is wrong with a requirement.
///
/// ```
/// use pyimage_build::{Requirement, RequirementReason};
///
/// let error = "requests = 2".parse::<Requirement>().unwrap_err();
/// assert_eq!(error.reason, RequirementReason::Operator { operator: "=".to_owned(), meant: "==" });
/// assert_eq!(error.reason.to_string(), "`=` is no operator, `==` is");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequirementReason {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It starts otherwise.
    #[error("it starts with `{0}`, not with the name of a package")]
    NoName(String),
    /// It is a URL or a path.
    #[error("it is only an address, without the name of the package: `NAME @ ADDRESS`")]
    OnlyUrl,
    /// The name is none.
    #[error(transparent)]
    Name(#[from] PackageNameError),
    /// An extra is no name.
    #[error("one of its extras is no name: {0}")]
    Extra(PackageNameError),
    /// The extras have no end.
    #[error("`[` has no `]`")]
    OpenBracket,
    /// The specifiers have no end.
    #[error("`(` has no `)` at the end of the versions")]
    OpenParenthesis,
    /// Nothing follows the `@`.
    #[error("there is no address after `@`")]
    NoUrl,
    /// Something follows the URL.
    #[error("`{0}` follows the address, where a marker with `;` before it can be")]
    Surplus(String),
    /// There is nothing between two commas.
    #[error("there is no specifier between two commas")]
    EmptySpecifier,
    /// It has no operator.
    #[error("`{0}` has no operator before it, such as `==` or `>=`")]
    NoOperator(String),
    /// The operator is that of another language.
    #[error("`{operator}` is no operator, `{meant}` is")]
    Operator {
        /// What is written.
        operator: String,
        /// What is probably meant.
        meant: &'static str,
    },
    /// The operator is none.
    #[error("`{0}` is no operator, such as `==` or `>=`")]
    UnknownOperator(String),
    /// Nothing follows the operator.
    #[error("there is no version after `{0}`")]
    NoVersion(String),
    /// The version is none, or not one for its operator.
    #[error("`{0}` is no version specifier")]
    Specifier(String),
    /// The marker is none.
    #[error(transparent)]
    Marker(#[from] MarkerError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refusals_say_why() {
        for (text, expected) in [
            ("", "it is empty"),
            ("  ", "it is empty"),
            ("[a]", "it starts with `[`, not with the name of a package"),
            ("requests>=", "there is no version after `>=`"),
            ("requests => 2", "`=>` is no operator, `>=` is"),
            ("requests ^2", "`^` is no operator, `>=` is"),
            ("requests 2.0", "`2.0` has no operator before it, such as `==` or `>=`"),
            ("requests>=2,,<3", "there is no specifier between two commas"),
            ("requests>=2 <3", "`>=2 <3` is no version specifier"),
            ("requests>=2.*", "`>=2.*` is no version specifier"),
            ("requests >< 2", "`><` is no operator, such as `==` or `>=`"),
            ("requests[a", "`[` has no `]`"),
            ("requests[a,]", "one of its extras is no name: the name is empty"),
            ("requests (>=2", "`(` has no `)` at the end of the versions"),
            ("requests-", "name `requests-` has a separator at an end, where a letter or digit has to be"),
            ("requests @ ", "there is no address after `@`"),
            ("a @ b c", "`c` follows the address, where a marker with `;` before it can be"),
            (
                "https://files.example/a.whl",
                "it is only an address, without the name of the package: `NAME @ ADDRESS`",
            ),
            ("git+https://a", "it is only an address, without the name of the package: `NAME @ ADDRESS`"),
            (
                "a; os = 'b'",
                "`os = 'b'` is no environment marker: at column 1 is `os`, not a variable or a text in quotes",
            ),
        ] {
            let error = text.parse::<Requirement>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is no requirement: {expected}"));
        }
    }

    #[test]
    fn logins_are_not_told() {
        let error = "a @ https://me:secret@x@files.example/a?b=@ c".parse::<Requirement>().unwrap_err();
        assert_eq!(error.requirement, "a @ https://…@files.example/a?b=@ c");
        let error = "https://files.example/me@1".parse::<Requirement>().unwrap_err();
        assert_eq!(error.requirement, "https://files.example/me@1");
    }

    proptest! {
        #[test]
        fn it_reads_what_it_prints(
            name in "[a-zA-Z][a-zA-Z0-9._-]{0,6}[a-z0-9]",
            extras in prop::option::of("\\[ ?[a-z]{1,3}( ?, ?[a-z_.-]{0,2}[a-z]){0,2}\\]"),
            versions in "( ?(>=|<|~=|==) ?[0-9]\\.[0-9]{1,2}( ?, ?!= ?[0-9]\\.\\*)?)?| @ https://a\\.example/[a-z;]{0,3}",
            marker in prop::option::of(" ; ?(extra == 'a'|os_name != \"b\" or 'c' in sys_platform)"),
        ) {
            let extras = extras.filter(|extras| !extras.contains(['_', '.', '-']));
            let text = format!("{name}{}{versions}{}", extras.unwrap_or_default(), marker.unwrap_or_default());
            let requirement: Requirement = text.parse().unwrap();
            prop_assert_eq!(requirement.to_string().parse::<Requirement>().unwrap(), requirement, "{}", text);
        }

        #[test]
        fn never_panics(text in "\\PC*|[a-z]{1,4}[a-z\\[\\],@;()<>=!~ 0-9.*]{0,20}") {
            if let Ok(requirement) = text.parse::<Requirement>() {
                prop_assert_eq!(requirement.to_string().parse::<Requirement>(), Ok(requirement));
            }
        }
    }
}
