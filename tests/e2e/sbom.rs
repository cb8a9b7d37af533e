//! `cargo pyimage sbom` and `push --sbom`: what an image is made of, in a file and beside the image in its registry.

use std::process::Command;

use serde_json::Value;
use tests::{
    Fault, FaultyRegistry, Finished, Folder, Format, HandMadeWheel, Repository, WheelHost, finish, with_cargo,
};

const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm/v7"];
const CYCLONEDX: &str = "application/vnd.cyclonedx+json";

/// A project with a base and packages of the test's own, and a repository for its image.
pub(crate) struct Project {
    pub(crate) folder: Folder,
    _base: Repository,
    pub(crate) target: Repository,
    /// In front of both.
    pub(crate) hub: FaultyRegistry,
    host: WheelHost,
}

impl Project {
    pub(crate) fn new() -> Option<Self> {
        let folder = Folder::new();
        let base = Repository::new(&folder)?;
        let hub = FaultyRegistry::start()?;
        hub.serve(&base, "library/python");
        let images = PLATFORMS.map(|platform| (platform, base.image(Format::Oci, platform, "3.13.5")));
        let images: Vec<_> = images.iter().map(|(platform, image)| (*platform, image)).collect();
        base.index("3.13-slim-trixie", Format::Oci, &images, false);
        let target = base.beside("app");
        let wheel = |name: &str, metadata: &str| {
            HandMadeWheel::with_metadata(name, "1.0", metadata, vec![(format!("{name}.py"), name.into())])
        };
        let host = WheelHost::of(vec![
            wheel("modern", "License-Expression: MIT OR Apache-2.0\n"),
            wheel("wordy", "License: Our own\n        For us alone.\n"),
            wheel("classified", "Classifier: License :: OSI Approved :: MIT License\n"),
            wheel("vague", "Classifier: License :: OSI Approved :: BSD License\n"),
        ]);
        let name = target.reference_at(&hub.host(), "");
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
             tag = \"3.13-slim-trixie\"\nbytecode = \"none\"\nplatforms = [\"linux/amd64\", \"linux/arm/v7\"]\nname = \"{}\"\n\
             pylock = \"pylock.toml\"\nsource = [\"main.py\"]\n",
            name.trim_end_matches(':')
        );
        folder.file("Cargo.toml", &manifest).file("src/lib.rs", "").file("main.py", "print('one')\n");
        folder.file("pylock.toml", &host.lock(&["modern", "wordy", "classified", "vague"]));
        Some(Self { folder, _base: base, target, hub, host })
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.pyimage([]);
        command.args(arguments).env("PYIMAGE_MIRRORS", self.hub.url());
        with_cargo(&mut command);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command(arguments))
    }

    fn sbom(&self, arguments: &[&str]) -> (String, Value) {
        let run = self.run(&[&["sbom"], arguments].concat());
        let text = succeeded(&run).to_owned();
        let parsed = serde_json::from_str(&text).expect("JSON");
        (text, parsed)
    }

    /// Pushes, and gives the digests of what was pushed: the index first, then its images.
    #[track_caller]
    fn pushed(&self, arguments: &[&str]) -> (Vec<String>, String) {
        let run = self.run(&[&["push"], arguments].concat());
        succeeded(&run);
        (self.digests(), run.stderr)
    }

    fn digests(&self) -> Vec<String> {
        self.target.adopt("latest");
        let (_, index) = self.target.manifest("latest");
        let parsed: Value = serde_json::from_slice(&index).expect("an index");
        let images = parsed["manifests"].as_array().expect("images").iter();
        let images = images.map(|image| image["digest"].as_str().expect("a digest").to_owned());
        [digest_of(&index)].into_iter().chain(images).collect()
    }

    /// What is listed as referring to an image, under the tag that stands in for the registry's own list.
    fn referrers(&self, digest: &str) -> Vec<Value> {
        let tag = digest.replace(':', "-");
        self.target.adopt(&tag);
        let (media_type, index) = self.target.manifest(&tag);
        assert_eq!(media_type, "application/vnd.oci.image.index.v1+json");
        let index: Value = serde_json::from_slice(&index).expect("an index");
        index["manifests"].as_array().expect("referrers").clone()
    }
}

