//! What is accepted as saying which packages are needed: groups, locks, private indexes, files of this machine, stdin.

use std::process::Command;

use tests::{Finished, Folder, HandMadeWheel, PackageIndex, TAG, finish, finish_with, uv, with_cargo};

const PASSWORD: &str = "s3cret/p@ss";
/// The same in an address.
const LOGIN: &str = "me:s3cret%2Fp%40ss";

/// An index of a few packages.
fn index(login: bool) -> PackageIndex {
    let wheels = [
        HandMadeWheel::new("demo", "1.0", &[]),
        HandMadeWheel::new("demo", "2.0", &["helper>=1"]),
        HandMadeWheel::new("helper", "1.0", &[]),
        HandMadeWheel::new("other", "1.0", &[]),
    ];
    PackageIndex::start(&wheels, login.then_some(("me", PASSWORD)))
}

/// The program, with this index for its only one.
fn pyrun<const N: usize>(folder: &Folder, uv: &str, index: &str, arguments: [&str; N]) -> Command {
    let mut command = folder.pyrun(arguments);
    command.env("PYIMAGE_UV", uv).env("UV_DEFAULT_INDEX", index).env("PIP_CONFIG_FILE", "/dev/null");
    command.env("UV_HTTP_RETRIES", "0").env("PYRUN_TAG", TAG);
    command
}

fn ran(run: &Finished, expected: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected), "{}", run.stderr);
}

fn failed(run: &Finished, parts: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "no {part:?} in {}", run.stderr);
    }
}

fn read(folder: &Folder, name: &str) -> String {
    fs_err::read_to_string(folder.project().join(name)).expect(name)
}

const SCRIPT: &str = "# /// script\n# dependencies = [\"demo\"]\n# ///\nimport demo\nprint(demo.version)\n";
const PROJECT: &str = "[project]\nname = 'thing'\nversion = '1'\ndependencies = ['demo<2']\n\
                       [project.optional-dependencies]\ncli = ['helper']\n[dependency-groups]\ndev = ['other']\n";
/// Which of the packages are there.
const WHICH: &str =
    "import importlib.util as u; print(*[n for n in ('demo', 'helper', 'other') if u.find_spec(n)])";

#[test]
fn groups_and_extras_of_a_project_are_had() {
    let Some(uv) = uv() else { return };
    let (folder, index) = (Folder::new(), index(false));
    folder.file("pyproject.toml", PROJECT);
    let which = |arguments: &[&str], expected: &str| {
        let mut command = pyrun(&folder, &uv, &index.url(), []);
        ran(&finish(command.args(arguments).args(["-c", WHICH])), expected);
    };
    which(&["-r", "pyproject.toml"], "demo\n");
    which(&["-r", "pyproject.toml", "--group", "dev"], "demo other\n");
    which(&["--group", "dev"], "other\n");
    which(&["--extra", "cli"], "demo helper\n");
    let mut by_variable = pyrun(&folder, &uv, &index.url(), ["-c", WHICH]);
    ran(&finish(by_variable.env("PYRUN_GROUPS", "dev")), "other\n");
    let unknown = finish(&mut pyrun(&folder, &uv, &index.url(), ["--group", "nosuch", "-c", WHICH]));
    failed(&unknown, &["could not resolve", "'nosuch' was not found"]);
    let nowhere = Folder::new();
    let run = finish(&mut pyrun(&nowhere, &uv, &index.url(), ["--group", "dev", "-c", WHICH]));
    failed(&run, &["no `pyproject.toml` above", "name one with `-r PATH/pyproject.toml`"]);

    // In Cargo.toml they are settings.
    folder.file("Cargo.toml", "[package]\nname = 'x'\nversion = '0.1.0'\nedition = '2024'\n[package.metadata.pyrun]\ngroups = ['dev']\n");
    folder.file("src/lib.rs", "");
    let mut command = pyrun(&folder, &uv, &index.url(), ["-c", WHICH]);
    ran(&finish(with_cargo(&mut command)), "other\n");
}

