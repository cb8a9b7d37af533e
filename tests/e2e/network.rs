//! Proxies, certificate authorities, networks, published ports, and names.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tests::{Folder, Running, Setting, TAG, eventually, finish, on_engines, part, skip};

on_engines!(
    docker, containerd, podman, rootless_docker, rootless_podman:
    [
        a_published_port_is_reached_and_free_again_at_the_end,
        a_port_that_is_taken_is_told,
        a_name_is_told_when_taken_and_free_again_at_the_end,
        the_networks_none_and_host_are_just_that
    ]
);

/// Prints every variable that is about proxies.
const SHOW: &str = "import os\n\
                    for name in sorted(os.environ):\n\
                    \x20   if name.upper().endswith('_PROXY'): print(f'{name}={os.environ[name]}')";

/// A proxy that anybody may use: it answers by itself, and remembers what it was asked for.
struct Proxy {
    port: u16,
    asked: std::sync::mpsc::Receiver<String>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (sender, asked) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut line = String::new();
                let _ = BufReader::new(&client).read_line(&mut line);
                if sender.send(line).is_err() {
                    break;
                }
                let mut client = client;
                let _ = client.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\nproxied");
            }
        });
        Self { port, asked }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let (_, gone) = std::sync::mpsc::channel();
        self.asked = gone;
        // The listening thread wakes up, and finds nobody to tell.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

#[test]
fn a_proxy_in_either_case_is_there_in_both() {
    let folder = Folder::new();
    let mut command = folder.pyrun(["--tag", TAG, "-c", SHOW]);
    command.env("https_proxy", "http://me:pw@proxy.example:1").env("HTTP_PROXY", "http://proxy.example:2");
    command.env("NO_PROXY", "localhost,.example.org");
    let run = finish(&mut command);
    let expected = "HTTPS_PROXY=http://me:pw@proxy.example:1\nHTTP_PROXY=http://proxy.example:2\n\
                    NO_PROXY=localhost,.example.org\nhttp_proxy=http://proxy.example:2\n\
                    https_proxy=http://me:pw@proxy.example:1\nno_proxy=localhost,.example.org\n";
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected), "{}", run.stderr);
}

#[test]
fn a_proxy_of_the_command_line_replaces_both_cases() {
    let folder = Folder::new();
    let options = ["--tag", TAG, "-e", "HTTP_PROXY=http://mine.example:3", "-e", "no_proxy=", "-c", SHOW];
    let mut command = folder.pyrun(options);
    let run = finish(command.env("http_proxy", "http://proxy.example:2").env("NO_PROXY", "localhost"));
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "HTTP_PROXY=http://mine.example:3\nno_proxy=\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn dockers_own_proxies_are_followed_where_the_environment_has_none() {
    let folder = Folder::new();
    let docker = folder.home().join(".docker");
    fs_err::create_dir_all(&docker).expect("a folder");
    let settings =
        r#"{"proxies": {"default": {"httpProxy": "http://of-docker.example:4", "noProxy": "one.example"}}}"#;
    fs_err::write(docker.join("config.json"), settings).expect("settings");
    let run = finish(folder.pyrun(["--tag", TAG, "-c", SHOW]).env("NO_PROXY", "two.example"));
    let expected = "HTTP_PROXY=http://of-docker.example:4\nNO_PROXY=two.example\n\
                    http_proxy=http://of-docker.example:4\nno_proxy=two.example\n";
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected), "{}", run.stderr);
}

#[test]
fn a_proxy_on_localhost_is_reached_from_inside() {
    let code = "import urllib.request; print(urllib.request.urlopen('http://no-such.example/page', timeout=20).read())";
    // Without root an engine's network is a world of its own, which the host's loopback is no part of.
    for setting in [Setting::docker_of_root(), Setting::podman()].into_iter().flatten() {
        for options in [&["--tag", TAG][..], &["--tag", TAG, "--network", "host"]] {
            let proxy = Proxy::start();
            for host in ["localhost", "127.0.0.1"] {
                let mut command = setting.pyrun([]);
                command
                    .args(options)
                    .args(["-c", code])
                    .env("http_proxy", format!("http://{host}:{}", proxy.port));
                let run = finish(&mut command);
                assert_eq!(
                    (run.code, run.stdout.as_str()),
                    (Some(0), "b'proxied'\n"),
                    "{options:?}: {}",
                    run.stderr
                );
                let asked = proxy.asked.recv_timeout(Duration::from_secs(5)).expect("a request");
                assert!(asked.starts_with("GET http://no-such.example/page "), "{asked}");
            }
        }
    }
}

