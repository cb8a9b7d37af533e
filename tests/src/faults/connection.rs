//! One client's connection: its requests, passed on, with what is to go wrong.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::fault::{End, Fault, Reply};
use super::http::{self, Body, Framing, RequestHead};
use super::request::Request;
use super::{Shared, tags};

/// A client's side, with TLS or without.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    fn new(socket: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let Some(tls) = tls else { return Ok(Self::Plain(socket)) };
        let connection = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, socket))))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Request,
    End(End),
}

/// Answers a client until one of the two has enough.
pub(super) fn serve(shared: &Shared, socket: TcpStream) -> io::Result<()> {
    let number = shared.remember(&socket)?;
    let ended = talk(shared, socket);
    shared.forget(number);
    // A connection ends with its last handle; a reset is what the last one was told to do.
    ended.map(drop)
}

fn talk(shared: &Shared, socket: TcpStream) -> io::Result<Stream> {
    socket.set_nodelay(true)?;
    let mut client = BufReader::new(Stream::new(socket, shared.tls.as_ref())?);
    loop {
        let head = match http::read_request(&mut client) {
            Ok(Some(head)) => head,
            Ok(None) => break,
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    // As every server does, be it to a client that speaks TLS.
                    client.get_mut().write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")?;
                }
                return Err(error);
            }
        };
        let number = shared.log.begin(Request::new(&head));
        let next = answer(shared, &mut client, &head, number);
        shared.log.end(number);
        match next? {
            Next::Request => {}
            Next::End(End::Orderly) => {
                let _ = client.get_ref().socket().shutdown(Shutdown::Both);
                break;
            }
            Next::End(End::Reset) => {
                rustix::net::sockopt::set_socket_linger(client.get_ref().socket(), Some(Duration::ZERO))?;
                break;
            }
            Next::End(End::Never) => {
                shared.wait_for_the_end();
                break;
            }
        }
    }
    Ok(client.into_inner())
}

fn answer(
    shared: &Shared,
    client: &mut BufReader<Stream>,
    head: &RequestHead,
    number: usize,
) -> io::Result<Next> {
    let request = shared.log.requests()[number].clone();
    thread::sleep(shared.latency());
    let refusal = if request.path == "/token" { None } else { shared.refuse(&request) };
    let faults = if refusal.is_some() { Vec::new() } else { shared.faults(&request) };
    for fault in &faults {
        match fault {
            Fault::Delay(time) => thread::sleep(*time),
            Fault::Drop => return Ok(Next::End(End::Orderly)),
            Fault::Hang => return Ok(Next::End(End::Never)),
            _ => {}
        }
    }
    let cut =
        faults.iter().find_map(|fault| if let Fault::CutBody(after) = fault { Some(*after) } else { None });
    if let (Some(after), None) = (cut, &refusal) {
        pass_on_partly(shared, client, head, &request, after)?;
        return Ok(Next::End(End::Reset));
    }
    let own = match refusal {
        Some(refusal) => Some(refusal),
        None => own_answer(shared, &faults, head, &request)?,
    };
    let mut reply = match own {
        Some(mut reply) => {
            // A body that nobody asked for may never come.
            if head.expects_continue {
                reply.last = true;
            } else {
                io::copy(&mut Body::new(&mut *client, head.framing), &mut io::sink())?;
            }
            reply
        }
        None if request.path == "/token" => {
            let mut form = String::new();
            Body::new(&mut *client, head.framing).read_to_string(&mut form)?;
            shared.log.form(number, &form);
            shared.issue(&request, &form)
        }
        None => pass_on(shared, client, head, &request)?,
    };
    for fault in &faults {
        reply.suffer(fault)?;
    }
    reply.last |= !head.keeps_alive;
    shared.log.status(number, reply.status);
    write(shared, client.get_mut(), reply, head)
}

/// The answer that a fault puts in place of the registry's.
fn own_answer(
    shared: &Shared,
    faults: &[Fault],
    head: &RequestHead,
    request: &Request,
) -> io::Result<Option<Reply>> {
    let path = if request.query.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, request.query)
    };
    let moved = |to: String| Reply::new(307, "text/plain", Vec::new()).with("Location", to);
    for fault in faults {
        let reply = match fault {
            Fault::Status(status, fields) => {
                fields.iter().fold(Reply::error(*status), |reply, (name, value)| reply.with(name, value))
            }
            Fault::Answer(kind, body) => Reply::new(200, kind, body.clone()),
            Fault::Redirect(to) => moved(to.clone()),
            Fault::RedirectTo(origin) => moved(format!("{origin}{path}")),
            Fault::RedirectLoop => moved(path.clone()),
            Fault::HugeBody => Reply::huge(if path.contains("/blobs/") {
                "application/octet-stream"
            } else {
                "application/json"
            }),
            Fault::EndlessTags => tags::endless(request)?,
            Fault::TagsInALoop => tags::in_a_loop(request)?,
            Fault::PagedTags(most) => {
                tags::page(&shared.upstream, &shared.upstream_target(&head.target), request, *most)?
            }
            _ => continue,
        };
        return Ok(Some(reply));
    }
    Ok(None)
}

