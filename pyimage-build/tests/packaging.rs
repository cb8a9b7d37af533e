//! The same answers as the `packaging` library, which is the reference for what Python's specifications mean.
//!
//! `oracle/generate.py` asks it and says how to do so again. Where this crate answers otherwise, the test says why.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use pyimage_build::{
    Choice, Digest, Libc, LibcRelease, LockedPackage, Marker, MarkerEnvironment, PackageSource, Pylock,
    PylockError, Requirement, Selection, SelectionError, Target, WheelName, WheelTags,
};
use serde_json::Value;

fn answers() -> Value {
    serde_json::from_str(include_str!("oracle/answers.json")).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    array(value).iter().map(|text| text.as_str().unwrap()).collect()
}

fn number(value: &Value) -> usize {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap()
}

fn libc(text: &str) -> LibcRelease {
    let (name, version) = text.split_once(' ').unwrap();
    let (major, minor) = version.split_once('.').unwrap();
    let libc = if name == "musl" { Libc::Musl } else { Libc::Glibc };
    LibcRelease { libc, major: major.parse().unwrap(), minor: minor.parse().unwrap() }
}

fn target(python: &str, platform: &str, release: &str) -> Target {
    Target::new(python.parse().unwrap(), platform.parse().unwrap(), libc(release)).unwrap()
}

/// The lock that the compact form stands for, in the notation that uv writes.
fn pylock(lock: &Value) -> String {
    let hashes = format!("hashes = {{ sha256 = \"{}\" }}", "0".repeat(64));
    let requires = lock["requires-python"].as_str().unwrap();
    let mut text = format!("lock-version = \"1.0\"\ncreated-by = \"uv\"\nrequires-python = \"{requires}\"\n");
    for package in array(&lock["packages"]) {
        let [name, version, marker, sdist, head, wheels] = [0, 1, 2, 3, 4, 5].map(|at| package[at].as_str());
        writeln!(text, "\n[[packages]]\nname = \"{}\"\nversion = \"{}\"", name.unwrap(), version.unwrap())
            .unwrap();
        if let Some(marker) = marker {
            writeln!(text, "marker = \"{marker}\"").unwrap();
        }
        let file = |name: &str| {
            format!(
                "{{ url = \"https://files.example/a/{name}\", upload-time = 2026-10-25T02:36:22Z, {hashes} }}"
            )
        };
        if let Some(sdist) = sdist {
            writeln!(text, "sdist = {}", file(sdist)).unwrap();
        }
        let wheels: Vec<String> = wheels
            .unwrap()
            .split_whitespace()
            .map(|tags| {
                format!("    {},\n", file(&format!("{}{tags}.whl", head.unwrap()).replace('+', "%2B")))
            })
            .collect();
        if !wheels.is_empty() {
            writeln!(text, "wheels = [\n{}]", wheels.concat()).unwrap();
        }
    }
    text
}

#[test]
fn popular_packages_on_all_platforms() {
    let answers = answers();
    let locks: Vec<Pylock> =
        array(&answers["locks"]).iter().map(|lock| Pylock::parse(&pylock(lock)).unwrap()).collect();
    let (mut choices, mut sdists) = (0, 0);
    for case in array(&answers["selections"]) {
        let [platform, release] = [1, 0].map(|at| case[at].as_str().unwrap());
        for (asked, chosen) in array(&answers["selected"]).iter().zip(array(&case[2])) {
            let lock = &locks[number(&asked[1])];
            let target = target(asked[0].as_str().unwrap(), platform, release);
            let selection = lock.select(&target).unwrap();
            let mut built = 0;
            for (package, expected) in lock.packages.iter().zip(array(&answers["chosen"][number(chosen)])) {
                let found = place(package, &selection);
                assert_eq!(found, expected.as_i64(), "{package} for {target}");
                choices += 1;
                built += usize::from(found == Some(-1));
            }
            assert_eq!(lock.coverage(&target).unwrap().len(), built, "{target}");
            sdists += built;
        }
    }
    assert!(choices > 10_000 && sdists > 2000, "{choices} choices, {sdists} of them sdists");
}

