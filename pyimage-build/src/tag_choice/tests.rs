use proptest::prelude::*;

use super::*;

fn requires(text: &str) -> Constraint {
    let requires: RequiresPython = text.parse().unwrap_or_else(|error| panic!("{error}"));
    Constraint::new(format!("`{text}`"), requires)
}

fn file(text: &str) -> Constraint {
    let file = PythonVersionFile::parse(text).unwrap_or_else(|error| panic!("{error}"));
    Constraint::new(format!("file {text}"), file.unwrap())
}

fn tag(text: &str) -> Constraint {
    let tag: PythonTag = text.parse().unwrap_or_else(|error| panic!("{error}"));
    Constraint::new(format!("tag {text}"), tag)
}

fn choose(constraints: &[Constraint]) -> String {
    TagChoice::among(constraints).map_or_else(|error| error.to_string(), |choice| choice.tag.to_string())
}

#[test]
fn one_constraint() {
    for (text, expected) in [
        (">=3.12", "3.15-slim"),
        (">=3.12,<3.14", "3.13-slim"),
        ("<3.9", "3.8-slim"),
        ("<3", "2.7-slim"),
        ("==2.7.*", "2.7-slim"),
        ("==3.12.4", "3.12.4-slim"),
        (">=3.12,<3.12.4", "3.12.3-slim"),
        ("<3.12.4", "3.11-slim"),
        ("==3.12", "3.12.0-slim"),
        ("~=3.12.4", "3.12-slim"),
        ("==3.9.25", "3.9-slim"),
        ("<3.3,>=3.2.6", "3.2.6-slim"),
        ("==3.16.*", "3.16-rc-slim"),
        ("==3.16.0a2", "3.16.0a2-slim"),
        ("==3.14.0rc2", "3.14.0rc2-slim"),
        (">=3.15.0rc1", "3.15-slim"),
        ("", "3.15-slim"),
        (">=4", "no official Python image satisfies `>=4`"),
        ("<2.7", "no official Python image satisfies `<2.7`"),
        (">=3.17", "no official Python image satisfies `>=3.17`"),
        ("==3.16.0", "3.16-rc-slim"),
        ("==3.1.4", "no official Python image satisfies `==3.1.4`"),
        (">3.12,<3.12", "no official Python image satisfies `>3.12,<3.12`"),
    ] {
        assert_eq!(choose(&[requires(text)]), expected, "{text}");
    }
    for (text, expected) in [
        ("3.13", "3.13-slim"),
        ("3.13.5", "3.13.5-slim"),
        ("3", "3.15-slim"),
        ("2", "2.7-slim"),
        ("3.7", "3.7-slim"),
        ("2.7.18", "2.7-slim"),
        ("3.16", "3.16-rc-slim"),
        ("3.16.0a2", "3.16.0a2-slim"),
        (">=3.12,<3.14", "3.13-slim"),
        ("3.17", "no official Python image satisfies file 3.17"),
        ("2.6", "no official Python image satisfies file 2.6"),
    ] {
        assert_eq!(choose(&[file(text)]), expected, "{text}");
    }
}

#[test]
fn several_constraints() {
    for (constraints, expected) in [
        (vec![requires(">=3.12"), file("3.13")], "3.13-slim"),
        (vec![requires(">=3.12"), file("3.13.5")], "3.13.5-slim"),
        (vec![requires(">=3.11,<3.12.8"), file("3.12")], "3.12.7-slim"),
        (vec![requires(">=3.12"), requires("<3.14"), file("3")], "3.13-slim"),
        (vec![requires(">=3.12"), tag("3.13-alpine")], "3.13-alpine"),
        (vec![requires(">=3.12"), tag("slim")], "slim"),
        (vec![requires(">=3.12"), tag("rc")], "rc"),
        (vec![requires(">=3.12"), tag("3.13.5-slim-bookworm")], "3.13.5-slim-bookworm"),
        (vec![requires("<3.9"), tag("latest")], "`<3.9` and tag latest contradict each other"),
        (vec![requires(">=3.12"), tag("3.11")], "`>=3.12` and tag 3.11 contradict each other"),
        (vec![requires(">=3.12"), file("3.11")], "`>=3.12` and file 3.11 contradict each other"),
        // The two that contradict, not the third.
        (
            vec![requires(">=3.9"), requires(">=3.12"), file("3.11")],
            "`>=3.12` and file 3.11 contradict each other",
        ),
        // What nothing can satisfy is no contradiction with anything.
        (vec![file("3.11"), requires(">=4")], "no official Python image satisfies `>=4`"),
        // Any two of these can be satisfied.
        (
            vec![requires("!=3.14.*,>=3.13"), requires("!=3.13.*,>=3.12"), requires("<3.15")],
            "`!=3.14.*,>=3.13`, `!=3.13.*,>=3.12` and `<3.15` contradict each other",
        ),
    ] {
        assert_eq!(choose(&constraints), expected);
    }
}

#[test]
fn every_source_is_a_reason() {
    let choice = TagChoice::among(&[requires(">=3.12"), file("3.13")]).unwrap();
    assert_eq!(choice.reasons, ["`>=3.12`", "file 3.13"]);
    assert_eq!(TagChoice::among(&[]).unwrap().reasons, [""; 0]);
}

fn constraint() -> impl Strategy<Value = Constraint> {
    let number = (2_u16..18, proptest::option::of(0_u16..30));
    (number, 0..7_usize).prop_map(|((minor, patch), kind)| {
        let version = patch.map_or(format!("3.{minor}"), |patch| format!("3.{minor}.{patch}"));
        match ["file", ">=", "<", "==", "!=", "~=", "<="][kind] {
            "file" => file(&version),
            operator => requires(&format!("{operator}{version}")),
        }
    })
}

proptest! {
    #[test]
    fn what_is_chosen_satisfies_all(constraints in proptest::collection::vec(constraint(), 0..4)) {
        match TagChoice::among(&constraints) {
            Ok(choice) => prop_assert!(constraints.iter().all(|constraint| constraint.allows(&choice.tag))),
            Err(TagChoiceError::Unsatisfiable(source)) => {
                let alone: Vec<_> = constraints.iter().filter(|constraint| constraint.source == source).cloned().collect();
                prop_assert!(TagChoice::among(&alone[..1]).is_err());
            }
            Err(TagChoiceError::Contradiction { sources }) => {
                let named: Vec<_> = constraints.iter().filter(|constraint| sources.contains(&constraint.source)).cloned().collect();
                prop_assert!(TagChoice::among(&named).is_err());
                prop_assert!(sources.len() >= 2);
            }
        }
    }

    #[test]
    fn no_newer_stable_floating_tag_would_do(constraints in proptest::collection::vec(constraint(), 1..3)) {
        let Ok(choice) = TagChoice::among(&constraints) else { return Ok(()) };
        for build in BUILDS.iter().filter(|build| !build.prerelease) {
            let tag = PythonTag::slim(&build.python());
            let better = choice.tag.version().is_none_or(|version| version.patch().is_some() || version.prerelease().is_some())
                || tag.cmp_newest_first(&choice.tag).is_lt();
            prop_assert!(!better || !constraints.iter().all(|constraint| constraint.allows(&tag)), "{}", tag);
        }
    }
}