/// The registry's own answer.
fn pass_on(
    shared: &Shared,
    client: &mut BufReader<Stream>,
    head: &RequestHead,
    request: &Request,
) -> io::Result<Reply> {
    if head.expects_continue {
        client.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let onward = onward(shared, head, request);
    let Ok((answer, body)) = http::send(&shared.upstream, &onward, Body::new(&mut *client, head.framing))
    else {
        return Ok(Reply::error(502));
    };
    let mut reply = Reply::of(answer, body);
    for name in ["Location", "Link"] {
        if let Some(value) = reply.headers.get(name).map(|value| shared.own_target(value)) {
            reply.headers.set(name, value);
        }
    }
    Ok(reply)
}

/// Gives the registry the beginning of what a client sends, and no more.
fn pass_on_partly(
    shared: &Shared,
    client: &mut BufReader<Stream>,
    head: &RequestHead,
    request: &Request,
    after: u64,
) -> io::Result<()> {
    let onward = onward(shared, head, request);
    http::send_partly(&shared.upstream, &onward, Body::new(&mut *client, head.framing).take(after))
}

/// A request as the registry gets it.
fn onward(shared: &Shared, head: &RequestHead, request: &Request) -> RequestHead {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let mut headers = head.headers.clone();
    // It is us who want to know who asks, not the open registry behind us.
    headers.remove("Proxy-Authorization");
    if shared.tls.is_some() {
        headers.set("X-Forwarded-Proto", "https");
    }
    RequestHead {
        method: head.method.clone(),
        target: shared.upstream_target(&format!("{}{query}", request.path)),
        headers,
        framing: head.framing,
        keeps_alive: false,
        expects_continue: false,
        text: String::new(),
    }
}

/// Writes an answer as it has become.
fn write(shared: &Shared, to: &mut Stream, mut reply: Reply, head: &RequestHead) -> io::Result<Next> {
    if reply.last {
        reply.headers.set("Connection", "close");
    }
    http::write_head(to, &format!("HTTP/1.1 {} Answer", reply.status), &reply.headers, reply.framing)?;
    let bodiless =
        head.method == "HEAD" || matches!(reply.status, 204 | 304) || reply.framing == Framing::Empty;
    if bodiless {
        to.flush()?;
    } else if let Some(end) = write_body(shared, to, &mut reply)? {
        to.flush()?;
        return Ok(Next::End(end));
    }
    Ok(if reply.last { Next::End(End::Orderly) } else { Next::Request })
}

/// Writes a body, as fast and as far as it is to go; tells how it broke off, where it did.
fn write_body(shared: &Shared, to: &mut Stream, reply: &mut Reply) -> io::Result<Option<End>> {
    let mut buffer = vec![0; 64 * 1024];
    let mut left = reply.cut.map_or(u64::MAX, |cut| cut.after);
    // Twenty pieces a second look like a slow line.
    let piece = reply.bytes_a_second.map_or(buffer.len(), |rate| (rate as usize / 20).clamp(1, buffer.len()));
    loop {
        if let (0, Some(cut)) = (left, reply.cut) {
            return Ok(Some(cut.end));
        }
        let most = usize::try_from(left).map_or(piece, |left| left.min(piece));
        let read = reply.body.read(&mut buffer[..most])?;
        if read == 0 {
            http::write_end(to, reply.framing)?;
            return Ok(None);
        }
        http::write_piece(to, &buffer[..read], reply.framing)?;
        left -= read as u64;
        if let Some(rate) = reply.bytes_a_second {
            to.flush()?;
            let read = u32::try_from(read).unwrap_or(u32::MAX);
            thread::sleep(Duration::from_secs_f64(f64::from(read) / f64::from(rate)));
        }
        if shared.closed.load(Ordering::Relaxed) {
            return Ok(Some(End::Orderly));
        }
    }
}