fn digest_of(bytes: &[u8]) -> String {
    let mut sum = Command::new("sha256sum");
    let sum = tests::finish_with(&mut sum, bytes).stdout;
    format!("sha256:{}", sum.split(' ').next().expect("a digest"))
}

#[track_caller]
pub(crate) fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

#[track_caller]
pub(crate) fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

fn component<'a>(bom: &'a Value, name: &str) -> &'a Value {
    let components = bom["components"].as_array().expect("components");
    components.iter().find(|its| its["name"] == name).unwrap_or_else(|| panic!("no {name} in {bom}"))
}

#[test]
fn an_sbom_has_what_the_locks_and_the_wheels_say() {
    let Some(project) = Project::new() else { return };
    let (text, bom) = project.sbom(&[]);
    assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    assert_eq!(bom["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
    let modern = component(&bom, "modern");
    assert_eq!(modern["purl"], "pkg:pypi/modern@1.0");
    assert_eq!(modern["licenses"][0]["expression"], "MIT OR Apache-2.0");
    assert!(
        modern["externalReferences"][0]["url"]
            .as_str()
            .expect("an address")
            .ends_with("modern-1.0-py3-none-any.whl")
    );
    assert_eq!(modern["hashes"][0]["alg"], "SHA-256");
    assert_eq!(modern["properties"].as_array().map(Vec::len), Some(2), "for both platforms: {modern}");
    assert_eq!(
        component(&bom, "wordy")["licenses"][0]["license"]["text"]["content"],
        "Our own\nFor us alone."
    );
    assert_eq!(component(&bom, "classified")["licenses"][0]["expression"], "MIT");
    assert_eq!(component(&bom, "vague").get("licenses"), None, "which BSD licence?");
    let base = component(&bom, "docker.io/library/python")["purl"].as_str().expect("a purl");
    assert!(base.starts_with("pkg:oci/python@sha256:"), "{base}");
    assert!(
        base.ends_with("?arch=amd64&repository_url=docker.io/library/python&tag=3.13-slim-trixie"),
        "{base}"
    );

    // Nothing was built, and the same locks give the same bytes.
    assert!(!project.folder.project().join("target/pyimage").exists());
    let (asked, _) = (project.host.asked(), project.run(&["build"]));
    assert_eq!(project.sbom(&["--frozen"]).0, text);
    assert_eq!(project.host.asked(), asked, "wheels are fetched once");
    let dated = finish(project.command(&["sbom"]).env("SOURCE_DATE_EPOCH", "1700000000")).stdout;
    assert!(dated.contains("2023-11-14T22:13:20Z"), "{dated}");
    assert_eq!(
        project.sbom(&["--platform", "linux/amd64"]).1["components"].as_array().map(Vec::len),
        Some(5)
    );
    failed(&project.run(&["sbom", "--platform", "linux/s390x"]), &["is not for linux/s390x"]);
    failed(&project.run(&["sbom", "-o", "missing/x.json"]), &["could not write `missing/x.json`"]);

    let written = project.run(&["sbom", "--format", "spdx", "-o", "app.spdx.json"]);
    assert_eq!(succeeded(&written), "");
    let spdx = fs_err::read(project.folder.project().join("app.spdx.json")).expect("the file");
    let spdx: Value = serde_json::from_slice(&spdx).expect("JSON");
    let packages = spdx["packages"].as_array().expect("packages");
    let declared =
        |name: &str| &packages.iter().find(|its| its["name"] == name).expect(name)["licenseDeclared"];
    assert_eq!((declared("modern"), declared("vague")), (&"MIT OR Apache-2.0".into(), &"NOASSERTION".into()));
    assert_eq!(&spdx["hasExtractedLicensingInfos"][0]["licenseId"], declared("wordy"));
}

#[test]
fn without_a_network_licences_are_missing_and_it_is_told() {
    let Some(project) = Project::new() else { return };
    succeeded(&project.run(&["lock"]));
    let run = project.run(&["sbom", "--offline"]);
    let bom: Value = serde_json::from_str(succeeded(&run)).expect("JSON");
    assert_eq!(component(&bom, "modern").get("licenses"), None);
    assert!(
        run.stderr.contains("4 wheels are not in the cache: the SBOM does not have every licence"),
        "{}",
        run.stderr
    );
    assert_eq!(project.host.asked(), 0);
    let (_, bom) = project.sbom(&[]);
    assert_eq!(component(&bom, "modern")["licenses"][0]["expression"], "MIT OR Apache-2.0");
    assert!(!project.run(&["sbom", "--offline"]).stderr.contains("licence"));
}

#[test]
fn each_image_and_the_index_get_one_beside_them() {
    let Some(project) = Project::new() else { return };
    let (digests, told) = project.pushed(&["--sbom"]);
    assert_eq!(digests.len(), 3);
    assert!(told.contains("Attached 3 SBOMs to 127.0.0.1:"), "{told}");
    for (place, digest) in digests.iter().enumerate() {
        let referrers = project.referrers(digest);
        assert_eq!(referrers.len(), 1, "{referrers:?}");
        assert_eq!(referrers[0]["artifactType"], CYCLONEDX);
        let (_, manifest) = project.target.manifest(referrers[0]["digest"].as_str().expect("a digest"));
        let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest");
        assert_eq!(manifest["subject"]["digest"], digest.as_str());
        assert_eq!(manifest["config"]["mediaType"], "application/vnd.oci.empty.v1+json");
        let expected = match place {
            0 => project.sbom(&[]).0,
            place => project.sbom(&["--platform", PLATFORMS[place - 1]]).0,
        };
        assert_eq!(manifest["layers"][0]["digest"], digest_of(expected.as_bytes()));
    }
    // They are in the layout, too, where tools look for them.
    let index =
        fs_err::read(project.folder.project().join("target/pyimage/app/index.json")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    let listed = index["manifests"].as_array().expect("a list");
    assert_eq!(listed.iter().filter(|its| its["artifactType"] == CYCLONEDX).count(), 3);
    assert!(listed[0]["annotations"]["org.opencontainers.image.ref.name"].is_string(), "images come first");

    // Nothing is new.
    let writes = || project.hub.count("PUT", "*") + project.hub.count("POST", "*");
    let before = writes();
    let (same, told) = project.pushed(&["--sbom=cyclonedx", "--frozen"]);
    assert_eq!((same, writes()), (digests.clone(), before));
    assert!(told.contains("Attached 3 SBOMs, which were there, to"), "{told}");

    // Another joins it.
    project.pushed(&["--sbom", "spdx"]);
    let types: Vec<_> =
        project.referrers(&digests[0]).iter().map(|its| its["artifactType"].clone()).collect();
    assert_eq!(types, [CYCLONEDX, "application/spdx+json"]);
}

#[test]
fn an_image_whose_sbom_is_refused_is_pushed_and_the_next_push_completes_it() {
    let Some(project) = Project::new() else { return };
    for (place, (path, fault)) in [
        ("*/blobs/uploads/*", Fault::status(507)),
        ("*/manifests/sha256:*", Fault::status(403)),
        ("*/manifests/sha256-*", Fault::Drop),
    ]
    .into_iter()
    .enumerate()
    {
        project.folder.file("main.py", &format!("print({place})\n"));
        succeeded(&project.run(&["push"]));
        project.hub.on("PUT", path, fault);
        let run = project.run(&["push", "--sbom"]);
        failed(&run, &["is pushed, but its SBOM could not be attached", "push again"]);
        assert!(run.stderr.contains("Pushed 127.0.0.1:"), "{}", run.stderr);
        project.hub.mend();
        let (digests, told) = project.pushed(&["--sbom"]);
        assert!(told.contains("(all of it was there)") && told.contains("Attached 3 SBOMs"), "{told}");
        assert!(digests.iter().all(|digest| project.referrers(digest).len() == 1));
    }
}
