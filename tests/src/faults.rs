//! A registry with faults: the bed's real one, and what a test orders to go wrong before it.

mod bearer;
mod connection;
mod fault;
pub(crate) mod http;
mod request;
mod tags;
mod tls;

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;

use crate::{Repository, part};

pub use bearer::BearerAuth;
pub use fault::{Fault, Order};
pub use request::Request;
pub use tls::{Certificate, PlainTcp, TlsRegistry};

use bearer::Demand;
use fault::Reply;

/// A port of this machine that leads to a registry, and does to each answer what a test has ordered.
#[derive(Debug)]
pub struct FaultyRegistry {
    port: u16,
    shared: Arc<Shared>,
}

/// What all connections know.
#[derive(Debug)]
struct Shared {
    upstream: String,
    tls: Option<Arc<ServerConfig>>,
    log: request::Log,
    orders: Mutex<Vec<(String, String, Order)>>,
    demand: Mutex<Demand>,
    issuer: Mutex<Option<BearerAuth>>,
    latency: Mutex<Duration>,
    /// Repositories of the test's that stand for others.
    names: Mutex<Vec<(String, String)>>,
    closed: AtomicBool,
    connections: AtomicUsize,
    open: Mutex<HashMap<usize, TcpStream>>,
}

impl FaultyRegistry {
    /// One before the bed's open registry, with nothing wrong yet.
    #[must_use]
    pub fn start() -> Option<Self> {
        Some(Self::before(&part("TESTBED_REGISTRY")?))
    }

    /// One before the registry at `host:port`.
    #[must_use]
    pub fn before(upstream: &str) -> Self {
        Self::listen(upstream, None)
    }

    fn listen(upstream: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            tls,
            log: request::Log::default(),
            orders: Mutex::default(),
            demand: Mutex::default(),
            issuer: Mutex::default(),
            latency: Mutex::default(),
            names: Mutex::default(),
            closed: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ours.closed.load(Ordering::Relaxed) {
                    break;
                }
                let shared = Arc::clone(&ours);
                // A client that goes away in the middle is what some tests are about.
                thread::spawn(move || drop(connection::serve(&shared, client)));
            }
        });
        Self { port, shared }
    }

    /// `127.0.0.1:PORT`, as a reference has it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The same port under another name of this machine's.
    #[must_use]
    pub fn host_as(&self, name: &str) -> String {
        format!("{name}:{}", self.port)
    }

    /// `http://127.0.0.1:PORT`, or `https`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.host())
    }

    /// Orders a fault for requests of a method (`*` is any) whose path matches, where `*` is any text. Of several that
    /// answer in the registry's place, the first ordered that is not used up does; all others add up.
    pub fn on(&self, method: &str, path: &str, fault: impl Into<Order>) -> &Self {
        lock(&self.shared.orders).push((method.to_owned(), path.to_owned(), fault.into()));
        self
    }

    /// From now on nothing goes wrong any more.
    #[expect(clippy::must_use_candidate, reason = "mending is what it is for")]
    pub fn mend(&self) -> &Self {
        lock(&self.shared.orders).clear();
        self
    }

    /// Answers each request only after so long.
    #[expect(clippy::must_use_candidate, reason = "slowing down is what it is for")]
    pub fn latency(&self, latency: Duration) -> &Self {
        *lock(&self.shared.latency) = latency;
        self
    }

    /// Demands a name and a password.
    #[expect(clippy::must_use_candidate, reason = "closing is what it is for")]
    pub fn basic(&self, name: &str, password: &str) -> &Self {
        *lock(&self.shared.demand) = Demand::Basic { name: name.to_owned(), password: password.to_owned() };
        self
    }

    /// Demands a token, and gives it out itself, at `/token`.
    #[expect(clippy::must_use_candidate, reason = "closing is what it is for")]
    pub fn bearer(&self, auth: &BearerAuth) -> &Self {
        self.issues(auth).bearer_from(auth, &format!("{}/token", self.url()))
    }

    /// Demands a token that is to be had elsewhere.
    #[expect(clippy::must_use_candidate, reason = "closing is what it is for")]
    pub fn bearer_from(&self, auth: &BearerAuth, realm: &str) -> &Self {
        *lock(&self.shared.demand) = Demand::Bearer(auth.clone(), realm.to_owned());
        self
    }

    /// Gives tokens out, at `/token`, for a registry elsewhere.
    #[expect(clippy::must_use_candidate, reason = "issuing is what it is for")]
    pub fn issues(&self, auth: &BearerAuth) -> &Self {
        *lock(&self.shared.issuer) = Some(auth.clone());
        self
    }

    /// Serves a repository of the test's under another name, such as `library/python`.
    pub fn serve(&self, repository: &Repository, name: &str) -> &Self {
        lock(&self.shared.names).push((format!("/v2/{name}/"), format!("/v2/{}/", repository.name())));
        self
    }

    /// All requests so far, in the order they came.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.requests().clone()
    }

    /// The requests so far of a method whose path matches, as in [`Self::on`].
    #[must_use]
    pub fn requests_of(&self, method: &str, path: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.is(method, path));
        requests
    }

    /// How many these are.
    #[must_use]
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.requests_of(method, path).len()
    }

    /// The most requests that were under way at the same time.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.shared.log.most()
    }

    /// How many connections were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Whether any request told who asks.
    #[must_use]
    pub fn saw_credentials(&self) -> bool {
        self.requests().iter().any(Request::has_credentials)
    }

    /// Whether this text was anywhere in a request.
    #[must_use]
    pub fn saw(&self, text: &str) -> bool {
        self.requests().iter().any(|request| request.mentions(text))
    }
}

