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

#[test]
fn the_report_tool_goes_as_its_page_says() {
    if tests::uv().is_none() {
        return;
    }
    let folder = Folder::new();
    let here = example("report-tool");
    let commands = commands(&here.join("README.md"));
    assert!(commands.len() >= 5, "{commands:?}");
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
        "`summary.py` failed: exit code 1\nno column",
    );
    let elsewhere = "DOCKER_HOST=unix:///nowhere.sock cargo run -q -- summary sample/sales.csv";
    fails(elsewhere, 125, "no container engine answers");
    let left = finish(Command::new("git").args(["status", "--porcelain", "--", "."]).current_dir(&here));
    assert!(!left.stdout.contains("monthly.csv"), "{}", left.stdout);
}
