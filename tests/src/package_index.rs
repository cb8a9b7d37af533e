//! An index of Python packages (PEP 503), with wheels made by hand, perhaps behind a login.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// A wheel of one module, that has its version in `version`.
#[derive(Debug, Clone)]
pub struct HandMadeWheel {
    /// Its file name.
    pub file_name: String,
    /// The archive.
    pub bytes: Vec<u8>,
}

impl HandMadeWheel {
    /// The wheel of a package that needs others.
    #[must_use]
    pub fn new(name: &str, version: &str, requires: &[&str]) -> Self {
        let info = format!("{name}-{version}.dist-info");
        let requires =
            requires.iter().fold(String::new(), |all, other| format!("{all}Requires-Dist: {other}\n"));
        let mut files = vec![
            (format!("{name}.py"), format!("version = '{version}'\n")),
            (
                format!("{info}/METADATA"),
                format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"),
            ),
            (
                format!("{info}/WHEEL"),
                "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned(),
            ),
        ];
        let mut record = String::new();
        for (name, text) in &files {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
            let _ = writeln!(record, "{name},sha256={hash},{}", text.len());
        }
        let _ = writeln!(record, "{info}/RECORD,,");
        files.push((format!("{info}/RECORD"), record));
        Self { file_name: format!("{name}-{version}-py3-none-any.whl"), bytes: zip(&files) }
    }

    /// The same wheel, for this platform only: `manylinux_2_17_x86_64`.
    #[must_use]
    pub fn only_for(mut self, platform: &str) -> Self {
        self.file_name = self.file_name.replace("-any.whl", &format!("-{platform}.whl"));
        self
    }

    /// The hash of the archive.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256(&self.bytes)
    }
}

/// A zip archive of files that are stored as they are.
fn zip(files: &[(String, String)]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).expect("a small archive");
    let short = |bytes: usize| u16::try_from(bytes).expect("a small archive").to_le_bytes();
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let mut fields = vec![20_u8, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        for number in [crc32(text.as_bytes()), length(text.len()), length(text.len())] {
            fields.extend(number.to_le_bytes());
        }
        fields.extend(short(name.len()));
        fields.extend([0, 0]);
        let at = length(archive.len());
        archive.extend(b"PK\x03\x04");
        archive.extend(&fields);
        archive.extend(name.bytes().chain(text.bytes()));
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&fields);
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(name.bytes());
    }
    let count = short(files.len());
    let (size, start) = (length(directory.len()).to_le_bytes(), length(archive.len()).to_le_bytes());
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count, count].concat());
    archive.extend([size, start].concat());
    archive.extend([0, 0]);
    archive
}

fn crc32(bytes: &[u8]) -> u32 {
    let rest =
        bytes.iter().fold(u32::MAX, |rest, byte| {
            (0..8).fold(rest ^ u32::from(*byte), |rest, _| {
                if rest & 1 == 1 { rest >> 1 ^ 0xEDB8_8320 } else { rest >> 1 }
            })
        });
    !rest
}

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
        let hash = sha256(bytes);
        let _ = writeln!(page, "<a href=\"/files/{name}#sha256={hash}\">{name}</a>");
    }
    if page.is_empty() {
        ("404 Not Found", "text/html", Vec::new())
    } else {
        ("200 OK", "text/html", page.into())
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"))
}
