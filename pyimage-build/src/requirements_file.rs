//! `requirements.txt`: requirements, and options of pip.

mod lines;
mod option;

use std::collections::BTreeSet;

use crate::{Requirement, RequirementError, nearest};

/// A [requirements file], as pip and uv read it.
///
/// It is read and not followed: what it includes is named, for the caller to read, and what it needs of the
/// environment (`${TOKEN}`) is left as it stands, so that no secret gets into a message. What the requirements come to
/// is for the resolver to say.
///
/// ```
/// use pyimage_build::RequirementsFile;
///
/// let file = RequirementsFile::parse("-r base.txt\nrequests >= 2  # the newest\n--index-url https://index.example/simple\n")?;
/// assert_eq!(file.includes().collect::<Vec<_>>(), ["base.txt"]);
/// assert_eq!(file.requirements().map(ToString::to_string).collect::<Vec<_>>(), ["requests>=2"]);
/// # Ok::<(), pyimage_build::RequirementsFileError>(())
/// ```
///
/// [requirements file]: https://pip.pypa.io/en/stable/reference/requirements-file-format/
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequirementsFile {
    /// What it says, in order.
    pub entries: Vec<RequirementsEntry>,
}

/// What a line of a requirements file says.
///
/// ```
/// let file = pyimage_build::RequirementsFile::parse("# the newest\nidna\n")?;
/// assert_eq!(file.entries[0].line, 2);
/// # Ok::<(), pyimage_build::RequirementsFileError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequirementsEntry {
    /// The number of its line, or of the first of its lines.
    pub line: usize,
    /// What it says.
    pub item: RequirementsItem,
}

/// What a requirements file can say.
///
/// ```
/// use pyimage_build::{RequirementsFile, RequirementsItem};
///
/// let file = RequirementsFile::parse("-c limits.txt\n./wheels/demo-1.0-py3-none-any.whl\n--pre\n")?;
/// let items: Vec<_> = file.entries.iter().map(|entry| &entry.item).collect();
/// assert!(matches!(
///     items[..],
///     [RequirementsItem::Constraint(_), RequirementsItem::Unnamed { .. }, RequirementsItem::Option { .. }],
/// ));
/// # Ok::<(), pyimage_build::RequirementsFileError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequirementsItem {
    /// A requirement.
    Requirement {
        /// The requirement.
        requirement: Box<Requirement>,
        /// The hashes that its files may have: `sha256:…`.
        hashes: Vec<String>,
    },
    /// A path or an address without the name of its package, or what has a variable of the environment in it.
    Unnamed {
        /// The text, with its marker.
        text: String,
        /// The hashes that its files may have.
        hashes: Vec<String>,
    },
    /// `-e`: a path or an address that is to be used in place.
    Editable(String),
    /// `-r`: another requirements file, relative to this one.
    Include(String),
    /// `-c`: a file with constraints, relative to this one.
    Constraint(String),
    /// Another option.
    Option {
        /// Its long name, with the hyphens.
        name: &'static str,
        /// Its value.
        value: Option<String>,
    },
}

impl RequirementsFile {
    /// Reads a requirements file.
    ///
    /// ```
    /// use pyimage_build::RequirementsFile;
    ///
    /// let error = RequirementsFile::parse("requests\n--indx-url https://index.example\n").unwrap_err();
    /// assert_eq!(error.to_string(), "`--indx-url` on line 2 is no option of requirements files, `--index-url` is one");
    /// ```
    pub fn parse(text: &str) -> Result<Self, RequirementsFileError> {
        let mut entries = Vec::new();
        for line in lines::lines(text) {
            let items = items(&line.text, line.number)?;
            entries.extend(items.into_iter().map(|item| RequirementsEntry { line: line.number, item }));
        }
        Ok(Self { entries })
    }

