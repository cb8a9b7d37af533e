use std::collections::HashMap;

use super::*;
use crate::{KNOWN_TAGS, Platform, PythonTag};

#[test]
fn every_name_is_a_tag_of_that_image_and_of_no_other() {
    let mut seen = HashMap::new();
    for build in BUILDS {
        for image in build.images() {
            for name in build.names(&image) {
                let tag: PythonTag = name.parse().unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(tag.variant(), image.variant, "{name}");
                assert_eq!(tag.effective_suite(), image.suite, "{name}");
                let key = format!("{}.{} {} {:?}", build.major, build.minor, image.variant, image.suite);
                assert_eq!(seen.insert(name.clone(), key), None, "{name}");
            }
        }
    }
    for name in [
        "latest",
        "3",
        "slim",
        "alpine3.24",
        "2",
        "2-slim-buster",
        "3.16-rc-slim",
        "windowsservercore-ltsc2022",
    ] {
        assert!(seen.contains_key(name), "{name}");
    }
}

#[test]
fn every_platform_is_one() {
    for image in BUILDS.iter().flat_map(Build::images) {
        for platform in image.platforms {
            assert_eq!(platform.parse::<Platform>().unwrap().to_string(), *platform);
        }
    }
}

#[test]
fn the_default_tag_is_of_the_newest_stable_version() {
    let newest = BUILDS.iter().find(|build| !build.prerelease).unwrap();
    assert_eq!(newest.shorthands, ["3", ""]);
    assert_eq!(PythonTag::default_slim().version(), Some(&PythonVersion::new(newest.major, newest.minor)));
}

/// The suggestions keep up with the table: all that is built on Debian, and the defaults of what was.
#[test]
fn what_is_built_is_known() {
    for build in BUILDS {
        for image in build.images() {
            let default = image.suffixes.len() == 2;
            let current = build.last_patch.is_none() && matches!(image.suite, Some(Suite::Debian(_)));
            let patch = build.last_patch.map(|patch| format!("{}.{}.{patch}", build.major, build.minor));
            for name in build.names(&image) {
                let specific =
                    name.contains("alpine3") || patch.as_ref().is_some_and(|patch| name.starts_with(patch));
                let suite = image.suite.as_ref().map(ToString::to_string).unwrap_or_default();
                if (current || default && !name.ends_with(&suite)) && !specific {
                    assert!(KNOWN_TAGS.contains(&name.as_str()), "{name}");
                }
            }
        }
    }
}
