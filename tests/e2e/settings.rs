//! Settings of Cargo.toml and the environment, named scripts, and being cargo's subcommand.

use std::process::Command;

use tests::{Finished, Folder, TAG, finish, part, program, with_cargo};

/// Prints the variable that says which level of settings was heard.
const LEVEL: &str = "import os; print(os.environ.get('LEVEL'), os.getcwd())";

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

/// A package with these settings.
fn package(settings: &str) -> Folder {
    let folder = Folder::new();
    folder.file(
        "Cargo.toml",
        &format!("[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{settings}"),
    );
    folder.file("src/lib.rs", "");
    folder
}

fn pyrun(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.pyrun([]);
    with_cargo(command.args(arguments));
    command
}

fn refused(folder: &Folder, arguments: &[&str]) -> String {
    let run = finish(&mut pyrun(folder, arguments));
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{}", run.stderr);
    let root = folder.project().canonicalize().expect("the folder");
    run.stderr.replace(root.to_str().expect("UTF-8"), "[ROOT]")
}

#[test]
fn each_level_goes_over_the_next() {
    let folder = Folder::new();
    folder.file(
        "Cargo.toml",
        &format!(
            "[workspace]\nmembers = [\"with\", \"without\"]\nresolver = \"3\"\n
             [workspace.metadata.pyrun]\ntag = \"{TAG}\"\nworkdir = \"/workspace\"\n"
        ),
    );
    for (name, settings) in [("with", "[package.metadata.pyrun]\nworkdir = \"/package\"\n"), ("without", "")]
    {
        let head = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        folder.file(&format!("{name}/Cargo.toml"), &format!("{head}{settings}"));
        folder.file(&format!("{name}/src/lib.rs"), "");
    }
    let told = |member: &str, variable: Option<&str>, flag: Option<&str>| {
        let mut command = pyrun(&folder, &[]);
        command.current_dir(folder.project().join(member));
        command.args(flag.into_iter().flat_map(|workdir| ["-w", workdir]));
        command.args(["-c", "import os; print(os.getcwd())"]);
        command.envs(variable.map(|workdir| ("PYRUN_WORKDIR", workdir)));
        succeeded(&finish(&mut command)).trim_end().to_owned()
    };
    assert_eq!(told("with", Some("/variable"), Some("/flag")), "/flag");
    assert_eq!(told("with", Some("/variable"), None), "/variable");
    assert_eq!(told("with", None, None), "/package");
    assert_eq!(told("without", None, None), "/workspace");
    // The default, in a folder that no manifest is above.
    let bare = Folder::new();
    let run = finish(&mut bare.pyrun(["--tag", TAG, "-c", "import os; print(os.getcwd())"]));
    assert_eq!(succeeded(&run), "/usr/src/myapp\n");
}

#[test]
fn an_image_of_a_higher_level_replaces_a_tag_of_a_lower_one() {
    let folder = package("[package.metadata.pyrun]\nimage = \"example.invalid/none:1\"\npull = \"never\"\n");
    let code = ["-c", "import sys; print(sys.version_info[:2])"];
    let run = finish(&mut pyrun(&folder, &code));
    assert_eq!(run.code, Some(125));
    assert!(run.stderr.contains("image `example.invalid/none:1` is not on the engine"), "{}", run.stderr);
    let run = finish(pyrun(&folder, &code).env("PYRUN_TAG", TAG));
    assert_eq!(succeeded(&run), "(3, 13)\n");
    let run = finish(&mut pyrun(&folder, &["--tag", TAG, "-c", code[1]]));
    assert_eq!(succeeded(&run), "(3, 13)\n");
}