impl Drop for FaultyRegistry {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // The listening thread wakes up, and sees it; so do those that read from a client.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for stream in lock(&self.shared.open).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    /// Keeps a handle on a connection for the day all of them end; gives its number.
    fn remember(&self, socket: &TcpStream) -> io::Result<usize> {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        lock(&self.open).insert(number, socket.try_clone()?);
        Ok(number)
    }

    fn forget(&self, number: usize) {
        lock(&self.open).remove(&number);
    }

    fn wait_for_the_end(&self) {
        while !self.closed.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn latency(&self) -> Duration {
        *lock(&self.latency)
    }

    fn refuse(&self, request: &Request) -> Option<Reply> {
        lock(&self.demand).refuse(request)
    }

    fn issue(&self, request: &Request, form: &str) -> Reply {
        lock(&self.issuer).as_ref().map_or_else(|| Reply::error(404), |issuer| issuer.issue(request, form))
    }

    /// What goes wrong with this request.
    fn faults(&self, request: &Request) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut answered = false;
        for (method, path, order) in lock(&self.orders).iter_mut() {
            if !request.is(method, path) || order.times == 0 || answered && order.fault.answers() {
                continue;
            }
            if order.after > 0 {
                order.after -= 1;
                continue;
            }
            order.times -= 1;
            answered |= order.fault.answers();
            faults.push(order.fault.clone());
        }
        faults
    }

    /// What the real registry knows a target as.
    fn upstream_target(&self, target: &str) -> String {
        let renamed = |(name, real): &(String, String)| Some(format!("{real}{}", target.strip_prefix(name)?));
        let names = lock(&self.names);
        let target = names.iter().find_map(renamed).unwrap_or_else(|| target.to_owned());
        // What is mounted comes from somewhere, too.
        names.iter().fold(target, |target, (name, real)| {
            let from = |path: &str| format!("from={}", path.trim_start_matches("/v2/").trim_end_matches('/'));
            target.replace(&from(name), &from(real))
        })
    }

    /// What a client knows it as.
    fn own_target(&self, text: &str) -> String {
        lock(&self.names).iter().fold(text.to_owned(), |text, (name, real)| text.replace(real, name))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
