//! Registries that fail, each in its own way: what is said, what is asked, and that nothing half is kept.

use std::process::{Command, Stdio};
use std::time::Duration;

use tests::{
    BearerAuth, Certificate, Fault, FaultyRegistry, Finished, Folder, Format, PlainTcp, Repository, Running,
    TlsRegistry, with_cargo, with_hosts,
};

const MANIFESTS: &str = "*/manifests/*";

/// Runs a command to its end, which has to come: a client that waits for ever fails its test.
#[track_caller]
fn finish(command: &mut Command) -> Finished {
    let mut run = Running::start(command.stdin(Stdio::null()));
    let (status, took) = run.end();
    Finished { code: status.code(), stdout: run.stdout(), stderr: run.stderr(), took }
}

/// A project on a base of the test's own: an index for two platforms in a repository that goes with it.
struct Project {
    folder: Folder,
    repository: Repository,
}

impl Project {
    fn new() -> Option<Self> {
        let folder = Folder::new();
        let repository = Repository::new(&folder)?;
        let amd64 = repository.image(Format::Oci, "linux/amd64", "3.13.5");
        let arm64 = repository.image(Format::Oci, "linux/arm64/v8", "3.13.5");
        let images = [("linux/amd64", &amd64), ("linux/arm64/v8", &arm64)];
        repository.index("3.13-slim", Format::Oci, &images, true);
        Some(Self { folder, repository })
    }

    /// `cargo pyimage lock` on this base.
    fn lock_on(&self, base: &str, platforms: &str) -> Command {
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [package.metadata.pyimage]\nbase = \"{base}\"\nplatforms = [{platforms}]\n\n[workspace]\n"
        );
        self.folder.file("src/lib.rs", "").file("Cargo.toml", &manifest);
        let mut command = self.folder.pyimage(["lock"]);
        // A test waits for a hanging registry; a user may have more patience.
        with_cargo(&mut command).env("PYIMAGE_REGISTRY_TIMEOUT", "2");
        command
    }

    fn lock(&self, host: &str) -> Finished {
        let base = self.repository.reference_at(host, "3.13-slim");
        finish(&mut self.lock_on(&base, "\"linux/amd64\""))
    }

    /// That it failed as a cargo command does, naming all of these, and kept nothing half.
    #[track_caller]
    fn failed(&self, run: &Finished, facts: &[&str]) {
        assert_eq!((run.code, run.stdout.as_str()), (Some(101), ""), "{}", run.stderr);
        assert!(run.stderr.contains("error: "), "{}", run.stderr);
        for fact in facts {
            assert!(run.stderr.contains(fact), "no `{fact}` in: {}", run.stderr);
        }
        self.nothing_half();
        assert!(!self.folder.project().join("pyimage.lock").exists(), "a lock of what is not known");
    }

    #[track_caller]
    fn locked(&self, run: &Finished) {
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(self.folder.project().join("pyimage.lock").is_file(), "{}", run.stderr);
        self.nothing_half();
    }

    #[track_caller]
    fn nothing_half(&self) {
        assert_eq!(self.folder.unsound_in_cache(), Vec::<std::path::PathBuf>::new());
    }
}

/// A project, and a registry with a fault in every manifest.
fn faulty(fault: Fault) -> Option<(Project, FaultyRegistry)> {
    let (project, registry) = (Project::new()?, FaultyRegistry::start()?);
    registry.on("*", MANIFESTS, fault);
    Some((project, registry))
}

#[test]
fn malformed_tags_and_references_are_refused_without_a_request() {
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    for tag in ["3.13-slm", "3.13 slim", ".slim", "latest-"] {
        let mut command = project.folder.pyimage(["tag", tag]);
        let run = finish(command.env("PYIMAGE_MIRRORS", registry.url()));
        assert!(matches!(run.code, Some(2 | 101)), "{:?}: {}", run.code, run.stderr);
        assert!(run.stderr.contains(tag), "{}", run.stderr);
    }
    for base in ["UPPER/x:1", "x:1:2", "x@sha256:12", "http://x/y"] {
        let run = finish(&mut project.lock_on(base, "\"linux/amd64\""));
        project.failed(&run, &[base]);
    }
    assert_eq!(registry.requests().len(), 0);
}

#[test]
fn a_tag_that_is_not_there_names_the_nearest_that_are() {
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    let mut command = project.folder.pyimage(["tag", "3.13.99-slim"]);
    let run = finish(command.env("PYIMAGE_MIRRORS", registry.url()));
    project.failed(&run, &["3.13.99-slim", "3.13.5-slim"]);
    let base = project.repository.reference_at(&registry.host(), "3.13-slin");
    let run = finish(&mut project.lock_on(&base, "\"linux/amd64\""));
    project.failed(&run, &["3.13-slin", "3.13-slim", project.repository.name(), &registry.host()]);
}

#[test]
fn a_repository_that_is_not_there_is_named() {
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    let base = format!("{}/pyrun-test/nowhere:1", registry.host());
    let run = finish(&mut project.lock_on(&base, "\"linux/amd64\""));
    project.failed(&run, &["pyrun-test/nowhere", &registry.host()]);
}

