//! Package URLs, as [ECMA-427](https://ecma-international.org/publications-and-standards/standards/ecma-427/) has them.

use std::fmt::Write as _;

use crate::{Digest, PackageName, Platform, Reference};

/// `pkg:pypi/demo@1.0`
pub(super) fn of_package(name: &PackageName, version: &str) -> String {
    format!("pkg:pypi/{}@{}", encoded(name.as_str(), ""), encoded(version, ""))
}

/// `pkg:deb/debian/libgomp1@14.2.0-19?arch=amd64&distro=trixie`
pub(super) fn of_debian(name: &str, version: &str, architecture: Option<&str>, release: &str) -> String {
    let architecture = architecture.map(|its| format!("arch={}&", encoded(its, ""))).unwrap_or_default();
    format!("pkg:deb/debian/{}@{}?{architecture}distro={release}", encoded(name, ""), encoded(version, ""))
}

/// `pkg:cargo/serde@1.0.0`
pub(super) fn of_crate(name: &str, version: &str) -> String {
    format!("pkg:cargo/{}@{}", encoded(name, ""), encoded(version, ""))
}

/// `pkg:oci/python@sha256:…?arch=amd64&repository_url=docker.io/library/python&tag=3.13-slim`
pub(super) fn of_image(image: &Reference, digest: &Digest, platform: &Platform) -> String {
    let last = image.repository().rsplit('/').next().unwrap_or_default();
    let repository = super::repository(image);
    let mut purl = format!(
        "pkg:oci/{}@{}?arch={}&repository_url={}",
        encoded(last, ""),
        encoded(digest.as_str(), ""),
        encoded(platform.architecture(), ""),
        encoded(&repository, "/")
    );
    if let Some(tag) = image.tag() {
        purl.push_str("&tag=");
        purl.push_str(&encoded(tag, ""));
    }
    purl
}

/// The text with a percent sign for all but letters, digits, four marks, the colon, and these.
fn encoded(text: &str, and: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        let is_plain =
            byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) || and.as_bytes().contains(&byte);
        if is_plain {
            out.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_repositories_are_encoded() {
        let name: PackageName = "Torch_Vision".parse().unwrap();
        assert_eq!(of_package(&name, "1!0.2+cu128"), "pkg:pypi/torch-vision@1%210.2%2Bcu128");
        let digest = Digest::of(b"");
        let image = "localhost:5000/me/python:3.13".parse().unwrap();
        assert_eq!(
            of_image(&image, &digest, &"linux/arm64".parse().unwrap()),
            format!("pkg:oci/python@{digest}?arch=arm64&repository_url=localhost:5000/me/python&tag=3.13")
        );
        let pinned = image.with_digest(&digest);
        assert!(!of_image(&pinned, &digest, &"linux/arm/v7".parse().unwrap()).contains("v7"));
    }
}
