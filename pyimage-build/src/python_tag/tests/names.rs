//! Aliases, the order of tags, and the tags that the generator script can write.

use std::cmp::Ordering;

use super::*;
use crate::official::BUILDS;

/// A tag by the rules of `generate-stackbrew-library.sh`: each alias of a version with each of its variants, `latest-`
/// taken off.
fn generated() -> impl Strategy<Value = String> {
    let version =
        "3\\.(1[0-9]|[5-9])(\\.(0|[1-9][0-9]?)|-rc|\\.0(a|b|rc)[1-9])?|3|2(\\.7(\\.1[0-8])?)?|rc|latest";
    let variant = "|-alpine(3\\.([1-9][0-9]|[0-9]))?|(-slim)?-(wheezy|jessie|stretch|buster|bullseye|bookworm|trixie|forky)|-slim\
        |-(windowsservercore|nanoserver)(-(ltsc20[0-9]{2}|sac2016|1709|1803|1809))?|-onbuild";
    (version, variant).prop_map(|(version, variant)| format!("{version}{variant}").replace("latest-", ""))
}

/// Any tag that is built today, or was on the last day of its version.
fn built() -> impl Strategy<Value = String> {
    let names = BUILDS.iter().flat_map(|build| {
        build.images().into_iter().flat_map(|image| build.names(&image)).collect::<Vec<_>>()
    });
    proptest::sample::select(names.collect::<Vec<_>>())
}

#[test]
fn aliases_are_those_of_the_list() {
    let aliases = |text| parse(text).aliases().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(aliases("3.13"), "3.13-trixie");
    assert_eq!(aliases("3.13-bookworm"), "");
    assert_eq!(aliases("3.15-slim"), "3-slim slim 3.15-slim-trixie 3-slim-trixie slim-trixie");
    assert_eq!(aliases("3.15-bookworm"), "3-bookworm bookworm");
    assert_eq!(aliases("alpine"), "3.15-alpine 3-alpine 3.15-alpine3.24 3-alpine3.24 alpine3.24");
    assert_eq!(aliases("2.7"), "2.7.18 2 2.7.18-buster 2.7-buster 2-buster");
    assert_eq!(aliases("3.9.25-slim"), "3.9-slim 3.9.25-slim-trixie 3.9-slim-trixie");
    assert_eq!(aliases("3-windowsservercore"), "3.15-windowsservercore windowsservercore");
    assert_eq!(aliases("3.16-rc"), "3.16-rc-trixie");
    assert_eq!(aliases("3.13.5"), "");
}

proptest! {
    #[test]
    fn what_the_generator_writes_is_a_tag(text in generated()) {
        let tag = parse(&text);
        prop_assert_eq!(tag.is_pinned(), tag.version().is_some_and(|version| version.patch().is_some()));
        prop_assert_eq!(tag.effective_suite().is_some() || tag.suite().is_none(), true);
        prop_assert!(tag.libc_release().is_none_or(|of| Some(of.libc) == tag.libc()));
        prop_assert!(tag.system_python().is_none() || tag.has_system_python());
    }

    #[test]
    fn aliases_are_of_one_image_and_know_each_other(text in prop_oneof![3 => built(), 1 => generated()]) {
        let tag = parse(&text);
        for alias in tag.aliases() {
            prop_assert_ne!(&alias, &tag);
            prop_assert_eq!(alias.variant(), tag.variant());
            prop_assert_eq!(alias.effective_suite(), tag.effective_suite());
            prop_assert!(alias.aliases().contains(&tag), "{} {}", alias, tag);
            prop_assert_eq!(alias.aliases().len(), tag.aliases().len());
        }
    }

    #[test]
    fn the_order_is_total(a in generated(), b in generated(), c in generated()) {
        let (a, b, c) = (parse(&a), parse(&b), parse(&c));
        prop_assert_eq!(a.cmp_newest_first(&b), b.cmp_newest_first(&a).reverse());
        prop_assert_eq!(a.cmp_newest_first(&b) == Ordering::Equal, a == b);
        if a.cmp_newest_first(&b).is_le() && b.cmp_newest_first(&c).is_le() {
            prop_assert!(a.cmp_newest_first(&c).is_le());
        }
    }

    #[test]
    fn a_final_release_stands_before_its_prereleases(minor in 5_u16..30, image in "|-slim|-alpine") {
        let tags = ["", ".1", ".0", "-rc", ".0rc2", ".0rc1", ".0b3", ".0a1"]
            .map(|rest| parse(&format!("3.{minor}{rest}{image}")));
        prop_assert!(tags.is_sorted_by(|a, b| a.cmp_newest_first(b) == Ordering::Less));
    }
}
