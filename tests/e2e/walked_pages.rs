//! Pages whose commands are run from top to bottom, in one shell, and answer what the page says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{Folder, Repository, docker, finish, part, program, skip, uv, with_cargo};

use crate::docs::lasting;

/// Where the pages push to.
const ELSEWHERE: &str = "ghcr.io/me/hello";

/// What ends the output of a command.
const END: &str = "--- end of a command ---";

const MANIFEST: &str = "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
    [package.metadata.pyimage]\ntag = \"3.13-slim\"\nplatforms = [\"linux/amd64\"]\nsource = [\"app\"]\n\
    entrypoint = [\"python3\", \"app/main.py\"]\nbytecode = \"none\"\n";

/// A shell where both programs are installed, with the bed's engine, registry and way to package indexes.
fn shell(folder: &Folder, script: &str) -> Command {
    let base = folder.pyimage([]);
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).current_dir(folder.project()).env_clear();
    shell.envs(base.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("DOCKER_HOST", part("TESTBED_DOCKER").unwrap_or_default());
    for (name, value) in std::env::vars() {
        let index = ["PIP_", "UV_"].iter().any(|prefix| name.starts_with(prefix));
        if index || name.to_ascii_lowercase().ends_with("_proxy") || name == "SSL_CERT_FILE" {
            shell.env(name, value);
        }
    }
    if let Some(uv) = uv() {
        shell.env("PYIMAGE_UV", uv);
    }
    let mut path: Vec<_> = vec![program().parent().map(Path::to_owned).unwrap_or_default()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    shell.env("PATH", std::env::join_paths(path).expect("a path"));
    with_cargo(&mut shell);
    shell
}

/// Runs what a page's `console` blocks say; `SNAPSHOTS=overwrite` writes the answers into the page.
///
/// Where the page pushes to, `ghcr.io/me/hello`, is another repository here.
fn goes_as_it_says(folder: &Folder, page: &str, repository: Option<&str>) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let page = fs_err::read_to_string(&path).expect("the page");
    // The page without answers, and after which of its lines an answer comes.
    let (mut kept, mut answers, mut in_block) = (Vec::new(), Vec::new(), false);
    let mut script = "exec 2>&1\n".to_owned();
    let mut end = |script: &mut String, after: usize| {
        writeln!(script, "echo '{END}'").expect("a string");
        answers.push(after);
    };
    let mut open = false;
    for line in page.lines() {
        in_block = in_block && line != "```" || line == "```console";
        let command = line.strip_prefix("$ ").filter(|_| in_block);
        let more = line.strip_prefix("> ").filter(|_| in_block && open);
        if (command.is_some() || line == "```") && std::mem::take(&mut open) {
            end(&mut script, kept.len());
        }
        match command.or(more) {
            Some(words) => {
                script.extend([&*words.replace(ELSEWHERE, repository.unwrap_or(ELSEWHERE)), "\n"]);
                open = true;
            }
            None if in_block && line != "```console" => continue,
            None => {}
        }
        kept.push(line);
    }
    let said = finish(&mut shell(folder, &script)).stdout;
    let said: Vec<_> = said
        .split_inclusive(&format!("{END}\n"))
        .map(|part| part.trim_end_matches(&format!("{END}\n")))
        .collect();
    assert!(answers.len() > 2, "{} commands", answers.len());
    assert_eq!(said.len(), answers.len(), "{said:?}");
    let mut printed = String::new();
    for (at, line) in kept.iter().enumerate() {
        for (_, said) in answers.iter().zip(&said).filter(|(after, _)| **after == at) {
            let said = said.replace(&folder.project().display().to_string(), "/home/ada/hello");
            printed.push_str(&repository.map_or_else(|| said.clone(), |here| said.replace(here, ELSEWHERE)));
        }
        printed.extend([line, "\n"]);
    }
    if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        if lasting(&printed) != lasting(&page) {
            fs_err::write(path, printed).expect("the page");
        }
        return;
    }
    snapbox::assert_data_eq!(lasting(&printed), snapbox::Data::text(lasting(&page)).raw());
}

/// What a page leaves on the engine.
struct Loaded(&'static str);

impl Drop for Loaded {
    fn drop(&mut self) {
        let _ = docker(["rmi", "--force", self.0]);
    }
}

fn bed() -> bool {
    part("TESTBED_REGISTRY").is_some() && part("TESTBED_ARM64").is_some() && uv().is_some()
}

#[test]
fn errors_are_answered_as_their_page_says() {
    if !bed() {
        return;
    }
    let folder = Folder::new();
    folder.file("Cargo.toml", MANIFEST).file("src/lib.rs", "").file("app/main.py", "print('hello')\n");
    folder.file("hello.py", "print('hello')\n");
    folder.file("gen.py", "# /// script\n# requires-python = \">=3.12,<3.14\"\n# ///\nprint('made')\n");
    goes_as_it_says(&folder, "troubleshooting.md", None);
}

#[test]
fn the_first_five_minutes_go_as_their_page_says() {
    if bed() {
        let _image = Loaded("stock:latest");
        goes_as_it_says(&Folder::new(), "first-steps.md", None);
    }
}

/// A project with two packages that need no others, so that no release of anything changes a page.
fn with_packages(section: &str) -> Folder {
    let folder = Folder::new();
    let manifest = "[package]\nname = \"hello\"\nversion = \"0.3.0\"\nedition = \"2024\"\n";
    folder.file("Cargo.toml", &format!("{manifest}{section}")).file("src/lib.rs", "");
    folder.file("requirements.txt", "numpy==2.5.5\ntabulate==0.10.0\n").file("app/main.py", "import numpy\n");
    folder
}

const SECTION: &str = "\n[package.metadata.pyimage]\ntag = \"3.13-slim\"\nrequirements = \"requirements.txt\"\n\
    source = [\"app\"]\nentrypoint = [\"python3\", \"app/main.py\"]\nuser = \"1000\"\nexpose = [\"8000\"]\n";

/// Locks such a project, and goes through a page with a repository for what it pushes.
fn goes_as_it_says_with_packages(page: &str) {
    if !bed() {
        return;
    }
    let folder = with_packages(SECTION);
    let Some(target) = Repository::new(&folder) else { return };
    let locked = finish(&mut shell(&folder, "cargo pyimage --quiet lock"));
    assert_eq!(locked.code, Some(0), "{}", locked.stderr);
    goes_as_it_says(&folder, page, Some(target.reference("").trim_end_matches(':')));
    target.adopt("latest");
}

#[test]
fn images_are_looked_at_as_their_page_says() {
    goes_as_it_says_with_packages("inspect.md");
}

#[test]
fn sboms_are_as_their_page_says() {
    if finish(Command::new("sh").args(["-c", "command -v jq"])).code == Some(0) {
        goes_as_it_says_with_packages("sbom.md");
    } else {
        skip("jq");
    }
}

#[test]
fn dockerfiles_are_as_their_page_says() {
    if bed() {
        let folder = with_packages("");
        folder.file("requirements.txt", "tabulate==0.10.0\n").file(".python-version", "3.13\n");
        goes_as_it_says(&folder, "dockerfile.md", None);
    }
}
