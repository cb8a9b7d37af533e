//! Just enough HTTP/1.1 to read a message, change it, and pass it on.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A message's head may be so long.
const LONGEST_HEAD: usize = 64 * 1024;

/// Header fields in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(pub(crate) Vec<(String, String)>);

impl Headers {
    /// The first value under a name, whatever its case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.0.push((name.to_owned(), value.into()));
    }

    fn length(&self) -> io::Result<Option<u64>> {
        let length = self.get("Content-Length").map(str::parse).transpose();
        length.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn chunked(&self) -> bool {
        self.get("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    }

    /// Without what concerns one connection, and how a body is framed on it.
    fn end_to_end(mut self) -> Self {
        for name in ["Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "Expect"]
        {
            self.remove(name);
        }
        self
    }
}

/// How a body's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Empty,
    Length(u64),
    Chunked,
    ToTheEnd,
}

/// A request's head.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Headers,
    pub(crate) framing: Framing,
    pub(crate) keeps_alive: bool,
    pub(crate) expects_continue: bool,
    /// As it was sent.
    pub(crate) text: String,
}

/// An answer's head.
#[derive(Debug)]
pub(crate) struct AnswerHead {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) framing: Framing,
}

/// Reads a request's head; nothing where the other side has closed the connection before it. What begins as no method
/// does, as TLS, is refused at its first byte: it may have no line to wait for.
pub(crate) fn read_request(from: &mut impl BufRead) -> io::Result<Option<RequestHead>> {
    if from.fill_buf()?.first().is_some_and(|byte| !byte.is_ascii_alphabetic()) {
        return Err(invalid("no HTTP"));
    }
    let Some(text) = read_head(from)? else { return Ok(None) };
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut fields);
    parsed.parse(&text).map_err(invalid)?;
    let headers = headers(parsed.headers);
    let framing = match headers.length()? {
        _ if headers.chunked() => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::Empty,
    };
    Ok(Some(RequestHead {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        framing,
        keeps_alive: parsed.version == Some(1)
            && !headers.get("Connection").is_some_and(|word| word.eq_ignore_ascii_case("close")),
        expects_continue: headers.get("Expect").is_some(),
        headers: headers.end_to_end(),
        text: String::from_utf8_lossy(&text).into_owned(),
    }))
}

/// Reads the head of the answer to a request of this method.
pub(crate) fn read_answer(from: &mut impl BufRead, method: &str) -> io::Result<AnswerHead> {
    loop {
        let text = read_head(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut parsed = httparse::Response::new(&mut fields);
        parsed.parse(&text).map_err(invalid)?;
        let status = parsed.code.unwrap_or_default();
        let headers = headers(parsed.headers);
        let framing = match headers.length()? {
            _ if method == "HEAD" || matches!(status, 204 | 304) => Framing::Empty,
            _ if headers.chunked() => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::ToTheEnd,
        };
        // `100 Continue` and its like come before the answer.
        if status >= 200 {
            return Ok(AnswerHead { status, headers: headers.end_to_end(), framing });
        }
    }
}

fn read_head(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let read = from.by_ref().take(LONGEST_HEAD as u64).read_until(b'\n', &mut text)?;
        match read {
            0 if text.is_empty() => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ if text.len() > LONGEST_HEAD => return Err(invalid("a head without an end")),
            _ => {}
        }
    }
    Ok(Some(text))
}

