//! A repository of a test's own in the bed's registry, with whatever images the test makes up.

mod copies;

use std::cell::RefCell;
use std::fmt::Write;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::faults::http::{self, Answer};
use crate::{Folder, part};

/// What a manifest or an index can be, for who asks for one.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// Whose media types an image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The Open Container Initiative's.
    Oci,
    /// Docker's own, older ones.
    Docker,
}

impl Format {
    /// The media type of an index.
    #[must_use]
    pub fn index(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.index.v1+json",
            Self::Docker => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    /// The media type of a manifest.
    #[must_use]
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.manifest.v1+json",
            Self::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    fn config(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.config.v1+json",
            Self::Docker => "application/vnd.docker.container.image.v1+json",
        }
    }

    fn layer(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Docker => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        }
    }
}

/// What something in a registry is, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its media type.
    pub media_type: String,
    /// `sha256:…`
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self { media_type: media_type.to_owned(), digest: digest_of(bytes), size: bytes.len() as u64 }
    }

    fn json(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.size })
    }
}

/// A repository named after a test's folder. Its manifests go with this value.
#[derive(Debug)]
pub struct Repository {
    registry: String,
    name: String,
    /// The field `Authorization`.
    login: Option<String>,
    manifests: RefCell<Vec<String>>,
}

impl Repository {
    /// An empty one in the bed's open registry.
    ///
    /// # Panics
    /// Where the folder has no name.
    #[must_use]
    pub fn new(folder: &Folder) -> Option<Self> {
        let registry = part("TESTBED_REGISTRY")?;
        let unique = folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
        let name = format!("pyrun-test/{unique}");
        Some(Self { registry, name, login: None, manifests: RefCell::default() })
    }

    /// Another beside it, with this word behind its name.
    #[must_use]
    pub fn beside(&self, word: &str) -> Self {
        let (registry, name) = (self.registry.clone(), format!("{}-{word}", self.name));
        Self { registry, name, login: None, manifests: RefCell::default() }
    }

    /// One of the same name at another registry, for a user of it.
    #[must_use]
    pub fn at(&self, registry: &str, user: &str, password: &str) -> Self {
        let login = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        let (registry, name) = (registry.to_owned(), self.name.clone());
        Self { registry, name, login: Some(login), manifests: RefCell::default() }
    }

    /// `pyrun-test/NAME`
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The reference of a tag of its at an address of the same registry.
    #[must_use]
    pub fn reference_at(&self, host: &str, tag: &str) -> String {
        format!("{host}/{}:{tag}", self.name)
    }

    /// The reference of a tag of its.
    #[must_use]
    pub fn reference(&self, tag: &str) -> String {
        self.reference_at(&self.registry, tag)
    }

    /// Stores a blob.
    ///
    /// # Panics
    /// Where the registry does not take it.
    pub fn put_blob(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let blob = Descriptor::of(media_type, bytes);
        let begun = self.ask("POST", &format!("/v2/{}/blobs/uploads/", self.name), &[], &[]);
        self.finish_upload(&begun, &blob, bytes);
        blob
    }

    /// Stores a manifest or an index, and tags it.
    ///
    /// # Panics
    /// Where the registry does not take it.
    pub fn put_manifest(&self, tag: &str, media_type: &str, bytes: &[u8]) -> Descriptor {
        let manifest = Descriptor::of(media_type, bytes);
        let path = format!("/v2/{}/manifests/{tag}", self.name);
        let stored = self.ask("PUT", &path, &[("Content-Type", media_type)], bytes);
        expect(&stored, 201, &path);
        self.manifests.borrow_mut().push(manifest.digest.clone());
        manifest
    }

    /// Makes an image of one layer up: a platform such as `linux/arm64/v8`, and the version of the Python that it says it
    /// has. Nothing can run it.
    ///
    /// # Panics
    /// Where the registry does not take it.
    #[must_use]
    pub fn image(&self, format: Format, platform: &str, python: &str) -> Descriptor {
        self.image_with(format, platform, python, &[])
    }

