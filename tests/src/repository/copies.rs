//! Images that a repository has from others, and whether all of one is there.

use serde_json::{Value, json};

use super::{Descriptor, Format, MANIFESTS, Repository, expect};

impl Repository {
    /// Copies what a tag of another repository names, with all it stands on, and tags the copy.
    ///
    /// # Panics
    /// Where it is not there.
    pub fn copy_from(&self, repository: &str, reference: &str, tag: &str) -> Descriptor {
        let (media_type, bytes) = self.manifest_of(repository, reference);
        let parsed: Value = serde_json::from_slice(&bytes).expect("a manifest is JSON");
        let digest = |part: &Value| part["digest"].as_str().expect("a descriptor has a digest").to_owned();
        for image in parsed["manifests"].as_array().into_iter().flatten() {
            self.copy_from(repository, &digest(image), &digest(image));
        }
        self.mount_blobs(repository, &parsed);
        self.put_manifest(tag, &media_type, &bytes)
    }

    /// Copies what a tag of another repository names, with OCI's media types in the place of Docker's, and tags the copy.
    ///
    /// # Panics
    /// Where it is not there.
    pub fn copy_as_oci(&self, repository: &str, reference: &str, tag: &str) -> Descriptor {
        let copy = self.stored_as_oci(repository, reference);
        self.tag(&copy, tag);
        copy
    }

    /// What an image or an index stands on, and what its repository does not have: nothing, but for a registry that took
    /// it too early.
    ///
    /// # Panics
    /// Where it is not there.
    #[must_use]
    pub fn missing_from(&self, reference: &str) -> Vec<String> {
        let (_, bytes) = self.manifest(reference);
        let document: Value = serde_json::from_slice(&bytes).expect("a manifest is JSON");
        let digests = |list: &str| -> Vec<String> {
            let parts = document[list].as_array().into_iter().flatten();
            parts.filter_map(|part| part["digest"].as_str().map(str::to_owned)).collect()
        };
        let mut missing = Vec::new();
        for image in digests("manifests") {
            let path = format!("/v2/{}/manifests/{image}", self.name);
            if self.ask("GET", &path, &[("Accept", MANIFESTS)], &[]).status == 200 {
                missing.extend(self.missing_from(&image));
            } else {
                missing.push(image);
            }
        }
        let config = document["config"]["digest"].as_str().map(str::to_owned);
        for blob in digests("layers").into_iter().chain(config) {
            let path = format!("/v2/{}/blobs/{blob}", self.name);
            if self.ask("HEAD", &path, &[], &[]).status != 200 {
                missing.push(blob);
            }
        }
        missing
    }

    fn stored_as_oci(&self, repository: &str, reference: &str) -> Descriptor {
        let (_, bytes) = self.manifest_of(repository, reference);
        let mut document: Value = serde_json::from_slice(&bytes).expect("a manifest is JSON");
        if let Some(images) = document["manifests"].as_array_mut() {
            for image in images {
                let copy = self.stored_as_oci(repository, image["digest"].as_str().expect("a digest"));
                for (key, value) in copy.json().as_object().expect("a descriptor") {
                    image[key] = value.clone();
                }
            }
            return self.store(Format::Oci.index(), document);
        }
        document["config"]["mediaType"] = json!(Format::Oci.config());
        for layer in document["layers"].as_array_mut().expect("layers") {
            layer["mediaType"] = json!(Format::Oci.layer());
        }
        self.mount_blobs(repository, &document);
        self.store(Format::Oci.manifest(), document)
    }

    /// Has what a manifest of another repository stands on.
    fn mount_blobs(&self, repository: &str, manifest: &Value) {
        let layers = manifest["layers"].as_array().into_iter().flatten();
        for blob in layers.chain(manifest.get("config")) {
            let digest = blob["digest"].as_str().expect("a descriptor has a digest");
            let path = format!("/v2/{}/blobs/uploads/?mount={digest}&from={repository}", self.name);
            let mounted = self.ask("POST", &path, &[], &[]);
            expect(&mounted, 201, &path);
        }
    }
}
