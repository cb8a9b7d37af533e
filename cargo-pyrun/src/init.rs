//! The container's first process, and how the client speaks with it.
//!
//! An engine's own `--init` reaps and forwards signals, but it cannot notice that the client is gone, and the
//! exit code it leaves is known only after the engine has taken the container's network down (70 ms of a
//! 500 ms run on a bridge network). `init.py` does these too. It travels as an argument of the container, so it
//! needs no file on the engine's machine and works on every architecture that the image has.
//!
//! The client holds the container's stdin and writes [`Frame`]s to it; init writes records to stderr, each
//! behind a nonce that the script does not know. [`Records`] takes them out of the stream again.

use memchr::memmem;

use crate::fingerprint;

/// How many bytes of stdin travel in one data frame.
pub const FRAME_BYTES: usize = 16 * 1024;

/// How many data frames may be on their way before one is acknowledged.
///
/// Together they fit a pipe (64 KiB), so init can always read its stdin to the end and sees a hang-up even when
/// the script reads nothing.
pub const WINDOW: usize = 2;

/// The line of the program that says whether a client speaks with it.
const ATTACHED: &str = "detached = False";
const DETACHED: &str = "detached = True";

/// The program that runs as PID 1, as the value of the interpreter's `-c`.
///
/// Comments and blank lines are left out: it is sent with every container. One that is `detached` has no client: nobody
/// speaks with it, and it ends with the script.
#[must_use]
pub fn program(detached: bool) -> String {
    include_str!("init.py")
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
        .map(|line| if detached && line == ATTACHED { DETACHED } else { line })
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// A message from the client to init: one byte of kind, four bytes of length (big-endian), the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The first frame: the nonce of this run, and the terminal's size where the script gets one.
    Hello {
        /// What every record starts with.
        nonce: &'a Nonce,
        /// The terminal's size, or `None` where the script gets a pipe.
        terminal: Option<Size>,
    },
    /// Bytes for the script's stdin, at most [`FRAME_BYTES`].
    Data(&'a [u8]),
    /// The end of the script's stdin.
    End,
    /// A signal for the script, by its number on Linux.
    Signal(u8),
    /// The terminal has another size now.
    Resize(Size),
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

impl Size {
    fn bytes(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.rows.to_be_bytes(), self.columns.to_be_bytes());
        [a, b, c, d]
    }
}

impl Frame<'_> {
    /// The frame's bytes as init reads them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, payload) = match self {
            Self::Hello { nonce, terminal } => {
                let mut payload = nonce.0.clone().into_bytes();
                payload.push(if terminal.is_some() { b'1' } else { b'0' });
                payload.extend(terminal.unwrap_or_default().bytes());
                (b'H', payload)
            }
            Self::Data(data) => (b'D', data.to_vec()),
            Self::End => (b'E', Vec::new()),
            Self::Signal(number) => (b'S', vec![*number]),
            Self::Resize(size) => (b'W', size.bytes().to_vec()),
        };
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let mut frame = vec![kind];
        frame.extend(length.to_be_bytes());
        frame.extend(payload);
        frame
    }
}

/// The secret of one run: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// A new nonce from the system's random source.
    ///
    /// # Errors
    /// Where the system has no random source.
    pub fn new() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(fingerprint::hex(&bytes)))
    }
}

/// A message from init to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// One data frame was taken by the script.
    Taken,
    /// The script could not be executed; the error number on Linux.
    NotExecuted(i32),
    /// The script ended.
    Exited {
        /// Its exit code, or 128 and the number of the signal that ended it.
        code: u8,
        /// The signal that ended it, if one did.
        signal: Option<u8>,
        /// The kernel killed a process of the container for its memory limit.
        out_of_memory: bool,
    },
}

/// Splits the container's stderr into what the script wrote and what init recorded.
#[derive(Debug)]
pub struct Records {
    marker: Vec<u8>,
    /// The tail of the stream that may be the start of a record.
    held: Vec<u8>,
}

impl Records {
    /// A splitter for the run that has this nonce.
    #[must_use]
    pub fn new(nonce: &Nonce) -> Self {
        Self { marker: format!("\x1e{}:", nonce.0).into_bytes(), held: Vec::new() }
    }

