//! The fields of WHEEL and METADATA, and of a wheel's file name.

use super::WheelProblem;

/// All values of a field, in the head of a message as of RFC 5322.
///
/// A value that goes on in the next line is cut there: none of the fields that are asked for does.
pub(super) fn field<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().take_while(|line| !line.trim().is_empty()).filter_map(move |line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A name as of the [specification]: runs of `-`, `_` and `.` are one `-`, and case does not count.
///
/// [specification]: https://packaging.python.org/en/latest/specifications/name-normalization/
pub(super) fn normalised_name(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
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

/// Whether a name is one by the [specification], and so fit for a folder.
///
/// [specification]: https://packaging.python.org/en/latest/specifications/name-normalization/#name-format
pub(super) fn is_name(name: &str) -> bool {
    let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    name.len() <= 255
        && alphanumeric(name.bytes().next())
        && alphanumeric(name.bytes().last())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Name and version in a wheel's file name.
pub(super) fn name_and_version(file_name: &str) -> Result<(&str, &str), WheelProblem> {
    let stem = file_name.strip_suffix(".whl").ok_or(WheelProblem::FileName)?;
    let parts: Vec<&str> = stem.split('-').collect();
    match parts[..] {
        [name, version, _, _, _] | [name, version, _, _, _, _]
            if is_name(name) && parts.iter().all(|part| !part.is_empty()) =>
        {
            Ok((name, version))
        }
        _ => Err(WheelProblem::FileName),
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
    fn file_names_have_five_or_six_parts() {
        assert_eq!(name_and_version("demo-1.0-py3-none-any.whl").unwrap(), ("demo", "1.0"));
        assert_eq!(
            name_and_version("a_b.c-1.0+x-2a-cp313-abi3-linux_x86_64.whl").unwrap(),
            ("a_b.c", "1.0+x")
        );
        for wrong in
            ["demo.whl", "demo-1.0-py3-none-any.zip", "demo--py3-none-any.whl", "a-1-2-3-4-5-6.whl", "-"]
        {
            assert!(name_and_version(wrong).is_err(), "{wrong}");
        }
        assert_eq!(dist_info_parts("demo-1.0.dist-info"), Some(("demo", "1.0")));
        assert_eq!(dist_info_parts("demo.dist-info"), None);
    }

    #[test]
    fn names_and_versions_compare() {
        assert_eq!(normalised_name("Ruamel.YAML__clib"), "ruamel-yaml-clib");
        assert!(same_version("1.0", "1.0.0") && same_version("1.0_1", "1.0.post1"));
        assert!(same_version("2013b_x", "2013b-x") && !same_version("1.0", "1.1"));
        assert!(is_name("zope.interface") && !is_name("..") && !is_name("") && !is_name("a/b"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\PC\n:-]{0,40}") {
            field(&text, "Name").for_each(drop);
            let _ = (name_and_version(&text), dist_info_parts(&text), same_version(&text, "1"), is_name(&text));
            prop_assert_eq!(normalised_name(&normalised_name(&text)), normalised_name(&text));
        }
    }
}
