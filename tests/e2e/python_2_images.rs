//! Images of Python 2 that have packages, as its pip would have put them there.

use std::process::Command;

use tests::{Finished, HandMadeWheel, PackageIndex, Setting, WheelHost, finish, part, uv, with_cargo};

use crate::images::{failed, platform, succeeded};

const MAIN: &str = "import demo, os, subprocess, sys, tool\n\
    site = os.path.dirname(demo.__file__)\n\
    print 'Python %d.%d' % sys.version_info[:2], demo.version, site\n\
    print sorted(name for name in os.listdir(site) if name[:4] in ('demo', 'tool') and name[-1] != 'c')\n\
    sys.stdout.flush()\n\
    subprocess.check_call(['tool', 'x'])\n\
    subprocess.check_call(['pip', '--disable-pip-version-check', '-q', 'check'])\n";

/// A package with a program.
fn tool() -> HandMadeWheel {
    let files = [
        ("tool.py", "import sys\ndef main():\n    print 'tool', sys.argv[1:], sys.version_info[0]\n"),
        ("tool-1.0.dist-info/entry_points.txt", "[console_scripts]\ntool = tool:main\n"),
        ("tool-1.0.data/scripts/old", "#!python -E\nprint 'old'\n"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).to_vec();
    HandMadeWheel::with_files("tool", "1.0", &["demo"], files).for_python_2_too()
}

fn demo() -> HandMadeWheel {
    HandMadeWheel::new("demo", "1.0", &[]).for_python_2_too()
}

/// A project on the bed's image of Python 2. What it loads goes with it.
struct Project<'a> {
    setting: &'a Setting,
    index: PackageIndex,
    uv: String,
    name: String,
}

impl<'a> Project<'a> {
    fn new(setting: &'a Setting, keys: &str) -> Option<Self> {
        let (uv, _) = (uv()?, part("TESTBED_REGISTRY")?);
        if setting.cli(["image", "inspect", "python:2.7-slim"]).code != Some(0) {
            tests::skip("image python:2.7-slim");
            return None;
        }
        let compiled = HandMadeWheel::new("compiled", "1.0", &[]).only_for("win_amd64");
        let index = PackageIndex::start(&[demo(), tool(), compiled.for_python_2_too()], None);
        let unique = setting.folder.root().file_name()?.to_string_lossy().to_lowercase();
        let name = format!("pyimage-test/{unique}");
        let manifest = format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[package.metadata.pyimage]\n\
             tag = \"2.7-slim\"\nplatforms = [\"{}\"]\nname = \"{name}\"\nsource = [\"main.py\"]\n\
             entrypoint = [\"python\", \"main.py\"]\n{keys}",
            platform()
        );
        setting.folder.file("Cargo.toml", &manifest).file("src/lib.rs", "").file("main.py", MAIN);
        Some(Self { setting, index, uv, name })
    }

    fn run(&self, words: &[&str]) -> Finished {
        let mut command = self.setting.folder.pyimage([]);
        command.args(words).env("DOCKER_HOST", self.setting.address()).env("PYIMAGE_UV", &self.uv);
        command.env("UV_DEFAULT_INDEX", self.index.url()).env("PIP_CONFIG_FILE", "/dev/null");
        with_cargo(&mut command);
        finish(&mut command)
    }

    /// Its program, as it has to run.
    fn runs(&self) {
        let run = self.run(&["run"]);
        let expected = "Python 2.7 1.0 /usr/local/lib/python2.7/site-packages\n\
                        ['demo-1.0.dist-info', 'demo.py', 'tool-1.0.dist-info', 'tool.py']\n\
                        tool ['x'] 2\n";
        assert_eq!(succeeded(&run), expected, "{}", run.stderr);
    }

    /// The text of a file in its image.
    fn text(&self, path: &str) -> String {
        let image = format!("{}:latest", self.name);
        let mut cat = Command::new("docker");
        cat.args(["run", "--rm", "--entrypoint", "cat", &image, path]);
        succeeded(&finish(cat.env("DOCKER_HOST", self.setting.address()))).to_owned()
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        let _ = self.setting.cli(["rmi", "-f", &format!("{}:latest", self.name)]);
    }
}

#[test]
fn packages_of_python_2_are_locked_and_put_where_it_looks_for_them() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(project) = Project::new(&setting, "requirements = \"requirements.txt\"\n") else { return };
    setting.folder.file("requirements.txt", "tool\n");
    succeeded(&project.run(&["lock"]));
    let lock = fs_err::read_to_string(setting.folder.project().join("pylock.toml")).expect("a lock");
    assert!(lock.contains("demo-1.0-py2.py3-none-any.whl"), "{lock}");
    project.runs();
    // What has been locked is built again without anybody.
    succeeded(&project.run(&["build", "--no-load", "--frozen"]));

    // As the last pip for it writes it; that of the bed's image has empty lines and a question mark more.
    let wheel = tool();
    let file = setting.folder.project().join(&wheel.file_name);
    fs_err::write(&file, &wheel.bytes).expect("a wheel");
    let folder = setting.folder.project().display().to_string();
    let install = format!(
        "pip install -q --no-deps --no-index --disable-pip-version-check /wheels/{} && cd /usr/local/bin && \
         cat tool && echo --- && cat old && echo --- && stat -c '%a %n' tool",
        wheel.file_name
    );
    let volume = format!("{folder}:/wheels");
    let mut pip = Command::new("docker");
    pip.args(["run", "--rm", "--network", "none", "-v", &volume, "python:2.7-slim", "sh", "-c", &install]);
    let by_pip = finish(pip.env("DOCKER_HOST", setting.address()));
    let by_pip = succeeded(&by_pip).replace("\n\n", "\n").replace("pyw?", "pyw");
    let [tool, old] = ["tool", "old"].map(|name| project.text(&format!("/usr/local/bin/{name}")));
    assert_eq!(by_pip, format!("{tool}---\n{old}---\n755 tool\n"));
}

#[test]
fn a_lock_for_python_2_may_be_written_by_hand() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(project) = Project::new(&setting, "pylock = \"pylock.toml\"\n") else { return };
    let host = WheelHost::of(vec![demo(), tool()]);
    setting.folder.file("pylock.toml", &host.lock(&["demo", "tool"]));
    project.runs();
}

#[test]
fn what_has_no_wheel_for_python_2_is_told_when_it_is_locked() {
    let Some(setting) = Setting::docker_of_root() else { return };
    let Some(project) = Project::new(&setting, "requirements = \"requirements.txt\"\n") else { return };
    setting.folder.file("requirements.txt", "compiled\n");
    failed(
        &project.run(&["lock"]),
        &[
            "could not lock packages in `pylock.toml`",
            "some packages have no wheel for Python 2.7, and uv builds nothing for Python 2",
            "help: ask for versions that have wheels for it",
            "`pylock = \"pylock.toml\"` in place of `requirements`",
            "`cargo pyimage build --builder dockerfile`",
        ],
    );
}
