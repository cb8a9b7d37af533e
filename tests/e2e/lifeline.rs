//! The container dies with its client, however that ends, and nothing is left behind.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tests::{
    Folder, Relay, Running, TAG, Terminal, containers_of, eventually, finish, nothing_is_left_of, part,
};

const LONG: &str = "import time; print('ready', flush=True); time.sleep(120)";

/// How long a container may outlive its client: the script has a second to clean up.
const SOON: Duration = Duration::from_secs(10);

fn ends_soon(folder: &Folder) -> bool {
    eventually(SOON, || containers_of(folder).is_empty())
}

#[test]
fn a_killed_client_takes_its_container_along() {
    let folder = Folder::new();
    let mut run = Running::start(folder.pyrun(["--tag", TAG, "-c", LONG]).stdin(Stdio::null()));
    run.wait_for("ready");
    assert_eq!(containers_of(&folder).len(), 1);
    run.child().kill().expect("it runs");
    assert!(ends_soon(&folder));
}

#[test]
fn a_killed_clients_script_may_clean_up() {
    let folder = Folder::new();
    let code = "import signal, sys, time\n\
                def end(*_): open('cleaned', 'w').close(); sys.exit()\n\
                signal.signal(signal.SIGTERM, end)\n\
                print('ready', flush=True); time.sleep(120)";
    let mut run = Running::start(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::null()));
    run.wait_for("ready");
    run.child().kill().expect("it runs");
    assert!(ends_soon(&folder));
    assert!(folder.project().join("cleaned").exists());
}

#[test]
fn a_killed_client_takes_a_script_along_that_ignores_every_signal() {
    let folder = Folder::new();
    let code = "import signal, subprocess, sys, time\n\
                for number in (1, 2, 3, 15): signal.signal(number, signal.SIG_IGN)\n\
                subprocess.Popen(['setsid', 'sleep', '120'])\n\
                print('ready', flush=True); time.sleep(120)";
    let mut run = Running::start(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::null()));
    run.wait_for("ready");
    run.child().kill().expect("it runs");
    assert!(ends_soon(&folder));
}

#[test]
fn a_killed_client_takes_its_container_along_with_stdin_full() {
    let folder = Folder::new();
    let mut run = Running::start(folder.pyrun(["--tag", TAG, "-c", LONG]).stdin(Stdio::piped()));
    let mut stdin = run.child().stdin.take().expect("a pipe");
    let writer = thread::spawn(move || stdin.write_all(&vec![b'x'; 1 << 20]));
    run.wait_for("ready");
    run.child().kill().expect("it runs");
    assert!(ends_soon(&folder));
    assert!(writer.join().expect("a thread").is_err(), "the script read nothing");
}

#[test]
fn a_killed_client_takes_its_container_along_with_stdout_full() {
    let folder = Folder::new();
    let code = "import os, time\nos.write(2, b'ready'); time.sleep(1)\nwhile True: os.write(1, b'x' * 65536)";
    let mut child = tests::spawn(folder.pyrun(["--tag", TAG, "-c", code]).stdin(Stdio::null()));
    let mut ready = [0; 5];
    std::io::Read::read_exact(child.stderr.as_mut().expect("a pipe"), &mut ready).expect("a word");
    thread::sleep(Duration::from_secs(3));
    child.kill().expect("it runs");
    child.wait().expect("its end");
    assert!(ends_soon(&folder));
}

#[test]
fn a_killed_client_takes_its_container_along_in_a_terminal() {
    let folder = Folder::new();
    let terminal = Terminal::open(24, 80, &folder.pyrun(["--tag", TAG, "-c", LONG]));
    terminal.wait_for("ready");
    terminal.signal(rustix::process::Signal::KILL);
    assert!(ends_soon(&folder));
}

