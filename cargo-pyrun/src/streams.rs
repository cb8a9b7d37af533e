//! The caller's standard streams, each served by a thread of its own.
//!
//! A slow reader of our stdout must hold back the script and nothing else: signals still pass. The threads block
//! in the kernel, the channels are short, and so memory stays flat however much is written.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::init::FRAME_BYTES;

/// How many pieces may wait for a slow reader.
const QUEUE: usize = 16;

/// One of our output streams.
#[derive(Debug)]
pub struct Sink {
    queue: Option<mpsc::Sender<Bytes>>,
    done: oneshot::Receiver<()>,
}

/// Which of our output streams.
#[derive(Debug, Clone, Copy)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Sink {
    /// Starts the stream's thread.
    #[must_use]
    pub fn open(stream: Stream) -> Self {
        Self::to(move |piece| write(stream, piece))
    }

    /// A thread that appends to a file, and shows on stderr what it appends where `shown`.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn append(file: &Path, shown: bool) -> io::Result<Self> {
        let mut file = fs_err::OpenOptions::new().create(true).append(true).open(file)?;
        Ok(Self::to(move |piece| {
            if shown {
                // A stderr that is gone only loses text.
                let _ = write(Stream::Stderr, piece);
            }
            io::Write::write_all(&mut file, piece)
        }))
    }

    fn to(mut write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static) -> Self {
        let (queue, mut pieces) = mpsc::channel::<Bytes>(QUEUE);
        let (finished, done) = oneshot::channel();
        thread::spawn(move || {
            while let Some(piece) = pieces.blocking_recv() {
                if write(&piece).is_err() {
                    break;
                }
            }
            let _ = finished.send(());
        });
        Self { queue: Some(queue), done }
    }

    /// Queues a piece; waits while the reader is slow.
    ///
    /// # Errors
    /// Where the reader is gone.
    pub async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let sent = match &self.queue {
            Some(queue) => queue.send(piece).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    /// Waits until everything queued is written, or the reader is gone. With `patience`, a reader that takes nothing
    /// for that long is not waited for.
    pub async fn finish(&mut self, patience: Option<Duration>) {
        if let (Some(limit), Some(queue)) = (patience, &self.queue) {
            let (mut free, mut deadline) = (queue.capacity(), Instant::now() + limit);
            while free < QUEUE && !queue.is_closed() {
                sleep(Duration::from_millis(5)).await;
                if queue.capacity() != free {
                    (free, deadline) = (queue.capacity(), Instant::now() + limit);
                } else if Instant::now() > deadline {
                    return;
                }
            }
        }
        self.queue = None;
        let done = &mut self.done;
        match patience {
            // The last piece is on its way.
            Some(limit) => drop(timeout(limit, done).await),
            None => drop(done.await),
        }
    }
}

/// Writes all of it past any buffer of ours: the script decides when its output appears.
#[cfg(unix)]
fn write(stream: Stream, mut bytes: &[u8]) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    use std::os::fd::AsFd;
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let fd = match stream {
        Stream::Stdout => stdout.as_fd(),
        Stream::Stderr => stderr.as_fd(),
    };
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            // Whoever shares the stream with us may have made it non-blocking.
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn write(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    use io::Write;
    match stream {
        Stream::Stdout => io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()),
        Stream::Stderr => io::stderr().write_all(bytes),
    }
}

/// Our stdin, read piece by piece; the channel closes at its end.
#[must_use]
pub fn stdin() -> mpsc::Receiver<Bytes> {
    let (queue, pieces) = mpsc::channel(1);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut buffer = vec![0; FRAME_BYTES];
        loop {
            match io::Read::read(&mut stdin, &mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    if queue.blocking_send(Bytes::copy_from_slice(&buffer[..read])).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    });
    pieces
}

/// What was read of our stdin before, as if it came from there now.
#[must_use]
pub fn given(bytes: Bytes) -> mpsc::Receiver<Bytes> {
    let (queue, pieces) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut rest = bytes;
        while !rest.is_empty() && queue.send(rest.split_to(rest.len().min(FRAME_BYTES))).await.is_ok() {}
    });
    pieces
}
