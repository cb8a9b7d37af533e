//! [CycloneDX 1.6](https://cyclonedx.org/docs/1.6/json/), as JSON. The order of the fields is that of the keys.

#![expect(clippy::struct_field_names, reason = "the names of the format")]

use serde::Serialize;

use super::part::PartKind;
use super::{Licence, Sbom, SbomImage, SbomPackage, SbomPart, json, uuid};
use crate::date::rfc3339;
use crate::{Digest, DigestAlgorithm, Platform};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    version: u32,
    metadata: Metadata,
    components: Vec<Component<'a>>,
    dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
struct Metadata {
    timestamp: String,
    tools: Tools,
    component: Component<'static>,
}

#[derive(Serialize)]
struct Tools {
    components: [Tool; 1],
}

#[derive(Serialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenceChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(rename = "externalReferences", skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<ExternalReference<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Clone, Serialize)]
struct Hash<'a> {
    alg: &'static str,
    content: &'a str,
}

/// An expression, or a licence by its own words.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum LicenceChoice<'a> {
    Expression(&'a str),
    License(NamedLicence<'a>),
}

#[derive(Serialize)]
struct NamedLicence<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Text<'a> {
    content: &'a str,
}

#[derive(Serialize)]
struct ExternalReference<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: &'a str,
    hashes: Vec<Hash<'a>>,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Dependency {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(rename = "dependsOn", skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
}

pub(super) fn document(sbom: &Sbom) -> Vec<u8> {
    let images = sbom.sorted();
    let root = sbom.repository();
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    let mut image_component = image(sbom, &root);
    if let [only] = images[..] {
        image_component.properties = vec![platform(&only.platform)];
        dependencies.push(Dependency { reference: root, depends_on: parts(only) });
    } else {
        let of = |its: &SbomImage| format!("{root}#{}", its.platform);
        dependencies.push(Dependency {
            reference: root.clone(),
            depends_on: images.iter().map(|its| of(its)).collect(),
        });
        for its in &images {
            let properties = vec![platform(&its.platform)];
            components.push(Component { properties, ..image(sbom, &of(its)) });
            dependencies.push(Dependency { reference: of(its), depends_on: parts(its) });
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for its in &images {
        let base = base(its);
        // A base without an index is one for all.
        if seen.insert(base.reference.clone()) {
            dependencies.push(Dependency { reference: base.reference.clone(), depends_on: Vec::new() });
            components.push(base);
        }
    }
    for (its, platforms) in sbom.packages() {
        let properties = platforms.into_iter().map(platform).collect();
        dependencies.push(Dependency { reference: its.reference(), depends_on: Vec::new() });
        components.push(package(its, properties));
    }
    for (its, platforms) in sbom.parts() {
        let properties = platforms.into_iter().map(platform).collect();
        dependencies.push(Dependency { reference: its.reference(), depends_on: Vec::new() });
        components.push(part(its, properties));
    }
    let tool = Tool { kind: "application", name: "cargo-pyimage", version: env!("CARGO_PKG_VERSION") };
    let metadata = Metadata {
        timestamp: rfc3339(sbom.created),
        tools: Tools { components: [tool] },
        component: image_component,
    };
    let mut bom = Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: None,
        version: 1,
        metadata,
        components,
        dependencies,
    };
    bom.serial_number = Some(format!("urn:uuid:{}", uuid(&json(&bom))));
    json(&bom)
}

fn image(sbom: &Sbom, reference: &str) -> Component<'static> {
    Component {
        kind: "container",
        reference: reference.to_owned(),
        name: sbom.repository(),
        version: sbom.version.clone(),
        hashes: Vec::new(),
        licenses: Vec::new(),
        purl: None,
        external_references: Vec::new(),
        properties: Vec::new(),
    }
}

fn base(image: &SbomImage) -> Component<'_> {
    let base = &image.base;
    let purl = base.purl(&image.platform);
    Component {
        kind: "container",
        reference: purl.clone(),
        name: super::repository(&base.reference),
        version: base.version().to_owned(),
        hashes: vec![hash(&base.digest)],
        licenses: Vec::new(),
        purl: Some(purl),
        external_references: Vec::new(),
        properties: vec![platform(&image.platform)],
    }
}

fn package(package: &SbomPackage, properties: Vec<Property>) -> Component<'_> {
    let hashes = vec![hash(&package.digest)];
    let from = package.url.as_deref();
    let from = from.map(|url| ExternalReference { kind: "distribution", url, hashes: hashes.clone() });
    Component {
        kind: "library",
        reference: package.reference(),
        name: package.name.to_string(),
        version: package.version.clone(),
        licenses: licence(&package.licence).into_iter().collect(),
        purl: Some(package.purl()),
        external_references: from.into_iter().collect(),
        hashes,
        properties,
    }
}

fn part(part: &SbomPart, properties: Vec<Property>) -> Component<'_> {
    Component {
        kind: if part.kind == PartKind::Program { "application" } else { "library" },
        reference: part.reference(),
        name: part.name.clone(),
        version: part.version.clone(),
        hashes: part.digest.iter().map(hash).collect(),
        licenses: Vec::new(),
        purl: Some(part.purl().to_owned()),
        external_references: Vec::new(),
        properties,
    }
}

fn licence(licence: &Licence) -> Option<LicenceChoice<'_>> {
    match licence {
        Licence::Expression(expression) => Some(LicenceChoice::Expression(expression)),
        Licence::Text(content) => {
            let name = content.lines().next().unwrap_or_default();
            let text = (name != content).then_some(Text { content });
            Some(LicenceChoice::License(NamedLicence { name, text }))
        }
        Licence::Unknown => None,
    }
}

/// What the image for a platform stands on and has.
fn parts(image: &SbomImage) -> Vec<String> {
    let mut packages: Vec<_> = image.packages.iter().map(SbomPackage::reference).collect();
    packages.sort();
    packages.dedup();
    let mut parts: Vec<_> = image.parts.iter().collect();
    parts.sort();
    parts.dedup();
    let parts = parts.into_iter().map(SbomPart::reference);
    std::iter::once(image.base.purl(&image.platform)).chain(packages).chain(parts).collect()
}

fn platform(platform: &Platform) -> Property {
    Property { name: "pyimage:platform", value: platform.to_string() }
}

fn hash(digest: &Digest) -> Hash<'_> {
    let alg = match digest.algorithm() {
        DigestAlgorithm::Sha256 => "SHA-256",
        DigestAlgorithm::Sha512 => "SHA-512",
    };
    Hash { alg, content: digest.hex() }
}