#[test]
fn a_closed_terminal_ends_the_run() {
    let folder = Folder::new();
    let code = "import time\n\
                while True: print('ready', flush=True); time.sleep(0.2)";
    let mut terminal = Terminal::open(24, 80, &folder.pyrun(["--tag", TAG, "-c", code]));
    terminal.wait_for("ready");
    terminal.close();
    let (_, took) = terminal.end();
    assert!(took < SOON, "{took:?}");
    assert!(ends_soon(&folder));
}

#[test]
fn a_closed_terminal_ends_a_script_that_ignores_it() {
    let folder = Folder::new();
    let code = "import signal, time\n\
                for number in (1, 2, 3, 15): signal.signal(number, signal.SIG_IGN)\n\
                while True:\n    \
                    try: print('ready', flush=True)\n    \
                    except OSError: pass\n    \
                    time.sleep(0.2)";
    let mut terminal = Terminal::open(24, 80, &folder.pyrun(["--tag", TAG, "-c", code]));
    terminal.wait_for("ready");
    terminal.close();
    let (_, took) = terminal.end();
    assert!(took < SOON, "{took:?}");
    assert!(ends_soon(&folder));
}

#[test]
fn what_a_client_left_that_was_killed_at_any_moment_goes_with_the_next_run() {
    let folder = Folder::new();
    for delay in (0..660).step_by(55) {
        let command = &mut folder.pyrun(["--tag", TAG, "-c", "import time; time.sleep(120)"]);
        let mut run = Running::start(command.stdin(Stdio::null()));
        thread::sleep(Duration::from_millis(delay));
        run.child().kill().expect("it runs");
        run.child().wait().expect("its end");
    }
    // A busy engine may still be creating what the last one asked for: that goes with the run after the next.
    let next = || {
        thread::sleep(Duration::from_secs(2));
        let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", "print('ran')"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "ran\n"), "{}", run.stderr);
        nothing_is_left_of(&folder)
    };
    assert!(next() || next(), "{:?}", containers_of(&folder));
}

#[test]
fn a_lost_engine_is_named_and_the_script_ends_with_the_connection() {
    for variable in ["TESTBED_DOCKER", "TESTBED_PODMAN"] {
        let Some(engine) = part(variable) else { continue };
        let folder = Folder::new();
        let relay = Relay::to_socket(folder.root(), &engine);
        let mut command = folder.pyrun(["--tag", TAG, "-c", LONG]);
        let mut run = Running::start(command.env("DOCKER_HOST", relay.address()).stdin(Stdio::null()));
        run.wait_for("ready");
        relay.cut();
        let (status, took) = run.end();
        assert_eq!(status.code(), Some(125), "{}", run.stderr());
        assert!(took < SOON, "{took:?}");
        let told = format!("the engine at `{}` went away during the run", relay.address());
        assert!(run.stderr().contains(&told), "{}", run.stderr());
        let filter = format!("label=pyrun.folder={}", folder.project().display());
        let list = || finish(Command::new("docker").args(["-H", &engine, "ps", "-aq", "--filter", &filter]));
        assert!(eventually(SOON, || list().stdout.is_empty()), "{variable}: {:?}", list());
        assert_eq!(list().code, Some(0), "{variable}: {:?}", list());
    }
}

#[test]
fn a_connection_lost_in_a_terminal_gives_the_terminal_back() {
    let Some(engine) = part("TESTBED_DOCKER") else { return };
    let folder = Folder::new();
    let relay = Relay::to_socket(folder.root(), &engine);
    let mut command = folder.pyrun(["--tag", TAG, "-c", LONG]);
    let mut terminal = Terminal::open(24, 80, command.env("DOCKER_HOST", relay.address()));
    terminal.wait_for("ready");
    relay.cut();
    let (code, took) = terminal.end();
    assert_eq!(code, 125, "{}", terminal.shown());
    assert!(took < SOON, "{took:?}");
    assert!(terminal.shown().contains("went away during the run"), "{}", terminal.shown());
    assert!(ends_soon(&folder));
}