#[test]
fn variables_of_all_levels_meet_and_the_higher_wins() {
    let folder = package(&format!(
        "[package.metadata.pyrun]\ntag = \"{TAG}\"\nenv = {{ A = \"package\", B = \"package\" }}\nenv-file = [\"vars.env\"]\n"
    ));
    folder.file("vars.env", "A=file\nC=file\n").file("sub/x", "");
    let code = "import os; print([os.environ.get(name) for name in 'ABC'])";
    let mut command = pyrun(&folder, &["-e", "B=flag", "-c", code]);
    // A manifest's paths are its own folder's, wherever one is.
    command.current_dir(folder.project().join("sub"));
    assert_eq!(succeeded(&finish(&mut command)), "['package', 'flag', 'file']\n");
}

#[test]
fn a_named_script_runs_from_its_projects_folder() {
    let folder = package(&format!(
        "[package.metadata.pyrun]\ntag = \"{TAG}\"\nenv = {{ LEVEL = \"package\" }}\n
         [package.metadata.pyrun.scripts]\ncodegen = \"tools/codegen.py\"\n
         [package.metadata.pyrun.scripts.level]\ncode = \"{LEVEL}\"\nenv = {{ LEVEL = \"script\" }}\n
         description = \"tells its level\"\n
         [package.metadata.pyrun.scripts.format]\nmodule = \"json.tool\"\nargs = [\"--compact\"]\n"
    ));
    folder.file(
        "tools/codegen.py",
        "import os, sys\nprint(sys.argv, os.getcwd())\nopen('generated.rs', 'w').close()\n",
    );
    folder.file("src/deep/x", "").file("data.json", "{ \"a\": 1 }");
    let mut below = pyrun(&folder, &["codegen", "--tag", "x"]);
    below.current_dir(folder.project().join("src/deep"));
    assert_eq!(succeeded(&finish(&mut below)), "['tools/codegen.py', '--tag', 'x'] /usr/src/myapp\n");
    assert!(folder.project().join("generated.rs").is_file());
    assert_eq!(succeeded(&finish(&mut pyrun(&folder, &["level"]))), "script /usr/src/myapp\n");
    let run = finish(pyrun(&folder, &["level"]).env("PYRUN_WORKDIR", "/"));
    assert_eq!(succeeded(&run), "script /\n", "a variable goes over a script's settings");
    assert_eq!(
        succeeded(&finish(&mut pyrun(&folder, &["-e", "LEVEL=flag", "level"]))),
        "flag /usr/src/myapp\n"
    );
    assert_eq!(succeeded(&finish(&mut pyrun(&folder, &["format", "data.json"]))), "{\"a\":1}\n");
    let list = finish(&mut pyrun(&folder, &["--list"]));
    assert_eq!(
        succeeded(&list),
        "codegen  tools/codegen.py\nformat   -m json.tool\nlevel    tells its level\n"
    );
}

#[test]
fn a_name_that_is_almost_a_scripts_is_told_with_it() {
    let folder = package("[package.metadata.pyrun.scripts]\ncodegen = \"tools/codegen.py\"\n");
    let run = finish(&mut pyrun(&folder, &["codgen"]));
    assert_eq!(run.code, Some(127));
    assert!(run.stderr.ends_with("\nhelp: did you mean `codegen`?\n"), "{}", run.stderr);
}

