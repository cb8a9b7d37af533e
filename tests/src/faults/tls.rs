//! Registries behind TLS, and ports where there is none.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::FaultyRegistry;
use crate::{Folder, finish, part, skip};

/// How good a registry's certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// Signed by an authority, for `127.0.0.1`, `localhost` and `registry.test`.
    Signed,
    /// Signed by an authority, for a name that the registry does not have.
    ForAnotherName,
    /// Signed by itself.
    SelfSigned,
}

/// A registry behind TLS: all that a [`FaultyRegistry`] is, at `https://127.0.0.1:PORT`.
#[derive(Debug)]
pub struct TlsRegistry {
    registry: FaultyRegistry,
    authority: PathBuf,
}

impl TlsRegistry {
    /// One before the bed's open registry; its certificates are made in this folder.
    ///
    /// # Panics
    /// Where openssl makes no certificates.
    #[must_use]
    pub fn start(folder: &Folder, certificate: Certificate) -> Option<Self> {
        let upstream = part("TESTBED_REGISTRY")?;
        if Command::new("openssl").arg("version").output().is_err() {
            skip("openssl");
            return None;
        }
        let (authority, chain, key) = certificates(folder.root(), certificate);
        let chain: Vec<_> = CertificateDer::pem_file_iter(&chain)
            .and_then(Iterator::collect)
            .expect("the certificate that openssl made");
        let key = PrivateKeyDer::from_pem_file(&key).expect("the key that openssl made");
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Some(Self { registry: FaultyRegistry::listen(&upstream, Some(Arc::new(config))), authority })
    }

    /// The certificate to trust, for `SSL_CERT_FILE`. Trusting that of a self-signed registry is up to the client.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }
}

impl Deref for TlsRegistry {
    type Target = FaultyRegistry;

    fn deref(&self) -> &FaultyRegistry {
        &self.registry
    }
}

/// Makes an authority's certificate, a server's, and its key.
fn certificates(root: &Path, certificate: Certificate) -> (PathBuf, PathBuf, PathBuf) {
    let folder = tempfile::Builder::new().prefix("tls-").tempdir_in(root).expect("a folder").keep();
    let openssl = |line: &str| {
        let made = finish(Command::new("openssl").args(line.split_whitespace()).current_dir(&folder));
        assert_eq!(made.code, Some(0), "{}", made.stderr);
    };
    let names = match certificate {
        Certificate::ForAnotherName => "DNS:elsewhere.test",
        _ => "IP:127.0.0.1,DNS:localhost,DNS:registry.test",
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    if certificate == Certificate::SelfSigned {
        openssl(&format!(
            "req -x509 {key} -keyout key.pem -out cert.pem -subj /CN=registry.test \
             -addext basicConstraints=critical,CA:FALSE -addext subjectAltName={names}"
        ));
        return (folder.join("cert.pem"), folder.join("cert.pem"), folder.join("key.pem"));
    }
    openssl(&format!("req -x509 {key} -keyout ca-key.pem -out ca.pem -subj /CN=testbed-authority"));
    openssl(&format!("req -new {key} -keyout key.pem -out request.pem -subj /CN=registry.test"));
    fs_err::write(folder.join("extensions"), format!("subjectAltName={names}\n")).expect("a file");
    openssl(
        "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile extensions \
         -out cert.pem",
    );
    (folder.join("ca.pem"), folder.join("cert.pem"), folder.join("key.pem"))
}

/// A port that takes connections and speaks no HTTP.
#[derive(Debug)]
pub struct PlainTcp {
    port: u16,
    connections: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

impl PlainTcp {
    /// Says this to whoever connects, hears what comes, and closes.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn saying(words: &'static [u8]) -> Self {
        Self::listen(move |client| {
            let _ = client.write_all(words);
            let _ = client.read(&mut [0; 4096]);
        })
    }

    /// Hears all that comes, and says nothing.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn silent() -> Self {
        Self::listen(|client| while matches!(client.read(&mut [0; 4096]), Ok(1..)) {})
    }

    /// A port of this machine where nothing listens.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn nothing_at() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("127.0.0.1:{}", listener.local_addr().expect("its number").port())
    }

    fn listen(talk: impl Fn(&mut TcpStream) + Copy + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (connections, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stop) = (Arc::clone(&connections), Arc::clone(&closed));
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                count.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || talk(&mut client));
            }
        });
        Self { port, connections, closed }
    }

    /// `127.0.0.1:PORT`
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many have connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for PlainTcp {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}
