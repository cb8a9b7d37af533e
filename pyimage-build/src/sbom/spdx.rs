//! [SPDX 2.3](https://spdx.github.io/spdx-spec/v2.3/), as JSON. The order of the fields is that of the keys.

#![expect(clippy::struct_field_names, reason = "the names of the format")]

use std::collections::BTreeMap;

use serde::Serialize;

use super::part::PartKind;
use super::{Licence, Sbom, SbomImage, SbomPackage, SbomPart, json, uuid};
use crate::date::rfc3339;
use crate::{Digest, DigestAlgorithm};

/// What is not known.
const NOASSERTION: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Package<'a>>,
    relationships: Vec<Relationship>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<ExtractedLicence<'a>>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: String,
    creators: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    version_info: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_file_name: Option<&'a str>,
    download_location: &'a str,
    files_analyzed: bool,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    primary_package_purpose: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum<'a> {
    algorithm: &'static str,
    checksum_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicence<'a> {
    license_id: String,
    extracted_text: &'a str,
    name: &'a str,
}

pub(super) fn document(sbom: &Sbom) -> Vec<u8> {
    let images = sbom.sorted();
    let mut packages = vec![image(sbom, IMAGE.to_owned())];
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", IMAGE)];
    if let [only] = images[..] {
        packages[0].comment = Some(format!("for {}", only.platform));
        contain(only, IMAGE, &mut relationships);
    } else {
        for its in &images {
            let id = format!("{IMAGE}-{}", id_text(&its.platform.to_string()));
            relationships.push(relationship(IMAGE, "CONTAINS", &id));
            contain(its, &id, &mut relationships);
            let comment = Some(format!("for {}", its.platform));
            packages.push(Package { comment, ..image(sbom, id) });
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    packages.extend(images.iter().filter(|its| seen.insert(base_id(its))).map(|its| base(its)));
    let mut extracted = BTreeMap::new();
    for (its, platforms) in sbom.packages() {
        if let Licence::Text(text) = &its.licence {
            extracted.insert(licence_id(text), text.as_str());
        }
        let platforms: Vec<_> = platforms.iter().map(ToString::to_string).collect();
        packages.push(package(its, format!("for {}", platforms.join(", "))));
    }
    for (its, platforms) in sbom.parts() {
        let platforms: Vec<_> = platforms.iter().map(ToString::to_string).collect();
        packages.push(part(its, format!("for {}", platforms.join(", "))));
    }
    let extracted = extracted.into_iter().map(|(license_id, extracted_text)| {
        let name = extracted_text.lines().next().unwrap_or_default();
        ExtractedLicence { license_id, extracted_text, name }
    });
    let mut document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: sbom.repository(),
        document_namespace: String::new(),
        creation_info: CreationInfo {
            created: rfc3339(sbom.created),
            creators: [format!("Tool: cargo-pyimage-{}", env!("CARGO_PKG_VERSION"))],
        },
        packages,
        relationships,
        has_extracted_licensing_infos: extracted.collect(),
    };
    let name = id_text(&sbom.repository());
    document.document_namespace = format!("https://spdx.org/spdxdocs/{name}-{}", uuid(&json(&document)));
    json(&document)
}

/// What the image for a platform stands on and has.
fn contain(image: &SbomImage, id: &str, relationships: &mut Vec<Relationship>) {
    relationships.push(relationship(id, "DESCENDANT_OF", &base_id(image)));
    let mut packages: Vec<_> = image.packages.iter().map(package_id).collect();
    packages.sort();
    packages.dedup();
    let mut parts: Vec<_> = image.parts.iter().collect();
    parts.sort();
    parts.dedup();
    let all = packages.into_iter().chain(parts.into_iter().map(part_id));
    relationships.extend(all.map(|package| relationship(id, "CONTAINS", &package)));
}

fn relationship(from: &str, kind: &'static str, to: &str) -> Relationship {
    let (spdx_element_id, related_spdx_element) = (from.to_owned(), to.to_owned());
    Relationship { spdx_element_id, relationship_type: kind, related_spdx_element }
}

fn image(sbom: &Sbom, id: String) -> Package<'_> {
    Package {
        id,
        name: sbom.repository(),
        version_info: &sbom.version,
        package_file_name: None,
        download_location: NOASSERTION,
        files_analyzed: false,
        license_concluded: NOASSERTION,
        license_declared: NOASSERTION.to_owned(),
        copyright_text: NOASSERTION,
        primary_package_purpose: "CONTAINER",
        checksums: Vec::new(),
        external_refs: Vec::new(),
        comment: None,
    }
}