#[test]
fn a_lock_of_ours_is_written_followed_and_renewed() {
    let Some(uv) = uv() else { return };
    let (folder, index) = (Folder::new(), index(false));
    let older = SCRIPT.replace("demo\"", "demo<2\"");
    folder.file("my.books.py", &older);
    let run = |arguments: &[&str]| finish(pyrun(&folder, &uv, &index.url(), []).args(arguments));
    failed(&run(&["--locked", "my.books.py"]), &["there is no lock, and `--locked` wants one", "`--lock`"]);
    let first = run(&["--lock", "my.books.py"]);
    ran(&first, "1.0\n");
    assert!(first.stderr.contains("Locking pylock.my-books.toml"), "{}", first.stderr);
    let name = "pylock.my-books.toml";
    let lock = read(&folder, name);
    assert!(lock.contains("[tool.pyimage.inputs]\n\"my.books.py\" = "), "{lock}");
    fs_err::remove_file(folder.project().join(name)).expect("the lock");
    ran(&run(&["--lock", "my.books.py"]), "1.0\n");
    assert_eq!(read(&folder, name), lock, "the same, byte for byte");
    for options in [&["--locked"][..], &["--frozen"], &["--lock"], &["--offline"], &[]] {
        let quiet =
            finish(pyrun(&folder, "/none", "http://127.0.0.1:9/simple", []).args(options).arg("my.books.py"));
        ran(&quiet, "1.0\n");
        assert!(!quiet.stderr.contains("Locking"), "{}", quiet.stderr);
    }

    // What the script asks for changes, and what is locked still does.
    folder.file("my.books.py", &SCRIPT.replace("demo\"", "demo\", \"other\""));
    let stale = run(&["--locked", "my.books.py"]);
    failed(&stale, &["pylock.my-books.toml` is stale: `my.books.py` has changed", "renew it with `--lock`"]);
    ran(&run(&["--frozen", "my.books.py"]), "1.0\n");
    assert_eq!(read(&folder, name), lock);
    let renewed = run(&["my.books.py"]);
    ran(&renewed, "1.0\n");
    assert!(renewed.stderr.contains("is stale: `my.books.py` has changed"), "{}", renewed.stderr);
    assert!(read(&folder, name).contains("name = \"other\""));
    // Back again: what was made for the stale lock is no way around it.
    fs_err::write(folder.project().join(name), &lock).expect("the lock");
    failed(&run(&["--locked", "my.books.py"]), &["is stale"]);

    // More beside what is locked does not move it.
    let more = run(&["--frozen", "--with", "other", "-c", "1"]);
    failed(&more, &["there is no lock"]);
    ran(&run(&["my.books.py"]), "1.0\n");
    let lock = read(&folder, name);
    ran(&run(&["--with", "helper", "my.books.py"]), "1.0\n");
    failed(&run(&["--with", "demo==2.0", "my.books.py"]), &["demo==1.0", "demo==2.0"]);
    assert_eq!(read(&folder, name), lock);
}