#[test]
fn a_proxy_on_localhost_keeps_no_network_from_being_joined() {
    for setting in [Setting::docker_of_root(), Setting::podman()].into_iter().flatten() {
        let name = setting.folder.root().file_name().expect("a name").to_string_lossy().into_owned();
        let image = format!("python:{TAG}");
        let other = setting.cli(["run", "-d", "--rm", "--name", &name, &image, "sleep", "300"]);
        assert_eq!(other.code, Some(0), "{}", other.stderr);
        let _gone_at_the_end = Other(&setting, &name);
        for network in ["none", &format!("container:{name}")] {
            let mut command = setting.pyrun(["--tag", TAG, "--network", network, "-c", "print('ran')"]);
            let run = finish(command.env("http_proxy", "http://localhost:3128"));
            assert_eq!((run.code, run.stdout.as_str()), (Some(0), "ran\n"), "{network}: {}", run.stderr);
        }
    }
}

/// A container beside ours, which goes with this value.
struct Other<'a>(&'a Setting, &'a str);

impl Drop for Other<'_> {
    fn drop(&mut self) {
        // podman keeps it as long as another container, on its way out, has its network.
        let _ = eventually(Duration::from_secs(20), || self.0.cli(["rm", "-f", self.1]).code == Some(0));
    }
}

/// A TLS server of a certificate authority that only this test knows.
struct TlsServer {
    server: Child,
    port: u16,
}

impl TlsServer {
    fn start(folder: &Folder, address: &str) -> Self {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        let openssl = |line: &str| {
            let made =
                finish(Command::new("openssl").args(line.split_whitespace()).current_dir(folder.root()));
            assert_eq!(made.code, Some(0), "{line}: {}", made.stderr);
        };
        fs_err::write(
            folder.root().join("names"),
            format!("subjectAltName=IP:{address}\nauthorityKeyIdentifier=keyid\n"),
        )
        .expect("a file");
        // Python is strict about what an authority has to say of itself.
        let authority = "-addext keyUsage=critical,keyCertSign -subj /CN=pyrun-test";
        openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 {authority}"));
        openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=server"));
        openssl(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
        );
        let mut server = Command::new("openssl")
            .args(["s_server", "-accept", "0", "-www", "-cert", "server.pem", "-key", "server.key"])
            .current_dir(folder.root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl");
        let mut told = BufReader::new(server.stdout.take().expect("a pipe")).lines();
        let port = told
            .find_map(|line| line.ok()?.strip_prefix("ACCEPT ")?.rsplit(':').next()?.parse().ok())
            .expect("a port");
        // It tells of every connection: somebody has to read that.
        thread::spawn(move || told.for_each(drop));
        Self { server, port }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn the_hosts_certificate_authorities_are_trusted_inside() {
    let Some(setting) = Setting::docker() else { return };
    if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
        return skip("openssl");
    }
    // Until Docker is started for the second time, it does not tell the bridge's own address: the first one of its network.
    let told = setting.cli([
        "network",
        "inspect",
        "bridge",
        "-f",
        "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}{{end}}",
    ]);
    let (gateway, network) = told.stdout.trim_end().split_once(' ').expect("a network");
    let first = format!("{}.1", network.rsplit_once('.').expect("a network of IPv4").0);
    let gateway = if gateway.is_empty() { &first } else { gateway };
    let server = TlsServer::start(&setting.folder, gateway);
    // What an administrator does: the company's authority beside those of the system.
    let system = fs_err::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
    let own = fs_err::read_to_string(setting.folder.root().join("ca.pem")).expect("the authority");
    let bundle = setting.folder.root().join("bundle.crt");
    fs_err::write(&bundle, system + &own).expect("a bundle");
    let code = format!(
        "import os, urllib.request\n\
         names = ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'PIP_CERT', 'CURL_CA_BUNDLE']\n\
         print(*sorted(set(os.environ.get(name, '') for name in names)))\n\
         print(urllib.request.urlopen('https://{gateway}:{}/', timeout=20).status)",
        server.port
    );
    let run = finish(setting.pyrun(["--tag", TAG, "-c", &code]).env("SSL_CERT_FILE", &bundle));
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "/etc/pyrun/ca-certificates.crt\n200\n"),
        "{}",
        run.stderr
    );
    // Any of the names leads to it; and without one the server is a stranger.
    let run = finish(setting.pyrun(["--tag", TAG, "-c", &code]).env("REQUESTS_CA_BUNDLE", &bundle));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let run = finish(&mut setting.pyrun(["--tag", TAG, "-c", &code]));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("CERTIFICATE_VERIFY_FAILED"), "{}", run.stderr);
}

