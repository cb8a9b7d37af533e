//! Exit codes, as `docker run` has them and a little more honest.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use tests::{Folder, TAG, docker, finish, nothing_is_left_of, part, skip};

#[test]
fn the_scripts_own_code_is_ours() {
    let folder = Folder::new();
    let ends = [
        ("pass", 0),
        ("raise SystemExit(1)", 1),
        ("raise SystemExit(32)", 32),
        ("import sys; sys.exit(300)", 44),
        ("import sys; sys.exit(-1)", 255),
        ("import os; os._exit(125)", 125),
    ];
    for (code, expected) in ends {
        let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", code]));
        assert_eq!((run.code, run.stderr.as_str()), (Some(expected), ""), "{code}");
    }
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn a_traceback_and_a_last_word_arrive_on_stderr() {
    let folder = Folder::new();
    folder.file("fault.py", "def f():\n    return 1 / 0\nf()\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "fault.py"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    assert!(run.stderr.ends_with("ZeroDivisionError: division by zero\n"), "{}", run.stderr);
    let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", "raise SystemExit('no luck')"]));
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), "no luck\n"));
}

#[test]
fn a_crash_is_never_a_success() {
    let folder = Folder::new();
    for crash in
        ["import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "import ctypes; ctypes.string_at(0)"]
    {
        let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", crash]));
        assert_eq!(run.code, Some(139), "{crash}: {}", run.stderr);
        assert!(run.stderr.contains("SIGSEGV"), "{crash}: {}", run.stderr);
    }
}

#[test]
fn a_script_that_a_signal_ends_gives_128_and_the_signal() {
    let folder = Folder::new();
    for (name, number) in [("SIGINT", 2), ("SIGABRT", 6), ("SIGKILL", 9), ("SIGTERM", 15)] {
        let code = format!("import os, signal as s; s.signal(2, s.SIG_DFL); os.kill(os.getpid(), s.{name})");
        let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", &code]));
        assert_eq!(run.code, Some(128 + number), "{name}: {}", run.stderr);
        assert!(run.stderr.contains(name), "{name}: {}", run.stderr);
    }
}

#[test]
fn a_script_that_runs_out_of_memory_is_told_why_it_died() {
    let folder = Folder::new();
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--memory", "64m", "-c", "print(len(b'x' * 10**9))"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(137), ""), "{}", run.stderr);
    assert!(run.stderr.contains("memory"), "{}", run.stderr);
    assert!(run.stderr.contains("64 MiB"), "{}", run.stderr);
}

#[test]
fn a_subprocess_that_runs_out_of_memory_is_the_scripts_affair() {
    let folder = Folder::new();
    let code = "import subprocess, sys\n\
                run = subprocess.run([sys.executable, '-c', \"b'x' * 10**9\"])\n\
                print(run.returncode)";
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--memory", "64m", "-c", code]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "-9\n"), "{}", run.stderr);
}

#[test]
fn a_usage_error_is_125() {
    let folder = Folder::new();
    let run = finish(&mut folder.pyrun(["--no-such-flag", "x.py"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""));
    assert!(run.stderr.contains("--no-such-flag"), "{}", run.stderr);
}

#[test]
fn a_missing_script_names_its_path_on_the_host_and_the_nearest() {
    let folder = Folder::new();
    folder.file("tools/codegen.py", "");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "tools/codgen.py"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(127), ""));
    let path = folder.project().join("tools/codgen.py");
    assert!(run.stderr.contains(&format!("`{}`", path.display())), "{}", run.stderr);
    assert!(run.stderr.contains("did you mean `tools/codegen.py`?"), "{}", run.stderr);
}

#[test]
fn a_folder_is_a_script_only_with_a_main() {
    let folder = Folder::new();
    folder.file("app/helper.py", "word = 'ran'\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "app"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(126), ""), "{}", run.stderr);
    assert!(run.stderr.contains("__main__.py"), "{}", run.stderr);
    folder.file("app/__main__.py", "import helper, sys\nprint(helper.word, sys.argv)\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "app", "--flag"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "ran ['app', '--flag']\n"), "{}", run.stderr);
}

#[test]
fn a_script_that_its_caller_may_not_read_is_126() {
    // Root may read everything: another user has to try.
    let (Some(uid), Some(gid)) = (part("TESTBED_USER_UID"), part("TESTBED_USER_GID")) else { return };
    if !rustix::process::geteuid().is_root() {
        return skip("right to act as another user");
    }
    let folder = Folder::new();
    open_to_all(folder.root());
    folder.file("secret.py", "print('read')\n");
    let path = folder.project().join("secret.py");
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("another mode");
    let mut command = folder.pyrun(["--tag", TAG, "secret.py"]);
    command.uid(uid.parse().expect("a number")).gid(gid.parse().expect("a number"));
    let run = finish(&mut command);
    assert_eq!((run.code, run.stdout.as_str()), (Some(126), ""), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("`{}`", path.display())), "{}", run.stderr);
    assert!(run.stderr.to_lowercase().contains("permission denied"), "{}", run.stderr);
}

fn open_to_all(path: &std::path::Path) {
    for path in [path.to_owned(), path.join("cache"), path.join("home"), path.join("project")] {
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("another mode");
    }
}

#[test]
fn an_image_without_python_is_127_and_tells_what_to_do() {
    let image = "debian:trixie-slim";
    if docker(["image", "inspect", image]).code != Some(0) {
        return skip(image);
    }
    let folder = Folder::new();
    let run = finish(&mut folder.pyrun(["--image", image, "-c", "pass"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(127), ""), "{}", run.stderr);
    assert!(
        run.stderr.contains("image `debian:trixie-slim` has no `/usr/local/bin/python`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("help: ") && run.stderr.contains("--tag"), "{}", run.stderr);
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn a_slim_image_has_no_system_python_and_the_error_names_one_that_has() {
    let folder = Folder::new();
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--python", "system", "-c", "pass"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(127), ""), "{}", run.stderr);
    assert!(run.stderr.contains("`python:3.13-slim` has no `/usr/bin/python3`"), "{}", run.stderr);
    assert!(run.stderr.contains("`--tag 3.13` has it"), "{}", run.stderr);
    assert!(nothing_is_left_of(&folder));
}

#[test]
fn the_full_image_has_a_system_python() {
    let folder = Folder::new();
    let code = "import sys; print(sys.executable)";
    let run = finish(&mut folder.pyrun(["--tag", "3.13", "--python", "system", "-c", code]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "/usr/bin/python3\n"), "{}", run.stderr);
}

#[test]
fn an_entrypoint_is_looked_up_as_a_shell_does() {
    let folder = Folder::new();
    folder.file("list.txt", "");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--entrypoint", "ls", "list.txt"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "list.txt\n"), "{}", run.stderr);
    for (program, expected) in
        [("/etc/passwd", 126), ("/etc", 126), ("no-such-program", 127), ("/no/such", 127)]
    {
        let run = finish(&mut folder.pyrun(["--tag", TAG, "--entrypoint", program, "list.txt"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(expected), ""), "{program}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("`{program}`")), "{program}: {}", run.stderr);
        // What is not an interpreter of the image is not helped by another tag.
        assert!(!run.stderr.contains("--python"), "{program}: {}", run.stderr);
    }
    assert!(nothing_is_left_of(&folder));
}