fn headers(parsed: &[httparse::Header<'_>]) -> Headers {
    let field = |header: &httparse::Header<'_>| {
        (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned())
    };
    Headers(parsed.iter().map(field).collect())
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// A body without its framing. One that ends too early is an error.
#[derive(Debug)]
pub(crate) struct Body<R> {
    from: R,
    framing: Framing,
    /// Of the length or of the chunk.
    left: u64,
    /// Whether a chunk was begun.
    begun: bool,
}

impl<R: BufRead> Body<R> {
    pub(crate) fn new(from: R, framing: Framing) -> Self {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        Self { from, framing, left, begun: false }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.from.by_ref().take(1024).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        if self.begun {
            self.line()?;
        }
        self.begun = true;
        let line = self.line()?;
        let size = line.split(';').next().unwrap_or_default();
        self.left = u64::from_str_radix(size.trim(), 16).map_err(invalid)?;
        if self.left == 0 {
            while !self.line()?.is_empty() {}
            self.framing = Framing::Empty;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.framing == Framing::ToTheEnd {
            return self.from.read(buffer);
        }
        if self.framing == Framing::Chunked && self.left == 0 {
            self.next_chunk()?;
        }
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let read = self.from.by_ref().take(self.left).read(buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Writes a head: its first line, its fields, and how the body after it ends.
pub(crate) fn write_head(
    to: &mut impl Write,
    first: &str,
    headers: &Headers,
    framing: Framing,
) -> io::Result<()> {
    let mut head = format!("{first}\r\n");
    for (name, value) in &headers.0 {
        let framed = matches!(framing, Framing::Length(_) | Framing::Chunked | Framing::ToTheEnd);
        if !(framed && name.eq_ignore_ascii_case("Content-Length")) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    match framing {
        Framing::Length(length) => drop(write!(head, "Content-Length: {length}\r\n")),
        Framing::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
        Framing::Empty | Framing::ToTheEnd => {}
    }
    head.push_str("\r\n");
    to.write_all(head.as_bytes())
}

/// Writes one piece of a body.
pub(crate) fn write_piece(to: &mut impl Write, piece: &[u8], framing: Framing) -> io::Result<()> {
    if framing != Framing::Chunked {
        return to.write_all(piece);
    }
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.extend_from_slice(piece);
    chunk.extend_from_slice(b"\r\n");
    to.write_all(&chunk)
}

/// Writes the end of a body.
pub(crate) fn write_end(to: &mut impl Write, framing: Framing) -> io::Result<()> {
    if framing == Framing::Chunked {
        to.write_all(b"0\r\n\r\n")?;
    }
    to.flush()
}

/// Writes a whole body.
pub(crate) fn write_body(to: &mut impl Write, mut body: impl Read, framing: Framing) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match body.read(&mut buffer)? {
            0 => return write_end(to, framing),
            read => write_piece(to, &buffer[..read], framing)?,
        }
    }
}

/// A request sent to `host:port`, and its answer, whose body is still to come.
pub(crate) fn send(
    host: &str,
    head: &RequestHead,
    body: impl Read,
) -> io::Result<(AnswerHead, Body<BufReader<TcpStream>>)> {
    let mut to = TcpStream::connect(host)?;
    let mut headers = head.headers.clone();
    headers.set("Connection", "close");
    let first = format!("{} {} HTTP/1.1", head.method, head.target);
    // Who refuses a body may answer before it has read all of it: the answer tells more than our write's error.
    let sent = write_head(&mut to, &first, &headers, head.framing)
        .and_then(|()| write_body(&mut to, body, head.framing));
    let mut from = BufReader::new(to);
    match read_answer(&mut from, &head.method) {
        Ok(answer) => {
            let framing = answer.framing;
            Ok((answer, Body::new(from, framing)))
        }
        Err(error) => Err(sent.err().unwrap_or(error)),
    }
}

/// Sends the beginning of a request's body, and hangs up when the other side has had time to keep it.
pub(crate) fn send_partly(host: &str, head: &RequestHead, mut beginning: impl Read) -> io::Result<()> {
    let mut to = TcpStream::connect(host)?;
    let first = format!("{} {} HTTP/1.1", head.method, head.target);
    write_head(&mut to, &first, &head.headers, head.framing)?;
    io::copy(&mut beginning, &mut to)?;
    to.flush()?;
    std::thread::sleep(std::time::Duration::from_millis(200));
    Ok(())
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

/// Asks `host:port` for something, with these fields and this body, and reads the whole answer.
pub(crate) fn ask(
    host: &str,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut headers = Headers(vec![("Host".to_owned(), host.to_owned())]);
    headers.0.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let head = RequestHead {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        framing: Framing::Length(body.len() as u64),
        keeps_alive: false,
        expects_continue: false,
        text: String::new(),
    };
    let (answer, mut rest) = send(host, &head, body)?;
    let mut body = Vec::new();
    rest.read_to_end(&mut body)?;
    Ok(Answer { status: answer.status, headers: answer.headers, body })
}
