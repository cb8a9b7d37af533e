//! Signals act on the script as they do on a local process, and at once.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::{Folder, Running, TAG, in_shell, nothing_is_left_of};

/// The contract is one second; the other tests share the machine.
const AT_ONCE: Duration = Duration::from_secs(2);

const FATAL: [(Signal, &str, i32); 6] = [
    (Signal::TERM, "SIGTERM", 15),
    (Signal::HUP, "SIGHUP", 1),
    (Signal::USR1, "SIGUSR1", 10),
    (Signal::USR2, "SIGUSR2", 12),
    (Signal::QUIT, "SIGQUIT", 3),
    (Signal::INT, "SIGINT", 2),
];

fn running(folder: &Folder, code: &str) -> Running {
    let mut run = Running::start(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::null()));
    run.wait_for("ready");
    run
}

#[test]
fn each_signal_reaches_a_handler_of_the_script_within_a_second() {
    let folder = Folder::new();
    let code = "import os, signal, time\n\
                def told(number, frame): os.write(1, signal.Signals(number).name.encode())\n\
                for number in (1, 2, 3, 10, 12, 15): signal.signal(number, told)\n\
                print('ready', flush=True)\n\
                while True: time.sleep(60)";
    let mut run = running(&folder, code);
    for (signal, name, _) in FATAL {
        run.signal(signal);
        let took = run.wait_for(name);
        assert!(took < AT_ONCE, "{name} took {took:?}");
    }
    assert!(run.child().try_wait().expect("a child of ours").is_none(), "the script handles them all");
}

#[test]
fn each_signal_ends_a_script_without_a_handler_within_a_second() {
    let folder = Folder::new();
    let code = "import time; print('ready', flush=True); time.sleep(60)";
    for (signal, name, number) in FATAL {
        let mut run = running(&folder, code);
        run.signal(signal);
        let (status, took) = run.end();
        assert_eq!(status.code(), Some(128 + number), "{name}: {}", run.stderr());
        assert!(took < AT_ONCE, "{name} took {took:?}");
    }
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn an_interrupted_script_raises_keyboard_interrupt() {
    let folder = Folder::new();
    let code = "import time\n\
                try: print('ready', flush=True); time.sleep(60)\n\
                except KeyboardInterrupt: print('interrupted'); raise SystemExit(7)";
    let mut run = running(&folder, code);
    run.signal(Signal::INT);
    assert_eq!(run.code(), 7, "{}", run.stderr());
    assert_eq!(run.stdout(), "ready\ninterrupted\n");
}

#[test]
fn a_subprocess_of_the_script_is_interrupted_too() {
    let folder = Folder::new();
    let child = "trap 'echo child interrupted; exit 3' INT; echo ready; while :; do sleep 0.1; done";
    let code = "import subprocess, sys\n\
                child = subprocess.Popen(['sh', '-c', sys.argv[1]])\n\
                try: child.wait()\n\
                except KeyboardInterrupt: child.wait(); print('interrupted')";
    let mut run = Running::start(folder.pyrun(["--tag", TAG, "-c", code, child]).stdin(Stdio::null()));
    run.wait_for("ready");
    run.signal(Signal::INT);
    let (status, took) = run.end();
    assert_eq!(
        (status.code(), run.stdout().as_str()),
        (Some(0), "ready\nchild interrupted\ninterrupted\n"),
        "{}",
        run.stderr()
    );
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn a_script_may_ignore_sigterm() {
    let folder = Folder::new();
    let code = "import signal, time\n\
                signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
                print('ready', flush=True); time.sleep(3); print('done')";
    let mut run = running(&folder, code);
    run.signal(Signal::TERM);
    assert_eq!((run.code(), run.stdout().as_str()), (0, "ready\ndone\n"), "{}", run.stderr());
}

#[test]
fn whoever_interrupts_three_times_means_it() {
    let folder = Folder::new();
    let code = "import signal, time\n\
                signal.signal(signal.SIGINT, lambda *_: print('no', flush=True))\n\
                print('ready', flush=True)\n\
                while True: time.sleep(60)";
    let mut run = running(&folder, code);
    for _ in 0..2 {
        let before = run.stdout().matches("no").count();
        run.signal(Signal::INT);
        assert!(tests::eventually(AT_ONCE, || run.stdout().matches("no").count() > before));
    }
    run.signal(Signal::INT);
    assert_eq!(run.code(), 130, "{}", run.stderr());
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn what_was_ignored_stays_ignored_as_under_nohup() {
    let folder = Folder::new();
    let pyrun = folder.pyrun([
        "--tag",
        TAG,
        "-c",
        "import time; print('ready', flush=True); time.sleep(3); print('done')",
    ]);
    let mut nohup = in_shell("trap '' HUP; exec \"$0\" \"$@\"", &pyrun);
    let mut run = Running::start(nohup.stdin(Stdio::null()));
    run.wait_for("ready");
    run.signal(Signal::HUP);
    assert_eq!((run.code(), run.stdout().as_str()), (0, "ready\ndone\n"), "{}", run.stderr());
}

#[test]
fn a_signal_while_the_run_starts_ends_it_and_leaves_nothing() {
    let folder = Folder::new();
    // From before the first line of the program to after the script's start; the first runs meet the image anew.
    for delay in (0..900).step_by(60) {
        let command = &mut folder.pyrun(["--tag", TAG, "-c", "import time; time.sleep(60)"]);
        let mut run = Running::start(command.stdin(Stdio::null()));
        thread::sleep(Duration::from_millis(delay));
        let sent = Instant::now();
        // Not SIGINT: a Python that is interrupted while it starts ends as it likes.
        run.signal(if delay % 120 == 0 { Signal::TERM } else { Signal::HUP });
        let code = run.code();
        let took = sent.elapsed();
        assert!([129, 143].contains(&code), "after {delay} ms: {code}: {}", run.stderr());
        // The engine finishes what it was asked before it removes it again.
        assert!(took < Duration::from_secs(5), "after {delay} ms: {took:?}");
    }
    assert!(nothing_is_left_of(&folder), "{:?}", tests::containers_of(&folder));
    let notes = fs_err::read_dir(folder.root().join("cache/runs")).map_or(0, Iterator::count);
    assert_eq!(notes, 0, "notes of containers that are gone");
}

#[test]
fn orphans_of_the_script_are_reaped() {
    let folder = Folder::new();
    // A child that leaves a grandchild behind, which ends a little later and is init's then.
    let code = "import os, subprocess, time\n\
                subprocess.run(['sh', '-c', 'sleep 0.2 &'])\n\
                time.sleep(1)\n\
                states = [open(f'/proc/{p}/stat').read().split()[2] for p in os.listdir('/proc') if p.isdigit()]\n\
                print(len(states), states.count('Z'))";
    let run = tests::finish(&mut folder.pyrun(["--tag", TAG, "-c", code]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "2 0\n"), "{}", run.stderr);
}
