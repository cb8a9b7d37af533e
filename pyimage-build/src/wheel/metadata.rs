//! The fields of WHEEL and METADATA, and of the name of a `.dist-info` folder.

/// All values of a field, in the head of a message as of RFC 5322.
///
/// A value that goes on in the next line is cut there: none of the fields that are asked for does.
pub(super) fn field<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().take_while(|line| !line.trim().is_empty()).filter_map(move |line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Whether two texts are one version.
pub(super) fn same_version(one: &str, other: &str) -> bool {
    // In file names and folders `_` stands for the `-` that separates their parts.
    let parsed = |text: &str| text.replace('_', "-").parse::<pep440_rs::Version>().ok();
    match (parsed(one), parsed(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.replace('_', "-") == other.replace('_', "-"),
    }
}

/// The name and version of `NAME-VERSION.dist-info`.
pub(super) fn dist_info_parts(folder: &str) -> Option<(&str, &str)> {
    folder.strip_suffix(".dist-info")?.rsplit_once('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_stand_in_the_head() {
        let text = "Wheel-Version: 1.0\r\ntag: py3-none-any\r\nTag:py2-none-any\n\nTag: body\n";
        assert_eq!(field(text, "Wheel-Version").collect::<Vec<_>>(), ["1.0"]);
        assert_eq!(field(text, "Tag").collect::<Vec<_>>(), ["py3-none-any", "py2-none-any"]);
        assert_eq!(field("", "Tag").count(), 0);
    }

    #[test]
    fn folders_have_two_parts() {
        assert_eq!(dist_info_parts("demo-1.0.dist-info"), Some(("demo", "1.0")));
        assert_eq!(dist_info_parts("demo.dist-info"), None);
    }

    #[test]
    fn versions_compare() {
        assert!(same_version("1.0", "1.0.0") && same_version("1.0_1", "1.0.post1"));
        assert!(same_version("2013b_x", "2013b-x") && !same_version("1.0", "1.1"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\PC\n:-]{0,40}") {
            field(&text, "Name").for_each(drop);
            let _ = dist_info_parts(&text);
            prop_assert!(same_version(&text, &text));
        }
    }
}
