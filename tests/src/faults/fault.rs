//! What can go wrong between a client and a registry, and what each does to an answer.

use std::io::{self, Cursor, Read};
use std::time::Duration;

use super::FaultyRegistry;
use super::http::{Body, Framing, Headers};

/// How much of an endless answer is sent before its server tires, so that a client without a limit fails and the
/// machine does not.
const HUGE: u64 = 512 << 20;

/// Something that a registry, or what is before it, does wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answers with this status, these fields, and an error body as the distribution spec has it.
    Status(u16, Vec<(String, String)>),
    /// Answers 200 with this media type and body.
    Answer(String, Vec<u8>),
    /// Sends the client to another address: absolute, or a path here.
    Redirect(String),
    /// Sends the client to the same path at another `scheme://host:port`.
    RedirectTo(String),
    /// Sends the client to where it just was.
    RedirectLoop,
    /// Closes the connection instead of an answer.
    Drop,
    /// Never answers.
    Hang,
    /// Answers after a while.
    Delay(Duration),
    /// Announces the whole body and ends the connection in good order after so many bytes of it.
    Truncate(u64),
    /// Resets the connection after so many bytes of the body.
    DropAfter(u64),
    /// Stops in the middle: so many bytes of the body, and then nothing, on an open connection.
    HangAfter(u64),
    /// Resets the connection after so many bytes of what the client sends, which the registry gets.
    CutBody(u64),
    /// Sends so many bytes a second.
    Slow(u32),
    /// Changes the body in one place, and nothing that is said about it. JSON stays JSON.
    WrongBytes,
    /// Says this field in the answer, whatever it was.
    Field(String, String),
    /// Leaves a field out of the answer.
    NoField(String),
    /// Announces a body of this length, and sends the one there is.
    WrongLength(u64),
    /// Does not announce a length: the body ends with the connection.
    NoLength,
    /// Sends the body in chunks.
    Chunked,
    /// Sends a body that does not end, for as long as anybody could wish.
    HugeBody,
    /// Lists tags in pages of so many.
    PagedTags(usize),
    /// Lists ever more tags, each page with a link to another.
    EndlessTags,
    /// Lists the same page of tags again and again.
    TagsInALoop,
}

impl Fault {
    /// A status with no fields of its own.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status(status, Vec::new())
    }

    /// A status with one field, for example `429` with `Retry-After`.
    #[must_use]
    pub fn status_with(status: u16, field: &str, value: &str) -> Self {
        Self::Status(status, vec![(field.to_owned(), value.to_owned())])
    }

    /// Sends the client to the same path at another of ours.
    #[must_use]
    pub fn redirect_to(other: &FaultyRegistry) -> Self {
        Self::RedirectTo(other.url())
    }

    /// A page for people, as a gateway puts it before what it guards.
    #[must_use]
    pub fn not_json() -> Self {
        Self::Answer(
            "text/html".to_owned(),
            b"<!doctype html><title>Sign in to the guest network</title>".to_vec(),
        )
    }

    /// A digest in the answer's fields that the body does not have.
    #[must_use]
    pub fn wrong_digest() -> Self {
        Self::Field("Docker-Content-Digest".to_owned(), format!("sha256:{}", "0".repeat(64)))
    }

    /// The fault for the first so many requests that it is meant for.
    #[must_use]
    pub fn times(self, times: usize) -> Order {
        Order { fault: self, times, after: 0 }
    }

    /// The fault from then on when so many requests were answered well.
    #[must_use]
    pub fn after(self, requests: usize) -> Order {
        Order { fault: self, times: usize::MAX, after: requests }
    }

    /// Whether it stands for the registry's answer, rather than changing it.
    pub(super) fn answers(&self) -> bool {
        matches!(
            self,
            Self::Status(..)
                | Self::Answer(..)
                | Self::Redirect(_)
                | Self::RedirectTo(_)
                | Self::RedirectLoop
                | Self::Drop
                | Self::Hang
                | Self::HugeBody
                | Self::PagedTags(_)
                | Self::EndlessTags
                | Self::TagsInALoop
        )
    }
}

/// A fault, and for which requests.
#[derive(Debug, Clone)]
pub struct Order {
    pub(super) fault: Fault,
    pub(super) times: usize,
    pub(super) after: usize,
}

