//! Options of the container: mounts, folders, limits, the program, what stays.

use std::os::unix::fs::MetadataExt;

use tests::{Finished, Folder, TAG, User, containers_of, docker, finish, part};

fn succeeded(run: &Finished) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    &run.stdout
}

/// A name that no other test has: the temporary folder's.
fn unique(folder: &Folder) -> String {
    let name = folder.root().file_name().expect("a name").to_string_lossy();
    name.replace("pyrun-test-.", "").to_lowercase()
}

#[test]
fn the_working_folder_is_the_one_asked_for() {
    let folder = Folder::new();
    folder.file("tell.py", "import os, sys\nprint(os.getcwd(), sys.argv[0])\n");
    for (workdir, expected) in [
        ("/", "/ /usr/src/myapp/tell.py\n"),
        ("/usr/src/myapp", "/usr/src/myapp tell.py\n"),
        ("below", "/usr/src/myapp/below /usr/src/myapp/tell.py\n"),
        ("./below", "/usr/src/myapp/below /usr/src/myapp/tell.py\n"),
    ] {
        folder.file("below/x", "");
        let run = finish(&mut folder.pyrun(["--tag", TAG, "-w", workdir, "tell.py"]));
        assert_eq!(succeeded(&run), expected, "{workdir}");
    }
}

#[test]
fn the_current_folder_is_mounted_where_asked() {
    let folder = Folder::new();
    folder.file("tell.py", "import os\nprint(os.getcwd(), os.listdir('.'))\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--mount", "/srv/app", "tell.py"]));
    assert_eq!(succeeded(&run), "/srv/app ['tell.py']\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--mount", "srv", "tell.py"]));
    assert_eq!(run.code, Some(125));
    assert_eq!(
        run.stderr,
        "error: invalid value for `--mount`: `srv` is not an absolute path in the container\n"
    );
}

#[test]
fn a_volume_is_mounted_by_either_of_its_names() {
    let folder = Folder::new();
    folder.file("data/in.txt", "content\n");
    let absolute = format!("{}:/data", folder.project().join("data").display());
    let attached = format!("-v{absolute}");
    let forms: [&[&str]; 5] = [
        &["-v", &absolute],
        &["--volume", &absolute],
        &[&attached],
        &["-v", "./data:/data"],
        &["--volume=./data:/data"],
    ];
    for form in forms {
        let run = finish(
            folder.pyrun(["--tag", TAG]).args(form).args(["-c", "print(open('/data/in.txt').read())"]),
        );
        assert_eq!(succeeded(&run), "content\n\n", "{form:?}");
    }
}

#[test]
fn a_read_only_volume_cannot_be_written() {
    let folder = Folder::new();
    folder.file("data/in.txt", "");
    let code = "import errno\ntry:\n    open('/data/out.txt', 'w')\nexcept OSError as e:\n    print(errno.errorcode[e.errno])";
    let run = finish(&mut folder.pyrun(["--tag", TAG, "-v", "./data:/data:ro", "-c", code]));
    assert_eq!(succeeded(&run), "EROFS\n");
}

#[test]
fn a_named_volume_outlives_the_run() {
    let folder = Folder::new();
    let name = format!("pyrun-test-{}", unique(&folder));
    let volume = format!("{name}:/kept");
    let write =
        finish(&mut folder.pyrun(["--tag", TAG, "-v", &volume, "-c", "open('/kept/a', 'w').write('x')"]));
    let read =
        finish(&mut folder.pyrun(["--tag", TAG, "-v", &volume, "-c", "print(open('/kept/a').read())"]));
    // Free once the engine has removed the container, a moment after we return.
    let free = || docker(["volume", "rm", &name]).code == Some(0);
    assert!(tests::eventually(std::time::Duration::from_secs(20), free));
    succeeded(&write);
    assert_eq!(succeeded(&read), "x\n");
}

#[test]
fn an_anonymous_volume_goes_with_the_container() {
    let folder = Folder::new();
    let code = "print([line.split()[3] for line in open('/proc/self/mountinfo') if line.split()[4] == '/scratch'][0])";
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--volume", "/scratch", "-c", code]));
    let name = succeeded(&run).rsplit("/volumes/").next().expect("a path").replace("/_data", "");
    let gone = || docker(["volume", "inspect", name.trim()]).code != Some(0);
    assert!(tests::eventually(std::time::Duration::from_secs(20), gone), "{name}");
}

