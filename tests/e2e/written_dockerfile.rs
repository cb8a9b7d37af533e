//! A Dockerfile that is written, built by docker itself.

use std::process::Command;

use tests::{Setting, finish};

use crate::dockerfile::{EngineProject, succeeded};

/// It compiles the package's programs itself, and puts files into their places.
#[test]
fn a_written_dockerfile_compiles_the_programs() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let keys = r#"platforms = ["linux/amd64"]
bins = ["tool"]
files = [
    { from = "conf", to = "/etc/app" },
    { from = "conf/app.toml", to = "/etc/app.toml", mode = "0640" },
    { from = "run.sh", to = "/usr/local/bin/run", mode = "0755" },
]
"#;
    let Some(project) = EngineProject::new(&setting, keys) else { return };
    let lock = format!("version = 4\n\n[[package]]\nname = \"{}\"\nversion = \"0.1.0\"\n", project.name);
    setting
        .folder
        .file("Cargo.lock", &lock)
        .file("conf/app.toml", "debug = false\n")
        .file("conf/d/a.ini", "")
        .file("run.sh", "#!/bin/sh\necho ran\n")
        .file("src/bin/tool.rs", "fn main() { println!(\"compiled\") }\n")
        .file("target/debug/much", "");
    succeeded(&project.run(&["dockerfile", "--write"]));
    let text = project.text("Dockerfile");
    for line in [
        "FROM rust:1-trixie AS programs\n",
        "RUN cargo install --path . --root /programs --locked --bin tool\n",
        "COPY conf /etc/app/\n",
        "COPY run.sh /usr/local/bin/run\n",
        "RUN chmod 0640 /etc/app.toml && chmod 0755 /usr/local/bin/run\n",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    let Some(rust) = rust(&project) else { return };
    setting.folder.file("Dockerfile", &text.replace("rust:1-trixie", &rust));
    let image = project.tag("written");
    // docker's client has no BuildKit where it comes without buildx.
    let mut command = Command::new("docker");
    command.args(["build", "-t", &image, "."]).current_dir(setting.folder.project());
    let run = finish(command.env("DOCKER_BUILDKIT", "0").env("DOCKER_HOST", setting.address()));
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let written = project.files(&image);
    for path in ["usr/local/bin/tool", "etc/app/d/a.ini", "etc/app.toml"] {
        assert!(written.contains_key(path), "no {path} in {:?}", written.keys());
    }
    let own: Vec<_> = written.keys().filter_map(|path| path.strip_prefix("usr/src/app/")).collect();
    assert_eq!(own, ["app", "app/main.py"]);
    for (program, expected) in [("tool", "compiled\n"), ("run", "ran\n")] {
        let run = setting.cli(["run", "--rm", "--entrypoint", program, &image]);
        assert_eq!(succeeded(&run), expected);
    }
}

/// An image with the Rust of this machine, in place of the official one.
fn rust(project: &EngineProject<'_>) -> Option<String> {
    let setting = project.setting;
    if setting.cli(["image", "inspect", "python:3.13"]).code != Some(0) {
        tests::skip("`python:3.13`");
        return None;
    }
    let sysroot = finish(Command::new("rustc").args(["--print", "sysroot"]));
    let name = project.tag("rust");
    let folder = setting.folder.root().join("rust");
    fs_err::create_dir_all(&folder).expect("a folder");
    let text = format!(
        "FROM python:3.13\nCOPY bin /usr/local/bin/\nCOPY lib /usr/local/lib/\nLABEL {}=\n",
        project.name
    );
    fs_err::write(folder.join("Dockerfile"), text).expect("a Dockerfile");
    let mut command = Command::new("sh");
    let script = "set -e; host=$(rustc -vV | sed -n 's/^host: //p'); cd \"$0\"; \
        tar -c -C \"$1\" Dockerfile -C \"$0\" bin/cargo bin/rustc $(ls -d lib/*.so* lib/rustlib/$host/bin lib/rustlib/$host/lib) \
        | docker build -q -t \"$2\" -";
    command.args(["-c", script, succeeded(&sysroot).trim()]).arg(&folder).arg(&name);
    command.env("DOCKER_HOST", setting.address()).env("DOCKER_BUILDKIT", "0");
    succeeded(&finish(&mut command));
    Some(name)
}
