//! `cargo xtask dist`: the archive of a release, and what shells and `man` make of what is in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tests::{Folder, Terminal, finish, skip, with_cargo};

/// Where a release of the programs under test was packed to, twice.
fn packed() -> &'static [PathBuf; 2] {
    static PACKED: OnceLock<(Folder, [PathBuf; 2])> = OnceLock::new();
    let (_, packed) = PACKED.get_or_init(|| {
        let folder = Folder::new();
        let packed = ["one", "two"].map(|name| dist(&["--debug"], &folder.root().join(name)));
        (folder, packed)
    });
    packed
}

/// Runs `cargo xtask dist` with these options; gives the folder that it has packed to.
fn dist(options: &[&str], output: &Path) -> PathBuf {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command.args(["xtask", "dist"]).args(options).arg("--output").arg(output);
    let run = finish(with_cargo(&mut command));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    output.to_owned()
}

fn output() -> &'static Path {
    &packed()[0]
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs_err::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.push(entry.path());
        }
    }
    all.sort();
    all
}

fn archive(folder: &Path) -> PathBuf {
    let all = files(folder);
    let mut archives = all.into_iter().filter(|path| path.to_string_lossy().ends_with(".tar.gz"));
    archives.next().expect("an archive")
}

/// Whether a program is there; a note that it is not, where it is not.
fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        skip(program);
    }
    found
}

#[test]
fn the_same_release_is_the_same_bytes() {
    let [one, two] = packed();
    let (one, two) = (files(one), files(two));
    assert!(one.len() > 30, "{one:?}");
    assert_eq!(one.len(), two.len());
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one.file_name(), two.file_name());
        assert!(
            fs_err::read(one).expect("a file") == fs_err::read(two).expect("a file"),
            "{}",
            one.display()
        );
    }
    let check = finish(Command::new("sh").args(["-c", "sha256sum --check *.sha256"]).current_dir(output()));
    assert_eq!(check.code, Some(0), "{}", check.stderr);
}

/// Unpacks an archive into a folder; gives the one folder that is in it.
fn unpacked(archive: &Path, folder: &Folder) -> PathBuf {
    let unpack = finish(Command::new("tar").arg("-xzf").arg(archive).current_dir(folder.project()));
    assert_eq!(unpack.code, Some(0), "{}", unpack.stderr);
    let name = archive.file_name().expect("a name").to_string_lossy().into_owned();
    let name = name.trim_end_matches(".tar.gz");
    assert!(name.starts_with("cargo-pyrun-0.1.0-"), "{name}");
    folder.project().join(name)
}

