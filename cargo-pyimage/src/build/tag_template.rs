//! Tags with something to fill in: `{version}`, `{git.sha}`.

use pyimage_build::nearest;

use super::BuildError;
use super::revision::{Revision, RevisionError};

/// What may stand in a tag.
const NAMES: [&str; 3] = ["version", "git.sha", "git.short-sha"];

/// Whether a tag asks for the commit.
pub(super) fn asks_for_commit(tag: &str) -> bool {
    tag.contains("{git.")
}

/// The tag with what it asks for.
pub(super) fn filled(
    tag: &str,
    version: &str,
    revision: &Result<Revision, RevisionError>,
) -> Result<String, BuildError> {
    let commit = || {
        revision
            .as_ref()
            .map_err(|error| BuildError::NoCommit { tag: tag.to_owned(), why: error.to_string() })
    };
    let mut out = String::with_capacity(tag.len());
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let unclosed =
            || BuildError::UnknownTemplate { tag: tag.to_owned(), name: after.to_owned(), nearest: None };
        let (name, after) = after.split_once('}').ok_or_else(unclosed)?;
        match name {
            // A tag has no `+`; registries and tools write it so.
            "version" => out.push_str(&version.replace('+', "-")),
            "git.sha" => out.push_str(&commit()?.commit),
            "git.short-sha" => out.push_str(commit()?.short()),
            _ => {
                let nearest = nearest(name, NAMES).first().map(|name| (*name).to_owned());
                return Err(BuildError::UnknownTemplate {
                    tag: tag.to_owned(),
                    name: name.to_owned(),
                    nearest,
                });
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use proptest::prelude::*;

    use super::*;

    fn nowhere() -> Result<Revision, RevisionError> {
        Err(RevisionError::NoCommit {
            folder: Utf8PathBuf::from("app"),
            said: "not a git repository".to_owned(),
        })
    }

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(filled("v{version}-slim", "0.3.0+x", &nowhere()).unwrap(), "v0.3.0-x-slim");
        assert_eq!(filled("latest", "0.3.0", &nowhere()).unwrap(), "latest");
        let error = |tag| filled(tag, "0.3.0", &nowhere()).unwrap_err();
        assert!(matches!(error("{git.sha}"), BuildError::NoCommit { .. }));
        assert!(
            matches!(error("{git.sha1}"), BuildError::UnknownTemplate { nearest: Some(name), .. } if name == "git.sha")
        );
        assert!(
            matches!(error("{verzion}"), BuildError::UnknownTemplate { nearest: Some(name), .. } if name == "version")
        );
        assert!(matches!(error("a{"), BuildError::UnknownTemplate { nearest: None, .. }));
    }

    proptest! {
        #[test]
        fn what_asks_for_nothing_stays(tag in "[^{]{0,20}") {
            prop_assert_eq!(filled(&tag, "1", &nowhere()).unwrap(), tag);
        }

        #[test]
        fn any_tag_is_filled_or_refused(tag in "[a-z{}.]{0,20}") {
            let _ = filled(&tag, "1", &nowhere());
        }
    }
}
