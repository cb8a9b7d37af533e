//! Pages whose commands are run from top to bottom, in one shell, and answer what the page says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{Folder, docker, finish, part, program, uv, with_cargo};

use crate::docs::lasting;

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
fn goes_as_it_says(folder: &Folder, page: &str) {
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
                script.extend([words, "\n"]);
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
    assert!(answers.len() > 7, "{} commands", answers.len());
    assert_eq!(said.len(), answers.len(), "{said:?}");
    let mut printed = String::new();
    for (at, line) in kept.iter().enumerate() {
        for (_, said) in answers.iter().zip(&said).filter(|(after, _)| **after == at) {
            printed.push_str(&said.replace(&folder.project().display().to_string(), "/home/ada/hello"));
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
    goes_as_it_says(&folder, "troubleshooting.md");
}

#[test]
fn the_first_five_minutes_go_as_their_page_says() {
    if bed() {
        let _image = Loaded("stock:latest");
        goes_as_it_says(&Folder::new(), "first-steps.md");
    }
}