    /// The same, with these files in its layer, by their paths and contents.
    ///
    /// # Panics
    /// Where the registry does not take it.
    #[must_use]
    pub fn image_with(
        &self,
        format: Format,
        platform: &str,
        python: &str,
        files: &[(&str, &str)],
    ) -> Descriptor {
        self.image_of(format, platform, python, &[files], false)
    }

    /// The same of several layers with these files, the lowest first; all of them of Zstandard where that is so wished.
    ///
    /// # Panics
    /// Where the registry does not take it.
    #[must_use]
    pub fn image_of(
        &self,
        format: Format,
        platform: &str,
        python: &str,
        layers: &[&[(&str, &str)]],
        of_zstd: bool,
    ) -> Descriptor {
        let mark = format!("a layer of Python {python} for {platform} in {}", self.name);
        let (mut diff_ids, mut blobs) = (Vec::new(), Vec::new());
        for (place, files) in layers.iter().enumerate() {
            let mark = (place == 0).then_some(("etc/mark", mark.as_str()));
            let archive = archive(files.iter().copied().chain(mark));
            diff_ids.push(digest_of(&archive));
            let blob = if of_zstd {
                self.put_blob("application/vnd.oci.image.layer.v1.tar+zstd", &zstd(&archive))
            } else {
                self.put_blob(format.layer(), &gzip(&archive))
            };
            blobs.push(blob.json());
        }
        let mut config = platform_of(platform);
        config["config"] = json!({
            "Env": [
                "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
                format!("PYTHON_VERSION={python}"),
                format!("PYTHON_SHA256={}", "0".repeat(64)),
            ],
            "Cmd": ["python3"],
        });
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        let config = self.put_blob(format.config(), config.to_string().as_bytes());
        self.store(format.manifest(), json!({ "config": config.json(), "layers": blobs }))
    }

    /// Makes an index up, of images by their platforms, with an attestation for each if so wished, and tags it.
    ///
    /// # Panics
    /// Where the registry does not take it.
    pub fn index(
        &self,
        tag: &str,
        format: Format,
        images: &[(&str, &Descriptor)],
        attestations: bool,
    ) -> Descriptor {
        let mut entries = Vec::new();
        for (platform, image) in images {
            let mut entry = image.json();
            entry["platform"] = platform_of(platform);
            entries.push(entry);
        }
        // They come after the images, each naming its own.
        for (_, image) in images.iter().filter(|_| attestations) {
            let mut entry = self.attestation(image).json();
            entry["platform"] = platform_of("unknown/unknown");
            entry["annotations"] = json!({
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": image.digest,
            });
            entries.push(entry);
        }
        let index = json!({ "schemaVersion": 2, "mediaType": format.index(), "manifests": entries });
        self.put_manifest(tag, format.index(), index.to_string().as_bytes())
    }

    /// Tags something that the repository has.
    ///
    /// # Panics
    /// Where the repository does not have it.
    pub fn tag(&self, manifest: &Descriptor, tag: &str) {
        let (_, bytes) = self.manifest(&manifest.digest);
        self.put_manifest(tag, &manifest.media_type, &bytes);
    }

    /// Sees to it that what someone else has pushed under a tag goes with this value, too.
    ///
    /// # Panics
    /// Where it is not there.
    pub fn adopt(&self, tag: &str) {
        let (media_type, bytes) = self.manifest(tag);
        let mut manifests = self.manifests.borrow_mut();
        manifests.push(Descriptor::of(&media_type, &bytes).digest);
        let parsed: Value = serde_json::from_slice(&bytes).expect("a manifest is JSON");
        let images = parsed["manifests"].as_array().into_iter().flatten();
        manifests.extend(images.filter_map(|image| image["digest"].as_str().map(str::to_owned)));
    }

    /// The media type and the bytes of a manifest or an index, by tag or digest.
    ///
    /// # Panics
    /// Where it is not there.
    #[must_use]
    pub fn manifest(&self, reference: &str) -> (String, Vec<u8>) {
        self.manifest_of(&self.name, reference)
    }