/// Whether bytes have this text in them.
fn have(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_release_for_a_target_runs_and_knows_nothing_of_the_machine() {
    let folder = Folder::new();
    let rustc = finish(with_cargo(Command::new("rustc").arg("-vV"))).stdout;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("the machine's target");
    let output = dist(&["--quick", "--target", host], &folder.root().join("release"));
    let archive = archive(&output);
    assert!(archive.to_string_lossy().ends_with(&format!("-{host}.tar.gz")), "{}", archive.display());
    let root = unpacked(&archive, &folder);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository");
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    for program in ["cargo-pyrun", "cargo-pyimage"] {
        let run = finish(Command::new(root.join(program)).arg("--version").env_clear());
        assert_eq!((run.code, run.stdout), (Some(0), format!("{program} 0.1.0\n")), "{}", run.stderr);
        assert!(root.join(format!("man/man1/{program}.1")).is_file(), "{program}");
        assert!(root.join(format!("completions/bash/{program}")).is_file(), "{program}");
        let bytes = fs_err::read(root.join(program)).expect("the program");
        for path in [source.to_str().expect("a path in UTF-8"), &cargo] {
            assert!(!have(&bytes, &format!("{path}/")), "{program} names {path}");
        }
        assert!(have(&bytes, "/cargo/"), "{program}: paths of sources are others, not gone");
    }
}

#[test]
fn the_archive_has_all_that_belongs_to_the_programs() {
    let archive = archive(output());
    let folder = Folder::new();
    let root = unpacked(&archive, &folder);
    for (program, version) in
        [("cargo-pyrun", "cargo-pyrun 0.1.0\n"), ("cargo-pyimage", "cargo-pyimage 0.1.0\n")]
    {
        let run = finish(Command::new(root.join(program)).arg("--version"));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), version));
    }
    for file in [
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "docs/images.md",
        "man/man1/cargo-pyrun.1",
        "man/man1/cargo-pyimage.1",
        "man/man1/cargo-pyimage-build.1",
        "completions/bash/cargo-pyrun",
        "completions/zsh/_cargo-pyimage",
        "completions/fish/cargo-pyrun.fish",
        "completions/powershell/_cargo-pyrun.ps1",
        "completions/elvish/cargo-pyimage.elv",
    ] {
        assert!(root.join(file).is_file(), "no {file} in {:?}", files(&root));
    }
    let others = fs_err::read_to_string(root.join("LICENSES-OF-OTHERS.txt")).expect("the licences");
    for linked in ["\nbollard ", "\nrustls ", "\nzstd-sys ", "Permission is hereby granted", "Apache License"]
    {
        assert!(others.contains(linked), "no {linked:?}");
    }
    for own in ["clap_complete ", "clap_mangen ", "lexopt ", "pyimage-build "] {
        assert!(!others.contains(own), "{own:?} is not linked into them, or is ours");
    }
    let list = finish(Command::new("tar").args(["--numeric-owner", "-tvzf"]).arg(&archive)).stdout;
    let owners: Vec<_> = list.lines().filter(|line| line.split_whitespace().nth(1) != Some("0/0")).collect();
    assert_eq!(owners, [""; 0], "all of it is root's");
    let paths: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().nth(5)).collect();
    assert!(paths.is_sorted(), "{list}");
}

#[test]
fn every_command_has_a_page_that_man_can_read() {
    let pages = files(&output().join("man"));
    let mut cargo = <pyimage::cli::Cargo as clap::CommandFactory>::command();
    cargo.build();
    let pyimage = cargo.find_subcommand("pyimage").expect("the command");
    let commands = pyimage.get_subcommands().map(clap::Command::get_name);
    let commands: Vec<_> = commands.filter(|name| *name != "help").collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let name = format!("cargo-pyimage-{command}.1");
        assert!(pages.iter().any(|page| page.ends_with(&name)), "no {name}");
    }
    for page in &pages {
        for (program, arguments) in
            [("groff", &["-ww", "-man", "-Tutf8", "-z"][..]), ("mandoc", &["-Tlint", "-Wwarning"])]
        {
            if has(program) {
                let run = finish(Command::new(program).args(arguments).arg(page).env("LC_ALL", "C.UTF-8"));
                let said = format!("{}{}", run.stdout, run.stderr);
                // The one thing that clap_mangen writes twice: a blank line before a list of values.
                let said: Vec<_> = said.lines().filter(|line| !line.contains("macro: br ")).collect();
                assert_eq!(said, [""; 0], "{program} {}", page.display());
            }
        }
    }
}

#[test]
fn a_page_has_examples_in_their_columns() {
    if !has("man") {
        return;
    }
    let page = output().join("man/man1/cargo-pyimage-load.1");
    let mut man = Command::new("man");
    let shown = finish(man.arg("--local-file").arg(page).env("MANWIDTH", "110").env("LC_ALL", "C.UTF-8"));
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let lines: Vec<_> = shown.stdout.lines().map(str::trim).collect();
    assert!(lines.contains(&"EXAMPLES"), "{}", shown.stdout);
    let help = finish(Folder::new().pyimage([]).args(["load", "--help"])).stdout;
    let (_, examples) = help.split_once("Examples:\n").expect("examples");
    for example in examples.lines().filter(|line| line.starts_with("  ")) {
        assert!(lines.contains(&example.trim()), "no {example:?} in {}", shown.stdout);
    }
}