#[test]
fn locks_of_others_count_as_they_are() {
    let Some(uv) = uv() else { return };
    let (folder, index) = (Folder::new(), index(false));
    folder.file("pyproject.toml", PROJECT).file("s.py", &SCRIPT.replace("demo\"", "demo<2\""));
    let entry = |name: &str| {
        let wheel = HandMadeWheel::new(name, "1.0", &[]);
        let url = format!("http://{}/files/{}", index.host(), wheel.file_name);
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1.0\"\nsource = {{ registry = \"{}\" }}\n\
             wheels = [{{ url = \"{url}\", hash = \"sha256:{}\" }}]\n\n",
            index.url(),
            wheel.sha256()
        )
    };
    let head = "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n";
    let thing = "[[package]]\nname = \"thing\"\nversion = \"1\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"demo\" }]\n\
                 [package.optional-dependencies]\ncli = [{ name = \"helper\" }]\n[package.dev-dependencies]\ndev = [{ name = \"other\" }]\n\
                 [package.metadata]\nrequires-dist = [{ name = \"demo\", specifier = \"<2\" }, { name = \"helper\", marker = \"extra == 'cli'\" }]\n\
                 provides-extras = [\"cli\"]\n[package.metadata.requires-dev]\ndev = [{ name = \"other\" }]\n";
    folder.file("uv.lock", &format!("{head}{}{}{}{thing}", entry("demo"), entry("helper"), entry("other")));
    let manifest = "[manifest]\nrequirements = [{ name = \"demo\", specifier = \"<2\" }]\n\n";
    folder.file("s.py.lock", &format!("{head}{manifest}{}", entry("demo")));
    let run = |uv: &str, arguments: &[&str]| {
        finish(pyrun(&folder, uv, "http://127.0.0.1:9/simple", []).args(arguments))
    };
    ran(&run(&uv, &["s.py"]), "1.0\n");
    for (arguments, expected) in [
        (&["-r", "uv.lock"][..], "demo\n"),
        (&["-r", "pyproject.toml", "--group", "dev"], "demo other\n"),
        (&["-r", "uv.lock", "--extra", "cli"], "demo helper\n"),
        (&["--frozen", "-r", "s.py.lock"], "demo\n"),
    ] {
        ran(&run(&uv, &[arguments, &["-c", WHICH]].concat()), expected);
        ran(&run("/none", &[arguments, &["-c", WHICH]].concat()), expected);
    }
    failed(
        &run(&uv, &["--lock", "-r", "pyproject.toml", "-c", "1"]),
        &["uv.lock` is the lock already", "`uv lock` renews it"],
    );
    failed(
        &run(&uv, &["-r", "uv.lock", "--group", "nosuch", "-c", "1"]),
        &["could not use the lock", "`nosuch`"],
    );

    // The standard's lock beside the script goes before uv's.
    let other = "lock-version = '1.0'\ncreated-by = 'me'\npackages = []\n";
    folder.file("pylock.s.toml", other);
    let run = run(&uv, &["s.py"]);
    assert!(run.code == Some(1) && run.stderr.contains("No module named 'demo'"), "{}", run.stderr);
}

#[test]
fn a_private_index_is_asked_with_its_login_which_nobody_else_hears_of() {
    let Some(uv) = uv() else { return };
    let (folder, index) = (Folder::new(), index(true));
    folder.file("s.py", SCRIPT);
    let conf = |text: &str| {
        fs_err::create_dir_all(folder.home().join(".config/pip")).expect("a folder");
        fs_err::write(folder.home().join(".config/pip/pip.conf"), text).expect("pip's file");
    };
    let plain = |arguments: &[&str]| {
        let mut command = folder.pyrun([]);
        command.env("PYIMAGE_UV", &uv).env("PYRUN_TAG", TAG).args(arguments);
        command
    };
    let leaks = |run: &Finished| {
        let files = folder.cached_files().into_iter().map(|file| folder.cache().join(file));
        // Links lead to folders, or somewhere in a container only.
        let files: Vec<_> = files.filter(|file| file.is_file()).collect();
        let texts: Vec<_> =
            files.iter().map(|file| fs_err::read(file).expect("a file of the cache")).collect();
        assert!(!texts.is_empty());
        for text in texts.iter().map(Vec::as_slice).chain([run.stdout.as_bytes(), run.stderr.as_bytes()]) {
            let text = String::from_utf8_lossy(text);
            assert!(!text.contains(PASSWORD) && !text.contains("s3cret"), "{text}");
        }
    };
    let nobody = finish(plain(&["--with", "demo", "-c", "1"]).env("UV_DEFAULT_INDEX", index.url()));
    failed(&nobody, &["demo was not found", &index.url(), "401"]);
    assert!(index.asked().is_empty());
    let wrong = index.url_as("me:s3cret-but-wrong");
    let refused = finish(plain(&["-vv", "--with", "demo", "-c", "1"]).env("UV_DEFAULT_INDEX", wrong));
    failed(&refused, &["demo was not found"]);
    leaks(&refused);

    conf(&format!("[global]\nindex-url = {}\n", index.url_as(LOGIN)));
    let run = finish(&mut plain(&["-vv", "--lock", "s.py"]));
    ran(&run, "2.0\n");
    leaks(&run);
    assert!(!read(&folder, "pylock.s.toml").contains("s3cret"));
    assert!(index.asked().iter().any(|path| path.starts_with("/files/demo-2.0")), "{:?}", index.asked());
    leaks(&finish(&mut plain(&["--dry-run", "s.py"])));

    // A broken file is told, and is no reason to fail; the login comes from netrc, the lock has the addresses.
    conf("index-url = nowhere\n");
    fs_err::write(folder.home().join(".netrc"), format!("machine 127.0.0.1 login me password {PASSWORD}\n"))
        .expect("netrc");
    fs_err::remove_dir_all(folder.cache()).expect("the cache");
    let run = finish(&mut plain(&["-vv", "s.py"]));
    ran(&run, "2.0\n");
    assert_eq!(run.stderr.matches("/.config/pip/pip.conf` are not used").count(), 1, "{}", run.stderr);
    leaks(&run);
    // A requirement can have it too.
    fs_err::remove_file(folder.home().join(".netrc")).expect("netrc");
    let url = format!("http://{LOGIN}@{}/files/other-1.0-py3-none-any.whl", index.host());
    let run = finish(&mut plain(&["-vv", "--with", &format!("other @ {url}"), "-c", "import other"]));
    ran(&run, "");
    leaks(&run);
}

