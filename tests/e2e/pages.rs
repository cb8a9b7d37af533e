//! The pages of examples, gone through word for word: each command of a `console` block, and what the page says of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{Finished, Folder, Repository, finish, in_shell, part, program, with_cargo};

use crate::projects::copied;

/// The folder of an example in the repository.
pub(crate) fn example(name: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    examples.join(name).canonicalize().expect("the example")
}

/// The commands of a page, each with the lines that follow it.
pub(crate) fn commands(page: &Path) -> Vec<(String, String)> {
    let text = fs_err::read_to_string(page).expect("the page");
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut indent = None;
    for line in text.lines() {
        match (indent, line.trim_start()) {
            (None, "```console") => indent = Some(line.len() - line.trim_start().len()),
            (Some(_), "```") => indent = None,
            (None, _) => {}
            (Some(indent), _) => {
                let line = line.get(indent..).unwrap_or_default();
                match (line.strip_prefix("$ "), commands.last_mut()) {
                    (Some(command), _) => commands.push((command.to_owned(), String::new())),
                    (None, Some((_, output))) => output.extend([line, "\n"]),
                    (None, None) => panic!("output without a command: {line}"),
                }
            }
        }
    }
    commands
}

/// A line of shell in this folder, with cargo and our two programs as a developer has them, on the bed.
pub(crate) fn shell(line: &str, folder: &Folder, here: &Path) -> Command {
    let mut command = in_shell(line, folder.pyimage([]).current_dir(here));
    let programs = program().parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(programs.clone()).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).expect("a path"));
    // What they build is built already.
    command.env("CARGO_TARGET_DIR", programs.parent().expect("target"));
    command.env("DOCKER_HOST", part("TESTBED_DOCKER").unwrap_or_default());
    for (name, value) in std::env::vars() {
        let index = ["PIP_", "UV_"].iter().any(|prefix| name.starts_with(prefix));
        if index || name.to_ascii_lowercase().ends_with("_proxy") || name == "SSL_CERT_FILE" {
            command.env(name, value);
        }
    }
    with_cargo(&mut command);
    command
}

/// Runs a command of a page; it has to succeed and to print what the page says, if it says something.
pub(crate) fn goes(command: &str, printed: &str, mut run: Command) -> Finished {
    let run = finish(&mut run);
    assert_eq!(run.code, Some(0), "{command}: {}", run.stderr);
    let both = format!("{}{}", run.stderr, run.stdout);
    assert!(printed.is_empty() || [&run.stdout, &both].contains(&&printed.to_owned()), "{command}: {both}");
    run
}

#[test]
fn legacy_goes_as_its_page_says() {
    let (Some(registry), Some(user), Some(password)) =
        (part("TESTBED_LOGIN_REGISTRY"), part("TESTBED_LOGIN_USER"), part("TESTBED_LOGIN_PASSWORD"))
    else {
        return;
    };
    let folder = Folder::new();
    copied(&example("legacy"), &folder.project());
    // An image of the same name may be the developer's own.
    let unique = folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
    let manifest = folder.project().join("Cargo.toml");
    let text = fs_err::read_to_string(&manifest).expect("the manifest");
    let section = "[package.metadata.pyimage]\n";
    let named = text.replace(section, &format!("{section}name = \"pyimage-test/{unique}\"\n"));
    fs_err::write(manifest, named).expect("the manifest");
    let target = Repository::new(&folder).expect("the registry").at(&registry, &user, &password);
    let name = target.reference_at(&registry, "").trim_end_matches(':').to_owned();
    let login = folder.root().join("login");
    fs_err::create_dir(&login).expect("a folder");
    let encoded = tests::finish_with(&mut Command::new("base64"), format!("{user}:{password}").as_bytes());
    let config = format!("{{\"auths\": {{\"{registry}\": {{\"auth\": \"{}\"}}}}}}", encoded.stdout.trim());
    fs_err::write(login.join("config.json"), config).expect("a login");

    let commands = commands(&folder.project().join("README.md"));
    assert!(commands.len() >= 11, "{commands:?}");
    for (command, printed) in commands {
        let line = command.replace("ghcr.io/me/legacy", &name);
        let mut run = shell(&line, &folder, &folder.project());
        goes(&command, &printed, {
            run.env("DOCKER_CONFIG", &login);
            run
        });
        if command.contains("push") {
            target.adopt("latest");
        }
    }
    let _ = tests::docker(["rmi", "--force", &format!("pyimage-test/{unique}:latest")]);
    let diff = fs_err::read_to_string(folder.project().join("port.diff")).expect("the diff");
    assert!(diff.contains("+    if customer not in owed:"), "{diff}");
}

/// A file that a page has its reader write, and that this repository has not.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs_err::remove_file(&self.0);
    }
}

