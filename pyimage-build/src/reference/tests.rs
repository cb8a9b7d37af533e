use proptest::prelude::*;

use super::*;

const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn parse(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    text.parse::<Reference>().unwrap_err().to_string()
}

#[test]
fn what_is_left_out_is_understood() {
    for (text, full, familiar) in [
        ("python", "docker.io/library/python:latest", "python:latest"),
        ("python:3.13-slim", "docker.io/library/python:3.13-slim", "python:3.13-slim"),
        ("library/python:3", "docker.io/library/python:3", "python:3"),
        ("docker.io/python:3", "docker.io/library/python:3", "python:3"),
        ("index.docker.io/python:3", "docker.io/library/python:3", "python:3"),
        ("me/app", "docker.io/me/app:latest", "me/app:latest"),
        ("library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"),
        ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        ("ghcr.io/a/b/c:x_Y.z-1", "ghcr.io/a/b/c:x_Y.z-1", "ghcr.io/a/b/c:x_Y.z-1"),
        ("HOST/app", "HOST/app:latest", "HOST/app:latest"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        ("[2001:db8::1]/app", "[2001:db8::1]/app:latest", "[2001:db8::1]/app:latest"),
        ("127.0.0.1:80/a__b---c.d", "127.0.0.1:80/a__b---c.d:latest", "127.0.0.1:80/a__b---c.d:latest"),
        // Docker's own short forms of these mean other registries.
        ("docker.io/localhost/app", "docker.io/localhost/app:latest", "docker.io/localhost/app:latest"),
        ("docker.io/docker.io/a/b", "docker.io/docker.io/a/b:latest", "docker.io/docker.io/a/b:latest"),
        (
            "docker.io/index.docker.io/a",
            "docker.io/index.docker.io/a:latest",
            "docker.io/index.docker.io/a:latest",
        ),
        ("docker.io/a.b/app", "docker.io/a.b/app:latest", "docker.io/a.b/app:latest"),
    ] {
        let reference = parse(text);
        assert_eq!(reference.to_string(), full);
        assert_eq!(reference.familiar(), familiar);
    }
}

#[test]
fn a_digest_replaces_the_implied_tag_and_joins_a_given_one() {
    let pinned = parse(&format!("python@sha256:{HEX}"));
    assert_eq!(pinned.tag(), None);
    assert_eq!(pinned.digest().map(Digest::hex), Some(HEX));
    assert_eq!(pinned.familiar(), format!("python@sha256:{HEX}"));

    let both = parse(&format!("localhost:5000/python:3.13@sha256:{HEX}"));
    assert_eq!(both.tag(), Some("3.13"));
    assert_eq!(both.to_string(), format!("localhost:5000/python:3.13@sha256:{HEX}"));
}

#[test]
fn only_the_official_image_is_official() {
    for text in ["python", "docker.io/python:3", "library/python", &format!("python@sha256:{HEX}")] {
        assert!(parse(text).is_official_python(), "{text}");
    }
    for text in ["me/python", "localhost:5000/library/python", "ghcr.io/library/python", "pypy"] {
        assert!(!parse(text).is_official_python(), "{text}");
    }
}

#[test]
fn refusals_say_why() {
    for (text, expected) in [
        ("", "the image reference is empty"),
        (":3", "reference `:3` names no repository"),
        ("localhost:5000/", "reference `localhost:5000/` names no repository"),
        ("python:", "reference `python:` has a colon with no tag after it"),
        (
            "https://docker.io/python",
            "reference `https://docker.io/python` has a URL scheme, a reference starts with the registry's host \
             or the repository",
        ),
        (
            "me/App:1",
            "repository `me/App` in reference `me/App:1` has upper-case letters, only lower case is allowed",
        ),
        ("a_b.c/app", "registry `a_b.c` in reference `a_b.c/app` is not a host with an optional port"),
        ("a.b:x/app", "registry `a.b:x` in reference `a.b:x/app` is not a host with an optional port"),
        ("[::1/app", "registry `[::1` in reference `[::1/app` is not a host with an optional port"),
    ] {
        assert_eq!(error(text), expected);
    }
    for text in ["/python", "a//b", "a/", "-a", "a-", "a..b", "a___b", "a._b", "a b", "pythön", "a\n"] {
        assert!(
            matches!(text.parse::<Reference>(), Err(ReferenceError::InvalidRepository { .. })),
            "{text}: {:?}",
            text.parse::<Reference>()
        );
    }
    for text in ["a:-x", "a:.x", "a:x y", "a:x:y", "a:ä", "a:3.13 "] {
        assert!(matches!(text.parse::<Reference>(), Err(ReferenceError::InvalidTag { .. })), "{text}");
    }
    for text in ["a@", "a@sha256:1", "a@sha256", "a@b@c"] {
        assert!(matches!(text.parse::<Reference>(), Err(ReferenceError::InvalidDigest { .. })), "{text}");
    }
}

#[test]
fn an_image_id_is_not_a_name() {
    assert_eq!(error(HEX), format!("name `{HEX}` is 64 hex digits, which would be taken for an image ID"));
    assert_eq!(parse(&HEX[1..]).repository(), format!("library/{}", &HEX[1..]));
}

#[test]
fn lengths_are_limited() {
    assert_eq!(parse(&format!("a:{}", "t".repeat(128))).tag().map(str::len), Some(128));
    let long = "t".repeat(129);
    assert_eq!(error(&format!("a:{long}")), format!("tag `{long}` is 129 characters long, the limit is 128"));

    // The registry does not count, the implied namespace does.
    assert_eq!(parse(&format!("example.com/{}", "a".repeat(255))).repository().len(), 255);
    assert_eq!(parse(&"a".repeat(247)).repository().len(), 255);
    let long = "a".repeat(248);
    assert_eq!(error(&long), format!("repository `library/{long}` is 256 characters long, the limit is 255"));
}

proptest! {
    #[test]
    fn round_trips(
        registry in "(([a-zA-Z0-9]{1,5}\\.){1,2}[a-z]{2,3}(:[0-9]{1,5})?|localhost(:[0-9]{1,5})?|\\[[0-9a-f]{0,4}::[0-9a-f:]{0,6}\\](:[0-9]{1,5})?|docker\\.io|index\\.docker\\.io)/|",
        repository in "([a-z0-9]{1,4}([._]|__|-{1,3})?[a-z0-9]{1,4}/){0,2}[a-z0-9]{1,9}",
        tag in "(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20})?",
        digest in "(@sha256:[0-9a-f]{64}|@sha512:[0-9a-f]{128})?",
    ) {
        let reference = parse(&format!("{registry}{repository}{tag}{digest}"));
        prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference.clone()));
        prop_assert_eq!(reference.familiar().parse::<Reference>(), Ok(reference.clone()));
        prop_assert!(reference.tag().is_some() || reference.digest().is_some());
    }

    #[test]
    fn never_panics(text in "\\PC*|[a-zA-Z0-9/:@._\\[\\]-]{0,80}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference.clone()));
            prop_assert_eq!(reference.familiar().parse::<Reference>(), Ok(reference));
        }
    }
}
