use proptest::prelude::*;

use super::*;

fn wheel(text: &str) -> WheelName {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn names_are_taken_apart() {
    let wheel = wheel("Ruamel.Yaml_clib-0.2.15+x.1-7ubuntu1-CP313.cp312-cp313-win_AMD64.whl");
    assert_eq!(wheel.name().as_str(), "ruamel-yaml-clib");
    assert_eq!(wheel.version(), "0.2.15+x.1");
    assert_eq!(wheel.build(), Some(&BuildTag { number: 7, rest: "ubuntu1".to_owned() }));
    assert_eq!(wheel.pythons().collect::<Vec<_>>(), ["cp313", "cp312"]);
    assert_eq!(wheel.platforms().collect::<Vec<_>>(), ["win_amd64"]);
    assert!(wheel.is_version(&"0.2.15.0+x.1".parse().unwrap()));
}

#[test]
fn urls_are_decoded() {
    for (url, expected) in [
        ("https://files.example/a/b-1-py3-none-any.whl", "b-1-py3-none-any.whl"),
        ("b-1-py3-none-any.whl", "b-1-py3-none-any.whl"),
        ("https://files.example/b-1%2bx.whl?sig=a/b#sha256=c/d", "b-1+x.whl"),
        ("https://files.example/%C3%A9%zz%4", "é%zz%4"),
        ("https://files.example/a%2F..%2fb.whl", "a/../b.whl"),
        ("https://files.example/", ""),
    ] {
        assert_eq!(file_name_of_url(url), expected, "{url}");
    }
}

#[test]
fn refusals_say_why() {
    for (text, expected) in [
        ("", "`` is no wheel, whose name ends with `.whl`"),
        ("demo-1.0.tar.gz", "`demo-1.0.tar.gz` is no wheel, whose name ends with `.whl`"),
        (
            "a__b-1-py3-none-any.whl",
            "name `a__b` of wheel `a__b-1-py3-none-any.whl` has `__`, where wheels have one `_`",
        ),
        ("-1-py3-none-any.whl", "wheel `-1-py3-none-any.whl` names no package"),
        ("a/b-1-py3-none-any.whl", "wheel `a/b-1-py3-none-any.whl` names no package"),
        ("a-one-py3-none-any.whl", "`one` in wheel `a-one-py3-none-any.whl` is no version"),
        (
            "a-1-x-py3-none-any.whl",
            "build tag `x` of wheel `a-1-x-py3-none-any.whl` is not a number with letters, digits, `_` or `.` after it",
        ),
        ("a-1-3.13-none-any.whl", "Python tag `3.13` of wheel `a-1-3.13-none-any.whl` is malformed"),
        ("a-1-py3--any.whl", "ABI tag `` of wheel `a-1-py3--any.whl` is malformed"),
        ("a-1-py3-none-a..b.whl", "platform tag `a..b` of wheel `a-1-py3-none-a..b.whl` is malformed"),
    ] {
        assert_eq!(text.parse::<WheelName>().unwrap_err().to_string(), expected);
    }
    let long = format!("a-1-py3-none-{}.whl", "a".repeat(300));
    assert_eq!(long.parse::<WheelName>(), Err(WheelNameError::TooLong { length: 317 }));
}

proptest! {
    #[test]
    fn what_is_put_together_is_taken_apart(
        name in "[a-z]([a-z_]?[a-z0-9]){0,5}",
        version in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\\+[a-z0-9]{1,4})?",
        build in prop::option::of((0_u32.., "[a-z]{0,3}")),
        tags in "(py3|cp3[0-9]{1,2})(\\.py2)?-(none|abi3)-(any|linux_x86_64\\.manylinux1_x86_64)",
    ) {
        let build = build.map(|(number, rest)| format!("{number}{rest}"));
        let infix = build.as_ref().map(|build| format!("-{build}")).unwrap_or_default();
        let text = format!("{name}-{version}{infix}-{tags}.whl");
        let wheel: WheelName = text.parse().unwrap();
        prop_assert_eq!(wheel.to_string(), text);
        prop_assert_eq!(wheel.name().as_str(), name.replace('_', "-"));
        prop_assert_eq!(wheel.version(), version);
        prop_assert_eq!(wheel.build().map(ToString::to_string), build);
        let joined = [wheel.pythons().collect::<Vec<_>>(), wheel.abis().collect(), wheel.platforms().collect()];
        prop_assert_eq!(joined.map(|set| set.join(".")).join("-"), tags);
    }

    #[test]
    fn a_name_is_one_of_a_file(text in "[a-z0-9._/\\\\%-]{1,12}(-[a-z0-9._/+-]{1,9}){4,5}\\.whl") {
        if let Ok(wheel) = text.parse::<WheelName>() {
            prop_assert!(!wheel.as_str().contains(['/', '\\']), "{}", wheel);
        }
    }

    #[test]
    fn never_panics(text in "\\PC*|[a-zA-Z0-9_.+%-]{0,40}(\\.whl)?") {
        if let Ok(wheel) = text.parse::<WheelName>() {
            prop_assert_eq!(wheel.as_str(), text.as_str());
        }
        let _ = WheelName::from_url(&text);
    }
}
