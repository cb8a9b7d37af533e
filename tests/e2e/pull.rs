//! Pulling: when, what is shown, from whom, and what is left of one that fails.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tests::{
    Finished, Folder, RegistryImage, Relay, Running, Setting, SlowRegistry, TAG, Terminal, docker,
    eventually, finish, part,
};

const CODE: [&str; 2] = ["-c", "print('ran')"];

fn run<const N: usize>(folder: &Folder, options: [&str; N]) -> Finished {
    finish(folder.pyrun(options).args(CODE))
}

fn pulling(image: &str) -> String {
    format!("     Pulling {image}\n")
}

#[test]
fn an_image_is_pulled_when_it_is_missing_and_told_in_one_line() {
    let folder = Folder::new();
    let Some(image) = RegistryImage::push(&folder, 0) else { return };
    let name = image.name();
    let first = run(&folder, ["--image", name]);
    assert_eq!((first.code, first.stdout.as_str()), (Some(0), "ran\n"), "{}", first.stderr);
    assert_eq!(first.stderr, pulling(name));
    let second = run(&folder, ["--image", name]);
    assert_eq!((second.code, second.stdout.as_str(), second.stderr.as_str()), (Some(0), "ran\n", ""));
    let always = run(&folder, ["--image", name, "--pull", "always"]);
    assert_eq!((always.code, always.stdout.as_str()), (Some(0), "ran\n"), "{}", always.stderr);
    assert_eq!(always.stderr, pulling(name));
    let quiet = run(&folder, ["--image", name, "--pull", "always", "-q"]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (Some(0), "ran\n", ""));
}

#[test]
fn never_pulls_never() {
    let folder = Folder::new();
    let Some(image) = RegistryImage::push(&folder, 0) else { return };
    let absent = run(&folder, ["--image", image.name(), "--pull", "never"]);
    assert_eq!((absent.code, absent.stdout.as_str()), (Some(125), ""), "{}", absent.stderr);
    assert!(
        absent.stderr.contains(&format!("help: pull it once with `docker pull {}`", image.name())),
        "{}",
        absent.stderr
    );
    assert!(!image.is_pulled(image.name()));
    let there = run(&folder, ["--tag", TAG, "--pull", "never"]);
    assert_eq!((there.code, there.stdout.as_str()), (Some(0), "ran\n"), "{}", there.stderr);
}

#[test]
fn a_tag_that_is_not_there_is_told() {
    let Some(registry) = part("TESTBED_REGISTRY") else { return };
    let folder = Folder::new();
    let absent = format!("{registry}/library/python:9.9-none");
    let refused = run(&folder, ["--image", &absent]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(125), ""), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("error: there is no image `{absent}`")), "{}", refused.stderr);
    // No tag of the official image at all: nobody needs to be asked.
    let refused = run(&folder, ["--tag", "3.13-slmi"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(125), ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("did you mean `--tag 3.13-slim`?"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("Pulling"), "{}", refused.stderr);
}

#[test]
fn a_tag_that_is_not_there_yet_names_the_nearest() {
    // podman tells what its mirror said; docker, where it cannot reach Docker Hub, tells only that.
    let Some(setting) = Setting::podman() else { return };
    let refused = finish(setting.pyrun(["--tag", "3.13.99-slim"]).args(CODE));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(125), ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("error: there is no image `python:3.13.99-slim`"), "{}", refused.stderr);
    assert!(refused.stderr.contains("help: did you mean `--tag 3.13-slim`"), "{}", refused.stderr);
    assert!(setting.nothing_is_left());
}

#[test]
fn what_the_registry_has_instead_is_asked_of_it() {
    let Some(registry) = part("TESTBED_REGISTRY") else { return };
    let folder = Folder::new();
    // Docker's own answer is only that Docker Hub is out of reach, where it is.
    let mut command = folder.pyrun(["--tag", "3.13.99-slim"]);
    let refused = finish(command.args(CODE).env("PYIMAGE_MIRRORS", format!("http://{registry}")));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(125), ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("error: there is no image `python:3.13.99-slim`"), "{}", refused.stderr);
    assert!(refused.stderr.contains("help: did you mean `--tag 3.13"), "{}", refused.stderr);

    // What chose the tag would not choose those that are there.
    folder.file(".python-version", "3.13.99\n");
    let mut command = folder.pyrun([]);
    let refused = finish(command.args(CODE).env("PYIMAGE_MIRRORS", format!("http://{registry}")));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(125), ""), "{}", refused.stderr);
    let help = "help: `3.13.99` in .python-version asks for it: change that, or choose with `--tag`\n";
    assert!(refused.stderr.ends_with(help), "{}", refused.stderr);
    assert!(!refused.stderr.contains("did you mean"), "{}", refused.stderr);

    let repository = format!("{registry}/library/python");
    let absent = run(&folder, ["--image", &format!("{repository}:3.13-slmi")]);
    assert_eq!((absent.code, absent.stdout.as_str()), (Some(125), ""), "{}", absent.stderr);
    let help = format!("help: did you mean `--image {repository}:3.13-slim`?");
    assert!(absent.stderr.contains(&help), "{}", absent.stderr);

    let platform = run(&folder, ["--image", &format!("{repository}:3.13-slim"), "--platform", "linux/s390x"]);
    assert_eq!((platform.code, platform.stdout.as_str()), (Some(125), ""), "{}", platform.stderr);
    let there = "is not there for linux/s390x: it is there for linux/amd64";
    assert!(platform.stderr.contains(there), "{}", platform.stderr);
    for pull in ["missing", "never"] {
        let mut command = folder.pyrun(["--tag", TAG, "--platform", "linux/s390x", "--pull", pull]);
        let platform = finish(command.args(CODE).env("PYIMAGE_MIRRORS", format!("http://{registry}")));
        assert_eq!((platform.code, platform.stdout.as_str()), (Some(125), ""), "{}", platform.stderr);
        assert!(platform.stderr.contains(there), "{}", platform.stderr);
    }
}

