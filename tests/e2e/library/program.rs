//! A program of its own that has a script: what ends with it, and whose its files are.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use pyrun::Script;
use rustix::process::Signal;
use tests::{Folder, Running, Setting, TAG, eventually, on_engines};

/// What has this test binary be the program: the script's code.
const CODE: &str = "LIBRARY_CODE";
/// Whether the program passes signals on.
const FORWARDS: &str = "LIBRARY_FORWARDS_SIGNALS";

/// The program: this test, run again by the others with [`CODE`] set. In a run of all tests it does nothing.
#[test]
fn the_program() {
    let Ok(code) = std::env::var(CODE) else { return };
    let script = Script::code(code).tag(TAG).folder(".");
    let script = if std::env::var_os(FORWARDS).is_some() { script.forward_signals() } else { script };
    let status = script.run().wait().expect("a run");
    std::process::exit(status.code().into());
}

/// Makes of a command the program with this code.
fn with_code<'a>(command: &'a mut Command, code: &str) -> &'a mut Command {
    command.args(["library::program::the_program", "--exact", "--nocapture"]).env(CODE, code);
    command.stdin(Stdio::null())
}

fn program(folder: &Folder, code: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test's own path"));
    let plain = folder.pyrun([]);
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(folder.project());
    with_code(&mut command, code);
    command
}

on_engines!(
    docker, docker_of_root, containerd, podman, podman_of_another_user, rootless_docker, rootless_podman:
    [what_a_script_of_a_program_writes_belongs_to_who_runs_the_program]
);

fn what_a_script_of_a_program_writes_belongs_to_who_runs_the_program(setting: &Setting) {
    let code = "import os\nopen('file', 'w').write('x')\nos.makedirs('folder/inner')\nprint(os.getcwd())";
    let program = std::env::current_exe().expect("this test's own path");
    let run = tests::finish(with_code(&mut setting.program(&program), code));
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    for name in ["file", "folder", "folder/inner"] {
        let made = fs_err::symlink_metadata(setting.folder.project().join(name)).expect(name);
        assert_eq!((made.uid(), made.gid()), setting.caller(), "{name}");
    }
    assert!(setting.nothing_is_left());
}

#[test]
fn a_killed_program_takes_its_script_along() {
    let folder = Folder::new();
    let code = "import signal, time\n\
                signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
                print('ready', flush=True); time.sleep(120)";
    let mut run = Running::start(&mut program(&folder, code));
    run.wait_for("ready");
    assert_eq!(tests::containers_of(&folder).len(), 1);
    run.child().kill().expect("it runs");
    assert!(eventually(Duration::from_secs(20), || tests::containers_of(&folder).is_empty()));
}

#[test]
fn signals_reach_the_script_where_the_program_passes_them_on() {
    let code = "import signal, sys, time\n\
                signal.signal(signal.SIGTERM, lambda *_: (print('told', flush=True), sys.exit(5)))\n\
                print('ready', flush=True); time.sleep(120)";
    for (forwards, expected) in [(true, 5), (false, 128 + 15)] {
        let folder = Folder::new();
        let mut command = program(&folder, code);
        if forwards {
            command.env(FORWARDS, "1");
        }
        let mut run = Running::start(&mut command);
        run.wait_for("ready");
        run.signal(Signal::TERM);
        assert_eq!(run.code(), expected, "{forwards}: {}{}", run.stdout(), run.stderr());
        assert_eq!(run.stdout().contains("told"), forwards, "{}", run.stdout());
        assert!(tests::nothing_is_left_of(&folder));
    }
}