#[test]
fn no_scripts_are_told_to_be_none() {
    for folder in [package(""), Folder::new()] {
        let run = finish(&mut pyrun(&folder, &["--list"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
        assert!(run.stderr.starts_with("note: no scripts are named"), "{}", run.stderr);
    }
}

#[test]
fn what_a_manifest_may_not_say_is_named_with_its_place() {
    let manifest = "in `[ROOT]/Cargo.toml`";
    for (settings, error) in [
        (
            "tga = \"3.13\"",
            format!(
                "error: unknown key `package.metadata.pyrun.tga` {manifest}\n\nhelp: did you mean `tag`?\n"
            ),
        ),
        (
            "xyz = 1",
            format!(
                "error: unknown key `package.metadata.pyrun.xyz` {manifest}\n\nhelp: the keys are `tag`, `image`, `python`, `workdir`, `mount`, `user`, `platform`, \
                 `pull`, `network`, `memory`, `cpus`, `read-only`, `gpus`, `entrypoint`, `engine`, \
                 `docker-socket`, `build-tag`, `env-file`, `env`, `volumes`, `publish`, `with`, \
                 `requirements`, `groups`, `extras`, `scripts`\n"
            ),
        ),
        (
            "tag = 3.13",
            format!(
                "error: expected a string for `package.metadata.pyrun.tag` {manifest}, found the float `3.13`\n\n\
                 help: put the tag in quotes, as in `tag = \"3.13-slim\"`\n"
            ),
        ),
        (
            "volumes = \"./a:/b\"",
            format!(
                "error: expected an array of strings for `package.metadata.pyrun.volumes` {manifest}, \
                 found the string `./a:/b`\n"
            ),
        ),
        (
            "tag = \"3.13\"\nimage = \"x\"",
            format!(
                "error: both `tag` and `image` are set: `package.metadata.pyrun.tag` {manifest} and \
                 `package.metadata.pyrun.image` {manifest}\n\n\
                 help: keep `tag` for an official python image, or `image` for any other\n"
            ),
        ),
        (
            "scripts.gen = { script = \"a.py\", module = \"b\" }",
            format!(
                "error: expected one of `script`, `module` and `code` for `package.metadata.pyrun.scripts.gen` \
                 {manifest}, found `script` and `module`\n"
            ),
        ),
        (
            "scripts.gen = { script = \"a.py\", tagg = \"b\" }",
            format!(
                "error: unknown key `package.metadata.pyrun.scripts.gen.tagg` {manifest}\n\nhelp: did you mean `tag`?\n"
            ),
        ),
    ] {
        let folder = package(&format!("[package.metadata.pyrun]\n{settings}\n"));
        assert_eq!(refused(&folder, &["-c", "pass"]), error, "{settings}");
    }
}

#[test]
fn what_the_environment_may_not_say_is_named() {
    let folder = Folder::new();
    let told = |name: &str, value: &str| {
        let run = finish(pyrun(&folder, &["-c", "pass"]).env(name, value));
        assert_eq!(run.code, Some(125));
        run.stderr
    };
    assert_eq!(
        told("PYRUN_READ_ONLY", "maybe"),
        "error: expected `true` or `false` for `PYRUN_READ_ONLY` in the environment, found the string `maybe`\n"
    );
    assert_eq!(
        told("PYRUN_PULL", "sometimes"),
        "error: expected `always`, `missing` or `never` for `PYRUN_PULL` in the environment, \
         found the string `sometimes`\n"
    );
    assert!(told("PYRUN_TAG", "3.13-slm").contains("help: did you mean `PYRUN_TAG=3.13-slim`?"));
}

#[test]
fn a_broken_manifest_is_cargos_to_explain() {
    let folder = package("[package.metadata.pyrun]\ntag = \n");
    let error = refused(&folder, &["-c", "pass"]);
    assert!(
        error.starts_with("error: `cargo metadata` failed for `[ROOT]/Cargo.toml`\n\nCaused by:\n"),
        "{error}"
    );
    assert!(error.contains("Cargo.toml:7:"), "the line is named: {error}");
}

#[test]
fn a_broken_manifest_that_does_not_mention_us_is_none_of_our_business() {
    let folder = Folder::new();
    folder.file("Cargo.toml", "[package\n");
    let run = finish(&mut pyrun(&folder, &["--tag", TAG, "-c", "print(1)"]));
    assert_eq!(succeeded(&run), "1\n");
}

#[test]
fn a_manifest_and_a_package_may_be_named() {
    let folder = Folder::new();
    let settings = format!("[package.metadata.pyrun]\ntag = \"{TAG}\"\nworkdir = \"/named\"\n");
    let head = "[package]\nname = \"inner\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    folder.file("Cargo.toml", "[workspace]\nmembers = [\"inner\"]\nresolver = \"3\"\n");
    folder.file("inner/Cargo.toml", &format!("{head}{settings}")).file("inner/src/lib.rs", "");
    let code = ["-c", "import os; print(os.getcwd())"];
    for way in [["--manifest-path", "inner/Cargo.toml"], ["--package", "inner"]] {
        assert_eq!(succeeded(&finish(pyrun(&folder, &way).args(code))), "/named\n");
    }
    assert_eq!(
        refused(&folder, &["--manifest-path", "none/Cargo.toml", "-c", "pass"]),
        "error: manifest path `[ROOT]/none/Cargo.toml` does not exist\n"
    );
    assert_eq!(
        refused(&folder, &["--package", "iner", "-c", "pass"]),
        "error: no package `iner` in the workspace `[ROOT]`\n\nhelp: did you mean `inner`?\n"
    );
}

#[test]
fn a_changed_manifest_is_heard_at_once() {
    let folder = package("[package.metadata.pyrun.scripts]\none = \"a.py\"\n");
    assert_eq!(succeeded(&finish(&mut pyrun(&folder, &["--list"]))), "one  a.py\n");
    let manifest = folder.project().join("Cargo.toml");
    let text = fs_err::read_to_string(&manifest).expect("the manifest");
    fs_err::write(&manifest, text.replace("one =", "two =")).expect("the manifest");
    assert_eq!(succeeded(&finish(&mut pyrun(&folder, &["--list"]))), "two  a.py\n");
}

/// `cargo` with the program under test on its `PATH`.
fn cargo(folder: &Folder, arguments: &[&str]) -> Command {
    let by_us = folder.pyrun([]);
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(folder.project()).env_clear();
    command.envs(by_us.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        [program().parent().expect("a folder").to_owned()].into_iter().chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders).expect("a PATH"));
    with_cargo(&mut command).env_remove("CARGO");
    command
}

#[test]
fn cargo_calls_us() {
    if part("TESTBED_DOCKER").is_none() {
        return;
    }
    let folder = package(&format!(
        "[package.metadata.pyrun]\ntag = \"{TAG}\"\nscripts.say = {{ code = \"print(7)\" }}\n"
    ));
    folder.file("tell.py", "import sys\nprint(sys.argv)\nsys.exit(9)\n");
    let run = finish(&mut cargo(&folder, &["pyrun", "tell.py", "--release", "pyrun"]));
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(9), "['tell.py', '--release', 'pyrun']\n"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr, "", "neither cargo nor we add a word");
    assert_eq!(succeeded(&finish(&mut cargo(&folder, &["pyrun", "say"]))), "7\n");
    let version = finish(&mut cargo(&folder, &["pyrun", "--version"]));
    assert_eq!(succeeded(&version), "cargo-pyrun 0.1.0\n");
    let listed = finish(&mut cargo(&folder, &["--list"]));
    assert!(succeeded(&listed).lines().any(|line| line.trim() == "pyrun"), "{}", listed.stdout);
}

#[test]
fn cargo_help_is_our_help() {
    let folder = Folder::new();
    let by_cargo = finish(&mut cargo(&folder, &["help", "pyrun"]));
    let by_us = finish(&mut folder.pyrun(["--help"]));
    assert_eq!(succeeded(&by_cargo), succeeded(&by_us));
    let called_as_cargo_does = finish(&mut folder.pyrun(["pyrun", "--help"]));
    assert_eq!(called_as_cargo_does.stdout, by_us.stdout);
}

#[test]
fn cargos_own_options_reach_us() {
    let folder = Folder::new();
    let mut coloured = cargo(&folder, &["pyrun", "absent.py"]);
    let run = finish(coloured.env("CARGO_TERM_COLOR", "always"));
    assert_eq!(run.code, Some(127));
    assert!(run.stderr.starts_with("\u{1b}["), "{:?}", run.stderr);
    let mut plain = cargo(&folder, &["pyrun", "absent.py"]);
    let run = finish(plain.env("NO_COLOR", "1"));
    assert!(run.stderr.starts_with("error: no such script"), "{:?}", run.stderr);
}