    /// The requirements that have a name.
    ///
    /// ```
    /// # use pyimage_build::RequirementsFile;
    /// let file = RequirementsFile::parse("six\n./folder\n")?;
    /// assert_eq!(file.requirements().count(), 1);
    /// # Ok::<(), pyimage_build::RequirementsFileError>(())
    /// ```
    pub fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.entries.iter().filter_map(|entry| match &entry.item {
            RequirementsItem::Requirement { requirement, .. } => Some(&**requirement),
            _ => None,
        })
    }

    /// The files that are part of it, requirements and constraints: paths relative to its folder, or addresses.
    ///
    /// ```
    /// # use pyimage_build::RequirementsFile;
    /// let file = RequirementsFile::parse("-rbase.txt\n--constraint=../limits.txt\n")?;
    /// assert_eq!(file.includes().collect::<Vec<_>>(), ["base.txt", "../limits.txt"]);
    /// # Ok::<(), pyimage_build::RequirementsFileError>(())
    /// ```
    pub fn includes(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| match &entry.item {
            RequirementsItem::Include(path) | RequirementsItem::Constraint(path) => Some(path.as_str()),
            _ => None,
        })
    }

    /// The variables of the environment that it takes, as `${NAME}`.
    ///
    /// ```
    /// # use pyimage_build::RequirementsFile;
    /// let file = RequirementsFile::parse("--index-url https://me:${TOKEN}@index.example/simple\n")?;
    /// assert_eq!(file.variables().into_iter().collect::<Vec<_>>(), ["TOKEN"]);
    /// # Ok::<(), pyimage_build::RequirementsFileError>(())
    /// ```
    #[must_use]
    pub fn variables(&self) -> BTreeSet<&str> {
        let texts = self.entries.iter().filter_map(|entry| match &entry.item {
            RequirementsItem::Requirement { .. } => None,
            RequirementsItem::Unnamed { text, .. }
            | RequirementsItem::Editable(text)
            | RequirementsItem::Include(text)
            | RequirementsItem::Constraint(text) => Some(text.as_str()),
            RequirementsItem::Option { value, .. } => value.as_deref(),
        });
        texts.flat_map(variables).collect()
    }
}

/// The names in `${NAME}`, of upper-case letters, digits and `_`.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    text.split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(move |name| !name.is_empty() && name.bytes().all(is_letter))
}

/// What a line says: a requirement with its options, or options alone, which pip takes several of.
fn items(text: &str, line: usize) -> Result<Vec<RequirementsItem>, RequirementsFileError> {
    // What is before the first option is taken as it is, quotes included: markers have them.
    let options_at = if text.starts_with('-') { Some(0) } else { text.find(" -").map(|at| at + 1) };
    let (requirement, options) = text.split_at(options_at.unwrap_or(text.len()));
    let requirement = requirement.trim();
    let words = lines::words(options).ok_or(RequirementsFileError::OpenQuote { line })?;
    let mut words = words.into_iter();
    let (mut items, mut hashes) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        let Some((known, value)) = option::known(&word) else {
            let names = option::KNOWN.iter().map(|known| known.long);
            let name = word.split('=').next().unwrap_or_default().to_owned();
            let suggestion = nearest(&name, names).first().copied().filter(|_| name.starts_with("--"));
            return Err(RequirementsFileError::UnknownOption { line, option: name, suggestion });
        };
        let option = known.long;
        let value = match (known.takes_value, value) {
            (true, Some(value)) => Some(value.to_owned()),
            (true, None) => Some(words.next().ok_or(RequirementsFileError::NoValue { line, option })?),
            (false, Some(_)) => return Err(RequirementsFileError::NeedlessValue { line, option }),
            (false, None) => None,
        };
        if known.of_requirement == requirement.is_empty() {
            return Err(RequirementsFileError::Misplaced { line, option });
        }
        let text = || value.clone().unwrap_or_default();
        match option {
            "--hash" if !is_hash(&text()) => {
                return Err(RequirementsFileError::Hash { line, hash: text() });
            }
            "--hash" => hashes.push(text()),
            "--requirement" => items.push(RequirementsItem::Include(text())),
            "--constraint" => items.push(RequirementsItem::Constraint(text())),
            "--editable" => items.push(RequirementsItem::Editable(text())),
            name => items.push(RequirementsItem::Option { name, value }),
        }
    }
    if !requirement.is_empty() {
        let item = if is_unnamed(requirement) {
            RequirementsItem::Unnamed { text: requirement.to_owned(), hashes }
        } else {
            let parsed = requirement.parse();
            let requirement = parsed.map_err(|source| RequirementsFileError::Requirement { line, source })?;
            RequirementsItem::Requirement { requirement: Box::new(requirement), hashes }
        };
        items.insert(0, item);
    }
    Ok(items)
}

