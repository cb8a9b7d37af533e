//! Scripts that a program in Rust has in itself, by the library.

mod program;

use std::thread;
use std::time::{Duration, Instant};

use pyrun::{Detached, Script, ScriptError, Stdin, Stream};
use tests::{Folder, TAG, docker, eventually, nothing_is_left_of, part};

/// A limit that is far beyond what anything here takes.
const SOON: Duration = Duration::from_secs(20);

/// The script on the bed's engine, in a folder of this test's own.
fn on_the_bed(script: Script, folder: &Folder) -> Script {
    let script = script.tag(TAG).cache(folder.cache().display().to_string()).folder(folder.project());
    match part("TESTBED_DOCKER") {
        Some(engine) => script.engine(engine),
        None => script,
    }
}

fn code(text: &str, folder: &Folder) -> Script {
    on_the_bed(Script::code(text), folder)
}

fn embedded(text: &'static str, folder: &Folder) -> Script {
    on_the_bed(Script::embedded("report.py", text), folder)
}

#[test]
fn an_embedded_script_works_in_the_folder_and_is_a_file() {
    let folder = Folder::new();
    folder.file("data.csv", "1\n2\n");
    let text = "import sys, table\n\
                print(sys.argv, table.total(open('data.csv')), __file__)\n\
                open('out.txt', 'w').write('done')\n\
                print('to stderr', file=sys.stderr)\n";
    let output = embedded(text, &folder)
        .beside("table.py", "def total(lines): return sum(map(int, lines))")
        .args(["--year", "2026"])
        .output()
        .wait()
        .expect("a run");
    assert_eq!((output.status.code(), output.status.signal()), (0, None));
    let file = "/usr/src/script/report.py";
    assert_eq!(output.text(), format!("['{file}', '--year', '2026'] 3 {file}\n"));
    assert_eq!(output.stderr, b"to stderr\n");
    assert_eq!(fs_err::read_to_string(folder.project().join("out.txt")).expect("a file"), "done");
    let names: Vec<_> = fs_err::read_dir(folder.project()).expect("the folder").flatten().collect();
    assert_eq!(names.len(), 2, "no bytecode and nothing else: {names:?}");
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn a_traceback_shows_the_lines_of_an_embedded_script() {
    let folder = Folder::new();
    let output = embedded("def work():\n    raise ValueError('no')\nwork()\n", &folder).output().wait();
    let error = output.expect("a run").successful().expect_err("it failed");
    let told = error.to_string();
    assert!(told.starts_with("`report.py` failed: exit code 1\n"), "{told}");
    assert!(told.contains("line 2, in work\n") && told.contains("raise ValueError('no')"), "{told}");
    assert!(matches!(error, ScriptError::Failed { status, .. } if status.code() == 1));
}

#[test]
fn codes_signals_and_lack_of_memory_are_told_apart() {
    let folder = Folder::new();
    for (text, code_of_it, signal) in [
        ("raise SystemExit(3)", 3, None),
        ("import os; os._exit(255)", 255, None),
        ("import os; os._exit(137)", 137, None),
        ("import os; os.kill(os.getpid(), 11)", 139, Some(11)),
        ("import os; os.kill(os.getpid(), 9)", 137, Some(9)),
    ] {
        let status = code(text, &folder).stdin(Stdin::Null).run().wait().expect("a run");
        let found = (status.code(), status.signal(), status.out_of_memory());
        assert_eq!(found, (code_of_it, signal, false), "{text}");
    }
    let greedy = code("x = bytearray(400 << 20); x[::4096] = bytes(len(x[::4096]))", &folder).memory("64m");
    let status = greedy.output().wait().expect("a run").status;
    assert!(status.out_of_memory() && !status.success() && status.code() == 137, "{status:?}");
}

#[test]
fn an_interrupted_script_decides_itself() {
    let folder = Folder::new();
    let text = "import time\n\
                print('up', flush=True)\n\
                try: time.sleep(600)\n\
                except KeyboardInterrupt: print('interrupted', end=''); raise SystemExit(7)\n";
    let mut running = embedded(text, &folder).spawn().wait().expect("a run");
    assert_eq!(running.line().wait().expect("a line").text, "up");
    running.interrupt();
    let mut said = Vec::new();
    while let Some(piece) = running.piece().wait() {
        assert_eq!(piece.stream, Stream::Stdout);
        said.extend_from_slice(&piece.bytes);
    }
    assert_eq!(String::from_utf8_lossy(&said), "interrupted");
    assert_eq!(running.finish().wait().expect("its end").code(), 7);
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn what_is_mounted_and_who_it_is_are_as_asked_for() {
    let folder = Folder::new();
    folder.file("in/word.txt", "given");
    fs_err::create_dir_all(folder.project().join("out")).expect("a folder");
    let text = "import os\n\
                open('/out/word.txt', 'w').write(open('/in/word.txt').read())\n\
                try: open('/in/word.txt', 'a')\n\
                except OSError: print('read-only', end=' ')\n\
                try: open('/usr/word.txt', 'w')\n\
                except OSError: print('root too', end=' ')\n\
                print(os.getuid(), os.environ['WORD'])";
    let script = Script::code(text).tag(TAG).cache(folder.cache().display().to_string());
    let script = script.engine(part("TESTBED_DOCKER").unwrap_or_default());
    let script = script.mount(folder.project().join("out"), "/out");
    let script = script.mount_read_only(folder.project().join("in"), "/in").read_only();
    let output = script.user("0:0").env("WORD", "set").no_network().output().wait().expect("a run");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.text().as_str(), stderr.as_str()), ("read-only root too 0 set\n", ""));
    assert_eq!(fs_err::read_to_string(folder.project().join("out/word.txt")).expect("a file"), "given");
}