#[test]
fn the_report_tool_goes_as_its_page_says() {
    if tests::uv().is_none() {
        return;
    }
    let folder = Folder::new();
    let here = example("report-tool");
    let lock = Removed(here.join("reports/pylock.summary.toml"));
    assert!(!lock.0.exists(), "a lock is in the way");
    let commands = commands(&here.join("README.md"));
    assert!(commands.len() >= 7, "{commands:?}");
    for (command, printed) in commands {
        goes(&command, &printed, shell(&command, &folder, &here));
    }
    // What its users do wrong.
    let fails = |line: &str, code, told: &str| {
        let run = finish(&mut shell(line, &folder, &here));
        assert_eq!(run.code, Some(code), "{line}: {}", run.stderr);
        assert!(run.stderr.contains(told), "{line}: {}", run.stderr);
    };
    fails("cargo run -q -- sumary sample/sales.csv", 1, "no report `sumary`");
    fails("cargo run -q -- summary no.csv", 1, "cannot use `no.csv`");
    folder.file("other.csv", "a,b\n1,2\n");
    let other = folder.project().join("other.csv").display().to_string();
    fails(&format!("cargo run -q -- summary {other}"), 1, "no column date, price, product, region, units");
    fails(
        &format!("cargo run -q -- summary {other} {other}"),
        1,
        "`reports/summary.py` failed: exit code 1\nno column",
    );
    let elsewhere = "DOCKER_HOST=unix:///nowhere.sock cargo run -q -- summary sample/sales.csv";
    fails(elsewhere, 125, "no container engine answers");
    // The lock is part of the program, and it counts.
    let text = fs_err::read_to_string(&lock.0).expect("the page's lock");
    let inputs = "[tool.pyimage.inputs]\n";
    assert!(text.contains(inputs), "{text}");
    fs_err::write(&lock.0, text.replace(inputs, &format!("{inputs}other = \"0\"\n"))).expect("the lock");
    fails("cargo run -q -- summary sample/sales.csv", 125, "is stale");
    drop(lock);
    let left = finish(Command::new("git").args(["status", "--porcelain", "--", "."]).current_dir(&here));
    assert!(!left.stdout.contains("monthly.csv") && !left.stdout.contains("pylock"), "{}", left.stdout);
}

/// Whether this machine compiles Rust for arm64 as it does for itself.
fn compiles_for_arm64() -> bool {
    let target = "aarch64-unknown-linux-gnu";
    let folder =
        finish(with_cargo(Command::new("rustc").args(["--print", "target-libdir", "--target", target])));
    let linker = finish(Command::new("sh").args(["-c", "command -v aarch64-linux-gnu-gcc"])).code == Some(0);
    linker && Path::new(folder.stdout.trim()).is_dir()
}

#[test]
fn the_service_goes_as_its_page_says() {
    if part("TESTBED_DOCKER").is_none() || part("TESTBED_REGISTRY").is_none() {
        return;
    }
    // Where containers for arm64 run, the page is gone through for both platforms, else for this machine's alone.
    let both = cfg!(target_arch = "x86_64") && part("TESTBED_ARM64").is_some();
    assert!(
        !both || compiles_for_arm64(),
        "nothing compiles Rust for arm64: `rustup target add aarch64-unknown-linux-gnu`, and gcc-aarch64-linux-gnu"
    );
    let folder = Folder::new();
    copied(&example("service"), &folder.project());
    let unique = folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
    let image = format!("pyimage-test/{unique}");
    let manifest = folder.project().join("Cargo.toml");
    let text = fs_err::read_to_string(&manifest).expect("the manifest");
    let section = "[package.metadata.pyimage]\n";
    let named = text.replace(section, &format!("{section}name = \"{image}\"\n"));
    fs_err::write(manifest, named).expect("the manifest");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port().to_string();
    drop(listener);
    let own = if cfg!(target_arch = "x86_64") { "linux/amd64" } else { "linux/arm64" };

    let commands = commands(&folder.project().join("README.md"));
    assert!(commands.len() >= 7, "{commands:?}");
    for (command, printed) in commands {
        if !both && command.contains("linux/arm64") {
            continue;
        }
        let mut line = command
            .replace("--name service ", &format!("--name {unique} "))
            .replace("exec service ", &format!("exec {unique} "))
            .replace("--force service", &format!("--force {unique}"))
            .replace("service:latest", &format!("{image}:latest"))
            .replace("8000:8000", &format!("127.0.0.1:{port}:8000"))
            .replace("localhost:8000", &format!("127.0.0.1:{port}"));
        if !both && command.starts_with("cargo pyimage build") {
            line.extend([" --platform ", own]);
        }
        if command.starts_with("docker rm") {
            is_healthy(&unique);
        }
        let mut run = shell(&line, &folder, &folder.project());
        // Cargo compiles it where a user's cargo does.
        run.env("CARGO_TARGET_DIR", folder.project().join("target")).env("NO_PROXY", "*");
        goes(&command, &printed, run);
    }
    if both {
        // What the page has loaded last.
        let name = format!("{unique}-arm64");
        let options = ["run", "--detach", "--init", "--platform", "linux/arm64", "--health-interval", "1s"];
        let mut run = Command::new("docker");
        run.args(options).args([
            "--name",
            &name,
            "--health-cmd",
            "service check",
            &format!("{image}:latest"),
        ]);
        run.env("DOCKER_HOST", part("TESTBED_DOCKER").unwrap_or_default());
        let run = finish(&mut run);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        is_healthy(&name);
        let machine = tests::docker(["exec", &name, "uname", "-m"]).stdout;
        let _ = tests::docker(["rm", "--force", &name]);
        assert_eq!(machine, "aarch64\n");
    }
    let _ = tests::docker(["rmi", "--force", &format!("{image}:latest")]);
}

/// The engine's own view, then that of a service whose worker was killed: it starts another.
fn is_healthy(container: &str) {
    let state = || tests::docker(["inspect", "--format", "{{.State.Health.Status}}", container]).stdout;
    assert!(tests::eventually(std::time::Duration::from_secs(60), || state() == "healthy\n"), "{}", state());
    let kill = "import os\nfor pid in filter(str.isdigit, os.listdir('/proc')):\n    \
                words = open(f'/proc/{pid}/cmdline').read().split('\\0')\n    \
                if 'worker/main.py' in words: os.kill(int(pid), 9)";
    let killed = tests::docker(["exec", container, "python3", "-c", kill]);
    assert_eq!(killed.code, Some(0), "{}", killed.stderr);
    let checked = tests::docker(["exec", container, "service", "check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}