#[test]
fn a_pull_shows_its_layers_on_a_terminal() {
    let folder = Folder::new();
    let Some(mut image) = RegistryImage::push(&folder, 1_000_000) else { return };
    let registry = SlowRegistry::to(&part("TESTBED_REGISTRY").expect("a registry"), 300_000);
    let name = image.name_at(&registry.host());
    let mut command = folder.pyrun(["--image", &name]);
    let mut terminal = Terminal::open(24, 100, command.args(CODE).env("TERM", "xterm"));
    terminal.wait_for("Pulling");
    terminal.wait_for("[=");
    terminal.wait_for("Downloading");
    assert_eq!(terminal.end().0, 0, "{}", terminal.shown());
    let shown = terminal.shown();
    assert!(shown.ends_with("ran\r\n"), "{shown:?}");
    // The bars are gone before the script writes.
    let (bars, script) = shown.rsplit_once("ran").expect("the script's line");
    // A megabyte of ours, and layers that are there already.
    assert!(bars.contains("KiB/977") && bars.contains("Already exists"), "{bars:?}");
    assert!(!script.contains("Downloading"), "{script:?}");
}

#[test]
fn a_slow_pull_into_a_pipe_is_still_one_line() {
    let folder = Folder::new();
    let Some(mut image) = RegistryImage::push(&folder, 600_000) else { return };
    let registry = SlowRegistry::to(&part("TESTBED_REGISTRY").expect("a registry"), 300_000);
    let name = image.name_at(&registry.host());
    let slow = run(&folder, ["--image", &name]);
    assert_eq!((slow.code, slow.stdout.as_str(), slow.stderr), (Some(0), "ran\n", pulling(&name)));
    assert!(slow.took > Duration::from_secs(2), "it was not slow: {:?}", slow.took);
}

#[test]
fn ctrl_c_during_a_pull_ends_it() {
    let folder = Folder::new();
    let Some(mut image) = RegistryImage::push(&folder, 2_000_000) else { return };
    let registry = SlowRegistry::to(&part("TESTBED_REGISTRY").expect("a registry"), 20_000);
    let name = image.name_at(&registry.host());
    let mut command = folder.pyrun(["--image", &name]);
    let mut run = Running::start(command.args(CODE).stdin(Stdio::null()));
    assert!(eventually(Duration::from_secs(20), || run.stderr().contains("Pulling")), "{}", run.stderr());
    // Layers are on their way by then, and take another minute and a half.
    std::thread::sleep(Duration::from_secs(1));
    run.signal(Signal::INT);
    let (status, took) = run.end();
    assert_eq!((status.code(), run.stdout().as_str(), run.stderr()), (Some(130), "", pulling(&name)));
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(tests::containers_of(&folder).is_empty());
    assert!(!image.is_pulled(&name));
}

