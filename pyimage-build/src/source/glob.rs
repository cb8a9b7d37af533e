//! The globs that say which files go into an image.

use fast_glob::{ErrorKind, glob_match, validate};

use super::SourceError;

/// What makes a part of a glob match more than itself.
pub(super) const SPECIAL: [char; 9] = ['*', '?', '[', ']', '{', '}', '\\', '!', ','];

/// A glob, relative to the folder of the package. What it matches is in, and all below that.
#[derive(Debug)]
pub(super) struct Glob {
    text: String,
    /// The parts before the first that is no plain name.
    base: Vec<String>,
    is_plain: bool,
}

impl Glob {
    pub(super) fn parse(glob: &str) -> Result<Self, SourceError> {
        let wrong = |reason: &str| SourceError::Glob { glob: glob.to_owned(), reason: reason.to_owned() };
        let text = glob.strip_prefix("./").unwrap_or(glob);
        let text = text.strip_suffix('/').unwrap_or(text);
        if glob.starts_with('/') {
            return Err(wrong("it is absolute, and starts at the package's folder anyway"));
        }
        if text.starts_with('!') {
            return Err(wrong("files are left out by `.dockerignore`, not by `!`"));
        }
        if text.is_empty() {
            return Err(wrong("it is empty; all files are `.`"));
        }
        validate(text).map_err(|error| {
            wrong(match error.kind {
                ErrorKind::UnclosedBrace => "a `{` has no `}`",
                ErrorKind::UnclosedBracket => "a `[` has no `]`",
                ErrorKind::TrailingBackslash => "it ends in `\\`",
                _ => "it has too many `{`",
            })
        })?;
        if text == "." {
            return Ok(Self { text: "**".to_owned(), base: Vec::new(), is_plain: false });
        }
        let parts: Vec<&str> = text.split('/').collect();
        if parts.contains(&"..") {
            return Err(wrong(
                "it has `..`, and what is outside of the package's folder cannot be in the image",
            ));
        }
        if parts.iter().any(|part| ["", "."].contains(part)) {
            return Err(wrong("a part of it is empty or `.`"));
        }
        let plain = parts.iter().take_while(|part| !part.contains(SPECIAL));
        let base: Vec<String> = plain.map(|&part| part.to_owned()).collect();
        let is_plain = base.len() == parts.len();
        Ok(Self { text: plainer(text), base, is_plain })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The folder that all of what it matches is in, as far as it says so; empty where that is the package's.
    pub(super) fn base(&self) -> String {
        self.base.join("/")
    }

    /// Whether it matches the path, or a folder above it.
    pub(super) fn covers(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        ends.into_iter().any(|end| glob_match(&self.text, &path[..end]))
    }

    /// Whether it can match something in a folder: whether it has to be looked into.
    pub(super) fn reaches(&self, folder: &str) -> bool {
        folder.split('/').zip(&self.base).all(|(one, other)| one == other)
    }

    /// Whether it can match a name in a folder that is not there yet.
    pub(super) fn is_open_in(&self, folder: &str) -> bool {
        if self.covers(folder) {
            return true;
        }
        let depth = folder.split('/').filter(|part| !part.is_empty()).count();
        let parts = || self.text.split('/');
        !self.is_plain
            && depth >= self.base.len()
            && (depth < parts().count() || parts().any(|part| part.contains("**")))
    }

    /// Whether it is about this path, and not about whatever it meets: it matches it, or begins with it.
    pub(super) fn means(&self, path: &str) -> bool {
        self.covers(path) || (self.reaches(path) && path.split('/').count() <= self.base.len())
    }

    /// Whether it is the path itself, or something in that folder, spelt out.
    pub(super) fn spells_out(&self, path: &str) -> bool {
        self.is_plain
            && self.text.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether a part of it is meant for names like this one, since it has a mark of theirs in it.
    pub(super) fn names(&self, name: &str, mark: &str) -> bool {
        self.text.split('/').any(|part| part.contains(mark) && glob_match(part, name))
    }
}

/// The glob with one `*` for several, but for parts that are `**` and nothing else. Elsewhere they have no meaning of
/// their own, as in git, and the matcher has one for them.
pub(super) fn plainer(glob: &str) -> String {
    let part = |part: &str| {
        if part == "**" {
            return part.to_owned();
        }
        let (mut out, mut is_escaped, mut is_star) = (String::with_capacity(part.len()), false, false);
        for letter in part.chars() {
            if letter == '*' && is_star {
                continue;
            }
            is_star = letter == '*' && !is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            out.push(letter);
        }
        out
    };
    glob.split('/').map(part).collect::<Vec<_>>().join("/")
}
