//! The `Link` header, by which a long list goes on.

/// The target of the link to the next page, as [RFC 8288] has it.
///
/// [RFC 8288]: https://www.rfc-editor.org/rfc/rfc8288
pub(super) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (is_next, after) = parameters(after);
        if is_next {
            return Some(target.trim());
        }
        rest = after;
    }
}

/// Whether the parameters of a link have `rel=next`, and what comes behind them.
fn parameters(text: &str) -> (bool, &str) {
    let mut is_next = None;
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let Some(after) = rest.strip_prefix(';') else { return (is_next.unwrap_or(false), rest) };
        let end = after.find(['=', ';', ',']).unwrap_or(after.len());
        let name = after[..end].trim();
        rest = &after[end..];
        let Some(after) = rest.strip_prefix('=') else { continue };
        let after = after.trim_start_matches([' ', '\t']);
        let value;
        (value, rest) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find([';', ',']).unwrap_or(after.len())),
        };
        // Of several `rel`, only the first counts.
        if name.eq_ignore_ascii_case("rel") && is_next.is_none() {
            is_next = Some(value.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("next")));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_next_page_is_found() {
        assert_eq!(next(r#"</v2/a/tags/list?last=b&n=2>; rel="next""#), Some("/v2/a/tags/list?last=b&n=2"));
        assert_eq!(next("<a>; rel=prev, <b,c;d> ; title=\"x, <y>; z\" ; REL = Next"), Some("b,c;d"));
        assert_eq!(next(r#"<a>;rel="last next""#), Some("a"));
        assert_eq!(next(r#"<a>; rel="prev"; rel="next""#), None);
        for none in ["", "<a>", "<a", "<a>; rel", "<a>; rel=\"nextish\"", "a; rel=next"] {
            assert_eq!(next(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_to_its_end(header in "\\PC*") {
            next(&header);
        }

        #[test]
        fn any_header_of_the_right_letters_is_read_to_its_end(header in r#"[<>;,="relnxt é]*"#) {
            next(&header);
        }

        #[test]
        fn the_target_comes_back(
            before in proptest::collection::vec(("[^<>\\s]{0,8}", "[a-m]{1,8}"), 0..3), target in "[^<>\\s]{1,20}",
        ) {
            let mut header = String::new();
            for (other, rel) in before {
                header = format!("{header}<{other}>; rel=\"{rel}\", ");
            }
            let header = format!("{header}<{target}>; title=\"a;b,c\"; rel=\"next\"");
            prop_assert_eq!(next(&header), Some(target.as_str()));
        }
    }
}