#[test]
fn a_private_image_needs_a_login_and_follows_dockers() {
    let (Some(image), Some(registry)) = (part("TESTBED_LOGIN_IMAGE"), part("TESTBED_LOGIN_REGISTRY")) else {
        return;
    };
    let (Some(user), Some(password)) = (part("TESTBED_LOGIN_USER"), part("TESTBED_LOGIN_PASSWORD")) else {
        return;
    };
    let folder = Folder::new();
    let private = ["--image", &image, "--pull", "always"];
    let stranger = run(&folder, private);
    assert_eq!((stranger.code, stranger.stdout.as_str()), (Some(125), ""), "{}", stranger.stderr);
    assert!(stranger.stderr.contains(&format!("error: cannot pull image `{image}`")), "{}", stranger.stderr);
    let help = format!("help: log in to its registry with `docker login {registry}`");
    assert!(stranger.stderr.contains(&help), "{}", stranger.stderr);

    let mut login = Command::new("docker");
    login.args(["login", "-u", &user, "--password-stdin", &registry]).env("HOME", folder.home());
    login.env("DOCKER_HOST", part("TESTBED_DOCKER").unwrap_or_default()).env_remove("DOCKER_CONFIG");
    let login = tests::finish_with(&mut login, password.as_bytes());
    assert_eq!(login.code, Some(0), "{}", login.stderr);
    let known = run(&folder, private);
    assert_eq!((known.code, known.stdout.as_str()), (Some(0), "ran\n"), "{}", known.stderr);
    // Where docker keeps its settings elsewhere, that is where the login is.
    let elsewhere = folder.root().join("docker");
    fs_err::rename(folder.home().join(".docker"), &elsewhere).expect("another place");
    let lost = run(&folder, private);
    assert_eq!(lost.code, Some(125), "{}", lost.stderr);
    let found = finish(folder.pyrun(private).args(CODE).env("DOCKER_CONFIG", &elsewhere));
    assert_eq!((found.code, found.stdout.as_str()), (Some(0), "ran\n"), "{}", found.stderr);
    let _ = eventually(Duration::from_secs(20), || docker(["rmi", &image]).code == Some(0));
}

#[test]
fn a_broken_credential_helper_keeps_no_public_image_away() {
    let folder = Folder::new();
    let Some(image) = RegistryImage::push(&folder, 0) else { return };
    let docker = folder.home().join(".docker");
    fs_err::create_dir_all(&docker).expect("a folder");
    let registry = part("TESTBED_REGISTRY").expect("a registry");
    for settings in [
        r#"{"credsStore": "no-such-helper"}"#.to_owned(),
        format!(r#"{{"credHelpers": {{"{registry}": "no-such-helper"}}}}"#),
        "{ damaged".to_owned(),
    ] {
        fs_err::write(docker.join("config.json"), &settings).expect("settings");
        let pulled = run(&folder, ["--image", image.name(), "--pull", "always"]);
        assert_eq!(
            (pulled.code, pulled.stdout.as_str()),
            (Some(0), "ran\n"),
            "{settings}: {}",
            pulled.stderr
        );
    }
}

#[test]
fn a_windows_tag_is_refused_before_anything_is_pulled() {
    let Some(docker) = part("TESTBED_DOCKER") else { return };
    let folder = Folder::new();
    let relay = Relay::to_socket(folder.root(), &docker);
    let mut command = folder.pyrun(["--tag", "3.13-windowsservercore"]);
    let refused = finish(command.args(CODE).env("DOCKER_HOST", relay.address()));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(125), ""), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("`python:3.13-windowsservercore` is an image for Windows"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("help: take a tag for Linux"), "{}", refused.stderr);
    let mut requests = relay.take_requests();
    requests.sort();
    assert_eq!(requests, ["GET /info", "GET /version"]);
}

#[test]
fn a_platform_that_an_image_is_not_for_is_told() {
    let folder = Folder::new();
    let Some(image) = RegistryImage::push(&folder, 0) else { return };
    let refused = run(&folder, ["--image", image.name(), "--platform", "linux/s390x"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(125), ""), "{}", refused.stderr);
    let expected = format!("error: image `{}` is not there for linux/s390x", image.name());
    assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
    assert!(tests::containers_of(&folder).is_empty());
    // podman would run what it has.
    let Some(setting) = Setting::podman() else { return };
    let refused =
        finish(setting.pyrun(["--tag", TAG, "--platform", "linux/s390x", "--pull", "never"]).args(CODE));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(125), ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("is not there for linux/s390x"), "{}", refused.stderr);
    assert!(setting.nothing_is_left());
}

#[test]
fn another_machines_image_runs_through_emulation() {
    let (Some(_), Some(registry)) = (part("TESTBED_ARM64"), part("TESTBED_REGISTRY")) else { return };
    let folder = Folder::new();
    // Under another name than the other tests use: an engine may keep one platform to a name.
    let image = format!("{registry}/library/python:{TAG}");
    let options =
        ["--image", &image, "--platform", "linux/arm64", "-c", "import platform; print(platform.machine())"];
    let emulated = finish(&mut folder.pyrun(options));
    // From now on the engine has it under this name, whoever asks.
    let later = finish(&mut folder.pyrun(["--image", &image, "-c", "pass"]));
    let _ = eventually(Duration::from_secs(20), || docker(["rmi", &image]).code == Some(0));
    assert_eq!((emulated.code, emulated.stdout.as_str()), (Some(0), "aarch64\n"), "{}", emulated.stderr);
    assert!(!emulated.stderr.contains("warning:"), "{}", emulated.stderr);
    // An engine that keeps both runs its own.
    assert_eq!(later.code, Some(0), "{}", later.stderr);
    let warning = format!(
        "warning: `{image}` on the engine is an image for linux/arm64, and its machine is linux/amd64"
    );
    assert!(later.stderr.contains(&warning) || later.stderr.contains("Pulling"), "{}", later.stderr);
}
