//! Wheels of the tests' own, and a host that serves them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// How much is sent at a time by a host that takes its time.
const PIECE: usize = 64 << 10;

/// A wheel that is in nobody's index but a test's.
#[derive(Debug, Clone)]
pub struct HandMadeWheel {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file's name.
    pub file_name: String,
    /// The file.
    pub bytes: Vec<u8>,
}

impl HandMadeWheel {
    /// A wheel of one module, that has its version in `version`, of a package that needs others.
    #[must_use]
    pub fn new(name: &str, version: &str, requires: &[&str]) -> Self {
        let module = format!("version = '{version}'\n");
        Self::with_files(name, version, requires, vec![(format!("{name}.py"), module.into_bytes())])
    }

    /// A wheel of version 1 with one module that says this word, and so many bytes of data beside it.
    #[must_use]
    pub fn saying(name: &str, word: &str, data: usize) -> Self {
        let module = format!("WORD = {word:?}\n");
        // Other bytes in each wheel, so that none is another.
        let data: Vec<u8> = module.bytes().cycle().take(data).collect();
        let files =
            vec![(format!("{name}/__init__.py"), module.into_bytes()), (format!("{name}/data.bin"), data)];
        Self::with_files(name, "1", &[], files)
    }

    /// A wheel with these files, by their paths and contents.
    #[must_use]
    pub fn with_files(name: &str, version: &str, requires: &[&str], files: Vec<(String, Vec<u8>)>) -> Self {
        let mut lines = String::new();
        for other in requires {
            lines.extend(["Requires-Dist: ", other, "\n"]);
        }
        Self::with_metadata(name, version, &lines, files)
    }

    /// A wheel with these lines of METADATA, and these files.
    #[must_use]
    pub fn with_metadata(name: &str, version: &str, lines: &str, mut files: Vec<(String, Vec<u8>)>) -> Self {
        let info = format!("{name}-{version}.dist-info");
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}");
        files.push((format!("{info}/METADATA"), metadata.into_bytes()));
        let wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        files.push((format!("{info}/WHEEL"), wheel.as_bytes().to_vec()));
        let mut record = String::new();
        for (path, content) in &files {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(content));
            record.extend([path, ",sha256=", &digest, ",", &content.len().to_string(), "\n"]);
        }
        record.extend([&info, "/RECORD,,\n"]);
        files.push((format!("{info}/RECORD"), record.into_bytes()));
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            file_name: format!("{name}-{version}-py3-none-any.whl"),
            bytes: zip(&files),
        }
    }

    /// The same wheel, for this platform only: `manylinux_2_17_x86_64`.
    #[must_use]
    pub fn only_for(mut self, platform: &str) -> Self {
        self.file_name = self.file_name.replace("-any.whl", &format!("-{platform}.whl"));
        self
    }

    /// The same wheel, for Python 2 too.
    #[must_use]
    pub fn for_python_2_too(mut self) -> Self {
        self.file_name = self.file_name.replace("-py3-", "-py2.py3-");
        self
    }

    /// Its sha256.
    #[must_use]
    pub fn sha256(&self) -> String {
        crate::repository::digest_of(&self.bytes).trim_start_matches("sha256:").to_owned()
    }
}

/// A host of wheels, with an eye on who asks for what.
#[derive(Debug)]
pub struct WheelHost {
    address: String,
    wheels: Vec<HandMadeWheel>,
    asked: Arc<AtomicUsize>,
    /// Milliseconds between two pieces of a file.
    pause: Arc<AtomicU64>,
}

impl WheelHost {
    /// A host of these, as fast as it can be.
    ///
    /// # Panics
    /// Where the machine has no port for it.
    #[must_use]
    pub fn of(wheels: Vec<HandMadeWheel>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (asked, pause) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let (files, count, wait) = (wheels.clone(), Arc::clone(&asked), Arc::clone(&pause));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, count, wait) = (files.clone(), Arc::clone(&count), Arc::clone(&wait));
                thread::spawn(move || {
                    let _ = serve(&stream, &files, &count, &wait);
                });
            }
        });
        Self { address, wheels, asked, pause }
    }

    /// How many files were asked for so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Lets it take its time between two pieces of a file.
    pub fn pause(&self, between: Duration) {
        self.pause.store(u64::try_from(between.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// A lock with the wheels of these names.
    #[must_use]
    pub fn lock(&self, names: &[&str]) -> String {
        let mut text = "lock-version = \"1.0\"\ncreated-by = \"tests\"\n".to_owned();
        for wheel in self.wheels.iter().filter(|wheel| names.contains(&wheel.name.as_str())) {
            let package = format!(
                "\n[[packages]]\nname = \"{}\"\nversion = \"{version}\"\n[[packages.wheels]]\nname = \"{file}\"\n\
                 url = \"http://{}/{file}\"\nsize = {}\nhashes = {{ sha256 = \"{}\" }}\n",
                wheel.name,
                self.address,
                wheel.bytes.len(),
                wheel.sha256(),
                version = wheel.version,
                file = wheel.file_name,
            );
            text.push_str(&package);
        }
        text
    }
}

fn serve(
    stream: &TcpStream,
    wheels: &[HandMadeWheel],
    asked: &AtomicUsize,
    pause: &AtomicU64,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let range = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("range: bytes=")?.strip_suffix('-')?.parse::<usize>().ok()
    });
    let mut out = stream;
    let Some(wheel) = wheels.iter().find(|wheel| wheel.file_name == path) else {
        return out.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    asked.fetch_add(1, Ordering::SeqCst);
    let all = wheel.bytes.len();
    let start = range.unwrap_or(0).min(all);
    let (status, extra) = match range {
        Some(_) => ("206 Partial Content", format!("Content-Range: bytes {start}-{}/{all}\r\n", all - 1)),
        None => ("200 OK", String::new()),
    };
    let length = all - start;
    write!(out, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{extra}Connection: close\r\n\r\n")?;
    for piece in wheel.bytes[start..].chunks(PIECE) {
        out.write_all(piece)?;
        thread::sleep(Duration::from_millis(pause.load(Ordering::SeqCst)));
    }
    Ok(())
}

/// An archive with these files, as they are.
fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a small file").to_le_bytes();
    let short = |number: usize| u16::try_from(number).expect("a short name, few files").to_le_bytes();
    for (path, content) in files {
        let offset = length(&archive);
        // Version 2.0, names in UTF-8, stored, 1 January 1980.
        let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc32(content).to_le_bytes());
        common.extend(length(content));
        common.extend(length(content));
        common.extend(short(path.len()));
        common.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(path.as_bytes());
        archive.extend(content);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(common);
        // No comment, the first disk, no attributes but a file's mode.
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(offset);
        directory.extend(path.as_bytes());
    }
    let (start, size) = (length(&archive), length(&directory));
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(short(files.len()));
    archive.extend(short(files.len()));
    archive.extend(size);
    archive.extend(start);
    archive.extend([0, 0]);
    archive
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (0_u32.wrapping_sub(crc & 1)));
        }
    }
    !crc
}
