//! What CI does, and what anybody can do before a push: `cargo xtask ci`.

use std::env;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HELP: &str = "\
Usage: cargo xtask ci [--push REPOSITORY]

Checks the locks, builds the image, runs the tests in it, and pushes it where --push or
IMAGE_REPOSITORY names a repository. Prints the image by its digest.
With REGISTRY_USER and REGISTRY_PASSWORD, `docker login` comes before the push.";

/// Where `cargo pyimage` is from, if it is not installed. In a project of your own: `["cargo-pyimage"]`.
const SOURCE: [&str; 2] = ["--path", "../../cargo-pyimage"];

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match &words[..] {
        ["ci"] => ci(env::var("IMAGE_REPOSITORY").ok().filter(|name| !name.is_empty())),
        ["ci", "--push", repository] => ci(Some((*repository).to_owned())),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ci(repository: Option<String>) -> Result<()> {
    if pyimage(&["--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| !status.success()) {
        say("Installing", "cargo pyimage");
        run(cargo().args(["install", "--locked"]).args(SOURCE))?;
    }
    say("Checking", "the locks");
    run(&mut pyimage(&["lock", "--check"]))?;
    say("Building", "the image");
    let mut image = read(&mut pyimage(&["build", "--locked"]))?;
    say("Testing", "in the image");
    // The tests are not in the image: they are mounted beside what they test.
    let tests = format!("{}:/tests:ro", root().join("tests").display());
    run(pyimage(&["run", "--locked", "--volume", &tests, "--entrypoint", "python3", "--"]).args([
        "-m", "unittest", "discover", "--start-directory", "/tests",
    ]))?;
    if let Some(repository) = repository {
        // Names of owners may have capitals, names of images not.
        let repository = repository.to_lowercase();
        login(&repository)?;
        say("Pushing", &repository);
        image = read(&mut pyimage(&["push", "--locked", "--to", &repository]))?;
    }
    println!("{image}");
    match env::var_os("GITHUB_OUTPUT") {
        Some(file) => Ok(writeln!(OpenOptions::new().append(true).create(true).open(file)?, "image={image}")?),
        None => Ok(()),
    }
}

/// Logs in as docker does it, if there is something to log in with.
fn login(repository: &str) -> Result<()> {
    let (Ok(user), Ok(password)) = (env::var("REGISTRY_USER"), env::var("REGISTRY_PASSWORD")) else {
        return Ok(());
    };
    let registry = repository.split('/').next().unwrap_or_default();
    let mut docker = Command::new("docker");
    docker.args(["login", "--username", &user, "--password-stdin", registry]);
    let mut child = docker.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().ok_or("no pipe to docker")?.write_all(password.as_bytes())?;
    match child.wait()?.success() {
        true => Ok(()),
        false => Err(format!("could not log in to {registry}").into()),
    }
}

fn pyimage(arguments: &[&str]) -> Command {
    let mut command = cargo();
    command.arg("pyimage").args(arguments);
    command
}

fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Runs a command; what it prints is for people, and stdout is for the image alone.
fn run(command: &mut Command) -> Result<()> {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
    std::io::stderr().write_all(&output.stdout)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", output.status).into()),
    }
}

/// Runs a command, and gives what it prints.
fn read(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?.trim().to_owned()),
        false => Err(format!("{command:?}: {}", output.status).into()),
    }
}

fn say(verb: &str, what: &str) {
    eprintln!("{verb:>12} {what}");
}
