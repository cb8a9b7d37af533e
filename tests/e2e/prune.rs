//! `cargo pyimage cache`: what is in it, and pruning that takes nothing from anybody.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;
use tests::{
    Finished, Folder, HandMadeWheel, Running, TAG, WheelHost, eventually, finish, nothing_is_left_of, spawn,
};

/// Imports one package at once, and the other when it is told to.
const LAZY: &str = "\
import one, sys
print(one.WORD, flush=True)
sys.stdin.readline()
import two, wave, pwd
print(two.WORD, pwd.getpwuid(0).pw_name)
";

fn host() -> WheelHost {
    WheelHost::of(vec![
        HandMadeWheel::saying("one", "first", 200_000),
        HandMadeWheel::saying("two", "second", 300_000),
        HandMadeWheel::saying("three", "third", 1000),
    ])
}

fn ran(run: &Finished, expected: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected), "{}", run.stderr);
}

fn cache(folder: &Folder, arguments: &[&str]) -> Finished {
    let run = finish(folder.pyimage(["cache"]).args(arguments));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let run = cache(folder, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&run.stdout).expect("JSON")
}

/// How many entries of a kind there are.
fn entries(report: &Value, list: &str, kind: &str) -> u64 {
    let kinds = report[list].as_array().expect("a list");
    kinds.iter().find(|of| of["kind"] == kind).map_or(0, |of| of["entries"].as_u64().expect("a number"))
}

#[test]
fn what_is_in_the_cache_is_told_and_goes_when_it_is_old() {
    let folder = Folder::new();
    let empty = cache(&folder, &[]);
    assert_eq!(empty.stdout, "KIND  ENTRIES  SIZE  LAST USED\nall         0   0 B\n");
    let host = host();
    folder.file("pylock.toml", &host.lock(&["one", "two"]));
    let arguments = ["--tag", TAG, "-r", "pylock.toml", "-c", "import one, two; print(one.WORD, two.WORD)"];
    ran(&finish(&mut folder.pyrun(arguments)), "first second\n");

    let report = json(&folder, &[]);
    for (kind, count) in [("environments", 1), ("packages", 2), ("package-bytecode", 2), ("blobs", 2)] {
        assert_eq!(entries(&report, "kinds", kind), count, "{kind} in {report}");
    }
    assert_eq!(report["folder"], folder.cache().to_string_lossy().as_ref());
    let size = |of: &Value| of["size"].as_u64().expect("a size");
    let sum: u64 = report["kinds"].as_array().expect("a list").iter().map(size).sum();
    assert_eq!(sum, size(&report));
    // As the system counts it, which knows of the folders around the entries too.
    let du = finish(std::process::Command::new("du").args(["-s", "-B1"]).arg(folder.cache())).stdout;
    let du: u64 = du.split_whitespace().next().and_then(|size| size.parse().ok()).expect("a size");
    assert!(sum <= du && du < sum + 300_000, "{sum} of {du}");
    let table = cache(&folder, &[]);
    assert!(table.stdout.contains("packages"), "{}", table.stdout);
    assert!(table.stderr.contains(&folder.cache().display().to_string()), "{}", table.stderr);

    let young = json(&folder, &["--prune", "1h"]);
    assert_eq!(young["removed"], serde_json::json!([]));
    let planned = json(&folder, &["--prune", "0s", "--dry-run"]);
    assert_eq!(entries(&planned, "removed", "packages"), 2, "{planned}");
    assert_eq!(json(&folder, &[])["size"], report["size"], "nothing went");
    let half = json(&folder, &["--prune", &format!("{}B", sum - 1)]);
    assert!(size(&half) < sum && size(&half) > 0, "{half}");
    let pruned = cache(&folder, &["--prune", "0s"]);
    assert!(pruned.stderr.contains("Freed"), "{}", pruned.stderr);
    assert_eq!(json(&folder, &[])["kinds"], serde_json::json!([]));
    ran(&finish(&mut folder.pyrun(arguments)), "first second\n");
}

#[test]
fn a_limit_that_is_none_is_refused_with_those_that_are() {
    let folder = Folder::new();
    for wrong in ["30", "5m", "-1d", "all", ""] {
        let run = finish(folder.pyimage(["cache", "--prune"]).arg(wrong));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{wrong}: {}", run.stderr);
        for accepted in ["`30d`", "`2GB`"] {
            assert!(run.stderr.contains(accepted) || wrong.is_empty(), "{wrong}: {}", run.stderr);
        }
    }
    assert_eq!(finish(&mut folder.pyimage(["cache", "--dry-run"])).code, Some(2));
}

