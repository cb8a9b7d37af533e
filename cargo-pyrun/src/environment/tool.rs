//! uv, where the host has none: installed once, by the pip of the image that is at hand.

use std::io;

use crate::cache::{Cache, Work};
use crate::dependencies::Dependencies;
use crate::index::Indexes;
use crate::plan::{Program, Request};
use crate::shell::Shell;
use crate::uv::{self, Uv};

use super::EnvironmentError;

/// The uv to use.
pub(super) async fn uv(request: &Request, cache: &Cache, shell: &Shell) -> Result<Uv, EnvironmentError> {
    if let Some(uv) = Uv::find(cache) {
        return Ok(uv);
    }
    let failed = |source| EnvironmentError::NoUv { image: request.image.clone(), source };
    shell.status("Installing", format_args!("uv {}, once", uv::VERSION));
    let folder = cache.folder("tools/work")?;
    let target = Work::begin(&folder).map_err(failed)?;
    let of_pip = Indexes::from_env().for_pip();
    let pip = Request {
        program: Some(Program::Module("pip".to_owned())),
        arguments: [
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-cache-dir",
            "--no-compile",
            "--only-binary=:all:",
            "--target",
            "tool",
            &format!("uv=={}", uv::VERSION),
        ]
        .map(str::to_owned)
        .into(),
        folder: target.folder().into_std_path_buf(),
        // Root is who it is in the container, and nobody's system is at stake.
        env: of_pip
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Some(value)))
            .chain([("PIP_ROOT_USER_ACTION".to_owned(), Some("ignore".to_owned()))])
            .collect(),
        ..in_image(request)
    };
    let code = Box::pin(crate::run::run(&pip, shell, Some(cache))).await;
    match code {
        Ok(0) => {}
        Ok(code) => return Err(failed(io::Error::other(format!("pip ended with exit code {code}")))),
        Err(error) => return Err(failed(io::Error::other(error))),
    }
    let installed = Uv::installed(cache);
    let parent = installed.parent().and_then(camino::Utf8Path::parent).unwrap_or(&folder).to_owned();
    if let Err(error) = fs_err::rename(target.join("tool"), &parent)
        // Another process was faster.
        && !installed.exists()
    {
        return Err(failed(error));
    }
    Uv::find(cache).ok_or_else(|| failed(io::Error::from(io::ErrorKind::NotFound)))
}

/// A request for something of ours in the same image, that has nothing of the script's.
pub(super) fn in_image(request: &Request) -> Request {
    Request {
        program: None,
        arguments: Vec::new(),
        dependencies: Dependencies::default(),
        entrypoint: Some("/usr/local/bin/python".to_owned()),
        workdir: None,
        env: std::collections::BTreeMap::new(),
        volumes: Vec::new(),
        publish: Vec::new(),
        network: None,
        name: None,
        memory: None,
        nano_cpus: None,
        read_only: false,
        gpus: None,
        docker_socket: false,
        stdin: None,
        keep: false,
        timings: false,
        ..request.clone()
    }
}
