//! Finding the engine: what chooses it, what passes it over, and what is said where there is none.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use tests::{Folder, Relay, Setting, TAG, finish, part, skip};

/// A run that tells which engine it found.
fn run<const N: usize>(folder: &Folder, options: [&str; N]) -> Command {
    let mut command = folder.pyrun(options);
    command.args(["-v", "--tag", TAG, "-c", "print('ran')"]).env_remove("DOCKER_HOST");
    command.env("DOCKER_CONFIG", folder.home().join(".docker"));
    command
}

/// Another name for a socket, by which one sees what chose it.
fn alias(folder: &Folder, name: &str, address: &str) -> String {
    let path = folder.root().join(name);
    std::os::unix::fs::symlink(address.trim_start_matches("unix://"), &path).expect("a link");
    format!("unix://{}", path.display())
}

/// A socket file that anybody may connect to, and nobody listens on.
fn dead_socket(path: &Path) {
    drop(UnixListener::bind(path).expect("a socket"));
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o666)).expect("a socket open to all");
}

fn context(folder: &Folder, name: &str, endpoint: &str) {
    let mut docker = Command::new("docker");
    docker
        .args(["context", "create", name, "--docker", endpoint])
        .env("DOCKER_CONFIG", folder.home().join(".docker"));
    let made = finish(docker.env_remove("DOCKER_HOST").env_remove("DOCKER_CONTEXT"));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
}

#[track_caller]
fn found(command: &mut Command, address: &str) {
    let run = finish(command);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "ran\n"), "{}", run.stderr);
    assert!(run.stderr.contains(&format!(" at {address}\n")), "not {address}: {}", run.stderr);
}

#[track_caller]
fn refused(command: &mut Command, words: &[&str]) {
    let run = finish(command);
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{}", run.stderr);
    for words in words {
        assert!(run.stderr.contains(words), "no `{words}` in: {}", run.stderr);
    }
}

#[test]
fn flag_then_variable_then_docker_host() {
    let Some(docker) = part("TESTBED_DOCKER") else { return };
    let folder = Folder::new();
    let (one, two, three) =
        (alias(&folder, "one", &docker), alias(&folder, "two", &docker), alias(&folder, "three", &docker));
    let env = [("DOCKER_HOST", three.as_str()), ("PYRUN_ENGINE", two.as_str())];
    found(run(&folder, ["--engine", &one]).envs(env), &one);
    found(run(&folder, []).envs(env), &two);
    found(run(&folder, []).env("DOCKER_HOST", &three), &three);
    found(run(&folder, ["--engine", "docker"]).env("DOCKER_HOST", &three), &three);
    // A path is an address too.
    found(&mut run(&folder, ["--engine", one.trim_start_matches("unix://")]), &one);
}