#[test]
fn a_shell_tells_what_goes_on_in_methods() {
    let folder = Folder::new();
    let (shell, capture) = pyrun::shell::Shell::capture(pyrun::shell::Verbosity::Normal);
    let script = code("print(1)", &folder).network("host").publish("127.0.0.1:18080:80").shell(shell);
    assert_eq!(script.output().wait().expect("a run").text(), "1\n");
    let told = "warning: `.publish(…)` does nothing with `.network(\"host\")`";
    assert!(capture.stderr().contains(told), "{}", capture.stderr());
}

#[test]
fn large_output_of_both_streams_is_kept_apart_and_whole() {
    let folder = Folder::new();
    let text = "import sys, threading\n\
                def write(to, letter):\n    \
                    for _ in range(1000): to.write(letter * 10_000)\n\
                other = threading.Thread(target=write, args=(sys.stderr, 'e'))\n\
                other.start(); write(sys.stdout, 'o'); other.join()\n";
    let output = embedded(text, &folder).output().wait().expect("a run");
    assert!(output.status.success());
    for (bytes, letter) in [(output.stdout, b'o'), (output.stderr, b'e')] {
        assert_eq!(bytes.len(), 10_000_000);
        assert!(bytes.iter().all(|byte| *byte == letter));
    }
}

#[test]
fn stdin_is_what_it_is_given() {
    let folder = Folder::new();
    let sum = "import sys; d = sys.stdin.buffer.read(); print(len(d), sum(d))";
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let expected = format!("1000000 {}\n", bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>());
    assert_eq!(code(sum, &folder).stdin(bytes).output().wait().expect("a run").text(), expected);
    assert_eq!(code(sum, &folder).output().wait().expect("a run").text(), "0 0\n");
    let upper = "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)";
    let mut running = code(upper, &folder).stdin(Stdin::Piped).spawn().wait().expect("a run");
    for word in ["one", "two"] {
        running.write(format!("{word}\n")).wait().expect("it reads");
        assert_eq!(running.line().wait().expect("a line").text, word.to_uppercase());
    }
    running.close_stdin();
    assert!(running.write("more").wait().is_err());
    assert_eq!(running.line().wait(), None);
    assert!(running.finish().wait().expect("its end").success());
}

#[test]
fn lines_come_while_the_script_runs() {
    let folder = Folder::new();
    let text = "import sys, time\n\
                print('one', flush=True)\n\
                print('aside', file=sys.stderr, flush=True)\n\
                time.sleep(60)\n";
    let started = Instant::now();
    let mut running = embedded(text, &folder).spawn().wait().expect("a run");
    let mut lines: Vec<_> = running.lines().take(2).map(|line| (line.stream as u8, line.text)).collect();
    lines.sort();
    let expected = [(Stream::Stdout as u8, "one"), (Stream::Stderr as u8, "aside")];
    assert_eq!(lines, expected.map(|(stream, text)| (stream, text.to_owned())));
    assert!(started.elapsed() < Duration::from_secs(50));
    assert_eq!(docker(["inspect", running.container()]).code, Some(0), "its container runs");
    running.terminate();
    let status = running.finish().wait().expect("its end");
    assert_eq!((status.code(), status.signal()), (143, Some(15)));
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn what_is_dropped_leaves_no_container() {
    let folder = Folder::new();
    let sleep =
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)";
    let mut running = embedded(sleep, &folder).spawn().wait().expect("a run");
    assert_eq!(running.line().wait().expect("a line").text, "up");
    assert!(!tests::containers_of(&folder).is_empty());
    drop(running);
    assert!(eventually(SOON, || tests::containers_of(&folder).is_empty()));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Cut off at any moment: before the container, between its creation and its start, after it.
    for delay in (0..700).step_by(70) {
        let cut = async {
            tokio::time::timeout(Duration::from_millis(delay), embedded(sleep, &folder).output()).await
        };
        assert!(runtime.block_on(cut).is_err(), "it sleeps");
    }
    thread::sleep(Duration::from_secs(1));
    assert!(
        eventually(SOON, || tests::containers_of(&folder).is_empty()),
        "{:?}",
        tests::containers_of(&folder)
    );
}