    fn manifest_of(&self, repository: &str, reference: &str) -> (String, Vec<u8>) {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let found = self.ask("GET", &path, &[("Accept", MANIFESTS)], &[]);
        expect(&found, 200, &path);
        let media_type = found.headers.get("Content-Type").expect("a manifest's media type");
        (media_type.to_owned(), found.body)
    }

    /// What BuildKit puts beside an image: how it was built.
    fn attestation(&self, image: &Descriptor) -> Descriptor {
        let statement = json!({ "_type": "https://in-toto.io/Statement/v0.1", "subject": [image.digest] });
        let layer = self.put_blob("application/vnd.in-toto+json", statement.to_string().as_bytes());
        let mut config = platform_of("unknown/unknown");
        config["rootfs"] = json!({ "type": "layers", "diff_ids": [layer.digest] });
        let config = self.put_blob(Format::Oci.config(), config.to_string().as_bytes());
        self.store(Format::Oci.manifest(), json!({ "config": config.json(), "layers": [layer.json()] }))
    }

    /// Stores a manifest without a tag.
    fn store(&self, media_type: &str, mut manifest: Value) -> Descriptor {
        manifest["schemaVersion"] = json!(2);
        manifest["mediaType"] = json!(media_type);
        let bytes = manifest.to_string().into_bytes();
        self.put_manifest(&Descriptor::of(media_type, &bytes).digest, media_type, &bytes)
    }

    fn finish_upload(&self, begun: &Answer, blob: &Descriptor, bytes: &[u8]) {
        expect(begun, 202, "an upload");
        let place = begun.headers.get("Location").expect("a place for the upload");
        let path = place.find("/v2/").map_or(place, |at| &place[at..]);
        let and = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{and}digest={}", blob.digest);
        let stored = self.ask("PUT", &path, &[("Content-Type", "application/octet-stream")], bytes);
        expect(&stored, 201, &path);
    }

    /// Its tags, in their order.
    ///
    /// # Panics
    /// Where its registry does not answer.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        let listed = self.ask("GET", &format!("/v2/{}/tags/list", self.name), &[], &[]);
        let listed: Value = serde_json::from_slice(&listed.body).unwrap_or_default();
        let tags = listed["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut tags: Vec<_> = tags.map(str::to_owned).collect();
        tags.sort();
        tags
    }

    fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        let login = self.login.as_deref().map(|login| ("Authorization", login));
        let fields: Vec<_> = fields.iter().copied().chain(login).collect();
        http::ask(&self.registry, method, path, &fields, body).expect("the bed's registry answers")
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let mut digests = self.manifests.take();
        digests.sort();
        digests.dedup();
        for digest in digests {
            let path = format!("/v2/{}/manifests/{digest}", self.name);
            let login = self.login.as_deref().map(|login| ("Authorization", login));
            let _ = http::ask(&self.registry, "DELETE", &path, login.as_slice(), &[]);
        }
    }
}

/// The archive of a layer.
fn archive<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).expect("an entry");
    }
    archive.into_inner().expect("an archive")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, bytes).and_then(|()| gzip.finish()).expect("memory")
}

/// A frame of Zstandard whose blocks are not compressed.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend(u32::try_from(bytes.len()).expect("a small layer").to_le_bytes());
    let mut pieces = bytes.chunks(1 << 16).peekable();
    while let Some(piece) = pieces.next() {
        let size = u32::try_from(piece.len()).expect("a piece");
        let head = size << 3 | u32::from(pieces.peek().is_none());
        frame.extend(&head.to_le_bytes()[..3]);
        frame.extend(piece);
    }
    frame
}

/// The digest of these bytes, `sha256:…`.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::from("sha256:"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn expect(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", String::from_utf8_lossy(&answer.body));
}

/// `linux/arm64/v8` as images and indexes say it.
fn platform_of(text: &str) -> Value {
    let mut parts = text.split('/');
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let mut platform = json!({ "os": part(), "architecture": part() });
    if let Some(variant) = part() {
        platform["variant"] = json!(variant);
    }
    platform
}
