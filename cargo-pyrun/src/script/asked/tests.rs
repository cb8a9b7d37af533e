use super::*;
use crate::cli;

const CODE: &str = "print(1)";

/// What the command makes of these flags.
fn of_flags(flags: &[&str]) -> Request {
    let words = ["cargo-pyrun", "pyrun"].iter().chain(flags).chain(&["-c", CODE]);
    let args = cli::parse(words.map(Into::into)).expect("a command line");
    request::build(&args, &Project::default()).expect("a request").0
}

/// What a script in the same folder comes to.
fn of_script(script: Script) -> Request {
    prepare(&script.folder("."), None).expect("a request").request
}

/// All of it as text, but for signals, which a library leaves alone.
fn shown(request: Request) -> String {
    format!("{:#?}", Request { leaves_signals: false, ..request })
}

type Change = fn(Script) -> Script;

/// Flags of the command, and the methods that are the same.
const ALIKE: &[(&[&str], Change)] = &[
    (&["--tag", "3.12"], |script| script.tag("3.12")),
    (&["--image", "ghcr.io/me/python:1"], |script| script.image("ghcr.io/me/python:1")),
    (&["--python", "/opt/bin/python"], |script| script.python("/opt/bin/python")),
    (&["--python", "system"], |script| script.python("system")),
    (&["--platform", "linux/arm64"], |script| script.platform("linux/arm64")),
    (&["--pull", "always"], |script| script.pull("always")),
    (&["--pull", "never"], |script| script.pull("never")),
    (&["--with", "rich>=13", "--with", "idna"], |script| script.with("rich>=13").with("idna")),
    (&["--build-tag", "3.13-trixie"], |script| script.build_tag("3.13-trixie")),
    (&["--offline"], Script::offline),
    (&["-e", "YEAR=2026", "-e", "EMPTY="], |script| script.env("YEAR", "2026").env("EMPTY", "")),
    (&["--workdir", "data"], |script| script.workdir("data")),
    (&["--workdir", "/srv"], |script| script.workdir("/srv")),
    (&["-v", "/srv/data:/data"], |script| script.mount("/srv/data", "/data")),
    (&["-v", "/srv/data:/data:ro"], |script| script.mount_read_only("/srv/data", "/data")),
    (&["-v", "models:/models"], |script| script.volume("models:/models")),
    (&["-p", "127.0.0.1:8000:80", "-p", "53/udp"], |script| {
        script.publish("127.0.0.1:8000:80").publish("53/udp")
    }),
    (&["--network", "database"], |script| script.network("database")),
    (&["--network", "none"], Script::no_network),
    (&["--memory", "512m"], |script| script.memory("512m")),
    (&["--cpus", "1.5"], |script| script.cpus(1.5)),
    (&["--cpus", "2"], |script| script.cpus(2.0)),
    (&["--gpus", "all"], |script| script.gpus("all")),
    (&["--gpus", "device=0"], |script| script.gpus("device=0")),
    (&["--read-only"], Script::read_only),
    (&["--user", "1000:1000"], |script| script.user("1000:1000")),
    (&["--name", "nightly"], |script| script.name("nightly")),
    (&["--engine", "podman"], |script| script.engine("podman")),
];

#[test]
fn what_a_method_asks_for_is_what_the_command_s_option_does() {
    let plain = shown(of_flags(&[]));
    assert_eq!(shown(of_script(Script::code(CODE))), plain);
    for (flags, change) in ALIKE {
        let by_flags = shown(of_flags(flags));
        assert_ne!(by_flags, plain, "{flags:?} changes something");
        assert_eq!(shown(of_script(change(Script::code(CODE)))), by_flags, "{flags:?}");
    }
}

#[test]
fn what_a_method_refuses_is_what_the_command_refuses() {
    let refused: [(&[&str], Change); 5] = [
        (&["--cpus", "-1"], |script| script.cpus(-1.0)),
        (&["--memory", "lots"], |script| script.memory("lots")),
        (&["--gpus", ""], |script| script.gpus("")),
        (&["-p", "web"], |script| script.publish("web")),
        (&["--platform", "a/b/c/d"], |script| script.platform("a/b/c/d")),
    ];
    for (flags, change) in refused {
        let joined: Vec<_> = flags.chunks(2).map(|pair| pair.join("=")).collect();
        let words = ["cargo-pyrun", "pyrun"].into_iter().map(str::to_owned).chain(joined);
        let args = cli::parse(words.chain(["-c".to_owned(), CODE.to_owned()]).map(Into::into));
        let by_flags = request::build(&args.expect("a command line"), &Project::default());
        let by_script = prepare(&change(Script::code(CODE)), None);
        assert!(by_flags.is_err() && by_script.is_err(), "{flags:?}: {by_flags:?} {by_script:?}");
    }
}

#[test]
fn a_file_of_requirements_is_what_the_command_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("requirements.txt");
    fs_err::write(&file, "idna==3.10\n").expect("a file");
    let file = file.to_str().expect("a path in UTF-8");
    let by_script = of_script(Script::code(CODE).requirements(file));
    assert!(!by_script.dependencies.is_empty());
    assert_eq!(shown(by_script), shown(of_flags(&["-r", file])));
}

#[test]
fn a_relative_path_of_a_mount_starts_in_the_current_folder() {
    let here = env::current_dir().expect("a folder");
    let request = of_script(Script::code(CODE).mount("out", "/out").mount_read_only("in", "/in"));
    let here = here.display();
    assert_eq!(request.volumes, [format!("{here}/out:/out"), format!("{here}/in:/in:ro")]);
}
