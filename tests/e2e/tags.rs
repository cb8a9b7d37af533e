//! `cargo pyimage tags` and `cargo pyimage tag`: what a registry has, and what that means.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::{
    Fault, FaultyRegistry, Finished, Folder, Format, Repository, eventually, finish, finish_with, part,
    spawn, with_cargo,
};

/// A registry that has what a test makes up for `python`.
struct Hub {
    folder: Folder,
    repository: Repository,
    registry: FaultyRegistry,
}

impl Hub {
    fn new() -> Option<Self> {
        let folder = Folder::new();
        let repository = Repository::new(&folder)?;
        let registry = FaultyRegistry::start()?;
        registry.serve(&repository, "library/python");
        Some(Self { folder, repository, registry })
    }

    /// Makes an image up for these tags.
    fn publish(&self, python: &str, platforms: &[&str], format: Format, tags: &[&str]) {
        let images: Vec<_> = platforms
            .iter()
            .map(|platform| (*platform, self.repository.image(format, platform, python)))
            .collect();
        let images: Vec<_> = images.iter().map(|(platform, image)| (*platform, image)).collect();
        for tag in tags {
            self.repository.index(tag, format, &images, format == Format::Oci);
        }
    }

    fn command<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = self.folder.pyimage(arguments);
        command.env("PYIMAGE_MIRRORS", self.registry.url());
        command
    }

    fn run<const N: usize>(&self, arguments: [&str; N]) -> Finished {
        finish(&mut self.command(arguments))
    }

    /// The tags of the table, from above.
    fn tags<const N: usize>(&self, arguments: [&str; N]) -> Vec<String> {
        let run = finish(self.command(["tags"]).args(arguments));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let lines = run.stdout.lines().skip(1);
        lines.map(|line| line.split_whitespace().next().unwrap_or_default().to_owned()).collect()
    }
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

/// A repository like the official one, in small.
fn small() -> Option<Hub> {
    let hub = Hub::new()?;
    let both = ["linux/amd64", "linux/arm64/v8"];
    hub.publish("3.13.5", &both, Format::Oci, &["3.13-slim", "3.13.5-slim", "3.13-slim-trixie"]);
    hub.publish("3.13.4", &both, Format::Oci, &["3.13.4-slim"]);
    hub.publish("3.13.5", &["linux/amd64", "linux/arm/v7"], Format::Docker, &["3.13", "3.13.5"]);
    hub.publish("3.9.25", &["linux/amd64"], Format::Docker, &["3.9-slim"]);
    hub.publish("3.16.0a2", &["linux/amd64"], Format::Oci, &["3.16-rc-slim"]);
    hub.publish("3.13.5", &["windows/amd64"], Format::Oci, &["3.13-windowsservercore"]);
    hub.publish("3.15.1", &["linux/s390x"], Format::Oci, &["3.15-alpine", "alpine"]);
    Some(hub)
}

