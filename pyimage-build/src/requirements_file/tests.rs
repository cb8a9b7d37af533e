use proptest::prelude::*;

use super::*;

fn items(text: &str) -> Vec<RequirementsItem> {
    let file = RequirementsFile::parse(text).unwrap_or_else(|error| panic!("{error}"));
    file.entries.into_iter().map(|entry| entry.item).collect()
}

#[test]
fn a_file_with_everything() {
    let text = "\
# What the server needs
-r base.txt
--constraint 'with blank.txt'
-e ./server[cli]
--index-url=https://user:${TOKEN}@index.example/simple
-i https://a.example --extra-index-url https://b.example
--no-binary :all:
--pre

requests[socks] >= 2 ; python_version < '3.14'  # a comment
urllib3==2.5.0 \\
    --hash=sha256:aa11 \\
    --hash sha256:BB22
demo @ https://files.example/demo.zip#sha256=aa ; os_name == 'posix'
git+https://git.example/demo.git@v1#egg=demo
./folder/demo-1.0.tar.gz --config-settings a=b
../up
demo-1.0-py3-none-any.whl ; os_name == 'posix'
thing==${VERSION}
";
    let file = RequirementsFile::parse(text).unwrap();
    assert_eq!(file.includes().collect::<Vec<_>>(), ["base.txt", "with blank.txt"]);
    assert_eq!(file.variables().into_iter().collect::<Vec<_>>(), ["TOKEN", "VERSION"]);
    assert_eq!(
        file.requirements().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "requests[socks]>=2 ; python_version < \"3.14\"",
            "urllib3==2.5.0",
            "demo @ https://files.example/demo.zip#sha256=aa ; os_name == \"posix\"",
        ]
    );
    let lines: Vec<usize> = file.entries.iter().map(|entry| entry.line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 6, 7, 8, 10, 11, 14, 15, 16, 16, 17, 18, 19]);
    let unnamed: Vec<&str> = file
        .entries
        .iter()
        .filter_map(|entry| match &entry.item {
            RequirementsItem::Unnamed { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        unnamed,
        [
            "git+https://git.example/demo.git@v1#egg=demo",
            "./folder/demo-1.0.tar.gz",
            "../up",
            "demo-1.0-py3-none-any.whl ; os_name == 'posix'",
            "thing==${VERSION}",
        ]
    );
    let hashes = file.entries.iter().find_map(|entry| match &entry.item {
        RequirementsItem::Requirement { hashes, .. } if !hashes.is_empty() => Some(hashes.clone()),
        _ => None,
    });
    assert_eq!(hashes.unwrap(), ["sha256:aa11", "sha256:BB22"]);
    assert_eq!(items("--pre"), [RequirementsItem::Option { name: "--pre", value: None }]);
    assert_eq!(items("-e ./a[b]"), [RequirementsItem::Editable("./a[b]".to_owned())]);
}

#[test]
fn refusals_say_why() {
    for (text, expected) in [
        ("a\n\nrequests = 2", "line 3 is no requirement"),
        ("-r", "`--requirement` on line 1 has no value"),
        ("--pre=yes", "`--pre` on line 1 takes no value"),
        ("--hash=sha256:aa", "`--hash` on line 1 is not where it can be, behind a requirement"),
        ("a --pre", "`--pre` on line 1 is not where it can be, on a line of its own"),
        ("a --hash=sha256", "`sha256` on line 1 is no hash, which is written `sha256:` and hex digits"),
        ("a --hash=md5:aa", "`md5:aa` on line 1 is no hash, which is written `sha256:` and hex digits"),
        ("-r 'a", "a quote on line 1 has no end"),
        ("-x", "`-x` on line 1 is no option of requirements files"),
        ("--target=a", "`--target` on line 1 is no option of requirements files"),
        ("a \\\n--hahs=b", "`--hahs` on line 1 is no option of requirements files, `--hash` is one"),
    ] {
        assert_eq!(RequirementsFile::parse(text).unwrap_err().to_string(), expected);
    }
}

proptest! {
    #[test]
    fn each_requirement_is_found(names in prop::collection::vec("[a-z]{1,6}(\\[[a-z]{1,3}\\])?(==[0-9]\\.[0-9])?", 0..9)) {
        let file = RequirementsFile::parse(&names.join("  # said\n\n")).unwrap();
        let found: Vec<String> = file.requirements().map(ToString::to_string).collect();
        prop_assert_eq!(found, names);
    }

    #[test]
    fn never_panics(text in "(\\PC|\n|-r |-e|--hash=|--pre| -|\\$\\{A\\}|[a-z./@;#\\\\'\"]){0,30}") {
        if let Ok(file) = RequirementsFile::parse(&text) {
            let _ = (file.variables(), file.includes().count());
        }
    }
}
