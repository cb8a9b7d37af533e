//! What a marker says, and what it comes to.

use std::fmt;

use pep440_rs::{Version, VersionSpecifier};

use super::MarkerEnvironment;
use crate::version_specifier;

/// A marker, taken apart. `All` and `Any` have two parts at least, and none of their own kind in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Is(Comparison),
}

/// A variable and a text, one on each side of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) variable: Variable,
    pub(super) operator: Operator,
    pub(super) text: String,
    /// The text stands on the left.
    pub(super) reversed: bool,
    /// The operator and the text, where the variable on the left is a version and they make a specifier.
    pub(super) specifier: Option<VersionSpecifier>,
}

/// What a marker can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    PythonVersion,
    PythonFullVersion,
    OsName,
    SysPlatform,
    PlatformRelease,
    PlatformSystem,
    PlatformVersion,
    PlatformMachine,
    PlatformPythonImplementation,
    ImplementationName,
    ImplementationVersion,
    Extra,
    Extras,
    DependencyGroups,
}

/// How a variable and a text are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Arbitrary,
    Equal,
    Compatible,
    NotEqual,
    AtMost,
    AtLeast,
    Less,
    Greater,
    In,
    NotIn,
}

impl Variable {
    pub(super) const ALL: [Self; 14] = [
        Self::PythonVersion,
        Self::PythonFullVersion,
        Self::OsName,
        Self::SysPlatform,
        Self::PlatformRelease,
        Self::PlatformSystem,
        Self::PlatformVersion,
        Self::PlatformMachine,
        Self::PlatformPythonImplementation,
        Self::ImplementationName,
        Self::ImplementationVersion,
        Self::Extra,
        Self::Extras,
        Self::DependencyGroups,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PythonVersion => "python_version",
            Self::PythonFullVersion => "python_full_version",
            Self::OsName => "os_name",
            Self::SysPlatform => "sys_platform",
            Self::PlatformRelease => "platform_release",
            Self::PlatformSystem => "platform_system",
            Self::PlatformVersion => "platform_version",
            Self::PlatformMachine => "platform_machine",
            Self::PlatformPythonImplementation => "platform_python_implementation",
            Self::ImplementationName => "implementation_name",
            Self::ImplementationVersion => "implementation_version",
            Self::Extra => "extra",
            Self::Extras => "extras",
            Self::DependencyGroups => "dependency_groups",
        }
    }

    /// The variable of a name, which may be one from before the specification.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let name = match name {
            "os.name" => "os_name",
            "sys.platform" => "sys_platform",
            "platform.version" => "platform_version",
            "platform.machine" => "platform_machine",
            "platform.python_implementation" | "python_implementation" => "platform_python_implementation",
            name => name,
        };
        Self::ALL.into_iter().find(|variable| variable.name() == name)
    }

    /// Whether it is compared as a version, where both sides are one.
    pub(super) const fn is_version(self) -> bool {
        // `platform_version` is what the kernel says of its build, and no version.
        matches!(
            self,
            Self::PythonVersion
                | Self::PythonFullVersion
                | Self::ImplementationVersion
                | Self::PlatformRelease
        )
    }

    pub(super) const fn is_set(self) -> bool {
        matches!(self, Self::Extras | Self::DependencyGroups)
    }
}

impl Operator {
    /// Those that are written with signs, the longer before those that they start with.
    pub(super) const SIGNS: [Self; 8] = [
        Self::Arbitrary,
        Self::Equal,
        Self::Compatible,
        Self::NotEqual,
        Self::AtMost,
        Self::AtLeast,
        Self::Less,
        Self::Greater,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Arbitrary => "===",
            Self::Equal => "==",
            Self::Compatible => "~=",
            Self::NotEqual => "!=",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }

    /// Whether it has a meaning for texts that are no versions.
    pub(super) const fn compares_texts(self) -> bool {
        !matches!(self, Self::Arbitrary | Self::Compatible)
    }

    /// Texts have no order: all that can be said is whether they are equal.
    fn compare(self, left: &str, right: &str) -> bool {
        match self {
            Self::Equal | Self::AtMost | Self::AtLeast => left == right,
            Self::NotEqual => left != right,
            Self::In => right.contains(left),
            Self::NotIn => !right.contains(left),
            Self::Less | Self::Greater | Self::Arbitrary | Self::Compatible => false,
        }
    }
}

impl Expression {
    pub(super) fn evaluate(&self, environment: &MarkerEnvironment) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.evaluate(environment)),
            Self::Any(parts) => parts.iter().any(|part| part.evaluate(environment)),
            Self::Is(comparison) => comparison.evaluate(environment),
        }
    }

    pub(super) fn mentions(&self, variable: Variable) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.mentions(variable)),
            Self::Is(comparison) => comparison.variable == variable,
        }
    }
}

impl Comparison {
    fn evaluate(&self, environment: &MarkerEnvironment) -> bool {
        if let Some(set) = environment.set(self.variable) {
            return match self.operator {
                Operator::In => set.contains(&self.text),
                Operator::NotIn => !set.contains(&self.text),
                // A text is no set, and differs from each.
                operator => operator == Operator::NotEqual,
            };
        }
        let value = environment.text(self.variable);
        let (left, right) =
            if self.reversed { (self.text.as_str(), value) } else { (value, self.text.as_str()) };
        if !self.variable.is_version() || matches!(self.operator, Operator::In | Operator::NotIn) {
            return self.operator.compare(left, right);
        }
        if self.operator == Operator::Arbitrary {
            return left.eq_ignore_ascii_case(right.trim());
        }
        let turned = self.reversed.then(|| specifier(self.operator, right)).flatten();
        match self.specifier.as_ref().or(turned.as_ref()) {
            Some(specifier) => {
                left.parse().is_ok_and(|left: Version| version_specifier::contains(specifier, &left))
            }
            None => self.operator.compare(left, right),
        }
    }
}

/// What the operator and the text make, if it is a specifier.
pub(super) fn specifier(operator: Operator, text: &str) -> Option<VersionSpecifier> {
    if matches!(operator, Operator::In | Operator::NotIn | Operator::Arbitrary) {
        return None;
    }
    format!("{}{text}", operator.name()).parse().ok()
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::All(parts) => (parts, " and "),
            Self::Any(parts) => (parts, " or "),
            Self::Is(comparison) => return comparison.fmt(f),
        };
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                f.write_str(word)?;
            }
            match (self, part) {
                (Self::All(_), Self::Any(_)) => write!(f, "({part})")?,
                _ => part.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A text has one kind of quotes at most in it, being within the other.
        let quote = if self.text.contains('"') { '\'' } else { '"' };
        let (variable, operator, text) = (self.variable.name(), self.operator.name(), &self.text);
        if self.reversed {
            write!(f, "{quote}{text}{quote} {operator} {variable}")
        } else {
            write!(f, "{variable} {operator} {quote}{text}{quote}")
        }
    }
}
