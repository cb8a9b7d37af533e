//! One source, one digest: whoever builds it, where, and on what.

use std::process::Command;

use tests::{Finished, finish};

use crate::bins::project;
use crate::build::OnDisk;
use crate::bytecode;

const SECTION: &str = "requirements = \"requirements.txt\"\nsource = [\"app\"]\nbins = [\"app\"]\n\
                       files = [{ from = \"conf\", to = \"/etc/app\" }]\n";

const LIBRARY: &str = "pub fn place() -> &'static str { file!() }\n\
                       pub fn fails() { assert!(std::env::args().count() < 9, \"too many\"); }\n";

#[test]
fn two_clones_on_two_machines_give_one_digest() {
    // Programs are compiled for this machine's own platform.
    if !cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")) {
        return;
    }
    let Some(project) = project(SECTION) else { return };
    let folder = &project.folder;
    let manifest = project.text("Cargo.toml").replace(
        "\n\n[package.metadata",
        "\n\n[dependencies]\nlibrary = { path = \"library\" }\n\n[workspace]\n\n[package.metadata",
    );
    folder.file("Cargo.toml", &manifest);
    folder.file(
        "library/Cargo.toml",
        "[package]\nname = \"library\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    );
    folder.file("library/src/lib.rs", LIBRARY);
    folder.file("src/main.rs", "fn main() { library::fails(); println!(\"{}\", library::place()); }\n");
    folder
        .file("requirements.txt", "demo\n")
        .file("app/main.py", "import demo\n")
        .file("app/\u{e9}t\u{e9}.py", "");
    folder.file("app/run", "#!/bin/sh\n").file("conf/a.toml", "").file("conf/B.toml", "");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(folder.project().join("app/run"), executable).expect("a mode");
    assert_eq!(finish(&mut project.command("lock")).code, Some(0));

    // As git clones it where the umask says otherwise: only what its owner may do is left of the modes.
    let other = folder.root().join("elsewhere/another name");
    fs_err::create_dir_all(&other).expect("a folder");
    let clone = "umask 077; tar -cf - . | tar --no-same-permissions -xf - -C \"$1\"";
    let cloned =
        Command::new("sh").args(["-c", clone, "sh"]).arg(&other).current_dir(folder.project()).status();
    assert!(cloned.expect("a copy").success());

    let one = finish(project.command("build").args(["--platform", "linux/amd64"]));
    succeeded(&one);
    let mut elsewhere = project.command("build");
    elsewhere.args(["--platform", "linux/amd64", "--locked"]).current_dir(&other);
    let cache = folder.root().join("another cache");
    elsewhere.env("PYIMAGE_CACHE_DIR", cache).envs(SETTINGS).env("RAYON_NUM_THREADS", "1");
    let mut alone = on_one_core(&elsewhere);
    let second = finish(&mut alone);
    succeeded(&second);
    assert_eq!(second.stdout, one.stdout, "{}", difference(&OnDisk::of(&project), &other));
}

/// Bytecode is compiled by each machine, for each platform once.
#[test]
fn two_machines_compile_the_same_bytecode() {
    let Some(one) = bytecode::Project::new("bytecode = \"all\"") else { return };
    let first = finish(&mut one.command(["build", "--no-load"]));
    succeeded(&first);
    let Some(other) = one.cloned() else { return };
    let mut elsewhere = other.command(["build", "--no-load", "--locked"]);
    elsewhere.envs(SETTINGS).env("RAYON_NUM_THREADS", "1");
    let second = finish(&mut on_one_core(&elsewhere));
    succeeded(&second);
    assert!(second.stderr.contains("Compiling bytecode of the standard library"), "{}", second.stderr);
    assert_eq!(second.stdout, first.stdout);
    let layouts = [&one, &other].map(|its| OnDisk(its.folder.project().join("target/pyimage/app")));
    assert_eq!(layouts[0].manifests().len(), 2);
    assert_eq!(layouts[0].blobs(), layouts[1].blobs());
    assert_eq!(other.text("pyimage.lock"), one.text("pyimage.lock"));
}

/// What another machine's environment has.
const SETTINGS: [(&str, &str); 4] =
    [("LC_ALL", "tr_TR.UTF-8"), ("LANG", "C"), ("TZ", "Asia/Kathmandu"), ("USER", "somebody")];

/// The same command, on one core and with another umask.
fn on_one_core(command: &Command) -> Command {
    let mut alone = Command::new("sh");
    let taskset = Command::new("taskset").arg("--version").output().is_ok();
    let prefix = if taskset { "taskset -c 0 " } else { "" };
    alone.args(["-c", &format!("umask 077; exec {prefix}\"$@\""), "sh"]).arg(command.get_program());
    alone.args(command.get_args()).env_clear();
    alone.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        alone.current_dir(folder);
    }
    alone
}

fn succeeded(run: &Finished) {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

/// The layers that one of two images has and the other has not, with their paths.
fn difference(one: &OnDisk, other: &std::path::Path) -> String {
    let other = OnDisk(other.join("target/pyimage/app"));
    let layers = |layout: &OnDisk| layout.manifests()[0]["layers"].as_array().expect("layers").clone();
    let (left, right) = (layers(one), layers(&other));
    let only = left.iter().filter(|layer| !right.contains(layer));
    only.map(|layer| one.paths(layer).join(" ")).collect::<Vec<_>>().join("; ")
}
