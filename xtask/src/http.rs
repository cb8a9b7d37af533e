//! Just enough HTTP to ask an engine or a registry on this machine whether it is there, and to move a manifest.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

const PATIENCE: Duration = Duration::from_secs(10);

/// Where to ask.
#[derive(Clone, Copy)]
pub(crate) enum Peer<'a> {
    /// `host:port`
    Tcp(&'a str),
    Unix(&'a Path),
}

/// An answer, complete.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A header's value by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Asks for `path`, taking any of these media types.
pub(crate) fn get(peer: Peer<'_>, path: &str, accept: &[&str]) -> Result<Response> {
    let accept = accept.iter().fold(String::new(), |all, kind| all + "Accept: " + kind + "\r\n");
    send(peer, &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{accept}\r\n"), &[])
        .with_context(|| format!("cannot get `{path}`"))
}

/// Stores `body` at `path`.
pub(crate) fn put(peer: Peer<'_>, path: &str, kind: &str, body: &[u8]) -> Result<Response> {
    let head = format!(
        "PUT {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    send(peer, &head, body).with_context(|| format!("cannot put `{path}`"))
}

/// Asks for something to be done that takes no body.
pub(crate) fn post(peer: Peer<'_>, path: &str) -> Result<Response> {
    send(peer, &format!("POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"), &[])
        .with_context(|| format!("cannot post to `{path}`"))
}

fn send(peer: Peer<'_>, head: &str, body: &[u8]) -> Result<Response> {
    match peer {
        Peer::Tcp(address) => {
            let stream =
                TcpStream::connect(address).with_context(|| format!("nothing answers at `{address}`"))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            exchange(stream, head, body)
        }
        Peer::Unix(path) => {
            let stream = UnixStream::connect(path)
                .with_context(|| format!("nothing answers at `{}`", path.display()))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            exchange(stream, head, body)
        }
    }
}

/// HTTP/1.0 has the peer close the connection after its answer, and forbids chunks: reading to the end is all it takes.
fn exchange(mut stream: impl Read + Write, head: &str, body: &[u8]) -> Result<Response> {
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        bail!("the answer has no end of headers");
    };
    let text = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = text.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .context("the answer has no status")?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Response { status, headers, body: answer[end + 4..].to_vec() })
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read, Write};

    use super::exchange;

    /// A peer that has its answer ready, whatever it is asked.
    struct Canned(Cursor<&'static [u8]>);

    impl Read for Canned {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Canned {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn answer(bytes: &'static [u8]) -> anyhow::Result<super::Response> {
        exchange(Canned(Cursor::new(bytes)), "GET / HTTP/1.0\r\n\r\n", &[])
    }

    #[test]
    fn reads_status_headers_and_body() {
        let answer = answer(b"HTTP/1.1 404 Not Found\r\nContent-Type: a/b\r\n\r\n{}").unwrap();
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("content-type"), Some("a/b"));
        assert_eq!(answer.body, b"{}");
    }

    #[test]
    fn refuses_what_is_not_http() {
        assert!(answer(b"").is_err());
        assert!(answer(b"hello\r\n\r\n").is_err());
    }
}