/// What a shell in a terminal makes of a line and the key Tab.
fn completed(mut shell: Terminal, set_up: &str, line: &str, expected: &str) {
    shell.keys(&format!("{set_up}; echo re''ady\n"));
    shell.wait_for("ready");
    shell.keys(&format!("{line}\t"));
    shell.wait_for(expected);
}

#[test]
fn bash_completes_both_ways_to_call_a_program() {
    if !has("bash") {
        return;
    }
    let folder = output().join("completions/bash");
    let set_up = format!("for file in {}/*; do source \"$file\"; done", folder.display());
    for (line, expected) in [
        ("cargo-pyrun --platf", "--platform"),
        ("cargo pyrun --platf", "--platform"),
        ("cargo +stable pyimage build --message-f", "--message-format"),
        ("cargo pyimage build --message-format j", "json"),
        ("cargo pyimage insp", "inspect"),
    ] {
        let mut bash = Command::new("bash");
        bash.args(["--norc", "--noprofile", "-i"]).env_clear();
        bash.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "dumb").env("PS1", "$ ");
        completed(Terminal::open(24, 150, &bash), &set_up, line, expected);
    }
}

#[test]
fn bash_still_asks_what_completed_cargo_before() {
    if !has("bash") {
        return;
    }
    let folder = output().join("completions/bash");
    let script = format!(
        "theirs() {{ COMPREPLY=(theirs); }}; complete -F theirs cargo\n\
         for file in {0}/* {0}/*; do source \"$file\"; done\n\
         ask() {{ COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); \
         __cargo_then_pyimage cargo \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
         echo \"${{COMPREPLY[@]}}\"; }}\n\
         complete -p cargo | sed 's/.* -F //'; ask cargo build --rel; ask cargo pyrun --lis; ask cargo pyimage tre; ask cargo pyr\n",
        folder.display()
    );
    let run = finish(Command::new("bash").args(["--norc", "-c", &script]));
    let lines: Vec<_> = run.stdout.lines().collect();
    // Sourced in order of their names, the last one is asked first; a second time changes nothing.
    assert_eq!(lines, ["__cargo_then_pyrun cargo", "theirs", "theirs", "tree", "theirs"], "{}", run.stderr);
}

#[test]
fn zsh_completes_both_ways_to_call_a_program() {
    if !has("zsh") {
        return;
    }
    let folder = output().join("completions/zsh");
    let toolchain = finish(Command::new("rustc").args(["--print", "sysroot"]));
    let theirs = format!("{}/share/zsh/site-functions", toolchain.stdout.trim());
    let set_up =
        format!("fpath=({} {theirs} $fpath); autoload -Uz compinit; compinit -u -D", folder.display());
    for (line, expected) in
        [("cargo-pyrun --platf", "--platform"), ("cargo pyimage build --message-f", "--message-format")]
    {
        if line.starts_with("cargo ") && !Path::new(&theirs).exists() {
            skip("cargo's own completion for zsh");
            continue;
        }
        let mut zsh = Command::new("zsh");
        zsh.args(["-f", "-i"]).env_clear();
        zsh.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "dumb");
        completed(Terminal::open(24, 250, &zsh), &set_up, line, expected);
    }
}

#[test]
fn fish_completes_both_ways_to_call_a_program() {
    if !has("fish") {
        return;
    }
    let home = Folder::new();
    let folder = output().join("completions/fish");
    for (line, expected) in [
        ("cargo-pyrun --platf", "--platform"),
        ("cargo pyrun --platf", "--platform"),
        ("cargo pyimage build --message-f", "--message-format"),
        ("cargo pyimage insp", "inspect"),
        ("cargo pyim", "pyimage"),
    ] {
        let script = format!("for file in {}/*; source $file; end; complete -C '{line}'", folder.display());
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &script]).env("HOME", home.home());
        let run = finish(&mut fish);
        let words: Vec<_> = run.stdout.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(words, [expected], "{line}: {}{}", run.stdout, run.stderr);
    }
}
