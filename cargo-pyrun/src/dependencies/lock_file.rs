//! A lock that is there.

use std::path::{Path, PathBuf};

use super::Record;

/// What kind of lock it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockKind {
    /// The standard's (PEP 751).
    Pylock,
    /// uv's own, of a project: `uv.lock`.
    Uv,
    /// uv's own, of this script: `NAME.py.lock`.
    UvScript(PathBuf),
}

/// A lock that is there, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    /// Where it is.
    pub path: PathBuf,
    /// What kind it is.
    pub kind: LockKind,
    /// What is in it.
    pub text: String,
    /// What it was made from, where we made it.
    pub record: Option<Record>,
}

impl LockFile {
    /// Reads it.
    pub(super) fn read(path: &Path, kind: LockKind) -> std::io::Result<Self> {
        let text = fs_err::read_to_string(path)?;
        let record = (kind == LockKind::Pylock).then(|| Record::find(&text)).flatten();
        Ok(Self { path: path.to_owned(), kind, text, record })
    }

    /// The folder that it is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}
