//! A script's output while it comes.

use std::collections::VecDeque;

use memchr::memchr;
use tokio::sync::mpsc;

use crate::streams::{Piece, Stream};

/// How many pieces may wait for a slow reader, who holds the script back then.
pub(super) const QUEUE: usize = 16;

/// A line of a script's output.
///
/// ```no_run
/// use pyrun::{Line, Stream};
/// let mut running = pyrun::Script::code("print('hello')").spawn().wait()?;
/// let line = running.line().wait();
/// assert_eq!(line, Some(Line { stream: Stream::Stdout, text: "hello".to_owned() }));
/// # Ok::<_, pyrun::ScriptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it was written to.
    pub stream: Stream,
    /// Its text, without the line's end; what is not UTF-8 is replaced.
    pub text: String,
}

/// Output on its way, by pieces or by lines.
#[derive(Debug)]
pub(super) struct Pieces {
    incoming: mpsc::Receiver<Piece>,
    /// The beginning of a line that was not ended yet, of each stream.
    begun: [Vec<u8>; 2],
    lines: VecDeque<Line>,
}

impl Pieces {
    pub(super) fn channel() -> (mpsc::Sender<Piece>, Self) {
        let (sender, incoming) = mpsc::channel(QUEUE);
        (sender, Self { incoming, begun: [Vec::new(), Vec::new()], lines: VecDeque::new() })
    }

    /// The next piece; first what was read for the sake of lines and is no line yet.
    pub(super) async fn piece(&mut self) -> Option<Piece> {
        if let Some(line) = self.lines.pop_front() {
            let bytes = (line.text + "\n").into();
            return Some(Piece { stream: line.stream, bytes });
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            let begun = std::mem::take(&mut self.begun[stream as usize]);
            if !begun.is_empty() {
                return Some(Piece { stream, bytes: begun.into() });
            }
        }
        self.incoming.recv().await
    }

    /// The next line; at the end also one that has no end.
    pub(super) async fn line(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            let Some(piece) = self.incoming.recv().await else { break };
            self.take(&piece);
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(&mut self.begun[stream as usize]);
            if !rest.is_empty() {
                self.lines.push_back(line(stream, &rest));
            }
        }
        self.lines.pop_front()
    }

    fn take(&mut self, piece: &Piece) {
        let begun = &mut self.begun[piece.stream as usize];
        let mut rest = &piece.bytes[..];
        while let Some(end) = memchr(b'\n', rest) {
            begun.extend_from_slice(&rest[..end]);
            self.lines.push_back(line(piece.stream, begun));
            begun.clear();
            rest = &rest[end + 1..];
        }
        begun.extend_from_slice(rest);
    }

    /// All that is still to come, apart.
    pub(super) async fn rest(&mut self) -> [Vec<u8>; 2] {
        let mut all = [Vec::new(), Vec::new()];
        while let Some(piece) = self.piece().await {
            all[piece.stream as usize].extend_from_slice(&piece.bytes);
        }
        all
    }
}

fn line(stream: Stream, bytes: &[u8]) -> Line {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    Line { stream, text: String::from_utf8_lossy(bytes).into_owned() }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::Pending;
    use super::*;

    /// The lines of what is sent in these pieces.
    fn lines(pieces: Vec<Piece>) -> Vec<(Stream, String)> {
        let (sender, mut incoming) = Pieces::channel();
        let writer = std::thread::spawn(move || {
            for piece in pieces {
                sender.blocking_send(piece).unwrap();
            }
        });
        let mut lines = Vec::new();
        while let Some(line) = Pending::new(incoming.line()).wait() {
            lines.push((line.stream, line.text));
        }
        writer.join().unwrap();
        lines
    }

    #[test]
    fn lines_of_both_streams_come_apart() {
        let piece = |stream, text: &'static str| Piece { stream, bytes: Bytes::from(text) };
        let found = lines(vec![
            piece(Stream::Stdout, "on"),
            piece(Stream::Stderr, "warning\r\nha"),
            piece(Stream::Stdout, "e\n\ntwo"),
            piece(Stream::Stderr, "lf"),
        ]);
        let (out, err) = (Stream::Stdout, Stream::Stderr);
        let expected = [(err, "warning"), (out, "one"), (out, ""), (out, "two"), (err, "half")];
        assert_eq!(found, expected.map(|(stream, text)| (stream, text.to_owned())));
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_the_stream_is_cut(text in "[a-c\n]{0,60}", cut in 1_usize..10) {
            let pieces = text.as_bytes().chunks(cut).map(|bytes| Piece {
                stream: Stream::Stdout,
                bytes: Bytes::copy_from_slice(bytes),
            });
            let found: Vec<_> = lines(pieces.collect()).into_iter().map(|(_, text)| text).collect();
            prop_assert_eq!(found, text.lines().map(str::to_owned).collect::<Vec<_>>());
        }
    }
}