#[test]
fn tags_are_listed_newest_first_with_sizes_and_marks() {
    let Some(hub) = small() else { return };
    let run = hub.run(["tags"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["TAG", "AMD64", "ARM64", "ARM/V7", "S390X", "NOTES"]
    );
    let of = |tag: &str| {
        let line = lines.iter().find(|line| line.starts_with(&format!("{tag} ")));
        line.unwrap_or_else(|| panic!("no {tag} in {}", run.stdout)).to_string()
    };
    assert!(of("3.13-slim").ends_with("floating, same as 3.13.5-slim"), "{}", of("3.13-slim"));
    assert!(of("3.13-slim").contains(" B"), "{}", of("3.13-slim"));
    assert!(of("3.13.5-slim").contains("pinned, same as "), "{}", of("3.13.5-slim"));
    assert!(of("3.13").ends_with("floating, same as 3.13.5"), "{}", of("3.13"));
    assert!(
        run.stderr.contains("note: 4 tags are left out") && run.stderr.contains("`--all`"),
        "{}",
        run.stderr
    );
    for hidden in ["3.13.4-slim", "3.9-slim", "3.16-rc-slim", "3.13-windowsservercore"] {
        assert!(!run.stdout.contains(hidden), "{}", run.stdout);
    }
    let place = |tag: &str| lines.iter().position(|line| line.starts_with(&format!("{tag} ")));
    assert!(place("3.15-alpine") < place("3.13") && place("3.13") < place("3.13-slim"), "{}", run.stdout);
}

#[test]
fn filters_choose() {
    let Some(hub) = small() else { return };
    assert_eq!(hub.tags(["3.13-slim"]), ["3.13-slim", "3.13-slim-trixie", "3.13.5-slim"]);
    assert_eq!(hub.tags(["3.9"]), ["3.9-slim"]);
    assert_eq!(hub.tags(["3.13.4"]), ["3.13.4-slim"]);
    assert_eq!(hub.tags(["3.16"]), ["3.16-rc-slim"]);
    assert_eq!(hub.tags(["windows"]), ["3.13-windowsservercore"]);
    assert_eq!(hub.tags(["--variant", "windowsservercore"]), ["3.13-windowsservercore"]);
    assert_eq!(hub.tags(["*-trixie"]), ["3.13-slim-trixie"]);
    assert_eq!(hub.tags(["--variant", "alpine"]), ["alpine", "3.15-alpine"]);
    assert_eq!(hub.tags(["3.13", "--platform", "linux/arm/v7"]), ["3.13", "3.13.5"]);
    let all = hub.tags(["--all"]);
    assert_eq!(all.len(), 11, "{all:?}");
    assert_eq!(all.last().map(String::as_str), Some("3.9-slim"));
}

#[test]
fn programs_read_json() {
    let Some(hub) = small() else { return };
    let run = hub.run(["tags", "3.13-slim", "--format", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let list: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(list["repository"], "docker.io/library/python");
    assert_eq!((&list["hidden"], list["tags"].as_array().map(Vec::len)), (&Value::from(1), Some(3)));
    let slim = &list["tags"][0];
    assert_eq!((&slim["tag"], &slim["pinned"]), (&Value::from("3.13-slim"), &Value::from("floating")));
    assert_eq!(slim["same_as"], serde_json::json!(["3.13-slim-trixie", "3.13.5-slim"]));
    assert_eq!(slim["end_of_life"], serde_json::json!({"date": "2029-10-31", "reached": false}));
    let platforms: Vec<_> =
        slim["platforms"].as_array().expect("platforms").iter().map(|its| &its["platform"]).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"], "attestations are no platforms");
    assert!(slim["platforms"][0]["size"].as_u64().is_some_and(|size| size > 0));

    let run = hub.run(["tag", "3.13-slim", "--format", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let tag: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(tag["interpreter"]["version"], "3.13.5");
    assert_eq!((&tag["libc"], &tag["compilers"]), (&Value::from("glibc 2.41"), &Value::from(false)));
    assert_eq!(tag["platforms"][1]["wheels"], "manylinux_2_41_aarch64 and older");
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let Some(hub) = small() else { return };
    failed(&hub.run(["tags", "3.99"]), &["no tag of `python` fits `3.99`", "help: there is `3.1"]);
    failed(&hub.run(["tags", "3.13 slim"]), &["no tag can have ` `"]);
    failed(&hub.run(["tags", ""]), &["the filter is empty"]);
    failed(
        &hub.run(["tags", "3.13-slim", "--platform", "linux/s390x"]),
        &["is there for linux/s390x; they are there for linux/amd64, linux/arm64"],
    );
    failed(&hub.run(["tags", "--variant", "nanoserver"]), &["has no tag of the variant `nanoserver`"]);
    failed(
        &hub.run(["tags", "--repository", "python:3.13"]),
        &["has a tag", "cargo pyimage tag python:3.13"],
    );
    failed(&hub.run(["tags", "--repository", "Python"]), &["`Python` is no repository"]);
    failed(
        &hub.run(["tag", "3.13-slmi"]),
        &["`3.13-slmi` is no tag of the official Python image", "`3.13-slim`"],
    );
    failed(
        &hub.run(["tag", "3.13.99-slim"]),
        &["could not look up `python:3.13.99-slim`", "help: there is `3.13"],
    );
    failed(&hub.run(["tag", "PYTHON:3"]), &["`PYTHON:3` is no image reference"]);
    let usage = hub.run(["tags", "--platform", "amd46"]);
    assert_eq!((usage.code, usage.stdout.as_str()), (Some(2), ""), "{}", usage.stderr);
    assert!(usage.stderr.contains("amd46"), "{}", usage.stderr);
}

#[test]
fn many_tags_take_as_long_as_the_longest_chain() {
    let Some(hub) = Hub::new() else { return };
    let names: Vec<_> = (0..100).map(|patch| format!("3.13.{patch}-slim")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    hub.publish("3.13.5", &["linux/amd64", "linux/arm64"], Format::Oci, &names);
    hub.registry.latency(Duration::from_millis(50));
    assert_eq!(hub.tags(["--all"]).len(), 100);
    // One after the other, a hundred answers would be one at a time.
    assert!(hub.registry.most_at_once() > 20, "{} at once", hub.registry.most_at_once());
    let manifests = "/v2/library/python/manifests/*";
    assert_eq!(hub.registry.count("HEAD", manifests), 100);
    assert_eq!(hub.registry.count("GET", manifests), 3, "an index and two manifests");
    assert!(hub.registry.connections() <= 64, "{} connections", hub.registry.connections());

    // What has a digest never changes.
    assert_eq!(hub.tags(["--all"]).len(), 100);
    assert_eq!(hub.registry.count("GET", manifests), 3);
}

#[test]
fn a_tag_that_is_broken_does_not_take_the_others_with_it() {
    let Some(hub) = small() else { return };
    hub.registry.on("*", "*/manifests/3.13.5-slim", Fault::status(500));
    let repository = format!("{}/library/python", hub.registry.host());
    let run = hub.run(["tags", "3.13-slim", "--repository", &repository]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("warning: could not look up `3.13.5-slim`: "), "{}", run.stderr);
    assert!(run.stdout.contains("not to be read, pinned"), "{}", run.stdout);
    assert!(run.stdout.contains("3.13-slim-trixie"), "{}", run.stdout);
    hub.registry.on("*", "*/manifests/*", Fault::status(500));
    failed(&hub.run(["tags", "3.13-slim", "--repository", &repository]), &["could not list the tags", "500"]);
}

#[test]
fn an_image_by_its_digest_never_moves() {
    let Some(hub) = small() else { return };
    let digest = hub.repository.manifest("3.13-slim").1;
    let digest = {
        use sha2::Digest as _;
        let hash = sha2::Sha256::digest(&digest);
        hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    };
    for (reference, part) in [
        (format!("python@{digest}"), "moves       never"),
        (format!("python:3.13-slim@{digest}"), "moves       never"),
        // The tag is of another image.
        (format!("python:3.9-slim@{digest}"), "supported until 2029-10-31"),
    ] {
        let run = hub.run(["tag", &reference]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
}

#[test]
fn a_list_may_come_in_pages() {
    let Some(hub) = small() else { return };
    hub.registry.on("GET", "*/tags/list*", Fault::PagedTags(2));
    assert_eq!(hub.tags(["--all"]).len(), 11);
    assert!(hub.registry.count("GET", "*/tags/list*") >= 6);
}

#[test]
fn a_limit_on_pulls_costs_the_sizes_and_not_the_list() {
    let Some(hub) = small() else { return };
    hub.registry.on("GET", "*/manifests/*", Fault::status_with(429, "Retry-After", "3600"));
    let repository = format!("{}/library/python", hub.registry.host());
    let run = hub.run(["tags", "3.13-slim", "--repository", &repository]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("3.13.5-slim"), "{}", run.stdout);
    assert!(run.stderr.contains("warning: ") && run.stderr.contains("3600 s"), "{}", run.stderr);
    assert!(run.stderr.contains("warning: ") && run.stderr.contains("sizes are missing"), "{}", run.stderr);
}

#[test]
fn a_tag_is_explained() {
    if part("TESTBED_REGISTRY").is_none() {
        return;
    }
    let folder = Folder::new();
    let slim = finish(&mut folder.pyimage(["tag", "3.13-slim"]));
    assert_eq!((slim.code, slim.stderr.as_str()), (Some(0), ""));
    for part in [
        "python:3.13-slim\n",
        "digest      sha256:",
        "aliases     3.13.5-slim, 3.13-slim-trixie",
        "supported until 2029-10-31",
        "at /usr/local/bin/python3, which `python` means",
        "no /usr/bin/python3",
        "Debian 13 (trixie), glibc 2.41",
        "compilers   none",
        "linux/amd64",
        "manylinux_2_41_x86_64 and older",
        "as there is no gcc: psycopg2",
        "3.13  for reach",
    ] {
        assert!(slim.stdout.contains(part), "no {part:?} in {}", slim.stdout);
    }
    let full = finish(&mut folder.pyimage(["tag", "3.13"]));
    assert_eq!(full.code, Some(0), "{}", full.stderr);
    for part in ["3.13 at /usr/bin/python3, the distribution's", "gcc, make", "3.13-slim  for size"] {
        assert!(full.stdout.contains(part), "no {part:?} in {}", full.stdout);
    }
    let old = finish(&mut folder.pyimage(["tag", "2"]));
    assert_eq!(old.code, Some(0), "{}", old.stderr);
    for part in ["without support since 2020-01-01", "/usr/local/bin/python2", "no more:", "2-slim"] {
        assert!(old.stdout.contains(part), "no {part:?} in {}", old.stdout);
    }
    let debian = finish(&mut folder.pyimage(["tag", "debian:trixie-slim"]));
    failed(&debian, &["`debian:trixie-slim` has no `PYTHON_VERSION`"]);
}

#[test]
fn what_the_explanation_says_of_an_image_is_so() {
    // The image itself is asked: the explanation has read no more than its documents.
    let folder = Folder::new();
    for tag in ["3.13-slim", "3.13"] {
        let explained = finish(&mut folder.pyimage(["tag", tag, "--format", "json"]));
        let explained: Value = serde_json::from_str(&explained.stdout).expect("JSON");
        let script = "import os, platform, shutil, subprocess, sys; print(platform.python_version()); \
            print(shutil.which('gcc') is not None); print(shutil.which('python')); \
            system = '/usr/bin/python3'; \
            print(subprocess.run([system, '-V'], capture_output=True, text=True).stdout.split()[1].rsplit('.', 1)[0] \
            if os.path.exists(system) else None); print(' '.join(platform.libc_ver()))";
        let ran = finish(&mut folder.pyrun(["--tag", tag, "-c", script]));
        let lines: Vec<_> = ran.stdout.lines().collect();
        assert_eq!(lines.len(), 5, "{} {}", ran.stdout, ran.stderr);
        assert_eq!(explained["interpreter"]["version"], lines[0]);
        assert_eq!(explained["compilers"], lines[1] == "True");
        assert_eq!(
            (lines[2], &explained["interpreter"]["is_python"]),
            ("/usr/local/bin/python", &Value::from(true))
        );
        assert_eq!(explained["system_python"].as_str().unwrap_or("None"), lines[3]);
        assert_eq!(explained["libc"], lines[4]);
    }
}

#[test]
fn help_has_examples_and_mistakes_are_answered() {
    let folder = Folder::new();
    for arguments in [&["--help"][..], &["tags", "--help"], &["tag", "--help"], &["lock", "--help"]] {
        let help = finish(folder.pyimage([]).args(arguments));
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.contains("Examples:\n  cargo pyimage "), "{}", help.stdout);
        assert!(help.stdout.lines().all(|line| line.chars().count() <= 100), "{}", help.stdout);
    }
    for (arguments, part) in [
        (&["tgas"][..], "tags"),
        (&["tags", "--varient", "slim"], "--variant"),
        (&["tags", "--variant", "slmi"], "slim"),
        (&["lock", "--check", "--update"], "cannot be used with"),
        (&["tag"], "<TAG>"),
    ] {
        let wrong = finish(folder.pyimage([]).args(arguments));
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""), "{}", wrong.stderr);
        assert!(wrong.stderr.contains(part), "{}", wrong.stderr);
    }
}

#[test]
fn a_signal_ends_a_request_that_hangs() {
    let Some(hub) = small() else { return };
    hub.registry.on("GET", "*/tags/list*", Fault::Hang);
    for (before, (signal, code)) in [(Signal::INT, 130), (Signal::TERM, 143)].into_iter().enumerate() {
        let mut child = spawn(&mut hub.command(["tags"]));
        assert!(eventually(Duration::from_secs(10), || hub.registry.count("GET", "*/tags/list*") > before));
        kill_process(Pid::from_child(&child), signal).expect("a signal");
        let begun = Instant::now();
        let status = child.wait().expect("the program's end");
        assert_eq!(status.code(), Some(code));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    assert!(hub.folder.unsound_in_cache().is_empty());
}

#[test]
fn the_registry_that_wants_a_login_gets_it_from_docker_s_files_and_podman_s() {
    let (Some(registry), Some(user), Some(password), Some(image)) = (
        part("TESTBED_LOGIN_REGISTRY"),
        part("TESTBED_LOGIN_USER"),
        part("TESTBED_LOGIN_PASSWORD"),
        part("TESTBED_LOGIN_IMAGE"),
    ) else {
        return;
    };
    let folder = Folder::new();
    let repository = image.rsplit_once(':').expect("a tag").0.to_owned();
    let tags = ["tags", "--repository", &repository];
    failed(
        &finish(&mut folder.pyimage(tags)),
        &[&registry, "`private/python`", "used no credentials", "docker login"],
    );
    let login = |password: &str| {
        let mut encode = Command::new("base64");
        let encoded = finish_with(&mut encode, format!("{user}:{password}").as_bytes()).stdout;
        format!("{{\"auths\": {{\"{registry}\": {{\"auth\": \"{}\"}}}}}}", encoded.trim())
    };
    folder.file("config.json", &login(&password)).file("wrong.json", &login("wrong"));
    let file = |name: &str| folder.project().join(name);
    let docker = finish(folder.pyimage(tags).env("DOCKER_CONFIG", folder.project()));
    assert_eq!(docker.code, Some(0), "{}", docker.stderr);
    assert!(docker.stdout.contains("3.13-slim"), "{}", docker.stdout);
    let podman = finish(folder.pyimage(["tag", &image]).env("REGISTRY_AUTH_FILE", file("config.json")));
    assert_eq!(podman.code, Some(0), "{}", podman.stderr);
    let wrong = finish(folder.pyimage(tags).arg("-v").env("REGISTRY_AUTH_FILE", file("wrong.json")));
    failed(&wrong, &["wrong.json", "`private/python`"]);
    for run in [&docker, &podman, &wrong] {
        assert!(!run.stderr.contains(&password) && !run.stderr.contains("wrong\""), "{}", run.stderr);
    }

    folder.file("src/lib.rs", "").file(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
             base = \"{image}\"\nplatforms = [\"linux/amd64\"]\n"
        ),
    );
    let lock = finish(with_cargo(folder.pyimage(["lock"]).env("DOCKER_CONFIG", folder.project())));
    assert_eq!(lock.code, Some(0), "{}", lock.stderr);
    let text = fs_err::read_to_string(folder.project().join("pyimage.lock")).expect("a lock");
    assert!(text.contains(&image) && !text.contains(&password), "{text}");
}