/// The number of a package's wheel that is chosen, or -1 for its sources.
fn place(package: &LockedPackage, selection: &Selection<'_>) -> Option<i64> {
    let selected = selection.packages.iter().find(|selected| std::ptr::eq(selected.package, package))?;
    match (&selected.choice, &package.source) {
        (Choice::Wheel(wheel), PackageSource::Release { wheels, .. }) => {
            wheels.iter().position(|other| std::ptr::eq(other, *wheel)).and_then(|at| i64::try_from(at).ok())
        }
        (Choice::Sdist(_), _) => Some(-1),
        (other, _) => panic!("{package} comes from {other}"),
    }
}

#[test]
fn the_order_of_tags() {
    let answers = answers();
    for case in array(&answers["tags"]) {
        let [release, platform, digests] = [0, 1, 2].map(|at| case[at].as_str().unwrap());
        for (python, expected) in strings(&answers["tagged"]).into_iter().zip(digests.split(' ')) {
            let tags =
                WheelTags::new(&python.parse().unwrap(), libc(release), &platform.parse().unwrap()).unwrap();
            let listed: Vec<String> = tags.iter().collect();
            let digest = Digest::of(listed.join("\n").as_bytes());
            assert_eq!(&digest.hex()[..12], expected, "{python} {release} {platform}");
        }
    }
}

fn environments(answers: &Value) -> Vec<MarkerEnvironment> {
    let places: Vec<MarkerEnvironment> = array(&answers["where"])
        .iter()
        .map(|place| {
            let [python, platform] = [0, 1].map(|at| place[at].as_str().unwrap());
            MarkerEnvironment::of(&python.parse().unwrap(), &platform.parse().unwrap()).unwrap()
        })
        .collect();
    let asked = |place: &MarkerEnvironment| {
        place.clone().with_extra("foo-bar").with_extras(["foo-bar"]).with_dependency_groups(["dev"])
    };
    vec![places[0].clone(), asked(&places[0]), asked(&places[1])]
}

/// Compares a marker in each environment.
fn compare(text: &str, expected: &str, environments: &[MarkerEnvironment]) {
    let marker = match text.parse::<Marker>() {
        Ok(marker) => marker,
        // What has no meaning in any environment is refused when it is read.
        Err(error) => {
            assert!(
                expected.bytes().all(|outcome| matches!(outcome, b'2' | b'x')),
                "{error}, but {expected}"
            );
            return;
        }
    };
    assert!(!expected.contains('x'), "`{text}` is no marker");
    for (environment, expected) in environments.iter().zip(expected.bytes()) {
        // What has no meaning in this environment alone is false.
        assert_eq!(marker.evaluate(environment), expected == b'1', "`{text}` in {environment:?}");
    }
}

#[test]
fn each_comparison_of_markers() {
    let answers = answers();
    let environments = environments(&answers);
    let texts = strings(&answers["texts"]);
    for (variable, grid) in strings(&answers["variables"]).into_iter().zip(strings(&answers["comparisons"])) {
        let mut outcomes =
            grid.as_bytes().chunks(environments.len()).map(|chunk| std::str::from_utf8(chunk).unwrap());
        for operator in strings(&answers["operators"]) {
            for text in &texts {
                for marker in
                    [format!("{variable} {operator} '{text}'"), format!("'{text}' {operator} {variable}")]
                {
                    compare(&marker, outcomes.next().unwrap(), &environments);
                }
            }
        }
        assert_eq!(outcomes.next(), None);
    }
}

#[test]
fn expressions_of_markers() {
    let answers = answers();
    let environments = environments(&answers);
    for case in array(&answers["expressions"]) {
        compare(case[0].as_str().unwrap(), case[1].as_str().unwrap(), &environments);
    }
}

