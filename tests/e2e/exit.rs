//! Exit codes, as `docker run` has them and a little more honest.

use tests::{Folder, TAG, finish};

#[test]
fn the_scripts_own_code_is_ours() {
    let folder = Folder::new();
    for (code, expected) in [("pass", 0), ("raise SystemExit(1)", 1), ("raise SystemExit(32)", 32)] {
        let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", code]));
        assert_eq!(run.code, Some(expected), "{code}: {}", run.stderr);
    }
}

#[test]
fn a_crash_is_never_a_success() {
    let folder = Folder::new();
    let crash = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)";
    let run = finish(&mut folder.pyrun(["--tag", TAG, "-c", crash]));
    assert_eq!(run.code, Some(139), "{}", run.stderr);
    assert!(run.stderr.contains("SIGSEGV"), "{}", run.stderr);
}
