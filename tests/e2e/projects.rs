//! The projects of `examples/` build, run, are pushed and verified by the commands on their pages.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{Finished, Folder, Repository, docker, finish, part, uv, with_cargo};

/// Where the pages push to.
const ELSEWHERE: &str = "ghcr.io/me/";

pub(crate) fn copied(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).expect("a folder");
    for entry in fs_err::read_dir(from).expect("the example").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => copied(&from, &to),
            _ => drop(fs_err::copy(from, to).expect("a copy")),
        }
    }
}

/// A copy of an example, its image named after this test's folder.
pub(crate) struct Example {
    pub(crate) folder: Folder,
    image: String,
    pub(crate) uv: Option<String>,
}

impl Example {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Folder::new();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        copied(&examples.join(name), &folder.project());
        let unique = folder.root().file_name().expect("a name").to_string_lossy().to_lowercase();
        let image = format!("pyimage-test/{unique}");
        let manifest = folder.project().join("Cargo.toml");
        let text = fs_err::read_to_string(&manifest).expect("the manifest");
        let section = "[package.metadata.pyimage]\n";
        let named = text.replace(section, &format!("{section}name = \"{image}\"\n"));
        fs_err::write(manifest, named).expect("the manifest");
        Self { folder, image, uv: None }
    }

    /// What the image is called on this machine.
    pub(crate) fn image(&self) -> &str {
        &self.image
    }

    fn run(&self, words: &[String], login: &Path) -> Finished {
        let mut command = self.command(login);
        finish(command.args(words))
    }

    /// `cargo pyimage` with the bed's engine, these logins, and the machine's own way to package indexes.
    pub(crate) fn command(&self, login: &Path) -> Command {
        let mut command: Command = self.folder.pyimage([]);
        command.env("DOCKER_CONFIG", login);
        command.env("DOCKER_HOST", part("TESTBED_DOCKER").unwrap_or_default());
        for (name, value) in std::env::vars() {
            let index = ["PIP_", "UV_"].iter().any(|prefix| name.starts_with(prefix));
            if index || name.to_ascii_lowercase().ends_with("_proxy") || name == "SSL_CERT_FILE" {
                command.env(name, value);
            }
        }
        if let Some(uv) = &self.uv {
            command.env("PYIMAGE_UV", uv);
        }
        with_cargo(&mut command);
        command
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        for tag in ["latest", "0.1.0"] {
            let _ = docker(["rmi", "--force", &format!("{}:{tag}", self.image)]);
        }
    }
}

/// The commands on an example's page, each with what it prints, where the page says so.
fn commands(folder: &Folder) -> Vec<(Vec<String>, String)> {
    let page = fs_err::read_to_string(folder.project().join("README.md")).expect("the page");
    let (_, block) = page.split_once("```console\n").expect("commands");
    let (block, _) = block.split_once("```").expect("their end");
    let mut commands: Vec<(Vec<String>, String)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ cargo pyimage "), commands.last_mut()) {
            (Some(command), _) => {
                commands.push((command.split(' ').map(str::to_owned).collect(), String::new()));
            }
            (None, Some((_, printed))) => printed.extend([line, "\n"]),
            (None, None) => panic!("output without a command: {line}"),
        }
    }
    commands
}

/// Goes through a page with a registry that wants a login.
fn goes_as_its_page_says(mut example: Example, needs_uv: bool) {
    let (Some(registry), Some(user), Some(password), Some(_)) = (
        part("TESTBED_LOGIN_REGISTRY"),
        part("TESTBED_LOGIN_USER"),
        part("TESTBED_LOGIN_PASSWORD"),
        part("TESTBED_ARM64"),
    ) else {
        return;
    };
    if needs_uv {
        let Some(uv) = uv() else { return };
        example.uv = Some(uv);
    }
    let target = Repository::new(&example.folder).expect("the registry").at(&registry, &user, &password);
    let name = target.reference_at(&registry, "").trim_end_matches(':').to_owned();
    let login: PathBuf = example.folder.root().join("login");
    fs_err::create_dir(&login).expect("a folder");
    let mut encode = Command::new("base64");
    let encoded = tests::finish_with(&mut encode, format!("{user}:{password}").as_bytes()).stdout;
    let config = format!("{{\"auths\": {{\"{registry}\": {{\"auth\": \"{}\"}}}}}}", encoded.trim());
    fs_err::write(login.join("config.json"), config).expect("a login");
    let mut seen = Vec::new();
    for (words, printed) in commands(&example.folder) {
        let words: Vec<_> = words
            .into_iter()
            .map(|word| match word.strip_prefix(ELSEWHERE).map(|rest| rest.split_once(':')) {
                Some(Some((_, tag))) => format!("{name}:{tag}"),
                Some(None) => name.clone(),
                None => word,
            })
            .collect();
        let run = example.run(&words, &login);
        assert_eq!(run.code, Some(0), "{words:?}: {}", run.stderr);
        if words[0] == "push" {
            target.adopt("latest");
        }
        if !printed.is_empty() {
            assert_eq!(run.stdout, printed.replace("x86_64", std::env::consts::ARCH), "{words:?}");
        }
        if words[0] == "run" {
            assert!(!run.stdout.is_empty(), "{words:?}");
        }
        seen.push(words[0].clone());
    }
    for command in ["build", "run", "push", "verify"] {
        assert!(seen.iter().any(|seen| seen == command), "no `{command}` on the page");
    }
}

#[test]
fn numbers_goes_as_its_page_says() {
    goes_as_its_page_says(Example::new("numbers"), true);
}

#[test]
fn web_goes_as_its_page_says() {
    goes_as_its_page_says(Example::new("web"), false);
}