#[test]
fn docker_host_beats_docker_context_beats_the_current_one() {
    let Some(docker) = part("TESTBED_DOCKER") else { return };
    let folder = Folder::new();
    let (one, two, three) =
        (alias(&folder, "one", &docker), alias(&folder, "two", &docker), alias(&folder, "three", &docker));
    context(&folder, "second", &format!("host={two}"));
    context(&folder, "third", &format!("host={three}"));
    fs_err::write(folder.home().join(".docker/config.json"), r#"{"currentContext": "third"}"#)
        .expect("settings");
    found(run(&folder, []).envs([("DOCKER_HOST", one.as_str()), ("DOCKER_CONTEXT", "second")]), &one);
    found(run(&folder, []).env("DOCKER_CONTEXT", "second"), &two);
    found(&mut run(&folder, []), &three);
    found(run(&folder, ["--engine", "third"]).env("DOCKER_CONTEXT", "second"), &three);
    // The default context is the local engine, whatever else is current.
    let run_default = finish(run(&folder, []).env("DOCKER_CONTEXT", "default"));
    assert!(run_default.stderr.contains("/docker.sock"), "{}", run_default.stderr);
    refused(
        run(&folder, []).env("DOCKER_CONTEXT", "none"),
        &["docker context `none` does not exist", "docker context ls"],
    );
}

#[test]
fn podman_by_name_is_podman() {
    let Some(podman) = part("TESTBED_PODMAN") else { return };
    let folder = Folder::new();
    let sockets = folder.root().join("runtime/podman");
    fs_err::create_dir_all(&sockets).expect("a folder");
    let address = alias(&folder, "runtime/podman/podman.sock", &podman);
    let mut named = run(&folder, ["--engine", "podman"]);
    // It is a choice of its own, which docker's variables do not touch.
    found(
        named.env("XDG_RUNTIME_DIR", folder.root().join("runtime")).env("DOCKER_HOST", "unix:///nowhere"),
        &address,
    );
}

#[test]
fn tls_by_context_and_by_variables() {
    let (Some(host), Some(certificates)) = (part("TESTBED_TLS_HOST"), part("TESTBED_TLS_CERTS")) else {
        return;
    };
    let folder = Folder::new();
    let file = |name: &str| format!("{certificates}/{name}.pem");
    let endpoint = format!("host={host},ca={},cert={},key={}", file("ca"), file("cert"), file("key"));
    context(&folder, "by-docker", &endpoint);
    found(&mut run(&folder, ["--engine", "by-docker"]), &host);

    // The same by hand: a context is the hash of its name, a file, and a folder of certificates.
    let id = finish(Command::new("sh").args(["-c", "printf by-hand | sha256sum | cut -d' ' -f1"])).stdout;
    let contexts = folder.home().join(".docker/contexts");
    let (meta, tls) =
        (contexts.join("meta").join(id.trim()), contexts.join("tls").join(id.trim()).join("docker"));
    fs_err::create_dir_all(&meta).and_then(|()| fs_err::create_dir_all(&tls)).expect("folders");
    let text =
        format!(r#"{{"Name":"by-hand","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
    fs_err::write(meta.join("meta.json"), text).expect("a context");
    for name in ["ca", "cert", "key"] {
        fs_err::copy(file(name), tls.join(format!("{name}.pem"))).expect("a certificate");
    }
    found(run(&folder, []).env("DOCKER_CONTEXT", "by-hand"), &host);

    let variables =
        [("DOCKER_HOST", &*host), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", &*certificates)];
    found(run(&folder, []).envs(variables), &host);
    // Without a certificate, and with an authority that is another's, it is refused.
    refused(run(&folder, []).env("DOCKER_HOST", &host), &[&host]);
    fs_err::copy(file("cert"), tls.join("ca.pem")).expect("a certificate");
    refused(run(&folder, []).env("DOCKER_CONTEXT", "by-hand"), &[&host, "certificate"]);
}

/// The program as someone whom no engine of this machine knows.
fn as_nobody(setting: &Setting, before: &str) -> Command {
    let program = setting.pyrun([]);
    let binary = program.get_args().last().expect("the program").to_owned();
    let nobody = "exec setpriv --reuid 65534 --regid 65534 --clear-groups -- \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &format!("{before} {nobody}"), "sh"]).arg(binary);
    command
        .args(["-v", "--tag", TAG, "-c", "print('ran')"])
        .current_dir(setting.folder.project())
        .env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", setting.folder.home());
    command.env("XDG_RUNTIME_DIR", setting.folder.root().join("runtime"));
    command
}

#[test]
fn without_any_engine_all_that_was_tried_is_told() {
    let Some(setting) = Setting::docker() else { return };
    let dead = setting.folder.root().join("runtime/docker.sock");
    fs_err::create_dir_all(dead.parent().expect("a folder")).expect("a folder");
    dead_socket(&dead);
    let dead = format!("tried `unix://{}`: connection refused", dead.display());
    let home = setting.folder.home().join(".docker/desktop/docker.sock");
    let absent = format!("tried `unix://{}`: no such socket", home.display());
    refused(
        &mut as_nobody(&setting, "mount -t tmpfs none /run &&"),
        &[
            "no container engine answers",
            "tried `unix:///var/run/docker.sock`: no such",
            "/run/podman/podman.sock",
            &dead,
            &absent,
            "help: start one with",
        ],
    );
    // This one is there, for others.
    if part("TESTBED_DOCKER").as_deref() == Some("unix:///var/run/docker.sock") {
        let denied = "tried `unix:///var/run/docker.sock`: permission denied";
        refused(&mut as_nobody(&setting, ""), &[denied, &dead, "usermod -aG docker"]);
    } else {
        skip("docker at /var/run/docker.sock");
    }
}

#[test]
fn a_socket_that_nobody_listens_on_is_passed_over() {
    let (Some(setting), Some(docker)) = (Setting::docker(), part("TESTBED_DOCKER")) else { return };
    let runtime = setting.folder.root().join("runtime");
    fs_err::create_dir_all(runtime.join("podman")).expect("a folder");
    dead_socket(&runtime.join("docker.sock"));
    let relay = Relay::to_socket(&runtime, &docker);
    std::os::unix::fs::symlink("../relay.sock", runtime.join("podman/podman.sock")).expect("a link");
    found(
        &mut as_nobody(&setting, "mount -t tmpfs none /run &&"),
        &format!("unix://{}/podman/podman.sock", runtime.display()),
    );
    assert!(!relay.take_requests().is_empty());
}

#[test]
fn a_choice_that_leads_nowhere_is_told_with_its_source() {
    let folder = Folder::new();
    let dead = folder.root().join("dead.sock");
    dead_socket(&dead);
    let dead = format!("unix://{}", dead.display());
    let cases: [(&str, &[&str]); 7] = [
        (&dead, &["connection refused", "start that engine"]),
        ("unix:///no/such.sock", &["no such socket", "start that engine"]),
        ("tcp://127.0.0.1:1", &["connection refused"]),
        ("nonsense", &["is not an engine address", "unix://PATH"]),
        ("tcp://127.0.0.1", &["has no port", "2375"]),
        ("tcp://127.0.0.1:port", &["has no port"]),
        ("ssh://me@example.org", &["engines behind ssh are not supported"]),
    ];
    for (host, words) in cases {
        refused(run(&folder, []).env("DOCKER_HOST", host), &[&format!("DOCKER_HOST={host}")]);
        refused(run(&folder, []).env("DOCKER_HOST", host), words);
    }
    refused(
        &mut run(&folder, ["--engine", "nowhere"]),
        &["`--engine nowhere`", "docker context `nowhere` does not exist"],
    );
}

#[test]
fn what_is_no_engine_is_told_as_such() {
    let folder = Folder::new();
    let path = folder.root().join("other.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    // The dial, and a request or two. Whoever listens there hangs up.
    let other = thread::spawn(move || listener.incoming().flatten().take(2).for_each(drop));
    let address = format!("unix://{}", path.display());
    refused(
        run(&folder, []).env("DOCKER_HOST", &address),
        &[&format!("`{address}` does not answer as a Docker Engine")],
    );
    other.join().expect("the listener");
}

/// The requests with every run's own name for its container replaced.
fn requests(relay: &Relay) -> Vec<String> {
    let name = |part: &str| if part.starts_with("pyrun-") { "NAME".to_owned() } else { part.to_owned() };
    let requests = relay.take_requests();
    requests.iter().map(|request| request.split('/').map(name).collect::<Vec<_>>().join("/")).collect()
}

#[test]
fn a_warm_run_takes_five_requests_in_the_right_order() {
    let Some(docker) = part("TESTBED_DOCKER") else { return };
    let folder = Folder::new();
    let relay = Relay::ordered(folder.root(), &docker, Some(("/start", vec!["/attach", "/wait"])));
    let mut command = run(&folder, []);
    command.env("DOCKER_HOST", relay.address());
    found(&mut command, &relay.address());
    let first = requests(&relay);
    assert!(first.contains(&"GET /info".to_owned()) && first.len() > 5, "{first:?}");

    found(&mut command, &relay.address());
    let second = requests(&relay);
    let at = |request: &str| {
        second.iter().position(|seen| seen == request).unwrap_or_else(|| panic!("{second:?}"))
    };
    let create = at("POST /containers/create").max(at("GET /images/python:3.13-slim/json"));
    let (attach, wait) = (at("POST /containers/NAME/attach"), at("POST /containers/NAME/wait"));
    let start = at("POST /containers/NAME/start");
    assert!(create < attach.min(wait) && attach.max(wait) < start, "{second:?}");
    assert_eq!(second.len(), 5, "{second:?}");
}

#[test]
fn an_image_is_asked_for_only_by_creating() {
    let Some(docker) = part("TESTBED_DOCKER") else { return };
    let folder = Folder::new();
    let relay = Relay::to_socket(folder.root(), &docker);
    let mut command = folder.pyrun(["--image", "pyrun-test/absent:1", "--pull", "never", "-c", "pass"]);
    for expected in [5, 3] {
        refused(command.env("DOCKER_HOST", relay.address()), &["`pyrun-test/absent:1`", "--pull never"]);
        let requests = requests(&relay);
        assert!(requests.contains(&"POST /containers/create".to_owned()), "{requests:?}");
        // Beside it what the engine is, once; what the image is, at the same time; and that nothing is left.
        assert_eq!(requests.len(), expected, "{requests:?}");
    }
}