fn base(image: &SbomImage) -> Package<'_> {
    let base = &image.base;
    Package {
        id: base_id(image),
        name: super::repository(&base.reference),
        version_info: base.version(),
        package_file_name: None,
        download_location: NOASSERTION,
        files_analyzed: false,
        license_concluded: NOASSERTION,
        license_declared: NOASSERTION.to_owned(),
        copyright_text: NOASSERTION,
        primary_package_purpose: "CONTAINER",
        checksums: vec![checksum(&base.digest)],
        external_refs: vec![purl(base.purl(&image.platform))],
        comment: Some(format!("for {}", image.platform)),
    }
}

fn package(package: &SbomPackage, comment: String) -> Package<'_> {
    Package {
        id: package_id(package),
        name: package.name.to_string(),
        version_info: &package.version,
        package_file_name: Some(&package.file_name),
        download_location: package.url.as_deref().unwrap_or(NOASSERTION),
        files_analyzed: false,
        license_concluded: NOASSERTION,
        license_declared: match &package.licence {
            Licence::Expression(expression) => expression.clone(),
            Licence::Text(text) => licence_id(text),
            Licence::Unknown => NOASSERTION.to_owned(),
        },
        copyright_text: NOASSERTION,
        primary_package_purpose: "LIBRARY",
        checksums: vec![checksum(&package.digest)],
        external_refs: vec![purl(package.purl())],
        comment: Some(comment),
    }
}

fn part(part: &SbomPart, comment: String) -> Package<'_> {
    Package {
        id: part_id(part),
        name: part.name.clone(),
        version_info: &part.version,
        package_file_name: None,
        download_location: NOASSERTION,
        files_analyzed: false,
        license_concluded: NOASSERTION,
        license_declared: NOASSERTION.to_owned(),
        copyright_text: NOASSERTION,
        primary_package_purpose: if part.kind == PartKind::Program { "APPLICATION" } else { "LIBRARY" },
        checksums: part.digest.iter().map(checksum).collect(),
        external_refs: vec![purl(part.purl().to_owned())],
        comment: Some(comment),
    }
}

fn purl(reference_locator: String) -> ExternalRef {
    ExternalRef { reference_category: "PACKAGE-MANAGER", reference_type: "purl", reference_locator }
}

fn checksum(digest: &Digest) -> Checksum<'_> {
    let algorithm = match digest.algorithm() {
        DigestAlgorithm::Sha256 => "SHA256",
        DigestAlgorithm::Sha512 => "SHA512",
    };
    Checksum { algorithm, checksum_value: digest.hex() }
}

fn base_id(image: &SbomImage) -> String {
    let platform = id_text(&image.platform.to_string());
    format!("SPDXRef-Base-{platform}-{}", &image.base.digest.hex()[..12])
}

fn package_id(package: &SbomPackage) -> String {
    let file = package.file_name.strip_suffix(".whl").unwrap_or(&package.file_name);
    format!("SPDXRef-Package-{}-{}", id_text(file), &package.digest.hex()[..12])
}

fn part_id(part: &SbomPart) -> String {
    let kind = match part.kind {
        PartKind::Debian => "Debian",
        PartKind::Program => "Program",
        PartKind::Crate => "Crate",
    };
    let (name, hash) = (id_text(&part.name), Digest::of(part.reference().as_bytes()));
    format!("SPDXRef-{kind}-{name}-{}", &hash.hex()[..12])
}

/// A licence that SPDX does not have goes by its text.
fn licence_id(text: &str) -> String {
    format!("LicenseRef-{}", &Digest::of(text.as_bytes()).hex()[..16])
}

/// The text as far as identifiers may have it.
fn id_text(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '-' }).collect()
}
