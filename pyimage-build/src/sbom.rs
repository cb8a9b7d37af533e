//! Software bills of materials: what is in an image, where it came from, and under which licence.

mod cyclonedx;
mod licence;
mod part;
mod purl;
mod spdx;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Digest, LockedFile, MediaType, PackageName, Platform, Reference, WheelName, WheelNameError};

pub use licence::Licence;
pub use part::SbomPart;

/// What an image is made of, for one platform or for several.
///
/// What is written is a function of it alone: no chance, no clock, no machine.
///
/// ```
/// use pyimage_build::{Digest, Sbom, SbomBase, SbomFormat, SbomImage};
///
/// let base = SbomBase { reference: "python:3.13-slim".parse()?, digest: Digest::of(b"manifest") };
/// let image = SbomImage { platform: "linux/amd64".parse()?, base, packages: Vec::new(), parts: Vec::new() };
/// let name = "ghcr.io/me/app".parse()?;
/// let sbom = Sbom { name, version: "0.1.0".to_owned(), created: 0, images: vec![image] };
///
/// let text = String::from_utf8(sbom.write(SbomFormat::CycloneDx))?;
/// assert!(text.contains("\"pkg:oci/python@sha256:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sbom {
    /// The image's repository.
    pub name: Reference,
    /// The version of what is in it.
    pub version: String,
    /// When it was made, in seconds since 1970: `SOURCE_DATE_EPOCH`, or 0.
    pub created: u64,
    /// The images, one for each platform.
    pub images: Vec<SbomImage>,
}

/// What the image for one platform is made of.
///
/// ```
/// use pyimage_build::{Digest, SbomBase, SbomImage};
///
/// let base = SbomBase { reference: "python:3.13-slim".parse()?, digest: Digest::of(b"manifest") };
/// let image = SbomImage { platform: "linux/arm64".parse()?, base, packages: Vec::new(), parts: Vec::new() };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SbomImage {
    /// What it runs on.
    pub platform: Platform,
    /// What it is made on.
    pub base: SbomBase,
    /// The packages of Python in it.
    pub packages: Vec<SbomPackage>,
    /// What else is in it.
    pub parts: Vec<SbomPart>,
}

/// What an image is made on.
///
/// ```
/// # use pyimage_build::{Digest, SbomBase};
/// let base = SbomBase { reference: "python:3.13-slim".parse()?, digest: Digest::of(b"manifest") };
/// # Ok::<(), pyimage_build::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SbomBase {
    /// Its name, as the project has it.
    pub reference: Reference,
    /// The digest of its manifest for the platform.
    pub digest: Digest,
}

/// A package of an image: the wheel that was installed.
///
/// ```
/// use std::collections::BTreeMap;
/// use pyimage_build::{Digest, Licence, LockedFile, SbomPackage};
///
/// let file = LockedFile {
///     file_name: "demo-1.0-py3-none-any.whl".to_owned(),
///     url: Some("https://me:secret@files.example/demo-1.0-py3-none-any.whl?token=secret".to_owned()),
///     path: None,
///     size: None,
///     upload_time: None,
///     hashes: BTreeMap::new(),
/// };
/// let package = SbomPackage::of(&file, &Digest::of(b"wheel"), Licence::Unknown)?;
/// assert_eq!(package.purl(), "pkg:pypi/demo@1.0");
/// assert_eq!(package.url(), Some("https://files.example/demo-1.0-py3-none-any.whl"));
/// # Ok::<(), pyimage_build::WheelNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SbomPackage {
    name: PackageName,
    version: String,
    file_name: String,
    url: Option<String>,
    digest: Digest,
    licence: Licence,
}

/// How an SBOM is written.
///
/// ```
/// use pyimage_build::SbomFormat;
///
/// assert_eq!(SbomFormat::default().media_type().as_str(), "application/vnd.cyclonedx+json");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SbomFormat {
    /// CycloneDX 1.6, as JSON.
    #[default]
    CycloneDx,
    /// SPDX 2.3, as JSON.
    Spdx,
}

impl SbomFormat {
    /// The media type of such documents, and of what they are attached as.
    ///
    /// ```
    /// # use pyimage_build::SbomFormat;
    /// assert_eq!(SbomFormat::Spdx.media_type().as_str(), "application/spdx+json");
    /// ```
    #[must_use]
    pub fn media_type(self) -> MediaType {
        MediaType::from(match self {
            Self::CycloneDx => "application/vnd.cyclonedx+json",
            Self::Spdx => "application/spdx+json",
        })
    }

    /// What a file with such a document is called.
    ///
    /// ```
    /// # use pyimage_build::SbomFormat;
    /// assert_eq!(SbomFormat::Spdx.file_name(), "sbom.spdx.json");
    /// ```
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::CycloneDx => "sbom.cdx.json",
            Self::Spdx => "sbom.spdx.json",
        }
    }
}

