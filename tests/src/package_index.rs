//! An index of Python packages (PEP 503), perhaps behind a login.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::HandMadeWheel;
use crate::repository::digest_of;

/// The index. It stops with the test's process.
#[derive(Debug)]
pub struct PackageIndex {
    host: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl PackageIndex {
    /// One that has these wheels, for whoever has the login.
    ///
    /// # Panics
    /// Where no port is to be had.
    #[must_use]
    pub fn start(wheels: &[HandMadeWheel], login: Option<(&str, &str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("its address").to_string();
        let authorization =
            login.map(|(name, password)| format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))));
        let files: BTreeMap<_, _> =
            wheels.iter().map(|wheel| (wheel.file_name.clone(), wheel.bytes.clone())).collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (files, shared) = (Arc::new(files), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, asked, authorization) =
                    (Arc::clone(&files), Arc::clone(&shared), authorization.clone());
                thread::spawn(move || {
                    let _ = serve(&stream, &files, &asked, authorization.as_deref());
                });
            }
        });
        Self { host, asked }
    }

    /// Its address, without a login.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/simple", self.host)
    }

    /// Its address, with a login.
    #[must_use]
    pub fn url_as(&self, login: &str) -> String {
        format!("http://{login}@{}/simple", self.host)
    }

    /// Its host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The paths that it was asked for with the right login, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(
    stream: &TcpStream,
    files: &BTreeMap<String, Vec<u8>>,
    asked: &Mutex<Vec<String>>,
    authorization: Option<&str>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let path = head[0].split(' ').nth(1).unwrap_or_default().to_owned();
        let given = head.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("authorization").then(|| value.trim().to_owned())
        });
        let (status, kind, body) = if authorization.is_some() && given.as_deref() != authorization {
            ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"packages\"", "text/plain", Vec::new())
        } else {
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
            match path.trim_matches('/').split_once('/') {
                Some(("simple", name)) => page(files, name),
                Some(("files", name)) => match files.get(name) {
                    Some(bytes) => ("200 OK", "application/octet-stream", bytes.clone()),
                    None => ("404 Not Found", "text/plain", Vec::new()),
                },
                _ => ("404 Not Found", "text/plain", Vec::new()),
            }
        };
        write!(
            writer,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        if !head[0].starts_with("HEAD") {
            writer.write_all(&body)?;
        }
    }
}

fn page(files: &BTreeMap<String, Vec<u8>>, package: &str) -> (&'static str, &'static str, Vec<u8>) {
    let mut page = String::new();
    for (name, bytes) in files.iter().filter(|(name, _)| name.split('-').next() == Some(package)) {
        let hash = digest_of(bytes).replace("sha256:", "");
        let _ = writeln!(page, "<a href=\"/files/{name}#sha256={hash}\">{name}</a>");
    }
    if page.is_empty() {
        ("404 Not Found", "text/html", Vec::new())
    } else {
        ("200 OK", "text/html", page.into())
    }
}
