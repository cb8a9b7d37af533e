//! A server with faults that no real registry has on demand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyimage_build::Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether the connection ended in the middle of the body.
    pub(super) cut: bool,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is(&self, method: &str, target: &str) -> bool {
        self.method == method && self.target == target
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    cut: Option<usize>,
    delay: Duration,
    sized: bool,
}

pub(super) fn reply(status: u16, body: impl AsRef<[u8]>) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.as_ref().to_vec(),
        cut: None,
        delay: Duration::ZERO,
        sized: true,
    }
}

impl Reply {
    pub(super) fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.headers.push((name.to_owned(), format!("{value}")));
        self
    }

    /// Ends the connection after so many bytes of the body.
    pub(super) fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }

    /// Ends the connection after so many bytes, if there are more.
    pub(super) fn cut_if_longer(self, after: usize) -> Self {
        if self.body.len() > after { self.cut(after) } else { self }
    }

    pub(super) fn late(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Ends the connection without an answer.
    pub(super) fn hung_up(mut self) -> Self {
        self.status = 0;
        self
    }

    /// Leaves the length out, so that the end of the connection is that of the body.
    pub(super) fn unsized_(mut self) -> Self {
        self.sized = false;
        self
    }
}

/// The answer to a manifest request, with the headers that registries send.
pub(super) fn document(body: &str, media_type: &str) -> Reply {
    reply(200, body)
        .with("Content-Type", media_type)
        .with("Docker-Content-Digest", Digest::of(body.as_bytes()))
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A server on a free port, which ends with its runtime.
pub(super) struct Server {
    pub(super) authority: String,
    requests: Arc<Mutex<Vec<Request>>>,
    cut: Cut,
}

/// After how many bytes of a body the connection ends, once.
type Cut = Arc<Mutex<Option<usize>>>;

impl Server {
    pub(super) async fn new(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let handler: Arc<Handler> = Arc::new(handler);
        let seen = Arc::clone(&requests);
        let cut = Cut::default();
        let cutting = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, seen, cut) = (Arc::clone(&handler), Arc::clone(&seen), Arc::clone(&cutting));
                tokio::spawn(serve(stream, handler, seen, cut));
            }
        });
        Self { authority, requests, cut }
    }

    /// Ends the connection in the next body that is longer than this.
    pub(super) fn cut_off(&self, after: usize) {
        *self.cut.lock().unwrap() = Some(after);
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// `METHOD target` of each request so far.
    pub(super) fn log(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }
}

async fn serve(mut stream: TcpStream, handler: Arc<Handler>, seen: Arc<Mutex<Vec<Request>>>, cut: Cut) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end + 4);
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut request = Request {
            method: first.next().unwrap_or_default(),
            target: first.next().unwrap_or_default(),
            headers,
            body: Vec::new(),
            cut: false,
        };
        let mut length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        if let Some(after) = cut.lock().unwrap().take_if(|after| *after < length) {
            (length, request.cut) = (after, true);
        }
        while buffer.len() < length {
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        }
        request.body = buffer.drain(..length).collect();
        let answer = handler(&request);
        let is_head = request.method == "HEAD";
        let was_cut = request.cut;
        seen.lock().unwrap().push(request);
        tokio::time::sleep(answer.delay).await;
        if answer.status == 0 || was_cut {
            return;
        }
        let mut text = format!("HTTP/1.1 {} Whatever\r\n", answer.status);
        for (name, value) in &answer.headers {
            text = format!("{text}{name}: {value}\r\n");
        }
        let own_length = answer.headers.iter().any(|(name, _)| name == "Content-Length");
        if answer.sized && !own_length {
            text = format!("{text}Content-Length: {}\r\n", answer.body.len());
        }
        if !answer.sized {
            text += "Connection: close\r\n";
        }
        text += "\r\n";
        let body = if is_head { &[][..] } else { &answer.body[..answer.cut.unwrap_or(answer.body.len())] };
        // A client may have gone, as one does that meets an error.
        if stream.write_all(text.as_bytes()).await.is_err() || stream.write_all(body).await.is_err() {
            return;
        }
        if answer.cut.is_some() || !answer.sized {
            let _ = stream.shutdown().await;
            return;
        }
    }
}
