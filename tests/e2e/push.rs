//! `cargo pyimage push`: what is sent to a registry, what is not, and what is there when something fails.

use std::process::Command;

use serde_json::Value;
use tests::{
    BearerAuth, Fault, FaultyRegistry, Finished, Folder, Format, Repository, TAG, docker, finish, part,
    with_cargo,
};

const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm/v7"];

/// A project whose image is a base and one source file, and a repository for it.
struct Project {
    folder: Folder,
    /// The base's repository: it goes away with this.
    base: Repository,
    target: Repository,
    /// In front of both.
    hub: FaultyRegistry,
}

impl Project {
    /// On a base of the test's own, for two platforms.
    fn new() -> Option<Self> {
        let folder = Folder::new();
        let base = Repository::new(&folder)?;
        let hub = FaultyRegistry::start()?;
        hub.serve(&base, "library/python");
        let images = PLATFORMS.map(|platform| (platform, base.image(Format::Oci, platform, "3.13.5")));
        let images: Vec<_> = images.iter().map(|(platform, image)| (*platform, image)).collect();
        base.index("3.13-slim-trixie", Format::Oci, &images, false);
        let target = base.beside("app");
        let project = Self { folder, base, target, hub };
        project.manifest("3.13-slim-trixie", "\"linux/amd64\", \"linux/arm/v7\"");
        project.source("print('one')\n");
        Some(project)
    }

    fn manifest(&self, tag: &str, platforms: &str) {
        let name = self.target.reference_at(&self.hub.host(), "");
        let name = name.trim_end_matches(':');
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
             tag = \"{tag}\"\nbytecode = \"none\"\nplatforms = [{platforms}]\nname = \"{name}\"\ntags = [\"{{version}}\", \"latest\"]\n\
             source = [\"main.py\"]\nentrypoint = [\"python3\", \"main.py\"]\n"
        );
        self.folder.file("Cargo.toml", &manifest).file("src/lib.rs", "");
    }

    fn source(&self, text: &str) {
        self.folder.file("main.py", text);
    }

    /// A source file that no compression makes smaller.
    fn large(&self, bytes: usize) {
        let mut state = 88_172_645_463_325_252_u64;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b' ' + u8::try_from(state % 95).expect("less than 95"))
        });
        self.source(&noise.take(bytes).collect::<String>());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.pyimage([]);
        command.args(arguments).env("PYIMAGE_MIRRORS", self.hub.url());
        with_cargo(&mut command);
        command
    }

    fn push(&self, arguments: &[&str]) -> Finished {
        finish(self.command(&["push"]).args(arguments))
    }

    /// Pushes, and gives the image's reference by digest.
    #[track_caller]
    fn pushed(&self, arguments: &[&str]) -> (String, String) {
        let run = self.push(arguments);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        self.target.adopt("latest");
        (run.stdout.trim_end().to_owned(), run.stderr)
    }

    /// How many requests there were that write.
    fn writes(&self) -> [usize; 3] {
        [
            self.hub.count("POST", "*/blobs/uploads/"),
            self.hub.count("PUT", "*/blobs/uploads/*"),
            self.hub.count("PUT", "*/manifests/*"),
        ]
    }
}

#[track_caller]
fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

