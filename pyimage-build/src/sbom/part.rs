//! What an image has besides its wheels: packages of Debian, Rust programs, and the crates in these.

use super::purl;
use crate::{Digest, Suite};

/// What an image has that is no wheel: a package of Debian, a Rust program, or a crate in one.
///
/// ```
/// use pyimage_build::{SbomPart, Suite};
///
/// let suite = Suite::from_name("trixie").expect("a release");
/// let part = SbomPart::of_debian("libgomp1:amd64=14.2.0-19", &suite).expect("a name and a version");
/// assert_eq!(part.purl(), "pkg:deb/debian/libgomp1@14.2.0-19?arch=amd64&distro=trixie");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SbomPart {
    pub(super) kind: PartKind,
    pub(super) name: String,
    pub(super) version: String,
    purl: String,
    pub(super) digest: Option<Digest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PartKind {
    Debian,
    Program,
    Crate,
}

impl SbomPart {
    /// A package of Debian as `pyimage.lock` has it, on a release of Debian; none where that is not what it is.
    ///
    /// ```
    /// # use pyimage_build::{SbomPart, Suite};
    /// let alpine = Suite::from_name("alpine3.22").expect("a release");
    /// assert_eq!(SbomPart::of_debian("libgomp1:amd64=14.2.0-19", &alpine), None);
    /// ```
    #[must_use]
    pub fn of_debian(installed: &str, suite: &Suite) -> Option<Self> {
        let Suite::Debian(release) = suite else { return None };
        let (package, version) = installed.split_once('=')?;
        let (name, architecture) = match package.split_once(':') {
            Some((name, architecture)) => (name, Some(architecture)),
            None => (package, None),
        };
        let purl = purl::of_debian(name, version, architecture, &release.to_string());
        let (name, version) = (name.to_owned(), version.to_owned());
        Some(Self { kind: PartKind::Debian, name, version, purl, digest: None })
    }

    /// A program that a package of Cargo makes.
    ///
    /// ```
    /// # use pyimage_build::SbomPart;
    /// assert_eq!(SbomPart::of_program("serve", "app", "0.1.0").purl(), "pkg:cargo/app@0.1.0");
    /// ```
    #[must_use]
    pub fn of_program(name: &str, package: &str, version: &str) -> Self {
        let purl = purl::of_crate(package, version);
        let (name, version) = (name.to_owned(), version.to_owned());
        Self { kind: PartKind::Program, name, version, purl, digest: None }
    }

    /// A crate in a program, with the sha256 that `Cargo.lock` has of it.
    ///
    /// ```
    /// # use pyimage_build::SbomPart;
    /// assert_eq!(SbomPart::of_crate("serde", "1.0.0", None).purl(), "pkg:cargo/serde@1.0.0");
    /// ```
    #[must_use]
    pub fn of_crate(name: &str, version: &str, sha256: Option<Digest>) -> Self {
        let purl = purl::of_crate(name, version);
        let (name, version) = (name.to_owned(), version.to_owned());
        Self { kind: PartKind::Crate, name, version, purl, digest: sha256 }
    }

    /// What names it among all packages; of a program, its package.
    ///
    /// ```
    /// # use pyimage_build::SbomPart;
    /// assert_eq!(SbomPart::of_crate("serde", "1.0.0", None).purl(), "pkg:cargo/serde@1.0.0");
    /// ```
    #[must_use]
    pub fn purl(&self) -> &str {
        &self.purl
    }

    /// What names it in a document: two crates of one version may come from different places.
    pub(super) fn reference(&self) -> String {
        match (self.kind, &self.digest) {
            (PartKind::Program, _) => format!("{}#{}", self.purl, self.name),
            (_, Some(digest)) => format!("{}#{digest}", self.purl),
            (_, None) => self.purl.clone(),
        }
    }
}