/// Whether it is a path or an address, as pip tells them from names.
fn is_unnamed(text: &str) -> bool {
    if variables(text).next().is_some() {
        return true;
    }
    let head = text.split([' ', '\t', ';']).next().unwrap_or_default();
    // In `name@https://…` the address follows the name, in `git+ssh://git@…` there is none.
    if let Some((name, _)) = head.split_once('@')
        && !name.contains([':', '/', '\\'])
        && !name.starts_with('.')
    {
        return false;
    }
    let head = head.split('[').next().unwrap_or_default();
    let archive = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar"];
    head.starts_with('.') || head.contains(['/', '\\']) || archive.iter().any(|end| head.ends_with(end))
}

/// `sha256:` and hex.
fn is_hash(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hash)| {
        matches!(algorithm, "sha256" | "sha384" | "sha512")
            && !hash.is_empty()
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Why a text is not a [`RequirementsFile`].
///
/// ```
/// use pyimage_build::RequirementsFile;
///
/// let error = RequirementsFile::parse("six\nrequests >= \n").unwrap_err();
/// assert_eq!(error.to_string(), "line 2 is no requirement");
/// let source = std::error::Error::source(&error).expect("it says why");
/// assert_eq!(source.to_string(), "`requests >=` is no requirement: there is no version after `>=`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequirementsFileError {
    /// A requirement is none.
    #[error("line {line} is no requirement")]
    Requirement {
        /// The number of the line.
        line: usize,
        /// What is wrong.
        source: RequirementError,
    },
    /// An option that pip does not have, or not in files.
    #[error(
        "`{option}` on line {line} is no option of requirements files{}",
        suggestion.map(|meant| format!(", `{meant}` is one")).unwrap_or_default()
    )]
    UnknownOption {
        /// The number of the line.
        line: usize,
        /// The option.
        option: String,
        /// What was probably meant.
        suggestion: Option<&'static str>,
    },
    /// An option lacks its value.
    #[error("`{option}` on line {line} has no value")]
    NoValue {
        /// The number of the line.
        line: usize,
        /// The option.
        option: &'static str,
    },
    /// An option has a value and takes none.
    #[error("`{option}` on line {line} takes no value")]
    NeedlessValue {
        /// The number of the line.
        line: usize,
        /// The option.
        option: &'static str,
    },
    /// An option of requirements without one, or one of files behind a requirement.
    #[error("`{option}` on line {line} is not where it can be, {}", place(option))]
    Misplaced {
        /// The number of the line.
        line: usize,
        /// The option.
        option: &'static str,
    },
    /// A hash is none.
    #[error("`{hash}` on line {line} is no hash, which is written `sha256:` and hex digits")]
    Hash {
        /// The number of the line.
        line: usize,
        /// The text.
        hash: String,
    },
    /// A quote has no end.
    #[error("a quote on line {line} has no end")]
    OpenQuote {
        /// The number of the line.
        line: usize,
    },
}

fn place(option: &str) -> &'static str {
    let of_requirement = option::KNOWN.iter().any(|known| known.long == option && known.of_requirement);
    if of_requirement { "behind a requirement" } else { "on a line of its own" }
}

#[cfg(test)]
mod tests;