#[test]
fn wheels_of_this_machine_are_had_by_content() {
    let Some(uv) = uv() else { return };
    let (folder, index) = (Folder::new(), index(false));
    let wheel = |requires: &[&str]| {
        let wheel = HandMadeWheel::new("local", "1.0", requires);
        fs_err::create_dir_all(folder.project().join("dist")).expect("a folder");
        fs_err::write(folder.project().join("dist").join(&wheel.file_name), wheel.bytes).expect("a wheel");
    };
    wheel(&[]);
    let path = "./dist/local-1.0-py3-none-any.whl";
    let all = "import importlib.util as u; print(*[n for n in ('local', 'helper') if u.find_spec(n)])";
    let run =
        |arguments: &[&str]| finish(pyrun(&folder, &uv, &index.url(), []).args(arguments).args(["-c", all]));
    ran(&run(&["--with", path]), "local\n");
    let url = format!("local @ file://{}/dist/local-1.0-py3-none-any.whl", folder.project().display());
    ran(&run(&["--with", &url]), "local\n");
    folder.file("sub/requirements.txt", &format!("{path}\n"));
    ran(&run(&["--lock", "-r", "sub/requirements.txt"]), "local\n");
    let lock = read(&folder, "sub/pylock.toml");
    assert!(lock.contains("path = \"../dist/local-1.0-py3-none-any.whl\""), "{lock}");
    ran(&run(&["--locked", "-r", "sub/requirements.txt"]), "local\n");
    // Another wheel under the same name.
    wheel(&["helper"]);
    ran(&run(&["--with", path]), "local helper\n");
    failed(
        &run(&["--locked", "-r", "sub/requirements.txt"]),
        &["is stale", "local-1.0-py3-none-any.whl` has changed"],
    );
    fs_err::remove_dir_all(folder.cache()).expect("the cache");
    failed(&run(&["--frozen", "-r", "sub/requirements.txt"]), &["is not the file that was locked"]);
    let file = format!("http://{}/files/other-1.0-py3-none-any.whl", index.host());
    ran(&run(&["--with", &file]), "\n");
}

