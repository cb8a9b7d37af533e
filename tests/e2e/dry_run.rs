//! `--dry-run`: the printed command, pasted into a shell, does what the run itself does.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use serde_json::Value;
use tests::{Finished, Folder, TAG, User, containers_of, docker, finish, finish_with, part};

/// Tells all that a script can see of how it was started, leaves a file, and ends with a code of its own.
const TELL: &str = "import getpass, json, os, pwd, sys
env = dict(os.environ)
# The container's own name.
env.pop('HOSTNAME', None)
try:
    account = list(pwd.getpwuid(os.getuid()))
except KeyError:
    account = None
print(json.dumps({
    'argv': sys.argv, 'stdin': sys.stdin.read(), 'executable': sys.executable, 'cwd': os.getcwd(), 'env': env,
    'ids': [os.getuid(), os.getgid(), sorted(os.getgroups())], 'account': account, 'user': getpass.getuser(),
    'home': [os.path.expanduser('~'), os.access(os.path.expanduser('~'), os.W_OK)],
    'root': os.access('/', os.W_OK), 'tmp': os.access('/tmp', os.W_OK), 'volume': os.path.exists('/data/in.txt'),
}))
open('/usr/src/myapp/out.txt', 'w').close()
raise SystemExit(3)
";

const STDIN: &[u8] = b"a line\nand \xc3\xbc";

/// What a run left: what it said, and whose its file is.
fn left(folder: &Folder, command: &mut Command) -> (Finished, (u32, u32)) {
    let out = folder.project().join("out.txt");
    let run = finish_with(command, STDIN);
    let owner = fs_err::metadata(&out).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    fs_err::remove_file(&out).expect("the file of this run");
    (run, (owner.uid(), owner.gid()))
}

/// The printed command in a shell, in the environment of another.
fn pasted(line: &str, example: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env_clear();
    shell.envs(example.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(example.get_current_dir().expect("a folder"));
    shell
}

/// Runs it and pastes it, as root or as a user, and compares all that both left.
fn same(folder: &Folder, user: Option<&User>, arguments: &[&str]) -> Value {
    let ours = |more: &[&str]| {
        let mut command = match user {
            Some(user) => folder.pyrun_as(user, []),
            None => folder.pyrun([]),
        };
        // The host's variables that some cases pass on.
        command.env("FROM_HERE", "of the host").args(more).args(["--tag", TAG]).args(arguments);
        command
    };
    let (run, owner) = left(folder, &mut ours(&[]));
    let dry = finish(&mut ours(&["--dry-run"]));
    assert_eq!((dry.code, dry.stderr.as_str()), (Some(0), ""));
    let shell = pasted(&dry.stdout, &ours(&[]));
    let mut shell = match user {
        Some(user) => user.run(&shell),
        None => shell,
    };
    let (paste, paste_owner) = left(folder, &mut shell);
    let told = |run: &Finished| {
        serde_json::from_str::<Value>(&run.stdout).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}\n{}\n{}\n{}", run.stdout, run.stderr, dry.stdout)
        })
    };
    let (run_told, paste_told) = (told(&run), told(&paste));
    assert_eq!(run_told, paste_told, "{arguments:?}: {}", dry.stdout);
    assert_eq!((run.code, owner), (paste.code, paste_owner), "{arguments:?}");
    assert_eq!(run.code, Some(3));
    assert_eq!(owner, user.map_or((0, 0), |user| (user.uid, user.gid)));
    run_told
}

/// The options whose effect a script can see.
const MATRIX: &[&[&str]] = &[
    &["tell.py"],
    &[
        "tell.py",
        "a b",
        "",
        "*",
        "$HOME",
        "it's",
        "\"q\"",
        "back\\slash",
        "line\nbreak",
        "#",
        "~",
        "!",
        "ü",
        "-q",
    ],
    &["-e", "A=it's \"quoted\" $HOME `id`\nsecond", "-e", "FROM_HERE", "-e", "PYTHON_VERSION", "tell.py"],
    &["--env-file", "vars.env", "-e", "B=over", "tell.py"],
    &["-e", "PATH=/usr/bin:/bin", "tell.py"],
    &["-w", "/", "tell.py"],
    &["-w", "sub", "tell.py"],
    &["-v", "./data:/data:ro", "tell.py"],
    &["--read-only", "tell.py"],
    &["--memory", "128m", "--cpus", "1.5", "--network", "none", "tell.py"],
    &["-m", "tell", "x"],
    &["-c", TELL, "x", "-y"],
    &["--", "-odd.py", "--tag", "x"],
    &["../elsewhere/tell.py", "x"],
];

