//! Packages: scripts that need some, against images that have them; installing them, against uv.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;

use super::Bench;
use super::measure::{peak_memory, seconds};
use super::script::{IMAGE, TAG};
use super::table::{Row, Section};
use crate::{process, say, work};

const FORTY: &str = include_str!("forty.txt");
/// The uv that `cargo pyrun` installs too.
const UV: &str = "uv==0.13.9";

const SCRIPT: &str = "\
# /// script
# dependencies = [\"requests==2.34.2\", \"rich==15.0.0\"]
# ///
import requests, rich.console
rich.console.Console(file=open('/dev/null', 'w')).print(requests.__version__)
";

const FRAMES: &str = "\
# /// script
# dependencies = [\"numpy==2.5.5\", \"pandas==3.1.1\"]
# ///
import numpy, pandas
";

/// Two wheels, of 3 MB and of 300 MB, of bytes that do not compress.
const WHEELS: &str = "\
import hashlib, base64, os, zipfile
def digest(data):
    return 'sha256=' + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()
for name, files in ('small', 1), ('large', 100):
    record = []
    info = f'{name}-1.0.dist-info'
    with zipfile.ZipFile(f'{name}-1.0-py3-none-any.whl', 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
        def add(path, data):
            wheel.writestr(path, data)
            record.append(f'{path},{digest(data)},{len(data)}')
        for number in range(files):
            add(f'{name}/{number}.bin', os.urandom(3_000_000))
        add(f'{name}/__init__.py', b'')
        add(f'{info}/METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n'.encode())
        add(f'{info}/WHEEL', b'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        wheel.writestr(f'{info}/RECORD', '\\n'.join(record + [f'{info}/RECORD,,']) + '\\n')
";

const INTRO: &str = "Scripts with packages, timed as above. The images that they are compared with are made by a Dockerfile from the same
base: `RUN pip install requests rich`, and `RUN pip install --no-cache-dir --no-compile numpy pandas`. Installing is
compared with `uv pip install` of the same lock, both from caches that have all of it, into a new environment.";

const NOTES: &str = "\
- The first run of a script with new packages resolves, fetches and unpacks them; these rows are about all others.
- `pip install` at each start loads from its index again, over the network that the machine has.
- 40 wheels are about 9,000 files, which both link from their caches. Ours are in the cache with their bytecode, which
  is linked too, by folders. `uv` compiles none by default.
- The row of 40 wheels is timed by an example program of the library, `install`, without an engine.
- The last row is the ratio of peaks of the whole process, with a wheel of 300 MB and with one of 3 MB.";

/// Measures all of it.
pub(super) fn section(bench: &Bench) -> Result<Section> {
    let packages = Packages { bench, folder: bench.folder.path().join("packages") };
    fs::create_dir_all(&packages.folder)?;
    fs::write(packages.folder.join("web.py"), SCRIPT)?;
    fs::write(packages.folder.join("frames.py"), FRAMES)?;
    Ok(Section {
        title: "Packages",
        intro: INTRO,
        columns: ["`cargo pyrun`", "the peer"],
        rows: vec![
            packages.preinstalled()?,
            packages.at_each_start()?,
            packages.frames()?,
            packages.forty()?,
            packages.memory()?,
        ],
        notes: NOTES,
    })
}

struct Packages<'a> {
    bench: &'a Bench,
    folder: PathBuf,
}

impl Packages<'_> {
    fn preinstalled(&self) -> Result<Row> {
        let name = "requests and rich, warm, against an image that has both";
        say::status("Measuring", name);
        let image = self.image("web", &["requests==2.34.2", "rich==15.0.0"], "")?;
        let pair = self.bench.interleave(
            || seconds(&mut self.pyrun("web.py")),
            || seconds(self.docker().arg(&image).args(["python", "web.py"])),
        )?;
        Ok(Row::ratio(name, &pair, Some(1.00)))
    }

    fn at_each_start(&self) -> Result<Row> {
        let name = "the same, against `pip install` at each start";
        say::status("Measuring", name);
        let install =
            "pip install -q --root-user-action=ignore requests==2.34.2 rich==15.0.0 && python web.py";
        let pair = self.bench.interleave(
            || seconds(&mut self.pyrun("web.py")),
            || seconds(self.docker().args(network()).arg(IMAGE).args(["sh", "-c", install])),
        )?;
        Ok(Row::ratio(name, &pair, Some(0.15)))
    }

    fn frames(&self) -> Result<Row> {
        let name = "numpy and pandas imported, warm, against an image without bytecode";
        say::status("Measuring", name);
        let image =
            self.image("frames", &["numpy==2.5.5", "pandas==3.1.1"], "--no-cache-dir --no-compile")?;
        let pair = self.bench.interleave(
            || seconds(&mut self.pyrun("frames.py")),
            || seconds(self.docker().arg(&image).args(["python", "frames.py"])),
        )?;
        Ok(Row::ratio(name, &pair, Some(0.50)))
    }

    fn forty(&self) -> Result<Row> {
        let name = "40 wheels installed from the cache";
        say::status("Measuring", name);
        let uv = self.uv()?;
        let python = self.interpreter()?;
        fs::write(self.folder.join("forty.in"), FORTY)?;
        let uv_cache = self.folder.join("uv-cache");
        let of_uv = |arguments: &[&str]| {
            let mut command = self.bench.clean(&uv);
            command.args(arguments).arg("--python").arg(&python).env("UV_CACHE_DIR", &uv_cache);
            command.env("UV_NO_PROGRESS", "1").current_dir(&self.folder);
            command
        };
        process::read(&mut of_uv(&[
            "pip",
            "compile",
            "-q",
            "--no-deps",
            "--no-build",
            "--python-version",
            "3.13",
            "--universal",
            "--format",
            "pylock.toml",
            "-o",
            "pylock.toml",
            "forty.in",
        ]))?;
        // Both caches are filled by their own programs.
        process::read(self.pyrun_command().args(["-r", "pylock.toml", "-c", "pass"]))?;
        let environments = self.bench.folder.path().join("cache/environments");
        let program = self.bench.binaries.join("examples/install");
        let install = || {
            if environments.exists() {
                fs::remove_dir_all(&environments)?;
            }
            settle()?;
            let mut command = self.bench.clean(&program);
            command.args(["pylock.toml", "3.13.5", "linux/amd64"]).current_dir(&self.folder);
            seconds(&mut command)
        };
        let prefix = self.folder.join("prefix");
        let install_by_uv = || {
            if prefix.exists() {
                fs::remove_dir_all(&prefix)?;
            }
            settle()?;
            let mut command =
                of_uv(&["pip", "install", "-q", "--no-deps", "--preview", "--offline", "-r", "pylock.toml"]);
            seconds(command.arg("--prefix").arg(&prefix))
        };
        process::read(
            of_uv(&["pip", "install", "-q", "--no-deps", "--preview", "-r", "pylock.toml"])
                .arg("--prefix")
                .arg(&prefix),
        )?;
        let pair = self.bench.interleave(install, install_by_uv)?;
        Ok(Row::ratio(name, &pair, Some(1.00)))
    }

    fn memory(&self) -> Result<Row> {
        let name = "peak memory, a wheel of 300 MB against one of 3 MB";
        say::status("Measuring", name);
        process::read(self.pyrun_command().args(["-c", WHEELS]))?;
        let mut peaks = Vec::new();
        for wheel in ["small", "large"] {
            let file = format!("{wheel}-1.0-py3-none-any.whl");
            let path = self.folder.join(&file);
            let digest = process::read(process::command("sha256sum").arg(&path))?;
            let digest = digest.split(' ').next().context("sha256sum says nothing")?;
            let lock = format!(
                "lock-version = \"1.0\"\ncreated-by = \"bench\"\n[[packages]]\nname = \"{wheel}\"\nversion = \"1.0\"\n\
                 wheels = [{{ path = \"{file}\", hashes = {{ sha256 = \"{digest}\" }} }}]\n"
            );
            fs::write(self.folder.join(format!("pylock.{wheel}.toml")), lock)?;
            let lock = format!("pylock.{wheel}.toml");
            peaks.push(peak_memory(self.pyrun_command().args(["-r", &lock, "-c", "pass"]))?);
        }
        Ok(Row::of_memory(name, peaks[1], peaks[0], 1.25))
    }

    fn pyrun(&self, script: &str) -> Command {
        let mut command = self.bench.clean("cargo");
        command.args(["pyrun", "--tag", TAG, script]).current_dir(&self.folder);
        command
    }

    fn pyrun_command(&self) -> Command {
        let mut command = self.bench.clean(self.bench.binaries.join("cargo-pyrun"));
        command.args(["--tag", TAG]).current_dir(&self.folder);
        command
    }

    fn docker(&self) -> Command {
        let mut command = self.bench.clean("docker");
        let mount = format!("{}:/usr/src/myapp", self.folder.display());
        command.args(["run", "--rm", "-v", &mount, "-w", "/usr/src/myapp"]);
        command
    }

    /// An image with packages, by a Dockerfile. Their wheels are fetched before: a build has no way to an index where
    /// the machine's certificates are not those of the image.
    fn image(&self, name: &str, packages: &[&str], options: &str) -> Result<String> {
        let context = self.folder.join(format!("image-{name}"));
        fs::create_dir_all(context.join("wheels"))?;
        let mut download = self.pyrun_command();
        download.args(["-m", "pip", "download", "-q", "-d", "wheels"]).args(packages).current_dir(&context);
        process::read(&mut download)?;
        let packages = packages.join(" ");
        let dockerfile = format!(
            "FROM {IMAGE}\nCOPY wheels /wheels\nRUN pip install {options} --no-index --find-links /wheels {packages}\n"
        );
        fs::write(context.join("Dockerfile"), dockerfile)?;
        let image = format!("pyrun-bench-{name}");
        let mut build = process::command("docker");
        process::read(build.args(["build", "-q", "-t", &image]).arg(&context).env("DOCKER_BUILDKIT", "0"))?;
        Ok(image)
    }

    /// uv, from the cache of `cargo pyrun`, which has installed it for the rows before.
    fn uv(&self) -> Result<PathBuf> {
        let tools = self.bench.folder.path().join("cache/tools");
        let name = format!("uv-{}/bin/uv", UV.trim_start_matches("uv=="));
        let installed = tools.join(name);
        if installed.exists() {
            return Ok(installed);
        }
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join("uv"))
            .find(|path| path.is_file());
        found.context("no uv: neither installed by `cargo pyrun` nor on PATH")
    }

    /// What uv takes for a Python 3.13 on Debian 13: the machine may have another, or none.
    fn interpreter(&self) -> Result<PathBuf> {
        let path = self.folder.join("python3.13");
        let answer = include_str!("interpreter.json");
        fs::write(&path, format!("#!/bin/sh\ncat <<'ANSWER'\n{}\nANSWER\n", answer.replace('\n', " ")))?;
        set_executable(&path)?;
        Ok(path)
    }
}