#[test]
fn verbose_and_volume_share_a_letter() {
    let folder = Folder::new();
    folder.file("data/in.txt", "content");
    folder.file("plain.py", "print('ran')");
    let run = finish(&mut folder.pyrun(["-v", "--tag", TAG, "plain.py"]));
    assert_eq!(succeeded(&run), "ran\n");
    assert!(run.stderr.contains("Engine"), "{}", run.stderr);
    let run = finish(&mut folder.pyrun(["--tag", TAG, "-v", "./data:/data", "-v", "plain.py"]));
    assert_eq!(succeeded(&run), "ran\n");
    assert!(run.stderr.contains("Engine"), "{}", run.stderr);
}

#[test]
fn another_program_gets_the_arguments() {
    let folder = Folder::new();
    folder.file("words.txt", "one two\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--entrypoint", "cat", "words.txt"]));
    assert_eq!(succeeded(&run), "one two\n");
    let run = finish(&mut folder.pyrun([
        "--tag",
        TAG,
        "--entrypoint",
        "/bin/sh",
        "-c",
        "echo \"$0 $1\"; exit 7",
        "a",
        "b",
    ]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(7), "a b\n"), "{}", run.stderr);
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--entrypoint", "/no/such", "words.txt"]));
    assert_eq!(run.code, Some(127), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("image `python:{TAG}` has no `/no/such`")), "{}", run.stderr);
}

#[test]
fn a_read_only_container_has_a_home_and_a_tmp_to_write() {
    let Some(user) = User::of_the_bed() else { return };
    let folder = Folder::new();
    let code = "import errno, os, tempfile
open(os.path.expanduser('~/a'), 'w'), tempfile.NamedTemporaryFile(), open('here', 'w')
for place in '/a', '/usr/local/a', '/var/tmp/a':
    try:
        open(place, 'w')
    except OSError as e:
        print(errno.errorcode[e.errno])";
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--read-only", "-c", code]));
    assert_eq!(succeeded(&run), "EROFS\n".repeat(3));
    folder.hand_to(&user);
    let run = finish(&mut folder.pyrun_as(&user, ["--tag", TAG, "--read-only", "-c", code]));
    // The sticky, open /var/tmp is as read-only as the rest; the closed ones refuse earlier.
    assert_eq!(succeeded(&run).lines().count(), 3, "{}", run.stdout);
    let owner = fs_err::metadata(folder.project().join("here")).expect("the script's file");
    assert_eq!((owner.uid(), owner.gid()), (user.uid, user.gid));
}

#[test]
fn limits_are_those_of_the_containers_cgroup() {
    let folder = Folder::new();
    // Both cgroup versions: the kernel's own answer, not what was asked of the engine.
    let code = "import pathlib
def first(*names):
    return next(p.read_text().split() for p in map(pathlib.Path, names) if p.exists())
print(first('/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes')[0])
quota = first('/sys/fs/cgroup/cpu.max', '/sys/fs/cgroup/cpu/cpu.cfs_quota_us')[0]
print(int(quota) / 100000)";
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--memory", "96m", "--cpus", "0.5", "-c", code]));
    assert_eq!(succeeded(&run), format!("{}\n0.5\n", 96 << 20));
    for (option, value) in [("--memory", "lots"), ("--cpus", "many"), ("--cpus", "0")] {
        let run = finish(&mut folder.pyrun(["--tag", TAG, option, value, "-c", "pass"]));
        assert_eq!(run.code, Some(125));
        let start = format!("error: invalid value for `{option}`: `{value}` is no ");
        assert!(run.stderr.starts_with(&start), "{}", run.stderr);
    }
}

#[test]
fn no_gpu_is_said_to_be_none() {
    let folder = Folder::new();
    if docker(["info", "--format", "{{json .Runtimes}}"]).stdout.contains("nvidia") {
        return tests::skip("engine without GPUs");
    }
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--gpus", "all", "-c", "pass"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""));
    assert!(run.stderr.starts_with("error: the engine has no GPU to give: "), "{}", run.stderr);
    assert!(run.stderr.contains("\nhelp: leave `--gpus` away"), "{}", run.stderr);
    assert!(containers_of(&folder).is_empty(), "nothing is left behind");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--gpus", "some", "-c", "pass"]));
    assert_eq!(
        run.stderr,
        "error: invalid value for `--gpus`: expected `all`, a number, or `device=ID[,ID]`\n"
    );
}

