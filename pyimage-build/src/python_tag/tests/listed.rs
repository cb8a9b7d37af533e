//! Against every tag that was ever listed.

use super::*;

/// Every tag of `listed.txt`, with the suite that the list tells for tags that name none.
fn listed() -> Vec<(String, Option<&'static str>)> {
    let mut tags = Vec::new();
    for line in include_str!("listed.txt").lines().filter(|line| !line.starts_with('#')) {
        let (versions, images) = line.split_once(" | ").unwrap();
        for version in versions.split(' ') {
            for image in images.split(' ') {
                let (image, suite) =
                    image.split_once('=').map_or((image, None), |(image, suite)| (image, Some(suite)));
                let tag = match (version, image) {
                    (version, "full") => version.to_owned(),
                    ("latest", image) => image.to_owned(),
                    (version, image) => format!("{version}-{image}"),
                };
                tags.push((tag, suite));
            }
        }
    }
    assert_eq!(tags.len(), 3914);
    tags
}

#[test]
fn every_tag_ever_listed_is_one() {
    for (text, _) in listed() {
        let tag = parse(&text);
        assert_eq!(tag.to_string(), text);
        assert_eq!(
            tag.has_compilers(),
            !["slim", "alpine", "windows"].iter().any(|word| text.contains(word)),
            "{text}"
        );
    }
}

#[test]
fn a_tag_without_a_suite_has_the_one_it_was_listed_with() {
    let mut unknown = Vec::new();
    for (text, suite) in listed() {
        let tag = parse(&text);
        let found = tag.effective_suite();
        match (suite, &found) {
            (Some(suite), Some(found)) => assert_eq!(found.to_string(), suite, "{text}"),
            (Some(_), None) => unknown.push(text.clone()),
            // What the list does not tell, nobody else did.
            (None, Some(_)) => {
                assert!(tag.suite().is_some(), "{text}: {found:?}");
            }
            (None, None) => {}
        }
        assert!(
            found.is_none() || tag.is_windows() || tag.libc_release().map(|of| of.libc) == tag.libc(),
            "{text}"
        );
    }
    unknown.retain(|text| {
        !text.ends_with("onbuild") && parse(text).version().is_none_or(|of| of.prerelease().is_none())
    });
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn what_was_built_on_the_last_day_has_its_platforms() {
    for (tag, count) in [
        ("2.7.18-slim", 8),
        ("2.7-stretch", 8),
        ("2-alpine", 7),
        ("3.5-slim", 8),
        ("3.8-slim-bullseye", 4),
        ("3.9", 8),
    ] {
        assert_eq!(parse(tag).official_platforms().map(|platforms| platforms.len()), Some(count), "{tag}");
    }
    for tag in [
        "3.13.5-slim",
        "3.8-buster",
        "3.13-bullseye",
        "rc",
        "3-onbuild",
        "3.4",
        "nanoserver",
        "3.15-rc",
        "3-rc",
    ] {
        assert_eq!(parse(tag).official_platforms(), None, "{tag}");
        assert!(parse(tag).aliases().is_empty(), "{tag}");
    }
}
