//! `examples/ci`: a project whose own `cargo xtask ci` checks, builds, tests and pushes.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{Finished, Repository, finish, part, program, uv};

use crate::projects::Example;

/// The project, and a repository of its own on the registry that wants a login.
struct Project {
    example: Example,
    target: Repository,
    /// Where it pushes to, in place of the page's `ghcr.io/me/stock`.
    name: String,
    login: PathBuf,
    user: String,
    password: String,
}

impl Project {
    fn new() -> Option<Self> {
        let registry = part("TESTBED_LOGIN_REGISTRY")?;
        let (user, password) = (part("TESTBED_LOGIN_USER")?, part("TESTBED_LOGIN_PASSWORD")?);
        let mut example = Example::new("ci");
        example.uv = Some(uv()?);
        let target = Repository::new(&example.folder)?.at(&registry, &user, &password);
        let name = target.reference_at(&registry, "").trim_end_matches(':').to_owned();
        let login = example.folder.root().join("login");
        fs_err::create_dir(&login).expect("a folder");
        Some(Self { example, target, name, login, user, password })
    }

    /// A command as it is typed, where `cargo pyimage` is installed.
    fn command(&self, line: &str) -> Command {
        let words = line.strip_prefix("cargo ").expect("a command of cargo").split(' ');
        let base = self.example.command(&self.login);
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(words.map(|word| word.replace("ghcr.io/me/stock", &self.name)));
        command.current_dir(self.example.folder.project()).env_clear();
        command.envs(base.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let built = program();
        let mut path =
            std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
        path.insert(0, built.parent().map(Path::to_owned).unwrap_or_default());
        command.env("PATH", std::env::join_paths(path).expect("a path"));
        command.env("REGISTRY_USER", &self.user).env("REGISTRY_PASSWORD", &self.password);
        command
    }

    fn run(&self, line: &str) -> Finished {
        finish(&mut self.command(line))
    }

    /// The image's reference by digest, which is all that may be on stdout.
    fn image(run: &Finished, repository: &str) -> String {
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let (name, digest) = run.stdout.trim_end().split_once("@sha256:").expect("a digest");
        assert_eq!((name, digest.len()), (repository, 64), "{}", run.stdout);
        assert!(run.stderr.contains("Ran 3 tests"), "{}", run.stderr);
        run.stdout.trim_end().to_owned()
    }
}

#[test]
fn ci_goes_as_its_page_says() {
    let Some(project) = Project::new() else { return };
    let page = fs_err::read_to_string(project.example.folder.project().join("README.md")).expect("the page");
    let (_, block) = page.split_once("```console\n").expect("commands");
    let (block, _) = block.split_once("```").expect("their end");
    let mut pushed = None;
    let lines: Vec<_> = block.lines().map(|line| line.strip_prefix("$ ").expect("a command")).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for line in lines {
        let output = project.example.folder.root().join("output");
        let run = finish(project.command(line).env("GITHUB_OUTPUT", &output));
        assert_eq!(run.code, Some(0), "{line}: {}", run.stderr);
        if line == "cargo xtask ci" {
            let image = Project::image(&run, project.example.image());
            assert_eq!(fs_err::read_to_string(output).expect("the output"), format!("image={image}\n"));
        } else if line.contains("--push") {
            project.target.adopt("latest");
            pushed = Some(Project::image(&run, &project.name));
        } else if line.contains("verify") {
            let digest = |image: &str| image.trim_end().split_once('@').map(|(_, digest)| digest.to_owned());
            assert_eq!(digest(&run.stdout), pushed.as_deref().and_then(digest), "{}", run.stdout);
        }
    }
    assert!(pushed.is_some(), "nothing was pushed");
}

#[test]
fn ci_fails_without_locks_at_a_stale_lock_and_at_a_failing_test() {
    let Some(project) = Project::new() else { return };
    let run = project.run("cargo xtask ci");
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{}", run.stderr);
    assert!(run.stderr.contains("pyimage.lock"), "{}", run.stderr);
    assert!(!project.example.folder.project().join("pyimage.lock").exists(), "CI writes no lock");

    assert_eq!(project.run("cargo pyimage lock").code, Some(0));
    project.example.folder.file("requirements.txt", "tabulate\nsix\n");
    let run = project.run("cargo xtask ci");
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{}", run.stderr);
    assert!(run.stderr.contains("pylock.toml"), "{}", run.stderr);

    project.example.folder.file("requirements.txt", "tabulate\n");
    project.example.folder.file("tests/test_more.py", "import stock\nassert stock.worth([]) == 1\n");
    let run = project.run("cargo xtask ci --push ghcr.io/me/stock");
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{}", run.stderr);
    assert!(run.stderr.contains("AssertionError"), "{}", run.stderr);
    assert!(!run.stderr.contains("Pushing"), "{}", run.stderr);
}

#[test]
fn ci_installs_cargo_pyimage_where_it_is_not() {
    let Some(project) = Project::new() else { return };
    let folder = project.example.folder.project();
    let asked = project.example.folder.root().join("asked");
    // The first call builds the xtask and prints its usage.
    assert_eq!(project.run("cargo xtask").code, Some(2));
    let cargo = project.example.folder.root().join("cargo");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> {0}\ncase $* in 'pyimage --version') exit 101;; install*) exit 0;; *) exit 1;; esac\n",
        asked.display()
    );
    fs_err::write(&cargo, script).expect("a program");
    fs_err::set_permissions(&cargo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a program");
    let mut xtask = Command::new(folder.join("target/debug/xtask"));
    let run = finish(
        xtask.arg("ci").current_dir(&folder).env_clear().env("CARGO", &cargo).env("PATH", "/usr/bin:/bin"),
    );
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{}", run.stderr);
    assert!(run.stderr.contains("  Installing cargo pyimage\n"), "{}", run.stderr);
    let asked = fs_err::read_to_string(asked).expect("what cargo was asked for");
    let asked: Vec<_> = asked.lines().collect();
    assert_eq!(
        asked,
        ["pyimage --version", "install --locked --path ../../cargo-pyimage", "pyimage lock --check"]
    );
    assert!(example_of("ci").join("../../cargo-pyimage/Cargo.toml").is_file(), "what it names is there");
}

/// The folder of an example in the repository.
fn example_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

#[test]
fn the_workflow_does_only_cargo_xtask_ci() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let workflow =
        fs_err::read_to_string(examples.join("ci/.github/workflows/ci.yml")).expect("the workflow");
    let runs: Vec<_> = workflow
        .lines()
        .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("run:"))
        .collect();
    assert_eq!(runs, [" cargo xtask ci"]);
}
