//! An HTTP service in Rust whose work a Python process does: `POST /words` has the words of its body counted.
//!
//! `service check` asks the service on this machine whether it is well, for whoever looks after the container.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{env, thread};

/// What a request may have of a body.
const LIMIT: usize = 1 << 20;

fn main() -> ExitCode {
    let port = env::var("PORT").unwrap_or_else(|_| "8000".to_owned());
    let outcome = match env::args().nth(1).as_deref() {
        Some("check") => check(&port),
        Some(other) => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("no command `{}`", other))),
        None => serve(&port),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("service: {}", error);
            ExitCode::FAILURE
        }
    }
}

fn serve(port: &str) -> io::Result<()> {
    let listener = TcpListener::bind(format!("0.0.0.0:{}", port))?;
    let worker = Arc::new(Mutex::new(Worker::start()?));
    eprintln!("service: listens on port {}", port);
    for stream in listener.incoming() {
        let worker = Arc::clone(&worker);
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = answer(&stream, &worker) {
                eprintln!("service: {}", error);
            }
        });
    }
    Ok(())
}

/// The Python process: a line goes in, a line comes out.
struct Worker {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start() -> io::Result<Self> {
        let mut command = Command::new("python3");
        let mut process =
            command.arg("worker/main.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        match (process.stdin.take(), process.stdout.take()) {
            (Some(input), Some(output)) => Ok(Self { process, input, output: BufReader::new(output) }),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn ask(&mut self, text: &str) -> io::Result<String> {
        match self.try_to_ask(text) {
            Ok(answer) => Ok(answer),
            // It may have died since; a new one gets one more try.
            Err(_) => {
                let _ = self.process.kill();
                let _ = self.process.wait();
                *self = Self::start()?;
                self.try_to_ask(text)
            }
        }
    }

    fn try_to_ask(&mut self, text: &str) -> io::Result<String> {
        writeln!(self.input, "{}", json_string(text))?;
        let mut answer = String::new();
        match self.output.read_line(&mut answer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(answer),
        }
    }
}

fn answer(stream: &TcpStream, worker: &Mutex<Worker>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(usize::MAX);
            }
        }
    }
    let ask = |text: &str| worker.lock().unwrap_or_else(PoisonError::into_inner).ask(text);
    let (status, body) = match first.split(' ').take(2).collect::<Vec<_>>()[..] {
        // Well is who can work.
        ["GET", "/health"] => match ask("is it well") {
            Ok(_) => ("200 OK", "ok\n".to_owned()),
            Err(error) => ("503 Service Unavailable", format!("no worker: {}\n", error)),
        },
        ["POST", "/words"] if length > LIMIT => ("413 Content Too Large", "too long\n".to_owned()),
        ["POST", "/words"] => {
            let mut text = vec![0; length];
            reader.read_exact(&mut text)?;
            match ask(&String::from_utf8_lossy(&text)) {
                Ok(answer) => ("200 OK", answer),
                Err(error) => ("503 Service Unavailable", format!("no worker: {}\n", error)),
            }
        }
        _ => ("404 Not Found", "POST /words, GET /health\n".to_owned()),
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        status,
        body.len(),
        body
    )
}

/// Whether the service on this machine is well.
fn check(port: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{}", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::Other, answer.lines().next().unwrap_or("no answer").to_owned()))
}

fn json_string(text: &str) -> String {
    let mut json = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            letter if u32::from(letter) < 32 => json.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => json.push(letter),
        }
    }
    json.push('"');
    json
}
