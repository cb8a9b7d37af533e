//! Where an engine listens.

use std::fmt;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The address of an engine's API, as in `DOCKER_HOST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `unix:///var/run/docker.sock`
    Unix(PathBuf),
    /// `npipe:////./pipe/docker_engine`
    Pipe(String),
    /// `tcp://host:port`, with TLS where certificates are given.
    Tcp {
        /// `host:port`
        host: String,
        /// The certificates, or `None` for plain http.
        tls: Option<Tls>,
    },
}

/// The files of docker's TLS set-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate authority that signed the engine's certificate.
    pub ca: PathBuf,
    /// The client's certificate.
    pub cert: PathBuf,
    /// The client's key.
    pub key: PathBuf,
}

impl Tls {
    /// The three files by the names that docker gives them.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { ca: folder.join("ca.pem"), cert: folder.join("cert.pem"), key: folder.join("key.pem") }
    }
}

/// Why a text is no engine address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Engines behind ssh are not reached yet.
    #[error("`{0}`: engines behind ssh are not supported")]
    Ssh(String),
    /// Neither a known scheme nor a path.
    #[error("`{0}` is not an engine address: expected `unix://PATH`, `tcp://HOST:PORT` or `npipe://PIPE`")]
    Scheme(String),
    /// A tcp address without a port.
    #[error("`{0}` has no port: docker's is 2375, or 2376 with TLS")]
    Port(String),
}

impl Address {
    /// Reads docker's notation; `tls` applies to tcp addresses.
    ///
    /// # Errors
    /// Where the scheme is unknown or a tcp address has no port.
    pub fn parse(text: &str, tls: Option<Tls>) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix://") {
            return Ok(Self::Unix(path.into()));
        }
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        if let Some(pipe) = text.strip_prefix("npipe://") {
            return Ok(Self::Pipe(pipe.to_owned()));
        }
        if text.starts_with("ssh://") {
            return Err(AddressError::Ssh(text.to_owned()));
        }
        let host = ["tcp://", "http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let Some(host) = host else { return Err(AddressError::Scheme(text.to_owned())) };
        let host = host.trim_end_matches('/');
        let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() {
            return Err(AddressError::Port(text.to_owned()));
        }
        Ok(Self::Tcp { host: host.to_owned(), tls })
    }

    /// Whether a connection can be opened at all; costs microseconds on a socket file.
    ///
    /// # Errors
    /// The operating system's reason.
    pub fn dial(&self) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Self::Unix(path) => std::os::unix::net::UnixStream::connect(path).map(drop),
            #[cfg(not(unix))]
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            Self::Pipe(pipe) => fs_err::metadata(pipe).map(drop),
            Self::Tcp { host, .. } => {
                let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
                for address in host.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, Duration::from_secs(3)) {
                        Ok(_) => return Ok(()),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    /// The socket file, where the engine is on this machine.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Pipe(pipe) => write!(f, "npipe://{pipe}"),
            Self::Tcp { host, .. } => write!(f, "tcp://{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_docker_host_may_hold() {
        for text in ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375", "npipe:////./pipe/docker_engine"]
        {
            assert_eq!(Address::parse(text, None).unwrap().to_string(), text);
        }
        assert_eq!(Address::parse("/run/x.sock", None).unwrap().to_string(), "unix:///run/x.sock");
    }

    #[test]
    fn refuses_what_it_cannot_dial() {
        assert!(matches!(Address::parse("ssh://me@host", None), Err(AddressError::Ssh(_))));
        assert!(matches!(Address::parse("docker", None), Err(AddressError::Scheme(_))));
        assert!(matches!(Address::parse("tcp://host", None), Err(AddressError::Port(_))));
    }
}
