//! What is wrong with an image that runs all the same.

use pyimage_build::{Constraint, Platform, PythonTag, PythonVersion, Wanted};

use crate::engine::Facts;
use crate::image::Image;
use crate::plan::{Interpreter, Request};

/// What a user should hear of the image that the engine has: each a warning, and what to do about it.
pub(super) fn doubts(request: &Request, image: &Image, engine: &Facts) -> Vec<(String, Vec<String>)> {
    unsatisfied(request, image).into_iter().chain(other_platform(request, image, engine)).collect()
}

/// A floating tag was taken for the newest release that it can mean, and the engine's image may have an older one.
fn unsatisfied(request: &Request, image: &Image) -> Vec<(String, Vec<String>)> {
    // Another interpreter than the official one may be any Python.
    if request.interpreter != Interpreter::Official || request.entrypoint.is_some() {
        return Vec::new();
    }
    let Some(python) = &image.python else { return Vec::new() };
    let unmet = request.wishes.iter().filter(|wish| !is_met(wish, python));
    let warnings = unmet.map(|wish| {
        let warning =
            format!("`{}` has Python {python}, which does not satisfy {}", request.image, wish.source);
        (warning, vec!["`--pull always` gets a newer image, if there is one".to_owned()])
    });
    warnings.collect()
}

/// Whether an image with this version has what is wished for, as far as that can be told. A prerelease counts as what
/// becomes of it, too: where it was taken, there was nothing better.
fn is_met(wish: &Constraint, python: &str) -> bool {
    if matches!(wish.wanted, Wanted::Tag(_)) {
        return true;
    }
    let Ok(version) = python.parse::<PythonVersion>() else { return true };
    let release = match (version.prerelease(), version.minor(), version.patch()) {
        (Some(_), Some(minor), Some(patch)) => format!("{}.{minor}.{patch}", version.major()),
        _ => python.to_owned(),
    };
    [python, &release]
        .iter()
        .any(|version| version.parse::<PythonTag>().map_or(true, |tag| wish.allows(&tag)))
}

/// Whoever asked for another platform once has its image under the tag from then on.
fn other_platform(request: &Request, image: &Image, engine: &Facts) -> Option<(String, Vec<String>)> {
    if request.platform.is_some() {
        return None;
    }
    let platform = |os: &str, arch: &str| format!("{os}/{arch}").parse::<Platform>().ok();
    let (found, own) = (platform(&image.os, &image.arch)?, platform(&engine.os, &engine.arch)?);
    let differ = found.os() == own.os() && found.architecture() != own.architecture();
    differ.then(|| {
        let warning =
            format!("`{}` on the engine is an image for {found}, and its machine is {own}", request.image);
        let helps = vec![
            format!("for the image of that machine: `--platform {own} --pull always`"),
            format!("to take this one without a warning: `--platform {found}`"),
        ];
        (warning, helps)
    })
}

#[cfg(test)]
mod tests {
    use pyimage_build::{PythonVersionFile, RequiresPython};

    use super::*;
    use crate::engine::Kind;

    fn engine(arch: &str) -> Facts {
        Facts {
            kind: Kind::Docker,
            version: "29".to_owned(),
            os: "linux".to_owned(),
            arch: arch.to_owned(),
            rootless: false,
            selinux: false,
            containerd_store: false,
        }
    }

    fn image(arch: &str, python: Option<&str>) -> Image {
        Image {
            os: "linux".to_owned(),
            arch: arch.to_owned(),
            python: python.map(str::to_owned),
            ..Image::default()
        }
    }

    fn request(wishes: Vec<Constraint>) -> Request {
        Request { image: "python:3.13-slim".to_owned(), wishes, ..Request::default() }
    }

    fn requires(text: &str) -> Constraint {
        Constraint::new(format!("`{text}`"), text.parse::<RequiresPython>().unwrap())
    }

    #[test]
    fn the_version_that_the_image_has_is_held_against_the_wishes() {
        for (wish, python, met) in [
            (">=3.13.99,<3.14", "3.13.5", false),
            (">=3.13.99,<3.14", "3.13.99", true),
            (">=3.12", "3.15.0rc2", true),
            (">=3.15", "3.15.0rc2", true),
            ("==3.16.0a2", "3.16.0a2", true),
            ("==3.16.0a2", "3.16.0a1", false),
            ("<3.15", "3.15.0rc2", false),
            (">=3.13", "unknown", true),
            ("!=3.13.5", "3.13.5", false),
        ] {
            assert_eq!(is_met(&requires(wish), python), met, "{wish} and {python}");
        }
        let file = PythonVersionFile::parse("3.13").unwrap().unwrap();
        assert!(is_met(&Constraint::new(".python-version", file), "3.13.5"));
        let tag: PythonTag = "3.13-slim".parse().unwrap();
        assert!(is_met(&Constraint::new("tag", tag), "3.13.5"));
    }

    #[test]
    fn only_the_official_interpreter_is_known() {
        let (engine, image) = (engine("amd64"), image("amd64", Some("3.13.5")));
        let mut request = request(vec![requires(">=3.12"), requires(">=3.13.99")]);
        let told = doubts(&request, &image, &engine);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, "`python:3.13-slim` has Python 3.13.5, which does not satisfy `>=3.13.99`");
        request.interpreter = Interpreter::System;
        assert_eq!(doubts(&request, &image, &engine), []);
        request.interpreter = Interpreter::Official;
        request.entrypoint = Some("/bin/sh".to_owned());
        assert_eq!(doubts(&request, &image, &engine), []);
    }

    #[test]
    fn another_machines_image_is_told_unless_it_was_asked_for() {
        let told = |found: &str, own: &str| doubts(&request(Vec::new()), &image(found, None), &engine(own));
        for (found, own) in [("amd64", "amd64"), ("arm64", "aarch64"), ("amd64", "x86_64"), ("", "amd64")] {
            assert_eq!(told(found, own), [], "{found} on {own}");
        }
        let (warning, helps) = told("arm64", "x86_64").remove(0);
        assert_eq!(
            warning,
            "`python:3.13-slim` on the engine is an image for linux/arm64, and its machine is linux/amd64"
        );
        assert_eq!(
            helps,
            [
                "for the image of that machine: `--platform linux/amd64 --pull always`",
                "to take this one without a warning: `--platform linux/arm64`"
            ]
        );
        let asked = Request { platform: Some("linux/arm64".to_owned()), ..request(Vec::new()) };
        assert_eq!(doubts(&asked, &image("arm64", None), &engine("amd64")), []);
    }
}