#[test]
fn a_platform_that_a_tag_lacks_names_those_it_has() {
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    let base = project.repository.reference_at(&registry.host(), "3.13-slim");
    let run = finish(&mut project.lock_on(&base, "\"linux/amd64\", \"linux/s390x\""));
    project.failed(&run, &["linux/s390x", "linux/amd64", "linux/arm64"]);
    assert!(!run.stderr.contains("unknown"), "attestations are no platforms: {}", run.stderr);
}

#[test]
fn refusals_name_the_repository_and_whose_login_it_was() {
    for status in [401, 403] {
        let Some((project, registry)) = faulty(Fault::status(status)) else { return };
        let run = project.lock(&registry.host());
        project.failed(&run, &[project.repository.name(), &registry.host()]);
        assert!(registry.count("GET", MANIFESTS) <= 2, "asking again does not help");
    }
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    registry.bearer(&BearerAuth::user("me", "right-secret"));
    let run = project.lock(&registry.host());
    project.failed(&run, &[project.repository.name(), &registry.host(), "docker login"]);
    let docker = project.folder.home().join(".docker");
    fs_err::create_dir_all(&docker).expect("a folder");
    // me:wrong-secret
    let login = format!(r#"{{"auths": {{"{}": {{"auth": "bWU6d3Jvbmctc2VjcmV0"}}}}}}"#, registry.host());
    fs_err::write(docker.join("config.json"), login).expect("a login");
    let run = project.lock(&registry.host());
    project.failed(&run, &[project.repository.name(), "config.json"]);
    for secret in ["wrong-secret", "bWU6d3Jvbmctc2VjcmV0"] {
        assert!(!run.stderr.contains(secret), "{}", run.stderr);
    }
}

#[test]
fn a_limit_is_waited_for_as_long_as_the_registry_says() {
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    registry.on("*", MANIFESTS, Fault::status_with(429, "Retry-After", "1").times(1));
    let run = project.lock(&registry.host());
    project.locked(&run);
    assert!(run.took >= Duration::from_secs(1), "{:?}", run.took);
    let [first, second, ..] = &registry.requests_of("*", MANIFESTS)[..] else { panic!("no second try") };
    let waited = second.came.duration_since(first.came);
    assert!(waited >= Duration::from_millis(950), "{waited:?}");
}

#[test]
fn a_limit_for_hours_is_not_waited_for() {
    let Some((project, registry)) = faulty(Fault::status_with(429, "Retry-After", "7200")) else { return };
    let run = project.lock(&registry.host());
    project.failed(&run, &[&registry.host(), "7200 s"]);
    assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
}

#[test]
fn a_server_that_fails_is_asked_again_and_then_given_up() {
    let Some((project, registry)) = faulty(Fault::status(500)) else { return };
    let run = project.lock(&registry.host());
    project.failed(&run, &[&registry.host(), "500"]);
    assert!((2..10).contains(&registry.count("*", MANIFESTS)), "{}", registry.count("*", MANIFESTS));
    registry.mend().on("*", MANIFESTS, Fault::status(503).times(1));
    project.locked(&project.lock(&registry.host()));
}

#[test]
fn answers_that_break_off_are_told() {
    for fault in [Fault::Drop, Fault::Truncate(50), Fault::DropAfter(50), Fault::HangAfter(50)] {
        let Some((project, registry)) = faulty(fault.clone()) else { return };
        let run = project.lock(&registry.host());
        project.failed(&run, &[&registry.host()]);
        // Once is no failure.
        registry.mend().on("*", MANIFESTS, fault.times(1));
        project.locked(&project.lock(&registry.host()));
    }
}

#[test]
fn blobs_that_break_off_or_lie_leave_nothing_half() {
    for fault in [
        Fault::Truncate(50),
        Fault::DropAfter(50),
        Fault::WrongBytes,
        Fault::HangAfter(50),
        Fault::status(404),
    ] {
        let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
        registry.on("*", "*/blobs/*", fault);
        project.failed(&project.lock(&registry.host()), &[&registry.host()]);
        registry.mend();
        project.locked(&project.lock(&registry.host()));
    }
}

#[test]
fn lies_about_digests_are_found_out() {
    // Of a body the digest that it has is told; what a tag was said to be is not there to be had.
    for (fault, word) in [(Fault::WrongBytes, "digest"), (Fault::wrong_digest(), "not found")] {
        let Some((project, registry)) = faulty(fault) else { return };
        let run = project.lock(&registry.host());
        project.failed(&run, &[&registry.host(), word, "sha256:"]);
    }
}

#[test]
fn what_is_no_registry_is_told() {
    for fault in [Fault::not_json(), Fault::Answer("application/json".into(), b"{}".to_vec())] {
        let Some((project, registry)) = faulty(fault) else { return };
        project.failed(&project.lock(&registry.host()), &[&registry.host()]);
    }
}

#[test]
fn a_body_without_an_end_is_not_read_to_it() {
    let Some((project, registry)) = faulty(Fault::HugeBody) else { return };
    let run = project.lock(&registry.host());
    project.failed(&run, &[&registry.host()]);
    assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
}

#[test]
fn redirects_in_a_loop_are_told() {
    let Some((project, registry)) = faulty(Fault::RedirectLoop) else { return };
    project.failed(&project.lock(&registry.host()), &[&registry.host(), "redirect"]);
    assert!(registry.count("*", MANIFESTS) < 25);
}

#[test]
fn a_redirect_to_another_host_takes_no_credentials_along() {
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    let Some(store) = FaultyRegistry::start() else { return };
    let auth = BearerAuth::user("me", "right-secret");
    registry.bearer(&auth).on("GET", "*/blobs/*", Fault::redirect_to(&store));
    let docker = project.folder.home().join(".docker");
    fs_err::create_dir_all(&docker).expect("a folder");
    // me:right-secret
    let login = format!(r#"{{"auths": {{"{}": {{"auth": "bWU6cmlnaHQtc2VjcmV0"}}}}}}"#, registry.host());
    fs_err::write(docker.join("config.json"), login).expect("a login");
    project.locked(&project.lock(&registry.host()));
    assert!(store.count("GET", "*/blobs/*") > 0 && registry.saw_credentials());
    assert!(!store.saw_credentials());
    let mut secrets = auth.tokens();
    secrets.extend(["right-secret".to_owned(), "bWU6cmlnaHQtc2VjcmV0".to_owned()]);
    for secret in secrets {
        assert!(!store.saw(&secret), "{secret}");
    }
}

#[test]
fn a_token_that_expires_is_renewed() {
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    let auth = BearerAuth::anonymous().expires_after(1);
    registry.bearer(&auth);
    project.locked(&project.lock(&registry.host()));
    assert!(auth.tokens().len() > 1);
}

#[test]
fn a_host_that_speaks_no_tls_must_be_allowed_by_name() {
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    let host = registry.host_as("registry.test");
    let base = project.repository.reference_at(&host, "3.13-slim");
    let command = project.lock_on(&base, "\"linux/amd64\"");
    let Some(mut command) = with_hosts(&project.folder, &command, &["registry.test"]) else { return };
    let run = finish(&mut command);
    project.failed(&run, &[&host, "TLS", "PYIMAGE_INSECURE_REGISTRIES"]);
    assert_eq!(registry.requests().len(), 0, "nothing was sent in the clear");
    project.locked(&finish(command.env("PYIMAGE_INSECURE_REGISTRIES", &host)));
}

#[test]
fn a_certificate_that_nobody_signed_is_told() {
    let Some(project) = Project::new() else { return };
    for certificate in [Certificate::Signed, Certificate::SelfSigned] {
        let Some(registry) = TlsRegistry::start(&project.folder, certificate) else { return };
        let host = registry.host_as("registry.test");
        let base = project.repository.reference_at(&host, "3.13-slim");
        let command = project.lock_on(&base, "\"linux/amd64\"");
        let Some(mut command) = with_hosts(&project.folder, &command, &["registry.test"]) else { return };
        project.failed(&finish(&mut command), &[&host, "certificate", "SSL_CERT_FILE"]);
        if certificate == Certificate::Signed {
            project.locked(&finish(command.env("SSL_CERT_FILE", registry.authority())));
            fs_err::remove_file(project.folder.project().join("pyimage.lock")).expect("a lock");
        }
    }
}

#[test]
fn a_registry_that_is_not_there_or_says_nothing_is_told() {
    let Some(project) = Project::new() else { return };
    let nobody = PlainTcp::nothing_at();
    project.failed(&project.lock(&nobody), &[&nobody, "refused"]);
    let silent = PlainTcp::silent();
    let run = project.lock(&silent.host());
    project.failed(&run, &[&silent.host()]);
    assert!(run.took < Duration::from_secs(30), "{:?}", run.took);
    let mail = PlainTcp::saying(b"220 mail.test ready\r\n");
    project.failed(&project.lock(&mail.host()), &[&mail.host()]);
    let Some((project, registry)) = faulty(Fault::Hang) else { return };
    let run = project.lock(&registry.host());
    project.failed(&run, &[&registry.host()]);
    assert!(run.took < Duration::from_secs(30), "{:?}", run.took);
}

#[test]
fn lists_of_tags_end() {
    let (Some(project), Some(registry)) = (Project::new(), FaultyRegistry::start()) else { return };
    let tags = |registry: &FaultyRegistry| {
        finish(project.folder.pyimage(["tags"]).env("PYIMAGE_MIRRORS", registry.url()))
    };
    for fault in [Fault::TagsInALoop, Fault::EndlessTags] {
        registry.mend().on("GET", "*/tags/list", fault);
        let run = tags(&registry);
        // What came so far may be shown, or the list be refused.
        assert!(matches!(run.code, Some(0 | 101)), "{:?}: {}", run.code, run.stderr);
        assert!(run.took < Duration::from_secs(30), "{:?}", run.took);
    }
    let whole = tags(registry.mend());
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    registry.on("GET", "*/tags/list", Fault::PagedTags(3));
    let paged = tags(&registry);
    assert_eq!((paged.code, &paged.stdout), (Some(0), &whole.stdout), "{}", paged.stderr);
}