    /// Takes the next bytes of stderr; gives the script's bytes and the records among them, in order.
    pub fn split(&mut self, bytes: &[u8]) -> (Vec<u8>, Vec<Record>) {
        let mut text = Vec::with_capacity(bytes.len());
        let mut records = Vec::new();
        self.held.extend_from_slice(bytes);
        let mut rest = &self.held[..];
        while let Some(at) = memmem::find(rest, &self.marker) {
            let body = &rest[at + self.marker.len()..];
            text.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
            let Some(end) = memchr::memchr(b'\n', body) else { break };
            records.extend(Record::parse(&body[..end]));
            rest = &body[end + 1..];
        }
        let keep = if rest.starts_with(&self.marker) {
            rest.len()
        } else {
            // The longest end of the text that the marker could go on from.
            (1..self.marker.len().min(rest.len() + 1))
                .rev()
                .find(|&n| rest.ends_with(&self.marker[..n]))
                .unwrap_or(0)
        };
        text.extend_from_slice(&rest[..rest.len() - keep]);
        self.held = rest[rest.len() - keep..].to_vec();
        (text, records)
    }

    /// What was held back, once the stream has ended.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

impl Record {
    fn parse(body: &[u8]) -> Option<Self> {
        let (kind, value) = body.split_first()?;
        let value = std::str::from_utf8(value).ok()?;
        match kind {
            b'A' => Some(Self::Taken),
            b'F' => value.parse().ok().map(Self::NotExecuted),
            b'X' => {
                let mut parts = value.split(',');
                let (code, signal) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
                let signal = (signal != 0).then_some(signal);
                Some(Self::Exited { code, signal, out_of_memory: parts.next()? == "1" })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nonce() -> Nonce {
        Nonce("0123456789abcdef0123456789abcdef".to_owned())
    }

    #[test]
    fn the_program_is_small_and_has_no_comments() {
        let program = program(false);
        assert!(program.len() < 8 * 1024, "{} bytes travel with every container", program.len());
        assert!(!program.lines().any(|line| line.trim_start().starts_with('#')));
    }

    #[test]
    fn a_detached_one_differs_in_one_line() {
        let (attached, detached) = (program(false), program(true));
        let differing = attached.lines().zip(detached.lines()).filter(|(one, other)| one != other);
        assert_eq!(differing.collect::<Vec<_>>(), [(ATTACHED, DETACHED)]);
    }

    #[test]
    fn a_hello_carries_nonce_and_size() {
        let frame =
            Frame::Hello { nonce: &nonce(), terminal: Some(Size { rows: 24, columns: 300 }) }.encode();
        assert_eq!(&frame[..5], b"H\0\0\0\x25");
        assert_eq!(&frame[5 + 32..], b"1\0\x18\x01\x2c");
    }

    #[test]
    fn a_forged_record_is_text() {
        let mut records = Records::new(&nonce());
        let forged = b"\x1e00000000000000000000000000000000:X0,0\n";
        let (text, found) = records.split(forged);
        assert_eq!((text.as_slice(), found), (&forged[..], vec![]));
    }

    proptest! {
        #[test]
        fn records_are_found_however_the_stream_is_cut(
            before in proptest::collection::vec(any::<u8>(), 0..60),
            after in proptest::collection::vec(any::<u8>(), 0..60),
            cut in 1_usize..20,
        ) {
            let nonce = nonce();
            let mut stream = before.clone();
            stream.extend(format!("\x1e{}:A\n", nonce.0).bytes());
            stream.extend(&after);
            stream.extend(format!("\x1e{}:X137,9,1\n", nonce.0).bytes());
            let (mut text, mut found) = (Vec::new(), Vec::new());
            let mut records = Records::new(&nonce);
            for piece in stream.chunks(cut) {
                let (bytes, more) = records.split(piece);
                text.extend(bytes);
                found.extend(more);
            }
            text.extend(records.finish());
            let mut expected = before;
            expected.extend(after);
            prop_assert_eq!(text, expected);
            prop_assert_eq!(found, vec![Record::Taken, Record::Exited { code: 137, signal: Some(9), out_of_memory: true }]);
        }

        #[test]
        fn any_stream_without_the_marker_passes_unchanged(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut records = Records::new(&nonce());
            let (mut text, found) = records.split(&bytes);
            text.extend(records.finish());
            prop_assert_eq!(text, bytes);
            prop_assert!(found.is_empty());
        }
    }
}
