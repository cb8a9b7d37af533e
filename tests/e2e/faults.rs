//! The faulty registry itself: that what a test orders is what goes over the wire.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tests::{
    BearerAuth, Certificate, Fault, FaultyRegistry, Folder, Format, PlainTcp, Repository, TlsRegistry, finish,
};

const MANIFEST: &str = "/v2/library/python/manifests/3.13-slim";
const TAGS: &str = "/v2/library/python/tags/list";

/// All that comes back for a `GET` on a connection of its own, and how the connection ended.
pub(crate) fn get_with(host: &str, path: &str, fields: &str) -> (String, Option<std::io::ErrorKind>) {
    let mut stream = TcpStream::connect(host).expect("a connection");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {}\r\n{fields}Connection: close\r\n\r\n",
        Format::Docker.index()
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    let mut buffer = vec![0; 4096];
    stream.set_read_timeout(Some(Duration::from_millis(1500))).expect("a limit");
    let end = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break None,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            Err(error) => break Some(error.kind()),
        }
    };
    (String::from_utf8_lossy(&answer).into_owned(), end)
}

fn get(registry: &FaultyRegistry, path: &str) -> String {
    get_with(&registry.host(), path, "").0
}

fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
        .map(|(_, value)| value)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// One with a fault in all that it answers.
fn faulty(fault: Fault) -> Option<FaultyRegistry> {
    let registry = FaultyRegistry::start()?;
    registry.on("*", "/v2/*", fault);
    Some(registry)
}

#[test]
fn without_faults_it_is_the_real_one() {
    let folder = Folder::new();
    let (Some(registry), Some(repository)) = (FaultyRegistry::start(), Repository::new(&folder)) else {
        return;
    };
    let real = tests::part("TESTBED_REGISTRY").expect("a registry");
    let ours = get(&registry, MANIFEST);
    assert_eq!((status(&ours), body(&ours)), ("200", body(&get_with(&real, MANIFEST, "").0)));
    // A blob of some length goes up and down, by ranges too.
    let blob = repository.put_blob("application/octet-stream", &b"0123456789".repeat(100_000));
    let path = format!("/v2/{}/blobs/{}", repository.name(), blob.digest);
    let whole = get(&registry, &path);
    assert_eq!((field(&whole, "Content-Length"), body(&whole).len()), (Some("1000000"), 1_000_000));
    let (part, _) = get_with(&registry.host(), &path, "Range: bytes=5-8\r\n");
    assert_eq!((status(&part), body(&part)), ("206", "5678"));
    assert_eq!(registry.requests()[2].header("range"), Some("bytes=5-8"));
    let asked: Vec<_> = registry.requests().into_iter().map(|request| request.status).collect();
    assert_eq!(asked, [Some(200), Some(200), Some(206)]);
}

