//! A terminal exactly where there is one, as large as it is, and as it was when we are gone.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::{Folder, TAG, Terminal, eventually, finish, in_shell, nothing_is_left_of};

#[test]
fn the_script_has_a_terminal_of_the_callers_size_from_its_first_line_on() {
    let folder = Folder::new();
    let code = "import os, sys; print(*os.get_terminal_size(0), [os.isatty(n) for n in (0, 1, 2)], os.ttyname(0)[:9])";
    for (rows, columns) in [(24, 80), (25, 81), (7, 301)] {
        let mut terminal = Terminal::open(rows, columns, &folder.pyrun(["--tag", TAG, "-c", code]));
        let (exit, _) = terminal.end();
        let expected = format!("{columns} {rows} [True, True, True] /dev/pts/\r\n");
        assert_eq!((exit, terminal.shown()), (0, expected));
    }
}

#[test]
fn another_size_reaches_the_script_and_its_handler() {
    let folder = Folder::new();
    let code = "import os, signal, time\n\
                signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b'%d x %d;' % os.get_terminal_size(0)))\n\
                os.write(1, b'ready')\n\
                while True: time.sleep(60)";
    let terminal = Terminal::open(24, 80, &folder.pyrun(["--tag", TAG, "-c", code]));
    terminal.wait_for("ready");
    for (rows, columns) in [(25, 81), (50, 133)] {
        terminal.resize(rows, columns);
        terminal.wait_for(&format!("{columns} x {rows};"));
    }
}

#[test]
fn without_a_terminal_there_is_none() {
    let folder = Folder::new();
    let code = "import os; print([os.isatty(n) for n in (0, 1, 2)], 'TERM' in os.environ)";
    let run = finish(folder.pyrun(["--tag", TAG, "-c", code]).env("TERM", "xterm"));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "[False, False, False] False\n"), "{}", run.stderr);
}

#[test]
fn a_pipe_on_either_side_means_no_terminal() {
    let folder = Folder::new();
    let code = "import os; print([os.isatty(n) for n in (0, 1, 2)])";
    for line in ["\"$0\" \"$@\" | cat -v", "echo | \"$0\" \"$@\" | cat -v", "\"$0\" \"$@\" </dev/null"] {
        let mut terminal = Terminal::open(24, 80, &in_shell(line, &folder.pyrun(["--tag", TAG, "-c", code])));
        let (exit, _) = terminal.end();
        // The carriage return is the outer terminal's; one of ours would be shown as `^M`.
        assert_eq!((exit, terminal.shown().as_str()), (0, "[False, False, False]\r\n"), "{line}");
    }
}

#[test]
fn ctrl_c_interrupts_the_script_once() {
    let folder = Folder::new();
    let code = "import time\n\
                count = 0\n\
                print('ready', flush=True)\n\
                for _ in range(20):\n    \
                    try: time.sleep(0.1)\n    \
                    except KeyboardInterrupt: count += 1\n\
                print('interrupted', count)";
    let mut terminal = Terminal::open(24, 80, &folder.pyrun(["--tag", TAG, "-c", code]));
    terminal.wait_for("ready");
    terminal.keys("\x03");
    let (exit, _) = terminal.end();
    assert_eq!(exit, 0, "{}", terminal.shown());
    assert!(terminal.shown().ends_with("interrupted 1\r\n"), "{:?}", terminal.shown());
}

