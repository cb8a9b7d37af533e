//! What podman tells in a field of its own, which Docker's API, and so bollard, does not have.

use std::io;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Address;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(default)]
    rootless: bool,
}

/// Whether this podman runs without root. Its older versions do not say so among the security options.
///
/// Behind TLS nobody is asked: such a podman is a service of its machine.
pub(super) async fn is_rootless(address: &Address) -> io::Result<bool> {
    match address {
        #[cfg(unix)]
        Address::Unix(path) => ask(tokio::net::UnixStream::connect(path).await?).await,
        Address::Tcp { host, tls: None } => ask(tokio::net::TcpStream::connect(host).await?).await,
        _ => Ok(false),
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<bool> {
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    stream.write_all(b"GET /info HTTP/1.0\r\nHost: podman\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let body = memchr::memmem::find(&answer, b"\r\n\r\n").map_or(&[][..], |at| &answer[at + 4..]);
    let info: Info = serde_json::from_slice(body)?;
    Ok(info.rootless)
}