#[test]
fn names_of_wheels() {
    let answers = answers();
    for case in array(&answers["wheel-names"]) {
        let name = case[0].as_str().unwrap();
        let found = name.parse::<WheelName>().ok().map(|wheel| {
            let mut tags = Vec::new();
            for python in wheel.pythons() {
                for abi in wheel.abis() {
                    tags.extend(wheel.platforms().map(|platform| format!("{python}-{abi}-{platform}")));
                }
            }
            tags.sort();
            let build = wheel.build().map(ToString::to_string).unwrap_or_default();
            let version: pep440_rs::Version = wheel.version().parse().unwrap();
            format!("{}|{version}|{build}|{}", wheel.name(), tags.join("|"))
        });
        assert_eq!(found.as_deref(), case[1].as_str(), "{name}");
    }
}

/// `packaging` keeps 3.15.0rc1 out of `>=3.15`; pip and uv do not, for Pythons, and neither does this.
#[test]
fn pythons_that_are_required() {
    let answers = answers();
    let pythons = strings(&answers["pythons"]);
    for (specifiers, allowed) in
        strings(&answers["specifiers"]).into_iter().zip(strings(&answers["required"]))
    {
        let lock =
            format!("lock-version = '1.0'\ncreated-by = ''\nrequires-python = '{specifiers}'\npackages = []");
        let lock = Pylock::parse(&lock).unwrap();
        for (python, expected) in pythons.iter().zip(allowed.bytes()) {
            let found = lock.select(&target(python, "linux/amd64", "glibc 2.41")).is_ok();
            let release = python.split(['a', 'b', 'r']).next().unwrap();
            let by_release =
                || lock.select(&target(release, "linux/amd64", "glibc 2.41")).is_ok() && release != *python;
            assert_eq!(found, expected == b'1' || by_release(), "{specifiers} and {python}");
        }
    }
}

#[test]
fn the_rules_for_installers() {
    let answers = answers();
    for case in array(&answers["by-hand"]) {
        let case = strings(case);
        let lock = case[0];
        let plain = target("3.13.9", "linux/amd64", "glibc 2.41");
        let asked = plain.clone().with_extras(["cli"]).with_groups(["dev"]);
        for (expected, target) in case[1..].iter().zip([plain, asked]) {
            let found = match Pylock::parse(lock) {
                Err(error) => {
                    assert!(!matches!(error, PylockError::Toml { .. }), "{error}");
                    "invalid".to_owned()
                }
                Ok(lock) => lock.select(&target).map_or_else(
                    |_: SelectionError| "error".to_owned(),
                    |selection| {
                        let lines = selection.packages.iter().map(|selected| {
                            let (kind, file) = match selected.choice {
                                Choice::Wheel(wheel) => ("Wheel", wheel.name.as_str()),
                                Choice::Sdist(file) => ("Sdist", file.file_name.as_str()),
                                Choice::Archive { .. } => ("Archive", ""),
                                Choice::Directory(_) => ("Directory", ""),
                                Choice::Vcs(_) => ("Vcs", ""),
                                _ => unreachable!("there is no other"),
                            };
                            format!("{} Package{kind} {file}", selected.package.name)
                        });
                        lines.collect::<Vec<_>>().join("\n")
                    },
                ),
            };
            assert_eq!(found, *expected, "{lock}");
        }
    }
}

#[test]
fn requirements() {
    let answers = answers();
    for case in array(&answers["requirements"]) {
        let text = case[0].as_str().unwrap();
        let found = text.parse::<Requirement>().ok().map(|requirement| {
            let extras: Vec<&str> =
                requirement.extras().iter().map(pyimage_build::PackageName::as_str).collect();
            let mut specifiers = requirement.specifiers().to_vec();
            specifiers.sort();
            let (name, url) = (requirement.name(), requirement.url().unwrap_or_default());
            format!("{name}|{}|{}|{url}", extras.join(","), specifiers.join(","))
        });
        assert_eq!(found.as_deref(), case[1].as_str(), "{text}");
    }
}