#[test]
fn a_kept_container_stays_with_its_log_and_its_files() {
    let folder = Folder::new();
    let name = format!("pyrun-test-{}", unique(&folder));
    let code = "print('said'); open('/left', 'w').write('x')";
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--keep", "--name", &name, "-c", code]));
    let state = docker(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", &name]);
    let log = docker(["logs", &name]);
    let changed = docker(["diff", &name]);
    let removed = docker(["rm", "-f", &name]);
    assert_eq!(succeeded(&run), "said\n");
    assert_eq!(state.stdout, "exited 0\n", "{}", state.stderr);
    assert!(log.stdout.contains("said\n"), "{}", log.stderr);
    assert!(changed.stdout.lines().any(|line| line == "A /left"), "{}", changed.stdout);
    assert_eq!(removed.code, Some(0));
}

#[test]
fn nothing_stays_unless_asked() {
    let folder = Folder::new();
    succeeded(&finish(&mut folder.pyrun(["--tag", TAG, "-c", "pass"])));
    let gone = || containers_of(&folder).is_empty();
    // The engine removes it by itself, a moment after we return.
    assert!(tests::eventually(std::time::Duration::from_secs(20), gone));
}

#[test]
fn a_script_drives_the_engine_where_it_may() {
    let Some(user) = User::of_the_bed() else { return };
    if part("TESTBED_DOCKER").is_none_or(|address| !address.starts_with("unix://")) {
        return tests::skip("engine on a socket");
    }
    let folder = Folder::new();
    folder.file(
        "ping.py",
        "import http.client, json, socket
class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect('/var/run/docker.sock')
engine = Engine('engine')
engine.request('GET', '/containers/json')
answer = engine.getresponse()
folders = [c['Labels'].get('pyrun.folder') for c in json.load(answer)]
print(answer.status, len(folders) > 0)
",
    );
    let run = finish(&mut folder.pyrun(["--tag", TAG, "--docker-socket", "ping.py"]));
    assert_eq!(succeeded(&run), "200 True\n");
    let run = finish(&mut folder.pyrun(["--tag", TAG, "ping.py"]));
    assert_eq!(run.code, Some(1), "not unless asked");
    assert!(run.stderr.contains("FileNotFoundError"), "{}", run.stderr);
    folder.hand_to(&user);
    let run = finish(&mut folder.pyrun_as(&user, ["--tag", TAG, "--docker-socket", "ping.py"]));
    assert_eq!(succeeded(&run), "200 True\n");
}

/// Init has to know its child even when that ends before its id was noted. On a busy machine it did not, now and then.
#[test]
fn a_program_that_ends_at_once_is_not_lost() {
    let folder = Folder::new();
    for _ in 0..3 {
        let children: Vec<_> = (0..6)
            .map(|_| {
                let mut command = folder.pyrun(["-q", "--tag", TAG, "--entrypoint", "/no/such"]);
                tests::spawn(command.stdin(std::process::Stdio::null()))
            })
            .collect();
        // All are ended before any is judged: a failure leaves none behind.
        let codes = children.into_iter().map(|mut child| {
            let limit = std::time::Duration::from_secs(30);
            if !tests::eventually(limit, || child.try_wait().expect("a child").is_some()) {
                child.kill().expect("a child of ours");
            }
            child.wait().expect("an end").code()
        });
        assert_eq!(codes.collect::<Vec<_>>(), [Some(127); 6]);
    }
}

#[test]
fn folders_that_an_engine_would_make_as_root_are_the_callers() {
    let Some(user) = User::of_the_bed() else { return };
    let folder = Folder::new();
    folder.hand_to(&user);
    let write = "open('/data/a', 'w').close(); open('b', 'w').close()";
    let arguments =
        ["--tag", TAG, "-v", "./new:/data", "-v", "./new:/usr/src/myapp/inner", "-w", "below", "-c", write];
    let run = finish(&mut folder.pyrun_as(&user, arguments));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for made in ["new", "new/a", "inner", "below", "below/b"] {
        let owner = fs_err::metadata(folder.project().join(made)).expect("it was made").uid();
        assert_eq!(owner, user.uid, "{made}");
    }
}