fn the_networks_none_and_host_are_just_that(setting: &Setting) {
    let code = "import socket; print(*sorted(name for _, name in socket.if_nameindex()))";
    let own = finish(&mut setting.pyrun(["--tag", TAG, "-c", code]));
    let none = finish(&mut setting.pyrun(["--tag", TAG, "--network", "none", "-c", code]));
    let host = finish(&mut setting.pyrun(["--tag", TAG, "--net", "host", "-c", code]));
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "lo\n"), "{}", none.stderr);
    assert_eq!((own.code, host.code), (Some(0), Some(0)), "{} {}", own.stderr, host.stderr);
    assert_ne!(own.stdout, "lo\n");
    // Rootless docker's host is its own, smaller one.
    if setting.address() != part("TESTBED_ROOTLESS_DOCKER").unwrap_or_default() {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port");
        let number = port.local_addr().expect("its number").port();
        let code = format!("import socket; socket.create_connection(('127.0.0.1', {number})); print('met')");
        let met = finish(&mut setting.pyrun(["--tag", TAG, "--network", "host", "-c", &code]));
        assert_eq!((met.code, met.stdout.as_str()), (Some(0), "met\n"), "{}", met.stderr);
    }
}

/// A port that was free just now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

fn a_published_port_is_reached_and_free_again_at_the_end(setting: &Setting) {
    let code = "import socket\n\
                server = socket.create_server(('0.0.0.0', 8000))\n\
                print('ready', flush=True)\n\
                client, _ = server.accept()\n\
                client.recv(4)\n\
                client.sendall(b'served')\n\
                client.close()";
    let port = free_port();
    let publish = format!("127.0.0.1:{port}:8000");
    let mut command = setting.pyrun(["--tag", TAG, "-p", &publish, "-c", code]);
    let mut run = Running::start(command.stdin(Stdio::null()));
    run.wait_for("ready");
    let mut answer = String::new();
    let served = eventually(Duration::from_secs(10), || {
        let Ok(mut client) = TcpStream::connect(("127.0.0.1", port)) else { return false };
        let _ = client.set_read_timeout(Some(Duration::from_secs(10)));
        client.write_all(b"ping").is_ok() && client.read_to_string(&mut answer).is_ok() && !answer.is_empty()
    });
    assert!(served, "{}", run.stderr());
    assert_eq!(answer, "served");
    assert_eq!(run.code(), 0, "{}", run.stderr());
    TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
}

fn a_port_that_is_taken_is_told(setting: &Setting) {
    let other = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = other.local_addr().expect("its number").port();
    let publish = format!("{port}:8000");
    let run = finish(&mut setting.pyrun(["--tag", TAG, "-p", &publish, "-c", "print('ran')"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("error: a port of `{publish}` is taken")), "{}", run.stderr);
    assert!(run.stderr.contains("help: publish another port"), "{}", run.stderr);
    assert!(setting.nothing_is_left());
}

fn a_name_is_told_when_taken_and_free_again_at_the_end(setting: &Setting) {
    let name = setting.folder.root().file_name().expect("a name").to_string_lossy().into_owned();
    for _ in 0..2 {
        let run = finish(&mut setting.pyrun(["--tag", TAG, "--name", &name, "-c", "print('ran')"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "ran\n"), "{}", run.stderr);
    }
    let code = "import time; print('ready', flush=True); time.sleep(120)";
    let mut first =
        Running::start(setting.pyrun(["--tag", TAG, "--name", &name, "-c", code]).stdin(Stdio::null()));
    first.wait_for("ready");
    let second = finish(&mut setting.pyrun(["--tag", TAG, "--name", &name, "-c", "print('ran')"]));
    assert_eq!((second.code, second.stdout.as_str()), (Some(125), ""), "{}", second.stderr);
    assert!(
        second.stderr.contains(&format!("error: a container named `{name}` exists already")),
        "{}",
        second.stderr
    );
    // The one that has the name is another's, and stays.
    assert_eq!(setting.containers().len(), 1);
    first.signal(rustix::process::Signal::TERM);
    assert_eq!(first.code(), 143);
    assert!(setting.containers().is_empty(), "a name is free when the run ends");
}
