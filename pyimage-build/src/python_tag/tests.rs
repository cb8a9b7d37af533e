use proptest::prelude::*;

use super::*;

mod listed;
mod names;

fn parse(text: &str) -> PythonTag {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// The parts of a tag: version, variant and suite.
fn parts(text: &str) -> String {
    let tag = parse(text);
    assert_eq!(tag.to_string(), text);
    let or_none = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
    format!(
        "{} {} {}",
        or_none(tag.version().map(ToString::to_string)),
        tag.variant(),
        or_none(tag.suite().map(ToString::to_string))
    )
}

#[test]
fn every_kind_of_tag_ever_listed_is_accepted() {
    for (text, expected) in [
        ("latest", "- full -"),
        ("rc", "- full -"),
        ("rc-slim-buster", "- slim buster"),
        ("rc-windowsservercore", "- windowsservercore -"),
        ("slim", "- slim -"),
        ("alpine", "- alpine -"),
        ("alpine3.22", "- alpine alpine3.22"),
        ("trixie", "- full trixie"),
        ("slim-bookworm", "- slim bookworm"),
        ("windowsservercore-ltsc2025", "- windowsservercore ltsc2025"),
        ("onbuild", "- onbuild -"),
        ("2", "2 full -"),
        ("2-onbuild", "2 onbuild -"),
        ("2.7.18-slim-buster", "2.7.18 slim buster"),
        ("2.7-alpine3.11", "2.7 alpine alpine3.11"),
        ("2-wheezy", "2 full wheezy"),
        ("2.7.7", "2.7.7 full -"),
        ("3", "3 full -"),
        ("3.4.1-onbuild", "3.4.1 onbuild -"),
        ("3.5.0b3", "3.5.0b3 full -"),
        ("3.6-rc-alpine", "3.6-rc alpine -"),
        ("3.7.0b2-windowsservercore-1709", "3.7.0b2 windowsservercore 1709"),
        ("3-nanoserver-sac2016", "3 nanoserver sac2016"),
        ("3.9.0a5-alpine3.11", "3.9.0a5 alpine alpine3.11"),
        ("3.13-slim", "3.13 slim -"),
        ("3.13.14-windowsservercore-ltsc2022", "3.13.14 windowsservercore ltsc2022"),
        ("3.15-rc", "3.15-rc full -"),
        ("3.15-rc-slim-trixie", "3.15-rc slim trixie"),
        ("3.15.0rc1-alpine3.24", "3.15.0rc1 alpine alpine3.24"),
    ] {
        assert_eq!(parts(text), expected, "{text}");
    }
}

#[test]
fn refusals_say_why() {
    for (text, expected) in [
        ("", "the tag is empty"),
        ("python:3.13", "`python:3.13` is an image reference, a tag is only what follows the colon"),
        ("3.13-Slim", "tag `3.13-Slim` has upper-case letters, the tags of the official image have none"),
        ("3.13-", "tag `3.13-` has a hyphen with nothing beside it"),
        ("3.x", "`3.x` in tag `3.x` is not a Python version"),
        ("3,13-slim", "`3,13` in tag `3,13-slim` is not a Python version"),
        ("3.13.", "`3.13.` in tag `3.13.` is not a Python version"),
        ("3.09", "`3.09` in tag `3.09` is not a Python version"),
        ("3.13.1.2", "`3.13.1.2` in tag `3.13.1.2` is not a Python version"),
        ("3.99999", "`3.99999` in tag `3.99999` is not a Python version"),
        ("3.13slim", "`3.13slim` in tag `3.13slim` is not a Python version"),
        ("4-slim", "tag `4-slim` asks for Python 4, the official image has Python 2 and 3"),
        (
            "3.14t-slim",
            "tag `3.14t-slim` asks for a free-threaded Python, which the official image does not have",
        ),
        (
            "3.15rc1",
            "`3.15rc1` in tag `3.15rc1` has too few numbers for a prerelease, which is written like `3.15.0rc1`",
        ),
        (
            "3.15.0-rc",
            "tag `3.15.0-rc` has `-rc` after `3.15.0`, a prerelease is written like `3.15-rc` or `3.15.0rc1`",
        ),
        (
            "latest-slim-trixie",
            "`latest` in tag `latest-slim-trixie` stands alone, the newest such image is `slim-trixie`",
        ),
        (
            "3.13-slm",
            "`slm` in tag `3.13-slm` is neither a variant of the official image nor a Debian release",
        ),
        ("v3.13", "`v3.13` in tag `v3.13` is neither a variant of the official image nor a Debian release"),
        (
            "3.13-slim-jammy",
            "`jammy` in tag `3.13-slim-jammy` is neither a variant of the official image nor a Debian release",
        ),
        ("bookworm-slim", "`slim` in tag `bookworm-slim` comes before the release, as in `slim-bookworm`"),
        ("3.13-alpine-3.22", "`3.22` in tag `3.13-alpine-3.22` cannot follow `alpine`"),
        ("3.13-slim-alpine", "`alpine` in tag `3.13-slim-alpine` cannot follow `slim`"),
        ("3.13-slim-bookworm-slim", "`slim` in tag `3.13-slim-bookworm-slim` cannot follow `bookworm`"),
        ("slim-3.13", "`3.13` in tag `slim-3.13` cannot follow `slim`"),
        (
            "3.13-alpine3",
            "`alpine3` in tag `3.13-alpine3` is neither a variant of the official image nor a Debian release",
        ),
    ] {
        assert_eq!(text.parse::<PythonTag>().unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_default_is_what_its_text_says() {
    assert_eq!(parse(PythonTag::DEFAULT), PythonTag::default_slim());
}

#[test]
fn variants_have_what_their_recipes_install() {
    for (text, libc, compilers) in [
        ("3.13", Some(Libc::Glibc), true),
        ("latest", Some(Libc::Glibc), true),
        ("3.13-bookworm", Some(Libc::Glibc), true),
        ("3.13-slim", Some(Libc::Glibc), false),
        ("alpine3.22", Some(Libc::Musl), false),
        ("3.13-windowsservercore", None, false),
    ] {
        let tag = parse(text);
        assert_eq!(tag.libc(), libc, "{text}");
        assert_eq!(tag.has_compilers(), compilers, "{text}");
        assert_eq!(tag.has_system_python(), compilers, "{text}");
        assert_eq!(tag.is_windows(), libc.is_none(), "{text}");
    }
}

#[test]
fn the_full_image_keeps_version_and_debian_release() {
    for (text, full) in [
        ("3.13", "3.13"),
        ("3.15-rc-slim", "3.15-rc"),
        ("rc-slim-trixie", "rc-trixie"),
        ("rc-alpine", "rc"),
        ("slim-bookworm", "bookworm"),
        ("alpine", "latest"),
        ("latest", "latest"),
        ("2.7-slim-buster", "2.7-buster"),
        ("3.6-onbuild", "3.6"),
        ("3.13-windowsservercore-ltsc2022", "3.13"),
    ] {
        assert_eq!(parse(text).with_variant_full(), parse(full), "{text}");
    }
}

#[test]
fn support_ends_with_the_version_the_tag_names() {
    let today = Date { year: 2026, month: 11, day: 23 };
    for text in ["2", "2.7-slim", "3.0", "3.6.15-alpine", "3.9", "3.9-slim-bookworm", "3.10"] {
        assert!(parse(text).is_end_of_life(today), "{text}");
    }
    for text in ["3", "latest", "slim", "rc", "buster", "3.11", "3.15-slim", "3.16-rc", "3.99"] {
        assert!(!parse(text).is_end_of_life(today), "{text}");
    }
}

proptest! {
    #[test]
    fn the_grammar_is_accepted_and_round_trips(
        head in "(3|2)(\\.(0|[1-9][0-9]?)){0,2}|3\\.[1-9][0-9]?-rc|3\\.1[0-9]\\.0(a|b|rc)[1-9]|rc",
        image in "(-(slim|alpine|alpine3\\.[1-9][0-9]?|onbuild|(slim-)?(buster|bookworm|trixie|forky)|(windowsservercore|nanoserver)(-(ltsc20[12][0-9]|1809))?))?",
    ) {
        let tag = parse(&format!("{head}{image}"));
        prop_assert_eq!(tag.to_string(), format!("{head}{image}"));
        prop_assert_eq!(tag.version().map_or("rc".to_owned(), ToString::to_string), head);

        let full = tag.with_variant_full();
        prop_assert_eq!(parse(full.as_str()), full.clone());
        prop_assert_eq!(full.with_variant_full(), full);

        if let Some(image) = image.strip_prefix('-') {
            let headless = parse(image);
            prop_assert_eq!((headless.variant(), headless.suite()), (tag.variant(), tag.suite()));
        }
    }

    #[test]
    fn never_panics(text in "\\PC*|[23][0-9a-z.-]{0,20}|([23]\\.[0-9]|rc|slim|alpine|trixie|latest|-){0,6}") {
        if let Ok(tag) = text.parse::<PythonTag>() {
            prop_assert_eq!(tag.to_string(), text);
            let full = tag.with_variant_full();
            prop_assert_eq!(parse(full.as_str()), full);
        }
    }
}
