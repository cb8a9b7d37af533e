//! Bytes go through as they are, in both directions, at the pace of the slower end.

use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tests::{Folder, Running, TAG, finish, finish_with, in_shell, nothing_is_left_of, spawn};

/// Every byte value, in an order that repeats only after a megabyte.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u8::try_from(state >> 24).unwrap_or_default()
    };
    (0..length).map(|_| next()).collect()
}

/// The peak of a process's memory in KiB, as the kernel counted it.
fn peak(child: &Child) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{}/status", child.id())).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Reads a child's stdout in pieces with a rest after each megabyte; gives how much and the last peak of memory.
fn read_slowly(child: &mut Child) -> (usize, u64) {
    let mut stdout = child.stdout.take().expect("a pipe");
    let (mut total, mut memory) = (0, 0);
    let mut buffer = vec![0; 64 * 1024];
    let mut rest = 0;
    loop {
        let read = stdout.read(&mut buffer).expect("bytes");
        if read == 0 {
            return (total, memory);
        }
        total += read;
        rest += read;
        if rest > 1 << 20 {
            rest = 0;
            memory = memory.max(peak(child));
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn all_bytes_reach_a_slow_reader() {
    let folder = Folder::new();
    let code = "import sys\n\
                for _ in range(18933764 // 4): sys.stdout.write('abc\\n')";
    let mut child = spawn(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::null()));
    let (total, _) = read_slowly(&mut child);
    assert_eq!(total, 18_933_764);
    assert!(child.wait().expect("the end").success());
}

#[test]
fn a_slow_reader_does_not_make_us_keep_its_bytes() {
    let folder = Folder::new();
    let code = "import sys\n\
                block = b'x' * 1000000\n\
                for _ in range(100): sys.stdout.buffer.write(block)";
    let mut child = spawn(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::null()));
    let (total, memory) = read_slowly(&mut child);
    assert_eq!(total, 100_000_000);
    assert!(child.wait().expect("the end").success());
    assert!(memory < 30 * 1024, "{memory} KiB at the peak");
}

#[test]
fn stdout_and_stderr_come_apart_and_without_carriage_returns() {
    let folder = Folder::new();
    let code = "import os\n\
                os.write(1, b'one\\n'); os.write(2, b'two\\n'); os.write(1, b'three\\n'); os.write(2, b'four')";
    let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", code]));
    // The last line comes as it is, without a line's end, and nothing of ours beside it.
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "one\nthree\n", "two\nfour"));
}

#[test]
fn binary_bytes_go_through_unchanged_both_ways() {
    let folder = Folder::new();
    let code = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)";
    let bytes = noise(5_000_000);
    let mut child = spawn(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("a pipe");
    let sent = bytes.clone();
    let writer = thread::spawn(move || stdin.write_all(&sent));
    let output = child.wait_with_output().expect("the end");
    writer.join().expect("a thread").expect("all was read");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == bytes, "{} bytes came back, or others", output.stdout.len());
}

#[test]
fn what_looks_like_our_own_messages_passes_through_stderr() {
    let folder = Folder::new();
    // Acknowledgements of stdin are among these bytes: the script's own must stay whole around them.
    let code = "import os, sys\n\
                while True:\n    \
                    data = sys.stdin.buffer.read(1000)\n    \
                    if not data: break\n    \
                    os.write(2, b'\\x1e' + b'0' * 32 + b':X0,0,0\\n')\n\
                os.write(2, b'\\x1e')";
    let stdin = vec![b'x'; 1_000_000];
    let run = finish_with(&mut folder.pyrun(["--tag", TAG, "-c", code]), &stdin);
    let line = format!("\x1e{}:X0,0,0\n", "0".repeat(32));
    assert_eq!(run.code, Some(0));
    assert!(run.stderr == line.repeat(1000) + "\x1e", "{} bytes", run.stderr.len());
}

#[test]
fn a_closed_stdin_is_an_empty_one() {
    let folder = Folder::new();
    let code = "import sys; print(repr(sys.stdin.read()))";
    let pyrun = folder.pyrun(["--tag", TAG, "-c", code]);
    for redirection in ["<&-", "</dev/null"] {
        let mut shell = in_shell(&format!("\"$0\" \"$@\" {redirection}"), &pyrun);
        let mut run = Running::start(&mut shell);
        assert_eq!((run.code(), run.stdout().as_str()), (0, "''\n"), "{redirection}: {}", run.stderr());
    }
}