#[test]
fn a_push_goes_through_it() {
    let folder = Folder::new();
    let (Some(registry), Some(repository)) = (FaultyRegistry::start(), Repository::new(&folder)) else {
        return;
    };
    // The engine sends blobs in chunks, by PATCH, and follows the places it is told.
    let name = repository.reference_at(&registry.host(), "pushed");
    folder.file("content", "content\n");
    let archive = folder.root().join("content.tar");
    let tar =
        finish(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(folder.project()).arg("content"));
    assert_eq!(tar.code, Some(0), "{}", tar.stderr);
    let made = tests::docker(["import", &archive.display().to_string(), &name]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let pushed = tests::docker(["push", "-q", &name]);
    let _ = tests::docker(["rmi", &name]);
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    assert!(registry.count("PATCH", "/v2/*/blobs/uploads/*") >= 2, "a layer and a configuration");
    assert_eq!(registry.count("PUT", "/v2/*/manifests/pushed"), 1);
    assert!(repository.manifest("pushed").1.starts_with(b"{"));
    repository.adopt("pushed");
}

#[test]
fn statuses_come_with_an_error_body_and_fields_and_only_so_often() {
    let Some(registry) = FaultyRegistry::start() else { return };
    registry.on("GET", "/v2/library/*", Fault::status_with(429, "Retry-After", "2").times(2));
    registry.on("GET", "/v2/library/*", Fault::status(503).after(1).times(1));
    for expected in ["429", "429", "200", "503", "200"] {
        let answer = get(&registry, MANIFEST);
        assert_eq!(status(&answer), expected);
        assert_eq!(field(&answer, "Retry-After"), (expected == "429").then_some("2"));
        assert_eq!(body(&answer).contains(r#""code":"TOOMANYREQUESTS""#), expected == "429");
    }
    assert_eq!(status(&get(&registry, "/v2/")), "200");
    assert_eq!((registry.count("GET", "*"), registry.count("GET", "*/manifests/*")), (6, 5));
}

#[test]
fn bodies_break_off() {
    for (fault, expected) in [
        (Fault::Truncate(100), None),
        (Fault::DropAfter(100), Some(std::io::ErrorKind::ConnectionReset)),
        (Fault::HangAfter(100), Some(std::io::ErrorKind::WouldBlock)),
    ] {
        let Some(registry) = faulty(fault.clone()) else { return };
        let (answer, end) = get_with(&registry.host(), MANIFEST, "");
        let length: usize =
            field(&answer, "Content-Length").and_then(|text| text.parse().ok()).expect("a length");
        assert_eq!((end, length > 100), (expected, true), "{fault:?}: {answer}");
        // What a reset overtakes may be lost.
        assert!(
            body(&answer).len() == 100 || expected == Some(std::io::ErrorKind::ConnectionReset),
            "{fault:?}"
        );
    }
    for (fault, expected) in [(Fault::Drop, None), (Fault::Hang, Some(std::io::ErrorKind::WouldBlock))] {
        let Some(registry) = faulty(fault) else { return };
        assert_eq!(get_with(&registry.host(), MANIFEST, ""), (String::new(), expected));
    }
}

#[test]
fn bodies_lie() {
    let Some(registry) = FaultyRegistry::start() else { return };
    let honest = get(&registry, MANIFEST);
    let with = |fault: Fault| get(registry.mend().on("*", "/v2/*", fault), MANIFEST);
    let lie = with(Fault::WrongBytes);
    let differing = body(&lie).bytes().zip(body(&honest).bytes()).filter(|(one, other)| one != other).count();
    assert_eq!((body(&lie).len(), differing), (body(&honest).len(), 1));
    assert_eq!(field(&lie, "Docker-Content-Digest"), field(&honest, "Docker-Content-Digest"));
    assert!(serde_json::from_str::<serde_json::Value>(body(&lie)).is_ok(), "{lie}");
    let digest = with(Fault::wrong_digest());
    assert!(field(&digest, "Docker-Content-Digest").is_some_and(|digest| digest.ends_with("0000")));
    assert_eq!(body(&digest), body(&honest));
    assert_eq!(field(&with(Fault::NoField("Docker-Content-Digest".into())), "Docker-Content-Digest"), None);
    assert_eq!(body(&with(Fault::Answer("text/plain".into(), b"x".to_vec()))), "x");
    let page = with(Fault::not_json());
    assert_eq!((status(&page), field(&page, "Content-Type")), ("200", Some("text/html")));
}

#[test]
fn bodies_have_other_lengths() {
    let Some(registry) = FaultyRegistry::start() else { return };
    let honest = body(&get(&registry, MANIFEST)).to_owned();
    let with = |fault: Fault| get(registry.mend().on("*", "/v2/*", fault), MANIFEST);
    let wrong = with(Fault::WrongLength(7));
    assert_eq!((field(&wrong, "Content-Length"), body(&wrong)), (Some("7"), honest.as_str()));
    let without = with(Fault::NoLength);
    assert_eq!((field(&without, "Content-Length"), body(&without)), (None, honest.as_str()));
    let chunked = with(Fault::Chunked);
    assert_eq!(field(&chunked, "Transfer-Encoding"), Some("chunked"));
    assert_eq!(body(&chunked), format!("{:x}\r\n{honest}\r\n0\r\n\r\n", honest.len()));
    // More than any limit for a manifest.
    registry.mend().on("*", "/v2/*", Fault::HugeBody);
    let mut stream = TcpStream::connect(registry.host()).expect("a connection");
    write!(stream, "GET {MANIFEST} HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request");
    let read = std::io::copy(&mut stream.take(64 << 20), &mut std::io::sink());
    assert_eq!(read.expect("bytes"), 64 << 20);
}

#[test]
fn answers_are_late_or_slow() {
    let Some(registry) = FaultyRegistry::start() else { return };
    let length = u32::try_from(body(&get(&registry, MANIFEST)).len()).expect("a short manifest");
    for fault in [Fault::Delay(Duration::from_millis(500)), Fault::Slow(length * 2)] {
        registry.mend().on("*", "/v2/*", fault.clone());
        let begun = Instant::now();
        assert_eq!(status(&get(&registry, MANIFEST)), "200");
        let took = begun.elapsed();
        assert!((450..1400).contains(&took.as_millis()), "{fault:?}: {took:?}");
    }
}

#[test]
fn requests_at_once_are_counted() {
    let Some(registry) = FaultyRegistry::start() else { return };
    registry.latency(Duration::from_millis(300));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| get(&registry, MANIFEST));
        }
    });
    let _ = get(&registry, MANIFEST);
    assert_eq!((registry.most_at_once(), registry.connections(), registry.requests().len()), (4, 5, 5));
    assert!(registry.requests().iter().all(|request| request.done.is_some_and(|done| done > request.came)));
}