#[test]
fn ctrl_c_ends_a_script_without_a_handler_with_130() {
    let folder = Folder::new();
    let code = "import time; print('ready', flush=True); time.sleep(60)";
    let mut terminal = Terminal::open(24, 80, &folder.pyrun(["--tag", TAG, "-c", code]));
    terminal.wait_for("ready");
    terminal.keys("\x03");
    let (exit, took) = terminal.end();
    assert_eq!(exit, 130, "{}", terminal.shown());
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(terminal.shown().contains("KeyboardInterrupt"), "{}", terminal.shown());
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn the_repl_answers_recalls_a_line_and_ends_with_ctrl_d() {
    let folder = Folder::new();
    let mut terminal = Terminal::open(24, 80, folder.pyrun(["--tag", TAG]).env("TERM", "xterm-256color"));
    terminal.wait_for(">>> ");
    terminal.keys("6 * 7 * 1000\r");
    terminal.wait_for("42000");
    // The arrow up, as a terminal in application mode has it, recalls the line; a digit more makes another answer.
    terminal.keys("\x1bOA");
    let recalled = || terminal.shown().matches("7 * 1000").count() > 1;
    assert!(eventually(Duration::from_secs(10), recalled), "{:?}", terminal.shown());
    terminal.keys("0\r");
    terminal.wait_for("420000");
    terminal.keys("import os; print('TERM is', os.environ['TERM'])\r");
    terminal.wait_for("TERM is xterm-256color");
    terminal.keys("\x04");
    let (exit, _) = terminal.end();
    assert_eq!(exit, 0, "{}", terminal.shown());
}

#[test]
fn a_script_reads_lines_and_the_end_from_the_keyboard() {
    let folder = Folder::new();
    let code = "import sys; print('name? ', end='', flush=True); print('got', sys.stdin.read().split())";
    let mut terminal = Terminal::open(24, 80, &folder.pyrun(["--tag", TAG, "-c", code]));
    terminal.wait_for("name? ");
    terminal.keys("ada\rlovelace\r\x04");
    let (exit, _) = terminal.end();
    assert_eq!(exit, 0, "{}", terminal.shown());
    assert!(terminal.shown().ends_with("got ['ada', 'lovelace']\r\n"), "{:?}", terminal.shown());
    // What is typed is shown once: by the script's terminal, not by ours too.
    assert_eq!(terminal.shown().matches("ada").count(), 2, "{:?}", terminal.shown());
}

#[test]
fn all_that_a_script_shows_at_its_end_is_shown() {
    let folder = Folder::new();
    let code = "print('x' * 200000 + 'end', end='')";
    let mut terminal = Terminal::open(24, 80, &folder.pyrun(["--tag", TAG, "-c", code]));
    let (exit, _) = terminal.end();
    let shown = terminal.shown();
    assert_eq!((exit, shown.len()), (0, 200_003));
    assert!(shown.ends_with("end"));
}

#[test]
fn the_terminals_modes_are_restored() {
    let folder = Folder::new();
    let line = "stty -g; \"$0\" \"$@\"; stty -g";
    for code in ["pass", "raise SystemExit(3)", "import os; os.kill(os.getpid(), 11)"] {
        let mut terminal =
            Terminal::open(24, 80, &in_shell(line, &folder.pyrun(["-q", "--tag", TAG, "-c", code])));
        assert_eq!(terminal.end().0, 0, "{}", terminal.shown());
        assert_modes_restored(&terminal);
    }
}

#[test]
fn the_terminals_modes_are_restored_after_sigterm() {
    let folder = Folder::new();
    let code = "import time; print('ready', flush=True); time.sleep(60)";
    let line = "stty -g; \"$0\" \"$@\"; echo code $?; stty -g";
    let mut terminal =
        Terminal::open(24, 80, &in_shell(line, &folder.pyrun(["-q", "--tag", TAG, "-c", code])));
    terminal.wait_for("ready");
    let children = format!("/proc/{0}/task/{0}/children", terminal.leader());
    let child = fs_err::read_to_string(children).expect("the shell's children");
    let child = child.trim().parse().ok().and_then(Pid::from_raw).expect("one child");
    kill_process(child, Signal::TERM).expect("it runs");
    assert_eq!(terminal.end().0, 0, "{}", terminal.shown());
    assert!(terminal.shown().contains("code 143\r\n"), "{}", terminal.shown());
    assert_modes_restored(&terminal);
}

fn assert_modes_restored(terminal: &Terminal) {
    let shown = terminal.shown();
    let modes: Vec<_> = shown.lines().filter(|line| line.matches(':').count() > 10).collect();
    let [before, after] = modes[..] else { panic!("{shown:?}") };
    assert_eq!(before, after);
}

#[test]
fn a_job_in_the_background_runs_without_the_terminal() {
    let folder = Folder::new();
    let code = "import os; print([os.isatty(n) for n in (0, 1, 2)], flush=True)";
    // With job control each job is a group of its own: one that reads the terminal, or sets it, is stopped.
    let line = "set -m; \"$0\" \"$@\" & wait $!; echo code $?";
    let mut terminal = Terminal::open(24, 80, &in_shell(line, &folder.pyrun(["--tag", TAG, "-c", code])));
    assert_eq!(terminal.end().0, 0, "{}", terminal.shown());
    assert!(terminal.shown().contains("[False, False, False]\r\n"), "{}", terminal.shown());
    assert!(terminal.shown().contains("code 0\r\n"), "{}", terminal.shown());
}