/// Pulls an image, runs it, and gives what it says; the engine has nothing of it afterwards.
fn run(image: &str) -> String {
    let pulled = docker(["pull", "--quiet", image]);
    assert_eq!(pulled.code, Some(0), "{}", pulled.stderr);
    let run = docker(["run", "--rm", image]);
    let removed = docker(["rmi", image]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(removed.code, Some(0), "{}", removed.stderr);
    run.stdout
}

#[test]
fn what_was_pushed_is_pulled_and_runs() {
    let Some(registry) = part("TESTBED_REGISTRY") else { return };
    let Some(project) = Project::new() else { return };
    // The bed's own base, which an engine can run.
    project.manifest(TAG, "\"linux/amd64\"");
    project.source("import sys; print('pushed', sys.version_info[:2])\n");
    let name = project.target.reference_at(&registry, "").trim_end_matches(':').to_owned();
    let push = |arguments: &[&str]| {
        let mut command = project.command(&["push", "--to", &name]);
        let run = finish(command.env("PYIMAGE_MIRRORS", format!("http://{registry}")).args(arguments));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run
    };
    let first = push(&[]);
    project.target.adopt("latest");
    let reference = first.stdout.trim_end();
    assert!(reference.starts_with(&format!("{name}@sha256:")), "{reference}");
    let told = format!("Pushed {name}:0.1.0, {name}:latest (");
    assert!(first.stderr.contains(&told), "{}", first.stderr);
    assert!(
        first.stderr.contains(" layers mounted, 1 uploaded, ") && !first.stderr.contains("copied"),
        "{}",
        first.stderr
    );
    assert_eq!(run(reference), "pushed (3, 13)\n");
    assert_eq!(run(&format!("{name}:latest")), "pushed (3, 13)\n");
    assert_eq!(project.target.tags(), ["0.1.0", "latest"]);

    let again = push(&["--frozen", "-t", "latest"]);
    assert_eq!(again.stdout, first.stdout);
    assert!(again.stderr.contains("(all of it was there)"), "{}", again.stderr);
}

#[test]
fn after_a_change_of_source_one_layer_is_sent() {
    let Some(project) = Project::new() else { return };
    let (first, told) = project.pushed(&[]);
    assert!(told.contains("(2 layers mounted, 1 uploaded, "), "{told}");
    assert_eq!(project.hub.count("GET", "*/blobs/*"), 2, "the configurations, which were locked");
    let before = project.writes();
    // Two mounts and three uploads; two manifests, the index and two tags.
    assert_eq!(before, [5, 3, 5]);

    let (same, told) = project.pushed(&[]);
    assert_eq!(same, first);
    assert!(told.contains("(all of it was there)"), "{told}");
    assert_eq!(project.writes(), before);

    project.source("print('two')\n");
    let (changed, told) = project.pushed(&[]);
    assert_ne!(changed, first);
    assert!(told.contains("(2 layers there already, 1 uploaded, "), "{told}");
    let after = project.writes();
    let new: Vec<_> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(new, [3, 3, 5], "a layer and a configuration for each platform; manifests, index, tags");

    // What is in the registry is what the layout has.
    let (_, index) = project.target.manifest("latest");
    let index: Value = serde_json::from_slice(&index).expect("an index");
    assert_eq!(index["manifests"].as_array().expect("images").len(), 2);
    let (_, old) = project.target.manifest(first.split_once('@').expect("a digest").1);
    assert_ne!(old, Vec::<u8>::new(), "what was pushed before is still there");
}

#[test]
fn a_base_that_has_moved_is_told_while_pushing() {
    let Some(project) = Project::new() else { return };
    let (first, told) = project.pushed(&[]);
    assert!(!told.contains("has moved"), "{told}");
    let images = PLATFORMS.map(|platform| (platform, project.base.image(Format::Oci, platform, "3.13.6")));
    let images: Vec<_> = images.iter().map(|(platform, image)| (*platform, image)).collect();
    project.base.index("3.13-slim-trixie", Format::Oci, &images, false);
    let (second, told) = project.pushed(&[]);
    assert!(told.contains("note: `python:3.13-slim-trixie` has moved since it was locked; "), "{told}");
    assert_eq!(second, first, "the lock wins");
    let (_, told) = project.pushed(&["--frozen"]);
    assert!(!told.contains("has moved"), "{told}");
}

#[test]
fn an_upload_that_breaks_in_the_middle_is_made_again() {
    let Some(project) = Project::new() else { return };
    project.large(3_000_000);
    project.hub.on("PATCH", "*/blobs/uploads/*", Fault::CutBody(1_500_000).times(1));
    let (_, told) = project.pushed(&[]);
    assert!(told.contains("(2 layers mounted, 1 uploaded, "), "{told}");
    // It was asked how much it has. Docker's registry keeps nothing of a request that breaks.
    assert_eq!(project.hub.count("GET", "*/blobs/uploads/*"), 1);
    assert_eq!(project.hub.count("PATCH", "*/blobs/uploads/*"), 2);
    assert_eq!(project.writes()[0], 6, "one more than without the break");
    assert_eq!(project.target.tags(), ["0.1.0", "latest"]);
}

#[test]
fn a_failure_at_any_step_leaves_no_tag_and_the_next_push_goes_on() {
    let Some(project) = Project::new() else { return };
    let steps: [(&str, &str, Fault); 6] = [
        ("HEAD", "*/pyrun-test/*/blobs/*", Fault::status(500)),
        ("POST", "*/blobs/uploads/", Fault::Drop),
        ("PUT", "*/blobs/uploads/*", Fault::CutBody(10)),
        ("PUT", "*/blobs/uploads/*", Fault::status(507)),
        ("PUT", "*/manifests/sha256:*", Fault::status(503)),
        ("PUT", "*/manifests/0.1.0", Fault::Drop),
    ];
    for (place, (method, path, fault)) in steps.into_iter().enumerate() {
        project.source(&format!("print({place})\n"));
        project.hub.on(method, path, fault);
        failed(&project.push(&[]), &["could not push `", "-app:0.1.0", "127.0.0.1"]);
        assert!(project.target.tags().is_empty(), "{place}: {:?}", project.target.tags());
        project.hub.mend();
    }
    let before = project.writes();
    let (_, told) = project.pushed(&[]);
    assert!(told.contains("(3 layers there already, "), "{told}");
    let new: Vec<_> = project.writes().iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(new, [0, 0, 2], "all but the tags was there");
}

#[test]
fn where_the_second_tag_is_refused_the_first_goes_back() {
    let Some(project) = Project::new() else { return };
    project.pushed(&[]);
    project.target.adopt("0.1.0");
    let tags = || ["0.1.0", "latest"].map(|tag| project.target.manifest(tag));
    let before = tags();
    project.source("print('two')\n");
    project.hub.on("PUT", "*/manifests/latest", Fault::status(507));
    let refused = project.push(&[]);
    failed(&refused, &["could not push `", "with status 507"]);
    assert!(!refused.stderr.contains("has moved"), "{}", refused.stderr);
    assert!(tags() == before, "both are what they were");

    // A tag that is new goes, where the registry removes tags; where it does not, it is named.
    let refused = project.push(&["-t", "new", "-t", "latest"]);
    failed(&refused, &["with status 507"]);
    let is_left = project.target.tags().contains(&"new".to_owned());
    assert_eq!(
        refused.stderr.contains("`new` has moved, and could not be put back"),
        is_left,
        "{}",
        refused.stderr
    );
    assert!(tags() == before);
    project.hub.mend();
    project.pushed(&[]);
    let after = tags();
    assert!(after[0] == after[1] && after[0] != before[0], "both have moved");
}

#[test]
fn a_registry_that_goes_away_is_named() {
    let Some(project) = Project::new() else { return };
    let run = project.push(&["--to", "127.0.0.1:1/me/app"]);
    failed(&run, &["could not push `127.0.0.1:1/me/app:0.1.0", "could not reach `127.0.0.1:1`"]);
    failed(&project.push(&["--to", "me/app:1"]), &["has a tag or a digest", "`-t TAG`"]);
    failed(&project.push(&["--locked", "--to", "Me/App"]), &["no repository to push to"]);
}

#[test]
fn a_token_is_asked_for_what_a_push_needs() {
    let Some(project) = Project::new() else { return };
    // The base is locked before it takes a login to write.
    let locked = finish(&mut project.command(&["lock"]));
    assert_eq!(locked.code, Some(0), "{}", locked.stderr);
    let auth = BearerAuth::user("me", "secret").or_powerless();
    project.hub.bearer(&auth);
    let target = project.target.name().to_owned();
    failed(
        &project.push(&[]),
        &[&format!("does not let us push to `{target}` (used no credentials)"), "docker login 127.0.0.1:"],
    );
    let login = "bWU6c2VjcmV0";
    project.folder.file(
        "login/config.json",
        &format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{login}\"}}}}}}", project.hub.host()),
    );
    let mut command = project.command(&["build", "--push"]);
    let run = finish(command.env("DOCKER_CONFIG", project.folder.project().join("login")));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    project.target.adopt("latest");
    assert!(run.stderr.contains("(2 layers mounted, 1 uploaded, "), "{}", run.stderr);
    assert!(!run.stderr.contains("secret") && !run.stderr.contains(login), "{}", run.stderr);
}