/// `cyclonedx` or `spdx`.
impl fmt::Display for SbomFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CycloneDx => "cyclonedx",
            Self::Spdx => "spdx",
        })
    }
}

impl SbomPackage {
    /// The package of a wheel by its file in a lock. Of the file's address only what is no secret is kept: no login, no query.
    ///
    /// # Errors
    /// Where the file is no wheel by its name.
    pub fn of(file: &LockedFile, digest: &Digest, licence: Licence) -> Result<Self, WheelNameError> {
        let wheel: WheelName = file.file_name.parse()?;
        Ok(Self {
            name: wheel.name().clone(),
            version: wheel.version().to_owned(),
            file_name: file.file_name.clone(),
            url: file.url.as_deref().and_then(public_address),
            digest: digest.clone(),
            licence,
        })
    }

    /// What names it among all packages: its [purl](https://github.com/package-url/purl-spec).
    #[must_use]
    pub fn purl(&self) -> String {
        purl::of_package(&self.name, &self.version)
    }

    /// Where it can be had.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// What names this very file in a document.
    fn reference(&self) -> String {
        format!("{}@{}", self.file_name, self.digest)
    }
}

impl Sbom {
    /// The document.
    ///
    /// ```
    /// # use pyimage_build::{Sbom, SbomFormat};
    /// let sbom = Sbom { name: "app".parse()?, version: "0.1.0".to_owned(), created: 0, images: Vec::new() };
    /// assert_eq!(sbom.write(SbomFormat::Spdx), sbom.write(SbomFormat::Spdx));
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn write(&self, format: SbomFormat) -> Vec<u8> {
        match format {
            SbomFormat::CycloneDx => cyclonedx::document(self),
            SbomFormat::Spdx => spdx::document(self),
        }
    }

    /// The same for one of its platforms alone.
    ///
    /// ```
    /// # use pyimage_build::{Platform, Sbom};
    /// let sbom = Sbom { name: "app".parse()?, version: "0.1.0".to_owned(), created: 0, images: Vec::new() };
    /// assert!(sbom.only(&Platform::host()).images.is_empty());
    /// # Ok::<(), pyimage_build::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn only(&self, platform: &Platform) -> Self {
        let images = self.images.iter().filter(|image| image.platform == *platform).cloned().collect();
        Self { images, ..self.clone() }
    }

    /// Its images, in the order of their platforms.
    fn sorted(&self) -> Vec<&SbomImage> {
        let mut images: Vec<_> = self.images.iter().collect();
        images.sort_by(|one, other| one.platform.cmp(&other.platform));
        images
    }

    /// The packages of all images, each once, with the platforms that have it.
    fn packages(&self) -> BTreeMap<&SbomPackage, BTreeSet<&Platform>> {
        let mut packages: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for image in &self.images {
            for package in &image.packages {
                packages.entry(package).or_default().insert(&image.platform);
            }
        }
        packages
    }

    /// What else is in all images, each once, with the platforms that have it.
    fn parts(&self) -> BTreeMap<&SbomPart, BTreeSet<&Platform>> {
        let mut parts: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for image in &self.images {
            for part in &image.parts {
                parts.entry(part).or_default().insert(&image.platform);
            }
        }
        parts
    }

    /// `ghcr.io/me/app`
    fn repository(&self) -> String {
        repository(&self.name)
    }
}

impl SbomBase {
    fn purl(&self, platform: &Platform) -> String {
        purl::of_image(&self.reference, &self.digest, platform)
    }

    /// Its tag; what has none goes by its digest.
    fn version(&self) -> &str {
        self.reference.tag().unwrap_or(self.digest.as_str())
    }
}

/// `docker.io/library/python`
fn repository(name: &Reference) -> String {
    format!("{}/{}", name.registry(), name.repository())
}

/// An address without what may be a secret in it. What is no address of the web is none for others.
fn public_address(address: &str) -> Option<String> {
    let bare = address.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = bare.split_once("://")?;
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // What the formats have in such a place is an address by the letter.
    let is_plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}@".contains(&byte));
    (!host.is_empty() && is_plain(host) && is_plain(&path.replace('@', "")))
        .then(|| format!("{scheme}://{host}{path}"))
}

/// A UUID that is another one exactly where the content is.
fn uuid(content: &[u8]) -> String {
    let digest = Digest::of(content);
    let hex = digest.hex();
    // Version 8, by which RFC 9562 calls those of one's own making, and its one variant.
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// A document as JSON for people, too.
#[expect(clippy::expect_used, reason = "documents have text for keys, and nothing else can go wrong")]
fn json(document: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(document).expect("a document can be written");
    bytes.push(b'\n');
    bytes
}