/// What `pip` in a container needs for the machine's own way to an index.
fn network() -> Vec<String> {
    let mut options = Vec::new();
    for (name, value) in std::env::vars() {
        let lower = name.to_ascii_lowercase();
        if lower.ends_with("_proxy") || matches!(name.as_str(), "PIP_INDEX_URL" | "PIP_EXTRA_INDEX_URL") {
            options.extend(["-e".to_owned(), format!("{name}={value}")]);
        }
    }
    if let Ok(bundle) = std::env::var("PIP_CERT").or_else(|_| std::env::var("SSL_CERT_FILE")) {
        options.extend([
            "-v".to_owned(),
            format!("{bundle}:/ca.pem:ro"),
            "-e".to_owned(),
            "PIP_CERT=/ca.pem".to_owned(),
        ]);
    }
    options
}

/// Has the file system finish what removing thousands of links left it to do: it would be counted to whoever is next.
fn settle() -> Result<()> {
    process::read(&mut process::command("sync")).map(drop)
}

fn set_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Removes what the section has left in the engine.
pub(super) fn clean_up() {
    for image in ["pyrun-bench-web", "pyrun-bench-frames"] {
        process::succeeds(process::command("docker").args(["image", "rm", image]));
    }
}

/// Builds the program that installs.
pub(super) fn build() -> Result<()> {
    process::show(work::cargo().args([
        "build",
        "--release",
        "--package",
        "cargo-pyrun",
        "--example",
        "install",
    ]))
}
