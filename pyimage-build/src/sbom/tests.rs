use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const FORMATS: [SbomFormat; 2] = [SbomFormat::CycloneDx, SbomFormat::Spdx];

fn file(name: &str, url: Option<&str>) -> LockedFile {
    LockedFile {
        file_name: name.to_owned(),
        url: url.map(str::to_owned),
        path: None,
        size: None,
        upload_time: None,
        hashes: BTreeMap::new(),
    }
}

fn package(name: &str, licence: Licence) -> SbomPackage {
    let url = format!("https://me:secret@files.example/{name}?token=secret#sha256=0");
    SbomPackage::of(&file(name, Some(&url)), &Digest::of(name.as_bytes()), licence).unwrap()
}

fn image(platform: &str, packages: Vec<SbomPackage>) -> SbomImage {
    let base =
        SbomBase { reference: "python:3.13-slim".parse().unwrap(), digest: Digest::of(platform.as_bytes()) };
    SbomImage { platform: platform.parse().unwrap(), base, packages, parts: Vec::new() }
}

fn example() -> Sbom {
    let pure = package("demo-1.0-py3-none-any.whl", Licence::Expression("MIT OR Apache-2.0".to_owned()));
    let native =
        |arch: &str, licence| package(&format!("fast-2.0+a-cp313-cp313-manylinux_2_28_{arch}.whl"), licence);
    let text = || Licence::Text("Our licence\nMay be used by us.".to_owned());
    let images = vec![
        image("linux/arm64", vec![pure.clone(), native("aarch64", text())]),
        image(
            "linux/amd64",
            vec![native("x86_64", text()), pure, package("other-3-py3-none-any.whl", Licence::Unknown)],
        ),
    ];
    let name = "ghcr.io/me/app".parse().unwrap();
    Sbom { name, version: "0.1.0".to_owned(), created: 1_700_000_000, images }
}

fn parsed(sbom: &Sbom, format: SbomFormat) -> Value {
    serde_json::from_slice(&sbom.write(format)).unwrap()
}

fn texts(values: &Value, key: &str) -> Vec<String> {
    values.as_array().unwrap().iter().map(|value| value[key].as_str().unwrap().to_owned()).collect()
}

/// A change here is another document: what is attached to images gets other digests. The formats' own
/// validators check both, end to end.
#[test]
fn documents_always_have_the_same_bytes() {
    for (format, file) in [
        (SbomFormat::CycloneDx, snapbox::file!["example.cdx.json": Text]),
        (SbomFormat::Spdx, snapbox::file!["example.spdx.json": Text]),
    ] {
        snapbox::assert_data_eq!(String::from_utf8(example().write(format)).unwrap(), file.raw());
    }
}

#[test]
fn the_order_of_what_goes_in_changes_nothing() {
    let (mut other, one) = (example(), example());
    other.images.reverse();
    other.images.iter_mut().for_each(|image| image.packages.reverse());
    for format in FORMATS {
        assert_eq!(other.write(format), one.write(format));
    }
}

#[test]
fn no_login_is_in_it() {
    for format in FORMATS {
        let text = String::from_utf8(example().write(format)).unwrap();
        assert!(
            text.contains("\"https://files.example/demo-1.0-py3-none-any.whl\"") && !text.contains("secret")
        );
    }
    let address = |url: &str| {
        SbomPackage::of(&file("demo-1.0-py3-none-any.whl", Some(url)), &Digest::of(b""), Licence::Unknown)
            .unwrap()
            .url
    };
    assert_eq!(
        address("https://a@b:c@files.example:8080/x@1/%20y").as_deref(),
        Some("https://files.example:8080/x@1/%20y")
    );
    assert_eq!(address("HTTP://files.example").as_deref(), Some("HTTP://files.example"));
    for none in [
        "file:///home/me/demo.whl",
        "https:///x",
        "https://user:pass@/x",
        "https://files.example/a b",
        "demo.whl",
    ] {
        assert_eq!(address(none), None, "{none}");
    }
}

