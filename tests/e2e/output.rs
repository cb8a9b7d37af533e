//! What we say ourselves: `--timings`, `-q`, `-v`, `--color`, and nothing else.

use tests::{Folder, TAG, finish};

/// A script's two streams, and a warning of ours beside them.
const NOISY: [&str; 2] = ["-c", "import sys; print('out'); print('err', file=sys.stderr)"];

#[test]
fn a_run_says_nothing_of_its_own() {
    let folder = Folder::new();
    let run = finish(folder.pyrun(["--tag", TAG]).args(NOISY));
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "out\n", "err\n"));
}

#[test]
fn timings_tell_each_phase() {
    let folder = Folder::new();
    let run = finish(folder.pyrun(["--tag", TAG, "--timings"]).args(NOISY));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "out\n"), "{}", run.stderr);
    let lines: Vec<_> = run.stderr.lines().filter(|line| *line != "err").collect();
    let phases: Vec<_> =
        lines.iter().map(|line| line.split_whitespace().next().unwrap_or_default()).collect();
    assert_eq!(phases, ["connect", "create", "attach", "start", "run", "drain", "total"]);
    let milliseconds: Vec<f64> = lines
        .iter()
        .map(|line| {
            let number = line.trim_end().strip_suffix(" ms").and_then(|rest| rest.split_whitespace().last());
            number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no time in {line:?}"))
        })
        .collect();
    let (total, phases) = milliseconds.split_last().expect("lines");
    let sum: f64 = phases.iter().sum();
    // Each is rounded to a tenth.
    assert!((total - sum).abs() < 1.0, "the phases are all there is: {sum} of {total}");
    assert!(*total <= run.took.as_secs_f64() * 1e3, "{total} of {:?}", run.took);
}

#[test]
fn quiet_leaves_only_the_script_and_errors() {
    let Some(()) = legacy_tag() else { return };
    let folder = Folder::new();
    // Each of these has something to say without `-q`: an old Python, and a script that a signal ended.
    let crash = "import os, sys; sys.stdout.write('out'); sys.stdout.flush(); os.kill(os.getpid(), 11)";
    let said = finish(&mut folder.pyrun(["--tag", "2.7-slim", "-c", crash]));
    assert_eq!((said.code, said.stdout.as_str()), (Some(139), "out"));
    assert_eq!(said.stderr.lines().count(), 2, "{}", said.stderr);
    for quiet in [&["-q"][..], &["--quiet"]] {
        let run = finish(folder.pyrun(["--tag", "2.7-slim"]).args(quiet).args(["-c", crash]));
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(139), "out", ""));
    }
    let mut by_cargo = folder.pyrun(["--tag", "2.7-slim", "-c", crash]);
    let run = finish(by_cargo.env("CARGO_TERM_QUIET", "true"));
    assert_eq!(run.stderr, "", "as cargo's own setting asks");
    let run = finish(&mut folder.pyrun(["-q", "--tag", TAG, "absent.py"]));
    assert!(run.stderr.starts_with("error: no such script"), "errors are told: {}", run.stderr);
}

fn legacy_tag() -> Option<()> {
    let there = tests::docker(["image", "inspect", "python:2.7-slim"]).code == Some(0);
    if !there {
        tests::skip("image python:2.7-slim");
    }
    there.then_some(())
}

#[test]
fn colours_are_asked_for_by_flag_then_cargo_then_the_terminal() {
    let folder = Folder::new();
    let coloured = |arguments: &[&str], env: &[(&str, &str)]| {
        let mut command = folder.pyrun([]);
        command.args(arguments).args(["--tag", TAG, "absent.py"]);
        let run = finish(command.envs(env.iter().copied()));
        assert_eq!(run.code, Some(127));
        assert!(run.stderr.contains("no such script"), "{}", run.stderr);
        run.stderr.contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]), "a pipe gets none");
    assert!(coloured(&["--color", "always"], &[]));
    assert!(coloured(&["--color=always"], &[("NO_COLOR", "1"), ("CARGO_TERM_COLOR", "never")]));
    assert!(coloured(&[], &[("CARGO_TERM_COLOR", "always")]));
    assert!(!coloured(&["--color", "never"], &[("CARGO_TERM_COLOR", "always")]));
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn colours_hold_for_help_too() {
    let folder = Folder::new();
    let run = finish(folder.pyrun(["--help"]).env("CARGO_TERM_COLOR", "always"));
    assert!(run.stdout.contains('\u{1b}'));
    let run = finish(folder.pyrun(["--no-such-option"]).env("CARGO_TERM_COLOR", "always"));
    assert!(run.stderr.contains('\u{1b}'), "{}", run.stderr);
    let run = finish(&mut folder.pyrun(["--help"]));
    assert!(!run.stdout.contains('\u{1b}'));
}

#[test]
fn a_port_that_the_engine_chose_is_told() {
    let folder = Folder::new();
    let run = finish(&mut folder.pyrun([
        "--tag",
        TAG,
        "-p",
        "127.0.0.1::8000",
        "-c",
        "import time; time.sleep(1)",
    ]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let told = run
        .stderr
        .trim()
        .strip_prefix("Published 127.0.0.1:")
        .and_then(|rest| rest.strip_suffix(" -> 8000/tcp"));
    assert!(told.is_some_and(|port| port.parse::<u16>().is_ok()), "{}", run.stderr);
}

#[test]
fn a_kept_container_is_named() {
    let folder = Folder::new();
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--keep", "-c", "pass"]));
    let name =
        run.stderr.split_whitespace().nth(1).map(|word| word.trim_end_matches(':')).unwrap_or_default();
    let removed = tests::docker(["rm", name]);
    assert_eq!((run.code, removed.code), (Some(0), Some(0)), "{} {}", run.stderr, removed.stderr);
}

#[test]
fn a_tag_that_is_none_goes_to_the_script_and_that_is_told() {
    let folder = Folder::new();
    folder.file("tell.py", "import sys; print(sys.argv[1:])");
    let mut command = folder.pyrun(["tell.py", "--tag", "3.13-slm"]);
    let run = finish(command.env("PYRUN_TAG", TAG));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "['--tag', '3.13-slm']\n"), "{}", run.stderr);
    assert!(run.stderr.starts_with("warning: `--tag 3.13-slm` went to the script"), "{}", run.stderr);
}