fn prepared() -> Folder {
    let folder = Folder::new();
    folder.file("tell.py", TELL).file("-odd.py", TELL).file("../elsewhere/tell.py", TELL);
    folder
        .file("vars.env", "A=\"kept quotes\"\nB=under\nFROM_HERE\n")
        .file("data/in.txt", "")
        .file("sub/x", "");
    folder
}

#[test]
fn pasted_by_root_it_is_the_same() {
    let folder = prepared();
    for arguments in MATRIX {
        same(&folder, None, arguments);
    }
}

#[test]
fn pasted_by_a_user_it_is_the_same() {
    let Some(user) = User::of_the_bed() else { return };
    let folder = prepared();
    folder.hand_to(&user);
    for arguments in MATRIX {
        let told = same(&folder, Some(&user), arguments);
        assert_eq!(told["user"], user.name.as_str());
        assert_eq!(told["account"][2], user.uid, "an account, not only a number");
        assert_eq!(told["home"][1], true, "a home to write in");
    }
}

#[test]
fn a_folder_of_any_name_is_quoted() {
    let folder = Folder::new();
    let name = "it's a \"dir\" $HOME `x` é";
    folder.file(&format!("{name}/tell.py"), "import os\nprint(os.listdir('.'))\n");
    let mut dry = folder.pyrun(["--tag", TAG, "--dry-run", "tell.py"]);
    dry.current_dir(folder.project().join(name));
    let line = finish(&mut dry);
    assert_eq!(line.code, Some(0), "{}", line.stderr);
    let run = finish(&mut pasted(&line.stdout, &dry));
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "['tell.py']\n"), "{}", run.stderr);
}

#[test]
fn another_program_and_another_user_are_in_the_command() {
    let folder = Folder::new();
    folder.file("words.txt", "one two\n");
    for arguments in [
        &["--entrypoint", "cat", "words.txt"][..],
        &["--entrypoint", "/bin/sh", "-c", "id -u; id -g; exit 9"],
        &["-u", "1234:4321", "--entrypoint", "id"],
        &["-u", "games", "--entrypoint", "id"],
        &["--entrypoint", "/no/such"],
    ] {
        let run = finish(folder.pyrun(["--tag", TAG]).args(arguments));
        let dry = finish(folder.pyrun(["--tag", TAG, "--dry-run"]).args(arguments));
        let paste = finish(&mut pasted(&dry.stdout, &folder.pyrun([])));
        assert_eq!((run.code, run.stdout), (paste.code, paste.stdout), "{}", dry.stdout);
    }
}

#[test]
fn another_engine_is_in_the_command() {
    let (Some(podman), Some(_)) = (part("TESTBED_PODMAN"), part("TESTBED_DOCKER")) else { return };
    let folder = Folder::new();
    let chosen = finish(&mut folder.pyrun(["--tag", TAG, "--engine", &podman, "--dry-run", "-c", "pass"]));
    assert_eq!(chosen.code, Some(0), "{}", chosen.stderr);
    assert!(chosen.stdout.starts_with(&format!("docker --host {podman} run ")), "{}", chosen.stdout);
    let by_itself = finish(&mut folder.pyrun(["--tag", TAG, "--dry-run", "-c", "pass"]));
    assert!(by_itself.stdout.starts_with("docker run "), "{}", by_itself.stdout);
}

#[test]
fn nothing_is_created() {
    let folder = Folder::new();
    let now = || docker(["info", "--format", "{{.SystemTime}}"]).stdout.trim().to_owned();
    let since = now();
    let filter = format!("label=pyrun.folder={}", folder.project().display());
    let events = |until: &str| {
        docker([
            "events",
            "--since",
            &since,
            "--until",
            until,
            "--filter",
            &filter,
            "--format",
            "{{.Action}}",
        ])
        .stdout
    };
    let dry = finish(&mut folder.pyrun(["--tag", TAG, "--dry-run", "-c", "pass"]));
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert_eq!(events(&now()), "");
    // The same question about a run has an answer.
    assert_eq!(finish(&mut folder.pyrun(["--tag", TAG, "-c", "pass"])).code, Some(0));
    assert!(events(&now()).starts_with("create\n"));
    assert!(tests::eventually(std::time::Duration::from_secs(20), || containers_of(&folder).is_empty()));
}

#[test]
fn an_image_that_is_not_there_is_not_pulled() {
    let folder = Folder::new();
    let image = "127.0.0.1:5000/never/pulled:by-a-dry-run";
    let dry = finish(&mut folder.pyrun(["--image", image, "--dry-run", "tell"]));
    assert_eq!(dry.code, Some(127), "the script is looked for: {}", dry.stderr);
    let dry = finish(&mut folder.pyrun(["--image", image, "--dry-run", "-c", "pass"]));
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(dry.stdout.contains(image), "{}", dry.stdout);
    assert_ne!(docker(["image", "inspect", image]).code, Some(0));
}
