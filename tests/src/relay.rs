//! Connections passed on to the real thing; recorded, slowed down or cut on the way.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::eventually;

/// A socket of our own in front of an engine's, which notes the requests.
#[derive(Debug)]
pub struct Relay {
    path: PathBuf,
    seen: Arc<Seen>,
}

/// What passes, and what is kept waiting.
#[derive(Debug, Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    /// A request with the first word is passed on only once requests with all the others were seen.
    order: Option<(&'static str, Vec<&'static str>)>,
    closed: AtomicBool,
    /// Both ends of every connection, for the day they are cut.
    streams: Mutex<Vec<UnixStream>>,
}

impl Relay {
    /// A socket in this folder, open to all, for the engine at a `unix://` address.
    #[must_use]
    pub fn to_socket(folder: &Path, engine: &str) -> Self {
        Self::ordered(folder, engine, None)
    }

    /// One that passes a request that has `last` in it on only when it has seen all of `before`, or after a while.
    ///
    /// # Panics
    /// Where there can be no such socket.
    #[must_use]
    pub fn ordered(folder: &Path, engine: &str, order: Option<(&'static str, Vec<&'static str>)>) -> Self {
        let path = folder.join("relay.sock");
        let engine = PathBuf::from(engine.trim_start_matches("unix://"));
        let listener = UnixListener::bind(&path).expect("a socket");
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("a socket open to all");
        let seen = Arc::new(Seen { order, ..Seen::default() });
        let ours = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ours.closed.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(engine) = UnixStream::connect(&engine) else { continue };
                let seen = Arc::clone(&ours);
                let (Ok(from), Ok(to)) = (client.try_clone(), engine.try_clone()) else { continue };
                let mut streams = ours.streams.lock().unwrap_or_else(PoisonError::into_inner);
                streams.extend([client.try_clone(), engine.try_clone()].into_iter().flatten());
                drop(streams);
                thread::spawn(move || {
                    let _ = pass(from, to, |bytes| seen.note(bytes), |to| to.shutdown(Shutdown::Write));
                });
                thread::spawn(move || pass(engine, client, |_| {}, |to| to.shutdown(Shutdown::Write)));
            }
        });
        Self { path, seen }
    }

    /// Cuts every connection, and lets no other through.
    pub fn cut(&self) {
        let _ = fs_err::remove_file(&self.path);
        self.seen.closed.store(true, Ordering::Relaxed);
        for stream in self.seen.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// The requests since the last call: method and path, without the API's version and the query.
    #[must_use]
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.seen.closed.store(true, Ordering::Relaxed);
        // The listening thread wakes up, and sees it.
        let _ = UnixStream::connect(&self.path);
    }
}

impl Seen {
    fn note(&self, bytes: &[u8]) {
        let Some(request) = request(bytes) else { return };
        if let Some((last, before)) = &self.order
            && request.contains(last)
        {
            let seen = |word| self.lock().iter().any(|request| request.contains(word));
            let _ = eventually(Duration::from_secs(10), || before.iter().all(seen));
        }
        self.lock().push(request);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request that starts here, for example `POST /containers/create`.
fn request(bytes: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(bytes.split(|byte| *byte == b'\r').next()?).ok()?;
    let (request, _) = line.split_once(" HTTP/1.")?;
    let (method, target) = request.split_once(' ')?;
    let path = target.split('?').next()?;
    let path = match path.strip_prefix("/v1.") {
        Some(rest) => rest.split_once('/').map_or(path.to_owned(), |(_, rest)| format!("/{rest}")),
        None => path.to_owned(),
    };
    Some(format!("{method} {path}"))
}

fn pass<S: Read, T: Write>(
    mut from: S,
    mut to: T,
    seen: impl Fn(&[u8]),
    end: impl Fn(&T) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => return end(&to),
            Ok(read) => {
                seen(&buffer[..read]);
                to.write_all(&buffer[..read])?;
            }
        }
    }
}

/// A port of this machine that leads to a registry, slowly.
#[derive(Debug)]
pub struct SlowRegistry {
    port: u16,
    closed: Arc<AtomicBool>,
}

impl SlowRegistry {
    /// Passes answers of this registry on with so many bytes a second.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn to(registry: &str, bytes_a_second: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let closed = Arc::new(AtomicBool::new(false));
        let (stop, registry) = (Arc::clone(&closed), registry.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(server) = TcpStream::connect(&registry) else { continue };
                let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { continue };
                thread::spawn(move || pass(from, to, |_| {}, |to| to.shutdown(Shutdown::Both)));
                let slow = move |bytes: &[u8]| {
                    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    thread::sleep(Duration::from_secs_f64(f64::from(length) / f64::from(bytes_a_second)));
                };
                thread::spawn(move || pass(server, client, slow, |to| to.shutdown(Shutdown::Both)));
            }
        });
        Self { port, closed }
    }

    /// `127.0.0.1:PORT`; engines use a registry there without TLS.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for SlowRegistry {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}