impl Order {
    /// Only so many times.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

impl From<Fault> for Order {
    fn from(fault: Fault) -> Self {
        Self { fault, times: usize::MAX, after: 0 }
    }
}

/// An answer on its way to the client.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Box<dyn Read>,
    pub(super) framing: Framing,
    pub(super) cut: Option<Cut>,
    pub(super) bytes_a_second: Option<u32>,
    /// Whether the connection ends with it.
    pub(super) last: bool,
}

/// Where a body breaks off, and how.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub(super) after: u64,
    pub(super) end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Orderly,
    Reset,
    Never,
}

impl Reply {
    /// An answer of our own.
    pub(super) fn new(status: u16, kind: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: Headers(vec![("Content-Type".to_owned(), kind.to_owned())]),
            framing: Framing::Length(body.len() as u64),
            body: Box::new(Cursor::new(body)),
            cut: None,
            bytes_a_second: None,
            last: false,
        }
    }

    /// An error as the distribution spec has it.
    pub(super) fn error(status: u16) -> Self {
        let code = match status {
            401 => "UNAUTHORIZED",
            403 => "DENIED",
            404 => "MANIFEST_UNKNOWN",
            429 => "TOOMANYREQUESTS",
            _ => "UNKNOWN",
        };
        let body = format!(
            r#"{{"errors":[{{"code":"{code}","message":"the test asked for {status}","detail":null}}]}}"#
        );
        Self::new(status, "application/json", body.into_bytes())
    }

    pub(super) fn of(head: super::http::AnswerHead, body: Body<impl io::BufRead + 'static>) -> Self {
        Self {
            status: head.status,
            headers: head.headers,
            framing: head.framing,
            last: head.framing == Framing::ToTheEnd,
            body: Box::new(body),
            cut: None,
            bytes_a_second: None,
        }
    }

    pub(super) fn with(mut self, field: &str, value: impl Into<String>) -> Self {
        self.headers.set(field, value);
        self
    }

    /// The answer that never ends.
    pub(super) fn huge(kind: &str) -> Self {
        let mut reply = Self::new(200, kind, Vec::new());
        // White space before JSON is JSON still.
        reply.body = Box::new(io::repeat(b' ').take(HUGE));
        reply.framing = Framing::Chunked;
        reply.last = true;
        reply
    }

    /// Lets a fault change it.
    pub(super) fn suffer(&mut self, fault: &Fault) -> io::Result<()> {
        match fault {
            Fault::Truncate(after) => self.cut = Some(Cut { after: *after, end: End::Orderly }),
            Fault::DropAfter(after) => self.cut = Some(Cut { after: *after, end: End::Reset }),
            Fault::HangAfter(after) => self.cut = Some(Cut { after: *after, end: End::Never }),
            Fault::Slow(bytes_a_second) => self.bytes_a_second = Some(*bytes_a_second),
            Fault::Field(name, value) => self.headers.set(name, value),
            Fault::NoField(name) => self.headers.remove(name),
            Fault::WrongLength(length) => {
                self.headers.set("Content-Length", length.to_string());
                self.reframe(Framing::Length(*length));
                self.last = true;
            }
            Fault::NoLength => {
                self.headers.remove("Content-Length");
                self.reframe(Framing::ToTheEnd);
                self.last = true;
            }
            Fault::Chunked => self.reframe(Framing::Chunked),
            Fault::WrongBytes if self.status < 300 => self.lie()?,
            _ => {}
        }
        Ok(())
    }

    /// Frames a body in another way; where there is none, there is nothing to frame.
    fn reframe(&mut self, framing: Framing) {
        if self.framing != Framing::Empty {
            self.framing = framing;
        }
    }

    /// Changes one byte near the beginning.
    fn lie(&mut self) -> io::Result<()> {
        let mut start = Vec::new();
        self.body.by_ref().take(64 * 1024).read_to_end(&mut start)?;
        let text = String::from_utf8_lossy(&start);
        // In JSON, the last digit of the last digest: the rest reads as before.
        let digest =
            text.rfind("sha256:").filter(|_| text.starts_with('{')).map(|at| at + "sha256:".len() + 63);
        let place = digest.filter(|place| *place < start.len()).unwrap_or(start.len() / 2);
        if let Some(byte) = start.get_mut(place) {
            *byte = if *byte == b'1' { b'2' } else { b'1' };
        }
        let rest = std::mem::replace(&mut self.body, Box::new(io::empty()));
        self.body = Box::new(Cursor::new(start).chain(rest));
        Ok(())
    }
}
