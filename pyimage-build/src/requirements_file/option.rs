//! The options that a requirements file can have.

/// An option, and what becomes of it.
pub(super) struct Known {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) takes_value: bool,
    /// It belongs to a requirement, and not on a line of its own.
    pub(super) of_requirement: bool,
}

const fn value(long: &'static str, short: Option<char>) -> Known {
    Known { long, short, takes_value: true, of_requirement: false }
}

const fn flag(long: &'static str) -> Known {
    Known { long, short: None, takes_value: false, of_requirement: false }
}

const fn of_requirement(long: &'static str, short: Option<char>) -> Known {
    Known { long, short, takes_value: true, of_requirement: true }
}

/// Those of pip.
pub(super) const KNOWN: &[Known] = &[
    value("--requirement", Some('r')),
    value("--constraint", Some('c')),
    value("--editable", Some('e')),
    value("--index-url", Some('i')),
    // Its name before there were several.
    value("--pypi-url", None),
    value("--extra-index-url", None),
    value("--find-links", Some('f')),
    value("--no-binary", None),
    value("--only-binary", None),
    value("--trusted-host", None),
    value("--use-feature", None),
    value("--all-releases", None),
    value("--only-final", None),
    value("--uploaded-prior-to", None),
    flag("--no-index"),
    flag("--prefer-binary"),
    flag("--require-hashes"),
    flag("--pre"),
    of_requirement("--hash", None),
    of_requirement("--global-option", None),
    of_requirement("--config-settings", Some('C')),
    of_requirement("--config-setting", None),
];

/// The option that a word is, with the value that it has in it.
pub(super) fn known(word: &str) -> Option<(&'static Known, Option<&str>)> {
    if word.starts_with("--") {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        return KNOWN.iter().find(|known| known.long == name).map(|known| (known, value));
    }
    let mut letters = word.strip_prefix('-')?.chars();
    let short = letters.next()?;
    let value = letters.as_str();
    let known = KNOWN.iter().find(|known| known.short == Some(short))?;
    Some((known, (!value.is_empty()).then_some(value)))
}
