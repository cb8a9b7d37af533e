//! Tags with something to fill in: `{version}`, `{git.sha}`.

use super::TagTemplateError;
use crate::metadata::TAG_NAMES;
use crate::nearest;

/// How much of a commit's name is its short form. git's own depends on what else is in a clone.
const SHORT: usize = 7;

/// Whether a tag asks for the commit.
pub(super) fn asks_for_commit(tag: &str) -> bool {
    tag.contains("{git.")
}

/// The tag with what it asks for.
pub(super) fn filled(
    tag: &str,
    version: &str,
    commit: &Result<String, String>,
) -> Result<String, TagTemplateError> {
    let commit = || {
        commit.as_ref().map_err(|why| TagTemplateError::NoCommit { tag: tag.to_owned(), why: why.clone() })
    };
    let mut out = String::with_capacity(tag.len());
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let unclosed =
            || TagTemplateError::Unknown { tag: tag.to_owned(), name: after.to_owned(), nearest: None };
        let (name, after) = after.split_once('}').ok_or_else(unclosed)?;
        match name {
            // A tag has no `+`; registries and tools write it so.
            "version" => out.push_str(&version.replace('+', "-")),
            "git.sha" => out.push_str(commit()?),
            "git.short-sha" => {
                let commit = commit()?;
                out.push_str(commit.get(..SHORT).unwrap_or(commit));
            }
            _ => {
                let nearest = nearest(name, TAG_NAMES).first().map(|name| (*name).to_owned());
                return Err(TagTemplateError::Unknown {
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
    use proptest::prelude::*;

    use super::*;

    fn nowhere() -> Result<String, String> {
        Err("`app` is at no commit of git: not a git repository".to_owned())
    }

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(filled("v{version}-slim", "0.3.0+x", &nowhere()).unwrap(), "v0.3.0-x-slim");
        assert_eq!(filled("latest", "0.3.0", &nowhere()).unwrap(), "latest");
        assert_eq!(filled("{git.short-sha}", "0.3.0", &Ok("0123456789".to_owned())).unwrap(), "0123456");
        let error = |tag| filled(tag, "0.3.0", &nowhere()).unwrap_err();
        assert!(matches!(error("{git.sha}"), TagTemplateError::NoCommit { .. }));
        assert!(
            matches!(error("{git.sha1}"), TagTemplateError::Unknown { nearest: Some(name), .. } if name == "git.sha")
        );
        assert!(
            matches!(error("{verzion}"), TagTemplateError::Unknown { nearest: Some(name), .. } if name == "version")
        );
        assert!(matches!(error("a{"), TagTemplateError::Unknown { nearest: None, .. }));
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
