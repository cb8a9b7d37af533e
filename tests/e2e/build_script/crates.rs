//! Crates with a build script that are made for a test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{Finished, finish};

/// The section of most of them.
pub(crate) const SECTION: &str = "[package.metadata.pyimage]\nsource = [\"app\"]\n";
/// Their build script.
pub(crate) const SCRIPT: &str = "fn main() {\n    pyimage_build::configure().compile_or_exit();\n}\n";
/// The generated module in a program.
pub(crate) const MODULE: &str =
    "mod pyimage {\n    include!(concat!(env!(\"OUT_DIR\"), \"/pyimage.rs\"));\n}\n";
/// A program that shows its assets.
pub(crate) const LISTING: &str = "fn main() {
    for asset in pyimage::ASSETS {
        println!(\"{} {}\", asset.path, asset.text().unwrap_or_default().trim_end());
    }
}
";

/// A crate, or a workspace of some, in a folder of its own.
///
/// The folder is the same in every run, and all of them have one target folder: the library is compiled once for all.
pub(crate) struct Crate {
    folder: PathBuf,
}

impl Crate {
    /// A workspace without anything in it.
    pub(crate) fn empty(name: &str) -> Self {
        let folder = shared().join(name);
        if folder.exists() {
            fs_err::remove_dir_all(&folder).expect("no folder of an earlier run");
        }
        let new = Self { folder };
        // The versions that are in the registry's cache.
        let locked = root().join("Cargo.lock");
        fs_err::create_dir_all(&new.folder).expect("a folder");
        fs_err::copy(locked, new.folder.join("Cargo.lock")).expect("versions");
        new
    }

    /// A crate with a build script, and two assets that it shows.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, "2021", SECTION)
    }

    pub(crate) fn with(name: &str, edition: &str, section: &str) -> Self {
        let new = Self::empty(name);
        new.package("", name, edition, section);
        let manifest = fs_err::read_to_string(new.path("Cargo.toml")).expect("a manifest");
        new.file("Cargo.toml", &format!("{manifest}\n[workspace]\n"))
    }

    /// A package in a folder of this one.
    pub(crate) fn package(&self, folder: &str, name: &str, edition: &str, section: &str) -> &Self {
        let at = |path: &str| if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.3.0\"\nedition = \"{edition}\"\ndescription = \"a\"\n\
             license = \"MIT\"\n\n{section}\n[build-dependencies]\npyimage-build = {{ path = {:?}, version = \"*\" }}\n",
            root().join("pyimage-build").display().to_string()
        );
        for (path, text) in [
            ("Cargo.toml", manifest.as_str()),
            ("build.rs", SCRIPT),
            ("src/main.rs", &format!("{MODULE}\n{LISTING}")),
            ("app/main.py", "print('hello')\n"),
            ("app/data.json", "{}\n"),
        ] {
            self.write(&at(path), text);
        }
        self
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs_err::write(path, text).expect("a file");
    }

    /// Cargo, as from a user's shell, without a network.
    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = cargo();
        command.args(arguments).arg("--offline").current_dir(&self.folder);
        command
    }

    /// Builds it, which has to work, and gives what cargo said.
    pub(crate) fn build(&self) -> String {
        let built = finish(&mut self.cargo(["build", "-v"]));
        assert_eq!(built.code, Some(0), "{}", built.stderr);
        built.stderr
    }

    /// Builds it, which has to fail, and gives the errors that cargo was told of.
    pub(crate) fn errors(&self) -> Vec<String> {
        let built = finish(&mut self.cargo(["build"]));
        assert_eq!(built.code, Some(101), "{}", built.stderr);
        let folder = self.folder.to_str().expect("UTF-8");
        let lines = built.stderr.lines().filter_map(|line| line.strip_prefix("error: "));
        lines.map(|line| line.replace(folder, "HERE")).collect()
    }

    /// The output of its program, whatever cargo says.
    pub(crate) fn run_with_warnings(&self) -> String {
        output(&mut self.cargo(["run", "-q"]))
    }

    /// The output of its program.
    pub(crate) fn run(&self) -> String {
        let ran = finish(&mut self.cargo(["run", "-q"]));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
        ran.stdout
    }

    /// All files in it, with their sizes and times.
    pub(crate) fn snapshot(&self) -> Vec<String> {
        let mut command = Command::new("find");
        command.arg(&self.folder).args(["-printf", "%P %s %T@ %m\n"]);
        let mut lines: Vec<_> = finish(&mut command).stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

/// The same command, where a folder is mounted so that nobody can write to it: a mode would not stop root. None where this
/// may not mount.
pub(crate) fn read_only(folder: &Path, command: &Command) -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        tests::skip("right to mount a folder");
        return None;
    }
    let script = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && cd \"$0\" && exec \"$@\"";
    let mut alone = Command::new("unshare");
    alone
        .args(["--mount", "sh", "-c", script])
        .arg(folder)
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => alone.env(name, value),
            None => alone.env_remove(name),
        };
    }
    Some(alone)
}

/// Whether cargo has run the build script of a package.
pub(crate) fn has_run(said: &str, package: &str) -> bool {
    let prefix = format!("debug/build/{package}-");
    said.lines().any(|line| line.contains(&prefix) && line.ends_with("/build-script-build`"))
}

/// Cargo without what the cargo that runs the tests has set.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let is_cargo_s = name.starts_with("CARGO") && !["CARGO_HOME"].contains(&name.as_str());
        if is_cargo_s
            || name.starts_with("PYIMAGE")
            || ["RUSTFLAGS", "DOCS_RS", "MAKEFLAGS"].contains(&&*name)
        {
            command.env_remove(name);
        }
    }
    command.env("CARGO_TARGET_DIR", shared().join("target")).env("CARGO_TERM_COLOR", "never");
    command.env("CARGO_PROFILE_DEV_DEBUG", "false").env("CARGO_INCREMENTAL", "0");
    command
}

/// A program of the target folder that they share.
pub(crate) fn built(name: &str) -> PathBuf {
    shared().join("target/debug").join(name)
}

/// The output of a program.
pub(crate) fn output(command: &mut Command) -> String {
    let Finished { code, stdout, stderr, .. } = finish(command);
    assert_eq!(code, Some(0), "{stderr}");
    stdout
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// The folder of all crates, and of what they share.
pub(crate) fn shared() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("build-script")
}
