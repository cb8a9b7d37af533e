//! An image of a test's own in the bed's registry.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::repository::digest_of;
use crate::{Finished, Folder, TAG, docker, eventually, part};

/// An image in the registry, but not on the engine; it goes with this value, from wherever it came to.
#[derive(Debug)]
pub struct RegistryImage {
    registry: String,
    repository: String,
    digest: String,
    /// The references under which an engine may have it by now.
    pulled: Vec<String>,
    /// Manifests of it beside its own.
    others: Vec<String>,
}

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl RegistryImage {
    /// `python:3.13-slim` under a name of this folder's own, with a layer of so many random bytes if any.
    ///
    /// # Panics
    /// Where the engine cannot build it or the registry does not take it.
    #[must_use]
    pub fn push(folder: &Folder, random_bytes: usize) -> Option<Self> {
        let registry = part("TESTBED_REGISTRY")?;
        let unique = folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
        let repository = format!("pyrun-test/{unique}");
        let name = format!("{registry}/{repository}:own");
        let context = folder.root().join("image");
        fs_err::create_dir_all(&context).expect("a folder");
        let mut recipe = format!("FROM python:{TAG}\nLABEL pyrun.test={unique}\n");
        if random_bytes > 0 {
            recipe.push_str("COPY random /random\n");
            fs_err::write(context.join("random"), random(random_bytes)).expect("a file");
        }
        fs_err::write(context.join("Dockerfile"), recipe).expect("a recipe");
        succeed(docker(["build", "-q", "-t", &name, &context.display().to_string()]));
        let pushed = succeed(docker(["push", &name]));
        succeed(docker(["rmi", &name]));
        let digest =
            pushed.stdout.split_whitespace().find(|word| word.starts_with("sha256:")).expect("a digest");
        Some(Self { registry, repository, digest: digest.to_owned(), pulled: vec![name], others: Vec::new() })
    }

    /// Its reference at the bed's registry.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.pulled[0]
    }

    /// Its reference at another address of the same registry.
    #[must_use]
    pub fn name_at(&mut self, host: &str) -> String {
        let name = format!("{host}/{}:own", self.repository);
        self.pulled.push(name.clone());
        name
    }

    /// Its reference with OCI's media types in the place of Docker's, and nothing else changed.
    ///
    /// # Panics
    /// Where the registry does not take it.
    #[must_use]
    pub fn with_oci_types(&mut self) -> String {
        let path = format!("/v2/{}/manifests", self.repository);
        let accept = "Accept: application/vnd.docker.distribution.manifest.v2+json";
        let text = self.ask(&format!("GET {path}/own"), accept, "");
        let text = text
            .replace("application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST)
            .replace(
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.oci.image.config.v1+json",
            )
            .replace(
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "application/vnd.oci.image.layer.v1.tar+gzip",
            );
        self.ask(&format!("PUT {path}/oci"), &format!("Content-Type: {OCI_MANIFEST}"), &text);
        let digest = digest_of(text.as_bytes());
        self.pulled.push(format!("{}/{}@{digest}", self.registry, self.repository));
        self.others.push(digest);
        format!("{}/{}:oci", self.registry, self.repository)
    }

    /// What the registry answers.
    fn ask(&self, what: &str, header: &str, body: &str) -> String {
        let mut registry = TcpStream::connect(&self.registry).expect("the registry");
        let (host, len) = (&self.registry, body.len());
        write!(
            registry,
            "{what} HTTP/1.0\r\nHost: {host}\r\n{header}\r\nContent-Length: {len}\r\n\r\n{body}"
        )
        .expect("it listens");
        let mut answer = String::new();
        registry.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.contains(" 20"), "{head}");
        body.to_owned()
    }

    /// Whether the engine has it under this reference.
    #[must_use]
    pub fn is_pulled(&self, name: &str) -> bool {
        docker(["image", "inspect", name]).code == Some(0)
    }
}

impl Drop for RegistryImage {
    fn drop(&mut self) {
        for name in &self.pulled {
            // The container of the last run may be on its way out.
            let _ = eventually(std::time::Duration::from_secs(20), || {
                !self.is_pulled(name) || docker(["rmi", "-f", name]).code == Some(0)
            });
        }
        for digest in self.others.iter().chain([&self.digest]) {
            let Ok(mut registry) = TcpStream::connect(&self.registry) else { return };
            let path = format!("/v2/{}/manifests/{digest}", self.repository);
            let _ = write!(registry, "DELETE {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.registry);
            let _ = registry.read_to_end(&mut Vec::new());
        }
    }
}

fn succeed(run: Finished) -> Finished {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

/// Bytes that no compression makes fewer, and no other layer has.
fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fs_err::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .expect("random bytes");
    bytes
}
