//! Why an image has no name.

use crate::ReferenceError;

/// Why a tag of an image cannot be.
///
/// ```
/// use pyimage_build::TagTemplateError;
///
/// let error = TagTemplateError::NoCommit { tag: "{git.sha}".to_owned(), why: "there is no git".to_owned() };
/// assert_eq!(error.to_string(), "the tag `{git.sha}` asks for the commit: there is no git");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TagTemplateError {
    /// A tag is malformed.
    #[error("`{tag}` is no tag of an image")]
    Malformed {
        /// The tag.
        tag: String,
        /// Why not.
        source: Box<ReferenceError>,
    },
    /// A tag asks for something that there is not.
    #[error("the tag `{tag}` asks for `{{{name}}}`, which there is not")]
    Unknown {
        /// The tag.
        tag: String,
        /// What it asks for.
        name: String,
        /// What it probably means.
        nearest: Option<String>,
    },
    /// A tag asks for the commit, and there is none.
    #[error("the tag `{tag}` asks for the commit: {why}")]
    NoCommit {
        /// The tag.
        tag: String,
        /// Why there is none.
        why: String,
    },
}

impl TagTemplateError {
    /// What to do about it, a line for each way.
    ///
    /// ```
    /// # use pyimage_build::TagTemplateError;
    /// let nearest = Some("version".to_owned());
    /// let error = TagTemplateError::Unknown { tag: "{verzion}".to_owned(), name: "verzion".to_owned(), nearest };
    /// assert_eq!(error.helps()[0], "did you mean `{version}`?");
    /// ```
    #[must_use]
    pub fn helps(&self) -> Vec<String> {
        match self {
            Self::Malformed { .. } => Vec::new(),
            Self::Unknown { nearest, .. } => {
                let meant = nearest.iter().map(|name| format!("did you mean `{{{name}}}`?"));
                let all = "there are `{version}`, `{git.sha}` and `{git.short-sha}`".to_owned();
                meant.chain([all]).collect()
            }
            Self::NoCommit { .. } => {
                vec!["build in a clone with git installed, or give other tags with `-t`".to_owned()]
            }
        }
    }
}
