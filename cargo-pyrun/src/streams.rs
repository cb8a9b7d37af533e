//! The streams of a run: the caller's own, each served by a thread, or channels to whoever holds them.
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

/// Where one output stream goes.
#[derive(Debug)]
pub struct Sink {
    queue: Option<Queue>,
    done: oneshot::Receiver<()>,
}

#[derive(Debug)]
enum Queue {
    /// To a thread that writes.
    Thread(mpsc::Sender<Bytes>),
    /// To whoever reads the pieces.
    Held(Stream, mpsc::Sender<Piece>),
}

/// A piece of a script's output, as it came.
///
/// ```no_run
/// use pyrun::Stream;
/// let mut running = pyrun::Script::code("print('hello')").spawn().wait()?;
/// while let Some(piece) = running.piece().wait() {
///     match piece.stream {
///         Stream::Stdout => println!("{} bytes", piece.bytes.len()),
///         Stream::Stderr => eprintln!("{} bytes", piece.bytes.len()),
///     }
/// }
/// # Ok::<_, pyrun::ScriptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it was written to.
    pub stream: Stream,
    /// What was written.
    pub bytes: Bytes,
}

/// Which output stream.
///
/// ```no_run
/// use pyrun::Stream;
/// let mut running = pyrun::Script::code("print('hello')").spawn().wait()?;
/// let printed: Vec<_> = running.lines().filter(|line| line.stream == Stream::Stdout).collect();
/// # Ok::<_, pyrun::ScriptError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// Both output streams to one reader, in the order in which they come.
    #[must_use]
    pub fn held(pieces: &mpsc::Sender<Piece>) -> [Self; 2] {
        [Stream::Stdout, Stream::Stderr].map(|stream| {
            let (finished, done) = oneshot::channel();
            // The reader has a piece as soon as it is in the channel.
            drop(finished);
            Self { queue: Some(Queue::Held(stream, pieces.clone())), done }
        })
    }

    /// Whether somebody of this process reads it, who may take any time.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.queue, Some(Queue::Held(..)))
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
        Self { queue: Some(Queue::Thread(queue)), done }
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
            Some(Queue::Thread(queue)) => queue.send(piece).await.is_ok(),
            Some(Queue::Held(stream, queue)) => {
                queue.send(Piece { stream: *stream, bytes: piece }).await.is_ok()
            }
            None => false,
        };
        if sent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    /// Waits until everything queued is written, or the reader is gone. With `patience`, a reader that takes nothing
    /// for that long is not waited for.
    pub async fn finish(&mut self, patience: Option<Duration>) {
        if let (Some(limit), Some(Queue::Thread(queue))) = (patience, &self.queue) {
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

/// The input of a run, piece by piece.
#[derive(Debug)]
pub struct Source {
    pieces: mpsc::Receiver<Bytes>,
    /// Closed with this, so that the thread that reads stops before it takes what is another's.
    #[cfg(unix)]
    _stop: Option<io::PipeWriter>,
}

impl Source {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.pieces.recv().await
    }
}

impl From<mpsc::Receiver<Bytes>> for Source {
    fn from(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self {
            pieces,
            #[cfg(unix)]
            _stop: None,
        }
    }
}

/// Our stdin, until it ends or what is returned is dropped. What others of this process have read ahead is not in it, as
/// for a program that inherits it.
#[cfg(unix)]
#[must_use]
pub fn stdin() -> Source {
    use rustix::event::{PollFd, PollFlags, poll};
    use std::os::fd::AsFd;
    let (queue, pieces) = mpsc::channel(1);
    // Without a pipe, the thread stops with the next piece.
    let (stopped, stop) = io::pipe().ok().unzip();
    thread::spawn(move || {
        let stdin = io::stdin();
        let mut buffer = vec![0; FRAME_BYTES];
        loop {
            let mut fds = vec![PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
            fds.extend(stopped.as_ref().map(|stopped| PollFd::new(stopped, PollFlags::IN)));
            if poll(&mut fds, None).is_ok() && fds.get(1).is_some_and(|stop| !stop.revents().is_empty()) {
                break;
            }
            match rustix::io::read(stdin.as_fd(), &mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    if queue.blocking_send(Bytes::copy_from_slice(&buffer[..read])).is_err() {
                        break;
                    }
                }
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(_) => break,
            }
        }
    });
    Source { pieces, _stop: stop }
}

/// Our stdin, read piece by piece; the channel closes at its end.
#[cfg(not(unix))]
#[must_use]
pub fn stdin() -> Source {
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
    pieces.into()
}

/// What was read of our stdin before, as if it came from there now.
#[must_use]
pub fn given(bytes: Bytes) -> Source {
    let (queue, pieces) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut rest = bytes;
        while !rest.is_empty() && queue.send(rest.split_to(rest.len().min(FRAME_BYTES))).await.is_ok() {}
    });
    pieces.into()
}

impl From<crate::engine::Output> for Piece {
    fn from(output: crate::engine::Output) -> Self {
        match output {
            crate::engine::Output::Stdout(bytes) => Self { stream: Stream::Stdout, bytes },
            crate::engine::Output::Stderr(bytes) => Self { stream: Stream::Stderr, bytes },
        }
    }
}
