//! Resolving requirements with uv, as a process: it is never linked, and never builds or downloads a Python.
//!
//! The result is a universal lock (PEP 751): every wheel of every package for every platform. Which of them an image
//! takes is decided by `pyimage-build`, not by uv, which knows neither armv7 nor s390x.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

use crate::cache::{Cache, CacheError};
use crate::dependencies::Need;

/// The uv that is installed where none is there.
pub const VERSION: &str = "0.13.9";
/// The variable that names another uv.
pub const VARIABLE: &str = "PYIMAGE_UV";

/// A uv that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uv {
    program: PathBuf,
}

/// Why requirements could not be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UvError {
    /// It cannot be started.
    #[error("could not start uv, `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It found no solution, or could not look for one.
    #[error("could not resolve the packages that are needed")]
    Resolve(#[source] UvSays),
    /// The folder for its work cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// What it wrote cannot be read.
    #[error("could not read what uv wrote, `{file}`")]
    Output {
        /// The file.
        file: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// uv's own explanation.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UvSays(String);

impl Uv {
    /// The one that `PYIMAGE_UV` names, the one on `PATH`, or the one that was installed before.
    #[must_use]
    pub fn find(cache: &Cache) -> Option<Self> {
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
        let program = named.or_else(on_path).or_else(|| {
            let installed = Self::installed(cache);
            installed.exists().then(|| installed.into_std_path_buf())
        })?;
        Some(Self { program })
    }

    /// Where the one is that we install.
    #[must_use]
    pub fn installed(cache: &Cache) -> Utf8PathBuf {
        cache.root().join("tools").join(format!("uv-{VERSION}")).join("bin/uv")
    }

    /// Resolves what is needed for this minor version of Python, on all platforms, into the text of a `pylock.toml`.
    ///
    /// # Errors
    /// Where uv cannot be started, or finds no solution.
    pub async fn lock(
        &self,
        needs: &[Need],
        python: (u32, u32),
        folder: &Path,
        cache: &Cache,
    ) -> Result<String, UvError> {
        let work = cache.folder("tools/work")?;
        let unusable = |source| UvError::Cache(cache.write_error(source));
        let temporary = tempfile::Builder::new().prefix("lock-").tempdir_in(&work).map_err(unusable)?;
        let here = Utf8Path::from_path(temporary.path()).unwrap_or(&work).to_owned();
        let interpreter = here.join("python");
        write_interpreter(&interpreter, python).map_err(unusable)?;
        let output = here.join("pylock.toml");

        let mut command = tokio::process::Command::new(&self.program);
        command.args(["pip", "compile", "--universal", "--no-build", "--no-python-downloads", "--no-header"]);
        command.args(["--quiet", "--color", "never", "--format", "pylock.toml", "--generate-hashes"]);
        command.args(["--python-version", &format!("{}.{}", python.0, python.1)]);
        command.arg("--python").arg(&interpreter).arg("--output-file").arg(&output);
        let mut single = String::new();
        for need in needs {
            match need {
                Need::Script(file) | Need::File(file) => {
                    command.arg(file);
                }
                Need::Requirement(text) => {
                    single.push_str(text);
                    single.push('\n');
                }
            }
        }
        if !single.is_empty() {
            let file = here.join("with.in");
            fs_err::write(&file, &single).map_err(unusable)?;
            command.arg(file);
        }
        command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        command.envs(settings_of_pip(&|name| std::env::var(name).ok()));
        let finished = command
            .output()
            .await
            .map_err(|source| UvError::Start { program: self.program.clone(), source })?;
        if !finished.status.success() {
            let says = String::from_utf8_lossy(&finished.stderr).trim().to_owned();
            return Err(UvError::Resolve(UvSays(says)));
        }
        fs_err::read_to_string(&output).map_err(|source| UvError::Output { file: output, source })
    }
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = if cfg!(windows) { "uv.exe" } else { "uv" };
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// pip's settings as uv's, where uv has none of its own: who set up pip for a private index means us too.
fn settings_of_pip(variable: &dyn Fn(&str) -> Option<String>) -> Vec<(&'static str, String)> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let mut settings = Vec::new();
    if set("UV_DEFAULT_INDEX").or_else(|| set("UV_INDEX_URL")).is_none()
        && let Some(index) = set("PIP_INDEX_URL")
    {
        settings.push(("UV_DEFAULT_INDEX", index));
    }
    if set("UV_INDEX").or_else(|| set("UV_EXTRA_INDEX_URL")).is_none()
        && let Some(extra) = set("PIP_EXTRA_INDEX_URL")
    {
        settings.push(("UV_EXTRA_INDEX_URL", extra));
    }
    if set("SSL_CERT_FILE").is_none()
        && let Some(bundle) = set("PIP_CERT").or_else(|| set("REQUESTS_CA_BUNDLE"))
    {
        settings.push(("SSL_CERT_FILE", bundle));
    }
    settings
}

/// uv refuses to work without a Python, and the host may have none. It asks one about itself and takes the answer for
/// it, so a script that gives the answer will do. Markers of a universal resolution do not depend on it.
fn write_interpreter(path: &Utf8Path, (major, minor): (u32, u32)) -> io::Result<()> {
    let (short, full) = (format!("{major}.{minor}"), format!("{major}.{minor}.0"));
    let library = format!("/usr/local/lib/python{short}");
    let packages = format!("{library}/site-packages");
    let program = format!("/usr/local/bin/python{short}");
    let answer = json!({
        "result": "success",
        "markers": {
            "implementation_name": "cpython", "implementation_version": full, "os_name": "posix",
            "platform_machine": "x86_64", "platform_python_implementation": "CPython", "platform_release": "",
            "platform_system": "Linux", "platform_version": "", "python_full_version": full,
            "python_version": short, "sys_platform": "linux",
        },
        "sys_base_prefix": "/usr/local", "sys_base_exec_prefix": "/usr/local", "sys_prefix": "/usr/local",
        "sys_base_executable": program, "sys_executable": program,
        "sys_path": [library, packages], "site_packages": [packages], "stdlib": library,
        "extension_suffixes": [".abi3.so", ".so"], "standalone": false,
        "scheme": {
            "platlib": packages, "purelib": packages, "include": format!("/usr/local/include/python{short}"),
            "scripts": "/usr/local/bin", "data": "/usr/local",
        },
        "virtualenv": {
            "purelib": format!("lib/python{short}/site-packages"),
            "platlib": format!("lib/python{short}/site-packages"),
            "include": format!("include/site/python{short}"), "scripts": "bin", "data": "",
        },
        "os": {"name": "manylinux", "major": 2, "minor": 41}, "arch": "x86_64", "manylinux_compatible": true,
        "gil_disabled": false, "debug_enabled": false, "cpu_info": {"unavailable": ""}, "pointer_size": "64",
    });
    fs_err::write(path, format!("#!/bin/sh\ncat <<'ANSWER'\n{answer}\nANSWER\n"))?;
    #[cfg(unix)]
    fs_err::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_s_settings_count_where_uv_has_none() {
        let with = |pairs: &'static [(&'static str, &'static str)]| {
            settings_of_pip(&|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(
            with(&[("PIP_INDEX_URL", "https://a.example/simple"), ("PIP_CERT", "/ca.pem")]),
            [
                ("UV_DEFAULT_INDEX", "https://a.example/simple".to_owned()),
                ("SSL_CERT_FILE", "/ca.pem".to_owned())
            ]
        );
        assert_eq!(
            with(&[("PIP_INDEX_URL", "https://a.example"), ("UV_INDEX_URL", "https://b.example")]),
            []
        );
    }
}