#[test]
fn a_base_of_another_registry_goes_along_and_the_login_is_docker_s() {
    let (Some(registry), Some(user), Some(password)) =
        (part("TESTBED_LOGIN_REGISTRY"), part("TESTBED_LOGIN_USER"), part("TESTBED_LOGIN_PASSWORD"))
    else {
        return;
    };
    let Some(project) = Project::new() else { return };
    let target = project.base.at(&registry, &user, &password);
    let name = target.reference_at(&registry, "").trim_end_matches(':').to_owned();
    let refused = project.push(&["--to", &name]);
    let words = format!("`{registry}` does not let us push to `{}` (used no credentials)", target.name());
    failed(&refused, &[&words, &format!("docker login {registry}")]);

    let mut encode = Command::new("base64");
    let login = tests::finish_with(&mut encode, format!("{user}:{password}").as_bytes()).stdout;
    let file = format!("{{\"auths\": {{\"{registry}\": {{\"auth\": \"{}\"}}}}}}", login.trim());
    project.folder.file("login/config.json", &file);
    let mut command = project.command(&["push", "--to", &name]);
    let run = finish(command.env("DOCKER_CONFIG", project.folder.project().join("login")));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    target.adopt("latest");
    assert!(run.stderr.contains("(2 layers copied, 1 uploaded, "), "{}", run.stderr);
    assert!(run.stdout.starts_with(&format!("{name}@sha256:")), "{}", run.stdout);
    assert!(!project.hub.saw(login.trim()), "the base's registry is another");
    assert!(project.folder.unsound_in_cache().is_empty());
}