#[test]
fn redirects_lead_elsewhere_or_nowhere() {
    let (Some(registry), Some(other)) = (FaultyRegistry::start(), FaultyRegistry::start()) else { return };
    registry.on("GET", "*/manifests/*", Fault::redirect_to(&other));
    registry.on("GET", "*/tags/list", Fault::RedirectLoop);
    let answer = get(&registry, &format!("{MANIFEST}?a=b"));
    assert_eq!(status(&answer), "307");
    assert_eq!(field(&answer, "Location"), Some(format!("{}{MANIFEST}?a=b", other.url()).as_str()));
    assert_eq!(field(&get(&registry, TAGS), "Location"), Some(TAGS));
    assert!(other.requests().is_empty());
    let _ = get_with(&other.host(), MANIFEST, "Authorization: Basic c2VjcmV0\r\n");
    assert!(other.saw_credentials() && other.saw("c2VjcmV0") && !registry.saw_credentials());
}

#[test]
fn tags_come_in_pages() {
    let folder = Folder::new();
    let (Some(registry), Some(repository)) = (FaultyRegistry::start(), Repository::new(&folder)) else {
        return;
    };
    let image = repository.image(Format::Oci, "linux/amd64", "3.13.5");
    for tag in ["a", "b", "c", "d", "e"] {
        repository.tag(&image, tag);
    }
    registry.serve(&repository, "library/python").on("GET", TAGS, Fault::PagedTags(2));
    let mut next = Some(TAGS.to_owned());
    let mut pages = Vec::new();
    while let Some(path) = next.take() {
        let page = get(&registry, &path);
        let list: serde_json::Value = serde_json::from_str(body(&page)).expect("JSON");
        pages.push(list["tags"].to_string());
        next = field(&page, "Link").map(|link| {
            let (path, rel) = link.trim_start_matches('<').split_once('>').expect("a link");
            assert_eq!(rel, "; rel=\"next\"");
            path.to_owned()
        });
    }
    assert_eq!(pages, [r#"["a","b"]"#, r#"["c","d"]"#, r#"["e"]"#]);
    registry.mend().on("GET", TAGS, Fault::TagsInALoop);
    let first = get(&registry, TAGS);
    let link =
        field(&first, "Link").expect("a link").trim_start_matches('<').split('>').next().expect("a path");
    assert_eq!(get(&registry, link), first);
    registry.mend().on("GET", TAGS, Fault::EndlessTags);
    assert_eq!(
        body(&get(&registry, &format!("{TAGS}?last=endless-7&n=1"))),
        r#"{"name":"library/python","tags":["endless-8"]}"#
    );
}

/// Asks for a token as the challenge says.
fn token(challenge: &str, authorization: &str) -> (String, Option<String>) {
    let part = |name: &str| {
        let (_, rest) = challenge.split_once(&format!("{name}=\"")).expect("a part of the challenge");
        rest.split('"').next().expect("its end").to_owned()
    };
    let realm = part("realm");
    let (host, path) = realm.trim_start_matches("http://").split_once('/').expect("a realm");
    let path = format!("/{path}?service={}&scope={}", part("service"), part("scope").replace(':', "%3A"));
    let (answer, _) = get_with(host, &path, authorization);
    let json: serde_json::Value = serde_json::from_str(body(&answer)).unwrap_or_default();
    let token = json["token"].as_str().or(json["access_token"].as_str());
    (status(&answer).to_owned(), token.map(str::to_owned))
}

#[test]
fn tokens_are_demanded_given_out_and_used_up() {
    let (Some(registry), Some(elsewhere)) = (FaultyRegistry::start(), FaultyRegistry::start()) else {
        return;
    };
    let auth = BearerAuth::user("me", "secret").expires_after(2);
    elsewhere.issues(&auth);
    registry.bearer_from(&auth, &format!("{}/token", elsewhere.url()));
    let refused = get(&registry, MANIFEST);
    let challenge = field(&refused, "WWW-Authenticate").expect("a challenge").to_owned();
    assert_eq!(status(&refused), "401");
    assert!(challenge.ends_with(r#"scope="repository:library/python:pull""#), "{challenge}");
    assert_eq!(token(&challenge, ""), ("401".to_owned(), None));
    assert_eq!(token(&challenge, "Authorization: Basic bWU6d3Jvbmc=\r\n").0, "401");
    let (_, good) = token(&challenge, "Authorization: Basic bWU6c2VjcmV0\r\n");
    let bearer = format!("Authorization: Bearer {}\r\n", good.expect("a token"));
    let with = |path| get_with(&registry.host(), path, &bearer).0;
    assert_eq!(status(&with(MANIFEST)), "200");
    let other = with("/v2/library/debian/tags/list");
    assert!(
        field(&other, "WWW-Authenticate").is_some_and(|challenge| challenge.contains("insufficient_scope"))
    );
    let late = with(MANIFEST);
    assert!(field(&late, "WWW-Authenticate").is_some_and(|challenge| challenge.contains("invalid_token")));
    assert_eq!((auth.tokens().len(), elsewhere.count("GET", "/token")), (1, 3));
    // Strangers get one here, under the other name, and it ends with the time.
    let open = BearerAuth::anonymous().access_token().expires_in(1);
    registry.bearer(&open);
    let challenge = field(&get(&registry, MANIFEST), "WWW-Authenticate").expect("a challenge").to_owned();
    let bearer = format!("Authorization: Bearer {}\r\n", token(&challenge, "").1.expect("a token"));
    let asked = || get_with(&registry.host(), MANIFEST, &bearer).0;
    assert_eq!(status(&asked()), "200");
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(status(&asked()), "401");
}

#[test]
fn a_password_is_demanded() {
    let Some(registry) = FaultyRegistry::start() else { return };
    registry.basic("me", "secret");
    assert_eq!(field(&get(&registry, MANIFEST), "WWW-Authenticate"), Some(r#"Basic realm="testbed""#));
    let (known, _) = get_with(&registry.host(), MANIFEST, "Authorization: Basic bWU6c2VjcmV0\r\n");
    assert_eq!(status(&known), "200");
}

#[test]
fn tls_is_trusted_as_far_as_its_certificate() {
    let folder = Folder::new();
    for (certificate, trusts, expected) in [
        (Certificate::Signed, true, true),
        (Certificate::Signed, false, false),
        (Certificate::ForAnotherName, true, false),
        (Certificate::SelfSigned, false, false),
    ] {
        let Some(registry) = TlsRegistry::start(&folder, certificate) else { return };
        let mut client = Command::new("openssl");
        client.args([
            "s_client",
            "-quiet",
            "-no_ign_eof",
            "-verify_return_error",
            "-verify_ip",
            "127.0.0.1",
            "-connect",
            &registry.host(),
        ]);
        if trusts {
            client.arg("-CAfile").arg(registry.authority());
        }
        client.stdin(Stdio::piped());
        let mut child = tests::spawn(&mut client);
        let mut pipe = child.stdin.take().expect("a pipe");
        let _ = write!(pipe, "GET {MANIFEST} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut said = String::new();
        let _ = child.stdout.take().expect("a pipe").read_to_string(&mut said);
        drop(pipe);
        let _ = child.wait();
        assert_eq!(said.starts_with("HTTP/1.1 200"), expected, "{certificate:?}: {said}");
        assert_eq!(registry.count("GET", MANIFEST), usize::from(expected));
    }
}

#[test]
fn some_ports_speak_no_http() {
    let port = PlainTcp::saying(b"220 mail.test ready\r\n");
    assert!(get_with(&port.host(), "/v2/", "").0.starts_with("220 mail"));
    let silent = PlainTcp::silent();
    assert_eq!(get_with(&silent.host(), "/v2/", ""), (String::new(), Some(std::io::ErrorKind::WouldBlock)));
    assert_eq!((port.connections(), silent.connections()), (1, 1));
    assert!(TcpStream::connect(PlainTcp::nothing_at()).is_err());
    // One that speaks HTTP only says so to a client that begins with TLS.
    let Some(registry) = FaultyRegistry::start() else { return };
    let mut stream = TcpStream::connect(registry.host()).expect("a connection");
    stream.write_all(b"\x16\x03\x01\x02\x00\x01").expect("a greeting");
    let mut said = [0; 12];
    stream.read_exact(&mut said).expect("an answer");
    assert_eq!((&said, registry.requests().len()), (b"HTTP/1.1 400", 0));
}