#[test]
fn cyclonedx_has_what_its_schema_requires() {
    let bom = parsed(&example(), SbomFormat::CycloneDx);
    assert_eq!(
        (&bom["bomFormat"], &bom["specVersion"], &bom["version"]),
        (&"CycloneDX".into(), &"1.6".into(), &1.into())
    );
    let serial =
        regex::Regex::new("^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$")
            .unwrap();
    assert!(serial.is_match(bom["serialNumber"].as_str().unwrap()));
    assert_eq!(bom["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    let components = bom["components"].as_array().unwrap();
    assert_eq!(components.len(), 2 + 2 + 4, "images, bases and packages");
    let mut references = texts(&bom["components"], "bom-ref");
    references.push(bom["metadata"]["component"]["bom-ref"].as_str().unwrap().to_owned());
    let distinct: BTreeSet<_> = references.iter().cloned().collect();
    assert_eq!(distinct.len(), references.len(), "{references:?}");
    assert_eq!(texts(&bom["dependencies"], "ref").into_iter().collect::<BTreeSet<_>>(), distinct);
    for dependency in bom["dependencies"].as_array().unwrap() {
        for on in dependency["dependsOn"].as_array().into_iter().flatten() {
            assert!(distinct.contains(on.as_str().unwrap()), "{on}");
        }
    }
    let of = |name: &str| components.iter().find(|its| its["name"] == name).unwrap();
    assert_eq!(of("demo")["licenses"], serde_json::json!([{"expression": "MIT OR Apache-2.0"}]));
    assert_eq!(of("fast")["licenses"][0]["license"]["text"]["content"], "Our licence\nMay be used by us.");
    assert_eq!(of("fast")["purl"], "pkg:pypi/fast@2.0%2Ba");
    assert_eq!(of("other").get("licenses"), None, "nothing is guessed");
    assert_eq!(of("demo")["properties"].as_array().unwrap().len(), 2, "both platforms");
}

#[test]
fn spdx_has_what_its_schema_requires() {
    let document = parsed(&example(), SbomFormat::Spdx);
    assert_eq!((&document["spdxVersion"], &document["dataLicense"]), (&"SPDX-2.3".into(), &"CC0-1.0".into()));
    assert!(
        document["documentNamespace"]
            .as_str()
            .unwrap()
            .starts_with("https://spdx.org/spdxdocs/ghcr.io-me-app-")
    );
    let ids: BTreeSet<_> = texts(&document["packages"], "SPDXID").into_iter().collect();
    assert_eq!(ids.len(), 1 + 2 + 2 + 4);
    let id = regex::Regex::new("^SPDXRef-[a-zA-Z0-9.-]+$").unwrap();
    assert!(ids.iter().all(|its| id.is_match(its)), "{ids:?}");
    for relationship in document["relationships"].as_array().unwrap() {
        for end in ["spdxElementId", "relatedSpdxElement"] {
            let end = relationship[end].as_str().unwrap();
            assert!(end == "SPDXRef-DOCUMENT" || ids.contains(end), "{end}");
        }
    }
    let packages = document["packages"].as_array().unwrap();
    let declared = |name: &str| &packages.iter().find(|its| its["name"] == name).unwrap()["licenseDeclared"];
    assert_eq!((declared("demo"), declared("other")), (&"MIT OR Apache-2.0".into(), &"NOASSERTION".into()));
    let extracted = document["hasExtractedLicensingInfos"].as_array().unwrap();
    assert_eq!((extracted.len(), &extracted[0]["licenseId"]), (1, declared("fast")));
}

#[test]
fn packages_of_debian_programs_and_crates_have_entries() {
    let trixie = crate::Suite::from_name("trixie").unwrap();
    assert_eq!(SbomPart::of_debian("libgomp1:amd64", &trixie), None);
    assert_eq!(SbomPart::of_debian("x=1", &crate::Suite::from_name("alpine3.22").unwrap()), None);
    let mut sbom = example();
    let sha256 = Digest::of(b"crate");
    for image in &mut sbom.images {
        let architecture = image.platform.architecture();
        let library = format!("libgomp1:{architecture}=1:14.2.0-19+b1");
        image.parts = vec![
            SbomPart::of_crate("serde", "1.0.0", Some(sha256.clone())),
            SbomPart::of_program("serve", "app", "0.1.0"),
            SbomPart::of_program("tool", "app", "0.1.0"),
            SbomPart::of_debian(&library, &trixie).unwrap(),
            SbomPart::of_debian("tzdata=2025b", &trixie).unwrap(),
        ];
    }
    let bom = parsed(&sbom, SbomFormat::CycloneDx);
    let components = bom["components"].as_array().unwrap();
    assert_eq!(components.len(), 2 + 2 + 4 + 6, "what is the same on both platforms is there once");
    let references: BTreeSet<_> = texts(&bom["components"], "bom-ref").into_iter().collect();
    assert_eq!(references.len(), components.len());
    for dependency in bom["dependencies"].as_array().unwrap() {
        for on in dependency["dependsOn"].as_array().into_iter().flatten() {
            assert!(references.contains(on.as_str().unwrap()), "{on}");
        }
    }
    let of =
        |purl: &str| components.iter().find(|its| its["purl"] == purl).unwrap_or_else(|| panic!("{purl}"));
    let library = of("pkg:deb/debian/libgomp1@1:14.2.0-19%2Bb1?arch=amd64&distro=trixie");
    assert_eq!((&library["type"], &library["version"]), (&"library".into(), &"1:14.2.0-19+b1".into()));
    assert_eq!(of("pkg:deb/debian/tzdata@2025b?distro=trixie")["properties"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&of("pkg:cargo/app@0.1.0")["type"], &of("pkg:cargo/app@0.1.0")["name"]),
        (&"application".into(), &"serve".into())
    );
    assert_eq!(of("pkg:cargo/serde@1.0.0")["hashes"][0]["content"], sha256.hex());

    let document = parsed(&sbom, SbomFormat::Spdx);
    let ids: BTreeSet<_> = texts(&document["packages"], "SPDXID").into_iter().collect();
    assert_eq!(ids.len(), 1 + 2 + 2 + 4 + 6);
    let id = regex::Regex::new("^SPDXRef-[a-zA-Z0-9.-]+$").unwrap();
    assert!(ids.iter().all(|its| id.is_match(its)), "{ids:?}");
    let relationships = document["relationships"].as_array().unwrap();
    let contained: BTreeSet<_> =
        relationships.iter().map(|its| its["relatedSpdxElement"].as_str().unwrap()).collect();
    assert!(ids.iter().all(|its| contained.contains(its.as_str())), "{contained:?}");
    let packages = document["packages"].as_array().unwrap();
    let serve = packages.iter().find(|its| its["name"] == "serve").unwrap();
    assert_eq!(serve["primaryPackagePurpose"], "APPLICATION");
    assert_eq!(serve["externalRefs"][0]["referenceLocator"], "pkg:cargo/app@0.1.0");
}

#[test]
fn one_platform_is_one_image() {
    let one = example().only(&"linux/arm64".parse().unwrap());
    let bom = parsed(&one, SbomFormat::CycloneDx);
    assert_eq!(bom["components"].as_array().unwrap().len(), 3);
    assert_eq!(bom["metadata"]["component"]["properties"][0]["value"], "linux/arm64");
    assert_eq!(parsed(&one, SbomFormat::Spdx)["packages"].as_array().unwrap().len(), 4);
    assert_ne!(bom["serialNumber"], parsed(&example(), SbomFormat::CycloneDx)["serialNumber"]);
}

proptest! {
    #[test]
    fn any_address_is_made_public(address in "(https?://)?[\\PC]{0,40}") {
        if let Some(public) = public_address(&address) {
            let host = public.split("://").nth(1).unwrap().split('/').next().unwrap();
            prop_assert!(!host.contains('@') && !public.contains(['?', '#', ' ']), "{public}");
        }
    }
}