#[test]
fn a_script_s_own_settings_of_uv_hold() {
    let Some(uv) = uv() else { return };
    let (folder, index) = (Folder::new(), index(false));
    let wheel = HandMadeWheel::new("demo", "7.0", &[]);
    fs_err::write(folder.root().join(&wheel.file_name), wheel.bytes).expect("a wheel");
    let script = |settings: &str| {
        format!(
            "# /// script\n# dependencies = [\"demo\"]\n{settings}# ///\nimport demo; print(demo.version)\n"
        )
    };
    let source = "# [tool.uv.sources]\n# demo = { path = \"../demo-7.0-py3-none-any.whl\" }\n";
    folder.file("source.py", &script(source));
    let url = index.url();
    let own = format!("# [[tool.uv.index]]\n# url = \"{url}\"\n# default = true\n");
    folder.file("index.py", &format!("\u{feff}{}", script(&own).replace('\n', "\r\n")));
    folder.file("limit.py", &script("# [tool.uv]\n# constraint-dependencies = [\"demo<2\"]\n"));
    for (name, expected) in [("source.py", "7.0\n"), ("limit.py", "1.0\n")] {
        ran(&finish(&mut pyrun(&folder, &uv, &url, [name])), expected);
    }
    let mut command = pyrun(&folder, &uv, &url, ["index.py"]);
    ran(
        &finish(command.env_remove("UV_DEFAULT_INDEX").env("PIP_INDEX_URL", "http://127.0.0.1:9/simple")),
        "2.0\n",
    );
}

#[test]
fn a_script_on_stdin_has_metadata_too() {
    let Some(uv) = uv() else { return };
    let (folder, index) = (Folder::new(), index(false));
    let run = |arguments: &[&str], text: &str| {
        finish_with(pyrun(&folder, &uv, &index.url(), []).args(arguments), text.as_bytes())
    };
    ran(&run(&["-"], SCRIPT), "2.0\n");
    ran(&run(&["-", "a"], "import sys\nprint(sys.argv)\n"), "['-', 'a']\n");
    let large = format!("x = '{}'\nprint(len(x))\n", "y".repeat(1 << 20));
    ran(&run(&["-"], &large), "1048576\n");
    failed(&run(&["-"], &SCRIPT.replace("# ///\n", "")), &["block at stdin:1 has no closing line"]);
    failed(&run(&["--lock", "-"], SCRIPT), &["there is nothing to lock"]);
    folder.file("two.py", &format!("{SCRIPT}\n{SCRIPT}"));
    failed(&run(&["two.py"], ""), &["there are two `script` blocks, at line 1 and line 7"]);
}

#[test]
fn what_cannot_be_resolved_is_explained() {
    let Some(uv) = uv() else { return };
    let (folder, index) = (Folder::new(), index(false));
    let run = |url: &str, arguments: &[&str]| {
        finish(pyrun(&folder, &uv, url, []).args(arguments).args(["-c", "1"]))
    };
    let told = run(&index.url(), &["--with", "demo>5"]);
    failed(&told, &["could not resolve the packages", "only demo<=2.0 is available"]);
    for hidden in ["lock-", "with.in", "/cache/", "python`"] {
        assert!(!told.stderr.contains(hidden), "{}", told.stderr);
    }
    let down = run("http://127.0.0.1:9/simple", &["--with", "demo"]);
    failed(&down, &["could not ask `http://127.0.0.1:9/simple` for `demo`", "`--offline`"]);
    failed(
        &run(&index.url(), &["--offline", "--with", "demo"]),
        &["you require demo", "network was disabled"],
    );
    // Cargo's own word for it.
    let mut command = pyrun(&folder, &uv, &index.url(), ["--with", "demo", "-c", "1"]);
    failed(&finish(command.env("CARGO_NET_OFFLINE", "true")), &["you require demo", "network was disabled"]);
    ran(&run(&index.url(), &["--with", "demo"]), "");
    // All of it is there now.
    ran(&run("http://127.0.0.1:9/simple", &["--with", "demo"]), "");
    ran(&run(&index.url(), &["--offline", "--with", "demo<=2"]), "");
    let lock = format!(
        "lock-version = '1.0'\ncreated-by = 'me'\n[[packages]]\nname = 'demo'\nversion = '3.0'\nwheels = [{{ url = \
         '{}/demo-3.0-py3-none-any.whl', hashes = {{ sha256 = '{}' }} }}]\n",
        index.url(),
        "ab".repeat(32)
    );
    folder.file("pylock.toml", &lock);
    let missing = "`demo-3.0-py3-none-any.whl` is not in the cache, and `--offline` is given";
    failed(&run(&index.url(), &["--offline", "-r", "pylock.toml"]), &[missing]);
}
