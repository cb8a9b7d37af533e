//! The core of the policy on every engine; the subjects in their own files go deeper, on docker.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tests::{Running, Setting, TAG, Terminal, finish, finish_with, on_every_engine};

on_every_engine!(
    exit_codes_are_the_scripts,
    a_signal_ends_the_script_at_once,
    a_killed_client_leaves_nothing,
    a_terminal_is_one_inside_too,
    streams_stay_apart_and_clean,
    bytecode_is_there_on_the_second_run,
    what_cannot_run_is_told_and_leaves_nothing,
);

fn exit_codes_are_the_scripts(setting: &Setting) {
    let crash = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)";
    for (code, expected) in [("raise SystemExit(3)", 3), (crash, 139)] {
        let run = finish(&mut setting.pyrun(["--tag", TAG, "-c", code]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(expected), ""), "{code}: {}", run.stderr);
    }
    assert!(setting.nothing_is_left());
}

fn a_signal_ends_the_script_at_once(setting: &Setting) {
    let code = "import time; print('ready', flush=True); time.sleep(60)";
    for (signal, expected) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut run = Running::start(setting.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::null()));
        run.wait_for("ready");
        run.signal(signal);
        let (status, took) = run.end();
        assert_eq!(status.code(), Some(expected), "{}", run.stderr());
        // One second is promised; the machine of the tests is a busy one.
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    assert!(setting.nothing_is_left());
}

fn a_killed_client_leaves_nothing(setting: &Setting) {
    let code = "import time; print('ready', flush=True); time.sleep(60)";
    let mut run = Running::start(setting.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::null()));
    run.wait_for("ready");
    assert_eq!(setting.containers().len(), 1);
    run.signal(Signal::KILL);
    let _ = run.end();
    assert!(setting.nothing_is_left());
}

fn a_terminal_is_one_inside_too(setting: &Setting) {
    let code = "import os, sys; print(sys.stdin.isatty(), sys.stdout.isatty(), *os.get_terminal_size()); \
                print('heard', input())";
    let mut terminal = Terminal::open(33, 101, &setting.pyrun(["--tag", TAG, "-c", code]));
    terminal.wait_for("True True 101 33");
    terminal.keys("a word\n");
    terminal.wait_for("heard a word");
    assert_eq!(terminal.end().0, 0, "{}", terminal.shown());
    assert!(setting.nothing_is_left());
}

fn streams_stay_apart_and_clean(setting: &Setting) {
    let code = "import sys\n\
                data = sys.stdin.buffer.read()\n\
                sys.stdout.buffer.write(data)\n\
                print('on stderr', len(data), sys.stdin.isatty(), sys.stdout.isatty(), file=sys.stderr)";
    let text = "a line\n".repeat(40_000);
    let run = finish_with(&mut setting.pyrun(["--tag", TAG, "-c", code]), text.as_bytes());
    assert_eq!(run.stderr, format!("on stderr {} False False\n", text.len()));
    assert_eq!(run.code, Some(0));
    assert!(run.stdout == text, "{} bytes came back of {}", run.stdout.len(), text.len());
}

fn bytecode_is_there_on_the_second_run(setting: &Setting) {
    let code = "import importlib.util, os\n\
                files = [importlib.util.find_spec(name).origin for name in ('helper', 'json')]\n\
                print([os.path.exists(importlib.util.cache_from_source(file)) for file in files])\n\
                import helper, json";
    setting.folder.file("helper.py", "word = 'imported'\n").file("main.py", code);
    for expected in ["[False, False]\n", "[True, True]\n"] {
        let run = finish(&mut setting.pyrun(["--tag", TAG, "main.py"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected), "{}", run.stderr);
    }
}

fn what_cannot_run_is_told_and_leaves_nothing(setting: &Setting) {
    let run = finish(&mut setting.pyrun(["--tag", TAG, "--python", "/no/such/python", "-c", "pass"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(127), ""), "{}", run.stderr);
    assert!(run.stderr.contains("has no `/no/such/python`"), "{}", run.stderr);
    let run = finish(&mut setting.pyrun(["--tag", TAG, "--python", "/etc/passwd", "-c", "pass"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(126), ""), "{}", run.stderr);
    let run = finish(&mut setting.pyrun(["--tag", TAG, "--network", "no-such-network", "-c", "pass"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{}", run.stderr);
    assert!(run.stderr.contains("no-such-network"), "{}", run.stderr);
    assert!(setting.nothing_is_left());
}
