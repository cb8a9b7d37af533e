use proptest::prelude::*;

use super::*;

fn marker(text: &str) -> Marker {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn environment(python: &str, platform: &str) -> MarkerEnvironment {
    MarkerEnvironment::of(&python.parse().unwrap(), &platform.parse().unwrap()).unwrap()
}

#[test]
fn platforms_have_their_own_machine() {
    for (platform, machine) in [
        ("linux/amd64", "x86_64"),
        ("linux/arm64", "aarch64"),
        ("linux/386", "i686"),
        ("linux/arm/v7", "armv7l"),
        ("linux/arm/v6", "armv6l"),
        ("linux/arm/v5", "armv5tel"),
        ("linux/ppc64le", "ppc64le"),
        ("linux/s390x", "s390x"),
        ("linux/riscv64", "riscv64"),
        ("linux/mips64le", "mips64"),
    ] {
        let marker = marker(&format!("platform_machine == '{machine}'"));
        assert!(marker.evaluate(&environment("3.13.5", platform)), "{platform}");
    }
}

#[test]
fn a_candidate_is_a_version() {
    let environment = environment("3.15.0rc1", "linux/amd64");
    for (text, expected) in [
        ("python_full_version == '3.15.0rc1'", true),
        ("python_full_version >= '3.15.0'", false),
        ("python_full_version < '3.15.0rc2'", true),
        ("python_full_version < '3.15.0'", false),
        ("python_version >= '3.15'", true),
        ("implementation_version == '3.15.0rc1'", true),
        ("'c1' in implementation_version", true),
        ("'rc1' in python_full_version", true),
    ] {
        assert_eq!(marker(text).evaluate(&environment), expected, "{text}");
    }
}

#[test]
fn python_2_says_other_things_of_itself() {
    let environment = environment("2.7.18", "linux/amd64");
    assert!(marker("sys_platform == 'linux2' and implementation_name == ''").evaluate(&environment));
    assert!(marker("implementation_version == '0' and python_version == '2.7'").evaluate(&environment));
    assert!(marker("platform_python_implementation == 'CPython'").evaluate(&environment));
}

#[test]
fn needless_parentheses_go() {
    for (text, expected) in [
        ("os.name=='posix'", "os_name == \"posix\""),
        ("(((os_name == 'a')))", "os_name == \"a\""),
        ("(os_name=='a' and (os_name=='b'))", "os_name == \"a\" and os_name == \"b\""),
        (
            "os_name=='a' or (os_name=='b' and os_name=='c') or os_name=='d'",
            "os_name == \"a\" or os_name == \"b\" and os_name == \"c\" or os_name == \"d\"",
        ),
        (
            "(os_name=='a' or os_name=='b')and(os_name=='c')",
            "(os_name == \"a\" or os_name == \"b\") and os_name == \"c\"",
        ),
        ("'Foo.Bar' in extras", "\"foo-bar\" in extras"),
        ("'say \"x\"' not \t in os_name", "'say \"x\"' not in os_name"),
        ("python_implementation!=\"PyPy\"", "platform_python_implementation != \"PyPy\""),
    ] {
        assert_eq!(marker(text).to_string(), expected, "{text}");
    }
}

#[test]
fn refusals_say_why() {
    for (text, expected) in [
        ("", "it ends where a variable or a text in quotes has to be"),
        ("python_version", "it ends where an operator, such as `==`, `>=` or `in` has to be"),
        ("python_version >=", "it ends where a variable or a text in quotes has to be"),
        ("python_vesion == '3'", "`python_vesion` is no variable, `python_version` is one"),
        ("os_name = 'posix'", "at column 9 is `=`, not an operator, such as `==`, `>=` or `in`"),
        ("os_name == 'posix", "the text that starts with ' has no end"),
        ("os_name == 'a\\\\b'", "a text in quotes has a backslash, which none can have"),
        ("os_name == 'a' && os_name == 'b'", "at column 16 is `&`, not `and`, `or` or the end"),
        ("os_name == 'a' and", "it ends where a variable or a text in quotes has to be"),
        ("(os_name == 'a'", "it ends where `and`, `or` or the closing parenthesis has to be"),
        ("os_name == 'a')", "at column 15 is `)`, not `and`, `or` or the end"),
        ("os_name not 'a'", "at column 13 is `'`, not `in` after `not`"),
        ("'a' == 'b'", "it compares two texts, `a` and `b`"),
        ("os_name == sys_platform", "it compares two variables, `os_name` and `sys_platform`"),
        ("extras == 'a'", "`extras` is a set, to be asked with `\"a\" in extras`"),
        ("os_name ~= '1.0'", "`~=` compares versions, and `os_name` is none"),
        ("python_version ~= '3'", "`~=` compares versions, and `3` is none"),
    ] {
        let error = text.parse::<Marker>().unwrap_err();
        assert_eq!(error.reason, expected, "{text}");
        assert_eq!(error.to_string(), format!("`{text}` is no environment marker: {expected}"));
    }
}

#[test]
fn depth_has_an_end() {
    let nested = |depth| format!("{}os_name == 'a'{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(marker(&nested(64)).to_string(), "os_name == \"a\"");
    for depth in [65, 100_000] {
        let error = nested(depth).parse::<Marker>().unwrap_err();
        assert_eq!(error.reason, "it has more than 64 parentheses in each other");
    }
}

fn comparison() -> impl Strategy<Value = String> {
    let variable = "python_version|python_full_version|os_name|sys_platform|platform_machine|extra|implementation_version";
    prop_oneof![
        (variable, "==|!=|<=|>=|<|>|in|not in", "['\"]").prop_flat_map(|(variable, operator, quote)| {
            "3\\.[0-9]{1,2}(\\.[0-9*])?|linux|x86_64|[a-z. ]{0,5}"
                .prop_map(move |text| format!("{variable} {operator} {quote}{text}{quote}"))
        }),
        ("[A-Za-z_.]{1,5}", "in|not in", "extras|dependency_groups")
            .prop_map(|(text, operator, set)| format!("'{text}' {operator} {set}")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} and {right}")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} or {right}")),
            inner.prop_map(|inner| format!("({inner})")),
        ]
    })
}

proptest! {
    #[test]
    fn it_reads_what_it_prints(text in expression(), minor in 9_u16..17) {
        let marker = marker(&text);
        let again: Marker = marker.to_string().parse().unwrap();
        prop_assert_eq!(&again, &marker);
        let environment = environment(&format!("3.{minor}.1"), "linux/amd64");
        prop_assert_eq!(again.evaluate(&environment), marker.evaluate(&environment));
    }

    #[test]
    fn and_and_or_mean_what_they_say(left in expression(), right in expression(), minor in 9_u16..17) {
        let environment = environment(&format!("3.{minor}.0"), "linux/arm64").with_extras(["a"]);
        let holds = |text: &str| marker(text).evaluate(&environment);
        let both = format!("({left}) and ({right})");
        prop_assert_eq!(holds(&both), holds(&left) && holds(&right));
        let either = format!("({left}) or ({right})");
        prop_assert_eq!(holds(&either), holds(&left) || holds(&right));
    }

    #[test]
    fn never_panics(text in "\\PC*|([a-z_.]{1,9}|[ ()'\"<>=!~]|python_version|and|or|in|not){0,12}") {
        if let Ok(marker) = text.parse::<Marker>() {
            let _ = marker.evaluate(&environment("3.13.5", "linux/amd64"));
            prop_assert_eq!(marker.to_string().parse::<Marker>(), Ok(marker.clone()));
        }
    }
}