#[test]
fn what_a_script_runs_with_stays() {
    let folder = Folder::new();
    let host = host();
    folder.file("pylock.toml", &host.lock(&["one", "two"])).file("lazy.py", LAZY);
    folder.file("other/pylock.toml", &host.lock(&["three"]));
    let other = finish(&mut folder.pyrun(["--tag", TAG, "-r", "other/pylock.toml", "-c", "import three"]));
    ran(&other, "");
    let arguments = ["--tag", TAG, "-r", "pylock.toml", "lazy.py"];
    let mut script = Running::start(folder.pyrun(arguments).stdin(Stdio::piped()));
    script.wait_for("first");
    let pruned = json(&folder, &["--prune", "0s"]);
    assert_eq!(entries(&pruned, "removed", "environments"), 1, "the other's: {pruned}");
    assert_eq!(entries(&pruned, "removed", "packages"), 1, "{pruned}");
    assert!(pruned["in_use"].as_u64() >= Some(2), "{pruned}");
    let told = cache(&folder, &["--prune", "0s"]);
    assert!(told.stderr.contains("in use, and not removed"), "{}", told.stderr);
    drop(script.child().stdin.take());
    assert_eq!(script.code(), 0, "{}", script.stderr());
    assert_eq!(script.stdout(), "first\nsecond root\n");

    // One whose client was killed uses nothing any more.
    let mut killed = Running::start(folder.pyrun(arguments).stdin(Stdio::piped()));
    killed.wait_for("first");
    killed.signal(Signal::KILL);
    killed.end();
    assert!(nothing_is_left_of(&folder));
    cache(&folder, &["--prune", "0s"]);
    assert_eq!(json(&folder, &[])["kinds"], serde_json::json!([]));
}

#[test]
fn runs_and_prunes_at_the_same_time_get_along() {
    let folder = Folder::new();
    let host = host();
    for names in [&["one", "two"][..], &["two", "three"], &["one", "two", "three"]] {
        let file = format!("pylock.{}.toml", names.join(""));
        folder.file(&file, &host.lock(names));
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let pruning = scope.spawn(|| {
            let mut prunes = 0;
            while !done.load(Ordering::SeqCst) {
                cache(&folder, &["--prune", "0s"]);
                prunes += 1;
            }
            prunes
        });
        let running: Vec<_> = (0..6)
            .map(|number| {
                let folder = &folder;
                scope.spawn(move || {
                    for turn in 0..4 {
                        let (lock, code, expected) = match (number + turn) % 3 {
                            0 => (
                                "pylock.onetwo.toml",
                                "import one, two; print(one.WORD + two.WORD)",
                                "firstsecond\n",
                            ),
                            1 => (
                                "pylock.twothree.toml",
                                "import two, three; print(two.WORD + three.WORD)",
                                "secondthird\n",
                            ),
                            _ => (
                                "pylock.onetwothree.toml",
                                "import one, two, three; print(one.WORD)",
                                "first\n",
                            ),
                        };
                        ran(&finish(&mut folder.pyrun(["--tag", TAG, "-r", lock, "-c", code])), expected);
                    }
                })
            })
            .collect();
        let ended: Vec<_> = running.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        assert!(pruning.join().expect("the prunes") > 3);
        for end in ended {
            end.expect("all runs succeed");
        }
    });
    assert_eq!(folder.unsound_in_cache(), Vec::<std::path::PathBuf>::new());
    cache(&folder, &["--prune", "0s"]);
    assert_eq!(json(&folder, &[])["kinds"], serde_json::json!([]));
}

#[test]
fn twelve_processes_prepare_the_same_packages_once() {
    let folder = Folder::new();
    let host = host();
    host.pause(std::time::Duration::from_millis(50));
    folder.file("pylock.toml", &host.lock(&["one", "two"]));
    let code = "import one, two; print(one.WORD, two.WORD)";
    let children: Vec<_> = (0..12)
        .map(|_| spawn(folder.pyrun(["--tag", TAG, "-r", "pylock.toml", "-c", code]).stdin(Stdio::null())))
        .collect();
    let mut fetching = 0;
    for child in children {
        let output = child.wait_with_output().expect("an end");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "first second\n", "{stderr}");
        fetching += stderr.matches("Fetching").count();
    }
    assert_eq!((fetching, host.asked()), (1, 2));
    let report = json(&folder, &[]);
    assert_eq!((entries(&report, "kinds", "packages"), entries(&report, "kinds", "unfinished")), (2, 0));
    assert!(eventually(std::time::Duration::from_secs(5), || folder.unsound_in_cache().is_empty()));
}
