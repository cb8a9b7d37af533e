//! Pythons past their end of life run like any other, with one line of warning.

use std::process::Command;
use std::time::Duration;

use tests::{Finished, Folder, docker, finish, finish_with, skip, spawn};

const LEGACY: &str = "2.7-slim";

/// The tag, where the engine has its image.
fn legacy(tag: &str) -> Option<&str> {
    let image = format!("python:{tag}");
    if docker(["image", "inspect", &image]).code == Some(0) {
        return Some(tag);
    }
    skip(&format!("image {image}"));
    None
}

fn warning(tag: &str) -> String {
    format!("warning: `{tag}` has had no security fixes since 2020-01-01, Python 2's end of life\n")
}

fn ran(run: &Finished, tag: &str, stdout: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), stdout), "{}", run.stderr);
    assert_eq!(run.stderr, warning(tag));
}

#[test]
fn python_2_runs_with_one_line_of_warning() {
    for tag in ["2.7-slim", "2"] {
        let Some(tag) = legacy(tag) else { continue };
        let folder = Folder::new();
        folder.file("old.py", "import sys\nprint 'Python', sys.version_info[0], sys.argv\n");
        let run = finish(&mut folder.pyrun(["--tag", tag, "old.py", "-x"]));
        ran(&run, tag, "Python 2 ['old.py', '-x']\n");
        // The second run knows the image from the cache.
        let run = finish(&mut folder.pyrun(["--tag", tag, "-c", "print 1"]));
        ran(&run, tag, "1\n");
    }
}

#[test]
fn python_2_has_exit_codes() {
    let Some(tag) = legacy(LEGACY) else { return };
    let folder = Folder::new();
    for (code, expected) in [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("raise ValueError", 1),
        ("import os; os.kill(os.getpid(), 11)", 139),
        ("import os; os._exit(255)", 255),
    ] {
        let run = finish(&mut folder.pyrun(["--tag", tag, "-c", code]));
        assert_eq!(run.code, Some(expected), "{code}: {}", run.stderr);
    }
    let run = finish(&mut folder.pyrun(["--tag", tag, "--entrypoint", "/no/such", "-c", ""]));
    assert_eq!(run.code, Some(127), "{}", run.stderr);
    let run = finish(&mut folder.pyrun(["--tag", tag, "--entrypoint", "/etc/passwd", "-c", ""]));
    assert_eq!(run.code, Some(126), "{}", run.stderr);
}

#[test]
fn python_2_reads_stdin_to_its_end() {
    let Some(tag) = legacy(LEGACY) else { return };
    let folder = Folder::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let code =
        "import sys; d = sys.stdin.read(); print len(d), sum(map(ord, d)); sys.stderr.write('done\\n')";
    let run = finish_with(&mut folder.pyrun(["-q", "--tag", tag, "-c", code]), &bytes);
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    assert_eq!((run.code, run.stdout), (Some(0), format!("1000000 {sum}\n")), "{}", run.stderr);
    assert_eq!(run.stderr, "done\n");
    // A script that reads nothing ends all the same.
    let run = finish_with(&mut folder.pyrun(["-q", "--tag", tag, "-c", "print 1"]), &bytes);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "1\n"), "{}", run.stderr);
    let run = finish_with(&mut folder.pyrun(["-q", "--tag", tag, "-", "a"]), b"import sys\nprint sys.argv\n");
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "['-', 'a']\n"), "{}", run.stderr);
}

#[test]
fn python_2_gets_signals() {
    let Some(tag) = legacy(LEGACY) else { return };
    for (number, expected) in [("TERM", 143), ("INT", 130), ("HUP", 129), ("USR1", 138)] {
        let folder = Folder::new();
        let code = "import sys, time\nprint 'up'\nsys.stdout.flush()\ntime.sleep(60)";
        let mut child = spawn(&mut folder.pyrun(["-q", "--tag", tag, "-c", code]));
        let mut up = [0; 3];
        let mut stdout = child.stdout.take().expect("a pipe");
        std::io::Read::read_exact(&mut stdout, &mut up).expect("the script's first word");
        let sent = std::time::Instant::now();
        let killed = Command::new("kill").arg(format!("-{number}")).arg(child.id().to_string()).status();
        assert!(killed.expect("kill").success());
        let code = child.wait().expect("an end").code();
        // Python 2 reports a `KeyboardInterrupt` that nobody caught with 1, on a plain machine too.
        let expected = if number == "INT" { 1 } else { expected };
        assert_eq!(code, Some(expected), "SIG{number}");
        assert!(sent.elapsed() < Duration::from_secs(5), "SIG{number} took {:?}", sent.elapsed());
    }
}

#[test]
fn python_2_has_a_terminal() {
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    let Some(tag) = legacy(LEGACY) else { return };
    let folder = Folder::new();
    let size = PtySize { rows: 33, cols: 77, pixel_width: 0, pixel_height: 0 };
    let pty = native_pty_system().openpty(size).expect("a terminal");
    let code = "import fcntl, os, struct, sys, termios
print [os.isatty(fd) for fd in (0, 1, 2)], struct.unpack('HH', fcntl.ioctl(0, termios.TIOCGWINSZ, '    '))
print 'read', repr(raw_input())";
    let command = folder.pyrun(["-q", "--tag", tag, "-c", code]);
    let mut builder = CommandBuilder::new(command.get_program());
    builder.args(command.get_args());
    builder.cwd(folder.project());
    builder.env_clear();
    for (name, value) in command.get_envs() {
        builder.env(name, value.unwrap_or_default());
    }
    let mut child = pty.slave.spawn_command(builder).expect("a run");
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().expect("a reader");
    let output = std::thread::spawn(move || {
        let mut text = Vec::new();
        // The master's end is EIO on Linux, after all that was written.
        let _ = std::io::Read::read_to_end(&mut reader, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut writer = pty.master.take_writer().expect("a writer");
    std::io::Write::write_all(&mut writer, b"typed\r").expect("a line typed");
    let status = child.wait().expect("an end");
    drop((writer, pty.master));
    let output = output.join().expect("the output");
    assert_eq!(status.exit_code(), 0, "{output}");
    assert!(output.contains("[True, True, True] (33, 77)"), "{output}");
    assert!(output.contains("read 'typed'"), "{output}");
}

#[test]
fn an_old_python_is_told_by_its_image_whatever_its_name() {
    let Some(tag) = legacy(LEGACY) else { return };
    // The same image under a name that says nothing of its age.
    let folder = Folder::new();
    let name = folder.root().file_name().expect("a name").to_string_lossy().replace('.', "").to_lowercase();
    let image = format!("{name}:mine");
    assert_eq!(docker(["tag", &format!("python:{tag}"), &image]).code, Some(0));
    let run = finish(&mut folder.pyrun(["--image", &image, "--pull", "never", "-c", "print 1"]));
    assert_eq!(docker(["rmi", &image]).code, Some(0));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "1\n"), "{}", run.stderr);
    assert_eq!(run.stderr.matches("warning:").count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("Python 2's end of life"), "{}", run.stderr);
}

#[test]
fn python_2_leaves_no_bytecode_in_the_project() {
    let Some(tag) = legacy(LEGACY) else { return };
    let folder = Folder::new();
    folder.file("sibling.py", "WORD = 'old'\n").file("old.py", "import sibling\nprint sibling.WORD\n");
    // It has no prefix for bytecode, so it is kept from writing any.
    ran(&finish(&mut folder.pyrun(["--tag", tag, "old.py"])), tag, "old\n");
    assert!(!folder.project().join("sibling.pyc").exists());
}