#[test]
fn a_killed_script_is_told_and_gone() {
    let folder = Folder::new();
    let running = code("import time; time.sleep(600)", &folder).spawn().wait().expect("a run");
    running.kill();
    let status = running.finish().wait().expect("its end");
    assert_eq!((status.code(), status.signal(), status.out_of_memory()), (137, Some(9), false));
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn a_script_that_takes_too_long_is_killed() {
    let folder = Folder::new();
    let limit = Duration::from_secs(2);
    let started = Instant::now();
    let error = embedded("import time; time.sleep(600)", &folder).time_limit(limit).output().wait();
    let error = error.expect_err("it takes too long");
    assert_eq!(error.to_string(), "`report.py` was killed: it ran for more than 2s");
    assert!(started.elapsed() < SOON);
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn waiting_in_a_runtime_is_no_panic_and_awaiting_runs_two_at_once() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Each waits for the other's file.
    let meet = |own: &str, other: &str| {
        let text = format!(
            "import os, time\nopen('{own}', 'w').close()\n\
             end = time.monotonic() + 20\n\
             while not os.path.exists('{other}'):\n    \
                 time.sleep(0.02)\n    \
                 assert time.monotonic() < end\n\
             print('{own} met {other}')"
        );
        code(&text, &folder).output()
    };
    let both = async || tokio::join!(meet("a", "b"), meet("b", "a"));
    runtime.block_on(async {
        let blocking = code("print(1)", &folder).output().wait().expect("a run");
        assert_eq!(blocking.text(), "1\n");
        let (a, b) = both().await;
        assert_eq!(
            (a.expect("a run").text(), b.expect("a run").text()),
            ("a met b\n".into(), "b met a\n".into())
        );
    });
}

#[test]
fn a_script_of_the_machine_finds_its_modules() {
    let folder = Folder::new();
    folder.file("sub/tool.py", "import near, os, sys; print(near.NAME, os.getcwd(), sys.argv)");
    folder.file("sub/near.py", "NAME = 'near'");
    let script = folder.project().join("sub/tool.py");
    let inside = on_the_bed(Script::file(&script), &folder).arg("x").output().wait().expect("a run");
    assert_eq!(inside.text(), "near /usr/src/myapp ['sub/tool.py', 'x']\n");
    let alone = Script::file(&script).tag(TAG).cache(folder.cache().display().to_string());
    let alone = alone.engine(part("TESTBED_DOCKER").unwrap_or_default()).output().wait().expect("a run");
    assert_eq!(alone.text(), "near /tmp ['/usr/src/script/tool.py']\n");
    let module = on_the_bed(Script::module("tool"), &folder).workdir("sub").output().wait().expect("a run");
    assert_eq!(module.text(), "near /usr/src/myapp/sub ['/usr/src/myapp/sub/tool.py']\n");
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn a_detached_script_goes_on_without_whoever_started_it() {
    for variable in ["TESTBED_DOCKER", "TESTBED_PODMAN"] {
        let Some(engine) = part(variable) else { continue };
        goes_on(&engine);
    }
}

fn goes_on(engine: &str) {
    let folder = Folder::new();
    let text = "import os, sys, time\n\
                print('begun', sys.stdin.read(), flush=True)\n\
                while not os.path.exists('go'): time.sleep(0.05)\n\
                print('aside', file=sys.stderr)\n\
                raise SystemExit(4)\n";
    let detached = embedded(text, &folder).engine(engine).detach().wait().expect("a start");
    let name = detached.name().to_owned();
    let id = detached.id().wait().expect("an id");
    assert!(id.len() == 64, "{id}");
    let mut log = detached.follow().wait().expect("a log");
    assert_eq!(log.line().wait().expect("a line").text, "begun ");
    assert_eq!(detached.status().wait().expect("an answer"), None);
    drop((log, detached));
    thread::sleep(Duration::from_secs(2));

    let found = Detached::find(&name, Some(engine)).wait().expect("it goes on");
    assert_eq!(found.status().wait().expect("an answer"), None);
    folder.file("go", "");
    let status = found.finished().wait().expect("its end");
    assert_eq!((status.code(), status.signal(), status.out_of_memory()), (4, None, false));
    // Later too, and for others.
    assert_eq!(found.finished().wait().expect("its end"), status);
    let logs = found.logs().wait().expect("its log");
    assert_eq!((logs.stdout, logs.stderr), (b"begun \n".to_vec(), b"aside\n".to_vec()));
    found.remove().wait().expect("its removal");
    let gone = Detached::find(&name, Some(engine)).wait().expect_err("it is gone");
    assert!(matches!(&gone, ScriptError::NoContainer(told) if *told == name), "{gone}");
}

#[test]
fn a_detached_script_is_stopped() {
    let folder = Folder::new();
    let polite = "import signal, sys, time\n\
                  signal.signal(15, lambda *_: sys.exit(5))\n\
                  print('up', flush=True)\n\
                  while True: time.sleep(60)";
    let deaf =
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)";
    for (text, patience, code) in [(polite, 10, 5), (deaf, 1, 137)] {
        let detached = embedded(text, &folder).detach().wait().expect("a start");
        let mut log = detached.follow().wait().expect("a log");
        assert_eq!(log.line().wait().expect("a line").text, "up");
        let status = detached.stop(Duration::from_secs(patience)).wait().expect("its end");
        assert_eq!(status.code(), code);
        assert_eq!(log.line().wait(), None);
        detached.remove().wait().expect("its removal");
    }
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn what_cannot_be_run_is_an_error_with_help() {
    let folder = Folder::new();
    let refused = |script: Script| script.output().wait().expect_err("no run");
    let error = refused(code("1", &folder).engine("unix:///nowhere/engine.sock"));
    assert!(error.to_string().contains("tried `unix:///nowhere/engine.sock`: no such socket"), "{error}");
    assert!(!error.helps().is_empty());
    let error = refused(code("1", &folder).tag("3.13-slmi"));
    assert_eq!(error.to_string(), "`3.13-slmi` is no tag of the official Python image");
    assert_eq!(error.helps(), ["did you mean `.tag(\"3.13-slim\")`?"]);
    let error = refused(code("1", &folder).tag("3.13.99-slim").pull("never"));
    assert!(error.to_string().contains("python:3.13.99-slim"), "{error}");
    assert_eq!(error.exit_code(), 125);
    let error = refused(code("1", &folder).memory("lots"));
    assert!(error.to_string().starts_with("invalid value for `.memory(…)`"), "{error}");
    let error = refused(code("1", &folder).folder("/no/such/folder"));
    assert_eq!(error.to_string(), "cannot mount folder `/no/such/folder`");
    let error = refused(on_the_bed(Script::file("/no/such/script.py"), &folder));
    assert_eq!(
        (error.to_string().as_str(), error.exit_code()),
        ("no such script: `/no/such/script.py`", 127)
    );
    let error = refused(on_the_bed(Script::embedded("../report.py", ""), &folder));
    assert!(matches!(&error, ScriptError::Name(name) if name == "../report.py"), "{error}");
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn packages_are_those_of_the_embedded_script_s_metadata() {
    if tests::uv().is_none() {
        return;
    }
    let folder = Folder::new();
    let text = "# /// script\n# requires-python = '>=3.12'\n# dependencies = ['idna']\n# ///\n\
                import idna\nprint(idna.encode('bücher.example').decode())\n";
    for _ in 0..2 {
        let output = embedded(text, &folder).no_network().output().wait().expect("a run");
        assert_eq!(output.text(), "xn--bcher-kva.example\n", "{}", String::from_utf8_lossy(&output.stderr));
    }
    let output = code("import idna; print(idna.__name__)", &folder).with("idna").offline().output().wait();
    assert_eq!(output.expect("a run").text(), "idna\n");

    // A lock of the command's counts, until the script asks for something else.
    folder.file("report.py", text);
    let mut command = folder.pyrun(["--tag", TAG, "--lock", "report.py"]);
    for (name, value) in std::env::vars().filter(|(name, _)| name.starts_with("PIP_")) {
        command.env(name, value);
    }
    let run = tests::finish(&mut command);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lock = fs_err::read_to_string(folder.project().join("pylock.report.toml")).expect("the lock");
    let output = embedded(text, &folder).lock(lock.clone()).offline().output().wait().expect("a run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let other = text.replace("'idna'", "'idna', 'certifi'");
    let stale = on_the_bed(Script::embedded("report.py", other), &folder).lock(lock).output().wait();
    let stale = stale.expect_err("the lock is stale");
    assert!(stale.to_string().contains("stale"), "{stale}: {:?}", stale.helps());
}

#[test]
fn nothing_of_the_machine_is_there_unless_it_is_named() {
    let folder = Folder::new();
    let script = Script::code(
        "import os; print(os.getcwd(), os.path.exists('/usr/src/myapp')); open('here', 'w').write('x')",
    );
    let script = script.tag(TAG).cache(folder.cache().display().to_string());
    let engine = part("TESTBED_DOCKER").unwrap_or_default();
    let output = script.engine(engine).output().wait().expect("a run");
    assert_eq!((output.text().as_str(), output.stderr), ("/tmp False\n", Vec::new()));
}