#[test]
fn closed_outputs_are_no_reason_to_fail() {
    let folder = Folder::new();
    let code = "import os, sys; os.write(2, b'to stderr'); os.write(1, b'to stdout'); sys.exit(3)";
    let pyrun = folder.pyrun(["--tag", TAG, "-c", code]);
    let mut run = Running::start(&mut in_shell("\"$0\" \"$@\" 2>&-", &pyrun));
    assert_eq!((run.code(), run.stdout().as_str()), (3, "to stdout"));
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn a_script_that_never_reads_ends_when_it_is_done() {
    let folder = Folder::new();
    let mut child = spawn(folder.pyrun(["--tag", TAG, "-c", "print('done')"]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("a pipe");
    // More than any pipe holds, from a writer that stays.
    let writer = thread::spawn(move || {
        let written = stdin.write_all(&vec![b'x'; 50_000_000]);
        (written.is_err(), stdin)
    });
    let output = child.wait_with_output().expect("the end");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n");
    assert!(output.status.success());
    let (cut, _stdin) = writer.join().expect("a thread");
    assert!(cut, "a writer learns that nobody reads");
}

#[test]
fn an_open_stdin_that_says_nothing_holds_nobody_up() {
    let folder = Folder::new();
    let mut run = Running::start(folder.pyrun(["--tag", TAG, "-c", "print('done')"]).stdin(Stdio::piped()));
    let stdin = run.child().stdin.take();
    assert_eq!((run.code(), run.stdout().as_str()), (0, "done\n"), "{}", run.stderr());
    drop(stdin);
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let folder = Folder::new();
    let code = "import itertools\n\
                for n in itertools.count(): print(n)";
    let pyrun = folder.pyrun(["--tag", TAG, "-c", code]);
    let mut shell = in_shell("{ \"$0\" \"$@\"; echo \"code $?\" >&2; } | head -1", &pyrun);
    let run = finish(&mut shell);
    assert_eq!(run.stdout, "0\n");
    assert_eq!(run.stderr, "code 141\n");
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn a_reader_that_goes_away_from_a_quiet_script_ends_its_next_write() {
    let folder = Folder::new();
    let code = "import sys, time\n\
                print('first', flush=True); sys.stdin.readline()\n\
                while True: print('more', flush=True); time.sleep(0.1)";
    let mut child = spawn(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::piped()));
    let mut first = [0; 6];
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_exact(&mut first).expect("the first line");
    drop(stdout);
    child.stdin.take().expect("a pipe").write_all(b"go on\n").expect("a line");
    assert_eq!(child.wait().expect("the end").code(), Some(141));
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn a_script_from_stdin_runs_with_its_arguments() {
    let folder = Folder::new();
    let script = b"import sys\nprint(sys.argv, __name__)\n";
    let run = finish_with(&mut folder.pyrun(["--tag", TAG, "-", "--flag", "-x"]), script);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "['-', '--flag', '-x'] __main__\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn output_appears_when_the_script_flushes_it() {
    let folder = Folder::new();
    let code = "import sys\n\
                print('prompt', end='', flush=True)\n\
                print(sys.stdin.readline().upper(), end='', flush=True); sys.stdin.read()";
    let mut run = Running::start(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::piped()));
    run.wait_for("prompt");
    let mut stdin = run.child().stdin.take().expect("a pipe");
    let asked = Instant::now();
    stdin.write_all(b"answer\n").expect("a line");
    run.wait_for("ANSWER");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    drop(stdin);
    assert_eq!(run.code(), 0);
}

#[test]
fn a_signal_ends_the_run_though_nobody_reads_its_output() {
    let folder = Folder::new();
    // The engine has one connection for both streams: what comes after unread stdout waits with it.
    let code = "import os, time\n\
                os.write(2, b'ready\\n'); time.sleep(1)\n\
                while True: os.write(1, b'x' * 65536)";
    let mut child = spawn(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::null()));
    let stdout = child.stdout.take();
    let mut ready = [0; 6];
    child.stderr.as_mut().expect("a pipe").read_exact(&mut ready).expect("a line");
    // Until all that lies between the script and us is full.
    thread::sleep(Duration::from_secs(3));
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    let mut status = None;
    let ended = tests::eventually(Duration::from_secs(10), || {
        status = child.try_wait().expect("a child of ours");
        status.is_some()
    });
    if !ended {
        child.kill().expect("it runs");
    }
    assert!(ended, "it waits for its reader");
    assert_eq!(status.and_then(|status| status.code()), Some(143));
    drop(stdout);
    assert!(nothing_is_left_of(&folder));
}
