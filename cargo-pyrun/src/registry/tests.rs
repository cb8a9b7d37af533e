mod auth;
mod blobs;
mod documents;
mod faults;
mod mirrors;
mod push;
mod reading;
mod server;

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::*;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Settings under which nothing takes long.
fn quick() -> RegistrySettings {
    let mut settings = RegistrySettings::default();
    settings.retries(4, Duration::from_millis(2));
    settings.timeouts(Duration::from_secs(2), Duration::from_secs(2), Duration::from_secs(5));
    settings
}

fn registry() -> Registry {
    Registry::new(quick(), None).unwrap()
}

fn image(server: &server::Server, rest: &str) -> Reference {
    format!("{}/{rest}", server.authority).parse().unwrap()
}

fn descriptor(bytes: &[u8], media_type: &str) -> Descriptor {
    Descriptor::new(media_type.into(), Digest::of(bytes), bytes.len() as u64)
}

struct Folder {
    _folder: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        Self { _folder: folder, path }
    }

    fn cache(&self) -> Cache {
        Cache::at(self.path.join("cache"))
    }

    /// Every file in the cache.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.path.join("cache")];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir_utf8().into_iter().flatten() {
                let path = entry.unwrap().into_path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(&self.path).unwrap().to_string());
                }
            }
        }
        files.sort();
        files
    }
}
